"""Is this the person? A verdict on each match and the reasons for it: deterministic, from what was bought anyway.

The API's own score grades how an address is built, not who answers to it, and its documents say to verify the
person by employers (seed 002). That is done here, without a request and without a credit.

=================  ==================  ==================  =================  =================
e-mail domain      ``name_fits``       ``name_partly``,    ``name_differs``   ``shared_mailbox``
                                       ``name_unreadable``
=================  ==================  ==================  =================  =================
``domain_current``  accept             review              reject             review
``domain_past``     review             review              reject             reject
``domain_related``  review             review              reject             review
``domain_unknown``  review             review              reject             review
``free_mail``       review             review              reject             reject
``domain_elsewhere``  reject           reject              reject             reject
=================  ==================  ==================  =================  =================

Whoever's profile lists the very address (``address_listed``) is an accept. An accept with ``close_candidates`` or
``outsider_letter`` becomes a review. For profile URLs: ``slug_same`` is an accept; ``slug_renamed``
is one if the asked slug fits the name, else a review; ``slug_unknown`` is a review.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

from crustframe.contract import BUSINESS_EMAIL
from crustframe.people.companies import is_related, is_same_house
from crustframe.people.emails import free_mail_domains
from crustframe.people.handles import is_shared, unmarked
from crustframe.people.identifiers import Identifier, read_identifiers
from crustframe.people.records import Evidence, Match, Record
from crustframe.people.scoring import score

Word = Literal["accept", "review", "reject"]
MinVerdict = Literal["accept", "review"]

REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "domain_current": "the e-mail's domain is that of a current employer, whatever its country or sub-domain",
        "domain_past": "the e-mail's domain is that of a past employer only",
        "domain_related": "the e-mail's domain has the name, or a part of the domain, of an employer",
        "domain_elsewhere": "the e-mail's domain is no employer's, by domain or by name",
        "domain_unknown": "no employer came along, or one without a name and a domain",
        "free_mail": "the e-mail's domain belongs to no employer",
        "address_listed": "the profile itself carries this very address",
        "name_fits": "the handle fits the name (0.7 or more by crustframe.people.scoring)",
        "name_partly": "the handle fits the name in part (0.5 or more)",
        "name_differs": "the handle does not fit the name",
        "name_unreadable": "no name came, or it cannot be compared: another script, or no letters",
        "shared_mailbox": "the handle names a role or a team, not a person",
        "outsider": "the handle is marked as that of an outsider (ext., -contractor), and was read without the mark",
        "outsider_letter": "the handle was read without c-, v- or x- before it, which may mark an outsider",
        "close_candidates": "another candidate fits about as well (within 0.1), or lists the address",
        "slug_same": "the profile URL came back as it was asked for",
        "slug_renamed": "the profile came back under another URL",
        "slug_unknown": "no profile URL came back, or a coded one was asked for",
    }
)
"""The closed set of ``crust.match_reasons`` codes, each with what it means."""

FITS: Final = 0.7  # initial and family name, with or without a dot
FITS_PARTLY: Final = 0.5
CLOSE: Final = 0.1
_RANKS: Final[Mapping[Word, int]] = MappingProxyType({"reject": 0, "review": 1, "accept": 2})
_TABLE: Final[Mapping[str, tuple[Word, Word, Word, Word]]] = MappingProxyType(
    {  # fits, partly or unreadable, differs, shared mailbox
        "domain_current": ("accept", "review", "reject", "review"),
        "domain_past": ("review", "review", "reject", "reject"),
        "domain_related": ("review", "review", "reject", "review"),
        "domain_unknown": ("review", "review", "reject", "review"),
        "free_mail": ("review", "review", "reject", "reject"),
        "domain_elsewhere": ("reject", "reject", "reject", "reject"),
    }
)
_COLUMNS: Final = {"name_fits": 0, "name_partly": 1, "name_unreadable": 1, "name_differs": 2, "shared_mailbox": 3}
_CODED_SLUG: Final = re.compile(r"/in/AC[a-zA-Z]A[\w-]{30,}$")


class Verdict(NamedTuple):
    """What to think of one match: a word, and the codes of :data:`REASONS` that led to it."""

    word: Word
    reasons: tuple[str, ...]

    def is_at_least(self, least: MinVerdict | None) -> bool:
        """Whether it is as good as `least`."""
        return least is None or _RANKS[self.word] >= _RANKS[least]


def judge(
    identifier: Identifier, matches: Sequence[Match], evidence: Callable[[Mapping[str, Any]], Evidence]
) -> list[Verdict]:
    """Return the verdict on every candidate of one identifier.

    Costs nothing; opens no socket.

    Parameters
    ----------
    identifier : Identifier
    matches : sequence of Match, length m
    evidence : callable
        What a profile of that surface says about who it is, such as ``person.Options.evidence``.

    Returns
    -------
    list of Verdict, length m
    """
    found = [evidence(match.person_data) for match in matches]
    if identifier.kind != BUSINESS_EMAIL:
        return [_verdict_on_url(identifier, one) for one in found]
    handle, _, domain = identifier.text.rpartition("@")
    readings = [_read(handle, one) for one in found]
    scores = [reading.score for reading in readings]
    holders = [n for n, one in enumerate(found) if identifier.text.lower() in one.addresses]
    verdicts = []
    for n, (one, reading) in enumerate(zip(found, readings, strict=True)):
        has_rival = bool({*holders} - {n}) or (n not in holders and _is_close(n, scores))
        about_domain = _about_domain(domain, one)
        verdicts.append(_verdict_on_email(about_domain, reading, holds_it=n in holders, has_rival=has_rival))
    return verdicts


def judged(
    record: Record,
    identifier: Identifier,
    evidence: Callable[[Mapping[str, Any]], Evidence],
    min_verdict: MinVerdict | None,
) -> tuple[Record, list[Verdict]]:
    """Return a record with the candidates that are good enough, and the verdicts on these."""
    verdicts = judge(identifier, record.matches, evidence)
    kept = [(match, one) for match, one in zip(record.matches, verdicts, strict=True) if one.is_at_least(min_verdict)]
    if len(kept) == len(verdicts):
        return record, verdicts
    found = replace(record, matches=tuple(match for match, _ in kept))
    if not kept:
        found = replace(found, status="no_match", reason="below_verdict")
    return found, [one for _, one in kept]


class _Reading(NamedTuple):
    """How a handle was read as a name: its score, what that means, and the mark of an outsider."""

    score: float | None
    about_name: str
    marks: tuple[str, ...] = ()


def _read(handle: str, found: Evidence) -> _Reading:
    whole, bare = _name_score(handle, found), unmarked(handle)
    marks: tuple[str, ...] = ()
    if bare and (whole or 0.0) < FITS:
        whole, marks = _name_score(bare.handle, found), (bare.reason,)
    return _Reading(whole, "shared_mailbox" if is_shared(handle) else _about_name(whole), marks)


def _verdict_on_email(about_domain: str, reading: _Reading, *, holds_it: bool, has_rival: bool) -> Verdict:
    reasons = (about_domain, reading.about_name, *reading.marks)
    word = _TABLE[about_domain][_COLUMNS[reading.about_name]]
    if holds_it and reading.about_name != "shared_mailbox":
        word, reasons = "accept", ("address_listed", *reasons)
    if has_rival and (holds_it or reading.about_name == "name_fits"):
        reasons += ("close_candidates",)
    is_doubtful = "close_candidates" in reasons or ("outsider_letter" in reasons and not holds_it)
    return Verdict("review" if word == "accept" and is_doubtful else word, reasons)


def _about_domain(domain: str, found: Evidence) -> str:
    if domain in free_mail_domains():
        return "free_mail"
    for reason, employers in (("domain_current", found.current), ("domain_past", found.past)):
        if any(is_same_house(domain, other) for employer in employers for other in employer.domains):
            return reason
    employers = found.current + found.past
    if any(is_related(domain, *employer) for employer in employers):
        return "domain_related"
    return "domain_elsewhere" if employers and all(map(any, employers)) else "domain_unknown"


def _about_name(fitting: float | None) -> str:
    if fitting is None:
        return "name_unreadable"
    return "name_fits" if fitting >= FITS else "name_partly" if fitting >= FITS_PARTLY else "name_differs"


def _name_score(handle: str, found: Evidence) -> float | None:
    return score(handle, found.name) if isinstance(found.name, str) else None


def _is_close(position: int, scores: Sequence[float | None]) -> bool:
    own = scores[position]
    others = [other for n, other in enumerate(scores) if n != position and other is not None]
    return own is not None and any(other >= own - CLOSE for other in others)


def _verdict_on_url(identifier: Identifier, found: Evidence) -> Verdict:
    returned = read_identifiers([found.profile_url]).unique
    if not returned or _CODED_SLUG.search(identifier.key) or _CODED_SLUG.search(returned[0].key):
        return Verdict("review", ("slug_unknown",))
    if returned[0].key == identifier.key:
        return Verdict("accept", ("slug_same",))
    slug = identifier.key.rpartition("/")[2]
    words = [word for word in slug.split("-") if word and not re.search(r"[\d%]", word)]
    about_name = _about_name(_name_score(".".join(words), found))
    return Verdict("accept" if about_name == "name_fits" else "review", ("slug_renamed", about_name))
