"""What changed about people between two purchases: one line for each person and path. From the ledger, 0 credits."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from crustframe.client import Client
from crustframe.columns.frames import Column, Data, cells_of, own_of
from crustframe.fields import alternatives, read_paths
from crustframe.verbs.fallback import Rows
from crustframe.verbs.question import Fields
from crustframe.verbs.steps import client_of, warn_of_nobody

# What tells one element of a list from another, so that a longer list is not read as a changed one.
_NAMES_OF_ELEMENTS: Final = (
    "position_id",
    "professional_network_id",
    "email",
    "profile_url",
    "credential_id",
    "school",
)


class Change(NamedTuple):
    """One value that became another; ``None`` where there was or is nothing."""

    identifier: str
    path: str
    old: Any
    new: Any
    changed_at: float


def changes(
    data: Data,
    column: Column = None,
    fields: Fields | None = None,
    *,
    client: Client | None = None,
) -> Any:
    """Return what changed about the people of a column each time they were bought anew.

    Costs nothing; opens no socket. Buy anew with ``enrich(..., max_age="30d")`` or ``max_age=0`` first. The order
    of a list is no change, nor is another spelling of a value: 500 and 500.0, composed and decomposed letters, blanks
    at the ends of a text, one moment in two time zones.

    Parameters
    ----------
    data : frame, series or iterable
        As :func:`crustframe.enrich` takes them.
    column : hashable or list of hashable, optional
        Which column of a frame holds profile URLs or business e-mails; of several, in order of preference, each row is
        asked by the first cell that names somebody.
    fields : str or sequence of str, optional
        Only these paths and what stands below them; by default all.
    client : Client, optional

    Returns
    -------
    frame of the kind that was given
        One row for each person and path: ``identifier``, ``path``, ``old``, ``new`` (JSON text), ``changed_at`` (UTC),
        in the order of the people, the newest change first.

    Raises
    ------
    FieldError, ColumnNotFoundError
        Something to mend first.
    """
    import pandas as pd

    paths = None if fields is None else _read_anywhere(path.field.path for path in read_paths(fields))
    own = own_of(data, column)
    rows = Rows(cells_of(own.data, column), free_mail=True, counts=own.counts)
    warn_of_nobody(rows, column, own)
    with client_of(client) as asked:
        people = rows.identifiers.unique
        found = [
            change
            for identifier in people
            for change in _changes_of(identifier.text, asked.ledger.answers(identifier))
            for change in ([change] if paths is None else _within_paths(change, paths))
        ]
    table = pd.DataFrame(
        {
            "identifier": pd.array([c.identifier for c in found], dtype="string"),
            "path": pd.array([c.path for c in found], dtype="string"),
            "old": pd.array([_text(c.old) for c in found], dtype="string"),
            "new": pd.array([_text(c.new) for c in found], dtype="string"),
            "changed_at": pd.to_datetime([c.changed_at for c in found], unit="s", utc=True).astype(
                "datetime64[us, UTC]"
            ),
        }
    )
    return own.made_of(table)


def _read_anywhere(paths: Iterable[str]) -> list[str]:
    """Return the paths with every name under which their values may stand."""
    split = [path.rpartition(".") for path in paths]
    return list(dict.fromkeys(f"{above}{dot}{name}" for above, dot, key in split for name in alternatives(key)))


def _within_paths(change: Change, paths: Sequence[str]) -> Iterator[Change]:
    """Yield a change if a path is it or above it, else what of it lies below a path, such as a title in a new job."""
    if any(f"{change.path}.".startswith(f"{path}.") for path in paths):
        yield change
        return
    for path in paths:
        if path.startswith(f"{change.path}."):
            keys = path.removeprefix(f"{change.path}.").split(".")
            old, new = _below(change.old, keys), _below(change.new, keys)
            if _meaning(old) != _meaning(new):
                yield change._replace(path=path, old=old, new=new)


def _below(value: Any, keys: Sequence[str]) -> Any:
    if not keys:
        return value
    if isinstance(value, list):
        return _something(_below(element, keys) for element in value)
    return _below(value.get(keys[0]), keys[1:]) if isinstance(value, dict) else None


def _something(values: Iterable[Any]) -> list[Any]:
    return [value for value in values if _meaning(value) is not None]


def _changes_of(
    identifier: str, answers: Sequence[tuple[float, frozenset[str], Mapping[str, Any]]]
) -> Iterator[Change]:
    """Compare every answer, group by group, with the last one before it that holds the group."""
    for number, (changed_at, groups, new) in enumerate(answers, 1):
        for _, old_groups, old in answers[number:]:
            both = groups & old_groups
            groups -= both
            for path, before, after in _differences("", _within(old, both), _within(new, both)):
                yield Change(identifier, path, before, after, changed_at)


def _within(person: Mapping[str, Any], groups: frozenset[str]) -> dict[str, Any]:
    kept = {name: value for name, value in person.items() if name in groups}
    contact = person.get("contact")
    if isinstance(contact, dict):
        kept["contact"] = {name: value for name, value in contact.items() if f"contact.{name}" in groups}
    return kept


def _differences(path: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    if _meaning(old) == _meaning(new):
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys([*old, *new]):
            yield from _differences(f"{path}.{key}" if path else key, old.get(key), new.get(key))
    elif isinstance(old, list) and isinstance(new, list) and (pairs := _paired(old, new)) is not None:
        for before, after in pairs:
            yield from _differences(path, before, after)
    else:
        yield path, old, new


def _paired(old: list[Any], new: list[Any]) -> list[tuple[Any, Any]] | None:
    """Return which elements of two lists of objects are the same thing, or None where that is not plain."""
    old, new = _something(old), _something(new)
    if not all(isinstance(element, dict) for element in old + new):
        return None
    for name in _NAMES_OF_ELEMENTS:
        before = {_meaning(element.get(name)): element for element in old}
        after = {_meaning(element.get(name)): element for element in new}
        if len(before) == len(old) and len(after) == len(new) and None not in before.keys() | after.keys():
            return [(before.get(key), after.get(key)) for key in dict.fromkeys([*before, *after])]
    return None


def _meaning(value: Any) -> Hashable:
    """Return what is equal for values that mean the same: ``None`` for nothing in any form, lists in any order."""
    match value:
        case bool():  # or it would equal 0 or 1
            return ("truth", value)
        case str():
            text = _MARGINS.sub("", unicodedata.normalize("NFC", value))
            return _moment(text) or text or None
        case list():
            elements = Counter(_meaning(element) for element in _something(value))
            return ("list", frozenset(elements.items())) if elements else None
        case dict():
            members = frozenset((key, meant) for key, item in value.items() if (meant := _meaning(item)) is not None)
            return ("object", members) if members else None
        case _:
            return value  # type: ignore[no-any-return]


_MARGINS: Final = re.compile(r"^[\s\u00ad\u200b-\u200f\u2060\ufeff]+|[\s\u00ad\u200b-\u200f\u2060\ufeff]+$")
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d(?:T\S+)?", re.ASCII)


def _moment(text: str) -> datetime | None:
    """Return the moment of a date or a time, in UTC where no zone is named, or None for any other text."""
    if not _MOMENT.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _text(value: Any) -> str | None:
    if _meaning(value) is None:
        return None
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
