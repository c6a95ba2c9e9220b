"""Excel on Windows: the four functions and the three macros as xlwings calls them.

Only the part of xlwings that is free for commercial use is used (COM functions, BSD). They are synchronous and never
volatile. Elsewhere the decorators of xlwings 0.37 do nothing and those of 1.0 are to raise, so they are applied on
Windows alone.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar

import xlwings

from crustframe.errors import CrustframeError
from excel_addin.buying import one_line
from excel_addin.cells import Cell, CellError, Grid
from excel_addin.desk import the_desk
from excel_addin.functions import ReadAhead, remark

Function = TypeVar("Function", bound=Callable[..., Any])

AHEAD_ROWS: Final = 2000
_IDENTIFIERS: Final = "Column of profile URLs or business e-mails; several: the first that names somebody"
_FIELDS: Final = "Dot paths, separated by commas or in cells; CRUST.FIELDS lists them"
_RELATIVE_ROW: Final = re.compile(r"ENRICH\(\s*(?:[^!(),]+!)?R(?:\[-?\d+\])?C(?:\[?-?\d+\]?)?\s*[,)]", re.IGNORECASE)
_ON_WINDOWS: Final = "xlwings.udfs" in sys.modules  # elsewhere xlwings does not import it


class Argument(NamedTuple):
    """An argument as both its cells and, where it was one, its reference."""

    cells: Any
    reference: Any


if _ON_WINDOWS:
    from xlwings.conversion import Accessor, Pipeline
    from xlwings.conversion.standard import ValueAccessor

    class _Referring(Accessor):  # type: ignore[misc]
        """Reads the cells, and keeps the reference beside them."""

        @staticmethod
        def reader(options: Any) -> Pipeline:
            return ValueAccessor.reader(options).append_stage(_keep_reference)

    class _Reference(Accessor):  # type: ignore[misc]
        """Keeps the reference alone: the calling cell has no value yet."""

        @staticmethod
        def reader(options: Any) -> Pipeline:
            return Pipeline().append_stage(_keep_reference)

    def _keep_reference(context: Any) -> None:
        context.value = Argument(context.value, context.range)


def function(documentation: dict[str, str]) -> Callable[[Function], Function]:
    """Make a function that a cell can call, with these words about its arguments."""

    def decorate(python: Function) -> Function:
        if not _ON_WINDOWS:
            return python
        made = python
        for name, words in documentation.items():
            convert = {"convert": _Referring} if name == "identifiers" else {}
            made = xlwings.arg(name, ndim=2, err_to_str=True, doc=words, **convert)(made)
        if (
            "calling_cell" in inspect.signature(python).parameters
        ):  # not xlwings' own `caller`, which is made for other threads
            made = xlwings.arg("calling_cell", _Reference, vba="Application.Caller")(made)
        # Last: xlwings' arg puts the options of the function back to their defaults.
        decorated: Function = xlwings.func(category="CRUST", call_in_wizard=False, volatile=False)(made)
        return decorated

    return decorate


def macro(python: Function) -> Function:
    """Make a function that a macro can call, and no cell."""
    if not _ON_WINDOWS:
        return python
    made: Function = xlwings.script(python)
    return made


@function(
    {
        "identifiers": _IDENTIFIERS,
        "fields": _FIELDS,
        "headers": "TRUE puts a row of names on top",
        "refresh_token": "A date: answers from before that day do not count",
    }
)
def CRUST_ENRICH(identifiers, fields=None, headers=None, refresh_token=None, calling_cell=None):  # type: ignore[no-untyped-def]  # noqa: N802
    """One row about each person: the asked fields. Reads the ledger; buys only within an armed budget."""
    cells, reference = _parts(identifiers)
    ahead = _read_ahead(reference, _parts(calling_cell).reference)
    return _to_excel(the_desk().enrich(cells, fields, headers, refresh_token, read_ahead=ahead))


@function({"identifiers": _IDENTIFIERS, "fields": _FIELDS})
def CRUST_COST(identifiers, fields=None):  # type: ignore[no-untyped-def]  # noqa: N802
    """Credits that the people not yet in the ledger may cost. Free."""
    return _to_excel(the_desk().cost(_parts(identifiers).cells, fields))


@function({"filter": "Words that the path must hold"})
def CRUST_FIELDS(filter=None):  # type: ignore[no-untyped-def]  # noqa: N802, A002
    """What can be asked for: path, type, credits for one person. Free."""
    return _to_excel(the_desk().fields(filter))


@function({})
def CRUST_STATUS():  # type: ignore[no-untyped-def]  # noqa: N802
    """Key, budget, credits spent today. Free."""
    return _to_excel(the_desk().status())


@macro
def CRUST_SURVEY():  # type: ignore[no-untyped-def]  # noqa: N802
    """Begin to gather whom the formulas miss."""
    the_desk().survey()
    return [[True]]


@macro
def CRUST_OFFER():  # type: ignore[no-untyped-def]  # noqa: N802
    """Say whom the formulas miss and what they may cost: people, credits."""
    return [list(the_desk().offer())]


@macro
def CRUST_BUY(max_credits):  # type: ignore[no-untyped-def]  # noqa: N802
    """Buy them for at most so many credits, and say what became of it."""
    try:
        return [[the_desk().buy(float(max_credits))]]
    except CrustframeError as error:
        return [[remark(one_line(error))]]


def _parts(given: Any) -> Argument:
    return given if isinstance(given, Argument) else Argument(given, None)


def _to_excel(grid: Grid) -> list[list[Any]]:
    return [[_value(cell) for cell in row] for row in grid]


def _value(cell: Cell) -> Any:
    match cell:
        case CellError():
            return cell.value  # CRUST.bas makes a true error of it
        case bool():
            return cell
        case int():
            return float(cell)  # an integer above 31 bits reaches VBA as a type that it may refuse
        case datetime():
            return cell.replace(tzinfo=None)
        case _:
            return cell


def _read_ahead(reference: Any, caller: Any) -> ReadAhead | None:
    """Return what gives the identifiers of the same formula in the cells below; None for anything but one cell."""
    if reference is None or caller is None or reference.count != 1 or caller.count != 1:
        return None

    def read() -> list[tuple[object, object]]:
        with suppress(Exception):  # while Excel calculates it may refuse to be read; then the cell is bought alone
            formulas = caller.resize(AHEAD_ROWS, 1).api.FormulaR1C1
            first = formulas[0][0]
            if not _RELATIVE_ROW.search(first):
                return []
            same = next((n for n, (formula,) in enumerate(formulas) if formula != first), len(formulas))
            if same > 1:
                return [(cell, None) for (cell,) in reference.resize(same, 1).api.Value]
        return []

    return read
