"""Invented people, always the same ones for the same identifier, on every machine.

Spellings with a meaning
------------------------
* A slug, or the local part of an address, that begins with ``nobody`` is never known.
* A slug that ends in ``-example`` and an address at a domain that ends in ``.example`` are always known.
* A slug that ends in ``-renamed-example`` is known, but its ``profile_url`` says ``-moved-example``.
* An address at a domain that begins with ``left-`` belongs to people who no longer work there, one at a domain that
  begins with ``other-`` leads to people of such a name who never did: matches that a careful reader doubts.
* A slug, or the local part of an address, that begins with ``redacted`` belongs to somebody who asked to be removed.
* Of all other identifiers a share (``unknown_share``) is unknown, picked by their hash.

The canonical spelling of a person is the lower-cased, percent-decoded slug of a profile URL on any host of
the network (scheme, query, fragment, trailing slash and sub-pages do not count), or the case-folded address.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Final
from urllib.parse import quote, unquote

from crustframe import contract
from crustframe.sandbox.profiles import Dice, Profile
from crustframe.sandbox.scoring import score
from crustframe.sandbox.vocabulary import GIVEN, SURNAMES, WORLD_NAMES

UNKNOWN_SHARE: Final = 0.05  # ours: rare enough for demos, frequent enough to be met in a column of 100
CANDIDATE_SHARES: Final = (0.70, 0.20, 0.10)  # ours: one, two or three candidates for an address

_PROFILE = re.compile(r"\s*(?:https?://)?(?:[a-z0-9-]+\.)*linkedin\.com(?::\d+)?/in/([^/?#\s]+)", re.IGNORECASE)
_NAME_WORD = re.compile(r"[^\W\d_]{2,}")
_NAME_IN_HANDLE = re.compile(r"([^\W\d_]{2,})[._-](?:[^\W\d_]\.)?([^\W\d_]{2,})\d*")


@dataclass(frozen=True)
class Candidate:
    """One answer to one identifier."""

    confidence: float
    profile: Profile


def canonical(identifier: str, kind: contract.IdentifierKind) -> str | None:
    """Return the one spelling under which `identifier` is known here, ``None`` if it names nobody."""
    if kind == contract.BUSINESS_EMAIL:
        return identifier.strip().casefold()
    found = _PROFILE.match(identifier)
    return unquote(found[1]).lower() if found else None


def stable_hash(text: str) -> int:
    """Return 53 bits of `text`: the same in every process, exact in every JSON reader."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()) >> 11


@dataclass(frozen=True)
class Population:
    """Everybody whom the sandbox knows.

    Parameters
    ----------
    unknown_share : float
        Share of ordinary identifiers, 0 to 1, that name nobody.
    drift : bool
        Whether a share of people breaks the documented types (see ``profiles.DRIFT_SHARE``).
    """

    unknown_share: float = UNKNOWN_SHARE
    drift: bool = False

    def knows(self, person: str, kind: contract.IdentifierKind) -> bool:
        """Tell whether the canonical `person` exists."""
        if person.startswith("nobody") or is_redacted(person):
            return False
        if kind == contract.PROFILE_URL and person in _met:
            return True
        if person.endswith(".example" if kind == contract.BUSINESS_EMAIL else "-example"):
            return True
        return stable_hash("known " + person) >= self.unknown_share * 2**53

    def candidates(self, person: str | None, kind: contract.IdentifierKind) -> tuple[Candidate, ...]:
        """Return who answers to the canonical `person`, best first."""
        if person is None or not self.knows(person, kind):
            return ()
        if kind == contract.BUSINESS_EMAIL:
            return _owners(person, self.drift)
        return (Candidate(1.0, _met.get(person) or _of_slug(person, self.drift)),)


_met: Final[dict[str, Profile]] = {}
"""Owners of addresses who were told, by the slug under which they can be asked for since."""


def is_redacted(person: str | None) -> bool:
    """Tell whether somebody asked to be removed: they are never returned and never charged."""
    return person is not None and person.startswith("redacted")


@lru_cache(maxsize=4096)
def _of_slug(slug: str, drift: bool) -> Profile:
    dice = Dice(stable_hash("name " + slug))
    words = re.sub(r"(-renamed)?-example$", "", slug).split("-")
    looks_like_name = len(words) == 2 and all(_NAME_WORD.fullmatch(word) for word in words)
    first, last = (words[0].title(), words[1].title()) if looks_like_name else _invented_name(dice)
    shown = _percent_encoded(re.sub(r"-renamed-example$", "-moved-example", slug))
    return Profile(
        key="in " + slug, person_id=stable_hash("in " + slug), first=first, last=last, slug=shown, drift=drift
    )


@lru_cache(maxsize=4096)
def _owners(address: str, drift: bool) -> tuple[Candidate, ...]:
    handle, _, domain = address.rpartition("@")
    is_past, is_strange = domain.startswith("left-"), domain.startswith("other-")
    dice = Dice(stable_hash("owners " + address))
    count = dice.choices((1, 2, 3), CANDIDATE_SHARES)[0]
    names = [_name_for(handle, dice, attempt) for attempt in range(count)]
    ranked = sorted(names, key=lambda name: -score(handle, " ".join(name)))
    found = []
    for rank, (first, last) in enumerate(ranked):
        key = f"mail {address} {rank}"
        person_id = stable_hash(key)
        words = re.sub(r"[\W_]+", "-", f"{first} {last}".lower()).strip("-")
        profile = Profile(
            key=key,
            person_id=person_id,
            first=first,
            last=last,
            slug=_percent_encoded(f"{words}-{person_id % 16**6:06x}"),
            domain=None if is_past or is_strange else domain,
            past_domain=domain if is_past else None,
            email=address if rank == 0 and not (is_past or is_strange) else None,
            drift=drift,
        )
        _met[f"{words}-{person_id % 16**6:06x}"] = profile
        found.append(Candidate(score(handle, profile.name), profile))
    return tuple(found)


def _percent_encoded(slug: str) -> str:
    return quote(slug, safe="", errors="replace")


def _name_for(handle: str, dice: Dice, attempt: int) -> tuple[str, str]:
    """Return a name that somebody with `handle` may have; later attempts fit less well."""
    plain = handle.split("+")[0]
    if full := _NAME_IN_HANDLE.fullmatch(plain):
        first, last = full[1].title(), full[2].title()
        return (first, last) if attempt == 0 else (dice.pick(_starting(GIVEN, first[0])), last)
    word = re.sub(r"\W|\d", "", plain).title()
    if word in GIVEN:
        return word, dice.pick(SURNAMES)
    if word[1:].title() in SURNAMES:
        return dice.pick(_starting(GIVEN, word[0])), word[1:].title()
    return _invented_name(dice)


def _starting(names: tuple[str, ...], initial: str) -> tuple[str, ...]:
    return tuple(name for name in names if name[0] == initial.upper()) or names


def _invented_name(dice: Dice) -> tuple[str, str]:
    return dice.pick(WORLD_NAMES) if dice.random() < 0.4 else (dice.pick(GIVEN), dice.pick(SURNAMES))
