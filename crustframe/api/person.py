"""``POST /person/enrich``: up to 25 identifiers of one kind become one request body. Seeds 000, 001, 003."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from crustframe import contract
from crustframe.api import options
from crustframe.errors import ResponseError
from crustframe.fields import DEFAULT_FIELDS, Catalogue, Keep, Path, catalogue, requested_groups
from crustframe.people.identifiers import Identifier
from crustframe.people.records import Answer, Employer, Evidence, decode, read_answer

if TYPE_CHECKING:
    from crustframe.http.transport import Exchange, Transport

ENDPOINT: Final = contract.PERSON_ENRICH_PATH
_DOMAIN: Final = "company_website_domain"


@dataclass(frozen=True, slots=True)
class Options(options.Options):
    """The current surface."""

    path = ENDPOINT
    api_version = contract.API_VERSION
    default_fields = DEFAULT_FIELDS

    @staticmethod
    def catalogue() -> Catalogue:
        """Return the paths of ``person_data``."""
        return catalogue()

    @staticmethod
    def requested_groups(paths: Sequence[Path], keep: Keep) -> frozenset[str]:
        """Return the groups to ask for: the base credit covers every base-priced one."""
        return requested_groups(paths, keep)

    @staticmethod
    def evidence(person_data: Mapping[str, Any]) -> Evidence:
        """Return what ``person_data`` says about who it is."""
        jobs = _at(person_data, "experience", "employment_details")
        contact = _at(person_data, "contact")
        mails = [*_listed(contact.get("business_emails")), *_listed(contact.get("personal_emails"))]
        return Evidence(
            name=_at(person_data, "basic_profile").get("name"),
            profile_url=_at(person_data, "social_handles", "professional_network_identifier").get("profile_url"),
            current=_employers(jobs.get("current")),
            past=_employers(jobs.get("past")),
            addresses=frozenset(_text(mail, "email").lower() for mail in mails),
        )

    @property
    def prices(self) -> Mapping[str, float]:
        """Credits of one matched person, part by part; the vendor's cap shows as a negative part."""
        if self.is_preview:
            return {"preview": 0.0}
        add_ons = {group: price for group, price in contract.ADD_ON_PRICES.items() if group in self.groups}
        parts = {"base": contract.BASE_PRICE, **add_ons}
        cap = contract.price_of(self.groups) - sum(parts.values())
        return parts | ({"cap": cap} if cap else {})

    def asked_of(self, identifiers: Sequence[Identifier]) -> Mapping[str, Any]:
        """Return the body that asks about `identifiers`."""
        return _body(identifiers, self)

    def send(self, transport: Transport, identifiers: Sequence[Identifier]) -> Exchange:
        """Ask about `identifiers`, all of one kind, once."""
        body = orjson.dumps(self.asked_of(identifiers))
        return transport.post(self.path, body, takes_s=self.seconds_for(len(identifiers)))

    @staticmethod
    def is_answer(exchange: Exchange, identifiers: Sequence[Identifier]) -> bool:
        """Tell whether the exchange says something about every identifier."""
        return exchange.status == 200 or (exchange.status == 404 and _says_nobody(exchange.body))

    def read(self, body: bytes, identifiers: Iterable[Identifier], *, credits: float | None) -> Answer:
        """Read a 200, or the older 404 for "nobody matched"."""
        asked = tuple(identifiers)
        if not credits and _says_nobody(body):
            return Answer(matches={identifier.key: [] for identifier in asked})
        return read_answer(body, asked, credits=credits)


def _says_nobody(body: bytes) -> bool:
    """Tell the API's own 404 for "nobody matched" from that of a proxy or of a path that is not served."""
    if not body.lstrip().startswith(b"{"):
        return False
    try:
        answer = decode(body)
    except ResponseError:
        return False
    error = answer.get("error") if isinstance(answer, dict) and answer.keys() == {"error"} else None
    return isinstance(error, dict) and error.get("type") == "not_found" and "message" in error and "metadata" in error


def _at(value: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    found: Any = value
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _listed(items: object) -> list[Mapping[str, Any]]:
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _employers(jobs: object) -> tuple[Employer, ...]:
    return tuple(Employer(_text(job, "name"), tuple(filter(None, [_text(job, _DOMAIN)]))) for job in _listed(jobs))


def _text(job: Mapping[str, Any], key: str) -> str:
    found = job.get(key)
    return found if isinstance(found, str) else ""


def request_body(identifiers: Sequence[Identifier], options: Options) -> bytes:
    """Return the JSON body that asks for `identifiers`, all of one kind."""
    return orjson.dumps(_body(identifiers, options))


def _body(identifiers: Sequence[Identifier], options: Options) -> dict[str, Any]:
    kind = identifiers[0].kind
    body: dict[str, Any] = {contract.REQUEST_KEYS[kind]: [identifier.text for identifier in identifiers]}
    if options.is_preview:
        body["preview"] = True
    else:
        body["fields"] = sorted(options.groups)
    if options.min_similarity_score is not None and kind == contract.BUSINESS_EMAIL:
        body["min_similarity_score"] = options.min_similarity_score
    if options.force_fetch:
        body["force_fetch"] = True
    if options.enrich_realtime:
        body["enrich_realtime"] = True
    return body
