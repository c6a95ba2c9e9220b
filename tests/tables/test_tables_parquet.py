"""Parquet: the user's columns keep their types, and what is added has types of its own."""

from __future__ import annotations

import sys
import tracemalloc
from datetime import UTC, date, datetime, time
from decimal import Decimal

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crustframe.errors import TableError
from crustframe.tables import KEEP, read_table, refuse_kind, write_rows

OWN = pa.table(
    {
        "basic_profile.name": pa.array(["=1+1", None, "NA"]),
        "price": pa.array([Decimal("1.10"), None, Decimal("2.00")], pa.decimal128(20, 2)),
        "seen": pa.array([1, 2, None], pa.timestamp("ns", "Europe/Berlin")),
        "local": pa.array([1, 2, None], pa.timestamp("ms")),
        "kind": pa.array(["a", "b", "a"]).dictionary_encode(),
        "small kind": pa.DictionaryArray.from_arrays(pa.array([0, 1, None], pa.int8()), pa.array(["p", "q"])),
        "nested": pa.array([{"a": [1, 2], "m": None}, None, {"a": None, "m": "k"}]),
        "pairs": pa.array([[("k", 1)], None, []], pa.map_(pa.string(), pa.int64())),
        "raw": pa.array([b"\xff\x00", "é".encode(), None]),
        "large": pa.array(["l", None, "m"], pa.large_string()),
        "lasted": pa.array([1, None, 3], pa.duration("ms")),
        "day": pa.array([date(2026, 1, 31), None, None]),
        "hour": pa.array([time(9, 30), None, None]),
        "nothing": pa.nulls(3),
        "tiny": pa.array([1, None, 3], pa.int8()),
        "single": pa.array([0.5, None, 2], pa.float32()),
    }
)
FIELDS = [field.with_metadata({"unit": field.name}) for field in OWN.schema]
OWN = OWN.cast(pa.schema(FIELDS, metadata={"owner": "sales"}))


@pytest.fixture
def own(tmp_path):
    """A file with columns of many types, in two row groups."""
    pq.write_table(OWN, tmp_path / "in.parquet", row_group_size=2, compression="zstd")
    return tmp_path / "in.parquet"


def table_of(path, columns):
    pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), path)
    return read_table(path)


def types(path):
    return {field.name: str(field.type) for field in pq.read_schema(path)}


# --- the user's own columns -----------------------------------------------------------------------------------


def test_own_columns_keep_values_types_and_metadata(own, tmp_path):
    before = pq.read_table(own)

    told = read_table(own).write(tmp_path / "out.parquet", {"new": ["=1", None, "x"]})

    after = pq.read_table(tmp_path / "out.parquet")
    assert (3, 17, 0) == (told.rows, told.columns, told.neutralised)
    assert before.equals(after.select(before.column_names))
    assert before.schema.equals(pa.schema(list(after.schema)[:-1], after.schema.metadata), check_metadata=True)
    assert ["=1", None, "x"] == after["new"].to_pylist()
    assert "ZSTD" == pq.read_metadata(tmp_path / "out.parquet").row_group(0).column(0).compression


VALUES = st.recursive(
    st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.text(max_size=3), st.binary(max_size=3)),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
COLUMNS = {
    "texts": st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
    "numbers": st.floats(),
    "nested": st.dictionaries(st.sampled_from("ab"), st.lists(st.integers(0, 9), max_size=2)),
    "times": st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),
}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 7), st.data())
def test_without_the_added_columns_the_input_is_back(tmp_path, n, data):
    drawn = {name: data.draw(st.lists(st.none() | cells, min_size=n, max_size=n)) for name, cells in COLUMNS.items()}
    frame = pa.table({name: pa.array(cells) for name, cells in drawn.items()})
    frame = frame.select([name for name in frame.column_names if frame[name].type != pa.struct([])])
    pq.write_table(frame, tmp_path / "in.parquet", row_group_size=3)
    before = pq.read_table(tmp_path / "in.parquet")
    added = data.draw(st.lists(st.none() | st.integers(-5, 5), min_size=n, max_size=n))

    read_table(tmp_path / "in.parquet").write(tmp_path / "out.parquet", {"new": pd.array(added, dtype="Int64")})

    after = pq.read_table(tmp_path / "out.parquet")
    assert added == after["new"].to_pylist()
    assert str(before.to_pylist()) == str(after.drop(["new"]).to_pylist())
    assert before.schema.equals(pa.schema(list(after.schema)[:-1]))


def test_the_index_of_pandas_survives(tmp_path):
    index = pd.Index(["x", "y"], name="key")
    pd.DataFrame({"title": ["a", "b"], "k": pd.Categorical(["p", "q"])}, index).to_parquet(tmp_path / "in.parquet")
    table = read_table(tmp_path / "in.parquet")

    table.write(tmp_path / "out.parquet", {"n": [1, 2], "title": [3, 4]}, overwrite_columns=True)
    table.write_renamed(tmp_path / "renamed.parquet", ["basic_profile.current_title", "k", "key"])

    out, renamed = pd.read_parquet(tmp_path / "out.parquet"), pd.read_parquet(tmp_path / "renamed.parquet")
    assert index.equals(out.index)
    assert [[3, 4], [1, 2]] == [out["title"].tolist(), out["n"].tolist()]
    assert "category" == out["k"].dtype == renamed["k"].dtype
    assert ["a", "b"] == renamed["basic_profile.current_title"].tolist()
    assert index.equals(renamed.index)


def test_renaming_leaves_everything_else(own, tmp_path):
    table = read_table(own)
    before = pq.read_table(own)
    names = [f"new {name}" for name in table.columns]

    table.write_renamed(tmp_path / "out.parquet", names)

    after = pq.read_table(tmp_path / "out.parquet")
    assert names == after.column_names
    assert before.equals(after.rename_columns(before.column_names))
    with pytest.raises(TableError, match=r"in.parquet is a Parquet file(?s:.*)write a .parquet file"):
        table.write_renamed(tmp_path / "out.csv", names)


def test_the_asked_column_is_read_whatever_its_name_or_type(tmp_path):
    table = table_of(
        tmp_path / "in.parquet",
        {
            "a": [{"b": "inner"}, None],
            "a.b": ["outer", None],
            "k": pa.array(["x", "y"]).dictionary_encode(),
            "raw": [b"https://a.example", None],
        },
    )

    assert ["outer", None] == table.column("a.b")
    assert [{"b": "inner"}, None] == table.column("a")
    assert ["x", "y"] == table.column("k")
    assert ["https://a.example", None] == table.column("raw")


# --- what is added --------------------------------------------------------------------------------------------


def test_added_columns_have_real_types(own, tmp_path):
    added = pd.DataFrame(
        {
            "text": pd.array(["x", None, None], dtype="string"),
            "whole": pd.array([2**62 + 1, None, None], dtype="Int64"),
            "number": pd.array([1, None, None], dtype="Float64"),
            "truth": pd.array([True, None, None], dtype="boolean"),
            "time": pd.array([datetime(2026, 1, 31, tzinfo=UTC)] + [None] * 2, dtype=pd.DatetimeTZDtype("us", "UTC")),
            "list": [["a", "b"], pd.NA, []],
            "json": ['["a"]', None, None],
            "none": pd.array([None] * 3, dtype="Int64"),
            "unknown": pd.Series([pd.NA] * 3, dtype=object),
        }
    )

    read_table(own).write(tmp_path / "out.parquet", added)

    assert {
        "text": "string",
        "whole": "int64",
        "number": "double",
        "truth": "bool",
        "time": "timestamp[us, tz=UTC]",
        "list": "list<element: string>",
        "json": "string",
        "none": "int64",
        "unknown": "string",
    } == {name: kind for name, kind in types(tmp_path / "out.parquet").items() if name in added}
    first, second, third = pq.read_table(tmp_path / "out.parquet", columns=list(added)).to_pylist()
    assert ["x", 2**62 + 1, 1.0, True, datetime(2026, 1, 31, tzinfo=UTC), ["a", "b"], '["a"]', None, None] == list(
        first.values()
    )
    assert {None} == set(second.values())
    assert [] == third["list"]


def test_kept_cells_keep_their_type(tmp_path):
    """As ``only="missing"`` fills a table that has the columns."""
    day = datetime(2026, 1, 31, tzinfo=UTC)
    table = table_of(
        tmp_path / "in.parquet",
        {
            "when": pa.array([day, None], pa.timestamp("ns", "UTC")),
            "k": pa.array(["x", None]).dictionary_encode(),
            "empty": pa.nulls(2),
            "mixed": pa.array([1.5, None]),
            "whole": pa.array([1, None]),
        },
    )
    new = {"when": [KEEP, day], "k": [KEEP, "y"], "empty": [KEEP, 7], "mixed": [KEEP, "text"], "whole": [2.5, "x"]}

    table.write(tmp_path / "out.parquet", new, overwrite_columns=True)

    after = pq.read_table(tmp_path / "out.parquet")
    assert ["timestamp[ns, tz=UTC]", "string", "int64", "string", "string"] == [
        str(getattr(kind, "value_type", kind)) for kind in after.schema.types
    ]
    assert [[day, day], ["x", "y"], [None, 7], ["1.5", "text"], ["2.5", "x"]] == [
        column.to_pylist() for column in after.columns
    ]


def test_a_column_that_is_there_already_needs_permission(own, tmp_path):
    with pytest.raises(TableError, match="has a column 'price' already"):
        read_table(own).check(tmp_path / "out.parquet", ["price"])


# --- from one kind to another ---------------------------------------------------------------------------------


def test_csv_becomes_parquet_with_its_texts(tmp_path):
    (tmp_path / "in.csv").write_text("id,née,n\n00731,=1,\nNA,,2\n", encoding="utf-8")

    told = read_table(tmp_path / "in.csv").write(
        tmp_path / "out.pq", {"n": [1, KEEP], "score": [0.5, None]}, overwrite_columns=True
    )

    assert 0 == told.neutralised
    assert {"id": "string", "née": "string", "n": "string", "score": "double"} == types(tmp_path / "out.pq")
    rows = pq.read_table(tmp_path / "out.pq").to_pylist()
    assert [["00731", "=1", "1", 0.5], ["NA", "", "2", None]] == [list(row.values()) for row in rows]


def test_a_workbook_becomes_parquet_with_types_that_hold_all(tmp_path):
    book = openpyxl.Workbook()
    for row in [
        ("id", "day", "n", "mixed", "none", "truth"),
        ("007", datetime(2026, 1, 31), 1, 1, None, True),
        (None, None, 2.5, "x", None, None),
    ]:
        book.active.append(row)
    book.save(tmp_path / "in.xlsx")

    read_table(tmp_path / "in.xlsx").write(tmp_path / "out.parquet", {"new": [1, None]})

    assert ["string", "timestamp[us]", "double", "string", "string", "bool", "int64"] == list(
        types(tmp_path / "out.parquet").values()
    )
    assert ["1", "x"] == pq.read_table(tmp_path / "out.parquet")["mixed"].to_pylist()


def test_json_lines_become_parquet_with_types_that_hold_all(tmp_path):
    (tmp_path / "in.jsonl").write_text(
        '{"i":1,"f":1,"l":["a"],"o":{"x":1},"m":1,"big":18446744073709551616,"far":9007199254740993,"e":{},"s":"\\ud83d"}\n'
        '{"i":9223372036854775807,"f":1.5,"l":[],"o":{"y":["b"]},"m":[1.10],"big":1,"far":0.5}\n',
        encoding="utf-8",
    )

    read_table(tmp_path / "in.jsonl").write(tmp_path / "out.parquet", {"new": [[{"a": 1}], []]})

    found = pq.read_table(tmp_path / "out.parquet").to_pydict()
    assert {
        "i": [1, 2**63 - 1],
        "f": [1.0, 1.5],
        "l": [["a"], []],
        "o": [{"x": 1, "y": None}, {"x": None, "y": ["b"]}],
        "m": ["1", "[1.10]"],
        "big": ["18446744073709551616", "1"],
        "far": ["9007199254740993", "0.5"],
        "e": ["{}", None],
        "s": ["\ufffd", None],
        "new": [[{"a": 1}], []],
    } == found


def test_parquet_becomes_csv_and_nothing_in_it_runs(own, tmp_path):
    told = read_table(own).write(tmp_path / "out.csv", {"new": [["a"], None, "-1"]})

    first, second, third = pd.read_csv(tmp_path / "out.csv", dtype=str, keep_default_na=False).to_numpy().tolist()
    assert ["'=1+1", "1.10", "1970-01-01T00:00:00.000000001Z", "1970-01-01T00:00:00.001000", "a", "p"] == first[:6]
    assert ['{"a":[1,2],"m":null}', '[["k",1]]', "/wA=", "l", "0:00:00.001000", "2026-01-31", "09:30:00"] == first[6:13]
    assert ["", "1", "0.5", '["a"]'] == first[13:]
    assert "é" == second[8]
    assert ["NA", "'-1"] == [third[0], third[-1]]
    assert 2 == told.neutralised


def test_parquet_becomes_json_lines_and_a_workbook(own, tmp_path):
    table = read_table(own)
    table.write(tmp_path / "out.jsonl", {"new": [1, None, 2]})
    table.write(tmp_path / "out.xlsx", {"new": [1, None, 2]})

    line = (tmp_path / "out.jsonl").read_text("utf-8").splitlines()[0]
    assert line.startswith('{"basic_profile.name":"=1+1","price":1.10,"seen":"1970-01-01T00:00:00.000000001Z"')
    assert '"nested":{"a":[1,2],"m":null},"pairs":[["k",1]],"raw":"/wA="' in line
    assert line.endswith('"nothing":null,"tiny":1,"single":0.5,"new":1}')
    rows = list(openpyxl.load_workbook(tmp_path / "out.xlsx").active.values)
    assert ("=1+1", 1.1) == rows[1][:2]
    assert ("NA", 2, 3, 2, 2) == (rows[3][0], rows[3][1], *rows[3][-3:])


def test_columns_of_one_name_stay_in_parquet_and_go_nowhere_else(tmp_path):
    table = table_of(tmp_path / "in.parquet", pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]))
    table.write(tmp_path / "out.parquet", {"n": [3]})

    assert [1, 2, 3] == [column[0].as_py() for column in pq.ParquetFile(tmp_path / "out.parquet").read().columns]
    with pytest.raises(TableError, match="has 2 columns 'a'"):
        table.column("a")
    with pytest.raises(TableError, match="cannot tell apart"):
        table.check(tmp_path / "out.jsonl", ["n"])


def test_a_list_of_our_own_follows_the_suffix(tmp_path):
    frame = pd.DataFrame({"rank": pd.array([1, None], dtype="Int64"), "name": pd.array([None, None], dtype="string")})

    write_rows(tmp_path / "list.parquet", frame)
    write_rows(tmp_path / "list.xlsx", frame)

    assert {"rank": "int64", "name": "string"} == types(tmp_path / "list.parquet")
    assert [1, None] == pq.read_table(tmp_path / "list.parquet")["rank"].to_pylist()
    assert ("rank", "name") == next(openpyxl.load_workbook(tmp_path / "list.xlsx").active.values)
    with pytest.raises(TableError, match=r".gz files are not written here"):
        write_rows(tmp_path / "list.gz", frame)


# --- what can go wrong ----------------------------------------------------------------------------------------


def test_without_pyarrow_the_extra_is_named_before_anything_is_bought(own, tmp_path, monkeypatch):
    (tmp_path / "in.csv").write_bytes(b"a\n1\n")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    hint = r"need pyarrow, which is not installed. Nothing was sent(?s:.*)pip install pyarrow"

    with pytest.raises(TableError, match=hint):
        read_table(own)
    with pytest.raises(TableError, match=hint):
        read_table(tmp_path / "in.csv").check(tmp_path / "out.parquet", ["n"])
    with pytest.raises(TableError, match=hint):
        refuse_kind(tmp_path / "matches.parquet")


@pytest.mark.parametrize("damage", ["cut", "middle"])
def test_a_damaged_file_is_called_so(own, tmp_path, damage):
    data = own.read_bytes()
    own.write_bytes(data[: len(data) // 2] if damage == "cut" else data[:4] + b"\xff" * 400 + data[404:])

    with pytest.raises(TableError, match=r"in.parquet cannot be read as Parquet: (?s:.*)Hint: it may be damaged"):
        read_table(own).column("basic_profile.name")


def test_an_input_that_changed_is_not_matched(own, tmp_path):
    table = read_table(own)
    pq.write_table(OWN.slice(1), own)

    with pytest.raises(TableError, match=r"in.parquet changed"):
        table.write(tmp_path / "out.parquet", {"n": [1, 2, 3]})
    assert not (tmp_path / "out.parquet").exists()


def test_a_file_without_rows_gets_its_columns(tmp_path):
    table = table_of(tmp_path / "in.parquet", {"a": pa.array([], pa.int8())})

    for out in ("out.parquet", "out.csv", "out.jsonl"):
        assert 0 == table.write(tmp_path / out, {"n": pd.array([], dtype="Int64")}).rows
    assert {"a": "int8", "n": "int64"} == types(tmp_path / "out.parquet")
    assert b'"a","n"\n' == (tmp_path / "out.csv").read_bytes()


# --- size -----------------------------------------------------------------------------------------------------


COUNTED = pa.proxy_memory_pool(pa.default_memory_pool())
"""Outlives whatever it gave memory to."""


@pytest.fixture
def counting():
    """Return a function from which on Arrow's memory is counted."""
    before = pa.default_memory_pool()
    yield lambda: pa.set_memory_pool(COUNTED)
    pa.set_memory_pool(before)


def test_memory_does_not_grow_with_the_file(tmp_path, counting):
    n = 120_000
    texts = [f"{i * 7919:0900d}" for i in range(n)]
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table({"id": range(n), "text": texts}), path, compression="none", use_dictionary=False)
    del texts
    assert path.stat().st_size > 100 * 2**20
    assert 1 == pq.read_metadata(path).num_row_groups

    counting()
    tracemalloc.start()
    read_table(path).write(tmp_path / "out.parquet", {"n": pd.Series(range(n), dtype="Int64"), "same": ["x"] * n})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert n == pq.read_metadata(tmp_path / "out.parquet").num_rows
    assert peak < 8 * 2**20
    assert 2**20 < COUNTED.max_memory() < 80 * 2**20
