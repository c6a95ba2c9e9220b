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
_OPERATOR: Final = r"=+\-@\uff1d\uff0b\uff0d\uff20"
_LEADING_TRIGGER: Final = re.compile(f"[{_IGNORABLE}]*[{_TRIGGER}]")
_SUSPICIOUS: Final = re.compile(f"[{_TRIGGER},;]")
_BREAKS: Final = r"\r\n\x85\u2028\u2029"
_BREAK: Final = re.compile(f"[{_BREAKS}]")
_ANY_BREAK: Final = re.compile(rf"[{_BREAKS}\x0b\x0c]")
_BREAKS_AND_BLANKS: Final = re.compile(rf"[^\S{_BREAKS}\x0b\x0c]*[{_BREAKS}\x0b\x0c]\s*")
_PAGE_BREAK: Final = re.compile(r"[\x0b\x0c]")
_CONTROL: Final = re.compile(r"[\x00-\x09\x0e-\x1f\x7f-\x84\x86-\x9f]")
_LONE_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_JSON_NUMBER: Final = r"-\d+(?:\.\d+)?(?:[eE][+\-]?\d+)?[,\]}]"
_INERT: Final = (bool, int, float, Decimal, date, time)

_DIGITS: Final = r"[0-9]{1,15}+"
_GAP: Final = r"(?:[ \u00a0\u202f]?[./\-\u2010-\u2013] ?|[ \u00a0\u202f]{1,2})"
_AREA: Final = rf"(?:{_DIGITS})?\({_DIGITS}\){_GAP}?"
_PHONE_NUMBER: Final = re.compile(rf"\+?(?:{_DIGITS}{_GAP})*+(?:{_AREA})?{_DIGITS}(?:{_GAP}{_DIGITS})*+")
_SUM: Final = re.compile(r"\+[0-9.]++(?: ?[/-] ?[0-9.]++)++")
# E.164 ends at 15 digits; the shortest numbers with a country code have 7, and "+1-2" is no number.
_FEWEST_DIGITS, _MOST_DIGITS = 7, 15


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


def are_phone_numbers(text: str) -> bool:
    """Whether `text` is a phone number, or several joined with ``; ``: nothing that a spreadsheet could run."""
    return all(
        _PHONE_NUMBER.fullmatch(number.strip(" ")) and _FEWEST_DIGITS <= sum(map(str.isdigit, number)) <= _MOST_DIGITS
        for number in text.split("; ")
    )


def looks_like_a_sum(text: str) -> bool:
    """Whether Excel would show what comes out of a phone number such as ``+1-555-0148`` instead of the number."""
    return _SUM.fullmatch(text.replace("(", "").replace(")", "")) is not None


def whole_characters(text: str) -> str:
    """Return `text` with lone surrogates, which no file can hold, as U+FFFD."""
    return text if text.isascii() else _LONE_SURROGATE.sub("\ufffd", text)


def on_one_line(value: object) -> object:
    """Return a text with each run of line breaks, and the blanks around it, as one space; any other value as it is."""
    return _BREAKS_AND_BLANKS.sub(" ", value.strip()) if isinstance(value, str) and _ANY_BREAK.search(value) else value


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


class CsvCells:
    """Renders values as quoted cells of a delimited file.

    A file with commas is opened with semicolons or tabs on half the world's desktops, and its quotes then count for
    less, so a trigger behind such a separator or a line break inside a cell is defused as well as one at its start. So
    is a separator at the end of a cell: the closing quote behind it would open the next cell and swallow the line. Line
    breaks at the end of a cell, which would do the same, are left out. Phone numbers stay as they are.

    Attributes
    ----------
    neutralised : int
        How many cells were defused so far.
    sums : int
        How many cells so far hold a phone number that Excel would compute.
    """

    def __init__(self, delimiter: str, *, safe: bool) -> None:
        self.neutralised = 0
        self.sums = 0
        self._safe = safe
        separators = "".join(mark for mark in ",;" if mark != delimiter)
        self._boundary = re.compile(f"[{separators}{_BREAKS}]")
        self._behind_boundary = re.compile(
            f'[{separators}{_BREAKS}][{separators}{_BREAKS}{_IGNORABLE}"]*+([{_OPERATOR}]|\\Z)?'
        )
        self._behind_separator_in_json = re.compile(
            rf'([{separators}](?:[{_IGNORABLE}"]|\\")*)(?!{_JSON_NUMBER})([{_TRIGGER}])'
        )

    def quoted(self, value: object, times: int = 1) -> str:
        """Return a value as a cell, of which there will be so many."""
        text = value if type(value) is str else text_of(value)
        printable = text if text.isprintable() else whole_characters(_tidy(text))
        if self._safe and _SUSPICIOUS.search(text) and not isinstance(simple := plain(value), _INERT):
            printable = self._defused(text, printable, times, is_json=isinstance(simple, (list, tuple, dict)))
        return quoted(printable)

    def _defused(self, text: str, printable: str, times: int, *, is_json: bool) -> str:
        if are_phone_numbers(text):
            self.sums += times * looks_like_a_sum(text)
            return text
        if is_json:
            safe = self._behind_separator_in_json.sub(_json_escaped, printable)
        else:
            printable = _without_last_breaks(printable)
            safe = self._behind_boundary.sub(self._marked, printable)
            safe = f"'{safe}" if leads_to_formula(text) else safe
        self.neutralised += times * (safe != printable)
        return safe

    def _marked(self, match: re.Match[str]) -> str:
        """Put ``'`` behind the last of the boundaries in `match`, if something to defuse follows them."""
        if match[1] is None:
            return match[0]
        *_, last = self._boundary.finditer(match[0])
        return f"{match[0][: last.end()]}'{match[0][last.end() :]}"


def _tidy(text: str) -> str:
    """Return `text` with its line breaks and without other control characters."""
    return _CONTROL.sub(" ", _PAGE_BREAK.sub("\n", text))


def _without_last_breaks(text: str) -> str:
    body = text.rstrip()
    return body if _BREAK.search(text, len(body)) else text


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
