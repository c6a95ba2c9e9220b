"""Which rows of a table are looked up, and how what was found is filled in."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Final

from crustframe.client import Client
from crustframe.columns.frames import STATUS_COLUMN, as_frame
from crustframe.errors import ColumnNotFoundError, SettingError
from crustframe.verbs.fallback import Rows
from crustframe.verbs.options import Only
from crustframe.verbs.question import PersonQuestion
from crustframe.verbs.routed_question import for_account

if TYPE_CHECKING:
    import pandas as pd

_UNRESOLVED: Final = frozenset({"failed", "in_doubt", "not_run"})


def chosen_rows(data: Any, rows: Rows, question: PersonQuestion, only: Only, client: Client) -> list[int] | None:
    """Return which rows are looked up, or None for all."""
    if only == "all":
        return None
    import pandas as pd

    data = as_frame(data)
    if not isinstance(data, pd.DataFrame):
        raise SettingError(f"only={only!r} needs a frame that has the columns already. Nothing was sent.")
    if only == "failed":
        if STATUS_COLUMN not in data.columns:
            raise ColumnNotFoundError(
                f"The frame has no column {STATUS_COLUMN!r}, so nobody knows what failed. Nothing was sent.",
                hint="use only='missing', or only='all'.",
            )
        return [row for row, status in enumerate(data[STATUS_COLUMN].tolist()) if status in _UNRESOLVED]
    if only == "missing":
        empty = [_is_empty(data, path.name) for path in question.paths]
        return [row for row, blanks in enumerate(zip(*empty, strict=True)) if any(blanks)]
    identifiers = rows.identifiers
    parts = [part.known(client.ledger, identifiers.unique) for part in for_account(question, client).parts]
    stale = {n for n, identifier in enumerate(identifiers.unique) if any(identifier.key not in part for part in parts)}
    return [row for row, position in enumerate(identifiers.per_row) if position in stale]


def _is_empty(frame: pd.DataFrame, name: str) -> list[bool]:
    if name not in frame.columns:
        return [True] * len(frame)
    return [blank or cell == "" for blank, cell in zip(frame[name].isna(), frame[name].tolist(), strict=True)]


def filled_in(
    frame: Any, columns: pd.DataFrame, rows: Sequence[int], only: Only, left: Collection[int] = ()
) -> pd.DataFrame:
    """Return the frame with the looked-up cells in it, and every other cell as it was.

    Cells that are there stay also in those of the `rows`, by place among them, that were `left` for later.
    """
    import pandas as pd

    frame = as_frame(frame)
    filled: pd.DataFrame = frame.copy()
    for name in columns.columns:
        new = columns[name].array
        if name not in frame.columns:
            values, places = pd.array([pd.NA] * len(frame), dtype=new.dtype), set(rows)
        else:
            old = frame[name].array
            values = old.copy() if old.dtype == new.dtype else pd.array(old, dtype=object)
            blank = _is_empty(frame, name)
            keeps_filled = only == "missing" and not name.startswith("crust.")
            places = {row for at, row in enumerate(rows) if at not in left and (blank[row] or not keeps_filled)}
        for position, row in enumerate(rows):
            if row in places:
                values[row] = new[position]
        filled[name] = pd.Series(values, index=frame.index)
    return filled
