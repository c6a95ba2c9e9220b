"""A large workbook with columns added: ``python tests/bench/workbooks.py [ROWS]``; ``make bench`` prints it, too.

Beside it, openpyxl does the same: load, write cells, save. Nothing here passes or fails by its figures.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from measuring import Facts, measured, people, report, span

ROWS, COLUMNS, ADDED = 100_000, 20, 5


def build(path: Path, n: int) -> Path:
    """Write a sheet of `n` rows: profile URLs, repeated texts, numbers."""
    import xlsxwriter

    with xlsxwriter.Workbook(path, {"strings_to_urls": False}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["url", *(f"c{i}" for i in range(1, COLUMNS))])
        for row, url in enumerate(people(n), start=1):
            sheet.write_row(
                row, 0, [url, *(f"text {row % 977} {i}" if i % 2 else row * i / 4 for i in range(1, COLUMNS))]
            )
    return path


def ours(path: str, out: str) -> Facts:
    """Read the column of people, check, write five columns more: what a run of the shell does with its files."""
    from crustframe.tables import read_table

    with span() as facts:
        table = read_table(path, columns=["url"])
        names = [f"new {i}" for i in range(ADDED)]
        table.check(out, names)
        n_rows = len(table.column("url"))
        table.write(out, {name: [f"{name} of {row}" for row in range(n_rows)] for name in names})
    return facts


def theirs(path: str, out: str) -> Facts:
    """Load the workbook, write five columns more, save it."""
    import openpyxl

    with span() as facts:
        book = openpyxl.load_workbook(path)
        sheet = book.active
        for row in range(1, sheet.max_row + 1):
            for i in range(ADDED):
                sheet.cell(row, COLUMNS + 1 + i, f"new {i} of {row}")
        book.save(out)
    return facts


def main(n: int = ROWS) -> None:
    """Measure, and print what came out."""
    with tempfile.TemporaryDirectory() as made:
        path = build(Path(made) / "in.xlsx", n)
        here, there = (measured(__file__, what, path, Path(made) / f"{what}.xlsx") for what in ("ours", "theirs"))
    print(f"workbook of {n:,} rows and {COLUMNS} columns, {ADDED} added, seconds and peak MiB:")
    for name, found in (("crustframe", here), ("openpyxl", there)):
        print(f"  {name:>10}: {found['seconds']:.1f} s, {found['cpu']:.1f} s of CPU, {found['peak_mib']:.0f} MiB")
    print(f"  ratio: {here['cpu'] / there['cpu']:.2f} x CPU, {here['peak_mib'] / there['peak_mib']:.2f} x memory")


if __name__ == "__main__":
    if sys.argv[1:2] in (["ours"], ["theirs"]):
        report({work.__name__: work for work in (ours, theirs)})
    else:
        main(*map(int, sys.argv[1:]))
