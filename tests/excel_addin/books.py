"""Workbooks as people make them, written with openpyxl."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from openpyxl import Workbook
from openpyxl.worksheet.formula import ArrayFormula

FIELDS = (
    "basic_profile.name",
    "basic_profile.headline",
    "professional_network.connections",
    "basic_profile.last_updated",
    "skills.professional_network_skills",
)


def people(n: int) -> list[str]:
    """Return n profile URLs of people whom the sandbox knows."""
    return [f"https://www.linkedin.com/in/lead-{number}-example" for number in range(n)]


def one_cell_formulas(path: Path, identifiers: Sequence[str], rows: int) -> str:
    """Write a sheet of `rows` rows over the identifiers, with a one-cell formula for each of five fields."""
    book = Workbook()
    sheet = book.active
    sheet.append(["profile", *FIELDS])
    for row in range(2, rows + 2):
        sheet.append(
            [identifiers[(row - 2) % len(identifiers)]] + [f'=CRUST.ENRICH($A{row},"{field}")' for field in FIELDS]
        )
    book.save(path)
    return str(path)


def array_formula(path: Path, identifiers: Sequence[object], fields: Sequence[str], *, headers: bool = False) -> str:
    """Write a column of identifiers and one array formula over all of them."""
    book = Workbook()
    sheet = book.active
    sheet.append(["profile"])
    for identifier in identifiers:
        sheet.append([identifier])
    last = len(identifiers) + 1
    reference = f"B{1 if headers else 2}:{'BCDEFGHIJ'[len(fields) - 1]}{last}"
    formula = f'=CRUST.ENRICH(A2:A{last},"{",".join(fields)}",{str(headers).upper()})'
    sheet[reference.partition(":")[0]] = ArrayFormula(reference, formula)
    book.save(path)
    return str(path)
