"""What the measurements share: invented people, processes of their own, and what such a process reports."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import crustframe

ROOT = Path(crustframe.__file__).parents[1]
FIELDS = ["basic_profile.name as name", "basic_profile.headline as headline"]
STOPPED = 75
"""Exit code of a measurement that was told to end in the middle."""

Facts = dict[str, Any]


def people(n: int, start: int = 0) -> list[str]:
    """Return profile URLs of people whom the sandbox knows."""
    return [f"https://www.linkedin.com/in/lead-{number}-example" for number in range(start, start + n)]


def peak_mib() -> float:
    """Return the most memory that this process ever held.

    Linux hands ``ru_maxrss`` on from the process that started this one; the high-water mark of ``/proc`` is its own.
    """
    with contextlib.suppress(OSError):
        facts = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        return int(facts["VmHWM"].split()[0]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


@contextlib.contextmanager
def span() -> Iterator[Facts]:
    """Measure what happens inside: seconds, CPU seconds, peak memory, and how far that is above the peak before."""
    facts: Facts = {}
    before, began, cpu = peak_mib(), time.perf_counter(), time.process_time()
    yield facts
    facts |= {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}
    facts |= {"peak_mib": peak_mib(), "growth_mib": peak_mib() - before}


def measured(script: str, what: str, *arguments: object) -> Facts:
    """Run one measurement of a script in a process of its own; one that was told to end in the middle says nothing."""
    command = [sys.executable, "-W", "ignore", script, what, *map(str, arguments)]
    environ = os.environ | {"PYTHONPATH": str(ROOT), "CRUSTFRAME_MAX_CREDITS": "10_000_000"}
    run = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True, env=environ)
    if run.returncode == STOPPED:
        return {}
    run.check_returncode()
    return json.loads(run.stdout)


def report(work: dict[str, Callable[..., Facts]]) -> None:
    """Do the measurement that the command line names, and print what it says."""
    print(json.dumps(work[sys.argv[1]](*sys.argv[2:])))
