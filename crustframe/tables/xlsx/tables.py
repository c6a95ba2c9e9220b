"""An Excel table: where it stands, how its columns are called, and how it grows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final
from xml.sax.saxutils import quoteattr

from crustframe.tables.xlsx.rows import Area
from crustframe.tables.xlsx.xml import Edit, appended, changed_tag, escaped, root_of, spliced, unescaped

_FED_FROM_OUTSIDE: Final = ("queryTable", "xml")


class ExcelTable:
    """One table part.

    Attributes
    ----------
    name : str
        As formulas call it.
    area : Area
        With its header and its totals.
    has_header, has_totals : bool
    columns : list of str
    """

    def __init__(self, part: str, data: bytes) -> None:
        self.part = part
        self._data = data
        self._root = root_of(data)
        facts = self._root.attributes
        self.name = facts.get("displayName") or facts["name"]
        self.area = Area.of(facts["ref"])
        self.has_header = facts.get("headerRowCount", "1") != "0"
        self.has_totals = int(facts.get("totalsRowCount", "0")) > 0
        self.is_fed = facts.get("tableType", "worksheet") in _FED_FROM_OUTSIDE
        self._columns = list(self._root.all("tableColumns", "tableColumn"))
        self.columns = [unescaped(one.attributes["name"]) for one in self._columns]

    @property
    def last(self) -> int:
        """The last row above the totals."""
        return self.area.bottom - self.has_totals

    def grown(self, names: Sequence[str]) -> bytes:
        """Return the part with columns of these names to its right."""
        ids = [int(one.attributes["id"]) for one in self._columns]
        holder = self._root.first("tableColumns")
        assert holder is not None  # noqa: S101 - a table without columns was no table
        prefix = holder.prefix.decode()
        made = "".join(
            f"<{prefix}tableColumn id={quoteattr(str(max(ids) + i))} name={quoteattr(_as_name(name))}/>"
            for i, name in enumerate(names, start=1)
        )
        area = replace(self.area, right=self.area.right + len(names))
        edits: list[Edit] = [
            changed_tag(self._data, self._root, ref=area),
            changed_tag(self._data, holder, count=len(ids) + len(names)),
            appended(self._data, holder, made.encode()),
        ]
        filters = [
            changed_tag(self._data, own, ref=replace(area, bottom=Area.of(own.attributes["ref"]).bottom))
            for own in self._root.all("autoFilter")
        ]
        return spliced(self._data, [*edits, *filters])

    def renamed(self, names: Mapping[int, str]) -> bytes:
        """Return the part with columns of the sheet called otherwise."""
        return spliced(
            self._data,
            [
                changed_tag(self._data, one, name=_as_name(names[column]))
                for column, one in enumerate(self._columns, start=self.area.left)
                if column in names
            ],
        )


def _as_name(text: str) -> str:
    return escaped(text).replace("\n", "_x000a_")
