"""People who were paid for: who is known for which groups, and what was said about them."""

from __future__ import annotations

import hashlib
import hmac
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from crustframe import contract
from crustframe.fields import PREVIEW
from crustframe.ledger.packing import unpack
from crustframe.ledger.store import salt_of
from crustframe.people.identifiers import Identifier, read_identifiers
from crustframe.people.records import Record, own_texts, read_matches

Outcome = Literal["matched", "no_match", "refused", "suppressed", "queued", "redacted"]
FLAGS: Final = frozenset({"force_fetch", "enrich_realtime"})
_OUTCOMES: Final = frozenset({"matched", "no_match", "refused", "queued", "redacted"})
_REFUSED: Final[Mapping[str, str]] = {"refused": "refused_by_server", "suppressed": "suppressed"}
_DAY_S: Final = 86400.0
CHUNK: Final = 500  # SQLite takes at least 999 parameters in a statement


class Need(NamedTuple):
    """What a look-up in the ledger must satisfy.

    Attributes
    ----------
    groups : frozenset of str
        Groups of the API and refresh flags that the answer must hold.
    max_age_s, no_match_age_s : float or None
        How old a person, and how old a "nobody there", may be; None is no limit.
    min_similarity_score : float or None
        The threshold of this run, for e-mails.
    since : float or None
        Whatever was answered from this moment on is fresh: what a run itself bought.
    """

    groups: frozenset[str]
    max_age_s: float | None
    no_match_age_s: float | None
    min_similarity_score: float | None = None
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """One person that the ledger can answer for: the rows to read, the newest first, and whose they may be."""

    outcome: Outcome
    rows: tuple[int, ...]
    names: frozenset[str] = frozenset()


class _Row(NamedTuple):
    person_row: int
    coverage: frozenset[str]
    outcome: Outcome
    min_similarity: float | None
    answered_at: float


def coverage_id(connection: sqlite3.Connection, groups: frozenset[str]) -> int:
    """Return the number of a set of groups, making one if it is new."""
    text = json.dumps(sorted(groups))
    connection.execute("INSERT OR IGNORE INTO coverages (groups) VALUES (?)", (text,))
    row = connection.execute("SELECT coverage_id FROM coverages WHERE groups = ?", (text,)).fetchone()
    return int(row[0])


def find_known(
    connection: sqlite3.Connection, scope_id: int, keys: Sequence[str], need: Need, now: float, salt: bytes
) -> dict[str, Known]:
    """Return those of `keys` whose stored answers satisfy `need`; reads no answer."""
    coverages = {
        number: frozenset(json.loads(groups))
        for number, groups in connection.execute("SELECT coverage_id, groups FROM coverages")
    }
    found = _rows_of(connection, scope_id, keys, coverages)
    known = {key: answer for key, rows in found.items() if (answer := _satisfying(rows, need, now)) is not None}
    if need.min_similarity_score is None:
        lacking = [key for key in keys if key not in known]
        known |= _known_by_other_names(connection, scope_id, lacking, found, coverages, need, now)
    return known | suppressed(connection, keys, salt)


def _known_by_other_names(
    connection: sqlite3.Connection,
    scope_id: int,
    keys: Sequence[str],
    found: Mapping[str, list[_Row]],
    coverages: Mapping[int, frozenset[str]],
    need: Need,
    now: float,
) -> dict[str, Known]:
    """Return those of `keys` who are known together with what was bought under their other names."""
    others = other_names(connection, scope_id, keys)
    if not others:
        return {}
    theirs = _rows_of(connection, scope_id, list({name for names in others.values() for name in names}), coverages)
    known: dict[str, Known] = {}
    for key, names in others.items():
        rows = [row._replace(min_similarity=None) for name in names for row in theirs.get(name, ())]
        rows = [row for row in rows if row.outcome == "matched"]
        rows = sorted([*found.get(key, ()), *rows], key=lambda row: -row.answered_at)
        answer = _satisfying(rows, need, now)
        if answer is not None and answer.outcome == "matched":
            known[key] = Known(answer.outcome, answer.rows, frozenset(names))
    return known


def other_names(connection: sqlite3.Connection, scope_id: int, keys: Sequence[str]) -> dict[str, list[str]]:
    """Return, by key, under which other identifiers the same person is known."""
    found: dict[str, list[str]] = {}
    for start in range(0, len(keys), CHUNK // 2):
        chunk = keys[start : start + CHUNK // 2]
        marks = ",".join("?" * len(chunk))
        for key, other in connection.execute(
            f"SELECT key, other FROM names WHERE scope_id = ? AND key IN ({marks}) "  # noqa: S608
            f"UNION SELECT other, key FROM names WHERE scope_id = ? AND other IN ({marks})",
            (scope_id, *chunk, scope_id, *chunk),
        ):
            found.setdefault(key, []).append(other)
    return found


def _rows_of(
    connection: sqlite3.Connection, scope_id: int, keys: Sequence[str], coverages: Mapping[int, frozenset[str]]
) -> dict[str, list[_Row]]:
    """Return the rows about each of `keys`, the newest first."""
    found: dict[str, list[_Row]] = {}
    for start in range(0, len(keys), CHUNK):
        chunk = keys[start : start + CHUNK]
        marks = ",".join("?" * len(chunk))
        rows = connection.execute(
            "SELECT key, person_row, coverage_id, outcome, min_similarity, answered_at FROM people "  # noqa: S608
            f"WHERE scope_id = ? AND key IN ({marks}) AND superseded_at IS NULL ORDER BY answered_at DESC",
            (scope_id, *chunk),
        )
        for key, number, coverage, outcome, threshold, answered_at in rows:
            if outcome not in _OUTCOMES:
                raise sqlite3.DatabaseError("an answer has no outcome that is known")
            threshold = None if key.startswith("https://") else threshold  # the server holds e-mails alone against it
            found.setdefault(key, []).append(_Row(number, coverages[coverage], outcome, threshold, answered_at))
    return found


def suppressed(connection: sqlite3.Connection, keys: Sequence[str], salt: bytes) -> dict[str, Known]:
    """Return those of `keys` that are never to be bought again; of them only a salted digest is kept."""
    digests = {digest for (digest,) in connection.execute("SELECT digest FROM suppressed")}
    return {key: Known("suppressed", ()) for key in keys if digests and digest_of(key, salt) in digests}


def forgotten_in(connection: sqlite3.Connection, purchase_id: int, keys: Iterable[str], salt: bytes) -> dict[str, str]:
    """Return, by key, digests of those of `keys` who were forgotten while a job that holds them ran."""
    rows = connection.execute("SELECT digest FROM forgotten WHERE purchase_id = ?", (purchase_id,))
    digests = {digest for (digest,) in rows}
    return {key: digest for key in keys if digests and (digest := digest_of(key, salt)) in digests}


def digest_of(key: str, salt: bytes) -> str:
    """Return what is kept of somebody who must not be kept."""
    return hmac.new(salt, key.encode(), hashlib.sha256).hexdigest()


def _satisfying(rows: Sequence[_Row], need: Need, now: float) -> Known | None:
    asked = need.min_similarity_score
    nobody = [r for r in rows if r.outcome == "no_match" and _as_strict(r.min_similarity, asked)]
    gone = max((row.person_row for row in nobody if row.coverage & need.groups), default=0)
    matched = [
        r
        for r in rows
        if r.outcome == "matched"
        and r.person_row > gone  # the newest knowledge counts
        and _is_fresh(r.answered_at, need.max_age_s, now, need.since)
        and _as_strict(r.min_similarity, asked)
    ]
    chosen: list[_Row] = []
    missing = set(need.groups)
    for row in matched:
        if covers(row.coverage, missing):
            return Known("matched", (row.person_row,))
    for row in matched:
        if missing & row.coverage and need.groups & FLAGS <= row.coverage:
            chosen.append(row)
            missing -= row.coverage
    if chosen and not missing:
        return Known("matched", tuple(row.person_row for row in chosen))
    for row in rows:
        if (
            row.outcome != "matched"
            and _is_fresh(row.answered_at, _life_s(row.outcome, need), now, need.since)
            and _asked_alike(row, need.groups & FLAGS)
            and _as_strict(row.min_similarity, asked)
        ):
            return Known(row.outcome, (row.person_row,))
    return None


def _asked_alike(row: _Row, flags: frozenset[str]) -> bool:
    """A fresh look that finds nobody answers for a stored one, but a refused fresh look is no refused stored one."""
    return row.coverage & FLAGS == flags if row.outcome == "refused" else flags <= row.coverage


def _life_s(outcome: Outcome, need: Need) -> float | None:
    """Return how long an outcome without a person is believed; the queue of the legacy surface is worked off sooner."""
    if outcome == "queued":
        return min(contract.SCREENER_QUEUE_S, need.no_match_age_s or contract.SCREENER_QUEUE_S)
    return None if outcome == "redacted" else need.no_match_age_s


def covers(coverage: frozenset[str], needed: Iterable[str]) -> bool:
    """Whether stored groups answer for needed ones; a free preview is answered by any basic profile."""
    return all(group in coverage or (group == PREVIEW and "basic_profile" in coverage) for group in needed)


def _as_strict(stored: float | None, asked: float | None) -> bool:
    """Nobody above 0.9 says nothing about somebody above 0.5."""
    return stored is None or (asked is not None and asked >= stored)


def _is_fresh(answered_at: float, age_s: float | None, now: float, since: float | None) -> bool:
    if since is not None and answered_at >= since:
        return True
    ahead_s = answered_at - now  # a clock that was wrong, then or now
    if age_s is None or ahead_s <= 0:
        return age_s is None or -ahead_s <= age_s
    return 0 < age_s and ahead_s <= _DAY_S


def bought_by(connection: sqlite3.Connection, scope_id: int, purchase_id: int, keys: Sequence[str]) -> set[str]:
    """Return those of `keys` for whom a purchase brought an answer."""
    found: set[str] = set()
    for start in range(0, len(keys), CHUNK):
        chunk = keys[start : start + CHUNK]
        marks = ",".join("?" * len(chunk))
        rows = connection.execute(
            f"SELECT DISTINCT key FROM people WHERE scope_id = ? AND key IN ({marks}) AND purchase_id = ?",  # noqa: S608
            (scope_id, *chunk, purchase_id),
        )
        found.update(key for (key,) in rows)
    return found


def recall(
    connection: sqlite3.Connection, asked: Iterable[Identifier], known: Mapping[str, Known], need: Need
) -> Iterator[Record]:
    """Yield the record of every asked person that is known."""
    wanted = [identifier for identifier in asked if identifier.key in known]
    for start in range(0, len(wanted), CHUNK // 2):
        chunk = wanted[start : start + CHUNK // 2]
        numbers = [row for identifier in chunk for row in known[identifier.key].rows]
        marks = ",".join("?" * len(numbers))
        rows = {
            number: (key, entry, answered_at, request_id)
            for number, key, entry, answered_at, request_id in connection.execute(
                "SELECT person_row, people.key, entry, answered_at, coalesce(batch_id, request_id) FROM people "  # noqa: S608
                "LEFT JOIN purchases USING (purchase_id) LEFT JOIN jobs USING (purchase_id) "
                f"WHERE person_row IN ({marks})",
                numbers,
            )
        }
        for identifier in chunk:
            answer = known[identifier.key]
            names = answer.names | {identifier.key}
            if any(number not in rows or rows[number][0] not in names for number in answer.rows):
                raise sqlite3.DatabaseError("an answer is filed under somebody else")
            _, _, answered_at, request_id = rows[answer.rows[0]] if answer.rows else (None, None, None, None)
            found = [unpack(rows[number][1]) for number in answer.rows if rows[number][1] is not None]
            yield make_record(identifier, answer.outcome, found, need, "ledger", answered_at, request_id)


def make_record(
    identifier: Identifier,
    outcome: Outcome,
    found: Sequence[list[Any]],
    need: Need,
    source: Literal["api", "job", "ledger"],
    answered_at: float | None,
    request_id: str | None,
) -> Record:
    """Return the record that kept matches stand for, held against this run's threshold."""
    if outcome == "queued":
        return Record(identifier.key, "failed", (), source, answered_at, request_id, "queued")
    if outcome == "redacted":
        return Record(identifier.key, "no_match", (), source, answered_at, request_id, "redacted")
    if outcome in _REFUSED:
        return Record(identifier.key, "invalid", (), source, answered_at, request_id, _REFUSED[outcome])
    matches, below = read_matches(found, identifier.kind, need.min_similarity_score) if found else ((), 0)
    status: Literal["matched", "no_match"] = "matched" if matches else "no_match"
    reason = "below_threshold" if below and not matches else None
    return Record(identifier.key, status, matches, source, answered_at, request_id, reason)


def save(
    connection: sqlite3.Connection,
    scope_id: int,
    purchase_id: int,
    coverage: int,
    min_similarity: float | None,
    answered_at: float,
    outcomes: Iterable[tuple[str, Outcome, bytes | None]],
) -> None:
    """Write down what was bought; an older answer of the same or fewer groups is kept as history."""
    groups = {
        number: frozenset(json.loads(text))
        for number, text in connection.execute("SELECT coverage_id, groups FROM coverages")
    }
    outcomes = list(outcomes)
    never = suppressed(connection, [key for key, _, _ in outcomes], salt_of(connection))
    outcomes = [outcome for outcome in outcomes if outcome[0] not in never]
    _save_names(connection, scope_id, outcomes)
    smaller = [number for number, held in groups.items() if held <= groups[coverage]]
    of_nobody = "" if coverage in _coverages_of_contacts(connection) else "OR outcome <> 'matched'"
    marks = ",".join("?" * len(smaller))
    for key, outcome, entry in outcomes:
        superseded = smaller if outcome == "matched" else []
        if superseded:
            connection.execute(
                "UPDATE people SET superseded_at = ? WHERE scope_id = ? AND key = ? AND superseded_at IS NULL "  # noqa: S608
                f"AND (coverage_id IN ({marks}) {of_nobody})",
                (answered_at, scope_id, key, *superseded),
            )
        else:
            connection.execute(
                "DELETE FROM people WHERE scope_id = ? AND key = ? AND outcome <> 'matched' AND superseded_at IS NULL",
                (scope_id, key),
            )
        connection.execute(
            "INSERT INTO people (scope_id, key, coverage_id, outcome, min_similarity, answered_at, purchase_id, entry) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (scope_id, key, coverage, outcome, min_similarity, answered_at, purchase_id, entry),
        )


def _save_names(
    connection: sqlite3.Connection, scope_id: int, outcomes: Iterable[tuple[str, Outcome, bytes | None]]
) -> None:
    """Write down under which profile URL the only one behind an address is known."""
    for key, outcome, entry in outcomes:
        if outcome != "matched" or entry is None or "@" not in key:
            continue
        matches = unpack(entry)
        if len(matches) == 1:
            connection.executemany(
                "INSERT OR IGNORE INTO names VALUES (?, ?, ?)",
                [(scope_id, key, i.key) for i in read_identifiers(own_texts(matches[0]["person_data"])).unique],
            )


def history(
    connection: sqlite3.Connection, scope_id: int, key: str
) -> list[tuple[float, frozenset[str], dict[str, Any]]]:
    """Return every answer about one person, old ones too, the newest first."""
    rows = connection.execute(
        "SELECT answered_at, groups, entry FROM people JOIN coverages USING (coverage_id) "
        "WHERE scope_id = ? AND key = ? AND outcome = 'matched' ORDER BY answered_at DESC, person_row DESC",
        (scope_id, key),
    )
    return [(at, frozenset(json.loads(groups)), unpack(entry)[0]["person_data"]) for at, groups, entry in rows]


def _coverages_of_contacts(connection: sqlite3.Connection) -> list[int]:
    """Return the coverages that hold contacts alone, or say that there are none: they tell nobody found from nobody."""
    rows = connection.execute("SELECT coverage_id, groups FROM coverages")
    return [
        number
        for number, text in rows
        if all(group.startswith(("contact.", "none:")) or group == "verified" for group in json.loads(text))
    ]


def match_rate(connection: sqlite3.Connection, scope_id: int) -> float | None:
    """Return the share of people of this account that were found, once there are enough to tell."""
    contacts = _coverages_of_contacts(connection)
    found, total = connection.execute(
        "SELECT coalesce(sum(outcome = 'matched'), 0), count(*) FROM "  # noqa: S608
        "(SELECT outcome FROM people WHERE +scope_id = ? AND superseded_at IS NULL "  # +: by row, not by person
        f"AND coverage_id NOT IN ({','.join('?' * len(contacts))}) "
        "AND person_row > (SELECT max(person_row) FROM people) - 10000 ORDER BY person_row DESC LIMIT 1000)",
        (scope_id, *contacts),
    ).fetchone()
    return found / total if total >= contract.MAX_IDENTIFIERS else None
