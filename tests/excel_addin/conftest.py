"""Sandboxes, ledgers and real offices for the tests of the spreadsheet functions."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from crustframe.client import Client
from crustframe.sandbox.server import Sandbox
from excel_addin import calc

sys.path.insert(0, str(Path(__file__).parent))

from office import Office

StartOffice = Callable[..., Office]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(requests_per_minute=None, unknown_share=0.0) as running:
        yield running


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite3"


@pytest.fixture
def client(sandbox: Sandbox, ledger: Path) -> Iterator[Client]:
    with Client(api_key=sandbox.key, base_url=sandbox.url, ledger=ledger) as made:
        yield made


@pytest.fixture(scope="session")
def extension(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return calc.build(tmp_path_factory.mktemp("extension") / "crust.oxt")


@pytest.fixture(scope="session")
def profile(extension: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private profile of LibreOffice with the add-in in it. Without LibreOffice everything here fails."""
    if shutil.which("soffice") is None:
        pytest.fail("LibreOffice is missing: apt-get install --no-install-recommends libreoffice-calc python3-uno")
    made = tmp_path_factory.mktemp("office") / "profile"
    with Office(made, {}) as office:
        assert calc.IDENTIFIER == office.install(str(extension))
    return made


@pytest.fixture
def start_office(profile: Path, sandbox: Sandbox, ledger: Path, tmp_path: Path) -> Iterator[StartOffice]:
    """Start real offices that talk to the sandbox; all end with the test."""
    with ExitStack() as offices:
        numbers = iter(range(100))

        def start(**environment: str) -> Office:
            own = tmp_path / f"profile-{next(numbers)}"
            shutil.copytree(profile, own)
            told: dict[str, Any] = {
                "CRUSTDATA_API_KEY": sandbox.key,
                "CRUSTFRAME_BASE_URL": sandbox.url,
                "CRUSTFRAME_LEDGER": str(ledger),
                "HOME": str(tmp_path),
            }
            return offices.enter_context(Office(own, {**told, **environment}))

        yield start


@pytest.fixture
def office(start_office: StartOffice) -> Office:
    return start_office()
