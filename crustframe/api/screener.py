"""``GET /screener/person/enrich``, the legacy surface. Seed 002.

Profile URLs go 25 to a request and are joined by the slug that every object repeats. E-mails go one to a request:
no documented key says which address an object is about, and order is not promised.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from crustframe import contract
from crustframe.api import options
from crustframe.errors import ResponseError, SettingError
from crustframe.fields import Catalogue, Field, Keep, Path, needed_groups, read_field
from crustframe.people.identifiers import CANONICAL_URL, Identifier, read_identifiers
from crustframe.people.records import Answer, Employer, Evidence, decode

if TYPE_CHECKING:
    from crustframe.http.transport import Exchange, Transport

ENDPOINT: Final = contract.SCREENER_ENRICH_PATH
AUTH_SCHEME: Final = "Token"  # seed: Authorization: Token $auth

BASE: Final = frozenset({"basic_profile", "profile"})
"""What the base price covers: the part that a preview shows, and the rest."""
_EMAIL: Final = "business_email"
_EMAIL_ALONE: Final = frozenset({_EMAIL})
_SOCIETIES: Final = "education_background.activities_and_societies"
_NEVER_NAMED: Final = frozenset({"enriched_realtime", "query_linkedin_profile_urn_or_slug", "score"})

_REASONS: Final = {"PE02": "server_error", "PE03": "queued", "PE04": "unreadable"}
_NOBODY: Final = "PE01"
_CODES_BY_TEXT: Final = {  # seed: the words of each; what only says that no data was found is PE01
    "enriched shortly": "PE03",
    "Internal system error while processing profile": "PE02",
    "Unable to process LinkedIn profile data": "PE04",
    "No data found": _NOBODY,
}


@dataclass(frozen=True, slots=True)
class Options(options.Options):
    """The legacy surface: 3 credits a person, 5 in real time, 2 for business e-mails, or 2 for those alone."""

    path = ENDPOINT
    api_version = "screener"  # the surface has no version header
    default_fields = ("name", "headline", "title", "current_employers.employer_name", "location")
    slow_s = contract.SCREENER_S
    retirement = (
        f"the vendor serves {ENDPOINT} no longer than {contract.SCREENER_RETIRED_ON}; the current surface costs 1 "
        "credit a person: `crustframe fields --legacy NAME` names its paths, `crustframe migrate` renames old columns"
    )

    @staticmethod
    def catalogue() -> Catalogue:
        """Return the paths of a legacy profile."""
        return catalogue()

    @staticmethod
    def requested_groups(paths: Sequence[Path], keep: Keep) -> frozenset[str]:
        """Return the groups to ask for; business e-mails alone stay alone, since that is the cheaper call."""
        needed = needed_groups(paths)
        return needed if keep == "asked" or needed == _EMAIL_ALONE else needed | BASE

    @staticmethod
    def evidence(person_data: Mapping[str, Any]) -> Evidence:
        """Return what a legacy profile says about who it is."""
        current, past = _listed(person_data.get("current_employers")), _listed(person_data.get("past_employers"))
        personal = person_data.get("personal_contact_info")
        mails = [person_data.get("business_email"), *(job.get("business_emails") for job in current + past)]
        mails += [personal.get("personal_emails")] if isinstance(personal, dict) else []
        return Evidence(
            name=person_data.get("name"),
            profile_url=person_data.get("linkedin_flagship_url"),
            current=tuple(map(_employer, current)),
            past=tuple(map(_employer, past)),
            addresses=frozenset(text.lower() for mail in mails for text in _texts(mail)),
        )

    def check(self) -> None:
        """Refuse ``force_fetch`` alone, in the words of the seed.

        Raises
        ------
        SettingError
            Nothing was sent.
        """
        if self.force_fetch and not self.enrich_realtime:
            raise SettingError(
                "`force_fetch` can only be used with `enrich_realtime`. Nothing was sent, nothing was charged.",
                hint="add enrich_realtime (5 credits a person), or leave force_fetch out.",
            )

    @property
    def prices(self) -> Mapping[str, float]:
        """Credits of one matched person, part by part."""
        if self.is_preview:
            return {"preview": 0.0}
        if self.groups == _EMAIL_ALONE:
            return {_EMAIL: contract.SCREENER_EMAIL_ALONE_PRICE}
        base = contract.SCREENER_REALTIME_PRICE if self.is_realtime else contract.SCREENER_PRICE
        return {"base": base, **{g: price for g in sorted(self.groups) if (price := add_on_price(g))}}

    @property
    def server_threshold(self) -> None:
        """The surface takes none: every candidate comes, and is held against the threshold here."""
        return

    @staticmethod
    def max_identifiers(kind: contract.IdentifierKind) -> int:
        """Return how many identifiers one request takes."""
        return contract.MAX_IDENTIFIERS if kind == contract.PROFILE_URL else 1

    def asked_of(self, identifiers: Sequence[Identifier]) -> Mapping[str, Any]:
        """Return the query that asks about `identifiers`."""
        return request_query(identifiers, self)

    def send(self, transport: Transport, identifiers: Sequence[Identifier]) -> Exchange:
        """Ask about `identifiers`, all of one kind, once."""
        query = request_query(identifiers, self)
        return transport.query(ENDPOINT, query, scheme=AUTH_SCHEME, takes_s=self.seconds_for(len(identifiers)))

    @staticmethod
    def is_answer(exchange: Exchange, identifiers: Sequence[Identifier]) -> bool:
        """Tell whether the exchange says something about every identifier; one failed profile has a status.

        A 404 or 422 of any other kind is about the surface: it may be retired, or a wrong address.
        """
        if exchange.status == 200:
            return True
        if len(identifiers) != 1 or exchange.status not in {404, 422}:
            return False
        if exchange.status == 422 and not exchange.body.strip():
            return True
        try:
            failure = decode(exchange.body)
        except ResponseError:
            return False
        return isinstance(failure, dict) and _code_of(failure) is not None

    def read(self, body: bytes, identifiers: Iterable[Identifier], *, credits: float | None) -> Answer:
        """Read a 200, or the failure of the one profile that was asked for."""
        asked = tuple(identifiers)
        found = decode(body) if body.strip() or credits is not None else {}  # docs: a 422 without words is "no data"
        if found == {} and credits is not None:
            raise ResponseError("The answer holds nobody; it may have been charged, and is kept in the ledger.")
        if isinstance(found, dict) and len(asked) == 1:
            answer = Answer()
            _note_failure(answer, asked[0], found)
            return answer
        if not isinstance(found, list):
            raise ResponseError(
                "The answer is not a list of profiles; it may have been charged, and is kept in the ledger."
            )
        if not found and not credits:
            return Answer(matches={identifier.key: [] for identifier in asked})
        return _joined(found, asked)


def is_served(transport: Transport) -> bool | None:
    """Ask about nobody, which is refused and free; None where the refusal does not tell whether the surface ended."""
    exchange = transport.query(ENDPOINT, {}, scheme=AUTH_SCHEME, is_free=True)
    return {400: True, 404: False, 410: False}.get(exchange.status)


def request_query(identifiers: Sequence[Identifier], options: Options) -> dict[str, str]:
    """Return the query that asks for `identifiers`; without ``fields`` the surface sends every default one."""
    key = contract.SCREENER_REQUEST_KEYS[identifiers[0].kind]
    query = {key: ",".join(identifier.text for identifier in identifiers)}
    if options.is_preview:
        return query | {"preview": "true"}
    flags = {"enrich_realtime": options.is_realtime, "force_fetch": options.force_fetch}
    query |= {flag: "true" for flag, is_set in flags.items() if is_set}
    return query if options.groups == BASE else query | {"fields": ",".join(_names(options.groups))}


def _names(groups: frozenset[str]) -> list[str]:
    known = catalogue().fields.values()
    names = {f.path for f in known if f.group in groups & BASE and "." not in f.path and f.path not in _NEVER_NAMED}
    names |= groups - BASE
    if _SOCIETIES in names and "education_background" in names:  # seed: its example then names every other part too
        names |= {f.path for f in known if f.path.startswith("education_background.")}
        names.remove("education_background")
    return sorted(names)


def _joined(found: list[Any], asked: Sequence[Identifier]) -> Answer:
    by_key = {identifier.key: identifier for identifier in asked}
    answer = Answer()
    for item in found:
        if not isinstance(item, dict):
            answer.unasked += 1
            continue
        people = _about(item, asked, by_key)
        answer.unasked += not people
        for identifier in people:
            if "error" in item:
                _note_failure(answer, identifier, item)
            elif identifier.kind == contract.BUSINESS_EMAIL or identifier.key not in answer.matches:
                match = {"confidence_score": _confidence(item, identifier), "person_data": item}
                answer.matches.setdefault(identifier.key, []).append(match)
    settled = answer.matches.keys() | answer.failures.keys()
    answer.missing = [identifier for identifier in asked if identifier.key not in settled]
    return answer


def _about(item: Mapping[str, Any], asked: Sequence[Identifier], by_key: Mapping[str, Identifier]) -> list[Identifier]:
    if asked[0].kind == contract.BUSINESS_EMAIL:
        return list(asked)
    slugs = item.get("query_linkedin_profile_urn_or_slug")
    if not slugs and "error" in item:
        slugs = [item.get("linkedin_profile_url")]
    if not slugs and len(asked) == 1:
        return list(asked)
    listed = slugs if isinstance(slugs, list) else [slugs]
    urls = [text if "/" in text else CANONICAL_URL + text for text in listed if isinstance(text, str)]
    return [by_key[identifier.key] for identifier in read_identifiers(urls).unique if identifier.key in by_key]


def _confidence(item: Mapping[str, Any], identifier: Identifier) -> Any:
    return item.get("score") if identifier.kind == contract.BUSINESS_EMAIL else 1.0


def _note_failure(answer: Answer, identifier: Identifier, failure: Mapping[str, Any]) -> None:
    code = _code_of(failure) if failure else _NOBODY
    if code == _NOBODY:
        answer.matches[identifier.key] = []
    else:
        answer.failures[identifier.key] = _REASONS.get(code or "", "server_error")


def _code_of(failure: Mapping[str, Any]) -> str | None:
    """Return the code of a failed profile, or None where neither a code nor the documented words tell it."""
    code = failure.get("error_code")  # contract notes: the key of the codes is nowhere documented
    if isinstance(code, str) and code in {_NOBODY, *_REASONS}:
        return code
    text = str(failure.get("error") or "")
    return next((code for words, code in _CODES_BY_TEXT.items() if words in text), None)


def _listed(jobs: object) -> list[Mapping[str, Any]]:
    return [job for job in jobs if isinstance(job, dict)] if isinstance(jobs, list) else []


def _employer(job: Mapping[str, Any]) -> Employer:
    name = job.get("employer_name")
    domains = (*_texts(job.get("employer_company_website_domain")), *_texts(job.get("domains")))
    return Employer(name if isinstance(name, str) else "", domains)


def _texts(value: object) -> list[str]:
    """Return the texts of a value: itself, or those of a list, or the keys of a mapping."""
    return [text for text in (value if isinstance(value, list | dict) else [value]) if isinstance(text, str) and text]


# The catalogue ---------------------------------------------------------------------------------------------------


def add_on_price(group: str) -> float:
    """Return the credits of a group on top of the base price."""
    prices = contract.SCREENER_ADD_ON_PRICES.items()
    return sum(price for name, price in prices if name == group or name.startswith(f"{group}."))


@cache
def catalogue() -> Catalogue:
    """Return the paths of ``GET /screener/person/enrich``."""
    fields: dict[str, Field] = {}
    for entry in contract.screener_fields():
        if entry["section"] == "error_object" or "*" in entry["path"]:
            continue
        path = entry["path"].replace("[]", "")
        group = _group_of(path, is_default=entry["default"])
        fields[path] = read_field(entry, group, add_on_price(group))
    return Catalogue(fields, frozenset(), holder="a legacy profile")


def _group_of(path: str, *, is_default: bool) -> str:
    if path in contract.SCREENER_PREVIEW_FIELDS or path in _NEVER_NAMED:
        return "basic_profile"
    if is_default:
        return "profile"
    if path.rpartition(".")[2] == "business_emails":
        return _EMAIL
    return path if path.startswith("personal_contact_info") or path == _SOCIETIES else path.partition(".")[0]
