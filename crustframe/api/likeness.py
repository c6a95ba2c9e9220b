"""Whether two requests are the same one: about the same people, for the same fields, in the same way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

import orjson

from crustframe import contract
from crustframe.people.identifiers import read_identifiers

Likeness = Literal["same", "alike", "other", "unclear"]

_KEYS: Final = tuple(
    dict.fromkeys(
        key
        for keys in (contract.REQUEST_KEYS, contract.SCREENER_REQUEST_KEYS, contract.IDENTIFY_KEYS)
        for key in keys.values()
    )
)
_FLAGS: Final = ("preview", "force_fetch", "enrich_realtime")


class Asked(NamedTuple):
    """What a request asks, however it is spelled.

    Attributes
    ----------
    people : frozenset of str
        By key.
    fields : frozenset of str
    way : tuple
        Flags and threshold.
    """

    people: frozenset[str]
    fields: frozenset[str]
    way: tuple[object, ...]

    @classmethod
    def of(cls, request: Any) -> Asked | None:
        """Read a body, a query, or what holds one of them; None where it names nobody."""
        holder = next((part for part in _parts(request) if any(key in part for key in _KEYS)), None)
        if holder is None:
            return None
        people = frozenset(
            i.key for key in _KEYS for i in read_identifiers(_listed(holder.get(key)), free_mail=True).unique
        )
        flags = [str(holder.get(flag, False)).lower() == "true" for flag in _FLAGS]
        way = (*flags, _number(holder.get("min_similarity_score")))
        return cls(people, frozenset(_listed(holder.get("fields"))), way) if people else None


def likeness(sent: Asked | None, n_sent: int, told: Asked | None) -> Likeness:
    """Hold what a log tells of a request against one that was sent.

    Parameters
    ----------
    sent : Asked or None
        What was sent; of its people perhaps not all are known any more.
    n_sent : int
        How many people it was about.
    told : Asked or None
        What the log tells; a part of it, or another form of it, leaves the answer open.

    Returns
    -------
    {"same", "alike", "other", "unclear"}
        ``alike``: it asked for less than was written down, as after groups were dropped that the account lacks.
    """
    if sent is None or told is None:
        return "unclear"
    if not sent.people & told.people:
        return "other"
    if told.people < sent.people:
        return "unclear"  # a list that was cut short
    if not (sent.people <= told.people and len(told.people) == n_sent) or sent.way != told.way:
        return "other"
    if sent.fields == told.fields:
        return "same"
    return "alike" if told.fields < sent.fields else "other"


def _parts(request: Any) -> list[Mapping[str, Any]]:
    """Return the request and what it is made of: a log may tell body and query side by side."""
    whole = _decoded(request)
    if not isinstance(whole, dict):
        return []
    return [whole, *(part for value in whole.values() if isinstance(part := _decoded(value), dict))]


def _decoded(value: Any) -> Any:
    if not isinstance(value, str | bytes) or value[:1] not in ("{", b"{"):
        return value
    try:
        return orjson.loads(value)
    except ValueError:
        return None


def _listed(value: Any) -> list[str]:
    listed = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    return [text.strip() for text in listed if isinstance(text, str)]


def _number(value: Any) -> float | None:
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):
        return None
