"""How the shell reads a table: which file, how it is spelled, which column names the people."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any, Final, get_type_hints

import typer

from crustframe.columns.frames import ANYBODY, in_words, people_columns
from crustframe.contract import IdentifierKind
from crustframe.errors import ColumnNotFoundError
from crustframe.shell.common import Named, say

if TYPE_CHECKING:
    from crustframe.tables import Table

_SAMPLE: Final = 1_000
_NAMES_SHOWN: Final = 20


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The flags that say how a table is read, each once."""

    source: Annotated[
        str,
        typer.Argument(help="CSV, TSV, xlsx, Parquet, JSON lines or JSON file; - reads stdin.", show_default=False),
    ]
    delimiter: Annotated[str | None, typer.Option(help="Delimiter of the input.", show_default="auto")] = None
    encoding: Annotated[
        str | None, typer.Option(help="Encoding of the input.", show_default="utf-8, or as the bytes look")
    ] = None
    sheet: Annotated[
        str | None, typer.Option(help="Sheet of an xlsx input, by name or number.", show_default="the first shown")
    ] = None
    excel_table: Annotated[
        str | None, typer.Option("--table", help="Excel table of an xlsx input: its rows alone.", show_default=False)
    ] = None
    header_row: Annotated[
        int | None,
        typer.Option(
            min=1, help="Row or line that names the columns.", show_default="the first that holds the named column"
        ),
    ] = None
    no_header: Annotated[
        bool, typer.Option("--no-header", help="No row names the columns: give their numbers, such as --column 2.")
    ] = False

    def open(self, columns: Sequence[str] = ()) -> Table:
        """Open the input, and say what was seen in it: its encoding, its header."""
        from crustframe.tables import read_table

        table = read_table(
            self.source,
            delimiter=self.delimiter,
            encoding=self.encoding,
            sheet=self.sheet,
            table=self.excel_table,
            columns=columns,
            header_row=self.header_row,
            has_header=not self.no_header,
        )
        for note in table.reading_notes:
            say(note)
        return table


@dataclass(frozen=True, kw_only=True)
class PeopleReading(Reading):
    """The same, and which column names the people."""

    column: Annotated[
        list[str] | None,
        typer.Option(
            "--column",
            "-c",
            help="Column of profile URLs or business e-mails, by name or number; repeat it, the preferred one first.",
            show_default="the only one that holds them",
        ),
    ] = None

    def open_people(self, kinds: Collection[IdentifierKind] = ANYBODY) -> tuple[Table, Named]:
        """Open the input, and return it with the column that is named, or the only one that names people.

        Where none names people of these kinds, one of any kind will do.

        Raises
        ------
        ColumnNotFoundError
            None is named, and several or none hold people of these kinds. Nothing was sent.
        """
        table = self.open(self.column or ())
        if self.column:
            named = [table.named(one) for one in self.column]
            return table, named if len(named) > 1 else named[0]
        return table, self._only_one(table, kinds)

    def _only_one(self, table: Table, kinds: Collection[IdentifierKind]) -> str:
        if len(table.columns) == 1:
            return table.columns[0]
        sample = table.sample(_SAMPLE)
        found = people_columns(sample, kinds) or people_columns(sample, ANYBODY)
        if len(found) == 1:
            ((name, counts),) = found.items()
            say(f"No column is named; {name!r} is taken, which holds {in_words(counts)}.")
            return str(name)
        if found:
            held = "; ".join(f"{name!r} holds {in_words(counts)}" for name, counts in found.items())
            flags = " ".join(f"--column {_shown(str(name))}" for name in found)
            raise ColumnNotFoundError(
                f"No column is named, and several name people: {held}. Nothing was sent, nothing was charged.",
                hint=f"name one of them, or several in order of preference: {flags}.",
            )
        raise ColumnNotFoundError(
            "No column is named, and none holds profile URLs or e-mails. Nothing was sent, nothing was charged.",
            hint=f"name one with --column; columns: {', '.join(table.columns[:_NAMES_SHOWN])}.",
        )


def _shown(name: str) -> str:
    return f'"{name}"' if " " in name else name


def reads(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the flags of the `Reading` that it takes first, in place of it."""
    hints = get_type_hints(command, include_extras=True)
    name, *_ = parameters = inspect.signature(command).parameters
    kind: type[Reading] = hints[name]
    of_reading = get_type_hints(kind, include_extras=True)
    flags = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=of_reading[field.name],
        )
        for field in fields(kind)
    ]
    first = [flag for flag in flags if flag.name in ("source", "column")]
    own = [parameters[other].replace(annotation=hints[other]) for other in parameters if other != name]
    taken = [*first, *own, *(flag for flag in flags if flag not in first)]

    @functools.wraps(command)
    def asked(**given: Any) -> None:
        command(**{name: kind(**{flag.name: given.pop(flag.name) for flag in flags})}, **given)

    shown = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in taken]
    asked.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
    asked.__annotations__ = {parameter.name: parameter.annotation for parameter in shown}
    return asked
