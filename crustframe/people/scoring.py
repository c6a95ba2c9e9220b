"""How well the handle of an e-mail address fits a name: our own figure, beside the one that the API sends.

It grades how the address is built, never who the person is; see :mod:`crustframe.people.verdict` for that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Final, Literal, NamedTuple

from crustframe.people.handles import ROLES
from crustframe.people.names import (
    GENERATIONS,
    Part,
    in_ascii,
    is_given_name,
    loosened,
    read_name,
    script_of,
)

BOTH_NAMES: Final = 0.95
FIRST_NAME: Final = 0.9
NAME_AND_INITIAL: Final = 0.75
FAMILY_NAME: Final = 0.7
ALIKE: Final = 0.6
INITIALS: Final = 0.5

_TITLES: Final = frozenset("dr prof mr mrs ms phd mba".split())  # noqa: SIM905
_TELLING: Final = 4  # names that share fewer first letters are two names (james, jane)
_TYPO: Final = 0.8  # so alike, two words are one with a slip of the keyboard
_MOST_STEPS: Final = 500  # real names need some twenty; made-up ones would need any number

_Level = Literal["full", "nickname", "weak", "initial"]
_RANKS: Final[tuple[_Level, ...]] = ("full", "nickname", "weak", "initial")


class _Reading(NamedTuple):
    """One way to read a handle: what each part of the name accounts for, in order, and the words that none does."""

    taken: tuple[tuple[int, _Level], ...] = ()
    left: tuple[tuple[int, str], ...] = ()


def score(handle: str, name: str) -> float | None:
    """Return how well `handle`, the part of an address before the ``@``, fits `name`.

    Costs nothing. Source: the worked examples of seed 002, read 2026-11; the rules are ours.

    ========================================  =============================================  =====
    handle, for "Jane Smith"                  rule                                           score
    ========================================  =============================================  =====
    ``jane.smith``, ``janesmith``             both names, in either order                    0.95
    ``jane``                                  first name                                     0.9
    ``jsmith``, ``janes``                     one name and the other's initial               0.75
    ``j.smith``, ``smith``                    the same with a dot; family name               0.7
    ``jane.smi``, ``jane.smiht``              one name, and the other cut or with a slip     0.6
    ``jane.marketing``                        one name and a role                            0.5
    ``js``, ``jsmi``                          initials, or no name in full                   0.5
    ``bob``, ``jane.keller``, ``x.smith``     another name                                   0.0
    ========================================  =============================================  =====

    Case, accents (also spelled out: ``mueller``), plus-tags, digits, titles, degrees and apostrophes do not count.
    Particles may be joined or left out (``ana.vandenberg``, ``ana.berg``), hyphenated names joined, cut or
    initialled (``jeanpierre``, ``jean``, ``jp``), middle names left out or initialled, one of two family names
    left out. Initials of three names or more are 0.7. A customary nickname stands for its name beside the family name
    (``bob.jones``), and is 0.6 alone. Names in several scripts are read in the handle's own; those in an alphabet are
    romanised if they have no other, those in Chinese characters, whose readings many share, are 0.6 at most.

    Parameters
    ----------
    handle : str
        The local part of an address.
    name : str
        A name as displayed.

    Returns
    -------
    float or None
        0 to 0.95. ``None`` where the two cannot be compared: another script, or no letters.

    Examples
    --------
    >>> score("j.smith", "Jane Smith"), score("山田", "Taro Yamada")
    (0.7, None)
    """
    bare = re.sub(r"['’\d]", "", handle.partition("+")[0].casefold())[:64]
    name_read = read_name(name, script_of(bare))
    words = [ascii_word for word in re.split(r"[\W_]+", bare) if (ascii_word := in_ascii(word))]
    if not words or not name_read.parts:
        return None
    generations = GENERATIONS & {*words}
    words = [word for word in words if word not in GENERATIONS | _TITLES] or words
    if name_read.romanised in (None, "CJK"):
        found = _best(words, name_read.parts)
    else:
        found = _best([loosened(word) for word in words], [_loosened(part) for part in name_read.parts])
    if generations and name_read.generations and not generations & name_read.generations:
        found = min(found, ALIKE)
    if name_read.romanised:
        return None if found < FAMILY_NAME else min(found, ALIKE) if name_read.romanised == "CJK" else found
    return found


def _loosened(part: Part) -> Part:
    return part._replace(forms=frozenset(map(loosened, part.forms)), initials=frozenset(map(loosened, part.initials)))


def _best(words: list[str], parts: Sequence[Part]) -> float:
    text, starts = "".join(words), [0]
    for word in words:
        starts.append(starts[-1] + len(word))
    best = 0.0
    for reading in _readings(text, starts, parts):
        best = max(best, _worth(reading, parts, words))
        if best == BOTH_NAMES:
            break
    return best


def _readings(text: str, starts: Sequence[int], parts: Sequence[Part]) -> Iterator[_Reading]:
    """Yield the ways to read a handle, those of whole names first."""
    pending = [(0, _Reading())]
    for _ in range(_MOST_STEPS):
        if not pending:
            return
        at, so_far = pending.pop()
        if at == len(text):
            yield so_far
            continue
        end = next(start for start in starts if start > at)
        is_after_initial = at == 1 and so_far.taken == ((0, "initial"),)
        if at in starts or is_after_initial:
            word = text[at : end if at in starts else 2]
            pending.append((at + len(word), so_far._replace(left=(*so_far.left, (len(so_far.taken), word)))))
        used = {n for n, _ in so_far.taken}
        for n, part in enumerate(parts):
            steps = set() if n in used else _beginnings(text[at:], text[at:end], part, is_word=at in starts)
            for level, length in sorted(steps, reverse=True):
                if level != "initial" or all(before < n for before, other in so_far.taken[-1:] if other == level):
                    pending.append((at + length, so_far._replace(taken=(*so_far.taken, (n, level)))))


def _beginnings(rest: str, word: str, part: Part, *, is_word: bool) -> set[tuple[_Level, int]]:
    """Return how a text may begin with one part of a name: how well, and with how many letters."""
    found: set[tuple[_Level, int]] = set()
    found |= {("full", len(form)) for form in part.forms if len(form) > 1 and rest.startswith(form)}
    found |= {("nickname", len(nick)) for nick in part.nicknames if rest.startswith(nick)}
    found |= {("initial", len(letters)) for letters in part.initials if rest.startswith(letters)}
    if word not in part.forms and (word in part.doubtful or any(_is_like(word, form, part) for form in part.forms)):
        found.add(("weak", len(word)))
    if any(level == "full" for level, _ in found):
        return found
    cut = max(_common(rest, form) for form in part.forms)
    if cut > 1:
        found.add(("weak", cut))
    if is_word and part.forms <= part.initials:
        found |= {("weak", len(word)) for form in part.forms if word.startswith(form)}
    if any(nickname.startswith(rest[0]) for nickname in part.nicknames):
        found.add(("weak", 1))
    return found


def _is_like(word: str, name: str, part: Part) -> bool:
    if part.role == "first" and _common(word, name) >= _TELLING and len(word) < len(name) + 3:
        return True
    return not word.startswith(name) and _is_slip(word, name)


def _common(one: str, other: str) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))


def _is_slip(word: str, name: str) -> bool:
    if word[0] != name[0] or min(len(word), len(name)) < 4 or abs(len(word) - len(name)) > 1:
        return False
    return SequenceMatcher(None, word, name, autojunk=False).ratio() >= _TYPO


def _worth(reading: _Reading, parts: Sequence[Part], words: Sequence[str]) -> float:
    """Return the score of one way to read a handle."""
    roles = [(parts[n].role, level) for n, level in reading.taken]
    aliases = [level for role, level in roles if role == "alias"]
    first = next((level for role, level in roles if role == "first"), None)
    first = aliases.pop(0) if first is None and aliases else first
    families = [level for role, level in roles if role == "family"] + aliases
    family = min(families, key=_RANKS.index, default=None)
    others = [level for role, level in roles if role in ("given", "either")]
    if first and ("either", "full") in roles:
        family = "full"
    if {level for _, level in roles} == {"initial"}:
        value = _of_initials(reading, words) if first else 0.0
    elif first is None:
        is_alone = not others and families.count("full") == len(families)
        value = FAMILY_NAME if is_alone else ALIKE if "full" in others else INITIALS
    elif family is None:
        value = INITIALS if first == "weak" else FIRST_NAME if first == "full" and not others else ALIKE
    else:
        value = _of_both(first, family)
        is_dotted = any(len(word) == 1 for word in words)
        value = FAMILY_NAME if value == NAME_AND_INITIAL and is_dotted else value
        value = min(value, ALIKE) if "weak" in others or _may_be_swapped(reading, parts) else value
    is_sure = first is not None and (family == "full" or len(parts) == 1)
    return min([value, *(_cap(reading, parts, at, word, words, is_sure=is_sure) for at, word in reading.left)])


def _of_both(first: _Level, family: _Level) -> float:
    if family == "full":
        return {"full": BOTH_NAMES, "nickname": FIRST_NAME, "initial": NAME_AND_INITIAL}.get(first, ALIKE)
    if first == "full":
        return NAME_AND_INITIAL if family == "initial" else ALIKE
    return ALIKE if first == "nickname" else INITIALS


def _of_initials(reading: _Reading, words: Sequence[str]) -> float:
    places = [n for n, _ in reading.taken]
    is_whole = len(places) > 1 and len("".join(words)) > 2 and not reading.left and places == sorted(places)
    return FAMILY_NAME if is_whole else INITIALS


def _may_be_swapped(reading: _Reading, parts: Sequence[Part]) -> bool:
    """Whether the family name stands first, and is a given name as well: ``thomas.martin`` for Martin Thomas."""
    names = [parts[n] for n, level in reading.taken if level == "full"]
    return len(names) > 1 and names[0].role == "family" and all(any(map(is_given_name, part.forms)) for part in names)


def _cap(reading: _Reading, parts: Sequence[Part], at: int, word: str, words: Sequence[str], *, is_sure: bool) -> float:
    """Return what a reading is worth at most that leaves out `word`, which stands after `at` parts of the name."""
    if word in ROLES:
        return INITIALS
    is_between = 0 < at < len(reading.taken)
    if is_between and word in words and (is_sure or len(word) == 1) and len(parts) == len(reading.taken):
        return BOTH_NAMES  # a middle name that the profile does not tell
    if is_sure or (is_between and len(word) == 1):
        return ALIKE if len(parts) > 1 else INITIALS
    return 0.0
