"""Jobs: thousands of people in one request, and their results as a file somewhere else.

A job moves from ``pending`` to ``processing`` to ``completed`` or ``failed`` while sandbox time passes, charges for
what it delivers when it completes, and hands out links to a second origin that knows no API key.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import hmac
import http.client
import json
import secrets
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal, NoReturn
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from crustframe import contract
from crustframe.sandbox import fields
from crustframe.sandbox.edits import Edits
from crustframe.sandbox.faults import Faults
from crustframe.sandbox.freemail import is_business_email
from crustframe.sandbox.meter import Meter
from crustframe.sandbox.people import Population, canonical
from crustframe.sandbox.questions import Reader, Refusal
from crustframe.sandbox.wire import DRIP_PIECES, Reply, Wires, encoded

JOB_SECONDS: Final = 60.0  # ours: docs say "minutes"
PENDING_SHARE: Final = 0.1  # ours: of the job's time
PART_LINES: Final = 1000  # ours: lines of one part file
CALLBACK_TIMEOUT_S: Final = 5.0
BOMB_MEMBER: Final = 4 * 2**20
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_COMMON_KEYS: Final = ("fields", "chunk_size", "webhook_url")
_BODY_KEYS: Final = {
    contract.PERSON_JOB_PATH: (*contract.REQUEST_KEYS.values(), *_COMMON_KEYS),
    contract.CONTACT_JOB_PATH: (contract.REQUEST_KEYS[contract.PROFILE_URL], *_COMMON_KEYS, "verified"),
}
_CONTACT_NAMES: Final = (
    "business_email",
    contract.CONTACT_SHORTHAND,
    "personal_contact_info.personal_emails",
    "personal_contact_info.phone_numbers",
)

Lines = Literal["envelope", "flat"]
FileAction = Literal["cut", "drip", "wrong_crc", "plain", "content_encoding", "double", "bomb", "status", "redirect"]


@dataclass(frozen=True, kw_only=True)
class FileFault:
    """What happens to a download.

    Parameters
    ----------
    action : str
        ``cut`` sends `at` bytes and hangs up; ``drip`` sends the file in pieces spread over `seconds`; ``wrong_crc``
        spoils the last bytes; ``plain`` sends the lines without gzip; ``content_encoding`` names the file's own gzip
        in a header; ``double`` packs the file once more, under that header; ``bomb`` sends a file that unpacks to
        `at` bytes, or a little more, of nothing but `text`; ``status`` answers `status`; ``redirect`` leads to
        `location`.
    seconds : float
        Sandbox seconds.
    times : int, optional
        Acts at most so often.
    """

    action: FileAction
    at: int = 0
    seconds: float = 1.0
    text: bytes = b" "
    status: int = 403
    location: str = "http://storage.example/results.jsonl.gz"
    times: int | None = None


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


class Jobs:
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
        self._clock = clock
        self._wait = wait
        self.job_seconds = job_seconds
        self.link_seconds = link_seconds
        self.lines = lines
        self.faults = Faults()
        self.submitted: list[dict[str, Any]] = []
        self.polls = self.downloads = 0
        self.drop: set[str] = set()
        self.rename: dict[str, str] = {}
        self.price_factor = 1.0
        self.fail_with: str | None = None
        self.storage_url = ""
        self._jobs: dict[str, Job] = {}
        self._secret = secrets.token_bytes(16)
        self._file_faults: deque[FileFault] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def all(self) -> list[Job]:
        """The jobs, oldest first."""
        return list(self._jobs.values())

    def spoil(self, action: FileAction, **how: Any) -> None:
        """Script ``FileFault(action=action, **how)`` for the downloads from now on."""
        self._file_faults.append(FileFault(action=action, **how))

    # Submitting ------------------------------------------------------------------------------------------------

    def read(self, path: str, body: Any) -> Job:
        """Return the job that a decoded body asks for, or raise the first refusal."""
        if not isinstance(body, dict):
            _invalid("Request body must be a JSON object.")
        if unknown := [key for key in body if key not in _BODY_KEYS[path]]:
            _invalid(f"Unexpected keys in request body: {', '.join(unknown)}")
        kind, identifiers = _identifiers(path, body)
        names = self._names(path, body)
        least, default, most = contract.JOB_CHUNK_SIZES
        size = body.get("chunk_size", default)
        if isinstance(size, bool) or not isinstance(size, int) or not least <= size <= most:
            _invalid(f"chunk_size must be a whole number between {least} and {most}.")
        webhook_url = body.get("webhook_url")
        if webhook_url is not None and not _is_web_address(webhook_url):
            _invalid("webhook_url must be a valid URL.")
        verified = body.get("verified", False)
        if not isinstance(verified, bool):
            _invalid("verified must be a boolean.")
        if kind == contract.BUSINESS_EMAIL and (bad := [text for text in identifiers if not is_business_email(text)]):
            _invalid(f"Invalid business emails: {', '.join(bad)}")
        granted = [contract.CONTACT_FIELDS.get(name, name) for name in names]
        if lacking := fields.denied(granted, self._reader.denied_fields):
            message = f"Access denied to fields: {', '.join(lacking)}"
            raise Refusal(403, "permission_error", message, [{"denied_fields": lacking}])
        selection = fields.select(names, self._reader.snapshot, self._reader.denied_fields)
        prices = dict(selection.prices)
        if path == contract.CONTACT_JOB_PATH:
            parts = {contract.CONTACT_FIELDS[name]: _contact_price(name) for name in names}
            parts |= {"verified": contract.VERIFIED_PRICE} if verified else {}
            prices = {name: parts[part] for name, part in contract.COST_COMPONENTS.items() if part in parts}
        if sum(prices.values()) * len(identifiers) > self._meter.balance:
            raise Refusal(402, "insufficient_credits", "Insufficient credits.")
        if sum(job.is_active for job in self._jobs.values()) >= contract.MAX_ACTIVE_JOBS:
            message = f"At most {contract.MAX_ACTIVE_JOBS} active batch jobs are allowed."
            raise Refusal(429, "rate_limit_exceeded", message)  # body inferred: nowhere documented
        return Job(
            batch_id=str(uuid.uuid4()),
            path=path,
            kind=kind,
            identifiers=identifiers,
            names=names,
            prices=prices,
            selection=selection,
            verified=verified,
            webhook_url=webhook_url,
            created_at=datetime.fromtimestamp(self._clock(), UTC),
        )

    def _names(self, path: str, body: dict[str, Any]) -> tuple[str, ...]:
        asked = _listed(body, "fields")
        if path == contract.CONTACT_JOB_PATH:
            if not asked:
                _invalid("fields is required and must not be empty.")
            if unknown := [name for name in asked if name not in _CONTACT_NAMES]:
                _invalid(f"Invalid fields: {', '.join(unknown)}", [{"available_fields": list(_CONTACT_NAMES)}])
            both = [name for name in contract.CONTACT_FIELDS if name.startswith(contract.CONTACT_SHORTHAND + ".")]
            spelled = [part for name in asked for part in (both if name == contract.CONTACT_SHORTHAND else [name])]
            return tuple(dict.fromkeys(spelled))
        available = fields.available(self._reader.snapshot)
        if unknown := [name for name in asked or () if name not in available]:
            _invalid(f"Invalid fields: {', '.join(unknown)}", [{"available_fields": list(available)}])
        return tuple(dict.fromkeys((*contract.JOB_DEFAULT_GROUPS, *(asked or ()))))

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
        answer = self._person_line if job.path == contract.PERSON_JOB_PATH else self._contact_line
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
            told["download_url"] = self._link(batch_id, "results.jsonl.gz")
            told["download_urls"] = [self._link(batch_id, name) for name in parts]
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

    # The second origin -----------------------------------------------------------------------------------------

    def _link(self, batch_id: str, name: str) -> str:
        place = f"/jobs/{batch_id}/output/{name}"
        expires = int(self._clock() + self.link_seconds)
        return f"{self.storage_url}{place}?expires={expires}&signature={self._signature(place, str(expires))}"

    def _signature(self, place: str, expires: str) -> str:
        return hmac.new(self._secret, f"{place}?{expires}".encode(), hashlib.sha256).hexdigest()

    def download(self, request: Request, wires: Wires) -> Response:
        """Answer a request of the storage host."""
        self.downloads += 1
        if "authorization" in request.headers:
            return _denied(400, "InvalidArgument", "Only one auth mechanism allowed")
        place, expires = request.url.path, request.query_params.get("expires", "")
        signature = request.query_params.get("signature", "")
        if not hmac.compare_digest(signature, self._signature(place, expires)):
            return _denied(403, "SignatureDoesNotMatch", "The request signature does not match")
        if self._clock() > float(expires):
            return _denied(403, "AccessDenied", "Request has expired")
        batch_id, _, name = place.removeprefix("/jobs/").partition("/output/")
        job = self._jobs[batch_id]
        parts = job.parts if name == "results.jsonl.gz" else job.parts[int(name[5:8]) : int(name[5:8]) + 1]
        if not parts:  # docs: a completed job without results may carry a link that answers 404
            return _denied(404, "NoSuchKey", "The specified key does not exist")
        return self._file(b"".join(parts), wires)

    def _file(self, body: bytes, wires: Wires) -> Response:
        fault = self._next_file_fault()
        headers: dict[str, str] = {}
        match fault.action if fault else None:
            case "cut":
                return _Cut(body, fault.at if fault else 0, wires)
            case "drip":
                return _Drip(body, fault.seconds if fault else 0.0, self._wait)
            case "wrong_crc":
                body = body[:-8] + bytes(byte ^ 0xFF for byte in body[-8:-4]) + body[-4:]
            case "plain":
                body = gzip.decompress(body)
            case "content_encoding":
                headers["content-encoding"] = "gzip"
            case "double":
                body, headers["content-encoding"] = gzip.compress(body), "gzip"
            case "bomb":
                body = _bomb(fault.text, fault.at) if fault else b""
            case "status":
                return _denied(fault.status if fault else 403, "AccessDenied", "Scripted fault")
            case "redirect":
                return Response(b"", 302, {"location": fault.location if fault else ""})
            case _:
                pass
        return Response(body, 200, headers, media_type="application/gzip")

    def _next_file_fault(self) -> FileFault | None:
        if not self._file_faults:
            return None
        fault = self._file_faults.popleft()
        if fault.times is None:
            self._file_faults.appendleft(fault)
        elif fault.times > 1:
            self._file_faults.appendleft(FileFault(**{**fault.__dict__, "times": fault.times - 1}))
        return fault


class _Cut(Response):
    """The length of a whole file, and a piece of it."""

    def __init__(self, whole: bytes, at: int, wires: Wires) -> None:
        super().__init__(whole, 200, media_type="application/gzip")
        self._at = at
        self._wires = wires

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send a piece, then hang up."""
        transport = self._wires.of(scope)
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": bytes(self.body)[: self._at], "more_body": True})
        transport.close()
        while (await receive())["type"] != "http.disconnect":
            pass


class _Drip(Response):
    """A whole file, in pieces."""

    def __init__(self, whole: bytes, seconds: float, wait: Callable[[float], Any]) -> None:
        super().__init__(whole, 200, media_type="application/gzip")
        self._seconds = seconds
        self._wait = wait

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send a piece, wait, send the next."""
        whole = bytes(self.body)
        step = max(1, -(-len(whole) // DRIP_PIECES))
        begins = range(0, len(whole), step)
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        for begin in begins:
            await send({"type": "http.response.body", "body": whole[begin : begin + step], "more_body": True})
            if await self._wait(self._seconds / len(begins)):
                return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _bomb(text: bytes, size: int) -> bytes:
    """Pack `text` over and over, in equal members, so that nobody here holds what it unpacks to."""
    member = text * max(1, min(size, BOMB_MEMBER) // len(text))
    return gzip.compress(member, 9) * -(-size // len(member))


def _denied(status: int, code: str, message: str) -> Response:
    text = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Response(text, status, media_type="application/xml")


def _call_back(url: str, facts: dict[str, Any]) -> None:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=CALLBACK_TIMEOUT_S)
    with suppress(OSError, http.client.HTTPException):
        place = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", place, json.dumps(facts), {"Content-Type": "application/json"})
        connection.getresponse().read()
    connection.close()


def _identifiers(path: str, body: dict[str, Any]) -> tuple[contract.IdentifierKind, tuple[str, ...]]:
    given = [(kind, key) for kind, key in contract.REQUEST_KEYS.items() if key in body]
    if len(given) != 1:
        _invalid("Exactly one identifier type must be provided.")
    kind, key = given[0]
    values = _listed(body, key)
    if not values:
        _invalid(f"{key} must not be empty.")
    most = contract.MAX_JOB_IDENTIFIERS[path]
    if len(values) > most:
        _invalid(f"{key} takes at most {most} identifiers per job, got {len(values)}.")
    return kind, tuple(values)


def _listed(body: dict[str, Any], key: str) -> list[str] | None:
    """Return a list of texts, which one comma-separated text is too."""
    value = body.get(key)
    if value is None and key not in body:
        return None
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        _invalid(f"{key} must be a list of strings or one comma-separated string.")
    return list(value)


def _contact_price(name: str) -> float:
    return contract.ADD_ON_PRICES[contract.CONTACT_FIELDS[name]]


def _is_web_address(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False


def _invalid(message: str, metadata: Sequence[dict[str, Any]] = ()) -> NoReturn:
    raise Refusal(400, "invalid_request", message, metadata)


def limit_of(text: str | None) -> int:
    """Read ``limit`` of ``GET /batch``; what is out of range is clamped later."""
    if text is None:
        return contract.JOB_PAGE_SIZES[1]
    try:
        return max(-1000, min(1000, int(text[:20])))
    except ValueError:
        _invalid("limit must be a whole number.")


def handlers(jobs: Jobs) -> Iterator[tuple[str, Callable[[Request], Response]]]:
    """Yield the free GET routes."""
    yield f"{contract.JOBS_PATH}/{{batch_id}}", lambda request: Reply(200, jobs.status(request.path_params["batch_id"]))

    def listed(request: Request) -> Response:
        status = request.query_params.get("status")
        if status is not None and status not in contract.JOB_STATUSES:
            _invalid(f"status must be one of {', '.join(contract.JOB_STATUSES)}.")
        return Reply(
            200, jobs.listed(limit_of(request.query_params.get("limit")), status, request.query_params.get("cursor"))
        )

    yield contract.JOBS_PATH, listed
