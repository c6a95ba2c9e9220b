"""The part that lives inside LibreOffice: hands every call to the user's own Python and its answer to the sheet.

Needs nothing but what LibreOffice brings, and runs on every Python that it brings (3.8 and later).
"""

from __future__ import annotations

import json
import os
import re
import struct
import subprocess
import threading
from pathlib import Path
from typing import Any, Callable, Iterator, Tuple

import unohelper
from com.sun.star.awt.MessageBoxButtons import BUTTONS_OK, BUTTONS_YES_NO
from com.sun.star.awt.MessageBoxType import INFOBOX, QUERYBOX
from com.sun.star.beans import NamedValue
from com.sun.star.lang import XServiceInfo
from com.sun.star.sheet import XAddIn
from com.sun.star.task import XJobExecutor

try:
    from org.crustframe import XCrust
except ImportError:  # while the extension is being registered its own types are not there yet

    class XCrust:  # type: ignore[no-redef]
        pass


Rows = Tuple[Tuple[Any, ...], ...]
SERVICE = "CRUST"
MENU = "org.crustframe.Menu"
FORMULAS, TEXT = 16, 2  # com.sun.star.sheet.CellFlags.FORMULA, com.sun.star.table.CellContentType.TEXT
NOT_AVAILABLE, NO_VALUE = 0x7FFF, 519  # Calc's own numbers of #N/A and #VALUE!
READ_AHEAD = 20000

_ONE_CELL = re.compile(
    r"=CRUST\.ENRICH\(\s*((?:\$?(?:'[^']+'|[\w ]+)\.)?\$?[A-Z]{1,3}\$?\d+)\s*"
    r"(?:;\s*(\"[^\"]*\"|(?:\$?(?:'[^']+'|[\w ]+)\.)?\$?[A-Z]{1,3}\$?\d+)?\s*)?[;)]",
    re.IGNORECASE,
)
_OURS = re.compile(r"\bCRUST\.(?:ENRICH|COST|FIELDS|STATUS)\(", re.IGNORECASE)


class HelperError(Exception):
    """The user's Python does not answer."""


class Helper:
    """The user's own Python with crustframe in it; started by the first formula, ended with the office."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._process: Any = None

    def ask(self, call: str, *arguments: Any, ahead: Callable[[], Any] | None = None) -> dict[str, Any]:
        with self._lock:
            try:
                answer = self._exchange({"call": call, "arguments": arguments})
                if "ask" in answer:
                    answer = self._exchange({"ahead": ahead() if ahead else []})
                return answer
            except (OSError, ValueError) as error:
                self._end()
                raise HelperError(
                    f"CRUST: the Python with crustframe does not answer ({type(error).__name__}). "
                    "Run `crustframe excel install --calc` again."
                ) from None

    def _exchange(self, message: dict[str, Any]) -> dict[str, Any]:
        process = self._running()
        process.stdin.write(json.dumps(message) + "\n")
        process.stdin.flush()
        answer: dict[str, Any] = json.loads(process.stdout.readline())
        return answer

    def _running(self) -> Any:
        if self._process is None or self._process.poll() is not None:
            told = json.loads(Path(__file__).with_name("helper.json").read_text(encoding="utf-8"))
            environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV", "CONDA"))}
            environment["PYTHONPATH"] = told["import_from"]
            self._process = subprocess.Popen(
                [told["python"], "-P", "-m", "excel_addin.helper"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment,
                encoding="utf-8",
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process = None


HELPER = Helper()


def calculated(call: str, *arguments: Any, ahead: Callable[[], Any] | None = None) -> Rows:
    """Return the rows of an answer as Calc takes them."""
    try:
        answer = HELPER.ask(call, *[plain(argument) for argument in arguments], ahead=ahead)
        return tuple(tuple(to_calc(cell) for cell in row) for row in answer["values"])
    except HelperError as error:
        return ((str(error),),)
    except Exception as error:  # noqa: BLE001  (Calc would show #VALUE!, which means something else here)
        return ((f"CRUST: internal error of the add-in ({type(error).__name__}: {error}).",),)


def plain(argument: Any) -> Any:
    """Return an argument as JSON takes it; an empty cell that is referred to alone comes as 0.0."""
    if isinstance(argument, tuple):
        return [[None if cell == "" else cell for cell in map(number_or_text, row)] for row in argument]
    return None if isinstance(argument, float) and argument == 0.0 else number_or_text(argument)


def number_or_text(value: Any) -> Any:
    if isinstance(value, float) and value != value:
        return {"error": "#VALUE!"}
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def to_calc(cell: Any) -> Any:
    if isinstance(cell, dict):
        return error_value(NOT_AVAILABLE if cell["error"] == "#N/A" else NO_VALUE)
    return cell


def error_value(number: int) -> float:
    """Return the not-a-number in whose low bits Calc keeps the number of an error."""
    value: float = struct.unpack("<d", struct.pack("<Q", 0x7FF8000000000000 | number))[0]
    return value


class Functions(unohelper.Base, XCrust, XAddIn, XServiceInfo):
    """CRUST.ENRICH, COST, FIELDS and STATUS."""

    def __init__(self, context: Any) -> None:
        self._locale: Any = None

    def enrich(self, document: Any, identifiers: Any, fields: Any, headers: Any, refreshToken: Any) -> Rows:
        return calculated("ENRICH", identifiers, fields, headers, refreshToken, ahead=lambda: read_ahead(document))

    def cost(self, identifiers: Any, fields: Any) -> Rows:
        return calculated("COST", identifiers, fields)

    def fields(self, filter: Any) -> Rows:
        return calculated("FIELDS", filter)

    def status(self) -> Rows:
        return calculated("STATUS")

    def setLocale(self, locale: Any) -> None:
        self._locale = locale

    def getLocale(self) -> Any:
        return self._locale

    def getProgrammaticFuntionName(self, name: str) -> str:
        return name.partition(".")[2].lower()

    def getDisplayFunctionName(self, name: str) -> str:
        return "CRUST." + name.upper()

    def getFunctionDescription(self, name: str) -> str:
        return ""

    def getDisplayArgumentName(self, name: str, number: int) -> str:
        return ""

    def getArgumentDescription(self, name: str, number: int) -> str:
        return ""

    def getProgrammaticCategoryName(self, name: str) -> str:
        return "Add-In"

    def getDisplayCategoryName(self, name: str) -> str:
        return "Add-In"

    def getImplementationName(self) -> str:
        return SERVICE

    def supportsService(self, name: str) -> bool:
        return name in self.getSupportedServiceNames()

    def getSupportedServiceNames(self) -> tuple[str, ...]:
        return (SERVICE, "com.sun.star.sheet.AddIn")


def read_ahead(document: Any) -> list[tuple[str, str | None]]:
    """Return what the one-cell formulas of a document ask, as far as it stands in plain text cells."""
    asked: list[tuple[str, str | None]] = []
    texts: dict[tuple[str, str], str | None] = {}
    for sheet in document.Sheets:

        def text_of(reference: str, sheet: Any = sheet) -> str | None:
            key = (sheet.Name, reference)
            if key not in texts:
                cell = sheet.getCellRangeByName(reference).getCellByPosition(0, 0)
                texts[key] = cell.String if cell.Type.value == "TEXT" else None
            return texts[key]

        for formula in formulas_of(sheet):
            found = _ONE_CELL.match(formula)
            if not found:
                continue
            reference, fields = found.groups()
            identifier = text_of(reference)
            if fields:
                fields = fields[1:-1] if fields.startswith('"') else text_of(fields)
            if identifier is not None:
                asked.append((identifier, fields))
            if len(asked) == READ_AHEAD:
                return asked
    return asked


def formulas_of(sheet: Any) -> Iterator[str]:
    for area in sheet.queryContentCells(FORMULAS):
        for row in area.getFormulaArray():
            yield from row


class Menu(unohelper.Base, XJobExecutor, XServiceInfo):
    """The commands of the menu. Started with an argument, it asks that job instead of showing a message box."""

    def __init__(self, context: Any, asked_instead: Any = None) -> None:
        self._context = context
        self._asked_instead = asked_instead

    def trigger(self, command: str) -> None:
        desktop = self._context.ServiceManager.createInstanceWithContext("com.sun.star.frame.Desktop", self._context)
        document = desktop.getCurrentComponent()
        try:
            {"buy": self._buy, "show": self._show, "freeze": self._freeze}[command](document)
        except HelperError as error:
            self._tell(document, str(error))

    def _buy(self, document: Any) -> None:
        HELPER.ask("survey")
        document.calculateAll()
        offer = HELPER.ask("offer")
        if not offer["people"]:
            self._tell(document, "The ledger knows everybody whom the formulas ask for. Nothing is to be bought.")
            return
        if self._agreed(document, offer["question"]):
            said = HELPER.ask("buy", offer["credits"])["said"]
            document.calculateAll()
            self._tell(document, said)

    def _show(self, document: Any) -> None:
        document.calculateAll()

    def _freeze(self, document: Any) -> None:
        frozen = left = 0
        for sheet in document.Sheets:
            for area in our_areas(sheet):
                if any(is_remark(value) for row in area.getDataArray() for value in row):
                    left += 1
                else:
                    freeze(area)
                    frozen += 1
        waiting = f" Left, since they have no answer yet: {left}." if left else ""
        self._tell(document, f"Turned into values: {frozen} formula{'' if frozen == 1 else 's'}.{waiting}")

    def _agreed(self, document: Any, question: str) -> bool:
        if self._asked_instead is not None:
            return bool(self._asked_instead.execute((NamedValue("question", question),)))
        return 2 == self._box(document, QUERYBOX, BUTTONS_YES_NO, question)

    def _tell(self, document: Any, text: str) -> None:
        if self._asked_instead is not None:
            self._asked_instead.execute((NamedValue("told", text),))
        else:
            self._box(document, INFOBOX, BUTTONS_OK, text)

    def _box(self, document: Any, kind: Any, buttons: int, text: str) -> int:
        window = document.getCurrentController().getFrame().getContainerWindow()
        pressed: int = window.getToolkit().createMessageBox(window, kind, buttons, "CRUST", text).execute()
        return pressed

    def getImplementationName(self) -> str:
        return MENU

    def supportsService(self, name: str) -> bool:
        return name == MENU

    def getSupportedServiceNames(self) -> tuple[str, ...]:
        return (MENU,)


def our_areas(sheet: Any) -> list[Any]:
    """Return every cell or array range of a sheet that holds a formula of ours."""
    found: list[Any] = []
    seen: set[str] = set()
    for area in sheet.queryContentCells(FORMULAS):
        for y, row in enumerate(area.getFormulaArray()):
            for x, formula in enumerate(row):
                if not _OURS.search(formula):
                    continue
                cursor = sheet.createCursorByRange(area.getCellByPosition(x, y))
                cursor.collapseToCurrentArray()
                if cursor.AbsoluteName not in seen:
                    seen.add(cursor.AbsoluteName)
                    found.append(cursor)
    return found


def is_remark(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("CRUST:")


def freeze(area: Any) -> None:
    columns, rows = area.Columns.Count, area.Rows.Count
    errors = [[area.getCellByPosition(x, y).getError() for x in range(columns)] for y in range(rows)]
    values = area.getDataArray()
    area.clearContents(FORMULAS)
    area.setDataArray(values)
    for y, row in enumerate(errors):
        for x, number in enumerate(row):
            if number == NOT_AVAILABLE:
                area.getCellByPosition(x, y).setFormula("=NA()")
            elif number:
                area.getCellByPosition(x, y).setString("#VALUE!")


g_ImplementationHelper = unohelper.ImplementationHelper()
g_ImplementationHelper.addImplementation(Functions, SERVICE, (SERVICE, "com.sun.star.sheet.AddIn"))
g_ImplementationHelper.addImplementation(Menu, MENU, (MENU,))
