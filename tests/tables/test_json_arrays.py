"""One JSON array of objects: read object by object, written back with every untouched byte."""

from __future__ import annotations

import json
import re
import tracemalloc

import pytest
from delimited import table_of, written
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crustframe.errors import TableError
from crustframe.tables import read_table

URL = "https://www.linkedin.com/in/avery-tester-example"
DIGITS = "12345678901234567890.1234567890123456789"
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.lists(st.dictionaries(st.sampled_from(["id", "url", "ä", "a b"]), VALUE), max_size=6)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(OBJECTS.filter(bool), st.sampled_from([None, 0, 1, 4]), st.booleans(), st.sampled_from(["", "\n", " \r\n\t"]))
def test_without_the_added_members_the_array_is_back(tmp_path, objects, indent, ascii_only, around):
    own = around + json.dumps(objects, indent=indent, ensure_ascii=ascii_only) + around

    out = written(tmp_path, own.encode(), {"new": list(range(len(objects)))}, name="in.json", out="out.json").decode()

    assert [{**old, "new": n} for n, old in enumerate(objects)] == json.loads(out)
    assert own == re.sub(r'(?:,\s*|(?<=\{))"new":\d+(?=\s*\})', "", out)


def test_pretty_stays_pretty_and_numbers_keep_their_digits(tmp_path):
    own = f'\ufeff[\n  {{\n    "n": {DIGITS},\n    "url": "{URL}"\n  }},\n  {{"id": 1, "id": 2}}\n]\n'
    table = table_of(tmp_path, own.encode(), name="in.json")

    assert (["n", "url", "id"], [URL, None], [None, 2]) == (table.columns, table.column("url"), table.column("id"))
    table.write(tmp_path / "out.json", {"new": ["x", None]})
    expected = own.replace(f'"{URL}"', f'"{URL}",\n    "new":"x"').replace('"id": 2}', '"id": 2,"new":null}')
    assert expected == (tmp_path / "out.json").read_bytes().decode()

    table.write(tmp_path / "out.jsonl", {"new": [1, 2]})
    assert f'{{"n":{DIGITS},"url":"{URL}","id":null,"new":1}}' == (tmp_path / "out.jsonl").read_text().split("\n")[0]


@pytest.mark.parametrize("name", ["in.csv", "in.jsonl", "in.xlsx", "in.parquet"])
def test_other_kinds_become_an_array_and_back(tmp_path, name):
    table_of(tmp_path, f"id,url\n007,{URL}\n".encode(), name="first.csv").write(tmp_path / name, {"n": [1.5]})

    read_table(tmp_path / name).write(tmp_path / "out.json", {"new": [True]})
    read_table(tmp_path / "out.json").write(tmp_path / f"back-{name}", {})

    assert [True] == [row["new"] for row in json.loads((tmp_path / "out.json").read_text())]
    back = read_table(tmp_path / f"back-{name}")
    assert (["007"], [URL]) == (back.column("id"), back.column("url"))


def test_an_array_without_rows(tmp_path):
    table_of(tmp_path, b"a\n").write(tmp_path / "out.json", {"n": []})

    assert b"[]\n" == (tmp_path / "out.json").read_bytes()


def test_stdout_is_an_array_where_one_came_in(tmp_path, capsysbinary):
    table_of(tmp_path, b'[{"a": 1}, {"a": 2}]').write("-", {"n": ["=1", None]})

    assert b'[{"a": 1,"n":"=1"}, {"a": 2,"n":null}]' == capsysbinary.readouterr().out


def test_renamed_members(tmp_path):
    table_of(tmp_path, b'[ {"a": 1 , "b": [1]},\n{"b": "a"} ]', name="in.json").write_renamed(
        tmp_path / "out.json", ["x", "b"]
    )

    assert b'[ {"x": 1 , "b": [1]},\n{"b": "a"} ]' == (tmp_path / "out.json").read_bytes()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'[{"a": 1}', "Object 1 of in.json is followed by neither a comma nor the end"),
        (b'[{"a": 1}, ', "Object 2 of in.json is not JSON"),
        (b'[{"a": 1} {"a": 2}]', "Object 1 of in.json is followed by neither"),
        (b'[{"a": 1}]]', "Object 1 of in.json is followed by neither"),
        (b'[{"a": 1},]', "Object 2 of in.json is not JSON"),
        (b'[{"a": 1}, 2]', "Object 2 of in.json is not a JSON object"),
        (b'[{"a": 1, }]', "Object 1 of in.json is not JSON"),
        (b'[{"a": "\xff"}]', "in.json is not UTF-8: byte 8"),
        (b'[{"a": ' + b"[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_broken_is_named(tmp_path, data, words):
    with pytest.raises(TableError, match=words):
        table_of(tmp_path, data, name="in.json")


def test_objects_larger_and_smaller_than_what_is_read_at_once(tmp_path):
    texts = ["ä" * 300_000, *("x" * n for n in range(2_000)), "😀" * 100_000, "last"]
    own = json.dumps([{"t": text} for text in texts], ensure_ascii=False, indent=1).encode()

    out = written(tmp_path, own, {"n": list(range(len(texts)))}, name="in.json", out="out.json")

    assert [{"t": text, "n": n} for n, text in enumerate(texts)] == json.loads(out)


def test_a_large_array_is_no_multiple_in_memory(tmp_path):
    row = json.dumps({"id": 1, "note": "x" * 400})
    (tmp_path / "in.json").write_text("[" + ",\n".join([row] * 50_000) + "]")
    size = (tmp_path / "in.json").stat().st_size
    tracemalloc.start()
    try:
        table = read_table(tmp_path / "in.json")
        table.write(tmp_path / "out.json", {"n": range(50_000)})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < size / 4
    assert 50_000 == table.n_rows
