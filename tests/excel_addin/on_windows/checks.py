"""What Excel on Windows would see: xlwings' own importer and CallUDF, unmodified, under stand-ins for pywin32.

Run by test_xlwings.py in a process of its own.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from stand_ins import MISSING, Range, Sheet, put_in_place

xlwings = put_in_place()

from xlwings.com_server import XLPython

import crustframe
from crustframe.client import Client
from crustframe.sandbox.server import Sandbox
from excel_addin import desk, udfs
from excel_addin.functions import Desk

MODULE = "excel_addin.udfs"
NAME = "basic_profile.name"
PERSON = "https://www.linkedin.com/in/lead-0-example"

Call = Callable[..., Any]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(requests_per_minute=None, unknown_share=0.0) as running:
        yield running


@pytest.fixture
def client(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    with Client(api_key=sandbox.key, base_url=sandbox.url, ledger=tmp_path / "ledger.sqlite3") as made:
        made.ledger.set_daily_ceiling(1000)
        opened = Desk(made)
        monkeypatch.setattr(udfs, "the_desk", lambda: opened)
        yield made
        opened.close()


@pytest.fixture
def call(client: Client) -> Call:
    """Call a function as the module CRUST does."""

    def made(name: str, *arguments: Any, caller: Any = None) -> Any:
        return XLPython().CallUDF(MODULE, name, arguments, None, caller)

    return made


@pytest.fixture
def sheet() -> Sheet:
    return Sheet()


def enrich(call: Call, identifiers: Any, fields: Any = NAME, caller: Any = None) -> Any:
    calling_cell = caller or Range(Sheet(), 1, 9)
    return call("CRUST_ENRICH", identifiers, fields, MISSING, MISSING, calling_cell, caller=calling_cell)


def test_the_windows_decorators_are_in_use() -> None:
    assert xlwings.func is xlwings.udfs.xlfunc
    facts = udfs.CRUST_ENRICH.__xlfunc__
    assert (False, False, None) == (facts["call_in_wizard"], facts["volatile"], facts["async_mode"])
    assert ["identifiers", "fields", "headers", "refresh_token", "calling_cell"] == [a["name"] for a in facts["args"]]
    for argument in facts["args"][:4]:
        assert 2 == argument["options"]["ndim"]
        assert argument["options"]["err_to_str"]


def test_the_generated_module_is_the_checked_in_one(client: Client) -> None:
    written: list[str] = []
    options: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
    application = types.SimpleNamespace(Version="16.0", MacroOptions=lambda *a, **k: options.append((a, k)))

    class Components:
        Remove = staticmethod(lambda _: None)
        Import = staticmethod(lambda path: written.append(Path(path).read_text(encoding="utf-8")))

        def __call__(self, name: str) -> str:
            return name

    book = types.SimpleNamespace(
        Name="crust.xlam",
        VBProject=types.SimpleNamespace(VBComponents=Components()),
        Application=application,
        Worksheets=[],
    )
    xlwings.import_udfs(MODULE, book)
    assert Path(__file__).with_name("xlwings_udfs.bas").read_text(encoding="utf-8") == written[0]
    described = {arguments[0]: words for arguments, words in options}
    assert "CRUST" == described["'crust.xlam'!CRUST_ENRICH"]["Category"]
    assert (
        "Column of profile URLs or business e-mails; several: the first that names somebody"
        in (described["'crust.xlam'!CRUST_ENRICH"]["ArgumentDescriptions"])
    )


def test_a_range_of_identifiers_is_a_column_of_answers(call: Call, client: Client, sheet: Sheet) -> None:
    people = sheet.column([PERSON, "linkedin.com/in/nobody-here", "junk", None, 12.0, PERSON + "/"])
    answer = enrich(call, people, f"{NAME}, professional_network.connections")
    expected = crustframe.enrich([PERSON], fields=[NAME, "professional_network.connections"], client=client).frame
    first = [expected.iloc[0, 0], float(expected.iloc[0, 1])]
    assert [first, ["#N/A"] * 2, ["#VALUE!"] * 2, ["", ""], ["#VALUE!"] * 2, first] == answer
    assert {str, float} == {type(cell) for row in answer for cell in row}


def test_one_cell_is_one_value(call: Call, sheet: Sheet) -> None:
    assert isinstance(enrich(call, sheet.column([PERSON])), str)
    assert isinstance(enrich(call, PERSON), str)


def test_missing_arguments(call: Call, sheet: Sheet) -> None:
    caller = Range(Sheet(), 1, 9)
    row = call("CRUST_ENRICH", sheet.column([PERSON]), MISSING, MISSING, MISSING, caller, caller=caller)
    assert 5 == len(row)
    assert [["basic_profile.headline", "string", 1.0], ["professional_network.headline", "string", 1.0]] == call(
        "CRUST_FIELDS", "headline", caller=caller
    )
    assert len(call("CRUST_FIELDS", MISSING, caller=caller)) > 100
    assert 0.0 == call("CRUST_COST", sheet.column([PERSON]), MISSING, caller=caller)


@pytest.mark.parametrize("number", [-2146826281, -2146826246, -2146826245, -2146826243, -2146826288, -2146826200])
def test_error_cells_reach_nobody(call: Call, sandbox: Sandbox, sheet: Sheet, number: int) -> None:
    """The classic ones come as text, the newer ones as plain integers."""
    assert "#VALUE!" == enrich(call, sheet.column([number]))
    assert ["#VALUE!", "#VALUE!"] == [row[0] for row in enrich(call, sheet.column([number, number]))]
    assert 0 == sandbox.calls


def test_whole_columns_end_with_the_last_entry(call: Call, sheet: Sheet) -> None:
    assert 2 == len(enrich(call, sheet.column([PERSON, "junk"] + [None] * 5000)))


def test_a_blank_cell_is_an_empty_text(call: Call, sandbox: Sandbox, sheet: Sheet) -> None:
    """Excel calls a function before its inputs are calculated; nobody is asked then."""
    assert "" == enrich(call, sheet.column([None]))
    assert "" == enrich(call, sheet.column([None, None]))
    assert 0 == sandbox.calls


def test_fields_and_switches_from_cells(call: Call, sheet: Sheet) -> None:
    people = sheet.column([PERSON])
    fields = sheet.column([NAME, "basic_profile.headline"], at=3)
    headers = sheet.column([True], at=4)
    today = sheet.column([datetime.now(UTC)], at=5)
    answer = call("CRUST_ENRICH", people, fields, headers, today, Range(sheet, 1, 9), caller=Range(sheet, 1, 9))
    assert [NAME, "basic_profile.headline"] == answer[0]
    assert 2 == len(answer)


def test_values_are_what_com_can_carry(call: Call, client: Client, sheet: Sheet) -> None:
    """No ragged rows, no None, no lists in cells, no integer of more than 31 bits; dates as dates."""
    fields = "basic_profile.last_updated,crustdata_person_id,basic_profile.languages,experience,education.schools"
    rows = enrich(call, sheet.column([f"https://www.linkedin.com/in/lead-{n}-example" for n in range(30)]), fields)
    assert {5} == {len(row) for row in rows}
    assert {datetime, float, str} == {type(cell) for row in rows for cell in row}
    assert all(len(cell) <= 32767 for row in rows for cell in row if isinstance(cell, str))


def test_a_call_level_fault_is_one_text(call: Call, sheet: Sheet) -> None:
    text = enrich(call, sheet.column([PERSON, PERSON]), "basic_profile.nome")
    assert text.startswith("CRUST: 'basic_profile.nome' is not a path")


def test_one_cell_formulas_down_a_column_are_bought_in_full_batches(call: Call, sandbox: Sandbox, sheet: Sheet) -> None:
    people = [f"https://www.linkedin.com/in/lead-{n}-example" for n in range(80)]
    sheet.column([people[row % 80] for row in range(200)])
    for row in range(1, 201):
        for column, field in enumerate(("name", "headline", "summary", "current_title", "last_updated"), 2):
            sheet.formulas[row, column] = f'=CRUST.ENRICH(RC[{1 - column}],"basic_profile.{field}")'
    for row in range(1, 201):
        for column, field in enumerate(("name", "headline", "summary", "current_title", "last_updated"), 2):
            answer = enrich(call, Range(sheet, row, 1), f"basic_profile.{field}", Range(sheet, row, column))
            assert not str(answer).startswith("CRUST:")
    assert (4, 80.0) == (sandbox.calls, sandbox.credits_spent)


def test_only_what_formulas_ask_is_read_ahead(call: Call, sandbox: Sandbox, sheet: Sheet) -> None:
    """A formula with a fixed row asks for one person, however often it stands there."""
    sheet.column([f"https://www.linkedin.com/in/lead-{n}-example" for n in range(30)])
    for row in range(1, 31):
        sheet.formulas[row, 2] = '=CRUST.ENRICH(R1C1,"basic_profile.name")'
    enrich(call, Range(sheet, 1, 1), NAME, Range(sheet, 1, 2))
    assert 1.0 == sandbox.credits_spent
    sheet.formulas = {(5, 3): "=CRUST.ENRICH(RC[-2])", (6, 3): "=CRUST.ENRICH(RC[-2])", (7, 3): "=1"}
    enrich(call, Range(sheet, 5, 1), NAME, Range(sheet, 5, 3))
    assert 3.0 == sandbox.credits_spent


def test_the_buy_macro(call: Call, client: Client, sandbox: Sandbox, sheet: Sheet) -> None:
    client.ledger.set_daily_ceiling(None)
    people = sheet.column([f"https://www.linkedin.com/in/lead-{n}-example" for n in range(30)])
    call("CRUST_SURVEY")
    assert enrich(call, people)[0][0].startswith("CRUST: 30 people to buy, at most 30 credits.")
    assert [30, 30.0] == call("CRUST_OFFER")
    assert 0 == sandbox.calls
    assert "30 credits were spent." == call("CRUST_BUY", 30.0)
    assert (2, 30.0) == (sandbox.calls, sandbox.credits_spent)
    assert not enrich(call, people)[0][0].startswith("CRUST:")


def test_one_desk_for_the_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CRUSTFRAME_LEDGER", str(tmp_path / "ledger.sqlite3"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CRUSTDATA_API_KEY", "sandbox-key")
    desk.the_desk.cache_clear()
    assert desk.the_desk() is desk.the_desk()
    desk.the_desk().close()
