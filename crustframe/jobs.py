"""Jobs: submit, wait, fetch, take in. Thousands of people in one request, and nothing sent or paid twice.

What is known of a job is in the ledger before anything else happens, so a run that was killed at any instant is
picked up by the next one, whichever front end it comes from.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from crustframe import contract
from crustframe.api import jobs as api
from crustframe.api.results import BrokenFileError, read_line, read_lines, size_cap
from crustframe.client import Client
from crustframe.errors import (
    APIConnectionError,
    APIError,
    BadRequestError,
    NoAnswerError,
    PermissionDeniedError,
    RateLimitError,
    ResponseError,
    ServiceError,
    TransportError,
)
from crustframe.http.retry import Retries
from crustframe.identifiers import Identifier
from crustframe.ledger import Doubt, Need, Purchase
from crustframe.ledger.jobs import Job, JobBook, OvertakenError, Read, Taken
from crustframe.ledger.people import pack
from crustframe.purchasing import Bought, OnDoubt
from crustframe.records import Record
from crustframe.wording import counted, persons

if TYPE_CHECKING:
    from pathlib import Path

    from crustframe.ledger import Run

POLL_S: Final = (5.0, 60.0)  # reliability notes, section 7: doubling, with jitter
PATIENCE_S: Final = 86400.0
UNKNOWN_S: Final = 600.0
"""How long a job that was accepted may be unknown to the API."""
SETTLES_S: Final = 60.0
"""How long an unanswered submit may take to show in the list of jobs."""
_LATEST_S: Final = 600.0
_FETCHES: Final = 3
_LINES: Final = 500
_BYTES: Final = 4 * 2**20
_LATER: Final = (NoAnswerError, ServiceError, APIConnectionError, RateLimitError, ResponseError)
"""Errors of a free read that may pass: it is read again later."""

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a run that does not wait hands back.

    Attributes
    ----------
    batch_ids : tuple of str
        Jobs under way that hold the asked people.
    people : int
        How many of them are in these jobs.
    credits_high : float
        What they cost if everybody is found.
    left : int
        People who were not submitted: no place for another job, or no room under the ceiling.
    """

    batch_ids: tuple[str, ...]
    people: int
    credits_high: float
    left: int

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON takes it."""
        return {
            "batch_ids": list(self.batch_ids),
            "people": self.people,
            "credits_high": self.credits_high,
            "left": self.left,
        }

    def __str__(self) -> str:
        if not self.batch_ids:
            return "no job is under way" + (f"; {persons(self.left)} not submitted" if self.left else "")
        lines = [
            f"{counted(len(self.batch_ids), 'job')} under way for {persons(self.people)}, at most "
            f"{counted(self.credits_high, 'credit')}: {', '.join(self.batch_ids)}",
            "`crustframe jobs wait` fetches the results; then run the same again for the columns, at 0 credits",
        ]
        if self.left:
            lines.append(f"{persons(self.left)} not submitted: at most {contract.MAX_ACTIVE_JOBS} jobs run at a time")
        return "\n".join(lines)


class Collector:
    """Follows jobs to their end and takes their results in.

    Parameters
    ----------
    client : Client
    bought : Bought
        Where credits and doubts are added up.
    """

    def __init__(self, client: Client, bought: Bought) -> None:
        self.bought = bought
        self._client = client
        self._due: dict[int, tuple[float, float]] = {}
        book = client.ledger.jobs()
        assert book is not None  # noqa: S101
        self.book: JobBook = book
        self.failed: dict[str, str] = {}

    def advance(self, job: Job) -> Job | None:
        """Look at a job if it is time to; returns it as long as it is under way."""
        at, wait_s = self._due.get(job.purchase_id, (0.0, POLL_S[0]))
        if self._client.clock() < at:
            return job
        try:
            left = self._reconcile(job) if job.batch_id is None else self._look(job)
        except _LATER as error:
            _log.info("reading a job: %s", error.message)
            left = self._if_patient(job, PATIENCE_S, "cannot be read")
        pause_s = wait_s * (0.75 + 0.5 * self._client.jitter())
        self._due[job.purchase_id] = (self._client.clock() + pause_s, min(wait_s * 2, POLL_S[1]))
        return left

    def pause(self, jobs: Iterable[Job]) -> None:
        """Wait until the next job is due."""
        at = [self._due[job.purchase_id][0] for job in jobs if job.purchase_id in self._due]
        if at and (wait_s := min(at) - self._client.clock()) > 0:
            self._client.sleep(wait_s)

    def _reconcile(self, job: Job) -> Job | None:
        """Find the job of a submit that was never answered in the account's list, or say that it is in doubt."""
        ours = self.book.batch_ids()
        found = []
        for listed in api.list_jobs(self._client.transport):
            if listed.batch_id == job.newest_before:
                break
            same = (listed.action, listed.identifier_count) == (contract.JOB_ACTIONS[job.endpoint], job.n_identifiers)
            late = (listed.created_at or 0.0) > job.submitted_at + _LATEST_S
            if same and not late and listed.batch_id not in ours:
                found.append(listed)
        if len(found) == 1:
            return self._look(self.book.accepted(job, found[0].batch_id))
        if (fresh := self.book.get(job.purchase_id)).batch_id is not None:  # another process found it meanwhile
            return self._look(fresh)
        if self._client.clock() - job.submitted_at < SETTLES_S:
            return job
        why = "several jobs may be it" if found else "no job is known for it"
        self._doubt(job, f"the submit was not answered, and {why}", told=bool(found) or not self.book.is_abandoned(job))
        return None

    def _look(self, job: Job) -> Job | None:
        assert job.batch_id is not None  # noqa: S101
        status = api.read_status(self._client.transport, job.batch_id)
        if status is None:
            return self._if_patient(job, UNKNOWN_S, "is unknown to the API")
        job = self.book.seen(job, status.status, status.result_count, status.completed_at)
        if job.state not in {"sent", "running"}:
            return None
        match status.status:
            case "completed":
                self._collect(job, status)
                return None
            case "failed" if not status.result_count:
                why = f"job {job.batch_id} failed" + (f": {status.error_message}" if status.error_message else "")
                self.failed |= {identifier.key: why for identifier in job.purchase.identifiers}
                self.book.fail(job, why)
                return None
            case "failed":
                self._doubt(job, f"job {job.batch_id} failed after it had found {status.result_count} people")
                return None
            case _:
                return self._if_patient(job, PATIENCE_S, f"is still {status.status or 'without a status'}")

    def _if_patient(self, job: Job, patience_s: float, what: str) -> Job | None:
        if self._client.clock() - job.submitted_at < patience_s:
            return job
        if self.bought.stopped is None:
            self.bought.stopped = NoAnswerError(
                f"Job {job.batch_id} {what} after {patience_s / 3600:.3g} h. It is kept; nothing is sent again.",
                hint="`crustframe jobs wait` looks again later.",
            )
        return None

    # Results ---------------------------------------------------------------------------------------------------

    def _collect(self, job: Job, status: api.JobStatus) -> None:
        if status.result_count == 0:  # docs: the link may be dead
            self._finish(job)
            return
        reason = ""
        for _ in range(_FETCHES):
            path = self.book.file_of(job)
            try:
                self._fetch(status, path, job)
                job = self._read(job, path)
                if job.lines_read >= (status.result_count or 0):
                    self._finish(job)
                    return
                reason = f"{job.lines_read} lines came, {status.result_count} were announced"
            except (BrokenFileError, TransportError) as error:
                reason = str(error.message)
                job = self._read_part(job, path)
            finally:
                for left in (path, _part(path)):
                    left.unlink(missing_ok=True)
            _log.warning("results of job %s: %s", job.batch_id, reason)
            assert job.batch_id is not None  # noqa: S101
            status = api.read_status(self._client.transport, job.batch_id) or status
        self._doubt(job, reason)

    def _fetch(self, status: api.JobStatus, path: Path, job: Job) -> None:
        """Bring the file beside the ledger, unless a run that was killed left it there."""
        if path.exists():
            return
        part = _part(path)
        part.unlink(missing_ok=True)
        for link in status.links:
            self._client.downloader.fetch(link, part, at_most=size_cap(job.n_identifiers), append=part.exists())
        if not part.exists():
            raise TransportError(f"Job {job.batch_id} is completed and names no file.")
        part.replace(path)

    def _read_part(self, job: Job, path: Path) -> Job:
        """Keep the complete lines of a file that did not come as a whole."""
        if not _part(path).exists():
            return self.book.get(job.purchase_id)
        try:
            return self._read(job, _part(path))
        except BrokenFileError:
            return self.book.get(job.purchase_id)

    def _read(self, job: Job, path: Path) -> Job:
        while True:
            try:
                return self._read_on(job, path)
            except OvertakenError:
                job = self.book.get(job.purchase_id)

    def _read_on(self, job: Job, path: Path) -> Job:
        with path.open("rb") as file:
            unread = islice(read_lines(file, at_most=size_cap(job.n_identifiers)), job.lines_read, None)
            for block in _blocks(unread):
                job = self.book.keep(job, _taken(block, job))
        return job

    def _finish(self, job: Job) -> None:
        left = self.book.get(job.purchase_id)
        if left.broken_lines or (left.strange_lines and not left.matched):
            what = f"{left.broken_lines} lines cannot be read" if left.broken_lines else "its lines are about others"
            self._doubt(left, f"results of job {job.batch_id}: {what}")
            return
        if self.book.finish(left, lambda key: _nothing(key, left)):
            self.bought.credits += left.credits

    def _doubt(self, job: Job, error: str, *, told: bool = True) -> None:
        self.book.doubt(job, error, told=told)
        left = self.book.get(job.purchase_id)
        if job.batch_id is None:
            self.bought.credits_at_risk += job.purchase.worst_credits
        else:
            self.bought.credits += left.credits


def _part(path: Path) -> Path:
    return path.with_suffix(".part")


def _blocks(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yield some lines at a time; those before a break of the file come before its error."""
    block: list[bytes] = []
    size = 0
    try:
        for line in lines:
            block.append(line)
            size += len(line)
            if len(block) >= _LINES or size >= _BYTES:
                yield block
                block, size = [], 0
    except BrokenFileError:
        if block:
            yield block
        raise
    if block:
        yield block


def _taken(block: Iterable[bytes], job: Job) -> Read:
    lines = [read_line(line, job.endpoint) for line in block]
    asked = job.purchase.identifiers.named([line.named for line in lines])
    owed = {identifier.key for identifier in asked.values()}
    read = Read()
    for line in lines:
        identifier = asked.get(line.named or "")
        read.lines += 1
        if line.person_data is None:
            read.broken += 1
        elif identifier is None or identifier.key not in owed:
            read.strange += 1
        else:
            owed.remove(identifier.key)
            _take_in(read, identifier, line.person_data, job)
    return read


def _take_in(read: Read, identifier: Identifier, person_data: dict[str, Any], job: Job) -> None:
    groups = job.purchase.groups
    read.credits += api.price_of_line(job.endpoint, groups, person_data)
    read.matched += bool(person_data)
    if job.endpoint == contract.CONTACT_JOB_PATH and person_data:
        there = {f"contact.{name}" for name in person_data["contact"]} & groups
        flag = groups & {api.VERIFIED} if "contact.business_emails" in there else frozenset()
        read.taken.append(
            Taken(identifier.key, frozenset(there | flag), "matched", pack([{"person_data": person_data}]))
        )
        read.taken += _nothing(identifier.key, job, frozenset(there))
    elif person_data:
        read.taken.append(Taken(identifier.key, groups, "matched", pack([{"person_data": person_data}])))
    else:
        read.taken += _nothing(identifier.key, job)


def _nothing(key: str, job: Job, there: frozenset[str] = frozenset()) -> list[Taken]:
    """Say that nobody, or none of the asked contacts, was found."""
    groups = job.purchase.groups
    if job.endpoint == contract.PERSON_JOB_PATH:
        return [Taken(key, groups, "no_match", None)]
    is_verified = api.VERIFIED in groups
    return [
        Taken(key, frozenset({nothing_of(kind, is_verified)}), "matched", pack([{"person_data": {}}]))
        for kind in sorted(groups - there - {api.VERIFIED})
    ]


def nothing_of(kind: str, is_verified: bool = False) -> str:
    """Return under which name the ledger files that a contact kind was asked for and is not there.

    It is no group of the API, so nobody else takes "no phone number" for "no such person".
    """
    return f"none:{kind}" + (":verified" if is_verified and kind == "contact.business_emails" else "")


class JobBuyer:
    """Buys people by jobs.

    Parameters
    ----------
    client : Client
    endpoint : str
        :data:`contract.PERSON_JOB_PATH` or :data:`contract.CONTACT_JOB_PATH`.
    groups : frozenset of str
        What is asked about everybody.
    need : Need
        What an answer bought by somebody else meanwhile must satisfy.
    price : float
        Credits that one person costs at most.
    max_credits : float or None
        Never passed: the worst case of a job is set aside before it is submitted.
    on_doubt : {"ask", "resend", "skip"}
    bought : Bought
        Where everything is added up; other routes of the same run share it.
    on_settled : callable, optional
        Called with the number of people that are settled.
    webhook_url : str, optional
        Whom the API tells when a job ends.
    """

    def __init__(
        self,
        client: Client,
        endpoint: str,
        groups: frozenset[str],
        *,
        need: Need,
        price: float,
        max_credits: float | None,
        on_doubt: OnDoubt,
        bought: Bought,
        on_settled: Callable[[int], None] = lambda _: None,
        webhook_url: str | None = None,
    ) -> None:
        self.bought = bought
        self.refused: list[Identifier] = []
        self.refusal: APIError | None = None
        self._client = client
        self._endpoint = endpoint
        self._groups = groups
        self._need = need
        self._price = price
        self._max_credits = max_credits
        self._on_doubt = on_doubt
        self._on_settled = on_settled
        self._webhook_url = webhook_url
        self._pool: deque[Identifier] = deque()
        self._busy: dict[str, Identifier] = {}
        self._mine: dict[int, Job] = {}
        self._hold_until = 0.0
        self._run: Run

    def buy(self, people: Iterable[Identifier], *, wait: bool = True) -> None:
        """Submit `people` in as few jobs as may be, and wait for the results; what comes goes into the ledger.

        Whoever the API refuses to take by job is in `refused`, uncharged, with the reason in `refusal`.

        Raises
        ------
        AuthenticationError, InsufficientCreditsError
            Every job would be refused.
        """
        by_kind = sorted(people, key=lambda identifier: identifier.kind != contract.PROFILE_URL)
        self._pool.extend(by_kind)
        keys = {identifier.key for identifier in by_kind}
        _ = self._client.transport
        self._collector = Collector(self._client, self.bought)
        self._mine = {job.purchase_id: job for job in self._collector.book.about(keys)}
        self._run = self._client.ledger.start(self._groups, price=self._price, endpoint=self._endpoint)
        try:
            while True:
                self._submit()
                if not wait or not (self._mine or self._busy or self._pool):
                    break
                for number, job in list(self._mine.items()):
                    if (now := self._collector.advance(job)) is not None:
                        self._mine[number] = now
                    else:
                        del self._mine[number]
                        self._pool.extend(self._in_open_doubt(job))
                self._wait_for_others()
                waiting = sum(len(job.purchase.identifiers) for job in self._mine.values())
                self._on_settled(max(0, len(keys) - waiting - len(self._pool)))
                if self._mine:
                    self._collector.pause(self._mine.values())
                elif self._pool and self._hold_until > self._client.clock():
                    self._client.sleep(self._hold_until - self._client.clock())
        except KeyboardInterrupt:
            self.bought.interrupted = True
        finally:
            self._run.close()

    def records(self, people: Iterable[Identifier], known_before: Iterable[str] = ()) -> Iterable[Record]:
        """Yield what the ledger now says of these people; whoever is under way is ``not_run``."""
        asked = list(people)
        ledger = self._client.ledger
        known = ledger.known(asked, self._need)
        for record in ledger.recall(asked, known, self._need):
            yield replace(record, source="job")
        doubts = {doubt.identifier.key for doubt in ledger.doubts(asked)}
        under_way = {i.key: job for job in self._mine.values() for i in job.purchase.identifiers}
        refused = {identifier.key for identifier in self.refused}
        for identifier in asked:
            if identifier.key in known or identifier.key in refused:
                continue
            if identifier.key in under_way:
                batch_id = under_way[identifier.key].batch_id
                yield Record(identifier.key, "not_run", request_id=batch_id, reason="job_under_way")
            elif identifier.key in doubts:
                yield Record(identifier.key, "in_doubt", reason="the results of a job are incomplete")
            elif identifier.key in self._collector.failed:
                yield Record(identifier.key, "failed", reason=self._collector.failed[identifier.key])

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
        )

    # Submitting ------------------------------------------------------------------------------------------------

    def _submit(self) -> None:
        while self._pool and self._client.clock() >= self._hold_until:
            size = self._affordable()
            if size < 1:
                if not self._mine:
                    self._pool.clear()
                return
            if len(self._mine) >= contract.MAX_ACTIVE_JOBS:
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
        body = api.request_body(self._endpoint, purchase.identifiers, purchase.groups, self._webhook_url)
        book = self._collector.book
        while True:
            job = book.intend(purchase, newest_before)
            self.bought.calls += 1
            try:
                job = book.accepted(job, api.submit(self._client.transport, self._endpoint, body))
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
                    self._refuse(purchase, error)
                    return
                self._client.sleep(wait_s)
            else:
                self.bought.request_ids.append(job.batch_id or "")
                self._mine[job.purchase_id] = job
                return

    def _refuse(self, purchase: Purchase, error: APIError) -> None:
        if not isinstance(error, BadRequestError | PermissionDeniedError):
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
        reserved = sum(job.purchase.worst_credits for job in self._mine.values())
        left = self._max_credits - self.bought.credits - self.bought.credits_at_risk - reserved
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


def collect(client: Client, *, batch_ids: Iterable[str] = (), wait: bool = True) -> tuple[list[Job], Bought]:
    """Take in the results of jobs that were not waited for. Free: they are paid for already.

    Parameters
    ----------
    client : Client
    batch_ids : iterable of str
        Which jobs; by default every one that is under way or was left in doubt.
    wait : bool
        Wait for those that still run, or look once.

    Returns
    -------
    (list of Job, Bought)
        The jobs as they are now, and what they came to.
    """
    wanted = set(batch_ids)
    bought = Bought()
    _ = client.transport
    collector = Collector(client, bought)
    book = collector.book
    numbers = [job.purchase_id for job in book.all(open_only=not wanted) if not wanted or job.batch_id in wanted]
    under_way: dict[int, Job] = {}
    for number in numbers:
        job = book.get(number)
        if job.state == "in_doubt" and job.batch_id is not None:
            job = book.reopen(job)
        if job.state in {"sent", "running"}:
            under_way[number] = job
    try:
        while under_way:
            for number, job in list(under_way.items()):
                if (now := collector.advance(job)) is not None:
                    under_way[number] = now
                else:
                    del under_way[number]
            if not wait:
                break
            collector.pause(under_way.values())
    except KeyboardInterrupt:
        bought.interrupted = True
    return [book.get(number) for number in numbers], bought
