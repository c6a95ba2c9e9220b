"""The acceptance of formulas in a real LibreOffice: exact calls and credits on the sandbox's own meter."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from books import FIELDS, array_formula, one_cell_formulas, people
from conftest import StartOffice
from office import Office
from openpyxl import Workbook

import crustframe
from crustframe.client import Client
from crustframe.sandbox.server import Sandbox

pytestmark = pytest.mark.billed_past_the_plan("the office plans in a process of its own")


def test_a_thousand_one_cell_formulas(
    start_office: StartOffice, sandbox: Sandbox, client: Client, tmp_path: Path
) -> None:
    """80 people behind 1,000 formulas are 4 calls and 80 credits; whatever happens to the sheet then is free."""
    client.ledger.set_daily_ceiling(200)
    book = one_cell_formulas(tmp_path / "leads.xlsx", people(80), rows=200)
    office = start_office()

    office.open(book)
    names = office.values("B2:F201")
    assert (4, 80.0) == (sandbox.calls, sandbox.credits_spent)
    expected = crustframe.enrich(people(80), fields=list(FIELDS), client=client).frame
    assert expected["basic_profile.name"].tolist() == [row[0] for row in names[:80]]
    assert expected["professional_network.connections"].astype(object).fillna("").tolist() == [
        row[2] for row in names[:80]
    ]
    assert not any(str(cell).startswith("CRUST:") for row in names for cell in row)

    office.calculate()
    office.calculate_all()
    office.insert_row(5)
    office.calculate_all()
    office.copy_sheet()
    office.calculate_all()
    assert names[100][0] == office.values("B103", sheet=1)[0][0]
    office.save(str(tmp_path / "again.xlsx"))
    office.close()
    office.open(str(tmp_path / "again.xlsx"))
    office.calculate_all()
    assert names[100][0] == office.values("B103")[0][0]
    office.close()
    office.quit()
    again = start_office()
    again.open(book)
    again.calculate_all()
    assert names == again.values("B2:F201")
    assert (4, 80.0) == (sandbox.calls, sandbox.credits_spent)


def test_without_a_budget_nothing_is_bought(office: Office, sandbox: Sandbox, tmp_path: Path) -> None:
    office.open(array_formula(tmp_path / "leads.xlsx", people(80), FIELDS[:1]))
    office.calculate_all()
    said = office.texts("B2:B81")
    assert {"CRUST: 80 people to buy, at most 80 credits."} == {row[0].partition(" Use")[0] for row in said}
    assert (0, 0.0) == (sandbox.calls, sandbox.credits_spent)


def test_the_budget_of_the_day_holds(office: Office, sandbox: Sandbox, client: Client, tmp_path: Path) -> None:
    client.ledger.set_daily_ceiling(50)
    office.open(one_cell_formulas(tmp_path / "leads.xlsx", people(80), rows=80))
    office.calculate_all()
    texts = [row[0] for row in office.texts("B2:B81")]
    assert 50.0 == sandbox.credits_spent
    assert {"CRUST: 1 person to buy, at most 1 credit, but 0 of 50 credits are left today. Use the Buy command."} == {
        text for text in texts if text.startswith("CRUST:")
    }
    assert 30 == sum(text.startswith("CRUST:") for text in texts)


@pytest.mark.parametrize(
    "order",
    [("notebook", "shell", "sheet"), ("sheet", "notebook", "shell"), ("shell", "sheet", "notebook")],
)
def test_notebook_shell_and_sheet_pay_once(
    order: tuple[str, ...], office: Office, sandbox: Sandbox, client: Client, tmp_path: Path
) -> None:
    """Each asks about 60 of 80 people, in its own spelling; together they pay 80 credits."""
    everybody = people(80)

    def notebook() -> None:
        crustframe.enrich([url + "/" for url in everybody[:60]], fields=[FIELDS[1]], client=client)

    def shell() -> None:
        leads = tmp_path / "leads.csv"
        leads.write_text("\n".join(["profile", *(url.upper() for url in everybody[20:])]) + "\n")
        command = [
            sys.executable,
            "-m",
            "crustframe",
            "enrich",
            str(leads),
            "--column",
            "profile",
            "--field",
            FIELDS[0],
        ]
        environment = {
            **os.environ,
            "CRUSTDATA_API_KEY": sandbox.key,
            "CRUSTFRAME_BASE_URL": sandbox.url,
            "CRUSTFRAME_LEDGER": str(client.ledger.path),
        }
        subprocess.run(command, env=environment, check=True, capture_output=True)

    def sheet() -> None:
        asked = everybody[40:] + everybody[:20]
        office.open(array_formula(tmp_path / "leads.xlsx", asked, FIELDS))
        assert not [row for row in office.texts("B2:B61") if row[0].startswith("CRUST:")]

    client.ledger.set_daily_ceiling(200)
    for front_end in order:
        {"notebook": notebook, "shell": shell, "sheet": sheet}[front_end]()
    assert 80.0 == sandbox.credits_spent
    assert {1} == set(sandbox.people_charged.values())


def test_ten_thousand_rows_from_a_full_ledger(office: Office, sandbox: Sandbox, client: Client, tmp_path: Path) -> None:
    crustframe.enrich(people(80), fields=FIELDS[:1], client=client)
    spent = (sandbox.calls, sandbox.credits_spent)
    started = time.monotonic()
    office.open(array_formula(tmp_path / "leads.xlsx", people(80) * 125, FIELDS))
    values = office.values("B10000:B10001")
    assert time.monotonic() - started < 10
    assert values[1][0] == crustframe.enrich(people(80)[79:], fields=FIELDS[:1], client=client).frame.iloc[0, 0]
    assert spent == (sandbox.calls, sandbox.credits_spent)


def test_buy_tells_people_and_credits_first(office: Office, sandbox: Sandbox, tmp_path: Path) -> None:
    office.open(one_cell_formulas(tmp_path / "leads.xlsx", people(80), rows=200))
    (asked,) = office.menu("buy", False)
    assert ["question", "80 people are not in the ledger yet. They may cost up to 80 credits. Buy them?"] == asked
    assert (0, 0.0) == (sandbox.calls, sandbox.credits_spent)

    _, told = office.menu("buy", True)
    assert ["told", "80 credits were spent."] == told
    assert (4, 80.0) == (sandbox.calls, sandbox.credits_spent)
    assert not [row for row in office.texts("B2:B201") if row[0].startswith("CRUST:")]

    (told,) = office.menu("buy", True)
    assert "Nothing is to be bought" in told[1]
    assert (4, 80.0) == (sandbox.calls, sandbox.credits_spent)


def test_a_paid_column_beside_others_is_one_purchase(
    office: Office, sandbox: Sandbox, client: Client, tmp_path: Path
) -> None:
    """The base credit and the add-on are bought together, although two formulas ask for them."""
    client.ledger.set_daily_ceiling(100)
    book = Workbook()
    for row, url in enumerate(people(10), 1):
        book.active.append([url, f'=CRUST.ENRICH(A{row},"basic_profile.name")', f"=CRUST.ENRICH(A{row},$E$1)"])
    book.active["E1"] = "contact.business_emails"
    book.save(tmp_path / "leads.xlsx")
    office.open(str(tmp_path / "leads.xlsx"))
    assert not [cell for row in office.texts("B1:C10") for cell in row if cell.startswith("CRUST:")]
    assert (1, 20.0) == (sandbox.calls, sandbox.credits_spent)


def test_a_refresh_date_buys_once_more_and_only_once(
    office: Office, sandbox: Sandbox, client: Client, tmp_path: Path
) -> None:
    client.ledger.set_daily_ceiling(100)
    office.open(array_formula(tmp_path / "leads.xlsx", people(3), FIELDS[:1]))
    office.calculate_all()
    assert 3.0 == sandbox.credits_spent
    office.set_array("D2:D4", '=CRUST.ENRICH(A2:A4;"basic_profile.name";;NOW())')
    office.calculate_all()
    office.calculate_all()
    assert office.values("B2:B4") == office.values("D2:D4")
    assert 3.0 == sandbox.credits_spent  # they were bought today already
