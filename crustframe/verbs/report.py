"""The receipt: what happened to every row, what it cost, what is open."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from crustframe import contract
from crustframe.buying.purse import Bought
from crustframe.people.identifiers import Identifiers
from crustframe.people.records import STATUSES, Status
from crustframe.wording import as_html, counted, persons

_NOTHING: Final = 1e-6
"""Below what a saving is only how fractions of credits were added up."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a run came to.

    Attributes
    ----------
    rows : int
    people : int
        Distinct people behind the rows.
    statuses : dict of str to int
        Rows by ``crust.status``; the counts add up to `rows`.
    known : int
        People answered from the ledger.
    calls : int
        Requests that left.
    credits : float
        As the server's own counter billed them.
    credits_by_surface : dict of str to float
        The same, by the endpoint that billed them.
    credits_at_risk : float
        Of requests without a complete answer.
    credits_under_way : float
        Of jobs that were not waited for, if everybody is found.
    in_doubt : tuple of str
        The identifiers these were for.
    problems : dict of str to int
        Why people failed or are in doubt, with how many.
    resent : tuple of str
        Identifiers in doubt from an earlier run that were bought again, at most `credits_of_repeats` twice.
    credits_of_repeats : float
    rows_beyond_limit, people_beyond_limit : int
        Whom `limit` left for later; their rows are ``not_run``.
    credits_beyond_limit : float
        What they would cost at most.
    drift : dict of (str, str) to int
        Values that broke the schema: path and what came, to how many. A cell is ``<NA>``; an element of a list is
        left out, its place kept.
    dropped_groups : tuple of str
        Groups that the account does not grant and that no column needed.
    invalid_reasons : dict of str to int
        Why cells were refused.
    text_calls, text_credits : int, float
        What a tool that takes every spelling for a person would have sent and paid for the same rows, at the price
        that these people were billed at.
    request_ids : tuple of str
    stopped : str or None
        Why the run ended early.
    stopped_exit_code : int or None
    interrupted : bool
        The user ended the run.
    seconds : float
    """

    rows: int
    people: int
    statuses: Mapping[str, int]
    known: int
    calls: int
    credits: float
    credits_by_surface: Mapping[str, float]
    credits_at_risk: float
    credits_under_way: float
    in_doubt: tuple[str, ...]
    problems: Mapping[str, int]
    resent: tuple[str, ...]
    credits_of_repeats: float
    drift: Mapping[tuple[str, str], int]
    dropped_groups: tuple[str, ...]
    invalid_reasons: Mapping[str, int]
    text_calls: int
    text_credits: float
    request_ids: tuple[str, ...] = field(repr=False)
    stopped: str | None
    stopped_exit_code: int | None
    interrupted: bool
    seconds: float
    rows_beyond_limit: int = 0
    people_beyond_limit: int = 0
    credits_beyond_limit: float = 0.0

    @property
    def hit_ceiling(self) -> bool:
        """Whether rows were left because the ceiling would not surely hold."""
        ended = self.stopped is not None or self.interrupted or bool(self.credits_under_way)
        return self.statuses["not_run"] > self.rows_beyond_limit and not ended

    @property
    def is_complete(self) -> bool:
        """Whether every row that was asked about is resolved: nothing failed, in doubt or not run."""
        is_open = sum(self.statuses[status] for status in ("failed", "in_doubt", "not_run"))
        return is_open == self.rows_beyond_limit

    def to_dict(self) -> dict[str, Any]:
        """Return the receipt as JSON takes it."""
        found = {name: getattr(self, name) for name in self.__slots__}
        found["drift"] = [{"path": path, "found": what, "values": n} for (path, what), n in self.drift.items()]
        return {
            name: dict(v) if isinstance(v, Mapping) else list(v) if isinstance(v, tuple) else v
            for name, v in found.items()
        }

    def __str__(self) -> str:
        counts = ", ".join(f"{n} {status}" for status, n in self.statuses.items() if n)
        lines = [
            f"{counted(self.rows, 'row')}, {persons(self.people)}: {counts or 'nothing asked'}",
            f"{counted(self.calls, 'call')}, {counted(self.credits, 'credit')}"
            + (f", {persons(self.known)} from the ledger" if self.known else "")
            + (f", {self.seconds:.1f} s" if self.seconds >= 0.1 else ""),
        ]
        if len(self.credits_by_surface) > 1:
            parts = (f"{surface} {counted(n, 'credit')}" for surface, n in self.credits_by_surface.items())
            lines.append(f"billed by surface: {', '.join(parts)}")
        if (saved := self.text_credits - self.credits) > _NOTHING:
            lines.append(
                f"a script that compares texts would have made {counted(self.text_calls, 'call')} and paid "
                f"{counted(self.text_credits, 'credit')} for these rows; saved: {saved:.12g}"
            )
        if self.invalid_reasons:
            lines.append("refused cells: " + ", ".join(f"{n} {reason}" for reason, n in self.invalid_reasons.items()))
        if self.in_doubt:
            lines.append(
                f"in doubt: {persons(len(self.in_doubt))}, up to {counted(self.credits_at_risk, 'credit')} may have "
                f"been charged: {_few(self.in_doubt)}"
            )
        lines += [f"{persons(n)} not settled: {problem}" for problem, n in self.problems.items()]
        if self.resent:
            lines.append(
                f"asked again after a run that broke off: {persons(len(self.resent))}, up to "
                f"{counted(self.credits_of_repeats, 'credit')} may have been charged twice: {_few(self.resent)}"
            )
        lines += [
            f"not as documented: {counted(n, 'value')} of {path} came as {what}; left out, kept in the ledger"
            for (path, what), n in self.drift.items()
        ]
        if self.dropped_groups:
            lines.append(f"not granted to this account and not needed: {', '.join(self.dropped_groups)}")
        if self.credits_under_way:
            more = counted(self.credits_under_way, "credit")
            lines.append(f"jobs are under way, for up to {more} more; run the same again when they are done")
        if self.rows_beyond_limit:
            lines.append(
                f"not asked for, beyond the limit: {persons(self.people_beyond_limit)} in "
                f"{counted(self.rows_beyond_limit, 'row')}, for up to {counted(self.credits_beyond_limit, 'credit')}"
            )
        if self.hit_ceiling:
            lines.append("the ceiling would not surely hold for the rows not run; run again with a higher one")
        if self.interrupted:
            lines.append("interrupted: run the same again to go on; what was paid for is kept")
        if self.stopped:
            lines.append(f"ended early: {self.stopped}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return as_html("<strong>Receipt</strong>", str(self))


class Beyond(NamedTuple):
    """Whom a limit left for later: how many people, and what they would cost at most."""

    people: int = 0
    credits_high: float = 0.0

    def note(self) -> list[str]:
        """Return what a plan says of them."""
        if not self.people:
            return []
        return [f"beyond the limit: {persons(self.people)}, for up to {counted(self.credits_high, 'credit')} more"]


class Interrupted(KeyboardInterrupt):
    """The user ended a run.

    Attributes
    ----------
    found : Enrichment or Contacts
        What was found until then.
    """

    def __init__(self, found: Any) -> None:
        super().__init__(str(found.report))
        self.found = found

    @property
    def enrichment(self) -> Any:
        """What :func:`crustframe.enrich` found until then."""
        return self.found


def make_report(
    identifiers: Identifiers,
    statuses: Sequence[Status],
    *,
    known: int,
    bought: Bought,
    price: float,
    drift: Mapping[tuple[str, str], int],
    in_doubt: Sequence[str],
    problems: Mapping[str, int],
    credits_at_risk: float,
    seconds: float,
    beyond: Beyond,
) -> Report:
    """Return the receipt of a run.

    Parameters
    ----------
    identifiers : Identifiers
    statuses : sequence of str, length u
        By person.
    price : float
        What one person was billed at.
    beyond : Beyond
        Whom a limit left for later.
    """
    beyond_limit = identifiers.count(identifiers.beyond_limit)
    by_row = Counter({"blank": identifiers.n_blank, "invalid": identifiers.n_invalid, "not_run": beyond_limit})
    for position, n in identifiers.rows_by_person.items():
        if position >= 0:
            by_row[statuses[position]] += n
    spelled: Counter[str] = Counter()
    for identifier, spellings in zip(identifiers.unique, identifiers.spellings, strict=True):
        spelled[identifier.kind] += spellings
    matched = sum(
        spellings for spellings, status in zip(identifiers.spellings, statuses, strict=True) if status == "matched"
    )
    error = bought.stopped
    return Report(
        rows=len(identifiers),
        people=len(identifiers.unique),
        statuses={status: by_row[status] for status in STATUSES},
        known=known,
        calls=bought.calls,
        credits=bought.credits,
        credits_by_surface=dict(bought.by_surface),
        credits_at_risk=credits_at_risk,
        credits_under_way=bought.credits_set_aside,
        in_doubt=tuple(in_doubt),
        problems=dict(problems),
        resent=tuple(bought.resent),
        credits_of_repeats=bought.credits_of_repeats,
        drift=dict(drift),
        dropped_groups=tuple(bought.dropped_groups),
        invalid_reasons=dict(identifiers.reasons),
        text_calls=sum(math.ceil(n / contract.MAX_IDENTIFIERS) for n in spelled.values()),
        text_credits=matched * price,
        request_ids=tuple(bought.request_ids),
        stopped=None if error is None else str(error),
        stopped_exit_code=getattr(error, "exit_code", None),
        interrupted=bought.interrupted,
        seconds=seconds,
        rows_beyond_limit=beyond_limit,
        people_beyond_limit=beyond.people,
        credits_beyond_limit=beyond.credits_high,
    )


def _few(identifiers: Sequence[str]) -> str:
    shown = ", ".join(identifiers[:25])
    return shown + (f" and {len(identifiers) - 25} more" if len(identifiers) > 25 else "")
