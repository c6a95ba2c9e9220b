"""A first look: the first people are bought, everybody else is left for later, and what that would cost is told."""

from __future__ import annotations

import pandas as pd
import pytest
from command_line import NAME, PROFILE

import crustframe
from crustframe.errors import SettingError
from crustframe.verbs.fallback import Rows

SLUGS = ["avery-1-example", "AVERY-1-example/", "nobody-2", "avery-3-example", "avery-4-example", "avery-3-example"]
CELLS = [*(PROFILE + slug for slug in SLUGS), "", "junk"]


@pytest.fixture
def people():
    return pd.DataFrame({"url": CELLS})


def test_the_first_people_are_bought_and_the_rest_is_priced(people, sandbox, client):
    plan = crustframe.plan(people, "url", [NAME], limit=3, client=client)
    found = crustframe.enrich(people, "url", [NAME], limit=3, provenance="full", client=client)

    assert (3, 3.0) == (plan.n_new, plan.credits_high)
    assert "beyond the limit: 1 person, for up to 1 credit more" in str(plan)
    expected = ["matched", "matched", "no_match", "matched", "not_run", "matched", "blank", "invalid"]
    assert expected == found.frame["crust.status"].tolist()
    assert "limit" == found.frame["crust.reason"][4]
    assert found.frame[NAME].isna()[4]
    assert (2, 2.0) == (sandbox.credits_spent, found.report.credits)
    report = found.report.to_dict()
    assert (1, 1, 1.0) == tuple(report[f"{what}_beyond_limit"] for what in ("rows", "people", "credits"))
    assert "not asked for, beyond the limit: 1 person in 1 row, for up to 1 credit" in str(found.report)
    assert found.report.is_complete
    assert not found.report.hit_ceiling


def test_the_same_look_again_is_free_and_the_whole_costs_the_rest(people, sandbox, client):
    for limit, spent in ((1, 1), (1, 1), (2, 1), (3, 2), (None, 3), (1, 3)):
        found = crustframe.enrich(people, "url", [NAME], limit=limit, client=client)
        assert spent == sandbox.credits_spent
    assert 0.0 == found.report.credits_beyond_limit


def test_a_ceiling_is_about_the_first_people_alone(people, sandbox, client):
    found = crustframe.enrich(people, "url", ["contact.phone_numbers"], limit=1, max_credits=4, client=client)

    assert 2 == found.report.statuses["matched"]
    assert sandbox.credits_spent <= 4
    assert 12.0 == found.report.credits_beyond_limit


@pytest.mark.parametrize("only", ["missing", "failed"])
def test_rows_that_are_left_stay_as_they_are_where_only_some_are_filled(people, sandbox, client, only):
    people[NAME] = ["", "", "", "mine", "", "", "", ""]
    people["crust.status"] = "failed"

    found = crustframe.enrich(people, "url", [NAME], only=only, limit=1, client=client).frame

    assert ["matched", "matched", *["failed"] * 4] == found["crust.status"].tolist()[:6]
    assert ["", "mine", "", ""] == found[NAME].tolist()[2:6]
    assert 1 == sandbox.credits_spent


def test_contacts_of_the_first_people(sandbox, client):
    sandbox.jobs.job_seconds = 0.1
    cells = [PROFILE + "avery-1-example", "linkedin.com/in/Avery-1-example", PROFILE + "avery-2-example"]

    plan = crustframe.plan_contacts(cells, kinds="phone_numbers", limit=1, client=client)
    found = crustframe.contacts(cells, kinds="phone_numbers", limit=1, client=client)

    first, same, later = found.frame["crust.status"]
    assert "not_run" == later
    assert first == same != later
    assert (1, 1) == (plan.n_new, found.report.people_beyond_limit)
    assert plan.credits_high == found.report.credits_beyond_limit >= 2


def test_rows_of_the_first_people_still_go_on_to_their_next_cell(sandbox, client):
    frame = pd.DataFrame(
        {"url": [PROFILE + "nobody-1", PROFILE + "avery-1-example"], "mail": ["a@corp.example", "b@corp.example"]}
    )

    found = crustframe.enrich(frame, ["url", "mail"], [NAME], fallback=True, limit=1, client=client)

    assert ["matched", "not_run"] == found.frame["crust.status"].tolist()
    assert 1 == sandbox.credits_spent
    assert 1 == found.report.people_beyond_limit


@pytest.mark.parametrize("limit", [0, -1, True, 1.5, "3"])
def test_what_is_no_number_of_people_is_refused(people, sandbox, client, limit):
    for verb in (crustframe.plan, crustframe.enrich, crustframe.contacts):
        with pytest.raises(SettingError, match="no number of people"):
            verb(people, "url", limit=limit, client=client)
    assert 0 == sandbox.calls


def test_no_row_is_lost_between_the_first_people_and_the_rest():
    identifiers = Rows(CELLS).identifiers
    for limit in range(1, 6):
        first, rest = (part.identifiers for part in Rows(CELLS).first(limit, lambda _: True))
        assert identifiers.unique == first.unique + rest.unique
        assert identifiers.spellings == first.spellings + rest.spellings
        assert len(first.unique) == min(limit, 4)
        rows = {row for row, at in enumerate(first.per_row) if at >= 0}
        assert {row for row, at in enumerate(identifiers.per_row) if at >= 0} == rows | set(first.beyond_limit)
        assert (1, 1) == (first.n_blank, first.n_invalid)


def test_in_the_shell(account, run, tmp_path):
    (tmp_path / "in.csv").write_text("url\n" + "\n".join(CELLS[:6]) + "\n", encoding="utf-8")

    ran = run("enrich", tmp_path / "in.csv", "--field", NAME, "--limit", "2")

    assert (0, 1) == (ran.code, account.credits_spent), ran.words
    assert ["matched", "matched", "no_match", "not_run", "not_run", "not_run"] == [r["crust.status"] for r in ran.rows]
    assert "not asked for, beyond the limit: 2 people in 3 rows, for up to 2 credits" in ran.words
    assert 2 == run("enrich", tmp_path / "in.csv", "--limit", "0").code
