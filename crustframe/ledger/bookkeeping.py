"""Book-keeping for people: look, count, hand out, purge, check."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from crustframe.ledger.packing import DAMAGED, unpack


def iso(seconds: float | None) -> str | None:
    """Return a time as ISO 8601 UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def stats(connection: sqlite3.Connection, now: float) -> dict[str, Any]:
    """Return what the ledger holds and what it cost, account by account."""
    accounts = []
    for scope_id, origin, fingerprint in connection.execute(
        "SELECT scope_id, origin, key_fingerprint FROM scopes ORDER BY scope_id"
    ).fetchall():
        people = dict(
            connection.execute(
                "SELECT outcome, count(DISTINCT key) FROM people JOIN coverages USING (coverage_id) "
                "WHERE scope_id = ? AND superseded_at IS NULL AND groups NOT LIKE '%\"none:%' GROUP BY outcome",
                (scope_id,),
            ).fetchall()
        )
        totals = connection.execute(
            "SELECT count(*), coalesce(sum(attempts), 0), coalesce(sum(credits), 0), "
            "coalesce(sum(CASE WHEN state IN ('in_doubt', 'resent') AND credits IS NULL THEN worst_credits END), 0), "
            "coalesce(sum(CASE WHEN opened_at >= ? THEN credits END), 0) FROM purchases WHERE scope_id = ?",
            (now - now % 86400.0, scope_id),
        ).fetchone()
        in_doubt = connection.execute(
            "SELECT count(*) FROM purchase_people JOIN purchases USING (purchase_id) "
            "WHERE scope_id = ? AND state = 'in_doubt'",
            (scope_id,),
        ).fetchone()[0]
        accounts.append(
            {
                "origin": origin,
                "account": fingerprint[:8],
                "people": {outcome: people.get(outcome, 0) for outcome in ("matched", "no_match", "refused")},
                "purchases": totals[0],
                "requests": totals[1],
                "credits": totals[2],
                "credits_at_risk": totals[3],
                "credits_today": totals[4],
                "people_in_doubt": in_doubt,
            }
        )
    first, last = connection.execute("SELECT min(answered_at), max(answered_at) FROM people").fetchone()
    suppressed = connection.execute("SELECT count(*) FROM suppressed").fetchone()[0]
    return {"accounts": accounts, "oldest": iso(first), "newest": iso(last), "suppressed": suppressed}


def purchases(connection: sqlite3.Connection, limit: int) -> list[dict[str, Any]]:
    """Return the latest purchases, the newest first."""
    names = ("purchase", "opened_at", "endpoint", "state", "identifiers", "matched", "attempts", "credits",
             "worst_credits", "request_id", "error")  # fmt: skip
    rows = connection.execute(
        "SELECT purchase_id, opened_at, endpoint, state, identifiers, matched, attempts, credits, worst_credits, "
        "request_id, error FROM purchases ORDER BY purchase_id DESC LIMIT ?",
        (limit,),
    )
    return [dict(zip(names, (row[0], iso(row[1]), *row[2:]), strict=True)) for row in rows]


def entries(connection: sqlite3.Connection, keys: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """Yield what is kept about everybody, or about these keys, old answers too."""
    where = f"WHERE key IN ({','.join('?' * len(keys))})" if keys is not None else ""
    rows = connection.execute(
        "SELECT key, outcome, groups, answered_at, superseded_at, request_id, origin, entry FROM people "  # noqa: S608
        "JOIN coverages USING (coverage_id) JOIN scopes ON scopes.scope_id = people.scope_id "
        f"LEFT JOIN purchases USING (purchase_id) {where} ORDER BY person_row",
        keys or (),
    )
    for key, outcome, groups, answered_at, superseded_at, request_id, origin, entry in rows:
        yield {
            "identifier": key,
            "outcome": outcome,
            "groups": json.loads(groups),
            "answered_at": iso(answered_at),
            "superseded_at": iso(superseded_at),
            "request_id": request_id,
            "origin": origin,
            "matches": [] if entry is None else unpack(entry),
        }


def purge(connection: sqlite3.Connection, before: float) -> dict[str, int]:
    """Take out every answer, and every settled request's remains, from before a time."""
    answers = connection.execute("DELETE FROM people WHERE answered_at < ?", (before,)).rowcount
    requests = connection.execute(
        "UPDATE purchases SET body = NULL, error = NULL WHERE opened_at < ? AND state IN ('done', 'refused', 'resent') "
        "AND (body IS NOT NULL OR error IS NOT NULL)",
        (before,),
    ).rowcount
    return {"answers": answers, "requests": requests}


def verify(connection: sqlite3.Connection) -> dict[str, Any]:
    """Check every page of the file and every answer in it."""
    started = time.monotonic()
    pages = [row[0] for row in connection.execute("PRAGMA integrity_check(20)")]
    unreadable = []
    answers = 0
    for number, key, entry in connection.execute("SELECT person_row, key, entry FROM people"):
        answers += 1
        try:
            if entry is not None:
                unpack(entry)
        except (*DAMAGED, ValueError):
            unreadable.append({"row": number, "identifier": key})
    return {
        "ok": pages == ["ok"] and not unreadable,
        "pages": pages,
        "answers": answers,
        "unreadable": unreadable,
        "seconds": round(time.monotonic() - started, 3),
    }
