"""The guard against formulas: nothing in an added cell runs in a spreadsheet, and phone numbers stay as they are."""

from __future__ import annotations

import csv
import io
import re

import openpyxl
import pytest
from command_line import account_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from payloads import PAYLOADS, PHONES

import crustframe
from crustframe.tables import read_table
from crustframe.tables.cells import are_phone_numbers, looks_like_a_sum

AVERY = "https://www.linkedin.com/in/avery-tester-example"
# What a spreadsheet leaves aside before it looks for a formula, and what then makes one.
LEFT_ASIDE = "\ufeff \u00a0\u200b\u202e"
MAKES_A_FORMULA = tuple("=+-@\t\r\n\0\uff1d\uff0b\uff0d\uff20")
A_NUMBER = re.compile(r" *\+[0-9]+(?:[ \u00a0\u2011().-]*[0-9]+)*")


def runs(cell: str) -> bool:
    """Whether a spreadsheet may run a cell."""
    return cell.lstrip(LEFT_ASIDE).startswith(MAKES_A_FORMULA)


def added(tmp_path, texts, *, delimiter=",", suffix=".csv"):
    """Write the texts beside a column of ones; return what was told and what was written."""
    source = tmp_path / f"in{suffix}"
    source.write_bytes((f"a{delimiter}b\n" + f"1{delimiter}2\n" * len(texts)).encode())
    target = tmp_path / f"out{suffix}"
    told = read_table(source).write(target, {"n": texts, "m": texts})
    return told, target.read_bytes().decode()


def last_column(text: str, delimiter: str) -> list[str]:
    return [row["m"] for row in csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)]


KINDS = [(",", ".csv"), (";", ".csv"), ("\t", ".tsv")]


@pytest.mark.parametrize(("delimiter", "suffix"), KINDS)
def test_phone_numbers_go_out_as_they_came(tmp_path, delimiter, suffix):
    told, text = added(tmp_path, PHONES, delimiter=delimiter, suffix=suffix)

    assert PHONES == last_column(text, delimiter)
    assert 0 == told.neutralised
    assert 2 == told.sums


def test_phone_numbers_of_a_workbook_are_no_formulas_and_not_counted(tmp_path):
    (tmp_path / "in.csv").write_bytes(b"a\n" + b"1\n" * len(PHONES))

    told = read_table(tmp_path / "in.csv").write(tmp_path / "out.xlsx", {"n": PHONES})

    cells = [row[1] for row in openpyxl.load_workbook(tmp_path / "out.xlsx").active.iter_rows(min_row=2)]
    assert [("s", phone) for phone in PHONES] == [(cell.data_type, cell.value) for cell in cells]
    assert 0 == told.neutralised


def test_there_are_sixty_payloads():
    assert 60 <= len(set(PAYLOADS))
    assert not any(map(are_phone_numbers, PAYLOADS))


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize(("delimiter", "suffix"), KINDS)
def test_no_payload_runs(tmp_path, delimiter, suffix, payload):
    _, text = added(tmp_path, [payload, "+1 555 0148", payload], delimiter=delimiter, suffix=suffix)

    assert "+1 555 0148" == last_column(text, delimiter)[1]
    for separator in ",;\t":
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
            for cell in row:
                assert not runs(cell) or A_NUMBER.fullmatch(cell.rstrip('"')), (separator, cell)


@pytest.mark.parametrize("payload", [p for p in PAYLOADS if runs(p)])
def test_a_payload_beside_a_number_takes_its_leave_with_it(tmp_path, payload):
    """A number that is joined with something to run is no list of numbers."""
    joined = ["; ".join(pair) for pair in (("+1 555 0148", payload), (payload, "+1 555 0148"))]

    _, text = added(tmp_path, joined)

    assert all(cell.startswith("'") for cell in last_column(text, ","))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.text("+1 5;,-./()=@\"'\n\r\t\x85\u2028\u200ba", max_size=16), min_size=1, max_size=4),
    st.sampled_from([",", ";"]),
)
def test_no_text_runs_but_as_a_number(tmp_path, texts, delimiter):
    _, text = added(tmp_path, texts, delimiter=delimiter)

    for separator in ",;\t":
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
            for cell in row:
                assert not runs(cell) or are_phone_numbers(cell.strip(' "')), (separator, cell)


@pytest.mark.parametrize(
    ("text", "is_sum"),
    [
        ("+1-555-0148", True),
        ("+1/555/0148", True),
        ("+1-(555)-0148", True),
        ("+1 555-0148", False),
        ("+1 (555) 014-8000", False),
        ("+1.555.014.8000", False),
        ("+15550148", False),
        ("555-0148", False),
        ("+1-555-0148; +1-555-0139", False),
    ],
)
def test_what_excel_would_compute_is_told(tmp_path, text, is_sum):
    told, _ = added(tmp_path, [text])

    assert is_sum == looks_like_a_sum(text)
    assert 2 * is_sum == told.sums


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
@pytest.mark.parametrize("command", ["contacts", "enrich"])
def test_bought_numbers_arrive_unbroken(monkeypatch, run, tmp_path, command, suffix):
    people = tmp_path / "people.csv"
    people.write_text("url\n" + "".join(f"{AVERY[:-8]}-{n:02d}-example\n" for n in range(35)))
    asked = {
        "contacts": ["--kind", "phone_numbers"],
        "enrich": ["--field", "contact.phone_numbers as phone_numbers | join"],
    }
    target = tmp_path / f"out{suffix}"

    with crustframe.sandbox(requests_per_minute=None, job_seconds=0.1) as sandbox:
        account_of(sandbox, monkeypatch)
        ran = run(command, people, *asked[command], "--max-credits", "200", "-o", target)

    assert 0 == ran.code, ran.words
    numbers = [cell for cell in read_table(target).column("phone_numbers") if cell]
    assert 10 < len(numbers)
    assert any("; " in cell for cell in numbers)
    for cell in numbers:
        assert re.fullmatch(r"\+1 555 01\d\d(; \+1 555 01\d\d)*", str(cell)), cell
    assert "spreadsheet" not in ran.words
    base = {"contacts": 0, "enrich": 35}[command]
    assert base + 2 * len(numbers) <= sandbox.credits_spent <= 35 * 3
