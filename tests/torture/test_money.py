"""Campaigns 3, 4 and 7: ceilings, doubts and estimates, held against the sandbox's meter."""

from __future__ import annotations

import random
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from asked import Asked, draw
from rig import in_a_hurry, people

import crustframe
from crustframe import PartialResultWarning, RetirementWarning, contract
from crustframe.errors import BudgetError, CrustframeError, FieldError, SettingError
from crustframe.sandbox.faults import ACTIONS
from crustframe.verbs.embedded import EmbeddedSandbox

ADD_ONS = ("contact.business_emails", "contact.personal_emails", "contact.phone_numbers", "dev_platform_profiles")
REFUSED = "https://www.linkedin.com/in/lead-7-example"
OUTSIDE_STATUSES = (500, 502, 504)  # a page of theirs: nobody knows whether the API charged
OWN_STATUSES = (400, 402, 403, 404, 422, 429, 500, 503)  # documented: not charged


NOTHING_SENT = (SettingError, FieldError, BudgetError)
ACCOUNTS: tuple[dict[str, Any], ...] = (
    {"grant": (*contract.gated_fields(), *contract.gated_screener_fields()), "preview": True},
    {},
    {"snapshot": "B", "grant": contract.gated_fields(), "preview": True, "denied_fields": ["contact.phone_numbers"]},
    {"snapshot": "C"},
)


@pytest.fixture
def accounts() -> Iterator[list[EmbeddedSandbox]]:
    """Sandboxes of every age and with more or fewer rights; none can be emptied, each refuses somebody."""
    with ExitStack() as open_ones:
        yield [
            open_ones.enter_context(
                crustframe.sandbox(
                    requests_per_minute=None, balance=1e12, refuse=[REFUSED], job_seconds=0.02, **switches
                )
            )
            for switches in ACCOUNTS
        ]


@pytest.fixture
def rich() -> Iterator[EmbeddedSandbox]:
    """A sandbox that no campaign can empty, with somebody whom it refuses."""
    with crustframe.sandbox(requests_per_minute=None, balance=1e12, refuse=[REFUSED]) as running:
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
    """Script up to four faults of calls and two of submits; tell whether one charges where the API says it does not."""
    sandbox.faults.clear()
    sandbox.jobs.faults.clear()
    for _ in range(dice.choice([0, 0, 0, 1, 2])):
        sandbox.jobs.faults.add(action=dice.choice(["reset", "close", "status"]), nth=dice.randint(1, 3))
    hidden = [_script_a_call(sandbox, dice) for _ in range(dice.randint(0, 4))]
    return any(hidden)


def _script_a_call(sandbox: EmbeddedSandbox, dice: random.Random) -> bool:
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
    sandbox.faults.add(action=action, seed=dice.randrange(1000), rate_headers=dice.random() < 0.8, **when, **how)
    return action == "redirect" and bool(how["charge"])


def buy(
    sandbox: EmbeddedSandbox,
    ledger: Path,
    dice: random.Random,
    data: Any,
    asked: Asked,
    ceiling: float,
    *,
    hurry: Mapping[str, Any] | None = None,
) -> Any:
    """Plan and buy what was drawn; return the plan's highest figure, the bill, and what was found, if anything.

    Where nothing could be planned or bought, nothing was sent.
    """
    options = {"concurrency": dice.randint(1, 8), "jitter": dice.random, **(hurry or in_a_hurry())}
    where = {"column": [*data.columns]} if isinstance(data, pd.DataFrame) else {}
    before, sent, found, high = sandbox.credits_spent, _sent(sandbox), None, 0.0
    refused: CrustframeError | None = None
    with sandbox.make_client(ledger=ledger, **options) as client, warnings.catch_warnings():
        for category in (PartialResultWarning, RetirementWarning):
            warnings.simplefilter("ignore", category)
        try:
            high = asked.plan(data, **where, client=client, **asked.planned).credits_high
            found = asked.verb(data, **where, max_credits=ceiling, client=client, **asked.options)
        except CrustframeError as error:
            refused = error if isinstance(error, NOTHING_SENT) else None
    assert refused is None or sent == _sent(sandbox), refused
    until = time.monotonic() + 30
    while any(job.is_active for job in sandbox.jobs.all) and time.monotonic() < until:
        time.sleep(0.005)  # a job that nobody waited for is billed when it ends
    return high, sandbox.credits_spent - before, found


def _sent(sandbox: EmbeddedSandbox) -> int:
    return sandbox.calls + len(sandbox.jobs.submitted)


def rows_of(asked: Asked, column: list[str]) -> Any:
    """Return the people in the shape that this way of buying takes."""
    if asked.verb.__module__ == "crustframe.verbs.lookup":
        return column
    return pd.DataFrame({"who": column} | ({"or": column[::-1]} if asked.options.get("fallback") else {}))


def run(sandbox: EmbeddedSandbox, ledger: Path, dice: random.Random, column: list[str], **asked: Any) -> Any:
    """Enrich on a client of its own that waits for nobody; return what it found, or nothing if it raised."""
    with (
        sandbox.make_client(
            ledger=ledger, concurrency=dice.randint(1, 8), jitter=dice.random, **in_a_hurry()
        ) as client,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore", PartialResultWarning)
        try:
            return crustframe.enrich(column, client=client, **asked)
        except CrustframeError:
            return None


@pytest.mark.campaign(sample=30, full=10_000)
def test_no_schedule_of_faults_passes_a_ceiling(accounts, tmp_path, size, figures):
    """Two runs over one ledger, whatever is asked and whatever the server does.

    Each keeps to its plan and its ceiling, both to that of the day.
    """
    charged = stopped = 0.0
    for seed in range(size):
        dice = random.Random(seed)
        sandbox = dice.choice(accounts)
        hidden = script(sandbox, dice)
        asked, column, ledger = draw(dice), column_of(dice, 150), tmp_path / f"{seed}.sqlite3"
        daily = None
        if dice.random() < 0.3 and not hidden:
            daily = float(dice.randint(0, 400))
            with sandbox.make_client(ledger=ledger) as client:
                client.ledger.set_daily_ceiling(daily)
        before_both, data = sandbox.credits_spent, rows_of(asked, column)
        for _ in range(2):
            ceiling = dice.choice([0, 1, dice.uniform(0, 300), dice.randint(0, 1000)])
            high, bill, found = buy(sandbox, ledger, dice, data, asked, ceiling)
            stopped += found is None
            assert bill <= ceiling, (seed, bill, ceiling, asked)
            assert bill <= high, (seed, bill, high, asked)
            charged += bill
            if dice.random() < 0.5:
                asked = draw(dice)
                data = rows_of(asked, column)
            elif isinstance(data, pd.DataFrame) and found is not None:
                data = found.frame
        assert daily is None or sandbox.credits_spent - before_both <= daily, (seed, daily)
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


@pytest.mark.campaign(sample=50, full=4_000)
def test_no_bill_is_above_its_estimate(accounts, tmp_path, size, figures):
    """Random people, and every option of every surface, on accounts of every age; nothing goes wrong."""
    estimates = bills = 0.0
    bought = 0
    for trial in range(size):
        dice = random.Random(trial)
        sandbox, asked = dice.choice(accounts), draw(dice)
        sandbox.faults.clear()
        sandbox.jobs.faults.clear()
        data = rows_of(asked, column_of(dice, 60))
        estimate, bill, found = buy(sandbox, tmp_path / f"{trial}.sqlite3", dice, data, asked, 1e9)
        assert 0 <= bill <= estimate, (trial, bill, estimate, asked)
        if found is not None and asked.options.get("wait", asked.verb.__module__ != "crustframe.verbs.lookup"):
            assert bill == found.report.credits, (trial, asked)
        bought += bill > 0
        estimates, bills = estimates + estimate, bills + bill
    assert bought > size / 4
    figures(inputs=size, bought=bought, estimated=estimates, billed=bills)
