"""The API's endpoints, as an ASGI application that only ever talks to this machine."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp

from crustframe import contract
from crustframe.sandbox import account, fields, openapi, screener
from crustframe.sandbox.bodies import body_of, glimpse, glimpse_of_query
from crustframe.sandbox.door import FrontDoor
from crustframe.sandbox.edits import Edits
from crustframe.sandbox.faults import UNANSWERED, Fault, Faults
from crustframe.sandbox.jobs import Jobs, handlers
from crustframe.sandbox.meter import Meter, Window
from crustframe.sandbox.people import Population, canonical
from crustframe.sandbox.questions import Question, Reader, Refusal, Unauthorized, decoded
from crustframe.sandbox.settings import RETIRED, Settings
from crustframe.sandbox.surfaces import CONTACT_NAMES, ContactEnrich, Identify, Live, Surface, is_in_plan
from crustframe.sandbox.wire import Broken, Reply, Wires, distorted, encoded

ACCOUNT_REQUESTS_PER_MINUTE: Final = 300.0  # docs: /user/credits and /account/*
USAGE_REQUESTS_PER_MINUTE: Final = 60.0  # docs: the questions about usage together
USAGE_PATH: Final = "/account/usage"
VERSIONED_PATHS: Final = ("/account/endpoints", USAGE_PATH)
FREE_PATHS: Final = ("/user/credits", "/account/credits", "/account/endpoints", "/account/usage/events")
LEGACY_COMPONENT: Final = "person.legacy_profile"  # ours: no document names one


@dataclass
class Service:
    """The state behind the endpoints."""

    settings: Settings
    faults: Faults = field(default_factory=Faults)
    wires: Wires = field(default_factory=Wires)
    edits: Edits = field(default_factory=Edits)
    requests: list[dict[str, Any]] = field(default_factory=list)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        settings = self.settings
        self._leapt_s = 0.0
        self._started = time.time() - self._clock()
        self.meter = Meter(settings.balance, self.now)
        self.population = Population(settings.unknown_share, settings.drift)
        self.reader = Reader(settings.snapshot, settings.lacking, settings.preview, settings.refuse)
        self.screener = screener.Reader(settings.lacking_legacy, settings.preview)
        self.database = screener.Database(self.population, self._clock)
        self._windows = {path: Window(self._pace(path), self._clock) for path in self._paced_paths}
        self._unpaced = Window(ACCOUNT_REQUESTS_PER_MINUTE, self._clock)
        with_whom = (self.reader, self.population, self.edits)
        self.surfaces: dict[str, Surface] = {
            contract.CONTACT_ENRICH_PATH: ContactEnrich(*with_whom, billing=settings.contact_billing),
            contract.IDENTIFY_PATH: Identify(*with_whom, is_wrapped=settings.identify_rows == "wrapped"),
            contract.LIVE_PATH: Live(*with_whom),
        }
        self.storage_port: int | None = None
        self.jobs = Jobs(
            reader=self.reader,
            population=self.population,
            edits=self.edits,
            meter=self.meter,
            clock=self.now,
            wait=self._waits_in_vain,
            job_seconds=settings.job_seconds,
            link_seconds=settings.link_seconds,
            lines=settings.contact_lines,
        )

    @property
    def is_earlier(self) -> bool:
        """Whether ``/account/*`` answers as it did before autumn 2026."""
        return self.settings.account_api == "earlier"

    _surface_paths = (contract.CONTACT_ENRICH_PATH, contract.IDENTIFY_PATH, contract.LIVE_PATH)
    _paid_paths = (
        contract.PERSON_ENRICH_PATH,
        contract.SCREENER_ENRICH_PATH,
        *_surface_paths,
        *contract.JOB_ACTIONS,
    )
    _paced_paths = (*_paid_paths, *FREE_PATHS, contract.JOBS_PATH)

    def _pace(self, path: str) -> float | None:
        per_minute = self.settings.requests_per_minute
        if path in self._paid_paths or per_minute is None:
            own = contract.PACES.get(path)
            is_usual = per_minute == contract.REQUESTS_PER_MINUTE
            return own if own and is_usual else per_minute
        is_usage = path.startswith(USAGE_PATH) and not self.is_earlier
        return USAGE_REQUESTS_PER_MINUTE if is_usage else ACCOUNT_REQUESTS_PER_MINUTE

    def _clock(self) -> float:
        return time.monotonic() * self.settings.speed + self._leapt_s

    def pass_time(self, seconds: float) -> None:
        """Let so many sandbox seconds pass at once."""
        self._leapt_s += seconds

    def now(self) -> float:
        """Return sandbox seconds since 1970 UTC."""
        return self._started + self._clock()

    async def _waits_in_vain(self, seconds: float) -> bool:
        """Wait sandbox seconds; tell whether the server closed meanwhile."""
        await self._wait(seconds / self.settings.speed)
        return self.stopping.is_set()

    def window(self, path: str) -> Window:
        """Return the rate window of an endpoint."""
        found = next((known for known in self._windows if path == known or path.startswith(known + "/")), None)
        return self._windows[found] if found else self._unpaced

    def check_key(self, authorization: str | None, *, either_scheme: bool = False, own_scheme: str = "bearer") -> None:
        """Raise a 401 unless the header carries this sandbox's key."""
        if not authorization or not authorization.strip():
            raise Unauthorized("Missing API key in request")  # docs, verbatim
        scheme, _, key = authorization.strip().partition(" ")
        schemes = {own_scheme} if self.settings.strict_auth and not either_scheme else {"bearer", "token"}
        right = hmac.compare_digest(key.strip().encode(), self.settings.key.encode())
        if scheme.lower() not in schemes or not right:
            raise Unauthorized("Invalid API key in request")  # seed, verbatim

    def check_pace(self, path: str) -> None:
        """Count a request of an endpoint, or raise a 429."""
        if not self.window(path).admit():
            raise Refusal(429, "rate_limit_exceeded", "Rate limit exceeded.")  # body inferred: nowhere documented

    def check_version(self, request: Request) -> None:
        """Raise a 400 unless the header names the version of the API."""
        if request.headers.get(contract.VERSION_HEADER) != contract.API_VERSION:
            message = f"Header {contract.VERSION_HEADER} must be {contract.API_VERSION}."
            raise Refusal(400, "invalid_request", message)

    async def person_enrich(self, request: Request) -> Response:
        """Answer ``POST /person/enrich``. Checks: key, rate window, version, body, grants, credits."""
        self.check_key(request.headers.get("authorization"))
        return await self._metered(request, contract.PERSON_ENRICH_PATH, glimpse, self._processed)

    async def beside(self, request: Request) -> Response:
        """Answer a surface beside ``POST /person/enrich``. Checks: key, rate window, version, plan, body, credits."""
        self.check_key(request.headers.get("authorization"))
        return await self._metered(request, request.url.path, glimpse, self._asked_beside)

    def _asked_beside(self, request: Request, body: bytes, fault: Fault | None) -> tuple[Response, Mapping[str, float]]:
        if fault and not fault.charges and fault.action in UNANSWERED | {"status", "redirect"}:
            return Response(), {}
        surface = self.surfaces[request.url.path]
        try:
            self.check_version(request)
            self.check_plan(request.url.path)
            items = surface.items(decoded(body))
            self._check_balance(sum(sum(item.prices.values()) for item in items))
        except Refusal as refusal:
            return Reply(refusal.status, refusal.body), {}
        factor = fault.factor if fault and fault.action == "overcharge" else 1.0
        lines: dict[str, float] = {}
        for item in items if fault is None or fault.charges else ():
            if item.prices and item.person is not None:
                self.meter.charge([item.person], sum(item.prices.values()) * factor)
                for name, credits in item.prices.items():
                    lines[name] = lines.get(name, 0.0) + credits * factor
        entries = [item.entry for item in items]
        sent = surface.wrapped(fault.entries(entries) if fault else entries)
        return Reply(200, sent, {contract.CREDITS_HEADER: _number(sum(lines.values()))}), lines

    def check_plan(self, path: str) -> None:
        """Raise a 403 unless the account has the endpoint."""
        if not is_in_plan(path, self.settings.plan, self.settings.snapshot):
            raise Refusal(403, "permission_error", "This endpoint is not included in your plan.")

    async def screener_enrich(self, request: Request) -> Response:
        """Answer ``GET /screener/person/enrich``. Checks: key, rate window, query, grants, credits."""
        if self.settings.legacy != "served":
            return Reply(404, RETIRED[self.settings.legacy])
        self.check_key(request.headers.get("authorization"), own_scheme="token")
        query = dict(request.query_params)
        return await self._metered(
            request, contract.SCREENER_ENRICH_PATH, lambda _: glimpse_of_query(query), self._screened
        )

    async def _metered(
        self,
        request: Request,
        path: str,
        glimpse: Callable[[bytes], tuple[Any, list[str], set[str]]],
        process: Callable[[Request, bytes, Fault | None], tuple[Response, Mapping[str, float]]],
    ) -> Response:
        self.meter.call()
        seen: dict[str, Any] = {"body": None, "identifiers": [], "status": None, "fault": None}
        seen["request_id"] = request.state.request_id
        seen["headers"] = {name: value for name, value in request.headers.items() if name != "authorization"}
        self.requests.append(seen)
        body = b""
        try:
            body = await body_of(request)
            self.check_pace(path)
        except Refusal as refusal:
            seen["status"] = refusal.status
            self.meter.sent(str(refusal.status))
            self._log(request, path, refusal.status, {}, glimpse(body)[0], 0)
            raise
        seen["body"], seen["identifiers"], spellings = glimpse(body)
        fault = self.faults.meet(spellings)
        answer, billed = process(request, body, fault)
        if fault:
            seen["fault"] = fault.action
            answer = distorted(fault, answer)
            request.state.rate_headers = fault.rate_headers
            if fault.retry_after is not None:
                answer.headers["retry-after"] = fault.retry_after
        unheard = fault is not None and fault.action in UNANSWERED
        seen["status"] = None if unheard else answer.status_code
        self.meter.sent(str(seen["status"] or (fault and fault.action)))
        if not unheard or (fault and fault.charges):
            refused = bytes(answer.body) if answer.status_code >= 400 else b""
            self._log(request, path, answer.status_code, billed, seen["body"], len(seen["identifiers"]), refused)
        await self._wait(self.settings.latency_s / self.settings.speed)
        return Broken(fault, answer, self.wires, self.stopping) if fault else answer

    def _log(
        self,
        request: Request,
        path: str,
        status: int,
        lines: Mapping[str, float],
        body: Any,
        identifier_count: int,
        refused: bytes = b"",
    ) -> None:
        headers = {**request.headers, "authorization": "<redacted>"}
        said = _said(refused)
        event_id = request.state.request_id
        self.meter.log(event_id, path, status, lines, identifier_count, request=body, headers=headers, response=said)

    async def submit(self, request: Request) -> Response:
        """Answer the submit of a job. Checks: key, rate window, version, body, grants, credits, active jobs."""
        self.check_key(request.headers.get("authorization"))
        path = request.url.path
        seen: dict[str, Any] = {"path": path, "body": None, "status": None, "batch_id": None, "webhook_url": None}
        self.jobs.submitted.append(seen)
        body = await body_of(request)
        fault: Fault | None = None
        try:
            self.check_pace(path)
            fault = self.jobs.faults.meet(())
            answer: Response = Response()
            if fault is None or fault.charges:
                self.check_version(request)
                self.check_plan(path)
                seen["body"] = decoded(body)
                job = self.jobs.read(path, seen["body"])
                seen.update(batch_id=job.batch_id, webhook_url=job.webhook_url)
                answer = Reply(200, self.jobs.accept(job, request.state.request_id, seen["body"]))
        except Refusal as refusal:
            seen["status"] = refusal.status
            if not self.is_earlier:
                self._log(request, path, refusal.status, {}, seen["body"], 0, encoded(refusal.body))
            raise
        if fault is None:
            seen["status"] = 200
            return answer
        answer = distorted(fault, answer)
        seen["status"] = None if fault.action in UNANSWERED else answer.status_code
        return Broken(fault, answer, self.wires, self.stopping)

    def _processed(self, request: Request, body: bytes, fault: Fault | None) -> tuple[Response, Mapping[str, float]]:
        if fault and not fault.charges and fault.action in UNANSWERED | {"status", "redirect"}:
            return Response(), {}
        try:
            self.check_version(request)
            question = self.reader.read(decoded(body))
            entries, matched = self._entries(question)
            price = question.selection.price
            self._check_balance(price * len(matched))
        except Refusal as refusal:
            return Reply(refusal.status, refusal.body), {}
        factor = fault.factor if fault and fault.action == "overcharge" else 1.0
        charged = fault is None or fault.charges
        billed = self.meter.charge(matched, price * factor) if charged and price else 0.0
        prices = question.selection.prices.items()
        lines = {name: credits * factor * len(matched) for name, credits in prices} if billed else {}
        sent = fault.entries(entries) if fault else entries
        return Reply(200, sent, {contract.CREDITS_HEADER: _number(billed)}), lines

    def _check_balance(self, credits: float) -> None:
        if credits > self.meter.balance:
            kind = "insufficient_credits" if self.settings.credits_gone_status == 402 else "permission_error"
            raise Refusal(self.settings.credits_gone_status, kind, "Insufficient credits.")

    def _screened(self, request: Request, _: bytes, fault: Fault | None) -> tuple[Response, Mapping[str, float]]:
        if fault and not fault.charges and fault.action in UNANSWERED | {"status", "redirect"}:
            return Response(), {}
        try:
            question = self.screener.read(dict(request.query_params))
            items = screener.answer(question, self.database)
            self._check_balance(sum(item.credits for item in items))
        except Refusal as refusal:
            return Reply(refusal.status, refusal.body), {}
        factor = fault.factor if fault and fault.action == "overcharge" else 1.0
        charged = fault is None or fault.charges
        paid = [item for item in items if item.credits and charged]
        billed = sum(self.meter.charge([item.person], item.credits * factor) for item in paid)
        entries = [
            {"matched_on": item.submitted, "match_type": question.kind, "object": item.content} for item in items
        ]
        sent = [entry["object"] for entry in (fault.entries(entries) if fault else entries) if "object" in entry]
        lines = {LEGACY_COMPONENT: billed} if billed else {}
        return Reply(200, sent, {contract.CREDITS_HEADER: _number(billed)}), lines

    def _entries(self, question: Question) -> tuple[list[dict[str, Any]], list[str]]:
        """Return one entry per identifier, and the canonical person of each matched position."""
        entries: list[dict[str, Any]] = []
        matched: list[str] = []
        threshold = question.min_similarity_score if question.kind == contract.BUSINESS_EMAIL else None
        for text in question.identifiers:
            person = canonical(text, question.kind)
            found = self.population.candidates(person, question.kind)
            kept = [candidate for candidate in found if threshold is None or candidate.confidence >= threshold]
            if kept and person is not None:
                matched.append(person)
            matches = [
                {
                    "confidence_score": candidate.confidence,
                    "person_data": question.selection.of(
                        self.edits.applied(person, candidate.profile.data(question.selection.groups))
                    ),
                }
                for candidate in kept
            ]
            entries.append({"matched_on": text, "match_type": question.kind, "matches": matches})
        return entries, matched

    async def _wait(self, seconds: float) -> None:
        if seconds > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), seconds)

    @cached_property
    def endpoints(self) -> list[dict[str, Any]]:
        """The rows of ``GET /account/endpoints``."""
        names = fields.available(self.settings.snapshot)
        disabled = fields.denied(names, self.settings.lacking)
        granted = {"enabled": [name for name in names if name not in disabled], "disabled": disabled}
        nothing: dict[str, list[str]] = {"enabled": [], "disabled": []}
        contacts = {"enabled": list(CONTACT_NAMES), "disabled": fields.denied(CONTACT_NAMES, self.settings.lacking)}
        told = {contract.PERSON_ENRICH_PATH: granted, contract.PERSON_JOB_PATH: granted}
        told |= {contract.LIVE_PATH: granted, contract.CONTACT_ENRICH_PATH: contacts}
        paths = [path for path in self._paid_paths if path != contract.SCREENER_ENRICH_PATH]
        has = {path: is_in_plan(path, self.settings.plan, self.settings.snapshot) for path in paths}
        return [
            *(_endpoint(p, "Person", "enabled", self._pace(p), told.get(p, nothing)) for p in paths if has[p]),
            *(_endpoint(path, "Person", "not_enabled", None, nothing) for path in paths if not has[path]),
            *(_endpoint(path, "Other", "enabled", self._pace(path), nothing) for path in FREE_PATHS),
        ]


def _endpoint(
    path: str, category: str, status: str, pace: float | None, granted: dict[str, list[str]]
) -> dict[str, Any]:
    row = {"path": path, "category": category, "status": status}
    return {**row, "effective_rate_limit_rpm": pace, "fields": granted}


def _said(body: bytes) -> Any:
    """Return the body of a refusal, as the usage log keeps it."""
    try:
        return decoded(body) if body else None
    except Refusal:
        return body.decode("utf-8", "replace")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def build_app(service: Service) -> ASGIApp:
    """Return the application for `service`, behind its front door."""
    app = FastAPI(docs_url=None, redoc_url=None, redirect_slashes=False)
    document = openapi.document(service.settings.snapshot, service.settings.account_api)
    app.openapi = lambda: document  # type: ignore[method-assign]

    def free(path: str, handler: Callable[[Request], Response], *, either_scheme: bool = False) -> None:
        async def endpoint(request: Request) -> Response:
            service.check_key(request.headers.get("authorization"), either_scheme=either_scheme)
            service.check_pace(request.url.path)
            if request.url.path.startswith(VERSIONED_PATHS) and not service.is_earlier:
                service.check_version(request)
            return handler(request)

        app.add_api_route(path, endpoint, methods=["GET"])

    app.add_api_route(contract.PERSON_ENRICH_PATH, service.person_enrich, methods=["POST"], response_model=None)
    app.add_api_route(contract.SCREENER_ENRICH_PATH, service.screener_enrich, methods=["GET"], response_model=None)
    free("/user/credits", lambda _: Reply(200, {"credits": service.meter.balance}), either_scheme=True)
    free("/account/credits", lambda _: Reply(200, account.account(service)))
    if service.settings.account:
        free("/account/endpoints", lambda request: account.endpoints(service, request))
    free("/account/usage/events", lambda request: account.events(service, request))
    free("/account/usage/events/{event_id}", lambda request: account.event(service, request))

    for path in service.surfaces:
        app.add_api_route(path, service.beside, methods=["POST"], response_model=None)
    for path in contract.JOB_ACTIONS:
        app.add_api_route(path, service.submit, methods=["POST"], response_model=None)
    for path, handler in handlers(service.jobs):
        free(path, handler)

    async def meter(_: Request) -> Response:
        return Reply(200, service.meter.reading())

    async def add_fault(request: Request) -> Response:
        service.check_key(request.headers.get("authorization"))
        value = decoded(await body_of(request))
        try:
            fault = Fault.from_json(value)
        except (TypeError, ValueError, AttributeError) as problem:
            raise Refusal(400, "invalid_request", str(problem)) from problem
        service.faults.arm(fault)
        return Reply(201, {"fault": fault.action})

    async def clear_faults(request: Request) -> Response:
        service.check_key(request.headers.get("authorization"))
        return Reply(200, {"cleared": service.faults.clear()})

    app.add_api_route("/sandbox/meter", meter, methods=["GET"], response_model=None)
    app.add_api_route("/sandbox/faults", add_fault, methods=["POST"], response_model=None)
    app.add_api_route("/sandbox/faults", clear_faults, methods=["DELETE"], response_model=None)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(HTTPException, _no_such_route)
    return FrontDoor(app, service)


async def _refused(_: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)  # noqa: S101 - registered for this class only
    return Reply(refusal.status, refusal.body)


async def _no_such_route(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    body = {"error": {"type": "invalid_request", "message": str(error.detail), "metadata": []}}
    return Reply(error.status_code, body, error.headers)
