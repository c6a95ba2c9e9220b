"""What every kind of table gives: its columns, and its rows as often as they are asked for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar, Literal

from crustframe.people.identifiers import is_address

Kind = Literal["text", "workbook", "parquet", "lines"]


def holds_people(names: Iterable[str]) -> bool:
    """Whether a first line holds a profile URL or an e-mail address, so that it is no header."""
    return any(map(is_address, names))


def numbered(width: int) -> list[str]:
    """Return the names of columns that have none."""
    return [f"column_{number}" for number in range(1, width + 1)]


class Content(ABC):
    """The table in a source, whatever spells it.

    Attributes
    ----------
    kind : str
        ``text`` (CSV, TSV), ``workbook``, ``parquet`` or ``lines`` (JSON).
    columns : list of str
        Names of the columns, in order.
    has_header : bool
        Whether the table names its columns; otherwise they are called ``column_1``, ``column_2`` and so on.
    """

    kind: ClassVar[Kind]
    columns: list[str]
    has_header: bool = True

    @abstractmethod
    def rows(self) -> Iterator[Sequence[object]]:
        """Yield the cells of every row, as many as there are columns."""

    def cells(self, position: int) -> Iterator[object]:
        """Yield the cells of one column."""
        return (row[position] for row in self.rows())

    def count(self) -> int:
        """Return how many rows there are."""
        return sum(1 for _ in self.rows())
