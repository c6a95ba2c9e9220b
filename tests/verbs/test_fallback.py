"""Rows with several cells that name somebody: where the first finds nobody, the next is asked; one person is paid."""

from __future__ import annotations

import random
from collections import Counter

import pandas as pd
import pytest
from command_line import shell
from pandas.testing import assert_series_equal

import crustframe
from crustframe.errors import BudgetError

NAME, EMAIL = "basic_profile.name", "contact.business_emails[0].email as work_email"
BOTH = ["linkedin_url", "email"]
PLAYED = [("A", None), ("C", None), ("C", "self-serve")]

pytestmark = [
    pytest.mark.filterwarnings("ignore::crustframe.PartialResultWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


def url(n: int) -> str:
    return f"https://www.linkedin.com/in/lead-{n}-example"


def mail(n: int) -> str:
    return f"lead.{n}@corp.example"


def nobody(n: int, what: str = "url") -> str:
    return f"https://www.linkedin.com/in/nobody-{n}" if what == "url" else f"nobody.{n}@corp.example"


CRM = pd.DataFrame(
    [
        (url(1), mail(1), "matched", url(1)),
        (nobody(2), mail(2), "matched", mail(2)),
        (None, mail(3), "matched", mail(3)),
        (nobody(2), mail(4), "matched", mail(4)),
        (nobody(5), nobody(5, "mail"), "no_match", nobody(5, "mail")),
        (nobody(6), "n/a", "no_match", nobody(6)),
        ("n/a", None, "invalid", None),
        (nobody(8), url(1).upper(), "matched", url(1)),
    ],
    columns=[*BOTH, "status", "asked_by"],
)


def playing(snapshot: str, plan: str | None = None):
    return crustframe.sandbox(requests_per_minute=None, snapshot=snapshot, plan=plan, job_seconds=0.1, speed=5)


@pytest.mark.parametrize("max_age", ["30d", 0])
@pytest.mark.parametrize("snapshot", ["A", "C"])
def test_where_nobody_is_found_the_next_cell_of_the_row_is_asked(snapshot, max_age):
    options = {"fallback": True, "provenance": "full", "max_credits": 50}
    with playing(snapshot) as sandbox:
        plan = crustframe.plan(CRM, BOTH, [NAME], fallback=True, client=sandbox.client)
        found = CRM.crust.enrich(BOTH, [NAME], max_age=max_age, client=sandbox.client, **options)

        assert found["status"].tolist() == found["crust.status"].tolist()
        asked_by = [None if pd.isna(cell) else cell for cell in found["crust.identifier"]]
        assert [None if pd.isna(cell) else cell for cell in CRM["asked_by"]] == asked_by
        assert 4.0 == sandbox.credits_spent <= plan.credits_high == 7.0

        again = CRM.crust.enrich(BOTH, [NAME], client=sandbox.client, **{**options, "max_credits": 0})
        assert_series_equal(found[NAME], again[NAME])
        assert 4.0 == sandbox.credits_spent


def test_without_it_a_row_stays_with_its_first_cell():
    with playing("A") as sandbox:
        found = CRM.crust.enrich(BOTH, [NAME], client=sandbox.client)

        assert {"matched": 2, "no_match": 5, "invalid": 1} == dict(Counter(found["crust.status"]))
        assert 2.0 == sandbox.credits_spent


def test_a_row_whose_next_cell_finds_somebody_costs_as_much_as_one_person_in_the_plan():
    one_to_one = pd.DataFrame({"linkedin_url": map(url, range(30)), "email": map(mail, range(30))})
    with playing("A") as sandbox:
        plan = crustframe.plan(one_to_one, BOTH, [NAME], fallback=True, client=sandbox.client)
        judged = crustframe.plan(one_to_one, BOTH, [NAME], fallback=True, min_verdict="accept", client=sandbox.client)

        assert (30.0, 60.0) == (plan.credits_high, judged.credits_high)
        assert "where nobody is found, rows go on to their next cell: up to 30 people more" in str(plan)
        with pytest.raises(BudgetError, match="60 credits"):
            one_to_one.crust.enrich(
                BOTH, [NAME], fallback=True, min_verdict="accept", max_credits=59, client=sandbox.client
            )
        assert 0.0 == sandbox.credits_spent


def test_a_match_below_the_verdict_goes_on_to_the_next_cell_and_both_are_paid():
    strangers = pd.DataFrame({"email": ["info@corp.example"], "linkedin_url": [url(1)]})
    with playing("A") as sandbox:
        alone = strangers.crust.enrich("email", [NAME], min_verdict="accept", provenance="full", client=sandbox.client)
        found = strangers.crust.enrich(
            ["email", "linkedin_url"], [NAME], min_verdict="accept", fallback=True, client=sandbox.client
        )
        if alone["crust.status"][0] == "matched":
            pytest.fail("the stand-in gave the right person: choose another address")

        assert ["matched"] == found["crust.status"].tolist()
        assert 2.0 == sandbox.credits_spent


def test_where_the_account_takes_no_emails_rows_go_on_to_their_profile_url():
    frame = pd.DataFrame({"email": [mail(1), mail(2)], "linkedin_url": [url(1), url(2)]})
    with playing("C", "self-serve") as sandbox:
        found = frame.crust.enrich(
            ["email", "linkedin_url"], [NAME], fallback=True, route="calls", max_credits=20, client=sandbox.client
        )

        assert ["matched"] * 2 == found["crust.status"].tolist()
        assert 2.0 == sandbox.credits_spent


@pytest.mark.parametrize(("snapshot", "plan"), PLAYED)
def test_no_plan_and_no_ceiling_is_passed_whatever_the_rows(snapshot, plan):
    pool = [*map(url, range(12)), *map(nobody, range(8)), None, "n/a"]
    other = [*map(mail, range(12)), *(nobody(n, "mail") for n in range(8)), None, *map(url, range(6))]
    for seed in range(12):
        dice = random.Random(seed)
        rows = dice.randint(1, 40)
        frame = pd.DataFrame(
            {"linkedin_url": dice.choices(pool, k=rows), "email": dice.choices(other, k=rows)}, dtype=object
        )
        columns = dice.choice([BOTH, BOTH[::-1]])
        asked = {
            "fields": dice.choice([[NAME], [NAME, EMAIL]]), "fallback": True, "route": dice.choice(["auto", "calls"]),
            "min_verdict": dice.choice([None, "accept"]), "max_age": dice.choice(["30d", 0]),
        }  # fmt: skip
        ceiling = dice.choice([3, 11, 500])
        with playing(snapshot, plan) as sandbox:
            high = crustframe.plan(frame, columns, partial=True, client=sandbox.client, **asked).credits_high
            found = crustframe.enrich(frame, columns, partial=True, max_credits=ceiling, client=sandbox.client, **asked)

            assert sandbox.credits_spent == found.report.credits <= min(high, ceiling), (seed, high, ceiling)
            if ceiling == 500 and plan is None:
                again = {**asked, "max_age": None, "max_credits": 0}
                known = crustframe.enrich(frame, columns, partial=True, client=sandbox.client, **again)
                assert found.frame["crust.status"].tolist() == known.frame["crust.status"].tolist()
                assert found.report.credits == sandbox.credits_spent


def test_in_the_shell_the_next_column_is_asked_too(tmp_path):
    table, output = tmp_path / "crm.csv", tmp_path / "out.csv"
    CRM[BOTH].to_csv(table, index=False)

    shell("enrich", table, "--column", "linkedin_url", "--column", "email", "--fallback", "--field", NAME,
        "--sandbox", "--ledger", tmp_path / "ledger.sqlite3", "-o", output)  # fmt: skip

    assert CRM["status"].tolist() == pd.read_csv(output)["crust.status"].tolist()
