"""Jobs end to end: one submit, one charge, every line once, whatever happens in between."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import sys
import threading
import time
import tracemalloc
from collections import deque

import pandas as pd
import pytest
import requests
from pandas.testing import assert_frame_equal

import crustframe
from crustframe import PartialResultWarning, cli, contract
from crustframe.api import jobs as api
from crustframe.api.results import BrokenFileError, line_cap, read_line, read_lines
from crustframe.config import read_settings
from crustframe.errors import BudgetError, ConfigurationError, SettingError, TransportError
from crustframe.http.download import Downloader
from crustframe.http.webhook import Receiver
from crustframe.identifiers import read_identifiers
from crustframe.jobs import Collector, collect
from crustframe.ledger import Need, purchases
from crustframe.ledger.jobs import JobBook, Taken
from crustframe.purchasing import Bought

FIELDS = ["crustdata_person_id as id", "basic_profile.name as name"]
SCORE = "crust.confidence_score"


def people(n: int, start: int = 0) -> list[str]:
    return [f"https://www.linkedin.com/in/lead-{number}-example" for number in range(start, start + n)]


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


def statuses(found) -> dict[str, int]:
    return {status: n for status, n in found.report.statuses.items() if n}


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


def test_what_no_job_may_ask_goes_by_calls(run):
    with crustframe.sandbox(requests_per_minute=None, denied_fields=["skills"]) as other:
        found = crustframe.enrich(people(2), fields=FIELDS, route="job", client=other.client)

        assert {"matched": 2} == statuses(found)
        assert ([403], 2.0) == ([one["status"] for one in other.jobs.submitted], other.credits_spent)


# Ceilings -----------------------------------------------------------------------------------------------------------


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


def test_what_the_account_was_billed_for_a_job_is_what_the_receipt_says(sandbox, client, run):
    sandbox.jobs.price_factor = 3.0

    assert 30.0 == run(people(10)).report.credits == sandbox.credits_spent == client.ledger.spent_today()


def test_the_dearer_way_is_not_taken(sandbox, client, run):
    run(people(2), route="calls")
    sandbox.jobs.price_factor = 3.0
    run(people(2, 10))

    plan = crustframe.plan(people(10_000, 20), fields=FIELDS, client=client)

    assert ("calls", 10_000.0) == (plan.route, plan.credits_high)
    assert "since it costs less" in str(plan)
    assert "3 credits a person by job, 1 by calls" in str(plan)


def test_without_a_usage_log_the_list_tells_what_a_job_cost(sandbox, client, run, monkeypatch):
    monkeypatch.setattr("crustframe.jobs.read_usage_events", lambda *_: iter(()))

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


# Files --------------------------------------------------------------------------------------------------------------

SPOILT = [
    *({"action": "cut", "at": at} for at in (0, 1, 17, 400, 2000)),
    {"action": "wrong_crc"},
    {"action": "plain"},
    {"action": "content_encoding"},
    {"action": "double"},
    {"action": "bomb", "at": 200 * 2**20},
    {"action": "status", "status": 403},
    {"action": "status", "status": 500},
    {"action": "redirect", "location": "http://169.254.169.254/latest"},
]


@pytest.mark.parametrize("fault", SPOILT, ids=str)
def test_a_file_that_is_spoilt_once_is_fetched_again(sandbox, run, fault):
    sandbox.jobs.spoil(**fault, times=1)

    found = run(people(40))

    assert {"matched": 40} == statuses(found)
    assert (1, 40.0) == (len(sandbox.jobs.submitted), sandbox.credits_spent)
    assert 40.0 == found.report.credits


def test_complete_lines_of_a_file_that_never_comes_whole_are_kept(sandbox, client, run):
    sandbox.jobs.spoil("cut", at=20_000)

    with pytest.warns(PartialResultWarning, match="`crustframe jobs fetch` reads them again, free"):
        counts = statuses(run(people(200)))

    assert 200 == counts["matched"] + counts["in_doubt"]
    assert min(counts.values()) > 5
    sandbox.jobs._file_faults.clear()
    jobs, _ = collect(client)
    assert ["done"] == [job.state for job in jobs]
    assert {"matched": 200} == statuses(run(people(200)))
    assert (1, {1}) == (len(sandbox.jobs.submitted), set(sandbox.people_charged.values()))


STRANGER = b'{"original_identifier": "https://www.linkedin.com/in/stranger-example", "internal_id": 1, "data": {}}\n'


@pytest.mark.parametrize("size", [len(STRANGER) * 40, 2**20], ids=["as many lines as people", "far more lines"])
def test_what_stood_in_a_wrong_file_says_nothing_about_the_next_one(sandbox, client, run, size):
    """The position is that of one file: lines that were read in another one are not left out of this one."""
    sandbox.jobs.spoil("bomb", at=size, text=STRANGER, times=1)

    with contextlib.suppress(PartialResultWarning):
        run(people(40))
    collect(client)

    assert {"matched": 40} == statuses(run(people(40)))
    assert (1, 40.0) == (len(sandbox.jobs.submitted), sandbox.credits_spent)


def test_two_who_wait_for_one_job_read_its_file_once(sandbox, client, run):
    sandbox.jobs.spoil("drip", seconds=900.0)
    run(people(200), wait=False)
    others = [sandbox.make_client() for _ in range(3)]
    seen = []
    threads = [threading.Thread(target=lambda one=one: seen.append(collect(one))) for one in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [["done"]] * 3 == [[job.state for job in jobs] for jobs, _ in seen]
    assert 200.0 == sum(bought.credits for _, bought in seen) == sandbox.credits_spent
    assert 1 == sandbox.jobs.downloads
    assert {"matched": 200} == statuses(run(people(200)))


def test_a_file_is_thrown_away_before_its_job_ends(client, run, monkeypatch):
    """Whoever is killed in between would leave it for good: nobody looks at a job that is done."""
    left = []
    finish = JobBook.finish
    monkeypatch.setattr(
        JobBook, "finish", lambda *given, **named: left.append(_files(client)) or finish(*given, **named)
    )

    run(people(3))

    assert [[]] == left


def _files(client):
    return [path for path in client.ledger.path.parent.glob("*.jobs/*") if path.stat().st_size]


def test_people_whom_a_whole_file_leaves_out_are_not_asked_for_again(sandbox, run):
    sandbox.jobs.drop.add("lead-1-example")

    assert {"matched": 2, "no_match": 1} == statuses(run(people(3)))


@pytest.mark.parametrize("lines", ["envelope", "flat"])
def test_whoever_may_be_meant_by_a_line_about_a_stranger_is_in_doubt_and_not_nobody(sandbox, client, run, lines):
    sandbox.jobs.lines = lines
    sandbox.jobs.rename["lead-1-example"] = "https://www.linkedin.com/in/somebody-else-example"
    ask = run if lines == "envelope" else lambda cells: crustframe.contacts(cells, client=client)

    with pytest.warns(PartialResultWarning, match="jobs fetch" if lines == "envelope" else "in doubt"):
        found = ask(people(3))

    assert ["in_doubt"] == [status for status in found.frame["crust.status"] if status not in {"matched", "no_match"}]
    assert 1 == len(sandbox.jobs.submitted)


def test_an_expired_link_asks_for_a_new_status_and_not_for_a_new_job(sandbox, run):
    sandbox.jobs.link_seconds = -1.0

    def renew():
        while not sandbox.jobs.downloads:
            time.sleep(0.001)
        sandbox.jobs.link_seconds = 1e6

    thread = threading.Thread(target=renew)
    thread.start()
    sandbox.jobs.spoil("status", status=403, times=1)
    found = run(people(3))
    thread.join()

    assert {"matched": 3} == statuses(found)
    assert 1 == len(sandbox.jobs.submitted)


def test_no_result_file_stays_behind(client, run):
    run(people(3))

    assert [] == list(client.ledger.path.parent.glob("*.jobs/*"))


def packed(lines: int) -> bytes:
    return gzip.compress(b"".join(b'{"n": %d}\n' % n for n in range(lines)))


def test_a_file_cut_anywhere_yields_its_complete_lines_and_says_so():
    """A hundred places, and each of the last bytes: they are the checksum and the length."""
    whole = packed(500)
    offsets = {len(whole) * at // 100 for at in range(1, 100)} | {len(whole) - left for left in range(1, 9)}
    kept = set()
    for at in sorted(offsets):
        lines = read_lines(io.BytesIO(whole[:at]), at_most=2**30)
        seen = []

        with pytest.raises(BrokenFileError):
            seen.extend(json.loads(line)["n"] for line in lines)

        assert list(range(len(seen))) == seen
        kept.add(len(seen))
    assert {0, 500} < kept


UNUSUAL = {
    "wrong_crc": ("jobs", "is damaged"),
    "plain": ("results", "as plain lines"),
    "content_encoding": ("download", "an encoding"),
    "double": ("results", "packed twice"),
}


@pytest.mark.parametrize("action", UNUSUAL)
def test_an_unusual_file_is_noticed_and_read(sandbox, run, caplog, action):
    room, words = UNUSUAL[action]
    run(people(1, 50))
    assert [] == caplog.records
    sandbox.jobs.spoil(action, times=1)

    found = run(people(40))

    assert ({"matched": 40}, 40.0) == (statuses(found), found.report.credits)
    told = [record for record in caplog.records if record.name.endswith(room) and words in record.getMessage()]
    assert ["WARNING"] == [record.levelname for record in told]


@pytest.mark.parametrize("nothing", [b"", b"\x1f", gzip.compress(b""), gzip.compress(b"") * 3])
def test_nothing_at_all_is_not_called_plain(caplog, nothing):
    with contextlib.suppress(BrokenFileError):
        assert [] == list(read_lines(io.BytesIO(nothing), at_most=2**20))
    assert [] == caplog.records


def test_a_file_of_more_lines_than_its_people_may_have_is_left():
    for line in (b"\n", b"{}\n"):
        with pytest.raises(BrokenFileError, match="more than 2,000,010 lines"):
            deque(read_lines(io.BytesIO(gzip.compress(line * 2**21)), at_most=2**30, most_lines=line_cap(1)), maxlen=0)


def test_members_of_several_parts_are_one_file():
    assert 30 == len(list(read_lines(io.BytesIO(packed(10) + packed(20)), at_most=2**20)))


def test_a_bomb_ends_early_and_takes_little_memory():
    bomb = gzip.compress(b" " * (256 * 2**20), 9)
    tracemalloc.start()
    try:
        with pytest.raises(BrokenFileError):
            list(read_lines(io.BytesIO(bomb), at_most=2**40))
        assert tracemalloc.get_traced_memory()[1] < 64 * 2**20
    finally:
        tracemalloc.stop()


def test_a_file_that_unpacks_to_too_much_is_left():
    with pytest.raises(BrokenFileError, match="more than"):
        list(read_lines(io.BytesIO(gzip.compress(b'{"a": 1}\n' * 200_000)), at_most=2**20))


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"7", b'{"data": {}}', b'{"original_identifier": 7, "data": {}}'])
def test_a_line_that_names_nobody_is_nobodys(line):
    assert read_line(line, contract.PERSON_JOB_PATH).named is None


# Where a key and a link may go --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://files.crustdata.com/x",
        "https://crustdata.com.evil.example/x",
        "https://evilcrustdata.com/x",
        "https://user@files.crustdata.com/x",
        "https://files.crustdata.com:8443/x",
        "https://127.0.0.1/x",
        "https://169.254.169.254/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://2130706433/x",
        "https://files.crustdata.com\\@evil.example/x",
        "file:///etc/passwd",
        "//files.crustdata.com/x",
        "",
        "https://",
        "https://files.crustdata.com:99999/x",
    ],
)
def test_a_link_that_leads_elsewhere_is_not_followed(url):
    with pytest.raises(TransportError):
        Downloader(read_settings(api_key="test-key", environ={})).check(url)


@pytest.mark.parametrize("host", ["crustdata.com", "files.crustdata.com", "bucket.s3.us-east-2.amazonaws.com"])
def test_a_link_to_the_storage_of_the_api_is_followed(host):
    url = f"https://{host}/jobs/1/output/results.jsonl.gz?signature=1"

    assert url == Downloader(read_settings(api_key="test-key", environ={})).check(url)


def test_a_host_that_the_user_names_is_followed():
    environ = {"CRUSTFRAME_STORAGE_HOSTS": "files.vendor.example, Other.example."}
    downloader = Downloader(read_settings(api_key="test-key", environ=environ))

    for host in ("files.vendor.example", "eu.other.example"):
        assert downloader.check(f"https://{host}/x") == f"https://{host}/x"
    with pytest.raises(TransportError, match="CRUSTFRAME_STORAGE_HOSTS"):
        downloader.check("https://vendor.example/x")


@pytest.mark.parametrize("host", ["10.0.0.1", "localhost", "https://files.vendor.example", "*.example", "::1"])
def test_no_address_of_a_local_net_is_a_storage_host(host):
    with pytest.raises(ConfigurationError):
        read_settings(environ={"CRUSTFRAME_STORAGE_HOSTS": host})


def test_the_storage_host_sees_no_key(sandbox, run):
    """It refuses whoever brings one, so that a download is the proof."""
    run(people(1))

    assert 1 == sandbox.jobs.downloads


@pytest.mark.parametrize(
    "url", ["http://hooks.example/x", "https://localhost/x", "https://10.0.0.1/x", "https://me@hooks.example/x", "x"]
)
def test_a_webhook_leads_to_a_public_https_host(url):
    with pytest.raises(SettingError):
        api.check_webhook(url, is_sandbox=False)
    assert "https://hooks.example/x" == api.check_webhook("https://hooks.example/x", is_sandbox=False)
    with pytest.warns(UserWarning, match="query"):
        api.check_webhook("https://hooks.example/x?token=1", is_sandbox=False)


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


# The shell ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def shell(monkeypatch, capsys, tmp_path):
    with crustframe.sandbox(requests_per_minute=None, job_seconds=0.1) as running:
        monkeypatch.setenv("CRUSTDATA_API_KEY", running.key)
        monkeypatch.setenv("CRUSTFRAME_BASE_URL", running.url)
        pd.DataFrame({"url": people(3)}).to_csv(tmp_path / "leads.csv", index=False)

        def shell(*arguments):
            monkeypatch.setattr(sys, "argv", ["crustframe", *map(str, arguments)])
            with pytest.raises(SystemExit) as ended:
                cli.main()
            return ended.value.code, *capsys.readouterr()

        shell.sandbox = running
        shell.leads = tmp_path / "leads.csv"
        yield shell


def test_the_shell_submits_lists_waits_and_reads(shell):
    ask = ("enrich", shell.leads, "--column", "url", "--field", "basic_profile.name as name")
    code, out, words = shell(*ask, "--route", "job", "--no-wait")
    (batch_id,) = json.loads(out)["batch_ids"]
    assert (0, True) == (code, "jobs wait" in words)
    assert batch_id in shell("jobs", "list")[1]
    assert (0, [batch_id]) == (
        shell("jobs", "wait", batch_id)[0],
        [job["batch_id"] for job in json.loads(shell("jobs", "list", "--all", "--json")[1])],
    )

    code, out, words = shell(*ask)

    assert (0, 4, True) == (code, len(out.splitlines()), "0 credits" in words)
    assert "done" in shell("jobs", "list", "--all")[1]
    assert 0 == shell("jobs", "fetch")[0] == shell("jobs", "resume")[0]


def test_the_shell_listens_until_nothing_is_under_way(shell):
    ask = ("enrich", shell.leads, "--column", "url", "--field", "basic_profile.name as name")
    shell(*ask, "--route", "job", "--no-wait")
    time.sleep(0.3)

    code, _, words = shell("jobs", "listen", "--once")

    assert (0, True, True) == (code, "listening: http://127.0.0.1:" in words, "3 of 3 found" in words)


def test_a_sandbox_that_ends_with_the_command_keeps_no_job(shell, tmp_path):
    ask = ("enrich", shell.leads, "--column", "url", "--field", "basic_profile.name as name", "--sandbox")
    code, _, words = shell(*ask, "--route", "job", "--no-wait")
    assert (2, True) == (code, "Nothing was sent" in words)

    ledger = tmp_path / "sandbox.sqlite3"
    with crustframe.sandbox(ledger=ledger) as gone:
        crustframe.enrich(people(3), fields=FIELDS, route="job", wait=False, client=gone.client)
    code, out, _ = shell(*ask, "--ledger", ledger)
    assert (0, 3) == (code, out.count("matched"))


def test_the_plan_of_the_shell_tells_the_route(shell):
    _, out, _ = shell("plan", shell.leads, "--column", "url", "--route", "job")

    assert "route: job, as told" in out


# Older ledgers ------------------------------------------------------------------------------------------------------


def test_a_ledger_of_the_layout_before_jobs_is_brought_up_to_date(sandbox, client, run):
    import sqlite3

    run(people(1), route="calls")
    client.ledger.close()
    with sqlite3.connect(client.ledger.path) as connection:
        connection.execute("DROP TABLE jobs")
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
        purchases.end_doubts(connection, book._scope_id, keys)
        connection.set_progress_handler(None, 0)

    assert len(steps) < 20
    assert ("in_doubt", 4_998) == (book.get(job.purchase_id).state, len(job.purchase.identifiers))
