"""Several purchases for one person: what is under way for one thing keeps nobody from asking another."""

from __future__ import annotations

import pytest

import crustframe
from crustframe.api import person
from crustframe.buying.engine import Engine
from crustframe.buying.errands import Errand
from crustframe.buying.purse import Purse
from crustframe.buying.terms import Terms
from crustframe.buying.ways import Calls, ContactJobs, IdentifyJobs, PersonJobs
from crustframe.ledger import Need
from crustframe.people.identifiers import read_identifiers

NAME, EMAILS, PHONES = "basic_profile.name", "contact.business_emails", "contact.phone_numbers"
PEOPLE = [f"https://www.linkedin.com/in/both-{n}-example" for n in range(5)]

pytestmark = pytest.mark.filterwarnings("ignore::crustframe.PartialResultWarning")


@pytest.fixture
def slow():
    """A sandbox whose jobs never end."""
    with crustframe.sandbox(requests_per_minute=None, job_seconds=1e9) as running:
        yield running


def statuses(found):
    return set(found.frame["crust.status"])


@pytest.mark.parametrize("fields", [[NAME], [NAME, EMAILS], ["skills"]])
def test_a_contact_job_under_way_keeps_nobody_waiting_for_other_fields(slow, fields):
    crustframe.contacts(PEOPLE, kinds=["phone_numbers"], wait=False, client=slow.client)

    found = crustframe.enrich(PEOPLE, fields=fields, client=slow.client)

    assert {"matched"} == statuses(found)
    assert found.report.credits == slow.credits_spent


@pytest.mark.parametrize("fields", [[EMAILS], [PHONES, EMAILS], ["dev_platform_profiles.bio"]])
def test_a_person_job_under_way_keeps_nobody_from_what_it_does_not_bring(slow, fields):
    crustframe.enrich(PEOPLE, fields=[NAME], route="job", wait=False, client=slow.client)

    found = crustframe.enrich(PEOPLE, fields=fields, client=slow.client)

    assert {"matched"} == statuses(found)
    assert not found.report.hit_ceiling


def test_what_a_job_under_way_brings_is_not_bought_beside_it(slow):
    crustframe.enrich(PEOPLE, fields=[NAME], route="job", wait=False, client=slow.client)

    found = crustframe.enrich(PEOPLE, fields=["skills"], wait=False, client=slow.client)

    assert {"not_run"} == statuses(found)
    assert 0 == slow.calls


@pytest.mark.billed_past_the_plan("the errands are given to the engine without a plan")
def test_one_run_buys_several_things_about_one_person():
    """The engine takes a person in as many errands as a question has ways; one purse pays for all of them."""
    people = tuple(read_identifiers(PEOPLE).unique)
    base, phones, emails = frozenset({"basic_profile"}), frozenset({PHONES}), frozenset({"skills"})
    with crustframe.sandbox(requests_per_minute=None, job_seconds=0.1) as sandbox:
        errands = [
            Errand(ContactJobs(phones), people, Need(phones, None, 0.0), phones, parts=(1,)),
            Errand(Calls(person.Options(base)), people, Need(base, None, None), base),
            Errand(PersonJobs(emails), people, Need(emails, None, None), emails, parts=(2,)),
        ]
        heard = []
        outcome = Engine(
            sandbox.client, errands, Terms(max_credits=20), lambda e, r: heard.append(r.status), Purse(20)
        ).run()
        ledger = sandbox.client.ledger

        assert ["matched"] * 5 == heard
        assert outcome.bought.credits == sandbox.credits_spent <= 20
        assert 5 == len(ledger.known(people, Need(base | emails, None, None)))
        assert not ledger.doubts()


@pytest.mark.billed_past_the_plan("the errands are given to the engine without a plan")
def test_the_purse_of_such_a_run_is_never_overdrawn():
    people = tuple(read_identifiers(PEOPLE).unique)
    base, phones = frozenset({"basic_profile"}), frozenset({PHONES})
    with crustframe.sandbox(requests_per_minute=None, job_seconds=0.1) as sandbox:
        errands = [
            Errand(ContactJobs(phones), people, Need(phones, None, 0.0), phones, parts=(1,)),
            Errand(Calls(person.Options(base)), people, Need(base, None, None), base),
        ]
        outcome = Engine(sandbox.client, errands, Terms(max_credits=12), lambda *_: None, Purse(12)).run()

        assert outcome.bought.credits == sandbox.credits_spent <= 12
        assert sandbox.calls == 1


@pytest.mark.parametrize("fields", [[NAME, EMAILS], [NAME, "dev_platform_profiles.bio"]])
@pytest.mark.parametrize("waits", [True, False])
def test_a_job_that_brings_a_part_is_followed_to_its_end_or_told(fields, waits):
    """Nobody else looks at it; what it does not bring is bought when it has ended."""
    with crustframe.sandbox(requests_per_minute=None, job_seconds=1.0) as sandbox:
        crustframe.enrich(PEOPLE, fields=[NAME], route="job", wait=False, client=sandbox.client)

        found = crustframe.enrich(PEOPLE, fields=fields, route="calls", wait=waits, client=sandbox.client)

        assert ({"matched"} if waits else {"not_run"}) == statuses(found)
        assert (1 if waits else 0) == sandbox.calls


@pytest.mark.billed_past_the_plan("the errand is given to the engine without a plan")
def test_identify_by_job_is_a_way_to_buy_as_any_other():
    people = tuple(read_identifiers([*(f"lead.{n}@corp.example" for n in range(5)), "nobody@corp.example"]).unique)
    groups = IdentifyJobs().groups
    with crustframe.sandbox(requests_per_minute=None, snapshot="C", job_seconds=0.1) as sandbox:
        errand = Errand(IdentifyJobs(), people, Need(groups, None, None), groups)
        outcome = Engine(sandbox.client, [errand], Terms(max_credits=6), lambda *_: None, Purse(6)).run()

        assert 5.0 == outcome.bought.credits == sandbox.credits_spent
        texts = [person.text for person in people]
        found = crustframe.enrich(texts, fields=["basic_profile.name"], max_credits=0, client=sandbox.client)
        assert ["matched"] * 5 + ["no_match"] == found.frame["crust.status"].tolist()


@pytest.mark.filterwarnings("ignore::crustframe.PartialResultWarning")
def test_an_answer_of_one_surface_ends_no_doubt_about_another():
    """Contacts were lost: a fresh look at the profile says nothing of them, and nobody buys them again unasked."""
    fields = ["basic_profile.name", "contact.business_emails"]
    with crustframe.sandbox(requests_per_minute=None, snapshot="C") as sandbox:
        crustframe.enrich(["linkedin.com/in/a-example"], fields=fields, max_credits=9, client=sandbox.client)
        sandbox.faults.add("reset", nth=2, charge=True)
        first = crustframe.enrich(PEOPLE, fields=fields, max_credits=50, client=sandbox.client).report
        assert 5 == first.statuses["in_doubt"]
        spent = sandbox.credits_spent

        fresh = crustframe.enrich(PEOPLE, fields=fields[:1], max_age=0, max_credits=50, client=sandbox.client).report
        assert {"matched": 5} == {status: n for status, n in fresh.statuses.items() if n}
        again = crustframe.enrich(PEOPLE, fields=fields, max_credits=50, client=sandbox.client).report

        assert 5 == again.statuses["in_doubt"]
        assert 5.0 == sandbox.credits_spent - spent
        assert 5 == len(sandbox.client.ledger.doubts())
