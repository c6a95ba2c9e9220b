"""Jobs: submit, wait, fetch, take in. Thousands of people in one request, and nothing sent or paid twice.

What is known of a job is in the ledger before anything else happens, so a run that was killed at any instant is
picked up by the next one, whichever front end it comes from.
"""

from __future__ import annotations

import gzip
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from crustframe import contract
from crustframe.api import jobs as api
from crustframe.api.account import UsageEvent, usage_log
from crustframe.api.results import BrokenFileError, Line, line_cap, read_line, read_lines, size_cap
from crustframe.buying.purse import Bought
from crustframe.buying.ways import jobs_of
from crustframe.client import Client
from crustframe.errors import (
    APIConnectionError,
    APIError,
    NoAnswerError,
    RateLimitError,
    ResponseError,
    ServiceError,
    SettingError,
    TransportError,
)
from crustframe.ledger.jobs import Job, JobBook, OvertakenError, Read
from crustframe.people.identifiers import Identifier
from crustframe.wording import counted, persons

if TYPE_CHECKING:
    from pathlib import Path


POLL_S: Final = (1.0, 60.0)  # reliability notes, section 7: doubling, with jitter
PATIENCE_S: Final = 86400.0
UNKNOWN_S: Final = 600.0
"""How long a job that was accepted may be unknown to the API."""
SETTLES_S: Final = 60.0
"""How long an unanswered submit may take to show in the list of jobs."""
_EARLIER_S: Final = 86400.0
"""How far before a submit the usage log is read: this machine's clock may be off."""
_FETCHES: Final = 3
_FETCH_PAUSES_S: Final = (2.0, 10.0)
"""How long a storage host that fails is left alone."""
_LINES: Final = 500
_BYTES: Final = 4 * 2**20
LATER: Final = (NoAnswerError, ServiceError, APIConnectionError, RateLimitError, ResponseError)
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
    is_fresh_only : bool
        The run takes no answer that is a day old, so the results may be too old for the same run later.
    """

    batch_ids: tuple[str, ...]
    people: int
    credits_high: float
    left: int
    is_fresh_only: bool = False

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
            "`crustframe jobs wait` fetches the results; then run the same again"
            + (", but with a max_age of 1d," if self.is_fresh_only else "")
            + " for the columns, at 0 credits",
        ]
        if self.left:
            lines.append(
                f"{persons(self.left)} not submitted: at most {contract.MAX_ACTIVE_JOBS} jobs run at a time, and none "
                "may pass a ceiling; run the same again when these are done"
            )
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
        except LATER as error:
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
            if same and listed.batch_id not in ours:
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
            return self._if_it_comes_back(job, "is unknown to the API")
        job = self.book.seen(job, status.status, status.result_count, status.completed_at)
        if job.state not in {"sent", "running"}:
            return None
        match status.status:
            case "completed":
                return self._collected(job, status)
            case "failed" if not status.result_count:
                self._fail(job, status)
                return None
            case "failed":
                self._doubt(job, f"job {job.batch_id} failed after it had found {persons(status.result_count or 0)}")
                return None
            case "pending" | "processing" | "":
                return self._if_patient(job, PATIENCE_S, f"is still {status.status or 'without a status'}")
            case _ if status.links:  # an ending that no document names, with results
                return self._collected(job, status)
            case _:
                return self._if_it_comes_back(job, f"ended as {status.status!r}, without results")

    def _collected(self, job: Job, status: api.JobStatus) -> Job | None:
        with self.book.alone(job) as is_alone:
            if is_alone and self.book.get(job.purchase_id).state in {"sent", "running"}:
                self._collect(job, status)
        return None if is_alone else job  # who reads the file now settles the job; it is looked at again

    def _fail(self, job: Job, status: api.JobStatus) -> None:
        """Take in that a job was given up; what it cost all the same stands in the account's usage log."""
        why = f"job {job.batch_id} failed" + (f": {status.error_message}" if status.error_message else "")
        self.failed |= {identifier.key: why for identifier in job.purchase.identifiers}
        credits = sum(bill.credits or 0.0 for bill in self._bills(job))
        self.book.fail(job, why, credits=credits)
        self.bought.charge(job.endpoint, credits)

    def _if_it_comes_back(self, job: Job, what: str) -> Job | None:
        """Look at an accepted job again for a while; then it is a doubt, which `ledger resolve` can settle."""
        if self._client.clock() - job.submitted_at < UNKNOWN_S:
            return job
        self._doubt(job, f"job {job.batch_id} {what}")
        return None

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
        for attempt in range(_FETCHES):
            path, is_whole = self.book.file_of(job), False
            if not path.exists():
                job = self.book.start_over(job)
            try:
                self._fetch(status, path, job)
                job = self._read(job, path)
                told = _told(self.book.get(job.purchase_id))
                is_whole = told >= (status.result_count or 0)
                reason = f"{persons(told)} came, {status.result_count} were announced"
            except (BrokenFileError, TransportError) as error:
                reason = str(error.message)
                job = self._read_part(job, path)
                if (getattr(error, "status", None) or 0) >= 500 and attempt + 1 < _FETCHES:
                    self._client.sleep(_FETCH_PAUSES_S[attempt] * (0.75 + 0.5 * self._client.jitter()))
            finally:
                for left in (path, _part(path)):
                    left.unlink(missing_ok=True)
            if is_whole:
                self._finish(job)
                return
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
            _end_line(part)
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
        n = job.n_identifiers
        with path.open("rb") as file:
            lines = read_lines(file, at_most=size_cap(n), most_lines=line_cap(n))
            for block in _blocks(islice(lines, job.lines_read, None)):
                job = self.book.keep(job, self._taken(block, job))
        return job

    def _taken(self, block: Iterable[bytes], job: Job) -> Read:
        lines = [read_line(line, job.endpoint) for line in block]
        asked = job.purchase.identifiers.named([line.named for line in lines])
        owed = {identifier.key for identifier in asked.values()}
        read = Read(lines=len(lines))
        others: list[Line] = []
        for line in lines:
            identifier = asked.get(line.named or "")
            if line.person_data is None:
                read.broken += 1
            elif identifier is None:
                others.append(line)
            elif identifier.key in owed:
                owed.remove(identifier.key)
                _take_in(read, identifier, line.person_data, job)
        names = [line.named for line in others]
        forgotten = self.book.forgotten(job, names) if others else {}
        way = jobs_of(job.endpoint, job.purchase.groups)
        read.forgotten = {forgotten[o.named]: way.cost_of(o.person_data or {}) for o in others if o.named in forgotten}
        strange = [name for name in names if name not in forgotten]
        read.strange = len(strange) - self.book.count_repeats(job, strange)
        return read

    def _finish(self, job: Job) -> None:
        left = self.book.get(job.purchase_id)
        odd = [
            f"{n} {what}" for n, what in ((left.broken_lines, "unreadable"), (left.strange_lines, "about others")) if n
        ]
        if odd and len(left.purchase.identifiers):  # one of these lines may be theirs
            self._doubt(left, f"results of job {job.batch_id}: lines {', '.join(odd)}")
            return
        bills = self._bills(left)
        billed = [bill.credits for bill in bills if bill.credits is not None]
        credits = sum(billed) or left.credits
        if len(billed) < len(bills):  # a line without a figure is never free
            credits = max(credits, left.credits)
        if self.book.finish(left, jobs_of(left.endpoint, left.purchase.groups).nothing, credits=credits):
            self._client.ledger.learn_prices({bill.event_id: bill.parts for bill in bills if bill.parts})
            self.bought.charge(left.endpoint, credits)
            self.bought.matched += left.matched

    def _bills(self, job: Job) -> list[UsageEvent]:
        """Return what the account's usage log says of the job; it may say nothing."""
        ids = {job.batch_id, job.request_id}
        try:
            rows = list(usage_log(self._client).events(job.submitted_at - _EARLIER_S))
        except APIError:
            return []
        return [row for row in rows if row.event_id in ids and not row.is_refusal]

    def _doubt(self, job: Job, error: str, *, told: bool = True) -> None:
        self.book.doubt(job, error, told=told)
        left = self.book.get(job.purchase_id)
        self.bought.charge(job.endpoint, left.credits)
        self.bought.matched += left.matched
        self.bought.credits_at_risk += job.purchase.worst_credits * len(left.purchase.identifiers) / job.n_identifiers


def _told(job: Job) -> int:
    """Return about how many people a file has told; somebody who stands there twice is one."""
    return job.n_identifiers - len(job.purchase.identifiers) + job.strange_lines + job.broken_lines


def _end_line(part: Path) -> None:
    """End the last line of a part before the next one follows: not every part ends with a line break."""
    if not part.exists():
        return
    with part.open("r+b") as file:
        is_packed = file.read(2) == b"\x1f\x8b"
        file.seek(0, 2)
        file.write(gzip.compress(b"\n") if is_packed else b"\n")


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


def _take_in(read: Read, identifier: Identifier, person_data: dict[str, Any], job: Job) -> None:
    way = jobs_of(job.endpoint, job.purchase.groups)
    read.credits += way.cost_of(person_data)
    read.matched += bool(person_data)
    read.taken += way.found(identifier.key, person_data) if person_data else way.nothing(identifier.key)


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
    known = book.all(open_only=not wanted)
    if strange := wanted - {job.batch_id for job in known}:
        raise SettingError(
            f"The ledger knows no job {', '.join(sorted(strange))} of this key. Nothing was sent.",
            hint="`crustframe jobs list --all` lists those it knows.",
        )
    numbers = [job.purchase_id for job in known if not wanted or job.batch_id in wanted]
    under_way: dict[int, Job] = {}
    let_go: list[Job] = []
    for number in numbers:
        job = book.get(number)
        if job.state == "resent":
            let_go.append(job)
        if job.state in {"in_doubt", "resent"} and job.batch_id is not None:
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
    for job in let_go:
        book.let_go(job)
    return [book.get(number) for number in numbers], bought
