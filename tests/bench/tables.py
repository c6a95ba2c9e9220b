"""Large tables through the shell command: ``python tests/bench/tables.py [ROWS]``; ``make bench`` prints it, too.

Everybody in them is known, so that nothing but the tables takes time. Beside it, a program copies the same rows with
the csv module. Nothing here passes or fails by its figures.
"""

from __future__ import annotations

import csv
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from measuring import ROOT, Facts, measured, people, report, span

ROWS, PEOPLE, CELLS = 1_000_000, 200, 1_000_000


def rows_of(n: int, n_people: int) -> Iterator[list[str]]:
    """Yield the header and `n` rows of 12 cells, of which one names one of the people, a few nobody."""
    yield ["id", "url", *(f"c{i}" for i in range(10))]
    urls = people(n_people)
    for row in range(n):
        url = "" if row % 100 == 99 else urls[row * 7919 % n_people]
        yield [f"{row:07}", url, *(f"text {row % 977} {i}" if i % 2 else str(row * i) for i in range(10))]


def build(made: str, n_rows: str, n_people: int = PEOPLE) -> Facts:
    """Write the same table in every kind, and a small one with everybody in it."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    folder, n = Path(made), int(n_rows)
    with (folder / "people.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["url"], *([url] for url in people(n_people))])
    with (folder / "in.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows_of(n, n_people))
    options = pyarrow.csv.ConvertOptions(column_types={"id": pa.string()})
    table = pyarrow.csv.read_csv(folder / "in.csv", convert_options=options)
    pyarrow.parquet.write_table(table, folder / "in.parquet")
    with (folder / "in.jsonl").open("w") as file:
        for batch in table.to_batches(2_000):
            file.write(batch.to_pandas().to_json(orient="records", lines=True))
    return {}


def shell(*arguments: str) -> Facts:
    """Run one command in a process of its own; return its seconds and the most memory that it held."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "crustframe", *arguments]
    silent = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1, 2)]
    environ = os.environ | {"PYTHONPATH": str(ROOT), "CRUSTFRAME_MAX_CREDITS": "10_000_000"}
    child = os.posix_spawn(sys.executable, command, environ, file_actions=silent)
    _, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return {"seconds": time.perf_counter() - began, "peak_mib": usage.ru_maxrss / 2**10}


def copy(source: str, target: str) -> Facts:
    """Copy a table with the csv module, cell by cell."""
    with span() as facts, Path(source).open(newline="") as file, Path(target).open("w", newline="") as out:
        csv.writer(out).writerows(csv.reader(file))
    return facts


def identifiers(spelled: str) -> Facts:
    """Read cells that name people, all of them different or a few of them over and over."""
    from crustframe.people.identifiers import read_identifiers

    n = CELLS if spelled == "distinct" else PEOPLE
    cells = list(chain.from_iterable([people(n)] * (CELLS // n)))
    with span() as facts:
        read_identifiers(cells)
    return facts


def main(n: int = ROWS) -> None:
    """Measure, and print what came out."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        measured(__file__, "build", folder, n)
        ledger = ["--column", "url", "--sandbox", "--ledger", str(folder / "ledger.sqlite3")]
        few = shell("enrich", str(folder / "people.csv"), *ledger, "-o", str(folder / "few.csv"))
        print(f"{n:,} rows of 12 cells, {PEOPLE} people, all of them known; a table of {PEOPLE} rows ", end="")
        print(f"takes {few['seconds']:.2f} s and {few['peak_mib']:.0f} MiB")
        plain = measured(__file__, "copy", folder / "in.csv", folder / "copy.csv")
        print(f"{'csv module, copy':24}{plain['seconds']:8.2f} s{plain['peak_mib']:8.0f} MiB")
        for kind in ("csv", "jsonl", "parquet"):
            facts = shell("enrich", str(folder / f"in.{kind}"), *ledger, "-o", str(folder / f"out.{kind}"))
            ratio = facts["seconds"] / plain["seconds"]
            print(f"{f'crustframe, {kind}':24}{facts['seconds']:8.2f} s{facts['peak_mib']:8.0f} MiB{ratio:8.2f} x")
        (folder / "thousand.csv").write_text("url\n" + "\n".join(people(1_000)) + "\n")
        planned = min(shell("plan", str(folder / "thousand.csv"), *ledger)["seconds"] for _ in range(5))
        print(f"{'plan of 1,000 rows':24}{planned:8.2f} s")
    for spelled in ("distinct", "repeated"):
        facts = measured(__file__, "identifiers", spelled)
        print(f"{f'{spelled} plain URLs':24}{CELLS / facts['seconds']:12,.0f} cells a second")


if __name__ == "__main__":
    if sys.argv[1:2] and not sys.argv[1].isdigit():
        report({"build": build, "copy": copy, "identifiers": identifiers})
    else:
        main(*map(int, sys.argv[1:]))
