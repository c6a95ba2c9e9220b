"""What a run spends: one ceiling over everything that it buys, whichever ways it takes."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from crustframe.errors import CrustframeError


@dataclass(slots=True)
class Bought:
    """What a run of purchases came to.

    Attributes
    ----------
    calls : int
        Requests that left.
    credits : float
        As the server's own ``x-credits-used`` billed them.
    matched : int
        People whom these credits paid for.
    credits_at_risk : float
        Of requests whose charge is unknown.
    credits_set_aside : float
        For jobs under way, if everybody is found.
    credits_of_repeats : float
        What the resending of earlier doubts may have paid a second time.
    resent : list of str
        Identifiers that were in doubt and were bought again.
    request_ids : list of str
    dropped_groups : list of str
        Groups that the account does not grant and that no field needs.
    stopped : CrustframeError or None
        Why the run ended early.
    interrupted : bool
        The user ended it.
    learnt : dict
        What the account was found to have or to lack, by endpoint and part of its requests.
    by_surface : dict of str to float
        The credits, by the endpoint that billed them.
    """

    calls: int = 0
    credits: float = 0.0
    matched: int = 0
    credits_at_risk: float = 0.0
    credits_set_aside: float = 0.0
    credits_of_repeats: float = 0.0
    resent: list[str] = field(default_factory=list)
    request_ids: list[str] = field(default_factory=list)
    dropped_groups: list[str] = field(default_factory=list)
    stopped: Exception | None = None
    interrupted: bool = False
    learnt: dict[tuple[str, str], bool] = field(default_factory=dict)
    by_surface: dict[str, float] = field(default_factory=dict)

    def charge(self, endpoint: str, credits: float) -> None:
        """Count what a surface billed."""
        self.credits += credits
        if credits:
            self.by_surface[endpoint] = self.by_surface.get(endpoint, 0.0) + credits

    def end_with(self, refusal: Exception) -> None:
        """End with a refusal: as an error, or where something was bought, as the reason why not more was."""
        if not self.credits_committed:
            raise refusal
        if isinstance(refusal, CrustframeError):
            refusal.message = refusal.message.replace("Nothing was charged", "This request was not charged")
        self.stopped = refusal

    @property
    def credits_committed(self) -> float:
        """What counts against a ceiling: billed, perhaps billed, and what jobs under way may still cost."""
        return self.credits + self.credits_at_risk + self.credits_set_aside


class Purse:
    """One ceiling over everything that a run buys, whichever ways and threads it takes.

    Parameters
    ----------
    max_credits : float or None
        Never passed: the worst case of a request is reserved before it leaves.

    Attributes
    ----------
    bought : Bought
    changed : threading.Condition
        Guards everything that several threads change, and wakes whoever waits for credits or for people.
    """

    def __init__(self, max_credits: float | None) -> None:
        self.bought = Bought()
        self.changed = threading.Condition()
        self._max_credits = max_credits
        self._reserved = 0.0

    def next_round(self) -> None:
        """Go on under the same ceiling with what was learnt: what ended the round before ends no other."""
        self.bought.stopped = None

    def fits(self, price: float, most: int) -> int:
        """Return how many people at `price` surely fit under the ceiling, `most` at most."""
        if self._max_credits is None or not price:
            return most
        left = self._max_credits - self.bought.credits_committed - self._reserved
        return min(most, int((left + 1e-9) // price))

    def reserve(self, credits: float) -> None:
        """Keep the worst case of a request that is about to leave."""
        with self.changed:
            self._reserved += credits

    def give_back(self, credits: float) -> None:
        """Let go of it when the request has ended, and what it cost is told."""
        with self.changed:
            self._reserved -= credits
            self.changed.notify_all()
