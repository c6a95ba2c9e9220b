"""kill -9 at random instants between the submit and the last line: ``python tests/bench/jobs_kill.py 50``."""

from __future__ import annotations

import contextlib
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import crustframe

CHILD = Path(__file__).with_name("jobs_child.py")
PEOPLE = 600


def run(url: str, ledger: Path, began: float, kill_after_s: float | None) -> dict[str, Any] | None:
    environ = os.environ | {"PYTHONPATH": str(Path(crustframe.__file__).parents[1])}
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", str(CHILD), url, str(ledger), repr(began), "100", str(PEOPLE)],
        stdout=subprocess.PIPE,
        env=environ,
    ) as child:
        assert child.stdout is not None
        assert b"started" in child.stdout.readline()
        if kill_after_s is not None:
            time.sleep(kill_after_s)
            child.kill()
        said = child.stdout.read()
    return json.loads(said) if child.returncode == 0 else None


def phase_of(ledger: Path) -> str:
    """Return how far the killed run had come."""
    if not ledger.exists():
        return "before the submit"
    with contextlib.closing(sqlite3.connect(ledger)) as connection:
        try:
            row = connection.execute("SELECT state, lines_read FROM jobs JOIN purchases USING (purchase_id)").fetchone()
        except sqlite3.OperationalError:
            return "before the submit"
    if row is None:
        return "before the submit"
    state, lines = row
    return f"{state}, {'some' if 0 < lines < PEOPLE else 'all' if lines else 'no'} lines read"


def kills(times: int, seed: int = 0) -> dict[str, Any]:
    """Kill a run at so many random instants, each time with a fresh account; return what the server saw."""
    chance = random.Random(seed)
    seen: dict[str, Any] = {
        "killed": 0,
        "submits": [],
        "charged_twice": 0,
        "credits": [],
        "digests": set(),
        "phases": Counter(),
    }
    for _ in range(times):
        with tempfile.TemporaryDirectory() as folder, crustframe.sandbox(requests_per_minute=None) as sandbox:
            sandbox.jobs.job_seconds = 0.3
            began = time.time()
            ledger = Path(folder) / "ledger.sqlite3"
            ended = run(sandbox.url, ledger, began, 0.05 + 2.2 * chance.random())
            seen["killed"] += ended is None
            seen["phases"][phase_of(ledger) if ended is None else "after the end"] += 1
            ended = ended or run(sandbox.url, ledger, began, None)
            assert ended is not None
            assert ended["rows"] == PEOPLE
            seen["submits"].append(len(sandbox.jobs.all))
            seen["charged_twice"] += sum(times > 1 for times in sandbox.people_charged.values())
            seen["credits"].append(sandbox.credits_spent)
            seen["digests"].add(ended["digest"])
    return seen


if __name__ == "__main__":
    print(kills(int(sys.argv[1]) if len(sys.argv) > 1 else 50))
