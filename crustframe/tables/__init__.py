"""Tables of the shell command: read, ask about one column, write back with columns added.

For delimited text and JSON the user's own cells come out byte for byte as they went in: quotes, spaces, leading
zeros, ``NA``, byte order mark, line endings. Parquet keeps its types, a workbook all parts and cells.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Literal

from crustframe.errors import TableError
from crustframe.people.distinct import DistinctRows
from crustframe.tables import destination as landing
from crustframe.tables.cells import CsvCells
from crustframe.tables.content import Content, Kind
from crustframe.tables.conversion import (
    Grid,
    write_as_array,
    write_as_lines,
    write_as_parquet,
    write_as_sheet,
    write_as_text,
)
from crustframe.tables.delimited import Delimited, TextStyle
from crustframe.tables.header import HeaderSearch
from crustframe.tables.json_array import JsonArray, is_array
from crustframe.tables.kinds import KIND_NAMES, TAB_SUFFIXES, delimiter_of, kind_of, refuse_kind
from crustframe.tables.lines import Lines, is_lines
from crustframe.tables.naming import label_of, position_of
from crustframe.tables.outcome import Written
from crustframe.tables.parquet import Parquet, is_parquet, write_batches
from crustframe.tables.placement import KEEP, Added, Placement
from crustframe.tables.source import Source
from crustframe.tables.xlsx.growth import refuse_obstacles
from crustframe.tables.xlsx.new_book import refuse_oversize
from crustframe.tables.xlsx.sheet import Sheet
from crustframe.tables.xlsx.writer import ExtendedWorkbook

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["KEEP", "LineBreaks", "Table", "Written", "read_table", "refuse_kind", "write_rows"]

LineBreaks = Literal["keep", "space"]

_ZIP: Final = b"PK\x03\x04"
_FOREIGN: Final = {
    b"\xd0\xcf\x11\xe0": "an old .xls workbook or one with a password",
    b"PARE": "an encrypted Parquet file",
    b"\x1f\x8b": "a compressed file",
    b"<!doctype html": "a web page, perhaps one that asks to sign in",
    b"<html": "a web page",
}
_NAMED_BY_VALUE: Final[Sequence[tuple[Callable[[bytes], bool], Callable[[Source], Content]]]] = (
    (is_parquet, Parquet),
    (is_array, JsonArray),
    (is_lines, Lines),
)
_TITLE: Final = "Sheet1"
_HEAD: Final = 2**12


def read_table(
    source: str | os.PathLike[str],
    *,
    delimiter: str | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
    table: str | None = None,
    columns: Sequence[str] = (),
    header_row: int | None = None,
    has_header: bool = True,
) -> Table:
    """Read the header of a table; its rows are read when they are asked for.

    Parameters
    ----------
    source : str or os.PathLike
        Path of a CSV, TSV, .xlsx, Parquet, JSON lines or JSON file, or ``"-"`` for stdin. Content decides what it is,
        not the suffix: text that begins with ``{`` is JSON lines, with ``[{`` one JSON array, unless a delimiter is
        named.
    delimiter : str, optional
        One character, or ``tab``, ``comma``, ``semicolon``, ``pipe``. By default what a first line such as ``sep=;``
        says, a tab in a ``.tsv`` file, else what the header shows: ``,`` ``;`` tab or ``|``.
    encoding : str, optional
        By default UTF-8, else UTF-16 or cp1252 if the bytes look like it. A byte order mark says more than any name;
        JSON is always UTF-8.
    sheet : str, optional
        Name of a workbook's sheet, or its number from 1; by default the first that is shown.
    table : str, optional
        Name of an Excel table in a workbook: its rows alone.
    columns : sequence of str
        Columns that will be asked for: the first of the first 50 rows that holds their names is the header.
    header_row : int, optional
        The row that is the header, from 1.
    has_header : bool
        Whether a row names the columns; without one, the output has none either.

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
        if head.lstrip().lower().startswith(magic.lower()):
            raise TableError(
                f"{origin.name} is {kind}, not a table that can be read here.", hint="save it as .xlsx or as CSV UTF-8."
            )
    search = HeaderSearch(columns, header_row, has_header)
    if head.startswith(_ZIP):
        return Table(origin, Sheet(origin, sheet, search, table=table))
    if sheet is not None or table is not None:
        raise TableError(f"{origin.name} is not a workbook, so it has no sheet and no table {table or sheet!r}.")
    for looks, kind_of_content in _NAMED_BY_VALUE:
        if looks(head) and (delimiter is None or kind_of_content is Parquet):
            search.refuse(origin.name)
            return Table(origin, kind_of_content(origin))
    return Table(origin, Delimited(origin, delimiter=delimiter, encoding=encoding, search=search))


class Table:
    """A table whose cells stay in their file; made by `read_table`.

    Attributes
    ----------
    columns : list of str
        The header as read; for JSON all names that occur. A first line that holds a profile URL or an e-mail
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
    def reading_notes(self) -> list[str]:
        """What to say of how the table was read: an encoding that was seen, a header that is not the first row."""
        seen = self._content.encoding.note if isinstance(self._content, Delimited) else ""
        name = self._source.name
        is_empty = next(self._content.rows(), None) is None
        none = f"{name} has no rows below its header{self._content.elsewhere}." if is_empty else ""
        return [note for note in (seen, self._content.header.note(name), none) if note]

    def writing_notes(self, destination: str | os.PathLike[str]) -> list[str]:
        """What to say beforehand of what `write` will not keep: the encoding, lines before the header."""
        content, name, notes = self._content, self._source.name, []
        text = content if isinstance(content, Delimited) and self.kind_for(destination) == "text" else None
        if text is not None and not text.style.holds_any_text:
            notes.append(
                f"{name} is in {text.style.codec}, which cannot hold every answer; the output will be UTF-8 with a "
                "byte order mark, which Excel reads."
            )
        stays = isinstance(content, Sheet) and self.kind_for(destination) == "workbook"
        if content.header.n_before and not stays and not (text and self._style_for(destination) == text.style):
            notes.append(f"What stands before the header of {name} is left out of the output.")
        return notes

    def named(self, column: str) -> str:
        """Return the name of a column that is given by name or number; its number where the name is not its own."""
        return label_of(self.columns, position_of(self.columns, column, self._source.name))

    def sample(self, n_rows: int) -> dict[str, list[object]]:
        """Return the cells of the first rows, by column; those with one name by their numbers."""
        rows = self._content.sample(n_rows)
        return {label_of(self.columns, place): [row[place] for row in rows] for place in range(len(self.columns))}

    def column(self, name: str) -> list[object]:
        """Return the cells of one column.

        Parameters
        ----------
        name : str
            Its name in the header, exactly; or its number, from 1, if none is called so.

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
        cells = list(self._content.cells(position_of(self.columns, name, self._source.name)))
        self._n_rows = len(cells)
        return cells

    def distinct(self, names: Sequence[str]) -> DistinctRows:
        """Return the rows that differ in some columns, and which of them each row is; read as the table streams by.

        Parameters
        ----------
        names : sequence of str
            As for `column`.

        Raises
        ------
        ColumnNotFoundError, TableError
            As `column`.
        """
        places = [position_of(self.columns, name, self._source.name) for name in names]
        rows = self._content.distinct(places, names)
        self._n_rows = len(rows.codes)
        return rows

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
        self.refuse(destination)
        refuse_kind(destination, but=".xlsm" if isinstance(self._content, Sheet) else "")
        kind = self.kind_for(destination)
        if kind == "workbook" and isinstance(self._content, Sheet):
            self._content.refuse_suffix(Path(destination).suffix)
            refuse_obstacles(self._content, [added[i] for i in placement.appended], placement.replaced)
        elif kind == "workbook":
            refuse_oversize(self.n_rows + 1, len(self.columns) + len(placement.appended))
        if kind in ("parquet", "lines", "array") and kind != self._content.kind:
            self._refuse_twins(kind)

    def kind_for(self, destination: str | os.PathLike[str]) -> Kind:
        """Return the kind of what `write` writes there: by the suffix, else text, but JSON from JSON."""
        return kind_of(destination, self._content.kind if isinstance(self._content, Lines) else "text")

    def refuse(self, destination: str | os.PathLike[str]) -> None:
        """Raise `TableError` if nothing can be written there, or it would take the input's place."""
        landing.refuse_unwritable(destination)
        path = Path(destination)
        if self._source.is_same_file(path):
            raise TableError(f"{path.name} is the input itself; it is never overwritten.", hint="name another file.")

    def write(
        self,
        destination: str | os.PathLike[str],
        added: pd.DataFrame | Mapping[str, Sequence[object]],
        codes: Sequence[int] | None = None,
        *,
        csv_safe: bool = True,
        overwrite_columns: bool = False,
        line_breaks: LineBreaks = "keep",
    ) -> Written:
        """Write the table with columns added; the file appears whole or not at all.

        Delimited text keeps its encoding, byte order mark, line endings, delimiter, lines before the header and every
        byte of its own cells; but an encoding that lacks characters, such as cp1252, gives way to UTF-8 with a byte
        order mark. A table whose first line names somebody gets a header; one of which it was said that it has none
        gets none. Rows shorter than the header are filled up with delimiters. JSON keeps every byte of its own members;
        Parquet keeps types and metadata. A destination whose suffix asks for another kind (``.tsv`` from commas,
        ``.csv`` from tabs, ``.xlsx``, ``.parquet``, ``.jsonl``, ``.json``) has every cell written anew: the texts of
        delimited text stay texts, other values get the type that holds them all. Stdout is delimited text, but JSON
        where that came in. From another kind, ``.csv`` and stdout are UTF-8 with commas. A workbook from a
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
        codes : sequence of int, length n_rows, optional
            Which row of `added` each row gets, by `DistinctRows.codes`; by default its own.
        csv_safe : bool
            Put ``'`` before an added text, or a line of it, that a spreadsheet could take for a formula, and leave out
            line breaks at its end. Phone numbers stay as they are. Has no effect on Parquet and JSON, which no
            spreadsheet opens by itself.
        overwrite_columns : bool
            Let an added column take the place of one of the same name, but for the rows that hold `KEEP`.
        line_breaks : {"keep", "space"}
            What becomes of line breaks in added texts.

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
        new = Added.of(added, codes)
        self.check(destination, new.names, overwrite_columns=overwrite_columns)
        placement = Placement.of(self.columns, new.names, overwrite_columns=overwrite_columns)
        new = new.fitting(self.n_rows)
        new, joined = new.on_one_line() if line_breaks == "space" else (new, 0)
        with landing.opened(destination) as sink:
            try:
                written = self._written(sink, destination, new, placement, csv_safe=csv_safe)
            except RecursionError:
                raise TableError(
                    f"{self._source.name} holds values nested too deeply to be written otherwise. Nothing was written, "
                    "nothing is lost: the paid answers are in the ledger.",
                    hint="write a .jsonl file; it is free of charge.",
                ) from None
        return replace(written, joined=joined)

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
        with landing.opened(destination) as sink:
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
                    texts = ExtendedWorkbook(content, new.names, placement).write(sink, new.rows())
                else:
                    texts = write_as_sheet(sink, self._grid(new, placement), _TITLE)
                return replace(written, neutralised=texts.neutralised, cut=texts.cut)
            case "parquet", Parquet() as file:
                schema, batches = file.extended(new, placement)
                write_batches(sink, schema, batches, compression=file.compression)
            case "parquet", _:
                write_as_parquet(sink, self._grid(new, placement))
            case kind, Lines() as lines if kind == lines.kind:
                sink.writelines(lines.spliced(new, placement))
            case "lines", _:
                write_as_lines(sink, self._grid(new, placement))
            case "array", _:
                write_as_array(sink, self._grid(new, placement))
            case _, content:
                style = self._style_for(destination)
                cells = CsvCells(style.delimiter, safe=csv_safe)
                if isinstance(content, Delimited) and style == content.style:
                    sink.writelines(content.spliced(new, placement, cells))
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
        return Grid(names, partial(self._merged, new, placement), typed, texts, self._content.header.is_written)

    def _merged(self, new: Added, placement: Placement) -> Iterator[list[object]]:
        try:
            for own, added in zip(self._content.rows(), new.rows(), strict=True):
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
    new = Added.of(frame).fitting(len(frame))
    grid = Grid(new.names, new.rows, dict(enumerate(new.columns)))
    kind = kind_of(destination, "text") if beside is None else beside.kind_for(destination)
    if kind == "workbook":
        refuse_oversize(len(frame) + 1, len(new.names))
    with landing.opened(destination) as sink:
        match kind:
            case "workbook":
                write_as_sheet(sink, grid, _TITLE)
            case "parquet":
                write_as_parquet(sink, grid)
            case "lines":
                write_as_lines(sink, grid)
            case "array":
                write_as_array(sink, grid)
            case "text":
                style = TextStyle(delimiter_of(Path(destination).suffix.lower()))
                write_as_text(sink, grid, CsvCells(style.delimiter, safe=True), style)
