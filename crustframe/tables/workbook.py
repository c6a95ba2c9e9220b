"""Excel workbooks: values in, values out, and no text that Excel could run."""

from __future__ import annotations

import re
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from decimal import Decimal
from difflib import get_close_matches
from typing import IO, Any, ClassVar, Final
from zipfile import BadZipFile, ZipFile

from crustframe.errors import TableError
from crustframe.tables.cells import are_phone_numbers, leads_to_formula, plain, text_of, whole_characters
from crustframe.tables.content import Content, Kind, holds_people, numbered
from crustframe.tables.destination import LeavingSink
from crustframe.tables.source import Source

# https://support.microsoft.com/office/excel-specifications-and-limits-1672b34d-7043-467e-8e27-269d656771c3
MAX_ROWS: Final = 1_048_576
MAX_COLUMNS: Final = 16_384
MAX_TEXT: Final = 32_767  # UTF-16 units
MAX_DIGITS: Final = 15
FIRST_YEAR: Final = 1900

MAX_ENTRIES: Final = 10_000
MAX_UNPACKED: Final = 512 * 2**20
MAX_RATIO: Final = 200
_ENCRYPTED: Final = 0x1

_ESCAPED_CONTROL: Final = re.compile(r"_x(00[01][0-9A-Fa-f]|005[Ff])_")
_SHEET_NAME: Final = re.compile(r"(?!')[^\[\]:*?/\\\x00-\x1f]{1,31}(?<!')")


class Sheet(Content):
    """One sheet of a workbook; cells are str, int, float, bool, date, datetime, time or ``None``.

    Parameters
    ----------
    source : Source
        The workbook's bytes.
    sheet : str, optional
        Name of the sheet; by default the first.
    """

    kind: ClassVar[Kind] = "workbook"

    def __init__(self, source: Source, sheet: str | None = None) -> None:
        self._source = source
        with source.open() as raw:
            refuse_bomb(raw, source.name)
        with self._workbook() as workbook:
            self.title = self._chosen(list(workbook.sheetnames), sheet)
            header = next(self._trimmed_rows(workbook), [])
        if not header:
            raise TableError(f"The first row of {source.name} is empty; it should name the columns.")
        names = [text_of(cell) for cell in header]
        self.has_header = not holds_people(names)
        self.columns = names if self.has_header else numbered(len(names))

    def rows(self) -> Iterator[Sequence[object]]:
        """Yield the cells of every row down to the last one in use, padded to the header's width."""
        width = len(self.columns)
        with self._workbook() as workbook:
            rows = enumerate(self._trimmed_rows(workbook), start=1)
            if self.has_header:
                next(rows, None)
            n_blank = 0
            for number, row in rows:
                if not row:
                    n_blank += 1
                    continue
                if len(row) > width:
                    raise TableError(
                        f"Row {number} of {self._source.name} has {len(row)} cells, the "
                        f"{'header' if self.has_header else 'first row'} {width}. Nothing was written.",
                        hint="name every column in the first row.",
                    )
                yield from ([None] * width for _ in range(n_blank))
                n_blank = 0
                yield row + [None] * (width - len(row))

    def _trimmed_rows(self, workbook: Any) -> Iterator[list[object]]:
        sheet = workbook[self.title]
        sheet.reset_dimensions()  # some writers declare A1 only, and openpyxl would stop there
        for cells in sheet.iter_rows(values_only=True):
            row = [_unescaped(cell) for cell in cells]
            while row and row[-1] in (None, ""):
                row.pop()
            yield row

    def _chosen(self, names: list[str], sheet: str | None) -> str:
        if sheet is None and names:
            return names[0]
        if sheet in names:
            return sheet
        near = get_close_matches(sheet or "", names, n=1)
        raise TableError(
            f"{self._source.name} has no sheet {sheet!r}; it has {', '.join(names) or 'none'}.",
            hint=f"did you mean {near[0]!r}?" if near else "choose one of these.",
        )

    @contextmanager
    def _workbook(self) -> Iterator[Any]:
        import openpyxl

        with self._source.open() as raw:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # about styles and validations, which are not carried over
                    workbook = openpyxl.load_workbook(raw, read_only=True, data_only=True, keep_links=False)
                try:
                    yield workbook
                finally:
                    workbook.close()
            except TableError:
                raise
            except Exception as error:  # a damaged workbook fails in as many ways as it has parts
                raise _damaged(self._source.name) from error


def refuse_bomb(raw: IO[bytes], name: str) -> None:
    """Read the directory of a workbook and refuse what would not fit into memory.

    Raises
    ------
    TableError
        Over 10,000 parts, over 512 MiB unpacked, packed more than 200 to 1, overlapping parts, a password,
        or no workbook.
    """
    try:
        with ZipFile(raw) as archive:
            parts = archive.infolist()
    except (BadZipFile, NotImplementedError, ValueError) as error:
        raise _damaged(name) from error
    size = raw.seek(0, 2)
    packed = sum(part.compress_size for part in parts)
    unpacked = sum(part.file_size for part in parts)
    if any(part.flag_bits & _ENCRYPTED for part in parts):
        raise TableError(f"{name} has a password.", hint="save it without one.")
    if len(parts) > MAX_ENTRIES or unpacked > MAX_UNPACKED or unpacked > MAX_RATIO * size or packed > size:
        raise TableError(
            f"{name} holds {len(parts)} parts and {unpacked / 2**20:.0f} MiB in a file of {size / 2**20:.1f} MiB; "
            "it is refused before it fills the memory.",
            hint="save the sheet as CSV UTF-8 and use that.",
        )


class SheetWriter:
    """Writes one sheet, row by row.

    Attributes
    ----------
    neutralised : int
        Texts marked so that Excel takes none of them for a formula, not even when it is edited.
    cut : int
        Texts longer than Excel's 32,767 characters, cut there.
    """

    def __init__(self, sink: LeavingSink, title: str, scratch: str) -> None:
        from xlsxwriter import Workbook

        self.neutralised = 0
        self.cut = 0
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
            self._write(number, column, plain(cell))

    def close(self) -> None:
        self._workbook.close()

    def abandon(self) -> None:
        self._sheet.row_data_fh.close()

    def _write(self, row: int, column: int, value: object) -> None:
        match value:
            case None | "":
                pass
            case bool(truth):
                self._sheet.write_boolean(row, column, truth)
            case int() | float() | Decimal() if _fits_number(value):
                self._sheet.write_number(row, column, value)
            case datetime() as moment if moment.year >= FIRST_YEAR:
                moment = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
                self._sheet.write_datetime(row, column, moment)
            case date() as day if day.year >= FIRST_YEAR:
                self._sheet.write_datetime(row, column, day, self._day)
            case time() as hour if hour.tzinfo is None:
                self._sheet.write_datetime(row, column, hour, self._hour)
            case other:
                self._write_text(row, column, text_of(other))

    def _write_text(self, row: int, column: int, text: str) -> None:
        shown = _cut(whole_characters(text))
        self.cut += len(shown) < len(text)
        triggers = leads_to_formula(shown)
        self.neutralised += triggers and not are_phone_numbers(shown)
        self._sheet.write_string(row, column, shown, self._inert if triggers else None)


def write_sheet(sink: IO[bytes], title: str, rows: Iterable[Sequence[object]]) -> SheetWriter:
    """Write `rows` as a workbook of one sheet named `title`, and return the writer with its counts.

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
    return writer


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


def _unescaped(cell: object) -> object:
    if isinstance(cell, str) and "_x00" in cell:
        return _ESCAPED_CONTROL.sub(lambda match: chr(int(match[1], 16)), cell)
    return cell


def _damaged(name: str) -> TableError:
    return TableError(
        f"{name} cannot be read as an Excel workbook; it may be damaged.",
        hint="open it in Excel and save it as .xlsx or as CSV UTF-8.",
    )
