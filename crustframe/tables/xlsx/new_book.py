"""A new workbook of one sheet, with no text that Excel could run."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import IO, Final

from crustframe.errors import TableError
from crustframe.tables.cells import are_phone_numbers, leads_to_formula, plain, text_of, whole_characters
from crustframe.tables.destination import LeavingSink
from crustframe.tables.xlsx.rows import MAX_COLUMNS, MAX_ROWS

MAX_TEXT: Final = 32_767  # UTF-16 units; https://support.microsoft.com/office/excel-specifications-and-limits-1672b34d
MAX_DIGITS: Final = 15
FIRST_YEAR: Final = 1900

_SHEET_NAME: Final = re.compile(r"(?!')[^\[\]:*?/\\\x00-\x1f]{1,31}(?<!')")


class TextCount:
    """What became of texts.

    Attributes
    ----------
    neutralised : int
        Texts marked so that Excel takes none of them for a formula, not even when it is edited.
    cut : int
        Texts longer than Excel's 32,767 characters, cut there.
    """

    def __init__(self) -> None:
        self.neutralised = 0
        self.cut = 0

    def fitted(self, text: str) -> str:
        """Return a text as a cell holds it."""
        shown = _cut(whole_characters(text))
        self.cut += len(shown) < len(text)
        return shown

    def triggers(self, text: str) -> bool:
        """Whether the text has to be marked."""
        triggers = leads_to_formula(text)
        self.neutralised += triggers and not are_phone_numbers(text)
        return triggers


def fitted(value: object, counts: TextCount, first_year: int = FIRST_YEAR) -> object:
    """Return a value as a cell can hold it: ``None``, bool, a number, date, time, a datetime without a zone, or str."""
    match plain(value):
        case None | "":
            return None
        case bool(truth):
            return truth
        case int() | float() | Decimal() as number if _fits_number(number):
            return number
        case datetime() as moment if moment.year >= first_year:
            return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
        case date() as day if day.year >= first_year and not isinstance(day, datetime):
            return day
        case time() as hour if hour.tzinfo is None:
            return hour
        case other:
            return counts.fitted(text_of(other))


class SheetWriter:
    """Writes one sheet, row by row.

    Attributes
    ----------
    counts : TextCount
    """

    def __init__(self, sink: LeavingSink, title: str, scratch: str) -> None:
        from xlsxwriter import Workbook

        self.counts = TextCount()
        self._workbook = Workbook(
            sink,
            {
                "constant_memory": True,
                "tmpdir": scratch,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
                "default_date_format": "yyyy-mm-dd hh:mm:ss",
            },
        )
        self._sheet = self._workbook.add_worksheet(title if _SHEET_NAME.fullmatch(title) else None)
        self._inert = self._workbook.add_format({"quote_prefix": True})
        self._day = self._workbook.add_format({"num_format": "yyyy-mm-dd"})
        self._hour = self._workbook.add_format({"num_format": "hh:mm:ss"})

    def write_row(self, number: int, cells: Sequence[object]) -> None:
        for column, cell in enumerate(cells):
            self._write(number, column, fitted(cell, self.counts))

    def close(self) -> None:
        self._workbook.close()

    def abandon(self) -> None:
        self._sheet.row_data_fh.close()

    def _write(self, row: int, column: int, value: object) -> None:
        match value:
            case None:
                pass
            case bool(truth):
                self._sheet.write_boolean(row, column, truth)
            case int() | float() | Decimal() as number:
                self._sheet.write_number(row, column, number)
            case datetime() as moment:
                self._sheet.write_datetime(row, column, moment)
            case date() as day:
                self._sheet.write_datetime(row, column, day, self._day)
            case time() as hour:
                self._sheet.write_datetime(row, column, hour, self._hour)
            case text:
                self._sheet.write_string(row, column, text, self._inert if self.counts.triggers(str(text)) else None)


def write_sheet(sink: IO[bytes], title: str, rows: Iterable[Sequence[object]]) -> TextCount:
    """Write `rows` as a workbook of one sheet named `title`, and return what became of its texts.

    Raises
    ------
    OSError
        As it came from `sink` or from the temporary folder.
    """
    from xlsxwriter.exceptions import XlsxFileError

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        leaving = LeavingSink(sink)
        writer = SheetWriter(leaving, title, scratch)
        try:
            for number, row in enumerate(rows):
                writer.write_row(number, row)
            writer.close()
        except XlsxFileError as error:
            raise _cause(error) from error
        finally:
            leaving.is_gone = True
            writer.abandon()
    return writer.counts


def _cause(error: Exception) -> OSError:
    return error.args[0] if isinstance(error.args[0], OSError) else OSError(str(error))


def refuse_oversize(n_rows: int, n_columns: int) -> None:
    """Raise `TableError` for a table that a sheet cannot hold; `n_rows` counts the header."""
    if n_rows > MAX_ROWS or n_columns > MAX_COLUMNS:
        raise TableError(
            f"The table has {n_rows:,} rows with its header and {n_columns:,} columns; an Excel sheet ends at "
            f"{MAX_ROWS:,} and {MAX_COLUMNS:,}. Nothing was written.",
            hint="write to a .csv file instead.",
        )


def _fits_number(number: int | float | Decimal) -> bool:
    if isinstance(number, int):
        return abs(number) < 10**MAX_DIGITS
    if isinstance(number, Decimal):
        return number.is_finite() and len(number.as_tuple().digits) <= MAX_DIGITS
    return abs(number) != float("inf")


def _cut(text: str) -> str:
    if len(text) * 2 <= MAX_TEXT:
        return text
    return text.encode("utf-16-le")[: 2 * MAX_TEXT].decode("utf-16-le", "ignore")
