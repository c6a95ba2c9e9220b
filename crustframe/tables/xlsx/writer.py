"""A workbook with columns added: every part and every old cell as it was, the new cells beside them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from functools import partial
from typing import IO, Any, Final

from crustframe.tables.cells import text_of
from crustframe.tables.placement import KEEP, Placement
from crustframe.tables.xlsx.growth import growing_tables, sheet_edits, workbook_with_names
from crustframe.tables.xlsx.new_book import TextCount, fitted
from crustframe.tables.xlsx.rows import Cell, Row, SheetRows, letters_of
from crustframe.tables.xlsx.sheet import Sheet
from crustframe.tables.xlsx.styles import DAY, GENERAL, HOUR, MOMENT, Styles
from crustframe.tables.xlsx.values import style_of
from crustframe.tables.xlsx.xml import markup_of, spliced, with_attributes

_ROW_STYLE: Final = re.compile(rb"""\ss=["']([0-9]+)["']""")
_SPANS: Final = re.compile(rb"""\sspans=["']([0-9]+):([0-9]+)["']""")
_BUFFER: Final = 2**16


class ExtendedWorkbook:
    """Writes one sheet's workbook anew.

    Parameters
    ----------
    sheet : Sheet
    names : sequence of str
        Of the added columns.
    placement : Placement
    renamed : mapping of int to str
        Own columns that are called otherwise, by position.
    """

    def __init__(
        self, sheet: Sheet, names: Sequence[str], placement: Placement, renamed: Mapping[int, str] | None = None
    ) -> None:
        self._counts = TextCount()
        self._sheet = sheet
        self._appended = {sheet.right + 1 + place: i for place, i in enumerate(placement.appended)}
        self._replaced = {sheet.left + position: i for position, i in placement.replaced.items()}
        self._header: dict[int, object] = {column: names[i] for column, i in self._appended.items()}
        self._renamed = {sheet.left + position: name for position, name in (renamed or {}).items()}
        self._header |= self._renamed
        self._styles = Styles(sheet.styles_data)
        self._column_styles = self._styles_of_columns()
        self._prefix = b""

    def write(self, sink: IO[bytes], rows: Iterator[Sequence[object]] | None = None) -> TextCount:
        """Write the whole package, with the added cells of every row, and return what became of added texts."""
        sheet, package = self._sheet, self._sheet.package
        changed: dict[str, Callable[[], Any]] = {}
        names = [str(self._header[column]) for column in self._appended]
        if names:
            changed[package.workbook] = lambda: workbook_with_names(sheet, len(names))
        for table in growing_tables(sheet) if names else ():
            changed[table.part] = partial(table.grown, names)
        for table in sheet.own_tables if self._renamed else ():
            changed[table.part] = partial(table.renamed, self._renamed)
        changed[sheet.entry.part] = lambda: self._pieces(rows)
        if package.styles:
            changed[package.styles] = self._styles.rendered
        package.copy(sink, changed)
        return self._counts

    def _pieces(self, rows: Iterator[Sequence[object]] | None) -> Iterator[bytes]:
        held, size = [], 0
        for piece in self._parts(rows):
            held.append(piece)
            size += len(piece)
            if size >= _BUFFER:
                yield b"".join(held)
                held, size = [], 0
        yield b"".join(held)

    def _parts(self, rows: Iterator[Sequence[object]] | None) -> Iterator[bytes]:
        sheet = self._sheet
        around = sheet.survey.head + sheet.survey.tail
        names = [str(self._header[column]) for column in self._appended]
        edits = list(sheet_edits(sheet, names)) if names else []
        scanned = sheet.scan()
        self._prefix = scanned.prefix
        yield spliced(around, edits, 0, len(sheet.survey.head))
        wanted = self._wanted(rows)
        number, cells = next(wanted, (0, {}))
        for row in scanned.rows():
            while number and number < row.number:
                yield self._row_made(number, cells)
                number, cells = next(wanted, (0, {}))
            yield row.before
            if number == row.number:
                yield self._row(scanned, row, cells)
                number, cells = next(wanted, (0, {}))
            else:
                yield row.raw
        while number:
            yield self._row_made(number, cells)
            number, cells = next(wanted, (0, {}))
        yield spliced(around, edits, len(sheet.survey.head))

    def _wanted(self, rows: Iterator[Sequence[object]] | None) -> Iterator[tuple[int, dict[int, object]]]:
        """Yield the rows that change: their numbers, and what goes into which column."""
        if self._sheet.has_header and self._header:
            yield self._sheet.first - 1, self._header
        for number, added in zip(self._sheet.numbers(), rows, strict=True) if rows else ():
            new = {column: added[i] for column, i in self._replaced.items() if added[i] is not KEEP}
            new |= {column: added[i] for column, i in self._appended.items() if added[i] is not KEEP}
            yield number, new

    def _row(self, scanned: SheetRows, row: Row, new: Mapping[int, object]) -> bytes:
        if not new:
            return row.raw
        tag_end = row.masked.index(b">") + 1
        tag = row.raw[:tag_end]
        style = self._row_style(tag)
        is_header = new is self._header
        last = scanned.last_cell(row)
        is_behind = last is not None and last.column < min(new)
        there = {cell.column: cell for cell in ([last] if last and is_behind else scanned.cells(row))}
        made = {}
        left_style = 0
        for column, value in new.items():
            cell = there.get(column)
            if is_header and column in self._appended:
                left_style = left_style or self._style_at(there.get(self._sheet.right), style)
                base = left_style
            else:
                base = style_of(cell) if cell else self._column_styles.get(column, 0) if style is None else style
            if markup := self._cell(column, row.number, value, base, is_own=column in self._replaced):
                made[column] = markup
        if not made:
            return row.raw
        spans = _SPANS.search(tag)
        if spans:
            first, end = min(int(spans[1]), *made), max(int(spans[2]), *made)
            tag = with_attributes(tag, {"spans": f"{first}:{end}"})
        return self._merged(row, tag, tag_end, there, made)

    def _merged(self, row: Row, tag: bytes, tag_end: int, there: Mapping[int, Cell], made: dict[int, bytes]) -> bytes:
        if row.raw[tag_end - 2 : tag_end] == b"/>":
            cells = b"".join(made[column] for column in sorted(made))
            return tag[:-2].rstrip() + b">" + cells + b"</" + self._prefix + b"row>"
        pieces, position = [tag], tag_end
        for column, cell in there.items():
            for before in sorted(one for one in made if one < column):
                pieces += [row.raw[position : cell.start], made.pop(before)]
                position = cell.start
            if column in made:
                pieces += [row.raw[position : cell.start], made.pop(column)]
                position = cell.end
            if not made:
                break
        if made:
            end = row.masked.rindex(b"</")
            last = max((cell.end for cell in there.values()), default=tag_end)
            last = max(last, position)
            pieces += [row.raw[position:last], *(made[column] for column in sorted(made)), row.raw[last:end]]
            position = end
        return b"".join([*pieces, row.raw[position:]])

    def _row_made(self, number: int, new: Mapping[int, object]) -> bytes:
        cells = [self._cell(c, number, new[c], self._column_styles.get(c, 0), is_own=False) for c in sorted(new)]
        inside = b"".join(cells)
        name = self._prefix + b"row"
        return b'<%s r="%d">%s</%s>' % (name, number, inside, name) if inside else b""

    def _cell(self, column: int, number: int, value: object, base: int, *, is_own: bool) -> bytes:
        """Return the element of a cell; nothing for an added cell without a value."""
        value = fitted(value, self._counts, self._sheet.values.first_year)
        style, kind, inside = self._encoded(value, base)
        if not inside and not is_own:
            return b""
        name = self._prefix + b"c"
        tag = f'r="{letters_of(column)}{number}"' + (f' s="{style}"' if style else "") + kind
        if not inside:
            return b"<%s %s/>" % (name, tag.encode())
        return b"<%s %s>%s</%s>" % (name, tag.encode(), inside, name)

    def _encoded(self, value: object, base: int) -> tuple[int, str, bytes]:
        match value:
            case None | "":
                return base, "", b""
            case bool():
                return base, ' t="b"', self._value(str(int(value)))
            case int() | float() | Decimal():
                style = self._styles.like(base, number_format=GENERAL) if self._styles.is_date(base) else base
                return style, "", self._value(str(value))
            case datetime() | date() | time() if self._styles.takes_more:
                return self._style_of_moment(value, base), "", self._value(repr(self._sheet.values.serial(value)))
        text = text_of(value)
        style = self._styles.like(base, is_inert=True) if self._counts.triggers(text) else base
        p = self._prefix
        markup = b'<%sis><%st xml:space="preserve">%s</%st></%sis>' % (p, p, markup_of(text).encode(), p, p)
        return style, ' t="inlineStr"', markup

    def _style_of_moment(self, value: date | time, base: int) -> int:
        if self._styles.is_date(base):
            return base
        code = MOMENT if isinstance(value, datetime) else DAY if isinstance(value, date) else HOUR
        return self._styles.like(base, number_format=code)

    def _value(self, text: str) -> bytes:
        return b"<%sv>%s</%sv>" % (self._prefix, text.encode(), self._prefix)

    def _style_at(self, cell: Cell | None, row_style: int | None) -> int:
        if cell:
            return style_of(cell)
        return self._column_styles.get(self._sheet.right, 0) if row_style is None else row_style

    def _row_style(self, tag: bytes) -> int | None:
        found = _ROW_STYLE.search(tag) if b"customFormat" in tag else None
        return int(found[1]) if found else None

    def _styles_of_columns(self) -> dict[int, int]:
        styles = {}
        for column in self._sheet.survey.around.all("cols", "col"):
            first, last = int(column.attributes["min"]), int(column.attributes["max"])
            for number in range(max(first, self._sheet.left), min(last, max([self._sheet.right, *self._header])) + 1):
                styles[number] = int(column.attributes.get("style", 0))
        return styles
