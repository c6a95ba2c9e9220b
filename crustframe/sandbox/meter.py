"""What was charged, to whom, how fast the calls came, and what is left of the balance."""

from __future__ import annotations

import math
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from crustframe import contract

TEAM: Final = 1
SURFACES: Final = {429: "gateway"}  # docs: a request refused before it reached the API
UNLIMITED: Final = 1_000_000  # what the limit header says while the window is switched off


class Window:
    """A true sliding window: a request leaves it one window's length after it came.

    Parameters
    ----------
    per_minute : float or None
        Requests allowed; ``None`` switches the limit off.
    clock : callable
        Seconds of the sandbox's own time.
    """

    def __init__(self, per_minute: float | None, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._times: deque[float] = deque()
        self.limit = UNLIMITED if per_minute is None else max(1, int(per_minute))
        slow = per_minute is not None and per_minute < 1
        self._length_s = contract.RATE_WINDOW_S / per_minute if slow and per_minute else contract.RATE_WINDOW_S
        self._off = per_minute is None

    def admit(self) -> bool:
        """Count one request, unless the window is full: refused requests do not count."""
        if self._off:
            return True
        self._forget()
        if len(self._times) >= self.limit:
            return False
        self._times.append(self._clock())
        return True

    def headers(self) -> dict[str, str]:
        """Return the three rate headers as they are true now; the reset is in whole seconds, rounded up."""
        self._forget()
        reset_s = math.ceil(self._times[0] + self._length_s - self._clock()) if self._times else 0
        return {
            contract.RATE_LIMIT_HEADER: str(self.limit),
            contract.RATE_REMAINING_HEADER: str(self.limit - len(self._times)),
            contract.RATE_RESET_HEADER: str(reset_s),
        }

    def _forget(self) -> None:
        oldest = self._clock() - self._length_s
        while self._times and self._times[0] <= oldest:
            self._times.popleft()


@dataclass(frozen=True)
class Event:
    """One row of the usage log; `event_id` is the call's ``x-request-id``."""

    event_id: str
    endpoint: str
    at: float
    status: int
    lines: Mapping[str, float]
    identifier_count: int
    request: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    response: Any = None

    @property
    def credits(self) -> float:
        """What it was billed."""
        return sum(self.lines.values())

    def row(self) -> dict[str, Any]:
        """Return it as the log of autumn 2026 lists it."""
        is_refused_early = self.status in SURFACES
        is_job = self.endpoint.startswith(contract.JOBS_PATH)
        return {
            "event_id": self.event_id,
            "ts": self.created_at,
            "team_id": TEAM,
            "user_id": TEAM,
            "api_key_id": None if is_refused_early else TEAM,
            "client_surface": SURFACES.get(self.status, "batch" if is_job else "api"),
            "endpoint": self.endpoint,
            "status": self.status,
            "credits_used": self.credits,
            "cost_components": [
                {"component": name, "label": _label(name), "credits": credits} for name, credits in self.lines.items()
            ],
        }

    def whole(self) -> dict[str, Any]:
        """Return it as the log of autumn 2026 tells it alone: with what was sent, and what a refusal answered."""
        return {**self.row(), "request": self.request, "headers": dict(self.headers), "response": self.response}

    def earlier_row(self) -> dict[str, Any]:
        """Return it as the log listed it before."""
        return {
            "event_id": self.event_id,
            "endpoint": self.endpoint,
            "created_at": self.created_at,
            "status": self.status,
            "credits": self.credits,
            "identifier_count": self.identifier_count,
        }

    @property
    def created_at(self) -> str:
        """When, as ISO 8601 UTC."""
        return datetime.fromtimestamp(self.at, UTC).isoformat(timespec="microseconds")


def _label(component: str) -> str:
    return component.rpartition(".")[2].replace("_", " ").capitalize()


class Meter:
    """The account's book. Safe to read from any thread while the server writes it."""

    def __init__(self, balance: float, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._people: dict[str, list[float]] = {}
        self._statuses: Counter[str] = Counter()
        self.balance = balance
        self.credits = 0.0
        self.calls = 0
        self.events: list[Event] = []

    def call(self) -> None:
        """Count one call that came with the right key."""
        with self._lock:
            self.calls += 1

    def charge(self, people: Sequence[str], price: float) -> float:
        """Charge `price` for each position of `people` and return the sum."""
        with self._lock:
            for person in people:
                entry = self._people.setdefault(person, [0.0, 0])
                entry[0] += price
                entry[1] += 1
            total = price * len(people)
            self.credits += total
            self.balance -= total
            return total

    def log(
        self,
        event_id: str,
        endpoint: str,
        status: int,
        lines: Mapping[str, float],
        identifier_count: int,
        *,
        request: Any = None,
        headers: Mapping[str, str] | None = None,
        response: Any = None,
    ) -> None:
        """Write one row of the usage log; `lines` are what it was billed, component by component."""
        at = datetime.fromtimestamp(self._clock(), UTC).timestamp()  # in microseconds, as the row tells it
        row = Event(event_id, endpoint, at, status, dict(lines), identifier_count, request, headers or {}, response)
        with self._lock:
            self.events.append(row)

    def sent(self, outcome: str) -> None:
        """Count what went over the wire: a status, or the name of a fault that sent none."""
        with self._lock:
            self._statuses[outcome] += 1

    def people_charged(self) -> dict[str, int]:
        """Return how many times each canonical person was charged."""
        with self._lock:
            return {person: int(times) for person, (_, times) in self._people.items()}

    def reading(self) -> dict[str, Any]:
        """Return everything as ``GET /sandbox/meter`` answers it."""
        with self._lock:
            return {
                "calls": self.calls,
                "credits": self.credits,
                "balance": self.balance,
                "outcomes": dict(self._statuses),
                "people": {
                    person: {"credits": billed, "times": int(times)} for person, (billed, times) in self._people.items()
                },
            }

    def page(
        self, before: int | None, limit: int, window: tuple[float, float] = (-math.inf, math.inf)
    ) -> tuple[list[Event], int | None]:
        """Return up to `limit` events older than position `before`, newest first, and where the next page begins.

        Events outside of the window, whose end is not in it, are passed over.
        """
        with self._lock:
            rows = self.events[:before]
        first, end = window
        inside = [number for number, row in enumerate(rows) if first <= row.at < end]
        page = inside[max(0, len(inside) - limit) :]
        return [rows[number] for number in reversed(page)], page[0] if len(page) < len(inside) else None

    def event(self, event_id: str) -> Event | None:
        """Return one event, ``None`` if there is none with that id."""
        with self._lock:
            return next((event for event in reversed(self.events) if event.event_id == event_id), None)
