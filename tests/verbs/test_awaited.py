"""``await crustframe.enrich_async(...)``: the same run beside an event loop, and how a cancelled one ends."""

from __future__ import annotations

import asyncio
import inspect
import re
import threading
import time

import polars as pl
import pytest

import crustframe
from crustframe.errors import BudgetError

FIELDS = ["basic_profile.name"]
PEOPLE = [f"https://www.linkedin.com/in/lead-{number}-example" for number in range(300)]


def test_it_takes_and_gives_what_enrich_does(client, sandbox):
    assert inspect.signature(crustframe.enrich).parameters == inspect.signature(crustframe.enrich_async).parameters

    found = asyncio.run(crustframe.enrich_async(pl.DataFrame({"url": PEOPLE[:3]}), "url", FIELDS, client=client))

    assert isinstance(found.frame, pl.DataFrame)
    assert (3, 3) == (found.report.statuses["matched"], sandbox.credits_spent)
    with pytest.raises(BudgetError):
        asyncio.run(crustframe.enrich_async(PEOPLE, fields=FIELDS, max_credits=1, client=client))


def test_the_loop_goes_on_meanwhile_and_runs_go_side_by_side(client, sandbox):
    ticks = []

    async def tick():
        while True:
            ticks.append(time.monotonic())
            await asyncio.sleep(0.01)

    async def both():
        clock = asyncio.create_task(tick())
        runs = (crustframe.enrich_async(PEOPLE[:60], fields=FIELDS, client=client) for _ in range(2))
        found = await asyncio.gather(*runs)
        clock.cancel()
        return found

    found = asyncio.run(both())

    assert [60, 60] == [one.report.statuses["matched"] for one in found]
    assert 60 == sandbox.credits_spent
    assert len(ticks) > 3


def test_progress_is_told_while_it_runs(client):
    told = []
    asyncio.run(crustframe.enrich_async(PEOPLE[:30], fields=FIELDS, progress=told.append, client=client))

    assert 30 == told[-1].done


@pytest.mark.parametrize("route", ["calls", "job"])
def test_a_cancelled_run_ends_first_and_keeps_what_was_paid(route):
    """The account allows 4 calls a minute, or its job takes an hour: a run that was not cancelled would wait."""
    with crustframe.sandbox(requests_per_minute=4, job_seconds=3600) as sandbox:
        client = sandbox.client

        async def ended() -> float:
            run = asyncio.create_task(
                crustframe.enrich_async(PEOPLE, fields=FIELDS, max_credits=300, route=route, client=client)
            )
            await asyncio.sleep(2)
            began = time.monotonic()
            run.cancel()
            with pytest.raises(asyncio.CancelledError):
                await run
            return time.monotonic() - began

        took_s = asyncio.run(ended())
        spent, calls = sandbox.credits_spent, sandbox.calls

        assert took_s < 20
        assert not [name for thread in threading.enumerate() if re.fullmatch(r"crustframe-\d+", name := thread.name)]
        assert crustframe.last_report().interrupted
        time.sleep(0.5)
        assert (spent, calls) == (sandbox.credits_spent, sandbox.calls)
        known = crustframe.plan(PEOPLE, fields=FIELDS, client=client).known
        assert spent == known == (100 if route == "calls" else 0)


def test_a_timeout_is_a_cancellation_and_the_next_run_goes_on():
    with crustframe.sandbox(requests_per_minute=4) as sandbox:

        async def hurried():
            async with asyncio.timeout(3):
                await crustframe.enrich_async(PEOPLE, fields=FIELDS, max_credits=300, client=sandbox.client)

        with pytest.raises(TimeoutError):
            asyncio.run(hurried())
        spent = sandbox.credits_spent

        found = crustframe.enrich(PEOPLE[: int(spent)], fields=FIELDS, client=sandbox.client)
        assert (0, spent) == (found.report.credits, sandbox.credits_spent)
        assert {"matched": spent} == {status: n for status, n in found.report.statuses.items() if n}
