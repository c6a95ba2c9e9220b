"""One pace for every process of an account: who sent when, how many a minute, and until when the server said wait."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Final

from crustframe import contract
from crustframe.ledger.store import Store

# A request reaches the server a little after it was written down here, and never at the same delay.
_MARGIN_S: Final = 0.75


Leaves = Callable[[sqlite3.Connection], object]


class SharedPace:
    """The sliding window of one account and endpoint, kept in the ledger."""

    def __init__(self, store: Store, scope_id: int, endpoint: str) -> None:
        self._store = store
        self._where = (scope_id, endpoint)

    def take(self, now: float, own_limit: float | None, leaves: Leaves | None = None) -> float:
        """Take the next slot if there is one now, and say how many seconds to wait if there is none.

        Parameters
        ----------
        now : float
            Seconds since 1970 UTC; a clock that jumped is noticed and costs at most one window.
        own_limit : float or None
            The user's own limit in requests a minute; the server's counts when it is lower.
        leaves : callable, optional
            Writes down, together with the slot, that a request leaves.

        Returns
        -------
        float
            0.0: the slot is taken. Otherwise seconds until it is worth asking again.
        """
        with self._store.transaction() as connection:
            limit, hold_until = self._limits(connection, own_limit)
            if hold_until is not None and 0 < hold_until - now <= contract.RATE_WINDOW_S * 5:
                return hold_until - now
            horizon = contract.RATE_WINDOW_S + _MARGIN_S
            connection.execute(
                "DELETE FROM pace WHERE scope_id = ? AND endpoint = ? AND (sent_at <= ? OR sent_at > ?)",
                (*self._where, now - horizon, now + 1.0),
            )
            full_since = connection.execute(
                "SELECT sent_at FROM pace WHERE scope_id = ? AND endpoint = ? ORDER BY sent_at DESC LIMIT 1 OFFSET ?",
                (*self._where, max(1, int(limit)) - 1),
            ).fetchone()
            if full_since is not None:
                return float(full_since[0]) + horizon - now
            connection.execute("INSERT INTO pace (scope_id, endpoint, sent_at) VALUES (?, ?, ?)", (*self._where, now))
            if leaves is not None:
                leaves(connection)
            return 0.0

    def learn(self, requests_per_minute: float | None, hold_until: float | None) -> None:
        """Write down what the server's own headers say."""
        with self._store.transaction() as connection:
            connection.execute(
                "INSERT INTO limits (scope_id, endpoint, requests_per_minute, hold_until) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (scope_id, endpoint) DO UPDATE SET "
                "requests_per_minute = coalesce(excluded.requests_per_minute, requests_per_minute), "
                "hold_until = excluded.hold_until",
                (*self._where, requests_per_minute, hold_until),
            )

    def requests_per_minute(self, own_limit: float | None) -> float:
        """Return the limit that is kept."""
        with self._store.reading() as connection:
            return self._limits(connection, own_limit)[0]

    def _limits(self, connection: sqlite3.Connection, own_limit: float | None) -> tuple[float, float | None]:
        row = connection.execute(
            "SELECT requests_per_minute, hold_until FROM limits WHERE scope_id = ? AND endpoint = ?", self._where
        ).fetchone()
        server, hold_until = row or (None, None)
        limit = server or contract.pace_of(self._where[1])
        if own_limit is not None:
            limit = min(limit, own_limit) if server else own_limit
        return limit, hold_until
