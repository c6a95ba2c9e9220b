"""What the cells of a real LibreOffice show: values, types, true errors, and words where there is no answer."""

from __future__ import annotations

import json
import subprocess
import zipfile
from pathlib import Path

import pytest
from books import FIELDS, array_formula, one_cell_formulas, people
from conftest import StartOffice
from office import Office
from openpyxl import load_workbook

import crustframe
from crustframe.client import Client
from crustframe.sandbox.server import Sandbox
from excel_addin.cells import serial

pytestmark = pytest.mark.billed_past_the_plan("the office plans in a process of its own")

MIXED = (
    "https://www.linkedin.com/in/lead-0-example",
    "linkedin.com/in/nobody-here",
    "not an identifier",
    None,
    12.5,
    "LINKEDIN.com/in/Lead-0-Example/",
)


@pytest.fixture
def armed(client: Client) -> Client:
    client.ledger.set_daily_ceiling(100)
    return client


def test_every_kind_of_row(office: Office, armed: Client, tmp_path: Path) -> None:
    office.open(array_formula(tmp_path / "leads.xlsx", MIXED, FIELDS, headers=True))
    rows = office.values("B1:F7")
    assert list(FIELDS) == rows[0]
    expected = crustframe.enrich([MIXED[0]], fields=list(FIELDS), client=armed).frame.iloc[0]
    name, headline, connections, updated, skills = rows[1]
    assert (expected[FIELDS[0]], expected[FIELDS[1]], expected[FIELDS[4]]) == (name, headline, skills)
    assert expected[FIELDS[2]] == connections
    assert serial(expected[FIELDS[3]].to_pydatetime()) == pytest.approx(updated, abs=1e-8)
    assert "; " in skills
    assert [["#N/A"] * 5, ["#VALUE!"] * 5, [""] * 5, ["#VALUE!"] * 5] == rows[2:6]
    assert rows[1] == rows[6]
    for row, expected_truth in ((2, 0.0), (3, 1.0)):
        office.set(f"H{row}", f"=ISNA(B{row})")
        assert [[expected_truth]] == office.values(f"H{row}")
    office.set("H4", '=IFERROR(B4;"none")')
    assert [["none"]] == office.values("H4")


def test_one_cell_blank_number_and_error(office: Office, sandbox: Sandbox, armed: Client) -> None:
    """A blank is an empty text, a number no identifier; an error cell stays an error and reaches nobody."""
    office.open(None)
    for row, content in enumerate(("", 7.0, "=1/0", "=NA()", "two words"), 1):
        office.set(f"A{row}", content)
        office.set(f"B{row}", f'=CRUST.ENRICH(A{row};"basic_profile.name")')
    assert [""] == office.values("B1")[0]
    assert ["#VALUE!"] == office.values("B2")[0]
    assert office.errors("B3:B4") == office.errors("A3:A4")
    assert ["#VALUE!"] == office.values("B5")[0]
    assert 0 == sandbox.calls


def test_fields_given_as_a_range(office: Office, armed: Client) -> None:
    office.open(None)
    office.fill("A1:C1", [[MIXED[0], FIELDS[0], FIELDS[2]]])
    office.set_array("A3:B3", "=CRUST.ENRICH(A1;B1:C1)")
    name, connections = office.values("A3:B3")[0]
    assert isinstance(name, str)
    assert isinstance(connections, float)


def test_the_free_functions(office: Office, sandbox: Sandbox) -> None:
    office.open(None)
    office.fill("A1:A3", [["linkedin.com/in/a-example"], ["linkedin.com/in/b-example"], ["linkedin.com/in/A-example"]])
    office.set("B1", "=CRUST.COST(A1:A3)")
    office.set("B2", '=CRUST.COST(A1:A3;"contact.business_emails")')
    office.set_array("D1:F1", '=CRUST.FIELDS("basic_profile headline")')
    office.set_array("D3:E8", "=CRUST.STATUS()")
    assert [[2.0], [6.0]] == office.values("B1:B2")
    assert [["basic_profile.headline", "string", 1.0]] == office.values("D1:F1")
    status = dict(office.values("D3:E8"))
    assert ("set", "none armed", 0.0) == (
        status["API key"],
        status["Budget a day, credits"],
        status["Spent today (UTC), credits"],
    )
    assert sandbox.key not in str(status)
    assert 0 == sandbox.calls


def test_an_unknown_field_is_one_sentence(office: Office, sandbox: Sandbox, armed: Client) -> None:
    office.open(None)
    office.set("A1", "linkedin.com/in/a-example")
    office.set("B1", '=CRUST.ENRICH(A1;"basic_profile.nome")')
    assert "did you mean basic_profile.name" in office.texts("B1")[0][0]
    assert 0 == sandbox.calls


def test_save_and_reload(office: Office, armed: Client, tmp_path: Path) -> None:
    """The formulas survive a .xlsx of LibreOffice's own, under the same names, with their values beside them."""
    office.open(one_cell_formulas(tmp_path / "leads.xlsx", people(3), rows=3))
    values = office.values("B2:F4")
    saved = tmp_path / "saved.xlsx"
    office.save(str(saved))
    formula = load_workbook(saved).active["B2"].value
    assert '=CRUST.ENRICH($A2,"basic_profile.name")' == formula
    assert values[0][0] == load_workbook(saved, data_only=True).active["B2"].value
    office.close()
    office.open(str(saved))
    for before, after in zip(values, office.values("B2:F4"), strict=True):
        assert before[:3] + before[4:] == after[:3] + after[4:]
        assert before[3] == pytest.approx(after[3], abs=1e-8)


def test_freeze_leaves_values_and_true_errors(office: Office, armed: Client, tmp_path: Path) -> None:
    office.open(array_formula(tmp_path / "leads.xlsx", MIXED, FIELDS[:3]))
    office.set("G1", '=CRUST.ENRICH(A2;"basic_profile.name")')
    before = office.values("B2:G7")
    armed.ledger.set_daily_ceiling(None)
    office.set("A20", "linkedin.com/in/somebody-else-example")
    office.set("G2", '=CRUST.ENRICH(A20;"basic_profile.name")')
    (told,) = office.menu("freeze", True)
    assert "Turned into values: 2 formulas. Left, since they have no answer yet: 1." == told[1]
    assert before[0][:3] == office.values("B2:D2")[0]
    assert [["#N/A"] * 3] == office.values("B3:D3")
    assert not [f for row in office.formulas("B2:D7") for f in row if "CRUST" in f]
    assert "CRUST.ENRICH" in office.formulas("G2")[0][0]


def test_a_wrong_key_is_told_and_costs_nothing(
    start_office: StartOffice, sandbox: Sandbox, ledger: Path, tmp_path: Path
) -> None:
    with Client(api_key="another-key", base_url=sandbox.url, ledger=ledger) as client:
        client.ledger.set_daily_ceiling(100)
    office = start_office(CRUSTDATA_API_KEY="another-key")
    office.open(one_cell_formulas(tmp_path / "leads.xlsx", people(10), rows=10))
    text = office.texts("B2")[0][0]
    assert text.startswith("CRUST: The API does not know the key (401")
    assert "Nothing was charged" in text
    assert 0.0 == sandbox.credits_spent


def test_no_key_is_told(start_office: StartOffice, sandbox: Sandbox) -> None:
    office = start_office(CRUSTDATA_API_KEY="")
    office.open(None)
    office.set("A1", "linkedin.com/in/a-example")
    office.set("B1", "=CRUST.ENRICH(A1;)")
    assert "there is no API key" in office.texts("B1")[0][0]
    assert 0 == sandbox.calls


def test_an_api_that_is_down_is_told_and_recovers(
    start_office: StartOffice, sandbox: Sandbox, armed: Client, tmp_path: Path
) -> None:
    url, port = sandbox.url, int(sandbox.url.rpartition(":")[2])
    office = start_office()
    sandbox.close()
    office.open(one_cell_formulas(tmp_path / "leads.xlsx", people(30), rows=30))
    assert office.texts("B2")[0][0].startswith("CRUST: ")
    assert "1 person to buy, at most 1 credit." in office.texts("F31")[0][0]
    with Sandbox(port=port, requests_per_minute=None, unknown_share=0.0) as back:
        assert url == back.url
        office.sleep(1.2)
        office.calculate_all()
        assert not [cell for row in office.texts("B2:F31") for cell in row if cell.startswith("CRUST:")]
        assert (2, 30.0) == (back.calls, back.credits_spent)


def test_too_many_requests_are_waited_for(office: Office, sandbox: Sandbox, armed: Client, tmp_path: Path) -> None:
    sandbox.faults.add("status", status=429, nth=1, retry_after="1")
    office.open(one_cell_formulas(tmp_path / "leads.xlsx", people(30), rows=30))
    assert not [cell for row in office.texts("B2:F31") for cell in row if cell.startswith("CRUST:")]
    assert 30.0 == sandbox.credits_spent


def test_the_helper_may_die(office: Office, armed: Client) -> None:
    """The next formula starts another one; nothing that was paid for is lost."""
    office.open(None)
    office.set("A1", "linkedin.com/in/a-example")
    office.set("B1", '=CRUST.ENRICH(A1;"basic_profile.name")')
    name = office.values("B1")
    office.kill_helper()
    office.calculate_all()
    office.calculate_all()
    assert name == office.values("B1")


def test_a_sheet_without_its_python_says_so(start_office: StartOffice, profile: Path, tmp_path: Path) -> None:
    office = start_office()
    (told,) = tmp_path.glob("profile-*/user/uno_packages/cache/uno_packages/*/crust.oxt/helper.json")
    told.write_text(json.dumps({"python": "/nowhere/python", "import_from": ""}))
    office.open(None)
    office.set("B1", "=CRUST.STATUS()")
    assert "Run `crustframe excel install --calc` again." in office.texts("B1")[0][0]


def test_the_extension_needs_nothing_but_libreoffice(extension: Path) -> None:
    with zipfile.ZipFile(extension) as archive:
        assert {"addin.py", "helper.json", "CRUST.idl"} < set(archive.namelist())
        source = archive.read("addin.py").decode()
    assert "import crustframe" not in source
    assert "import requests" not in source


def test_a_picture_of_the_sheet(office: Office, armed: Client, tmp_path: Path) -> None:
    """It is drawn, and it is not empty; tests/excel_addin/picture.sh makes one to look at."""
    office.open(array_formula(tmp_path / "leads.xlsx", MIXED, FIELDS, headers=True))
    office.values("B1:F7")
    office.save(str(tmp_path / "sheet.pdf"), "calc_pdf_Export")
    subprocess.run(["pdftoppm", "-r", "60", "-png", "sheet.pdf", "sheet"], cwd=tmp_path, check=True)
    assert list(tmp_path.glob("sheet*.png"))
