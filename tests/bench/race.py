"""Whole programs beside each other, for ``make bench``.

Each program is a process of its own that reads a CSV file, asks the emulator and writes a CSV file. They take turns,
and of each the medians count. A program is started as a user would start it; its start and imports are part of it.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import Request, urlopen

from emulator import KEY
from measuring import Facts
from world import COLUMNS, put_on_top, share_right, write_leads
from world import Facts as Leads

HERE = Path(__file__).parent
PYTHON = sys.executable
SHELL = str(Path(PYTHON).with_name("crustframe"))
ASKED = [f"--field={path} as {name}" for name, path in COLUMNS.items()]
KEEP = {"full": "all", "asked": "asked"}


@dataclass(frozen=True)
class Program:
    """One way to the table.

    Parameters
    ----------
    name : str
    command : list of str
        With ``{input}`` and ``{output}``.
    ours : bool
        All of its cells must be right, and nobody may be paid twice.
    """

    name: str
    command: Sequence[str]
    ours: bool = False


def script(name: str, lane: str, file: str, *, ours: bool = False) -> Program:
    """Return a program of ``programs/``."""
    return Program(name, [PYTHON, "-W", "ignore", str(HERE / "programs" / file), "{input}", "{output}", lane], ours)


def shell(lane: str, *more: str, name: str = "crustframe enrich", workers: int = 8) -> Program:
    """Return crustframe's command, with the ledger on."""
    options = [f"--keep={KEEP[lane]}", f"--concurrency={workers}", "--no-progress", *(more or ["--route=calls"])]
    command = [SHELL, "enrich", "{input}", "--column=url", *ASKED, *options, "-o", "{output}"]
    return Program(f"{name}, keep={KEEP[lane]!r}", command, ours=True)


@dataclass
class Track:
    """Where the programs run: a folder, an emulator, and the number of runs.

    Attributes
    ----------
    folder : Path
    url : str
    runs : int
    """

    folder: Path
    url: str
    runs: int
    _turn: int = field(default=0)

    def leads(self, rows: int, *, people: int | None = None) -> tuple[Path, Leads]:
        """Return a table of so many leads."""
        path = self.folder / f"leads-{rows}-{people}.csv"
        return path, write_leads(path, rows, people=people)

    def side_by_side(
        self,
        programs: Sequence[Program],
        rows: int,
        *,
        again: Callable[[Path, Leads], tuple[Path, Leads]] | None = None,
        runs: int | None = None,
        **how: float,
    ) -> dict[str, Facts]:
        """Run programs in turns over the same table, and return the medians of each.

        Parameters
        ----------
        again : callable, optional
            Makes the table of a second run from that of the first; only the second counts.
        how : float
            What the emulator is told.
        """
        path, leads = self.leads(rows)
        second = again(path, leads) if again else None
        seen: dict[str, list[Facts]] = {program.name: [] for program in programs}
        for _ in range(runs or self.runs):
            for program in programs:
                self._turn += 1
                kept = self.folder / f"kept-{self._turn}"
                found = self._run(program, path, leads, kept, **how)
                if second:
                    found = self._run(program, *second, kept, **how)
                seen[program.name].append(found | {"rows": rows})
        return {name: _medians(found) for name, found in seen.items()}

    def _run(self, program: Program, path: Path, leads: Leads, kept: Path, **how: float) -> Facts:
        out = self.folder / "out.csv"
        out.unlink(missing_ok=True)
        self._race(how)
        command = [part.format(input=path, output=out) for part in program.command]
        found = launched(command, self.environ(kept), fine=(0,))
        found |= self._race(None) | {"right": share_right(out, leads)}
        if program.ours:
            assert found["right"] == 1.0, f"{program.name}: {found}"
            assert found["billed"] == found["distinct"], f"{program.name}: {found}"
        return found

    def environ(self, kept: Path) -> dict[str, str]:
        """Return the environment of a program whose ledger, or cache, is `kept`."""
        return dict(os.environ) | {
            "CRUSTFRAME_BASE_URL": self.url,
            "CRUSTDATA_API_KEY": KEY,
            "CRUSTFRAME_CONFIG": str(self.folder / "config"),
            "CRUSTFRAME_LEDGER": f"{kept}.sqlite3",
            "CRUSTFRAME_MAX_CREDITS": "10_000_000",
            "RACE_CACHE": f"{kept}-cache",
            "RACE_LOG": str(self.folder / "words.txt"),
        }

    def _race(self, asked: Facts | None) -> Facts:
        body = None if asked is None else json.dumps(asked).encode()
        with urlopen(Request(f"{self.url}/race", body)) as answer:  # noqa: S310
            return json.load(answer)


def launched(command: Sequence[str], environ: dict[str, str], *, fine: Sequence[int] = (0,)) -> Facts:
    """Run a command and return the seconds, the CPU seconds and the peak of its processes."""
    log = environ["RACE_LOG"]
    run = subprocess.run(
        [PYTHON, "-I", "-S", str(HERE / "launch.py"), log, *command], env=environ, stdout=subprocess.PIPE, check=True
    )
    found = json.loads(run.stdout)
    if found.pop("code") not in fine:
        raise RuntimeError(f"{' '.join(command)}\n{Path(log).read_text(encoding='utf-8')[-2000:]}")
    return found


def _medians(found: Sequence[Facts]) -> Facts:
    return {key: statistics.median(one[key] for one in found) for key in found[0]}


@contextlib.contextmanager
def track(folder: Path, runs: int) -> Iterator[Track]:
    """Start an emulator."""
    environ = dict(os.environ) | {"PYTHONPATH": str(HERE.parents[1])}
    server = subprocess.Popen([PYTHON, str(HERE / "emulator.py")], stdout=subprocess.PIPE, text=True, env=environ)
    assert server.stdout is not None
    try:
        yield Track(folder, server.stdout.readline().strip(), runs)
    finally:
        server.terminate()
        server.wait()


# What comes out -----------------------------------------------------------------------------------------------------


Cell = Callable[[Facts, Facts], str]
COLUMNS_OF_A_RACE: dict[str, Cell] = {
    "CPU, us a row": lambda one, floor: f"{one['cpu'] / one['rows'] * 1e6:.0f}",
    "x {floor}": lambda one, floor: f"{one['cpu'] / floor['cpu']:.2f}",
    "wall, s": lambda one, floor: f"{one['seconds']:.2f}",
    "peak MiB": lambda one, floor: f"{one['peak_mib']:.0f}",
    "calls": lambda one, floor: f"{one['calls']:,.0f}",
    "MB received": lambda one, floor: f"{one['bytes'] / 1e6:,.1f}",
    "people billed": lambda one, floor: f"{one['billed']:,.0f}",
    "billed / distinct": lambda one, floor: f"{one['billed'] / one['distinct']:.3f}" if one["distinct"] else "-",
    "right cells": lambda one, floor: f"{one['right']:.4f}",
}
STARTS: dict[str, Cell] = {
    "CPU, ms": lambda one, floor: f"{one['cpu'] * 1e3:.0f}",
    "wall, ms": lambda one, floor: f"{one['seconds'] * 1e3:.0f}",
    "x {floor}": lambda one, floor: f"{one['cpu'] / floor['cpu']:.2f}",
    "peak MiB": COLUMNS_OF_A_RACE["peak MiB"],
}
FILES: dict[str, Cell] = {
    "CPU, us a row": lambda one, floor: f"{one['cpu'] / one['rows'] * 1e6:.1f}",
    **{name: COLUMNS_OF_A_RACE[name] for name in ("x {floor}", "wall, s", "peak MiB")},
}


def table(
    about: str, found: dict[str, Facts], columns: dict[str, Cell] = COLUMNS_OF_A_RACE, *, floor: str = "floor"
) -> list[str]:
    """Return the lines of a table; the ratios refer to the program whose name begins with `floor`."""
    base = next(one for name, one in found.items() if name.startswith(floor))
    rows = [["program", *(name.format(floor=floor) for name in columns)], ["---", *["--:"] * len(columns)]]
    rows += [[name, *(cell(one, base) for cell in columns.values())] for name, one in found.items()]
    return [about, "", *(f"| {' | '.join(row)} |" for row in rows), ""]


def calls(on: Track, rows: int) -> Iterator[str]:
    """Race by calls, with whole profiles and with what the columns need."""
    others = {
        "full": [("requests-cache, cold", "cached.py"), ("peopledatalabs SDK, its own shape", "pdl.py")],
        "asked": [],
    }
    about = {
        "full": "Whole profiles: everybody asks for all groups that the base credit covers, about 10 kB a person.",
        "asked": "What the columns need: the others name the five paths; crustframe names the groups they lie in, "
        "since its ledger keeps groups, and two of them are nearly the whole profile.",
    }
    for lane in ("full", "asked"):
        programs = [
            script("floor: sockets, msgspec, csv", lane, "floor.py"),
            script("expert: aiohttp, orjson", lane, "expert.py"),
            script("analyst: requests, json_normalize", lane, "analyst.py"),
            *(script(name, lane, file) for name, file in others[lane]),
            shell(lane),
            script(f"df.crust.enrich, keep={KEEP[lane]!r}", lane, "accessor.py", ours=True),
        ]
        yield from table(f"**{about[lane]}** {rows:,} rows, no latency.", on.side_by_side(programs, rows))


def latency(on: Track, rows: int) -> Iterator[str]:
    """Race over a line with latency."""
    programs = [
        script("floor: sockets, msgspec, csv", "asked", "floor.py"),
        script("expert: aiohttp, orjson", "asked", "expert.py"),
        script("analyst: requests, json_normalize", "asked", "analyst.py"),
        shell("asked"),
        script("df.crust.enrich, keep='asked'", "asked", "accessor.py", ours=True),
    ]
    found = on.side_by_side(programs, rows, latency_s=0.05, gzip=1, runs=1)
    yield from table(f"**50 ms of latency, gzip where it is accepted.** {rows:,} rows, one run.", found)


def one_by_one(on: Track, rows: int) -> Iterator[str]:
    """Race against programs that ask one by one."""
    programs = [
        script("floor: sockets, msgspec, csv", "asked", "floor.py"),
        script("apply with requests.post, a row a call", "asked", "naive.py"),
        script("geopy's RateLimiter, a text a call", "asked", "geocoding.py"),
        shell("asked"),
    ]
    found = on.side_by_side(programs, rows)
    yield from table(f"**One call a person.** {rows:,} rows: so few that the start counts.", found)


def again(on: Track, rows: int) -> Iterator[str]:
    """Race over a table that was enriched before."""
    programs = [script("requests-cache", "asked", "cached.py"), shell("asked")]
    changes: dict[str, Callable[[Path, Leads], tuple[Path, Leads]]] = {
        "The same table again": lambda path, leads: (path, leads),
        "The same table with a new lead on top": lambda path, leads: (
            on.folder / "top.csv",
            put_on_top(path, on.folder / "top.csv", leads),
        ),
    }
    for what, change in changes.items():
        found = on.side_by_side(programs, rows, again=change)
        about = f"**{what}.** {rows:,} rows; only the second run is counted."
        yield from table(about, found, floor="requests-cache")


def jobs(on: Track, rows: int) -> Iterator[str]:
    """Race by jobs."""
    for lane in ("full", "asked"):
        programs = [
            script("floor: zlib, msgspec, csv", lane, "jobs_floor.py"),
            script("analyst: read_json, json_normalize", lane, "jobs_analyst.py"),
            shell(lane, "--route=job"),
        ]
        found = on.side_by_side(programs, rows, job_s=1.0)
        assert all(one["calls"] < rows / 100 for one in found.values()), f"not by job: {found}"
        about = (
            f"**Jobs of up to 10,000 people, fields: {lane}.** {rows:,} rows. The emulator needs a second for a job, "
            "and more to write its file; crustframe looks after 1, 3, 7, ... s, so the wall says little here."
        )
        yield from table(about, found)


def start_up(on: Track) -> Iterator[str]:
    """Start without doing much."""
    path, _ = on.leads(1000)
    commands = {
        "pass": [PYTHON, "-c", "pass"],
        "import pandas": [PYTHON, "-c", "import pandas"],
        "import crustframe": [PYTHON, "-c", "import crustframe"],
        "crustframe --version": [SHELL, "--version"],
        "crustframe --help": [SHELL, "--help"],
        "crustframe plan, 1,000 rows": [SHELL, "plan", str(path), "--column=url", *ASKED],
    }
    seen: dict[str, list[Facts]] = {name: [] for name in commands}
    for _ in range(max(5, on.runs)):
        for name, command in commands.items():
            seen[name].append(launched(command, on.environ(on.folder / "none")))
    found = {name: _medians(some) for name, some in seen.items()}
    yield from table("**Start-up.**", found, STARTS, floor="import pandas")


def long_table(on: Track, rows: int, people: int = 200) -> Iterator[str]:
    """A long table of few people, all known: what is left is the file."""
    path, leads = on.leads(rows, people=people)
    kept = on.folder / "long"
    on._run(shell("asked"), *on.leads(1_000, people=people), kept)
    programs = (script("copy: csv.reader to csv.writer", "asked", "copy_rows.py"), shell("asked"))
    seen: dict[str, list[Facts]] = {program.name: [] for program in programs}
    out = on.folder / "out.csv"
    on._race({})
    for _ in range(min(2, on.runs)):
        for program in programs:
            command = [part.format(input=path, output=out) for part in program.command]
            seen[program.name].append(launched(command, on.environ(kept)) | {"rows": rows})
    assert share_right(out, leads) == 1.0
    assert on._race(None)["calls"] == 0
    found = {name: _medians(some) for name, some in seen.items()}
    size = path.stat().st_size / 1e6
    about = f"**{rows:,} rows ({size:.0f} MB) about {people} people whom the ledger knows**, no calls."
    yield from table(about, found, FILES, floor="copy")
