"""Frames of other makes: Polars, Arrow, DuckDB, and what else narwhals knows.

The verbs look at the distinct cells of the asked columns; what they found is spread over the rows as Arrow arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from crustframe.columns.frames import STATUS_COLUMN, Column, Own, columns_named, is_ours, no_such_column
from crustframe.errors import SettingError
from crustframe.fields import Path, element_type
from crustframe.tables import KEEP
from crustframe.tables.arrow import filled as filled_array
from crustframe.tables.arrow import replacing_type, require_pyarrow, to_array, type_of

if TYPE_CHECKING:
    import narwhals as nw
    import pandas as pd


@dataclass(frozen=True)
class Kind:
    """A frame or a series as narwhals sees it, and the way back.

    Attributes
    ----------
    frame : narwhals.DataFrame
        Of distinct names; a series is its one column.
    names : list of str
        What the columns are really called.
    finish : callable
        Makes of such a frame, and its names, what the user gets.
    is_series : bool
    """

    frame: nw.DataFrame[Any]
    names: list[str]
    finish: Callable[[nw.DataFrame[Any], Sequence[str]], Any]
    is_series: bool = False

    def cells(self, position: int) -> Any:
        """Return a column as an Arrow array, or as a list where Arrow has no type for it."""
        import narwhals as nw

        series = self.frame[self.frame.columns[position]]
        return series.to_list() if series.dtype == nw.Object else series.to_arrow()

    def frame_of(self, columns: Mapping[str, Any], rows: Any = None) -> nw.DataFrame[Any]:
        """Return Arrow arrays as a frame of this kind, with these of their rows."""
        import narwhals as nw

        made = nw.DataFrame.from_arrow(require_pyarrow().table(dict(columns)), backend=self.frame.implementation)
        return made if rows is None or not columns else made[rows]


def kind_of(data: Any) -> Kind | None:
    """Return what kind of frame or series the data are; ``None`` if narwhals knows no such kind."""
    import narwhals as nw
    from narwhals import dependencies as made_by

    if made_by.is_duckdb_relation(data):
        kind = _arrow_kind(_as_table(_needs_arrow(data)), partial(_as_relation, data))
        kind.finish(kind.frame, kind.names)  # what DuckDB cannot take back is refused before anything is bought
        return kind
    if made_by.is_polars_lazyframe(data):
        frame: nw.DataFrame[Any] = nw.from_native(_needs_arrow(data).collect(), eager_only=True)
        return Kind(frame, frame.columns, lambda made, _: made.to_native().lazy())
    pa = made_by.get_pyarrow()
    if pa is not None and isinstance(data, pa.RecordBatchReader):
        data = data.read_all()
        return _arrow_kind(data, lambda made, names: _as_arrow(data, made, names).to_reader())
    if pa is not None and isinstance(data, pa.Table):
        return _arrow_kind(data, partial(_as_arrow, data))
    if pa is not None and isinstance(data, pa.RecordBatch):
        data = pa.Table.from_batches([data])
        return _arrow_kind(data, lambda made, names: _as_batch(_as_arrow(data, made, names)))
    if pa is not None and isinstance(data, pa.Array):
        data = pa.chunked_array([data])
    if made_by.is_into_series(data):
        series: nw.Series[Any] = nw.from_native(_needs_arrow(data), series_only=True)
        return Kind(series.to_frame(), [series.name], lambda made, _: made.to_native(), is_series=True)
    if made_by.is_into_dataframe(data):
        frame = nw.from_native(_needs_arrow(data), eager_only=True)
        return Kind(frame, frame.columns, lambda made, _: made.to_native())
    return None


def _needs_arrow(data: Any) -> Any:
    require_pyarrow("Frames that are not of pandas need")
    return data


def _arrow_kind(table: Any, finish: Callable[[Any, Sequence[str]], Any]) -> Kind:
    """Return a table by the numbers of its columns, since their names may stand twice."""
    import narwhals as nw

    numbered = table.rename_columns([str(number) for number in range(table.num_columns)])
    return Kind(
        nw.from_native(numbered, eager_only=True),
        table.column_names,
        lambda made, names: finish(made.to_native(), names),
    )


def _as_arrow(own: Any, made: Any, names: Sequence[str]) -> Any:
    """Return a table with the metadata of the user's own, and of those columns that are still theirs."""
    pa = require_pyarrow()
    fields = []
    for place, field, name in zip(made.column_names, made.schema, names, strict=True):
        theirs = own.schema.field(int(place)) if place.isdigit() else field
        fields.append((theirs if theirs.type == field.type else field).with_name(name))
    return pa.Table.from_arrays(made.columns, schema=pa.schema(fields, metadata=own.schema.metadata))


def _as_batch(table: Any) -> Any:
    arrays = [column.combine_chunks() for column in table.columns]
    return require_pyarrow().RecordBatch.from_arrays(arrays, schema=table.schema)


_AS_TEXT: Final = frozenset({"BIT", "TIME WITH TIME ZONE"})
"""Types of DuckDB whose values Arrow would change."""


def _as_table(relation: Any) -> Any:
    """Read a relation, once."""
    numbers = [f'"{number}"' for number in range(len(relation.columns))]
    columns = (
        f"{number}::VARCHAR" if str(kind) in _AS_TEXT else number
        for number, kind in zip(numbers, relation.types, strict=True)
    )
    query = f"SELECT {', '.join(columns)} FROM crustframe_rows AS rows({', '.join(numbers)})"  # noqa: S608
    return relation.query("crustframe_rows", query).to_arrow_table().rename_columns(relation.columns)


def _as_relation(relation: Any, crustframe_answers: Any, names: Sequence[str]) -> Any:
    """Return a table as a relation of the same connection, the user's own columns of their own types."""
    types = {str(number): f"::{kind}" for number, kind in enumerate(relation.types)}
    columns = (
        f"{quoted(place)}{types.get(place, '')} AS {quoted(name)}"
        for place, name in zip(crustframe_answers.column_names, names, strict=True)
    )
    query = f"SELECT {', '.join(columns)} FROM crustframe_answers"  # noqa: S608  (it finds the argument)
    return relation.query("crustframe_rows", query)


def quoted(name: str) -> str:
    """Return a name as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'


class Other(Own):
    """A frame that is not of pandas: `data` holds the distinct cells that are asked about, and no other column.

    Where columns are `filled` in, it holds every row, and those columns beside.
    """

    def __init__(self, kind: Kind, column: Column, filled: Sequence[Path]) -> None:
        import pandas as pd

        self._kind = kind
        kind.frame_of({STATUS_COLUMN: require_pyarrow().array([], "string")})  # fails before anything is bought
        self._is_filled = bool(filled)
        self._codes: Any = None
        cells = {name: kind.cells(self._position(name)) for name in self._asked(column)}
        if filled:
            beside = {STATUS_COLUMN, *(path.name for path in filled)} & set(kind.names) - set(cells)
            cells |= {name: kind.cells(self._position(name)) for name in kind.names if name in beside}
            lists = [_as_list(column) for column in cells.values()]
        else:
            lists, self._codes, self.counts = _distinct([*cells.values()])
        columns = {name: pd.Series(column, dtype=object) for name, column in zip(cells, lists, strict=True)}
        super().__init__(columns[kind.names[0]] if kind.is_series else pd.DataFrame(columns))

    @property
    def names(self) -> Sequence[str]:
        """The names of all columns of a frame."""
        return () if self._kind.is_series else self._kind.names

    @property
    def name(self) -> object:
        """The name of a series."""
        return self._kind.names[0] if self._kind.is_series else None

    def head(self, n_rows: int) -> Mapping[Any, Sequence[object]]:
        """Return the first cells of the columns of a frame."""
        return {name: _as_list(self._kind.cells(at)[:n_rows]) for at, name in enumerate(self.names)}

    def given(self, frame: pd.DataFrame, names: Iterable[str], paths: Sequence[Path]) -> Any:
        """Return the user's frame with the columns of these names, of its own kind."""
        new = {name: self._found(frame[name], _type(name, frame[name], paths)) for name in names}
        kind = self._kind
        if kind.is_series:
            return kind.finish(kind.frame_of(new, self._codes), [*new])
        told_anew = not self._is_filled and any(map(is_ours, new))
        is_named = kind.frame.columns == kind.names
        arrays: dict[str, Any] = {}
        order: list[tuple[str, str]] = []
        places = [*zip(kind.frame.columns, kind.names, strict=True), *((n, n) for n in new if n not in kind.names)]
        for place, name in places:
            if told_anew and is_ours(name) and name not in new:
                continue
            order.append((place if name not in new or is_named else f"new {place}", name))
            if name in new:
                arrays[order[-1][0]] = new[name]
        made = kind.frame_of(arrays, self._codes)
        whole = kind.frame.with_columns(*(made[place] for place in made.columns)).select([place for place, _ in order])
        return kind.finish(whole, [name for _, name in order])

    def made_of(self, frame: pd.DataFrame, paths: Sequence[Path] = ()) -> Any:
        """Return another table as a frame of this kind."""
        columns = {name: to_array(frame[name], _type(name, frame[name], paths)) for name in frame.columns}
        return self._kind.finish(self._kind.frame_of(columns), [*columns])

    def _asked(self, column: Column) -> list[Any]:
        if not self._kind.is_series:
            return columns_named(column)
        if column is not None:
            raise SettingError("A column is named, but the data are no DataFrame. Nothing was sent.")
        return self._kind.names

    def _position(self, name: Any) -> int:
        at = [position for position, own in enumerate(self._kind.names) if own == name]
        if len(at) != 1:
            raise no_such_column(name, self._kind.names, len(at))
        return at[0]

    def _found(self, column: pd.Series[Any], kind: Any) -> Any:
        """Return what was found as an array, beside the cells that stay where columns are filled in."""
        if not self._is_filled or column.name not in self.data.columns:
            return to_array(column, kind)
        pa = require_pyarrow()
        own = self._kind.cells(self._position(column.name))
        cells = [KEEP if now is was else now for now, was in zip(column, self.data[column.name], strict=True)]
        if (held := replacing_type(own.type, cells)) != own.type:  # which is too narrow
            with suppress(pa.ArrowException):
                own, held = own.cast(kind), kind
        return filled_array(own, cells, held)


_ARROW_NAMES: Final = {"string": "string", "integer": "int64", "number": "float64", "boolean": "bool_"}


def _type(name: str, column: pd.Series[Any], paths: Sequence[Path]) -> Any:
    """Return the Arrow type of a new column: a list's is that of its elements, whatever it holds."""
    pa = require_pyarrow()
    path = next((path for path in paths if path.name == name), None)
    if path is None or path.dtype != "object" or (element := element_type(path.field)) == "object":
        return type_of(column)
    return pa.list_(getattr(pa, _ARROW_NAMES[element])() if element in _ARROW_NAMES else pa.timestamp("us", tz="UTC"))


def _as_list(cells: Any) -> list[object]:
    found: list[object] = cells if isinstance(cells, list) else cells.to_pylist()
    return found


def _distinct(columns: Sequence[Any]) -> tuple[list[list[object]], Any, list[int] | None]:
    """Return the distinct rows of these columns, by column; by row which one it is; and how often each stands.

    They come in the order of their first row. Where Arrow cannot compare cells, every row is one.
    """
    import numpy as np

    pa = require_pyarrow()
    encoded = [_encoded(column) for column in columns]
    if not encoded or None in encoded:
        return [_as_list(column) for column in columns], None, None
    (values, codes), *others = encoded
    found = [values]
    for more, further in others:
        pairs, codes = _encoded(pa.array(codes * len(more) + further))
        found = [[old[pair // len(more)] for pair in pairs] for old in found]
        found.append([more[pair % len(more)] for pair in pairs])
    return found, codes, np.bincount(codes, minlength=len(found[0])).tolist()


def _encoded(column: Any) -> Any:
    """Return the distinct values of an array, and by row which one it holds; ``None`` if Arrow cannot compare them."""
    import numpy as np

    pa = require_pyarrow()
    if isinstance(column, list):
        return None
    chunked = column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])
    if pa.types.is_dictionary(chunked.type):
        chunked = chunked.cast(chunked.type.value_type)
    try:
        chunks = chunked.dictionary_encode(null_encoding="encode").unify_dictionaries().chunks
    except pa.ArrowException:
        return None
    codes = [chunk.indices.to_numpy() for chunk in chunks]
    return (
        chunks[-1].dictionary.to_pylist() if chunks else [],
        np.concatenate(codes).astype(np.int64) if codes else np.empty(0, np.int64),
    )
