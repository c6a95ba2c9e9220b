"""The ledger is full, or another process holds it, when a paid answer arrives: nothing that was paid for is lost."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import crustframe
from crustframe.client import Client

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits of files are those of POSIX")

HERE = Path(__file__).parent
PEOPLE = [f"https://www.linkedin.com/in/full-{n:02d}-example" for n in range(25)]

# Buys 25 people from a server that lets no file of this process grow, or holds the ledger, before it answers.
BUYS = """
import contextlib, os, resource, signal, sqlite3, sys
sys.path.insert(0, {tests!r})
from stand_in import Said, standing_in
import crustframe
from crustframe.client import Client

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
holders = []

def stop(ledger):
    if {how!r} == "full":
        resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(ledger) - 8192, resource.RLIM_INFINITY))
    elif {how!r} == "locked":
        holder = sqlite3.connect(ledger, isolation_level=None, check_same_thread=False)
        holder.execute("BEGIN EXCLUSIVE")
        holders.append(holder)

def answer(method, path, body):
    urls = body["professional_network_profile_urls"]
    if len(urls) > 1:
        stop({ledger!r})
    kind = "professional_network_profile_url"
    data = {{"basic_profile": {{"name": "A", "summary": {summary}}}}}
    matches = [{{"confidence_score": 1.0, "person_data": data}}]
    entries = [{{"matched_on": url, "match_type": kind, "matches": matches}} for url in urls]
    return Said(200, entries, {{"x-credits-used": str(len(urls))}})

with standing_in(answer) as api:
    client = Client(api_key="full-key", base_url=api.url, account="full", ledger={ledger!r})
    for n in range(8):
        before = f"https://www.linkedin.com/in/before-{{n}}-example"
        crustframe.enrich([before], fields=["basic_profile.name"], client=client)
    try:
        crustframe.enrich({people!r}, fields=["basic_profile.name"], client=client)
    except crustframe.CrustframeError as error:
        print(type(error).__name__, str(error).replace("\\n", " "))
    sys.stdout.flush()
    os._exit(0)
"""


HOWS = ["full", "full but for a little"]
if os.environ.get("CRUSTFRAME_CAMPAIGN") == "full":
    HOWS.append("locked")  # which takes a minute


@pytest.mark.parametrize("how", HOWS)
def test_the_answer_is_kept_and_read_by_the_next_run(tmp_path, how):
    ledger = tmp_path / "ledger.sqlite3"
    goes_in = how == "full but for a little"
    summary = '"s" * 3000' if goes_in else "os.urandom(3000).hex()"
    code = BUYS.format(tests=str(HERE.parent), how=how.split()[0], ledger=str(ledger), people=PEOPLE, summary=summary)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False, timeout=120
    )
    assert goes_in != ("LedgerError" in done.stdout), (done.stdout, done.stderr)
    files = [*tmp_path.glob("*.paid/*.json")]
    assert ("What was paid for is kept in" in done.stdout) == bool(files)
    assert (0 if goes_in else 1) == len(files)
    for file in files:
        assert (25.0, 0o600) == (json.loads(file.read_text())["credits"], file.stat().st_mode & 0o777)

    with Client(
        api_key="full-key", base_url="http://127.0.0.1:9", account="full", ledger=ledger, offline=True
    ) as client:
        found = crustframe.enrich(PEOPLE, fields=["basic_profile.name"], client=client)
        assert (25, 0) == (found.report.statuses["matched"], found.report.calls)
        assert 8 + 25 == client.ledger.spent_today()
        assert client.ledger.verify()["ok"]
    assert [] == [*tmp_path.glob("*.paid/*.json")]
    with sqlite3.connect(ledger) as connection:
        assert [("done",)] == connection.execute("SELECT DISTINCT state FROM purchases").fetchall()
