"""The Windows half of xlwings, run in a process of its own; without it nothing here may pass."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
CHECKS = HERE / "on_windows" / "checks.py"


def test_windows_functions_under_stand_ins() -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("XLWINGS", "CRUST"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(CHECKS)],
        cwd=HERE.parents[1],
        env=clean,
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stdout + done.stderr
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed
    assert CHECKS.read_text(encoding="utf-8").count("\ndef test_") <= int(passed[1])


def test_elsewhere_the_functions_are_plain_python() -> None:
    """The decorators do nothing there and must not be needed."""
    from excel_addin import udfs

    assert not hasattr(udfs.CRUST_ENRICH, "__xlfunc__")
