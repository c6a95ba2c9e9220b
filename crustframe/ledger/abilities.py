"""What an account was found to have and to lack, kept for a day: it is a fact about the account, never about people."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Final

LIFE_S: Final = 86400.0

Facts = Mapping[tuple[str, str], bool]
"""By endpoint, and by a key or a group of its requests (or "" for the endpoint itself): whether the account has it."""


def known(connection: sqlite3.Connection, scope_id: int, now: float) -> dict[tuple[str, str], bool]:
    """Return what was learnt within a day."""
    rows = connection.execute(
        "SELECT endpoint, part, has FROM abilities WHERE scope_id = ? AND abs(? - learnt_at) < ?",
        (scope_id, now, LIFE_S),
    )
    return {(endpoint, part): bool(has) for endpoint, part, has in rows}


def learn(connection: sqlite3.Connection, scope_id: int, facts: Facts, now: float) -> None:
    """Write down what was learnt now."""
    connection.executemany(
        "INSERT OR REPLACE INTO abilities VALUES (?, ?, ?, ?, ?)",
        [(scope_id, endpoint, part, has, now) for (endpoint, part), has in facts.items()],
    )
