"""Buying by jobs: claim, set aside, submit, wait. Nothing is submitted twice, and no place is taken from others."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Self

from crustframe import contract
from crustframe.api import jobs as api
from crustframe.buying.jobs import POLL_S, Collector, Ticket
from crustframe.buying.purchasing import Bought, refused_groups
from crustframe.buying.terms import Terms
from crustframe.client import Client
from crustframe.errors import APIError, BadRequestError, PermissionDeniedError, RateLimitError, SurfaceError
from crustframe.http.retry import Retries
from crustframe.ledger import Doubt, Need, Purchase
from crustframe.ledger.jobs import Job
from crustframe.people.identifiers import Identifier
from crustframe.people.records import Record
from crustframe.wording import counted

if TYPE_CHECKING:
    from types import TracebackType

    from crustframe.ledger import Run

_DAY_S: Final = 86400.0


class JobBuyer:
    """Buys people by jobs, inside ``with``: submit them, do something else meanwhile, wait for the results.

    Parameters
    ----------
    client : Client
    endpoint : str
        :data:`contract.PERSON_JOB_PATH` or :data:`contract.CONTACT_JOB_PATH`.
    groups : frozenset of str
        What is asked about everybody.
    needed_groups : frozenset of str
        Those of the groups that the run cannot do without; where the API refuses others, it is asked for less.
    need : Need
        What an answer bought by somebody else meanwhile must satisfy.
    price : float
        Credits that one person costs at most.
    terms : Terms
    bought : Bought
        Where everything is added up; other routes of the same run share it.
    on_settled : callable, optional
        Called after every look with the number of people that are settled, how many of them were found, and what is
        waited for.
    """

    def __init__(
        self,
        client: Client,
        endpoint: str,
        groups: frozenset[str],
        *,
        needed_groups: frozenset[str],
        need: Need,
        price: float,
        terms: Terms,
        bought: Bought,
        on_settled: Callable[[int, int, str], None],
    ) -> None:
        self.bought = bought
        self.refused: list[Identifier] = []
        self.refusal: APIError | None = None
        self._client = client
        self._endpoint = endpoint
        self._groups = groups
        self._needed = needed_groups
        self._asked_need = need
        self._started = client.clock()
        self._price = price
        self._max_credits = terms.max_credits
        self._on_doubt = terms.on_doubt
        self._on_settled = on_settled
        self._submit_options = terms.submit
        self._pool: deque[Identifier] = deque()
        self._busy: dict[str, Identifier] = {}
        self._mine: dict[int, Job] = {}
        self._matched: dict[int, int] = {}
        self._people: set[str] = set()
        self._reserved = 0.0
        self._hold_until = 0.0
        self._run: Run

    def __enter__(self) -> Self:
        _ = self._client.transport  # no key, no ledger entry
        self._collector = Collector(self._client, self.bought)
        self._run = self._client.ledger.start(self._groups, price=self._price, endpoint=self._endpoint)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run.close()

    def submit(self, people: Iterable[Identifier]) -> None:
        """Submit `people` in as few jobs as may be, as far as there are places and credits now.

        Whoever the API refuses to take by job is in `refused`, uncharged, with the reason in `refusal`.

        Raises
        ------
        AuthenticationError, InsufficientCreditsError
            Every job would be refused.
        """
        self._pool.extend(sorted(people, key=lambda identifier: identifier.kind != contract.PROFILE_URL))
        self._people = {identifier.key for identifier in self._pool}
        self._mine = {job.purchase_id: job for job in self._collector.book.about(self._people)}
        try:
            self._fill_places()
        except KeyboardInterrupt:
            self.bought.interrupted = True
        self._set_aside()

    def wait(self) -> None:
        """Submit whoever is left as places come free, and wait for the results; what comes goes into the ledger.

        Raises
        ------
        AuthenticationError, InsufficientCreditsError
            Every job would be refused.
        """
        try:
            while self._mine or self._busy or self._pool:
                self._look()
                self._wait_for_others()
                self._fill_places()
                self._set_aside()
                if not (self._mine or self._busy) and self._affordable() < 1:
                    self._pool.clear()  # nobody more surely fits under the ceiling: they stay ``not_run``
                self._tell()
                self._pause()
        except KeyboardInterrupt:
            self.bought.interrupted = True

    def _look(self) -> None:
        for number, job in list(self._mine.items()):
            now = self._collector.advance(job)
            self._matched[number] = (now or self._collector.book.get(number)).matched
            if now is not None:
                self._mine[number] = now
            else:
                del self._mine[number]
                self._pool.extend(self._in_open_doubt(job))

    def _pause(self) -> None:
        if self._mine:
            self._collector.pause(self._mine.values())
        elif self._pool and (wait_s := self._hold_until - self._client.clock()) > 0:
            self._client.sleep(wait_s)

    @property
    def _need(self) -> Need:
        """What this run was asked for, and whatever came since it began: a job's results are a little old at once."""
        return self._asked_need.reaching_back(self._client.clock() - self._started)

    def _tell(self) -> None:
        jobs = self._mine.values()
        left = sum(len(job.purchase.identifiers) for job in jobs) + len(self._pool)
        states = Counter(job.status or "not answered" for job in jobs)
        minutes = max((self._client.clock() - job.submitted_at for job in jobs), default=0.0) / 60
        words = f"{counted(len(jobs), 'job')} {', '.join(states)} for {minutes:.0f} min" if jobs else ""
        self._on_settled(max(0, len(self._people) - left), sum(self._matched.values()), words)

    def _set_aside(self) -> None:
        """Tell whoever else buys under the same ceiling what the jobs under way may still cost."""
        now = sum(job.purchase.worst_credits for job in self._mine.values())
        self.bought.credits_set_aside += now - self._reserved
        self._reserved = now

    def records(self, people: Iterable[Identifier]) -> Iterable[Record]:
        """Yield what the ledger now says of these people; whoever is under way is ``not_run``."""
        asked = list(people)
        ledger = self._client.ledger
        known = ledger.known(asked, self._need)
        for record in ledger.recall(asked, known, self._need):
            yield replace(record, source="job")
        doubts = {doubt.identifier.key: doubt.purchase_id for doubt in ledger.doubts(asked)}
        reasons = {purchase_id: self._why(purchase_id) for purchase_id in set(doubts.values())}
        under_way = {i.key: job for job in self._mine.values() for i in job.purchase.identifiers}
        refused = {identifier.key for identifier in self.refused}
        for identifier in asked:
            if identifier.key in known or identifier.key in refused:
                continue
            if identifier.key in under_way:
                batch_id = under_way[identifier.key].batch_id
                yield Record(identifier.key, "not_run", request_id=batch_id, reason="job_under_way")
            elif identifier.key in doubts:
                yield Record(identifier.key, "in_doubt", reason=reasons[doubts[identifier.key]])
            elif identifier.key in self._collector.failed:
                yield Record(identifier.key, "failed", reason=self._collector.failed[identifier.key])

    def _why(self, purchase_id: int) -> str:
        job = self._collector.book.find(purchase_id)
        if job is None:
            return "no answer to an earlier request"
        free = "" if job.batch_id is None else "; `crustframe jobs fetch` reads them again, free"
        return f"{job.error or 'the results of a job are incomplete'}{free}"

    @property
    def lacks_needed(self) -> APIError | None:
        """The refusal of something that the run cannot do without, by job or by calls; nothing is under way."""
        error = self.refusal
        if self._mine or not isinstance(error, BadRequestError | PermissionDeniedError):
            return None
        return error if refused_groups(error, self._groups) & self._needed else None

    def in_doubt(self) -> set[str]:
        """Return whom the ledger holds in doubt after these jobs."""
        return {doubt.identifier.key for doubt in self._client.ledger.doubts()}

    def failed(self) -> set[str]:
        """Return whose job the server gave up."""
        return set(self._collector.failed)

    def ticket(self) -> Ticket:
        """Return what is under way."""
        jobs = list(self._mine.values())
        return Ticket(
            tuple(job.batch_id or f"unanswered submit {job.purchase_id}" for job in jobs),
            sum(len(job.purchase.identifiers) for job in jobs),
            sum(job.purchase.worst_credits for job in jobs),
            len(self._pool),
            self._asked_need.max_age_s is not None and self._asked_need.max_age_s < _DAY_S,
        )

    # Submitting ------------------------------------------------------------------------------------------------

    def _fill_places(self) -> None:
        while self._pool and self._client.clock() >= self._hold_until:
            size = self._affordable()
            if size < 1 or len(self._mine) >= contract.MAX_ACTIVE_JOBS:
                return
            listed = list(api.list_jobs(self._client.transport, pages=1))
            if sum(job.is_active for job in listed) >= contract.MAX_ACTIVE_JOBS:
                self._hold()
                return
            offered = self._next_offer()
            claim = self._run.claim(offered, self._need, size=size, may_resend=self._may_resend)
            self._pool.extendleft(reversed(offered[claim.examined :]))
            self._note_busy(claim.busy)
            for doubt in claim.resent:
                self.bought.resent.append(doubt.identifier.text)
                self.bought.credits_of_repeats += doubt.credits_at_risk
            if claim.purchase is not None:
                self._send(claim.purchase, listed[0].batch_id if listed else None)
            elif claim.hit_daily_ceiling:
                self._pool.clear()

    def _send(self, purchase: Purchase, newest_before: str | None) -> None:
        retries = Retries(self._client.jitter)
        body = api.request_body(self._endpoint, purchase.identifiers, purchase.groups, self._submit_options)
        book = self._collector.book
        while True:
            job = book.intend(purchase, newest_before)
            self.bought.calls += 1
            try:
                job = book.accepted(job, *api.submit(self._client.transport, self._endpoint, body))
            except APIError as error:
                if error.charged == "unknown":
                    self._mine[job.purchase_id] = job
                    return
                if isinstance(error, RateLimitError):
                    book.take_back(purchase)
                    self._pool.extendleft(reversed(purchase.identifiers))
                    self._hold(error.wait_s)
                    return
                wait_s = retries.wait_s(error)
                if wait_s is None:
                    book.take_back(purchase)
                    if self._drop_groups(error):
                        self._pool.extendleft(reversed(purchase.identifiers))
                    else:
                        self._refuse(purchase, error)
                    return
                self._client.sleep(wait_s)
            else:
                self.bought.request_ids.append(job.batch_id or "")
                self._mine[job.purchase_id] = job
                return

    def _drop_groups(self, error: APIError) -> bool:
        """Ask for less where the account or this age of the API refuses what no field needs."""
        if not isinstance(error, BadRequestError | PermissionDeniedError):
            return False
        refused = refused_groups(error, self._groups)
        if not refused or refused & self._needed or refused == self._groups:
            return False
        self._groups -= refused
        self.bought.dropped_groups = sorted({*self.bought.dropped_groups, *refused})
        self._run.ask_for(self._groups, self._price)
        return True

    def _refuse(self, purchase: Purchase, error: APIError) -> None:
        if not isinstance(error, BadRequestError | PermissionDeniedError | SurfaceError):
            raise error
        self.refusal = error
        self.refused += [*purchase.identifiers, *self._pool]
        self._pool.clear()

    def _hold(self, wait_s: float | None = None) -> None:
        """Leave the place for another job to whoever has it, for a while."""
        self._hold_until = self._client.clock() + max(wait_s or 0.0, POLL_S[0]) * (1 + 0.25 * self._client.jitter())

    def _affordable(self) -> int:
        most = contract.MAX_JOB_IDENTIFIERS[self._endpoint]
        if self._max_credits is None or not self._price:
            return most
        self._set_aside()
        left = self._max_credits - self.bought.credits_committed
        return min(most, int((left + 1e-9) // self._price))

    def _next_offer(self) -> tuple[Identifier, ...]:
        kind = self._pool[0].kind
        most = contract.MAX_JOB_IDENTIFIERS[self._endpoint]
        offered: list[Identifier] = []
        while self._pool and len(offered) < most and self._pool[0].kind == kind:
            offered.append(self._pool.popleft())
        return tuple(offered)

    def _may_resend(self, doubt: Doubt) -> bool:
        return self._on_doubt == "resend" or (self._on_doubt == "ask" and not doubt.told)

    def _in_open_doubt(self, job: Job) -> list[Identifier]:
        """Return whom a submit of a killed run never reached: the account's list knows no such job."""
        if job.batch_id is not None or self._on_doubt == "skip":
            return []
        left = {i.key for i in job.purchase.identifiers}
        return [d.identifier for d in self._client.ledger.doubts() if not d.told and d.identifier.key in left]

    def _note_busy(self, people: list[Identifier]) -> None:
        """Follow the jobs that hold people whom an earlier or another run asked for; remember the others."""
        if people:
            self._mine |= {job.purchase_id: job for job in self._collector.book.about(i.key for i in people)}
            in_jobs = {i.key for job in self._mine.values() for i in job.purchase.identifiers}
            self._busy |= {identifier.key: identifier for identifier in people if identifier.key not in in_jobs}

    def _wait_for_others(self) -> None:
        """Wait for people whom another process is buying by calls; whom it left are ours again."""
        if not self._busy:
            return
        still = self._run.busy(self._busy)
        free = [identifier for key, identifier in self._busy.items() if key not in still]
        known = self._client.ledger.known(free, self._need)
        self._pool.extend(identifier for identifier in free if identifier.key not in known)
        self._busy = {key: identifier for key, identifier in self._busy.items() if key in still}
        if self._busy and not self._mine:
            self._client.sleep(0.5)
