"""Delimited text, read so that every untouched byte can be written back."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache, partial
from io import TextIOWrapper
from itertools import chain, islice
from typing import ClassVar, Final, NamedTuple, TextIO

from crustframe.errors import TableError
from crustframe.people.distinct import DistinctRows, distinct
from crustframe.tables.cells import CsvCells
from crustframe.tables.content import Content, Kind
from crustframe.tables.encoding import HOLD_ANY_TEXT, Encoding, read_encoding, undecodable
from crustframe.tables.header import Header, HeaderSearch, Row
from crustframe.tables.placement import KEEP, Added, Placement
from crustframe.tables.source import Source

MAX_CELL: Final = 16 * 2**20
_ROWS_AT_ONCE: Final = 1_000
_LOOKED_AT: Final = 2**20
DELIMITERS: Final = (",", ";", "\t", "|")
_DELIMITER_NAMES: Final = {"comma": ",", "semicolon": ";", "tab": "\t", r"\t": "\t", "pipe": "|"}
_SEPARATOR_LINE: Final = re.compile(r'"?sep=([^\r\n"\0])"?\1*[\r\n]*', re.IGNORECASE)


class Record(NamedTuple):
    """One record: the number of its first line, its text with its line ending, and its cells."""

    line: int
    raw: str
    cells: list[str]


class Inserted(NamedTuple):
    """What goes into a record: in place of own cells, from the last to the first, and behind them all."""

    replaced: Sequence[tuple[int, str]]
    appended: str


@dataclass(frozen=True)
class TextStyle:
    """How a delimited text is spelled."""

    delimiter: str
    codec: str = "utf-8"
    bom: bytes = b""
    line_ending: str = "\n"

    @property
    def holds_any_text(self) -> bool:
        """Whether every answer can be written in this encoding."""
        return self.codec in HOLD_ANY_TEXT

    def holding_any_text(self) -> TextStyle:
        """Return this style where it holds any text, else in UTF-8 with the mark by which Excel knows it."""
        return self if self.holds_any_text else replace(self, codec="utf-8", bom=codecs.BOM_UTF8)


class Delimited(Content):
    """A CSV or TSV table.

    Lines before its header, of which the first may be ``sep=;``, stay as they are.

    Parameters
    ----------
    source : Source
        The bytes.
    delimiter : str, optional
        One character, or ``tab``, ``comma``, ``semicolon``, ``pipe``; by default as ``sep=`` says, else seen in the
        header.
    encoding : str, optional
        By default UTF-8, else what the bytes look like. A byte order mark says more than any name.
    search : HeaderSearch
        What is known of its header.
    """

    kind: ClassVar[Kind] = "text"

    def __init__(
        self,
        source: Source,
        *,
        delimiter: str | None = None,
        encoding: str | None = None,
        search: HeaderSearch | None = None,
    ) -> None:
        self._source = source
        self.encoding: Encoding = read_encoding(source, encoding)
        search = search or HeaderSearch()
        lines = self._first_lines(search.depth, search.number or 1)
        separator = _SEPARATOR_LINE.fullmatch(lines[0]) if lines else None
        first = 2 if separator else 1
        if delimiter:
            delimiters: Sequence[str] = [_checked_delimiter(delimiter)]
        elif separator:
            delimiters = [separator[1]]
        else:
            delimiters = "\t" if source.suffix in (".tsv", ".tab") else DELIMITERS
        seen = {mark: _seen_header(lines, first, mark, search) for mark in delimiters}
        self._delimiter = max(seen, key=lambda mark: seen[mark].plausibility)
        self.header = seen[self._delimiter].header
        self._n_before = self.header.number - 1 if self.header.number else first - 1
        self._before = "".join(lines[: self._n_before])
        self._names = self._read_names(self.header)
        self.style = TextStyle(
            self._delimiter, self.encoding.codec, self.encoding.bom, _line_ending(self._names.raw) or "\n"
        )
        self.columns = self._names.cells

    def rows(self) -> Iterator[Sequence[object]]:
        """Yield the cells of every row, padded to the header's width."""
        for record in self._records():
            if self._is_row(record):
                yield record.cells + [""] * (len(self.columns) - len(record.cells))

    def distinct(self, positions: Sequence[int], names: Sequence[str]) -> DistinctRows:
        return distinct(names, self._texts_at(positions))

    def _texts_at(self, positions: Sequence[int]) -> Iterator[tuple[str, ...]]:
        width = len(self.columns)
        for record in self._records():
            cells = record.cells
            if len(cells) == width:
                yield tuple([cells[place] for place in positions])
            elif self._is_row(record):
                yield tuple([cells[place] if place < len(cells) else "" for place in positions])

    def spliced(self, new: Added, placement: Placement, cells: CsvCells) -> Iterator[bytes]:
        """Yield the table with the added cells in place and all others as they were, in a style that holds any text."""
        style = self.style.holding_any_text()
        yield style.bom
        texts = self._spliced(new, placement, cells)
        while some := list(islice(texts, _ROWS_AT_ONCE)):
            yield "".join(some).encode(style.codec)

    def _spliced(self, new: Added, placement: Placement, cells: CsvCells) -> Iterator[str]:
        def render(row: tuple[object, ...], times: int) -> Inserted:
            texts = [None if cell is KEEP else cells.quoted(cell, times) for cell in row]
            return self._inserted(texts, placement)

        inserted = new.rendered(render)
        yield self._before
        if self.header.is_written:
            names = [cells.quoted(name) if i in placement.appended else "" for i, name in enumerate(new.names)]
            yield self._with_cells(self._names, self._inserted(names, Placement({}, placement.appended)))
        for record in self._records():
            if not self._is_row(record):
                yield record.raw
                continue
            row = next(inserted, None)
            if row is None:
                raise self._source.changed()
            yield self._with_cells(record, row)
        if next(inserted, None) is not None:
            raise self._source.changed()

    def _inserted(self, texts: Sequence[str | None], placement: Placement) -> Inserted:
        replaced = [(place, text) for place, i in placement.replaced.items() if (text := texts[i]) is not None]
        appended = [self._delimiter + (texts[i] or '""') for i in placement.appended]
        return Inserted(sorted(replaced, reverse=True), "".join(appended))

    def renamed(self, names: Sequence[str], cells: CsvCells) -> Iterator[bytes]:
        """Yield the bytes of the table with the header's cells replaced where their names changed."""
        body = self._names.raw.rstrip("\r\n")
        ending = self._names.raw[len(body) :]
        spans = cell_spans(body, self._delimiter)
        for (start, end), old, new in reversed(list(zip(spans, self.columns, names, strict=True))):
            if new != old:
                body = body[:start] + cells.quoted(new) + body[end:]
        yield self.style.bom
        header = [body + ending] if self.header.number else []
        for raw in chain([self._before], header, (record.raw for record in self._records())):
            yield raw.encode(self.style.codec)

    def _with_cells(self, record: Record, row: Inserted) -> str:
        raw, replaced, appended = record.raw, *row
        body = raw.rstrip("\r\n")
        ending = raw[len(body) :]
        body += self._delimiter * (len(self.columns) - max(1, len(record.cells)))
        if replaced:
            spans = cell_spans(body, self._delimiter)
            for position, text in replaced:
                start, end = spans[position]
                body = body[:start] + text + body[end:]
        return f"{body}{appended}{ending}"

    def _records(self) -> Iterator[Record]:
        with self._text() as text:
            records = self._records_of(text)
            if self.header.number:
                next(records)
            for record in records:
                self._refuse_too_long(record)
                yield record

    def _records_of(self, text: TextIO) -> Iterator[Record]:
        for _ in range(self._n_before):
            text.readline()
        return read_records(text, self._delimiter, self._source.name, first=self._n_before + 1)

    def _is_row(self, record: Record) -> bool:
        return bool(record.cells) or len(self.columns) == 1

    def _refuse_too_long(self, record: Record) -> None:
        if len(record.cells) > len(self.columns):
            raise TableError(
                f"Line {record.line} of {self._source.name} has {len(record.cells)} cells, the "
                f"{'header' if self.header.number else 'first line'} {len(self.columns)}. Nothing was written.",
                hint='put quotes around a cell that holds the delimiter ("a, b"), or name another with --delimiter.',
            )

    def _read_names(self, header: Header) -> Record:
        """Return the header, or one made for a table that has none."""
        with self._text() as text:
            first = next(self._records_of(text), None)
        if first is None and header.number > 1:
            raise TableError(f"{self._source.name} has no line {header.number}. Nothing was sent.")
        if first is None:
            raise TableError(f"{self._source.name} is empty: not even a header was found.")
        if not (header.number or header.is_written) and header.names:
            first = first._replace(cells=header.names)
        if not first.cells:
            raise TableError(
                f"Line {first.line} of {self._source.name} is empty; it should name the columns.",
                hint="say which line does with --header-row, or that none does with --no-header.",
            )
        if "\0" in first.raw:
            raise TableError(
                f"The header of {self._source.name} holds NUL characters: this is not text, or text in UTF-16.",
                hint="try --encoding utf-16-le, or save the table as CSV UTF-8.",
            )
        if header.number:
            return first
        return Record(0, self._delimiter.join(header.names) + (_line_ending(first.raw) or "\n"), header.names)

    def _first_lines(self, depth: int, least: int) -> list[str]:
        """Return the first lines, up to a mebibyte of them but no fewer than `least`."""
        lines: list[str] = []
        size = 0
        with self._text() as text:
            for line in islice(iter(partial(text.readline, MAX_CELL), ""), depth):
                lines.append(line)
                size += len(line)
                if len(line) == MAX_CELL or (size > _LOOKED_AT and len(lines) >= least):
                    break
        return lines

    @contextmanager
    def _text(self) -> Iterator[TextIOWrapper]:
        with self._source.open() as raw:
            raw.seek(len(self.encoding.bom))
            text = TextIOWrapper(raw, self.encoding.codec, newline="")
            try:
                yield text
            except UnicodeDecodeError:
                raise undecodable(self._source, self.encoding.codec) from None
            finally:
                text.detach()


class _Seen(NamedTuple):
    """What a delimiter makes of the first lines, and how likely it is the right one."""

    header: Header
    plausibility: tuple[int, int, int]


def _seen_header(lines: Sequence[str], first: int, delimiter: str, search: HeaderSearch) -> _Seen:
    """Count the header's cells; ``", "`` is more often prose inside a cell than a boundary."""
    rows = _rows_in(lines, first, delimiter)
    numbers = {row.number for row in rows}
    others = [
        row
        for number in range(first, len(lines) + 1)
        if number not in numbers
        for row in islice(_rows_in(lines, number, delimiter), 1)
    ]
    header = search.among(rows or [Row(first, [])], others)
    cells = next((row.cells for row in (*rows, *others) if row.number == (header.number or first)), [])
    return _Seen(header, (search.n_held(cells), sum(not cell.startswith(" ") for cell in cells), len(cells)))


def _rows_in(lines: Sequence[str], first: int, delimiter: str) -> list[Row]:
    rows: list[Row] = []
    text = io.StringIO("".join(lines[first - 1 :]), newline="")
    with suppress(TableError):  # told where the table is read
        rows.extend(Row(record.line, record.cells) for record in read_records(text, delimiter, first=first))
    return rows


def read_records(text: TextIO, delimiter: str, name: str = "the table", *, first: int = 1) -> Iterator[Record]:
    """Yield the records of a delimited text, each with the exact text it was read from.

    Parameters
    ----------
    text : TextIO
    delimiter : str
    name : str
        What errors call the text.
    first : int
        The number of its first line.

    Raises
    ------
    TableError
        A cell over 16 MiB, or a quote that is never closed, with its line.
    """
    csv.field_size_limit(MAX_CELL)
    raw_lines: list[str] = []
    line = first

    def lines_of_quotes() -> Iterator[str]:
        while True:
            yield raw_lines[-1]
            raw_lines.append(text.readline(MAX_CELL))
            if len(raw_lines[-1]) == MAX_CELL:
                raise _too_large(name, line)
            if not raw_lines[-1]:
                raise _unclosed_quote(name, line, "".join(raw_lines), delimiter)

    for raw in iter(partial(text.readline, MAX_CELL), ""):
        if len(raw) == MAX_CELL:
            raise _too_large(name, line)
        if '"' not in raw:
            body = raw.rstrip("\r\n")
            yield Record(line, raw, body.split(delimiter) if body else [])
            line += 1
            continue
        raw_lines[:] = [raw]
        try:
            cells = next(csv.reader(lines_of_quotes(), delimiter=delimiter))
        except csv.Error:
            raise _too_large(name, line) from None
        yield Record(line, "".join(raw_lines), cells)
        line += len(raw_lines)


def cell_spans(body: str, delimiter: str) -> list[tuple[int, int]]:
    """Return start and end of every cell in a record's text, quotes included."""
    cell = _cell_pattern(delimiter)
    spans = []
    start = 0
    while (match := cell.match(body, start)) is not None:
        spans.append(match.span())
        if not body.startswith(delimiter, match.end()):
            break
        start = match.end() + len(delimiter)
    return spans


@cache
def _cell_pattern(delimiter: str) -> re.Pattern[str]:
    bare = rf"[^{re.escape(delimiter)}\r\n]*"
    return re.compile(rf'"(?:[^"]++|"")*+(?:"{bare})?|{bare}')


def _too_large(name: str, line: int) -> TableError:
    return TableError(
        f"A cell on line {line} of {name} is larger than 16 MiB, or its quote is never closed. Nothing was sent.",
        hint='check the quotes (") on that line.',
    )


def _unclosed_quote(name: str, line: int, raw: str, delimiter: str) -> TableError:
    start, _ = cell_spans(raw, delimiter)[-1]
    began = line + len(re.findall(r"\r\n|\r|\n", raw[:start]))
    return TableError(
        f"The quote that begins on line {began} of {name} is never closed. Nothing was sent.",
        hint='close it, or write "" for a quote that belongs to the text.',
    )


def _line_ending(raw: str) -> str:
    return raw[len(raw.rstrip("\r\n")) :]


def _checked_delimiter(delimiter: str) -> str:
    mark = _DELIMITER_NAMES.get(delimiter, delimiter)
    if len(mark) != 1 or mark in '"\r\n\0':
        raise TableError(f"{delimiter!r} cannot be a delimiter.", hint="name one character, or tab.")
    return mark
