"""A name as displayed, read into the parts of which an address may be built: spellings, initials, short forms."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from nicknames import NickNamer

Role = Literal["first", "given", "either", "family", "alias"]

GENERATIONS: Final = frozenset("jr sr ii iii iv".split())  # noqa: SIM905
_PARTICLES: Final = frozenset(
    """af al ap av ben bin da dal de del della den der des di do dos du el fitz ibn la le les lo mac san st ten ter
    van vande vanden vander von zu zum zur""".split()  # noqa: SIM905
)
_SPELLED_OUT: Final = [  # one, the other, or both: ostergaard, oestergaard
    str.maketrans(signs)
    for umlauts in ({}, {"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe"})
    for signs in (umlauts, {**umlauts, "å": "aa"})
]
_APOSTROPHES: Final = re.compile(r"['’ʻʼ`´]")
_REMARK: Final = re.compile(r"(?<=\w)\s+[-–—|•·]\s")  # Jane Smith - we are hiring
_PLAIN: Final = re.compile(r"[^\W\d_]{3,} [^\W\d_]{3,}")
_ALPHABETS: Final = frozenset({"CYRILLIC", "GREEK", "GEORGIAN", "ARMENIAN"})
_UNLIKE: Final = {  # short forms that do not begin like the name, by how the name begins
    start: frozenset(nicknames.split())
    for start, nicknames in {
        "al": "sandy",
        "and": "andy drew",
        "ant": "tony",
        "aug": "gus",
        "ca": "kate kathy",
        "ch": "chuck tina",
        "do": "nick",
        "ed": "ned ted teddy",
        "el": "bess beth betsy betty libby liz lizzie lizzy nell",
        "ge": "jeff jerry",
        "ha": "hal harry",
        "he": "hal hank harry nell",
        "ja": "jim jimmy",
        "jo": "jack",
        "ka": "kate kathy",
        "la": "larry",
        "mar": "meg molly peg peggy polly",
        "mi": "mick mike",
        "ni": "nick nicky",
        "pat": "patsy trish",
        "re": "becky",
        "ri": "dick rick ricky",
        "rob": "bob bobby",
        "sa": "sally",
        "st": "steve",
        "the": "ted teddy",
        "tho": "tom tommy",
        "vi": "vicky",
        "wil": "bill billy",
    }.items()
}


class Part(NamedTuple):
    """One part of a name.

    Attributes
    ----------
    role : str
        ``first``, another ``given`` name, ``family``, ``either`` of these two, or ``alias``, which stood in brackets.
    forms : frozenset of str
        Spellings in ASCII letters.
    initials : frozenset of str
    nicknames, doubtful : frozenset of str
        What somebody of that name is called, and whom somebody called that may be; the doubtful ones may as well be
        names of their own.
    """

    role: Role
    forms: frozenset[str]
    initials: frozenset[str]
    nicknames: frozenset[str] = frozenset()
    doubtful: frozenset[str] = frozenset()


class Name(NamedTuple):
    """The parts of a name, in order; the generation that it tells (``jr``); from which script it was romanised."""

    parts: tuple[Part, ...]
    generations: frozenset[str]
    romanised: str | None


@lru_cache(maxsize=10_000)
def read_name(text: str, script: str) -> Name:
    """Read a name, as far as it is written in `script` or can be romanised; titles and degrees are left out."""
    text = _REMARK.split(unicodedata.normalize("NFC", _APOSTROPHES.sub("", text))[:200])[0]
    words, generations = _grouped(text)
    kept, romanised = _in_script({group: [*_lettered(some)] for group, some in words.items()}, script)
    parts = [part for part in _parts(**kept) if part.forms]
    return Name(tuple(parts[:8]), generations, romanised)


def _grouped(text: str) -> tuple[dict[str, list[str]], frozenset[str]]:
    if _PLAIN.fullmatch(text):  # most names; to parse them takes ten times as long
        plain = text.split()
        return {"first": plain[:1], "middle": [], "last": plain[1:], "alias": []}, frozenset()
    from nameparser import HumanName

    parsed = HumanName(text)
    first, middle, last = (re.split(r"[\s-]+", str(part)) for part in (parsed.first, parsed.middle, parsed.last))
    if parsed.title and not parsed.last:  # King Lee is no king
        first, last = parsed.title.split(), first
    alias = [] if "/" in parsed.nickname else parsed.nickname.split()
    generations = GENERATIONS & {*re.findall(r"\w+", parsed.suffix.lower())}
    return {"first": first, "middle": middle, "last": last, "alias": alias}, generations


def script_of(text: str) -> str:
    """Return the first word of the Unicode name of the first letter: LATIN, CYRILLIC, CJK ..."""
    letter = next((sign for sign in text if sign.isalpha()), "")
    script = unicodedata.name(letter, "").partition(" ")[0] if letter else ""
    return "CJK" if script in {"HIRAGANA", "KATAKANA"} else script


def in_ascii(text: str) -> str:
    """Return the letters of a text in ASCII."""
    from anyascii import anyascii

    if text.isascii() and text.isalpha():
        return text.lower()
    return re.sub(r"[^a-z]", "", anyascii(re.sub("ο[υύ]", "ou", text.lower())).lower())


def loosened(text: str) -> str:
    """Return romanised letters without what one romanisation writes otherwise than another: ``yuliya``, ``iulia``."""
    text = re.sub(r"[yj]", "i", text).replace("kh", "h").replace("ks", "x").replace("ou", "u")
    return re.sub(r"ii+|i(?=[aeo])", "i", text)


def is_given_name(word: str) -> bool:
    """Tell whether the list of nicknames knows a word as a given name."""
    return word != "smith" and bool(_list().nicknames_of(word) or _list().canonicals_of(word))  # it has smitty


def _lettered(words: Iterable[str]) -> Iterator[str]:
    for word in words:
        letters = "".join(sign for sign in word if sign.isalpha() or unicodedata.combining(sign))
        if letters:
            yield letters


def _in_script(groups: dict[str, list[str]], script: str) -> tuple[dict[str, list[str]], str | None]:
    kept = {key: [word for word in words if script_of(word) == script] for key, words in groups.items()}
    if any(kept.values()) or script != "LATIN":
        return kept, None
    scripts = {script_of(word) for words in groups.values() for word in words}
    if scripts <= _ALPHABETS:
        return groups, next(iter(scripts), None)
    signs = [sign for key in ("first", "middle", "last") for word in groups[key] for sign in word]
    if len(signs) < 2 or not all(unicodedata.name(sign, "").startswith("CJK") for sign in signs):
        return kept, None
    return {"first": signs[:1], "middle": [], "last": ["".join(signs[1:])], "alias": []}, "CJK"


def _parts(first: list[str], middle: list[str], last: list[str], alias: list[str]) -> Iterator[Part]:
    if not first:
        first, middle, last = (middle or last)[:1], middle[1:], last if middle else last[1:]
    for word in first[:1]:
        pieces = [in_ascii(piece) for piece in first]
        yield _part("first", word, {"".join(pieces)}, {"".join(piece[:1] for piece in pieces)})
    yield from (_part("given", word) for word in first[1:])
    for n, word in enumerate(middle):
        is_family = n == len(middle) - 1 and not is_given_name(in_ascii(word))
        yield _part("either" if is_family else "given", word)
    particles: list[str] = []
    for n, word in enumerate(last):
        if in_ascii(word) in _PARTICLES and n < len(last) - 1:
            particles.append(in_ascii(word))
            continue
        yield _family(word, particles)
        particles = []
    yield from (_part("alias", word) for word in alias)


def _family(word: str, particles: list[str]) -> Part:
    bare = _part("family", word)
    starts = {"".join(particles[n:]) for n in range(len(particles))}
    letters = "".join(particle[0] for particle in particles)
    starts |= {letters} if len(letters) > 1 else set()
    return bare._replace(
        forms=bare.forms | {start + form for start in starts for form in bare.forms},
        initials=bare.initials | {start + i for start in {letters[:1], letters} for i in {"", *bare.initials} if start},
    )


def _part(role: Role, word: str, forms: Iterable[str] = (), initials: Iterable[str] = ()) -> Part:
    plain = in_ascii(word)
    spellings = {plain, *forms} | {
        in_ascii(word.lower().translate(signs)) for signs in _SPELLED_OUT if not word.isascii()
    }
    spellings |= {re.sub(r"(?<=[aou])e", "", plain)} if role == "family" else set()  # Rafael is no Rafal
    nicknames, doubtful = _short_forms(plain) if role in ("first", "alias") else (frozenset(), frozenset())
    return Part(role, frozenset(spellings - {""}), frozenset({plain[:1], *initials} - {""}), nicknames, doubtful)


@lru_cache(maxsize=10_000)
def _short_forms(name: str) -> tuple[frozenset[str], frozenset[str]]:
    nicknames, names = _list().nicknames_of(name), _list().canonicals_of(name)
    sure = [nickname for nickname in nicknames if _is_short_for(nickname, name)]
    sure += [full for full in names if _is_short_for(name, full)]
    return frozenset(sure), frozenset((nicknames | names) - {*sure})


def _is_short_for(nickname: str, name: str) -> bool:
    """Tell a nickname in common use from one that may be a name of its own (``erin`` for Aaron)."""
    if any(nickname in nicknames for nicknames in _UNLIKE.values()):
        return any(name.startswith(start) and nickname in nicknames for start, nicknames in _UNLIKE.items())
    stem = re.sub(r"(.)\1$", r"\1", re.sub(r"(?<=..)(y|ie|i|e)$", "", nickname))
    return nickname != "mary" and len(nickname) < len(name) and name.startswith(stem)  # Marie and Marilyn are others


@cache
def _list() -> NickNamer:
    from nicknames import NickNamer

    return NickNamer()
