"""Forgetting takes out one person, whole, and nobody else; nothing that was paid for is thrown away with them."""

from __future__ import annotations

import sqlite3

import pytest

import crustframe
from crustframe.api import person
from crustframe.buying.leftovers import read_everything_left
from crustframe.ledger.runs import Told
from crustframe.people.identifiers import read_identifiers

SITE = "https://www.linkedin.com/in/"
NAME = "basic_profile.name"

BELOW = pytest.mark.billed_past_the_plan("the request is sent below the engine")


def people(n: int) -> list[str]:
    return [f"{SITE}ada-{number:02d}-example" for number in range(n)]


def statuses(cells, client, **options):
    return crustframe.enrich(cells, fields=[NAME], client=client, **options).frame["crust.status"].tolist()


# One person --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "handle", [f"{SITE}ada", f"{SITE}ada-0", "ada@corp.example", "12", "1", "https://linkedin.com/in/example"]
)
def test_somebody_who_was_never_bought_takes_nobody_along(sandbox, client, handle):
    """A part of a slug, of an address or of a number is nobody's identifier."""
    crustframe.enrich([*people(50), "ada.lovelace@corp.example"], fields=[NAME], client=client)
    spent = sandbox.credits_spent

    told = client.ledger.forget([handle], suppress=True)

    assert (0, 0, 0) == (told["answers"], told["candidates"], told["requests"])
    assert ["matched"] * 50 == statuses(people(50), client)
    assert spent == sandbox.credits_spent


def test_whoever_was_bought_by_address_and_by_url_goes_whole_by_either(sandbox, client, tmp_path):
    found = crustframe.enrich(
        ["jane.smith@corp.example"],
        fields=[NAME, "social_handles.professional_network_identifier.profile_url as url"],
        client=client,
    ).frame
    url, name = found.loc[0, "url"], found.loc[0, NAME]
    crustframe.enrich([url], fields=[NAME, "contact.business_emails"], client=client)
    sandbox.jobs.job_seconds = 0.1
    crustframe.contacts([url], kinds=["phone_numbers"], client=client)

    client.ledger.forget(["jane.smith@corp.example"])
    client.close()

    kept = client.ledger.path.read_bytes()
    slug = url.rpartition("/")[2]
    assert [] == [word for word in (slug, name, "jane.smith") if word.encode() in kept]
    with sqlite3.connect(client.ledger.path) as connection:
        assert [] == connection.execute("SELECT key FROM people").fetchall()


def test_a_number_is_the_id_of_a_person_and_nothing_else(sandbox, client):
    found = crustframe.enrich(people(30), fields=["crustdata_person_id as id"], client=client).frame

    assert 1 == client.ledger.forget([str(found.loc[7, "id"])])["answers"]

    assert 1 == crustframe.plan(people(30), fields=[NAME], client=client).n_new


def test_copies_that_were_set_aside_are_told(sandbox, client, monkeypatch):
    from typer.testing import CliRunner

    from crustframe.shell.cli import app

    crustframe.enrich(people(2), fields=[NAME], client=client)
    client.close()
    copy = client.ledger.path.with_name(client.ledger.path.name + ".damaged-1")
    copy.write_bytes(client.ledger.path.read_bytes())

    done = CliRunner().invoke(app, ["ledger", "forget", people(1)[0], "--ledger", str(client.ledger.path)])

    assert 0 == done.exit_code
    assert str(copy) in done.output


# What is not read yet ----------------------------------------------------------------------------------------------


@pytest.fixture
def left(sandbox, client):
    """A paid answer about five people that a killed run did not read: their identifiers."""
    asked = tuple(read_identifiers(people(5)).unique)
    options = person.Options(frozenset({"basic_profile"}))
    run = client.ledger.start(options.coverage, price=1.0, endpoint=options.path)
    need = crustframe.ledger.Need(frozenset({"basic_profile"}), None, None)
    purchase = run.claim(asked, need, size=5, may_resend=lambda _: False).purchase
    run.sending(purchase)
    exchange = options.send(client.transport, asked)
    run.answered(purchase, Told(exchange.body, 5.0, 200, exchange.request_id))
    run.close()
    client.close()
    return asked


@BELOW
def test_forgetting_one_of_an_unread_answer_keeps_the_others(left, sandbox, client, monkeypatch):
    from typer.testing import CliRunner

    from crustframe.shell.cli import app

    for name, value in {"CRUSTDATA_API_KEY": sandbox.key, "CRUSTFRAME_BASE_URL": sandbox.url}.items():
        monkeypatch.setenv(name, value)
    with crustframe.Client(ledger=client.ledger.path) as own:
        crustframe.enrich([f"{SITE}somebody-example"], fields=[NAME], client=own)
    done = CliRunner().invoke(app, ["ledger", "forget", left[0].text, "--ledger", str(client.ledger.path)])
    assert 0 == done.exit_code, done.output

    read_everything_left(client)
    client.ledger.forget([left[0].text])

    assert 5 + 1 == sandbox.credits_spent
    assert 1 == crustframe.plan(people(5), fields=[NAME], client=client).n_new
    assert client.ledger.verify()["ok"]


@BELOW
def test_an_unread_answer_is_read_by_the_next_run_of_anybody(left, sandbox, client):
    client.ledger.forget([f"{SITE}somebody-else-example"], suppress=True)

    assert ["matched"] * 6 == statuses([*people(5), f"{SITE}new-example"], client)

    assert 5 + 1 == sandbox.credits_spent


@BELOW
def test_an_unread_answer_without_a_bill_costs_what_its_people_cost(sandbox, client, left):
    with sqlite3.connect(client.ledger.path) as connection:
        connection.execute("UPDATE purchases SET credits = NULL")
    client.ledger.set_daily_ceiling(100)
    before = client.ledger.spent_today()

    read_everything_left(client)

    assert 5 == before == client.ledger.spent_today()


@BELOW
def test_nothing_of_a_suppressed_person_is_stored_when_the_answer_was_on_its_way(sandbox, client):
    asked = read_identifiers(people(2)).unique
    options = person.Options(frozenset({"basic_profile"}))
    run = client.ledger.start(options.coverage, price=1.0, endpoint=options.path)
    need = crustframe.ledger.Need(frozenset({"basic_profile"}), None, None)
    purchase = run.claim(asked, need, size=2, may_resend=lambda _: False).purchase
    run.sending(purchase)
    exchange = options.send(client.transport, asked)

    client.ledger.forget([asked[0].text], suppress=True)
    run.settle(purchase, options.read(exchange.body, asked, credits=2.0), credits=2.0)
    run.close()

    assert [asked[1].key] == [row["identifier"] for row in client.ledger.entries()]
    assert ["invalid", "matched"] == statuses(people(2), client)


# Bills and days ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [float("inf"), float("nan"), -1, True, "many"])
def test_a_ceiling_of_a_day_is_a_number_of_credits(client, value):
    with pytest.raises(crustframe.errors.SettingError, match="no number of credits"):
        client.ledger.set_daily_ceiling(value)


@pytest.mark.parametrize(("claimed", "ended"), [(-30, 30), (-7200, 10), (5, 20)])
def test_what_was_claimed_before_midnight_and_ended_after_it_counts_for_the_new_day(tmp_path, sandbox, claimed, ended):
    midnight = 20_000 * 86400.0
    now = [midnight + claimed]
    client = sandbox.make_client(clock=lambda: now[0])
    client.ledger.set_daily_ceiling(50)
    asked = read_identifiers(people(25)).unique
    run = client.ledger.start(frozenset({"basic_profile"}), price=1.0, endpoint=person.ENDPOINT)
    need = crustframe.ledger.Need(frozenset({"basic_profile"}), None, None)
    purchase = run.claim(asked, need, size=25, may_resend=lambda _: False).purchase
    run.sending(purchase)
    now[0] = midnight + ended

    assert 25 == client.ledger.spent_today()
    run.doubt(purchase, "no answer")
    run.close()
    assert 25 == client.ledger.spent_today()


@pytest.mark.parametrize("ahead_s", [3600.0, 86400.0 * 365])
@pytest.mark.parametrize("max_age", [0, "1h"])
def test_an_answer_from_the_future_is_fresh_for_a_day_at_most(sandbox, ahead_s, max_age):
    now = [1_800_000_000.0 + ahead_s]
    client = sandbox.make_client(clock=lambda: now[0])
    crustframe.enrich(people(3), fields=[NAME], client=client)
    now[0] -= ahead_s

    plan = crustframe.plan(people(3), fields=[NAME], max_age=max_age, client=client)

    assert (0 if ahead_s < 86400 and max_age else 3) == plan.n_new
