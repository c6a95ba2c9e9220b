"""Plays against the promises: moves drawn by chance, and after each the books are held against the server's counter.

Moves: every way to buy with every option, plans, results of jobs, doubts settled with and without ``--resend``, people
forgotten and suppressed, answers lost before and after the charge, a clock that jumps two hours, a ceiling for the day,
a second process' client, answers that a killed run left unread, Ctrl-C in the middle, midnight, a copied file.
"""

from __future__ import annotations

import _thread
import random
import shutil
import sqlite3
import time
import warnings
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from asked import draw
from test_money import NOTHING_SENT, REFUSED, buy, column_of, rows_of, script

import crustframe
from crustframe.api import person
from crustframe.buying.jobs import collect
from crustframe.buying.reconcile import resolve
from crustframe.client import Client
from crustframe.errors import CrustframeError
from crustframe.ledger import Need
from crustframe.ledger.runs import Told
from crustframe.people.identifiers import read_identifiers
from crustframe.verbs.embedded import EmbeddedSandbox

NOON = 20_000.5 * 86400.0
OPEN = "('waiting', 'sent', 'answered', 'running', 'in_doubt', 'resent')"


class Play:
    """One play: a sandbox, one ledger, and what was done so far."""

    def __init__(self, seed: int, sandbox: EmbeddedSandbox, ledger: Path) -> None:
        self.dice = random.Random(seed)
        self.sandbox = sandbox
        self.ledger = ledger
        self.moves: list[str] = [f"seed {seed}"]
        self.now = NOON
        self.suppressed: set[str] = set()
        self.day: float | None = None
        self.allowed = 0.0
        self.spent_before = 0.0
        self.noon = NOON
        self.has_hidden_charges = False

    def client(self) -> Client:
        """Return a client of a process of its own, whose clock is as wrong as the play has it."""
        return self.sandbox.make_client(ledger=self.ledger, jitter=self.dice.random, **self._hurry)

    @property
    def _hurry(self) -> dict[str, Any]:
        return {"clock": self._clock, "sleep": self._sleep}

    def _sleep(self, seconds: float) -> None:
        self.now += seconds
        time.sleep(seconds / 1000)

    def _clock(self) -> float:
        self.now += 0.001
        return self.now

    def step(self) -> None:
        """Make a move, and look at the books."""
        moves: list[tuple[Callable[[], None], int]] = [
            (self.buys, 8),
            (self.plans, 1),
            (self.collects, 2),
            (self.settles, 2),
            (self.forgets, 1),
            (self.jumps, 2),
            (self.sets_a_ceiling, 1),
            (self.is_killed_before_reading, 1),
            (self.is_interrupted, 1),
            (self.sees_midnight, 1),
            (self.is_copied, 1),
        ]
        move = self.dice.choices([move for move, _ in moves], [weight for _, weight in moves])[0]
        self.moves.append(move.__name__)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            move()
        self.look()

    # Moves -----------------------------------------------------------------------------------------------------

    def buys(self) -> None:
        dice = self.dice
        self.has_hidden_charges |= script(self.sandbox, dice)
        asked = draw(dice)
        ceiling = float(dice.randint(0, 120))
        self.moves.append(f"{asked.verb.__name__} {asked.options} within {ceiling}")
        before = self.sandbox.credits_spent
        with self.client() as client:  # jobs of earlier moves are billed when they end, whoever waits
            open_before = sum(job.purchase.worst_credits for job in self._jobs(client))
        high, bill, _ = buy(
            self.sandbox, self.ledger, dice, rows_of(asked, column_of(dice, 30)), asked, ceiling, hurry=self._hurry
        )
        assert bill <= ceiling + open_before + 1e-6
        assert bill <= high + open_before + 1e-6
        assert bill == self.sandbox.credits_spent - before
        self.sandbox.faults.clear()
        self.sandbox.jobs.faults.clear()

    def _jobs(self, client: Client) -> list[Any]:
        book = client.ledger.jobs(create=False)
        return [job for job in book.all(open_only=True) if job.state != "in_doubt"] if book is not None else []

    def plans(self) -> None:
        sent = len(self.sandbox.requests), len(self.sandbox.jobs.submitted)
        with self.client() as client:
            crustframe.plan(column_of(self.dice, 30), client=client)
        assert sent == (len(self.sandbox.requests), len(self.sandbox.jobs.submitted))

    def collects(self) -> None:
        with self.client() as client:
            collect(client, wait=False)

    def settles(self) -> None:
        self.now += self.dice.choice([0, 30, 120])
        self.sandbox.pass_time(self.dice.choice([0, 30, 120]))
        with self.client() as client:
            self.moves.append(str(resolve(client, resend=self.dice.random() < 0.4)))

    def forgets(self) -> None:
        people = [text for text in column_of(self.dice, 2) if text and text != "n/a"]
        if not people:
            return
        suppress = self.dice.random() < 0.5
        with self.client() as client:
            if not client.ledger.exists():
                return
            client.ledger.forget(people, suppress=suppress)
        if suppress:
            self.suppressed |= {identifier.key for identifier in read_identifiers(people).unique}

    def jumps(self) -> None:
        self.now = self.noon + self.dice.choice([-7200.0, 0.0, 7200.0]) + self.dice.random()

    def sets_a_ceiling(self) -> None:
        self.day = self.dice.choice([None, 50.0, 200.0])
        spent = self.sandbox.credits_spent
        self.allowed = max(spent, (self.day or 0.0) + self.spent_before)
        with self.client() as client:
            client.ledger.set_daily_ceiling(self.day)

    def is_interrupted(self) -> None:
        """Ctrl-C after some answers, or a callback that stops the run; again and again while it ends."""
        looks = self.dice.randint(1, 3)
        is_signal = self.dice.random() < 0.5

        def progress(_: object) -> None:
            nonlocal looks
            looks -= 1
            if looks == 0 and is_signal:
                _thread.interrupt_main()
            elif looks <= 0 and not is_signal:
                raise KeyboardInterrupt

        self.has_hidden_charges |= script(self.sandbox, self.dice)
        with self.client() as client, suppress(KeyboardInterrupt, crustframe.Interrupted):
            crustframe.enrich(column_of(self.dice, 60), max_credits=200, partial=True, progress=progress, client=client)
        self.sandbox.faults.clear()
        self.sandbox.jobs.faults.clear()

    def sees_midnight(self) -> None:
        self.noon += 86400.0
        self.now = self.noon
        self.spent_before = self.sandbox.credits_spent
        self.allowed = self.spent_before + (self.day or 0.0)

    def is_copied(self) -> None:
        """Put a copy in the place of the ledger, as a backup that is brought back."""
        if self.ledger.exists():
            copy = self.ledger.with_suffix(".copy")
            shutil.copy2(self.ledger, copy)
            copy.replace(self.ledger)

    def is_killed_before_reading(self) -> None:
        if self.day is not None:
            return
        groups = frozenset({"basic_profile"})
        asked = tuple(read_identifiers(f"https://www.linkedin.com/in/lead-{n}-example" for n in range(201, 204)).unique)
        options = person.Options(groups)
        with self.client() as client:
            run = client.ledger.start(groups, price=1.0, endpoint=options.path)
            claim = run.claim(asked, Need(groups, 0.0, 0.0), size=3, may_resend=lambda _: False)
            if claim.purchase is not None:
                run.sending(claim.purchase)
                exchange = options.send(client.transport, claim.purchase.identifiers)
                if billed := exchange.headers.get("x-credits-used"):
                    run.answered(claim.purchase, Told(exchange.body, float(billed), 200, exchange.request_id))
                else:  # refused, free
                    run.uncharged(claim.purchase)
            run.close()

    # Invariants ------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Hold the books against the server's counter."""
        if not self.ledger.exists():
            assert 0 == self.sandbox.credits_spent
            return
        with closing(sqlite3.connect(self.ledger)) as connection:
            [(booked,)] = connection.execute(
                f"SELECT coalesce(sum(CASE WHEN credits IS NOT NULL THEN credits WHEN state IN {OPEN} "
                "THEN worst_credits ELSE 0 END), 0) FROM purchases"
            )
            kept = {key for (key,) in connection.execute("SELECT key FROM people")}
        if not self.has_hidden_charges:
            assert booked >= self.sandbox.credits_spent - 1e-6, "charged, and nowhere in the books"
        assert not kept & self.suppressed
        if self.day is not None and not self.has_hidden_charges:
            assert self.sandbox.credits_spent <= self.allowed + 1e-6
        with self.client() as client:
            assert client.ledger.verify()["ok"]


@pytest.mark.billed_past_the_plan("plays buy below the engine, too")
@pytest.mark.campaign(sample=100, full=5000)
def test_no_play_loses_money_or_people(size, figures, tmp_path):
    made = 0
    for seed in range(size):
        with crustframe.sandbox(
            requests_per_minute=None, balance=1e12, refuse=[REFUSED], job_seconds=0.02, preview=True
        ) as sandbox:
            play = Play(seed, sandbox, tmp_path / f"{seed}.sqlite3")
            for _ in range(play.dice.randint(3, 9)):
                try:
                    play.step()
                except NOTHING_SENT:
                    continue
                except CrustframeError as error:
                    play.moves.append(repr(error))
                    play.look()
                except Exception as error:
                    raise AssertionError("\n".join(play.moves)) from error
                made += 1
    figures(plays=size, moves=made)
