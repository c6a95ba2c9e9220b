"""On POSIX no test is skipped: each mark that may skip is for Windows, and a missing component is a failure."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest


def _refused(report: pytest.CollectReport | pytest.TestReport) -> None:
    if os.name == "posix" and report.skipped and not hasattr(report, "wasxfail"):
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{why}. Nothing is skipped here: install what is missing, or mend the mark."


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _refused(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _refused(report)
    return report
