"""Nobody spends a larger sum unasked; what was asked before is replaced; what was left out is told."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pandas as pd
import pytest

import crustframe
from crustframe import PartialResultWarning
from crustframe.errors import BudgetError, ColumnExistsError, ConfigurationError, SettingError

NAME = ["basic_profile.name"]
ENRICH = [sys.executable, "-m", "crustframe", "enrich", "leads.csv", "--column", "url", "-o", "o.csv"]


def people(n: int) -> list[str]:
    return [f"https://www.linkedin.com/in/lead-{number}-example" for number in range(n)]


@pytest.fixture
def sandbox():
    """A sandbox without a rate limit, whose jobs take a moment."""
    with crustframe.sandbox(requests_per_minute=None, job_seconds=0.1) as running:
        yield running


@pytest.fixture(autouse=True)
def _no_ceiling(monkeypatch):
    monkeypatch.delenv("CRUSTFRAME_MAX_CREDITS")
    yield
    crustframe.set_ceiling(None)


# The ceiling of a day ---------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::crustframe.PartialResultWarning")
@pytest.mark.parametrize("ahead_s", [86400.0 * 2, 86400.0 * 366])
def test_what_a_clock_ahead_bought_counts_on_one_day_until_its_own_comes(sandbox, tmp_path, ahead_s):
    now = [1_800_000_000.0 + ahead_s]
    client = sandbox.make_client(ledger=tmp_path / "ledger.sqlite3", clock=lambda: now[0])
    client.ledger.set_daily_ceiling(30)
    crustframe.enrich(people(20), fields=NAME, client=client)

    def buys(more: int) -> float:
        before = sandbox.credits_spent
        crustframe.enrich(people(20 + 2 * more)[-more:], fields=NAME, partial=True, max_age=0, client=client)
        return sandbox.credits_spent - before

    assert 10.0 == buys(30)  # the clock is still ahead
    now[0] -= ahead_s
    assert 0.0 == buys(30)  # set right: the day that meets them counts them
    now[0] += 86400.0
    assert 30.0 == buys(40)  # and no day after it
    now[0] += ahead_s - 86400.0
    assert 0.0 == buys(30)  # until their own comes, when the clock may have been right


# A ceiling must be named ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["enrich", "contacts"])
@pytest.mark.parametrize("partial", [False, True])
def test_more_than_a_hundred_credits_need_a_ceiling(sandbox, client, verb, partial):
    frame = pd.DataFrame({"url": people(101)})
    high = {"enrich": 101, "contacts": 505}[verb]

    for ask in (getattr(frame.crust, verb), lambda *a, **k: getattr(crustframe, verb)(frame, *a, **k)):
        with pytest.raises(BudgetError, match=rf"no ceiling is set[^$]*max_credits={high}\b") as caught:
            ask("url", partial=partial, client=client)

    assert 7 == caught.value.exit_code
    assert (0, 0.0, []) == (sandbox.calls, sandbox.credits_spent, sandbox.jobs.submitted)


def test_a_hundred_credits_need_none(sandbox, client):
    crustframe.enrich(people(100), fields=NAME, client=client)

    assert 100.0 == sandbox.credits_spent


def test_a_ceiling_may_be_named_in_four_places_and_the_nearest_holds(sandbox, monkeypatch, tmp_path):
    column = people(150)

    def asked(**options):
        with sandbox.make_client() as made:
            return crustframe.enrich(column, fields=NAME, client=made, **options)

    folder = tmp_path / "config"
    folder.mkdir(exist_ok=True)
    (folder / "settings.toml").write_text("max_credits = 149\n")
    with pytest.raises(BudgetError, match="max_credits is 149"):
        asked()
    monkeypatch.setenv("CRUSTFRAME_MAX_CREDITS", "148")
    with pytest.raises(BudgetError, match="max_credits is 148"):
        asked()
    crustframe.set_ceiling(147)
    with pytest.raises(BudgetError, match="max_credits is 147"):
        asked()
    with pytest.raises(BudgetError, match="max_credits is 146"):
        asked(max_credits=146)
    assert 0 == sandbox.calls
    crustframe.set_ceiling(150)
    assert 150.0 == asked().report.credits


@pytest.mark.parametrize("value", ["many", "-1", "nan", "inf", "1e400"])
@pytest.mark.parametrize("where", ["environment", "file", "process"])
def test_a_ceiling_that_is_no_number_is_refused(monkeypatch, tmp_path, value, where):
    (tmp_path / "config").mkdir(exist_ok=True)
    if where == "environment":
        monkeypatch.setenv("CRUSTFRAME_MAX_CREDITS", value)
    elif where == "file":
        text = f"max_credits = {value}" if value in {"nan", "inf", "-1"} else f'max_credits = "{value}"'
        (tmp_path / "config" / "settings.toml").write_text(text)
    with pytest.raises(SettingError, match="no number of credits"):
        crustframe.set_ceiling(value) if where == "process" else crustframe.Client()


def test_a_settings_file_that_is_broken_is_named(tmp_path):
    (tmp_path / "config").mkdir(exist_ok=True)
    (tmp_path / "config" / "settings.toml").write_text("max_credits = = 5")

    with pytest.raises(ConfigurationError, match=r"settings\.toml"):
        crustframe.Client()


def test_the_plan_tells_and_does_not_refuse(client):
    assert "needs max_credits=101" in str(crustframe.plan(people(101), fields=NAME, client=client))
    crustframe.set_ceiling(50)
    assert "ceiling of 50 credits" in str(crustframe.plan(people(101), fields=NAME, client=client))
    assert "ceiling" not in str(crustframe.plan(people(10), fields=NAME, client=client))


def shell(tmp_path, sandbox, *options, **more):
    (tmp_path / "leads.csv").write_text("url\n" + "\n".join(people(120)) + "\n")
    command = [*ENRICH, *([] if "--field" in options else ["--field", *NAME])]
    environ = {
        "CRUSTDATA_API_KEY": sandbox.key,
        "CRUSTFRAME_BASE_URL": sandbox.url,
        "CRUSTFRAME_LEDGER": str(tmp_path / "shell.sqlite3"),
        "CRUSTFRAME_CONFIG": str(tmp_path / "config"),
        "HOME": str(tmp_path),
        "PATH": os.environ["PATH"],
    }
    return subprocess.run(
        [*command, *options], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, **more
    )


def test_a_script_of_the_shell_is_refused_and_told_the_one_option(sandbox, tmp_path):
    ran = shell(tmp_path, sandbox, stdin=subprocess.DEVNULL)

    assert (7, 0.0) == (ran.returncode, sandbox.credits_spent)
    assert "--max-credits 120" in ran.stderr

    assert 0 == shell(tmp_path, sandbox, "--max-credits", "120", stdin=subprocess.DEVNULL).returncode
    assert 120.0 == sandbox.credits_spent


def test_yes_agrees_to_the_figure_of_the_plan(sandbox, tmp_path):
    assert 0 == shell(tmp_path, sandbox, "--yes", stdin=subprocess.DEVNULL).returncode
    assert 120.0 == sandbox.credits_spent


# What was left out is told -----------------------------------------------------------------------------------------


def test_rows_that_a_ceiling_left_out_are_told(client):
    frame = pd.DataFrame({"url": people(30)})

    with pytest.warns(PartialResultWarning, match="run again with a higher one"):
        found = frame.crust.enrich("url", NAME, max_credits=3, partial=True, client=client)

    report = crustframe.last_report()
    assert 27 == report.statuses["not_run"] == (found["crust.status"] == "not_run").sum()
    assert (3.0, True) == (report.credits, report.hit_ceiling)


def test_the_days_ceiling_and_contacts_and_series_are_told_as_well(client):
    client.ledger.set_daily_ceiling(5)
    with pytest.warns(PartialResultWarning, match="higher one"):
        pd.Series(people(30)).crust.enrich(NAME, partial=True, client=client)
    assert 5.0 == crustframe.last_report().credits
    client.ledger.set_daily_ceiling(15)
    with pytest.warns(PartialResultWarning, match="higher one"):
        pd.DataFrame({"url": people(30)}).crust.contacts("url", partial=True, client=client)
    assert crustframe.last_report().statuses["not_run"] > 0


# A cell run twice --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        NAME,
        ["basic_profile.headline as line"],
        {"line": "basic_profile.headline", "skills": "skills.professional_network_skills | count"},
        ["experience.employment_details.past[*].name", "crustdata_person_id"],
        ["professional_network_skills"],
    ],
)
@pytest.mark.parametrize("provenance", ["status", "full", "none"])
def test_the_same_cell_run_twice_gives_the_same_frame(sandbox, client, fields, provenance):
    leads = pd.DataFrame({"url": people(3), "title": ["a", "b", "c"]})
    once = leads.crust.enrich("url", fields, provenance=provenance, client=client)

    twice = once.crust.enrich("url", fields, provenance=provenance, client=client)

    assert list(once.columns) == list(twice.columns)
    assert once["title"].equals(twice["title"])
    assert 3.0 == sandbox.credits_spent


def test_a_column_of_the_users_own_is_never_replaced(client):
    leads = pd.DataFrame({"url": people(2), "line": ["mine", "too"]})
    with pytest.raises(ColumnExistsError, match="'line'"):
        leads.crust.enrich("url", ["basic_profile.headline as line"], client=client)

    made = pd.DataFrame({"url": people(2)}).crust.enrich("url", ["basic_profile.headline as line"], client=client)
    with pytest.raises(ColumnExistsError, match="'line'"):
        made.crust.enrich("url", ["basic_profile.name as line"], client=client)


def test_remarks_of_an_earlier_run_do_not_stay_beside_new_answers(client):
    full = pd.DataFrame({"url": people(2)}).crust.enrich("url", NAME, provenance="full", client=client)

    again = full.crust.enrich("url", NAME, client=client)

    assert ["url", *NAME, "crust.status", "crust.confidence_score"] == list(again.columns)


def test_contacts_twice_and_after_enrich(client):
    once = pd.DataFrame({"url": people(2)}).crust.enrich("url", NAME, client=client)
    reached = once.crust.contacts("url", ["phone_numbers"], client=client)

    twice = reached.crust.contacts("url", ["phone_numbers"], client=client)

    assert list(reached.columns) == list(twice.columns)
    assert "crust.confidence_score" not in reached.columns


@pytest.mark.parametrize("field", ["basic_profile.name", "basic_profile.name as who,basic_profile.headline as line"])
def test_a_file_is_enriched_on_its_own_output(sandbox, tmp_path, field):
    first = shell(tmp_path, sandbox, "--field", field, "--yes")
    assert 0 == first.returncode, first.stderr
    before = (tmp_path / "o.csv").read_text()
    (tmp_path / "leads.csv").write_text(before)
    command = [sys.executable, "-m", "crustframe", "enrich", "o.csv", "--column", "url", "-o", "again.csv"]
    ran = subprocess.run(
        [*command, "--field", field],
        cwd=tmp_path,
        env={
            "CRUSTDATA_API_KEY": sandbox.key,
            "CRUSTFRAME_BASE_URL": sandbox.url,
            "CRUSTFRAME_LEDGER": str(tmp_path / "shell.sqlite3"),
            "HOME": str(tmp_path),
            "PATH": os.environ["PATH"],
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == ran.returncode, ran.stderr
    assert before == (tmp_path / "again.csv").read_text()
    assert 120.0 == sandbox.credits_spent


def test_a_file_of_strangers_keeps_its_own_columns(sandbox, tmp_path):
    (tmp_path / "own.csv").write_text(f"url,who\n{people(1)[0]},mine\n")
    command = [sys.executable, "-m", "crustframe", "enrich", "own.csv", "--column", "url", "--sandbox", "-o", "x.csv"]
    ran = subprocess.run(
        [*command, "--field", "basic_profile.name as who"],
        cwd=tmp_path,
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )

    assert 6 == ran.returncode
    assert "'who'" in ran.stderr
    assert not (tmp_path / "x.csv").exists()


def test_a_terminal_is_asked_and_its_answer_is_the_ceiling(sandbox, tmp_path):
    ours, theirs = pty.openpty()
    os.write(ours, b"y\n")
    (tmp_path / "leads.csv").write_text("url\n" + "\n".join(people(120)) + "\n")
    command = [*ENRICH, "--field", *NAME]
    environ = {
        "CRUSTDATA_API_KEY": sandbox.key,
        "CRUSTFRAME_BASE_URL": sandbox.url,
        "CRUSTFRAME_LEDGER": str(tmp_path / "tty.sqlite3"),
        "HOME": str(tmp_path),
        "PATH": os.environ["PATH"],
    }
    ran = subprocess.run(
        command, cwd=tmp_path, env=environ, stdin=theirs, stdout=theirs, stderr=theirs, timeout=60, check=False
    )
    os.close(theirs)
    os.close(ours)

    assert (0, 120.0) == (ran.returncode, sandbox.credits_spent)


def test_the_column_that_was_asked_about_is_never_replaced(client):
    leads = pd.DataFrame({"contact.business_emails[0].email": ["lead-1@corp.example", "nobody@corp.example"]})

    with pytest.raises(ColumnExistsError):
        leads.crust.enrich(leads.columns[0], [leads.columns[0]], client=client)


def test_a_table_of_candidates_keeps_its_own_columns(client):
    frame = pd.DataFrame({"url": people(1), "crust.rank": [1], "crustdata_person_id": [7]})

    assert "crust.rank" in frame.crust.enrich("url", NAME, client=client).columns
    with pytest.raises(ColumnExistsError):
        frame.crust.enrich("url", ["crustdata_person_id"], client=client)
