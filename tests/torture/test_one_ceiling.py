"""One ceiling over everything that a question buys, whichever surfaces it takes and whatever these do."""

from __future__ import annotations

import random
from typing import Any

import pandas as pd
import pytest

import crustframe
from crustframe.errors import CrustframeError

NAME, EMAIL = "basic_profile.name", "contact.business_emails[0].email as work_email"
SKILLS = "skills.professional_network_skills | count as skills"
PEOPLE = [
    *(f"https://www.linkedin.com/in/lead-{n}-example" for n in range(40)),
    *(f"https://www.linkedin.com/in/nobody-{n}" for n in range(6)),
    *(f"lead.{n}@corp.example" for n in range(20)),
    *(f"nobody.{n}@corp.example" for n in range(4)),
    *(f"lead.{n}@gmail.com" for n in range(6)),
]


def drawn(dice: random.Random) -> dict[str, Any]:
    """Return what is asked and how, but for whom."""
    return {
        "fields": dice.choice([[NAME, EMAIL], [NAME], [EMAIL], [NAME, SKILLS], [NAME, SKILLS, EMAIL]]),
        "route": dice.choice(["auto", "calls", "job"]),
        "keep": dice.choice(["all", "asked"]),
        "max_age": dice.choice(["30d", "30d", 0]),
        "fallback": dice.random() < 0.5,
        "free_mail": dice.random() < 0.4,
        "on_doubt": dice.choice(["ask", "resend", "skip"]),
        "force_fetch": dice.random() < 0.1,
        "min_verdict": dice.choice([None, None, "review", "accept"]),
        "limit": dice.choice([None, None, 5]),
    }


def rows(dice: random.Random) -> pd.DataFrame:
    """Return rows with two cells, which may name the same person, another one or nobody."""
    n = dice.randint(1, 40)
    return pd.DataFrame(
        {"one": dice.choices(PEOPLE, k=n), "two": dice.choices([*PEOPLE, None, "n/a"], k=n)}, dtype=object
    )


@pytest.mark.filterwarnings("ignore::crustframe.PartialResultWarning")
@pytest.mark.campaign(sample=25, full=1000)
def test_one_ceiling_holds_over_all_surfaces(size, figures, tmp_path):
    made = 0
    for seed in range(size):
        dice = random.Random(seed)
        plan, billing = dice.choice([None, "self-serve", "contact", "full"]), dice.choice(["delivered", "base"])
        with crustframe.sandbox(
            requests_per_minute=None, snapshot=dice.choice("AC"), job_seconds=0.05, plan=plan, contact_billing=billing
        ) as sandbox:
            for number in range(dice.randint(0, 3)):
                action, nth = dice.choice(["reset", "close", "status", "drop_item"]), dice.randint(1, 6)
                sandbox.faults.add(action, nth=nth, seed=number)
            client = sandbox.make_client(ledger=tmp_path / f"{seed}.sqlite3", sleep=lambda _: None)
            for _ in range(2):  # the second run knows the account, and some of the people
                frame, asked, ceiling = rows(dice), drawn(dice), dice.randint(0, 90)
                columns = dice.choice([["one", "two"], ["two", "one"], ["one"]])
                before = sandbox.credits_spent
                try:
                    high = crustframe.plan(frame, columns, partial=True, client=client, **asked).credits_high
                    report = crustframe.enrich(
                        frame, columns, max_credits=ceiling, partial=True, client=client, **asked
                    ).report
                    spent = sandbox.credits_spent - before
                    assert report.credits + report.credits_at_risk >= spent, (seed, asked)
                    assert spent <= high, (seed, asked)
                    made += 1
                except CrustframeError:
                    pass
                assert sandbox.credits_spent - before <= ceiling, (seed, asked)
            client.close()
    figures(runs=2 * size, ended=made)
