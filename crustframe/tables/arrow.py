"""Values as Arrow arrays: which type a column gets, and its values in that type."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final

from crustframe.errors import TableError
from crustframe.tables.cells import plain, text_of, whole_characters
from crustframe.tables.placement import KEEP, drawn

_EXACT_IN_DOUBLE: Final = 2**53
_EXACT_IN_INT64: Final = 2**63


def require_pyarrow(what: str = "Parquet files need") -> Any:
    """Return pyarrow, which reads and writes Parquet.

    Raises
    ------
    TableError
        It is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise TableError(
            f"{what} pyarrow, which is not installed. Nothing was sent.",
            hint="install it beside crustframe (`pip install pyarrow`), or use CSV.",
        ) from error
    return pyarrow


class Shape:
    """What the values of a column have in common so far."""

    def __init__(self) -> None:
        self._kinds: set[str] = set()
        self._members: dict[str | None, Shape] = {}

    def see(self, value: object) -> None:
        """Take one value into account; missing ones fit everywhere."""
        match plain(value):
            case None:
                pass
            case list() | tuple() as items:
                self._kinds.add("list")
                inner = self._members.setdefault(None, Shape())
                for item in items:
                    inner.see(item)
            case dict() as members:
                self._kinds.add("struct")
                for name, member in members.items():
                    self._members.setdefault(str(name), Shape()).see(member)
            case other:
                self._kinds.add(_kind(other))

    def arrow_type(self) -> Any:
        """Return the type that holds all values exactly; text, which holds anything, where no other does."""
        found = self._own_type()
        return require_pyarrow().string() if found is None else found

    def _own_type(self) -> Any | None:
        pa = require_pyarrow()
        kinds = frozenset(self._kinds)
        if not kinds:
            return pa.string()
        if kinds <= {"list", "struct"}:
            inner = {name: shape._own_type() for name, shape in self._members.items()}
            if len(kinds) > 1 or not inner or None in inner.values():
                return None
            return pa.list_(inner[None]) if kinds == {"list"} else pa.struct(list(inner.items()))
        return _types().get(kinds)


def type_of(column: Any) -> Any:
    """Return the Arrow type of a column: that of its pandas dtype, or what its values have in common.

    Parameters
    ----------
    column : pandas.Series, pandas array or sequence of object
    """
    pa = require_pyarrow()
    dtype: Any = getattr(column, "dtype", None)
    if getattr(dtype, "tz", None) is not None:
        return pa.timestamp(dtype.unit, tz="UTC")
    if getattr(dtype, "kind", "O") != "O":
        found = pa.array(column[:0], from_pandas=True).type
        if pa.types.is_dictionary(found):
            found = found.value_type
        return pa.string() if pa.types.is_large_string(found) else found
    shape = Shape()
    for value in column:
        shape.see(value)
    return shape.arrow_type()


def replacing_type(own: Any, column: Any) -> Any:
    """Return the type of a column of type `own` in which the values of `column` take their places.

    Parameters
    ----------
    own : pyarrow.DataType
    column : pandas.Series or sequence of object
        With `KEEP` in the rows whose own value stays.
    """
    pa = require_pyarrow()
    cells = list(drawn(column))
    given = [cell for cell in cells if cell is not KEEP]
    if len(given) == len(cells):
        return type_of(column)
    if pa.types.is_null(own):
        return type_of(given)
    try:
        pa.array(map(plain, given), type=own)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return pa.string()
    return own


def to_array(values: Iterable[object], kind: Any) -> Any:
    """Return values as an array of the type that `type_of` found for them."""
    pa = require_pyarrow()
    if pa.types.is_string(kind):
        return pa.array([None if plain(value) is None else whole_characters(text_of(value)) for value in values], kind)
    return pa.array(list(map(_storable, values)), kind)


def filled(own: Any, new: Sequence[object], kind: Any) -> Any:
    """Return an own array as `kind`, with the values of `new` in it but for those that are `KEEP`."""
    if all(cell is KEEP for cell in new) and own.type == kind:
        return own
    merged = [was if now is KEEP else plain(now) for was, now in zip(own.to_pylist(), new, strict=True)]
    return to_array(merged, kind) if own.type != kind else require_pyarrow().array(merged, kind)


def _kind(value: object) -> str:
    match value:
        case bool():
            return "bool"
        case int(number):
            size = abs(number)
            return "int" if size <= _EXACT_IN_DOUBLE else "long" if size < _EXACT_IN_INT64 else "other"
        case float() | Decimal():
            return "float"
        case str():
            return "str"
        case datetime() as moment:
            return "moment" if moment.tzinfo else "local"
        case date():
            return "date"
        case time() as hour if hour.tzinfo is None:
            return "time"
        case _:
            return "other"


def _types() -> dict[frozenset[str], Any]:
    pa = require_pyarrow()
    by_kinds = {
        "bool": pa.bool_(),
        "int": pa.int64(),
        "long": pa.int64(),
        "int long": pa.int64(),
        "float": pa.float64(),
        "int float": pa.float64(),
        "str": pa.string(),
        "moment": pa.timestamp("us", tz="UTC"),
        "local": pa.timestamp("us"),
        "date": pa.date32(),
        "time": pa.time64("us"),
    }
    return {frozenset(kinds.split()): found for kinds, found in by_kinds.items()}


def _storable(value: object) -> object:
    match plain(value):
        case str(text):
            return whole_characters(text)
        case Decimal() as number:
            return float(number)
        case list() | tuple() as items:
            return list(map(_storable, items))
        case dict() as members:
            return {str(name): _storable(member) for name, member in members.items()}
        case other:
            return other
