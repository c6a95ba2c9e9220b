"""One sheet of a workbook, or one Excel table on it: its header, its rows, and who its cells name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property, partial
from itertools import islice
from typing import ClassVar

from crustframe.errors import TableError
from crustframe.people.identifiers import read_identifiers
from crustframe.tables.cells import text_of
from crustframe.tables.content import Content, Kind
from crustframe.tables.header import Header, HeaderSearch
from crustframe.tables.header import Row as HeaderRow
from crustframe.tables.source import Source
from crustframe.tables.xlsx.package import Package, SheetEntry
from crustframe.tables.xlsx.rows import MAX_ROWS, Area, Cell, Row, SheetRows
from crustframe.tables.xlsx.styles import Styles
from crustframe.tables.xlsx.tables import ExcelTable
from crustframe.tables.xlsx.values import Values, address_in, has_formula
from crustframe.tables.xlsx.xml import Element, root_of


@dataclass
class Survey:
    """What the first walk through all rows saw.

    Attributes
    ----------
    last : int
        Number of the last row in use.
    beside : Area, optional
        A cell in use to the right of the table, of those the leftmost.
    formulas : set of int
        Columns that hold formulas.
    arrays : list of Area
        Where formulas spill.
    head, tail : bytes
        What stands before and behind the rows.
    """

    last: int
    beside: Area | None = None
    formulas: set[int] = field(default_factory=set)
    arrays: list[Area] = field(default_factory=list)
    head: bytes = b""
    tail: bytes = b""

    @cached_property
    def around(self) -> Element:
        """The sheet without its rows."""
        return root_of(self.head + self.tail)


class Sheet(Content):
    """One sheet of a workbook; cells are str, int, float, bool, date, datetime, time or ``None``.

    Parameters
    ----------
    source : Source
        The workbook's bytes.
    sheet : str, optional
        Name of the sheet, or its number from 1; by default the first that is shown.
    search : HeaderSearch
        What is known of its header.
    table : str, optional
        Name of an Excel table: its rows alone.

    Attributes
    ----------
    package : Package
    entry : SheetEntry
    tables : list of ExcelTable
        All of the sheet.
    first, left, right : int
        The first row below the header; the first and the last column.
    """

    kind: ClassVar[Kind] = "workbook"

    def __init__(
        self, source: Source, sheet: str | None = None, search: HeaderSearch | None = None, *, table: str | None = None
    ) -> None:
        self.name = source.name
        self.package = Package(source)
        with self.package.sound():
            styles = self.package.styles
            self.styles_data = self.package.read(styles) if styles else b""
            self.values = Values(self.package, Styles(self.styles_data))
            self.entry, self.tables, self._table = self._chosen(sheet, table)
            self.left = self._table.area.left if self._table else 1
            self.header = self._header_of_table() if self._table else self._header_found(search or HeaderSearch())
        self.has_header = self.header.number > 0
        self.columns = self.header.names
        if not any(self.columns):
            raise TableError(
                f"The header row of {self.name} is empty; it should name the columns.",
                hint="say which row is the header with --header-row, or which sheet with --sheet.",
            )
        self.first = self._table.area.top + self._table.has_header if self._table else self.header.number + 1
        self.right = self.left + len(self.columns) - 1

    def rows(self) -> Iterator[Sequence[object]]:
        """Yield the cells of every row down to the last one in use, padded to the header's width."""
        with self.package.sound():
            for _, cells in self.body():
                yield self._own(cells, self.values.of)

    def sample(self, n_rows: int) -> list[Sequence[object]]:
        """Return the first rows as `cells` reads them."""
        with self.package.sound():
            links = {(area.top, area.left): address for area, address in self._links}

            def linked(number: int, cell: Cell) -> object:
                return self._named(cell, links.get((number, cell.column)))

            return [self._own(cells, partial(linked, number)) for number, cells in islice(self.body(), n_rows)]

    def cells(self, position: int) -> Iterator[object]:
        """Yield the cells of one column; where a text names nobody, the address behind it if that does."""
        column = self.left + position
        with self.package.sound():
            links = self._links_in(column)
            for number, cells in self.body():
                cell = next((one for one in cells if one.column == column), None)
                yield self._named(cell, links.get(number))

    def _own(self, cells: Sequence[Cell], read: Callable[[Cell], object]) -> list[object]:
        row: list[object] = [None] * len(self.columns)
        for cell in cells:
            if self.left <= cell.column <= self.right:
                row[cell.column - self.left] = read(cell)
        return row

    def _named(self, cell: Cell | None, link: str | None) -> object:
        value = self.values.of(cell) if cell else None
        addresses = [one for one in (address_in(cell) if cell else None, link) if one]
        if addresses and (not isinstance(value, str) or _names_nobody(value)):
            return next((one for one in addresses if not _names_nobody(one)), value)
        return value

    @property
    def elsewhere(self) -> str:
        """The other sheets that are shown."""
        others = [repr(one.name) for one in self.package.sheets if one.part and one != self.entry and not one.is_hidden]
        return f"; other sheets of it: {', '.join(others)} (--sheet)" if others else ""

    def count(self) -> int:
        return sum(1 for _ in self.numbers())

    def numbers(self) -> Iterator[int]:
        """Yield the numbers of the rows; the totals below an Excel table are none of them."""
        totals = self._totals()
        return (number for number in range(self.first, self.survey.last + 1) if number not in totals)

    @property
    def top(self) -> int:
        """The row of the header, or the first one where there is none."""
        return self.first - self.has_header

    @property
    def own_tables(self) -> list[ExcelTable]:
        """The Excel tables that have their header in the row of ours."""
        return [table for table in self.tables if table.area.top == self.top]

    def _totals(self) -> set[int]:
        return {table.area.bottom for table in self.own_tables if table.has_totals and not self._table}

    def refuse_suffix(self, suffix: str) -> None:
        """Raise `TableError` if the workbook must not be written under a name that ends so."""
        if suffix.lower() != self.package.suffix:
            raise TableError(
                f"{self.name} is a workbook of the kind {self.package.suffix}, and stays one: it cannot be written as "
                f"{suffix}. Nothing was sent.",
                hint=f"name a file that ends in {self.package.suffix}, or a .csv file."
                if self.package.suffix in (".xlsx", ".xlsm")
                else "save it as .xlsx first.",
            )

    def scan(self) -> SheetRows:
        return SheetRows(self.package.chunks(self.entry.part))

    def body(self) -> Iterator[tuple[int, Sequence[Cell]]]:
        """Yield every row's number and cells, also of rows that the file leaves out."""
        scanned = self.scan()
        rows = scanned.rows()
        row = next(rows, None)
        for number in self.numbers():
            while row and row.number < number:
                row = next(rows, None)
            yield number, list(scanned.cells(row)) if row and row.number == number else ()

    @cached_property
    def survey(self) -> Survey:
        """What stands where, seen in one walk.

        Raises
        ------
        TableError
            A row is longer than the header.
        """
        with self.package.sound():
            scanned = self.scan()
            survey = Survey(self._table.last if self._table else self.first - 1)
            bottom = self._table.area.bottom if self._table else MAX_ROWS
            for row in scanned.rows():
                if self.top <= row.number <= bottom:
                    self._see(scanned, row, survey)
            survey.head, survey.tail = scanned.head, scanned.tail
        return survey

    def _see(self, scanned: SheetRows, row: Row, survey: Survey) -> None:
        cells = [cell for cell in scanned.cells(row) if cell.inside]
        if b"ref" in row.raw or scanned.formula in row.raw:
            with_formulas = list(filter(has_formula, cells))
            survey.arrays += [area for cell in with_formulas for area in self.values.arrays_in(cell)]
            if row.number not in self._totals() and row.number >= self.first:
                survey.formulas.update(cell.column for cell in with_formulas)
        while cells and self.values.of(cells[-1]) is None:
            if cells[-1].column > self.right and has_formula(cells[-1]):
                self._is_beside(row, cells[-1], survey)
            cells.pop()
        if not cells:
            return
        if not self._table and row.number >= self.first:
            survey.last = row.number
            if (width := cells[-1].column) > self.right:
                raise TableError(
                    f"Row {row.number} of {self.name} has {width} cells, the "
                    f"{'header' if self.has_header else 'first row'} {len(self.columns)}. Nothing was written.",
                    hint="name every column in the header.",
                )
        for cell in cells:
            if cell.column > self.right:
                self._is_beside(row, cell, survey)

    def _is_beside(self, row: Row, cell: Cell, survey: Survey) -> None:
        if survey.beside is None or cell.column < survey.beside.left:
            survey.beside = Area(row.number, cell.column, row.number, cell.column)

    @cached_property
    def _links(self) -> list[tuple[Area, str]]:
        targets = self.package.links(self.entry.part)
        found = []
        for link in self.survey.around.all("hyperlinks", "hyperlink"):
            parts = (targets.get(link.link or "", ("", ""))[1], link.attributes.get("location"))
            found.append((Area.of(link.attributes["ref"]), "#".join(filter(None, parts))))
        return found

    def _links_in(self, column: int) -> dict[int, str]:
        """Return the addresses behind the cells of a column, by row."""
        found: dict[int, str] = {}
        left = 2 * MAX_ROWS  # links over links would take for ever
        for area, address in self._links:
            if area.left <= column <= area.right and left > 0:
                rows = range(area.top, min(area.bottom, self.survey.last) + 1)
                found |= dict.fromkeys(rows, address)
                left -= len(rows)
        return found

    def _header_found(self, search: HeaderSearch) -> Header:
        scanned, rows = self.scan(), [HeaderRow(1, [])]
        for row in scanned.rows():
            if row.number > search.depth:
                break
            texts = [""] * max((cell.column for cell in scanned.cells(row)), default=0)
            for cell in scanned.cells(row):
                texts[cell.column - 1] = text_of(self.values.of(cell))
            while texts and not texts[-1]:
                texts.pop()
            rows += [HeaderRow(number, []) for number in range(rows[-1].number + 1, row.number)]
            rows[row.number - 1 :] = [HeaderRow(row.number, texts)]
        return search.among(rows)

    def _header_of_table(self) -> Header:
        assert self._table is not None  # noqa: S101
        number = self._table.area.top if self._table.has_header else 0
        return Header(self._table.columns, number, is_written=self._table.has_header)

    def _chosen(self, sheet: str | None, table: str | None) -> tuple[SheetEntry, list[ExcelTable], ExcelTable | None]:
        entries = [entry for entry in self.package.sheets if entry.part]
        if table is None:
            entry = self._sheet_named(entries, sheet)
            return entry, self._tables_on(entry), None
        seen = []
        for entry in [self._sheet_named(entries, sheet)] if sheet else entries:
            tables = self._tables_on(entry)
            for one in tables:
                if one.name.casefold() == table.casefold():
                    return entry, tables, one
            seen += [one.name for one in tables]
        raise self._absent("table", table, seen)

    def _sheet_named(self, entries: list[SheetEntry], sheet: str | None) -> SheetEntry:
        if sheet is None and entries:
            return next((entry for entry in entries if not entry.is_hidden), entries[0])
        by_name = {entry.name: entry for entry in entries}
        by_number = {str(i): entry for i, entry in enumerate(self.package.sheets, start=1) if entry.part}
        found = by_name.get(sheet or "") or by_number.get(sheet or "")
        if found is None:
            raise self._absent("sheet", sheet or "", [entry.name for entry in entries])
        return found

    def _tables_on(self, entry: SheetEntry) -> list[ExcelTable]:
        return [ExcelTable(part, self.package.read(part)) for part in self.package.parts_of(entry.part, "/table")]

    def _absent(self, what: str, name: str, names: Sequence[str]) -> TableError:
        near = get_close_matches(name, names, n=1)
        return TableError(
            f"{self.name} has no {what} {name!r}; it has {', '.join(names) or 'none'}.",
            hint=f"did you mean {near[0]!r}?" if near else "choose one of these.",
        )


def _names_nobody(text: str) -> bool:
    return bool(read_identifiers([text]).refusals)
