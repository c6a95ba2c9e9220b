"""``crustframe jobs``, and jobs in ``crustframe enrich``."""

from __future__ import annotations

import json
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
