"""``POST /person/contact/enrich``: kinds of contact, answered at once. Contact notes, today.md, sections 2 and 4."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crustframe import contract
from crustframe.api import person
from crustframe.people.identifiers import Identifier
from crustframe.people.records import Answer


@dataclass(frozen=True, slots=True)
class Options(person.Options):
    """The surface of contacts, by profile URL or business e-mail."""

    path = contract.CONTACT_ENRICH_PATH

    @property
    def prices(self) -> Mapping[str, float]:
        """Credits of one person who has everything, by the dearer of the vendor's readings: with a base credit."""
        kinds = {group: price for group, price in contract.ADD_ON_PRICES.items() if group in self.groups}
        return {"base": contract.BASE_PRICE, **kinds}

    def asked_of(self, identifiers: Sequence[Identifier]) -> Mapping[str, Any]:
        """Return the body that asks about `identifiers`."""
        key = contract.REQUEST_KEYS[identifiers[0].kind]
        return {key: [identifier.text for identifier in identifiers], "fields": sorted(self.groups)}

    def read(self, body: bytes, identifiers: Iterable[Identifier], *, credits: float | None) -> Answer:
        """Read who has which kind of contact; a kind that is not there says nothing about the person."""
        answer = person.Options.read(self, body, identifiers, credits=credits)
        for key, found in answer.matches.items():
            contact = found[0]["person_data"].get("contact") if found else None
            there = frozenset(f"contact.{name}" for name, values in (contact or {}).items() if values) & self.groups
            holds: list[tuple[frozenset[str], list[Any]]] = [(there, found)] if there else []
            holds += [(frozenset({nothing_of(group)}), [{"person_data": {}}]) for group in self.groups - there]
            answer.holds[key] = holds
        return answer


def nothing_of(group: str, is_verified: bool = False) -> str:
    """Return under which name the ledger files that a kind of contact was asked for and is not there.

    It is no group of the API, so nobody else takes "no phone number" for "no such person".
    """
    return f"none:{group}" + (":verified" if is_verified and group == BUSINESS_EMAILS else "")


BUSINESS_EMAILS = "contact.business_emails"
