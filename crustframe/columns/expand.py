"""Records become columns: getters compiled from the paths, cells checked one by one, no profile kept in memory."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from crustframe.fields import ADDRESS, Path, Step, alternatives, element_type
from crustframe.people.records import Record, write_json

Getter = Callable[[Any], Any]
Tell = Callable[[str], None]
"""Hears what an element was that is left out of its list."""

Drift = Counter[tuple[str, str]]
"""How often a path came back as something else: (path, what came) to values, an element of a list being one."""

JOINT: Final = "; "
_LONE_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")  # half of a pair: no file and no arrow array holds it


class _Wrong(Exception):  # noqa: N818  (never leaves this room)
    """A value, or something on the way to it, has another type than the catalogue says."""

    def __init__(self, value: object) -> None:
        super().__init__()
        self.found = _json_type(value)


def _json_type(value: object) -> str:
    match value:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case dict():
            return "object"
        case _:
            return "null"


class Expansion:
    """Columns about u people, filled as their records come in, in any order.

    Parameters
    ----------
    paths : sequence of Path, length p
    length : int
        How many people, u.

    Attributes
    ----------
    columns : list of list, p x u
        Typed values; ``None`` where there is no match or no value.
    drift : Counter
        Values of a wrong type, which are left out of the columns and kept in the ledger.
    """

    def __init__(self, paths: Sequence[Path], length: int) -> None:
        self.paths = tuple(paths)
        self.columns: list[list[Any]] = [[None] * length for _ in self.paths]
        self.drift: Drift = Counter()
        self._getters = [compile_getter(path, partial(self._left_out, path.field.path)) for path in self.paths]

    def put(self, position: int, record: Record) -> None:
        """Fill the row of one person from their best candidate."""
        if not record.matches:
            return
        person = record.matches[0].person_data
        for column, getter, path in zip(self.columns, self._getters, self.paths, strict=True):
            try:
                column[position] = getter(person)
            except _Wrong as wrong:
                self._left_out(path.field.path, wrong.found)

    def _left_out(self, path: str, found: str) -> None:
        self.drift[path, found] += 1


def compile_getter(path: Path, tell: Tell) -> Getter:
    """Return a function from ``person_data`` to the cell of one column."""
    convert = _key(ADDRESS, _string) if path.is_of_addresses else _CONVERTERS[element_type(path.field)]
    if path.reduction is None:
        return _one(path.steps, convert)
    if None not in path.steps:  # an object at one place, told as JSON
        take = _one(path.steps, _as_is)
        return lambda person: None if (value := take(person)) is None else write_json(value).decode()
    take_all = _many(path.steps, convert, tell, of_objects=element_type(path.field) == "object")
    reduce = _REDUCTIONS[path.reduction]
    is_plain = path.steps[-1] is None and element_type(path.field) != "object" and not path.is_of_addresses
    # An empty list of objects, or of their parts, is no value, unless its form was named.
    is_nothing = path.reduction != "count" and not (is_plain or path.names_its_form)

    def get(person: Any) -> Any:
        values = take_all(person)
        return None if values is None or (is_nothing and not values) else reduce(values)

    return get


def _one(steps: Sequence[Step], convert: Getter) -> Getter:
    walk = convert
    for step in reversed(steps):
        walk = _key(step, walk) if isinstance(step, str) else _position(step, walk)
    return walk


def _key(key: str, then: Getter) -> Getter:
    keys = alternatives(key)

    def get(value: Any) -> Any:
        if not isinstance(value, dict):
            raise _Wrong(value)
        for name in keys:
            inner = value.get(name)
            if inner is not None and inner != "":
                return then(inner)
        return None

    return get


def _position(position: int | None, then: Getter) -> Getter:
    assert position is not None  # noqa: S101

    def get(value: Any) -> Any:
        if not isinstance(value, list):
            raise _Wrong(value)
        try:
            inner = value[position]
        except IndexError:
            return None
        return None if inner is None or inner == "" else then(inner)

    return get


def _many(steps: Sequence[Step], convert: Getter, tell: Tell, *, of_objects: bool) -> Getter:
    """Return a getter of a flat list of values, or None where the list itself is absent.

    Columns over one list of objects keep their places: an object without the value has ``None`` there. In a list of
    plain values nothing stands for what is empty. An element of a wrong type is told, and ``None`` in either.
    """
    at = steps.index(None)
    to_list = _one(steps[:at], _a_list)
    rest = steps[at + 1 :]
    goes_on = None in rest
    inner = _many(rest, convert, tell, of_objects=of_objects) if goes_on else _one(rest, convert)
    has_places = of_objects or bool(rest)

    def get(person: Any) -> Any:
        values = to_list(person)
        if values is None:
            return None
        found: list[Any] = []
        for value in values:
            try:
                one = None if value is None or value == "" else inner(value)
            except _Wrong as wrong:
                tell(wrong.found)
                found.append(None)
                continue
            if goes_on:
                found += one or ()
            elif one is not None or has_places:
                found.append(one)
        return found

    return get


def _a_list(value: Any) -> Any:
    if not isinstance(value, list):
        raise _Wrong(value)
    return value


def _as_is(value: Any) -> Any:
    return value if _holds_something(value) else None


def _holds_something(value: Any) -> bool:
    """Whether anything stands in a value, however deep; an object of nothing but empty lists says nothing."""
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, dict | list):
            left += one.values() if isinstance(one, dict) else one
        elif one is not None and one != "":
            return True
    return False


def _string(value: Any) -> Any:
    if not isinstance(value, str):
        raise _Wrong(value)
    return value if value.isascii() else _LONE_SURROGATE.sub("\ufffd", value)


def _integer(value: Any) -> Any:
    if isinstance(value, bool) or not (isinstance(value, int) or (isinstance(value, float) and value.is_integer())):
        raise _Wrong(value)
    if not -(2**63) <= value < 2**63:
        raise _Wrong(value)
    return int(value)


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Wrong(value)
    return float(value)


def _boolean(value: Any) -> Any:
    if not isinstance(value, bool):
        raise _Wrong(value)
    return value


_PARTIAL_DATE: Final = re.compile(r"\d{4}(?:-\d{2})?")


def _time(value: Any) -> Any:
    if not isinstance(value, str):
        raise _Wrong(value)
    if _PARTIAL_DATE.fullmatch(value):  # the first day, as the API itself does where only the month is known
        value = f"{value}-01" if len(value) == 7 else f"{value}-01-01"
    try:
        time = datetime.fromisoformat(value)
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        raise _Wrong(value) from None


_CONVERTERS: Final[Mapping[str, Getter]] = {
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "datetime": _time,
    "date": _time,
    "object": _as_is,  # told as JSON whatever its inside; some shapes are documented by name only
}


def _join(values: list[Any]) -> str | None:
    return JOINT.join(map(_text, values)) if _count(values) else None


def _count(values: list[Any]) -> int:
    return sum(value is not None for value in values)


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return str(value).lower()
        case datetime():
            return time_text(value)
        case dict() | list():
            return write_json(value).decode()
        case _:
            return str(value)


def time_text(value: datetime) -> str:
    """Return a UTC time as ISO 8601 with ``Z``."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _json(values: list[Any]) -> str:
    return write_json([time_text(v) if isinstance(v, datetime) else v for v in values]).decode()


_REDUCTIONS: Final[Mapping[str, Callable[[list[Any]], Any]]] = {
    "join": _join,
    "count": _count,
    "json": _json,
    "list": list,
}
