"""Which cells are added to a row, and where they go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, Final, TypeVar

from crustframe.errors import TableError
from crustframe.people.distinct import counts_of
from crustframe.tables.cells import on_one_line

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")

KEEP: Final = object()
"""An added cell that leaves the table's own one as it is, byte for byte; an empty cell where there is none."""

_ROWS_AT_ONCE: Final = 1_000


@dataclass(frozen=True)
class Added:
    """New columns.

    Attributes
    ----------
    names : list of str
    columns : list of sequence
        Their cells: one for each row of the table, or those of rows that differ, each once.
    codes : sequence of int, optional
        In the latter case, which of them each row of the table gets.
    n_rows : int
        Of the table.
    """

    names: list[str]
    columns: list[Any]
    codes: Sequence[int] | None = None
    n_rows: int = 0

    @classmethod
    def of(cls, added: pd.DataFrame | Mapping[str, Sequence[object]], codes: Sequence[int] | None = None) -> Added:
        if codes is not None and len(counts_of(codes)) == len(codes):  # no row is like another
            codes = None
        if isinstance(added, Mapping):
            return cls([str(name) for name in added], list(added.values()), codes)
        return cls([str(name) for name in added.columns], [added.iloc[:, i] for i in range(added.shape[1])], codes)

    def fitting(self, n_rows: int) -> Added:
        """Return them for a table of so many rows; `TableError` if a column has another length."""
        for name, column in zip(self.names, self.columns, strict=True):
            length = len(column if self.codes is None else self.codes)
            if length != n_rows:
                raise TableError(f"The table has {n_rows} rows, but {name} has {length}. Nothing was written.")
        return replace(self, n_rows=n_rows)

    @cached_property
    def times(self) -> Sequence[int]:
        """How many rows of the table get each cell."""
        return [1] * self.n_rows if self.codes is None else counts_of(self.codes)

    def on_one_line(self) -> tuple[Added, int]:
        """Return the columns with their texts on one line each, and how many of these had several."""
        columns, n_joined = [], 0
        for column in self.columns:
            old = list(drawn(column))
            new = [on_one_line(cell) for cell in old]
            n_changed = sum(n for cell, was, n in zip(new, old, self.times, strict=True) if cell is not was)
            columns.append(_like(column, new) if n_changed else column)
            n_joined += n_changed
        return replace(self, columns=columns), n_joined

    def rows(self) -> Iterator[tuple[object, ...]]:
        """Yield the cells of every row of the table."""
        return self.rendered(lambda cells, _: cells)

    def rendered(self, render: Callable[[tuple[object, ...], int], T]) -> Iterator[T]:
        """Yield what is made for each row of the table: of its cells, and of how many rows get these, once for all."""
        cells = zip(*map(drawn, self.columns), strict=True) if self.columns else repeat((), len(self.times))
        made = map(render, cells, self.times)
        return made if self.codes is None else map(list(made).__getitem__, self.codes)

    def keeps_some(self, i: int) -> bool:
        """Whether a column leaves some of the table's own cells as they are."""
        return any(cell is KEEP for cell in drawn(self.columns[i]))


@dataclass(frozen=True)
class Placement:
    """Where the added cells go.

    Attributes
    ----------
    replaced : dict of int to int
        Position in the table's header -> position among the added columns.
    appended : list of int
        Positions, among the added columns, of those that follow the table's own.
    """

    replaced: dict[int, int]
    appended: list[int]

    @classmethod
    def of(cls, header: Sequence[str], names: Sequence[str], *, overwrite_columns: bool) -> Placement:
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise TableError(f"Two added columns are named {twice[0]!r}. Nothing was written.", hint="rename one.")
        present = [name for name in names if name in header]
        if present and not overwrite_columns:
            raise TableError(
                f"The table has a column {present[0]!r} already. Nothing was written.",
                hint="name the new column otherwise, or ask to overwrite.",
            )
        ambiguous = [name for name in present if header.count(name) > 1]
        if ambiguous:
            raise TableError(f"The table has more than one column {ambiguous[0]!r}; which to overwrite is unclear.")
        return cls(
            {header.index(name): i for i, name in enumerate(names) if name in present},
            [i for i, name in enumerate(names) if name not in present],
        )

    def merged(self, cells: Sequence[object], added: Sequence[object]) -> list[object]:
        """Return the table's own `cells` with the `added` ones in their places."""
        row = list(cells)
        for position, i in self.replaced.items():
            if added[i] is not KEEP:
                row[position] = added[i]
        return row + [None if added[i] is KEEP else added[i] for i in self.appended]


def _like(column: Any, cells: list[object]) -> Any:
    return type(column)(cells, dtype=column.dtype) if hasattr(column, "iloc") else cells


def drawn(column: Any) -> Iterator[object]:
    """Yield the cells of a Series as Python's own types, a slice at a time; of any other sequence as they are."""
    if not hasattr(column, "iloc"):
        return iter(column)
    slices = (column.iloc[start : start + _ROWS_AT_ONCE] for start in range(0, len(column), _ROWS_AT_ONCE))
    return chain.from_iterable(part.tolist() for part in slices)
