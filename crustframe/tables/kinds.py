"""Which suffix means which kind of table."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from crustframe.errors import TableError
from crustframe.tables.arrow import require_pyarrow
from crustframe.tables.content import Kind
from crustframe.tables.destination import is_stream

_UNWRITTEN: Final = (".xls", ".xlsm", ".xlsb", ".xltx", ".xltm", ".ods", ".gz", ".zip")
_KINDS: Final[Mapping[str, Kind]] = {
    ".csv": "text",
    ".tsv": "text",
    ".tab": "text",
    ".xlsx": "workbook",
    ".xlsm": "workbook",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "lines",
    ".ndjson": "lines",
    ".json": "array",
}
KIND_NAMES: Final[Mapping[Kind, tuple[str, str]]] = {
    "text": ("text", "a .csv or .tsv file"),
    "workbook": ("a workbook", "an .xlsx file"),
    "parquet": ("a Parquet file", "a .parquet file"),
    "lines": ("JSON lines", "a .jsonl file"),
    "array": ("a JSON array", "a .json file"),
}
TAB_SUFFIXES: Final = (".tsv", ".tab")


def refuse_kind(destination: str | os.PathLike[str], *, but: str = "") -> None:
    """Raise `TableError` for a suffix that is not written here, `but` for one; for a stream; without pyarrow."""
    suffix = Path(destination).suffix.lower()
    if suffix in _UNWRITTEN and suffix != but:
        raise TableError(
            f"{suffix} files are not written here.", hint="use .csv, .tsv, .xlsx, .parquet, .jsonl or .json."
        )
    if _KINDS.get(suffix) in ("workbook", "parquet") and is_stream(destination):
        raise TableError(
            f"{Path(destination).name} is no file, and {KIND_NAMES[_KINDS[suffix]][0]} needs one. Nothing was sent.",
            hint="name a file, or a stream of text whose name ends in .csv, .tsv, .jsonl or .json.",
        )
    if _KINDS.get(suffix) == "parquet":
        require_pyarrow()


def kind_of(destination: str | os.PathLike[str], default: Kind) -> Kind:
    """Return the kind that the suffix means."""
    return _KINDS.get(Path(destination).suffix.lower(), default)


def delimiter_of(suffix: str) -> str:
    """Return the delimiter of text with this suffix."""
    return "\t" if suffix in TAB_SUFFIXES else ","
