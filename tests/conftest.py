"""What every test gets: no key, keyring or ledger of this machine, and a running sandbox when it asks for one."""

from __future__ import annotations

import importlib
import signal
from collections import Counter
from collections.abc import Iterator

import pytest

import crustframe
from crustframe.client import Client
from crustframe.embedded import EmbeddedSandbox

signal.signal(signal.SIGINT, signal.default_int_handler)
"""Whoever started the tests may ignore it (nohup, cron), and so would every child; they need it back."""


@pytest.fixture(scope="session", autouse=True)
def _no_keyring_of_this_machine(tmp_path_factory):
    """Hold for what is set up before a test as well, such as the environments of modules."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CRUSTFRAME_CONFIG", str(tmp_path_factory.mktemp("config")))
        patch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
        patch.setenv("CRUSTFRAME_MAX_CREDITS", "1e9")
        yield


@pytest.fixture(autouse=True)
def _nothing_of_this_machine(tmp_path, monkeypatch):
    for name in ("CRUSTDATA_API_KEY", "CRUSTFRAME_BASE_URL", "CRUSTFRAME_OFFLINE", "CRUSTFRAME_REQUESTS_PER_MINUTE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CRUSTFRAME_LEDGER", str(tmp_path / "ledger.sqlite3"))
    monkeypatch.setenv("CRUSTFRAME_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("CRUSTFRAME_MAX_CREDITS", "1e9")  # tests/test_ceiling.py is about having none


@pytest.fixture(autouse=True)
def _no_bill_above_its_plan(request, monkeypatch):
    """After each test: what a sandbox billed is at most what the plans that were bought said.

    A test that makes the server bill more than its list, or that asks it past crustframe, says so with the marker
    `billed_past_the_plan`.
    """
    planned: Counter[str] = Counter()
    above: list[str] = []

    def noting(buy):
        def buying(client, *given, **named):
            made = next(one for one in given if hasattr(one, "credits_high"))
            planned[client.settings.origin] += made.credits_high
            return buy(client, *given, **named)

        return buying

    close = EmbeddedSandbox.close

    def closing(self):
        url = self.url if self._server is not None else None
        if planned.get(url, 0.0) and self.credits_spent > planned[url] + 1e-6:
            above.append(f"{self.credits_spent} credits were billed, {planned[url]} were planned at most")
        close(self)

    for name, buy in (("enrichment", "buy_new"), ("lookup", "buy_new"), ("contacts", "_buy")):
        module = importlib.import_module(f"crustframe.{name}")
        monkeypatch.setattr(module, buy, noting(getattr(module, buy)))
    monkeypatch.setattr(EmbeddedSandbox, "close", closing)
    yield
    if request.node.get_closest_marker("billed_past_the_plan") is None:
        assert [] == above


@pytest.fixture
def sandbox() -> Iterator[EmbeddedSandbox]:
    """A sandbox without a rate limit."""
    with crustframe.sandbox(requests_per_minute=None) as running:
        yield running


@pytest.fixture
def client(sandbox: EmbeddedSandbox) -> Client:
    """The client of that sandbox, over a ledger of its own."""
    return sandbox.client
