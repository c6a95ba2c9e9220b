"""Rows that are alike are read once and rendered once; the file that comes out is the same."""

from __future__ import annotations

import random
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from crustframe.tables import KEEP, Table, read_table, write_rows

KINDS = [".csv", ".tsv", ".jsonl", ".json", ".parquet", ".xlsx"]
TEXTS = ["", "x", "x ", "X", 'said "yes", twice', "two\nlines", "=1+1", "+1-555-0148", "Zoë", "NA", "1", "a;b"]
VALUES = [None, 1, 1.5, True, [1, "x"], {"a": None}, "1", "1.0", *TEXTS]


def table(folder: Path, suffix: str, luck: random.Random) -> Table:
    """Make a table of few cells in many rows."""
    n = luck.choice([1, 5, 60])
    columns: dict[str, Any] = {name: [luck.choice(TEXTS) for _ in range(n)] for name in ("id", "url", "old")}
    path = folder / f"in{suffix}"
    if suffix in (".csv", ".tsv"):
        mark, ending = "\t" if suffix == ".tsv" else luck.choice(",;"), luck.choice(["\n", "\r\n"])
        text = mark.join(columns) + ending
        for row in zip(*columns.values(), strict=True):
            cells = ['"' + cell.replace('"', '""') + '"' if set(cell) & set('",;\n') else cell for cell in row]
            text += mark.join(cells[: luck.choice([1, 3, 3, 3])]) + ending * luck.choice([1, 1, 1, 2])
        path.write_bytes(text.encode())
    elif suffix == ".parquet":
        number = [luck.choice([None, 1.0, float("nan")]) for _ in range(n)]
        lists = [luck.choice([None, [], ["x"]]) for _ in range(n)]
        pd.DataFrame({**columns, "url": pd.Categorical(columns["url"]), "n": number, "l": lists}).to_parquet(path)
    else:
        values = [luck.choice(VALUES[:4] + VALUES[6:] if suffix == ".xlsx" else VALUES) for _ in range(n)]
        write_rows(path, pd.DataFrame({**columns, "url": pd.Series(values, dtype=object)}))
    return read_table(path)


@pytest.mark.parametrize("suffix", KINDS)
@pytest.mark.parametrize("seed", range(12))
def test_every_row_has_its_own_cells_again(tmp_path, suffix, seed):
    luck = random.Random(f"{suffix} {seed}")
    source = table(tmp_path, suffix, luck)
    names = luck.sample(source.columns, luck.randint(1, len(source.columns)))

    rows = source.distinct(names)

    assert source.n_rows == len(rows.codes) == sum(rows.counts)
    for name in names:
        again = [rows.columns[name][code] for code in rows.codes]
        assert list(map(repr, source.column(name))) == list(map(repr, again))


@pytest.mark.parametrize("suffix", KINDS)
@pytest.mark.parametrize("out", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_cells_by_code_make_the_same_file_as_cells_by_row(tmp_path, suffix, out, seed):
    luck = random.Random(f"{suffix} {out} {seed}")
    source = table(tmp_path, suffix, luck)
    rows = source.distinct(["url"])
    n = len(rows.counts)
    keeps = luck.random() < 0.5
    added: dict[str, Any] = {
        "name": pd.array([luck.choice([None, *TEXTS]) for _ in range(n)], dtype="string"),
        "count": pd.Series(pd.array([luck.choice([None, 7, 2**40]) for _ in range(n)], dtype="Int64")),
        "list": [luck.choice([None, ["a", "=b"], []]) for _ in range(n)],
        "old": [luck.choice([KEEP, None, "new", "=new"] if keeps else ["new", "=new\nline"]) for _ in range(n)],
    }
    by_row: dict[str, Any] = {name: [column[code] for code in rows.codes] for name, column in added.items()}
    by_row["name"] = pd.array(by_row["name"], dtype="string")
    by_row["count"] = pd.Series(pd.array(by_row["count"], dtype="Int64"))
    options: dict[str, Any] = {
        "overwrite_columns": True,
        "csv_safe": luck.random() < 0.7,
        "line_breaks": luck.choice(["keep", "space"]),
    }

    told = source.write(tmp_path / f"codes{out}", added, rows.codes, **options)

    assert asdict(source.write(tmp_path / f"rows{out}", by_row, **options)) == asdict(told)
    ours, theirs = tmp_path / f"codes{out}", tmp_path / f"rows{out}"
    if out == ".xlsx":  # whose bytes hold the hour
        assert list(read_table(theirs)._content.rows()) == list(read_table(ours)._content.rows())
    else:
        assert theirs.read_bytes() == ours.read_bytes()


def test_a_table_without_added_columns_is_the_same(tmp_path):
    source = table(tmp_path, ".csv", random.Random(1))
    source.write(tmp_path / "out.csv", {}, source.distinct(["url"]).codes)

    assert (tmp_path / "out.csv").read_text().count("\n") >= source.n_rows


def test_few_people_in_many_rows_take_no_memory_by_row(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("url\n" + "".join(f"linkedin.com/in/lead-{row % 50}-example\n" for row in range(20_000)))

    rows = read_table(path).distinct(["url"])

    assert (50, 20_000, 4) == (len(rows.columns["url"]), len(rows.codes), rows.codes.itemsize)
    assert [400] * 50 == rows.counts
