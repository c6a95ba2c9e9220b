"""One JSON array of objects, read object by object, so that every untouched byte can be written back."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import IO, Any, ClassVar, Final

from crustframe.errors import TableError
from crustframe.tables.content import Kind
from crustframe.tables.lines import BLANKS, MAX_LINE, QUICK_DECODER, Line, Lines, json_objects

_AT_ONCE: Final = 2**16


def is_array(head: bytes) -> bool:
    """Whether a text that begins with `head` is one JSON array of objects."""
    opening, _, rest = head.removeprefix(codecs.BOM_UTF8).lstrip().partition(b"[")
    return not opening and rest.lstrip().startswith(b"{")


def array_rows(names: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    """Yield rows of any origin as one JSON array, an object a line."""
    before = "[\n"
    for text in json_objects(names, rows):
        yield (before + text).encode()
        before = ",\n"
    yield b"\n]\n" if before == ",\n" else b"[]\n"


class JsonArray(Lines):
    """A table of JSON objects in one array, in UTF-8; its columns are all names that occur, in order.

    A row is an object with what stands before it; what follows the last one is no row.
    """

    kind: ClassVar[Kind] = "array"
    unit: ClassVar[str] = "Object"

    def _lines(self, *, blank: bool = False, decoder: json.JSONDecoder | None = None) -> Iterator[Line]:
        with self._source.open() as file:
            file.seek(len(self._bom))
            text = _Text(self._chunks(file))
            place, _ = text.past_blanks(0)
            begin, number, mark = 0, 0, ","
            while mark == ",":
                number += 1
                start, _ = text.past_blanks(place + 1)
                members, end = self._object(number, text, start, decoder or QUICK_DECODER)
                yield Line(number, text.read[begin:end], members)
                begin = text.forget(end)
                place, mark = text.past_blanks(begin)
            if mark != "]" or text.past_blanks(place + 1)[1]:
                raise self._broken(number, "is followed by neither a comma nor the end of the array")
            if blank:
                yield Line(number + 1, text.read[begin:], {}, is_row=False)

    def _object(self, number: int, text: _Text, start: int, decoder: json.JSONDecoder) -> tuple[dict[str, Any], int]:
        while True:
            try:
                parsed, end = decoder.raw_decode(text.read, start)
            except json.JSONDecodeError as error:
                if len(text.read) - start >= MAX_LINE:
                    raise self._broken(number, "is larger than 64 MiB, or never ends") from None
                if not text.grow():
                    raise self._broken(number, f"is not JSON: {error.msg}") from None
            except RecursionError:
                raise self._broken(number, "is nested too deeply") from None
            else:
                return self._whole(number, parsed), end

    def _chunks(self, file: IO[bytes]) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder("utf-8")()
        for number, raw in enumerate(iter(partial(file.read, _AT_ONCE), b"")):
            try:
                yield decoder.decode(raw)
            except UnicodeDecodeError as error:
                at = number * _AT_ONCE + len(raw) - len(error.object) + error.start + len(self._bom)
                raise TableError(
                    f"{self._source.name} is not UTF-8: byte {at}. Nothing was written.", hint="save the file as UTF-8."
                ) from None


class _Text:
    """A text, of which no more is read than was needed so far.

    Attributes
    ----------
    read : str
        What has been read and not been forgotten.
    """

    def __init__(self, chunks: Iterator[str]) -> None:
        self.read = ""
        self._chunks = chunks

    def grow(self) -> bool:
        """Read as much again, at least a chunk; return whether there was more."""
        wanted, parts = len(self.read), []
        for chunk in self._chunks:
            parts.append(chunk)
            wanted -= len(chunk)
            if wanted <= 0:
                break
        self.read += "".join(parts)
        return bool(parts)

    def past_blanks(self, place: int) -> tuple[int, str]:
        """Return where the next character stands that is not blank, and which; nothing at the end."""
        while True:
            while place < len(self.read):
                if self.read[place] not in BLANKS:
                    return place, self.read[place]
                place += 1
            if not self.grow():
                return place, ""

    def forget(self, place: int) -> int:
        """Let go of what stands before a place, once that is the larger part; return where the place is then."""
        if place < len(self.read) // 2:
            return place
        self.read = self.read[place:]
        return 0
