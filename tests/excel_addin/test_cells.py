"""What a cell may hold, in either direction."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from excel_addin.cells import (
    MAX_EXACT,
    MAX_TEXT,
    CellError,
    is_error,
    read_column,
    read_day,
    read_switch,
    read_texts,
    serial,
    to_cell,
)


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        ("text", "text"),
        ("=1+1", "=1+1"),
        ("x" * (MAX_TEXT + 1), "x" * MAX_TEXT),
        (True, True),
        (12, 12),
        (MAX_EXACT, MAX_EXACT),
        (MAX_EXACT + 1, "1000000000000000"),
        (-(2**63), "-9223372036854775808"),
        (1.5, 1.5),
        (float("nan"), ""),
        (float("inf"), ""),
        ({"a": [1, "é"]}, '{"a":[1,"é"]}'),
        (["a", datetime(2026, 1, 2, tzinfo=UTC)], '["a","2026-01-02T00:00:00Z"]'),
    ],
)
def test_a_value_as_a_cell(value: object, cell: object) -> None:
    found = to_cell(value)
    assert (type(cell), cell) == (type(found), found)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists))
def test_every_value_is_one_cell(value: object) -> None:
    cell = to_cell(value)
    assert isinstance(cell, str | int | float | bool)
    assert not isinstance(cell, str) or len(cell) <= MAX_TEXT
    assert not isinstance(cell, float) or cell == cell


@pytest.mark.parametrize("value", [-2146826288, -2146826246, -2146826245, -2146826200, "#N/A", "#DIV/0!", "#SPILL!"])
def test_error_cells(value: object) -> None:
    assert is_error(value)
    assert [CellError.VALUE] == read_column(value)


@pytest.mark.parametrize("value", [-2146826199, 5, True, "#hashtag", "text", None, 1.0])
def test_no_error_cells(value: object) -> None:
    assert not is_error(value)


def test_a_column_ends_with_its_last_entry() -> None:
    assert ["a", "", "b"] == read_column([["a"], [None], ["b"], [" "], [None]])
    assert [""] == read_column([[None], [None]])
    assert ["a"] == read_column("a")
    assert [5.0] == read_column((5.0,))


def test_of_two_columns_each_row_has_its_first_cell_that_names_somebody() -> None:
    url, mail = "linkedin.com/in/a-example", "b@corp.example"
    rows = [[url, mail], [None, mail], ["n/a", mail], [None, None], ["n/a", None], [None, None]]
    assert [url, mail, mail, "", "n/a"] == read_column(rows)


def test_fields_in_any_shape() -> None:
    assert ["a", "b"] == read_texts("a, b,")
    assert ["a", "b", "c"] == read_texts([["a, b"], [None], ["c"], ["#N/A"]])
    assert [] == read_texts(None)


@pytest.mark.parametrize(
    ("cell", "truth"), [(True, True), ("TRUE", True), (1.0, True), (0.0, False), (None, False), ("no", False)]
)
def test_a_switch(cell: object, truth: bool) -> None:
    assert truth is read_switch([[cell]])


@pytest.mark.parametrize(
    "cell", [46000.75, "2025-12-09", "2025-12-09T18:00:00", datetime(2025, 12, 9, 18), date(2025, 12, 9)]
)
def test_a_day(cell: object) -> None:
    assert datetime(2025, 12, 9, tzinfo=UTC) == read_day(cell)


@pytest.mark.parametrize("cell", ["soon", True, -1.0, "#N/A", 1e12])
def test_no_day(cell: object) -> None:
    with pytest.raises(ValueError, match="is a date"):
        read_day(cell)


def test_a_serial_number_is_what_both_programs_count() -> None:
    assert 46000.75 == serial(datetime(2025, 12, 9, 18, tzinfo=UTC))
