"""What was asked is filed with what was bought, and the newest knowledge counts."""

from __future__ import annotations

import pytest
from stand_in import Said, standing_in

import crustframe
from crustframe.api import person
from crustframe.client import Client
from crustframe.ledger import Need
from crustframe.ledger.runs import Told
from crustframe.people.identifiers import read_identifiers

SITE = "https://www.linkedin.com/in/"
NAME, EMAILS = "basic_profile.name", "contact.business_emails"
MAILS = [f"j.smith{n}@corp.example" for n in range(5)]

pytestmark = pytest.mark.filterwarnings("ignore::crustframe.PartialResultWarning")


def people(n: int) -> list[str]:
    return [f"{SITE}new-{number}-example" for number in range(n)]


@pytest.fixture
def quick():
    with crustframe.sandbox(requests_per_minute=None, job_seconds=0.1) as running:
        yield running


def kill_before_reading(sandbox, client, cells, *, threshold=None, groups=frozenset({"basic_profile"})):
    """Pay for an answer, and end before it is read."""
    asked = tuple(read_identifiers(cells).unique)
    options = person.Options(groups, threshold)
    run = client.ledger.start(
        options.coverage, price=1.0, min_similarity_score=options.server_threshold, endpoint=options.path
    )
    purchase = run.claim(asked, Need(groups, None, None), size=len(asked), may_resend=lambda _: False).purchase
    run.sending(purchase)
    exchange = options.send(client.transport, asked)
    credits = float(exchange.headers["x-credits-used"])
    run.answered(purchase, Told(exchange.body, credits, 200, exchange.request_id))
    run.close()
    client.close()


# Thresholds --------------------------------------------------------------------------------------------------------


@pytest.mark.billed_past_the_plan("the request is sent below the engine")
@pytest.mark.parametrize("threshold", [1.0, 0.9])
def test_nobody_above_a_threshold_is_not_nobody_also_when_a_killed_run_asked(sandbox, client, threshold):
    kill_before_reading(sandbox, client, MAILS, threshold=threshold)
    fresh = sandbox.make_client(ledger=client.ledger.path.with_name("fresh.sqlite3"))

    found = crustframe.enrich(MAILS, fields=[NAME], client=client).frame["crust.status"].tolist()

    assert crustframe.enrich(MAILS, fields=[NAME], client=fresh).frame["crust.status"].tolist() == found
    fresh.close()


@pytest.mark.parametrize("threshold", [0.94, 0.8, 0.5])
def test_what_was_bought_above_a_threshold_does_not_answer_without_one(sandbox, client, threshold):
    """The candidates below it are not there."""
    crustframe.enrich(MAILS, fields=[NAME], min_similarity_score=threshold, client=client)
    fresh = sandbox.make_client(ledger=client.ledger.path.with_name("fresh.sqlite3"))
    asked = {"fields": [NAME], "client": client}

    crustframe.enrich(MAILS, **asked)
    crustframe.enrich(MAILS, fields=[NAME], client=fresh)

    kept, right = (crustframe.matches(MAILS, fields=[NAME], client=one) for one in (client, fresh))
    assert right[["crust.identifier", NAME]].to_dict("list") == kept[["crust.identifier", NAME]].to_dict("list")
    assert 0 == crustframe.plan(MAILS, min_similarity_score=0.97, **asked).n_new
    fresh.close()


def test_a_threshold_says_nothing_about_profile_urls(sandbox, client):
    crustframe.enrich(people(5), fields=[NAME], min_similarity_score=0.9, client=client)

    assert 0 == crustframe.plan(people(5), fields=[NAME], client=client).n_new


# The newest knowledge ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [[NAME], ["skills"], [NAME, "education.schools"]])
def test_somebody_who_was_found_and_is_gone_is_gone(tmp_path, fields):
    gone = []

    def answer(method, path, body):
        [url] = body["professional_network_profile_urls"]
        found = [] if gone else [{"confidence_score": 1.0, "person_data": {"basic_profile": {"name": "A"}}}]
        told = {"matched_on": url, "match_type": "professional_network_profile_url", "matches": found}
        return Said(200, [told], {"x-credits-used": str(len(found))})

    with standing_in(answer) as api:
        client = Client(api_key="odd-key", base_url=api.url, ledger=tmp_path / "l.sqlite3")
        statuses = []
        for max_age in ("30d", 0, "30d"):
            found = crustframe.enrich(people(1), fields=fields, max_age=max_age, client=client)
            statuses += found.frame["crust.status"].tolist()
            gone.append(max_age)
        client.close()

    assert ["matched", "no_match", "no_match"] == statuses


def test_a_kind_of_contact_that_is_gone_is_gone(quick):
    url = people(1)
    asked = {"kinds": ["phone_numbers"], "client": quick.client}
    quick.change(url[0], "contact.phone_numbers", ["+1 555 0100"])
    first = crustframe.contacts(url, **asked).frame
    quick.change(url[0], "contact.phone_numbers", [])
    crustframe.contacts(url, max_age=0, **asked)

    last = crustframe.contacts(url, **asked).frame

    assert ["matched", "no_match"] == [first.loc[0, "crust.status"], last.loc[0, "crust.status"]]
    assert last["phone_number"].isna().all()


@pytest.mark.parametrize("between", ["e-mails", "contacts", "nothing"])
def test_a_change_shows_whatever_was_bought_between(quick, between):
    client, url = quick.client, people(1)
    crustframe.enrich(url, fields=[NAME], client=client)
    if between == "e-mails":
        crustframe.enrich(url, fields=[EMAILS], keep="asked", client=client)
    if between == "contacts":
        crustframe.contacts(url, kinds=["phone_numbers"], client=client)
    quick.change(url[0], NAME, "Another Name")
    crustframe.enrich(url, fields=[NAME], max_age=0, client=client)

    assert [NAME] == crustframe.changes(url, client=client)["path"].tolist()


@pytest.mark.parametrize("kinds", [["phone_numbers"], ["business_email"], ["business_email", "phone_numbers"]])
def test_people_without_contacts_are_no_people_found(quick, kinds):
    client = quick.client
    crustframe.enrich([*people(45), *(f"{SITE}nobody-{n}" for n in range(5))], fields=[NAME], client=client)
    before = client.ledger.match_rate()
    crustframe.contacts([f"{SITE}nobody-{n}" for n in range(100)], kinds=kinds, client=client)

    assert 0.9 == before == client.ledger.match_rate()
    assert 45 == client.ledger.stats()["accounts"][0]["people"]["matched"]


# What was really sent ------------------------------------------------------------------------------------------------


def test_a_group_that_was_left_out_of_a_request_is_not_filed_with_it(tmp_path):
    """One worker learns that skills are denied while another waits to send its request again."""
    denied = [True]
    sent = []

    def answer(method, path, body):
        sent.append(body)
        urls, fields = body["professional_network_profile_urls"], body["fields"]
        if denied[0] and urls[0].endswith("new-0-example") and len(sent) < 3:
            return Said(503, {"error": {"type": "busy", "message": "later"}}, after_s=0.2)
        if denied[0] and "skills" in fields:
            denial = {"type": "permission_error", "message": "no", "metadata": [{"denied_fields": ["skills"]}]}
            return Said(403, {"error": denial})
        person = {"basic_profile": {"name": "A"}} | (
            {"skills": {"professional_network_skills": ["x"]}} if "skills" in fields else {}
        )
        kind = "professional_network_profile_url"
        matches = [{"confidence_score": 1.0, "person_data": person}]
        entries = [{"matched_on": url, "match_type": kind, "matches": matches} for url in urls]
        return Said(200, entries, {"x-credits-used": str(len(urls))})

    with standing_in(answer) as api:
        client = Client(api_key="odd-key", base_url=api.url, ledger=tmp_path / "l.sqlite3", sleep=lambda _: None)
        crustframe.enrich(people(50), fields=[NAME], max_credits=100, client=client)
        denied[0] = False
        skills = "skills.professional_network_skills"
        found = crustframe.enrich(people(50), fields=[NAME, skills], max_credits=100, client=client)
        client.close()

    assert 50 == found.frame[skills].notna().sum()


@pytest.mark.billed_past_the_plan("the request is sent below the engine")
@pytest.mark.parametrize("verb", ["enrich", "contacts", "plan"])
def test_paid_answers_that_are_not_read_yet_are_read_before_anything_is_planned(sandbox, client, verb):
    kill_before_reading(sandbox, client, people(5))
    spent = sandbox.credits_spent
    if verb == "contacts":
        crustframe.contacts(people(5), kinds=["phone_numbers"], max_credits=0, partial=True, client=client)
    if verb == "enrich":
        crustframe.enrich([f"{SITE}nobody-else"], fields=[NAME], client=client)

    found = crustframe.enrich(people(5), fields=[NAME], max_credits=0, client=client)

    assert {"matched"} == set(found.frame["crust.status"])
    assert spent == sandbox.credits_spent
