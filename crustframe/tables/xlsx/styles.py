"""The cell formats of a workbook, and the few that added cells need besides."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from crustframe.tables.xlsx.xml import Edit, Element, appended, changed_tag, root_of, spliced, with_attributes

DAY, MOMENT, HOUR = "yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss", "hh:mm:ss"
GENERAL: Final = "General"
_FIRST_OWN_FORMAT: Final = 164  # ECMA-376 18.8.30: ids below are built in


class Styles:
    """Reads ``styles.xml``, and writes it with cell formats appended.

    Parameters
    ----------
    data : bytes
        The part; empty if the workbook has none, which then gets no formats either.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._root = root_of(data) if data else Element("styleSheet", {}, b"", 0, 0)
        self._formats = {int(one.attributes["numFmtId"]): one.attributes["formatCode"] for one in self._own_formats}
        self._given = [data[xf.start : xf.end] for xf in self._root.all("cellXfs", "xf")]
        self._number_formats = [int(xf.attributes.get("numFmtId", 0)) for xf in self._root.all("cellXfs", "xf")]
        self._made: dict[tuple[int, str | None, bool], tuple[int, bytes]] = {}
        self._new_formats: dict[str, int] = {}
        self.is_date = cache(self.is_date)  # type: ignore[method-assign]

    @property
    def takes_more(self) -> bool:
        """Whether there are formats at all that others could stand beside."""
        return bool(self._given)

    def is_date(self, style: int) -> bool:
        """Whether numbers of this format are shown as a date, a time or a duration."""
        from openpyxl.styles.numbers import is_date_format

        return bool(is_date_format(self._code_of(style)))

    def is_duration(self, style: int) -> bool:
        from openpyxl.styles.numbers import is_timedelta_format

        return bool(is_timedelta_format(self._code_of(style)))

    def like(self, style: int, *, number_format: str | None = None, is_inert: bool = False) -> int:
        """Return a format as this one, with another number format or the mark that a text is no formula."""
        if not self._given or (number_format is None and not is_inert):
            return style
        asked = (style, number_format, is_inert)
        if asked not in self._made:
            self._made[asked] = len(self._given) + len(self._made), self._variant(*asked)
        return self._made[asked][0]

    def rendered(self) -> bytes:
        """Return the part with the formats that were asked for."""
        cell_formats = self._root.first("cellXfs")
        if cell_formats is None or not self._made:
            return self._data
        count = len(self._given) + len(self._made)
        edits = [
            changed_tag(self._data, cell_formats, count=count),
            appended(self._data, cell_formats, b"".join(made for _, made in self._made.values())),
        ]
        return spliced(self._data, [*edits, *self._format_edits()])

    @property
    def _own_formats(self) -> list[Element]:
        return list(self._root.all("numFmts", "numFmt"))

    def _code_of(self, style: int) -> str:
        from openpyxl.styles.numbers import BUILTIN_FORMATS

        if not 0 <= style < len(self._number_formats):
            return GENERAL
        number = self._number_formats[style]
        return self._formats.get(number) or BUILTIN_FORMATS.get(number, GENERAL)

    def _variant(self, style: int, number_format: str | None, is_inert: bool) -> bytes:
        xf = self._given[style if style < len(self._given) else 0]
        tag = re.match(rb"[^>]*>", xf)
        assert tag is not None  # noqa: S101 - it is an element
        changes: dict[str, object] = {"quotePrefix": 1} if is_inert else {}
        if number_format is not None:
            changes |= {"numFmtId": self._format_id(number_format), "applyNumberFormat": 1}
        return with_attributes(tag[0], changes) + xf[tag.end() :]

    def _format_id(self, code: str) -> int:
        if code == GENERAL:
            return 0
        known = {text: number for number, text in self._formats.items()} | self._new_formats
        if code not in known:
            self._new_formats[code] = max([_FIRST_OWN_FORMAT - 1, *known.values()]) + 1
        return known.get(code) or self._new_formats[code]

    def _format_edits(self) -> list[Edit]:
        if not self._new_formats:
            return []
        name = self._root.prefix.decode()
        made = "".join(f'<{name}numFmt numFmtId="{i}" formatCode="{code}"/>' for code, i in self._new_formats.items())
        there = self._root.first("numFmts")
        if there is None:
            around = f'<{name}numFmts count="{len(self._new_formats)}">{made}</{name}numFmts>'
            return [(self._root.inside, self._root.inside, around.encode())]
        count = len(self._own_formats) + len(self._new_formats)
        return [changed_tag(self._data, there, count=count), appended(self._data, there, made.encode())]
