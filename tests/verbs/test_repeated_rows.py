"""A question about rows that differ, each once, has the answers and the receipt of one about every row."""

from __future__ import annotations

import random
from dataclasses import replace

import pandas as pd
import pytest
from command_line import NAME, PROFILE

import crustframe
from crustframe.people.distinct import distinct

URLS = ["", "junk", "somebody@gmail.com", *(f"{PROFILE}lead-{n}-example" for n in range(4)), f"{PROFILE}nobody-1"]
URLS += ["linkedin.com/in/Lead-1-Example/", f"{PROFILE}company/x", None, 7]
MAILS = ["", "a1@corp.example", "b2@corp.example", f"{PROFILE}lead-2-example", "nobody"]
OPTIONS = [
    {},
    {"limit": 2},
    {"fallback": True},
    {"fallback": True, "limit": 3, "provenance": "full"},
    {"only": "missing"},
    {"only": "failed", "limit": 1},
    {"only": "missing", "provenance": "full"},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("column", ["url", ["mail", "url"]], ids=str)
def test_the_receipt_counts_every_row(sandbox, client, options, column):
    luck = random.Random(f"{options} {column}")
    names = ["url", "mail", NAME, "crust.status"]
    cells = [URLS, MAILS, ["", "Old"], ["", "failed", "matched", "not_run"]]
    frame = pd.DataFrame([[luck.choice(some) for some in cells] for _ in range(80)], columns=names, dtype=object)
    rows = distinct(names, map(tuple, frame.itertuples(index=False)))

    of_plan = {name: value for name, value in options.items() if name != "provenance"}
    planned = crustframe.plan(rows, column, [NAME], client=client, **of_plan)
    assert str(crustframe.plan(frame, column, [NAME], client=client, **of_plan)) == str(planned)
    found = crustframe.enrich(rows, column, [NAME], client=client, **options)
    spent = sandbox.credits_spent
    again = crustframe.enrich(frame, column, [NAME], client=client, **options)

    assert planned.credits_high >= spent == sandbox.credits_spent
    took = {"seconds", "calls", "credits", "credits_by_surface", "known", "request_ids", "text_credits"}
    ours, theirs = (replace(one.report, **dict.fromkeys(took)) for one in (found, again))
    assert theirs == ours
    by_row = found.frame.iloc[list(rows.codes)].reset_index(drop=True)
    untold = ["crust.source", "crust.fetched_at", "crust.request_id"]
    pd.testing.assert_frame_equal(
        again.frame.drop(columns=untold, errors="ignore"), by_row.drop(columns=untold, errors="ignore")
    )


def test_contacts_count_every_row(client):
    rows = distinct(["url"], [(URLS[n % 5],) for n in range(40)])

    planned = crustframe.plan_contacts(rows, "url", "phone_numbers", client=client)
    found = crustframe.contacts(rows, "url", "phone_numbers", client=client)

    assert (40, 8, 16, 2) == (planned.rows, planned.blank, planned.invalid, planned.people)
    assert (40, 5) == (sum(found.report.statuses.values()), len(found.frame))
