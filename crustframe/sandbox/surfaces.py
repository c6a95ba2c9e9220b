"""The surfaces beside ``POST /person/enrich``: contact enrich, identify, live enrich (contract notes, today.md).

Each reads a decoded body and returns one item per identifier: its entry, whom it is about, and its lines of the bill.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from crustframe import contract
from crustframe.sandbox import fields
from crustframe.sandbox.edits import Edits
from crustframe.sandbox.freemail import is_business_email
from crustframe.sandbox.job_questions import IDENTIFY_COMPONENT
from crustframe.sandbox.people import Population, canonical, is_redacted
from crustframe.sandbox.questions import Reader, Refusal, invalid, listed_identifiers

Plan = Literal["self-serve", "contact", "full"]
Billing = Literal["delivered", "base"]

CONTACT_NAMES: Final = ("contact", *contract.CONTACT_GROUPS, "contact.websites")
LIVE_COMPONENT: Final = "person.live_profile"  # ours
_RESEARCH_KEY: Final = "research_profile_urls"
_IN_PLAN: Final[Mapping[str, tuple[Plan, ...]]] = {
    contract.CONTACT_ENRICH_PATH: ("contact", "full"),
    contract.CONTACT_JOB_PATH: ("contact", "full"),
    contract.IDENTIFY_PATH: ("full",),
    contract.IDENTIFY_JOB_PATH: ("full",),
    contract.LIVE_PATH: ("full",),
}


def is_in_plan(path: str, plan: Plan | None, snapshot: fields.Snapshot) -> bool:
    """Tell whether an account has an endpoint; by default everything of its age, and contact jobs at every age."""
    if plan is None:
        return snapshot == "C" or path not in _IN_PLAN or path == contract.CONTACT_JOB_PATH
    return plan in _IN_PLAN.get(path, (plan,))


class Item(NamedTuple):
    """What is said of one identifier: the entry, the canonical person, and what is charged for it."""

    entry: dict[str, Any]
    person: str | None
    prices: Mapping[str, float]


@dataclass(frozen=True)
class Surface(ABC):
    """One way of asking.

    Parameters
    ----------
    reader : Reader
        Snapshot and grants of the account.
    population, edits
        Who is known, and how they changed.
    """

    reader: Reader
    population: Population
    edits: Edits

    @abstractmethod
    def items(self, body: Any) -> list[Item]:
        """Return one item per identifier, or raise the first refusal."""

    def wrapped(self, entries: list[dict[str, Any]]) -> Any:
        """Return the answer around its entries."""
        return entries

    def _identifiers(
        self, body: Any, keys: Mapping[contract.IdentifierKind, str], more: Sequence[str]
    ) -> tuple[contract.IdentifierKind, tuple[str, ...]]:
        if not isinstance(body, dict):
            invalid("Request body must be a JSON object.")
        if unknown := [key for key in body if key not in (*keys.values(), *more)]:
            invalid(f"Unexpected keys in request body: {', '.join(unknown)}")
        kind, identifiers = listed_identifiers(body, keys)
        self.reader.check_refused(kind, identifiers)
        return kind, identifiers

    def data(self, text: str, kind: contract.IdentifierKind, groups: Sequence[str]) -> Mapping[str, Any] | None:
        """Return the best candidate's data, or None where nobody is known."""
        person = canonical(text, kind)
        found = self.population.candidates(person, kind)
        return self.edits.applied(person, found[0].profile.data(groups)) if found else None


def _asked(body: Mapping[str, Any], names: Sequence[str], default: Sequence[str]) -> list[str]:
    asked = body.get("fields")
    if asked is None or asked == []:
        return list(default)
    if not isinstance(asked, list) or not all(isinstance(name, str) for name in asked):
        invalid("fields must be a list of strings.")
    if unknown := [name for name in asked if name not in names]:
        invalid(f"Invalid fields: {', '.join(unknown)}", [{"available_fields": list(names)}])
    return list(dict.fromkeys(asked))


def _flag(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        invalid(f"{name} must be a boolean.")
    return value


@dataclass(frozen=True)
class ContactEnrich(Surface):
    """``POST /person/contact/enrich``: kinds of contact, billed as delivered or with a base credit."""

    billing: Billing = "delivered"

    def items(self, body: Any) -> list[Item]:
        """Return one item per identifier; no contact found is an entry without matches."""
        kind, identifiers = self._identifiers(body, contract.REQUEST_KEYS, ("fields", "verified"))
        asked = _asked(body, CONTACT_NAMES, contract.CONTACT_GROUPS)
        groups = [group for group in CONTACT_NAMES[1:] if "contact" in asked or group in asked]
        verified = _flag(body, "verified")
        if kind == contract.BUSINESS_EMAIL and (bad := [text for text in identifiers if not is_business_email(text)]):
            invalid(f"Invalid business emails: {', '.join(bad)}")
        if lacking := fields.denied(groups, self.reader.denied_fields):
            message = f"Access denied to fields: {', '.join(lacking)}"
            raise Refusal(403, "permission_error", message, [{"denied_fields": lacking}])
        return [self._item(text, kind, groups, verified=verified) for text in identifiers]

    def _item(self, text: str, kind: contract.IdentifierKind, groups: Sequence[str], *, verified: bool) -> Item:
        data = self.data(text, kind, ["contact"])
        known: Mapping[str, Any] = (data or {}).get("contact") or {}
        contact = {name: list(known.get(name) or []) for name in (group.partition(".")[2] for group in groups)}
        contact["business_emails"] = [
            {"email": one.get("email"), "status": one.get("status")} for one in contact.get("business_emails", ())
        ]
        contact = {name: values for name, values in contact.items() if values}
        parts = {f"contact.{name}" for name in contact} & {*contract.CONTACT_GROUPS}
        parts |= {"verified"} if verified and "business_emails" in contact else set()
        parts |= {"base"} if self.billing == "base" and contact else set()
        prices = {**contract.ADD_ON_PRICES, "verified": contract.VERIFIED_PRICE, "base": contract.BASE_PRICE}
        bill = {name: prices[part] for name, part in contract.COST_COMPONENTS.items() if part in parts}
        matches = []
        if contact and data is not None:
            person = {"crustdata_person_id": data["crustdata_person_id"], "contact": contact}
            matches = [{"confidence_score": 1.0, "person_data": person}]
        return Item({"matched_on": text, "match_type": kind, "matches": matches}, canonical(text, kind), bill)


@dataclass(frozen=True)
class Identify(Surface):
    """``POST /person/identify``: who is behind an address, personal ones too; people who asked for it are redacted."""

    is_wrapped: bool = False

    def items(self, body: Any) -> list[Item]:
        """Return one row per identifier, in the order of the request."""
        if isinstance(body, dict) and body.keys() == {_RESEARCH_KEY}:
            body = {contract.IDENTIFY_KEYS[contract.PROFILE_URL]: body[_RESEARCH_KEY]}
        kind, identifiers = self._identifiers(body, contract.IDENTIFY_KEYS, (_RESEARCH_KEY,))
        return [identified(self, text, kind) for text in identifiers]

    def wrapped(self, entries: list[dict[str, Any]]) -> Any:
        """Return the rows as this age of the surface sends them."""
        return {"results": entries} if self.is_wrapped else entries


def identified(surface: Surface, text: str, kind: contract.IdentifierKind) -> Item:
    """Return what identify says of one identifier."""
    person = canonical(text, kind)
    entry: dict[str, Any] = {"matched_on": text, "match_type": kind, "match_status": "not_found", "matches": []}
    if is_redacted(person):
        return Item({**entry, "match_status": contract.REDACTED}, person, {})
    data = surface.data(text, kind, contract.IDENTIFY_GROUPS)
    if data is None:
        return Item(entry, person, {})
    kept = {key: data[key] for key in ("crustdata_person_id", *contract.IDENTIFY_GROUPS) if key in data}
    entry |= {"match_status": "matched", "matches": [kept]}  # docs: a match holds these, and no score
    return Item(entry, person, {IDENTIFY_COMPONENT: contract.IDENTIFY_PRICE})


@dataclass(frozen=True)
class Live(Surface):
    """``POST /person/professional_network/enrich/live``: profiles fetched from the web while the request waits."""

    def items(self, body: Any) -> list[Item]:
        """Return one item per profile URL."""
        urls = {contract.PROFILE_URL: contract.REQUEST_KEYS[contract.PROFILE_URL]}
        kind, identifiers = self._identifiers(body, urls, ("fields",))  # type: ignore[arg-type]
        names = fields.available("C")
        asked = _asked(body, names, fields.DEFAULT_GROUPS["C"])
        if lacking := fields.denied(asked, self.reader.denied_fields):
            message = f"Access denied to fields: {', '.join(lacking)}"
            raise Refusal(403, "permission_error", message, [{"denied_fields": lacking}])
        selection = fields.select(asked, "C", self.reader.denied_fields)
        return [self._item(text, kind, selection) for text in identifiers]

    def _item(self, text: str, kind: contract.IdentifierKind, selection: fields.Selection) -> Item:
        data = self.data(text, kind, selection.groups)
        found = [] if data is None else [{"confidence_score": 1.0, "person_data": selection.of(data)}]
        entry = {"matched_on": text, "match_type": kind, "matches": found}
        return Item(entry, canonical(text, kind), {LIVE_COMPONENT: contract.LIVE_PRICE} if found else {})
