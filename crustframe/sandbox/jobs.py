"""Jobs: thousands of people in one request, and their results as a file somewhere else.

A job moves from ``pending`` to ``processing`` to ``completed`` or ``failed`` while sandbox time passes, charges for
what it delivers when it completes, and hands out links to a second origin that knows no API key.
"""

from __future__ import annotations

import asyncio
import gzip
import http.client
import json
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from crustframe import contract
from crustframe.sandbox import fields
from crustframe.sandbox.edits import Edits
from crustframe.sandbox.faults import Faults
from crustframe.sandbox.job_questions import read_submit
from crustframe.sandbox.meter import Meter
from crustframe.sandbox.people import Population, canonical
from crustframe.sandbox.questions import Reader, Refusal, invalid
from crustframe.sandbox.storage import WHOLE, Storage
from crustframe.sandbox.surfaces import Identify, identified
from crustframe.sandbox.wire import Reply, encoded

JOB_SECONDS: Final = 60.0  # ours: docs say "minutes"
PENDING_SHARE: Final = 0.1  # ours: of the job's time
PART_LINES: Final = 1000  # ours: lines of one part file
CALLBACK_TIMEOUT_S: Final = 5.0
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
Lines = Literal["envelope", "flat"]


@dataclass
class Job:
    """One job, as the server knows it."""

    batch_id: str
    path: str
    kind: contract.IdentifierKind
    identifiers: tuple[str, ...]
    names: tuple[str, ...]
    prices: Mapping[str, float]
    selection: fields.Selection
    verified: bool
    webhook_url: str | None
    created_at: datetime
    status: str = "pending"
    completed_at: datetime | None = None
    result_count: int = 0
    fulfilled: int = 0
    error_message: str | None = None
    charged: float = 0.0
    lines: dict[str, float] = field(default_factory=dict)
    parts: list[bytes] = field(default_factory=list)

    @property
    def is_active(self) -> bool:
        """Whether it counts against the five."""
        return self.status in ("pending", "processing")

    def facts(self) -> dict[str, Any]:
        """Return what ``GET /batch`` tells of it."""
        count = len(self.identifiers)
        told: dict[str, Any] = {
            "batch_id": self.batch_id,
            "status": self.status,
            "entity": "person",
            "action": contract.JOB_ACTIONS[self.path],
            "identifier_count": count,
            "result_count": self.result_count,
            "entities_requested": count,
            "entities_fulfilled": self.fulfilled,
            "created_at": self.created_at.isoformat(timespec="microseconds"),
        }
        if self.completed_at is not None:
            told["completed_at"] = self.completed_at.isoformat(timespec="microseconds")
        if self.error_message is not None:
            told["error_message"] = self.error_message
        return told


class Jobs(Storage):
    """Every job of one sandbox.

    Parameters
    ----------
    reader : Reader
        Snapshot and grants of the account.
    population, edits, meter
        Who is known, how they changed, and what they cost.
    clock : callable
        Sandbox seconds since 1970.
    wait : callable
        Waits sandbox seconds; returns early when the server closes.
    job_seconds : float
        Sandbox seconds from the submit to the end of a job.
    link_seconds : float
        Sandbox seconds for which a link is good.
    lines : {"envelope", "flat"}
        Shape of contact lines: as documented, or as seen in 2026-08.

    Attributes
    ----------
    faults : Faults
        Faults of the two submits, scripted like those of ``POST /person/enrich``.
    submitted : list of dict
        The submits that came with the right key: ``path``, ``body``, ``status``, ``batch_id``, ``webhook_url``.
    polls, downloads : int
        How often a status was read, and a file asked for.
    drop : set of str
        Canonical people who are missing from the files although they are charged for.
    rename : dict of str to str
        Canonical people to the name under which the files tell of them.
    price_factor : float
        What jobs of this account cost, in list prices.
    fail_with : str or None
        The next jobs fail with this ``error_message``, uncharged.
    """

    def __init__(
        self,
        *,
        reader: Reader,
        population: Population,
        edits: Edits,
        meter: Meter,
        clock: Callable[[], float],
        wait: Callable[[float], Any],
        job_seconds: float,
        link_seconds: float,
        lines: Lines,
    ) -> None:
        self._reader = reader
        self._population = population
        self._edits = edits
        self._meter = meter
        self._identify = Identify(reader, population, edits)
        super().__init__(clock, wait, link_seconds)
        self.job_seconds = job_seconds
        self.lines = lines
        self.faults = Faults()
        self.submitted: list[dict[str, Any]] = []
        self.polls = 0
        self.drop: set[str] = set()
        self.rename: dict[str, str] = {}
        self.price_factor = 1.0
        self.fail_with: str | None = None
        self._jobs: dict[str, Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def all(self) -> list[Job]:
        """The jobs, oldest first."""
        return list(self._jobs.values())

    def parts_of(self, batch_id: str) -> list[bytes]:
        """Return the part files of a job."""
        return self._jobs[batch_id].parts

    # Submitting ------------------------------------------------------------------------------------------------

    def read(self, path: str, body: Any) -> Job:
        """Return the job that a decoded body asks for, or raise the first refusal."""
        asked = read_submit(path, body, self._reader)
        if sum(asked.prices.values()) * len(asked.identifiers) > self._meter.balance:
            raise Refusal(402, "insufficient_credits", "Insufficient credits.")
        if sum(job.is_active for job in self._jobs.values()) >= contract.MAX_ACTIVE_JOBS:
            message = f"At most {contract.MAX_ACTIVE_JOBS} active batch jobs are allowed."
            raise Refusal(429, "rate_limit_exceeded", message)  # body inferred: nowhere documented
        return Job(
            batch_id=str(uuid.uuid4()),
            path=path,
            **asked._asdict(),
            created_at=datetime.fromtimestamp(self._clock(), UTC),
        )

    def accept(self, job: Job, request_id: str, body: Any = None) -> dict[str, Any]:
        """Take a job in and let it run; returns the answer to the submit.

        The usage log files its bill under the ``x-request-id`` of that answer: no document says under which.
        """
        self._jobs[job.batch_id] = job
        task = asyncio.get_running_loop().create_task(self._run(job, request_id, body, self.fail_with))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        count = len(job.identifiers)
        return {
            "batch_id": job.batch_id,
            "status": "pending",
            "entity": "person",
            "action": contract.JOB_ACTIONS[job.path],
            "identifier_count": count,
            "entities_requested": count,
            "status_url": f"{contract.JOBS_PATH}/{job.batch_id}",
        }

    # Running ---------------------------------------------------------------------------------------------------

    async def _run(self, job: Job, request_id: str, body: Any, failure: str | None) -> None:
        began = self._clock()
        if await self._wait(self.job_seconds * PENDING_SHARE):
            return
        job.status = "processing"
        worked: tuple[list[bytes], list[tuple[float, list[str]]]] = ([], [])
        if failure is None:
            worked = await asyncio.to_thread(self._work, job)
        if await self._wait(began + self.job_seconds - self._clock()):
            return
        if failure is not None:
            job.error_message = failure
        else:
            job.parts = worked[0]
            for price, people in worked[1]:
                job.charged += self._meter.charge(people, price * self.price_factor)
            lines = {name: credits * self.price_factor for name, credits in job.lines.items()}
            self._meter.log(request_id, job.path, 200, lines, len(job.identifiers), request=body)
        job.completed_at = datetime.fromtimestamp(self._clock(), UTC)
        job.status = "completed" if failure is None else "failed"
        if job.webhook_url is not None and urlsplit(job.webhook_url).hostname in LOOPBACK:  # it contacts nobody else
            threading.Thread(target=_call_back, args=(job.webhook_url, job.facts()), daemon=True).start()

    def _work(self, job: Job) -> tuple[list[bytes], list[tuple[float, list[str]]]]:
        """Return the part files, and who is charged how much."""
        lines: list[bytes] = []
        charged: dict[float, list[str]] = {}
        parts: list[bytes] = []
        answer = {
            contract.PERSON_JOB_PATH: self._person_line,
            contract.CONTACT_JOB_PATH: self._contact_line,
            contract.IDENTIFY_JOB_PATH: self._identify_line,
        }[job.path]
        for text in job.identifiers:
            person = canonical(text, job.kind)
            line, prices, found = answer(job, self.rename.get(person or "", text), person)
            if (price := sum(prices.values())) and person is not None:
                charged.setdefault(price, []).append(person)
                for name, credits in prices.items():
                    job.lines[name] = job.lines.get(name, 0.0) + credits
            job.fulfilled += found
            if line is not None and person not in self.drop:
                lines.append(encoded(line) + b"\n")
                job.result_count += 1
            if len(lines) >= PART_LINES:
                parts.append(gzip.compress(b"".join(lines), 1))
                lines.clear()
        if lines:
            parts.append(gzip.compress(b"".join(lines), 1))
        return parts, list(charged.items())

    def _person_line(
        self, job: Job, text: str, person: str | None
    ) -> tuple[dict[str, Any] | None, Mapping[str, float], bool]:
        candidates = self._population.candidates(person, job.kind)
        if not candidates:
            return None, {}, False
        profile = candidates[0].profile
        data = job.selection.of(self._edits.applied(person, profile.data(job.selection.groups)))
        return {"original_identifier": text, "internal_id": profile.person_id, "data": data}, job.prices, True

    def _identify_line(
        self, job: Job, text: str, person: str | None
    ) -> tuple[dict[str, Any] | None, Mapping[str, float], bool]:
        item = identified(self._identify, text, job.kind)
        line = {name: item.entry[name] for name in ("matched_on", "match_type", "matches")}
        return line, item.prices, bool(item.prices)

    def _contact_line(
        self, job: Job, text: str, person: str | None
    ) -> tuple[dict[str, Any] | None, Mapping[str, float], bool]:
        candidates = self._population.candidates(person, job.kind)
        person_id = candidates[0].profile.person_id if candidates else None
        known: dict[str, Any] = {}
        if candidates:
            known = self._edits.applied(person, candidates[0].profile.data(["contact"])).get("contact") or {}
        business: Any = None
        personal: dict[str, Any] = {}
        parts: set[str] = set()
        for name in job.names:
            group = contract.CONTACT_FIELDS[name]
            values: list[Any] = list(known.get(group.partition(".")[2]) or [])
            if values and isinstance(values[0], dict):
                values = [{"email": value.get("email"), "status": value.get("status")} for value in values]
            parts |= {group} if values else set()
            if name == "business_email":
                business = values
                parts |= {"verified"} if values and job.verified else set()
            else:
                personal[name.partition(".")[2]] = values
        prices = {name: credits for name, credits in job.prices.items() if contract.COST_COMPONENTS[name] in parts}
        data: dict[str, Any] = {}
        if business is not None:
            data["business_email"] = business
        if personal:
            data[contract.CONTACT_SHORTHAND] = personal
        if self.lines == "flat":
            return {"professional_network_url": text, "person_id": person_id, **data}, prices, bool(prices)
        return {"original_identifier": text, "internal_id": person_id, "data": data}, prices, bool(prices)

    # Reading ---------------------------------------------------------------------------------------------------

    def status(self, batch_id: str) -> dict[str, Any]:
        """Return what ``GET /batch/{batch_id}`` answers."""
        self.polls += 1
        job = self._jobs.get(batch_id)
        if job is None:
            raise Refusal(404, "not_found", "No batch job with this id.")
        told = job.facts()
        if job.status == "completed":
            parts = [f"part-{number:03}.jsonl.gz" for number in range(len(job.parts))]
            told["download_url"] = self.link(batch_id, WHOLE)
            told["download_urls"] = [self.link(batch_id, name) for name in parts]
        return told

    def listed(self, limit: int, status: str | None, cursor: str | None) -> dict[str, Any]:
        """Return what ``GET /batch`` answers: newest first, without links."""
        least, _, most = contract.JOB_PAGE_SIZES
        newest = [job for job in reversed(self._jobs.values()) if status in (None, job.status)]
        if cursor is not None:
            order = [job.batch_id for job in reversed(self._jobs.values())]
            if cursor not in order:
                raise Refusal(400, "invalid_request", "cursor is not valid.")
            older = set(order[order.index(cursor) + 1 :])
            newest = [job for job in newest if job.batch_id in older]
        page = newest[: min(most, max(least, limit))]
        has_more = len(newest) > len(page)
        return {
            "jobs": [job.facts() for job in page],
            "next_cursor": page[-1].batch_id if has_more else None,
            "has_more": has_more,
        }


def _call_back(url: str, facts: dict[str, Any]) -> None:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=CALLBACK_TIMEOUT_S)
    with suppress(OSError, http.client.HTTPException):
        place = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", place, json.dumps(facts), {"Content-Type": "application/json"})
        connection.getresponse().read()
    connection.close()


def limit_of(text: str | None) -> int:
    """Read ``limit`` of ``GET /batch``; what is out of range is clamped later."""
    if text is None:
        return contract.JOB_PAGE_SIZES[1]
    try:
        return max(-1000, min(1000, int(text[:20])))
    except ValueError:
        invalid("limit must be a whole number.")


def handlers(jobs: Jobs) -> Iterator[tuple[str, Callable[[Request], Response]]]:
    """Yield the free GET routes."""
    yield f"{contract.JOBS_PATH}/{{batch_id}}", lambda request: Reply(200, jobs.status(request.path_params["batch_id"]))

    def listed(request: Request) -> Response:
        status = request.query_params.get("status")
        if status is not None and status not in contract.JOB_STATUSES:
            invalid(f"status must be one of {', '.join(contract.JOB_STATUSES)}.")
        return Reply(
            200, jobs.listed(limit_of(request.query_params.get("limit")), status, request.query_params.get("cursor"))
        )

    yield contract.JOBS_PATH, listed
