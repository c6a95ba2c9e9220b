"""Which column is meant: by its name, or by its number where no column is called so."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

from crustframe.errors import ColumnNotFoundError, TableError

_NAMES_SHOWN: Final = 30


def label_of(columns: Sequence[str], position: int) -> str:
    """Return what names one column alone: its name, or its number where another has the same name."""
    name = columns[position]
    return name if columns.count(name) == 1 else str(position + 1)


def position_of(columns: Sequence[str], column: str, table: str) -> int:
    """Return where the column stands that a name or a number means.

    Raises
    ------
    TableError
        Several columns have this name.
    ColumnNotFoundError
        None has, and it is no number of one.
    """
    places = [place for place, name in enumerate(columns) if name == column]
    if len(places) == 1:
        return places[0]
    if places:
        raise TableError(
            f"{table} has {len(places)} columns {column!r}. Nothing was sent.",
            hint=f"say which by its number, such as --column {places[0] + 1}, or rename all but one.",
        )
    if column.isascii() and column.isdigit() and 1 <= int(column) <= len(columns):
        return int(column) - 1
    raise ColumnNotFoundError(
        f"{table} has no column {column!r}; it has {_listed(columns)}. Nothing was sent.",
        hint=_nearest(column, columns),
    )


def _listed(columns: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in columns[:_NAMES_SHOWN])
    return f"{shown} and {len(columns) - _NAMES_SHOWN} more" if len(columns) > _NAMES_SHOWN else shown


def _nearest(name: str, columns: Sequence[str]) -> str:
    by_folded = {column.strip().casefold(): column for column in columns}
    near = get_close_matches(name.strip().casefold(), by_folded, n=1)
    return f"did you mean {by_folded[near[0]]!r}?" if near else "name one of these columns, or give its number."
