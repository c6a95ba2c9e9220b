"""pandera schemas made from the catalogue, and what they find in the columns that were built.

A value that breaks the schema never costs the row or the run: the cell becomes ``<NA>``, it is counted, and what
the API said stays in the ledger.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from crustframe.expand import Drift, Expansion
from crustframe.fields import Path, element_type

if TYPE_CHECKING:
    import pandera.pandas as pa

# Facts of the contract that a type cannot say: (least, greatest) of the number at the end of a path.
_RANGES: Final[Mapping[str, tuple[float, float]]] = {
    "connections": (0, 1e9),
    "num_of_connections": (0, 1e9),
    "score": (0, 1),
    "followers": (0, 1e10),
    "following": (0, 1e10),
    "confidence_score": (0, 1),
    "start_year": (1900, 2100),
    "end_year": (1900, 2100),
    "years_at_company_raw": (0, 120),
    "company_headcount_latest": (0, 1e8),
    "public_repo_count": (0, 1e8),
    "total_repos": (0, 1e8),
    "total_stars": (0, 1e10),
    "max_stars": (0, 1e10),
}


def schema_of(paths: Sequence[Path]) -> pa.DataFrameSchema:
    """Return the schema of read paths."""
    import pandera.pandas as pa

    return pa.DataFrameSchema(
        {
            path.name: pa.Column(_dtype(path), checks=_checks(path), nullable=True, required=True, coerce=False)
            for path in paths
        },
        strict=False,
    )


def _dtype(path: Path) -> Any:
    return pd.StringDtype() if path.dtype == "string" else path.dtype


def _checks(path: Path) -> list[Any]:
    import pandera.pandas as pa

    if path.reduction == "count":
        return [pa.Check.ge(0)]
    last = path.field.path.rpartition(".")[2]
    if path.reduction is not None or last not in _RANGES or element_type(path.field) not in {"integer", "number"}:
        return []
    return [pa.Check.in_range(*_RANGES[last])]


def validate(expansion: Expansion) -> tuple[pd.DataFrame, Drift]:
    """Return the columns as a typed frame with every cell checked, and the count of cells that were not right.

    Parameters
    ----------
    expansion : Expansion
        p columns about u people.

    Returns
    -------
    (pandas.DataFrame, shape (u, p); Counter)
        Cells that break the schema are ``<NA>`` in the frame.
    """
    import pandera.pandas as pa

    frame = pd.DataFrame(
        {path.name: _series(column, path) for path, column in zip(expansion.paths, expansion.columns, strict=True)}
    )
    drift: Drift = expansion.drift.copy()
    try:
        schema_of(expansion.paths).validate(frame, lazy=True)
    except pa.errors.SchemaErrors as errors:
        by_name = {path.name: path for path in expansion.paths}
        cells = errors.failure_cases.dropna(subset=["index"])
        for name, cases in cells.groupby("column"):
            rows = cases["index"].astype(int).unique()
            frame.loc[rows, name] = None
            drift[by_name[name].field.path, "out of range"] += len(rows)
    return frame, drift


def _series(column: list[Any], path: Path) -> pd.Series[Any]:
    if path.dtype == "object":
        series: pd.Series[Any] = pd.Series(column, dtype=object)
        return series.where(series.notna(), pd.NA) if len(series) else series
    if path.dtype.startswith("datetime"):
        return pd.Series(pd.array(column, dtype=pd.DatetimeTZDtype("us", "UTC")))
    return pd.Series(pd.array(column, dtype=_dtype(path)))
