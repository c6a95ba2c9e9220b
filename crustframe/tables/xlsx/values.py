"""What the cells of a sheet say: shared strings, numbers, dates, formulas."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable
from contextlib import suppress
from datetime import date, time
from functools import cached_property
from typing import Any, Final
from xml.sax.saxutils import escape

from crustframe.tables.xlsx.package import Package
from crustframe.tables.xlsx.rows import Area, Cell
from crustframe.tables.xlsx.styles import Styles
from crustframe.tables.xlsx.xml import XmlError, text_in, unescaped

_KIND: Final = re.compile(rb"""\st\s*=\s*["']([A-Za-z]+)["']""")
_STYLE: Final = re.compile(rb"""\ss\s*=\s*["']([0-9]+)["']""")
_NAME: Final = rb"<(?:[^\s<>/:]+:)?"
_VALUE: Final = re.compile(_NAME + rb"v(?:\s[^>/]*)?>([^<]*)<")
_FORMULA: Final = re.compile(_NAME + rb"f(?:\s[^>]*?)?(?:/>|>([^<]*)<)")
_SPILLS: Final = re.compile(_NAME + rb"""f((?:\s[^>]*)?\st=["'](?:array|dataTable)["'][^>]*)>""")
_REF: Final = re.compile(rb"""\sref=["']([A-Z0-9:]+)["']""")
_TEXT: Final = re.compile(_NAME + rb"t(?:\s[^>/]*)?>([^<]*)<")
_PHONETIC: Final = re.compile(_NAME + rb"rPh[\s>].*?</(?:[^\s<>/:]+:)?rPh\s*>", re.DOTALL)
_ITEM_END: Final = re.compile(rb"</(?:[^\s<>/:]+:)?si\s*>|" + _NAME + rb"si\s*/>")
_ODD: Final = re.compile(rb"<!\[CDATA\[(.*?)\]\]>|<!--.*?-->|<\?.*?\?>", re.DOTALL)
_LONGEST_ITEM: Final = 2**24
_HYPERLINK: Final = re.compile(r'\s*(?:_xlfn\.)?HYPERLINK\(\s*"((?:[^"]|"")*)"\s*[,;)]', re.IGNORECASE)


class SharedStrings:
    """The texts that cells share, side by side in one piece of memory."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._texts = bytearray()
        self._ends = array("Q", [0])
        rest = b""
        for chunk in chunks:
            rest += chunk
            start = 0
            for end in _ITEM_END.finditer(rest):
                self._texts += _text_of_item(rest[start : end.end()]).encode()
                self._ends.append(len(self._texts))
                start = end.end()
            rest = rest[start:]
            if len(rest) > _LONGEST_ITEM:
                raise XmlError("a text without an end")

    def __getitem__(self, number: int) -> str:
        return self._texts[self._ends[number] : self._ends[number + 1]].decode()


class Values:
    """Reads cells.

    Parameters
    ----------
    package : Package
    styles : Styles
        They say which numbers are dates.

    Attributes
    ----------
    first_year : int
        The first of which there are dates.
    """

    def __init__(self, package: Package, styles: Styles) -> None:
        from openpyxl.utils.datetime import CALENDAR_MAC_1904, CALENDAR_WINDOWS_1900

        self.epoch: Any = CALENDAR_MAC_1904 if package.counts_from_1904 else CALENDAR_WINDOWS_1900
        self.first_year = 1904 if package.counts_from_1904 else 1900
        self._package = package
        self._styles = styles

    @cached_property
    def _strings(self) -> SharedStrings:
        part = self._package.strings
        return SharedStrings(self._package.chunks(part) if part else ())

    def of(self, cell: Cell) -> object:
        """Return the value of a cell: str, int, float, bool, date, time or ``None``.

        That of a formula that nobody computed yet is its address, as `address_in` finds it, else its text.
        """
        if not cell.inside:
            return None
        kind = _KIND.search(cell.attributes)
        if kind and kind[1] == b"inlineStr":
            return unescaped(_text_of_item(cell.inside)) or None
        found = _VALUE.search(_plain(cell.inside))
        value = text_in(found[1]) if found else ""
        if not value:
            is_text = found is not None and kind is not None and kind[1] == b"str"
            formula = None if is_text else _FORMULA.search(cell.inside)
            return address_in(cell) or f"={text_in(formula[1] or b'')}" if formula else None
        return self._typed(value, kind[1] if kind else b"n", cell)

    def serial(self, moment: date | time) -> int | float:
        """Return the number that stands for a moment."""
        from openpyxl.utils.datetime import to_excel

        number = float(to_excel(moment, self.epoch))
        return int(number) if number.is_integer() else number

    def arrays_in(self, cell: Cell) -> list[Area]:
        """Return where the formula of a cell puts its values, if that is more than the cell."""
        tags = [_REF.search(found[1]) for found in _SPILLS.finditer(cell.inside)]
        return [Area.of(found[1].decode()) for found in tags if found]

    def _typed(self, value: str, kind: bytes, cell: Cell) -> object:
        match kind:
            case b"s":
                return unescaped(self._strings[int(value)]) or None
            case b"b":
                return value.strip() in ("1", "true")
            case b"n":
                number = float(value) if re.search("[.eE]", value) else int(value)
                return self._moment(number, style_of(cell))
            case b"d":
                from openpyxl.utils.datetime import from_ISO8601

                with suppress(ValueError):
                    return from_ISO8601(value)
        return unescaped(value)

    def _moment(self, number: float, style: int) -> object:
        if not self._styles.is_date(style):
            return number
        from openpyxl.utils.datetime import from_excel

        try:
            return from_excel(number, self.epoch, timedelta=self._styles.is_duration(style))
        except (OverflowError, ValueError):
            return "#VALUE!"


def style_of(cell: Cell) -> int:
    found = _STYLE.search(cell.attributes)
    return int(found[1]) if found else 0


def has_formula(cell: Cell) -> bool:
    return b"f" in cell.inside and _FORMULA.search(cell.inside) is not None


def address_in(cell: Cell) -> str | None:
    """Return the address of a formula ``=HYPERLINK("address", ...)``."""
    found = _FORMULA.search(cell.inside) if b"(" in cell.inside else None
    address = _HYPERLINK.match(text_in(found[1])) if found and found[1] else None
    return address[1].replace('""', '"') if address else None


def _text_of_item(markup: bytes) -> str:
    """Return the text of a string item or of an inline string: its runs, without the phonetic ones."""
    markup = _plain(markup)
    if b"rPh" in markup:
        markup = _PHONETIC.sub(b"", markup)
    return "".join(map(text_in, _TEXT.findall(markup)))


def _plain(markup: bytes) -> bytes:
    """Return markup without comments, and with CDATA sections written as any text is."""
    return _ODD.sub(lambda odd: escape((odd[1] or b"").decode()).encode(), markup) if b"<!" in markup else markup
