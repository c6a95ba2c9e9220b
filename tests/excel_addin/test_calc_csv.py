"""Our CSV in a real LibreOffice: no cell is a formula, and phone numbers come out as text."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import openpyxl
import pytest
from payloads import PAYLOADS, PHONES

from crustframe.tables import read_table

SEPARATORS = {",": 44, ";": 59, "\t": 9}
# Without gaps it is a number to every spreadsheet.
SHOWN_AS_NUMBERS = {"+15550148": 15550148}


@pytest.fixture(scope="module")
def convert(tmp_path_factory):
    """Open a CSV file as somebody would who lets Calc run the formulas in it; return the cells."""
    profile = tmp_path_factory.mktemp("profile")

    def convert(path: Path, separator: str) -> list[list[openpyxl.cell.Cell]]:
        # separator, quote, UTF-8, from line 1, ..., special numbers, ..., evaluate formulas
        options = f"CSV:{SEPARATORS[separator]},34,76,1,,0,false,true,false,false,false,-1,true"
        command = ["soffice", f"-env:UserInstallation={profile.as_uri()}", "--headless", f"--infilter={options}"]
        folder = path.parent / f"as-{SEPARATORS[separator]}"
        subprocess.run(
            [*command, "--convert-to", "xlsx", "--outdir", str(folder), str(path)],
            check=True,
            capture_output=True,
            timeout=120,
            env={**os.environ, "HOME": str(profile)},
        )
        return [list(row) for row in openpyxl.load_workbook(folder / f"{path.stem}.xlsx").active.iter_rows()]

    return convert


def written(tmp_path: Path, delimiter: str, *, csv_safe: bool) -> Path:
    texts = [*PHONES, *PAYLOADS, "the end"]
    (tmp_path / "in.csv").write_text(f"a{delimiter}b\n" + f"1{delimiter}2\n" * len(texts), encoding="utf-8")
    read_table(tmp_path / "in.csv", delimiter=delimiter).write(
        tmp_path / "out.csv", {"n": texts, "m": texts}, csv_safe=csv_safe
    )
    return tmp_path / "out.csv"


@pytest.mark.parametrize("delimiter", list(SEPARATORS), ids=["comma", "semicolon", "tab"])
def test_no_cell_is_a_formula(convert, tmp_path, delimiter):
    path = written(tmp_path, delimiter, csv_safe=True)

    for separator in SEPARATORS:
        cells = convert(path, separator)
        assert [] == [cell.value for row in cells for cell in row if cell.data_type == "f"]
        if separator == delimiter:
            shown = [row[3].value for row in cells[1 : len(PHONES) + 1]]
            assert [SHOWN_AS_NUMBERS.get(phone, phone) for phone in PHONES] == shown
            assert "the end" == cells[-1][3].value
            assert len(PHONES) + len(PAYLOADS) + 2 == len(cells)


def test_without_the_guard_there_are_formulas(convert, tmp_path):
    """The office does run what it is given: otherwise the test above would show nothing."""
    cells = convert(written(tmp_path, ",", csv_safe=False), ",")

    assert 10 < sum(cell.data_type == "f" for row in cells for cell in row)
