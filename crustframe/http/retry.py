"""What is sent again, and how long to wait before: asks ``error.retryable`` and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from crustframe.errors import APIError, RateLimitError

ATTEMPTS: Final = 4  # reliability notes, section 7: 1 + 3 for what is surely uncharged
LONGEST_WAIT_S: Final = 300.0
_PATIENCE_S: Final = 600.0  # of nothing but 429
_THROTTLED_S: Final = (4.0, 8.0, 16.0, 32.0, 60.0)


class Retries:
    """The patience that one request has.

    Parameters
    ----------
    jitter : callable
        Returns a number from 0 to 1, such as ``random.random``.
    """

    def __init__(self, jitter: Callable[[], float]) -> None:
        self._jitter = jitter
        self._failures = 0
        self._throttled = 0
        self._throttled_s = 0.0

    def wait_s(self, error: APIError) -> float | None:
        """Return how long to wait before sending the same again, or None to give up.

        A 429 waits for what the server asked, plus up to a quarter, and does not count as an attempt. Anything
        else that surely cost nothing is tried four times in all, with full jitter.
        """
        if not error.retryable or (error.wait_s or 0.0) > LONGEST_WAIT_S:
            return None
        if isinstance(error, RateLimitError):
            hinted = error.wait_s if error.wait_s else _THROTTLED_S[min(self._throttled, len(_THROTTLED_S) - 1)]
            wait_s = hinted * (1 + 0.25 * self._jitter())
            self._throttled += 1
            self._throttled_s += wait_s
            return wait_s if self._throttled_s <= _PATIENCE_S else None
        self._failures += 1
        if self._failures >= ATTEMPTS:
            return None
        return max(error.wait_s or 0.0, self._jitter() * min(30.0, 2.0 ** (self._failures - 1)))
