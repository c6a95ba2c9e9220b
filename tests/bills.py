"""Every test's bills against its plans: no sandbox may charge more than plans and ceilings of the runs allow."""

from __future__ import annotations

import functools
import importlib
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from crustframe.sandbox.server import Sandbox

BUYERS = (  # where a plan becomes a purchase: the function, and where its client, plan and terms stand
    ("crustframe.verbs.enrichment", "buy_in_rounds", 0, 3, 5),
    ("crustframe.verbs.lookup", "buy_in_rounds", 0, 3, 5),
    ("crustframe.verbs.contacts", "buy_in_rounds", 0, 3, 5),
)


@dataclass
class Account:
    """What one sandbox charged, and what the plans allowed, since the last look.

    A process that was told its address plans for itself, unseen from here, and asks the same rooms.
    """

    sandbox: Sandbox
    allowed: float = 0.0
    is_known_to_children: bool = False
    charged_before: float = 0.0

    @property
    def charged(self) -> float:
        return self.sandbox.credits_spent - self.charged_before


class Bills:
    """The accounts of all sandboxes of this process, by their address."""

    def __init__(self) -> None:
        self._open: dict[str, Account] = {}
        self._closed: list[Account] = []

    def opened(self, sandbox: Sandbox) -> None:
        """Begin an account, unless the sandbox has one."""
        if sandbox.url not in self._open:
            self._open[sandbox.url] = Account(sandbox, charged_before=sandbox.credits_spent)

    def closed(self, url: str) -> None:
        """Keep the account until it is settled; another sandbox may come to listen there."""
        if url in self._open:
            self._closed.append(self._open.pop(url))

    def allow(self, origin: str, credits: float) -> None:
        """Count what a run may cost by its plan and its ceiling."""
        if origin in self._open:
            self._open[origin].allowed += credits

    def hand_over(self, told: str) -> None:
        """Note the sandboxes whose address stands in what a new process is told."""
        for url, account in self._open.items():
            account.is_known_to_children |= url in told

    def settle(self) -> list[str]:
        """Return a sentence about each sandbox that charged too much, and begin anew."""
        over = [
            f"the sandbox charged {account.charged:g} credits, and the plans allow {account.allowed:g}"
            for account in (*self._open.values(), *self._closed)
            if account.charged > account.allowed + 1e-6 and not account.is_known_to_children
        ]
        self._closed.clear()
        for account in self._open.values():
            account.allowed, account.charged_before = 0.0, account.sandbox.credits_spent
            account.is_known_to_children = False
        return over


@contextmanager
def watched() -> Iterator[Bills]:
    """Keep the accounts of whatever runs meanwhile."""
    bills = Bills()
    start, close, begin = Sandbox.start, Sandbox.close, subprocess.Popen.__init__

    def started(self: Sandbox) -> Sandbox:
        start(self)
        bills.opened(self)
        return self

    def closed(self: Sandbox) -> None:
        url = self._url
        close(self)
        if url is not None:
            bills.closed(url)

    def begun(self: subprocess.Popen[Any], args: Any, *more: Any, **options: Any) -> None:
        bills.hand_over(f"{args} {options.get('env') or dict(os.environ)}")
        begin(self, args, *more, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess.Popen, "__init__", begun)
        patch.setattr(Sandbox, "start", started)
        patch.setattr(Sandbox, "close", closed)
        for module, name, *places in BUYERS:
            room = importlib.import_module(module)
            patch.setattr(room, name, _counting(getattr(room, name), bills, *places))
        yield bills


def _counting(buy: Callable[..., Any], bills: Bills, client: int, plan: int, terms: int) -> Callable[..., Any]:
    @functools.wraps(buy)
    def counted(*args: Any, **options: Any) -> Any:
        ceiling = args[terms].max_credits
        most = float("inf") if ceiling is None else ceiling
        bills.allow(args[client].settings.origin, min(args[plan].credits_high, most))
        return buy(*args, **options)

    return counted
