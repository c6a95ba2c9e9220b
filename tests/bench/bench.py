"""``make bench``: figures of one run, side by side. Nothing here passes or fails.

Each measurement is a process of its own, so that its peak memory is its own; the sandbox's work counts for nobody.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import jobs
import pandas as pd
import requests
import workbooks
from measuring import FIELDS, Facts, measured, people, report, span

import crustframe
from crustframe.contract import API_VERSION, VERSION_HEADER
from crustframe.fields import read_paths, requested_groups
from crustframe.ledger import people as ledger_people
from crustframe.people.identifiers import read_identifiers

PEOPLE, KNOWN, ROWS = 1_000_000, 10_000, 5_000


def build(folder: Path, sandbox: crustframe.verbs.embedded.EmbeddedSandbox, n: int) -> Path:
    """Return a ledger of `n` people: one bought, the others copied by plain SQL."""
    path = folder / f"{n}.sqlite3"
    with sandbox.make_client(ledger=path) as client:
        bought = crustframe.enrich(people(1), fields=FIELDS, keep="asked", client=client)
        assert bought.report.credits == 1
        answer = next(client.ledger.entries())["matches"]
        entry, first = ledger_people.pack(answer), read_identifiers(people(1)).unique[0].key
        key = first.replace("lead-0-example", "lead-{}-example")
        with client.ledger._store.transaction() as connection:
            scope, coverage, at, purchase = connection.execute(
                "SELECT scope_id, coverage_id, answered_at, purchase_id FROM people"
            ).fetchone()
            connection.executemany(
                "INSERT INTO people (scope_id, key, coverage_id, outcome, answered_at, purchase_id, entry) "
                "VALUES (?, ?, ?, 'matched', ?, ?, ?)",
                ((scope, key.format(number), coverage, at, purchase, entry) for number in range(1, n)),
            )
    return path


def look_up(url: str, key: str, ledger: str) -> Facts:
    """Enrich 10,000 people whom the ledger knows."""
    with span() as facts, crustframe.Client(api_key=key, base_url=url, ledger=ledger, account="sandbox") as client:
        found = crustframe.enrich(people(KNOWN), fields=FIELDS, keep="asked", client=client)
    assert (0, KNOWN) == (found.report.calls, found.report.statuses["matched"])
    return facts


def ours(url: str, key: str, ledger: str) -> Facts:
    """Enrich 5,000 rows with crustframe."""
    frame = pd.DataFrame({"url": people(ROWS)})
    with span() as facts, crustframe.Client(api_key=key, base_url=url, ledger=ledger, concurrency=1) as client:
        assert len(frame.crust.enrich("url", FIELDS, route="calls", client=client)) == ROWS
    return facts


def theirs(url: str, key: str, _: str) -> Facts:
    """Enrich 5,000 rows as a plain script does: the same question, nothing kept."""
    frame = pd.DataFrame({"url": people(ROWS)})
    groups = sorted(requested_groups(read_paths(FIELDS, lists="join"), "all"))
    pages = []
    with span() as facts, requests.Session() as session:
        session.headers.update({"Authorization": f"Bearer {key}", VERSION_HEADER: API_VERSION})
        for start in range(0, ROWS, 25):
            body = {"professional_network_profile_urls": frame["url"][start : start + 25].tolist(), "fields": groups}
            answer = session.post(url + "/person/enrich", json=body, timeout=60)
            answer.raise_for_status()
            pages.append(pd.json_normalize(answer.json(), "matches", ["matched_on"]))
        table = pd.concat(pages)[["matched_on", "person_data.basic_profile.name", "person_data.basic_profile.headline"]]
        assert len(frame.merge(table, left_on="url", right_on="matched_on", how="left")) == ROWS
    return facts


def main() -> None:
    """Measure, and print what came out."""
    with (
        tempfile.TemporaryDirectory() as made,
        crustframe.sandbox(requests_per_minute=None, ledger=Path(made) / "none.sqlite3") as sandbox,
    ):
        folder = Path(made)
        few, many = (
            measured(__file__, "look_up", sandbox.url, sandbox.key, str(build(folder, sandbox, n)))
            for n in (KNOWN, PEOPLE)
        )
        print(f"look-up of {KNOWN:,} known people, seconds and peak MiB:")
        for n, found in ((KNOWN, few), (PEOPLE, many)):
            print(f"  ledger of {n:>9,}: {found['seconds']:.2f} s, {found['peak_mib']:.0f} MiB")
        print(
            f"  ratio: {many['seconds'] / few['seconds']:.2f} x time, {many['peak_mib'] / few['peak_mib']:.2f} x memory"
        )
        plain = measured(__file__, "theirs", sandbox.url, sandbox.key, "")
        here = measured(__file__, "ours", sandbox.url, sandbox.key, str(folder / "run.sqlite3"))
        print(f"whole run of {ROWS:,} rows, CPU seconds without the imports:")
        print(f"  plain script: {plain['cpu']:.2f} s, crustframe: {here['cpu']:.2f} s")
        print(f"  ratio: {here['cpu'] / plain['cpu']:.2f} x CPU, {here['seconds'] / plain['seconds']:.2f} x time")
    workbooks.main()
    jobs.main()


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        report({work.__name__: work for work in (look_up, ours, theirs)})
