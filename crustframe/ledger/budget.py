"""The standing ceiling: what formulas may spend in a day, and what was spent since midnight UTC."""

from __future__ import annotations

import sqlite3
from typing import Final

_CEILING: Final = "daily_ceiling"
_DAY_S: Final = 86400.0


def daily_ceiling(connection: sqlite3.Connection, scope_id: int) -> float | None:
    """Return the ceiling in credits, or None where no budget is armed."""
    row = connection.execute(
        "SELECT value FROM settings WHERE scope_id = ? AND name = ?", (scope_id, _CEILING)
    ).fetchone()
    return None if row is None else float(row[0])


def set_daily_ceiling(connection: sqlite3.Connection, scope_id: int, credits: float | None) -> None:
    """Arm a budget, or disarm it with None."""
    connection.execute("DELETE FROM settings WHERE scope_id = ? AND name = ?", (scope_id, _CEILING))
    if credits is not None:
        connection.execute("INSERT INTO settings VALUES (?, ?, ?)", (scope_id, _CEILING, credits))


def spent_since_midnight(connection: sqlite3.Connection, scope_id: int, now: float) -> float:
    """Return the credits billed or at risk on this UTC day, over all front ends."""
    row = connection.execute(
        "SELECT coalesce(sum(coalesce(credits, worst_credits)), 0) FROM purchases WHERE scope_id = ? "
        "AND coalesce(closed_at, sent_at, opened_at) >= ?",
        (scope_id, now - now % _DAY_S),
    ).fetchone()
    return float(row[0])
