"""Campaigns 3, 4 and 7: ceilings, doubts and estimates, held against the sandbox's meter."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rig import in_a_hurry, people

import crustframe
from crustframe import PartialResultWarning, RetirementWarning, contract
from crustframe.embedded import EmbeddedSandbox
from crustframe.errors import CrustframeError
from crustframe.sandbox.faults import ACTIONS

ADD_ONS = ("contact.business_emails", "contact.personal_emails", "contact.phone_numbers", "dev_platform_profiles")
REFUSED = "https://www.linkedin.com/in/lead-7-example"
OUTSIDE_STATUSES = (500, 502, 504)  # a page of theirs: nobody knows whether the API charged
OWN_STATUSES = (400, 402, 403, 404, 422, 429, 500, 503)  # documented: not charged


@pytest.fixture
def rich() -> Iterator[EmbeddedSandbox]:
    """A sandbox that no campaign can empty, with somebody whom it refuses."""
    with crustframe.sandbox(requests_per_minute=None, balance=1e12, refuse=[REFUSED], job_seconds=0.05) as running:
        yield running


def column_of(dice: random.Random, most: int) -> list[str]:
    """Return people of both kinds, known or not, spelled twice or not, and cells that name nobody."""
    column = []
    for _ in range(dice.randint(1, most)):
        number = dice.randrange(200)
        column += dice.choice(
            [
                people(1, number),
                people(1, number),
                [f"linkedin.com/in/Lead-{number}-Example/", *people(1, number)],
                [f"lead.{number}@corp.example"],
                [f"https://www.linkedin.com/in/nobody-{number}"],
                ["", "n/a"],
            ]
        )
    return column


def fields_of(add_ons: list[str]) -> list[str]:
    return ["basic_profile.name as name", *(f"{add_on} | json as add_on_{n}" for n, add_on in enumerate(add_ons))]


def script(sandbox: EmbeddedSandbox, dice: random.Random) -> bool:
    """Script up to four faults; tell whether one of them charges where the API says that it does not."""
    hidden = False
    for _ in range(dice.randint(0, 4)):
        action = dice.choice(sorted(ACTIONS - {"overcharge"}))
        when: dict[str, Any] = dice.choice(
            [{"nth": dice.randint(1, 6)}, {"every": dice.randint(2, 5)}, {"probability": 0.3}, {"times": 2}, {}]
        )
        how: dict[str, Any] = {"charge": dice.choice([None, True, False]), "seconds": 0.01}
        if action == "status" and dice.random() < 0.5:
            how |= {"status": dice.choice(OUTSIDE_STATUSES), "html": True}
        elif action == "status":
            how |= {"status": dice.choice(OWN_STATUSES), "charge": False}
        if dice.random() < 0.2:
            how["retry_after"] = str(dice.randint(0, 400))
        hidden = hidden or (action == "redirect" and bool(how["charge"]))
        sandbox.faults.add(action=action, seed=dice.randrange(1000), rate_headers=dice.random() < 0.8, **when, **how)
    return hidden


def question_of(dice: random.Random, add_ons: list[str]) -> dict[str, Any]:
    """Draw a surface and every option of it that changes what is sent or what it costs."""
    surface = dice.choice(["person", "person", "person", "screener", "contacts"])
    if surface == "contacts":
        kinds = dice.sample(["business_email", "personal_emails", "phone_numbers"], dice.randint(1, 3))
        return {"verb": crustframe.contacts, "kinds": kinds, "verified": dice.random() < 0.5}
    fresh = dice.random() < 0.2
    asked: dict[str, Any] = {
        "verb": crustframe.enrich,
        "fields": fields_of(add_ons),
        "keep": dice.choice(["all", "asked"]),
        "enrich_realtime": fresh,
        "force_fetch": fresh and dice.random() < 0.5,
        "min_similarity_score": dice.choice([None, None, 0.0, 0.7, 1.0]),
    }
    if surface == "screener":
        fields = [["name"], ["business_email"], ["name", "business_email"], ["name", "skills"]]
        return {**asked, "api": "screener", "fields": dice.choice(fields)}
    if not (fresh or dice.random() < 0.5):
        asked["route"] = dice.choice(["auto", "calls", "job"])
    return asked


def plan_of(asked: dict[str, Any], column: list[str], client: Any) -> Any:
    """Return the plan of a drawn question."""
    verb, options = asked["verb"], {name: value for name, value in asked.items() if name != "verb"}
    return (crustframe.plan_contacts if verb is crustframe.contacts else crustframe.plan)(
        column, client=client, **options
    )


def run_as_drawn(asked: dict[str, Any], column: list[str], client: Any) -> Any:
    """Return what a drawn question found, or nothing if it was refused as a whole."""
    try:
        return asked["verb"](column, client=client, **{name: value for name, value in asked.items() if name != "verb"})
    except CrustframeError:
        return None


def run(
    sandbox: EmbeddedSandbox,
    ledger: Path,
    dice: random.Random,
    column: list[str],
    verb: Any = crustframe.enrich,
    **asked: Any,
) -> Any:
    """Ask on a client of its own that waits for nobody; return what it found, or nothing if it raised."""
    with (
        sandbox.make_client(
            ledger=ledger, concurrency=dice.randint(1, 8), jitter=dice.random, **in_a_hurry()
        ) as client,
        warnings.catch_warnings(),
    ):
        for kind in (PartialResultWarning, RetirementWarning):
            warnings.simplefilter("ignore", kind)
        try:
            return verb(column, client=client, **asked)
        except CrustframeError:
            return None


@pytest.mark.campaign(sample=30, full=10_000)
def test_no_schedule_of_faults_passes_a_ceiling(rich, tmp_path, size, figures):
    """Two runs over one ledger, whatever the server does: each keeps to its ceiling, both to that of the day."""
    charged = stopped = 0.0
    for seed in range(size):
        dice = random.Random(seed)
        rich.faults.clear()
        hidden = script(rich, dice)
        add_ons = [add_on for add_on in ADD_ONS if dice.random() < 0.4]
        column, ledger = column_of(dice, 150), tmp_path / f"{seed}.sqlite3"
        daily = None
        if dice.random() < 0.3 and not hidden:
            daily = float(dice.randint(0, 400))
            with rich.make_client(ledger=ledger) as client:
                client.ledger.set_daily_ceiling(daily)
        before_both = rich.credits_spent
        for _ in range(2):
            asked = question_of(dice, add_ons)
            before, ceiling = rich.credits_spent, dice.choice([0, 1, dice.uniform(0, 300), dice.randint(0, 1000)])
            found = run(
                rich,
                ledger,
                dice,
                column,
                max_credits=ceiling,
                partial=True,
                on_doubt=dice.choice(["ask", "resend", "skip"]),
                **({} if asked["verb"] is crustframe.contacts else {"errors": dice.choice(["coerce", "raise"])}),
                **asked,
            )
            stopped += found is None
            assert rich.credits_spent - before <= ceiling, (seed, rich.credits_spent - before, ceiling)
            charged += rich.credits_spent - before
        assert daily is None or rich.credits_spent - before_both <= daily, (seed, daily)
        for left in tmp_path.glob(f"{seed}.sqlite3"):
            left.unlink()
    figures(schedules=size, runs=2 * size, raised=int(stopped), credits=charged, above_ceiling=0)


@pytest.mark.campaign(sample=25, full=500)
def test_every_charge_that_nobody_heard_of_is_told(rich, tmp_path, size, figures, monkeypatch):
    """2 % of the answers are charged and lost; requests are small, so that it bites."""
    monkeypatch.setattr(contract, "MAX_IDENTIFIERS", 4)
    lost = twice = unfinished = 0.0
    for seed in range(size):
        dice = random.Random(seed)
        rich.faults.clear()
        rich.faults.add(action="reset", charge=True, probability=0.02, seed=seed)
        add_ons = [add_on for add_on in ADD_ONS if dice.random() < 0.3]
        column = people(200, start=1000)
        price = contract.BASE_PRICE + sum(contract.ADD_ON_PRICES[add_on] for add_on in add_ons)
        charged_before = dict(rich.people_charged)
        told: set[str] = set()
        at_risk = 0.0
        for attempt in range(6):
            before = rich.credits_spent
            found = run(
                rich,
                tmp_path / f"{seed}.sqlite3",
                dice,
                column,
                fields=fields_of(add_ons),
                keep="asked",
                on_doubt="ask" if attempt < 2 else "resend",
            )
            hidden = rich.credits_spent - before - found.report.credits
            assert 0 <= hidden <= found.report.credits_at_risk, seed
            lost += hidden
            told |= set(found.report.resent)
            at_risk += found.report.credits_of_repeats
            heard = set(found.frame.index[found.frame["crust.status"] == "matched"])
            charged = {p for p, n in rich.people_charged.items() if n > charged_before.get(p, 0)}
            silent = {text for n, text in enumerate(column) if n not in heard and text.rpartition("/")[2] in charged}
            assert silent <= set(found.report.in_doubt), seed
            if found.report.is_complete:
                break
        unfinished += not found.report.is_complete
        doubled = {p: n - charged_before.get(p, 0) - 1 for p, n in rich.people_charged.items()}
        doubled = {p: n for p, n in doubled.items() if n > 0}
        assert set(doubled) <= {text.rpartition("/")[2] for text in told}, seed
        assert at_risk >= price * sum(doubled.values()), seed
        twice += sum(doubled.values())
    figures(runs=size, credits_lost=lost, charged_twice=int(twice), not_complete_after_six=int(unfinished), untold=0)


@pytest.mark.campaign(sample=40, full=320)
def test_no_bill_is_above_its_estimate(rich, tmp_path, size, figures):
    """20 random inputs, each with the mixes of add-ons: 4 of them in the suite, all 16 in the campaign."""
    estimates = bills = 0.0
    for trial in range(size):
        dice = random.Random(trial % 20)
        mix = trial // 20 * 5 % 16  # 0, 5, 10, 15, then the others
        column = column_of(dice, 60)
        asked = question_of(random.Random(trial), [a for n, a in enumerate(ADD_ONS) if mix >> n & 1])
        before = rich.credits_spent
        with (
            rich.make_client(ledger=tmp_path / f"{trial}.sqlite3", **in_a_hurry()) as client,
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            estimate = plan_of(asked, column, client)
            found = run_as_drawn(asked, column, client)
        if found is None:
            assert before == rich.credits_spent, trial
            continue
        bill = rich.credits_spent - before
        assert bill == found.report.credits, trial
        assert bill <= estimate.credits_high, trial
        estimates, bills = estimates + estimate.credits_high, bills + bill
    figures(inputs=20, mixes=size // 20, estimated=estimates, billed=bills)
