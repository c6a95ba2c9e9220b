"""One cell: a value as text, and text that no spreadsheet takes for a formula."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from datetime import UTC, date, datetime, time
from decimal import Decimal
from math import isfinite
from typing import Any, Final

# Without a meaning of their own at the start of a cell: spaces, zero-width and direction marks, the BOM, controls.
_IGNORABLE: Final = (
    r"\x01-\x08\x0b\x0c\x0e-\x20\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u1680\u180e\u2000-\u200f"
    r"\u2028-\u202f\u205f-\u206f\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0"
)
# https://owasp.org/www-community/attacks/CSV_Injection names these, the last four in full width.
_TRIGGER: Final = r"=+\-@\t\r\n\x00\uff1d\uff0b\uff0d\uff20"
_LEADING_TRIGGER: Final = re.compile(f"[{_IGNORABLE}]*[{_TRIGGER}]")
_SUSPICIOUS: Final = re.compile(f"[{_TRIGGER},;]")
_LINE_BREAKS_AND_CONTROLS: Final = re.compile(r"\r\n|[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LONE_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_JSON_NUMBER: Final = r"-\d+(?:\.\d+)?(?:[eE][+\-]?\d+)?[,\]}]"
_INERT: Final = (bool, int, float, Decimal, date, time)


def plain(value: object) -> Any:
    """Return `value` as Python's own type: numpy scalars and arrays unpacked, every kind of missing as ``None``."""
    if isinstance(value, str):
        return value
    if type(value).__module__ == "numpy":
        value = _unpacked(value)
    if type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and value != value):
        return None
    return value


def text_of(value: object) -> str:
    """Return the one spelling of a value: ``true``, ``2026-01-31T09:30:00Z``, compact JSON; missing is empty."""
    match plain(value):
        case None:
            return ""
        case str(text):
            return text
        case bool(truth):
            return "true" if truth else "false"
        case float(number):
            return float.__repr__(number)
        case datetime() as moment:
            return _iso(moment)
        case date() | time() as moment:
            return moment.isoformat()
        case list() | tuple() | dict() as nested:
            return json_of(nested)
        case bytes(raw):
            return _text_of_bytes(raw)
        case other:
            return str(other)


def json_of(value: object) -> str:
    """Return a value as compact JSON: numbers with all their digits, times and what JSON lacks as text."""
    match plain(value):
        case None:
            return "null"
        case str(text):
            return json.dumps(text, ensure_ascii=False)
        case bool(truth):
            return "true" if truth else "false"
        case int(number):
            return int.__repr__(number)
        case float(number) if isfinite(number):
            return float.__repr__(number)
        case Decimal() as number if number.is_finite():
            return str(number)
        case list() | tuple() as items:
            return f"[{','.join(map(json_of, items))}]"
        case dict() as members:
            return f"{{{','.join(f'{json_of(str(name))}:{json_of(inner)}' for name, inner in members.items())}}}"
        case other:
            return json.dumps(text_of(other), ensure_ascii=False)


def leads_to_formula(text: str) -> bool:
    """Whether a spreadsheet may read `text` as a formula."""
    return _LEADING_TRIGGER.match(text) is not None


def whole_characters(text: str) -> str:
    """Return `text` with lone surrogates, which no file can hold, as U+FFFD."""
    return text if text.isascii() else _LONE_SURROGATE.sub("\ufffd", text)


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


class CsvCells:
    """Renders values as quoted cells of a delimited file.

    A file with commas is opened with semicolons or tabs on half the world's desktops, so a trigger behind such a
    separator inside a cell is defused as well as one at its start. So is a separator at the end of a cell: the
    closing quote behind it would open the next cell and swallow the line.

    Attributes
    ----------
    neutralised : int
        How many cells were defused so far.
    """

    def __init__(self, delimiter: str, *, safe: bool) -> None:
        self.neutralised = 0
        self._safe = safe
        separators = "".join(mark for mark in ",;" if mark != delimiter)
        self._behind_separator = re.compile(f'([{separators}])([{_IGNORABLE}"]*)([{_TRIGGER}]|\\Z)')
        self._behind_separator_in_json = re.compile(
            rf'([{separators}](?:[{_IGNORABLE}"]|\\")*)(?!{_JSON_NUMBER})([{_TRIGGER}])'
        )

    def quoted(self, value: object) -> str:
        text = value if type(value) is str else text_of(value)
        printable = text if text.isprintable() else whole_characters(_LINE_BREAKS_AND_CONTROLS.sub(" ", text))
        if self._safe and _SUSPICIOUS.search(text) and not isinstance(simple := plain(value), _INERT):
            printable = self._defused(text, printable, is_json=isinstance(simple, (list, tuple, dict)))
        return quoted(printable)

    def _defused(self, text: str, printable: str, *, is_json: bool) -> str:
        if is_json:
            safe = self._behind_separator_in_json.sub(_json_escaped, printable)
        else:
            safe = self._behind_separator.sub(r"\1'\2\3", printable)
            safe = f"'{safe}" if leads_to_formula(text) else safe
        self.neutralised += safe != printable
        return safe


def _json_escaped(match: re.Match[str]) -> str:
    return f"{match[1]}\\u{ord(match[2]):04x}"


def _unpacked(value: Any) -> object:
    return value.astype("datetime64[us]").tolist() if value.dtype.kind == "M" else value.tolist()


def _text_of_bytes(raw: bytes) -> str:
    """Return bytes as the text they mostly are, else in base64."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return b64encode(raw).decode()


def _iso(moment: datetime) -> str:
    if moment.tzinfo is None:
        return moment.isoformat()
    return moment.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"
