"""Delimited tables as the tests write them, and what a spreadsheet would run in them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from payloads import PAYLOADS

from crustframe.tables import read_table

TRIGGERS = "=+-@\t\r\n\0＝＋－＠"
INVISIBLE = "\ufeff \u00a0\u200b\u200c\u200d\u2060\u3000"

# A sign and 7 or more digits, with gaps: spreadsheets show it, or at worst do a sum.
NUMBER = re.compile(r"[ (]*\+[ (]*[0-9](?:[ ()./-]*[0-9]){6,14} *")

CELLS = [*PAYLOADS, "+49 171 5550100"]
"""What a spreadsheet could run, and a number that it only shows."""


def is_inert(cell: str) -> bool:
    """Whether no spreadsheet runs a cell, however it splits the line."""
    return not cell.lstrip(INVISIBLE).startswith(tuple(TRIGGERS)) or NUMBER.fullmatch(cell.rstrip('"')) is not None


def written(
    tmp_path: Path,
    data: bytes,
    added: pd.DataFrame | Mapping[str, Sequence[object]],
    *,
    name: str = "in.csv",
    out: str = "out.csv",
    encoding: str | None = None,
    delimiter: str | None = None,
    csv_safe: bool = True,
    overwrite_columns: bool = False,
) -> bytes:
    (tmp_path / name).write_bytes(data)
    table = read_table(tmp_path / name, encoding=encoding, delimiter=delimiter)
    table.write(tmp_path / out, added, csv_safe=csv_safe, overwrite_columns=overwrite_columns)
    return (tmp_path / out).read_bytes()


def table_of(tmp_path: Path, data: bytes, name: str = "in.csv", **options: str):
    (tmp_path / name).write_bytes(data)
    return read_table(tmp_path / name, **options)
