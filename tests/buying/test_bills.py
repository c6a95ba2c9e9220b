"""The guard of the whole suite: a bill above plans and ceilings is noticed, whoever wrote the test."""

from __future__ import annotations

import subprocess
import sys

import pytest
import requests

import crustframe

pytestmark = pytest.mark.filterwarnings("ignore::crustframe.PartialResultWarning")


def people(n: int) -> list[str]:
    return [f"https://www.linkedin.com/in/lead-{number}-example" for number in range(n)]


def raw(sandbox, n: int) -> None:
    headers = {"Authorization": f"Bearer {sandbox.key}", "x-api-version": "2025-11-01"}
    body = {"professional_network_profile_urls": people(n), "fields": ["basic_profile"]}
    assert requests.post(f"{sandbox.url}/person/enrich", json=body, headers=headers, timeout=10).ok


def test_what_nobody_planned_is_told(sandbox, bills):
    raw(sandbox, 3)

    assert ["the sandbox charged 3 credits, and the plans allow 0"] == bills.settle()


@pytest.mark.filterwarnings("ignore::crustframe.PartialResultWarning")
@pytest.mark.parametrize(
    "buy",
    [
        lambda client: crustframe.enrich(people(30), fields=["basic_profile.name"], max_credits=120, client=client),
        lambda client: crustframe.enrich(
            people(40), fields=["basic_profile.name"], max_credits=12, partial=True, client=client
        ),
        lambda client: crustframe.contacts(people(3), kinds=["phone_numbers"], verified=True, client=client),
    ],
)
def test_what_was_planned_is_not(buy, bills):
    with crustframe.sandbox(requests_per_minute=None, job_seconds=0.1) as sandbox:
        buy(sandbox.client)
        assert sandbox.credits_spent > 0

    assert [] == bills.settle()


@pytest.mark.filterwarnings("ignore::crustframe.PartialResultWarning")
def test_the_ceiling_counts_where_it_is_lower_than_the_plan(sandbox, client, bills):
    sandbox.faults.add(action="overcharge", factor=3)
    crustframe.enrich(people(25), fields=["basic_profile.name"], max_credits=12, partial=True, client=client)

    assert ["the sandbox charged 36 credits, and the plans allow 12"] == bills.settle()


def test_another_process_has_plans_of_its_own(sandbox, bills):
    subprocess.run([sys.executable, "-c", "pass", sandbox.url], check=True)
    raw(sandbox, 1)

    assert [] == bills.settle()
