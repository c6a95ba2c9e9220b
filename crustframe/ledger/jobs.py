"""Jobs in the account book: an intent before the submit, the job's id, and how many lines of its file were taken in.

A job is a purchase of up to 10,000 people whose answer comes later. What is read is written down together with the
position in the file, so that two readers, or one that was killed, take every line in once.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from filelock import FileLock, Timeout

from crustframe.ledger import people, purchases
from crustframe.ledger.owners import is_alive
from crustframe.ledger.people import Outcome
from crustframe.ledger.purchases import Purchase
from crustframe.ledger.store import Store, salt_of
from crustframe.people.identifiers import Identifier, read_identifiers

_LOST: Final = "left out of the result file"
_OPEN: Final = (
    "AND (state IN ('sent', 'running', 'in_doubt') OR (state = 'resent' AND batch_id IS NOT NULL "
    "AND purchase_id IN (SELECT purchase_id FROM purchase_people)))"
)
"""Jobs that may still bring something: also those whose people were let go to be bought again."""
_SOME: Final = 5000
"""People who are in memory, or in one transaction, at a time."""


class Unsettled(Collection[Identifier]):
    """Whom a job still owes an answer: as the ledger knows it when it is asked, and never all in memory."""

    def __init__(self, store: Store, purchase_id: int) -> None:
        self._store = store
        self._purchase_id = purchase_id

    def __len__(self) -> int:
        with self._store.reading() as connection:
            (found,) = connection.execute(
                "SELECT count(*) FROM purchase_people WHERE purchase_id = ?", (self._purchase_id,)
            ).fetchone()
        return int(found)

    def __iter__(self) -> Iterator[Identifier]:
        after = ""
        while some := self._behind(after):
            yield from some
            after = some[-1].key

    def __contains__(self, identifier: object) -> bool:
        return isinstance(identifier, Identifier) and identifier.key in self._held([identifier.key])

    def named(self, names: Sequence[str | None]) -> dict[str, Identifier]:
        """Return whom `names` mean in any spelling, by name; who is answered for already is not there."""
        read = read_identifiers(names, free_mail=True)
        held = self._held([identifier.key for identifier in read.unique])
        meant = ((name, read.unique[at].key) for name, at in zip(names, read.per_row, strict=True) if at >= 0)
        return {name: held[key] for name, key in meant if name is not None and key in held}

    def _held(self, keys: Sequence[str]) -> dict[str, Identifier]:
        with self._store.reading() as connection:
            return purchases.held_people(connection, self._purchase_id, keys)

    def _behind(self, key: str) -> list[Identifier]:
        with self._store.reading() as connection:
            return purchases.some_people_of(connection, self._purchase_id, key, _SOME)


class JobPurchase(NamedTuple):
    """What a job buys: a purchase whose people stay in the ledger.

    Attributes
    ----------
    purchase_id : int
    identifiers : Unsettled
    groups : frozenset of str
    worst_credits : float
        What it costs if everybody is found.
    """

    purchase_id: int
    identifiers: Unsettled
    groups: frozenset[str]
    worst_credits: float


class Job(NamedTuple):
    """A job as the ledger knows it.

    Attributes
    ----------
    purchase : JobPurchase
        With the people who are not settled yet.
    endpoint : str
        Where it was submitted.
    batch_id : str or None
        ``None``: the submit was never answered.
    request_id : str or None
        Of the answer to the submit; the usage log knows it by this.
    state : str
        ``sent``, ``running``, ``done``, ``refused`` or ``in_doubt``.
    status : str or None
        As the API told it last.
    submitted_at : float
        Seconds since 1970 UTC.
    newest_before : str or None
        The account's newest job just before the submit: whatever is older cannot be this one.
    n_identifiers : int
    result_count : int or None
    lines_read : int
    strange_lines, broken_lines : int
        Lines about nobody who was asked for, and lines that cannot be read.
    matched : int
    credits : float
        For the lines that were read.
    error : str or None
    """

    purchase: JobPurchase
    endpoint: str
    batch_id: str | None
    request_id: str | None
    state: str
    status: str | None
    submitted_at: float
    newest_before: str | None
    n_identifiers: int
    result_count: int | None
    lines_read: int
    strange_lines: int
    broken_lines: int
    matched: int
    credits: float
    error: str | None

    @property
    def purchase_id(self) -> int:
        """Its number in the ledger."""
        return self.purchase.purchase_id


class Taken(NamedTuple):
    """What one line of a file says about one person: the groups that it answers for, and the packed matches."""

    key: str
    groups: frozenset[str]
    outcome: Outcome
    entry: bytes | None


@dataclass(slots=True)
class Read:
    """What the next lines of a file say: whom they settle, how many they are, and what they cost.

    `forgotten` holds, by digest, what the lines cost that are about people who were forgotten meanwhile.
    """

    taken: list[Taken] = field(default_factory=list)
    lines: int = 0
    strange: int = 0
    broken: int = 0
    matched: int = 0
    credits: float = 0.0
    forgotten: dict[str, float] = field(default_factory=dict)


class OvertakenError(Exception):
    """Another process read these lines meanwhile."""


class JobBook:
    """The jobs of one account."""

    def __init__(self, store: Store, scope_id: int, clock: Callable[[], float]) -> None:
        self._store = store
        self._scope_id = scope_id
        self._clock = clock

    # Looking ---------------------------------------------------------------------------------------------------

    def all(self, *, open_only: bool = False) -> list[Job]:
        """Return the jobs, oldest first; those that are sent, running or not wholly read, or every one."""
        with self._store.reading() as connection:
            return self._jobs(connection, _OPEN if open_only else "")

    def about(self, keys: Iterable[str], groups: frozenset[str]) -> list[Job]:
        """Return the jobs under way that ask for any of these groups about any of these people."""
        with self._store.reading() as connection:
            holding = purchases.holding(connection, list(keys))
        under_way = (job for job in self.all(open_only=True) if job.state in {"sent", "running"})
        return [job for job in under_way if job.purchase_id in holding and job.purchase.groups & groups]

    def find(self, purchase_id: int) -> Job | None:
        """Return the job of a purchase as it is now, or None where it was no job."""
        with self._store.reading() as connection:
            return next(iter(self._jobs(connection, "AND purchase_id = ?", (purchase_id,))), None)

    def get(self, purchase_id: int) -> Job:
        """Return one job as it is now."""
        job = self.find(purchase_id)
        assert job is not None  # noqa: S101
        return job

    def batch_ids(self) -> set[str]:
        """Return the ids of every job that is this ledger's own."""
        with self._store.reading() as connection:
            return {row[0] for row in connection.execute("SELECT batch_id FROM jobs WHERE batch_id IS NOT NULL")}

    def n_elsewhere(self) -> int:
        """Return how many jobs of other keys or origins are open in the same ledger."""
        with self._store.reading() as connection:
            [(n,)] = connection.execute(
                "SELECT count(*) FROM jobs JOIN purchases USING (purchase_id) WHERE scope_id <> ? "
                "AND state IN ('sent', 'running', 'in_doubt')",
                (self._scope_id,),
            )
        return int(n)

    def count_repeats(self, job: Job, names: Sequence[str | None]) -> int:
        """Return how many of `names` mean people for whom this job was answered already."""
        read = read_identifiers(names, free_mail=True)
        with self._store.reading() as connection:
            settled = people.bought_by(connection, self._scope_id, job.purchase_id, [i.key for i in read.unique])
        return sum(at >= 0 and read.unique[at].key in settled for at in read.per_row)

    def forgotten(self, job: Job, names: Sequence[str | None]) -> dict[str, str]:
        """Return, by name, digests of those of `names` who were forgotten while the job ran."""
        read = read_identifiers(names, free_mail=True)
        with self._store.reading() as connection:
            keys = [identifier.key for identifier in read.unique]
            digests = people.forgotten_in(connection, job.purchase_id, keys, salt_of(connection))
        meant = ((name, read.unique[at].key) for name, at in zip(names, read.per_row, strict=True) if at >= 0)
        return {name: digests[key] for name, key in meant if name is not None and key in digests}

    def is_abandoned(self, job: Job) -> bool:
        """Whether the process that submitted it ended."""
        with self._store.reading() as connection:
            row = connection.execute("SELECT owner FROM purchases WHERE purchase_id = ?", (job.purchase_id,)).fetchone()
        return row is None or not is_alive(self._store.owners, row[0])

    def usual_seconds(self, endpoint: str) -> float | None:
        """Return how long this account's latest jobs took, or None before the first."""
        with self._store.reading() as connection:
            rows = connection.execute(
                "SELECT completed_at - sent_at FROM jobs JOIN purchases USING (purchase_id) WHERE scope_id = ? "
                "AND endpoint = ? AND completed_at > sent_at ORDER BY purchase_id DESC LIMIT 9",
                (self._scope_id, endpoint),
            ).fetchall()
        return sorted(row[0] for row in rows)[len(rows) // 2] if rows else None

    def file_of(self, job: Job) -> Path:
        """Return where the job's results are kept until they are read."""
        folder = _folder(self._store.path)
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder / f"{job.batch_id}.jsonl.gz"

    @contextlib.contextmanager
    def alone(self, job: Job) -> Iterator[bool]:
        """Keep others from fetching and reading the same results meanwhile; tells whether nobody does so already."""
        lock = FileLock(self.file_of(job).with_suffix(".lock"), mode=0o600, thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()
            with contextlib.suppress(OSError):
                Path(lock.lock_file).unlink(missing_ok=True)

    @staticmethod
    def forget_files(ledger: Path) -> None:
        """Throw away every result file that is not read yet."""
        shutil.rmtree(_folder(ledger), ignore_errors=True)

    def _jobs(self, connection: sqlite3.Connection, where: str, values: Sequence[object] = ()) -> list[Job]:
        rows = connection.execute(
            "SELECT purchase_id, groups, worst_credits, endpoint, batch_id, request_id, state, status, "  # noqa: S608
            "coalesce(sent_at, opened_at), newest_before, identifiers, result_count, lines_read, strange_lines, "
            "broken_lines, jobs.matched, jobs.credits, error FROM jobs JOIN purchases USING (purchase_id) "
            f"JOIN coverages USING (coverage_id) WHERE scope_id = ? {where} ORDER BY purchase_id",
            (self._scope_id, *values),
        ).fetchall()
        return [
            Job(
                JobPurchase(number, Unsettled(self._store, number), frozenset(json.loads(groups)), worst),
                *facts,
            )
            for number, groups, worst, *facts in rows
        ]

    # Writing ---------------------------------------------------------------------------------------------------

    def intend(self, purchase: Purchase, newest_before: str | None) -> Job:
        """Write down that a submit leaves now: from here to its answer nobody knows whether the job runs."""
        with self._store.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO jobs (purchase_id, newest_before) VALUES (?, ?)",
                (purchase.purchase_id, newest_before),
            )
            connection.execute(
                "UPDATE purchases SET state = 'sent', sent_at = ?, attempts = attempts + 1 WHERE purchase_id = ?",
                (self._clock(), purchase.purchase_id),
            )
        return self.get(purchase.purchase_id)

    def take_back(self, purchase: Purchase) -> None:
        """Write down that the submit surely did not begin a job; its people are free again."""
        with self._store.transaction() as connection:
            connection.execute("DELETE FROM jobs WHERE purchase_id = ?", (purchase.purchase_id,))
            purchases.remove(connection, purchase.purchase_id)

    def accepted(self, job: Job, batch_id: str, request_id: str | None = None) -> Job:
        """Write down the id that the server gave the job, and that of its answer.

        An id that another job has already is none: the submit then counts as unanswered.
        """
        with self._store.transaction() as connection:
            taken = connection.execute("SELECT purchase_id FROM jobs WHERE batch_id = ?", (batch_id,)).fetchone()
            if taken is not None and taken[0] != job.purchase_id:
                return job
            connection.execute(
                "UPDATE jobs SET batch_id = ?, status = 'pending' WHERE purchase_id = ?", (batch_id, job.purchase_id)
            )
            connection.execute(
                "UPDATE purchases SET state = 'running', request_id = ? WHERE purchase_id = ?",
                (request_id, job.purchase_id),
            )
        return self.get(job.purchase_id)

    def seen(self, job: Job, status: str, result_count: int | None, completed_at: float | None) -> Job:
        """Write down what the API says of the job."""
        with self._store.transaction() as connection:
            connection.execute(
                "UPDATE jobs SET status = ?, result_count = ?, completed_at = ?, seen_at = ? WHERE purchase_id = ?",
                (status, result_count, completed_at, self._clock(), job.purchase_id),
            )
        return self.get(job.purchase_id)

    def start_over(self, job: Job) -> Job:
        """Write down that a new file comes: how far another one was read says nothing about it.

        Whoever is settled stays so, and is neither counted nor charged again.
        """
        with self._store.transaction() as connection:
            connection.execute(
                "UPDATE jobs SET lines_read = 0, strange_lines = 0, broken_lines = 0 WHERE purchase_id = ?",
                (job.purchase_id,),
            )
        return self.get(job.purchase_id)

    def keep(self, job: Job, read: Read) -> Job:
        """Write down what the next lines of the file say, and how far it is read, together.

        Raises
        ------
        OvertakenError
            Somebody else read these lines; nothing was written.
        """
        with self._store.transaction() as connection:
            for digest, credits in read.forgotten.items():
                is_new = connection.execute(
                    "UPDATE forgotten SET is_read = 1 WHERE purchase_id = ? AND digest = ? AND is_read = 0",
                    (job.purchase_id, digest),
                ).rowcount
                read.credits += credits * is_new
                read.matched += bool(credits) * is_new
            moved = connection.execute(
                "UPDATE jobs SET lines_read = lines_read + ?, strange_lines = strange_lines + ?, "
                "broken_lines = broken_lines + ?, matched = matched + ?, credits = credits + ? "
                "WHERE purchase_id = ? AND lines_read = ?",
                (read.lines, read.strange, read.broken, read.matched, read.credits, job.purchase_id, job.lines_read),
            ).rowcount
            if not moved:
                raise OvertakenError
            self._save(connection, job, read.taken, self._clock())
            purchases.drop_people(connection, job.purchase_id, {one.key for one in read.taken})
        return job._replace(
            lines_read=job.lines_read + read.lines,
            strange_lines=job.strange_lines + read.strange,
            broken_lines=job.broken_lines + read.broken,
            matched=job.matched + read.matched,
            credits=job.credits + read.credits,
        )

    def finish(self, job: Job, nothing: Callable[[str], Iterable[Taken]], *, credits: float) -> bool:
        """End a job whose file was read to its true end; `nothing` is said of whom it does not name.

        Returns whether this call ended it; somebody else may have.
        """
        while True:
            with self._store.transaction() as connection:
                if not self._is_open(connection, job):
                    return False
                left = purchases.some_people_of(connection, job.purchase_id, "", _SOME)
                if not left:
                    self._close(connection, job, "done", None, credits=credits)
                    return True
                self._save(connection, job, (one for i in left for one in nothing(i.key)), self._clock())
                purchases.drop_people(connection, job.purchase_id, [i.key for i in left])

    def fail(self, job: Job, error: str, *, credits: float = 0.0) -> None:
        """End a job that the server gave up and that delivered nothing."""
        with self._store.transaction() as connection:
            purchases.drop_everybody(connection, job.purchase_id)
            purchases.close(connection, job.purchase_id, "refused", self._clock(), error=error, credits=credits)

    def doubt(self, job: Job, error: str = _LOST, *, told: bool = True) -> None:
        """Leave whoever is not settled in doubt; what was read is kept."""
        with self._store.transaction() as connection:
            if self._is_open(connection, job):
                self._close(connection, job, "in_doubt", error, told=told)

    def reopen(self, job: Job) -> Job:
        """Look again at a job that was left in doubt, or whose people were let go, although the server knows it."""
        with self._store.transaction() as connection:
            connection.execute(
                "UPDATE purchases SET state = 'running', credits = NULL WHERE purchase_id = ? "
                "AND state IN ('in_doubt', 'resent')",
                (job.purchase_id,),
            )
        return self.get(job.purchase_id)

    def let_go(self, job: Job) -> None:
        """Let the people of a job that is in doubt be bought again; it is still read if it can be one day."""
        with self._store.transaction() as connection:
            connection.execute(
                "UPDATE purchases SET state = 'resent' WHERE purchase_id = ? AND state = 'in_doubt'",
                (job.purchase_id,),
            )

    def _is_open(self, connection: sqlite3.Connection, job: Job) -> bool:
        row = connection.execute("SELECT state FROM purchases WHERE purchase_id = ?", (job.purchase_id,)).fetchone()
        return row is not None and row[0] in {"sent", "running"}

    def _close(
        self,
        connection: sqlite3.Connection,
        job: Job,
        state: str,
        error: str | None,
        *,
        credits: float | None = None,
        told: bool = True,
    ) -> None:
        matched, reckoned = connection.execute(
            "SELECT matched, credits FROM jobs WHERE purchase_id = ?", (job.purchase_id,)
        ).fetchone()
        if credits is None and state == "done":
            credits = reckoned
        purchases.close(
            connection, job.purchase_id, state, self._clock(), error=error, credits=credits, matched=matched, told=told
        )

    def _save(self, connection: sqlite3.Connection, job: Job, taken: Iterable[Taken], now: float) -> None:
        by_groups: dict[frozenset[str], list[tuple[str, Outcome, bytes | None]]] = {}
        for one in taken:
            by_groups.setdefault(one.groups, []).append((one.key, one.outcome, one.entry))
        for groups, outcomes in by_groups.items():
            coverage = people.coverage_id(connection, groups)
            people.save(connection, self._scope_id, job.purchase_id, coverage, None, now, outcomes)
            purchases.end_doubts(connection, self._scope_id, [key for key, _, _ in outcomes], job.purchase.groups)


def _folder(ledger: Path) -> Path:
    return ledger.with_name(ledger.name + ".jobs")
