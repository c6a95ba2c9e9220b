"""Cells that are added have one spelling each, and no spreadsheet runs them."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from delimited import CELLS, is_inert, table_of, written
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crustframe.tables import Written, read_table


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
    data = ("a,b\n" + own * len(CELLS)).replace(",", delimiter).encode()

    out = written(tmp_path, data, {p: [wrap(q) for q in CELLS] for p in ["=n", "m"]}, delimiter=delimiter).decode()

    for separator in ",;\t":
        for row in csv.reader(io.StringIO(out, newline=""), delimiter=separator):
            for cell in row:
                assert is_inert(cell), (separator, cell)
    assert len(CELLS) + 1 == len(list(csv.reader(io.StringIO(out, newline=""), delimiter=delimiter)))


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
