"""JSON lines: one object a line, read so that every untouched byte can be written back."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any, ClassVar, Final, NamedTuple

from crustframe.errors import TableError
from crustframe.people.distinct import DistinctRows, distinct, key_of_values
from crustframe.tables.cells import json_of, whole_characters
from crustframe.tables.content import Content, Kind
from crustframe.tables.placement import KEEP, Added, Placement
from crustframe.tables.source import Source

MAX_LINE: Final = 64 * 2**20
BLANKS: Final = " \t\r\n"
_MOST_DIGITS: Final = 4_000  # Python turns no longer text into an int


def is_lines(head: bytes) -> bool:
    """Whether a text that begins with `head` holds JSON objects."""
    return head.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"{")


class Line(NamedTuple):
    """One object: its number, its exact text with what stands around it, and its members; or no row, but text."""

    number: int
    raw: str
    members: dict[str, Any]
    is_row: bool = True


class Member(NamedTuple):
    """Where a member stands in the text of its object: its name, the span of the name and that of the value."""

    name: str
    name_span: tuple[int, int]
    value_span: tuple[int, int]


class Lines(Content):
    """A table of JSON objects, one a line, in UTF-8; its columns are all names that occur, in order.

    A name that a line lacks is a missing cell there. Of a name that a line holds twice, the last counts, as
    JSON readers have it. Blank lines are no rows.

    Parameters
    ----------
    source : Source
        The bytes.
    """

    kind: ClassVar[Kind] = "lines"
    unit: ClassVar[str] = "Line"

    def __init__(self, source: Source) -> None:
        self._source = source
        self._bom = codecs.BOM_UTF8 if source.head(3) == codecs.BOM_UTF8 else b""
        self._n_rows = 0
        names: dict[str, None] = {}
        for line in self._lines():
            self._n_rows += 1
            names.update(dict.fromkeys(line.members))
        self.columns = list(names)

    def rows(self) -> Iterator[Sequence[object]]:
        """Yield the cells of every row: str, bool, int, Decimal, list, dict or ``None``."""
        for line in self._lines(decoder=DECODER):
            yield [line.members.get(name) for name in self.columns]

    def cells(self, position: int) -> Iterator[object]:
        name = self.columns[position]
        return (line.members.get(name) for line in self._lines(decoder=DECODER))

    def count(self) -> int:
        return self._n_rows

    def distinct(self, positions: Sequence[int], names: Sequence[str]) -> DistinctRows:
        own = [self.columns[position] for position in positions]
        rows = ([line.members.get(name) for name in own] for line in self._lines(decoder=DECODER))
        return distinct(names, rows, key_of_values)

    def spliced(self, new: Added, placement: Placement) -> Iterator[bytes]:
        """Yield the bytes of the table with the added members in place and all others as they were."""
        replaced = [(self.columns[position], i) for position, i in placement.replaced.items()]
        labels = [json_label(name) for name in new.names]

        def render(cells: tuple[object, ...], _: int) -> tuple[dict[str, str], dict[str, str], list[str]]:
            values = {name: json_cell(cells[i]) for name, i in replaced if cells[i] is not KEEP}
            members = {name: labels[i] + values[name] for name, i in replaced if name in values}
            return values, members, [labels[i] + json_cell(cells[i]) for i in placement.appended]

        new_rows = new.rendered(render)
        yield self._bom
        for line in self._lines(blank=True):
            if not line.is_row:
                yield line.raw.encode()
                continue
            row = next(new_rows, None)
            if row is None:
                raise self._source.changed()
            values, members, appended = row
            lacking = [member for name, member in members.items() if name not in line.members]
            raw = with_values(line, values)
            yield _with_members(raw, lacking + appended, is_empty=not line.members).encode()
        if next(new_rows, None) is not None:
            raise self._source.changed()

    def renamed(self, names: Sequence[str]) -> Iterator[bytes]:
        """Yield the bytes of the table with other names of members, each value as it was."""
        renaming = {old: new for old, new in zip(self.columns, names, strict=True) if new != old}
        yield self._bom
        for line in self._lines(blank=True):
            yield with_names(line, renaming).encode()

    def _lines(self, *, blank: bool = False, decoder: json.JSONDecoder | None = None) -> Iterator[Line]:
        """Yield the objects, and with `blank` the blank lines as well; numbers are exact with `DECODER` alone."""
        with self._source.open() as file:
            file.seek(len(self._bom))
            for number, raw in enumerate(iter(partial(file.readline, MAX_LINE), b""), start=1):
                if len(raw) == MAX_LINE:
                    raise self._broken(number, "is larger than 64 MiB")
                text = self._decoded(number, raw)
                if text.strip(BLANKS):
                    yield Line(number, text, self._parsed(number, text, decoder or QUICK_DECODER))
                elif blank:
                    yield Line(number, text, {}, is_row=False)

    def _decoded(self, number: int, raw: bytes) -> str:
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            raise self._broken(number, f"is not UTF-8: byte {error.start}", hint="save the file as UTF-8.") from None

    def _parsed(self, number: int, text: str, decoder: json.JSONDecoder) -> dict[str, Any]:
        try:
            parsed = decoder.decode(text)
        except json.JSONDecodeError as error:
            raise self._broken(number, f"is not JSON: {error.msg}, character {error.pos + 1}") from None
        except RecursionError:
            raise self._broken(number, "is nested too deeply") from None
        return self._whole(number, parsed)

    def _whole(self, number: int, parsed: object) -> dict[str, Any]:
        if not isinstance(parsed, dict):
            raise self._broken(number, "is not a JSON object")
        return parsed

    def _broken(
        self, number: int, what: str, *, hint: str = "each row is one whole object; mend or remove this one."
    ) -> TableError:
        return TableError(f"{self.unit} {number} of {self._source.name} {what}. Nothing was written.", hint=hint)


def members_of(text: str) -> Iterator[Member]:
    """Yield the members of the JSON object in `text`, which is known to be whole."""
    place = _past_blanks(text, text.index("{") + 1)
    while text[place] != "}":
        name, name_end = DECODER.raw_decode(text, place)
        start = _past_blanks(text, _past_blanks(text, name_end) + 1)
        _, end = DECODER.raw_decode(text, start)
        yield Member(name, (place, name_end), (start, end))
        place = _past_blanks(text, end)
        if text[place] == ",":
            place = _past_blanks(text, place + 1)


def with_values(line: Line, new: Mapping[str, str]) -> str:
    """Return the text of a line with other JSON where its members are named in `new`; of twins, the last."""
    if not new.keys() & line.members.keys():
        return line.raw
    last = {member.name: member.value_span for member in members_of(line.raw)}
    return _with_spans(line.raw, {span: new[name] for name, span in last.items() if name in new})


def with_names(line: Line, renaming: Mapping[str, str]) -> str:
    """Return the text of a line with its members renamed."""
    if not renaming.keys() & line.members.keys():
        return line.raw
    found = [member for member in members_of(line.raw) if member.name in renaming]
    return _with_spans(line.raw, {member.name_span: json_of(renaming[member.name]) for member in found})


def json_rows(names: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    """Yield rows of any origin as JSON lines."""
    for text in json_objects(names, rows):
        yield f"{text}\n".encode()


def json_objects(names: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield rows of any origin as JSON objects."""
    labels = [json_label(name) for name in names]
    for row in rows:
        yield f"{{{','.join(label + json_cell(cell) for label, cell in zip(labels, row, strict=True))}}}"


def json_label(name: str) -> str:
    """Return the name of a member with its colon."""
    return whole_characters(json_of(name)) + ":"


def json_cell(value: object) -> str:
    """Return the value of a member: JSON that UTF-8 can hold."""
    return whole_characters(json_of(value))


def _with_members(raw: str, members: Sequence[str], *, is_empty: bool) -> str:
    if not members:
        return raw
    start, brace = raw.index("{") + 1, raw.rindex("}")
    lead = raw[start : _past_blanks(raw, start)]
    if "\n" in lead and not is_empty:  # each member stands on a line of its own
        end = len(raw[:brace].rstrip(BLANKS))
        return "".join([raw[:end], *(f",{lead}{member}" for member in members), raw[end:]])
    return f"{raw[:brace]}{'' if is_empty else ','}{','.join(members)}{raw[brace:]}"


def _with_spans(text: str, new: Mapping[tuple[int, int], str]) -> str:
    for (start, end), part in sorted(new.items(), reverse=True):
        text = text[:start] + part + text[end:]
    return text


def _past_blanks(text: str, place: int) -> int:
    while text[place] in BLANKS:
        place += 1
    return place


def _whole_number(text: str) -> int | Decimal:
    return int(text) if len(text) < _MOST_DIGITS else Decimal(text)


def _fraction(text: str) -> Decimal | float:
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent beyond all use
        return float(text)


DECODER: Final = json.JSONDecoder(parse_int=_whole_number, parse_float=_fraction)
QUICK_DECODER: Final = json.JSONDecoder(parse_int=float)
