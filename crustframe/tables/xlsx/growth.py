"""What grows with added columns besides the rows: tables, filters, the print area; and what is in the way."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from crustframe.errors import TableError
from crustframe.tables.xlsx.rows import MAX_COLUMNS, Area, column_of, letters_of
from crustframe.tables.xlsx.sheet import Sheet
from crustframe.tables.xlsx.tables import ExcelTable
from crustframe.tables.xlsx.xml import Edit, Element, changed_tag, root_of, spliced, with_attributes

_GROWING_NAMES: Final = ("_xlnm._FilterDatabase", "_xlnm.Print_Area")
_NAMED_AREA: Final = re.compile(rb"!\$?([A-Z]{1,3})((?:\$?[0-9]+)?):\$?([A-Z]{1,3})((?:\$?[0-9]+)?)")
_NARROWEST, _WIDEST = 20, 50
_TRUE: Final = ("1", "true")
_NOTHING_SENT: Final = "Nothing was sent."


def added_area(sheet: Sheet, n_added: int) -> Area:
    """Return the cells that added columns take up, with the totals below the table that grows."""
    bottom = max([sheet.survey.last, *(table.area.bottom for table in growing_tables(sheet))])
    return Area(sheet.top, sheet.right + 1, max(sheet.top, bottom), sheet.right + n_added)


def refuse_obstacles(sheet: Sheet, names: Sequence[str], replaced: Iterable[int]) -> None:
    """Raise `TableError` where added columns would break what the workbook holds.

    Parameters
    ----------
    sheet : Sheet
    names : sequence of str
        Of the columns behind the table's own.
    replaced : iterable of int
        Positions of own columns whose cells may be replaced.
    """
    if sheet.package.is_signed:
        raise TableError(
            f"{sheet.name} is signed, and added columns would break the signature. {_NOTHING_SENT}",
            hint="remove the signature first, or write a .csv file.",
        )
    for position in replaced:
        if sheet.left + position in sheet.survey.formulas:
            raise TableError(
                f"The column {sheet.columns[position]!r} of {sheet.name} holds formulas, which are never replaced. "
                f"{_NOTHING_SENT}",
                hint="name the new column otherwise, such as --field 'basic_profile.name as person'.",
            )
    if not names:
        return
    if sheet.right + len(names) > MAX_COLUMNS:
        raise TableError(f"{sheet.name} has no room for {len(names)} more columns. {_NOTHING_SENT}")
    area = added_area(sheet, len(names))
    for what, other in _obstacles(sheet):
        if area.meets(other):
            raise TableError(
                f"{what} at {other} of {sheet.name} stands where the added columns go, {area}. {_NOTHING_SENT}",
                hint="move it, or write a .csv file.",
            )
    for table in growing_tables(sheet):
        folded = {name.casefold() for name in table.columns}
        twin = next((name for name in names if name.casefold() in folded), None)
        if twin is not None:
            raise TableError(
                f"The Excel table {table.name} has a column {twin!r} already; it tells no capitals from small "
                f"letters. {_NOTHING_SENT}",
                hint="name the new column otherwise, such as --field 'basic_profile.name as person'.",
            )


def growing_tables(sheet: Sheet) -> list[ExcelTable]:
    """Return the Excel tables that end at the last own column and are not filled from outside."""
    return [one for one in sheet.own_tables if one.area.right == sheet.right and not one.is_fed]


def sheet_edits(sheet: Sheet, names: Sequence[str]) -> Iterator[Edit]:
    """Yield what changes around the rows; places count as if the rows were not there."""
    around, data = sheet.survey.around, sheet.survey.head + sheet.survey.tail
    area = added_area(sheet, len(names))
    for dimension in around.all("dimension"):
        yield changed_tag(data, dimension, ref=Area.of(dimension.attributes["ref"]).joined(area))
    for own in around.all("autoFilter"):
        filtered = Area.of(own.attributes.get("ref", "A1"))
        if (filtered.top, filtered.right) == (area.top, sheet.right):
            yield changed_tag(data, own, ref=replace(filtered, right=area.right))
    yield from _widths(data, around, dict(enumerate(names, start=area.left)))


def _widths(data: bytes, around: Element, names: Mapping[int, str]) -> Iterator[Edit]:
    """Yield what makes the added columns wide enough for a date, and shown, unless the user gave them a width."""
    widths = {column: min(max(len(name) + 2, _NARROWEST), _WIDEST) for column, name in names.items()}
    holder, rows = around.first("cols"), around.first("sheetData")
    assert rows is not None  # noqa: S101 - it was read
    for own in around.all("cols", "col"):
        first, last = int(own.attributes["min"]), int(own.attributes["max"])
        inside = [column for column in widths if first <= column <= last]
        tag = data[own.start : own.end]
        if inside:
            parts = [with_attributes(tag, {"min": first, "max": inside[0] - 1})] if first < inside[0] else []
            is_set = own.attributes.get("customWidth") in _TRUE and own.attributes.get("hidden") not in _TRUE
            for column in inside:
                width = own.attributes.get("width") if is_set else widths[column]
                changes = {"min": column, "max": column, "hidden": None, "width": width, "customWidth": 1}
                parts.append(with_attributes(tag, changes))
                del widths[column]
            parts += [with_attributes(tag, {"min": inside[-1] + 1, "max": last})] if inside[-1] < last else []
            yield own.start, own.end, b"".join(parts)
    prefix = rows.prefix.decode()
    for column, width in widths.items():
        made = f'<{prefix}col min="{column}" max="{column}" width="{width}" customWidth="1"/>'.encode()
        if holder is None:
            opening = f"<{prefix}cols>".encode() if column == min(widths) else b""
            made = opening + made + (f"</{prefix}cols>".encode() if column == max(widths) else b"")
            yield rows.start, rows.start, made
        else:
            behind = [own.start for own in holder.children if int(own.attributes["min"]) > column]
            yield (at := min(behind, default=holder.close)), at, made


def workbook_with_names(sheet: Sheet, n_added: int) -> bytes:
    """Return the workbook part, with the filter and the print area of the sheet as wide as the table is now."""
    data = sheet.package.read(sheet.package.workbook)
    index = str(sheet.package.sheets.index(sheet.entry))

    def grown(found: re.Match[bytes]) -> bytes:
        rows = [int(text.lstrip(b"$")) for text in (found[2], found[4]) if text]
        if column_of(found[3]) != sheet.right or (rows and not rows[0] <= sheet.top <= rows[-1]):
            return found[0]
        right = letters_of(sheet.right + n_added).encode()
        return b"!$%s%s:$%s%s" % (found[1], found[2], right, found[4])

    edits = [
        (name.inside, name.close, _NAMED_AREA.sub(grown, data[name.inside : name.close]))
        for name in root_of(data).all("definedNames", "definedName")
        if name.attributes["name"] in _GROWING_NAMES and name.attributes.get("localSheetId") == index
    ]
    return spliced(data, edits)


def _obstacles(sheet: Sheet) -> Iterator[tuple[str, Area]]:
    """Yield what may stand beside the table."""
    if sheet.survey.beside:
        yield "A value", sheet.survey.beside
    for merged in sheet.survey.around.all("mergeCells", "mergeCell"):
        yield "A merged cell", Area.of(merged.attributes["ref"])
    for spilt in sheet.survey.arrays:
        yield "The values of a formula", spilt
    for table in sheet.tables:
        yield f"The Excel table {table.name}", table.area
    for part in sheet.package.parts_of(sheet.entry.part, "/pivotTable"):
        for place in root_of(sheet.package.read(part)).all("location"):
            yield "A pivot table", Area.of(place.attributes["ref"])
