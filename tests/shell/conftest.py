"""Tables that the tests of the shell share."""

from __future__ import annotations

import pytest
from command_line import PROFILE, hard_column, write


@pytest.fixture
def hard(tmp_path):
    return write(tmp_path / "people_hard.csv", hard_column())


@pytest.fixture
def leads(tmp_path):
    """Four rows: two spellings of one person, an unknown one, a blank."""
    cells = [f"{PROFILE}avery-tester-example", "linkedin.com/in/Avery-Tester-example/", f"{PROFILE}nobody-x", ""]
    return write(tmp_path / "leads.csv", cells)
