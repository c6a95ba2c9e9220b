"""When to send: the account's own pace, shared by every process, learned from the server's headers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime

from crustframe import contract
from crustframe.ledger.pace import Leaves, SharedPace


class Pace:
    """The pace of one endpoint.

    Parameters
    ----------
    shared : SharedPace
        The window that all processes of the account keep.
    clock : callable
        Seconds since 1970 UTC.
    own_limit : float, optional
        The user's own limit, in requests a minute.
    """

    def __init__(self, shared: SharedPace, *, clock: Callable[[], float], own_limit: float | None = None) -> None:
        self._shared = shared
        self._clock = clock
        self._own_limit = own_limit
        self._learned: float | None = None

    def wait(self, pause: Callable[[float], None], leaves: Leaves | None = None) -> None:
        """Take the next slot, waiting with `pause` for as long as there is none; `leaves` is written down with it."""
        while (wait_s := self._shared.take(self._clock(), self._own_limit, leaves)) > 0:
            pause(wait_s)

    def learn(self, headers: Mapping[str, str], status: int) -> None:
        """Take over what an answer says about the window."""
        limit = _number(headers.get(contract.RATE_LIMIT_HEADER))
        limit = limit if limit and limit >= 1 else None
        remaining = _number(headers.get(contract.RATE_REMAINING_HEADER))
        reset_s = _number(headers.get(contract.RATE_RESET_HEADER))
        exhausted = status == 429 or remaining == 0
        hold_until = self._clock() + reset_s if exhausted and reset_s else None
        if hold_until is not None or limit != self._learned:
            self._learned = limit
            self._shared.learn(limit, hold_until)


def server_wait_s(headers: Mapping[str, str]) -> float | None:
    """Return the wait that a refusal asks for: ``x-ratelimit-reset`` first, ``Retry-After`` in any of its forms."""
    reset_s = _number(headers.get(contract.RATE_RESET_HEADER))
    if reset_s:
        return reset_s
    text = headers.get("retry-after", "")
    seconds = _number(text)
    if seconds is not None:
        return seconds or None
    try:
        until = parsedate_to_datetime(text)
        now = parsedate_to_datetime(headers["date"])  # the server's own clock: ours may be wrong
        return max(0.0, (until - now).total_seconds()) or None
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and 0 <= value <= 1e9 else None
