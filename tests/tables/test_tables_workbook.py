"""Workbooks: values in and out, nothing that runs, nothing that fills the memory."""

from __future__ import annotations

import csv
import errno
import io
import re
import time as clock
import zipfile
from datetime import UTC, date, datetime, time
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
import xlsxwriter
from delimited import CELLS, NUMBER, is_inert

from crustframe.errors import ColumnNotFoundError, TableError
from crustframe.tables import Written, read_table
from crustframe.tables.xlsx.new_book import refuse_oversize, write_sheet


def workbook(path: Path, sheets: dict[str, list[list[object]]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def cells(path: Path) -> list[list[object]]:
    book = openpyxl.load_workbook(path)
    return [list(row) for row in book.active.iter_rows(values_only=True)]


PEOPLE = [
    ["url", "id", "when", "ok", "note"],
    ["https://a.example", 7, datetime(2026, 1, 31, 9, 30), True, "=text"],
    [None, 1.5, date(2026, 2, 1), None, "00731"],
    ["https://b.example", None, time(9, 30), False, "#N/A"],
]


def test_values_are_carried_over(tmp_path):
    table = read_table(workbook(tmp_path / "in.xlsx", {"People": [*PEOPLE[:1], *PEOPLE[2:]]}))

    done = table.write(tmp_path / "out.xlsx", {"n": [1, None]})

    assert ["url", "id", "when", "ok", "note"] == table.columns
    assert [None, "https://b.example"] == table.column("url")
    assert Written(rows=2, columns=6, neutralised=0) == done
    assert [
        ["url", "id", "when", "ok", "note", "n"],
        [None, 1.5, datetime(2026, 2, 1), None, "00731", 1],
        ["https://b.example", None, time(9, 30), False, "#N/A", None],
    ] == cells(tmp_path / "out.xlsx")
    assert "People" == openpyxl.load_workbook(tmp_path / "out.xlsx").active.title


def test_types_stay_types(tmp_path):
    (tmp_path / "in.csv").write_bytes("\ufeffid;name\r\n00731;Zoë\r\nNA;\r\n".encode())
    added = pd.DataFrame(
        {
            "int": pd.array([10**14, 123456789012345678], dtype="Int64"),
            "float": pd.array([-0.25, None], dtype="Float64"),
            "bool": pd.array([True, None], dtype="boolean"),
            "time": pd.to_datetime(["2026-01-31T10:30:00+01:00", None], utc=True),
            "list": pd.Series([[1, "é"], None], dtype="object"),
        }
    )

    read_table(tmp_path / "in.csv").write(tmp_path / "out.xlsx", added)

    assert [
        ["id", "name", "int", "float", "bool", "time", "list"],
        ["00731", "Zoë", 10**14, -0.25, True, datetime(2026, 1, 31, 9, 30), '[1,"é"]'],
        ["NA", None, "123456789012345678", None, None, None, None],
    ] == cells(tmp_path / "out.xlsx")


def test_a_workbook_as_text(tmp_path):
    table = read_table(workbook(tmp_path / "in.xlsx", {"S": PEOPLE[:1] + PEOPLE[2:]}))

    table.write(tmp_path / "out.csv", {"n": [1, 2], "note": ["x", None]}, overwrite_columns=True)

    assert (
        '"url","id","when","ok","note","n"\n'
        '"","1.5","2026-02-01T00:00:00","","x","1"\n'
        '"https://b.example","","09:30:00","false","","2"\n'
    ) == (tmp_path / "out.csv").read_text("utf-8")


def test_text_that_was_inert_in_a_workbook_stays_inert_in_csv(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "in.xlsx", {"strings_to_formulas": False}) as book:
        sheet = book.add_worksheet()
        for row, text in enumerate(["a", *CELLS]):
            sheet.write_string(row, 0, text)
    table = read_table(tmp_path / "in.xlsx")

    table.write(tmp_path / "out.csv", {"n": CELLS})

    for row in csv.reader(io.StringIO((tmp_path / "out.csv").read_text("utf-8"), newline="")):
        for cell in row:
            assert is_inert(cell)


def test_no_payload_becomes_a_formula_or_a_link(tmp_path):
    links = ["https://a.example", "mailto:a@b.c", "file:///etc/passwd", "internal:S!A1", "external:c.xlsx", "{=1+1}"]
    texts = [text for text in CELLS if not re.search("[\x00-\x1f]", text)] + links
    (tmp_path / "in.csv").write_bytes(b"a\n" + b"=own\n" * len(texts))

    done = read_table(tmp_path / "in.csv").write(tmp_path / "out.xlsx", {"=n": texts})

    with zipfile.ZipFile(tmp_path / "out.xlsx") as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet
    book = openpyxl.load_workbook(tmp_path / "out.xlsx")
    assert texts == [row[1].value for row in book.active.iter_rows(min_row=2)]
    marked = [cell for row in book.active.iter_rows() for cell in row if cell.quotePrefix]
    assert done.neutralised == sum(not NUMBER.fullmatch(cell.value) for cell in marked)
    assert {"=n", "=own", "=1+1", " =1+1", "＝1+1", "\ufeff=1+1"} <= {cell.value for cell in marked}


def test_every_payload_reads_back_the_same(tmp_path):
    texts = [*CELLS, "a_x0041_b", "tab\there", "two\nlines", "#N/A", "NULL", "0" * 18, " spaces "]
    (tmp_path / "in.csv").write_bytes(b"a\n" + b"x\n" * len(texts))

    read_table(tmp_path / "in.csv").write(tmp_path / "out.xlsx", {"n": [*texts[:-1], "lone \ud800"]})

    assert [*texts[:-1], "lone \ufffd"] == read_table(tmp_path / "out.xlsx").column("n")


def test_over_long_text_is_cut_and_counted(tmp_path):
    (tmp_path / "in.csv").write_bytes(b"a\nx\ny\nz\n")

    done = read_table(tmp_path / "in.csv").write(
        tmp_path / "out.xlsx", {"n": ["x" * 40_000, "😀" * 20_000, "x" * 32_767]}
    )

    assert 2 == done.cut
    assert ["x" * 32_767, "😀" * 16_383, "x" * 32_767] == read_table(tmp_path / "out.xlsx").column("n")


def test_no_row_of_urls_is_lost(tmp_path):
    n = 70_000
    (tmp_path / "in.csv").write_text("url\n" + "".join(f"https://a.example/{i}\n" for i in range(n)))

    read_table(tmp_path / "in.csv").write(tmp_path / "out.xlsx", {})

    assert [f"https://a.example/{i}" for i in range(n)] == read_table(tmp_path / "out.xlsx").column("url")


def test_sheets_are_chosen_by_name(tmp_path):
    path = workbook(tmp_path / "in.xlsx", {"First": [["a"], [1]], "Second": [["b"], [2]]})

    assert ["a"] == read_table(path).columns
    assert [2] == read_table(path, sheet="Second").column("b")
    with pytest.raises(TableError, match=r"no sheet 'Secnd'; it has First, Second(?s:.*)did you mean 'Second'"):
        read_table(path, sheet="Secnd")
    with pytest.raises(ColumnNotFoundError, match="no column 'b'"):
        read_table(path).column("b")
    (tmp_path / "in.csv").write_bytes(b"a\n")
    with pytest.raises(TableError, match="not a workbook"):
        read_table(tmp_path / "in.csv", sheet="First")


def test_blank_rows_within_stay_and_trailing_ones_go(tmp_path):
    rows = [["a", "b", None], [1, 2], [None, None], [3, None], [None, ""], [None]]
    table = read_table(workbook(tmp_path / "in.xlsx", {"S": rows}))

    assert [1, None, 3] == table.column("a")
    assert 3 == table.n_rows


def test_a_value_beside_the_header_is_refused(tmp_path):
    table = read_table(workbook(tmp_path / "in.xlsx", {"S": [["a"], [1], [2, "stray"]]}))

    with pytest.raises(TableError, match=r"Row 3 of in.xlsx has 2 cells, the header 1"):
        table.column("a")


def test_an_empty_sheet_has_no_header(tmp_path):
    with pytest.raises(TableError, match=r"header row of in.xlsx is empty"):
        read_table(workbook(tmp_path / "in.xlsx", {"S": []}))


def test_a_wrong_dimension_hides_nothing(tmp_path):
    path = workbook(tmp_path / "in.xlsx", {"S": [["a", "b"], [1, 2], [3, 4]]})
    repacked(path, lambda name, data: data.replace(b'ref="A1:B3"', b'ref="A1"'))

    assert [2, 4] == read_table(path).column("b")


def repacked(path: Path, change) -> None:
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, change(name, data))


def bomb(path: Path, size: int, n_parts: int = 1) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(n_parts):
            archive.writestr(f"xl/worksheets/sheet{i}.xml", b" " * size)
    return path


@pytest.mark.parametrize(("size", "n_parts"), [(50 * 2**20, 1), (10, 10_001)])
def test_bombs_are_refused_at_the_door(tmp_path, size, n_parts):
    path = bomb(tmp_path / "in.xlsx", size, n_parts)

    started = clock.perf_counter()
    with pytest.raises(TableError, match="refused before it fills the memory"):
        read_table(path)
    assert clock.perf_counter() - started < 0.5


def test_entities_are_refused(tmp_path):
    path = workbook(tmp_path / "in.xlsx", {"S": [["a"], [1]]})
    doctype = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
    repacked(path, lambda name, data: doctype + data if name == "xl/worksheets/sheet1.xml" else data)

    with pytest.raises(TableError, match="cannot be read as an Excel workbook"):
        read_table(path)


def test_a_password_is_named(tmp_path):
    path = bomb(tmp_path / "in.xlsx", 10)
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)

    with pytest.raises(TableError, match="has a password"):
        read_table(path)


@pytest.mark.parametrize("keep", [30, 2000, -30])
def test_a_damaged_workbook_is_called_so(tmp_path, keep):
    path = workbook(tmp_path / "in.xlsx", {"S": PEOPLE})
    path.write_bytes(path.read_bytes()[:keep])

    with pytest.raises(TableError, match="may be damaged"):
        read_table(path)


def test_a_zip_of_something_else_is_called_so(tmp_path):
    with pytest.raises(TableError, match="may be damaged"):
        read_table(bomb(tmp_path / "in.xlsx", 10))


def test_a_table_beyond_the_sheet_is_refused():
    refuse_oversize(1_048_576, 16_384)
    for n_rows, n_columns in [(1_048_577, 1), (1, 16_385)]:
        with pytest.raises(TableError, match=r"ends at 1,048,576 and 16,384(?s:.*)\.csv"):
            refuse_oversize(n_rows, n_columns)


def test_a_workbook_is_not_written_over_itself(tmp_path):
    table = read_table(workbook(tmp_path / "in.xlsx", {"S": PEOPLE}))

    with pytest.raises(TableError, match="is the input itself"):
        table.write(tmp_path / "in.xlsx", {"n": [1, 2, 3]})


class FullDisk(io.BytesIO):
    """Has room for a few bytes only."""

    def write(self, data):
        if self.tell() + len(data) > 200:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


def test_a_full_disk_is_an_operating_system_error():
    with pytest.raises(OSError, match="No space left"):
        write_sheet(FullDisk(), "S", [["a"], *([i] for i in range(1000))])


def test_odd_dates_are_kept_as_text(tmp_path):
    (tmp_path / "in.csv").write_bytes(b"a\nx\ny\nz\n")
    values = [date(1815, 12, 10), float("inf"), datetime(2026, 1, 1, 1, tzinfo=UTC)]

    read_table(tmp_path / "in.csv").write(tmp_path / "out.xlsx", {"n": values})

    assert ["1815-12-10", "inf", datetime(2026, 1, 1, 1)] == read_table(tmp_path / "out.xlsx").column("n")
