"""What every test gets: no key and no ledger of this machine, and a running sandbox when it asks for one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import crustframe
from crustframe.client import Client
from crustframe.embedded import EmbeddedSandbox


@pytest.fixture(autouse=True)
def _nothing_of_this_machine(tmp_path, monkeypatch):
    for name in ("CRUSTDATA_API_KEY", "CRUSTFRAME_BASE_URL", "CRUSTFRAME_OFFLINE", "CRUSTFRAME_REQUESTS_PER_MINUTE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CRUSTFRAME_LEDGER", str(tmp_path / "ledger.sqlite3"))


@pytest.fixture
def sandbox() -> Iterator[EmbeddedSandbox]:
    """A sandbox without a rate limit."""
    with crustframe.sandbox(requests_per_minute=None) as running:
        yield running


@pytest.fixture
def client(sandbox: EmbeddedSandbox) -> Client:
    """The client of that sandbox, over a ledger of its own."""
    return sandbox.client
