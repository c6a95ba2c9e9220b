"""The demo: what a newcomer sees first, run as they run it."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
import time

import pytest

AT_MOST_S = 20.0
SAVED = re.compile(r"would have made (\d+) calls and paid (\d+) credits for these rows; saved: (\d+)")


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A finished demo: what it printed, the table it kept, and how long it took."""
    table = tmp_path_factory.mktemp("demo") / "kept.csv"
    started = time.monotonic()
    run = subprocess.run(
        [sys.executable, "-m", "crustframe", "demo", "--output", str(table)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={"PYTHONIOENCODING": "utf-8", "PATH": "", "PYTHONWARNINGS": "error"},
        check=False,
        timeout=60,
    )
    return run, table, time.monotonic() - started


def part(text: str, title: str) -> str:
    """Return what stands under the heading that begins with `title`."""
    return next(p for p in text.split("\n== ") if p.startswith(title))


def test_it_ends_well_and_soon(demo):
    run, _, seconds = demo

    assert 0 == run.returncode, run.stderr
    assert seconds < AT_MOST_S
    assert "Traceback" not in run.stderr
    assert "Warning" not in run.stderr


def test_it_shows_the_plan_before_anything_is_sent(demo):
    plan = part(demo[0].stdout, "The plan")

    assert re.search(r"\d+ people in 200 rows", plan)
    assert re.search(r"\d+ blank, \d+ refused", plan)
    assert re.search(r"credits: 0 low, \d+ likely, \d+ at most", plan)


def test_it_shows_rows_of_every_status(demo):
    shown = part(demo[0].stdout, "The run")

    for status in ("matched", "no_match", "invalid", "blank"):
        assert status in shown


def test_the_receipt_adds_up_and_names_what_was_saved(demo):
    receipt = part(demo[0].stdout, "The receipt")

    rows, people, counts = re.search(r"(\d+) rows, (\d+) people: (.*)", receipt).groups()
    assert "200" == rows
    assert 200 == sum(int(n) for n in re.findall(r"(\d+) \w+", counts))
    calls, credits = map(int, re.search(r"(\d+) calls, (\d+) credits", receipt).groups())
    text_calls, text_credits, saved = map(int, SAVED.search(receipt).groups())
    assert int(people) / 25 <= calls <= int(people) / 25 + 2
    assert calls <= text_calls
    assert 0 < saved == text_credits - credits


def test_the_second_run_is_free(demo):
    again = part(demo[0].stdout, "The same again")

    assert "\n0 calls, 0 credits, " in again


def test_progress_is_told_on_stderr(demo):
    assert re.search(r"credits spent, [\d.]+ left", demo[0].stderr)
    assert "credits spent" not in demo[0].stdout


def test_the_kept_table_has_every_lead_and_new_columns(demo):
    _, table, _ = demo

    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert 200 == len(rows)
    assert "00001" == rows[0]["lead_id"]
    assert {"name", "title", "employer", "connections", "skills", "country", "crust.status"} <= rows[0].keys()
    assert all(row["crust.status"] for row in rows)


def test_it_ends_well_where_the_terminal_has_few_letters():
    """A console that cannot show every name still gets through the demo."""
    run = subprocess.run(
        [sys.executable, "-m", "crustframe", "demo"],
        capture_output=True,
        env={"PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0", "PATH": ""},
        check=False,
        timeout=60,
    )

    assert 0 == run.returncode, run.stderr.decode("cp1252")[-600:]
