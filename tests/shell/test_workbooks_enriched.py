"""A user's own workbook through the shell: what is bought, what is told, what is refused before."""

from __future__ import annotations

import openpyxl
import pytest
from command_line import NAME, PROFILE, ask
from openpyxl.worksheet.table import Table


def people(path, change=lambda book: None):
    """Two linked names, a formula, a blank; on the second sheet an Excel table below a title."""
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (["id", "profile"], [1, "Avery"], [2, "Nils"], [3, "=A2"], [4, None]):
        sheet.append(row)
    for at, slug in (("B2", "avery-tester-example"), ("B3", "nils-muster-example")):
        value = sheet[at].value
        sheet[at].hyperlink = f"{PROFILE}{slug}"
        sheet[at].value = value
    second = book.create_sheet("Known")
    for row in (["Known people"], [], ["id", "profile"], [1, f"{PROFILE}zoe-probe-example"], [2, None]):
        second.append(row)
    second.add_table(Table(displayName="Leads", ref="A3:B5"))
    change(book)
    book.save(path)
    return path


def test_linked_people_are_bought_and_every_row_says_what_happened(account, run, tmp_path):
    source, target = people(tmp_path / "in.xlsx"), tmp_path / "out.xlsx"

    ran = run(*ask(source, "--provenance", "full", "-o", target))

    assert (0, 2) == (ran.code, account.credits_spent), ran.words
    assert "1 formula" in ran.words
    rows = list(openpyxl.load_workbook(target).active.iter_rows(values_only=True))
    named = dict(zip(rows[0], zip(*rows[1:], strict=True), strict=True))
    assert ("Avery", "Nils", "=A2", None) == named["profile"]
    assert ("matched", "matched", "invalid", "blank") == named["crust.status"]
    assert (None, None, "formula") == named["crust.reason"][:3]
    assert all(named[NAME][:2])
    again = run(*ask(target, "--provenance", "full", "-o", tmp_path / "again.xlsx"))
    assert (0, 2) == (again.code, account.credits_spent), again.words
    assert rows[0] == next(openpyxl.load_workbook(tmp_path / "again.xlsx").active.iter_rows(values_only=True))


@pytest.mark.parametrize("where", [("--sheet", "2"), ("--sheet", "Known"), ("--table", "leads")])
def test_a_sheet_or_a_table_is_asked_about_alone(account, run, tmp_path, where):
    source, target = people(tmp_path / "in.xlsx"), tmp_path / "out.xlsx"

    ran = run(*ask(source, *where, "-o", target))

    assert (0, 1) == (ran.code, account.credits_spent), ran.words
    sheet = openpyxl.load_workbook(target)["Known"]
    assert "matched" in [cell.value for cell in sheet[4]]
    assert ("A3:" in sheet.tables["Leads"].ref, "A3:B5" == sheet.tables["Leads"].ref) == (True, False)
    assert NAME in [column.name for column in sheet.tables["Leads"].tableColumns]


def test_the_column_of_links_is_found_and_titles_stay(account, run, tmp_path):
    def titled(book):
        book.active.insert_rows(1)
        book.active["A1"] = "Leads of March"
        for at in ("B3", "B4"):
            book.active[at].hyperlink = f"{PROFILE}{'avery' if at == 'B3' else 'nils'}-tester-example"
            book.active[at].value = "Somebody"

    source, target = people(tmp_path / "in.xlsx", titled), tmp_path / "out.xlsx"

    ran = run("enrich", source, "--header-row", "2", "--field", NAME, "-o", target)

    assert (0, 2) == (ran.code, account.credits_spent), ran.words
    assert "'profile' is taken" in ran.words
    assert "left out" not in ran.words
    assert "Leads of March" == openpyxl.load_workbook(target).active["A1"].value


def test_a_workbook_from_a_pipe(account, run, tmp_path):
    source = people(tmp_path / "in.xlsx")

    ran = run(*ask("-", "-o", tmp_path / "out.xlsx"), stdin=source.read_bytes())

    assert (0, 2) == (ran.code, account.credits_spent), ran.words
    assert ["Sheet", "Known"] == openpyxl.load_workbook(tmp_path / "out.xlsx").sheetnames


def test_nothing_is_bought_for_a_workbook_that_cannot_be_kept(account, run, tmp_path):
    merged = people(tmp_path / "in.xlsx", lambda book: book.active.merge_cells("B1:E1"))

    ran = run(*ask(merged, "-o", tmp_path / "out.xlsx"))

    assert "merged cell at B1:E1" in ran.words
    assert (0, False) == (account.credits_spent, (tmp_path / "out.xlsx").exists())
    ran = run(*ask(people(tmp_path / "in.xlsx"), "-o", tmp_path / "out.xlsm"))
    assert "cannot be written as .xlsm" in ran.words
    assert 0 == account.credits_spent


def test_the_column_of_linked_names_is_found_and_titles_above_a_header_stay(account, run, tmp_path):
    source, target = people(tmp_path / "in.xlsx"), tmp_path / "out.xlsx"

    ran = run("enrich", source, "--field", NAME, "-o", target)
    below = run("enrich", source, "--sheet", "Known", "--column", "profile", "--field", NAME, "-o", tmp_path / "b.xlsx")

    assert "'profile' is taken, which holds 2 profile URLs" in ran.words
    assert (0, 0) == (ran.code, below.code)
    assert "left out of the output" not in below.words
    assert "Known people" == openpyxl.load_workbook(tmp_path / "b.xlsx")["Known"]["A1"].value


def test_a_sheet_without_rows_names_the_others(account, run, tmp_path):
    def add_cover(book):
        book.create_sheet("Cover", 0)["A1"] = "Export of March"

    ran = run("enrich", people(tmp_path / "in.xlsx", add_cover), "--field", NAME, "-o", tmp_path / "out.xlsx")

    assert "in.xlsx has no rows below its header; other sheets of it: 'Sheet', 'Known' (--sheet)." in ran.words
    assert 0 == account.calls


def test_a_page_that_asks_to_sign_in_is_no_table(account, run, tmp_path):
    (tmp_path / "export.csv").write_text("\n<!doctype html><html><body>Please sign in</body></html>")

    ran = run("enrich", tmp_path / "export.csv", "--field", NAME)

    assert (6, 0) == (ran.code, account.calls)
    assert "is a web page, perhaps one that asks to sign in" in ran.words
