"""What every kind of table gives: its columns, and its rows as often as they are asked for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import ClassVar, Literal

from crustframe.people.distinct import DistinctRows, distinct, key_of_values
from crustframe.tables.header import Header

Kind = Literal["text", "workbook", "parquet", "lines", "array"]


class Content(ABC):
    """The table in a source, whatever spells it.

    Attributes
    ----------
    kind : str
        ``text`` (CSV, TSV), ``workbook``, ``parquet``, ``lines`` (JSON) or ``array`` (JSON).
    columns : list of str
        Names of the columns, in order.
    header : Header
        What names them, where a row does.
    """

    kind: ClassVar[Kind]
    columns: list[str]
    header: Header = Header([])

    @abstractmethod
    def rows(self) -> Iterator[Sequence[object]]:
        """Yield the cells of every row, as many as there are columns."""

    def cells(self, position: int) -> Iterator[object]:
        """Yield the cells of one column."""
        return (row[position] for row in self.rows())

    def sample(self, n_rows: int) -> list[Sequence[object]]:
        """Return the first rows, for a look at who is in which column."""
        return list(islice(self.rows(), n_rows))

    def distinct(self, positions: Sequence[int], names: Sequence[str]) -> DistinctRows:
        """Return the rows that differ in these columns, under these names."""
        columns = [list(self.cells(place)) for place in positions]
        return distinct(names, zip(*columns, strict=True), key_of_values)

    def count(self) -> int:
        """Return how many rows there are."""
        return sum(1 for _ in self.rows())

    @property
    def elsewhere(self) -> str:
        """What else the file holds, where this table has no rows."""
        return ""
