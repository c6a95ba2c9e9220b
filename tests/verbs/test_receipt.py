"""The receipt's line about what a script would have paid: the billed price on both sides, and silence otherwise."""

from __future__ import annotations

import re

import pytest

import crustframe

pytestmark = pytest.mark.billed_past_the_plan("accounts that pay other prices than those of the list")

PHONE = ["contact.phone_numbers[0] as phone"]  # 3 by the list
NAME = ["basic_profile.name as name"]
SAVED = re.compile(r"would have made \d+ calls? and paid ([\d.]+) credits? for these rows; saved: ([\d.]+)")


def people(n: int, start: int = 0) -> list[str]:
    return [f"https://www.linkedin.com/in/lead-{number}-example" for number in range(start, start + n)]


def saved(found) -> tuple[float, float] | None:
    told = SAVED.search(str(found.report))
    return None if told is None else (float(told[1]), float(told[2]))


def twice_spelled(n: int, start: int = 0) -> list[str]:
    return [spelling for url in people(n, start) for spelling in (url, url + "/")]


def test_a_bill_below_the_list_saves_nothing_by_itself(sandbox, client):
    """1 credit billed where the list says 3, one spelling each: there is nothing to say."""
    sandbox.faults.add("overcharge", factor=1 / 3)

    found = crustframe.enrich(people(7), fields=PHONE, client=client)

    assert 7 == pytest.approx(sandbox.credits_spent)
    assert saved(found) is None
    assert "script" not in str(found.report)


@pytest.mark.parametrize(("factor", "each"), [(1 / 3, 1), (1, 3), (2, 6)])
def test_what_spelling_saved_is_told_at_the_billed_price(sandbox, client, factor, each):
    sandbox.faults.add("overcharge", factor=factor)

    assert (10 * each, 5 * each) == saved(crustframe.enrich(twice_spelled(5), fields=PHONE, client=client))


def test_a_run_from_the_ledger_is_told_at_the_last_bill(sandbox, client):
    sandbox.faults.add("overcharge", factor=1 / 3)
    crustframe.enrich(people(7), fields=PHONE, client=client)

    assert (7, 7) == saved(crustframe.enrich(people(7), fields=PHONE, client=client))


def test_a_run_from_the_ledger_without_such_a_bill_is_told_by_the_list(sandbox, client):
    """The people were bought with their phone numbers, 3 each; their names alone are 1 by the list."""
    crustframe.enrich(people(4), fields=PHONE, client=client)

    assert (4, 4) == saved(crustframe.enrich(people(4), fields=NAME, client=client))


def test_known_and_new_people_together_are_told_at_this_runs_bill(sandbox, client):
    crustframe.enrich(people(4), fields=PHONE, client=client)
    sandbox.faults.add("overcharge", factor=2)

    found = crustframe.enrich(people(6), fields=PHONE, client=client)

    assert 12.0 == found.report.credits
    assert (36, 24) == saved(found)


def test_jobs_are_told_at_their_own_bill():
    with crustframe.sandbox(requests_per_minute=None, speed=900.0, job_seconds=30.0) as sandbox:
        sandbox.jobs.price_factor = 3.0
        found = crustframe.enrich(people(5), fields=NAME, route="job", client=sandbox.client)
        assert (15.0, None) == (found.report.credits, saved(found))
        assert (10 * 3, 15) == saved(
            crustframe.enrich(twice_spelled(5, 50), fields=NAME, route="job", client=sandbox.client)
        )


def test_people_whom_nobody_knows_are_nothing_to_tell(sandbox, client):
    found = crustframe.enrich([f"https://www.linkedin.com/in/nobody-{n}" for n in range(3)], fields=NAME, client=client)

    assert (0.0, None) == (found.report.credits, saved(found))
