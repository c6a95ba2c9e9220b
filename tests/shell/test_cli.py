"""The shell command, used as people use it; the sandbox's meter is the truth about money."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import NAME, NOTES, PROFILE, account_of, ask, hard_column, shell, write

import crustframe

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
