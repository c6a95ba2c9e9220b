"""A raw client of the sandbox: it knows HTTP and nothing of crustframe."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from crustframe.sandbox.server import Sandbox

HEADERS = {"Authorization": "Bearer sandbox-key", "x-api-version": "2025-11-01"}

Ask = Callable[..., requests.Response]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever asks by raw HTTP has no plan."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.billed_past_the_plan("raw requests, without a plan"))


@pytest.fixture
def running() -> Iterator[Callable[..., Sandbox]]:
    """Start sandboxes; all are closed after the test."""
    opened: list[Sandbox] = []

    def start(**settings: Any) -> Sandbox:
        sandbox = Sandbox(**{"requests_per_minute": None, **settings}).start()
        opened.append(sandbox)
        return sandbox

    yield start
    for sandbox in opened:
        sandbox.close()


@pytest.fixture
def sandbox(running: Callable[..., Sandbox]) -> Sandbox:
    return running()


@pytest.fixture
def ask() -> Iterator[Ask]:
    """POST a body to /person/enrich of a sandbox."""
    with requests.Session() as session:
        session.trust_env = False

        def post(sandbox: Sandbox, body: Any = None, *, data: bytes | None = None, **options: Any) -> requests.Response:
            headers = options.pop("headers", HEADERS)
            options = {"timeout": 10, "allow_redirects": False, **options}
            return session.post(f"{sandbox.url}/person/enrich", json=body, data=data, headers=headers, **options)

        yield post


@pytest.fixture
def get() -> Iterator[Callable[..., requests.Response]]:
    with requests.Session() as session:
        session.trust_env = False

        def fetch(sandbox: Sandbox, path: str, **options: Any) -> requests.Response:
            return session.get(sandbox.url + path, headers=options.pop("headers", HEADERS), timeout=10, **options)

        yield fetch
