"""A million rows of 200 known people, of each make, as ratios to pandas."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import polars as pl
from measuring import FIELDS, Facts, measured, people, report

import crustframe

ROWS, PEOPLE, TIMES = 1_000_000, 200, 7


def each(url: str, key: str, ledger: str) -> Facts:
    """Enrich them in turns; return the median seconds of each make."""
    columns = {"url": (people(PEOPLE) * (ROWS // PEOPLE)), "n": range(ROWS)}
    frame = pl.DataFrame(columns)
    makes = {"pandas": pd.DataFrame(columns), "polars": frame, "arrow": frame.to_arrow()}
    took: dict[str, list[float]] = {name: [] for name in makes}
    with crustframe.Client(api_key=key, base_url=url, ledger=ledger) as client:
        crustframe.enrich(people(PEOPLE), fields=FIELDS, client=client)
        for _ in range(TIMES):
            for name, data in makes.items():
                began = time.perf_counter()
                assert ROWS == crustframe.enrich(data, "url", FIELDS, client=client).report.statuses["matched"]
                took[name].append(time.perf_counter() - began)
    return {name: statistics.median(seconds) for name, seconds in took.items()}


def main() -> None:
    """Measure, and print what came out."""
    with tempfile.TemporaryDirectory() as made, crustframe.sandbox(requests_per_minute=None) as sandbox:
        found = measured(__file__, "each", sandbox.url, sandbox.key, str(Path(made) / "frames.sqlite3"))
    print(f"{ROWS:,} rows of {PEOPLE} known people, median seconds:")
    for name, seconds in found.items():
        print(f"  {name}: {seconds:.2f} s, {seconds / found['pandas']:.2f} x pandas")


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        report({"each": each})
