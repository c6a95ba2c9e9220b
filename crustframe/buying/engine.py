"""Buys everything that a question is sent out for, under one ceiling: jobs are submitted, calls go meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from crustframe.buying.calls import Caller
from crustframe.buying.errands import Errand
from crustframe.buying.job_buying import JobBuyer
from crustframe.buying.jobs import Ticket
from crustframe.buying.progress import Progress, read_progress
from crustframe.buying.purse import Bought, Purse
from crustframe.buying.terms import Terms
from crustframe.buying.ways import Calls, Jobs, Way
from crustframe.client import Client
from crustframe.errors import APIError, BadRequestError, PermissionDeniedError, SurfaceError
from crustframe.people.identifiers import Identifier
from crustframe.people.records import Record

OnRecord = Callable[[Errand, Record], None]


@dataclass
class Outcome:
    """What a run came to, and what it left.

    Attributes
    ----------
    bought : Bought
    ticket : Ticket or None
        Jobs that were not waited for.
    by_job : list of JobBuyer
        Whose answers are in the ledger.
    """

    bought: Bought
    ticket: Ticket | None
    by_job: list[JobBuyer]


class Engine:
    """One run: errands of any way, one purse, one progress.

    Parameters
    ----------
    client : Client
    errands : sequence of Errand
    terms : Terms
    on_record : callable
        Hears, from one thread at a time, what became of somebody who went by calls, and of whom no way took.
    purse : Purse
        Earlier rounds of the same run share it.
    """

    def __init__(
        self, client: Client, errands: Sequence[Errand], terms: Terms, on_record: OnRecord, purse: Purse
    ) -> None:
        self._client = client
        self._errands = errands
        self._terms = terms
        self._on_record = on_record
        self._purse = purse
        self._callers: dict[Way, Caller] = {}
        self._people = len({identifier.key for errand in errands for identifier in errand.people})
        self._show, self._close = read_progress(terms.progress, self._people)
        self._refused: list[APIError] = []
        self._settled: dict[object, tuple[int, int, str]] = {}

    def run(self) -> Outcome:
        """Buy.

        Raises
        ------
        APIError, LedgerError
            Everything would be refused, or nothing could be written down.
        """
        bought = self._purse.bought
        with ExitStack() as stack:
            stack.callback(self._close)
            by_job = self._submitted(stack)
            refused = self._by_calls(by_job)
            for buyer in by_job:
                if self._terms.wait and not bought.interrupted:
                    buyer.wait()
            for buyer, so_far in refused.items():
                if later := buyer.refused[so_far:]:
                    self._call(buyer.errand, buyer.errand.otherwise, later)
            self._tell_refusals(by_job)
        if self._refused:
            self._purse.bought.end_with(self._refused[0])
        ticket = None if self._terms.wait or not by_job else joined(buyer.ticket() for buyer in by_job)
        return Outcome(bought, ticket, by_job)

    def _submitted(self, stack: ExitStack) -> list[JobBuyer]:
        """Submit all jobs before any is waited for."""
        buyers: list[JobBuyer] = []
        for number, errand in enumerate(self._errands):
            if not isinstance(errand.way, Jobs) or self._purse.bought.interrupted:
                continue
            buyer = JobBuyer(
                self._client,
                errand,
                errand.way,
                purse=self._purse,
                terms=self._terms,
                on_settled=partial(self._follow, number),
            )
            buyers.append(stack.enter_context(buyer))
            buyer.submit()
            if errand.otherwise is not None and buyer.lacks_needed is not None:
                raise buyer.lacks_needed
        return buyers

    def _by_calls(self, by_job: Sequence[JobBuyer]) -> dict[JobBuyer, int]:
        """Buy by calls while the jobs run; return how many whom no job took are done with."""
        refused = {buyer: len(buyer.refused) for buyer in by_job}
        for errand in self._errands:
            beside = [i for b in by_job if b.errand.otherwise == errand.way for i in b.refused]
            self._call(errand, errand.way, [*errand.people, *beside])
        alone = [buyer for buyer in by_job if all(buyer.errand.otherwise != errand.way for errand in self._errands)]
        for buyer in alone:
            self._call(buyer.errand, buyer.errand.otherwise, buyer.refused)
        return refused

    def _call(self, errand: Errand, way: Way | None, people: Sequence[Identifier]) -> None:
        bought = self._purse.bought
        if not isinstance(way, Calls) or not people or bought.interrupted or bought.stopped is not None:
            return
        if way not in self._callers:
            self._callers[way] = Caller(
                self._client.facing(type(way.options)),
                way,
                errand.need,
                errand.needed,
                purse=self._purse,
                terms=self._terms,
                on_record=partial(self._take, errand),
            )
        try:
            self._callers[way].buy(people)
        except (BadRequestError, PermissionDeniedError, SurfaceError) as error:
            if len(self._errands) == 1:
                raise
            self._refused.append(error)  # of this surface: the others go on

    def _take(self, errand: Errand, record: Record) -> None:
        self._on_record(errand, record)
        settled, found, _ = self._settled.get(errand, (0, 0, ""))
        self._follow(errand, settled + 1, found + (record.status == "matched"), "")

    def _follow(self, whose: object, settled: int, found: int, waiting_for: str) -> None:
        self._settled[whose] = settled, found, waiting_for
        told = self._settled.values()
        bought = self._purse.bought
        ceiling = self._terms.max_credits
        self._show(
            Progress(
                min(self._people, sum(n for n, _, _ in told)),
                self._people,
                sum(n for _, n, _ in told),
                bought.calls,
                bought.credits,
                None if ceiling is None else ceiling - bought.credits,
                ", ".join(words for _, _, words in told if words),
            )
        )

    def _tell_refusals(self, by_job: Sequence[JobBuyer]) -> None:
        """Raise the first refusal that no other way made good; where something was bought, the run ended with it."""
        refusals = [buyer for buyer in by_job if buyer.refusal is not None and buyer.errand.otherwise is None]
        for buyer in refusals:
            for identifier in buyer.refused:
                self._on_record(buyer.errand, Record(identifier.key, "failed", reason="request_refused"))
        refusal: APIError | None = refusals[0].refusal if refusals else None
        if refusal is not None:
            self._purse.bought.end_with(refusal)


def joined(tickets: Iterable[Ticket]) -> Ticket:
    """Return what several tickets say together."""
    parts = list(tickets)
    return Ticket(
        tuple(dict.fromkeys(batch_id for ticket in parts for batch_id in ticket.batch_ids)),
        sum(ticket.people for ticket in parts),
        sum(ticket.credits_high for ticket in parts),
        sum(ticket.left for ticket in parts),
        any(ticket.is_fresh_only for ticket in parts),
    )
