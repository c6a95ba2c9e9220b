"""Which row of a table names its columns, whatever stands before it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from crustframe.errors import TableError
from crustframe.people.identifiers import is_address
from crustframe.wording import counted

FIRST_ROWS: Final = 50


class Row(NamedTuple):
    """One of the first rows: its number as an editor or a spreadsheet shows it, and its cells as text."""

    number: int
    cells: Sequence[str]


@dataclass(frozen=True)
class Header:
    """What names the columns.

    Attributes
    ----------
    names : list of str
    number : int
        The row that names them; 0 where none does, and they are called ``column_1``, ``column_2`` and so on.
    n_before : int
        Rows before it that are no part of the table.
    is_written : bool
        Whether the output names its columns.
    """

    names: list[str]
    number: int = 1
    n_before: int = 0
    is_written: bool = True

    def note(self, name: str) -> str:
        """Return what to say of a header that is not the first row, else nothing."""
        if not self.is_written:
            return ""
        if not self.number:
            shown = ", ".join(map(repr, self.names[:FIRST_ROWS]))
            return (
                f"The first line of {name} names somebody, so the file has no header; "
                f"its columns are called {shown}, or by number: --column 1."
            )
        what = counted(self.n_before, "line before it is", "lines before it are")
        return f"Line {self.number} of {name} is its header; the {what} no rows." if self.n_before else ""


@dataclass(frozen=True)
class HeaderSearch:
    """What is known of a header before its table is read.

    Attributes
    ----------
    columns : sequence of str
        Names, or numbers, that will be asked for.
    number : int, optional
        The row that it is.
    is_there : bool
        Whether there is one at all.
    """

    columns: Sequence[str] = ()
    number: int | None = None
    is_there: bool = True

    @property
    def depth(self) -> int:
        """How many rows are looked at."""
        return max(FIRST_ROWS, self.number or 0)

    def among(self, rows: Sequence[Row], others: Sequence[Row] = ()) -> Header:
        """Return the header: the row that was told, else the first that holds the asked names, else the first row.

        A first row that is narrower than the rows of people below is a title; one that names somebody is no header.

        Parameters
        ----------
        rows : sequence of Row
            The first rows, at least one.
        others : sequence of Row
            What may also be the header, if one of them holds the asked names: rows as they are if a quote before them
            is but a mark.
        """
        if not self.is_there:
            return Header(_numbered(max(len(row.cells) for row in rows)), 0, is_written=False)
        if self.number is not None:
            found = next((row for row in (*rows, *others) if row.number == self.number), Row(self.number, []))
        else:
            found = self._by_name([*rows, *others]) or _by_width(rows)
            if holds_people(found.cells):
                return Header(_numbered(len(found.cells)), 0)
        return Header(list(found.cells), found.number, max(0, found.number - rows[0].number))

    def n_held(self, names: Iterable[str]) -> int:
        """Return how many of the asked columns are among these names."""
        return len(set(self.columns) & set(names))

    def refuse(self, name: str) -> None:
        """Raise `TableError` if something is told of the header of a kind that has none."""
        if self.number is not None or not self.is_there:
            raise TableError(
                f"Every value in {name} has its name, so there is no header to tell of. Nothing was sent.",
                hint="leave --header-row and --no-header out.",
            )

    def _by_name(self, rows: Sequence[Row]) -> Row | None:
        names = {name for name in self.columns if not name.isdecimal()}
        able = [row for row in rows if not names.isdisjoint(row.cells) and not holds_people(row.cells)]
        return max(able, key=lambda row: len(names.intersection(row.cells)), default=None)


def _by_width(rows: Sequence[Row]) -> Row:
    width = max(len(row.cells) for row in rows)
    wide = next(n for n, row in enumerate(rows) if len(row.cells) == width)
    is_title = not any(holds_people(row.cells) for row in rows[: wide + 1])
    has_people = any(holds_people(row.cells) for row in rows[wide + 1 :])
    return rows[wide] if is_title and has_people else rows[0]


def holds_people(cells: Iterable[str]) -> bool:
    """Whether a row holds a profile URL or an e-mail address, so that it is no header."""
    return any(map(is_address, cells))


def _numbered(width: int) -> list[str]:
    return [f"column_{number}" for number in range(1, width + 1)]
