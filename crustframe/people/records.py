"""Answers of the API, read into records: who was asked for, which candidates came back, how sure.

A malformed envelope is refused at this door; what stands deeper inside ``person_data`` is judged later, cell by cell.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

import orjson

from crustframe.contract import BUSINESS_EMAIL, PROFILE_URL
from crustframe.errors import ResponseError
from crustframe.people.identifiers import Identifier, read_identifiers

Status = Literal["matched", "no_match", "invalid", "blank", "failed", "not_run", "in_doubt"]
STATUSES: Final[tuple[Status, ...]] = ("matched", "no_match", "invalid", "blank", "failed", "not_run", "in_doubt")
Source = Literal["api", "job", "ledger"]


class Match(NamedTuple):
    """One candidate: how sure the API is (0 to 1, or None where it did not say), and the profile."""

    confidence_score: float | None
    person_data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of one person.

    Attributes
    ----------
    key : str
        The canonical identifier.
    status : str
        One of :data:`STATUSES`.
    matches : tuple of Match
        Candidates, best first; empty unless the status is ``matched``.
    source : {"api", "job", "ledger"} or None
    fetched_at : float or None
        When the API answered, seconds since 1970 UTC.
    request_id : str or None
        ``x-request-id`` of the answer.
    reason : str or None
        Why the status is what it is, where that is not plain.
    """

    key: str
    status: Status
    matches: tuple[Match, ...] = ()
    source: Source | None = None
    fetched_at: float | None = None
    request_id: str | None = None
    reason: str | None = None


class Employer(NamedTuple):
    """A company that a profile names: its name, empty where it did not come, and its web domains."""

    name: str
    domains: tuple[str, ...]


class Evidence(NamedTuple):
    """What a profile says about who it is; ``None`` and empty where it does not.

    Attributes
    ----------
    name, profile_url : str or None
    current, past : tuple of Employer
    addresses : frozenset of str
        E-mail addresses that the profile itself carries, in lower case.
    """

    name: Any
    profile_url: Any
    current: tuple[Employer, ...]
    past: tuple[Employer, ...]
    addresses: frozenset[str]


@dataclass(slots=True)
class Answer:
    """One answer, person by person.

    Attributes
    ----------
    matches : dict of str to list
        For every identifier that was answered, its ``matches`` as they came.
    missing : list of Identifier
        Asked for, but not answered in a way that can be trusted: in doubt.
    unasked : int
        Items that nobody asked for; they are put aside.
    failures : dict of str to str
        Those whom the API could not answer for, uncharged, each with its reason.
    redacted : set of str
        Those who asked to be removed: nobody is found there, ever.
    holds : dict of str to list
        What each answer holds where it is not what was asked for: sets of groups, each with its matches.
    """

    matches: dict[str, list[Any]] = field(default_factory=dict)
    missing: list[Identifier] = field(default_factory=list)
    unasked: int = 0
    failures: dict[str, str] = field(default_factory=dict)
    redacted: set[str] = field(default_factory=set)
    holds: dict[str, list[tuple[frozenset[str], list[Any]]]] = field(default_factory=dict)


def read_answer(body: bytes, asked: Sequence[Identifier], *, credits: float | None = None) -> Answer:
    """Read the body of a complete 200.

    Items are joined by ``matched_on``, never by position: exactly first, then by canonical identity.

    Raises
    ------
    ResponseError
        The body is not the array that the contract promises; it may have been charged.
    """
    return read_items(decode(body), asked, credits=credits)


def read_items(items: Any, asked: Sequence[Identifier], *, credits: float | None = None) -> Answer:
    """Read decoded items; see :func:`read_answer`."""
    if not isinstance(items, list):
        raise ResponseError("The answer is not a list of items; it may have been charged, and is kept in the ledger.")
    if not items and not credits:  # contract notes: an empty array is one form of "nobody matched"
        return Answer(matches={identifier.key: [] for identifier in asked})
    by_text = {identifier.text: identifier for identifier in asked}
    by_key = {identifier.key: identifier for identifier in asked}
    answer = Answer()
    for item in items:
        if not isinstance(item, dict):
            answer.unasked += 1
            continue
        identifier = _asked_for(item.get("matched_on"), by_text, by_key)
        if identifier is None and len(asked) == len(items) == 1 and item.get("matched_on") is None:
            identifier = asked[0]
        if identifier is None:
            answer.unasked += 1
            continue
        found: Any = item.get("matches")
        if item.get("match_type", identifier.kind) != identifier.kind or not _are_matches(found):
            continue
        earlier = answer.matches.get(identifier.key)
        if earlier is None or _best_score(found) > _best_score(earlier):
            answer.matches[identifier.key] = found
    answer.missing = [identifier for identifier in asked if identifier.key not in answer.matches]
    return answer


def decode(body: bytes) -> Any:
    """Return the JSON value in `body`.

    Raises
    ------
    ResponseError
        It is none; it may have been charged.
    """
    try:
        return read_json(body.removeprefix(b"\xef\xbb\xbf"))
    except ValueError as error:
        raise ResponseError(
            f"The answer is not JSON ({error}); it may have been charged, and is kept in the ledger."
        ) from None


def read_json(body: bytes) -> Any:
    """Read strict JSON in strict UTF-8; half of a surrogate pair in one text does not cost the other answers.

    Raises
    ------
    ValueError
        It is not JSON.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if b"\\u" not in body:
            raise
        try:
            return json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
        except RecursionError:
            raise error from None


def write_json(value: Any) -> bytes:
    """Write compact JSON that :func:`read_json` reads back."""
    try:
        return orjson.dumps(value)
    except TypeError:  # half of a surrogate pair: as an escape it is plain ASCII
        return json.dumps(value, separators=(",", ":")).encode()


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _asked_for(
    matched_on: object, by_text: Mapping[str, Identifier], by_key: Mapping[str, Identifier]
) -> Identifier | None:
    if not isinstance(matched_on, str):
        return None
    if matched_on in by_text:
        return by_text[matched_on]
    read = read_identifiers([matched_on], free_mail=True).unique
    return by_key.get(read[0].key) if read else None


def _are_matches(found: object) -> bool:
    return isinstance(found, list) and all(
        isinstance(match, dict) and isinstance(match.get("person_data"), dict) for match in found
    )


def _best_score(found: Sequence[Mapping[str, Any]]) -> float:
    return max((_score(match.get("confidence_score")) or 0.0 for match in found), default=-1.0)


def _score(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value <= 1 else None  # type: ignore[arg-type, operator]


def read_matches(
    found: Sequence[list[Any]], kind: str, min_similarity_score: float | None
) -> tuple[tuple[Match, ...], int]:
    """Read the matches of one identifier, best first.

    Parameters
    ----------
    found : sequence of list
        ``matches`` of every purchase that is needed together, the newest first; sections missing in the first are
        taken from the others, of the same person: by id, by profile URL, or as the only one behind one profile URL.
    kind : str
        Only e-mail candidates are held against the threshold.
    min_similarity_score : float or None
        Candidates below it, or without a score, are left out.

    Returns
    -------
    (tuple of Match, int)
        The candidates, and how many were left out.
    """
    candidates = found[0]
    for older in found[1:]:
        is_one = kind == PROFILE_URL and len(candidates) == len(older) == 1
        candidates = [_completed(candidate, older, is_one=is_one) for candidate in candidates]
    matches = [Match(_score(match.get("confidence_score")), match["person_data"]) for match in candidates]
    kept = matches
    if kind == BUSINESS_EMAIL and min_similarity_score is not None:
        kept = [match for match in matches if (match.confidence_score or 0.0) >= min_similarity_score]
    kept.sort(key=lambda match: -(match.confidence_score or 0.0))
    return tuple(kept), len(matches) - len(kept)


def _completed(candidate: dict[str, Any], older: list[Any], *, is_one: bool) -> dict[str, Any]:
    person = candidate["person_data"]
    others = [match["person_data"] for match in older]
    twin: Mapping[str, Any] = next((other for other in others if _are_one(person, other, is_one=is_one)), {})
    return {**candidate, "person_data": _union(twin, person)}


def _are_one(person: Mapping[str, Any], other: Mapping[str, Any], *, is_one: bool) -> bool:
    """Whether two answers are about one person; the place in a list says nothing."""
    ids = _person_id(person), _person_id(other)
    if None not in ids:
        return bool(ids[0] == ids[1])
    own, theirs = ({i.key for i in read_identifiers(own_texts(one)).unique} for one in (person, other))
    return bool(own & theirs) if own and theirs else is_one


def _person_id(person: Mapping[str, Any]) -> Any:
    return person.get("crustdata_person_id", person.get("person_id"))


def own_texts(person: Mapping[str, Any]) -> list[object]:
    """Return the profile URLs of an answer, of either surface; an address may be shared by several people."""
    own: Any = person
    for key in ("social_handles", "professional_network_identifier", "profile_url"):
        own = own.get(key) if isinstance(own, dict) else None
    return [own, person.get("linkedin_profile_url"), person.get("linkedin_flagship_url")]


def _union(older: Mapping[str, Any], newer: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**older, **newer}
    if isinstance(older.get("contact"), dict) and isinstance(newer.get("contact"), dict):
        merged["contact"] = {**older["contact"], **newer["contact"]}
    for jobs in ("current_employers", "past_employers"):  # trimmed in a legacy answer about e-mails alone
        if jobs in older and jobs in newer:
            merged[jobs] = _union_of_jobs(older[jobs], newer[jobs])
    return merged


def _union_of_jobs(older: Any, newer: Any) -> Any:
    def employers(jobs: Any) -> list[Any]:
        return [job.get("employer_name") for job in jobs if isinstance(job, dict)] if isinstance(jobs, list) else []

    if not employers(newer) or employers(older) != employers(newer):
        return newer
    return [{**before, **after} for before, after in zip(older, newer, strict=True)]
