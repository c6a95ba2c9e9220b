"""What a run would send and cost, before anything is sent."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import crustframe
from crustframe import contract
from crustframe.buying.plan import Plan, make_plan, n_calls
from crustframe.errors import BudgetError
from crustframe.people.identifiers import read_identifiers
from crustframe.wording import counted, persons

BASE = frozenset({"basic_profile"})


def urls(count: int) -> list[str]:
    return [f"linkedin.com/in/person-{n}" for n in range(count)]


def emails(count: int) -> list[str]:
    return [f"person{n}@corp.example" for n in range(count)]


def planned(cells, *, groups=BASE, price=1.0, known=(), in_doubt=(), pace=15.0, **options) -> Plan:
    return make_plan(
        read_identifiers(cells),
        known=known,
        in_doubt=in_doubt,
        groups=groups,
        price=price,
        requests_per_minute=pace,
        **options,
    )


def test_the_numbers_of_a_mixed_column():
    cells = [*urls(3), "LINKEDIN.com/in/person-0/", *emails(2), "", None, "x@gmail.com", "?", "?"]
    keys = [identifier.key for identifier in read_identifiers(cells).unique]

    plan = planned(cells, known=[keys[0]], in_doubt=[keys[3]])

    assert (11, 2, 3, 5) == (plan.rows, plan.blank, plan.invalid, plan.people)
    assert (1, 1, 3) == (plan.known, plan.in_doubt, plan.n_new)
    assert [keys[1], keys[2], keys[4]] == [identifier.key for identifier in plan.new]
    assert 2 == plan.calls, "a request takes one kind only"
    assert (0, 3) == (plan.credits_low, plan.credits_high)
    assert {"free_mail": 1, "not_an_identifier": 2} == plan.invalid_reasons


@pytest.mark.parametrize(
    ("n_urls", "n_emails", "calls"),
    [(0, 0, 0), (1, 0, 1), (25, 0, 1), (26, 0, 2), (1, 1, 2), (25, 25, 2), (26, 26, 4), (1000, 0, 40)],
)
def test_a_call_takes_25_of_one_kind(n_urls, n_emails, calls):
    identifiers = read_identifiers([*urls(n_urls), *emails(n_emails)]).unique

    assert calls == n_calls(identifiers) == planned([*urls(n_urls), *emails(n_emails)]).calls


@pytest.mark.parametrize(
    ("calls", "pace", "minutes"),
    [(1, 15, 0), (15, 15, 0), (16, 15, 1), (30, 15, 1), (31, 15, 2), (40, 15, 2), (4, 1, 3)],
)
def test_the_first_window_is_free_and_every_further_one_is_a_minute(calls, pace, minutes):
    assert minutes == planned(urls(calls * 25), pace=float(pace)).minutes


def test_the_likely_figure_is_the_share_of_people_that_are_found():
    assert 25 == planned(urls(100), match_rate=0.25).credits_likely
    assert 75 == planned(urls(100), match_rate=0.25, price=3.0).credits_likely


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ({"basic_profile", "skills"}, {"base": 10}),
        ({"basic_profile", "contact.phone_numbers"}, {"base": 10, "contact.phone_numbers": 20}),
        (
            {*contract.ADD_ON_PRICES, "basic_profile"},
            {
                "base": 10,
                "contact.business_emails": 10,
                "contact.personal_emails": 20,
                "contact.phone_numbers": 20,
                "dev_platform_profiles": 10,
            },
        ),
    ],
)
def test_the_parts_add_up_to_the_whole(groups, expected):
    plan = planned(urls(10), groups=groups, price=contract.price_of(groups))

    assert expected == plan.credits_by_group
    assert plan.credits_high == sum(plan.credits_by_group.values())


def test_a_preview_costs_nothing():
    plan = planned(urls(30), groups=frozenset({"preview"}), price=0.0)

    assert (2, 0, 0) == (plan.calls, plan.credits_high, sum(plan.credits_by_group.values()))
    assert plan is plan.within(0)


COLUMN = st.lists(
    st.sampled_from(
        [*urls(6), *emails(6), "LINKEDIN.COM/in/person-1", "", "junk", "x@gmail.com", "Person1@corp.example"]
    ),
    max_size=60,
)


@given(
    COLUMN,
    st.sets(st.sampled_from([*contract.ADD_ON_PRICES, *contract.BASE_GROUPS])),
    st.sets(st.integers(0, 11)),
    st.sets(st.integers(0, 11)),
    st.sets(st.integers(0, 11)),
)
def test_no_answer_at_all_can_bill_more_than_the_high_figure(cells, groups, found, known, doubted):
    """The bill: 25 at a time, the list price for everybody who is found, whoever that is."""
    people = [identifier.key for identifier in read_identifiers(cells).unique]
    held = {people[n] for n in known if n < len(people)}
    doubts = {people[n] for n in doubted if n < len(people)} - held
    price = contract.price_of(groups)
    plan = planned(cells, groups=groups, price=price, known=held, in_doubt=doubts)

    bill = price * sum(people.index(identifier.key) in found for identifier in plan.new)

    assert plan.credits_low <= bill <= plan.credits_high
    assert plan.credits_low <= plan.credits_likely <= max(plan.credits_high, 1)
    assert plan.people == plan.known + plan.in_doubt + plan.n_new
    assert plan.n_new <= plan.calls * 25


def test_the_high_figure_holds_against_the_meter_of_a_server(sandbox, client):
    cells = [*urls(30), *emails(5), "linkedin.com/in/avery-example", "nobody@corp.example"]
    fields = ["basic_profile.name", "contact.business_emails.email"]

    plan = crustframe.plan(cells, fields=fields, client=client)
    found = crustframe.enrich(cells, fields=fields, client=client)

    assert plan.calls == sandbox.calls == found.report.calls == 3
    assert 0 < sandbox.credits_spent <= plan.credits_high == 3 * 37  # contacts may be sold apart: nobody knows yet
    assert 2 == crustframe.plan(["linkedin.com/in/person-500"], fields=fields, client=client).credits_high
    assert 0 == crustframe.plan(cells, fields=fields, client=client).credits_high


def test_planning_opens_no_socket_and_makes_no_file(tmp_path, sandbox):
    ledger = tmp_path / "new" / "ledger.sqlite3"

    with sandbox.make_client(ledger=ledger) as client:
        crustframe.plan(urls(30), client=client)

    assert 0 == sandbox.calls
    assert not ledger.parent.exists()


def test_without_a_key_everybody_counts_as_new():
    assert 3 == crustframe.plan(urls(3)).n_new


# The ceiling ---------------------------------------------------------------------------------------------------


def test_a_ceiling_that_holds_lets_the_plan_through():
    plan = planned(urls(3))

    assert plan is plan.within(3)
    assert plan is plan.within(None)
    assert plan is plan.within(0, partial=True)


@pytest.mark.parametrize("max_credits", [0, 2, 2.99])
def test_a_ceiling_that_may_be_passed_is_refused_with_both_numbers(max_credits):
    with pytest.raises(BudgetError) as raised:
        planned(urls(3)).within(max_credits)

    assert "3 new people may cost up to 3 credits" in str(raised.value)
    assert f"max_credits is {max_credits:g}" in str(raised.value)
    assert "nothing was charged" in str(raised.value)
    assert "partial" in raised.value.hint


def test_nothing_new_is_within_a_ceiling_of_nothing():
    plan = planned(["", "junk"])

    assert plan is plan.within(0)


# Words ---------------------------------------------------------------------------------------------------------


def test_the_words_of_a_plan():
    cells = [*urls(400), "", "x@gmail.com"]
    keys = [identifier.key for identifier in read_identifiers(cells).unique]

    text = str(planned(cells, known=keys[:5], in_doubt=keys[5:7], match_rate=0.5))

    assert [
        "400 people in 402 rows",
        "1 blank, 1 refused (1 free_mail)",
        "5 people known already: free",
        "2 people in doubt: not bought again unless on_doubt='resend'",
        "393 people to ask for in 16 calls, about 1 min at 15 a minute",
        "credits: 0 low, 196 likely, 393 at most (393 base)",
    ] == text.splitlines()


def test_a_bill_of_millions_is_told_to_the_credit():
    assert "1234567 people" == persons(1_234_567)
    assert "1234567.5 credits" == counted(1_234_567.5, "credit")


def test_a_plan_of_nothing_says_so():
    assert "nobody to ask for: 0 calls, 0 credits" in str(planned([]))


def test_a_plan_is_json_and_names_nobody():
    plan = planned([*urls(2), "x@gmail.com"])

    told = json.loads(json.dumps(plan.to_dict()))

    assert 2 == told["new"]
    assert {"free_mail": 1} == told["invalid_reasons"]
    assert "person-0" not in repr(plan) + str(plan) + json.dumps(told)


def test_a_notebook_shows_no_live_markup():
    assert "<li>" in planned(urls(1))._repr_html_()
    plan = planned(["x@gmail.com"])
    object.__setattr__(plan, "invalid_reasons", {"<script>": 1})

    assert "<script>" not in plan._repr_html_()


def test_a_plan_of_a_frame_is_the_plan_of_its_column(client):
    frame = pd.DataFrame({"url": urls(30), "note": "x"})

    assert crustframe.plan(frame, "url", client=client) == crustframe.plan(frame["url"], client=client)
    assert frame.crust.plan("url", client=client) == frame["url"].crust.plan(client=client)
