"""A column that names nobody, and a first line that names somebody: both are told, and nobody is lost."""

from __future__ import annotations

import json

import openpyxl
import pandas as pd
import pytest
from command_line import NAME

import crustframe
from crustframe.errors import PartialResultWarning
from crustframe.tables import read_table

URLS = [f"https://www.linkedin.com/in/avery-{n:02d}-example" for n in range(57)]
MAILS = [f"avery.{n:02d}@corp.example" for n in range(57)]


def as_workbook(rows, path):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)


def table(path, rows):
    """Write rows in the kind that the suffix says."""
    match path.suffix:
        case ".xlsx":
            as_workbook(rows, path)
        case ".jsonl":
            lines = (json.dumps(dict(zip(rows[0], row, strict=True))) for row in rows[1:])
            path.write_text("\n".join(lines), encoding="utf-8")
        case ".parquet":
            pd.DataFrame(rows[1:], columns=rows[0]).to_parquet(path)
        case suffix:
            path.write_text("\n".join(("\t" if suffix == ".tsv" else ",").join(map(str, row)) for row in rows) + "\n")
    return path


# Nobody is named ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".xlsx", ".jsonl", ".parquet"])
@pytest.mark.parametrize("command", ["enrich", "plan", "contacts", "changes"])
def test_a_wrong_column_ends_with_3_and_the_likely_one(account, run, tmp_path, command, suffix):
    rows = [["id", "url", "note"], *([f"no. {n}", url, "of 57"] for n, url in enumerate(URLS))]

    ran = run(command, table(tmp_path / f"people{suffix}", rows), "--column", "id")

    assert 3 == ran.code, ran.words
    assert "refused: 57. Nothing was sent, nothing was charged." in ran.words
    assert "Hint: column 'url' holds 57 profile URLs." in ran.words
    assert (0, 0) == (account.calls, account.credits_spent)


@pytest.mark.parametrize(
    ("cells", "hint"),
    [
        (MAILS, "column 'contact' holds 57 business e-mails."),
        (URLS[:40] + MAILS[:17], "column 'contact' holds 40 profile URLs and 17 business e-mails."),
        (URLS[:1] + ["?"] * 56, "column 'contact' holds 1 profile URL."),
        (["?"] * 57, "name a column whose cells hold a profile URL or a business e-mail."),
    ],
    ids=["mails", "both", "one", "none"],
)
def test_the_hint_counts_what_is_there(account, run, tmp_path, cells, hint):
    rows = [["id", "contact"], *([f"no. {n}", cell] for n, cell in enumerate(cells))]

    ran = run("enrich", table(tmp_path / "people.csv", rows), "--column", "id", "-o", tmp_path / "out.csv")

    assert 3 == ran.code
    assert f"Hint: {hint}" in ran.words
    assert ["invalid"] * 57 == read_table(tmp_path / "out.csv").column("crust.status")


def test_contacts_want_urls_where_the_account_has_no_contact_enrich(account, run, tmp_path):
    rows = [["mail", "url"], *([mail, url] for mail, url in zip(MAILS, URLS, strict=True))]

    people = table(tmp_path / "people.csv", rows)
    planned = run("contacts", people, "--column", "mail", "--plan")
    assert (0, 0) == (planned.code, account.calls)
    assert "an account without it refuses them, free" in planned.words + planned.stdout.decode()

    ran = run("contacts", people, "--column", "mail", "--yes", "-o", tmp_path / "out.csv")
    again = run("contacts", people, "--column", "mail", "--plan")

    assert [3, 3] == [ran.code, again.code]
    assert ["invalid"] * 57 == read_table(tmp_path / "out.csv").column("crust.status")
    assert "No cell of column 'mail' holds a profile URL; refused: 57." in ran.words
    assert "Hint: column 'url' holds 57 profile URLs." in ran.words
    assert 0 == account.credits_spent


@pytest.mark.parametrize("cells", [["", " "], [URLS[0], "junk"], [URLS[0].replace("avery", "nobody")], []])
def test_blank_cells_and_a_single_person_are_no_wrong_column(account, run, tmp_path, cells):
    ran = run(
        "enrich", table(tmp_path / "people.csv", [["url", "n"], *([cell, 1] for cell in cells)]), "--column", "url"
    )

    assert 0 == ran.code, ran.words
    assert "No cell" not in ran.words


def test_what_is_still_missing_may_all_be_junk(account, run, tmp_path):
    rows = [["url", "n"], [URLS[0], 1], ["junk", 2]]
    asked = ("--column", "url", "--field", NAME)
    run("enrich", table(tmp_path / "people.csv", rows), *asked, "-o", tmp_path / "first.csv")

    ran = run("enrich", tmp_path / "first.csv", *asked, "--only", "missing", "-o", tmp_path / "second.csv")

    assert 0 == ran.code, ran.words
    assert 1 == account.credits_spent


def test_pandas_warns_with_the_likely_column(sandbox, client):
    frame = pd.DataFrame({"id": range(57), "url": URLS, "blank": [None] * 57})

    with pytest.warns(PartialResultWarning, match="column 'id'(?s:.*)column 'url' holds 57 profile URLs") as told:
        found = frame.crust.enrich("id", client=client)

    assert __file__ == told[0].filename
    assert {"invalid"} == set(found["crust.status"])
    assert 0 == sandbox.calls


@pytest.mark.parametrize("ask", [crustframe.enrich, crustframe.contacts, crustframe.changes])
def test_a_series_of_junk_is_warned_about(sandbox, client, ask):
    with pytest.warns(UserWarning, match=r"refused: 2\. Nothing was sent"):
        ask(pd.Series(["junk", "https://corp.example", None]), client=client)

    assert 0 == sandbox.calls


def test_a_person_read_as_the_name_of_a_column_is_warned_about(sandbox, client):
    frame = pd.DataFrame({URLS[0]: URLS[1:3]})

    with pytest.warns(PartialResultWarning, match="header=None"):
        frame.crust.enrich(URLS[0], client=client)
    with pytest.warns(PartialResultWarning, match="header=None"):
        frame[URLS[0]].crust.enrich(client=client)

    assert 2 == sandbox.credits_spent


# Somebody is named in the first line --------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\n", ""])
def test_a_url_through_a_pipe_is_one_person(account, run, end):
    ran = run("enrich", "-", "--field", NAME, stdin=f"{URLS[0]}{end}".encode())

    assert 0 == ran.code, ran.words
    assert "The first line of stdin names somebody, so the file has no header" in ran.words
    assert "1 person in 1 row" in ran.words
    assert [[URLS[0], "matched"]] == [[row["column_1"], row["crust.status"]] for row in ran.rows]
    assert 1 == account.credits_spent


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".xlsx"])
@pytest.mark.parametrize("out", ["out.csv", "out.xlsx", "out.parquet"])
@pytest.mark.parametrize(("cells", "column"), [(URLS, "2"), (MAILS, "column_2")], ids=["urls", "mails"])
def test_nobody_is_lost_without_a_header(account, run, tmp_path, suffix, out, cells, column):
    source = table(tmp_path / f"people{suffix}", [[f"no. {n}", cell] for n, cell in enumerate(cells)])

    ran = run("enrich", source, "--column", column, "--field", NAME, "-o", tmp_path / out)

    assert 0 == ran.code, ran.words
    found = read_table(tmp_path / out)
    stays_without = suffix == ".xlsx" and out == "out.xlsx"  # a workbook keeps every row where it is
    assert ["column_1", "column_2", "column_3" if stays_without else NAME] == found.columns[:3]
    assert [f"no. {n}" for n in range(57)] == found.column("column_1")
    assert cells == found.column("column_2")
    assert 57 == account.credits_spent


@pytest.mark.parametrize("command", ["plan", "contacts", "changes"])
def test_every_command_takes_the_first_line_for_a_row(account, run, tmp_path, command):
    source = table(tmp_path / "people.csv", [[url] for url in URLS])

    ran = run(command, source, *(["--plan"] if command == "contacts" else []))

    assert 0 == ran.code, ran.words
    assert "no header" in ran.words
    assert command == "changes" or b"57 people in 57 rows" in ran.stdout
    assert 0 == account.calls


def test_the_rows_of_a_file_without_a_header_keep_their_bytes(tmp_path):
    data = b'\xef\xbb\xbf"x; ""y""";  avery@corp.example ;007\r\n\r\n;"";NA'
    (tmp_path / "in.csv").write_bytes(data)

    read_table(tmp_path / "in.csv").write(tmp_path / "out.csv", {"n": [1, 2]})

    first, second, *_ = data.removeprefix(b"\xef\xbb\xbf").split(b"\r\n\r\n")
    expected = b'\xef\xbb\xbfcolumn_1;column_2;column_3;"n"\r\n' + first + b';"1"\r\n\r\n' + second + b';"2"'
    assert expected == (tmp_path / "out.csv").read_bytes()


def test_a_file_without_a_header_has_nothing_to_rename(account, run, tmp_path):
    source = table(tmp_path / "people.csv", [["Avery", URLS[0]], ["Blake", URLS[1]]])

    ran = run("migrate", source)

    assert source.read_bytes() == ran.stdout


def test_a_column_that_is_not_there_is_answered_with_its_number(account, run, tmp_path):
    source = table(tmp_path / "people.csv", [["Avery", URLS[0]], ["Blake", URLS[1]]])

    for column in ("url", "3", "0"):
        ran = run("enrich", source, "--column", column)
        assert (2, 0) == (ran.code, account.calls)
        assert "--column 1" in ran.words


@pytest.mark.parametrize(
    "header",
    ["linkedin.com/in/", "https://www.linkedin.com/company/x", "in/out", "E-mail", "e-mail (a@b)", "@handle", "2"],
)
def test_a_header_stays_a_header(tmp_path, header):
    (tmp_path / "in.csv").write_text(f"{header},b\n{URLS[0]},1\n", encoding="utf-8")

    found = read_table(tmp_path / "in.csv")

    assert [header, "b"] == found.columns
    assert [] == found.reading_notes
    assert [URLS[0]] == found.column(found.named(header))


@pytest.mark.parametrize(
    "first", ["somebody@gmail.com", "Avery <avery@corp.example>", "LINKEDIN.com/in/Avery/", "x@y.gov"]
)
def test_any_address_in_the_first_line_makes_it_a_row(tmp_path, first):
    (tmp_path / "in.csv").write_text(f"1,{first}\n2,b\n", encoding="utf-8")

    assert [first, "b"] == read_table(tmp_path / "in.csv").column("column_2")
