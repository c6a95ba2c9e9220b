"""Tables of the shell command: read, ask about one column, write back with columns added.

For delimited text and JSON lines the user's own cells come out byte for byte as they went in: quotes, spaces, leading
zeros, ``NA``, byte order mark, line endings. Parquet keeps its types. A workbook stays the same workbook: every part
but the one sheet, and every cell of that.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from crustframe.errors import ColumnNotFoundError, TableError
from crustframe.tables import destination as landing
from crustframe.tables.cells import CsvCells
from crustframe.tables.content import Content, Kind
from crustframe.tables.conversion import Grid, write_as_lines, write_as_parquet, write_as_sheet, write_as_text
from crustframe.tables.delimited import Delimited, TextStyle
from crustframe.tables.header import HeaderSearch
from crustframe.tables.kinds import KIND_NAMES, TAB_SUFFIXES, delimiter_of, kind_of, refuse_kind
from crustframe.tables.lines import Lines, is_array, is_lines
from crustframe.tables.parquet import MAGIC, Parquet, write_batches
from crustframe.tables.placement import KEEP, Added, Placement
from crustframe.tables.source import Source
from crustframe.tables.workbook import refuse_oversize
from crustframe.tables.xlsx_growth import refuse_obstacles
from crustframe.tables.xlsx_sheet import Sheet
from crustframe.tables.xlsx_writer import ExtendedWorkbook
from crustframe.wording import counted

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["KEEP", "Table", "Written", "read_table", "refuse_kind", "write_rows"]

_ZIP: Final = b"PK\x03\x04"
_FOREIGN: Final = {
    b"\xd0\xcf\x11\xe0": "an old .xls workbook or one with a password",
    b"PARE": "an encrypted Parquet file",
    b"\x1f\x8b": "a compressed file",
}
_TITLE: Final = "Sheet1"
_HEAD: Final = 2**12
_NAMES_SHOWN: Final = 30
_BY_NUMBER: Final = "there is no header, since the first line names somebody: give a number, such as --column 1."


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
        Texts cut at Excel's 32,767 characters; 0 but for workbooks.
    sums : int
        Phone numbers of a delimited text that Excel would take for sums, such as ``+1-555-0148``.
    """

    rows: int
    columns: int
    neutralised: int
    cut: int = 0
    sums: int = 0

    @property
    def defused(self) -> str:
        """What to say of the cells that were neutralised."""
        what = (
            "cell that a spreadsheet would run as a formula was",
            "cells that a spreadsheet would run as formulas were",
        )
        return f"{counted(self.neutralised, *what)} defused with a leading '"


def read_table(
    source: str | os.PathLike[str],
    *,
    delimiter: str | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
    table: str | None = None,
    columns: Sequence[str] = (),
) -> Table:
    """Read the header of a table; its rows are read when they are asked for.

    Parameters
    ----------
    source : str or os.PathLike
        Path of a CSV, TSV, .xlsx, Parquet or JSON lines file, or ``"-"`` for stdin. Content decides what it is, not
        the suffix: text that begins with ``{`` is JSON lines, unless a delimiter is named.
    delimiter : str, optional
        One character, or ``tab``, ``comma``, ``semicolon``, ``pipe``. By default a tab in a ``.tsv`` file, else
        what the header shows: ``,`` ``;`` tab or ``|``.
    encoding : str, optional
        By default UTF-8. A byte order mark says more than any name; JSON lines are always UTF-8.
    sheet : str, optional
        Name of a workbook's sheet, or its number from 1; by default the first that is shown.
    table : str, optional
        Name of an Excel table in a workbook: its rows alone.
    columns : sequence of str
        Columns that will be asked for: the first of the first 50 rows that holds their names is the header.

    Returns
    -------
    Table

    Raises
    ------
    TableError
        No such file, not a table, no header, not in this encoding, a broken line, too large a workbook.
    """
    origin = Source(source)
    head = origin.head(_HEAD)
    for magic, kind in _FOREIGN.items():
        if head.startswith(magic):
            raise TableError(
                f"{origin.name} is {kind}, not a table that can be read here.", hint="save it as .xlsx or as CSV UTF-8."
            )
    if head.startswith(_ZIP):
        return Table(origin, Sheet(origin, sheet, HeaderSearch(columns), table=table))
    if sheet is not None or table is not None:
        what = "sheet" if table is None else "table"
        raise TableError(f"{origin.name} is not a workbook, so it has no {what} {table or sheet!r}.")
    if head.startswith(MAGIC):
        return Table(origin, Parquet(origin))
    if delimiter is None and is_array(head):
        raise TableError(
            f"{origin.name} is one JSON array, which is not read here.", hint="write one object a line (JSON lines)."
        )
    if delimiter is None and is_lines(head):
        return Table(origin, Lines(origin))
    return Table(origin, Delimited(origin, delimiter=delimiter, encoding=encoding))


class Table:
    """A table whose cells stay in their file; made by `read_table`.

    Attributes
    ----------
    columns : list of str
        The header as read; for JSON lines all names that occur. A first line that holds a profile URL or an e-mail
        address is no header but a row: the columns are then ``column_1``, ``column_2`` and so on.
    """

    def __init__(self, source: Source, content: Content) -> None:
        self._source = source
        self._content = content
        self._n_rows: int | None = None
        self.columns = content.columns

    @property
    def n_rows(self) -> int:
        """Rows below the header; reads the table once, unless `column` did."""
        if self._n_rows is None:
            self._n_rows = self._content.count()
        return self._n_rows

    @property
    def header_note(self) -> str:
        """What to say of a table without a header, or with one below its first row."""
        if self._content.has_header or isinstance(self._content, Sheet):
            return self._content.header.note(self._source.name) if isinstance(self._content, Sheet) else ""
        return (
            f"The first line of {self._source.name} names somebody, so the file has no header; "
            f"its columns are called {_listed(self.columns)}, or by number: --column 1."
        )

    def encoding_note(self, destination: str | os.PathLike[str]) -> str:
        """What to say, before anything is bought, if `write` will use another encoding than the input's."""
        content = self._content
        if self.kind_for(destination) != "text" or not isinstance(content, Delimited) or content.style.holds_any_text:
            return ""
        return (
            f"{self._source.name} is in {content.style.codec}, which cannot hold every answer; the output will be "
            "UTF-8 with a byte order mark, which Excel reads."
        )

    def named(self, column: str) -> str:
        """Return the name of a column, which for a table without a header may be given by its number."""
        is_number = not self._content.has_header and column.isdecimal()
        return dict(enumerate(self.columns, start=1)).get(int(column), column) if is_number else column

    def sample(self, n_rows: int) -> dict[str, list[object]]:
        """Return the cells of the first rows, by column; of columns with one name, those of the last."""
        rows = list(islice(self._content.rows(), n_rows))
        return {name: [row[position] for row in rows] for position, name in enumerate(self.columns)}

    def column(self, name: str) -> list[object]:
        """Return the cells of one column.

        Parameters
        ----------
        name : str
            Its name in the header, exactly.

        Returns
        -------
        list of object, length n_rows
            str for delimited text; other kinds may also hold numbers, bools, dates, lists and ``None``.

        Raises
        ------
        ColumnNotFoundError
            No column has this name.
        TableError
            More than one has, or a row cannot be read: longer than the header, an open quote, a wrong encoding.
        """
        cells = list(self._content.cells(self._position(name)))
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
            there already; the table does not fit a sheet; Parquet without pyarrow.
        """
        added = [str(name) for name in names]
        placement = Placement.of(self.columns, added, overwrite_columns=overwrite_columns)
        if os.fspath(destination) == landing.STDOUT:
            return
        self.refuse(Path(destination))
        refuse_kind(destination, but=".xlsm" if isinstance(self._content, Sheet) else "")
        kind = self.kind_for(destination)
        if kind == "workbook" and isinstance(self._content, Sheet):
            self._content.refuse_suffix(Path(destination).suffix)
            refuse_obstacles(self._content, [added[i] for i in placement.appended], placement.replaced)
        elif kind == "workbook":
            refuse_oversize(self.n_rows + 1, len(self.columns) + len(placement.appended))
        if kind in ("parquet", "lines") and kind != self._content.kind:
            self._refuse_twins(kind)

    def kind_for(self, destination: str | os.PathLike[str]) -> Kind:
        """Return the kind of what `write` writes there: by the suffix, else text, but JSON lines from JSON lines."""
        return kind_of(destination, "lines" if self._content.kind == "lines" else "text")

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

        Delimited text keeps its encoding, byte order mark, line endings, delimiter and every byte of its own cells; but
        an encoding that lacks characters, such as cp1252, gives way to UTF-8 with a byte order mark. A table without a
        header gets one. Rows shorter than the header are filled up with delimiters. JSON lines keep every byte of their
        own members; Parquet keeps types and metadata. A destination whose suffix asks for another kind (``.tsv`` from
        commas, ``.csv`` from tabs, ``.xlsx``, ``.parquet``, ``.jsonl``) has every cell written anew: the texts of
        delimited text stay texts, other values get the type that holds them all. Stdout is delimited text, but JSON
        lines where those came in. From another kind, ``.csv`` and stdout are UTF-8 with commas. A workbook from a
        workbook is the same one but for the added cells, and what spans them: an Excel table, a filter, the print
        area. Times are UTC without a zone in workbooks.
        In delimited files, line breaks of added text stay, in quotes, and other control characters become spaces.

        Parameters
        ----------
        destination : str or os.PathLike
            A path other than the input, or ``"-"`` for stdout.
        added : pandas.DataFrame of n_rows rows, or mapping of name to sequence of length n_rows
            Typed columns. In text, a number keeps all its digits, a time is ISO 8601 in UTC, a list is JSON,
            missing is empty; in Parquet and JSON lines, values have types and missing is null.
        csv_safe : bool
            Put ``'`` before an added text, or a line of it, that a spreadsheet could take for a formula, and leave out
            line breaks at its end. Phone numbers stay as they are. Has no effect on Parquet and JSON lines, which no
            spreadsheet opens by itself.
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
        new.refuse_other_length(self.n_rows)
        with _opened(destination) as sink:
            try:
                return self._written(sink, destination, new, placement, csv_safe=csv_safe)
            except RecursionError:
                raise TableError(
                    f"{self._source.name} holds values nested too deeply to be written otherwise. Nothing was written, "
                    "nothing is lost: the paid answers are in the ledger.",
                    hint="write a .jsonl file; it is free of charge.",
                ) from None

    def write_renamed(self, destination: str | os.PathLike[str], names: Sequence[str]) -> None:
        """Write the table under other column names, with every cell as it was.

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
        kind = self._content.kind
        if kind != self.kind_for(destination):
            is_now, should_be = KIND_NAMES[kind]
            raise TableError(
                f"{self._source.name} is {is_now}, and only its columns are renamed.", hint=f"write {should_be}."
            )
        with _opened(destination) as sink:
            match self._content:
                case Sheet() as sheet:
                    other = {i: name for i, name in enumerate(names) if name != self.columns[i]}
                    ExtendedWorkbook(sheet, (), Placement({}, []), other).write(sink)
                case Parquet() as file:
                    schema, batches = file.renamed(names)
                    write_batches(sink, schema, batches, compression=file.compression)
                case Lines() as lines:
                    sink.writelines(lines.renamed(names))
                case Delimited() as text:
                    sink.writelines(text.renamed(names, CsvCells(text.style.delimiter, safe=False)))

    def _position(self, name: str) -> int:
        count = self.columns.count(name)
        if count > 1:
            raise TableError(
                f"{self._source.name} has {count} columns {name!r}. Nothing was sent.", hint="rename all but one."
            )
        if count == 0:
            raise ColumnNotFoundError(
                f"{self._source.name} has no column {name!r}; it has {_listed(self.columns)}. Nothing was sent.",
                hint=_nearest(name, self.columns) if self._content.has_header else _BY_NUMBER,
            )
        return self.columns.index(name)

    def _refuse_twins(self, kind: Kind) -> None:
        twins = [name for name in self.columns if self.columns.count(name) > 1]
        if twins:
            raise TableError(
                f"{self._source.name} has {self.columns.count(twins[0])} columns {twins[0]!r}, which "
                f"{KIND_NAMES[kind][0]} cannot tell apart. Nothing was sent.",
                hint="rename all but one, or write a .csv file.",
            )

    def _style_for(self, destination: str | os.PathLike[str]) -> TextStyle:
        suffix = Path(destination).suffix.lower()
        if not isinstance(self._content, Delimited):
            return TextStyle(delimiter_of(suffix))
        own = self._content.style
        if suffix == self._source.suffix:
            return own
        if suffix in TAB_SUFFIXES or (suffix == ".csv" and own.delimiter == "\t"):
            return replace(own, delimiter=delimiter_of(suffix))
        return own

    def _written(
        self, sink: IO[bytes], destination: str | os.PathLike[str], new: Added, placement: Placement, *, csv_safe: bool
    ) -> Written:
        written = Written(self.n_rows, len(self.columns) + len(placement.appended), 0)
        match self.kind_for(destination), self._content:
            case "workbook", content:
                if isinstance(content, Sheet):
                    texts = ExtendedWorkbook(content, new.names, placement).write(sink, new.rows(self.n_rows))
                else:
                    texts = write_as_sheet(sink, self._grid(new, placement), _TITLE)
                return replace(written, neutralised=texts.neutralised, cut=texts.cut)
            case "parquet", Parquet() as file:
                schema, batches = file.extended(new, placement)
                write_batches(sink, schema, batches, compression=file.compression)
            case "parquet", _:
                write_as_parquet(sink, self._grid(new, placement))
            case "lines", Lines() as lines:
                sink.writelines(lines.spliced(new.names, new.rows(self.n_rows), placement))
            case "lines", _:
                write_as_lines(sink, self._grid(new, placement))
            case _, content:
                style = self._style_for(destination)
                cells = CsvCells(style.delimiter, safe=csv_safe)
                if isinstance(content, Delimited) and style == content.style:
                    sink.writelines(content.spliced(new.names, new.rows(self.n_rows), placement, cells))
                else:
                    write_as_text(sink, self._grid(new, placement), cells, style.holding_any_text())
                return replace(written, neutralised=cells.neutralised, sums=cells.sums)
        return written

    def _grid(self, new: Added, placement: Placement) -> Grid:
        width = len(self.columns)
        is_text = isinstance(self._content, Delimited)
        typed = {width + place: new.columns[i] for place, i in enumerate(placement.appended)}
        typed |= {p: new.columns[i] for p, i in placement.replaced.items() if not new.keeps_some(i)}
        texts = frozenset(range(width)) - frozenset(placement.replaced) if is_text else frozenset()
        names = [str(name) for name in placement.merged(self.columns, new.names)]
        return Grid(names, partial(self._merged, new, placement), typed, texts)

    def _merged(self, new: Added, placement: Placement) -> Iterator[list[object]]:
        try:
            for own, added in zip(self._content.rows(), new.rows(self.n_rows), strict=True):
                yield placement.merged(own, added)
        except TableError:
            raise
        except ValueError:
            raise self._source.changed() from None


def write_rows(destination: str | os.PathLike[str], frame: pd.DataFrame, *, beside: Table | None = None) -> None:
    """Write a frame of our own making in the kind that the suffix says, by default as UTF-8 CSV.

    In CSV every cell is quoted and safe against formulas.

    Parameters
    ----------
    destination : str or os.PathLike
        A path, or ``"-"`` for stdout.
    frame : pandas.DataFrame
    beside : Table, optional
        The input; where it is JSON lines, stdout is so too.

    Raises
    ------
    TableError
        It cannot be written, or is of a kind that is not; a file that was there is then as it was.
    """
    refuse_kind(destination)
    new = Added.of(frame)
    grid = Grid(new.names, partial(new.rows, len(frame)), dict(enumerate(new.columns)))
    kind = kind_of(destination, "text") if beside is None else beside.kind_for(destination)
    if kind == "workbook":
        refuse_oversize(len(frame) + 1, len(new.names))
    with _opened(destination) as sink:
        match kind:
            case "workbook":
                write_as_sheet(sink, grid, _TITLE)
            case "parquet":
                write_as_parquet(sink, grid)
            case "lines":
                write_as_lines(sink, grid)
            case "text":
                style = TextStyle(delimiter_of(Path(destination).suffix.lower()))
                write_as_text(sink, grid, CsvCells(style.delimiter, safe=True), style)


def _opened(destination: str | os.PathLike[str]) -> AbstractContextManager[IO[bytes]]:
    if os.fspath(destination) == landing.STDOUT:
        return landing.stdout()
    return landing.replacing(Path(destination))


def _listed(columns: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in columns[:_NAMES_SHOWN])
    return f"{shown} and {len(columns) - _NAMES_SHOWN} more" if len(columns) > _NAMES_SHOWN else shown


def _nearest(name: str, columns: Sequence[str]) -> str:
    by_folded = {column.strip().casefold(): column for column in columns}
    near = get_close_matches(name.strip().casefold(), by_folded, n=1)
    return f"did you mean {by_folded[near[0]]!r}?" if near else "name one of these columns."
