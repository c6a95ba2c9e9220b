"""An API that is too fast to be what is measured: ``python tests/bench/emulator.py`` prints its address and serves.

It answers as the contract says: one entry for each identifier, in their order, ``x-credits-used``, the rate headers
(with a limit that nobody reaches). ``/race`` is its own: POST sets latency, compression and counters, GET tells them.
"""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
from world import COLUMNS, cells_of, is_field, knows, number_of, person_data

from crustframe import contract

KEY = "sandbox-key"
_LIMIT = 1_000_000
_REASONS = {200: "OK", 202: "Accepted", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many"}
_ids = itertools.count(1)

Answer = tuple[int, bytes, float]
"""Status, body, credits."""


class Api:
    """What it does, and what it counted."""

    def __init__(self) -> None:
        self.url = ""
        self.reset({})

    def reset(self, asked: dict[str, Any]) -> Answer:
        """Begin a new count."""
        self.latency_s = float(asked.get("latency_s", 0.0))
        self.job_s = float(asked.get("job_s", 1.0))
        self.gzip = bool(asked.get("gzip", False))
        self.calls = self.billed = self.sent_bytes = 0
        self.people: set[int] = set()
        self.jobs: dict[str, dict[str, Any]] = {}
        return 200, b"{}", 0.0

    def facts(self) -> Answer:
        """Tell the count."""
        facts = {"calls": self.calls, "billed": self.billed, "distinct": len(self.people), "bytes": self.sent_bytes}
        return 200, orjson.dumps(facts), 0.0

    def _bill(self, identifier: str) -> int | None:
        """Return who is meant, charged for; None if nobody is known there, free."""
        number = number_of(identifier)
        if number is None or not knows(number):
            return None
        self.billed += 1
        self.people.add(number)
        return number

    def enrich(self, asked: dict[str, Any]) -> Answer:
        """Answer ``POST /person/enrich``."""
        identifiers = asked.get("professional_network_profile_urls")
        if not isinstance(identifiers, list) or not 1 <= len(identifiers) <= contract.MAX_IDENTIFIERS:
            return _refused("1 to 25 profile URLs, please.")
        fields = tuple(asked.get("fields", ("basic_profile", "social_handles")))
        if not all(map(is_field, fields)):
            return _refused("unknown field")
        before, entries = self.billed, []
        for identifier in identifiers:
            number = self._bill(identifier)
            match = b""
            if number is not None:
                match = b'{"confidence_score":1.0,"person_data":%b}' % person_data(number, fields)
            entries.append(
                b'{"matched_on":%b,"match_type":"professional_network_profile_url","matches":[%b]}'
                % (orjson.dumps(identifier), match)
            )
        return 200, b"[%b]" % b",".join(entries), float(self.billed - before)

    def bulk(self, asked: dict[str, Any]) -> Answer:
        """Answer the bulk call of another vendor, in the shape that its SDK knows, with bodies of the same size."""
        items = []
        for request in asked["requests"]:
            number = self._bill(request["params"]["profile"][0])
            if number is None:
                items.append(b'{"status":404,"error":{"type":"not_found","message":"No records were found"}}')
                continue
            name, headline, connections, title, school = cells_of(number)
            flat = {"full_name": name, "headline": headline, "job_title": title, "education": []}
            flat["linkedin_connections"] = int(connections) if connections else None
            if school:
                flat["education"] = [{"school": {"name": school}}]
            data = orjson.dumps(flat)[:-1] + b',"rest":%b}' % person_data(number, ("basic_profile", "experience"))
            items.append(b'{"status":200,"likelihood":10,"data":%b}' % data)
        return 200, b"[%b]" % b",".join(items), 0.0

    async def submit(self, asked: dict[str, Any]) -> Answer:
        """Answer ``POST /batch/person/enrich``."""
        identifiers = asked["professional_network_profile_urls"]
        running = sum(time.time() < job["done_at"] for job in self.jobs.values())
        if not 1 <= len(identifiers) <= contract.MAX_JOB_IDENTIFIERS[contract.PERSON_JOB_PATH]:
            return _refused("1 to 10,000 profile URLs, please.")
        if running >= contract.MAX_ACTIVE_JOBS:
            return 429, b'{"error":{"type":"rate_limited","message":"five jobs are active","metadata":[]}}', 0.0
        fields = tuple(sorted({*asked.get("fields", ()), "basic_profile", "social_handles"}))
        before, lines = self.billed, []
        for identifier in identifiers:
            if (number := self._bill(identifier)) is not None:
                head = b'{"original_identifier":%b,"internal_id":%d,"data":' % (orjson.dumps(identifier), number)
                lines.append(head + person_data(number, fields) + b"}\n")
        packed = await asyncio.to_thread(gzip.compress, b"".join(lines), 6)
        batch_id, created = str(uuid.uuid4()), time.time()
        self.jobs[batch_id] = {
            "file": packed,
            "created_at": _moment(created),
            "done_at": created + self.job_s,
            "asked": len(identifiers),
            "found": self.billed - before,
        }
        answer = {"batch_id": batch_id, "status": "pending", "entity": "person", "action": "enrich"}
        answer |= {"identifier_count": len(identifiers), "entities_requested": len(identifiers)}
        return 202, orjson.dumps(answer | {"status_url": f"/batch/{batch_id}"}), 0.0

    def listed(self) -> Answer:
        """Answer ``GET /batch``: the jobs, the newest first, without links."""
        jobs = [orjson.loads(self.status(batch_id)[1]) for batch_id in reversed(self.jobs)]
        for job in jobs:
            job.pop("download_url", None)
        return 200, orjson.dumps({"jobs": jobs, "next_cursor": None, "has_more": False}), 0.0

    def status(self, batch_id: str) -> Answer:
        """Answer ``GET /batch/{batch_id}``."""
        job = self.jobs.get(batch_id)
        if job is None:
            return _unknown()
        done = time.time() >= job["done_at"]
        answer = {"batch_id": batch_id, "status": "completed" if done else "processing", "entity": "person"}
        answer |= {"action": "enrich", "identifier_count": job["asked"], "entities_requested": job["asked"]}
        answer |= {"created_at": job["created_at"], "result_count": job["found"] if done else 0}
        if done:
            answer |= {"completed_at": _moment(job["done_at"]), "entities_fulfilled": job["found"]}
            answer |= {"download_url": f"{self.url}/results/{batch_id}.jsonl.gz"}
        return 200, orjson.dumps(answer), 0.0

    async def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """Answer anything."""
        if path == "/race":
            return self.reset(json.loads(body)) if method == "POST" else self.facts()
        if path.startswith("/results/"):
            return 200, self.jobs[path.split("/")[2].removesuffix(".jsonl.gz")]["file"], 0.0
        if f"Bearer {KEY}" != headers.get("authorization") and headers.get("x-api-key") != KEY:
            return 401, b'{"message":"Invalid API key in request"}', 0.0
        self.calls += 1
        paid: dict[str, Callable[[dict[str, Any]], Answer]] = {
            "/person/enrich": self.enrich,
            "/v5/person/bulk": self.bulk,
        }
        if (
            method == "POST"
            and path != "/v5/person/bulk"
            and headers.get(contract.VERSION_HEADER) != contract.API_VERSION
        ):
            return _refused("x-api-version")
        if method == "POST" and path in paid:
            return paid[path](orjson.loads(body))
        if method == "POST" and path == contract.PERSON_JOB_PATH:
            return await self.submit(orjson.loads(body))
        if method == "GET" and path == contract.JOBS_PATH:
            return self.listed()
        if method == "GET" and path.startswith("/batch/"):
            return self.status(path.removeprefix("/batch/"))
        return _unknown()


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def _refused(why: str) -> Answer:
    return 400, orjson.dumps({"error": {"type": "invalid_request", "message": why, "metadata": []}}), 0.0


def _unknown() -> Answer:
    return 404, b'{"error":{"type":"not_found","message":"no such path","metadata":[]}}', 0.0


class Connection(asyncio.Protocol):
    """One connection; one request at a time, as every client here sends them."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._received = bytearray()
        self._answering: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        self._take()

    def _take(self) -> None:
        end = self._received.find(b"\r\n\r\n")
        if end < 0 or (self._answering and not self._answering.done()):
            return
        first, *lines = self._received[:end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        if len(self._received) < end + 4 + length:
            if headers.get("expect", "").lower() == "100-continue":
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return
        body = bytes(self._received[end + 4 : end + 4 + length])
        del self._received[: end + 4 + length]
        method, target, _ = first.split(" ")
        self._answering = asyncio.ensure_future(self._answer(method, target.partition("?")[0], headers, body))
        self._answering.add_done_callback(lambda _: self._take())

    async def _answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        api = self._api
        status, content, spent = await api.answer(method, path, headers, body)
        lines = [f"HTTP/1.1 {status} {_REASONS[status]}", f"x-request-id: race-{next(_ids)}"]
        if path.startswith("/results/"):
            lines += ["content-type: application/gzip"]
        else:
            lines += ["content-type: application/json", f"x-credits-used: {spent:g}"]
            lines += [f"x-ratelimit-limit: {_LIMIT}", f"x-ratelimit-remaining: {_LIMIT - 1}", "x-ratelimit-reset: 60"]
            if api.gzip and "gzip" in headers.get("accept-encoding", ""):
                content = gzip.compress(content, 1)
                lines += ["content-encoding: gzip"]
        if path != "/race":
            api.sent_bytes += len(content)
            if api.latency_s:
                await asyncio.sleep(api.latency_s)
        self._transport.write("\r\n".join([*lines, f"content-length: {len(content)}", "", ""]).encode() + content)


async def _serve() -> None:
    api = Api()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(api), "127.0.0.1", 0)
    api.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    person_data(0, tuple(COLUMNS.values()))
    print(api.url, flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
