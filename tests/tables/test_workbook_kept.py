"""A workbook in is the same workbook out, plus columns: looked at part by part and cell by cell."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import zipfile
from datetime import UTC, date, datetime, time
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich_books import ROWS, URLS, by_openpyxl, by_xlsxwriter, old_cells, parts, repacked

from crustframe.tables import KEEP, read_table

SHEET = "xl/worksheets/sheet1.xml"
ADDED = {
    "person": ["Avery Tester", "=1+1", "two\nlines"],
    "n": [1, 2.5, None],
    "ok": [True, False, None],
    "day": [date(2026, 3, 1), None, date(2026, 3, 2)],
    "at": [None, datetime(2026, 3, 1, 9, 30, tzinfo=UTC), None],
    "hour": [time(9, 30), None, None],
}


def for_rows(n: int) -> dict[str, list[object]]:
    return {name: [*values, *[None] * (n - len(values))] for name, values in ADDED.items()}


def changed_parts(before: Path, after: Path) -> set[str]:
    old, new = parts(before), parts(after)
    assert old.keys() == new.keys()
    return {name for name in old if old[name] != new[name]}


def assert_old_cells_are_there(before: Path, after: Path, sheet: str = SHEET) -> None:
    """Every old cell, byte for byte and in order; nothing between the rows changed, either."""
    old, new = old_cells(parts(before)[sheet]), old_cells(parts(after)[sheet])
    kept = iter(new)
    assert all(cell in kept for cell in old)


@pytest.mark.parametrize("macros", [False, True])
def test_all_that_excel_puts_beside_the_cells_stays(tmp_path, macros):
    suffix = ".xlsm" if macros else ".xlsx"
    path, out = by_xlsxwriter(tmp_path / f"in{suffix}", macros=macros), tmp_path / f"out{suffix}"
    table = read_table(path)

    done = table.write(out, for_rows(table.n_rows))

    assert (3, 10, 1) == (done.rows, done.columns, done.neutralised)
    assert {SHEET, "xl/styles.xml", "xl/tables/table1.xml"} == changed_parts(path, out)
    assert_old_cells_are_there(path, out)
    assert macros == ("xl/vbaProject.bin" in parts(out))
    openpyxl.load_workbook(out, keep_vba=macros)


def test_parts_are_copied_as_they_are_packed(tmp_path):
    path, out = by_xlsxwriter(tmp_path / "in.xlsx"), tmp_path / "out.xlsx"

    read_table(path).write(out, for_rows(3))

    with zipfile.ZipFile(path) as before, zipfile.ZipFile(out) as after:
        for name in set(before.namelist()) - {SHEET, "xl/styles.xml", "xl/tables/table1.xml", "xl/workbook.xml"}:
            old, new = before.getinfo(name), after.getinfo(name)
            assert (old.CRC, old.compress_size, old.date_time) == (new.CRC, new.compress_size, new.date_time)


def test_packages_that_were_written_in_a_stream(tmp_path):
    path, out = by_xlsxwriter(tmp_path / "whole.xlsx"), tmp_path / "out.xlsx"
    inside = parts(path)
    with (tmp_path / "in.xlsx").open("wb") as raw, zipfile.ZipFile(Endless(raw), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in inside.items():
            archive.writestr(name, data)

    read_table(tmp_path / "in.xlsx").write(out, for_rows(3))

    assert {SHEET, "xl/styles.xml", "xl/tables/table1.xml"} == changed_parts(tmp_path / "in.xlsx", out)
    openpyxl.load_workbook(out)


class Endless:
    """A file that cannot seek, as a pipe: the sizes of parts then stand behind them."""

    def __init__(self, raw):
        self.write, self.flush = raw.write, raw.flush


def test_dates_are_texts_where_a_workbook_has_no_formats(tmp_path):
    path, out = tmp_path / "in.xlsx", tmp_path / "out.xlsx"
    book = openpyxl.Workbook()
    book.active.append(["url"])
    book.active.append([URLS[0]])
    book.save(path)
    inside = parts(path)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in inside.items():
            if name != "xl/styles.xml":
                archive.writestr(name, re.sub(rb"<(Override|Relationship) [^>]*styles[^>]*/>", b"", data))

    read_table(path).write(out, {"at": [datetime(2026, 3, 1, 9, 30)], "x": ["=1"]})

    assert ("2026-03-01T09:30:00", "=1") == tuple(cell.value for cell in openpyxl.load_workbook(out).active[2][1:])


@pytest.mark.parametrize("from_1904", [False, True])
def test_a_header_below_title_rows(tmp_path, from_1904):
    path, out = by_openpyxl(tmp_path / "in.xlsx", counts_from_1904=from_1904), tmp_path / "out.xlsx"
    table = read_table(path, columns=["url"])

    table.write(out, for_rows(table.n_rows))

    assert {SHEET, "xl/styles.xml", "xl/workbook.xml"} == changed_parts(path, out)
    assert_old_cells_are_there(path, out)
    sheet = openpyxl.load_workbook(out).active
    assert ["person", "n", "ok", "day", "at", "hour"] == [cell.value for cell in sheet[3][4:]]
    assert {sheet["D3"].style_id} == {cell.style_id for cell in sheet[3][4:]}
    assert ["Avery Tester", 1, True, datetime(2026, 3, 1), None, time(9, 30)] == [cell.value for cell in sheet[4][4:]]
    assert ["=1+1", 2.5, False, None, datetime(2026, 3, 1, 9, 30)] == [cell.value for cell in sheet[5][4:9]]
    assert (sheet["E5"].data_type, sheet["E5"].quotePrefix) == ("s", True)
    assert "two\nlines" == sheet["E6"].value
    assert ("A3:J6", "'Leads of March'!$A$1:$J$7", "B4", True) == (
        sheet.auto_filter.ref,
        sheet.print_area,
        sheet.freeze_panes,
        sheet.row_dimensions[5].hidden,
    )
    assert "A1:J7" == sheet.dimensions
    assert 45 == sheet.column_dimensions["B"].width
    assert openpyxl.load_workbook(path).active["C4"].value == sheet["C4"].value == datetime(2024, 3, 1)


def test_an_excel_table_by_name_grows_and_its_totals_stay(tmp_path):
    path, out = by_xlsxwriter(tmp_path / "in.xlsx"), tmp_path / "out.xlsx"
    table = read_table(path, table="leadstable")

    assert (["name", "url", "since", "score"], URLS) == (table.columns, table.column("url"))
    table.write(out, {"person": ["a", "b", "c"], "day": [date(2026, 1, 1)] * 3})

    sheet = openpyxl.load_workbook(out)["Leads"]
    grown = sheet.tables["LeadsTable"]
    assert ("A1:F5", "A1:F4", 6) == (grown.ref, grown.autoFilter.ref, grown.tableColumns[-1].id)
    assert ["name", "url", "since", "score", "person", "day"] == [column.name for column in grown.tableColumns]
    assert [None, None] == [sheet["E5"].value, sheet["F5"].value]
    assert_old_cells_are_there(path, out)


def test_only_attributes_are_taken_for_attributes(tmp_path):
    path, out = by_xlsxwriter(tmp_path / "in.xlsx"), tmp_path / "out.xlsx"
    odd = b"""<table comment="it was ref='A1:B2'" """
    repacked(path, lambda name, data: data.replace(b"<table ", odd) if "tables" in name else data)

    read_table(path).write(out, {"n": [1, 2, 3]})

    assert odd in parts(out)["xl/tables/table1.xml"]
    assert "A1:E5" == openpyxl.load_workbook(out)["Leads"].tables["LeadsTable"].ref


def test_a_table_on_another_sheet(tmp_path):
    path, out = by_openpyxl(tmp_path / "in.xlsx"), tmp_path / "out.xlsx"

    read_table(path, table="Known").write(out, {"n": [1, 2]})

    assert {"xl/worksheets/sheet2.xml", "xl/tables/table1.xml"} == changed_parts(path, out)
    assert "A1:C3" == openpyxl.load_workbook(out)["Second"].tables["Known"].ref


def test_replaced_cells_keep_their_style_and_others_their_bytes(tmp_path):
    path, out = by_openpyxl(tmp_path / "in.xlsx"), tmp_path / "out.xlsx"
    table = read_table(path, columns=["url"])
    values = {"since": [KEEP, date(2030, 1, 1), None, KEEP], "name": ["=x", KEEP, KEEP, KEEP]}

    table.write(out, values, overwrite_columns=True)

    before, after = (openpyxl.load_workbook(one).active for one in (path, out))
    assert [datetime(2024, 3, 1), datetime(2030, 1, 1), None] == [after[f"C{row}"].value for row in (4, 5, 6)]
    assert {"dd.mm.yyyy"} == {after[f"C{row}"].number_format for row in (4, 5, 6)}
    assert ("=x", True, "Nils") == (after["A4"].value, after["A4"].quotePrefix, after["A5"].value)
    old, new = old_cells(parts(path)[SHEET]), old_cells(parts(out)[SHEET])
    assert 3 == sum(was != now for was, now in zip(old, new, strict=True))
    assert before.dimensions == after.dimensions


def test_styled_blanks_behind_the_table_give_way_or_stay(tmp_path):
    path = tmp_path / "in.xlsx"
    book = openpyxl.Workbook()
    for row in (["url"], [URLS[0]], [URLS[1]]):
        book.active.append(row)
    for at in ("B2", "C2", "B3"):
        book.active[at].number_format = "0.000"
    book.save(path)

    read_table(path).write(tmp_path / "out.xlsx", {"n": [1, None]})

    sheet = openpyxl.load_workbook(tmp_path / "out.xlsx").active
    assert [(1, "0.000"), (None, "0.000"), (None, "0.000")] == [
        (sheet[at].value, sheet[at].number_format) for at in ("B2", "C2", "B3")
    ]


def test_hidden_columns_behind_the_table_are_shown_where_something_stands_now(tmp_path):
    path = tmp_path / "in.xlsx"
    book = openpyxl.Workbook()
    book.active.append(["url"])
    book.active.append([URLS[0]])
    book.save(path)
    hidden = b'<cols><col min="2" max="16384" width="9" hidden="1" customWidth="1"/></cols><sheetData>'
    repacked(path, lambda name, data: data.replace(b"<sheetData>", hidden) if name == SHEET else data)

    read_table(path).write(tmp_path / "out.xlsx", {"n": [1], "a day of the week": [2]})

    columns = re.findall(rb"<col .*?/>", parts(tmp_path / "out.xlsx")[SHEET])
    assert [b'min="2" max="2"', b'min="3" max="3"', b'min="4" max="16384"'] == [
        re.search(rb'min="\d+" max="\d+"', column)[0] for column in columns
    ]
    assert [False, False, True] == [b"hidden" in column for column in columns]


def test_rows_that_the_file_leaves_out_are_made(tmp_path):
    path = tmp_path / "in.xlsx"
    book = openpyxl.Workbook()
    book.active["A1"], book.active["A2"], book.active["A5"] = "url", URLS[0], URLS[1]
    book.save(path)
    table = read_table(path)

    assert [URLS[0], None, None, URLS[1]] == table.column("url")
    table.write(tmp_path / "out.xlsx", {"n": ["a", "b", None, "d"]})

    rows = list(openpyxl.load_workbook(tmp_path / "out.xlsx").active.iter_rows(values_only=True))
    assert [("url", "n"), (URLS[0], "a"), (None, "b"), (None, None), (URLS[1], "d")] == rows


def test_columns_are_renamed_in_place(tmp_path):
    path, out = by_xlsxwriter(tmp_path / "in.xlsx"), tmp_path / "out.xlsx"

    read_table(path).write_renamed(out, ["person", "url", "since", "score"])

    assert {SHEET, "xl/tables/table1.xml"} == changed_parts(path, out)
    sheet = openpyxl.load_workbook(out)["Leads"]
    changed = [was != now for was, now in zip(*(old_cells(parts(one)[SHEET]) for one in (path, out)), strict=True)]
    assert [True, *[False] * (len(changed) - 1)] == changed
    assert "person" == sheet["A1"].value == sheet.tables["LeadsTable"].tableColumns[0].name
    assert sheet["A1"].style_id == sheet["B1"].style_id


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VALUES = st.none() | st.booleans() | st.integers(-(10**14), 10**14) | TEXTS | st.just(" _x0041_ ")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), width=st.integers(1, 4), height=st.integers(0, 6), inline=st.booleans())
def test_any_sheet_keeps_its_cells_and_gets_the_new_ones(tmp_path, data, width, height, inline):
    printable = st.text("abcÄ<&>\"' \n", max_size=6)
    own = [[data.draw(st.none() | st.integers(0, 9) | printable) for _ in range(width)] for _ in range(height)]
    own = [*own, ["last"] * width]
    added = [data.draw(VALUES) for _ in own]
    book = openpyxl.Workbook(write_only=inline)
    sheet = book.create_sheet() if inline else book.active
    for row in [[f"c{i}" for i in range(width)], *own]:
        sheet.append(row)
    book.save(path := tmp_path / "in.xlsx")

    table = read_table(path)
    table.write(out := tmp_path / "out.xlsx", {"new": added})

    assert_old_cells_are_there(path, out)
    again = read_table(out)
    assert [value if value != "" else None for value in added] == again.column("new")
    assert [table.column(f"c{i}") for i in range(width)] == [again.column(f"c{i}") for i in range(width)]
    openpyxl.load_workbook(out)


@st.composite
def sheets_by_hand(draw) -> bytes:
    """Rows and cells as odd writers spell them: with gaps, without references, attributes in any order."""
    rows, number = [b'<row r="1"><c r="A1" t="inlineStr"><is><t>c0</t></is></c><c r="B1" t="b"><v>1</v></c></row>'], 1
    for _ in range(draw(st.integers(0, 5))):
        step, named = draw(st.sampled_from([(1, False), (1, True), (3, True)]))
        number += step
        cells = b""
        for column in range(1, 1 + draw(st.integers(0, 2))):
            at = b' r="%c%d"' % (64 + column, number) if draw(st.booleans()) else b""
            cell = draw(st.sampled_from([b"<c%s/>", b"<c s='0'%s ><v>7</v></c>", b"<c%s t='str'><v>a &gt; b</v></c>"]))
            cells += cell % at
        tag = (b'<row r="%d"' % number if named else b"<row") + draw(
            st.sampled_from([b"", b' spans="1:2"', b' ht="20"'])
        )
        rows.append(draw(st.sampled_from([b"", b"\n "])) + (tag + b">" + cells + b"</row>" if cells else tag + b"/>"))
    return b"".join(rows)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=sheets_by_hand())
def test_any_spelling_of_rows_keeps_its_bytes(tmp_path, rows):
    book = openpyxl.Workbook()
    book.active["A1"] = 1
    book.save(path := tmp_path / "in.xlsx")
    whole = re.compile(rb"(?<=<sheetData>).*(?=</sheetData>)", re.DOTALL)
    repacked(path, lambda name, data: whole.sub(lambda _: rows, data) if name == SHEET else data)
    table, out = read_table(path), tmp_path / "out.xlsx"
    added = [f"new {row}" for row in range(table.n_rows)]

    table.write(out, {"new": added})

    assert_old_cells_are_there(path, out)
    assert [table.column(name) for name in table.columns] == [read_table(out).column(name) for name in table.columns]
    assert added == read_table(out).column("new")
    assert added == [row[2] for row in openpyxl.load_workbook(out).active.iter_rows(2, values_only=True)][: len(added)]


def test_libreoffice_shows_old_cells_and_new_ones(tmp_path):
    by_openpyxl(tmp_path / "in.xlsx")
    table = read_table(tmp_path / "in.xlsx", columns=["url"])
    table.write(tmp_path / "out.xlsx", for_rows(table.n_rows))
    by_xlsxwriter(tmp_path / "excel.xlsx")
    read_table(tmp_path / "excel.xlsx").write(tmp_path / "excel-out.xlsx", for_rows(3))

    shown = as_csv(tmp_path, "in", "out", "excel", "excel-out")

    for before, after, header in (("in", "out", 2), ("excel", "excel-out", 0)):
        assert shown[before] == [row[:4] for row in shown[after]]
        assert list(ADDED) == shown[after][header][4:]
        assert ["Avery Tester", "1", "TRUE", "2026-03-01", "", "09:30:00"] == shown[after][header + 1][4:]
        assert ["=1+1", "2.5", "FALSE", "", "2026-03-01 09:30:00", ""] == shown[after][header + 2][4:]
        assert ["two\nlines", "", "", "2026-03-02", "", ""] == shown[after][header + 3][4:]
        assert [cells[0] for cells in ROWS] == [row[0] for row in shown[after][header + 1 : header + 4]]


def as_csv(folder: Path, *names: str) -> dict[str, list[list[str]]]:
    """What a real LibreOffice shows of the first sheet of each."""
    profile = folder / "profile"
    utf8 = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true"
    command = ["soffice", f"-env:UserInstallation={profile.as_uri()}", "--headless", "--convert-to", utf8]
    subprocess.run(
        [*command, "--outdir", str(folder), *(str(folder / f"{name}.xlsx") for name in names)],
        check=True,
        capture_output=True,
        timeout=180,
        env={**os.environ, "HOME": str(folder)},
    )
    return {
        name: list(csv.reader((folder / f"{name}.csv").read_text("utf-8").splitlines(keepends=True))) for name in names
    }
