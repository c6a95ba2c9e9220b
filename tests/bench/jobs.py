"""Jobs beside calls, and long result files: ``python tests/bench/jobs.py [route|lines [N]]``.

``make bench`` prints all of it, with 50,000 lines. Nothing here passes or fails by its figures.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import random
import shutil
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import pandas as pd
from measuring import FIELDS, STOPPED, Facts, measured, people, report, span

import crustframe
import crustframe.columns.schema
import crustframe.http.transport
from crustframe import contract
from crustframe.buying import jobs as jobs_room
from crustframe.ledger import Need
from crustframe.people.identifiers import read_identifiers
from crustframe.sandbox.people import Population

KEY = "sandbox-key"
ROWS = 10_000
JOB_S, LATENCY_S = 180.0, 5.0  # performance notes, section 6
SPEED = 15.0
"""Sandbox seconds per real one. The client's own work counts as often: no more than it can bear."""
SCORE = "crust.confidence_score"
LINES, WHOLE_LINES = 50_000, 100_000
STOPS = 20
CHUNK = contract.JOB_CHUNK_SIZES[2]
BATCH_ID = "00000000-0000-4000-8000-000000000001"
GROUPS = frozenset(contract.JOB_DEFAULT_GROUPS)


# Ten thousand people: calls beside a job ----------------------------------------------------------------------------


def side_by_side() -> None:
    """Print what 10,000 people take at 15 calls a minute, by calls and by the way that is picked."""
    seen: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for route in ("calls", "auto"):
            with crustframe.sandbox(speed=SPEED, job_seconds=JOB_S, latency_s=LATENCY_S) as sandbox:
                frame = Path(folder) / f"{route}.pickle"
                ledger = Path(folder) / f"{route}.sqlite3"
                began, real = sandbox.now(), time.time()
                found = measured(__file__, "enrich", sandbox.url, ledger, route, frame, began, real)
                seen[route] = found | {"submits": len(sandbox.jobs.all), "charged": sandbox.credits_spent}
        tables = [pd.read_pickle(Path(folder) / f"{route}.pickle") for route in seen]  # noqa: S301
    calls, auto = seen["calls"], seen["auto"]
    same = tables[0].drop(columns=SCORE).equals(tables[1].drop(columns=SCORE))
    print(
        f"{ROWS:,} people at {contract.REQUESTS_PER_MINUTE} calls a minute beside a job of {JOB_S:.0f} s; "
        f"{SPEED:g} sandbox seconds pass in a second:"
    )
    for name, one in (("calls", calls), ("auto ", auto)):
        print(
            f"  {name}: {one['sandbox_s'] / 60:.1f} sandbox minutes ({one['seconds']:.1f} s real), plan says "
            f"{one['route']}, {one['calls']} requests, {one['submits']} jobs, {one['charged']:,.0f} credits; "
            f"client CPU {one['cpu']:.1f} s, which the hurry counts as {one['cpu'] * SPEED / 60:.1f} min"
        )
    print(
        f"  auto picked {auto['route']}; columns without the score are {'the same' if same else 'DIFFERENT'}; "
        f"ratio: {auto['sandbox_s'] / calls['sandbox_s']:.2f} x time"
    )


def enrich(url: str, ledger: str, route: Any, frame: str, began: str, real: str) -> Facts:
    """Enrich 10,000 people with a clock that runs as fast as the sandbox's."""
    with _hurrying(url, ledger, SPEED, float(began), float(real)) as client:
        plan = crustframe.plan(people(ROWS), fields=FIELDS, keep="asked", client=client, route=route)
        crustframe.enrich([], fields=FIELDS, client=client)  # imports what a first run imports
        since = client.clock()
        with span() as facts:
            found = crustframe.enrich(people(ROWS), fields=FIELDS, keep="asked", client=client, route=route)
        facts |= {"sandbox_s": client.clock() - since, "route": plan.route, "calls": found.report.calls}
    found.frame.to_pickle(frame)
    return facts


def _hurrying(url: str, ledger: str, speed: float, began: float, real: float) -> crustframe.Client:
    """Return a client whose clock runs as fast as the sandbox's."""
    return crustframe.Client(
        api_key=KEY,
        base_url=url,
        ledger=ledger,
        clock=lambda: began + (time.time() - real) * speed,
        sleep=lambda seconds: time.sleep(seconds / speed),
    )


# Long result files --------------------------------------------------------------------------------------------------


def long_files(lines: int = LINES) -> None:
    """Print what files of so many thousand lines take beside plain scripts, and what it costs to be stopped."""
    lines = max(ROWS, lines - lines % CHUNK)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for what, asked in (("others", ROWS), ("asked", lines)):
            file = folder / f"{what}.jsonl.gz"
            facts = measured(__file__, "write", file, lines, asked)
            about = "the rest about others or repeated" if what == "others" else "a twentieth repeated or left out"
            print(f"a job of {asked:,} people, a file of {lines:,} lines, {about}; {_size(facts, file)}:")
            with served(file, lines) as url:
                whole = folder / f"{what}.sqlite3"
                measured(__file__, "submit", url, whole, asked)
                found = measured(__file__, "read", url, whole, 0)
                _say("crustframe", found, lines)
                print(f"    {found['state']}: {found['lines_read']:,} lines read, {found['matched']:,} people found")
                plain = measured(__file__, "plain", file, folder / "plain.sqlite3")
                _say("json.loads and SQLite", plain, lines, found)
                some = min(lines, WHOLE_LINES)
                whole_frame = measured(__file__, "at_once", file, some)
                _say(f"pandas.read_json, {some:,} lines at once", whole_frame, some, found)
                if what == "asked":
                    _stops(url, folder, asked, lines, fingerprint(whole), found)


def _size(facts: Facts, file: Path) -> str:
    return f"{facts['bytes'] / 2**20:,.0f} MiB, {file.stat().st_size / 2**20:,.0f} MiB packed"


def _say(name: str, found: Facts, lines: int, other: Facts | None = None) -> None:
    each = found["cpu"] / lines * 1e6
    text = (
        f"  {name}: {lines / found['seconds']:,.0f} lines a second, {each:.0f} us of CPU a line, "
        f"+{found['growth_mib']:.0f} MiB above the {found['peak_mib'] - found['growth_mib']:.0f} MiB before"
    )
    if other is not None:
        ratio = other["cpu"] / other["lines_read"] * 1e6 / each
        text += (
            f"; crustframe takes {ratio:.2f} x CPU, {other['growth_mib'] / max(1.0, found['growth_mib']):.3g} x memory"
        )
    print(text)


def _stops(url: str, folder: Path, asked: int, lines: int, expected: str, whole: Facts) -> None:
    """End the reading at random lines, each time in a new process, and go on; then once at nine tenths."""
    ledger, late = folder / "stopped.sqlite3", folder / "late.sqlite3"
    measured(__file__, "submit", url, ledger, asked)
    shutil.copyfile(ledger, late)
    shutil.copytree(f"{ledger}.owners", f"{late}.owners")
    at = sorted(random.Random(1).sample(range(1, lines), STOPS))
    for line in at:
        measured(__file__, "read", url, ledger, line)
    found = measured(__file__, "read", url, ledger, 0)
    same = fingerprint(ledger) == expected
    print(
        f"  ended at {STOPS} random lines, one after another, each in a process of its own: {found['lines_read']:,} "
        f"lines read, the ledger is {'the same to the byte' if same else 'DIFFERENT'}"
    )
    measured(__file__, "read", url, late, lines * 9 // 10)
    found = measured(__file__, "read", url, late, 0)
    print(
        f"  resumed at nine tenths: {found['cpu'] / whole['cpu']:.2f} x CPU and "
        f"{found['seconds'] / whole['seconds']:.2f} x time of the whole, +{found['growth_mib']:.0f} MiB; the ledger "
        f"is {'the same to the byte' if fingerprint(late) == expected else 'DIFFERENT'}"
    )


def fingerprint(ledger: Path) -> str:
    """Return a digest of everything that a ledger says of people, and of how the job ended."""
    digest = hashlib.sha256()
    with contextlib.closing(sqlite3.connect(ledger)) as connection:
        for query in (
            "SELECT key, outcome, groups, entry FROM people JOIN coverages USING (coverage_id) ORDER BY key, groups",
            "SELECT lines_read, strange_lines, broken_lines, matched, credits FROM jobs",
            "SELECT state, matched, credits FROM purchases",
            "SELECT key FROM purchase_people",
        ):
            for row in connection.execute(query):
                digest.update(repr(row).encode())
    return digest.hexdigest()


@contextlib.contextmanager
def served(file: Path, lines: int) -> Iterator[str]:
    """Answer for one job that is done, and hand out its file; the sandbox would hold it in memory."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/results"):
                with file.open("rb") as content:
                    self._begin(file.stat().st_size)
                    shutil.copyfileobj(content, self.wfile, 2**20)
                return
            if not self.path.endswith(BATCH_ID):
                self.send_error(404)
                return
            status = {"batch_id": BATCH_ID, "status": "completed", "action": "enrich", "result_count": lines}
            body = orjson.dumps(status | {"download_url": f"{url}/results.jsonl.gz"})
            self._begin(len(body))
            self.wfile.write(body)

        def _begin(self, size: int) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(size))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield url
    finally:
        server.shutdown()
        server.server_close()


def write(file: str, lines: str, asked: str) -> Facts:
    """Write a result file: twenty thousand bodies of the sandbox, each line about another person."""
    population, size = Population(), 0
    bodies = []
    for number in range(min(int(lines), 20_000)):
        (candidate, *_) = population.candidates(f"lead-{number}-example", contract.PROFILE_URL)
        bodies.append(orjson.dumps(candidate.profile.data(sorted(GROUPS))))
    with gzip.open(file, "wb", compresslevel=6) as out:
        for person in _named(int(lines), int(asked)):
            head = b'{"original_identifier":"%s","internal_id":%d,"data":' % (people(1, person)[0].encode(), person)
            size += out.write(head + bodies[person % len(bodies)] + b"}\n")
    return {"bytes": size}


def _named(lines: int, asked: int) -> Iterator[int]:
    """Yield whom each line is about; the order is kept from one thousand to the next and not within it."""
    chance = random.Random(lines)
    if asked == lines:
        for line in range(lines):
            turn = line if line % 20 else chance.randrange(line + 1)
            yield turn - turn % CHUNK + turn * 7 % CHUNK
        return
    each = lines // asked
    for line in range(lines):
        person = line // each
        yield person if line % each == 0 and person < asked else chance.choice((chance.randrange(asked), asked + line))


def submit(url: str, ledger: str, asked: str) -> Facts:
    """Write a job into the ledger as if it had been submitted; the API takes no more than 10,000 people."""
    with crustframe.Client(api_key=KEY, base_url=url, ledger=ledger) as client:
        book = client.ledger.jobs()
        assert book is not None
        run = client.ledger.start(GROUPS, price=1.0, endpoint=contract.PERSON_JOB_PATH)
        claim = run.claim(
            read_identifiers(people(int(asked))).unique,
            Need(GROUPS, None, None),
            size=int(asked),
            may_resend=lambda _: False,
        )
        assert claim.purchase is not None
        book.accepted(book.intend(claim.purchase, None), BATCH_ID)
        run.close()
    return {}


def read(url: str, ledger: str, stop_at: str) -> Facts:
    """Fetch and take in the results of the job; end without a word at a line, as a killed process does."""
    if int(stop_at):
        _end_at(int(stop_at))
    with crustframe.Client(api_key=KEY, base_url=url, ledger=ledger) as client:
        _ = client.transport, client.downloader, client.ledger.match_rate()
        with span() as facts:
            (job,), _ = jobs_room.collect(client)
    return facts | {"state": job.state, "lines_read": job.lines_read, "matched": job.matched}


def _end_at(line: int) -> None:
    whole = jobs_room.read_lines

    def some(*arguments: Any, **options: Any) -> Iterator[bytes]:
        yield from islice(whole(*arguments, **options), line)
        os._exit(STOPPED)

    jobs_room.read_lines = some


def plain(file: str, database: str) -> Facts:
    """Take the lines into a database as a plain script does."""
    with span() as facts, gzip.open(file) as lines, contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS people (url TEXT PRIMARY KEY, data TEXT)")
        for line in lines:
            item = json.loads(line)
            values = (item["original_identifier"], json.dumps(item["data"]))
            connection.execute("INSERT OR REPLACE INTO people VALUES (?, ?)", values)
        connection.commit()
    Path(database).unlink()
    return facts


def at_once(file: str, lines: str) -> Facts:
    """Read the lines into a frame as a plain script does."""
    with span() as facts:
        found = pd.read_json(file, lines=True, compression="gzip", nrows=int(lines))
        table = pd.json_normalize(found["data"].tolist())
    assert len(table) == int(lines)
    return facts


def main() -> None:
    """Measure everything, with files of 50,000 lines."""
    side_by_side()
    long_files()


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            main()
        case ["route"]:
            side_by_side()
        case ["lines", *n]:
            long_files(*map(int, n))
        case _:
            report({work.__name__: work for work in (enrich, write, submit, read, plain, at_once)})
