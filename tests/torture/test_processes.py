"""Campaign 2: several processes that want the same people, and one that dies among them."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from rig import environment

import crustframe

SCRIPT = """
import sys, time, crustframe
started, speed = float(sys.argv[2]), float(sys.argv[3])
client = crustframe.Client(
    clock=lambda: started + (time.time() - started) * speed, sleep=lambda s: time.sleep(s / speed)
)
urls = [f"https://www.linkedin.com/in/lead-{n}-example" for n in range(int(sys.argv[1]))]
found = crustframe.enrich(urls, fields=["basic_profile.name"], keep="asked", client=client)
print(found.report.statuses["matched"], found.report.credits)
"""


def start(sandbox, ledger, n, began, speed):
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", SCRIPT, str(n), str(began), str(speed)],
        env=environment(sandbox, ledger),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.campaign(sample=3, full=8)
def test_processes_that_start_together_pay_once_and_keep_the_pace(tmp_path, size, is_full, figures):
    """2 to 8 of them (3 in the suite), at a limit whose minutes pass faster: nobody is refused for the rate."""
    n, limit, speed = (2000, 30, 6.0) if is_full else (500, 15, 12.0)  # faster, and a busy machine counts too
    for processes in range(2, size + 1) if is_full else [size]:
        began = time.time()
        with crustframe.sandbox(requests_per_minute=limit, speed=speed) as sandbox:
            running = [start(sandbox, tmp_path / f"{processes}.sqlite3", n, began, speed) for _ in range(processes)]
            ends = [process.communicate(timeout=280) for process in running]

            assert [(0, "")] * processes == [(p.returncode, err) for p, (_, err) in zip(running, ends, strict=True)]
            assert {str(n)} == {out.split()[0] for out, _ in ends}
            assert n == sum(float(out.split()[1]) for out, _ in ends) == sandbox.credits_spent
            assert {1} == set(sandbox.people_charged.values())
            assert {200} == {request["status"] for request in sandbox.requests}
    figures(processes=f"2 to {size}", people=n, charged_twice=0, lock_errors=0, refused_for_rate=0)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")
def test_the_claims_of_a_killed_process_are_freed_and_the_others_finish(tmp_path):
    n, began = 300, time.time()
    with crustframe.sandbox(requests_per_minute=None, latency_s=0.3) as sandbox:
        victim, *others = (start(sandbox, tmp_path / "ledger.sqlite3", n, began, 1.0) for _ in range(3))
        while sandbox.calls < 4:
            time.sleep(0.01)
        victim.kill()
        victim.communicate()
        killed = time.monotonic()
        ends = [process.communicate(timeout=60) for process in others]

        assert time.monotonic() - killed < 30  # not the 60 s that a claim could be given to live
        assert [(0, "")] * 2 == [(p.returncode, err) for p, (_, err) in zip(others, ends, strict=True)]
        assert {str(n)} == {out.split()[0] for out, _ in ends}
        assert n == len(sandbox.people_charged)
        assert 50 >= sum(times - 1 for times in sandbox.people_charged.values())  # what the victim had in flight
