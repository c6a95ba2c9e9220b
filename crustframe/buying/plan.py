"""Pure: who is new, how many calls, what it costs at most, how long it takes. Opens no socket, writes nothing."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from crustframe import contract
from crustframe.errors import BudgetError
from crustframe.people.identifiers import Identifier, Identifiers
from crustframe.settings.config import ASK_ABOVE_CREDITS
from crustframe.wording import as_html, counted, persons

if TYPE_CHECKING:
    from crustframe.buying.errands import Errand

MATCH_RATE: Final = 0.9  # performance notes, section 6: prior, until the ledger knows this account's own


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would send and cost.

    Attributes
    ----------
    rows, blank, invalid : int
        Rows in all, with an empty cell, and with a cell that names nobody.
    people : int
        Distinct people behind the other rows.
    known : int
        People whose answers the ledger holds; they cost nothing.
    in_doubt : int
        People whose charge is unknown and who are not bought again unasked.
    new : tuple of Identifier
        Whom to ask for.
    calls : int
        Requests, 25 identifiers of one kind each.
    jobs : int
        Jobs that nothing else can do, minutes each; what `route` chooses is told in `notes`.
    price : float
        Credits that one matched new person costs, at most.
    credits_low, credits_likely, credits_high : float
        If nobody, a usual share, or everybody is found with all that is asked for; ``None``: nobody knows the share.
    minutes : float
        Waiting for the account's pace, or for profiles that are fetched in real time; 0.0 when one window is enough.
    requests_per_minute : float
    credits_left_today : float or None
        Under the standing ceiling of a day; ``None``: nobody set one.
    credits_by_group : dict of str to float
        How `credits_high` comes about; a cap shows as a negative entry, and what the account was billed above the list
        as ``as billed before``.
    invalid_reasons : dict of str to int
        Codes of :data:`crustframe.people.identifiers.REASONS`, with counts.
    notes : tuple of str
        What else there is to say before anything is sent.
    route : {"calls", "job"}
        Which way most people go; `notes` tell why.
    job_minutes : float or None
        How long a job is thought to take, where one can be had.
    errands : tuple of Errand
        How whom would be bought.
    about : str
        What is asked about people, where it is not everything.
    unavailable : mapping of str to str
        By key, why somebody cannot be asked about on this account.
    goes_on : bool
        Whether what is bought first tells how the rest is bought.
    """

    rows: int
    blank: int
    invalid: int
    people: int
    known: int
    in_doubt: int
    new: tuple[Identifier, ...] = field(repr=False)
    calls: int
    price: float
    credits_low: float
    credits_likely: float | None
    credits_high: float
    minutes: float
    requests_per_minute: float
    credits_left_today: float | None
    credits_by_group: Mapping[str, float]
    invalid_reasons: Mapping[str, int]
    notes: tuple[str, ...] = ()
    route: str = "calls"
    job_minutes: float | None = None
    jobs: int = 0
    errands: tuple[Errand, ...] = field(default=(), repr=False, compare=False)
    about: str = ""
    unavailable: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    goes_on: bool = field(default=False, repr=False, compare=False)

    @property
    def n_new(self) -> int:
        """How many people would be asked for."""
        return len(self.new)

    def within(self, max_credits: float | None, *, partial: bool = False) -> Plan:
        """Return the plan if it surely stays within the ceiling, or may be cut to it.

        Raises
        ------
        BudgetError
            It may cost more. Nothing was sent.
        """
        if not partial:
            check_ceilings(self._what, self.credits_high, max_credits, self.credits_left_today)
        return self

    def allowed_by(self, max_credits: float | None, *, partial: bool = False) -> Plan:
        """Return the plan if it may be bought as :meth:`within` says, and a larger sum has a ceiling at all.

        Raises
        ------
        BudgetError
            It may cost more, or more than 100 credits without a ceiling. Nothing was sent.
        """
        left = self.credits_left_today if partial else None
        most = self.credits_high if left is None else min(left, self.credits_high)
        check_brake(self._what, most, max_credits)
        return self.within(max_credits, partial=partial)

    @property
    def _what(self) -> str:
        if self.about:
            return f"{self.about.capitalize()}{persons(self.n_new)}"
        return counted(self.n_new, "new person", "new people")

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON takes it."""
        inner = {"new", "errands", "about", "unavailable", "goes_on"}
        facts = {name: getattr(self, name) for name in self.__slots__ if name not in inner}
        return {name: dict(v) if isinstance(v, Mapping) else v for name, v in facts.items()} | {"new": self.n_new}

    def __str__(self) -> str:
        rows = [f"{persons(self.people)} in {counted(self.rows, 'row')}"]
        if self.blank or self.invalid:
            reasons = ", ".join(f"{n} {reason}" for reason, n in self.invalid_reasons.items())
            rows.append(f"{self.blank} blank, {self.invalid} refused" + (f" ({reasons})" if reasons else ""))
        if self.known:
            rows.append(f"{self.about}{persons(self.known)} known already: free")
        if self.in_doubt:
            rows.append(f"{persons(self.in_doubt)} in doubt: not bought again unless on_doubt='resend'")
        if not self.new:
            rows.append(f"nobody to ask for: 0 {'jobs' if self.about else 'calls'}, 0 credits")
        else:
            rows += [self._work(), self._cost()]
            if self.credits_left_today is not None:
                rows.append(f"standing ceiling: {counted(self.credits_left_today, 'credit')} left today")
        return "\n".join([*rows, *self.notes])

    def _work(self) -> str:
        asked = f"{persons(self.n_new)} to ask for in "
        if not self.calls:
            return f"{asked}{counted(self.jobs, 'job')}, minutes each"
        jobs = f" and {counted(self.jobs, 'job')}" if self.jobs else ""
        time = f"about {math.ceil(self.minutes)} min" if self.minutes else "no waiting"
        return f"{asked}{counted(self.calls, 'call')}{jobs}, {time} at {self.requests_per_minute:.12g} a minute"

    def _cost(self) -> str:
        parts = " + ".join(f"{credits:.12g} {group}" for group, credits in self.credits_by_group.items())
        if self.credits_likely is None:
            return f"credits: {self.credits_high:.12g} at most ({parts}); what nobody has is free"
        low, likely, high = (f"{n:.12g}" for n in (self.credits_low, self.credits_likely, self.credits_high))
        return f"credits: {low} low, {likely} likely, {high} at most ({parts})"

    def _repr_html_(self) -> str:
        return as_html("<strong>Plan</strong> (nothing sent)", str(self))


def check_ceilings(what: str, credits_high: float, max_credits: float | None, left_today: float | None) -> None:
    """Refuse what may cost more than a ceiling allows, before anything is sent.

    Raises
    ------
    BudgetError
        It may cost more.
    """
    costs = f"{what} may cost up to {counted(credits_high, 'credit')}"
    cut = "let it buy what surely fits with partial (`partial=True`, `--partial`)"
    if max_credits is not None and credits_high > max_credits:
        raise BudgetError(
            f"{costs}; max_credits is {max_credits:.12g}. Nothing was sent, nothing was charged.",
            hint=f"allow {credits_high:.12g}, take fewer rows, or {cut}.",
        )
    if left_today is not None and credits_high > left_today:
        raise BudgetError(
            f"{costs}; {counted(left_today, 'is', 'are')} left of today's standing ceiling. Nothing was sent, "
            "nothing was charged.",
            hint=f"raise it with `crustframe budget --daily N`, wait for tomorrow (UTC), or {cut}.",
        )


def check_brake(what: str, credits_high: float, max_credits: float | None) -> None:
    """Refuse a larger sum for which nobody named a ceiling, before anything is sent.

    Raises
    ------
    BudgetError
        It may cost more than 100 credits.
    """
    if max_credits is None and credits_high > ASK_ABOVE_CREDITS:
        raise BudgetError(
            f"{what} may cost up to {counted(credits_high, 'credit')}, and no ceiling is set. Nothing was sent, "
            "nothing was charged.",
            hint=f"allow it with max_credits={credits_high:.12g} (`--max-credits {credits_high:.12g}`), or set a "
            "ceiling for every run with CRUSTFRAME_MAX_CREDITS or crustframe.set_ceiling().",
        )


def make_plan(
    identifiers: Identifiers,
    *,
    known: Iterable[str],
    in_doubt: Iterable[str] = (),
    groups: frozenset[str] | set[str],
    price: float,
    requests_per_minute: float,
    match_rate: float | None = None,
    credits_left_today: float | None = None,
    prices: Mapping[str, float] | None = None,
    max_identifiers: Callable[[contract.IdentifierKind], int] = lambda _: contract.MAX_IDENTIFIERS,
    seconds_a_person: float = 0.0,
    concurrency: int = 1,
) -> Plan:
    """Return what a run would send and cost.

    Parameters
    ----------
    identifiers : Identifiers
    known, in_doubt : iterable of str
        Keys that are not asked for.
    groups : set of str
        What a request names.
    price : float
        Credits that one matched person costs for `groups`.
    requests_per_minute : float
    match_rate : float, optional
        Share of people that are found, for the likely figure.
    credits_left_today : float, optional
        Under the standing ceiling.
    prices : mapping of str to float, optional
        The parts of `price`; by default those of the current surface.
    max_identifiers : callable
        How many identifiers of a kind one request takes.
    seconds_a_person : float
        How long the API takes over each of them, where that is told.
    concurrency : int
        Requests in flight.
    """
    held, doubtful = set(known), set(in_doubt)
    new = tuple(i for i in identifiers.unique if i.key not in held and i.key not in doubtful)
    calls = n_calls(new, max_identifiers)
    high = price * len(new)
    return Plan(
        rows=len(identifiers),
        blank=identifiers.n_blank,
        invalid=identifiers.n_invalid,
        people=len(identifiers.unique),
        known=sum(i.key in held for i in identifiers.unique),
        in_doubt=sum(i.key in doubtful for i in identifiers.unique),
        new=new,
        calls=calls,
        price=price,
        credits_low=0.0,
        credits_likely=round(high * (MATCH_RATE if match_rate is None else match_rate)),
        credits_high=high,
        minutes=max(
            0.0,
            (math.ceil(calls / max(1.0, requests_per_minute)) - 1) * contract.RATE_WINDOW_S / 60,
            len(new) * seconds_a_person / max(1, min(calls, concurrency)) / 60,
        ),
        requests_per_minute=requests_per_minute,
        credits_left_today=credits_left_today,
        credits_by_group=_by_part(_list_prices(groups, price) if prices is None else prices, price, len(new)),
        invalid_reasons=dict(identifiers.reasons),
    )


def n_calls(
    identifiers: Sequence[Identifier],
    max_identifiers: Callable[[contract.IdentifierKind], int] = lambda _: contract.MAX_IDENTIFIERS,
) -> int:
    """Return how many requests of one kind each it takes."""
    kinds = Counter(identifier.kind for identifier in identifiers)
    return sum(math.ceil(n / max_identifiers(kind)) for kind, n in kinds.items())


def _list_prices(groups: Iterable[str], price: float) -> dict[str, float]:
    if not price:
        return {"preview": 0.0}
    named = set(groups)
    return {"base": contract.BASE_PRICE, **{g: credits for g, credits in contract.ADD_ON_PRICES.items() if g in named}}


def _by_part(prices: Mapping[str, float], price: float, people: int) -> dict[str, float]:
    parts = {part: people * credits for part, credits in prices.items()}
    rest = people * price - sum(parts.values())
    return parts | ({"cap" if rest < 0 else "as billed before": rest} if rest else {})
