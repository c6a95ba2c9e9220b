"""``crustframe jobs``, and jobs in ``crustframe enrich``."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
from jobs_rig import FIELDS, people

import crustframe
from crustframe.shell import cli


@pytest.fixture
def shell(monkeypatch, capsys, tmp_path):
    with crustframe.sandbox(requests_per_minute=None, job_seconds=0.1) as running:
        monkeypatch.setenv("CRUSTDATA_API_KEY", running.key)
        monkeypatch.setenv("CRUSTFRAME_BASE_URL", running.url)
        pd.DataFrame({"url": people(3)}).to_csv(tmp_path / "leads.csv", index=False)

        def shell(*arguments):
            monkeypatch.setattr(sys, "argv", ["crustframe", *map(str, arguments)])
            with pytest.raises(SystemExit) as ended:
                cli.main()
            return ended.value.code, *capsys.readouterr()

        shell.sandbox = running
        shell.leads = tmp_path / "leads.csv"
        yield shell


def test_the_shell_submits_lists_waits_and_reads(shell):
    ask = ("enrich", shell.leads, "--column", "url", "--field", "basic_profile.name as name")
    code, out, words = shell(*ask, "--route", "job", "--no-wait")
    (batch_id,) = json.loads(out)["batch_ids"]
    assert (0, True) == (code, "jobs wait" in words)
    assert batch_id in shell("jobs", "list")[1]
    assert (0, [batch_id]) == (
        shell("jobs", "wait", batch_id)[0],
        [job["batch_id"] for job in json.loads(shell("jobs", "list", "--all", "--json")[1])],
    )

    code, out, words = shell(*ask)

    assert (0, 4, True) == (code, len(out.splitlines()), "0 credits" in words)
    assert "done" in shell("jobs", "list", "--all")[1]
    assert 0 == shell("jobs", "fetch")[0] == shell("jobs", "resume")[0]


def test_the_shell_listens_until_nothing_is_under_way(shell):
    ask = ("enrich", shell.leads, "--column", "url", "--field", "basic_profile.name as name")
    shell(*ask, "--route", "job", "--no-wait")
    time.sleep(0.3)

    code, _, words = shell("jobs", "listen", "--once")

    assert (0, True, True) == (code, "listening: http://127.0.0.1:" in words, "3 of 3 found" in words)


def test_a_sandbox_that_ends_with_the_command_keeps_no_job(shell, tmp_path):
    ask = ("enrich", shell.leads, "--column", "url", "--field", "basic_profile.name as name", "--sandbox")
    code, _, words = shell(*ask, "--route", "job", "--no-wait")
    assert (2, True) == (code, "Nothing was sent" in words)

    ledger = tmp_path / "sandbox.sqlite3"
    with crustframe.sandbox(ledger=ledger) as gone:
        crustframe.enrich(people(3), fields=FIELDS, route="job", wait=False, client=gone.client)
    code, out, _ = shell(*ask, "--ledger", ledger)
    assert (0, 3) == (code, out.count("matched"))


def test_the_plan_of_the_shell_tells_the_route(shell):
    _, out, _ = shell("plan", shell.leads, "--column", "url", "--route", "job")

    assert "route: job, as told" in out


def test_ctrl_c_in_contacts_writes_what_was_found(monkeypatch, tmp_path):
    """The first kind came; the job of the second still runs."""
    leads = tmp_path / "leads.csv"
    pd.DataFrame({"url": people(3)}).to_csv(leads, index=False)
    with crustframe.sandbox(requests_per_minute=None, job_seconds=0.1) as sandbox:
        monkeypatch.setenv("CRUSTDATA_API_KEY", sandbox.key)
        monkeypatch.setenv("CRUSTFRAME_BASE_URL", sandbox.url)
        crustframe.contacts(people(2), kinds=["phone_numbers"])
        paid = sandbox.credits_spent
        sandbox.jobs.job_seconds = 1e9
        command = [sys.executable, "-m", "crustframe", "contacts", str(leads), "--column", "url"]
        command += ["--kind", "phone_numbers", "-o", str(tmp_path / "out.csv")]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            until = time.monotonic() + 20
            while len(sandbox.jobs.submitted) < 2 and time.monotonic() < until:
                time.sleep(0.02)
            time.sleep(0.3)
            process.send_signal(signal.SIGINT)
            words = process.communicate(timeout=30)[1]

        assert 130 == process.returncode
        assert "Traceback" not in words
        assert paid == sandbox.credits_spent
    written = pd.read_csv(tmp_path / "out.csv", dtype=str)
    assert "not_run" == written["crust.status"][2]
    assert written["phone_number"][:2].notna().any()


@pytest.mark.parametrize("command", ["wait", "fetch", "listen --once"])
def test_what_was_not_found_shows_in_the_exit_code(shell, command):
    """A job that failed, or whose results are incomplete, is no success."""
    ask = ("enrich", shell.leads, "--column", "url", "--field", "basic_profile.name as name")
    shell.sandbox.jobs.fail_with = "out of order"
    shell(*ask, "--route", "job", "--no-wait")
    (batch_id,) = [job.batch_id for job in shell.sandbox.jobs.all]
    time.sleep(0.3)
    more = () if "listen" in command else (batch_id,)

    code, _, words = shell("jobs", *command.split(), *more)

    assert 3 == code
    assert "out of order" in words


def test_a_job_that_nobody_knows_is_told(shell):
    code, _, words = shell("jobs", "wait", "00000000-0000-0000-0000-000000000000")

    assert 2 == code
    assert "knows no job 00000000" in words


def test_jobs_of_another_key_are_told(shell, monkeypatch):
    ask = ("enrich", shell.leads, "--column", "url", "--field", "basic_profile.name as name")
    shell.sandbox.jobs.job_seconds = 1e9
    shell(*ask, "--route", "job", "--no-wait")
    monkeypatch.setenv("CRUSTDATA_API_KEY", "another-key")

    with crustframe.Client() as client:
        client.ledger.start(frozenset({"basic_profile"}), price=1.0, endpoint="/person/enrich").close()
    code, _, words = shell("jobs", "list")

    assert (0, True) == (code, "1 job of another key" in words)
