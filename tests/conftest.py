"""What every test gets: no key, keyring or ledger of this machine, and a running sandbox when it asks for one."""

from __future__ import annotations

import io
import signal
import sys
from collections.abc import Iterator

import pytest
from bills import Bills, watched
from command_line import Ran, account_of
from no_skips import pytest_make_collect_report, pytest_runtest_makereport  # noqa: F401

import crustframe
from crustframe.client import Client
from crustframe.shell import cli
from crustframe.verbs.embedded import EmbeddedSandbox

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
    monkeypatch.setenv("CRUSTFRAME_MAX_CREDITS", "1e9")  # tests/buying/test_ceiling.py is about having none


@pytest.fixture(scope="session", autouse=True)
def bills() -> Iterator[Bills]:
    with watched() as accounts:
        yield accounts


@pytest.fixture(autouse=True)
def _no_bill_above_its_plan(request: pytest.FixtureRequest, bills: Bills) -> Iterator[None]:
    """After each test: what was bought cost no more than the plans said. Opt out with a reason."""
    yield
    over = bills.settle()
    if over and request.node.get_closest_marker("billed_past_the_plan") is None:
        pytest.fail("; ".join(over))


@pytest.fixture
def sandbox() -> Iterator[EmbeddedSandbox]:
    """A sandbox without a rate limit."""
    with crustframe.sandbox(requests_per_minute=None) as running:
        yield running


@pytest.fixture
def client(sandbox: EmbeddedSandbox) -> Client:
    """The client of that sandbox, over a ledger of its own."""
    return sandbox.client


@pytest.fixture
def run(monkeypatch, capsysbinary):
    """Run ``crustframe ...`` in this process."""

    def run(*arguments, stdin=b""):
        monkeypatch.setattr(sys, "argv", ["crustframe", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsysbinary.readouterr()
        return Ran(ended.value.code, said.out, said.err)

    return run


@pytest.fixture
def account(sandbox, monkeypatch):
    """The sandbox as the environment's account."""
    return account_of(sandbox, monkeypatch)
