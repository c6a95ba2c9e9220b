"""Tables of the shell command: read, ask about one column, write back with columns added.

For delimited text the user's own cells come out byte for byte as they went in: quotes, spaces, leading zeros,
``NA``, byte order mark, line endings. For workbooks values are carried over, styles are not.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from crustframe.errors import ColumnNotFoundError, TableError
from crustframe.tables import destination as landing
from crustframe.tables.cells import CsvCells, quoted
from crustframe.tables.delimited import Delimited, TextStyle
from crustframe.tables.placement import KEEP, Added, Placement
from crustframe.tables.source import Source
from crustframe.tables.workbook import Sheet, refuse_oversize, write_sheet

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["KEEP", "Table", "Written", "read_table", "write_rows"]

_ZIP: Final = b"PK\x03\x04"
_FOREIGN: Final = {
    b"\xd0\xcf\x11\xe0": "an old .xls workbook or one with a password",
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "a compressed file",
}
_UNWRITTEN: Final = (".xls", ".xlsm", ".xlsb", ".ods", ".parquet", ".json", ".jsonl", ".gz", ".zip")
_NAMES_SHOWN: Final = 30


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes
    ----------
    rows : int
        Rows below the header.
    columns : int
        All columns, the table's own and the added ones.
    neutralised : int
        Cells defused because a spreadsheet could have run them: added ones, and those that a change of kind
        from workbook to text or back would have brought to life.
    cut : int
        Texts cut at Excel's 32,767 characters; 0 for delimited text.
    """

    rows: int
    columns: int
    neutralised: int
    cut: int = 0


def read_table(
    source: str | os.PathLike[str],
    *,
    delimiter: str | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
) -> Table:
    """Read the header of a table; its rows are read when they are asked for.

    Parameters
    ----------
    source : str or os.PathLike
        Path of a CSV, TSV or .xlsx file, or ``"-"`` for stdin. Content decides what it is, not the suffix.
    delimiter : str, optional
        One character, or ``tab``, ``comma``, ``semicolon``, ``pipe``. By default a tab in a ``.tsv`` file, else
        what the header shows: ``,`` ``;`` tab or ``|``.
    encoding : str, optional
        By default what the byte order mark says, else UTF-8.
    sheet : str, optional
        Name of a workbook's sheet; by default the first.

    Returns
    -------
    Table

    Raises
    ------
    TableError
        No such file, not a table, no header, not in this encoding, too large a workbook.
    """
    origin = Source(source)
    head = origin.head(4)
    for magic, kind in _FOREIGN.items():
        if head.startswith(magic):
            raise TableError(
                f"{origin.name} is {kind}, not a table that can be read here.", hint="save it as .xlsx or as CSV UTF-8."
            )
    if head == _ZIP:
        return Table(origin, Sheet(origin, sheet))
    if sheet is not None:
        raise TableError(f"{origin.name} is not a workbook, so it has no sheet {sheet!r}.")
    return Table(origin, Delimited(origin, delimiter=delimiter, encoding=encoding))


class Table:
    """A table whose cells stay in their file; made by `read_table`.

    Attributes
    ----------
    columns : list of str
        The header as read.
    """

    def __init__(self, source: Source, content: Delimited | Sheet) -> None:
        self._source = source
        self._content = content
        self._n_rows: int | None = None
        self.columns = content.columns

    @property
    def n_rows(self) -> int:
        """Rows below the header; reads the table once, unless `column` did."""
        if self._n_rows is None:
            self._n_rows = sum(1 for _ in self._content.rows())
        return self._n_rows

    def column(self, name: str) -> list[object]:
        """Return the cells of one column.

        Parameters
        ----------
        name : str
            Its name in the header, exactly.

        Returns
        -------
        list of object, length n_rows
            str for delimited text; a workbook may also hold numbers, bools, dates and ``None``.

        Raises
        ------
        ColumnNotFoundError
            No column has this name.
        TableError
            More than one has, or a row cannot be read: longer than the header, an open quote, a wrong encoding.
        """
        position = self._position(name)
        cells: list[object] = [row[position] for row in self._content.rows()]
        self._n_rows = len(cells)
        return cells

    def check(
        self, destination: str | os.PathLike[str], names: Iterable[str], *, overwrite_columns: bool = False
    ) -> None:
        """Raise what `write` would raise, as far as that shows before anything is bought.

        Parameters
        ----------
        destination : str or os.PathLike
            As for `write`.
        names : Iterable[str]
            The columns that will be added.
        overwrite_columns : bool
            As for `write`.

        Raises
        ------
        TableError
            The destination is the input, cannot be written or is of a kind that is not written; a column is
            there already; the table does not fit a sheet.
        """
        added = [str(name) for name in names]
        placement = Placement.of(self.columns, added, overwrite_columns=overwrite_columns)
        if os.fspath(destination) == landing.STDOUT:
            return
        path = Path(destination)
        self.refuse(path)
        if path.suffix.lower() in _UNWRITTEN:
            raise TableError(f"{path.suffix} files are not written here.", hint="use .csv, .tsv or .xlsx.")
        if _is_workbook(path):
            refuse_oversize(self.n_rows + 1, len(self.columns) + len(placement.appended))

    def refuse(self, path: Path) -> None:
        """Raise `TableError` if another file cannot be written to `path`, or would take the input's place."""
        landing.refuse_unwritable(path)
        if self._source.is_same_file(path):
            raise TableError(f"{path.name} is the input itself; it is never overwritten.", hint="name another file.")

    def write(
        self,
        destination: str | os.PathLike[str],
        added: pd.DataFrame | Mapping[str, Sequence[object]],
        *,
        csv_safe: bool = True,
        overwrite_columns: bool = False,
    ) -> Written:
        """Write the table with columns added; the file appears whole or not at all.

        Delimited text keeps its encoding, byte order mark, line endings, delimiter and every byte of its own
        cells; rows shorter than the header are filled up with delimiters. A destination whose suffix asks for
        another kind (``.tsv`` from commas, ``.csv`` from tabs, ``.xlsx``) has every cell written anew, with the
        same text in it. From a workbook, ``.csv`` and stdout are UTF-8 with commas. A written workbook holds the
        one sheet, values without styles, formulas as their last values, and times as UTC without a zone.
        Line breaks and control characters become spaces in added text, and in a workbook's cells written as text.

        Parameters
        ----------
        destination : str or os.PathLike
            A path other than the input, or ``"-"`` for stdout.
        added : pandas.DataFrame of n_rows rows, or mapping of name to sequence of length n_rows
            Typed columns. In text, a number keeps all its digits, a time is ISO 8601 in UTC, a list is JSON,
            missing is empty.
        csv_safe : bool
            Put ``'`` before an added text that a spreadsheet could take for a formula.
        overwrite_columns : bool
            Let an added column take the place of one of the same name, but for the rows that hold `KEEP`.

        Returns
        -------
        Written

        Raises
        ------
        TableError
            As `check`, and when the disk is full or the input changed meanwhile. A file that was at `destination`
            is then as it was.
        BrokenPipeError
            Whoever read stdout went away.
        """
        new = Added.of(added)
        self.check(destination, new.names, overwrite_columns=overwrite_columns)
        placement = Placement.of(self.columns, new.names, overwrite_columns=overwrite_columns)
        new_rows = new.rows(self.n_rows)
        n_columns = len(self.columns) + len(placement.appended)

        with _opened(destination) as sink:
            if _is_workbook(destination):
                title = self._content.title if isinstance(self._content, Sheet) else "Sheet1"
                sheet = write_sheet(sink, title, self._merged(new.names, new_rows, placement))
                return Written(self.n_rows, n_columns, sheet.neutralised, sheet.cut)
            delimiter = self._delimiter_for(destination)
            cells = CsvCells(delimiter, safe=csv_safe)
            if isinstance(self._content, Delimited) and delimiter == self._content.style.delimiter:
                sink.writelines(self._content.spliced(new.names, new_rows, placement, cells))
            else:
                sink.writelines(self._rewritten(new.names, new_rows, placement, cells, delimiter))
        return Written(self.n_rows, n_columns, cells.neutralised)

    def write_renamed(self, destination: str | os.PathLike[str], names: Sequence[str]) -> None:
        """Write the table under other column names, with every cell as it was; a workbook keeps its values.

        Parameters
        ----------
        destination : str or os.PathLike
            A path other than the input, of the input's kind, or ``"-"`` for stdout.
        names : sequence of str, one for each column

        Raises
        ------
        TableError
            As `write`.
        """
        self.check(destination, ())
        is_sheet = isinstance(self._content, Sheet)
        if is_sheet != _is_workbook(destination):
            raise TableError(
                f"{self._source.name} is {'a workbook' if is_sheet else 'text'}, and only its columns are renamed.",
                hint=f"write {'an .xlsx file' if is_sheet else 'a .csv or .tsv file'}.",
            )
        with _opened(destination) as sink:
            if isinstance(self._content, Sheet):
                write_sheet(sink, self._content.title, chain([names], self._content.rows()))
            else:
                sink.writelines(self._content.renamed(names, CsvCells(self._content.style.delimiter, safe=False)))

    def _position(self, name: str) -> int:
        count = self.columns.count(name)
        if count > 1:
            raise TableError(
                f"{self._source.name} has {count} columns {name!r}. Nothing was sent.", hint="rename all but one."
            )
        if count == 0:
            raise ColumnNotFoundError(
                f"{self._source.name} has no column {name!r}; it has {_listed(self.columns)}. Nothing was sent.",
                hint=_nearest(name, self.columns),
            )
        return self.columns.index(name)

    def _delimiter_for(self, destination: str | os.PathLike[str]) -> str:
        own = self._content.style.delimiter if isinstance(self._content, Delimited) else ","
        suffix = Path(destination).suffix.lower()
        if suffix == self._source.suffix:
            return own
        if suffix in (".tsv", ".tab"):
            return "\t"
        return "," if suffix == ".csv" and own == "\t" else own

    def _merged(
        self, names: Sequence[str], added: Iterable[Sequence[object]], placement: Placement
    ) -> Iterator[list[object]]:
        yield placement.merged(self.columns, names)
        try:
            for own, new in zip(self._content.rows(), added, strict=True):
                yield placement.merged(own, new)
        except TableError:
            raise
        except ValueError:
            raise self._source.changed() from None

    def _rewritten(
        self,
        names: Sequence[str],
        added: Iterable[Sequence[object]],
        placement: Placement,
        cells: CsvCells,
        delimiter: str,
    ) -> Iterator[bytes]:
        own_cell: Callable[[Any], str] = cells.quoted
        style = TextStyle(delimiter)
        if isinstance(self._content, Delimited):
            own_cell = quoted
            style = replace(self._content.style, delimiter=delimiter)
        own = set(range(len(self.columns))) - set(placement.replaced)
        yield style.bom
        for number, row in enumerate(self._merged(names, added, placement), start=1):
            texts = [own_cell(cell) if i in own else cells.quoted(cell) for i, cell in enumerate(row)]
            try:
                yield (delimiter.join(texts) + style.line_ending).encode(style.codec)
            except UnicodeEncodeError as error:
                raise style.lacks(error, f"in row {number} of {self._source.name}") from None


def write_rows(destination: str | os.PathLike[str], frame: pd.DataFrame) -> None:
    """Write a frame of our own making as UTF-8 CSV, every cell quoted and safe against formulas.

    Parameters
    ----------
    destination : str or os.PathLike
        A path, or ``"-"`` for stdout.
    frame : pandas.DataFrame

    Raises
    ------
    TableError
        It cannot be written; a file that was there is then as it was.
    """
    cells = CsvCells(",", safe=True)
    new = Added.of(frame)
    with _opened(destination) as sink:
        for row in chain([tuple(new.names)], new.rows(len(frame))):
            sink.write((",".join(map(cells.quoted, row)) + "\n").encode())


def _opened(destination: str | os.PathLike[str]) -> AbstractContextManager[IO[bytes]]:
    if os.fspath(destination) == landing.STDOUT:
        return landing.stdout()
    return landing.replacing(Path(destination))


def _is_workbook(destination: str | os.PathLike[str]) -> bool:
    return Path(destination).suffix.lower() == ".xlsx"


def _listed(columns: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in columns[:_NAMES_SHOWN])
    return f"{shown} and {len(columns) - _NAMES_SHOWN} more" if len(columns) > _NAMES_SHOWN else shown


def _nearest(name: str, columns: Sequence[str]) -> str:
    by_folded = {column.strip().casefold(): column for column in columns}
    near = get_close_matches(name.strip().casefold(), by_folded, n=1)
    return f"did you mean {by_folded[near[0]]!r}?" if near else "name one of these columns."
