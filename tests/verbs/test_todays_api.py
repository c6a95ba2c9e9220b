"""One question on every age of the API: the same columns and statuses, each at its own price, nobody paid twice."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from importlib.resources import files
from typing import Any

import pandas as pd
import pytest
from command_line import hard_column
from pandas.testing import assert_frame_equal

import crustframe
from crustframe.errors import BadRequestError, PermissionDeniedError
from crustframe.shell.demo import COLUMN

NAME, EMAIL = "basic_profile.name", "contact.business_emails[0].email as email"
BOTH = [NAME, EMAIL]
CONTACT, IDENTIFY = "/person/contact/enrich", "/person/identify"
NEW = {CONTACT, IDENTIFY, "/person/professional_network/enrich/live", "/batch/person/contact/enrich",
       "/batch/person/identify"}  # fmt: skip

pytestmark = [
    pytest.mark.filterwarnings("ignore::crustframe.PartialResultWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


def urls(n: int, start: int = 0) -> list[str]:
    return [f"https://www.linkedin.com/in/lead-{number}-example" for number in range(start, start + n)]


def emails(n: int, start: int = 0) -> list[str]:
    return [f"lead.{number}@corp.example" for number in range(start, start + n)]


LEADS = [*urls(30), *emails(10), "https://www.linkedin.com/in/nobody-1", "nobody.2@corp.example"]


@contextmanager
def playing(snapshot: str, **switches: Any):
    with crustframe.sandbox(
        requests_per_minute=None, snapshot=snapshot, job_seconds=0.2, speed=5, **switches
    ) as sandbox:
        yield sandbox


def asked_of(sandbox) -> Counter:
    """Count the requests by surface and status."""
    return Counter((event.endpoint, event.status) for event in sandbox._service.meter.events)


def statuses(found) -> dict[str, int]:
    return {status: n for status, n in found.report.statuses.items() if n}


# The same on all three ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", ["auto", "calls", "job"])
@pytest.mark.parametrize("fields", [BOTH, [NAME], [NAME, "skills.professional_network_skills"]])
def test_every_age_gives_the_same_columns_and_statuses(fields, route):
    found = {}
    for snapshot in "ABC":
        with playing(snapshot) as sandbox:
            plan = crustframe.plan(LEADS, fields=fields, route=route, client=sandbox.client)
            first = crustframe.enrich(LEADS, fields=fields, route=route, max_credits=1000, client=sandbox.client)
            spent = sandbox.credits_spent
            again = crustframe.enrich(LEADS, fields=fields, route=route, max_credits=0, client=sandbox.client)

            assert spent == first.report.credits <= plan.credits_high
            assert spent == sandbox.credits_spent
            assert_frame_equal(first.frame, again.frame)
            found[snapshot] = first.frame.drop(columns="crust.confidence_score")
    assert {"matched": 40, "no_match": 2} == dict(Counter(found["A"]["crust.status"]))
    assert_frame_equal(found["A"], found["B"])
    assert_frame_equal(found["A"], found["C"])


@pytest.mark.parametrize("billing", ["delivered", "base"])
@pytest.mark.parametrize("rows", ["top-level", "wrapped"])
def test_names_and_emails_take_the_fewest_calls_once_the_account_is_known(billing, rows):
    with playing("C", contact_billing=billing, identify_rows=rows) as sandbox:
        crustframe.enrich([*urls(1, 500), *emails(1, 500)], fields=BOTH, max_credits=50, client=sandbox.client)
        before, spent = asked_of(sandbox), sandbox.credits_spent
        plan = crustframe.plan(LEADS, fields=BOTH, client=sandbox.client)
        found = crustframe.enrich(LEADS, fields=BOTH, max_credits=200, client=sandbox.client)

        assert {"matched": 40, "no_match": 2} == statuses(found)
        contacts = {(CONTACT, 200): 3} if billing == "delivered" else {(CONTACT, 200): 1, ("/batch" + CONTACT, 200): 1}
        assert {("/person/enrich", 200): 2, (IDENTIFY, 200): 1, **contacts} == dict(asked_of(sandbox) - before)
        assert sandbox.credits_spent - spent == found.report.credits <= plan.credits_high
        assert all(surface in str(plan) for surface in ("/person/enrich", IDENTIFY, CONTACT))


def test_a_question_that_needs_no_more_than_identify_tells_buys_no_more():
    with playing("C") as sandbox:
        found = crustframe.enrich(emails(10), fields=[NAME, "basic_profile.headline"], client=sandbox.client)

        assert ({"matched": 10}, 10.0) == (statuses(found), sandbox.credits_spent)
        assert 0 == asked_of(sandbox)["/person/enrich", 200]


def test_emails_go_by_job_at_one_credit_and_by_identify_where_nobody_waits_for_one():
    fields = [NAME, "skills.professional_network_skills | count as skills"]
    for route, credits in (("auto", 10.0), ("calls", 20.0)):
        with playing("C") as sandbox:
            plan = crustframe.plan(emails(10), fields=fields, route=route, client=sandbox.client)
            found = crustframe.enrich(emails(10), fields=fields, route=route, client=sandbox.client)

            assert {"matched": 10} == statuses(found)
            assert credits == sandbox.credits_spent == found.report.credits <= plan.credits_high


@pytest.mark.parametrize("route", ["auto", "calls", "job"])
def test_whoever_must_be_fresh_is_paid_for_once_a_run_however_many_rounds_it_takes(route):
    with playing("C") as sandbox:
        first = crustframe.enrich(LEADS, fields=BOTH, route=route, max_credits=500, client=sandbox.client).report
        fresh = crustframe.enrich(LEADS, fields=BOTH, route=route, max_age=0, max_credits=500, client=sandbox.client)
        again = crustframe.enrich(LEADS, fields=BOTH, route=route, max_age=0, max_credits=500, client=sandbox.client)

        assert fresh.report.credits == again.report.credits <= first.credits
        assert sandbox.credits_spent == first.credits + 2 * fresh.report.credits
        assert {"matched": 40, "no_match": 2} == statuses(fresh)


@pytest.mark.parametrize("snapshot", ["B", "C"])
@pytest.mark.parametrize("flag", ["force_fetch", "enrich_realtime"])
def test_fresh_profiles_come_live_where_the_flags_are_gone(snapshot, flag):
    with playing(snapshot, plan="full") as sandbox:
        plan = crustframe.plan(urls(5), fields=[NAME], client=sandbox.client, **{flag: True})
        found = crustframe.enrich(urls(5), fields=[NAME], max_credits=100, client=sandbox.client, **{flag: True})

        assert ({"matched": 5}, 35.0, 35.0) == (statuses(found), sandbox.credits_spent, plan.credits_high)
        again = crustframe.enrich(urls(5), fields=[NAME], max_credits=0, client=sandbox.client, **{flag: True})
        assert 0 == again.report.calls


def test_the_price_of_live_profiles_is_planned_also_where_only_the_flags_are_unknown():
    with playing("C") as sandbox:
        crustframe.enrich([*urls(1, 90), *emails(1, 90)], fields=BOTH, max_credits=50, client=sandbox.client)
        column = [*urls(3), *emails(2)]
        options = {"fields": BOTH, "enrich_realtime": True, "client": sandbox.client}
        spent, plan = sandbox.credits_spent, crustframe.plan(column, **options)
        found = crustframe.enrich(column, max_credits=200, **options)

        assert {"matched": 5} == statuses(found)
        assert 5 * 7 + 2 <= sandbox.credits_spent - spent <= plan.credits_high


# What an account lacks ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("account", [True, False])
@pytest.mark.parametrize("route", ["auto", "calls"])
def test_what_is_not_granted_is_told_and_the_rest_is_bought(account, route):
    with playing("C", plan="self-serve", account=account) as sandbox:
        found = crustframe.enrich(
            LEADS, fields=BOTH, route=route, provenance="full", max_credits=200, client=sandbox.client
        )
        rows = found.frame

        assert rows[NAME].iloc[:30].notna().all()
        assert not (rows["crust.status"] == "invalid").any()
        assert rows["email"].isna().all()
        assert rows["crust.reason"].iloc[:30].str.startswith("not_granted: contact.business_emails").all()
        if route == "calls":
            assert {"not_granted: e-mails"} == set(rows["crust.reason"].iloc[30:40])
        assert all(n <= 1 for (surface, _), n in asked_of(sandbox).items() if surface in NEW)
        assert 1 == max(sandbox.people_charged.values())

        before = asked_of(sandbox)
        with pytest.raises(PermissionDeniedError, match="no surface of the API"):
            crustframe.enrich(urls(3, 900), fields=BOTH, client=sandbox.client)
        assert before == asked_of(sandbox)


def test_what_was_learnt_is_believed_for_a_day_and_told_by_the_plan():
    now = [1_800_000_000.0]
    with playing("C") as sandbox:
        client = sandbox.make_client(clock=lambda: now[0])
        crustframe.enrich(emails(1), fields=BOTH, max_credits=20, client=client)
        refused = asked_of(sandbox)["/person/enrich", 400]
        crustframe.enrich(emails(1, 50), fields=BOTH, max_credits=20, client=client)
        assert refused == asked_of(sandbox)["/person/enrich", 400]

        now[0] += 86401
        crustframe.enrich(emails(1, 60), fields=BOTH, max_credits=20, client=client)
        assert refused < asked_of(sandbox)["/person/enrich", 400]
        client.close()


FLAGS = [{}, {"force_fetch": True}, {"enrich_realtime": True}, {"min_similarity_score": 0.5}, {"route": "job"}]


@pytest.mark.parametrize("options", FLAGS, ids=str)
@pytest.mark.parametrize(
    ("snapshot", "plan"), [("A", None), ("B", "full"), ("C", "self-serve"), ("C", "contact"), ("C", "full")]
)
@pytest.mark.parametrize("column", [urls(4), emails(4), [*urls(3), *emails(3)]], ids=["urls", "emails", "both"])
def test_nobody_is_ever_invalid_for_what_a_request_carried(snapshot, plan, options, column):
    for fields in ([NAME], BOTH, ["contact.phone_numbers[0] as phone"], ["skills.professional_network_skills"]):
        with playing(snapshot, plan=plan) as sandbox:
            try:
                found = crustframe.enrich(column, fields=fields, max_credits=500, client=sandbox.client, **options)
            except (BadRequestError, PermissionDeniedError, crustframe.errors.SettingError):
                assert 0 == sandbox.credits_spent
                continue
            assert "invalid" not in statuses(found)
            assert found.report.credits == sandbox.credits_spent
            assert not [row for row in sandbox.client.ledger.entries() if row["outcome"] == "refused"]


# One person, two names ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("snapshot", ["A", "C"])
def test_the_same_person_by_email_and_by_url_is_paid_for_once(snapshot):
    url = "social_handles.professional_network_identifier.profile_url as url"
    with playing(snapshot) as sandbox:
        by_mail = crustframe.enrich(emails(10), fields=[NAME, url], route="calls", client=sandbox.client).frame
        single = by_mail["url"].notna().tolist()
        spent = sandbox.credits_spent
        spellings = [text.upper().replace("HTTPS://WWW.", "").replace("/IN/", "/in/") for text in by_mail["url"]]
        by_url = crustframe.enrich(spellings, fields=[NAME], client=sandbox.client).frame

        assert all(single)
        assert by_mail[NAME].tolist() == by_url[NAME].tolist()
        alone = crustframe.matches(emails(10), fields=[NAME], client=sandbox.client)["crust.identifier"].value_counts()
        assert sandbox.credits_spent - spent == sum(n > 1 for n in alone)


def test_what_was_bought_by_url_answers_for_the_email_of_the_same_person():
    """Identified by e-mail, then bought by profile URL: the e-mail asks for nothing more."""
    url, skills = (
        "social_handles.professional_network_identifier.profile_url as url",
        "skills.professional_network_skills",
    )
    with playing("C") as sandbox:
        found = crustframe.enrich(emails(5), fields=[NAME, url], route="calls", client=sandbox.client).frame
        by_url = crustframe.enrich(found["url"], fields=[skills], route="calls", client=sandbox.client).frame
        spent = sandbox.credits_spent
        by_mail = crustframe.enrich(emails(5), fields=[skills], max_credits=0, client=sandbox.client).frame

        assert (10.0, spent) == (spent, sandbox.credits_spent)
        assert by_url[skills].tolist() == by_mail[skills].tolist()


FREE = [f"lead.{number}@gmail.com" for number in range(6)]


@pytest.mark.parametrize(
    ("fields", "credits"),
    [([NAME], 6.0), ([NAME, "skills.professional_network_skills | count as n"], 12.0), ([EMAIL], None), (BOTH, None)],
)
@pytest.mark.parametrize("route", ["auto", "calls", "job"])
def test_free_mail_is_identified_where_it_is_asked_for(fields, credits, route):
    with playing("C") as sandbox:
        refused = crustframe.enrich(FREE, fields=[NAME], provenance="full", client=sandbox.client)
        assert {"free_mail"} == set(refused.frame["crust.reason"])
        before = sandbox.credits_spent

        asked = {"fields": fields, "route": route, "free_mail": True, "client": sandbox.client}
        plan = crustframe.plan([*FREE, *urls(3)], **asked)
        found = crustframe.enrich([*FREE, *urls(3)], max_credits=200, **asked)
        again = crustframe.enrich([*FREE, *urls(3)], max_credits=0, **asked)

        assert not {"invalid", "failed", "not_run", "in_doubt"} & set(found.frame["crust.status"])
        assert found.report.credits == sandbox.credits_spent - before <= plan.credits_high
        assert credits is None or found.report.credits == credits + 3
        assert_frame_equal(found.frame, again.frame)
        refused = {path for path, status in asked_of(sandbox) if status == 400}
        assert {"/person/enrich", "/batch/person/enrich"} >= refused


@pytest.mark.parametrize("snapshot", ["A", "B"])
def test_free_mail_is_told_as_not_granted_where_the_account_has_no_identify(snapshot):
    with playing(snapshot) as sandbox:
        asked = {"fields": [NAME], "free_mail": True, "provenance": "full", "client": sandbox.client}
        found = crustframe.enrich([*FREE, *urls(2), *emails(2)], max_credits=50, **asked)
        crustframe.enrich([*FREE, *urls(2)], max_credits=0, **asked)

        assert ["failed"] * 6 + ["matched"] * 4 == found.frame["crust.status"].tolist()
        assert "not_granted: e-mails" == found.frame["crust.reason"][0]
        assert 4.0 == sandbox.credits_spent
        assert 1 == sum(n for (path, _), n in asked_of(sandbox).items() if path == IDENTIFY)


def test_business_addresses_get_contacts_by_job_where_contact_enrich_is_lacking():
    with playing("C") as sandbox:
        crustframe.enrich([*urls(1, 900), *emails(1, 900)], fields=BOTH, max_credits=50, client=sandbox.client)
        sandbox.client.ledger.learn_abilities({(CONTACT, ""): False})
        before = sandbox.credits_spent
        plan = crustframe.plan(emails(5), fields=BOTH, client=sandbox.client)
        found = crustframe.enrich(emails(5), fields=BOTH, max_credits=50, client=sandbox.client)

        assert {"matched": 5} == statuses(found)
        assert found.report.credits == sandbox.credits_spent - before <= plan.credits_high
        assert found.frame["email"].notna().any()


def test_who_asked_to_be_removed_is_no_match_for_good():
    with playing("C") as sandbox:
        column = ["redacted.person@corp.example", *emails(2)]
        found = crustframe.enrich(column, fields=[NAME], route="calls", provenance="full", client=sandbox.client)
        assert ["no_match", "matched", "matched"] == found.frame["crust.status"].tolist()
        assert "redacted" == found.frame["crust.reason"].iloc[0]
        assert 2.0 == sandbox.credits_spent
        calls = sandbox.calls
        again = crustframe.enrich(column[:1], fields=[NAME], max_age=None, route="calls", client=sandbox.client)
        assert (["no_match"], calls) == (again.frame["crust.status"].tolist(), sandbox.calls)


# Several columns ---------------------------------------------------------------------------------------------------


CRM = pd.DataFrame(
    {
        "linkedin_url": [urls(1)[0], None, "n/a", urls(2)[1], ""],
        "email": [emails(1, 70)[0], emails(1, 71)[0], emails(1, 72)[0], None, " "],
        "deal": [1, 2, 3, 4, 5],
    }
)


@pytest.mark.parametrize("snapshot", ["A", "C"])
def test_of_several_columns_each_row_is_asked_by_the_first_cell_that_names_somebody(snapshot):
    with playing(snapshot) as sandbox:
        found = CRM.crust.enrich(["linkedin_url", "email"], [NAME], provenance="full", client=sandbox.client)

        assert ["matched"] * 4 + ["blank"] == found["crust.status"].tolist()
        assert [*urls(1), *emails(2, 71), urls(2)[1]] == found["crust.identifier"].iloc[:4].tolist()
        assert pd.isna(found["crust.identifier"].iloc[4])
        assert_frame_equal(CRM, found[CRM.columns.tolist()])
        assert 4.0 == sandbox.credits_spent
        plan = CRM.crust.plan(["linkedin_url", "email"], [NAME], client=sandbox.client)
        assert (4, 0) == (plan.known, plan.n_new)


def test_a_column_of_the_list_that_is_not_there_is_named():
    with pytest.raises(crustframe.errors.ColumnNotFoundError, match="linkedin"):
        CRM.crust.plan(["linkedin", "email"], [NAME])


# Money over several surfaces ---------------------------------------------------------------------------------------


KILLED = """
import os
import crustframe

client = crustframe.Client(api_key={key!r}, base_url={url!r}, account="killed", ledger={ledger!r}, concurrency=1)
exchange, answered = client.transport._exchange, [0]

def counted(*args, **kwargs):
    said = exchange(*args, **kwargs)
    answered[0] += 1
    if answered[0] == {at}:
        os._exit(9)
    return said

client.transport._exchange = counted
crustframe.enrich({people!r}, client=client, **{asked!r})
"""


@pytest.mark.billed_past_the_plan("the plan is made in another process")
@pytest.mark.parametrize("at", range(1, 7))
def test_a_kill_between_surfaces_pays_nobody_twice(at, tmp_path):
    """Killed when the n-th request has been answered; the next run goes on from the ledger."""
    fields = [NAME, "skills.professional_network_skills | count as skills", EMAIL]
    people = [*urls(20), *emails(5)]
    with playing("C") as sandbox:
        ledger = tmp_path / "l.sqlite3"
        asked = {"fields": fields, "route": "calls", "max_credits": 200}
        code = KILLED.format(key=sandbox.key, url=sandbox.url, ledger=str(ledger), at=at, people=people, asked=asked)
        ran = subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=False, timeout=60)
        assert ran.returncode in (0, 9)
        with crustframe.Client(
            api_key=sandbox.key, base_url=sandbox.url, account="killed", ledger=ledger, requests_per_minute=10_000
        ) as client:
            found = crustframe.enrich(
                [*urls(20), *emails(5)], fields=fields, route="calls", max_credits=200, client=client
            )
            assert {"matched": 25} == statuses(found)
    with playing("C") as fresh:
        whole = crustframe.enrich(
            [*urls(20), *emails(5)], fields=fields, route="calls", max_credits=200, client=fresh.client
        )
        assert_frame_equal(whole.frame, found.frame)
        in_flight = max(event.credits for event in sandbox._service.meter.events)
        assert sandbox.credits_spent <= fresh.credits_spent + in_flight


# Asking beforehand -------------------------------------------------------------------------------------------------


def test_the_account_can_be_asked_beforehand_and_nothing_is_written(tmp_path):
    path = tmp_path / "l.sqlite3"
    with playing("C") as sandbox, sandbox.make_client(ledger=path) as client:
        unknown = crustframe.plan(urls(10), fields=BOTH, client=client)
        told = crustframe.plan(urls(10), fields=BOTH, prices="account", client=client)

        assert "if sold apart" in str(unknown)
        assert "/person/contact/enrich: 10 people in 1 call, up to 20 credits" in str(told)
        assert (30.0, 0.0) == (told.credits_high, sandbox.credits_spent)
        assert not path.exists()


@pytest.mark.parametrize("billing", ["delivered", "base"])
@pytest.mark.parametrize("route", ["auto", "calls", "job"])
def test_the_plan_holds_where_the_account_is_known_but_for_its_contacts(billing, route):
    with playing("C", contact_billing=billing) as sandbox:
        crustframe.enrich([*urls(1, 900), *emails(1, 900)], fields=[NAME], route="calls", client=sandbox.client)
        before = sandbox.credits_spent
        plan = crustframe.plan(LEADS, fields=BOTH, route=route, client=sandbox.client)
        found = crustframe.enrich(LEADS, fields=BOTH, route=route, max_credits=500, client=sandbox.client)

        assert {"matched": 40, "no_match": 2} == statuses(found)
        assert sandbox.credits_spent - before == found.report.credits <= plan.credits_high


@pytest.mark.parametrize("billing", ["delivered", "base"])
def test_contacts_of_emails_come_by_call_and_of_profile_urls_by_job(billing):
    with playing("C", contact_billing=billing) as sandbox:
        plan = crustframe.plan_contacts(LEADS, client=sandbox.client)
        found = crustframe.contacts(LEADS, max_credits=500, client=sandbox.client)
        again = crustframe.contacts(LEADS, max_credits=0, client=sandbox.client)

        assert {("/batch" + CONTACT, 200): 1, (CONTACT, 200): 1} == {
            key: n for key, n in asked_of(sandbox).items() if CONTACT in key[0]
        }
        assert sandbox.credits_spent == found.report.credits == sum(found.report.credits_by_surface.values())
        assert found.report.credits <= plan.credits_high
        assert found.frame["business_email"][30:40].notna().sum() > 5
        assert_frame_equal(found.frame, again.frame)
        assert set(found.report.credits_by_surface) == {"/batch" + CONTACT, CONTACT}
        assert "billed by surface: " in str(found.report)
    with playing("A") as sandbox:
        on_a = crustframe.contacts(urls(30), max_credits=500, client=sandbox.client)
        assert_frame_equal(on_a.frame, found.frame[:30])


def test_contacts_of_emails_are_invalid_and_urls_are_bought_where_contact_enrich_is_lacking():
    with playing("A") as sandbox:
        found = crustframe.contacts([*urls(5), *emails(5)], max_credits=100, client=sandbox.client)
        asked = asked_of(sandbox)
        crustframe.contacts([*urls(5, 50), *emails(5)], max_credits=100, client=sandbox.client)

        assert ["invalid"] * 5 == found.frame["crust.status"].tolist()[5:]
        assert "invalid" not in found.frame["crust.status"].tolist()[:5]
        assert 1 == sum(n for (path, _), n in asked.items() if path == CONTACT)
        assert asked[CONTACT, 404] == asked_of(sandbox)[CONTACT, 404]


def test_whoever_asks_the_dearer_way_for_contacts_is_told():
    with playing("A") as sandbox:
        alone = crustframe.plan(urls(10), fields=["contact.phone_numbers"], client=sandbox.client)
        beside = crustframe.plan(urls(10), fields=[NAME, "contact.phone_numbers"], client=sandbox.client)

        assert "contact jobs bring the same for up to 20 credits" in str(alone)
        assert "contact jobs" not in str(beside)


def test_candidates_and_stale_rows_know_people_without_contacts():
    """Nobody is stale, and every candidate is listed, although some have no business e-mail."""
    with playing("C") as sandbox:
        frame = pd.DataFrame({"who": urls(8)})
        found = frame.crust.enrich("who", BOTH, max_credits=50, client=sandbox.client)
        assert found["email"].isna().any()
        listed = frame.crust.matches("who", BOTH, client=sandbox.client)
        calls = sandbox.calls
        again = found.crust.enrich("who", BOTH, only="stale", max_credits=50, client=sandbox.client)

        assert urls(8) == listed["crust.identifier"].tolist()
        assert calls == sandbox.calls
        assert_frame_equal(found, again)


@pytest.mark.parametrize("file", ["demo", "400 rows"])
def test_whole_files_come_out_alike_on_every_age(file):
    """Repeats, other spellings, blanks and junk; each person once, at the price of each age."""
    if file == "demo":
        leads = pd.read_csv(files("crustframe.shell").joinpath("demo_leads.csv"), dtype=str, keep_default_na=False)
    else:
        leads = pd.DataFrame({COLUMN: hard_column()})
    found = {}
    for snapshot in "ABC":
        with playing(snapshot) as sandbox:
            run = crustframe.enrich(leads, COLUMN, fields=BOTH, max_credits=2000, client=sandbox.client)
            assert run.report.credits == sandbox.credits_spent
            spent = sandbox.credits_spent
            crustframe.enrich(leads, COLUMN, fields=BOTH, max_credits=0, client=sandbox.client)
            assert spent == sandbox.credits_spent
            found[snapshot] = run.frame.drop(columns="crust.confidence_score")
    assert_frame_equal(found["A"], found["B"])
    assert_frame_equal(found["A"], found["C"])
