"""What would not survive added columns is refused before anything is bought, with what to do."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest
import xlsxwriter
from openpyxl.worksheet.formula import ArrayFormula
from rich_books import URLS, by_openpyxl, by_xlsxwriter, repacked, with_part

from crustframe.errors import TableError
from crustframe.tables import read_table

SHEET = "xl/worksheets/sheet1.xml"


def refused(path: Path, words: str, *, names: tuple[str, ...] = ("n", "m"), out: str = "out.xlsx", **asked) -> None:
    table = read_table(path, **asked)
    target = path.with_name(out)
    with pytest.raises(TableError, match=words):
        table.check(target, names, overwrite_columns=True)
    assert not target.exists()


def sheet_of(path: Path, change) -> Path:
    book = openpyxl.Workbook()
    for row in (["id", "url"], [1, URLS[0]], [2, URLS[1]]):
        book.active.append(row)
    change(book.active)
    book.save(path)
    return path


def test_a_merged_cell_across_the_header(tmp_path):
    refused(sheet_of(tmp_path / "in.xlsx", lambda sheet: sheet.merge_cells("B1:D1")), "merged cell at B1:D1 .* C1:D3")
    read_table(sheet_of(tmp_path / "in.xlsx", lambda sheet: sheet.merge_cells("A6:Z6"))).check(tmp_path / "o.xlsx", "n")


def test_a_formula_that_spills_to_the_right(tmp_path):
    def spill(sheet):
        sheet["B3"] = ArrayFormula("B3:C3", "=A1:B1")

    refused(sheet_of(tmp_path / "in.xlsx", spill), "values of a formula at B3:C3")


def test_a_formula_behind_the_table(tmp_path):
    path = sheet_of(tmp_path / "in.xlsx", lambda sheet: sheet.cell(2, 4, '=""'))
    path = repacked(path, lambda name, data: data.replace(b"<v />", b"<v></v>").replace(b'r="D2"', b'r="D2" t="str"'))

    refused(path, "A value at D2 of in.xlsx stands where the added columns go, C1:D3")
    read_table(path).check(tmp_path / "out.xlsx", ["only_c"])


def test_cells_beside_an_excel_table(tmp_path):
    path = tmp_path / "in.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.add_table("B2:C4", {"name": "Left", "columns": [{"header": "url"}, {"header": "id"}]})
        sheet.add_table("F2:G4", {"name": "Right", "columns": [{"header": "a"}, {"header": "b"}]})
        sheet.write("E9", "below")

    refused(path, "Excel table Right at F2:G4|A value at F2", names=("n", "m", "o"), table="Left")
    read_table(path, table="Left").check(tmp_path / "out.xlsx", ["n", "m"])


def test_a_pivot_table_beside(tmp_path):
    path = sheet_of(tmp_path / "in.xlsx", lambda _: None)
    relation = b'<Relationship Id="r1" Target="../pivotTables/p.xml" Type="http://a.example/relationships/pivotTable"/>'
    with_part(path, "xl/worksheets/_rels/sheet1.xml.rels", b"<Relationships>%s</Relationships>" % relation)
    with_part(path, "xl/pivotTables/p.xml", b'<pivotTableDefinition><location ref="D3:F9"/></pivotTableDefinition>')

    refused(path, "A pivot table at D3:F9")
    read_table(path).check(tmp_path / "out.xlsx", ["only_c"])


def test_a_name_that_an_excel_table_has_in_other_letters(tmp_path):
    refused(by_xlsxwriter(tmp_path / "in.xlsx"), "LeadsTable has a column 'Name' already", names=("Name",))


def test_formulas_are_never_replaced(tmp_path):
    path = sheet_of(tmp_path / "in.xlsx", lambda sheet: sheet.cell(3, 1, "=A2+1"))

    refused(path, "column 'id' of in.xlsx holds formulas", names=("id",))
    read_table(by_xlsxwriter(path)).check(tmp_path / "out.xlsx", ["score"], overwrite_columns=True)


def test_a_signature(tmp_path):
    path = sheet_of(tmp_path / "in.xlsx", lambda _: None)
    link = (
        b'<Relationship Id="sig" Target="_xmlsignatures/origin.sigs" Type="http://schemas.openxmlformats.org/package/2006'
        b'/relationships/digital-signature/origin"/></Relationships>'
    )
    repacked(path, lambda name, data: data.replace(b"</Relationships>", link) if name == "_rels/.rels" else data)

    refused(with_part(path, "_xmlsignatures/origin.sigs", b""), "in.xlsx is signed")
    read_table(path).check(tmp_path / "out.csv", ["n"])


def test_macros_stay_with_their_suffix(tmp_path):
    path = by_xlsxwriter(tmp_path / "in.xlsm", macros=True)

    refused(path, r"in.xlsm is a workbook of the kind .xlsm(?s:.*)ends in .xlsm")
    refused(by_openpyxl(tmp_path / "in.xlsx"), "cannot be written as .xlsm", out="out.xlsm")
    (tmp_path / "in.csv").write_bytes(b"url\n")
    refused(tmp_path / "in.csv", ".xlsm files are not written here", out="out.xlsm")


@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/styles.xml", "[Content_Types].xml", "_rels/.rels", SHEET])
def test_no_part_may_have_a_document_type(tmp_path, part):
    path = sheet_of(tmp_path / "in.xlsx", lambda _: None)
    repacked(path, lambda name, data: b"<!DOCTYPE a>" + data if name == part else data)

    with pytest.raises(TableError, match="may be damaged"):
        read_table(path).column("url")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'r="A2"', b'r="C2"'),
        (b'<row r="3"', b'<row r="1"'),
        (b"</sheetData>", b""),
        (b"<row ", b"<odd/><row "),
        (b"<v>2</v>", b"<v>two</v>"),
    ],
)
def test_a_sheet_that_makes_no_sense_is_damaged(tmp_path, old, new):
    path = sheet_of(tmp_path / "in.xlsx", lambda _: None)
    repacked(path, lambda name, data: data.replace(old, new, 1) if name == SHEET else data)

    with pytest.raises(TableError, match="may be damaged"):
        list(read_table(path).column(read_table(path).columns[0]))


def test_a_text_that_is_not_there(tmp_path):
    path = by_xlsxwriter(tmp_path / "in.xlsx")
    repacked(path, lambda name, data: data.replace(b"<v>0</v>", b"<v>99</v>", 1) if name == SHEET else data)

    with pytest.raises(TableError, match="may be damaged"):
        read_table(path).column("name")
