"""Scripted faults: which request they meet, what the server does then, and whether it charged first.

What is charged and what the wire does are told separately, since a call that was charged and then reset looks
to its sender exactly like one that was reset unread.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal, get_args

from crustframe import contract
from crustframe.sandbox.people import canonical

Action = Literal[
    "answer",  # the true answer; for modifiers such as `retry_after` alone
    "reset",  # RST instead of an answer
    "close",  # FIN instead of an answer
    "hang",  # nothing for `seconds`, then FIN
    "cut",  # Content-Length of the whole answer, half of it, FIN
    "cut_silently",  # no length, half of the answer, FIN
    "drip",  # the whole answer, in pieces spread over `seconds`
    "status",  # `status` with the API's error body, or with HTML
    "redirect",  # 3xx (`status`, else 307) to `location`
    "empty",  # 200 without a body
    "garbage",  # 200 with a body that is no JSON, or with `body`
    "html",  # 200 with a page, as a captive portal sends it
    "drop_item",  # an entry is missing: the one of `identifier`, else the last
    "duplicate_item",  # that entry comes twice
    "extra_item",  # an entry for somebody who was not asked for
    "shuffle",  # entries in another order
    "wrong_matched_on_case",  # every matched_on with its letters' case swapped
    "overcharge",  # `factor` times the list price, in header and meter
]
ACTIONS: Final[frozenset[str]] = frozenset(get_args(Action))
UNANSWERED: Final = frozenset({"reset", "close", "hang"})
UNCHARGED: Final = UNANSWERED | {"status", "redirect"}
STRANGER: Final = "https://www.linkedin.com/in/stranger-example"

_ERROR_TYPES: Final[Mapping[int, str]] = {
    402: "insufficient_credits",
    403: "permission_error",
    404: "not_found",
    429: "rate_limit_exceeded",
}
PAGE: Final = "<!DOCTYPE html><html><head><title>Sign in</title></head><body><h1>Sign in</h1></body></html>"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One scripted fault of ``POST /person/enrich``.

    A fault sees the requests that came with the right key and within the rate window since it was added (with
    `identifier`: those that contain it) and counts them from 1. Conditions that are given must all hold; with
    none of them it meets every request. The first fault that meets a request acts, the others only count it.

    Parameters
    ----------
    action : str
        What the server does, see ``Action``.
    nth : int or collection of int, optional
        Meets these requests.
    every : int, optional
        Meets each `every`-th request.
    probability : float, optional
        Meets a request by chance, drawn with `seed`.
    identifier : str, optional
        Meets requests that contain this identifier, as sent or by its canonical spelling.
    times : int, optional
        Acts at most so often.
    charge : bool, optional
        Whether the call is processed and charged before the action. By default ``reset``, ``close``, ``hang``,
        ``status`` and ``redirect`` are not, all others are.
    seconds : float
        Real seconds of ``hang`` and ``drip``.
    status : int, optional
        For ``status`` (default 500) and ``redirect`` (default 307).
    html : bool
        ``status`` answers a page instead of the API's error body.
    body : str, optional
        Text for ``status`` and ``garbage``.
    retry_after : str, optional
        Value of a Retry-After header, with any action that answers.
    rate_headers : bool
        Whether the rate headers are sent, with any action that answers.
    factor : float
        For ``overcharge``.
    location : str
        For ``redirect``.
    """

    action: Action = "answer"
    nth: int | Collection[int] | None = None
    every: int | None = None
    probability: float | None = None
    seed: int = 0
    identifier: str | None = None
    times: int | None = None
    charge: bool | None = None
    seconds: float = 1.0
    status: int | None = None
    html: bool = False
    body: str | None = None
    retry_after: str | None = None
    rate_headers: bool = True
    factor: float = 2.0
    location: str = "https://elsewhere.example/person/enrich"

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise ValueError(f"unknown action {self.action!r}; one of {', '.join(sorted(ACTIONS))}")
        if self.status is not None and not 200 <= self.status <= 599:
            raise ValueError(f"status must be between 200 and 599, got {self.status}")
        if self.every is not None and self.every < 1:
            raise ValueError(f"every must be at least 1, got {self.every}")

    @property
    def charges(self) -> bool:
        """Whether the call is processed before the action."""
        return self.action not in UNCHARGED if self.charge is None else self.charge

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Fault:
        """Read a fault from a JSON object with the same names; raises ValueError on others."""
        unknown = set(value) - {item.name for item in fields(cls)}
        if unknown:
            raise ValueError(f"unknown keys: {', '.join(sorted(unknown))}")
        wrong = [key for key, given in value.items() if not isinstance(given, _JSON_TYPES[key])]
        if wrong:
            raise ValueError(f"wrong type: {', '.join(wrong)}")
        return cls(**value)

    def entries(self, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the answer's `entries` as this fault sends them."""
        at = next((n for n, entry in enumerate(entries) if self._means(entry)), len(entries) - 1)
        match self.action:
            case "drop_item":
                return entries[:at] + entries[at + 1 :]
            case "duplicate_item":
                return [*entries, entries[at]]
            case "extra_item":
                stranger = {"matched_on": STRANGER, "match_type": contract.PROFILE_URL, "matches": []}
                return [*entries, stranger]
            case "shuffle":
                mixed = random.Random(self.seed).sample(entries, len(entries))
                return mixed if mixed != entries else entries[::-1]
            case "wrong_matched_on_case":
                return [{**entry, "matched_on": entry["matched_on"].swapcase()} for entry in entries]
            case _:
                return entries

    def _means(self, entry: Mapping[str, Any]) -> bool:
        return self.identifier in (entry["matched_on"], canonical(entry["matched_on"], entry["match_type"]))

    def error_body(self, status: int) -> dict[str, Any]:
        """Return an error in the API's shape."""
        if status == 401:
            return {"message": "Invalid API key in request"}
        kind = _ERROR_TYPES.get(status, "internal_error" if status >= 500 else "invalid_request")
        return {"error": {"type": kind, "message": "Scripted fault.", "metadata": []}}


_JSON_TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {
    **dict.fromkeys(("action", "identifier", "body", "retry_after", "location"), str),
    **dict.fromkeys(("every", "seed", "times", "status"), int),
    **dict.fromkeys(("charge", "html", "rate_headers"), bool),
    **dict.fromkeys(("probability", "seconds", "factor"), (int, float)),
    "nth": (int, list),
}


@dataclass
class _Armed:
    fault: Fault
    seen: int = 0
    acted: int = 0
    chance: random.Random = field(default_factory=random.Random)


class Faults:
    """The faults of one sandbox. Safe to change from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: list[_Armed] = []
        self.acted = 0

    def add(self, action: Action = "answer", **conditions: Any) -> Fault:
        """Script ``Fault(action=action, **conditions)`` and return it."""
        fault = Fault(action=action, **conditions)
        self.arm(fault)
        return fault

    def arm(self, fault: Fault) -> None:
        """Script `fault`, after those that are there."""
        with self._lock:
            self._armed.append(_Armed(fault, chance=random.Random(fault.seed)))

    def clear(self) -> int:
        """Forget all faults and return how many there were."""
        with self._lock:
            count = len(self._armed)
            self._armed.clear()
            return count

    def meet(self, identifiers: Collection[str]) -> Fault | None:
        """Count a request with `identifiers`, in all their spellings, and return the fault that acts on it."""
        acting: Fault | None = None
        with self._lock:
            for armed in self._armed:
                if _meets(armed, identifiers) and acting is None:
                    armed.acted += 1
                    self.acted += 1
                    acting = armed.fault
        return acting


def _meets(armed: _Armed, identifiers: Collection[str]) -> bool:
    fault = armed.fault
    if fault.identifier is not None and fault.identifier not in identifiers:
        return False
    armed.seen += 1
    if fault.times is not None and armed.acted >= fault.times:
        return False
    if fault.nth is not None and armed.seen not in ({fault.nth} if isinstance(fault.nth, int) else set(fault.nth)):
        return False
    if fault.every is not None and armed.seen % fault.every:
        return False
    return fault.probability is None or armed.chance.random() < fault.probability
