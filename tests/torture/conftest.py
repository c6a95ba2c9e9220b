"""The long campaigns: the suite runs a small sample of each, ``make torture`` all of it.

``CRUSTFRAME_CAMPAIGN`` says how much: ``full``, or a share of it such as ``0.3``.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

_ASKED = os.environ.get("CRUSTFRAME_CAMPAIGN", "0")
_SHARE = 1.0 if _ASKED == "full" else float(_ASKED)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give long campaigns the time they take."""
    for item in items:
        if _SHARE and item.get_closest_marker("campaign"):
            item.add_marker(pytest.mark.timeout(0))


@pytest.fixture
def size(request: pytest.FixtureRequest) -> int:
    """How many trials this run makes, from ``@pytest.mark.campaign(sample=..., full=...)``."""
    numbers = request.node.get_closest_marker("campaign").kwargs
    return max(numbers["sample"], round(_SHARE * numbers["full"]))


@pytest.fixture
def is_full() -> bool:
    """Whether more than the sample is asked for."""
    return bool(_SHARE)


@pytest.fixture
def figures(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Callable[..., None]:
    """Print what a campaign came to, past pytest's own capture, when one was asked for."""

    def tell(**facts: object) -> None:
        if _SHARE:
            with capsys.disabled():
                print(f"\n{request.node.name}: {', '.join(f'{name} {fact}' for name, fact in facts.items())}")

    return tell
