"""What the output can hold is settled before anything is bought; then it is written."""

from __future__ import annotations

import io
import stat
from pathlib import Path

import openpyxl
import pandas as pd
import pyarrow.parquet as pq
import pytest
from command_line import NAME, PROFILE, ask

from crustframe.errors import TableError
from crustframe.tables import read_table

PEOPLE = [f"{PROFILE}avery-{n:02d}-example" for n in range(57)]


def people_in(path, encoding):
    rows = ["navn;profile", *(f"Søren {n};{url}" for n, url in enumerate(PEOPLE))]
    path.write_bytes("\n".join(rows).encode(encoding))
    return path


# Encodings ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "utf-16"])
@pytest.mark.parametrize("to_stdout", [True, False])
def test_every_bought_answer_is_written(account, run, tmp_path, encoding, to_stdout):
    source = people_in(tmp_path / "people.csv", encoding)
    target = tmp_path / "out.csv"

    ran = run(*ask(source, "--encoding", encoding, "-o", "-" if to_stdout else target))

    assert 0 == ran.code, ran.words
    assert 57 == account.credits_spent
    data = ran.stdout if to_stdout else target.read_bytes()
    rows = pd.read_csv(io.BytesIO(data), sep=";", encoding="utf-16" if encoding == "utf-16" else "utf-8-sig")
    assert [f"Søren {n}" for n in range(57)] == rows["navn"].tolist()
    assert (57, 0) == (len(rows), rows[NAME].isna().sum())
    assert any(not name.isascii() for name in rows[NAME])
    told = ran.words.find("UTF-8 with a byte order mark")
    assert told < ran.words.index("57 people in 57 rows")
    assert (told >= 0) == (encoding != "utf-16")


def test_the_output_goes_in_again_with_the_same_command(account, run, tmp_path):
    source = people_in(tmp_path / "people.csv", "cp1252")
    asked = ("--encoding", "cp1252", "--only", "missing")

    run(*ask(source, "--encoding", "cp1252", "-o", tmp_path / "first.csv"))
    ran = run(*ask(tmp_path / "first.csv", *asked, "-o", tmp_path / "second.csv"))

    assert 0 == ran.code, ran.words
    assert "byte order mark" not in ran.words
    assert (tmp_path / "first.csv").read_bytes() == (tmp_path / "second.csv").read_bytes()
    assert 57 == account.credits_spent


@pytest.mark.parametrize("out", ["out.csv", "out.tsv", "out.xlsx", "out.parquet", "out.jsonl"])
@pytest.mark.parametrize("text", ["a\0b", "a\ud800b", "\udfff", "a\x1fb\uffff", "x" * 40_000, "a\n\0\n=1"])
def test_no_answer_is_too_odd_to_be_written(tmp_path, out, text):
    (tmp_path / "in.csv").write_bytes("a,b\né,x\n".encode("cp1252"))
    table = read_table(tmp_path / "in.csv", encoding="cp1252")

    table.write(tmp_path / out, {"n": pd.array([text], dtype="object"), "l": [[text]]})

    found = read_table(tmp_path / out)
    assert ["é"] == found.column("a")
    assert str(found.column("n")[0])[:1] in {"a", "x", "\ufffd"}


# Places -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["-o", "--receipt", "--matches"])
@pytest.mark.parametrize("place", ["read-only.csv", "folder.csv", "nowhere/out.csv", "file.csv/out.csv", "n" * 300])
def test_what_cannot_be_written_is_refused_before_anything_is_sent(
    account,
    run,
    tmp_path,
    option,
    place,
):
    source = people_in(tmp_path / "people.csv", "utf-8")
    (tmp_path / "read-only.csv").write_bytes(b"mine")
    (tmp_path / "read-only.csv").chmod(stat.S_IREAD)
    (tmp_path / "file.csv").write_bytes(b"mine")
    (tmp_path / "folder.csv").mkdir()

    ran = run(*ask(source, option, tmp_path / place))

    assert (6, 0, 0) == (ran.code, account.calls, account.credits_spent), ran.words
    assert b"mine" == (tmp_path / "read-only.csv").read_bytes()
    assert not list(tmp_path.glob(".crustframe-*"))


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no folder here that looks writable and is not")
def test_a_folder_that_only_looks_writable_is_refused(tmp_path):
    (tmp_path / "in.csv").write_bytes(b"a\n1\n")

    with pytest.raises(TableError, match=r"folder of out.csv is not writable"):
        read_table(tmp_path / "in.csv").check("/proc/self/out.csv", ["n"])


@pytest.mark.parametrize("pair", [("-o", "--receipt"), ("-o", "--matches"), ("--receipt", "--matches")])
def test_two_outputs_never_share_a_file(account, run, tmp_path, pair):
    source = people_in(tmp_path / "people.csv", "utf-8")
    (tmp_path / "link.csv").symlink_to(tmp_path / "out.csv")

    ran = run(*ask(source, pair[0], tmp_path / "out.csv", pair[1], tmp_path / "link.csv"))

    assert (2, 0) == (ran.code, account.calls), ran.words
    assert "Nothing was sent" in ran.words


def test_candidates_that_cannot_be_written_take_nothing_along(account, run, tmp_path, monkeypatch):
    source = people_in(tmp_path / "people.csv", "utf-8")
    monkeypatch.setattr("crustframe.tables.xlsx.new_book.MAX_ROWS", 20)

    ran = run(*ask(source, "-o", tmp_path / "out.csv", "--matches", tmp_path / "matches.xlsx"))

    assert 6 == ran.code
    assert 57 == len(read_table(tmp_path / "out.csv").column(NAME))
    assert not (tmp_path / "matches.xlsx").exists()


# Sheets that are full -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        (",".join(["profile", *(f"c{n}" for n in range(16_383))]) + f"\n{PEOPLE[0]}\n").encode(),
        b"profile\n" + f"{PEOPLE[0]}\n".encode() + b"\n" * 1_048_575,
    ],
    ids=["columns", "rows"],
)
def test_a_sheet_that_is_full_is_refused_before_anything_is_sent(account, run, tmp_path, data):
    (tmp_path / "in.csv").write_bytes(data)

    ran = run(*ask(tmp_path / "in.csv", "-o", tmp_path / "out.xlsx"))

    assert (6, 0) == (ran.code, account.calls), ran.words
    assert "an Excel sheet ends at 1,048,576 and 16,384" in ran.words


# Line breaks --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".xlsx", ".parquet", ".jsonl"])
def test_line_breaks_of_answers_arrive(account, run, tmp_path, suffix):
    source = people_in(tmp_path / "people.csv", "utf-8")
    field = "basic_profile.headline as line"

    run("enrich", source, "--column", "profile", "--field", field, "-o", tmp_path / "plain.parquet")
    ran = run("enrich", source, "--column", "profile", "--field", field, "-o", tmp_path / f"out{suffix}")

    assert 0 == ran.code, ran.words
    bought = pq.read_table(tmp_path / "plain.parquet")["line"].to_pylist()
    with_breaks = [(n, text) for n, text in enumerate(bought) if "\n" in (text or "")]
    assert with_breaks
    found = read_table(tmp_path / f"out{suffix}").column("line")
    assert with_breaks == [(n, found[n]) for n, _ in with_breaks]
    assert 57 == account.credits_spent


def test_a_cell_of_a_workbook_has_its_lines(tmp_path):
    (tmp_path / "in.csv").write_bytes(b"a\n1\n2\n")

    read_table(tmp_path / "in.csv").write(tmp_path / "out.xlsx", {"n": ["one\ntwo", "one\r\ntwo"]})

    assert "one\ntwo" == openpyxl.load_workbook(tmp_path / "out.xlsx").active["B2"].value
    assert ["one\ntwo", "one\r\ntwo"] == read_table(tmp_path / "out.xlsx").column("n")
