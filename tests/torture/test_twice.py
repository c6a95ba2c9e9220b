"""Ctrl-C twice, and a fork: a request on its way belongs to its run until it has ended."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

import pytest

import crustframe
from crustframe.buying.reconcile import resolve

NAME = "basic_profile.name"
PEOPLE = [f"https://www.linkedin.com/in/twice-{n:02d}-example" for n in range(25)]

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals"),
    pytest.mark.filterwarnings("ignore::crustframe.PartialResultWarning"),
]


def interrupted(client, *after_s):
    """Ask, and press Ctrl-C so many seconds later, each."""
    timers = [threading.Timer(seconds, signal.raise_signal, [signal.SIGINT]) for seconds in after_s]
    for timer in timers:
        timer.start()
    try:
        with pytest.raises(crustframe.Interrupted) as caught:
            crustframe.enrich(PEOPLE, fields=[NAME], client=client)
    finally:
        for timer in timers:
            timer.join()
    return caught.value.enrichment.report


@pytest.mark.parametrize("presses", [(0.6, 1.0), (0.6, 0.8), (0.5, 1.3)])
def test_a_request_that_nobody_waits_for_any_more_is_in_doubt_and_not_bought_beside(presses):
    """Ctrl-C twice, the cell again at once, and again when the answer has come."""
    with crustframe.sandbox(requests_per_minute=None, latency_s=4.0) as sandbox:
        report = interrupted(sandbox.client, *presses)
        assert (25, 25.0) == (report.statuses["in_doubt"], report.credits_at_risk)

        at_once = crustframe.enrich(PEOPLE, fields=[NAME], client=sandbox.client).report
        assert (25, 0) == (at_once.statuses["in_doubt"], at_once.calls)

        until = time.monotonic() + 20
        while sandbox.client.ledger.doubts() and time.monotonic() < until:
            time.sleep(0.1)
        later = crustframe.enrich(PEOPLE, fields=[NAME], client=sandbox.client).report

        assert (25, 0) == (later.statuses["matched"], later.calls)
        assert 25 == sandbox.credits_spent


@pytest.mark.parametrize("how", ["resend", "resolve", "another process"])
def test_nobody_is_bought_beside_a_request_on_its_way_also_when_asked_to(how):
    """It belongs to its run until it has ended; then its answer is there, paid once."""
    with crustframe.sandbox(requests_per_minute=None, latency_s=4.0) as sandbox:
        client = sandbox.client
        interrupted(client, 0.6, 1.0)
        sandbox.pass_time(600)
        if how == "resolve":
            settled = resolve(client, resend=True)
            assert (25, 0, 0) == (len(settled.untold), len(settled.freed), len(settled.uncharged))
        asked = sandbox.make_client() if how == "another process" else client
        on_doubt = "ask" if how == "resolve" else "resend"
        at_once = crustframe.enrich(PEOPLE, fields=[NAME], on_doubt=on_doubt, client=asked).report
        assert (25, 0) == (at_once.statuses["in_doubt"], at_once.calls)

        until = time.monotonic() + 20
        while client.ledger.doubts() and time.monotonic() < until:
            time.sleep(0.1)
        later = crustframe.enrich(PEOPLE, fields=[NAME], on_doubt="resend", client=asked).report

        assert (25, 0, 25) == (later.statuses["matched"], later.calls, sandbox.credits_spent)
        asked.close()


def test_one_press_waits_for_the_answer():
    with crustframe.sandbox(requests_per_minute=None, latency_s=1.0) as sandbox:
        report = interrupted(sandbox.client, 0.4)

        assert (25, 25.0) == (report.statuses["matched"], report.credits)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.billed_past_the_plan("the plan of the child is made in another process")
def test_a_fork_shares_no_connection():
    """Parent and child ask at once with one client; no answer goes to the other."""
    halves = PEOPLE[:12], PEOPLE[12:]
    with crustframe.sandbox(requests_per_minute=None, latency_s=0.2) as sandbox:
        sandbox.client.credits()  # the connection is there before the fork
        child = os.fork()
        found = crustframe.enrich(halves[child == 0], fields=[NAME], client=sandbox.client)
        matched = found.report.statuses["matched"]
        if child == 0:
            os._exit(0 if matched == len(halves[1]) else 1)
        _, ended = os.waitpid(child, 0)

        assert (12, 0) == (matched, os.waitstatus_to_exitcode(ended))
        assert 25 == sandbox.credits_spent
        assert 25 == crustframe.enrich(PEOPLE, fields=[NAME], max_credits=0, client=sandbox.client).report.known
