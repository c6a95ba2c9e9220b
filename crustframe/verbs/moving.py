"""Moving over to the current surface: the same question in its words, what it costs there, and old files renamed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from crustframe import contract
from crustframe.api import person, screener
from crustframe.errors import FieldError
from crustframe.fields import Path, catalogue, read_paths
from crustframe.fields.legacy import CURRENT_PATHS, WITHOUT, plain, renamed_column, without_counterpart


class Counterpart(NamedTuple):
    """One legacy path beside the current one.

    Attributes
    ----------
    legacy : str
    current : str or None
        ``None`` where no current path means the same.
    legacy_credits, credits : float or None
        What one matched person costs on either surface if only this is asked.
    note : str
        What to do where there is no counterpart.
    """

    legacy: str
    current: str | None
    legacy_credits: float
    credits: float | None
    note: str


def counterpart(name: str) -> Counterpart:
    """Return what a legacy path is called now, and what both cost.

    Costs nothing; opens no socket. Source: the field catalogues and price lists of the wire contract.

    Raises
    ------
    FieldError
        The legacy surface has no such path either.

    Examples
    --------
    >>> counterpart("title")[:4]
    ('title', 'basic_profile.current_title', 3.0, 1.0)
    """
    field = screener.catalogue().find(name)
    [path] = read_paths([field.path], known=screener.catalogue())
    legacy_credits = screener.Options(screener.Options.requested_groups([path], "all")).price
    current = CURRENT_PATHS.get(field.path)
    credits = None if current is None else contract.BASE_PRICE + catalogue().fields[plain(current)].price
    return Counterpart(field.path, current, legacy_credits, credits, WITHOUT.get(field.path, ""))


def counterparts(names: Iterable[str] = ()) -> list[Counterpart]:
    """Return the counterparts of `names`, or of every legacy path."""
    return [counterpart(name) for name in (list(names) or list(screener.catalogue().fields))]


def cost_notes(paths: Sequence[Path], price: float, people: int) -> list[str]:
    """Return what asking for legacy `paths` about `people` costs here and on the current surface, for a plan."""
    current = [CURRENT_PATHS[path.field.path] for path in paths if path.field.path in CURRENT_PATHS]
    gone = [path.field.path for path in paths if path.field.path not in CURRENT_PATHS]
    lines = [f"retiring: {screener.Options.retirement}"]
    if current:
        asked = read_paths(list(dict.fromkeys(current)))
        credits = person.Options(person.Options.requested_groups(asked, "all")).price
        lines += [
            "the same people             legacy  current",
            f"  credits a person         {price:>7g} {credits:>8g}",
            f"  credits at most          {price * people:>7g} {credits * people:>8g}",
        ]
    return lines + ([f"  without a counterpart there: {', '.join(gone)}"] if gone else [])


class Renaming(NamedTuple):
    """What became of the columns of an old file.

    Attributes
    ----------
    columns : list of str
        All of them, in order, under their names from now on.
    renamed : dict of str to str
    without : dict of str to str
        Columns that no current path means, left as they are, each with what to do instead.
    """

    columns: list[str]
    renamed: dict[str, str]
    without: dict[str, str]


def rename_columns(columns: Sequence[str]) -> Renaming:
    """Return the names that the columns of an old file have on the current surface; other columns stay.

    Raises
    ------
    FieldError
        Two columns would get one name.

    Examples
    --------
    >>> rename_columns(["lead_id", "title", "current_employers[0].employer_name"]).columns
    ['lead_id', 'basic_profile.current_title', 'experience.employment_details.current[0].name']
    """
    lists = {path: field.lists for path, field in catalogue().fields.items()}
    found = {column: renamed_column(column, lists) for column in columns}
    renamed = {column: name for column, name in found.items() if name is not None and name != column}
    names = [renamed.get(column, column) for column in columns]
    if doubled := sorted({name for name in names if name in renamed.values() and names.count(name) > 1}):
        raise FieldError(
            f"Two columns would be named {doubled[0]!r}. Nothing was written.",
            hint="take one of them out of the file, or give it a name of its own first.",
        )
    return Renaming(names, renamed, without_counterpart(column for column in columns if column not in renamed))
