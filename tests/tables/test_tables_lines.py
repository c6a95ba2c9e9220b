"""JSON lines: the user's part of every line comes back byte for byte."""

from __future__ import annotations

import io
import json
import sys
import tracemalloc
from datetime import UTC, date, datetime
from decimal import Decimal

import openpyxl
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crustframe.errors import TableError
from crustframe.tables import KEEP, read_table, write_rows


def table_of(tmp_path, data, name="in.jsonl", **options):
    (tmp_path / name).write_bytes(data)
    return read_table(tmp_path / name, **options)


def written(tmp_path, data, added, *, out="out.jsonl", overwrite_columns=False):
    table_of(tmp_path, data).write(tmp_path / out, added, overwrite_columns=overwrite_columns)
    return (tmp_path / out).read_bytes()


# --- the user's own bytes -------------------------------------------------------------------------------------

BLANKS = st.text(" \t\r", max_size=2)
NUMBERS = st.sampled_from(["0", "-0", "1.10", "1e5", "-2.5E-3", "1E400", "123456789012345678901234567890", "9" * 5000])
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters='"\\', min_codepoint=0x20)
STRINGS = st.lists(
    st.one_of(
        CHARACTERS, st.sampled_from([r"\"", r"\\", r"\/", r"\n", r"\u0041", r"\ud83d\ude00", r"\ud83d", "}", "{"])
    ),
    max_size=5,
).map(lambda parts: f'"{"".join(parts)}"')
KEYS = st.sampled_from(['"a"', '"b"', '"c d"', r'"\u0061"', '"é"', '""', '"}"'])


@st.composite
def listed(draw, inner):
    items = [draw(BLANKS) + item + draw(BLANKS) for item in draw(st.lists(inner, max_size=3))]
    return f"[{','.join(items) or draw(BLANKS)}]"


@st.composite
def members(draw, values):
    """Return the texts around the values of an object: name, colon and blanks before each, blanks behind it."""
    return [
        (f"{draw(BLANKS)}{draw(KEYS)}{draw(BLANKS)}:{draw(BLANKS)}", draw(values), draw(BLANKS))
        for _ in range(draw(st.integers(0, 4)))
    ]


def object_text(parts):
    return f"{{{','.join(map(''.join, parts))}}}"


VALUES = st.recursive(
    st.one_of(NUMBERS, STRINGS, st.sampled_from(["null", "true", "false"])),
    lambda inner: st.one_of(listed(inner), members(inner).map(object_text)),
    max_leaves=5,
)
LINES = st.lists(st.tuples(BLANKS, members(VALUES), BLANKS), min_size=1, max_size=4)
NEW = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text("a\n=é")
    ),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=3,
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LINES, st.sampled_from(["\n", "\r\n", "\n\n", "\n \t\n"]), st.booleans(), st.booleans(), st.data())
def test_without_the_added_members_the_input_is_back(tmp_path, lines, newline, ends, has_mark, data):
    mark = b"\xef\xbb\xbf" if has_mark else b""
    own = [before + object_text(parts) + after for before, parts, after in lines]
    original = newline.join(own) + (newline if ends else "")
    added = [data.draw(NEW) for _ in own]

    out = written(tmp_path, mark + original.encode(), {"new": added})

    assert out.startswith(mark)
    text, kept, place = out[len(mark) :].decode(), "", 0
    for i, (before, parts, after) in enumerate(lines):
        head = f"{before}{object_text(parts)[:-1]}"
        assert text.startswith(head, place)
        place += len(head)
        label = f'{"," if parts else ""}"new":'
        assert text.startswith(label, place)
        value, place = json.JSONDecoder().raw_decode(text, place + len(label))
        assert (added[i], type(added[i])) == (value, type(value))
        tail = "}" + after + (newline if ends or i < len(lines) - 1 else "")
        assert text.startswith(tail, place)
        place += len(tail)
        kept += head + tail
    assert original == kept
    assert len(text) == place


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LINES, st.data())
def test_overwriting_changes_that_value_only(tmp_path, lines, data):
    names = [json.loads(label.strip()[:-1]) for _, parts, _ in lines for label, _, _ in parts]
    target = data.draw(st.sampled_from(names)) if names else "a"
    expected = []
    for before, parts, after in lines:
        mine = [n for n, (label, _, _) in enumerate(parts) if json.loads(label.strip()[:-1]) == target]
        changed = [
            (label, '"x"' if [n] == mine[-1:] else value, blank) for n, (label, value, blank) in enumerate(parts)
        ]
        text = object_text(changed)
        if not mine:
            text = f'{text[:-1]}{"," if parts else ""}{json.dumps(target, ensure_ascii=False)}:"x"}}'
        expected.append(before + text + after)
    original = "\n".join(before + object_text(parts) + after for before, parts, after in lines)

    out = written(tmp_path, original.encode(), {target: ["x"] * len(lines)}, overwrite_columns=True)

    assert "\n".join(expected) == out.decode()


def test_a_kept_cell_leaves_its_line_as_it_is(tmp_path):
    data = b'{"a": 1.10,"n" :2}\n{ "a": 2 }\n{"n":null, "a": 3}\n'

    out = written(tmp_path, data, {"n": [KEEP, KEEP, 7], "m": ["x", None, "y"]}, overwrite_columns=True)

    assert b'{"a": 1.10,"n" :2,"m":"x"}\n{ "a": 2 ,"m":null}\n{"n":7, "a": 3,"m":"y"}\n' == out


def test_renaming_touches_the_names_alone(tmp_path):
    table = table_of(tmp_path, b'\xef\xbb\xbf{"title" : 1.0, "x": {"title": 2}}\r\n\r\n{"x":1,"t\\u0069tle":"title"}')

    table.write_renamed(tmp_path / "out.ndjson", ["basic_profile.current_title", "x"])

    new = b'"basic_profile.current_title"'
    expected = b"{" + new + b' : 1.0, "x": {"title": 2}}\r\n\r\n{"x":1,' + new + b':"title"}'
    assert b"\xef\xbb\xbf" + expected == (tmp_path / "out.ndjson").read_bytes()
    with pytest.raises(TableError, match=r"in.jsonl is JSON lines(?s:.*)write a .jsonl file"):
        table.write_renamed(tmp_path / "out.csv", ["a", "b"])


# --- reading --------------------------------------------------------------------------------------------------


def test_a_line_that_lacks_a_name_has_a_missing_cell(tmp_path):
    table = table_of(tmp_path, b'{"a":"x"}\n\n{"b":[1]}\n{"a":null,"b":2}\n{"a":7,"a":"last"}\n{}\n')

    assert ["a", "b"] == table.columns
    assert ["x", None, None, "last", None] == table.column("a")
    assert [None, [1], 2, None, None] == table.column("b")
    assert 5 == table.n_rows


def test_the_content_says_what_a_file_is(tmp_path):
    assert ["a"] == table_of(tmp_path, b'\n {"a":1}\n', name="in.csv").columns
    assert ["{a", "b}"] == table_of(tmp_path, b"{a,b}\n1,2\n", delimiter="comma").columns
    assert ["a", "b"] == table_of(tmp_path, b"a,b\n1,2\n", name="text.jsonl").columns


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b'{"a": 1', "is not JSON: Expecting ',' delimiter, character 9"),
        (b'{"a": 1} {"a": 2}', "is not JSON: Extra data, character 10"),
        (b"{'a': 1}", "is not JSON"),
        (b"null", "is not a JSON object"),
        (b'["a"]', "is not a JSON object"),
        (b'{"a": "\xff"}', "is not UTF-8: byte 7(?s:.*)save the file as UTF-8"),
        (b'{"a":' + b"[" * 200_000, "is nested too deeply"),
    ],
)
def test_a_broken_line_is_named_before_anything_is_bought(tmp_path, line, words):
    with pytest.raises(TableError, match=rf"Line 3 of in.jsonl {words}"):
        table_of(tmp_path, b'{"a":1}\n\n' + line + b'\n{"a":3}\n')


def test_a_column_that_is_there_already_needs_permission(tmp_path):
    table = table_of(tmp_path, b'{"a":1}\n{"late":2}\n')

    with pytest.raises(TableError, match="has a column 'late' already"):
        table.check(tmp_path / "out.jsonl", ["late"])
    with pytest.raises(TableError, match="has a column 'late' already"):
        table.check(tmp_path / "out.parquet", ["late"])


def test_an_input_that_changed_is_not_matched(tmp_path):
    table = table_of(tmp_path, b'{"a":1}\n{"a":2}\n')
    (tmp_path / "in.jsonl").write_bytes(b'{"a":2}\n{"a":1}\n\n')

    with pytest.raises(TableError, match=r"in.jsonl changed"):
        table.write(tmp_path / "out.jsonl", {"n": [1, 2]})
    assert not (tmp_path / "out.jsonl").exists()


# --- what is added --------------------------------------------------------------------------------------------


def test_added_members_have_the_types_of_json(tmp_path):
    added = pd.DataFrame(
        {
            "text": pd.Series(['=1+1 "é"\n', "\ud83d"], dtype=object),
            "whole": pd.array([2**62 + 1, None], dtype="Int64"),
            "number": pd.array([0.1, float("inf")], dtype="float64"),
            "truth": pd.array([True, None], dtype="boolean"),
            "time": pd.array([datetime(2026, 1, 31, 9, tzinfo=UTC), None], dtype=pd.DatetimeTZDtype("us", "UTC")),
            "list": [["a", 1, None, {"d": Decimal("1.10")}], pd.NA],
        }
    )
    table = table_of(tmp_path, b"{}\n{}\n")

    told = table.write(tmp_path / "out.jsonl", added)

    assert (2, 6, 0) == (told.rows, told.columns, told.neutralised)
    assert [
        '{"text":"=1+1 \\"é\\"\\n","whole":4611686018427387905,"number":0.1,"truth":true,'
        '"time":"2026-01-31T09:00:00Z","list":["a",1,null,{"d":1.10}]}',
        '{"text":"\ufffd","whole":null,"number":"inf","truth":null,"time":null,"list":null}',
    ] == (tmp_path / "out.jsonl").read_text("utf-8").splitlines()


def test_stdin_to_stdout_stays_json_lines(monkeypatch, capsysbinary):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"a": 7e1}\n')))

    read_table("-").write("-", {"n": ["=1"]})

    assert b'{"a": 7e1,"n":"=1"}\n' == capsysbinary.readouterr().out


# --- from one kind to another ---------------------------------------------------------------------------------


def test_csv_becomes_json_lines_with_its_texts(tmp_path):
    table = table_of(tmp_path, "id,née\n00731,=1\nNA,\n".encode(), name="in.csv")

    told = table.write(
        tmp_path / "out.jsonl", {"n": pd.array([1, None], dtype="Int64"), "née": [KEEP, 1.5]}, overwrite_columns=True
    )

    assert '{"id":"00731","née":"=1","n":1}\n{"id":"NA","née":1.5,"n":null}\n' == (tmp_path / "out.jsonl").read_text(
        "utf-8"
    )
    assert 0 == told.neutralised


def test_json_lines_become_csv_with_all_digits(tmp_path):
    data = b'{"a":"=1","b":1.10}\n{"b":123456789012345678901234567890,"c":[1.50,{"k":"\xc3\xa9"}]}\n{"a":true}\n'

    out = written(tmp_path, data, {"n": [1, 2, 3]}, out="out.csv")

    assert (
        '"a","b","c","n"\n"\'=1","1.10","","1"\n'
        '"","123456789012345678901234567890","[1.50,{""k"":""é""}]","2"\n"true","","","3"\n'
    ) == out.decode()
    assert b'"a"\t"n"\n"x"\t"1"\n' == written(tmp_path, b'{"a":"x"}', {"n": [1]}, out="out.tsv")


def test_json_lines_become_a_workbook(tmp_path):
    table = table_of(tmp_path, b'{"a":"x","b":1.5}\n{"b":[1,"y"]}\n')
    table.write(tmp_path / "out.xlsx", {"n": [None, "z"]})

    rows = list(openpyxl.load_workbook(tmp_path / "out.xlsx").active.values)

    assert [("a", "b", "n"), ("x", 1.5, None), (None, '[1,"y"]', "z")] == rows


def test_a_workbook_becomes_json_lines(tmp_path):
    book = openpyxl.Workbook()
    for row in [("id", "day", "n"), ("007", date(2026, 1, 31), 1), (None, None, 2.5)]:
        book.active.append(row)
    book.save(tmp_path / "in.xlsx")

    read_table(tmp_path / "in.xlsx").write(tmp_path / "out.ndjson", {"new": ["x", None]})

    first, second = map(json.loads, (tmp_path / "out.ndjson").read_bytes().splitlines())
    assert {"id": "007", "day": "2026-01-31T00:00:00", "n": 1, "new": "x"} == first
    assert {"id": None, "day": None, "n": 2.5, "new": None} == second


def test_what_is_nested_very_deeply_stays_in_json_lines(tmp_path):
    data = b'{"a":' + b"[" * 800 + b"]" * 800 + b"}\n"

    assert data[:-2] + b',"n":1}\n' == written(tmp_path, data, {"n": [1]})
    for out in ("out.csv", "out.xlsx", "out.parquet"):
        with pytest.raises(TableError, match=r"nested too deeply(?s:.*)write a .jsonl file"):
            written(tmp_path, data, {"n": [1]}, out=out)
        assert not (tmp_path / out).exists()


def test_columns_of_one_name_cannot_become_members(tmp_path):
    table = table_of(tmp_path, b"a,a\n1,2\n", name="in.csv")

    with pytest.raises(TableError, match=r"has 2 columns 'a', which JSON lines cannot tell apart. Nothing was sent"):
        table.check(tmp_path / "out.jsonl", ["n"])


def test_a_list_of_our_own_follows_the_suffix(tmp_path, capsysbinary):
    frame = pd.DataFrame({"rank": pd.array([1, None], dtype="Int64"), "name": ["=x", "y"]})
    write_rows(tmp_path / "list.jsonl", frame)
    write_rows("-", frame, beside=table_of(tmp_path, b'{"a":1}'))
    write_rows(tmp_path / "list.tsv", frame)

    expected = b'{"rank":1,"name":"=x"}\n{"rank":null,"name":"y"}\n'
    assert expected == (tmp_path / "list.jsonl").read_bytes() == capsysbinary.readouterr().out
    assert b'"rank"\t"name"\n"1"\t"\'=x"\n""\t"y"\n' == (tmp_path / "list.tsv").read_bytes()


# --- size -----------------------------------------------------------------------------------------------------


def test_memory_does_not_grow_with_the_file(tmp_path):
    n = 30_000
    data = b"".join(b'{"id": %d, "pad": "%b", "x": [1.0]}\n' % (i, b"padding " * 40) for i in range(n))
    assert len(data) > 10 * 2**20
    table = table_of(tmp_path, data)
    added = pd.DataFrame({"n": pd.array(range(n), dtype="Int64"), "t": pd.array(["text"] * n, dtype="string")})

    tracemalloc.start()
    table.write(tmp_path / "out.jsonl", added)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 3 * 2**20
