"""``make bench``: figures of one run, side by side, written into ``RESULTS.md``. Nothing here passes or fails by them.

Each measurement is a process of its own, so that its peak memory is its own; the server's work counts for nobody.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import frames
import jobs
import race
import tables
import workbooks
from measuring import FIELDS, Facts, measured, people, report, span

import crustframe
from crustframe.ledger import people as ledger_people
from crustframe.people.identifiers import read_identifiers

PEOPLE, KNOWN, WORKBOOK_ROWS = 1_000_000, 10_000, 50_000
RESULTS = Path(__file__).with_name("RESULTS.md")
PACKAGES = ("pandas", "requests", "orjson", "aiohttp", "msgspec", "geopy", "requests-cache", "peopledatalabs")
HEAD = """\
# What `make bench` measured

Written by `tests/bench/bench.py`; do not edit.

* command: `{command}`
* machine: {cores} cores, {machine}, Python {python}; load before the run {load:.1f}, after it {load_after:.1f}
* latest commit of `crustframe/`: {commit}; took {minutes:.0f} min
* {packages}

Compare ratios, not figures: they come from runs that took turns, medians of {runs} where nothing else is said. With a
load above 0.3 before the run, somebody else was at work.

## How it is measured

Every program is a process of its own and counts whole: start, imports, reading and writing its CSV file. CPU is that of
all its processes, the peak that of the largest. The wall includes the emulator's work, which runs beside it.

The emulator (`emulator.py`) is another process: profiles of about 10 kB, 25 a call, 3 % of the people unknown, no
latency unless said, no rate limit that anybody reaches. It counts calls, whom it billed for and how many people they
are. The table of leads has 20 % repeats, 5 % of its rows spelled otherwise, 1 % blanks. *Right cells* are the five
asked cells of each row, held against what the emulator knows; the bench stops unless all of crustframe's are right and
it paid for nobody twice.

The programs are in `programs/`, each written as a good user of its library would. They keep nothing, except for
requests-cache; crustframe always has its ledger on, and an answer is on disk with its bill before a row is told.

Moved: "0.57 x the CPU of a plain script", which this bench printed before, came from a weaker script. It made a frame
of each page of 25, with the `record_path` of `json_normalize`, which takes ten times as long as a list of people, and
neither start, imports nor files were counted. Whole runs by call and by job are now below, under *Whole programs*.
Look-ups in a long ledger, workbooks (50,000 rows, no longer 100,000), jobs beside calls, and long result files are
measured as they were, under *Parts*.
"""


def build(folder: Path, sandbox: crustframe.verbs.embedded.EmbeddedSandbox, n: int) -> Path:
    """Return a ledger of `n` people: one bought, the others copied by plain SQL."""
    path = folder / f"{n}.sqlite3"
    with sandbox.make_client(ledger=path) as client:
        bought = crustframe.enrich(people(1), fields=FIELDS, keep="asked", client=client)
        assert bought.report.credits == 1
        answer = next(client.ledger.entries())["matches"]
        entry, first = ledger_people.pack(answer), read_identifiers(people(1)).unique[0].key
        key = first.replace("lead-0-example", "lead-{}-example")
        with client.ledger._store.transaction() as connection:
            scope, coverage, at, purchase = connection.execute(
                "SELECT scope_id, coverage_id, answered_at, purchase_id FROM people"
            ).fetchone()
            connection.executemany(
                "INSERT INTO people (scope_id, key, coverage_id, outcome, answered_at, purchase_id, entry) "
                "VALUES (?, ?, ?, 'matched', ?, ?, ?)",
                ((scope, key.format(number), coverage, at, purchase, entry) for number in range(1, n)),
            )
    return path


def look_up(url: str, key: str, ledger: str) -> Facts:
    """Enrich 10,000 people whom the ledger knows."""
    with span() as facts, crustframe.Client(api_key=key, base_url=url, ledger=ledger, account="sandbox") as client:
        found = crustframe.enrich(people(KNOWN), fields=FIELDS, keep="asked", client=client)
    assert (0, KNOWN) == (found.report.calls, found.report.statuses["matched"])
    return facts


def look_ups() -> None:
    """Print what the look-up of so many people takes in a short ledger and in a long one."""
    with (
        tempfile.TemporaryDirectory() as made,
        crustframe.sandbox(requests_per_minute=None, ledger=Path(made) / "none.sqlite3") as sandbox,
    ):
        few, many = (
            measured(__file__, "look_up", sandbox.url, sandbox.key, str(build(Path(made), sandbox, n)))
            for n in (KNOWN, PEOPLE)
        )
    print(f"look-up of {KNOWN:,} known people, seconds and peak MiB:")
    for n, found in ((KNOWN, few), (PEOPLE, many)):
        print(f"  ledger of {n:>9,}: {found['seconds']:.2f} s, {found['peak_mib']:.0f} MiB")
    print(f"  ratio: {many['seconds'] / few['seconds']:.2f} x time, {many['peak_mib'] / few['peak_mib']:.2f} x memory")


def races(options: argparse.Namespace) -> Iterator[str]:
    """Yield the lines about whole programs."""
    with tempfile.TemporaryDirectory() as made, race.track(Path(made), options.runs) as on:
        yield from race.calls(on, options.rows)
        yield from race.latency(on, options.rows)
        yield from race.one_by_one(on, options.few_rows)
        yield from race.again(on, options.rows // 2)
        yield from race.jobs(on, options.rows)
        yield from race.start_up(on)
        yield from race.long_table(on, options.long_rows)


def parts(work: Callable[[], None]) -> Iterator[str]:
    """Yield what a measurement prints."""
    with contextlib.redirect_stdout(io.StringIO()) as words:
        work()
    yield from words.getvalue().splitlines()


def _commit() -> str:
    def said(*words: str) -> str:
        run = subprocess.run(["git", "-C", str(RESULTS.parent), *words], check=False, capture_output=True, text=True)
        return run.stdout.strip()

    changed = said("status", "--porcelain", ":/crustframe")
    return (said("log", "-1", "--format=%h", "--", ":/crustframe") or "none") + (", with changes" if changed else "")


def main() -> None:
    """Measure, print what came out as it comes, and write it down."""
    parser = argparse.ArgumentParser(description="Print ratios and write them into RESULTS.md.")
    parser.add_argument("--rows", type=int, default=10_000, help="rows of the races")
    parser.add_argument("--few-rows", type=int, default=2_000, help="rows for programs that ask one by one")
    parser.add_argument("--long-rows", type=int, default=1_000_000, help="rows of the long table")
    parser.add_argument("--runs", type=int, default=3, help="runs of each program; medians count")
    parser.add_argument("--only-races", action="store_true", help="leave the parts out")
    options = parser.parse_args()
    began, load, lines = time.time(), os.getloadavg()[0], ["## Whole programs", ""]
    print("\n".join(lines))
    for line in races(options):
        print(line, flush=True)
        lines.append(line)
    _write(lines, options, began, load)
    if not options.only_races:
        lines += ["## Parts", "", "```text"]
        for work in (look_ups, lambda: workbooks.main(WORKBOOK_ROWS), frames.main, tables.main, jobs.main):
            for line in parts(work):
                print(line, flush=True)
                lines.append(line)
        _write([*lines, "```"], options, began, load)


def _write(lines: list[str], options: argparse.Namespace, began: float, load: float) -> None:
    head = HEAD.format(
        command=" ".join(["make bench", *(["BENCH='" + " ".join(sys.argv[1:]) + "'"] if sys.argv[1:] else [])]),
        cores=os.cpu_count(),
        machine=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        load=load,
        load_after=os.getloadavg()[0],
        commit=_commit(),
        minutes=(time.time() - began) / 60,
        packages=", ".join(f"{name} {version(name)}" for name in PACKAGES),
        runs=options.runs,
    )
    RESULTS.write_text("\n".join([head, *lines]).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] == [look_up.__name__]:
        report({look_up.__name__: look_up})
    else:
        main()
