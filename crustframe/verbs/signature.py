"""Makes signatures, docstrings and checks of the options, so that each is said once."""

from __future__ import annotations

import difflib
import functools
import inspect
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Final,
    Literal,
    NamedTuple,
    ParamSpec,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from crustframe.errors import SettingError, UnknownOptionError
from crustframe.verbs.options import Option

P = ParamSpec("P")
R = TypeVar("R")

_PLACE: Final = re.compile(r"^( *)\*\*options\n", re.MULTILINE)
_WIDTH: Final = 100


class Entry(NamedTuple):
    """An option with its type."""

    type: Any
    option: Option


@functools.cache
def entries(options: type) -> Mapping[str, Entry]:
    """Return the options of a class by name, in their order."""
    hints = get_type_hints(options, include_extras=True)
    return {name: Entry(hint.__origin__, hint.__metadata__[0]) for name, hint in hints.items()}


def takes(options: type) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a function take the options of a class by keyword: shown in its signature and its docs, checked, complete.

    In its docstring they stand where it says ``**options``.
    """
    table = entries(options)

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        own = inspect.signature(function)
        named = [p for p in own.parameters.values() if p.kind is not p.VAR_KEYWORD]

        @functools.wraps(function)
        def asked(*args: P.args, **given: P.kwargs) -> R:
            mine = {p.name for p in named}
            chosen = {name: value for name, value in given.items() if name not in mine}
            check(function.__name__, table, chosen, also=mine)
            whole = {name: entry.option.default for name, entry in table.items()} | dict(given)
            return function(*args, **whole)

        keywords = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=entry.option.default, annotation=entry.type)
            for name, entry in table.items()
        ]
        asked.__signature__ = own.replace(parameters=[*named, *keywords])  # type: ignore[attr-defined]
        asked.__doc__ = documented(function.__doc__ or "", table)
        return asked

    return decorate


def completed(options: type, **given: Any) -> Any:
    """Return the options of a class with these values and the defaults of the rest."""
    return {name: entry.option.default for name, entry in entries(options).items()} | given


def part_of(options: type, given: Mapping[str, Any]) -> Any:
    """Return those of the given options that belong to the class."""
    return {name: given[name] for name in entries(options) if name in given}


def check(verb: str, table: Mapping[str, Entry], given: Mapping[str, Any], *, also: Iterable[str] = ()) -> None:
    """Refuse what no option is called, and a word that an option does not take.

    Raises
    ------
    UnknownOptionError, SettingError
        Nothing was sent.
    """
    for name, value in given.items():
        if name not in table:
            near = difflib.get_close_matches(name, [*table, *also], n=1)
            raise UnknownOptionError(
                f"{verb}() takes no option {name!r}. Nothing was sent, nothing was charged.",
                hint=(f"did you mean {near[0]}? " if near else "") + f"it takes {', '.join(table)}.",
            )
        words = _words(table[name].type)
        if words and value not in words:
            allowed = ", ".join(word for word in words if word is not None)
            raise SettingError(f"{name}={value!r} is not one of {allowed}. Nothing was sent.")


def _words(annotation: Any) -> tuple[Any, ...]:
    """Return the words that a type allows, and None where it does; nothing if it allows others."""
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    if get_origin(annotation) in {Union, UnionType}:
        parts = [part for part in get_args(annotation) if part is not NoneType]
        if all(get_origin(part) is Literal for part in parts):
            return (*(word for part in parts for word in get_args(part)), None)
    return ()


def documented(doc: str, table: Mapping[str, Entry]) -> str:
    """Return a docstring with its options in the place of ``**options``."""
    place = _PLACE.search(doc)
    if place is None:
        return doc
    lines: list[str] = []
    for name, entry in table.items():
        lines.append(f"{name} : {entry.option.type or in_words(entry.type)}")
        lines += textwrap.wrap(
            entry.option.doc, _WIDTH, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False
        )
    return doc[: place.start()] + textwrap.indent("\n".join(lines), place[1]) + "\n" + doc[place.end() :]


def in_words(annotation: Any) -> str:
    """Return a type as numpydoc tells it."""
    if get_origin(annotation) is Annotated:
        return in_words(annotation.__origin__)
    if get_origin(annotation) is Literal:
        return "{" + ", ".join(f'"{word}"' for word in get_args(annotation)) + "}"
    if get_origin(annotation) in {Union, UnionType}:
        parts = [in_words(part) for part in get_args(annotation) if part is not NoneType]
        optional = ", optional" if NoneType in get_args(annotation) else ""
        return " or ".join(parts) + optional
    return str(getattr(annotation, "__name__", annotation))
