"""``POST /person/identify``: who is behind an address or a profile URL. Contract notes, today.md, section 3."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crustframe import contract
from crustframe.api import person
from crustframe.people.identifiers import Identifier
from crustframe.people.records import Answer, decode, read_items

GROUPS = frozenset(contract.IDENTIFY_GROUPS)


@dataclass(frozen=True, slots=True)
class Options(person.Options):
    """The surface that tells a person id, a profile URL and a basic profile."""

    path = contract.IDENTIFY_PATH

    @property
    def prices(self) -> Mapping[str, float]:
        """Credits of one matched person."""
        return {"identify": contract.IDENTIFY_PRICE}

    def asked_of(self, identifiers: Sequence[Identifier]) -> Mapping[str, Any]:
        """Return the body that asks about `identifiers`."""
        return {contract.IDENTIFY_KEYS[identifiers[0].kind]: [identifier.text for identifier in identifiers]}

    def read(self, body: bytes, identifiers: Iterable[Identifier], *, credits: float | None) -> Answer:
        """Read rows at the top level, or in ``results`` as an earlier age sent them."""
        asked = tuple(identifiers)
        value = decode(body)
        rows = value.get("results") if isinstance(value, dict) and "results" in value else value
        items = [rewritten(row) if isinstance(row, dict) else row for row in rows] if isinstance(rows, list) else rows
        answer = read_items(items, asked, credits=credits)
        removed = [row.get("matched_on") for row in rows or () if isinstance(row, dict) and _is_redacted(row)]
        answer.redacted = {identifier.key for identifier in asked if identifier.text in removed}
        return answer


def rewritten(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row as the other surfaces tell the same: a match holds the person in ``person_data``."""
    matches = row.get("matches")
    if matches is None and row.get("match_status") in {"not_found", contract.REDACTED}:
        matches = []
    if isinstance(matches, list):
        matches = [
            {"person_data": match} if isinstance(match, dict) and "person_data" not in match else match
            for match in matches
        ]
    return {"matched_on": row.get("matched_on"), "matches": matches}


def _is_redacted(row: Mapping[str, Any]) -> bool:
    return row.get("match_status") == contract.REDACTED and not row.get("matches")
