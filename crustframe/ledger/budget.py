"""The standing ceiling: what all front ends and processes together may spend in a day (UTC)."""

from __future__ import annotations

import sqlite3
from typing import Final

NAME: Final = "daily_ceiling"
_DAY_S: Final = 86400.0
_AHEAD: Final = "(opened_at > :midnight OR closed_at > :midnight)"
_MET: Final = "'ahead:' || purchase_id"
"""Under which name it is noted which day met a purchase that is dated on a later one."""


def ceiling(connection: sqlite3.Connection) -> float | None:
    """Return the credits that may be spent in a day, or None where nobody set a ceiling."""
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (NAME,)).fetchone()
    return None if row is None else float(row[0])


def set_ceiling(connection: sqlite3.Connection, credits: float | None) -> None:
    """Set the standing ceiling, or take it away with None."""
    connection.execute("DELETE FROM meta WHERE name = ?", (NAME,))
    if credits is not None:
        connection.execute("INSERT INTO meta VALUES (?, ?)", (NAME, repr(float(credits))))


def spent(connection: sqlite3.Connection, origin: str, now: float) -> float:
    """Return what was spent today at one origin, with every key and on every surface."""
    scopes = connection.execute("SELECT scope_id FROM scopes WHERE origin = ?", (origin,)).fetchall()
    return sum(spent_by(connection, scope_id, now) for (scope_id,) in scopes)


def spent_by(connection: sqlite3.Connection, scope_id: int, now: float) -> float:
    """Return what one key spent today on one surface: billed, at risk, set aside for requests on their way.

    What was claimed before midnight and ended after it counts for both days. What is dated on a later day, by a clock
    that was wrong then or is wrong now, counts on that day and on the first day that met it.
    """
    row = connection.execute(
        "SELECT coalesce(sum(CASE WHEN credits IS NOT NULL THEN credits WHEN state IN "  # noqa: S608
        "('waiting', 'sent', 'answered', 'running', 'in_doubt', 'resent') THEN worst_credits ELSE 0 END), 0) "
        "FROM purchases WHERE scope_id = :scope AND "
        "(opened_at BETWEEN :today AND :midnight OR closed_at BETWEEN :today AND :midnight "
        "OR state IN ('waiting', 'sent', 'answered', 'running') "
        f"OR ({_AHEAD} AND NOT EXISTS (SELECT 1 FROM meta WHERE name = {_MET} AND CAST(value AS REAL) <> :today)))",
        {"scope": scope_id, **_day_of(now)},
    ).fetchone()
    return float(row[0])


def _day_of(now: float) -> dict[str, float]:
    today = now - now % _DAY_S
    return {"today": today, "midnight": today + _DAY_S}


def left_today(connection: sqlite3.Connection, scope_id: int, now: float) -> float | None:
    """Return what may still be spent today, or None where nobody set a ceiling; notes what is dated on a later day."""
    limit = ceiling(connection)
    if limit is None:
        return None
    connection.execute(
        f"INSERT OR IGNORE INTO meta SELECT {_MET}, :today FROM purchases WHERE {_AHEAD}",  # noqa: S608
        _day_of(now),
    )
    (origin,) = connection.execute("SELECT origin FROM scopes WHERE scope_id = ?", (scope_id,)).fetchone()
    return max(0.0, limit - spent(connection, origin, now))
