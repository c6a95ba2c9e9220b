"""Jobs end to end: one submit, one charge, every line once, whatever happens in between."""

from __future__ import annotations

import json
import tracemalloc

import pytest
import requests
from jobs_rig import FIELDS, people, statuses
from pandas.testing import assert_frame_equal

import crustframe
from crustframe import PartialResultWarning, contract
from crustframe.buying.jobs import Collector, collect
from crustframe.buying.purse import Bought
from crustframe.errors import BudgetError, SettingError
from crustframe.http.webhook import Receiver
from crustframe.ledger import Need, purchases
from crustframe.ledger.jobs import Taken
from crustframe.people.identifiers import read_identifiers

SCORE = "crust.confidence_score"


@pytest.fixture
def sandbox():
    """A sandbox in which an hour passes in four seconds."""
    with crustframe.sandbox(requests_per_minute=None, speed=900.0, job_seconds=30.0) as running:
        yield running


@pytest.fixture
def run(sandbox, client):
    def enrich(cells, **options):
        return crustframe.enrich(cells, fields=FIELDS, client=client, **({"route": "job"} | options))

    return enrich


# The same columns ---------------------------------------------------------------------------------------------------


def test_a_job_and_calls_bring_the_same_columns_and_cost_the_same(sandbox, run):
    mixed = [*people(30), "https://www.linkedin.com/in/nobody-there", "", "junk", people(1)[0].upper()]

    by_job = run(mixed)
    assert 0.0 == by_job.report.credits_under_way
    with crustframe.sandbox(requests_per_minute=None) as other:
        by_calls = crustframe.enrich(mixed, fields=FIELDS, route="calls", client=other.client)
        assert other.credits_spent == sandbox.credits_spent == by_job.report.credits

    assert_frame_equal(by_calls.frame.drop(columns=SCORE), by_job.frame.drop(columns=SCORE))
    assert by_job.frame[SCORE].isna().all()
    assert (1, 0) == (len(sandbox.jobs.submitted), sandbox.calls)


def test_who_is_missing_from_the_file_is_nobody(run):
    assert {"matched": 1, "no_match": 1} == statuses(run([*people(1), "https://www.linkedin.com/in/nobody-there"]))


def test_what_a_job_brought_is_recalled_forgotten_and_compared(sandbox, client, run):
    run(people(3))
    assert (0.0, 0) == (run(people(3), route="auto").report.credits, sandbox.calls)
    sandbox.change(people(1)[0], "basic_profile.name", "Somebody Else")
    run(people(1), max_age=0)
    changed = crustframe.changes(people(1), fields=["basic_profile.name"], client=client)
    assert ["Somebody Else"] == changed["new"].tolist()

    client.ledger.forget(people(1))

    assert 1 == len(client.ledger.known(read_identifiers(people(2)).unique, _need(client)))
    assert not list(client.ledger.path.parent.glob("*.jobs/*"))


def _need(client):
    from crustframe.ledger import Need

    return Need(frozenset({"basic_profile"}), None, None)


def test_full_provenance_tells_the_job(sandbox, run):
    frame = run(people(1), provenance="full").frame

    assert ["job"] == frame["crust.source"].tolist()
    assert [sandbox.jobs.submitted[0]["batch_id"]] == frame["crust.request_id"].tolist()


def test_nobody_at_all_needs_no_file(sandbox, run):
    assert {"no_match": 1} == statuses(run(["https://www.linkedin.com/in/nobody-there"]))
    assert 0 == sandbox.jobs.downloads


def test_whoever_wants_fresh_people_gets_those_that_the_job_brings(sandbox, run):
    assert {"matched": 3} == statuses(run(people(3), max_age=0))
    assert {"matched": 3} == statuses(run(people(3), max_age=0))
    assert 6.0 == sandbox.credits_spent

    ticket = run(people(3), max_age=0, wait=False).ticket
    assert "with a max_age of 1d" in str(ticket)


def test_progress_tells_what_is_waited_for(sandbox, run):
    sandbox.jobs.job_seconds = 300.0
    seen = []
    run(people(3), progress=seen.append)

    assert (3, 3, 3, "") == (seen[-1].done, seen[-1].total, seen[-1].found, seen[-1].waiting_for)
    assert any(step.waiting_for.startswith(("1 job pending for", "1 job processing for")) for step in seen)


# The choice ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "route"), [(500, "calls"), (10_000, "job")])
def test_auto_takes_what_ends_first_and_says_so(client, n, route):
    plan = crustframe.plan(people(n), fields=FIELDS, client=client)

    assert route == plan.route
    assert f"route: {route}, since it ends first" in str(plan)
    assert "min" in str(plan)
    assert {"route", "job_minutes"} <= set(plan.to_dict())


def test_auto_learns_how_long_jobs_take(sandbox, client, run):
    run(people(2))
    with_quick_jobs = crustframe.plan(people(800, 10), fields=FIELDS, client=client)

    assert ("job", True) == (with_quick_jobs.route, with_quick_jobs.job_minutes < 2)


def test_ten_thousand_people_go_by_one_job(sandbox, client):
    found = crustframe.enrich(people(10_000), fields=FIELDS, max_credits=10_000, client=client)

    assert {"matched": 10_000} == statuses(found)
    assert (1, 0, 10_000.0) == (len(sandbox.jobs.submitted), sandbox.calls, sandbox.credits_spent)
    assert sandbox.credits_spent == found.report.credits


def test_one_more_goes_by_two_jobs_and_none_is_refused(sandbox, run):
    run(people(10_001))

    assert [200, 200] == [one["status"] for one in sandbox.jobs.submitted]


def test_emails_with_a_threshold_and_refreshed_people_never_go_by_job(sandbox, client, run):
    run(["j.smith@corp.example"], min_similarity_score=0.5)
    assert (0, 1) == (len(sandbox.jobs.submitted), sandbox.calls)
    with pytest.raises(SettingError):
        run(people(1), force_fetch=True)


def test_emails_go_by_job_when_told_to(sandbox, run):
    run(["j.smith@corp.example", *people(1)])

    assert {"business_emails", "professional_network_profile_urls"} == {
        key for one in sandbox.jobs.submitted for key in one["body"] if key != "fields"
    }


def test_a_job_asks_for_less_where_the_account_lacks_what_nobody_needs():
    with crustframe.sandbox(requests_per_minute=None, denied_fields=["skills"], job_seconds=0.1) as other:
        found = crustframe.enrich(people(2), fields=FIELDS, route="job", client=other.client)

        assert {"matched": 2} == statuses(found)
        assert ("skills",) == found.report.dropped_groups
        assert [403, 200] == [one["status"] for one in other.jobs.submitted]
        assert (0, 2.0) == (other.calls, other.credits_spent)


def test_what_no_job_may_ask_goes_by_calls(sandbox, run):
    sandbox.jobs.faults.add("status", status=400)

    assert {"matched": 2} == statuses(run(people(2)))
    assert ([400], 2.0) == ([one["status"] for one in sandbox.jobs.submitted], sandbox.credits_spent)


# Ceilings -----------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::crustframe.PartialResultWarning")
def test_a_ceiling_holds_before_a_job_is_submitted(sandbox, client, run):
    with pytest.raises(BudgetError):
        run(people(10), max_credits=9)
    assert {"matched": 7, "not_run": 3} == statuses(run(people(10), max_credits=7, partial=True))
    client.ledger.set_daily_ceiling(9)
    assert {"matched": 9, "not_run": 3} == statuses(run(people(12), partial=True))

    assert 9.0 == sandbox.credits_spent


def test_a_running_job_counts_against_the_day(sandbox, client, run):
    sandbox.jobs.job_seconds = 1e9
    client.ledger.set_daily_ceiling(10)
    run(people(8), wait=False)

    assert 2.0 == client.ledger.left_today()
    with pytest.raises(BudgetError):
        run(people(8, 100))


def test_calls_run_while_a_job_runs_and_share_its_ceiling(sandbox, run):
    both = [*people(6), *(f"a.lead-{number}@corp.example" for number in range(6))]

    sandbox.jobs.job_seconds = 1800.0  # two seconds: longer than a call takes on a busy machine
    found = run(both, min_similarity_score=0.01, max_credits=12)

    (job,) = sandbox.jobs.all
    asked_at = [event.created_at for event in sandbox._service.meter.events if event.endpoint == "/person/enrich"]
    assert {"matched": 12} == statuses(found)
    assert (1, 1) == (len(asked_at), sandbox.calls)
    assert [event.endpoint for event in sandbox._service.meter.events] == ["/person/enrich", job.path]
    assert 12.0 == found.report.credits == sandbox.credits_spent


def test_what_a_running_job_may_cost_is_no_longer_there_for_calls(sandbox, run):
    sandbox.jobs.job_seconds = 1e9
    both = [*people(6), *(f"a.lead-{number}@corp.example" for number in range(6))]

    found = run(both, min_similarity_score=0.01, max_credits=8, partial=True, wait=False)

    assert (6.0, 2.0) == (found.ticket.credits_high, sandbox.credits_spent)


@pytest.mark.billed_past_the_plan("the account pays other prices")
def test_what_the_account_was_billed_for_a_job_is_what_the_receipt_says(sandbox, client, run):
    sandbox.jobs.price_factor = 3.0

    assert 30.0 == run(people(10)).report.credits == sandbox.credits_spent == client.ledger.spent_today()


@pytest.mark.billed_past_the_plan("the account pays other prices")
def test_the_dearer_way_is_not_taken(sandbox, client, run):
    run(people(2), route="calls")
    sandbox.jobs.price_factor = 3.0
    run(people(2, 10))

    plan = crustframe.plan(people(10_000, 20), fields=FIELDS, client=client)

    assert ("calls", 10_000.0) == (plan.route, plan.credits_high)
    assert "since it costs less" in str(plan)
    assert "3 credits a person by job, 1 by calls" in str(plan)


def test_without_a_usage_log_the_list_tells_what_a_job_cost(sandbox, client, run, monkeypatch):
    monkeypatch.setattr("crustframe.api.account.UsageLog.events", lambda *_, **__: iter(()))

    assert 3.0 == run(people(3)).report.credits == sandbox.credits_spent


# Answers that never come --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["reset", "close", "garbage", "empty", "html"])
def test_an_unanswered_submit_is_found_in_the_list_and_not_sent_again(sandbox, run, action):
    run(people(2, 50))
    sandbox.jobs.faults.add(action, times=1, charge=True)

    assert {"matched": 5} == statuses(run(people(5)))
    assert (2, {1}) == (len(sandbox.jobs.submitted), set(sandbox.people_charged.values()))


def test_a_submit_that_no_job_came_of_is_in_doubt_and_not_sent_again(sandbox, run):
    sandbox.jobs.faults.add("reset", charge=False)

    with pytest.warns(PartialResultWarning):
        found = run(people(3))
    assert {"in_doubt": 3} == statuses(found)
    with pytest.warns(PartialResultWarning):
        run(people(3))
    assert (1, 3.0) == (len(sandbox.jobs.submitted), found.report.credits_at_risk)

    sandbox.jobs.faults.clear()
    assert {"matched": 3} == statuses(run(people(3), on_doubt="resend"))


def test_a_job_of_somebody_else_is_not_taken_for_ours(sandbox, run):
    headers = {"Authorization": "Bearer sandbox-key", "x-api-version": "2025-11-01"}
    body = {"professional_network_profile_urls": people(3, 900)}
    requests.post(f"{sandbox.url}/batch/person/enrich", json=body, headers=headers, timeout=10)
    sandbox.jobs.faults.add("reset", times=1, charge=False)

    with pytest.warns(PartialResultWarning):
        assert {"in_doubt": 3} == statuses(run(people(3)))


def test_a_refused_submit_is_sent_again_and_charged_once(sandbox, run):
    sandbox.jobs.faults.add("status", status=500, times=2)

    assert {"matched": 4} == statuses(run(people(4)))
    assert (1, 4.0) == (len(sandbox.jobs.all), sandbox.credits_spent)


@pytest.mark.billed_past_the_plan("other jobs of the account are submitted past crustframe")
def test_a_sixth_job_waits_for_a_place(sandbox, run):
    headers = {"Authorization": "Bearer sandbox-key", "x-api-version": "2025-11-01"}
    for number in range(5):
        body = {"professional_network_profile_urls": people(1, 1000 + number)}
        requests.post(f"{sandbox.url}/batch/person/enrich", json=body, headers=headers, timeout=10)

    assert {"matched": 4} == statuses(run(people(4)))
    assert 429 not in [one["status"] for one in sandbox.jobs.submitted]


def test_a_failed_job_fails_its_people_at_no_cost(sandbox, run):
    sandbox.jobs.fail_with = "Scripted failure."

    with pytest.warns(PartialResultWarning, match="Scripted failure"):
        found = run(people(2))

    assert ({"failed": 2}, 0.0) == (statuses(found), found.report.credits)
    sandbox.jobs.fail_with = None
    assert {"matched": 2} == statuses(run(people(2)))


# Not waiting --------------------------------------------------------------------------------------------------------


def test_without_waiting_a_ticket_comes_back_and_the_rest_is_fetched_later(sandbox, client, run):
    found = run(people(4), wait=False)

    assert {"not_run": 4} == statuses(found)
    assert ((sandbox.jobs.submitted[0]["batch_id"],), 4, 4.0) == (
        found.ticket.batch_ids,
        found.ticket.people,
        found.ticket.credits_high,
    )
    assert (4.0, False) == (found.report.credits_under_way, found.report.hit_ceiling)
    assert "jobs are under way, for up to 4 credits more" in str(found.report)
    jobs, bought = collect(client)
    assert (["done"], 4.0) == ([job.state for job in jobs], bought.credits)
    again = run(people(4))
    assert ({"matched": 4}, 0.0, 1) == (statuses(again), again.report.credits, len(sandbox.jobs.submitted))


def test_a_run_by_calls_waits_for_the_job_that_holds_its_people(sandbox, run):
    run(people(4), wait=False)

    assert {"matched": 6} == statuses(run(people(6), route="calls"))
    assert ({1}, 6.0) == (set(sandbox.people_charged.values()), sandbox.credits_spent)


def test_looking_once_leaves_a_running_job_alone(sandbox, client, run):
    sandbox.jobs.job_seconds = 1e9
    run(people(2), wait=False)

    jobs, bought = collect(client, wait=False)

    assert (["running"], 0.0) == ([job.state for job in jobs], bought.credits)


def test_who_enriches_may_be_called_back(sandbox, run):
    with Receiver(token="secret-token") as receiver:
        run(people(2), webhook_url=receiver.url)

        assert receiver.wait(10)
    with pytest.raises(SettingError):
        run(people(2, 10), webhook_url="https://hooks.example/x")
    assert 1 == len(sandbox.jobs.submitted)


def test_a_callback_only_wakes_whoever_listens():
    with Receiver(token="secret-token") as receiver:
        base = receiver.url.rpartition("/")[0]
        assert 404 == requests.post(f"{base}/other", data=b"{}", timeout=5).status_code
        assert 413 == requests.post(receiver.url, data=b" " * 70_000, timeout=5).status_code
        assert not receiver.wait(0.05)
        assert 204 == requests.post(receiver.url, data=b"not even json", timeout=5).status_code
        assert receiver.wait(5)


# Older ledgers ------------------------------------------------------------------------------------------------------


def test_a_ledger_of_the_layout_before_jobs_is_brought_up_to_date(sandbox, client, run):
    import sqlite3

    run(people(1), route="calls")
    client.ledger.close()
    with sqlite3.connect(client.ledger.path) as connection:
        connection.execute("DROP TABLE jobs")
        for table in ("forgotten", "names", "abilities"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("ALTER TABLE purchases DROP COLUMN gone_by")
        connection.execute("DELETE FROM meta WHERE name = 'layout'")
        connection.execute("PRAGMA user_version = 1")
    connection.close()

    assert {"matched": 3} == statuses(run(people(3)))
    assert 3.0 == sandbox.credits_spent


# Many people and many lines -----------------------------------------------------------------------------------------


GROUPS = frozenset(contract.JOB_DEFAULT_GROUPS)


@pytest.fixture
def running(client):
    """Write a job into the ledger as if it had been submitted, of as many people as one likes."""

    def running(cells):
        asked = read_identifiers(cells).unique
        run = client.ledger.start(GROUPS, price=1.0, endpoint=contract.PERSON_JOB_PATH)
        claim = run.claim(asked, Need(GROUPS, None, None), size=len(asked), may_resend=lambda _: False)
        book = client.ledger.jobs()
        job = book.accepted(book.intend(claim.purchase, None), "00000000-0000-4000-8000-000000000001")
        run.close()
        return book, job

    return running


def nothing(key):
    return [Taken(key, GROUPS, "no_match", None)]


def test_the_people_of_a_job_stay_in_the_ledger(running):
    book, job = running(people(30_000))
    tracemalloc.start()
    try:
        job = book.seen(job, "completed", 0, None)
        assert 30_000 == len(job.purchase.identifiers) == sum(1 for _ in job.purchase.identifiers)
        assert book.finish(job, nothing, credits=0.0)
        assert tracemalloc.get_traced_memory()[1] < 6 * 2**20
    finally:
        tracemalloc.stop()
    assert ("done", 0) == (book.get(job.purchase_id).state, len(job.purchase.identifiers))


def test_an_end_that_is_interrupted_is_taken_up_where_it_stopped(running, monkeypatch):
    monkeypatch.setattr("crustframe.ledger.jobs._SOME", 2)
    book, job = running(people(5))
    told = []

    def interrupted(key):
        told.append(key)
        if len(told) == 4:
            raise KeyboardInterrupt
        return nothing(key)

    with pytest.raises(KeyboardInterrupt):
        book.finish(job, interrupted, credits=0.0)
    assert ("running", 3) == (book.get(job.purchase_id).state, len(job.purchase.identifiers))

    assert book.finish(job, nothing, credits=0.0)
    assert not book.finish(job, nothing, credits=0.0)
    assert "done" == book.get(job.purchase_id).state


def test_a_file_names_people_in_any_spelling(running):
    cells = [*people(1), "https://www.linkedin.com/in/zoë-example", "J.Smith@Corp.example"]
    _, job = running(cells)
    first, zoe, smith = job.purchase.identifiers.named(cells).values()

    spelt = ["linkedin.com/in/LEAD-0-example/", "https://linkedin.com/in/zo%C3%AB-example?x=1", "j.smith@corp.example"]
    junk = [None, "", "nobody at all", "linkedin.com/in/half-a-pair-\ud800", "\ud800@corp.example", *people(1, 77)]
    assert dict(zip(spelt, (first, zoe, smith), strict=True)) == job.purchase.identifiers.named([*spelt, *junk])


def test_whoever_is_named_twice_is_taken_in_once(client, running):
    book, job = running(people(3))
    named = [*people(1), people(1)[0].upper(), *people(2), *people(1, 9)]
    file = book.file_of(job)
    file.write_bytes(
        b"".join(json.dumps({"original_identifier": url, "data": {"n": 1}}).encode() + b"\n" for url in named)
    )

    read = Collector(client, Bought())._read(job, file)

    assert (5, 1, 2, 2.0) == (read.lines_read, read.strange_lines, read.matched, read.credits)
    assert people(1, 2) == [identifier.text for identifier in job.purchase.identifiers]


def test_a_doubt_is_ended_without_reading_all_the_others(client, running):
    book, job = running(people(5_000))
    book.doubt(job, "for a test")
    keys, steps = [identifier.key for identifier in job.purchase.identifiers][:2], []

    with client.ledger._store.transaction() as connection:
        connection.set_progress_handler(lambda: steps.append(1) or 0, 100)
        purchases.end_doubts(connection, book._scope_id, keys, job.purchase.groups)
        connection.set_progress_handler(None, 0)

    assert len(steps) < 20
    assert ("in_doubt", 4_998) == (book.get(job.purchase_id).state, len(job.purchase.identifiers))
