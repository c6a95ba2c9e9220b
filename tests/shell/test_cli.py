"""The shell command, used as people use it; the sandbox's meter is the truth about money."""

from __future__ import annotations

import csv
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import NAME, PROFILE, Ran, account_of, ask

import crustframe

STATUSES = {"matched", "no_match", "invalid", "blank", "failed", "not_run", "in_doubt"}
JUNK = (
    "n/a",
    "https://lnkd.in/e9xyz",
    "https://www.linkedin.com/company/northwind-example",
    "https://corp.example/team/avery",
    "avery@",
    "somebody@gmail.com",
    "ask Avery",
    "a@corp.example; b@corp.example",
)
NOTES = ("", "NA", 'said "yes", twice', " kept ", "0.10", "Zoë; später", "null", "=1+1")
OTHER_SPELLINGS = (
    lambda slug: f"linkedin.com/in/{slug}",
    lambda slug: f"http://WWW.LinkedIn.com/in/{slug.title()}/",
    lambda slug: f"{PROFILE}{slug}?utm_source=mail#top",
    lambda slug: f"https://de.linkedin.com/in/{slug}/",
    lambda slug: f"  {PROFILE}{slug.replace('-', '%2D')}  ",
    lambda slug: f"{PROFILE}{slug}/details/experience/",
)


def shell(*arguments, **options):
    """Run ``crustframe ...`` as a process of its own."""
    ended = subprocess.run(
        [sys.executable, "-m", "crustframe", *map(str, arguments)],
        capture_output=True,
        check=False,
        timeout=60,
        **options,
    )
    return Ran(ended.returncode, ended.stdout, ended.stderr)


def hard_column():
    """240 people found (35 by e-mail), 120 repeats (60 spelled otherwise), 20 unknown, 12 blank, 8 junk."""
    slugs = [f"avery-{n:03d}-example" for n in range(205)]
    mails = [f"avery.{n:03d}@corp.example" for n in range(35)]
    people = [PROFILE + slug for slug in slugs] + mails
    same = people[:50] + mails[:10]
    other = [OTHER_SPELLINGS[n % 6](slug) for n, slug in enumerate(slugs[60:115])]
    other += [mail.upper() for mail in mails[20:25]]
    unknown = [f"{PROFILE}nobody-{n:02d}-example" for n in range(20)]
    cells = people + same + other + unknown + [""] * 8 + ["   "] * 4 + list(JUNK)
    assert 400 == len(cells)
    assert 60 == len(same) == len(other)
    random.Random(2).shuffle(cells)
    return cells


def write(path, cells, *, encoding="utf-8", delimiter=","):
    """Write leads with texts that a careless tool would change."""
    with path.open("w", encoding=encoding, newline="") as file:
        sheet = csv.writer(file, delimiter=delimiter)
        sheet.writerow(["id", "profile", "zip", "note"])
        for n, cell in enumerate(cells):
            sheet.writerow([f"{n:05d}", cell, f"{n % 100:05d}", NOTES[n % len(NOTES)]])
    return path


@pytest.fixture
def hard(tmp_path):
    return write(tmp_path / "people_hard.csv", hard_column())


@pytest.fixture
def leads(tmp_path):
    """Four rows: two spellings of one person, an unknown one, a blank."""
    cells = [f"{PROFILE}avery-tester-example", "linkedin.com/in/Avery-Tester-example/", f"{PROFILE}nobody-x", ""]
    return write(tmp_path / "leads.csv", cells)


# The main job on real input -----------------------------------------------------------------------------------


def test_400_rows_cost_240_credits_once_and_for_all_processes(account, hard, tmp_path):
    first = shell(*ask(hard, "-o", tmp_path / "first.csv", "--receipt", tmp_path / "receipt.json"))

    assert 0 == first.code, first.words
    assert b"" == first.stdout
    assert 11 == account.calls
    assert 240 == account.credits_spent == len(account.people_charged)
    assert {1} == set(account.people_charged.values())
    statuses = Counter(pd.read_csv(tmp_path / "first.csv", dtype=str)["crust.status"])
    assert {"matched": 360, "no_match": 20, "blank": 12, "invalid": 8} == statuses
    assert 400 == statuses.total()
    receipt = json.loads((tmp_path / "receipt.json").read_text(encoding="utf-8"))
    assert (240, 11) == (receipt["credits"], receipt["calls"])
    assert 11 == len(set(receipt["request_ids"]))

    again = shell(*ask(hard, "-o", tmp_path / "again.csv"))
    other = shell("enrich", hard, "--column", "profile", "--field", "professional_network.connections", "-o", "-")

    assert (0, 0) == (again.code, other.code)
    assert (tmp_path / "first.csv").read_bytes() == (tmp_path / "again.csv").read_bytes()
    assert 400 == len(other.rows)
    assert (11, 240) == (account.calls, account.credits_spent)


def test_shell_and_accessor_share_one_ledger(account, hard):
    from_shell = shell(*ask(hard))
    frame = pd.read_csv(hard, dtype=str, keep_default_na=False)

    found = frame.crust.enrich("profile", [NAME])

    assert (11, 240) == (account.calls, account.credits_spent)
    assert [row["crust.status"] for row in from_shell.rows] == found["crust.status"].tolist()
    assert [row[NAME] for row in from_shell.rows] == found[NAME].fillna("").tolist()


@pytest.mark.parametrize("culprit", [f"{PROFILE}refused-by-the-server", "refused@corp.example"])
def test_one_refused_identifier_leaves_everybody_else_found(monkeypatch, run, tmp_path, culprit):
    cells = hard_column()
    cells[cells.index("")] = culprit
    table = write(tmp_path / "hard.csv", cells)
    with crustframe.sandbox(requests_per_minute=None, refuse=[culprit]) as sandbox:
        account_of(sandbox, monkeypatch)
        ran = run(*ask(table))

        assert 0 == ran.code, ran.words
        assert 240 == sandbox.credits_spent
        assert {1} == set(sandbox.people_charged.values())
        assert 360 == sum(row["crust.status"] == "matched" for row in ran.rows)
        assert "invalid" == next(row["crust.status"] for row in ran.rows if row["profile"] == culprit)


def test_the_plan_tells_the_bill_beforehand(account, run, hard):
    ran = run("plan", hard, "--column", "profile", "--json")

    plan = json.loads(ran.stdout)
    assert (400, 12, 8, 260, 260, 11) == tuple(plan[k] for k in ("rows", "blank", "invalid", "people", "new", "calls"))
    assert 260 == plan["credits_high"]
    assert 0 == account.calls


# Tables in and out --------------------------------------------------------------------------------------------


def test_a_pipe_carries_the_table_and_nothing_else(account, leads):
    ran = shell(*ask("-"), input=leads.read_bytes())

    assert 0 == ran.code
    assert ["matched", "matched", "no_match", "blank"] == [row["crust.status"] for row in ran.rows]
    assert b"\r" not in ran.stderr
    assert "to go" not in ran.words
    assert re.search(r"\b1 calls?, 1 credits?\b", ran.words)


def test_a_reader_that_goes_away_is_no_error(account, hard):
    command = [sys.executable, "-m", "crustframe", *map(str, ask(hard))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        words = process.stderr.read().decode()

    assert 0 == process.returncode
    assert "Traceback" not in words
    assert "BrokenPipe" not in words


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize(("suffix", "delimiter"), [(".csv", ","), (".tsv", "\t"), (".csv", ";")])
def test_own_cells_come_out_byte_for_byte(account, run, tmp_path, encoding, suffix, delimiter):
    cells = [f"{PROFILE}avery-{n}-example" for n in range(len(NOTES))]
    table = write(tmp_path / f"in{suffix}", cells, encoding=encoding, delimiter=delimiter)
    target = tmp_path / f"out{suffix}"

    ran = run(*ask(table, "-o", target))

    assert 0 == ran.code, ran.words
    before, after = table.read_bytes().splitlines(), target.read_bytes().splitlines()
    assert len(before) == len(after)
    assert all(new.startswith(old) for old, new in zip(before, after, strict=True))
    assert (encoding == "utf-8-sig") == target.read_bytes().startswith(b"\xef\xbb\xbf")


def test_a_workbook_goes_in_and_comes_out(account, run, tmp_path):
    frame = pd.DataFrame({"zip": ["00731", "NA"], "profile": [f"{PROFILE}avery-tester-example", None], "age": [41, 7]})
    frame.to_excel(tmp_path / "in.xlsx", sheet_name="Leads", index=False)

    ran = run(*ask(tmp_path / "in.xlsx", "--sheet", "Leads", "-o", tmp_path / "out.xlsx"))

    assert 0 == ran.code, ran.words
    out = pd.read_excel(tmp_path / "out.xlsx", sheet_name="Leads", keep_default_na=False)
    assert ["00731", "NA"] == out["zip"].tolist()
    assert [41, 7] == out["age"].tolist()
    assert ["matched", "blank"] == out["crust.status"].tolist()
    assert "Avery Tester" == out[NAME][0]


def test_parquet_goes_in_and_comes_out(account, run, tmp_path):
    own = pa.table(
        {
            "zip": ["00731", "NA"],
            "profile": [f"{PROFILE}avery-tester-example", None],
            "seen": pa.array([1, None], pa.timestamp("ns", "Europe/Berlin")),
        }
    )
    pq.write_table(own, tmp_path / "in.parquet")
    asked = ("--field", "skills.professional_network_skills as skills", "--lists", "list")
    asked += ("--field", "professional_network.connections as n", "--matches", tmp_path / "matches.parquet")

    ran = run(*ask(tmp_path / "in.parquet", *asked, "-o", tmp_path / "out.parquet"))
    again = run(*ask(tmp_path / "out.parquet", *asked[:-2], "--only", "missing", "-o", tmp_path / "again.parquet"))

    assert (0, 0) == (ran.code, again.code), ran.words + again.words
    out = pq.read_table(tmp_path / "out.parquet")
    assert own.equals(out.select(own.column_names))
    assert ["matched", "blank"] == out["crust.status"].to_pylist()
    assert ["Avery Tester", None] == out[NAME].to_pylist()
    assert pa.types.is_list(out.schema.field("skills").type)
    assert ["int64", "double"] == [str(out.schema.field(name).type) for name in ("n", "crust.confidence_score")]
    assert out.equals(pq.read_table(tmp_path / "again.parquet"))
    assert ["Avery Tester"] == pq.read_table(tmp_path / "matches.parquet")[NAME].to_pylist()
    assert 1 == account.credits_spent


def test_json_lines_go_in_and_come_out(account, run, tmp_path):
    own = [
        f'{{"id": 123456789012345678901, "profile":"{PROFILE}avery-tester-example"}}',
        '{ "profile" : null }',
        '{"profile": 7, "x": {"profile": 1.10}}',
        f'{{"profile": "{PROFILE}nobody-x"}}',
    ]
    (tmp_path / "in.jsonl").write_text("\r\n".join(own), encoding="utf-8", newline="")

    ran = run(*ask("-"), stdin="\r\n".join(own).encode())
    run(*ask(tmp_path / "in.jsonl", "-o", tmp_path / "out.jsonl"))
    again = run(*ask(tmp_path / "out.jsonl", "--only", "failed", "-o", tmp_path / "again.jsonl"))

    assert (0, 0) == (ran.code, again.code), ran.words
    lines = ran.stdout.decode().split("\r\n")
    assert all(new.startswith(old[:-1] + ',"') for old, new in zip(own, lines, strict=True))
    assert ["matched", "blank", "invalid", "no_match"] == [json.loads(line)["crust.status"] for line in lines]
    assert ["Avery Tester", None, None, None] == [json.loads(line)[NAME] for line in lines]
    assert ran.stdout == (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "again.jsonl").read_bytes()
    assert 1 == account.credits_spent


def test_formulas_in_headlines_are_defused_and_counted(account, run, hard):
    asked = ("enrich", hard, "--column", "profile", "--field", "basic_profile.headline as line")
    safe, raw = run(*asked), run(*asked, "--no-csv-safe")

    dangerous = re.compile(r"[=+\-@\t\r]")
    lines = [row["line"] for row in raw.rows]
    assert any(dangerous.match(line) for line in lines)
    assert not any(dangerous.match(row["line"]) for row in safe.rows)
    changed = sum(row["line"] != line for row, line in zip(safe.rows, lines, strict=True))
    assert f"{changed} cells that a spreadsheet would run" in safe.words
    assert "spreadsheet" not in raw.words
    assert {"=1+1"} <= {row["note"] for row in safe.rows}  # the user's own cells are not touched


# How it ends --------------------------------------------------------------------------------------------------


def test_exit_0_when_every_row_is_resolved(account, run, leads):
    assert 0 == run(*ask(leads)).code


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("--column", "profile", "--field", "experiance.title"), "did you mean experience."),
        (("--column", "profil", "--field", NAME), "did you mean 'profile'"),
        (("--field", NAME), "--column"),
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
    assert "Hint: use .csv, .tsv, .xlsx, .parquet or .jsonl." in ran.words
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


def heard(terminal, mark=None):
    """Return what a terminal shows, up to `mark` or until the other side is gone."""
    said = b""
    try:
        while (mark is None or mark not in said) and (piece := os.read(terminal, 4096)):
            said += piece
    except OSError:  # how Linux says that the other side is gone
        pass
    return said


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")
@pytest.mark.parametrize(("answer", "code", "credits"), [("n\n", 7, 0), ("y\n", 0, 240), ("\x04", 130, 0)])
def test_a_watched_run_asks_above_100_credits(account, hard, tmp_path, monkeypatch, answer, code, credits):
    monkeypatch.delenv("CRUSTFRAME_MAX_CREDITS")
    import pty
    import termios

    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 120))
    command = [sys.executable, "-m", "crustframe", *map(str, ask(hard, "-o", tmp_path / "out.csv"))]
    with subprocess.Popen(command, stdin=theirs, stderr=theirs, stdout=subprocess.DEVNULL) as process:
        os.close(theirs)
        said = heard(ours, b"Spend up to 260 credits?")
        os.write(ours, answer.encode())
        said += heard(ours)
    os.close(ours)

    assert b"Spend up to 260 credits?" in said
    assert b"Traceback" not in said
    assert code == process.returncode
    assert credits == account.credits_spent
    assert (b"credits spent" in said) == bool(credits)


# Keys and origins ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"CRUSTDATA_API_KEY": "secret-4711\n"}, "ends in a line break"),
        ({"CRUSTDATA_API_KEY": "secret 4711"}, "holds a space"),
        ({"CRUSTDATA_API_KEY": None}, "There is no API key"),
        ({"CRUSTDATA_API_KEY": ""}, "There is no API key"),
        ({"CRUSTDATA_API_KEY": "secret-4711", "CRUSTFRAME_BASE_URL": "http://api.example"}, "over plain http"),
        ({"CRUSTDATA_API_KEY": "secret-4711", "CRUSTFRAME_BASE_URL": "ftp://api.example"}, "cannot be used"),
    ],
)
def test_exit_4_for_a_key_or_an_origin_that_cannot_be_used(account, run, leads, monkeypatch, settings, says):
    for name, value in settings.items():
        monkeypatch.delenv(name) if value is None else monkeypatch.setenv(name, value)

    ran = run(*ask(leads))

    assert 4 == ran.code
    assert says in ran.words
    assert "Hint: " in ran.words
    assert "4711" not in ran.words
    assert 0 == account.calls


def test_the_key_is_in_no_text_and_no_file(monkeypatch, run, leads, tmp_path):
    key = "planted-key-4711"
    with crustframe.sandbox(requests_per_minute=None, key=key) as sandbox:
        account_of(sandbox, monkeypatch)
        out, receipt = tmp_path / "out.csv", tmp_path / "receipt.json"
        ran = run(*ask(leads, "-o", out, "--receipt", receipt, "--provenance", "full"))

        assert 0 == ran.code
        assert 1 == sandbox.credits_spent
    assert key not in ran.words
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"out.csv", "receipt.json", "ledger.sqlite3"} <= {path.name for path in files}
    assert not [path for path in files if key.encode() in path.read_bytes()]


# The other commands -------------------------------------------------------------------------------------------


def test_plan_opens_no_socket(account, leads, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import socket\n"
        "def refuse(*_):\n"
        "    raise AssertionError('a socket was opened')\n"
        "socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    control = shell(*ask(leads), env=environment)
    assert "a socket was opened" in control.words

    for more in ((), ("--sandbox",), ("--json",)):
        ran = shell("plan", leads, "--column", "profile", *more, env=environment)

        assert 0 == ran.code, ran.words
        assert b"" == ran.stderr
        assert b"2" in ran.stdout
    assert 0 == account.calls


def test_plan_and_enrich_say_the_same(account, run, hard):
    planned = run("plan", hard, "--column", "profile", "--field", NAME)
    bought = run(*ask(hard))

    assert planned.stdout.decode().strip() in bought.words


def test_plan_above_the_ceiling_ends_as_enrich_would(account, run, leads):
    ran = run("plan", leads, "--column", "profile", "--max-credits", "1")

    assert 7 == ran.code
    assert 0 == account.calls


def test_plan_needs_no_key(run, leads):
    ran = run("plan", leads, "--column", "profile")

    assert 0 == ran.code
    assert "2 people to ask for in 1 call" in ran.stdout.decode()


def test_fields_filters_and_speaks_json(run):
    everything, few = run("fields"), run("fields", "business_emails")
    as_json = run("fields", "business_emails", "--json")

    assert len(everything.stdout.splitlines()) > 150
    assert all(b"business_emails" in line for line in few.stdout.splitlines()[1:])
    rows = [json.loads(line) for line in as_json.stdout.splitlines()]
    assert len(rows) == len(few.stdout.splitlines()) - 1
    assert {2.0} == {row["credits"] for row in rows}
    assert {"path", "type", "group", "credits"} <= rows[0].keys()


def test_fields_helps_with_a_misspelling(run):
    ran = run("fields", "headlin3")

    assert 2 == ran.code
    assert "headline" in ran.words


def test_version(run):
    ran = run("--version")

    assert 0 == ran.code
    assert f"crustframe {crustframe.__version__}" == ran.stdout.decode().strip()


def test_enrich_on_the_embedded_sandbox_needs_no_key(run, leads):
    ran = run(*ask(leads, "--sandbox"))

    assert 0 == ran.code
    assert "Avery Tester" == ran.rows[0][NAME]


def test_answers_of_the_sandbox_are_none_of_the_account(account, run, leads):
    pretended, true = run(*ask(leads, "--sandbox")), run(*ask(leads))

    assert (0, 0) == (pretended.code, true.code)
    assert 1 == account.credits_spent


def test_provenance_says_where_everything_came_from(account, run, leads):
    first, again = (run(*ask(leads, "--provenance", "full")).rows for _ in range(2))

    assert ["api", "api", "api", ""] == [row["crust.source"] for row in first]
    assert ["ledger", "ledger", "ledger", ""] == [row["crust.source"] for row in again]
    assert [row["crust.request_id"] for row in first] == [row["crust.request_id"] for row in again]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")
def test_the_sandbox_says_where_it_listens_and_ends_on_ctrl_c(leads):
    command = [sys.executable, "-m", "crustframe", "sandbox", "--rpm", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        url = process.stderr.readline().removeprefix("url: ").strip()
        key = process.stderr.readline().removeprefix("key: ").strip()
        ran = shell(*ask(leads), env={**os.environ, "CRUSTFRAME_BASE_URL": url, "CRUSTDATA_API_KEY": key})
        process.send_signal(signal.SIGINT)
        process.wait(10)

    assert "sandbox-key" == key
    assert 0 == ran.code, ran.words
    assert 0 == process.returncode


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")
def test_the_sandbox_of_the_shell_plays_slow_jobs_expired_links_and_flat_lines(leads):
    command = [sys.executable, "-m", "crustframe", "sandbox", "--job-seconds", "0", "--contact-lines", "flat"]
    with subprocess.Popen([*command, "--link-seconds", "-1"], stderr=subprocess.PIPE, text=True) as process:
        url = process.stderr.readline().removeprefix("url: ").strip()
        environ = {**os.environ, "CRUSTFRAME_BASE_URL": url, "CRUSTDATA_API_KEY": "sandbox-key"}
        ran = shell("contacts", leads, "--column", "profile", env=environ)
        process.send_signal(signal.SIGINT)

    assert (3, True) == (ran.code, "in doubt" in ran.words), ran.words


@pytest.mark.parametrize("port", ["99999", "taken"])
def test_the_sandbox_refuses_a_port_that_it_cannot_have(sandbox, port):
    ran = shell("sandbox", "--port", sandbox.url.rpartition(":")[2] if port == "taken" else port)

    assert 2 <= ran.code <= 6
    assert "Traceback" not in ran.words
    assert "port" in ran.words.lower()


def test_every_option_has_a_help_text(run):
    for command in ("enrich", "plan", "contacts", "fields", "sandbox", "demo"):
        words = run(command, "--help").stdout.decode()

        assert "[default: None]" not in words
        assert not re.findall(r"(?m)^  (?:-\w, )?--[\w-]+(?: <[^>]+>)?$(?!\n {10})", words)
