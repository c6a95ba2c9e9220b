"""The XML of one sheet in a stream: what stands around its rows, and each row as the bytes it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from crustframe.tables.xlsx.xml import XmlError

MAX_ROWS: Final = 1_048_576  # https://support.microsoft.com/office/excel-specifications-and-limits-1672b34d
MAX_COLUMNS: Final = 16_384

_OPENING: Final = re.compile(rb"<((?:[^\s<>/:]+:)?)worksheet[\s>]")
_NUMBER: Final = re.compile(rb"""\sr\s*=\s*["']([0-9]{1,7})["']""")
_LETTERS: Final = re.compile(rb"""\sr\s*=\s*["']([A-Z]{1,3})[0-9]+["']""")
_NO_MARKUP: Final = re.compile(rb"<!--.*?(?:-->|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z)|<\?.*?(?:\?>|\Z)", re.DOTALL)
_REFERENCE: Final = re.compile(r"\$?([A-Z]{1,3})\$?([0-9]{1,7})(?::\$?([A-Z]{1,3})\$?([0-9]{1,7}))?")


class Cell(NamedTuple):
    """One cell element of a row: its column (A is 1), the bytes where it stands, its attributes and what is inside."""

    column: int
    start: int
    end: int
    attributes: bytes
    inside: bytes


@dataclass(frozen=True, slots=True)
class Row:
    """One row element, with what stands before it.

    Attributes
    ----------
    number : int
        As Excel counts, from 1.
    before, raw : bytes
    masked : bytes
        `raw` where comments and the like are blanks: its tags are all that is seen.
    """

    number: int
    before: bytes
    raw: bytes
    masked: bytes


class SheetRows:
    """Reads one sheet, once.

    Attributes
    ----------
    prefix : bytes
        Of the names of elements, ``b""`` or such as ``b"x:"``.
    formula : bytes
        How every formula begins.
    head, tail : bytes
        What stands before the first row, and, once `rows` came to its end, behind the last one.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._buffer = self._masked = b""
        self.tail = b""
        begin = self._search(_OPENING, 0)
        self.prefix = begin[1]
        self.formula = b"<" + self.prefix + b"f"
        self._row = b"<" + self.prefix + b"row"
        self._end_of_row = b"</" + self.prefix + b"row"
        self._cell = re.compile(
            rb"""<%sc(?:\s+r="([A-Z]{1,3})[0-9]+")?((?:\s[^>]*?)?)(?:/>|>(.*?)</%sc\s*>)"""
            % (re.escape(self.prefix), re.escape(self.prefix)),
            re.DOTALL,
        )
        self._cell_start = b"<" + self.prefix + b"c"
        data = self._search(re.compile(rb"<%ssheetData(?:\s[^>]*)?>" % re.escape(self.prefix)), begin.end())
        self.head = self._buffer[: data.end()]
        self._position = data.end()
        self._is_empty = data[0].endswith(b"/>")

    def rows(self) -> Iterator[Row]:
        """Yield every row."""
        number = 0
        while not self._is_empty:
            self._let_go()
            start = self._find(b"<", self._position, reach=len(self._end_of_row))
            if self._masked.startswith(b"</", start):
                break
            if not self._masked.startswith(self._row, start):
                raise XmlError("something between the rows")
            inside = self._find(b">", start) + 1
            end = inside
            if not self._masked.endswith(b"/>", start, inside):
                end = self._find(b">", self._find(self._end_of_row, inside)) + 1
            found = _NUMBER.search(self._masked, start, inside)
            above, number = number, int(found[1]) if found else number + 1
            if not above < number <= MAX_ROWS:
                raise XmlError("rows out of order")
            before, raw = self._buffer[self._position : start], self._buffer[start:end]
            masked = raw if self._masked is self._buffer else self._masked[start:end]
            self._position = end
            yield Row(number, before, raw, masked)
        rest = [self._buffer[self._position :], *self._chunks]
        self.tail = b"".join(rest)

    def cells(self, row: Row) -> Iterator[Cell]:
        """Yield the cells of a row, left to right."""
        column = 0
        for found in self._cell.finditer(row.masked):
            letters, attributes, inside = found.groups(b"")
            if not letters and (elsewhere := _LETTERS.search(attributes)):
                letters = elsewhere[1]
            left, column = column, column_of(letters) if letters else column + 1
            if not left < column <= MAX_COLUMNS:
                raise XmlError("cells out of order")
            if row.masked is not row.raw:
                inside = row.raw[found.start(3) : found.end(3)] if found[3] else b""
            yield Cell(column, found.start(), found.end(), attributes, inside)

    def last_cell(self, row: Row) -> Cell | None:
        """Return the last cell of a row, if it is found without a walk through all of them."""
        found = self._cell.match(row.masked, max(0, row.masked.rfind(self._cell_start)))
        if not found or not found[1]:
            return None
        return Cell(column_of(found[1]), found.start(), found.end(), found[2], found[3] or b"")

    def _search(self, pattern: re.Pattern[bytes], start: int) -> re.Match[bytes]:
        while not (found := pattern.search(self._masked, start)):
            self._read_on()
        return found

    def _find(self, mark: bytes, start: int, reach: int = 0) -> int:
        """Return where `mark` stands, with so many bytes behind it in sight."""
        while (at := self._masked.find(mark, start)) < 0 or len(self._masked) < at + reach:
            self._read_on()
        return at

    def _let_go(self) -> None:
        """Forget the rows that are done, once they are most of what is held."""
        if self._position > len(self._buffer) // 2:
            is_plain = self._masked is self._buffer
            self._buffer = self._buffer[self._position :]
            self._masked = self._buffer if is_plain else self._masked[self._position :]
            self._position = 0

    def _read_on(self) -> None:
        """Read at least as much again as is held, so that no row is gone through more often than twice."""
        more = []
        size = 0
        for chunk in self._chunks:
            more.append(chunk)
            size += len(chunk)
            if size >= len(self._buffer):
                break
        if not more:
            raise XmlError("an early end")
        self._buffer = b"".join([self._buffer, *more])
        self._masked = _NO_MARKUP.sub(_blanks, self._buffer) if _has_odd_markup(self._buffer) else self._buffer


@dataclass(frozen=True)
class Area:
    """A range of cells; rows and columns count from 1."""

    top: int
    left: int
    bottom: int
    right: int

    @classmethod
    def of(cls, reference: str) -> Area:
        """Read ``A1:C9`` or ``B2``.

        Raises
        ------
        XmlError
        """
        found = _REFERENCE.fullmatch(reference)
        if found is None:
            raise XmlError(f"the reference {reference}")
        top, left = int(found[2]), column_of(found[1].encode())
        bottom, right = (int(found[4]), column_of(found[3].encode())) if found[3] else (top, left)
        return cls(min(top, bottom), min(left, right), max(top, bottom), max(left, right))

    def meets(self, other: Area) -> bool:
        return (
            self.left <= other.right
            and other.left <= self.right
            and self.top <= other.bottom
            and other.top <= self.bottom
        )

    def joined(self, other: Area) -> Area:
        return Area(
            min(self.top, other.top),
            min(self.left, other.left),
            max(self.bottom, other.bottom),
            max(self.right, other.right),
        )

    def __str__(self) -> str:
        first, last = f"{letters_of(self.left)}{self.top}", f"{letters_of(self.right)}{self.bottom}"
        return first if first == last else f"{first}:{last}"


@lru_cache(MAX_COLUMNS)
def column_of(letters: bytes) -> int:
    """Return the number of a column: A is 1."""
    number = 0
    for letter in letters:
        number = 26 * number + letter - 64
    return number


@lru_cache(MAX_COLUMNS)
def letters_of(column: int) -> str:
    """Return the letters of a column."""
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _has_odd_markup(data: bytes) -> bool:
    return b"<!" in data or data.find(b"<?", 5) >= 0


def _blanks(found: re.Match[bytes]) -> bytes:
    return b" " * len(found[0])
