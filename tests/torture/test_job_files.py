"""Campaign 11: result files that are cut anywhere, and bombs, on their way from the storage host to the ledger."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import warnings
import zlib

import pytest
from pandas.testing import assert_frame_equal
from rig import FIELDS, environment, people

import crustframe
from crustframe import PartialResultWarning
from crustframe.api.results import line_cap
from crustframe.buying.jobs import collect

MIB = 2**20


def hurried():
    """Return a sandbox in which a job takes some hundredths of a second."""
    return crustframe.sandbox(requests_per_minute=None, speed=900.0, job_seconds=20.0)


def by_job(client, n):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PartialResultWarning)
        return crustframe.enrich(people(n), fields=FIELDS, route="job", client=client)


@pytest.mark.campaign(sample=3, full=100)
@pytest.mark.parametrize("times", [1, 3], ids=["cut once", "cut each time"])
def test_a_result_file_that_is_cut_anywhere_loses_nobody_and_costs_nothing_more(caplog, size, figures, times):
    """Complete lines are kept; the same run fetches the file again, and if that is in vain, `jobs wait` does later."""
    n = 60
    with hurried() as sandbox:
        whole = by_job(sandbox.client, n).frame
        file = b"".join(sandbox.jobs.all[0].parts)
    middle = random.Random(times).sample(range(1, len(file) - 8), size) if size > 3 else [len(file) // 2]
    offsets = sorted({0, *range(len(file) - 8, len(file)), *middle})[-size:]
    kept = 0
    for at in offsets:
        complete = zlib.decompressobj(wbits=31).decompress(file[:at]).count(b"\n")
        caplog.clear()
        with hurried() as sandbox:
            sandbox.jobs.spoil("cut", at=at, times=times)
            found = by_job(sandbox.client, n)
            noticed = [record for record in caplog.records if "crustframe.buying.jobs" == record.name]
            if times == 3:
                assert (complete, n - complete) == tuple(found.report.statuses[s] for s in ("matched", "in_doubt")), at
                jobs, _ = collect(sandbox.client)
                assert ["done"] == [job.state for job in jobs], at
                found = by_job(sandbox.client, n)

            assert times == len(noticed), at
            assert_frame_equal(whole, found.frame)
            assert (1, {1}) == (len(sandbox.jobs.submitted), set(sandbox.people_charged.values())), at
            kept += complete
    figures(offsets=len(offsets), of_bytes=len(file), people=n, lines_kept=kept, second_submits=0, charged_twice=0)


# The peak of getrusage would begin at the size of the process that started this one.
READER = r"""
import json, re, sys, time, warnings, crustframe
from pathlib import Path
warnings.simplefilter("ignore")
started = time.time()
client = crustframe.Client(
    clock=lambda: started + (time.time() - started) * 100, sleep=lambda seconds: time.sleep(seconds / 100)
)
for line in sys.stdin:
    Path("/proc/self/clear_refs").write_text("5")
    people = [f"https://www.linkedin.com/in/{line.strip()}-{n}-example" for n in range(int(sys.argv[1]))]
    found = crustframe.enrich(people, fields=["basic_profile.name"], route="job", client=client)
    peak = int(re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())[1]) * 1024
    print(json.dumps([found.report.statuses, peak]), flush=True)
"""
LINE = b'{"original_identifier": "https://www.linkedin.com/in/stranger-example", "internal_id": 1, "data": {}}\n'


def bombs(size):
    """Yield texts that fill so many bytes; the last one keeps within every bound, with a thousand lines."""
    yield "an endless line", b" "
    yield "short lines about others", LINE
    yield "blank lines", b"\n"
    yield "long lines about others", LINE.replace(b"{}", b'{"skills": {"text": "%s"}}' % (b"x" * (size // 1000)))


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process is read from /proc")
@pytest.mark.campaign(sample=12, full=1024)
def test_bombs_are_noticed_and_take_little_memory(tmp_path, size, is_full, figures):
    """Of so many MiB, in a process of their own: the server's memory is not counted, and the peak of a calm run is."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    n, grown, ledger = 600 if is_full else 100, {}, tmp_path / "ledger.sqlite3"
    with (
        crustframe.sandbox(requests_per_minute=None, job_seconds=0.1) as sandbox,
        subprocess.Popen([sys.executable, "-c", READER, str(n)], env=environment(sandbox, ledger), **pipes) as reader,
    ):

        def read(name: str):
            print(name.replace(" ", "-"), file=reader.stdin, flush=True)
            return json.loads(reader.stdout.readline())

        read("calm")
        _, calm = read("calm again")
        for name, text in bombs(size * MIB):
            sandbox.jobs.spoil("bomb", at=size * MIB, text=text, times=1)
            before = sandbox.jobs.downloads
            bombed, most = read(name)
            grown[name] = (most - calm) / MIB
            if b"\n" in text and size * MIB // len(text) <= line_cap(n):  # read to its end, and about nobody
                assert [n, 0] == [bombed["in_doubt"], bombed["matched"]]
                with crustframe.Client(api_key=sandbox.key, base_url=sandbox.url, ledger=ledger) as client:
                    assert ["done"] == [job.state for job in collect(client)[0]]
                bombed, _ = read(name)
            assert n == bombed["matched"] + bombed["no_match"]
            assert before + 2 == sandbox.jobs.downloads
        reader.stdin.close()
        assert 0 == reader.wait(60)
        assert 2 + len(grown) == len(sandbox.jobs.submitted)
        assert {1} == set(sandbox.people_charged.values())
    figures(bombs=f"of {size} MiB", **{name.replace(" ", "_"): f"{mib:+.1f} MiB" for name, mib in grown.items()})
    assert max(grown.values()) < 64
