"""Contacts in bulk: nothing asked or paid that was not wanted, and every kind paid once."""

from __future__ import annotations

import io
import sys

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import crustframe
from crustframe import PartialResultWarning
from crustframe.errors import BudgetError, ColumnExistsError, OfflineError, SettingError
from crustframe.shell import cli
from crustframe.verbs.contacts import KINDS

ASKED = {
    "business_email": ["business_email"],
    "personal_emails": ["personal_contact_info.personal_emails"],
    "phone_numbers": ["personal_contact_info.phone_numbers"],
}


def people(n: int, start: int = 0) -> list[str]:
    return [f"https://www.linkedin.com/in/lead-{number}-example" for number in range(start, start + n)]


@pytest.fixture
def sandbox():
    with crustframe.sandbox(requests_per_minute=None, speed=900.0, job_seconds=30.0) as running:
        yield running


def test_kinds_together_and_one_at_a_time_cost_and_bring_the_same(sandbox, client):
    together = crustframe.contacts(people(300), client=client)
    assert together.report.credits == sandbox.credits_spent > 0
    assert 1 == len(sandbox.jobs.submitted)

    with crustframe.sandbox(requests_per_minute=None, speed=900.0, job_seconds=30.0, contact_lines="flat") as other:
        paid = 0.0
        for kind in KINDS:
            one = crustframe.contacts(people(300), kinds=[kind], client=other.client)
            paid += one.report.credits
            assert ASKED[kind] == other.jobs.submitted[-1]["body"]["fields"]
        assert paid == other.credits_spent == sandbox.credits_spent
        again = crustframe.contacts(people(300), client=other.client)

    assert_frame_equal(together.frame, again.frame)
    assert (0, 0.0) == (again.report.calls, again.report.credits)


def test_three_hundred_and_one_people_go_by_two_jobs(sandbox, client):
    found = crustframe.contacts(people(301), kinds=["phone_numbers"], client=client)

    assert [200, 200] == [one["status"] for one in sandbox.jobs.submitted]
    assert found.report.credits == sandbox.credits_spent


def test_only_the_kinds_that_the_ledger_lacks_are_asked_for(sandbox, client):
    crustframe.contacts(people(5), kinds=["business_email"], client=client)

    crustframe.contacts(people(8), kinds=["business_email", "phone_numbers"], client=client)

    asked = [
        (len(one["body"]["professional_network_profile_urls"]), one["body"]["fields"]) for one in sandbox.jobs.submitted
    ]
    both = ["business_email", "personal_contact_info.phone_numbers"]
    assert [(5, ["business_email"]), (5, [both[1]]), (3, both)] == asked


def test_the_columns_are_typed_and_the_frame_is_as_it_was(client):
    frame = pd.DataFrame({"url": [*people(2), "", "a@corp.example", "junk"], "n": range(5)}, index=[4, 4, 2, 1, 0])

    found = frame.crust.contacts("url", client=client)

    assert [
        "url", "n", "business_email", "business_emails", "business_email_status", "personal_email", "personal_emails",
        "personal_email_status", "phone_number", "phone_numbers", "crust.status",
    ] == list(found.columns)  # fmt: skip
    assert {"string"} == {str(dtype) for dtype in found.dtypes.iloc[2:]}
    assert_frame_equal(frame, found[["url", "n"]])
    assert ["blank", "invalid", "invalid"] == found["crust.status"].tolist()[2:]


def test_an_enriched_frame_takes_contacts_too(client):
    enriched = pd.DataFrame({"url": people(2)}).crust.enrich("url", ["basic_profile.name"], client=client)

    replaced = enriched.crust.contacts("url", ["phone_numbers"], client=client)
    assert ["url", "basic_profile.name", "crust.status", "phone_number", "phone_numbers"] == list(replaced.columns)
    found = enriched.crust.contacts("url", ["phone_numbers"], provenance="none", client=client)

    assert [*enriched.columns, "phone_number", "phone_numbers"] == list(found.columns)


def test_a_status_word_that_no_document_has_is_kept(sandbox, client):
    sandbox.change(people(1)[0], "contact.business_emails", [{"email": "a@corp.example", "status": "brand_new"}])

    found = crustframe.contacts(people(1), kinds=["business_email"], client=client)

    assert ["a@corp.example", "brand_new"] == found.frame.iloc[0][["business_email", "business_email_status"]].tolist()


def test_nothing_found_is_no_match_free_and_remembered_for_a_week(sandbox, client):
    nobody = ["https://www.linkedin.com/in/nobody-there"]

    assert ["no_match"] == crustframe.contacts(nobody, client=client).frame["crust.status"].tolist()
    crustframe.contacts(nobody, client=client)
    assert (1, 0.0) == (len(sandbox.jobs.submitted), sandbox.credits_spent)

    later = sandbox.make_client(clock=lambda: sandbox.now() + 8 * 86400)
    crustframe.contacts(nobody, client=later)
    assert 2 == len(sandbox.jobs.submitted)


def test_no_phone_number_does_not_mean_no_such_person(client):
    crustframe.contacts(people(20), kinds=["phone_numbers"], client=client)

    found = crustframe.enrich(people(20), fields=["basic_profile.name"], client=client)

    assert 20 == found.report.statuses["matched"]


def test_enrich_reads_contacts_that_were_bought_here(sandbox, client):
    contacts = crustframe.contacts(people(10), kinds=["phone_numbers"], client=client)
    reached = int(contacts.frame["phone_number"].notna().sum())

    found = crustframe.enrich(people(10), fields=["contact.phone_numbers | count as n"], client=client)

    assert reached == found.report.known > 0


def test_verified_addresses_are_another_question(sandbox, client):
    plain = crustframe.contacts(people(10), kinds=["business_email"], client=client)

    checked = crustframe.contacts(people(10), kinds=["business_email"], verified=True, client=client)

    assert checked.report.credits == 1.5 * plain.report.credits
    assert sandbox.credits_spent == plain.report.credits + checked.report.credits
    assert 0.0 == crustframe.contacts(people(10), kinds=["business_email"], client=client).report.credits


def test_a_ceiling_holds_before_anything_is_sent(sandbox, client):
    with pytest.raises(BudgetError, match="50 credits"):
        crustframe.contacts(people(10), max_credits=49, client=client)
    client.ledger.set_daily_ceiling(19)
    with pytest.raises(BudgetError, match="standing ceiling"):
        crustframe.contacts(people(10), kinds=["phone_numbers"], client=client)

    assert [] == sandbox.jobs.submitted


def test_a_plan_says_what_it_may_cost_and_opens_no_socket(sandbox, client):
    crustframe.contacts(people(2), kinds=["business_email"], client=client)
    frame = pd.DataFrame({"url": [*people(5), "", "a@corp.example", "junk"]})
    sent = len(sandbox.jobs.submitted)

    plan = frame.crust.plan_contacts("url", verified=True, client=sandbox.make_client(offline=True))

    assert (8, 1, 2, 5, 0, 1) == (plan.rows, plan.blank, plan.invalid, plan.people, plan.known, plan.jobs)
    assert plan.credits_high == sum(plan.credits_by_group.values()) == 5 * (1 + 2 + 2 + 0.5)
    assert plan.credits_high == plan.to_dict()["credits_high"]
    assert "27.5 at most" in str(plan)
    assert "27.5 at most" in plan._repr_html_()
    assert sent == len(sandbox.jobs.submitted)
    with pytest.raises(BudgetError):
        frame["url"].crust.plan_contacts(max_credits=5, client=client)


def test_what_surely_fits_is_bought_and_the_rest_is_not_run(sandbox, client):
    crustframe.contacts(people(4), kinds=["phone_numbers"], client=client)
    before = sandbox.credits_spent

    with pytest.warns(PartialResultWarning, match="higher one"):
        found = crustframe.contacts(people(10), max_credits=17, partial=True, client=client)

    asked = [len(one["body"]["professional_network_profile_urls"]) for one in sandbox.jobs.submitted[1:]]
    assert [4, 1] == asked[:2]  # what these did not cost buys more
    assert 10 - sum(asked) == (found.frame["crust.status"] == "not_run").sum() > 0
    assert found.report.credits == sandbox.credits_spent - before <= 17


def test_jobs_that_nobody_waits_for_share_one_ceiling(sandbox, client):
    crustframe.contacts(people(4), kinds=["phone_numbers"], client=client)

    found = crustframe.contacts(people(10), max_credits=17, partial=True, wait=False, client=client)

    assert (5, 17.0, 5) == (found.ticket.people, found.ticket.credits_high, found.ticket.left)


def test_whoever_wants_fresh_contacts_gets_those_that_the_jobs_bring(sandbox, client):
    seen = []
    first = crustframe.contacts(people(8), client=client)

    again = crustframe.contacts(people(8), max_age=0, progress=seen.append, client=client)

    assert_frame_equal(first.frame, again.frame)
    assert first.report.credits + again.report.credits == sandbox.credits_spent == 2 * first.report.credits
    assert (8, 8) == (seen[-1].done, seen[-1].total)


def test_an_unanswered_submit_is_found_and_not_sent_again(sandbox, client):
    sandbox.jobs.faults.add("reset", times=1, charge=True)

    found = crustframe.contacts(people(5), client=client)

    assert (1, sandbox.credits_spent) == (len(sandbox.jobs.submitted), found.report.credits)


def test_a_submit_that_no_job_came_of_is_in_doubt(sandbox, client):
    sandbox.jobs.faults.add("reset", charge=False)

    for _ in range(2):
        with pytest.warns(PartialResultWarning):
            found = crustframe.contacts(people(5), client=client)
        assert {"in_doubt"} == set(found.frame["crust.status"])
        assert 25.0 == found.report.credits_at_risk  # told again as long as it is open
    assert 1 == len(sandbox.jobs.submitted)


def test_without_waiting_a_ticket_comes_back(sandbox, client):
    found = crustframe.contacts(people(5), client=client, wait=False)

    assert ({"not_run"}, 5, 25.0) == (set(found.frame["crust.status"]), found.ticket.people, found.ticket.credits_high)
    assert {"matched", "no_match"} >= set(crustframe.contacts(people(5), client=client).frame["crust.status"])
    assert 1 == len(sandbox.jobs.submitted)


def test_what_cannot_be_asked_is_said_before_anything_is_sent(sandbox, client):
    for kinds in ([], ["fax"], "fax"):
        with pytest.raises(SettingError):
            crustframe.contacts(people(1), kinds=kinds, client=client)
    with pytest.raises(ColumnExistsError):
        pd.DataFrame({"url": people(1), "phone_number": [1]}).crust.contacts("url", client=client)
    with pytest.raises(SettingError):
        crustframe.contacts(people(1), webhook_url="https://hooks.example/x", client=client)
    with pytest.raises(OfflineError):
        crustframe.contacts(people(1), client=sandbox.make_client(offline=True))

    assert [] == sandbox.jobs.submitted


@pytest.fixture
def shell(monkeypatch, capsys, tmp_path):
    pd.DataFrame({"url": people(30)}).to_csv(tmp_path / "leads.csv", index=False)
    with crustframe.sandbox(requests_per_minute=None, job_seconds=0.1) as running:
        monkeypatch.setenv("CRUSTDATA_API_KEY", running.key)
        monkeypatch.setenv("CRUSTFRAME_BASE_URL", running.url)

        def shell(*more):
            arguments = ["contacts", tmp_path / "leads.csv", "--column", "url", *more]
            monkeypatch.setattr(sys, "argv", ["crustframe", *map(str, arguments)])
            with pytest.raises(SystemExit) as ended:
                cli.main()
            return ended.value.code, *capsys.readouterr()

        shell.sandbox = running
        yield shell


def test_the_shell_adds_contacts(shell):
    code, out, words = shell("--kind", "phone_numbers")

    frame = pd.read_csv(io.StringIO(out))
    assert (0, ["url", "phone_number", "phone_numbers", "crust.status"]) == (code, list(frame.columns))
    assert ["personal_contact_info.phone_numbers"] == shell.sandbox.jobs.submitted[0]["body"]["fields"]
    assert "60 at most" in words


def test_the_shell_plans_contacts(shell):
    code, out, _ = shell("--plan")

    assert (0, True) == (code, "credits: 150 at most" in out)
    assert [] == shell.sandbox.jobs.submitted


@pytest.mark.parametrize(("answer", "code", "n_jobs"), [(False, 7, 0), (True, 0, 1)])
def test_the_shell_asks_above_100_credits(shell, monkeypatch, answer, code, n_jobs):
    asked = []
    monkeypatch.delenv("CRUSTFRAME_MAX_CREDITS")
    monkeypatch.setattr("crustframe.shell.buying.is_attended", lambda: True)
    monkeypatch.setattr("typer.confirm", lambda text, **_: asked.append(text) or answer)

    assert code == shell()[0]
    assert ["Spend up to 150 credits?"] == asked
    assert n_jobs == len(shell.sandbox.jobs.submitted)
    assert code == (0 if answer else shell("--max-credits", "99")[0])


# Words and options -------------------------------------------------------------------------------------------------

BUSINESS, PERSONAL, PHONE = (ASKED[kind][0] for kind in KINDS)


@pytest.mark.parametrize(
    ("kinds", "fields"),
    [
        ("business_email", [BUSINESS]),
        ("personal_contact_info", [PERSONAL, PHONE]),
        ("personal_contact_info.personal_emails", [PERSONAL]),
        (["personal_contact_info.phone_numbers"], [PHONE]),
        ("business_email, phone_numbers", [BUSINESS, PHONE]),
        (["Business_Email ,personal_contact_info", "phone_numbers"], [BUSINESS, PERSONAL, PHONE]),
        ("contact.personal_emails", [PERSONAL]),
        ("contact", [BUSINESS, PERSONAL, PHONE]),
    ],
)
def test_kinds_are_taken_in_the_words_of_the_api_and_in_ours(sandbox, client, kinds, fields):
    frame = pd.DataFrame({"url": people(2)})

    found = frame.crust.contacts("url", kinds, client=client)

    assert fields == sandbox.jobs.submitted[0]["body"]["fields"]
    assert sandbox.credits_spent == crustframe.last_report().credits
    assert list(found.columns) == list(frame["url"].crust.contacts(kinds, client=client).columns.insert(0, "url"))


def test_kinds_may_be_an_iterator(sandbox, client):
    crustframe.contacts(people(2), kinds=iter(["phone_numbers", "business_email"]), client=client)

    assert [BUSINESS, PHONE] == sandbox.jobs.submitted[0]["body"]["fields"]


@pytest.mark.parametrize("kinds", ["phone", "phone_number", ["business_email", "fax"], "", [], " , ", None, 7])
def test_a_word_that_is_no_kind_is_refused_with_the_nearest(sandbox, client, kinds):
    with pytest.raises(SettingError, match="personal_contact_info") as caught:
        crustframe.contacts(people(2), kinds=kinds, client=client)

    assert [] == sandbox.jobs.submitted
    assert ("did you mean 'phone_numbers'" in str(caught.value)) == (kinds == "phone_number")


@pytest.mark.parametrize("size", [10, 1000, None, np.int64(50)])
def test_a_chunk_size_reaches_the_api(sandbox, client, size):
    crustframe.contacts(people(2), kinds="phone_numbers", chunk_size=size, client=client)
    crustframe.enrich(people(2), fields=["basic_profile.name"], route="job", chunk_size=size, client=client)

    assert [size, size] == [one["body"].get("chunk_size") for one in sandbox.jobs.submitted]


@pytest.mark.parametrize("size", [9, 1001, 0, -10, 100.0, "100", True])
@pytest.mark.parametrize("verb", ["contacts", "enrich"])
def test_a_chunk_size_that_the_api_would_refuse_is_refused_here(sandbox, client, size, verb):
    with pytest.raises(SettingError, match="chunk_size"):
        getattr(crustframe, verb)(people(2), chunk_size=size, client=client)

    assert ([], 0) == (sandbox.jobs.submitted, sandbox.calls)


def test_the_shell_takes_the_words_and_the_chunk_size(shell):
    code, *_ = shell("--kind", "personal_contact_info", "--chunk-size", "50", "--max-credits", "500")

    body = shell.sandbox.jobs.submitted[0]["body"]
    assert (0, [PERSONAL, PHONE], 50) == (code, body["fields"], body["chunk_size"])


# Nothing is nothing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lists", ["join", "list"])
@pytest.mark.parametrize("field", ["contact.business_emails", "contact.personal_emails", "education.schools"])
def test_nothing_there_is_no_value_in_any_form(sandbox, client, lists, field):
    url = people(1)[0]
    sandbox.change(url, field, [])
    column = [url, "https://www.linkedin.com/in/nobody-there"]

    found = crustframe.enrich(column, fields=[field], lists=lists, client=client)

    assert not found.frame[field].notna().any()


def test_addresses_are_joined_and_objects_come_on_demand(sandbox, client):
    url = people(1)[0]
    both = [{"email": "a@corp.example", "status": "verified"}, {"email": "b@corp.example", "status": None}]
    sandbox.change(url, "contact.business_emails", both)
    fields = {
        "plain": "contact.business_emails",
        "first": "contact.business_emails[0]",
        "n": "contact.business_emails | count",
        "all": "contact.business_emails | list",
        "whole": "contact.business_emails | json",
    }

    row = crustframe.enrich([url], fields=fields, client=client).frame.iloc[0]

    assert ("a@corp.example; b@corp.example", "a@corp.example", 2) == (row["plain"], row["first"], row["n"])
    assert ["a@corp.example", "b@corp.example"] == row["all"]
    assert '"status"' in row["whole"]
