"""A table written anew as another kind: its rows walk through here one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import IO, Any

from crustframe.tables.arrow import Shape, require_pyarrow, type_of
from crustframe.tables.cells import CsvCells, quoted
from crustframe.tables.delimited import TextStyle
from crustframe.tables.json_array import array_rows
from crustframe.tables.lines import json_rows
from crustframe.tables.parquet import typed_batches, write_batches
from crustframe.tables.xlsx.new_book import TextCount, write_sheet


@dataclass(frozen=True)
class Grid:
    """Columns and rows on their way into a file of another kind.

    Attributes
    ----------
    names : sequence of str
    rows : callable
        Returns an iterator of rows, anew each time.
    typed : mapping of int to column
        Positions of columns whose type is told by a pandas Series or another sequence, with that; the types of
        the others are seen in the rows.
    texts : frozenset of int
        Positions of the table's own cells that are texts already, and stay as they are.
    is_headed : bool
        Whether the names become a row of a text or a workbook.
    """

    names: Sequence[str]
    rows: Callable[[], Iterator[Sequence[object]]]
    typed: Mapping[int, Any] = field(default_factory=dict)
    texts: frozenset[int] = frozenset()
    is_headed: bool = True

    def headed_rows(self) -> Iterator[Sequence[object]]:
        """Yield the names, where they become a row, and the rows."""
        return chain([self.names] if self.is_headed else [], self.rows())


def write_as_sheet(sink: IO[bytes], grid: Grid, title: str) -> TextCount:
    """Write a workbook of one sheet."""
    return write_sheet(sink, title, grid.headed_rows())


def write_as_lines(sink: IO[bytes], grid: Grid) -> None:
    """Write JSON lines."""
    sink.writelines(json_rows(grid.names, grid.rows()))


def write_as_array(sink: IO[bytes], grid: Grid) -> None:
    """Write one JSON array."""
    sink.writelines(array_rows(grid.names, grid.rows()))


def write_as_parquet(sink: IO[bytes], grid: Grid) -> None:
    """Write a Parquet file; the rows are gone through twice where their types are not told."""
    pa = require_pyarrow()
    types = {position: pa.string() for position in grid.texts}
    types |= {position: type_of(column) for position, column in grid.typed.items()}
    types |= _seen_types(grid, [position for position in range(len(grid.names)) if position not in types])
    schema = pa.schema([(name, types[position]) for position, name in enumerate(grid.names)])
    write_batches(sink, schema, typed_batches(schema, grid.rows()))


def write_as_text(sink: IO[bytes], grid: Grid, cells: CsvCells, style: TextStyle) -> None:
    """Write delimited text, every cell anew, in a style that holds any text."""
    sink.write(style.bom)
    for row in grid.headed_rows():
        texts = [_quoted(cell, cells, is_own=i in grid.texts) for i, cell in enumerate(row)]
        sink.write((style.delimiter.join(texts) + style.line_ending).encode(style.codec))


def _quoted(cell: Any, cells: CsvCells, *, is_own: bool) -> str:
    return quoted(cell) if is_own else cells.quoted(cell)


def _seen_types(grid: Grid, positions: Sequence[int]) -> dict[int, Any]:
    if not positions:
        return {}
    shapes = {position: Shape() for position in positions}
    for row in grid.rows():
        for position, shape in shapes.items():
            shape.see(row[position])
    return {position: shape.arrow_type() for position, shape in shapes.items()}
