"""Money where the server, the bill or the clock is odd: small servers whose own counter is the truth."""

from __future__ import annotations

import gzip
import json
import threading
import time
from datetime import UTC, datetime

import pytest
from odd_servers import SITE, Calls, Jobs, found, line, people
from stand_in import Said, standing_in

import crustframe
from crustframe.buying.jobs import collect
from crustframe.buying.reconcile import resolve
from crustframe.client import Client

NAME = "basic_profile.name"
KEY = "odd-key"

pytestmark = [
    pytest.mark.filterwarnings("ignore::crustframe.PartialResultWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


@pytest.fixture
def client_of(tmp_path):
    made = []

    def client(api, **options):
        one = Client(api_key=KEY, base_url=api.url, ledger=tmp_path / "l.sqlite3", sleep=lambda _: None, **options)
        made.append(one)
        return one

    yield client
    for one in made:
        one.close()


def enriched(client, n, **options):
    return crustframe.enrich(people(n), fields=[NAME], client=client, **options)


# Calls ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("left_out", [20, 24, 1])
def test_whoever_is_left_out_of_an_answer_without_a_bill_may_have_been_charged(client_of, left_out):
    """The server charges all 25 of a call, tells no figure, and leaves people out."""
    calls = Calls(lambda urls, _: (Said(200, [found(url) for url in urls[left_out:]]), len(urls)))
    with standing_in(calls) as api:
        client = client_of(api, concurrency=1)
        client.ledger.set_daily_ceiling(1000)
        report = enriched(client, 150, max_credits=50, partial=True).report

        assert 50 == calls.credits
        assert report.credits + report.credits_at_risk >= calls.credits
        assert client.ledger.spent_today() >= calls.credits


@pytest.mark.parametrize("status", [503, 500, 429])
def test_a_failure_that_was_billed_is_no_free_failure(client_of, status):
    """It is counted as billed, and nobody of it is bought again unasked."""
    failure = Said(status, {"error": {"type": "oops", "message": "late"}}, {"x-credits-used": "25"})
    calls = Calls(lambda urls, _: (failure, 25))
    with standing_in(calls) as api:
        client = client_of(api, concurrency=1)
        report = enriched(client, 25, max_credits=100).report

        assert (1, 25) == (calls.n, calls.credits)
        assert 25 == report.credits == client.ledger.spent_today()
        assert 25 == report.statuses["in_doubt"]
        enriched(client, 25, max_credits=100)
        assert 25 == calls.credits


@pytest.mark.parametrize("body", [{"error": {"message": "sorry"}}, {"detail": "odd"}, b"<html>"])
def test_an_unreadable_answer_that_cost_nothing_is_no_doubt(client_of, body):
    calls = Calls(lambda urls, _: (Said(200, body, {"x-credits-used": "0"}), 0))
    with standing_in(calls) as api:
        client = client_of(api)
        report = enriched(client, 5).report

        assert (5, 0, 0.0) == (report.statuses["failed"], report.statuses["in_doubt"], report.credits_at_risk)
        assert 5 == crustframe.plan(people(5), fields=[NAME], client=client).n_new


@pytest.mark.parametrize("billed", [3, 25])
def test_an_unreadable_answer_that_was_billed_counts_with_its_bill(client_of, billed):
    body = {"error": {"type": "not_found", "message": "nobody"}, "and": "more"}
    calls = Calls(lambda urls, _: (Said(200, body, {"x-credits-used": str(billed)}), billed))
    with standing_in(calls) as api:
        client = client_of(api)
        report = enriched(client, 25).report

        assert 25 == report.statuses["in_doubt"]
        assert billed == calls.credits == report.credits == client.ledger.spent_today()


def test_two_runs_at_once_that_want_everybody_anew_pay_once(sandbox, tmp_path):
    """The second waits for the first, and takes what came since it began."""
    with crustframe.sandbox(requests_per_minute=None, latency_s=0.5) as slow:
        ledger = tmp_path / "shared.sqlite3"
        reports = []

        def run():
            with slow.make_client(ledger=ledger) as client:
                reports.append(enriched(client, 25, max_age=0).report)

        threads = [threading.Thread(target=run) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert 25 == slow.credits_spent
        assert [25, 25] == [report.statuses["matched"] for report in reports]


# Jobs ----------------------------------------------------------------------------------------------------------------


def by_job(jobs, client_of, n=3, **options):
    with standing_in(jobs) as api:
        jobs.url = api.url
        client = client_of(api, **options)
        return enriched(client, n, route="job").report, client


@pytest.mark.parametrize("pack", [gzip.compress, bytes], ids=["packed", "plain"])
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_parts_that_end_without_a_line_break_are_not_glued(client_of, pack, end):
    parts = [pack(line(url) + end) for url in people(3)]
    report, _ = by_job(Jobs(parts, count=3), client_of)

    assert 3 == report.statuses["matched"]


def test_somebody_who_stands_in_a_file_twice_is_one_person(client_of):
    """Three were announced: A, A and B are two of them."""
    one, other, _ = people(3)
    report, client = by_job(Jobs([gzip.compress(b"\n".join(map(line, (one, one, other))))], count=3), client_of)

    assert (2, 1) == (report.statuses["matched"], report.statuses["in_doubt"])
    assert 1 == len(client.ledger.doubts())


def test_a_line_beyond_the_cap_leaves_its_own_person_in_doubt_and_nobody_else(client_of):
    lines = [line(url) for url in people(6)]
    lines[2] = json.dumps({"original_identifier": people(6)[2], "data": {"x": "y" * (9 * 2**20)}}).encode()
    report, _ = by_job(Jobs([gzip.compress(b"\n".join(lines))], count=6), client_of, n=6)

    assert (5, 1) == (report.statuses["matched"], report.statuses["in_doubt"])


@pytest.mark.parametrize("status", ["partially_completed", "finished", "COMPLETED"])
def test_an_ending_that_no_document_names_is_read_where_there_is_a_link(client_of, status):
    report, _ = by_job(Jobs([gzip.compress(b"\n".join(map(line, people(3))))], status=status, count=3), client_of)

    assert 3 == report.statuses["matched"]


@pytest.mark.parametrize("status", ["cancelled", "partially_completed", None])
def test_a_job_that_ended_oddly_or_is_gone_becomes_a_doubt_that_can_be_settled(client_of, status):
    """After ten minutes; its worst case counts, and the people can be bought again when somebody says so."""
    jobs = Jobs(status=status or "", charged=3.0)
    if status is None:
        jobs.told = lambda: Said(404, {"error": {"type": "not_found", "message": "no such job"}})
    now = [1_800_000_000.0]
    passing = {"clock": lambda: now.__setitem__(0, now[0] + 20) or now[0]}
    report, client = by_job(jobs, client_of, **passing)

    assert (3, 1) == (report.statuses["in_doubt"], jobs.submits)
    assert report.credits_at_risk >= jobs.credits
    assert 3 == client.ledger.spent_today()
    assert 3 == len(client.ledger.open_doubts()[0].identifiers)


@pytest.mark.parametrize(("told", "credits"), [(6, 6.0), (None, 0.0), (0, 0.0)])
def test_a_failed_job_costs_what_the_usage_log_says(client_of, told, credits):
    row = {"event_id": "r-1", "ts": datetime.now(UTC).isoformat(), "endpoint": "/batch/person/enrich", "status": 200}
    rows = [] if told is None else [row | {"credits_used": told}]
    report, client = by_job(Jobs(status="failed", count=0, rows=rows), client_of)

    assert (3, credits) == (report.statuses["failed"], report.credits)
    assert credits == client.ledger.spent_today()


@pytest.mark.parametrize("status", [403, 404])
def test_where_the_list_of_jobs_is_forbidden_people_go_by_calls(client_of, status):
    calls = Calls(
        lambda urls, _: (Said(200, [found(url) for url in urls], {"x-credits-used": str(len(urls))}), len(urls))
    )

    def answer(method, path, body):
        if path.startswith("/batch"):
            return Said(status, {"error": {"type": "permission_error", "message": "Not for you"}})
        return calls(method, path, body)

    with standing_in(answer) as api:
        report = enriched(client_of(api), 30, route="job").report

    assert (30, 30) == (report.statuses["matched"], calls.credits)


def test_a_list_that_fails_once_is_read_again(client_of):
    jobs = Jobs([gzip.compress(b"\n".join(map(line, people(3))))], count=3)
    failed = []

    def answer(method, path, body):
        if method == "GET" and path.startswith("/batch?") and len(failed) < 2:
            failed.append(path)
            return Said(503, b"busy")
        return jobs(method, path, body)

    with standing_in(answer) as api:
        jobs.url = api.url
        report = enriched(client_of(api), 3, route="job").report

    assert (3, 2) == (report.statuses["matched"], len(failed))


def test_a_storage_host_that_fails_is_left_alone_for_a_while(tmp_path):
    jobs = Jobs([gzip.compress(b"\n".join(map(line, people(3))))], count=3)
    slept = []
    whole = jobs.file
    jobs.file = lambda number: Said(503, b"busy") if jobs.downloads < 3 else whole(number)
    with standing_in(jobs) as api:
        jobs.url = api.url
        client = Client(api_key=KEY, base_url=api.url, ledger=tmp_path / "l.sqlite3", sleep=slept.append)
        report = enriched(client, 3, route="job").report
        client.close()

    assert 3 == report.statuses["matched"]
    assert 2 <= sum(seconds >= 1.5 for seconds in slept)


def test_the_unread_results_of_a_job_count_for_the_day(client_of):
    """Its link cannot be followed, so nobody knows what it cost: its worst case counts, and is never 0."""
    jobs = Jobs([b""], count=300, charged=300.0)
    jobs.file = lambda _: Said(403, b"no")
    with standing_in(jobs) as api:
        jobs.url = api.url
        client = client_of(api)
        client.ledger.set_daily_ceiling(300)
        first = enriched(client, 300, route="job").report
        with pytest.raises(crustframe.errors.BudgetError):
            crustframe.enrich(people(300, 300), fields=[NAME], route="job", client=client)

        assert 300 == first.statuses["in_doubt"]
        assert (1, 300.0) == (jobs.submits, jobs.credits)
        assert 300 == client.ledger.spent_today()
        settled = resolve(client)
        assert (300, 0.0) == (len(settled.in_jobs), settled.credits_lost)
        assert "jobs fetch" in str(settled)


def test_two_submits_answered_with_one_id_are_no_damaged_ledger(client_of):
    """The second may have begun a job of its own: that is a doubt."""
    jobs = Jobs([gzip.compress(b"\n".join(map(line, people(3))))], count=3)
    now = [1_800_000_000.0]
    with standing_in(jobs) as api:
        jobs.url = api.url
        client = client_of(api, clock=lambda: now.__setitem__(0, now[0] + 20) or now[0])
        enriched(client, 3, route="job")
        second = crustframe.enrich(people(3, 100), fields=[NAME], route="job", client=client).report

        assert (2, 3) == (jobs.submits, second.statuses["in_doubt"])
        assert {"matched"} == set(enriched(client, 3, max_age=None).frame["crust.status"])


@pytest.mark.billed_past_the_plan("the first bill is above the list")
def test_a_dearer_bill_raises_the_price_of_the_jobs_after_it():
    """Each job is billed double; the ceiling holds from the second on."""
    with crustframe.sandbox(requests_per_minute=None, speed=900.0, job_seconds=30.0) as sandbox:
        sandbox.jobs.price_factor = 2.0
        before = [f"{SITE}lead-{n}-example" for n in range(300)]
        first = crustframe.contacts(before, kinds=["phone_numbers"], max_credits=1200, client=sandbox.client).report
        more = [f"{SITE}lead-{n}-example" for n in range(300, 1500)]
        plan = crustframe.plan_contacts(more, kinds=["phone_numbers"], client=sandbox.client)
        second = crustframe.contacts(
            more, kinds=["phone_numbers"], max_credits=900, partial=True, client=sandbox.client
        ).report

        assert plan.credits_high >= 4 * 1200
        assert second.credits <= 900
        assert first.credits + second.credits == sandbox.credits_spent


@pytest.mark.parametrize("off_s", [-660.0, -7200.0, 7200.0])
def test_a_job_whose_submit_was_lost_is_found_whatever_the_clock_says(off_s):
    """The list tells it by who asked for how many, behind the newest job from before."""
    with crustframe.sandbox(requests_per_minute=None, job_seconds=0.1) as sandbox:
        client = sandbox.make_client(clock=lambda: time.time() + off_s)
        sandbox.jobs.faults.add("reset", charge=True)
        urls = [f"{SITE}lead-{n}-example" for n in range(50)]
        first = crustframe.enrich(urls, fields=[NAME], route="job", client=client).report
        again = crustframe.enrich(urls, fields=[NAME], route="job", client=client).report

        assert (50, 50) == (first.statuses["matched"], again.statuses["matched"])
        assert 1 == sum(job.status == "completed" for job in sandbox.jobs.all)
        assert 50 == sandbox.credits_spent
        client.close()


# Jobs and people who are forgotten or let go meanwhile ---------------------------------------------------------------


@pytest.mark.parametrize("gone", [[1], [0, 1], [2]])
def test_whoever_is_forgotten_while_a_job_runs_leaves_nobody_else_in_doubt(client_of, gone):
    """The line about them is no stranger's: whoever the file does not name was not found, and the bill is whole."""
    named = people(3)[:2] if gone != [2] else people(3)
    jobs = Jobs([gzip.compress(b"\n".join(map(line, named)))], count=len(named))
    with standing_in(jobs) as api:
        jobs.url = api.url
        client = client_of(api)
        enriched(client, 4, route="job", wait=False)
        client.ledger.forget([people(3)[n] for n in gone])
        collect(client)

        assert [] == client.ledger.doubts()
        statuses = enriched(client, 4, max_credits=0, partial=True).report.statuses
        assert len(named) - len(gone) == statuses["matched"]
        assert (4 - len({*named, *(people(3)[n] for n in gone)}), len(gone)) == (
            statuses["no_match"],
            statuses["not_run"],
        )
        assert len(named) == client.ledger.spent_today()
        kept = json.dumps([*client.ledger.entries()])
        assert not [n for n in gone if people(3)[n] in kept]


@pytest.mark.parametrize("fetched_by", ["resolve", "fetch"])
def test_a_job_that_was_let_go_is_still_read_when_its_file_can_be_had(client_of, fetched_by):
    """Its link was forbidden; then it is not. Nobody is paid for again whose answer lies there."""
    jobs = Jobs([gzip.compress(b"\n".join(map(line, people(3))))], count=3, charged=3.0)
    whole, jobs.file = jobs.file, lambda _: Said(403, b"no")
    with standing_in(jobs) as api:
        jobs.url = api.url
        client = client_of(api)
        assert 3 == enriched(client, 3, route="job").report.statuses["in_doubt"]
        if fetched_by == "fetch":
            assert 3 == len(resolve(client, resend=True).freed)
            assert 3 == client.ledger.spent_today()
            collect(client)  # in vain: it stays as it is
            assert [] == client.ledger.doubts()
        jobs.file = whole
        settled = resolve(client, resend=True) if fetched_by == "resolve" else collect(client)

        assert settled != []
        assert 3 == enriched(client, 3, route="job").report.statuses["matched"]
        assert (1, 3.0) == (jobs.submits, jobs.credits)
