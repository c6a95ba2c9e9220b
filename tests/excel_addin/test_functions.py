"""The functions without any spreadsheet: what a formula answers, and what it may spend."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pandas as pd
import pytest
from books import FIELDS, people

import crustframe
from crustframe.client import Client
from crustframe.sandbox.server import Sandbox
from excel_addin.cells import CellError, to_cell
from excel_addin.functions import Desk

NAME = FIELDS[0]


class Clock:
    """Seconds that pass only when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(client: Client, clock: Clock) -> Iterator[Desk]:
    made = Desk(client, clock=clock)
    yield made
    made.close()


def column(values: list[str]) -> list[list[object]]:
    return [[value] for value in values]


def test_a_sheet_shows_what_a_notebook_shows(client: Client) -> None:
    """The same cells, also where the API's answers break the schema."""
    fields = [*FIELDS, "crustdata_person_id", "experience.employment_details.current.years_at_company_raw"]
    with (
        Sandbox(requests_per_minute=None, drift=True) as drifting,
        Client(api_key=drifting.key, base_url=drifting.url, ledger=client.ledger.path) as other,
    ):
        frame = crustframe.enrich(people(200), fields=fields, client=other).frame
        other.ledger.set_daily_ceiling(0)
        desk = Desk(other)
        grid = desk.enrich(column(people(200)), [fields])
        desk.close()
    for row, (_, expected) in zip(grid, frame.iterrows(), strict=True):
        if expected["crust.status"] != "matched":
            continue
        for cell, value in zip(row, expected[fields], strict=True):
            if pd.isna(value):
                assert "" == cell
            elif isinstance(value, pd.Timestamp):
                assert value.to_pydatetime() == cell
            else:
                assert to_cell(value) == cell


def test_a_formula_never_spends_unasked(desk: Desk, sandbox: Sandbox) -> None:
    (said,) = {row[0] for row in desk.enrich(column(people(80)), NAME)}
    assert str(said).startswith("CRUST: 80 people to buy, at most 80 credits. Use the Buy command")
    assert 0 == sandbox.calls
    assert not desk.client.ledger.path.exists()


def test_the_price_follows_the_fields(desk: Desk) -> None:
    assert [[10.0]] == desk.cost(column(people(10)))
    assert [[20.0]] == desk.cost(column(people(10)), "dev_platform_profiles")
    assert [[80.0]] == desk.cost(column(people(10)), "contact, dev_platform_profiles")  # at most, wherever it is sold


def test_what_is_not_there_in_time_comes_with_the_next_calculation(client: Client, clock: Clock) -> None:
    with (
        Sandbox(requests_per_minute=None, latency_s=0.4, unknown_share=0.0) as slow,
        Client(api_key=slow.key, base_url=slow.url, ledger=client.ledger.path) as other,
    ):
        other.ledger.set_daily_ceiling(100)
        desk = Desk(other, patience_s=0.05)
        (said,) = {row[0] for row in desk.enrich(column(people(40)), NAME)}
        assert str(said).startswith("CRUST: loading, 40 people are on their way.")
        until = time.monotonic() + 20
        while desk._buying.n_pending and time.monotonic() < until:
            time.sleep(0.05)
        assert not [row for row in desk.enrich(column(people(40)), NAME) if str(row[0]).startswith("CRUST:")]
        assert (2, 40.0) == (slow.calls, slow.credits_spent)
        desk.close()


def test_a_calculation_waits_once_and_not_in_every_cell(client: Client) -> None:
    with (
        Sandbox(requests_per_minute=None, latency_s=3.0) as slow,
        Client(api_key=slow.key, base_url=slow.url, ledger=client.ledger.path) as other,
    ):
        other.ledger.set_daily_ceiling(1000)
        desk = Desk(other, patience_s=0.3)
        started = time.monotonic()
        for person in people(60):
            desk.enrich(person, NAME)
        assert time.monotonic() - started < 2.5
        desk.close()


def test_a_failure_is_met_once_in_a_calculation(desk: Desk, sandbox: Sandbox, clock: Clock) -> None:
    desk.client.ledger.set_daily_ceiling(100)
    sandbox.faults.add("status", status=402)
    said = [desk.enrich(person, NAME)[0][0] for person in people(30)]
    assert all("no credits left" in str(text) for text in said)
    assert 1 == sandbox.calls
    sandbox.faults.clear()
    clock.now += 5
    assert not str(desk.enrich(column(people(30)), NAME)[0][0]).startswith("CRUST:")


def test_a_field_that_is_not_granted_leaves_the_others(client: Client) -> None:
    """The neighbours' forbidden column must not keep this one from being bought."""
    with Sandbox(requests_per_minute=None, denied_fields=["contact.business_emails"], unknown_share=0.0) as strict:
        other = Client(api_key=strict.key, base_url=strict.url, ledger=client.ledger.path)
        other.ledger.set_daily_ceiling(100)
        desk = Desk(other)
        ahead = [(person, field) for person in people(30) for field in (NAME, "contact.business_emails")]
        name = desk.enrich(people(1)[0], NAME, read_ahead=lambda: ahead)[0][0]
        mail = desk.enrich(people(1)[0], "contact.business_emails", read_ahead=lambda: ahead)[0][0]
        assert not str(name).startswith("CRUST:")
        assert "contact.business_emails" in str(mail)
        assert "403" in str(mail)
        assert 1.0 == strict.credits_spent
        desk.close()


def test_two_programs_share_one_budget(client: Client, sandbox: Sandbox) -> None:
    """Excel and Calc at the same moment, 50 credits a day, 80 people each: the meter stops at 50."""
    client.ledger.set_daily_ceiling(50)
    desks = [Desk(Client(api_key=sandbox.key, base_url=sandbox.url, ledger=client.ledger.path)) for _ in range(2)]
    lists = [people(80), [url.replace("lead", "other") for url in people(80)]]
    threads = [
        threading.Thread(target=desk.enrich, args=(column(asked), NAME))
        for desk, asked in zip(desks, lists, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for desk in desks:
        desk.close()
    assert 50.0 >= sandbox.credits_spent > 0


def test_buy_is_bounded_by_what_was_agreed(desk: Desk, sandbox: Sandbox, clock: Clock) -> None:
    desk.survey()
    desk.enrich(column(people(10)), NAME)
    desk.enrich(column(people(10)), "contact.business_emails")
    assert (10, 20.0) == desk.offer()
    assert "20 credits were spent." == desk.buy(20.0)
    assert (1, 20.0) == (sandbox.calls, sandbox.credits_spent)


def test_the_question_before_buying_tells_one_of_anything_as_one(desk: Desk) -> None:
    desk.survey()
    desk.enrich(column(people(1)), NAME)
    desk.offer()
    assert "1 person is not in the ledger yet. They may cost up to 1 credit. Buy them?" == desk.question
    desk.survey()
    desk.enrich(column(people(2)), NAME)
    desk.offer()
    assert "2 people are not in the ledger yet. They may cost up to 2 credits. Buy them?" == desk.question


def test_buy_tells_when_the_budget_of_the_day_ends_it(desk: Desk, sandbox: Sandbox) -> None:
    desk.client.ledger.set_daily_ceiling(6)
    desk.survey()
    desk.enrich(column(people(10)), NAME)
    assert (10, 10.0) == desk.offer()
    said = desk.buy(10.0)
    assert "6 credits were spent. 4 people were not bought. The budget of the day is 6 credits." == said
    assert 6.0 == sandbox.credits_spent


def test_a_survey_buys_nobody(desk: Desk, sandbox: Sandbox) -> None:
    desk.client.ledger.set_daily_ceiling(100)
    desk.survey()
    desk.enrich(column(people(10)), NAME)
    assert 0 == sandbox.calls


def test_one_person_against_several_fields_and_headers(desk: Desk) -> None:
    desk.client.ledger.set_daily_ceiling(10)
    grid = desk.enrich(people(1)[0], [[FIELDS[0]], [FIELDS[1]]], True)
    assert list(FIELDS[:2]) == grid[0]
    assert (2, 2) == (len(grid), len(grid[1]))


def test_refusals_in_words(desk: Desk) -> None:
    assert "did you mean" in str(desk.enrich("linkedin.com/in/a-example", "basic_profile.nome")[0][0])
    assert CellError.VALUE == desk.enrich([["a", "b"]])[0][0]
    assert "is a date" in str(desk.enrich("linkedin.com/in/a-example", None, None, "soon")[0][0])
    assert [[CellError.NA]] == desk.fields("nothing holds this")


@pytest.fixture
def newer() -> Iterator[Sandbox]:
    """An API that takes profile URLs only."""
    with crustframe.sandbox(requests_per_minute=None, snapshot="C", plan="self-serve") as running:
        running.client.ledger.set_daily_ceiling(1000)
        yield running


def test_emails_that_the_api_does_not_take_hold_up_no_urls(newer: Sandbox, clock: Clock) -> None:
    desk = Desk(newer.client, clock=clock)
    mails = [f"lead-{n}@corp.example" for n in range(30)]

    mixed = desk.enrich(column([*mails, *people(30)]), NAME)
    cells = [desk.enrich(text, NAME)[0][0] for text in (mails[0], people(32)[31])]

    assert all("CRUST: " in str(row[0]) for row in mixed[:30])
    assert not any("CRUST" in str(row[0]) for row in mixed[30:])
    assert "no surface of the API for e-mails" in str(cells[0])
    assert "CRUST" not in str(cells[1])
    assert 31.0 == newer.credits_spent
    desk.close()


def test_a_thousand_cells_of_refused_emails_take_a_few_calls(newer: Sandbox, clock: Clock) -> None:
    desk = Desk(newer.client, clock=clock)
    said = {str(desk.enrich(f"lead-{n}@corp.example", NAME)[0][0]) for n in range(1000)}

    assert all("about the request" in text or "no surface of the API" in text for text in said)
    assert newer.calls <= 4
    desk.close()


def test_somebody_refused_alone_holds_up_no_other_cell(clock: Clock) -> None:
    with crustframe.sandbox(requests_per_minute=None, refuse=people(1)) as sandbox:
        sandbox.client.ledger.set_daily_ceiling(100)
        desk = Desk(sandbox.client, clock=clock)
        for _ in range(2):
            cells = [str(desk.enrich(text, NAME)[0][0]) for text in people(6)]
            clock.now += 5
        desk.close()

        assert cells[0].startswith("CRUST: The API refused")
        assert not any("CRUST" in text for text in cells[1:])
        assert 5.0 == sandbox.credits_spent


def test_the_buy_command_says_whom_the_api_does_not_take(newer: Sandbox, clock: Clock) -> None:
    desk = Desk(newer.client, clock=clock)
    desk.survey()
    desk.enrich(column(["lead-1@corp.example", *people(3)]), NAME)
    desk.offer()

    said = desk.buy(max_credits=10)

    assert said.startswith("3 credits were spent. 1 person was not bought. This account has no surface of the API for")
    desk.close()


def test_doubt_is_told_and_not_bought_again(desk: Desk, sandbox: Sandbox, clock: Clock) -> None:
    desk.client.ledger.set_daily_ceiling(100)
    sandbox.faults.add("close", nth=1, charge=True)
    asked = column(people(5))
    for _ in range(3):
        grid = desk.enrich(asked, NAME)
        clock.now += 5
    assert {"CRUST: in doubt: it may have been paid for, but no answer came."} == {row[0] for row in grid}
    assert 5.0 == sandbox.credits_spent


def test_an_internal_error_shows_a_number_and_no_traceback(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyError("secret detail")

    monkeypatch.setattr(Desk, "_look_up", fail)
    text = str(desk.enrich("linkedin.com/in/a-example")[0][0])
    assert text.startswith("CRUST: internal error ")
    assert "secret" not in text
