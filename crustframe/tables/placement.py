"""Which cells are added to a row, and where they go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from crustframe.errors import TableError
from crustframe.tables.cells import on_one_line

if TYPE_CHECKING:
    import pandas as pd

KEEP: Final = object()
"""An added cell that leaves the table's own one as it is, byte for byte; an empty cell where there is none."""

_ROWS_AT_ONCE: Final = 1_000


@dataclass(frozen=True)
class Added:
    """New columns: names and one tuple of cells per row, drawn lazily."""

    names: list[str]
    columns: list[Any]

    @classmethod
    def of(cls, added: pd.DataFrame | Mapping[str, Sequence[object]]) -> Added:
        if isinstance(added, Mapping):
            return cls([str(name) for name in added], list(added.values()))
        return cls([str(name) for name in added.columns], [added.iloc[:, i] for i in range(added.shape[1])])

    def refuse_other_length(self, n_rows: int) -> None:
        """Raise `TableError` if a column has another length than the table."""
        for name, column in zip(self.names, self.columns, strict=True):
            if len(column) != n_rows:
                raise TableError(f"The table has {n_rows} rows, but {name} has {len(column)}. Nothing was written.")

    def on_one_line(self) -> tuple[Added, int]:
        """Return the columns with their texts on one line each, and how many of these had several."""
        columns, n_joined = [], 0
        for column in self.columns:
            old = list(drawn(column))
            new = [on_one_line(cell) for cell in old]
            n_changed = sum(cell is not was for cell, was in zip(new, old, strict=True))
            columns.append(_like(column, new) if n_changed else column)
            n_joined += n_changed
        return Added(self.names, columns), n_joined

    def rows(self, n_rows: int) -> Iterator[tuple[object, ...]]:
        self.refuse_other_length(n_rows)
        return zip(*map(drawn, self.columns), strict=True) if self.columns else iter([()] * n_rows)

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
