"""What this account was really billed: for whole combinations of groups, and part by part where a bill tells parts."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Final

from crustframe import contract
from crustframe.ledger.people import CHUNK, FLAGS

_NAME: Final = "prices:{scope}:{endpoint}"
_KINDS: Final = frozenset(contract.CONTACT_FIELDS.values())


def observed(
    connection: sqlite3.Connection, scope_id: int, endpoint: str, groups: frozenset[str], *, latest: int = 50
) -> float | None:
    """Return the most that one matched person cost in the latest purchases of these groups, as the server billed it."""
    row = connection.execute(
        "SELECT max(credits / matched) FROM (SELECT credits, matched FROM purchases JOIN coverages USING (coverage_id) "
        "WHERE scope_id = ? AND groups = ? AND endpoint = ? AND state = 'done' AND matched > 0 "
        "ORDER BY purchase_id DESC LIMIT ?)",
        (scope_id, json.dumps(sorted(groups)), endpoint, latest),
    ).fetchone()
    return None if row[0] is None else float(row[0])


def of_parts(connection: sqlite3.Connection, scope_id: int, endpoint: str) -> dict[str, float]:
    """Return what each part cost one person when a bill last told it."""
    name = _NAME.format(scope=scope_id, endpoint=endpoint)
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return {} if row is None else {part: float(credits) for part, credits in json.loads(row[0]).items()}


def reckoned(connection: sqlite3.Connection, scope_id: int, endpoint: str, parts: Mapping[str, float]) -> float | None:
    """Return what `parts` cost together: each as it was billed, or as the list says; None if none was ever billed."""
    billed = of_parts(connection, scope_id, endpoint)
    if not billed.keys() & parts.keys():
        return None
    return sum(max(credits, billed.get(part, 0.0)) for part, credits in parts.items())


def learn(connection: sqlite3.Connection, scope_id: int, bills: Mapping[str, Mapping[str, float]]) -> None:
    """Write down what each part cost one person, from bills by request id.

    What is no purchase of this account, was refreshed, or belongs to the legacy surface tells nothing here.
    """
    learned: dict[str, dict[str, float]] = {}
    for request_id, purchase_id, endpoint, matched, groups in _purchases(connection, scope_id, list(bills)):
        if endpoint == contract.SCREENER_ENRICH_PATH or FLAGS & set(json.loads(groups)) or not matched:
            continue
        found = learned.setdefault(endpoint, {})
        for part, credits in bills[request_id].items():
            people = matched if part == "base" else _delivered(connection, purchase_id, endpoint, part, matched)
            if people:
                found[part] = max(found.get(part, 0.0), credits / people)
    for endpoint, found in learned.items():
        told = of_parts(connection, scope_id, endpoint) | found
        name = _NAME.format(scope=scope_id, endpoint=endpoint)
        connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, json.dumps(told, sort_keys=True)))


def _purchases(
    connection: sqlite3.Connection, scope_id: int, request_ids: list[str]
) -> list[tuple[str, int, str, int | None, str]]:
    found = []
    for start in range(0, len(request_ids), CHUNK):
        chunk = request_ids[start : start + CHUNK]
        found += connection.execute(
            "SELECT request_id, purchase_id, endpoint, coalesce(jobs.matched, purchases.matched), groups "  # noqa: S608
            "FROM purchases JOIN coverages USING (coverage_id) LEFT JOIN jobs USING (purchase_id) "
            f"WHERE scope_id = ? AND request_id IN ({','.join('?' * len(chunk))}) "
            "AND state = 'done' ORDER BY purchase_id",
            (scope_id, *chunk),
        ).fetchall()
    return found


def _delivered(connection: sqlite3.Connection, purchase_id: int, endpoint: str, part: str, matched: int) -> int:
    """Return how many people a part was charged for: contact jobs charge what each of them has."""
    if endpoint != contract.CONTACT_JOB_PATH:
        return matched
    rows = connection.execute(
        "SELECT groups, count(DISTINCT key) FROM people JOIN coverages USING (coverage_id) "
        "WHERE purchase_id = ? AND outcome = 'matched' GROUP BY groups",
        (purchase_id,),
    ).fetchall()
    having = {groups: people for text, people in rows if (groups := frozenset(json.loads(text))) & _KINDS}
    if sum(having.values()) != matched:  # somebody of them was forgotten since
        return 0
    return sum(people for groups, people in having.items() if part in groups)
