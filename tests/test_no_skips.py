"""A test that would be skipped here fails: what CI lacks must be seen."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SKIPPING = {
    "a mark": "@pytest.mark.skip(reason='no office')\ndef test_it(): pass",
    "a condition": "@pytest.mark.skipif(True, reason='no office')\ndef test_it(): pass",
    "a call": "def test_it(): pytest.skip('no office')",
    "a fixture": "@pytest.fixture\ndef office(): pytest.skip('no office')\ndef test_it(office): pass",
    "a missing module": "pytest.importorskip('no_office')\ndef test_it(): pass",
    "a whole file": "pytest.skip('no office', allow_module_level=True)",
    "unittest": "import unittest\nclass TestIt(unittest.TestCase):\n    def test_it(self): self.skipTest('no office')",
}


def outcome(folder: Path, test: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(f"import pytest\n{test}\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no_skips", "-p", "no:cacheprovider", str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("how", SKIPPING)
def test_what_would_be_skipped_fails(tmp_path, how):
    ended = outcome(tmp_path, SKIPPING[how])

    assert ended.returncode in {1, 2}, ended.stdout
    assert "Nothing is skipped here" in ended.stdout
    assert "no office" in ended.stdout or "no_office" in ended.stdout


def test_what_runs_passes(tmp_path):
    assert 0 == outcome(tmp_path, "def test_it(): pass").returncode
