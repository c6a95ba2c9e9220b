"""What stands around and inside pasted text and belongs to no name: blanks, invisible characters, marks, quotes."""

from __future__ import annotations

import re
import unicodedata
from typing import Final
from urllib.parse import quote, unquote_to_bytes

# What shows nothing wherever it stands (Unicode: format characters, Default_Ignorable_Code_Point): no part of a name.
INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)
_CODED: Final = re.compile(r"(?:%[0-9a-f]{2})+", re.IGNORECASE)
# Blanks of every kind that copying from pages and spreadsheets leaves at the ends of a cell.
_MARGINS: Final = "".join(map(chr, (*range(33), *range(0x7F, 0xA1), *range(0x2000, 0x200B)))) + (
    "\u1680\u2028\u2029\u202f\u205f\u2800\u3000"
)
_PAIRS: Final = frozenset({'""', "''", "<>", "()", "[]", "{}", "``", "**", "__", "“”", "„“", "‘’", "«»", "‹›"})
_MARKS: Final = frozenset("!\"$&'()*+,.:;<=>?[\\]^`{|}~")
_HYPHENS: Final = frozenset("\u058a\u05be\u1806\u2010\u2011\u2e17\u30a0\ufe63\uff0d")


def trimmed(text: str) -> str:
    """Return `text` without blanks at its ends."""
    return text.strip(_MARGINS)


def bare(text: str) -> str:
    """Return `text` without what is invisible, and without blanks, quotes and brackets around it."""
    text = trimmed(visible(text))
    while len(text) > 1 and text[0] + text[-1] in _PAIRS:
        text = trimmed(text[1:-1])
    return trimmed(text.rstrip(",;"))


def without_marks_behind(text: str) -> str:
    """Return `text` up to its last letter, digit, hyphen, underscore or picture: a sentence around it adds the rest."""
    end = len(text)
    while end and _is_mark(text[end - 1]):
        end -= 1
    return text[:end]


def _is_mark(character: str) -> bool:
    if character.isascii():
        return character in _MARKS or character.isspace()
    category = unicodedata.category(character)
    return character not in _HYPHENS and ((category[0] in "PZ" and category != "Pc") or category in {"Sm", "Sc"})


def visible(text: str) -> str:
    """Return `text` without invisible characters, percent-coded ones among them."""
    text = text if text.isascii() else INVISIBLE.sub("", text)
    return _CODED.sub(_visible_code, text) if "%" in text else text


def _visible_code(code: re.Match[str]) -> str:
    try:
        decoded = unquote_to_bytes(code[0]).decode()
    except UnicodeDecodeError:
        return code[0]
    seen = INVISIBLE.sub("", decoded)
    return code[0] if seen == decoded else quote(seen, safe="")
