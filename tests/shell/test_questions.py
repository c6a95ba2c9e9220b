"""What a run asks whoever watches it, before anything is sent."""

from __future__ import annotations

import csv
import os
import subprocess
import sys

import pytest
from command_line import NAME, PROFILE, account_of, ask, write

import crustframe

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")


def heard(terminal, mark=None):
    """Return what a terminal shows, up to `mark` or until the other side is gone."""
    said = b""
    try:
        while (mark is None or mark not in said) and (piece := os.read(terminal, 4096)):
            said += piece
    except OSError:  # how Linux says that the other side is gone
        pass
    return said


def answering(terminal_command, *answers):
    """Run a command on a terminal; to each question it hears its answer. Returns what it showed and how it ended."""
    import pty
    import termios

    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 120))
    command = [sys.executable, "-m", "crustframe", *map(str, terminal_command)]
    said = b""
    with subprocess.Popen(command, stdin=theirs, stderr=theirs, stdout=subprocess.DEVNULL) as process:
        os.close(theirs)
        for question, answer in answers:
            said += heard(ours, question.encode())
            os.write(ours, answer.encode())
        said += heard(ours)
    os.close(ours)
    assert b"Traceback" not in said
    return said.decode(), process.returncode


@pytest.fixture(autouse=True)
def _no_ceiling(monkeypatch):
    monkeypatch.delenv("CRUSTFRAME_MAX_CREDITS")


@pytest.mark.parametrize(("answer", "code", "credits"), [("n\n", 7, 0), ("y\n", 0, 240), ("\x04", 130, 0)])
def test_a_watched_run_asks_above_100_credits(account, hard, tmp_path, answer, code, credits):
    said, ended = answering(ask(hard, "-o", tmp_path / "out.csv"), ("Spend up to 260 credits?", answer))

    assert "Spend up to 260 credits?" in said
    assert (code, credits) == (ended, account.credits_spent)
    assert ("credits spent" in said) == bool(credits)


DOUBT = "25 people may have been paid for without an answer. Buy them again?"


@pytest.mark.parametrize(
    ("command", "price", "options"),
    [
        ("enrich", 1, ("--field", NAME)),
        ("contacts", 1, ("--kind", "business_email")),
        ("contacts", 3, ("--kind", "business_email,phone_numbers")),
    ],
)
@pytest.mark.parametrize("answer", ["y", "n"])
def test_whoever_is_in_doubt_is_asked_about_and_counted_in_the_sum(
    monkeypatch, run, tmp_path, command, price, options, answer
):
    people = [f"{PROFILE}lead-{n}-example" for n in range(25 + 90)]
    first, table = write(tmp_path / "first.csv", people[:25]), write(tmp_path / "all.csv", people)
    with crustframe.sandbox(requests_per_minute=None, speed=900.0, job_seconds=30.0) as sandbox:
        account_of(sandbox, monkeypatch)
        monkeypatch.setattr(crustframe.jobs, "SETTLES_S", 0.1)
        (sandbox if command == "enrich" else sandbox.jobs).faults.add("reset", times=1, charge=False)
        lost = run(command, first, "--column", "profile", *options)
        assert (3, 0.0) == (lost.code, sandbox.credits_spent)

        most = (115 if answer == "y" else 90) * price
        asked = [(DOUBT, f"{answer}\n")] + [(f"Spend up to {most} credits?", "y\n")] * (most > 100)
        out = tmp_path / "out.csv"
        said, code = answering((command, table, "--column", "profile", *options, "-o", out), *asked)

    statuses = [row["crust.status"] for row in csv.DictReader(out.read_text().splitlines())]
    assert (0 if answer == "y" else 3) == code, said
    assert (0 if answer == "y" else 25) == statuses.count("in_doubt")
    assert 0 < sandbox.credits_spent <= most
    assert 115 == len(statuses)
    assert 0 == statuses.count("not_run")


def test_without_a_key_nothing_is_asked(tmp_path):
    for command in ("enrich", "contacts"):
        many = write(tmp_path / f"{command}.csv", [f"{PROFILE}lead-{n}-example" for n in range(200)])

        said, code = answering((command, many, "--column", "profile", "-o", tmp_path / "out.csv"))

        assert ("Spend" in said, code) == (False, 4), said
