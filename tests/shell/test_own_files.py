"""Files as people have them, through the command: which column, which header, and what is told on the way."""

from __future__ import annotations

import json

import openpyxl
import pytest
from command_line import NAME, PROFILE

from crustframe.tables import read_table

URL = f"{PROFILE}avery-tester-example"
MAIL = "avery.tester@corp.example"


def file_of(tmp_path, text, name="in.csv", encoding="utf-8"):
    (tmp_path / name).write_bytes(text.encode(encoding))
    return tmp_path / name


# Which column ---------------------------------------------------------------------------------------------------


def test_the_only_column_that_names_people_is_taken_and_told(account, run, tmp_path):
    source = file_of(tmp_path, f"id,link,note\n1,{URL},see {URL}\n2,,x\n3,n/a,y\n4,{URL},z\n")

    ran = run("enrich", source, "--field", NAME)

    assert (0, 1) == (ran.code, account.credits_spent), ran.words
    assert "No column is named; 'link' is taken, which holds 2 profile URLs." in ran.words
    assert ["matched", "blank", "invalid", "matched"] == [row["crust.status"] for row in ran.rows]


def test_a_column_whose_links_name_people_is_found(account, run, tmp_path):
    book = openpyxl.Workbook()
    for row in (["id", "profile"], [1, "Avery Tester"]):
        book.active.append(row)
    book.active["B2"].hyperlink = URL
    book.save(tmp_path / "in.xlsx")

    ran = run("enrich", tmp_path / "in.xlsx", "--field", NAME)

    assert (0, 1) == (ran.code, account.credits_spent), ran.words
    assert "'profile' is taken, which holds 1 profile URL" in ran.words


def test_of_two_one_must_be_said(account, run, tmp_path):
    source = file_of(tmp_path, f"id,linkedin url,email\n1,{URL},{MAIL}\n2,{URL},\n")

    ran = run("enrich", source, "--field", NAME)

    assert (2, 0) == (ran.code, account.calls)
    assert "'linkedin url' holds 2 profile URLs; 'email' holds 1 business e-mail" in ran.words
    assert '--column "linkedin url" --column email' in ran.words
    assert 0 == run("enrich", source, "--field", NAME, "--column", "linkedin url", "--column", "email").code


def test_where_none_names_people_they_are_listed(account, run, tmp_path):
    ran = run("enrich", file_of(tmp_path, "id,name\n1,Avery\n2,n/a\n"), "--field", NAME)

    assert (2, 0) == (ran.code, account.calls)
    assert "none holds profile URLs or e-mails" in ran.words
    assert "columns: id, name" in ran.words


def test_contacts_take_no_column_of_mails(account, run, tmp_path):
    source = file_of(tmp_path, f"id,link,email\n1,{URL},{MAIL}\n")

    ran = run("contacts", source, "--kind", "phone_numbers", "--plan")

    assert 0 == ran.code, ran.words
    assert "'link' is taken, which holds 1 profile URL" in ran.words


def test_a_file_that_was_written_names_its_people_still(account, run, tmp_path):
    source = file_of(tmp_path, f"id,link\n1,{URL}\n")
    run("enrich", source, "--field", NAME, "-o", tmp_path / "out.csv")

    ran = run("enrich", tmp_path / "out.csv", "--field", NAME, "--provenance", "full")

    assert (0, 1) == (ran.code, account.credits_spent), ran.words


def test_two_columns_of_one_name(account, run, tmp_path):
    source = file_of(tmp_path, f"url,url,id\nx,{URL},1\n")

    assert "such as --column 1" in run("enrich", source, "--column", "url").words
    ran = run("enrich", source, "--column", "2", "--field", NAME)

    assert 0 == ran.code, ran.words
    assert f'url,url,id,"{NAME}","crust.status","crust.confidence_score"\nx,{URL},1,"Avery Tester"' in (
        ran.stdout.decode()
    )
    assert "column '2' holds" in run("enrich", source, "--column", "id", "--field", NAME).words


@pytest.mark.parametrize("command", [("enrich", "--field", NAME), ("plan",), ("contacts",)])
def test_a_column_of_nobody_ends_with_3_and_names_those_of_somebody(account, run, tmp_path, command):
    source = file_of(tmp_path, f"id,link\n1,{URL}\n2,{URL}\n")

    ran = run(command[0], source, "--column", "id", *command[1:])

    assert (3, 0) == (ran.code, account.calls)
    assert "No cell of column 'id' holds" in ran.words
    assert "column 'link' holds 2 profile URLs" in ran.words


# Which header ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flags", [("--column", "URL"), ("--header-row", "4", "--column", "2"), ()])
def test_notes_before_the_header(account, run, tmp_path, flags):
    before = 'Notes:\n"Some addresses, you may notice, are missing."\n\n'
    source = file_of(tmp_path, f"{before}Name,URL\nAvery,{URL}\n")

    ran = run("enrich", source, "--field", NAME, *flags)

    assert (0, 1) == (ran.code, account.credits_spent), ran.words
    assert 1 == ran.words.count("Line 4 of in.csv is its header; the 3 lines before it are no rows.")
    assert ran.stdout.decode().startswith(f'{before}Name,URL,"{NAME}"')
    assert f'\nAvery,{URL},"Avery Tester","matched"' in ran.stdout.decode()


def test_no_header_no_header_line(account, run, tmp_path):
    source = file_of(tmp_path, f"1,{URL},Köln\n2,{URL},Bonn\n")

    ran = run("enrich", source, "--no-header", "--column", "2", "--field", NAME)

    assert 0 == ran.code, ran.words
    assert 2 == len(ran.stdout.splitlines())
    assert ran.stdout.decode().startswith(f'1,{URL},Köln,"Avery Tester","matched",')


@pytest.mark.parametrize("sep", ["sep=;", '"sep=;"'])
def test_sep(account, run, tmp_path, sep):
    ran = run("enrich", file_of(tmp_path, f"{sep}\nid;url\n1;{URL}\n"), "--column", "url", "--field", NAME)

    assert 0 == ran.code, ran.words
    assert ran.stdout.decode().startswith(f'{sep}\nid;url;"{NAME}";"crust.status"')


def test_old_files_are_renamed_below_their_notes(run, tmp_path):
    source = file_of(tmp_path, 'Notes\n"full, name",title\na,b\n')

    ran = run("migrate", source, "--header-row", "2")

    before, header, *after = ran.stdout.decode().split("\n")
    assert ("Notes", ["a,b", ""]) == (before, after)
    assert header.startswith('"full, name",')
    assert "title" in header.removeprefix('"full, name",title')


# Which kind, which encoding -------------------------------------------------------------------------------------


@pytest.mark.parametrize("indent", [None, 2])
def test_a_json_array(account, run, tmp_path, indent):
    own = json.dumps([{"n": 1, "url": URL}, {"n": 2}], indent=indent).replace("1", "1.00000000000000000001", 1)
    source = file_of(tmp_path, own, "in.json")

    ran = run("enrich", source, "--field", NAME, "-o", tmp_path / "out.json")

    assert 0 == ran.code, ran.words
    out = (tmp_path / "out.json").read_text()
    assert '"n": 1.00000000000000000001,' in out
    assert ["Avery Tester", None] == [row[NAME] for row in json.loads(out)]
    assert ["matched", "blank"] == [row["crust.status"] for row in json.loads(out)]


def test_an_older_encoding_is_told_once(account, run, tmp_path):
    source = file_of(tmp_path, f"id;url;city\n1;{URL};Köln\n", encoding="cp1252")

    ran = run("enrich", source, "--column", "url", "--field", NAME)

    assert 0 == ran.code, ran.words
    assert 1 == ran.words.count("is read as cp1252")
    assert "Köln" in ran.stdout.decode("utf-8-sig")


# Line breaks ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("safe", [(), ("--no-csv-safe",)])
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".xlsx", ".parquet", ".json"])
def test_line_breaks_stay_or_become_spaces(account, run, tmp_path, suffix, safe):
    people = "".join(f"{PROFILE}avery-{n:02d}-example\n" for n in range(57))
    source = file_of(tmp_path, f"url\n{people}")
    flags = ("--field", "basic_profile.headline as line", *safe)

    kept = run("enrich", source, *flags, "-o", tmp_path / f"kept{suffix}")
    joined = run("enrich", source, *flags, "--line-breaks", "space", "-o", tmp_path / f"joined{suffix}")

    assert (0, 0, 57) == (kept.code, joined.code, account.credits_spent), joined.words
    before, after = (
        [text or "" for text in read_table(tmp_path / name).column("line")]
        for name in (f"kept{suffix}", f"joined{suffix}")
    )
    n_broken = sum("\n" in text for text in before)
    assert n_broken
    assert [" ".join(text.split()) for text in before] == [" ".join(text.split()) for text in after]
    assert not any("\n" in text for text in after)
    assert f"{n_broken} text" in joined.words
    assert "put on one line" not in kept.words


@pytest.mark.parametrize("trigger", ["=", "+", "-", "@"])
def test_a_trigger_behind_a_line_break_is_defused_unless_it_joins_the_line(tmp_path, trigger):
    table = read_table(file_of(tmp_path, "a\n1\n"))

    kept = table.write(tmp_path / "kept.csv", {"n": [f"one\r\n {trigger}1+A1"]})
    raw = table.write(tmp_path / "raw.csv", {"n": [f"one\r\n {trigger}1+A1"]}, csv_safe=False)
    joined = table.write(tmp_path / "joined.csv", {"n": [f"one\r\n {trigger}1+A1"]}, line_breaks="space")

    assert ((1, 0), (0, 0), (0, 1)) == tuple((done.neutralised, done.joined) for done in (kept, raw, joined))
    assert f'a,"n"\n1,"one\r\n\' {trigger}1+A1"\n'.encode() == (tmp_path / "kept.csv").read_bytes()
    assert f'a,"n"\n1,"one\r\n {trigger}1+A1"\n'.encode() == (tmp_path / "raw.csv").read_bytes()
    assert f'a,"n"\n1,"one {trigger}1+A1"\n'.encode() == (tmp_path / "joined.csv").read_bytes()
