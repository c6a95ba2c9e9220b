"""Doubts settled by the very request, whatever the age of the account's own API; savings told at the billed price."""

from __future__ import annotations

import json
import time

import pytest
from doubts import lose, resolved_later
from stand_in import Said, standing_in

import crustframe
from crustframe import PartialResultWarning
from crustframe.buying.reconcile import resolve

pytestmark = pytest.mark.billed_past_the_plan("accounts that pay other prices than those of the list")

NAME = ["basic_profile.name"]
BOTH = pytest.mark.parametrize("age", ["autumn-2026", "earlier"])


def people(n: int, start: int = 0) -> list[str]:
    return [f"https://www.linkedin.com/in/lead-{number}-example" for number in range(start, start + n)]


@BOTH
def test_a_lost_answer_is_settled_on_either_age(age):
    with crustframe.sandbox(requests_per_minute=None, account_api=age) as sandbox:
        lose(sandbox, sandbox.client, people(3), charge=True)
        lose(sandbox, sandbox.client, people(4, 10), charge=False)
        later = sandbox.make_client()

        settled = resolved_later(sandbox, later)

        # the earlier log tells no request: a row of that size may be anybody's, and none of that size is nobody's
        charged, lost = ([], 0.0) if age == "earlier" else (sorted(people(3)), 3.0)
        assert (charged, lost) == (sorted(settled.charged), settled.credits_lost)
        assert sorted(people(3)) == sorted(settled.charged + settled.untold)
        assert sorted(people(4, 10)) == sorted(settled.uncharged)
        later.close()


def test_two_lost_requests_of_like_size_are_told_apart_by_what_they_asked():
    """Time and number would swap them: one found somebody, the other nobody."""
    with crustframe.sandbox(requests_per_minute=None) as sandbox:
        nobody = [f"https://www.linkedin.com/in/nobody-{n}" for n in range(3)]
        lose(sandbox, sandbox.client, nobody, charge=True)
        lose(sandbox, sandbox.client, people(3), charge=True)
        later = sandbox.make_client()

        settled = resolved_later(sandbox, later)

        assert (sorted(people(3)), sorted(nobody)) == (sorted(settled.charged), sorted(settled.uncharged))
        later.close()


@pytest.mark.parametrize("wrong_s", [-420.0, 60.0])
def test_a_wrong_clock_calls_no_charged_request_uncharged(wrong_s):
    with crustframe.sandbox(requests_per_minute=None) as sandbox:
        client = sandbox.make_client(clock=lambda: time.time() + wrong_s)
        lose(sandbox, client, people(5), charge=True)
        client.close()
        later = sandbox.make_client(clock=lambda: time.time() + wrong_s)

        assert 5.0 == resolved_later(sandbox, later).credits_lost
        later.close()


def resolved(tmp_path, row, request):
    """Lose an answer, and settle the doubt by a log whose one row is `row`, with that request."""
    row = {"event_id": "e-1", "endpoint": "/person/enrich", "status": 200, **row}
    row["ts"] = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())

    def answer(method, path, sent):
        if path.startswith("/account/usage/events/"):
            return Said(200, row | {"request": request})
        if path.startswith("/account"):
            return Said(200, {"events": [row], "has_more": False, "next_cursor": None})
        return Said(504, b"")

    with standing_in(answer) as server:
        options = {"api_key": "sandbox-key", "base_url": server.url, "ledger": tmp_path / "l.sqlite3"}
        with crustframe.Client(**options) as client, pytest.warns(PartialResultWarning):
            crustframe.enrich(people(2), fields=NAME, client=client)
        with crustframe.Client(**options) as later:
            server.ahead_s += 120
            return resolve(later)


OURS = {"professional_network_profile_urls": people(2), "fields": ["basic_profile"]}


@pytest.mark.parametrize(
    ("request_told", "credits", "outcome"),
    [
        (None, 2, "untold"),
        ("unreadable", 2, "untold"),
        (OURS, None, "untold"),
        (json.dumps(OURS), 2, "charged"),
        (OURS, 0, "uncharged"),
        ({**OURS, "professional_network_profile_urls": people(2, 7)}, 2, "uncharged"),
        ({**OURS, "professional_network_profile_urls": people(3)}, 2, "uncharged"),
        ({**OURS, "fields": ["contact.phone_numbers"]}, 2, "uncharged"),
    ],
)
def test_only_the_very_request_settles_a_doubt(tmp_path, request_told, credits, outcome):
    settled = resolved(tmp_path, {"credits_used": credits}, request_told)

    assert [outcome] == [name for name in ("charged", "uncharged", "untold") if getattr(settled, name)]


@BOTH
def test_prices_of_the_account_are_asked_of_either_age(age):
    with crustframe.sandbox(requests_per_minute=7, account_api=age) as sandbox:
        made = crustframe.plan(people(2), fields=NAME, prices="account", client=sandbox.client)

        assert 7.0 == made.requests_per_minute


@BOTH
def test_a_job_is_billed_from_the_log_of_either_age(age):
    with crustframe.sandbox(requests_per_minute=None, account_api=age, job_seconds=0.1) as sandbox:
        sandbox.jobs.price_factor = 2.0
        found = crustframe.enrich(people(30), fields=NAME, route="job", client=sandbox.client)

        assert 60.0 == sandbox.credits_spent == found.report.credits


# The receipt --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [1 / 3, 1, 3])
def test_nothing_is_saved_where_nothing_was(sandbox, client, factor):
    sandbox.faults.add(action="overcharge", factor=factor)

    found = crustframe.enrich(people(5), fields=NAME, client=client)

    assert "a script" not in str(found.report)
    assert found.report.text_credits == pytest.approx(found.report.credits)


@pytest.mark.parametrize("factor", [1 / 3, 3])
def test_what_was_saved_is_told_at_the_billed_price(sandbox, client, factor):
    sandbox.faults.add(action="overcharge", factor=factor)
    twice = [*people(6), *(f"{url}/" for url in people(6))]

    bought = crustframe.enrich(twice, fields=NAME, client=client)
    again = crustframe.enrich(people(6), fields=NAME, client=client)

    assert (12 * factor, 6 * factor) == pytest.approx((bought.report.text_credits, bought.report.credits))
    assert (6 * factor, 0.0) == pytest.approx((again.report.text_credits, again.report.credits))
