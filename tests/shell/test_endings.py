"""How a command ends: its exit code, what it leaves, and what was charged until then."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter

import pandas as pd
import pytest
from command_line import NAME, STATUSES, account_of, ask, shell

import crustframe


def test_exit_0_when_every_row_is_resolved(account, run, leads):
    assert 0 == run(*ask(leads)).code


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("--column", "profile", "--field", "experiance.title"), "did you mean experience."),
        (("--column", "profil", "--field", NAME), "did you mean 'profile'"),
        (("--column", "7", "--field", NAME), "give its number"),
        (("--column", "profile", "--max-age", "a while"), "30d"),
    ],
)
def test_exit_2_for_something_to_mend(account, run, leads, arguments, hint):
    ran = run("enrich", leads, *arguments)

    assert 2 == ran.code
    assert hint in ran.words.partition("Hint: ")[2]
    assert b"" == ran.stdout
    assert 0 == account.calls


@pytest.mark.parametrize(
    "arguments", [("enrich", "--nope"), ("enrich",), ("nonsense",), ("enrich", "x.csv", "--max-credits", "many")]
)
def test_exit_2_for_a_command_line_that_cannot_be_read(arguments):
    ran = shell(*arguments)

    assert 2 == ran.code
    assert "Traceback" not in ran.words
    assert "--help" in ran.words


@pytest.mark.parametrize("ceiling", ["-3", "nan", "inf"])
@pytest.mark.parametrize("command", ["enrich", "plan"])
def test_exit_2_for_a_ceiling_that_is_none(account, run, leads, command, ceiling):
    ran = run(command, leads, "--column", "profile", "--max-credits", ceiling)

    assert 2 == ran.code
    assert f"max_credits={float(ceiling)!r} is no number of credits" in ran.words
    assert 0 == account.calls


def test_the_bare_command_shows_its_help():
    ran = shell()

    assert "Traceback" not in ran.words
    assert "Usage: crustframe" in ran.words + ran.stdout.decode()


def test_exit_3_when_rows_are_in_doubt(account, run, leads):
    account.faults.add("reset", charge=True, times=1)
    first, again = run(*ask(leads)), run(*ask(leads))

    for ran in (first, again):
        assert 3 == ran.code
        assert ["in_doubt"] * 3 + ["blank"] == [row["crust.status"] for row in ran.rows]
        assert "in doubt: 2 people" in ran.words
    assert (1, 1) == (account.calls, account.credits_spent)  # nothing is bought twice unasked

    bought = run(*ask(leads, "--on-doubt", "resend"))

    assert 0 == bought.code
    assert 2 == account.credits_spent
    assert "may have been charged twice" in bought.words


def test_exit_4_for_a_wrong_key(account, run, leads, monkeypatch):
    monkeypatch.setenv("CRUSTDATA_API_KEY", "wrong-key-4711")

    ran = run(*ask(leads))

    assert 4 == ran.code
    assert "Hint: check CRUSTDATA_API_KEY" in ran.words
    assert "wrong-key-4711" not in ran.words
    assert 0 == account.calls


def test_exit_4_without_credits(monkeypatch, run, leads):
    with crustframe.sandbox(requests_per_minute=None, balance=0) as sandbox:
        account_of(sandbox, monkeypatch)

        ran = run(*ask(leads))

        assert 4 == ran.code
        assert "no credits left" in ran.words
        assert 0 == sandbox.credits_spent


@pytest.mark.parametrize("more", [(), ("--errors", "raise")])
def test_exit_5_when_nobody_answers(monkeypatch, run, leads, more):
    with crustframe.sandbox() as gone:
        account_of(gone, monkeypatch)

    ran = run(*ask(leads, *more))

    assert 5 == ran.code
    assert "cannot be reached" in ran.words
    assert "Hint: " in ran.words
    if not more:
        assert ["failed"] * 3 + ["blank"] == [row["crust.status"] for row in ran.rows]


def test_exit_6_when_the_table_cannot_be_written(account, run, leads, tmp_path):
    for target in (tmp_path / "no such folder" / "out.csv", tmp_path, leads, tmp_path / "out.ods"):
        ran = run(*ask(leads, "-o", target))

        assert 6 == ran.code, target
        assert "Hint: " in ran.words
    assert 0 == account.calls


def test_exit_6_when_the_receipt_cannot_be_written(account, run, leads, tmp_path):
    ran = run(*ask(leads, "-o", tmp_path / "out.csv", "--receipt", tmp_path / "no such folder" / "receipt.json"))

    assert 6 == ran.code
    assert "Hint: " in ran.words
    assert 0 == account.calls


def test_the_receipt_never_takes_the_place_of_the_input(account, run, leads, tmp_path):
    before = leads.read_bytes()

    ran = run(*ask(leads, "-o", tmp_path / "out.csv", "--receipt", leads))

    assert before == leads.read_bytes()
    assert 6 == ran.code
    assert 0 == account.calls


def test_the_list_of_changes_never_takes_the_place_of_the_input(run, leads):
    before = leads.read_bytes()

    ran = run("changes", leads, "--column", "profile", "-o", leads)

    assert 6 == ran.code
    assert "is the input itself" in ran.words
    assert before == leads.read_bytes()


def test_candidates_in_a_kind_that_is_not_written_are_refused_before_anything_is_bought(account, run, leads, tmp_path):
    ran = run(*ask(leads, "--matches", tmp_path / "matches.ods"))

    assert 6 == ran.code
    assert "Hint: use .csv, .tsv, .xlsx, .parquet, .jsonl or .json." in ran.words
    assert 0 == account.credits_spent


def test_exit_6_when_the_ledger_cannot_be_used(account, run, leads, tmp_path):
    (tmp_path / "other.sqlite3").write_text("these are somebody's notes, and they stay")

    ran = run(*ask(leads, "--ledger", tmp_path / "other.sqlite3"))

    assert 6 == ran.code
    assert "Hint: " in ran.words
    assert "these are somebody's notes, and they stay" == (tmp_path / "other.sqlite3").read_text()
    assert 0 == account.calls


def test_exit_7_above_the_ceiling(account, run, hard):
    refused = run(*ask(hard, "--max-credits", "100"))

    assert 7 == refused.code
    assert "up to 260 credits" in refused.words
    assert "Hint: allow 260" in refused.words
    assert 0 == account.calls

    partial = run(*ask(hard, "--max-credits", "100", "--partial"))

    assert 7 == partial.code
    assert 90 <= account.credits_spent <= 100
    statuses = Counter(row["crust.status"] for row in partial.rows)
    assert 400 == statuses.total()
    assert statuses["not_run"]
    assert STATUSES >= statuses.keys()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")
def test_ctrl_c_leaves_a_table_and_the_rerun_finishes_it(monkeypatch, hard, tmp_path):
    with crustframe.sandbox(requests_per_minute=None, latency_s=0.4) as sandbox:
        account_of(sandbox, monkeypatch)
        target = tmp_path / "out.csv"
        command = [sys.executable, "-m", "crustframe", *map(str, ask(hard, "-o", target))]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            until = time.monotonic() + 20
            while sandbox.calls < 5 and time.monotonic() < until:
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            words = process.communicate(timeout=30)[1].decode()

        assert 130 == process.returncode
        assert "Traceback" not in words
        assert "run the same again" in words
        statuses = Counter(pd.read_csv(target, dtype=str)["crust.status"])
        assert 400 == statuses.total()
        assert statuses["matched"]
        assert statuses["not_run"]
        assert 0 < sandbox.credits_spent < 240

        again = shell(*ask(hard, "-o", target))

        assert 0 == again.code, again.words
        assert 240 == sandbox.credits_spent
        assert {1} == set(sandbox.people_charged.values())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")
def test_ctrl_c_waits_for_the_answer_that_is_paid_for(account, leads):
    account.faults.add("drip", seconds=2.0)
    command = [sys.executable, "-m", "crustframe", *map(str, ask(leads))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        until = time.monotonic() + 20
        while not account.credits_spent and time.monotonic() < until:
            time.sleep(0.02)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    account.faults.clear()

    again = shell(*ask(leads))

    assert 130 == process.returncode
    assert 0 == again.code, again.words
    assert (1, 1) == (account.calls, account.credits_spent)
