"""What a new ledger takes over from the old one: the daily ceiling, what was spent today, who is never stored."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from crustframe.ledger import budget
from crustframe.ledger.people import coverage_id

_NAMES: Final = ("salt", budget.NAME)


class Succession(NamedTuple):
    """Where the old ledger is now, and whether what still counts could be taken over from it."""

    old: Path | None
    is_complete: bool


def take_over(connection: sqlite3.Connection, old: Path, now: float) -> bool:
    """Take over what still counts; False where the old file cannot be read.

    The salt comes along, or nobody could tell whose digest is whose.
    """
    try:
        with closing(sqlite3.connect(f"{old.absolute().as_uri()}?mode=ro", uri=True)) as before:
            meta = before.execute("SELECT name, value FROM meta WHERE name IN (?, ?)", _NAMES).fetchall()
            never = before.execute("SELECT digest FROM suppressed").fetchall()
            scopes = before.execute("SELECT scope_id, origin, key_fingerprint, api_version FROM scopes").fetchall()
            spent = [(budget.spent_by(before, scope_id, now), scope_id) for scope_id, *_ in scopes]
    except sqlite3.Error:
        return False
    if "salt" not in dict(meta):
        return False
    connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", meta)
    connection.executemany("INSERT OR IGNORE INTO suppressed VALUES (?)", never)
    connection.executemany("INSERT INTO scopes VALUES (?, ?, ?, ?)", scopes)
    connection.executemany(
        "INSERT INTO purchases (scope_id, run_id, owner, endpoint, coverage_id, state, told, opened_at, closed_at, "
        "identifiers, worst_credits, credits, error) VALUES (?, '', '', ?, ?, 'done', 1, ?, ?, 0, ?, ?, ?)",
        [
            (scope_id, "", coverage_id(connection, frozenset()), now, now, credits, credits, f"spent before {old.name}")
            for credits, scope_id in spent
            if credits
        ],
    )
    return True
