"""A table whose rows are many and whose people are few: each row that differs once, and which of them each row is."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class DistinctRows:
    """What a question reads of a table.

    Attributes
    ----------
    columns : mapping of str to list of object, length d each
        The cells of rows that differ, in the order of their first row.
    codes : array of int, length n
        Which of them each row of the table is.
    """

    columns: Mapping[str, list[object]]
    codes: array[int]

    @cached_property
    def counts(self) -> list[int]:
        """How many rows of the table each of them is."""
        return counts_of(self.codes)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """Each of them once."""
        import pandas as pd

        return pd.DataFrame({name: pd.Series(cells, dtype=object) for name, cells in self.columns.items()})


def counts_of(codes: Sequence[int]) -> list[int]:
    """Return how often each code occurs; none below the greatest is missing."""
    counts = Counter(codes)
    return [counts[code] for code in range(len(counts))]


def distinct(
    names: Sequence[str], rows: Iterable[Sequence[Any]], key: Callable[[Sequence[Any]], Hashable] | None = None
) -> DistinctRows:
    """Return the rows that differ.

    Parameters
    ----------
    names : sequence of str
        Of the cells.
    rows : iterable of sequence
    key : callable, optional
        Returns what is equal for rows that do not differ; by default the rows themselves.
    """
    found: list[Sequence[Any]] = []
    codes = array("i")
    places: dict[Hashable, int] = {}
    for row in rows:
        known: Any = row if key is None else key(row)
        code = places.setdefault(known, len(found))
        if code == len(found):
            found.append(row)
        codes.append(code)
    columns = zip(*found, strict=True) if found else ([] for _ in names)
    return DistinctRows({name: list(cells) for name, cells in zip(names, columns, strict=True)}, codes)


def key_of_values(row: Sequence[object]) -> Hashable:
    """Return what is equal for rows of equal values of one type; lists and objects differ always."""
    return tuple([value if type(value) is str or value is None else _key(value) for value in row])


def _key(value: object) -> Hashable:
    return object() if isinstance(value, list | dict | tuple) else (type(value), repr(value))
