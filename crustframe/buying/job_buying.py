"""Buying by jobs: claim, set aside, submit, wait. Nothing is submitted twice, and no place is taken from others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, Self

from crustframe import contract
from crustframe.api import jobs as api
from crustframe.buying.abilities import told_by
from crustframe.buying.desk import Desk
from crustframe.buying.errands import Errand
from crustframe.buying.jobs import LATER, Collector, Ticket
from crustframe.buying.purse import Purse
from crustframe.buying.terms import Terms
from crustframe.buying.ways import Jobs
from crustframe.client import Client
from crustframe.errors import APIError, BadRequestError, PermissionDeniedError, RateLimitError, SurfaceError
from crustframe.http.retry import ATTEMPTS, Retries
from crustframe.ledger import Purchase
from crustframe.ledger.jobs import Job
from crustframe.people.identifiers import Identifier
from crustframe.people.records import Record
from crustframe.wording import counted

if TYPE_CHECKING:
    from types import TracebackType

_DAY_S: Final = 86400.0
_BUSY_S: Final = 0.5
_HOLD_S: Final = 5.0
"""How long a place for another job is left to whoever has it."""


class JobBuyer:
    """Buys the people of an errand by jobs, inside ``with``: submit them, do something else meanwhile, wait.

    Parameters
    ----------
    client : Client
    errand : Errand
    way : Jobs
        Its way.
    purse : Purse
        Other errands of the same run share it.
    terms : Terms
    on_settled : callable
        Called after every look with the number of people that are settled, how many of them were found, and what is
        waited for.

    Attributes
    ----------
    errand : Errand
    refused : list of Identifier
        Whom the API refused to take by job, uncharged.
    refusal : APIError or None
        Why.
    """

    def __init__(
        self,
        client: Client,
        errand: Errand,
        way: Jobs,
        *,
        purse: Purse,
        terms: Terms,
        on_settled: Callable[[int, int, str], None],
    ) -> None:
        self.errand = errand
        self.refused: list[Identifier] = []
        self.refusal: APIError | None = None
        self._client = client
        self._purse = purse
        self._terms = terms
        self._on_settled = on_settled
        self._desk = Desk(client, way, errand.need, errand.needed, purse=purse, terms=terms, on_record=lambda _: None)
        self._mine: dict[int, Job] = {}
        self._matched: dict[int, int] = {}
        self._set_aside_for_mine = 0.0
        self._hold_until = 0.0

    def __enter__(self) -> Self:
        self._desk.__enter__()
        self._collector = Collector(self._client, self._purse.bought)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._desk.__exit__(kind, error, trace)

    def submit(self) -> None:
        """Submit everybody in as few jobs as may be, as far as there are places and credits now.

        Raises
        ------
        AuthenticationError, InsufficientCreditsError
            Every job would be refused.
        """
        self._desk.queue(self.errand.people)
        self._mine = self._others_with(self.errand.people)
        try:
            self._fill_places()
        except KeyboardInterrupt:
            self._purse.bought.interrupted = True
        self._set_aside()

    def wait(self) -> None:
        """Submit whoever is left as places come free, and wait for the results; what comes goes into the ledger.

        Raises
        ------
        AuthenticationError, InsufficientCreditsError
            Every job would be refused.
        """
        try:
            while self._mine or self._desk.busy or self._desk.has_waiting:
                self._look()
                self._desk.look_at_others()
                self._fill_places()
                self._set_aside()
                if not (self._mine or self._desk.busy) and self._desk.is_full:
                    self._desk.leave_the_rest()
                self._tell()
                self._pause()
        except KeyboardInterrupt:
            self._purse.bought.interrupted = True

    def _look(self) -> None:
        for number, job in list(self._mine.items()):
            now = self._collector.advance(job)
            self._matched[number] = (now or self._collector.book.get(number)).matched
            if now is not None:
                self._mine[number] = now
            else:
                del self._mine[number]
                self._desk.put_back(self._in_open_doubt(job))
                self._desk.learn_price(self._desk.way.price(self._client))  # as its bill told

    def _pause(self) -> None:
        if self._mine:
            self._collector.pause(self._mine.values())
        elif self._desk.has_waiting and (wait_s := self._hold_until - self._client.clock()) > 0:
            self._client.sleep(wait_s)
        elif self._desk.busy:
            self._client.sleep(_BUSY_S)

    def _tell(self) -> None:
        jobs = self._mine.values()
        left = sum(len(job.purchase.identifiers) for job in jobs) + len(self._desk.waiting)
        states = Counter(job.status or "not answered" for job in jobs)
        minutes = max((self._client.clock() - job.submitted_at for job in jobs), default=0.0) / 60
        words = f"{counted(len(jobs), 'job')} {', '.join(states)} for {minutes:.0f} min" if jobs else ""
        self._on_settled(max(0, len(self.errand.people) - left), sum(self._matched.values()), words)

    def _set_aside(self) -> None:
        """Tell whoever else buys under the same ceiling what the jobs under way may still cost."""
        now = sum(job.purchase.worst_credits for job in self._mine.values())
        self._purse.bought.credits_set_aside += now - self._set_aside_for_mine
        self._set_aside_for_mine = now

    # What became of them ---------------------------------------------------------------------------------------

    def unsettled(self) -> dict[str, Record]:
        """Return, by key, what to say of whoever has no answer now; whoever is not there was not asked for."""
        doubts = {d.identifier.key: d.purchase_id for d in self._client.ledger.doubts(self.errand.people)}
        reasons = {purchase_id: self._why(purchase_id) for purchase_id in set(doubts.values())}
        failed = {key: Record(key, "failed", reason=why) for key, why in self._collector.failed.items()}
        in_doubt = {key: Record(key, "in_doubt", reason=reasons[number]) for key, number in doubts.items()}
        under_way = {
            i.key: Record(i.key, "not_run", request_id=job.batch_id, reason="job_under_way")
            for job in self._mine.values()
            for i in job.purchase.identifiers
        }
        return failed | in_doubt | under_way

    def _why(self, purchase_id: int) -> str:
        job = self._collector.book.find(purchase_id)
        if job is None:
            return "no answer to an earlier request"
        free = "" if job.batch_id is None else "; `crustframe jobs fetch` reads them again, free"
        return f"{job.error or 'the results of a job are incomplete'}{free}"

    @property
    def lacks_needed(self) -> APIError | None:
        """The refusal of something that the question cannot do without; nothing is under way."""
        error = self.refusal
        if self._mine or not isinstance(error, BadRequestError | PermissionDeniedError):
            return None
        return error if self._desk.needs(self._desk.way.refused_by(error)) else None

    def ticket(self) -> Ticket:
        """Return what is under way."""
        jobs = list(self._mine.values())
        max_age_s = self.errand.need.max_age_s
        return Ticket(
            tuple(job.batch_id or f"unanswered submit {job.purchase_id}" for job in jobs),
            sum(len(job.purchase.identifiers) for job in jobs),
            sum(job.purchase.worst_credits for job in jobs),
            len(self._desk.waiting),
            max_age_s is not None and max_age_s < _DAY_S,
        )

    # Submitting ------------------------------------------------------------------------------------------------

    def _fill_places(self) -> None:
        while self._desk.has_waiting and self._client.clock() >= self._hold_until:
            self._set_aside()
            if len(self._mine) >= contract.MAX_ACTIVE_JOBS or not self._desk.fits_one():
                return
            listed = self._listed()
            if listed is None:
                return
            if sum(job.is_active for job in listed) >= contract.MAX_ACTIVE_JOBS:
                self._hold()
                return
            purchase = self._desk.claim()
            self._follow_others()
            if purchase is not None:
                try:
                    self._send(purchase, listed[0].batch_id if listed else None)
                    self._set_aside()
                finally:
                    self._purse.give_back(purchase.worst_credits)
            elif self._desk.is_full:
                return

    def _listed(self) -> list[api.JobStatus] | None:
        """Return the latest jobs of the account; None where they cannot be read: then nothing is submitted now."""
        for attempt in range(ATTEMPTS):
            try:
                return list(api.list_jobs(self._client.transport, pages=1))
            except (PermissionDeniedError, SurfaceError) as error:
                self._refuse_the_rest(error)
                return None
            except LATER as error:  # a question that is free can be put again
                if attempt + 1 == ATTEMPTS and not self._mine:
                    raise
                self._client.sleep(max(error.wait_s or 0.0, 2.0**attempt * (0.75 + 0.5 * self._client.jitter())))
        self._hold()
        return None

    def _follow_others(self) -> None:
        """Follow the jobs that hold people whom an earlier or another run asked for."""
        if busy := self._desk.busy:
            self._mine |= self._others_with(busy)
            self._desk.pass_over({i.key for job in self._mine.values() for i in job.purchase.identifiers})

    def _others_with(self, people: Iterable[Identifier]) -> dict[int, Job]:
        found = self._collector.book.about([identifier.key for identifier in people], self.errand.need.groups)
        return {job.purchase_id: job for job in found}

    def _send(self, purchase: Purchase, newest_before: str | None) -> None:
        retries = Retries(self._client.jitter)
        way = self._desk.way
        body = way.body(purchase.identifiers, self._terms.submit)
        book = self._collector.book
        while True:
            job = book.intend(purchase, newest_before)
            self._purse.bought.calls += 1
            try:
                job = book.accepted(job, *api.submit(self._client.transport, way.endpoint, body))
            except APIError as error:
                if error.charged == "unknown":
                    self._mine[job.purchase_id] = job
                    return
                if isinstance(error, RateLimitError):
                    book.take_back(purchase)
                    self._desk.put_back(purchase.identifiers)
                    self._hold(error.wait_s)
                    return
                wait_s = retries.wait_s(error)
                if wait_s is None:
                    book.take_back(purchase)
                    if self._desk.ask_for_less(error, way):
                        self._desk.put_back(purchase.identifiers)
                    else:
                        self._refuse(purchase, error)
                    return
                self._client.sleep(wait_s)
            else:
                self._purse.bought.request_ids.append(job.batch_id or "")
                self._mine[job.purchase_id] = job
                return

    def _refuse(self, purchase: Purchase, error: APIError) -> None:
        if not isinstance(error, BadRequestError | PermissionDeniedError | SurfaceError):
            raise error
        self.refused += purchase.identifiers
        self._refuse_the_rest(error)

    def _refuse_the_rest(self, error: APIError) -> None:
        self.refusal = error
        way = self._desk.way
        self._purse.bought.learnt |= told_by(error, way.endpoint, way.refused_by(error))
        self.refused += self._desk.waiting
        self._desk.leave_the_rest()

    def _hold(self, wait_s: float | None = None) -> None:
        """Leave the place for another job to whoever has it, for a while."""
        self._desk.is_full = False
        self._hold_until = self._client.clock() + max(wait_s or 0.0, _HOLD_S) * (1 + 0.25 * self._client.jitter())

    def _in_open_doubt(self, job: Job) -> list[Identifier]:
        """Return whom a submit of a killed run never reached: the account's list knows no such job."""
        if job.batch_id is not None or self._terms.on_doubt == "skip":
            return []
        left = {i.key for i in job.purchase.identifiers}
        return [d.identifier for d in self._client.ledger.doubts() if not d.told and d.identifier.key in left]
