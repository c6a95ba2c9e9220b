"""Between a sheet and crustframe: what a cell may hold, in either direction, whichever program shows it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import Any, Final

from crustframe.columns.expand import time_text
from crustframe.columns.frames import preferred
from crustframe.fields import split_fields

MAX_TEXT: Final = 32_767
"""Characters that a cell of Excel holds (Excel specifications and limits, vendor's page)."""

MAX_EXACT: Final = 999_999_999_999_999
"""The largest whole number that a sheet shows exactly: 15 digits."""

_EPOCH: Final = datetime(1899, 12, 30, tzinfo=UTC)  # day 0 of both programs, past their leap year of 1900
_ERRORS: Final = range(-2146826288, -2146826199)  # #NULL! to the newest ones, as Windows hands them over


class CellError(Enum):
    """The error values that a sheet can test for."""

    NA = "#N/A"
    VALUE = "#VALUE!"


Cell = str | float | int | bool | datetime | CellError
Grid = list[list[Cell]]


def to_cell(value: Any) -> Cell:
    """Return a value of a record as one cell."""
    match value:
        case None:
            return ""
        case CellError() | bool() | datetime():
            return value
        case str():
            return value[:MAX_TEXT]
        case int():
            return value if abs(value) <= MAX_EXACT else str(value)
        case float():
            return value if abs(value) < float("inf") else ""  # NaN too
        case _:
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_as_text)[:MAX_TEXT]


def _as_text(value: object) -> str:
    return time_text(value) if isinstance(value, datetime) else str(value)


def is_error(value: object) -> bool:
    """Whether an incoming cell holds an error: ours, its text, or the number that Windows hands over."""
    if isinstance(value, CellError):
        return True
    if isinstance(value, str):
        return value.startswith("#") and value.rstrip("?!").isupper()
    return isinstance(value, int) and not isinstance(value, bool) and value in _ERRORS


def is_blank(value: object) -> bool:
    """Whether an incoming cell is empty."""
    return value is None or (isinstance(value, str) and not value.strip())


def as_rows(values: object) -> list[list[object]]:
    """Return a range, a list or one cell as rows of cells."""
    if not isinstance(values, list | tuple):
        return [[values]]
    return [list(row) if isinstance(row, list | tuple) else [row] for row in values]


def read_column(values: object) -> list[object]:
    """Return one column of cells without the blanks behind its last entry.

    Of several columns it takes each row's first cell that names somebody.

    Errors and numbers stay what they are: they name nobody, and nothing is asked about them.
    """
    rows = [row for row in as_rows(values) if row]
    width = max(map(len, rows), default=1)
    padded = [[*row, *[""] * (width - len(row))] for row in rows]
    cells = preferred([[CellError.VALUE if is_error(row[n]) else row[n] for row in padded] for n in range(width)])
    last = next((n for n in range(len(cells), 0, -1) if not is_blank(cells[n - 1])), 0)
    return ["" if is_blank(cell) else cell for cell in cells[: max(last, 1)]]


def read_texts(values: object) -> list[str]:
    """Return the texts of a range, a list or one cell, split as fields are; blanks and errors do not count."""
    cells = (cell for cell in _flat(values) if not (is_blank(cell) or is_error(cell)))
    return [text for cell in cells for text in split_fields(str(cell))]


def _flat(values: object) -> Iterator[object]:
    for row in as_rows(values):
        yield from row


def read_switch(values: object) -> bool:
    """Return TRUE or FALSE of one cell; a blank is FALSE."""
    cell = next(_flat(values), None)
    if isinstance(cell, str):
        return cell.strip().lower() in {"true", "yes", "1"}
    return bool(cell) and not is_error(cell)


def read_day(values: object) -> datetime | None:
    """Return the UTC day of a date cell: a date, a serial number or ISO text; None for a blank.

    Raises
    ------
    ValueError
        It is no date.
    """
    cell = next(_flat(values), None)
    if is_blank(cell):
        return None
    moment: datetime
    try:
        if isinstance(cell, datetime):
            moment = cell
        elif isinstance(cell, date):
            moment = datetime(cell.year, cell.month, cell.day)
        elif isinstance(cell, str):
            moment = datetime.fromisoformat(cell.strip())
        elif isinstance(cell, int | float) and not isinstance(cell, bool) and not is_error(cell) and cell >= 1:
            moment = _EPOCH + timedelta(days=float(cell))
        else:
            raise ValueError(cell)
    except (ValueError, OverflowError):
        raise ValueError("the fourth argument is a date: answers from before that day do not count") from None
    return moment.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC)


def serial(moment: datetime) -> float:
    """Return a time as the number of days that both programs count in."""
    return (moment - _EPOCH) / timedelta(days=1)
