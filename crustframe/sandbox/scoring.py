"""How well the handle of an e-mail address fits a name.

The score grades the structure of the handle, never the identity of the person (seed: score of reverse
e-mail lookup).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Final

FULL_NAME: Final = 0.95  # seed: jane.smith and janesmith for "Jane Smith"
FIRST_NAME: Final = 0.9  # seed: jane
INITIALLED: Final = 0.75  # seed: jsmith and janes
FIRST_AND_OTHER: Final = 0.5  # seed: jane.marketing
SIMILARITY_CEILING: Final = 0.89  # seed: general similarity fills the band 0.5 to 0.89

PARTICLES: Final = frozenset(
    (
        "al",
        "bin",
        "da",
        "de",
        "del",
        "den",
        "der",
        "di",
        "dos",
        "du",
        "el",
        "ibn",
        "la",
        "le",
        "ten",
        "ter",
        "van",
        "von",
        "zu",
    )
)
_LATIN: Final = str.maketrans(
    {"ß": "ss", "ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "'": "", "ʻ": ""}
)


def score(handle: str, name: str) -> float:
    """Return how well `handle`, the part of an address before the ``@``, fits `name`.

    ===================================  =======================  =====
    handle, for "Jane Smith"             rule                     score
    ===================================  =======================  =====
    ``jane.smith``, ``janesmith``        ``{first}{last}``        0.95
    ``jane``                             ``{first}``              0.9
    ``jsmith``                           ``{f}{last}``            0.75
    ``janes``                            ``{first}{l}``           0.75
    ``jane.marketing``                   ``{first}.{other word}`` 0.5
    ``j.smith``                          general similarity       0.706
    ``jsmi``                             general similarity       0.571
    ===================================  =======================  =====

    The seed gives 0.708 for ``j.smith``; ours comes from the general rule and stays within 0.01 of it.
    Accents, case, plus-tags and digits do not count. ``-`` and ``_`` separate like the dot. A particle may be
    joined to the family name or left out (``ana.vandenberg``, ``ana.berg``), a hyphenated name joined or cut
    (``jeanpierre``, ``jean``, ``jp``). Of a one-word name the word is the first name. Names in other scripts
    than the handle's are not romanised: they score 0 against a Latin handle and by the same rules against a
    handle of their own script.

    Parameters
    ----------
    handle : str
        The local part of an address.
    name : str
        A person's name as displayed.

    Returns
    -------
    float
        0 to 0.95, three decimals.
    """
    words = tuple(
        filter(None, (re.sub(r"\d+", "", word) for word in re.split(r"[._\-]+", _plain(handle.split("+")[0]))))
    )
    names = _plain(name).split()
    if not words or not names:
        return 0.0
    ruled = _ruled(words, names)
    return ruled if ruled > FIRST_AND_OTHER else max(ruled, _similarity(words, names))


def _plain(text: str) -> str:
    folded = text.casefold().translate(_LATIN)
    decomposed = unicodedata.normalize("NFKD", folded)
    return unicodedata.normalize("NFC", "".join(sign for sign in decomposed if not unicodedata.combining(sign)))


def _ruled(words: tuple[str, ...], names: list[str]) -> float:
    best = 0.0
    for first in _firsts(names[0]):
        if words == (first,):
            best = max(best, FIRST_NAME)
        if len(words) == 2 and words[0] == first and len(words[1]) > 1:
            best = max(best, FIRST_AND_OTHER)
        for last in _lasts(names[1:]):
            if words in ((first, last), (first + last,)):
                return FULL_NAME
            if words == (first + last[0],):
                best = max(best, INITIALLED)
    for last in _lasts(names[1:]):
        if any(words == (initials + last,) for initials in _initials(names[0])):
            best = max(best, INITIALLED)
    return best


def _similarity(words: tuple[str, ...], names: list[str]) -> float:
    handle = ".".join(words)
    ratio = max(SequenceMatcher(None, handle, text, autojunk=False).ratio() for text in _written(names))
    return round(min(ratio, SIMILARITY_CEILING), 3)


def _written(names: list[str]) -> Iterator[str]:
    yield " ".join(names)
    if len(names) > 1:
        yield f"{names[0]} {names[-1]}"
        yield f"{names[-1]} {names[0]}"


def _firsts(first: str) -> set[str]:
    return {first, first.replace("-", ""), first.split("-")[0]} - {""}


def _lasts(rest: list[str]) -> set[str]:
    if not rest:
        return set()
    family = rest[-1]
    start = len(rest) - 1
    while start and rest[start - 1] in PARTICLES:
        start -= 1
    joined = "".join(rest[start:])
    return {family, joined, joined.replace("-", ""), family.replace("-", ""), *family.split("-")} - {""}


def _initials(first: str) -> set[str]:
    return {first[0], "".join(part[0] for part in first.split("-") if part)}
