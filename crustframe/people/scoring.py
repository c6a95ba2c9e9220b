"""How well the handle of an e-mail address fits a name: our own figure, beside the one that the API sends.

It grades how the address is built, never who the person is; see :mod:`crustframe.people.verdict` for that.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import permutations
from typing import Final

BOTH_NAMES: Final = 0.95
FIRST_NAME: Final = 0.9
NAME_AND_INITIAL: Final = 0.75
FAMILY_NAME: Final = 0.7
INITIALS: Final = 0.5
LIKENESS_AT_MOST: Final = 0.89  # seed 002: below 0.9 is "general name similarity"

_PARTICLES: Final = frozenset(
    """af al ap av ben bin da dal de del della den der des di do dos du el fitz ibn la le les lo mac san st ten ter
    van vande vanden vander von zu zum zur""".split()  # noqa: SIM905
)
_NOT_NAMES: Final = frozenset("dr prof mr mrs ms phd md mba jr sr ii iii cpa pmp esq".split())  # noqa: SIM905
_SPELLED_OUT: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})
_BARE: Final = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ŋ": "n"}
)
_APOSTROPHES: Final = re.compile(r"['’ʻʼ`´]")
_SEPARATORS: Final = re.compile(r"[\W_]+")
_INITIAL: Final = 0.4  # the seed's 0.708 for j.smith leaves about that much for the j
_TYPO: Final = 0.8  # so alike, two words are one with a slip of the keyboard


def score(handle: str, name: str) -> float | None:
    """Return how well `handle`, the part of an address before the ``@``, fits `name`.

    Costs nothing. Source: the worked examples of seed 002, read 2026-11; the rules are ours.

    ========================================  =================================  =====
    handle, for "Jane Smith"                  rule                               score
    ========================================  =================================  =====
    ``jane.smith``, ``janesmith``             both names, in either order        0.95
    ``jane``                                  first name                         0.9
    ``jsmith``, ``janes``                     one name and the other's initial   0.75
    ``smith``                                 family name                        0.7
    ``j.smith``                               likeness                           0.7
    ``jsmi``                                  likeness                           0.575
    ``js``                                    initials                           0.5
    ``jane.marketing``                        likeness                           0.5
    ``bob``                                   likeness                           0.0
    ========================================  =================================  =====

    Likeness is the mean over both names of how much of each the handle begins with (twice the common letters over
    all letters; an initial is 0.4 of any name, and a word with one slip counts whole), at most 0.89; where the handle
    is one word it is cut wherever that fits best. Case, accents (also spelled out: ``mueller``), plus-tags, digits,
    academic titles and apostrophes do not count. Particles may be joined or left out (``ana.vandenberg``,
    ``ana.berg``), hyphenated names joined, cut or initialled (``jeanpierre``, ``jean``, ``jp``), middle names left out
    or initialled. The word of a one-word name is a first name. Names in several scripts are read in the handle's own.

    Parameters
    ----------
    handle : str
        The local part of an address.
    name : str
        A name as displayed.

    Returns
    -------
    float or None
        0 to 0.95, three decimals. ``None`` where the two cannot be compared: another script, or no letters.

    Examples
    --------
    >>> score("j.smith", "Jane Smith"), score("山田", "Taro Yamada")
    (0.7, None)
    """
    words = [w for w in (re.sub(r"\d+", "", w) for w in _SEPARATORS.split(_bare(handle.partition("+")[0]))) if w]
    best: float | None = None
    for folded in {_bare(name), _bare(name.casefold().translate(_SPELLED_OUT))}:
        parts = [part for part in folded.split() if part.strip("-.") not in _NOT_NAMES]
        parts = [cleaned for part in parts if (cleaned := re.sub(r"[^\w-]|[\d_]", "", part).strip("-"))]
        if words:
            script = _script("".join(words))
            parts = [part for part in parts if _script(part) == script]
        if words and parts:
            best = max(best or 0.0, _score(words, parts))
    return best


def _bare(text: str) -> str:
    folded = _APOSTROPHES.sub("", text).casefold().translate(_BARE)
    decomposed = unicodedata.normalize("NFKD", folded)
    return unicodedata.normalize("NFC", "".join(sign for sign in decomposed if not unicodedata.combining(sign)))


def _script(text: str) -> str:
    """Return the first word of the Unicode name of the first letter: LATIN, CYRILLIC, CJK ..."""
    letter = next((sign for sign in text if sign.isalpha()), "")
    script = unicodedata.name(letter, "").partition(" ")[0] if letter else ""
    return "CJK" if script in {"HIRAGANA", "KATAKANA"} else script


def _score(words: list[str], parts: list[str]) -> float:
    firsts, families = _first_forms(parts), _family_forms(parts)
    joined = "".join(words)
    pairs = [(first, family) for first in firsts for family in families]
    middles = [part[0] for part in parts[1:-1]]
    if len(words) > 2 and words[0] in firsts and words[-1] in families and {w[0] for w in words[1:-1]} <= {*middles}:
        return BOTH_NAMES
    if any(joined in (first + family, family + first) for first, family in pairs):
        return BOTH_NAMES
    if joined in firsts:
        return FIRST_NAME
    initials = {"".join(piece[0] for piece in parts[0].split("-") if piece), parts[0][0]}
    found = NAME_AND_INITIAL if any(words == [i, f] for i in initials if len(i) > 1 for f in families) else 0.0
    if len(words) == 1:
        with_initial = {f for first, family in pairs for f in (first + family[0], family[0] + first)}
        with_initial |= {f for family in families for i in initials for f in (i + family, family + i)}
        alone = {first[0] + family[0] for first, family in pairs}
        rules = ((NAME_AND_INITIAL, with_initial), (FAMILY_NAME, families), (INITIALS, alone))
        found = next((value for value, forms in rules if joined in forms), 0.0)
    return max(found, _likeness(words, firsts, families))


def _first_forms(parts: list[str]) -> set[str]:
    pieces = [piece for piece in parts[0].split("-") if piece]
    whole = "".join(pieces)
    return {whole, pieces[0]} | ({whole + parts[1]} if len(parts) > 2 and parts[1] not in _PARTICLES else set())


def _family_forms(parts: list[str]) -> set[str]:
    if len(parts) == 1:
        return set()
    start = len(parts) - 1
    while start > 1 and parts[start - 1] in _PARTICLES:
        start -= 1
    tails = ["".join(parts[n:]) for n in range(start, len(parts))]
    forms = {tail.replace("-", "") for tail in tails} | {piece for piece in parts[-1].split("-") if piece}
    return forms | ({"".join(parts[1:]).replace("-", "")} if start > 1 else set())


def _likeness(words: list[str], firsts: set[str], families: set[str]) -> float:
    if not families:
        best = max((_alike(word, first) for word in words for first in firsts), default=0.0) / len(words)
    else:
        best = max(
            (_alike(one, first) + _alike(other, family)) / 2
            for left, right in _cuts(words)
            for one, other in permutations((left, right))
            for first in firsts
            for family in families
        )
    return round(min(best, LIKENESS_AT_MOST), 3)


def _cuts(words: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the ways to read a handle as two names."""
    if len(words) > 1:
        yield words[0], words[-1]
        return
    yield from ((words[0][:at], words[0][at:]) for at in range(len(words[0]) + 1))


def _alike(word: str, name: str) -> float:
    if len(word) == 1 and name.startswith(word):
        return _INITIAL
    if word == name or _is_slip(word, name):
        return 1.0
    common = next((n for n, (a, b) in enumerate(zip(word, name, strict=False)) if a != b), min(len(word), len(name)))
    return 2 * common / max(1, len(word) + len(name))


def _is_slip(word: str, name: str) -> bool:
    if min(len(word), len(name)) < 4 or abs(len(word) - len(name)) > 1:
        return False
    return SequenceMatcher(None, word, name, autojunk=False).ratio() >= _TYPO
