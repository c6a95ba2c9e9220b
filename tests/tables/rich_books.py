"""Workbooks full of what people put into workbooks, and a look into packages."""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import openpyxl
import xlsxwriter
from openpyxl.chart import BarChart, Reference
from openpyxl.comments import Comment
from openpyxl.formatting.rule import ColorScaleRule
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.table import Table, TableStyleInfo

URLS = [f"https://www.linkedin.com/in/{name}-example" for name in ("avery-tester", "nils-muster", "zoe-probe")]
HEADER = ["name", "url", "since", "score"]
ROWS = [
    ["Avery", URLS[0], date(2024, 3, 1), 1.5],
    ["Nils", URLS[1], date(2025, 4, 2), 2.5],
    ["Zoë", URLS[2], date(2026, 5, 3), 4],
]
CELL = re.compile(rb"<((?:\w+:)?)c(?:\s[^>]*?)?(?:/>|>.*?</\1c\s*>)", re.DOTALL)


def parts(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def old_cells(sheet: bytes) -> list[bytes]:
    return [cell[0] for cell in CELL.finditer(sheet)]


def repacked(path: Path, change: Callable[[str, bytes], bytes], rename: Callable[[str], str] = str) -> Path:
    inside = parts(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in inside.items():
            archive.writestr(rename(name), change(name, data))
    return path


def with_part(path: Path, name: str, data: bytes) -> Path:
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return path


def picture() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixels = b"".join(b"\0" + b"\x20\x80\xc0" * 24 for _ in range(24))
    header = struct.pack(">IIBBBBB", 24, 24, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")


def by_xlsxwriter(path: Path, *, macros: bool = False) -> Path:
    """An Excel table with totals, a chart, a comment, a picture, conditional formats, validation, names, panes."""
    image = path.with_name("picture.png")
    image.write_bytes(picture())
    with xlsxwriter.Workbook(path) as book:
        sheet, other = book.add_worksheet("Leads"), book.add_worksheet("Prices & co")
        bold = book.add_format({"bold": True, "bg_color": "#334466", "font_color": "white", "border": 1})
        day = book.add_format({"num_format": "dd.mm.yyyy"})
        sheet.set_column("A:A", 12)
        sheet.set_column("B:B", 50)
        for row, cells in enumerate(ROWS, start=1):
            sheet.write(row, 0, cells[0])
            sheet.write_url(row, 1, cells[1])
            sheet.write_datetime(row, 2, cells[2], day)
            sheet.write_number(row, 3, cells[3])
        columns = [{"header": name, "header_format": bold} for name in HEADER]
        columns[3]["total_function"] = "sum"
        sheet.add_table("A1:D5", {"name": "LeadsTable", "columns": columns, "total_row": True})
        sheet.freeze_panes(1, 1)
        sheet.write_comment("A2", "Met in spring")
        sheet.conditional_format("D2:D4", {"type": "data_bar"})
        sheet.data_validation("A2:A4", {"validate": "length", "criteria": "<", "value": 40})
        sheet.insert_image("A9", str(image))
        chart = book.add_chart({"type": "column"})
        chart.add_series({"values": "=Leads!$D$2:$D$4"})
        sheet.insert_chart("C9", chart)
        sheet.set_row(7, None, None, {"hidden": True})
        other.write_row(0, 0, ["item", "price"], bold)
        other.write_row(1, 0, ["a", 2])
        other.write_rich_string("A5", "a ", bold, "bold", " note")
        other.write_formula("C2", "=B2*2", None, 4)
        book.define_name("Factor", "='Prices & co'!$B$2")
        if macros:
            project = path.with_name("vbaProject.bin")
            project.write_bytes(b"\xd0\xcf\x11\xe0 invented")
            book.add_vba_project(str(project))
    return path


def by_openpyxl(path: Path, *, counts_from_1904: bool = False) -> Path:
    """Title rows, a filter, a print area, merged cells, borders, hidden rows, a second and a hidden sheet, a chart."""
    book = openpyxl.Workbook()
    if counts_from_1904:
        book.epoch = CALENDAR_MAC_1904
    sheet = book.active
    sheet.title = "Leads of March"
    sheet["A1"] = "Leads of March"
    sheet["A1"].font = Font(bold=True, size=16)
    sheet.merge_cells("A1:D1")
    for column, name in enumerate(HEADER, start=1):
        cell = sheet.cell(3, column, name)
        cell.font, cell.fill = Font(bold=True, color="FFFFFF"), PatternFill("solid", "334466")
        cell.border, cell.alignment = Border(bottom=Side("thick")), Alignment(horizontal="center")
    for row, cells in enumerate(ROWS, start=4):
        for column, value in enumerate(cells, start=1):
            sheet.cell(row, column, value)
        sheet.cell(row, 3).number_format = "dd.mm.yyyy"
        sheet.cell(row, 2).hyperlink = cells[1]
    sheet["D7"] = "=SUM(D4:D6)"
    sheet["A4"].comment = Comment("Met in spring", "A. Tester")
    sheet.auto_filter.ref = "A3:D6"
    sheet.print_area = "A1:D7"
    sheet.freeze_panes = "B4"
    sheet.row_dimensions[5].hidden = True
    sheet.row_dimensions[6].height = 30
    sheet.column_dimensions["B"].width = 45
    sheet.conditional_formatting.add("D4:D6", ColorScaleRule("min", None, "FFFFFF", "max", None, "FF8800"))
    choice = DataValidation(type="list", formula1='"Avery,Nils,Zoë"')
    choice.add("A4:A6")
    sheet.add_data_validation(choice)
    sheet.protection.sheet = True
    chart = BarChart()
    chart.add_data(Reference(sheet, min_col=4, min_row=4, max_row=6))
    sheet.add_chart(chart, "A10")
    second = book.create_sheet("Second")
    for cells in (["id", "profile"], [1, URLS[0]], [2, URLS[1]]):
        second.append(cells)
    table = Table(displayName="Known", ref="A1:B3")
    table.tableStyleInfo = TableStyleInfo("TableStyleMedium2", showRowStripes=True)
    second.add_table(table)
    hidden = book.create_sheet("Secret")
    hidden.sheet_state = "hidden"
    hidden["A1"] = datetime(2026, 1, 2, 3, 4)
    book.save(path)
    return path
