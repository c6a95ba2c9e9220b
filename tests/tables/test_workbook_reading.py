"""Workbooks of every make: who a cell names, and where the table is."""

from __future__ import annotations

import random
import re
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter
from rich_books import URLS, by_openpyxl, by_xlsxwriter, old_cells, parts, repacked, with_part

from crustframe.errors import TableError
from crustframe.people.identifiers import read_identifiers
from crustframe.tables import read_table
from crustframe.tables.header import HeaderSearch
from crustframe.tables.source import Source
from crustframe.tables.xlsx.rows import SheetRows
from crustframe.tables.xlsx.sheet import Sheet

SHEET = "xl/worksheets/sheet1.xml"
MAIN = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = b"http://schemas.openxmlformats.org/officeDocument/2006/"


def book_of(path: Path, *rows: list[object]) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def with_sheet(path: Path, rows: bytes, behind: bytes = b"", prefix: bytes = b"") -> Path:
    """A workbook whose first sheet is written by hand."""
    book_of(path, ["url"])
    name = b"xmlns" + (b":" + prefix.rstrip(b":") if prefix else b"")
    made = b'<?xml version="1.0"?><%sworksheet %s="%s"><%ssheetData>%s</%ssheetData>%s</%sworksheet>' % (
        (prefix, name, MAIN, prefix, rows, prefix, behind, prefix)
    )
    return repacked(path, lambda part, data: made if part == SHEET else data)


def test_a_link_behind_a_text_names_the_person(tmp_path):
    path = tmp_path / "in.xlsx"
    book = openpyxl.Workbook()
    for row in ["profile"], ["Avery Tester"], [URLS[1]], [7], ["Nobody"], ["Somebody"]:
        book.active.append(row)
    for at, address in {
        "A2": URLS[0],
        "A3": URLS[2],
        "A4": "mailto:zoe@corp.example",
        "A5": "https://a.example",
    }.items():
        value = book.active[at].value
        book.active[at].hyperlink = address
        book.active[at].value = value
    book.save(path)
    table = read_table(path)

    assert [URLS[0], URLS[1], "mailto:zoe@corp.example", "Nobody", "Somebody"] == table.column("profile")
    table.write(tmp_path / "out.xlsx", {"n": range(5)})
    assert "Avery Tester" == openpyxl.load_workbook(tmp_path / "out.xlsx").active["A2"].value
    table.write(tmp_path / "out.csv", {"n": range(5)})
    assert '"Avery Tester","0"' in (tmp_path / "out.csv").read_text("utf-8")


def test_one_link_over_several_cells(tmp_path):
    row = b'<row r="%d"><c r="A%d" t="inlineStr"><is><t>%s</t></is></c></row>'
    rows = b"".join(row % (i, i, text) for i, text in enumerate([b"url", b"A", b"B"], start=1))
    link = b'<hyperlinks><hyperlink ref="A2:A3" location="%s"/></hyperlinks>' % URLS[0].encode()

    assert [URLS[0]] * 2 == read_table(with_sheet(tmp_path / "in.xlsx", rows, link)).column("url")


def test_an_address_in_a_formula(tmp_path):
    path = tmp_path / "in.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["profile", "n"])
        sheet.write_formula(1, 0, f'=HYPERLINK("{URLS[0]}","Avery")', None, "Avery")
        sheet.write_formula(2, 0, f'=hyperlink( "{URLS[1]}" )', None, "")
        sheet.write_formula(3, 0, f'=HYPERLINK("{URLS[2]}","{URLS[0]}")', None, URLS[0])
        sheet.write_formula(4, 0, '=HYPERLINK("https://www.linkedin.com/in/"&B2,"Zoë")', None, "Zoë")
    path = repacked(path, lambda _, data: data.replace(b"<v></v>", b""))
    table = read_table(path)

    assert [URLS[0], URLS[1], URLS[0], "Zoë"] == table.column("profile")
    table.write(tmp_path / "out.xlsx", {"x": [1, 2, 3, 4]})
    new = old_cells(parts(tmp_path / "out.xlsx")[SHEET])
    assert set(old_cells(parts(path)[SHEET])) <= set(new)


def test_a_formula_that_nobody_computed_is_said_to_be_one(tmp_path):
    path = book_of(tmp_path / "in.xlsx", ["id", "url"], [1, '=A2&"@corp.example"'], [2, URLS[0]], [3, None])
    cells = read_table(path).column("url")

    assert ['=A2&"@corp.example"', URLS[0], None] == cells
    assert {0: "formula", 2: "blank"} == {row: found.reason for row, found in read_identifiers(cells).refusals.items()}


def test_shared_formulas_rich_texts_and_phonetic_runs(tmp_path):
    rows = (
        b'<row r="1"><c r="A1" t="inlineStr"><is><t>url</t></is></c><c r="B1" t="inlineStr"><is><t>n</t></is></c></row>'
        b'<row r="2"><c r="A2" t="inlineStr"><is><r><rPr><b/></rPr><t>avery</t></r><r><t xml:space="preserve">@corp'
        b'.example</t></r><rPh sb="0" eb="1"><t>ignored</t></rPh><phoneticPr fontId="1"/></is></c>'
        b'<c r="B2"><f t="shared" ref="B2:B3" si="0">ROW()</f><v>2</v></c></row>'
        b'<row r="3"><c r="A3" t="str"><f>"nils"&amp;"@corp.example"</f><v>nils@corp.example</v></c>'
        b'<c r="B3"><f t="shared" si="0"/><v>3</v></c></row>'
    )
    path = with_sheet(tmp_path / "in.xlsx", rows)
    table = read_table(path)

    assert ["avery@corp.example", "nils@corp.example"] == table.column("url")
    assert [2, 3] == table.column("n")
    table.write(tmp_path / "out.xlsx", {"x": ["a", "b"]})
    assert rows.count(b"<c ") + 3 == parts(tmp_path / "out.xlsx")[SHEET].count(b"<c ")
    assert set(old_cells(rows)) <= set(old_cells(parts(tmp_path / "out.xlsx")[SHEET]))


@pytest.mark.parametrize("prefix", [b"", b"x:"])
def test_rows_and_cells_without_references_and_with_prefixes(tmp_path, prefix):
    rows = re.sub(
        rb"<(/?)",
        rb"<\1" + prefix,
        b"<row><c t='inlineStr'><is><t>url</t></is></c><c t='inlineStr'><is><t>n</t></is></c></row>"
        b"\n <row spans='1:2'><c t='inlineStr'><is><t>a@corp.example</t></is></c><c><v>1.50</v></c></row><row/>"
        b"<row><c/><c><v>2</v></c></row>",
    )
    path, out = with_sheet(tmp_path / "in.xlsx", rows, prefix=prefix), tmp_path / "out.xlsx"
    table = read_table(path)

    assert (["a@corp.example", None, None], [1.5, None, 2]) == (table.column("url"), table.column("n"))
    table.write(out, {"person": ["x", "y", None]})
    assert ["x", "y", None] == read_table(out).column("person")
    kept = iter(old_cells(parts(out)[SHEET]))
    assert all(cell in kept for cell in old_cells(rows))
    assert b'spans="1:3"' in parts(out)[SHEET]


def test_comments_and_cdata_between_and_in_cells(tmp_path):
    rows = (
        b'<row r="1"><c r="A1" t="inlineStr"><is><t>url</t></is></c></row><!-- <row r="1"/> -->'
        b'<row r="2"><!-- </row> --><c r="A2" t="inlineStr"><is><t><![CDATA[a@corp.example]]></t></is></c></row>'
    )
    path, out = with_sheet(tmp_path / "in.xlsx", rows), tmp_path / "out.xlsx"

    assert ["a@corp.example"] == read_table(path).column("url")
    read_table(path).write(out, {"n": [1]})
    assert 1 == openpyxl.load_workbook(out).active["B2"].value
    assert b"<!-- </row> -->" in parts(out)[SHEET]


def as_strict(name: str, data: bytes) -> bytes:
    if not name.endswith((".xml", ".rels")):
        return data
    data = data.replace(MAIN, b"http://purl.oclc.org/ooxml/spreadsheetml/main")
    return data.replace(OFFICE + b"relationships", b"http://purl.oclc.org/ooxml/officeDocument/relationships")


def test_strict_workbooks(tmp_path):
    path, out = repacked(by_openpyxl(tmp_path / "in.xlsx"), as_strict), tmp_path / "out.xlsx"
    table = read_table(path, columns=["url"])

    assert URLS == table.column("url")[:3]
    table.write(out, {"n": [1, 2, 3, 4]})
    assert [1, 2, 3, 4] == read_table(out, columns=["url"]).column("n")
    old, new = parts(path), parts(out)
    assert {SHEET, "xl/workbook.xml"} == {name for name in old if old[name] != new[name]}


def test_sheets_by_name_and_number_and_hidden_ones(tmp_path):
    path = by_openpyxl(tmp_path / "in.xlsx")

    assert ["id", "profile"] == read_table(path, sheet="2").columns == read_table(path, sheet="Second").columns
    assert URLS[:2] == read_table(path, sheet="2", table="Known").column("profile")
    book = openpyxl.load_workbook(path)
    book["Leads of March"].sheet_state = "hidden"
    book.active = 1
    book.save(path)
    assert ["id", "profile"] == read_table(path).columns
    with pytest.raises(TableError, match="no sheet '4'; it has Leads of March, Second, Secret"):
        read_table(path, sheet="4")
    with pytest.raises(TableError, match=r"no table 'Knwn'; it has Known(?s:.*)did you mean 'Known'"):
        read_table(path, table="Knwn")


def test_totals_of_an_excel_table_are_no_row(tmp_path):
    assert URLS == read_table(by_xlsxwriter(tmp_path / "in.xlsx")).column("url")


def test_a_header_told_by_its_row(tmp_path):
    path = book_of(tmp_path / "in.xlsx", ["url", "b"], ["url", "c"], [URLS[0], 1])

    sheet = Sheet(Source(path), search=HeaderSearch(number=2))

    assert (["url", "c"], [[URLS[0], 1]]) == (sheet.columns, list(sheet.rows()))


def test_columns_without_a_header_are_added_without_one(tmp_path):
    path = book_of(tmp_path / "in.xlsx", [1, URLS[0]], [2, URLS[1]])

    read_table(path).write(tmp_path / "out.xlsx", {"n": ["a", "b"]})

    rows = list(openpyxl.load_workbook(tmp_path / "out.xlsx").active.iter_rows(values_only=True))
    assert [(1, URLS[0], "a"), (2, URLS[1], "b")] == rows


def test_a_part_that_nobody_knows_stays(tmp_path):
    path = with_part(book_of(tmp_path / "in.xlsx", ["url"], [URLS[0]]), "customXml/Größe.xml", b"<a/>" * 999)

    read_table(path).write(tmp_path / "out.xlsx", {"n": [1]})

    assert b"<a/>" * 999 == parts(tmp_path / "out.xlsx")["customXml/Größe.xml"]


@pytest.mark.parametrize("size", [1, 5, 64])
def test_a_sheet_reads_the_same_in_pieces_of_any_size(tmp_path, size):
    data = parts(by_xlsxwriter(tmp_path / "in.xlsx"))[SHEET].replace(b"<row ", b"<!-- <row> --> <row ")
    pieces = (data[start : start + size] for start in range(0, len(data), size))
    whole, scanned = SheetRows([data]), SheetRows(pieces)

    expected, seen = list(whole.rows()), list(scanned.rows())

    assert [(row.number, row.before, row.raw) for row in expected] == [
        (row.number, row.before, row.raw) for row in seen
    ]
    assert data == scanned.head + b"".join(row.before + row.raw for row in seen) + scanned.tail


@pytest.mark.timeout(30)
def test_one_endless_row_takes_no_endless_time(tmp_path):
    cell = b'<c t="inlineStr"><is><t>%s</t></is></c>' % (b"x" * 3_000)
    header = b"<row>" + b'<c t="inlineStr"><is><t>n</t></is></c>' * 16_000 + b"</row>"
    path = with_sheet(tmp_path / "in.xlsx", header + b'<row r="60">' + cell * 16_000 + b"</row>")
    noise = random.Random(1).randbytes(2**20)  # so that it is no bomb

    assert 59 == read_table(with_part(path, "noise.bin", noise)).n_rows
