"""Stand-ins for the pywin32 modules, so that xlwings' own Windows code runs unmodified where there is no Excel.

They patch `sys.modules` and `ctypes`: use them in a process of their own.
"""

from __future__ import annotations

import asyncio  # noqa: F401  (everything that looks at the platform is imported before it is changed)
import ctypes
import logging
import ssl  # noqa: F401
import subprocess
import sys
import types
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any
from unittest.mock import MagicMock

import matplotlib.pyplot  # noqa: F401
import numpy  # noqa: F401
import pandas  # noqa: F401
import PIL.ImageGrab  # noqa: F401
import requests  # noqa: F401

RANGE = "{00020846-0000-0000-C000-000000000046}"
MISSING = -2147352572


class ComError(Exception):
    """pywintypes.com_error."""


class _Anything(types.ModuleType):
    """A module in which every name is there."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        made = type(name, (), {"__init__": lambda self, *a, **k: None})
        setattr(self, name, made)
        return made


class _Utc(tzinfo):
    def utcoffset(self, moment: datetime | None) -> timedelta:
        return timedelta(0)

    def dst(self, moment: datetime | None) -> timedelta:
        return timedelta(0)

    @classmethod
    def utc(cls) -> _Utc:
        return cls()


def put_in_place() -> Any:
    """Import xlwings as Windows imports it and return it."""
    names = [
        "pywintypes", "pythoncom", "win32com", "win32com.client", "win32com.client.gencache", "win32com.server",
        "win32com.server.util", "win32com.server.policy", "win32com.server.dispatcher", "win32com.server.exception",
        "win32api", "win32con", "win32event", "win32gui", "win32process", "win32timezone",
    ]  # fmt: skip
    for name in names:
        sys.modules[name] = _Anything(name)
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, sys.modules[name])
    m: Any = sys.modules
    m["pywintypes"].com_error = ComError
    m["pywintypes"].TimeType = datetime
    m["pywintypes"].IID = str
    m["pythoncom"].__file__ = "pythoncom.dll"
    m["pythoncom"].CoInitialize = lambda *a: None
    m["pythoncom"].IID_IDispatch = "IDispatch"
    m["pythoncom"].TypeIIDs = {"IDispatch": type("PyIDispatch", (), {})}
    m["pythoncom"].CoMarshalInterThreadInterfaceInStream = lambda iid, api: api
    m["win32com.client"].Dispatch = lambda found, **_: found
    m["win32com.client"].gencache.EnsureModule = lambda *a, **k: None
    m["win32com.server.util"].unwrap = _not_ours
    m["win32com.server.util"].wrap = lambda found, **_: found
    m["win32timezone"].TimeZoneInfo = _Utc
    m["win32process"].GetWindowThreadProcessId = lambda hwnd: (0, 1)

    real, py_dll = sys.platform, ctypes.PyDLL
    ctypes.windll = ctypes.oledll = MagicMock()  # type: ignore[attr-defined]
    ctypes.PyDLL = lambda *a, **k: MagicMock()  # type: ignore[assignment,misc]
    subprocess.CREATE_NO_WINDOW = 0  # type: ignore[attr-defined]
    sys.platform = "win32"
    try:
        import xlwings
    finally:
        sys.platform, ctypes.PyDLL = real, py_dll  # type: ignore[misc]
    logging.getLogger("xlwings").addHandler(logging.NullHandler())
    return xlwings


def _not_ours(found: object) -> Any:
    raise TypeError(found)


class Range:
    """A range of a sheet, as COM shows it."""

    CLSID = RANGE

    def __init__(self, sheet: Sheet, row: int, column: int, rows: int = 1, columns: int = 1) -> None:
        self._sheet, self.Row, self.Column = sheet, row, column
        self._rows, self._columns = rows, columns

    @property
    def _oleobj_(self) -> Any:
        attributes = types.SimpleNamespace(iid=RANGE)
        information = types.SimpleNamespace(
            GetTypeAttr=lambda: attributes, GetDocumentation=lambda _: ("Range", "", 0, "")
        )
        return types.SimpleNamespace(GetTypeInfo=lambda: information)

    @property
    def Rows(self) -> Any:
        return types.SimpleNamespace(Count=self._rows)

    @property
    def Columns(self) -> Any:
        return types.SimpleNamespace(Count=self._columns)

    @property
    def Count(self) -> int:
        return self._rows * self._columns

    CountLarge = Count

    @property
    def Worksheet(self) -> Sheet:
        return self._sheet

    @property
    def Address(self) -> str:
        return f"R{self.Row}C{self.Column}"

    def GetAddress(self, *_: object, **__: object) -> str:
        return self.Address

    @property
    def Value(self) -> Any:
        return self._of(self._sheet.cells)

    @property
    def FormulaR1C1(self) -> Any:
        return self._of(self._sheet.formulas)

    def __call__(self, row: int, column: int) -> Range:
        return Range(self._sheet, self.Row + row - 1, self.Column + column - 1)

    def Resize(self, rows: int, columns: int) -> Range:
        return Range(self._sheet, self.Row, self.Column, rows, columns)

    GetResize = Resize

    def _of(self, held: dict[tuple[int, int], Any]) -> Any:
        rows = tuple(
            tuple(held.get((self.Row + y, self.Column + x)) for x in range(self._columns)) for y in range(self._rows)
        )
        return rows[0][0] if (1, 1) == (self._rows, self._columns) else rows


class Sheet:
    """A sheet with constants and formulas."""

    Name = "Sheet1"
    Parent = types.SimpleNamespace(Name="Book1", Application=types.SimpleNamespace(Hwnd=1))

    def __init__(self) -> None:
        self.cells: dict[tuple[int, int], Any] = {}
        self.formulas: dict[tuple[int, int], str] = {}

    def column(self, values: Sequence[Any], *, at: int = 1) -> Range:
        """Fill a column and return its range."""
        for row, value in enumerate(values, 1):
            self.cells[row, at] = value
        return Range(self, 1, at, len(values))

    def Range(self, first: Any, last: Any = None) -> Range:
        """What xlwings asks for when it resizes."""
        if last is None:
            return first
        return Range(self, first.Row, first.Column, last.Row - first.Row + 1, last.Column - first.Column + 1)

    def Cells(self, row: int, column: int) -> Range:
        """One cell."""
        return Range(self, row, column)
