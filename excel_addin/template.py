"""A workbook to begin with: three invented people, the functions, and what their answers mean. No key, no macros."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.worksheet.formula import ArrayFormula

PEOPLE: Final = (
    "https://www.linkedin.com/in/avery-example",
    "https://www.linkedin.com/in/rowan-example",
    "kim@corp.example",
)
FIELDS: Final = (
    "basic_profile.name",
    "basic_profile.headline",
    "professional_network.connections",
    "basic_profile.last_updated",
)
_MEANINGS: Final = (
    ("#N/A", "nobody there; asked and free"),
    ("#VALUE!", "the cell on the left names nobody"),
    ("an empty cell", "the person is known, the field is not"),
    ("CRUST: ...", "no answer yet; the text says why and what it may cost"),
)
_HEADING: Final = PatternFill("solid", fgColor="1F3A5F")
_FONT: Final = "Calibri"
_WIDTHS: Final = {"A": 46, "B": 32, "C": 44, "D": 36, "E": 26}


def write(path: Path) -> Path:
    """Write the template."""
    book = Workbook()
    sheet: Any = book.active
    sheet.title = "People"
    sheet.append(["profile or business e-mail", *FIELDS])
    for row, identifier in enumerate(PEOPLE, 2):
        sheet.append([identifier, *(f"=CRUST.ENRICH($A{row},{column}$1)" for column in "BCDE")])
        sheet[f"E{row}"].number_format = "yyyy-mm-dd"
    sheet["A7"] = "credits that new people may cost, at most"
    sheet["B7"] = "=CRUST.COST(A2:A4)"
    sheet["B9"] = ArrayFormula("B9:C14", "=CRUST.STATUS()")
    sheet["A9"] = "state of the add-in"
    for row, (cell, meaning) in enumerate(_MEANINGS, 17):
        sheet[f"A{row}"], sheet[f"B{row}"] = cell, meaning
        sheet[f"A{row}"].data_type = "s"  # the words, not the error
    sheet["A16"] = "what an answer means"
    for name, width in _WIDTHS.items():
        sheet.column_dimensions[name].width = width
        sheet[f"{name}1"].font = Font(name=_FONT, bold=True, color="FFFFFF")
        sheet[f"{name}1"].fill = _HEADING
    for name in ("A7", "A9", "A16"):
        sheet[name].font = Font(name=_FONT, bold=True)
    for name in ("B7", *(f"C{row}" for row in range(9, 15)), *(f"D{row}" for row in range(2, 5))):
        sheet[name].alignment = Alignment(horizontal="left")
    for row in range(2, 5):
        sheet[f"E{row}"].alignment = Alignment(horizontal="left")
    sheet.freeze_panes = "B2"
    sheet.print_area = "A1:E20"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    book.save(path)
    return path
