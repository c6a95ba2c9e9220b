"""pandera schemas made from the catalogue, and what they find in the columns that were built.

A value that breaks the schema never costs the row or the run: the cell becomes ``<NA>``, it is counted, and what
the API said stays in the ledger.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from crustframe.columns.expand import Drift, Expansion
from crustframe.fields import Path

if TYPE_CHECKING:
    import pandera.pandas as pa


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
    return [] if path.limits is None else [pa.Check.in_range(*path.limits)]


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
