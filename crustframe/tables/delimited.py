"""Delimited text, read so that every untouched byte can be written back."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from io import TextIOWrapper
from itertools import chain
from typing import IO, ClassVar, Final, NamedTuple

from crustframe.errors import TableError
from crustframe.tables.cells import CsvCells
from crustframe.tables.content import Content, Kind, holds_people, numbered
from crustframe.tables.placement import KEEP, Placement
from crustframe.tables.source import Source

MAX_CELL: Final = 16 * 2**20
DELIMITERS: Final = (",", ";", "\t", "|")
_DELIMITER_NAMES: Final = {"comma": ",", "semicolon": ";", "tab": "\t", r"\t": "\t", "pipe": "|"}
_CODEC_WITHOUT_BOM: Final = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le"}
_HOLD_ANY_TEXT: Final = frozenset({"utf-8", "utf-16-le", "utf-16-be", "gb18030"})
_BOMS: Final = {"utf-8": codecs.BOM_UTF8, "utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}


class Record(NamedTuple):
    """One record: the number of its first line, its text with its line ending, and its cells."""

    line: int
    raw: str
    cells: list[str]


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
        return self.codec in _HOLD_ANY_TEXT

    def holding_any_text(self) -> TextStyle:
        """Return this style where it holds any text, else in UTF-8 with the mark by which Excel knows it."""
        return self if self.holds_any_text else replace(self, codec="utf-8", bom=codecs.BOM_UTF8)


class Delimited(Content):
    """A CSV or TSV table.

    Parameters
    ----------
    source : Source
        The bytes.
    delimiter : str, optional
        One character, or ``tab``, ``comma``, ``semicolon``, ``pipe``; by default seen in the header.
    encoding : str, optional
        By default UTF-8. A byte order mark says more than any name.
    """

    kind: ClassVar[Kind] = "text"

    def __init__(self, source: Source, *, delimiter: str | None = None, encoding: str | None = None) -> None:
        self._source = source
        self._bom, self._codec = _read_encoding(source, encoding)
        self._delimiter = _checked_delimiter(delimiter) if delimiter else self._sniffed_delimiter()
        self._header = self._read_header()
        line_ending = _line_ending(self._header.raw) or "\n"
        self.style = TextStyle(self._delimiter, self._codec, self._bom, line_ending)
        self.has_header = not holds_people(self._header.cells)
        if not self.has_header:
            names = numbered(len(self._header.cells))
            self._header = Record(0, self._delimiter.join(names) + line_ending, names)
        self.columns = self._header.cells

    def rows(self) -> Iterator[Sequence[object]]:
        """Yield the cells of every row, padded to the header's width."""
        for record in self._records():
            if self._is_row(record):
                yield record.cells + [""] * (len(self.columns) - len(record.cells))

    def spliced(
        self, names: Sequence[str], added: Iterable[Sequence[object]], placement: Placement, cells: CsvCells
    ) -> Iterator[bytes]:
        """Yield the table with the added cells in place and all others as they were, in a style that holds any text."""
        style = self.style.holding_any_text()
        yield style.bom
        for text in self._spliced(names, added, placement, cells):
            yield text.encode(style.codec)

    def _spliced(
        self, names: Sequence[str], added: Iterable[Sequence[object]], placement: Placement, cells: CsvCells
    ) -> Iterator[str]:
        new_rows = iter(added)
        yield self._header_with(names, placement, cells)
        for record in self._records():
            if not self._is_row(record):
                yield record.raw
                continue
            new = next(new_rows, None)
            if new is None:
                raise self._source.changed()
            yield self._with_cells(record, [_rendered(cell, cells) for cell in new], placement)
        if next(new_rows, None) is not None:
            raise self._source.changed()

    def renamed(self, names: Sequence[str], cells: CsvCells) -> Iterator[bytes]:
        """Yield the bytes of the table with the header's cells replaced where their names changed."""
        body = self._header.raw.rstrip("\r\n")
        ending = self._header.raw[len(body) :]
        spans = cell_spans(body, self._delimiter)
        for (start, end), old, new in reversed(list(zip(spans, self.columns, names, strict=True))):
            if new != old:
                body = body[:start] + cells.quoted(new) + body[end:]
        yield self._bom
        for raw in chain([body + ending] if self.has_header else [], (record.raw for record in self._records())):
            yield raw.encode(self._codec)

    def _header_with(self, names: Sequence[str], placement: Placement, cells: CsvCells) -> str:
        new = [cells.quoted(name) if i in placement.appended else "" for i, name in enumerate(names)]
        return self._with_cells(self._header, new, Placement({}, placement.appended))

    def _with_cells(self, record: Record, new: Sequence[str | None], placement: Placement) -> str:
        body = record.raw.rstrip("\r\n")
        ending = record.raw[len(body) :]
        body += self._delimiter * (len(self.columns) - max(1, len(record.cells)))
        if placement.replaced:
            body = self._with_replaced(body, new, placement.replaced)
        return self._delimiter.join([body, *(new[i] or '""' for i in placement.appended)]) + ending

    def _with_replaced(self, body: str, new: Sequence[str | None], replaced: dict[int, int]) -> str:
        spans = cell_spans(body, self._delimiter)
        for position in sorted(replaced, reverse=True):
            cell = new[replaced[position]]
            if cell is not None:
                start, end = spans[position]
                body = body[:start] + cell + body[end:]
        return body

    def _records(self) -> Iterator[Record]:
        with self._text() as text:
            records = read_records(text, self._delimiter, self._source.name)
            if self.has_header:
                next(records)
            for record in records:
                self._refuse_too_long(record)
                yield record

    def _is_row(self, record: Record) -> bool:
        return bool(record.cells) or len(self.columns) == 1

    def _refuse_too_long(self, record: Record) -> None:
        if len(record.cells) > len(self.columns):
            raise TableError(
                f"Line {record.line} of {self._source.name} has {len(record.cells)} cells, the "
                f"{'header' if self.has_header else 'first line'} {len(self.columns)}. Nothing was written.",
                hint='put quotes around a cell that holds the delimiter ("a, b"), or name another with --delimiter.',
            )

    def _read_header(self) -> Record:
        with self._text() as text:
            header = next(read_records(text, self._delimiter, self._source.name), None)
        if header is None:
            raise TableError(f"{self._source.name} is empty: not even a header was found.")
        if not header.cells:
            raise TableError(f"The first line of {self._source.name} is empty; it should name the columns.")
        if "\0" in header.raw:
            raise TableError(
                f"The header of {self._source.name} holds NUL characters: this is not text, or text in UTF-16.",
                hint="try --encoding utf-16-le, or save the table as CSV UTF-8.",
            )
        return header

    def _sniffed_delimiter(self) -> str:
        if self._source.suffix in (".tsv", ".tab"):
            return "\t"
        return max(DELIMITERS, key=self._plausibility)

    def _plausibility(self, delimiter: str) -> tuple[int, int]:
        """Count the header's cells; ``", "`` is more often prose inside a cell than a boundary."""
        with self._text() as text:
            try:
                header = next(read_records(text, delimiter, self._source.name), None)
            except TableError:
                return 0, 0
        cells = header.cells if header else []
        return sum(not cell.startswith(" ") for cell in cells), len(cells)

    @contextmanager
    def _text(self) -> Iterator[TextIOWrapper]:
        with self._source.open() as raw:
            raw.seek(len(self._bom))
            text = TextIOWrapper(raw, self._codec, newline="")
            try:
                yield text
            except UnicodeDecodeError:
                raise self._undecodable() from None
            finally:
                text.detach()

    def _undecodable(self) -> TableError:
        with self._source.open() as raw:
            line, offset = _first_undecodable(raw, self._codec)
        return TableError(
            f"{self._source.name} is not {self._codec}: line {line}, byte {offset}. Nothing was sent.",
            hint="name its encoding, for a file from an older Excel --encoding cp1252.",
        )


def _rendered(cell: object, cells: CsvCells) -> str | None:
    return None if cell is KEEP else cells.quoted(cell)


def read_records(text: TextIOWrapper, delimiter: str, name: str = "the table") -> Iterator[Record]:
    """Yield the records of a delimited text, each with the exact text it was read from.

    Raises
    ------
    TableError
        A cell over 16 MiB, or a quote that is never closed, with its line.
    """
    csv.field_size_limit(MAX_CELL)
    raw_lines: list[str] = []
    line = 1

    def lines() -> Iterator[str]:
        for raw in iter(partial(text.readline, MAX_CELL), ""):
            if len(raw) == MAX_CELL:
                raise _too_large(name, line)
            raw_lines.append(raw)
            yield raw
        if raw_lines:
            raise _unclosed_quote(name, line, "".join(raw_lines), delimiter)

    try:
        for cells in csv.reader(lines(), delimiter=delimiter):
            yield Record(line, raw_lines[0] if len(raw_lines) == 1 else "".join(raw_lines), cells)
            line += len(raw_lines)
            raw_lines.clear()
    except csv.Error:
        raise _too_large(name, line) from None


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


def _read_encoding(source: Source, encoding: str | None) -> tuple[bytes, str]:
    """Return the byte order mark of the source, perhaps empty, and the codec of what follows."""
    codec = _checked_codec(encoding or "utf-8")
    head = source.head(3)
    for marked_codec, bom in _BOMS.items():
        if head.startswith(bom):
            return bom, marked_codec
    return b"", codec


def _checked_codec(encoding: str) -> str:
    try:
        codec = codecs.lookup(encoding).name
        codec = _CODEC_WITHOUT_BOM.get(codec, codec)
        if not "".encode(codec):
            return codec
    except LookupError:
        pass
    raise TableError(f"{encoding!r} is not an encoding that tables are read in.", hint="utf-8, utf-16, cp1252 ...")


def _first_undecodable(raw: IO[bytes], codec: str) -> tuple[int, int]:
    """Return line (from 1) and byte offset (from 0) of the first byte that `codec` cannot read."""
    decoder = codecs.getincrementaldecoder(codec)()
    line, read = 1, 0
    while True:
        chunk = raw.read(2**16)
        read += len(chunk)
        try:
            line += decoder.decode(chunk, final=not chunk).count("\n")
        except UnicodeDecodeError as error:
            before = error.object[: error.start].decode(codec, "replace")
            return line + before.count("\n"), read - len(error.object) + error.start
        if not chunk:
            return line, read
