"""One ceiling over everything that a question buys, whichever surfaces it takes and whatever these do."""

from __future__ import annotations

import random

import pytest

import crustframe
from crustframe.errors import CrustframeError

NAME, EMAIL = "basic_profile.name", "contact.business_emails[0].email as email"
PEOPLE = [
    *(f"https://www.linkedin.com/in/lead-{n}-example" for n in range(40)),
    *(f"lead.{n}@corp.example" for n in range(20)),
]


@pytest.mark.filterwarnings("ignore::crustframe.PartialResultWarning")
@pytest.mark.campaign(sample=25, full=1000)
def test_one_ceiling_holds_over_all_surfaces(size, figures, tmp_path):
    made = 0
    for seed in range(size):
        dice = random.Random(seed)
        plan, billing = dice.choice([None, "contact", "full"]), dice.choice(["delivered", "base"])
        with crustframe.sandbox(
            requests_per_minute=None, snapshot=dice.choice("AC"), job_seconds=0.05, plan=plan, contact_billing=billing
        ) as sandbox:
            for number in range(dice.randint(0, 3)):
                action, nth = dice.choice(["reset", "close", "status", "drop_item"]), dice.randint(1, 6)
                sandbox.faults.add(action, nth=nth, seed=number)
            client = sandbox.make_client(ledger=tmp_path / f"{seed}.sqlite3", sleep=lambda _: None)
            column = dice.sample(PEOPLE, dice.randint(1, 40))
            ceiling = dice.randint(0, 90)
            route, before = dice.choice(["auto", "calls"]), sandbox.credits_spent
            try:
                report = crustframe.enrich(
                    column, fields=dice.choice([[NAME, EMAIL], [NAME]]), max_credits=ceiling, partial=True, route=route,
                    client=client,
                ).report  # fmt: skip
                assert report.credits + report.credits_at_risk >= sandbox.credits_spent - before
                made += 1
            except CrustframeError:
                pass
            assert sandbox.credits_spent - before <= ceiling, seed
            client.close()
    figures(runs=size, ended=made)
