"""Makes the flags of a command of the options that its verb takes in Python."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, get_type_hints

import typer

from crustframe.verbs.options import Flag
from crustframe.verbs.signature import Entry, entries


def takes_flags(options: type) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Let a command take the options of a class as flags: before its own keyword-only ones, called as in Python.

    The command gets them as its verb takes them.
    """
    flags = {name: (entry, entry.option.flag) for name, entry in entries(options).items() if entry.option.flag}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        hints = get_type_hints(command, include_extras=True)
        own = [
            parameter.replace(annotation=hints[name])
            for name, parameter in inspect.signature(command).parameters.items()
            if parameter.kind is not parameter.VAR_KEYWORD
        ]
        made = [_parameter(name, entry, flag) for name, (entry, flag) in flags.items()]
        first = [parameter for parameter in own if parameter.kind is not parameter.KEYWORD_ONLY]
        last = [parameter for parameter in own if parameter.kind is parameter.KEYWORD_ONLY]

        @functools.wraps(command)
        def asked(**given: Any) -> None:
            read = {name: flag.read(given[name]) for name, (_, flag) in flags.items() if flag.read}
            command(**(given | read))

        parameters = [*first, *made, *last]
        asked.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        asked.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return asked

    return decorate


def _parameter(name: str, entry: Entry, flag: Flag) -> inspect.Parameter:
    only_sets = entry.option.default is False  # there is no flag that takes it back
    spelled = [f"--{name.replace('_', '-')}"] if only_sets else []
    option = typer.Option(entry.option.default, *spelled, help=flag.help, show_default=flag.default or True)
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=option, annotation=flag.type or entry.type)
