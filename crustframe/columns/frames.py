"""The user's own table: which cells are asked about, where the answers go, and everything else as it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from crustframe.contract import BUSINESS_EMAIL, PROFILE_URL, IdentifierKind
from crustframe.errors import ColumnExistsError, ColumnNotFoundError, FieldError, SettingError
from crustframe.fields import Path, read_paths
from crustframe.people.distinct import DistinctRows
from crustframe.people.identifiers import Identifiers, count_refused, read_identifiers
from crustframe.wording import counted

if TYPE_CHECKING:
    import pandas as pd
    from duckdb import DuckDBPyRelation
    from narwhals.typing import IntoFrame, IntoSeries

STATUS_COLUMN: Final = "crust.status"
_REMARKS: Final = frozenset(
    {
        STATUS_COLUMN,
        "crust.confidence_score",
        "crust.source",
        "crust.fetched_at",
        "crust.request_id",
        "crust.match_count",
        "crust.reason",
        "crust.match_verdict",
        "crust.match_reasons",
    }
)
"""What a run says of a row; ``crust.rank`` and ``crust.identifier`` belong to a table of candidates."""
_ATTRIBUTE: Final = "crustframe"
"""Of a frame: which path made which column."""
_KINDS_IN_WORDS: Final[Mapping[IdentifierKind, str]] = {PROFILE_URL: "profile URL", BUSINESS_EMAIL: "business e-mail"}
_SAMPLE: Final = 1_000


Data: TypeAlias = (
    "pd.DataFrame | pd.Series[Any] | Iterable[object] | IntoFrame | IntoSeries | DuckDBPyRelation | DistinctRows"
)
"""A frame, a series or a column: of pandas, Polars, Arrow, DuckDB, or of plain Python."""
Column = Hashable | Sequence[Hashable] | None
"""Which column of a frame names the people: one, or a list of several in order of preference."""
ANYBODY: Final = (PROFILE_URL, BUSINESS_EMAIL)


class Own:
    """The user's data as the verbs look at them: what is of pandas, and plain columns, as they are.

    Attributes
    ----------
    data : pandas.DataFrame, pandas.Series, iterable or DistinctRows
    counts : list of int, optional
        How many rows of the user's own each row of `data` stands for, where equal ones are looked at once.
    """

    counts: list[int] | None = None

    def __init__(self, data: Any, counts: list[int] | None = None) -> None:
        self.data = data
        if counts is not None:
            self.counts = counts

    @property
    def names(self) -> Collection[Hashable]:
        """The names of all columns of a frame."""
        return self.data.columns if has_columns(self.data) else ()

    @property
    def name(self) -> object:
        """The name of a series."""
        return getattr(self.data, "name", None)

    @property
    def made(self) -> Mapping[str, str]:
        """Which path made which column, as far as the frame remembers it."""
        made: Mapping[str, str] = getattr(self.data, "attrs", {}).get(_ATTRIBUTE, {})
        return made

    def head(self, n_rows: int) -> Mapping[Any, Sequence[object]]:
        """Return the first cells of the columns of a frame."""
        import pandas as pd

        if not isinstance(self.data, pd.DataFrame):
            return {}
        return {name: self.data.iloc[:n_rows, position].tolist() for position, name in enumerate(self.data.columns)}

    def given(self, frame: pd.DataFrame, names: Iterable[str], paths: Sequence[Path]) -> Any:
        """Return `data` with the columns of these names as the user gets them: of the kind that they gave."""
        return frame

    def made_of(self, frame: pd.DataFrame, paths: Sequence[Path] = ()) -> Any:
        """Return another table as the user gets it."""
        return frame


def own_of(data: Any, column: Column = None, filled: Sequence[Path] = ()) -> Own:
    """Return how the verbs look at the user's data.

    Parameters
    ----------
    column : hashable or list of hashable, optional
        Which columns are looked at; of frames that are not of pandas, no other is.
    filled : sequence of Path
        Whose columns may be there already, and are filled in row by row.
    """
    if isinstance(data, DistinctRows):
        return Own(data, data.counts)
    if type(data).__module__.partition(".")[0] in {"builtins", "numpy", "pandas"}:
        return Own(data)
    import pandas as pd

    if isinstance(data, pd.DataFrame | pd.Series | pd.Index):
        return Own(data)
    from crustframe.columns.others import Other, kind_of

    kind = kind_of(data)
    return Own(data) if kind is None else Other(kind, column, filled)


def columns_named(column: Column) -> list[Hashable]:
    """Return the named columns; a tuple is one name, of a frame with several header rows."""
    return column if isinstance(column, list) else [column]


def preferred(columns: Sequence[Sequence[object]], kinds: Collection[IdentifierKind] = ANYBODY) -> list[object]:
    """Return of each row the first cell that names somebody, else the first that is not blank."""
    return [cells[0] for cells in _in_preference(columns, kinds)]


def _in_preference(
    columns: Sequence[Sequence[object]], kinds: Collection[IdentifierKind] = ANYBODY
) -> list[Sequence[object]]:
    """Return of each row the cells that name different people, the preferred one first; at least one cell."""
    if len(columns) == 1:
        return [(cell,) for cell in columns[0]]
    reads = [read_identifiers(cells) for cells in columns]
    chosen: list[Sequence[object]] = []
    for row, cells in enumerate(zip(*columns, strict=True)):
        named: dict[str, object] = {}
        other: dict[str, object] = {}
        written: list[object] = []
        for cell, read in zip(cells, reads, strict=True):
            if (at := read.per_row[row]) >= 0:
                who = read.unique[at]
                (named if who.kind in kinds else other).setdefault(who.key, cell)
            elif read.refusals[row].reason != "blank":
                written.append(cell)
        chosen.append([*(named | other).values()] or [next(iter(written), cells[0])])
    return chosen


def choices_of(data: Any, column: Column, kinds: Collection[IdentifierKind] = ANYBODY) -> list[Sequence[object]]:
    """Return of each row the cells that name different people, the preferred one first; at least one cell."""
    if not (isinstance(column, list) and has_columns(data)):
        return [(cell,) for cell in cells_of(data, column, kinds)]
    if not column:
        raise SettingError("The list of columns is empty. Nothing was sent.", hint="name one column, or several.")
    return _in_preference([_column_of(data, one) for one in column], kinds)


def cells_of(data: Any, column: Column, kinds: Collection[IdentifierKind] = ANYBODY) -> list[object]:
    """Return the cells of a column, whatever holds it; of several, the first of each row that names somebody."""
    if has_columns(data):
        if isinstance(column, list):
            return [cells[0] for cells in choices_of(data, column, kinds)]
        return _column_of(data, column)
    if column is not None:
        raise SettingError("A column is named, but the data are no DataFrame. Nothing was sent.")
    if isinstance(data, str):
        raise SettingError("The data are one text, not a column. Nothing was sent.", hint="put it in a list.")
    import pandas as pd

    return data.tolist() if isinstance(data, pd.Series | pd.Index) else list(data)


def has_columns(data: Any) -> bool:
    """Whether the data are a table, and no single column."""
    if isinstance(data, DistinctRows):
        return True
    import pandas as pd

    return isinstance(data, pd.DataFrame)


def as_frame(data: Any) -> Any:
    """Return rows that were read from a file as a frame, and anything else as it is."""
    return data.frame if isinstance(data, DistinctRows) else data


def nobody_named(
    cells: Iterable[object],
    column: Column,
    others: Callable[[int], Mapping[Any, Sequence[object]]],
    kinds: Collection[IdentifierKind] = (PROFILE_URL, BUSINESS_EMAIL),
    counts: Sequence[int] | None = None,
) -> str:
    """Return what to say if every cell that is not blank is refused, else nothing.

    Parameters
    ----------
    cells : iterable
        The column that was asked about.
    column : hashable or None
        Its name, if it has one.
    others : callable
        Returns the first cells, as many as it is told, of the columns beside it.
    kinds : collection of str
        Which identifiers can be asked about.
    counts : sequence of int, optional
        How many rows each cell stands for.
    """
    n_refused = count_refused(cells, kinds, counts)
    if not n_refused:
        return ""
    wanted = " or ".join(f"a {_KINDS_IN_WORDS[kind]}" for kind in kinds)
    names = " and ".join(repr(str(name)) for name in columns_named(column))
    of_column = "" if column is None else f" of column {names}"
    hint = _likely_column(others(_SAMPLE), column, kinds) or f"name a column whose cells hold {wanted}."
    return (
        f"No cell{of_column} holds {wanted}; refused: {n_refused}. Nothing was sent, nothing was charged.\nHint: {hint}"
    )


def _likely_column(others: Mapping[Any, Sequence[object]], column: Column, kinds: Collection[IdentifierKind]) -> str:
    found = {
        name: _counts(read_identifiers(cells), kinds)
        for name, cells in others.items()
        if name not in columns_named(column)
    }
    likely = max(found, key=lambda name: found[name].total(), default=None)
    if likely is None or not found[likely]:
        return ""
    where = f" in its first {_SAMPLE:,} rows" if len(others[likely]) == _SAMPLE else ""
    return f"column {str(likely)!r} holds {in_words(found[likely])}{where}."


def people_columns(
    columns: Mapping[Any, Sequence[object]], kinds: Collection[IdentifierKind]
) -> dict[Any, Counter[IdentifierKind]]:
    """Return of the columns those that name people, in most of their cells that are not blank, with how many."""
    found = {}
    for name, cells in columns.items():
        read = read_identifiers(cells)
        counts = _counts(read, kinds)
        if not is_ours(name) and counts.total() * 2 > len(read) - read.n_blank:
            found[name] = counts
    return found


def in_words(counts: Mapping[IdentifierKind, int]) -> str:
    """Return how many identifiers of which kind."""
    return " and ".join(counted(n, _KINDS_IN_WORDS[kind]) for kind, n in counts.items())


def _counts(read: Identifiers, kinds: Collection[IdentifierKind]) -> Counter[IdentifierKind]:
    found = Counter(read.unique[position].kind for position in read.per_row if position >= 0)
    return Counter({kind: n for kind, n in found.items() if kind in kinds})


def _column_of(data: Any, column: Column) -> list[object]:
    if isinstance(data, DistinctRows):
        return data.columns[str(column)]
    cells: list[object] = _series_of(data, column).tolist()
    return cells


def _series_of(frame: pd.DataFrame, column: Column) -> pd.Series[Any]:
    import pandas as pd

    found: Any = frame[column] if column is not None and column in frame.columns else None
    if not isinstance(found, pd.Series):  # two columns may have the name
        raise no_such_column(column, frame.columns, 0 if found is None else found.shape[1])
    series: pd.Series[Any] = found
    return series


def no_such_column(column: Column, names: Iterable[Hashable], n_found: int) -> ColumnNotFoundError:
    """Return what to raise where not one column has the name."""
    import difflib

    if n_found:
        return ColumnNotFoundError(
            f"The frame has {n_found} columns named {column!r}. Nothing was sent, nothing was charged.",
            hint="give one of them another name first.",
        )
    texts = [str(name) for name in names]
    near = difflib.get_close_matches(str(column), texts, n=1)
    what = "No column is named" if column is None else f"The frame has no column {column!r}"
    return ColumnNotFoundError(
        f"{what}. Nothing was sent, nothing was charged.",
        hint=(f"did you mean {near[0]!r}? " if near else "") + f"columns: {', '.join(texts[:20]) or 'none'}.",
    )


def made_from(path: Path) -> str:
    """Return how a column that this path makes is remembered."""
    return f"{list(path.steps)} | {path.reduction}"


def is_named_by_itself(path: Path) -> bool:
    """Whether the column has the API's own name for what it holds, as nobody's own column has."""
    if "." not in path.name:  # such as crustdata_person_id, which may be a column of the user's own
        return False
    if path.name == path.field.path:
        return True
    try:
        return path in read_paths([path.name], lists=path.reduction or "join")
    except FieldError:
        return False


def check_names(own: Own, column: Column, paths: Sequence[Path], overwrite: bool) -> None:
    """Refuse to replace a column of the user's own.

    ``crust.`` columns and those that the same question made are ours: these are replaced, always.

    Raises
    ------
    ColumnExistsError
        Nothing was sent.
    """
    if overwrite:
        return
    made = own.made
    for path in paths:
        is_made = path.name not in columns_named(column) and (
            is_named_by_itself(path) or made.get(path.name) == made_from(path)
        )
        if path.name in own.names and not is_made:
            raise ColumnExistsError(
                f"The frame has a column {path.name!r} already. Nothing was sent, nothing was charged.",
                hint="pass overwrite=True, or name the new one with ' as other_name'.",
            )


ASKED_BY: Final = "crust.identifier"


def asked_by(identifiers: Identifiers) -> Any:
    """Return by which identifier each row was asked; nothing where no cell of it names anybody."""
    import pandas as pd

    texts = [identifiers.unique[at].text if at >= 0 else None for at in identifiers.per_row]
    return pd.array(texts, dtype="string")


def in_order(columns: pd.DataFrame, paths: Sequence[Path]) -> pd.DataFrame:
    """Return the columns as they were asked for, and the remarks behind them."""
    names = [path.name for path in paths]
    return columns[[*names, *(name for name in columns.columns if name not in set(names))]]


def beside(data: Any, columns: pd.DataFrame, paths: Sequence[Path] = ()) -> pd.DataFrame:
    """Return the user's rows with the new columns; ours of an earlier run keep their places, or go.

    A ``crust.`` column that this run does not bring would tell of an earlier one, and is left out.
    """
    import pandas as pd

    data = as_frame(data)
    if isinstance(data, pd.Series):
        return columns.set_axis(data.index)
    if not isinstance(data, pd.DataFrame):
        return columns
    frame = data.copy()
    if any(is_ours(name) for name in columns.columns):
        frame = frame.drop(columns=[name for name in frame.columns if is_ours(name) and name not in columns.columns])
    levels = frame.columns.nlevels
    for name in columns.columns:
        frame[name if levels == 1 else (name, *[""] * (levels - 1))] = columns[name].array
    if made := {path.name: made_from(path) for path in paths if not is_named_by_itself(path)}:
        frame.attrs = {**frame.attrs, _ATTRIBUTE: {**frame.attrs.get(_ATTRIBUTE, {}), **made}}
    return frame


def is_ours(name: object) -> bool:
    """Whether a column is a remark of ours on the row."""
    return isinstance(name, str) and name in _REMARKS
