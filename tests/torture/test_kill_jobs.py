"""Campaign 10: kill -9 between the submit of a job and the last line of its results, then the same run again."""

from __future__ import annotations

import contextlib
import functools
import json
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from rig import environment, is_sound, people

import crustframe

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")

CHILD = Path(__file__).with_name("jobs_child.py")
HURRY = 100.0
"""How much faster the clock of a killed run goes: a minute until a submit counts as lost takes 0.6 s."""


class Run:
    """What is killed: a run by job over one ledger, as a process of its own."""

    def __init__(self, sandbox, folder: Path, what: str, n: int) -> None:
        folder.mkdir()
        self.sandbox = sandbox
        self.ledger = folder / "ledger.sqlite3"
        self.environment = environment(sandbox, self.ledger)
        self._command = [sys.executable, "-W", "error", str(CHILD), what, str(n), repr(time.time()), str(HURRY)]

    @contextlib.contextmanager
    def started(self):
        """Begin it; it has read its modules and asked nobody yet."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        with subprocess.Popen(self._command, env=self.environment, **pipes) as process:
            assert "ready\n" == process.stdout.readline(), process.communicate()[1]
            yield process

    def end(self):
        """Run it to its end; returns the columns and the receipt."""
        with self.started() as process:
            columns, words = process.communicate(timeout=280)
        assert 0 == process.returncode, words
        return columns, json.loads(words)

    def shell(self, *arguments: str):
        """Run a command of the shell over the same ledger; returns the exit code and the words."""
        command = [sys.executable, "-W", "error", "-m", "crustframe", *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=280, check=False)
        return done.returncode, done.stderr

    def written(self, ledger: Path | None = None):
        """Return what the ledger says of the newest job: its id, its state, how many lines were read."""
        with contextlib.closing(sqlite3.connect(f"file:{ledger or self.ledger}?mode=ro", uri=True)) as connection:
            rows = connection.execute(
                "SELECT batch_id, state, lines_read FROM jobs JOIN purchases USING (purchase_id) "
                "ORDER BY purchase_id DESC LIMIT 1"
            ).fetchall()
        return rows[0] if rows else (None, "", 0)

    def watched(self):
        """Return the same of a ledger that is being written; nothing is written before the file is there."""
        with contextlib.suppress(sqlite3.OperationalError):
            return self.written()
        return None, "", 0

    def phase(self) -> str:
        """Return how far a killed run had come, from a copy: looking at a torn ledger would mend it."""
        copy = self.ledger.parent / "copy"
        copy.mkdir()
        for part in self.ledger.parent.glob("ledger.sqlite3*"):
            if part.is_file():
                shutil.copy(part, copy)
        try:
            if not self.ledger.exists():
                return "before the submit"
            with contextlib.closing(sqlite3.connect(copy / "ledger.sqlite3")) as connection:
                connection.execute("SELECT count(*) FROM sqlite_master")  # which undoes what was not committed
            try:
                batch_id, state, lines = self.written(copy / "ledger.sqlite3")
            except sqlite3.OperationalError:
                return "before the submit"
        finally:
            shutil.rmtree(copy)
        if not state:
            return "before the submit"
        if batch_id is None:
            return "submit unanswered" if self.sandbox.jobs.all else "submit lost"
        if state != "running":
            return "after the end"
        return "reading" if lines else "downloading" if self.sandbox.jobs.downloads else "waiting"


def until(process, is_so) -> None:
    """Wait for something, or for the end of the process."""
    while process.poll() is None and not is_so():
        time.sleep(0.001)


def kill_in(phase: str, run: Run, dice: random.Random, n: int, lead_s: float) -> str:
    """Kill a run at a random instant of a phase; returns the phase in which it really was."""
    jobs = run.sandbox.jobs
    jobs.job_seconds = 1.0 if phase == "waiting" else 0.2
    match phase:
        case "submit lost":
            jobs.faults.add("hang", charge=False, seconds=60.0, times=1)
        case "submit unanswered":
            jobs.faults.add(dice.choice(["hang", "drip"]), charge=True, seconds=60.0, times=1)
        case "downloading":
            jobs.spoil("drip", seconds=1.0, times=1)
    with run.started() as process:
        match phase:
            case "before the submit":
                time.sleep(dice.uniform(0, lead_s))
            case "submit lost":
                until(process, lambda: jobs.submitted)
                time.sleep(dice.uniform(0, 0.2))
            case "submit unanswered":
                until(process, lambda: jobs.all)
                time.sleep(dice.uniform(0, 0.5))
            case "waiting":
                until(process, lambda: run.watched()[0])
                time.sleep(dice.uniform(0, 0.9))
            case "downloading":
                until(process, lambda: jobs.downloads)
                time.sleep(dice.uniform(0, 0.9))
            case "reading":
                lines = dice.randrange(1, n - 500)
                until(process, lambda: run.watched()[2] >= lines)
                time.sleep(dice.uniform(0, 0.01))
        process.kill()
        process.communicate()
    jobs.faults.clear()
    return run.phase()


def check(run: Run, phases: list[str], columns: str, whole: str, told) -> None:
    """See that nothing was sent, paid or left twice and nobody lost; `told` is the receipt of the last run."""
    jobs = run.sandbox.jobs
    assert whole == columns
    assert 1 == len(jobs.all) == sum(submit["batch_id"] is not None for submit in jobs.submitted)
    assert len(jobs.submitted) <= 1 + phases.count("submit lost")  # what was lost on its way is sent again, once
    assert {1} == set(run.sandbox.people_charged.values())
    assert is_sound(run.ledger)
    assert "running" != run.written()[1]
    assert not [path for path in run.ledger.parent.glob("*.jobs/*") if path.stat().st_size]
    if "submit lost" not in phases:
        assert ([], 0.0) == (told["resent"], told["credits_at_risk"])


@pytest.fixture(scope="module")
def calm(tmp_path_factory):
    """Return the columns of a run that nobody disturbs, and the seconds to its submit and to its end."""

    @functools.cache
    def columns_and_seconds(what: str, n: int) -> tuple[str, float, float]:
        with crustframe.sandbox(requests_per_minute=None, job_seconds=0.2) as sandbox:
            run = Run(sandbox, tmp_path_factory.mktemp("calm") / what, what, n)
            with run.started() as process:
                began = time.monotonic()
                until(process, lambda: sandbox.jobs.submitted)
                lead_s = time.monotonic() - began
                columns, words = process.communicate(timeout=280)
                assert (0, 1) == (process.returncode, len(sandbox.jobs.all)), words
                return columns, lead_s, time.monotonic() - began

    return columns_and_seconds


@pytest.mark.campaign(sample=3, full=60)
def test_a_job_that_is_killed_anywhere_is_submitted_once_charged_once_and_read_whole(
    tmp_path, calm, size, is_full, figures
):
    """Every phase has its share of the kills; every third re-run is killed too, wherever it is then."""
    phases = ["submit unanswered", "downloading", "reading", "submit lost", "waiting", "before the submit"]
    dice, n = random.Random(5), 3000 if is_full else 700
    whole, lead_s, lasts_s = calm("enrich", n)
    kills, again = Counter(), Counter()
    trials = 0
    while sum(kills.values()) < size:
        with crustframe.sandbox(requests_per_minute=None) as sandbox:
            run = Run(sandbox, tmp_path / f"{trials}", "enrich", n)
            trials += 1
            landed = [kill_in(phases[sum(kills.values()) % len(phases)], run, dice, n, lead_s)]
            if landed == ["after the end"]:
                continue
            kills[landed[0]] += 1
            if is_full and dice.random() < 1 / 3:
                with run.started() as process:
                    time.sleep(dice.uniform(0, lasts_s / 3))
                    process.kill()
                    process.communicate()
                landed.append(run.phase())
                again[landed[1]] += 1
            columns, told = run.end()

            check(run, landed, columns, whole, told)
            if landed == ["submit lost"]:
                assert people(n) == told["resent"]
    assert size < len(phases) or set(phases[:-1]) <= set(kills)
    figures(kills=size, people=n, **kills, of_these_killed_again=dict(again), second_submits=0, charged_twice=0)


@pytest.mark.campaign(sample=1, full=12)
def test_contacts_that_are_killed_anywhere_are_submitted_once_and_charged_once(tmp_path, calm, size, figures):
    phases = ["submit lost", "submit unanswered", "waiting", "downloading"]
    dice, n = random.Random(6), 200
    whole, lead_s, _ = calm("contacts", n)
    landed = Counter()
    for trial in range(size):
        with crustframe.sandbox(requests_per_minute=None) as sandbox:
            run = Run(sandbox, tmp_path / f"{trial}", "contacts", n)
            phase = kill_in(phases[trial % len(phases)], run, dice, n, lead_s)
            landed[phase] += 1
            columns, told = run.end()

            check(run, [phase], columns, whole, told)
    figures(kills=size, people=n, **landed)


@pytest.mark.campaign(sample=1, full=12)
def test_the_shell_picks_up_what_a_killed_run_left_and_the_same_run_is_free(tmp_path, calm, size, is_full, figures):
    phases = ["downloading", "submit unanswered", "waiting", "reading"]
    dice, n = random.Random(7), 3000 if is_full else 700
    whole, lead_s, _ = calm("enrich", n)
    landed = Counter()
    for trial in range(size):
        with crustframe.sandbox(requests_per_minute=None) as sandbox:
            run = Run(sandbox, tmp_path / f"{trial}", "enrich", n)
            phase = kill_in(phases[trial % len(phases)], run, dice, n, lead_s)
            landed[phase] += 1
            while any(job.is_active for job in sandbox.jobs.all):
                time.sleep(0.01)
            code, words = run.shell("jobs", "wait")
            spent = sandbox.credits_spent
            columns, told = run.end()

            assert 0 == code, words
            check(run, [phase], columns, whole, told)
            assert (0.0, spent) == (told["credits"], sandbox.credits_spent)
    figures(kills=size, people=n, **landed)
