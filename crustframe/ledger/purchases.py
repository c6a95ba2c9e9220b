"""Purchases: written down before they leave, settled with the answer, in doubt when there was none.

States: ``waiting`` (claimed, not sent, or surely not charged), ``sent`` (on its way), ``answered`` (paid bytes
saved, not read yet), ``running`` (a job that the server took),
``done``, ``refused``, ``in_doubt``, ``resent`` (a doubt that was bought again).
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from crustframe.contract import IdentifierKind
from crustframe.ledger import budget
from crustframe.ledger.people import CHUNK, Known, Need, coverage_id, find_known
from crustframe.people.identifiers import Identifier


class Purchase(NamedTuple):
    """One request of up to 25 identifiers of one kind, as the ledger knows it.

    Attributes
    ----------
    purchase_id : int
    identifiers : tuple of Identifier
    groups : frozenset of str
        What is asked for: groups of the API and refresh flags.
    worst_credits : float
        What it costs if everybody is found.
    min_similarity_score : float or None
        The threshold that the server held candidates against.
    """

    purchase_id: int
    identifiers: tuple[Identifier, ...]
    groups: frozenset[str]
    worst_credits: float
    min_similarity_score: float | None = None


class Doubt(NamedTuple):
    """An identifier whose charge is unknown: its request left and no complete answer came back.

    `owner` is whose request it is, as long as it has not ended: nobody waits for it, and it may still be answered;
    `groups` is what it asked.
    """

    purchase_id: int
    identifier: Identifier
    credits_at_risk: float
    sent_at: float | None
    told: bool
    owner: str | None = None
    groups: frozenset[str] = frozenset()


@dataclass(slots=True)
class Claim:
    """What became of the identifiers that a buyer wanted to claim.

    Attributes
    ----------
    purchase : Purchase or None
        What is now this buyer's to send.
    known : dict of str to Known
        Bought by somebody meanwhile.
    busy : list of Identifier
        Being bought by another buyer right now.
    doubtful : list of Doubt
        In doubt, and not to be bought again unasked.
    resent : list of Doubt
        In doubt, and part of the purchase all the same.
    examined : int
        How many of the offered identifiers were looked at.
    hit_daily_ceiling : bool
        Nobody more fits under what may be spent today.
    """

    purchase: Purchase | None = None
    known: dict[str, Known] = field(default_factory=dict)
    busy: list[Identifier] = field(default_factory=list)
    doubtful: list[Doubt] = field(default_factory=list)
    resent: list[Doubt] = field(default_factory=list)
    examined: int = 0
    hit_daily_ceiling: bool = False


class Request(NamedTuple):
    """What all purchases of a run have in common."""

    scope_id: int
    run_id: str
    owner: str
    endpoint: str
    groups: frozenset[str]
    price: float
    min_similarity_score: float | None


def claim(
    connection: sqlite3.Connection,
    request: Request,
    offered: Sequence[Identifier],
    need: Need,
    size: int,
    now: float,
    may_resend: Callable[[Doubt], bool],
    salt: bytes,
) -> Claim:
    """Take up to `size` of the offered identifiers, unless they are known, in doubt, or somebody else's already."""
    keys = [identifier.key for identifier in offered]
    found = Claim(known=find_known(connection, request.scope_id, keys, need, now, salt))
    left = budget.left_today(connection, request.scope_id, now)
    if left is not None and request.price:
        size = min(size, int((left + 1e-9) // request.price))
    found.hit_daily_ceiling = size < 1
    open_keys = _open_people(connection, request.scope_id, keys)
    taken: list[Identifier] = []
    for identifier in offered:
        if len(taken) >= size:
            break
        found.examined += 1
        if identifier.key in found.known:
            continue
        entries = open_keys.get(identifier.key, [])
        if any(state != "in_doubt" and groups & need.groups for state, groups, _ in entries):
            found.busy.append(identifier)
            continue
        asked = need.groups | request.groups
        doubts = [doubt for state, groups, doubt in entries if state == "in_doubt" and groups & asked]
        if doubts and not all(may_resend(doubt) for doubt in doubts):
            found.doubtful += doubts
            continue
        found.resent += doubts
        taken.append(identifier)
    examined = set(keys[: found.examined])
    found.known = {key: known for key, known in found.known.items() if key in examined}
    if taken:
        found.purchase = _insert(connection, request, taken, now)
    return found


def _open_people(
    connection: sqlite3.Connection, scope_id: int, keys: Sequence[str]
) -> dict[str, list[tuple[str, frozenset[str], Doubt]]]:
    """Return, by key, the state, the groups and the risk of each purchase without an end."""
    found: dict[str, list[tuple[str, frozenset[str], Doubt]]] = {}
    for start in range(0, len(keys), CHUNK):
        chunk = keys[start : start + CHUNK]
        rows = connection.execute(
            "SELECT key, kind, text, purchase_id, state, worst_credits / identifiers, sent_at, told, groups, "  # noqa: S608
            "CASE WHEN closed_at IS NULL THEN owner END "
            "FROM purchase_people JOIN purchases USING (purchase_id) JOIN coverages USING (coverage_id) "
            f"WHERE key IN ({','.join('?' * len(chunk))}) "
            "AND scope_id = ? AND state IN ('waiting', 'sent', 'answered', 'running', 'in_doubt')",
            (*chunk, scope_id),
        )
        for key, kind, text, purchase_id, state, risk, sent_at, told, groups, owner in rows:
            doubt = Doubt(purchase_id, Identifier(kind, key, text), risk, sent_at, bool(told), owner)
            found.setdefault(key, []).append((state, frozenset(json.loads(groups)), doubt))
    return found


def _insert(connection: sqlite3.Connection, request: Request, taken: list[Identifier], now: float) -> Purchase:
    worst = request.price * len(taken)
    coverage = coverage_id(connection, request.groups)
    cursor = connection.execute(
        "INSERT INTO purchases (scope_id, run_id, owner, endpoint, coverage_id, min_similarity, state, opened_at, "
        "identifiers, worst_credits) VALUES (?, ?, ?, ?, ?, ?, 'waiting', ?, ?, ?)",
        (
            request.scope_id,
            request.run_id,
            request.owner,
            request.endpoint,
            coverage,
            request.min_similarity_score,
            now,
            len(taken),
            worst,
        ),
    )
    purchase_id = int(cursor.lastrowid or 0)
    connection.executemany(
        "INSERT INTO purchase_people (purchase_id, key, kind, text) VALUES (?, ?, ?, ?)",
        [(purchase_id, i.key, i.kind, i.text) for i in taken],
    )
    return Purchase(purchase_id, tuple(taken), request.groups, worst, request.min_similarity_score)


def end_doubts(connection: sqlite3.Connection, scope_id: int, keys: Sequence[str], groups: frozenset[str]) -> None:
    """End the earlier doubts about people who are answered for now, as far as they are about the same groups.

    Not before: a buyer that is killed while it buys them again must leave both doubts behind.
    """
    answered: dict[int, list[str]] = {}
    for start in range(0, len(keys), CHUNK):
        chunk = keys[start : start + CHUNK]
        rows = connection.execute(
            "SELECT purchase_id, key, groups FROM purchase_people JOIN purchases USING (purchase_id) "  # noqa: S608
            "JOIN coverages USING (coverage_id) "
            f"WHERE key IN ({','.join('?' * len(chunk))}) AND scope_id = ? AND state = 'in_doubt'",
            (*chunk, scope_id),
        )
        for purchase_id, key, held in rows:
            if not groups.intersection(json.loads(held)):
                continue  # of another surface: what it cost, and what it said, is as unknown as before
            answered.setdefault(purchase_id, []).append(key)
    for purchase_id, held in answered.items():
        drop_people(connection, purchase_id, held)
        if not some_people_of(connection, purchase_id, "", 1):
            connection.execute("UPDATE purchases SET state = 'resent' WHERE purchase_id = ?", (purchase_id,))


def drop_people(connection: sqlite3.Connection, purchase_id: int, keys: Iterable[str]) -> None:
    """Take people out of an open purchase."""
    connection.executemany(
        "DELETE FROM purchase_people WHERE purchase_id = ? AND key = ?", [(purchase_id, key) for key in keys]
    )


def drop_everybody(connection: sqlite3.Connection, purchase_id: int) -> None:
    """Take all people out of a purchase."""
    connection.execute("DELETE FROM purchase_people WHERE purchase_id = ?", (purchase_id,))


def is_known_job(connection: sqlite3.Connection, purchase_id: int) -> bool:
    """Whether a purchase is a job whose id is known."""
    return (
        connection.execute(
            "SELECT 1 FROM jobs WHERE purchase_id = ? AND batch_id IS NOT NULL", (purchase_id,)
        ).fetchone()
        is not None
    )


def people_of(connection: sqlite3.Connection, purchase_id: int) -> list[Identifier]:
    """Return the identifiers that an open purchase still holds."""
    rows = connection.execute(
        "SELECT kind, key, text FROM purchase_people WHERE purchase_id = ? ORDER BY rowid", (purchase_id,)
    )
    kinds: list[tuple[IdentifierKind, str, str]] = rows.fetchall()
    return [Identifier(*row) for row in kinds]


def some_people_of(connection: sqlite3.Connection, purchase_id: int, after: str, size: int) -> list[Identifier]:
    """Return up to `size` of the identifiers that an open purchase still holds, by key, behind the key `after`."""
    rows = connection.execute(
        "SELECT kind, key, text FROM purchase_people WHERE purchase_id = ? AND key > ? ORDER BY key LIMIT ?",
        (purchase_id, after, size),
    )
    return [Identifier(*row) for row in rows]


def held_people(connection: sqlite3.Connection, purchase_id: int, keys: Sequence[str]) -> dict[str, Identifier]:
    """Return, by key, those of `keys` whom an open purchase still holds."""
    found: dict[str, Identifier] = {}
    for start in range(0, len(keys), CHUNK):
        chunk = keys[start : start + CHUNK]
        rows = connection.execute(
            "SELECT kind, key, text FROM purchase_people "  # noqa: S608
            f"WHERE purchase_id = ? AND key IN ({','.join('?' * len(chunk))})",
            (purchase_id, *chunk),
        )
        found |= {row[1]: Identifier(*row) for row in rows}
    return found


def holding(connection: sqlite3.Connection, keys: Sequence[str]) -> set[int]:
    """Return the open purchases that hold any of `keys`."""
    found: set[int] = set()
    for start in range(0, len(keys), CHUNK):
        chunk = keys[start : start + CHUNK]
        rows = connection.execute(
            f"SELECT DISTINCT purchase_id FROM purchase_people WHERE key IN ({','.join('?' * len(chunk))})",  # noqa: S608
            chunk,
        )
        found |= {number for (number,) in rows}
    return found


def all_doubts(connection: sqlite3.Connection, scope_id: int) -> list[Doubt]:
    """Return every identifier in doubt."""
    rows = connection.execute(
        "SELECT purchase_id, kind, key, text, worst_credits / identifiers, sent_at, told, groups "
        "FROM purchase_people JOIN purchases USING (purchase_id) JOIN coverages USING (coverage_id) "
        "WHERE scope_id = ? AND state = 'in_doubt' AND state NOT IN ('done', 'refused') "
        "ORDER BY purchase_id, purchase_people.rowid",
        (scope_id,),
    )
    return [
        Doubt(n, Identifier(kind, key, text), risk, at, bool(told), None, frozenset(json.loads(groups)))
        for n, kind, key, text, risk, at, told, groups in rows
    ]


class OpenDoubt(NamedTuple):
    """One request whose charge is unknown, or whose answer is lost although it was billed (`credits`).

    `gone_by` is a time of the server at which it had surely left; `owner` is whose it is, as long as it has not ended.
    """

    purchase_id: int
    endpoint: str
    sent_at: float
    n_identifiers: int
    credits: float | None
    identifiers: tuple[Identifier, ...]
    groups: frozenset[str]
    min_similarity_score: float | None
    gone_by: float | None = None
    owner: str | None = None


def open_doubts(connection: sqlite3.Connection, scope_id: int) -> list[OpenDoubt]:
    """Return the requests in doubt. One that was answered in part is billed, so its charge is known."""
    rows = connection.execute(
        "SELECT purchase_id, endpoint, coalesce(sent_at, opened_at), identifiers, credits, worst_credits, groups, "
        "min_similarity, gone_by, CASE WHEN closed_at IS NULL THEN owner END FROM purchases "
        "JOIN coverages USING (coverage_id) WHERE scope_id = ? "
        "AND state = 'in_doubt' AND state NOT IN ('done', 'refused') ORDER BY purchase_id",
        (scope_id,),
    ).fetchall()
    found = []
    for number, endpoint, sent_at, n_identifiers, credits, worst, groups, *facts in rows:
        people = tuple(people_of(connection, number))
        share = None if credits is None else min(credits, worst / n_identifiers * len(people))
        asked = frozenset(json.loads(groups))
        found.append(OpenDoubt(number, endpoint, sent_at, n_identifiers, share, people, asked, *facts))
    return found


class LeftOpen(NamedTuple):
    """A purchase without an end, and whose it is."""

    purchase_id: int
    owner: str
    state: str


def left_open(connection: sqlite3.Connection, scope_id: int) -> list[LeftOpen]:
    """Return the purchases that are waiting, sent or answered."""
    rows = connection.execute(
        "SELECT purchase_id, owner, state FROM purchases WHERE scope_id = ? "
        "AND state IN ('waiting', 'sent', 'answered') AND state NOT IN ('done', 'refused') "
        "AND NOT (state = 'sent' AND endpoint LIKE '/batch/%')",  # a job is asked for by its list, not given up
        (scope_id,),
    )
    return [LeftOpen(*row) for row in rows.fetchall()]


def claimed(connection: sqlite3.Connection, scope_id: int, keys: Sequence[str], groups: frozenset[str]) -> set[str]:
    """Return those of `keys` of whom any of these groups is being bought."""
    rows = connection.execute(
        "SELECT key, groups FROM purchase_people JOIN purchases USING (purchase_id) JOIN coverages USING (coverage_id) "
        "WHERE scope_id = ? "
        "AND state IN ('waiting', 'sent', 'answered', 'running') AND state NOT IN ('done', 'refused')",
        (scope_id,),
    )
    asked = set(keys)
    return {key for key, held in rows if key in asked and groups.intersection(json.loads(held))}


def close(
    connection: sqlite3.Connection,
    purchase_id: int,
    state: str,
    now: float,
    *,
    error: str | None = None,
    credits: float | None = None,
    matched: int | None = None,
    told: bool = False,
) -> None:
    """End a purchase in one of its last states."""
    connection.execute(
        "UPDATE purchases SET state = ?, closed_at = ?, error = ?, credits = coalesce(credits, ?), matched = ?, "
        "told = ? WHERE purchase_id = ?",
        (state, now, error, credits, matched, told, purchase_id),
    )


def note_gone(connection: sqlite3.Connection, purchase_ids: Iterable[int], server_time: float | None) -> None:
    """Write down a time of the server at which requests had surely left, unless an earlier one is known."""
    connection.executemany(
        "UPDATE purchases SET gone_by = coalesce(gone_by, ?) WHERE purchase_id = ?",
        [(server_time, number) for number in purchase_ids],
    )


def remove(connection: sqlite3.Connection, purchase_id: int) -> None:
    """Take back a purchase that was never sent."""
    drop_everybody(connection, purchase_id)
    connection.execute("DELETE FROM purchases WHERE purchase_id = ?", (purchase_id,))


def release_unsent(connection: sqlite3.Connection, owner: str) -> None:
    """Take back everything of one buyer that surely cost nothing."""
    rows = connection.execute("SELECT purchase_id FROM purchases WHERE owner = ? AND state = 'waiting'", (owner,))
    for (purchase_id,) in rows.fetchall():
        remove(connection, purchase_id)


def adopt(connection: sqlite3.Connection, purchase_id: int, owner: str) -> None:
    """Take over a purchase whose buyer died."""
    connection.execute("UPDATE purchases SET owner = ? WHERE purchase_id = ?", (owner, purchase_id))


def unread(connection: sqlite3.Connection, owner: str) -> list[tuple[Purchase, str, bytes, float | None]]:
    """Return the answered purchases of one buyer with their endpoints, raw bodies and bills."""
    rows = connection.execute(
        "SELECT purchase_id, groups, worst_credits, min_similarity, endpoint, body, credits "
        "FROM purchases JOIN coverages USING (coverage_id) "
        "WHERE owner = ? AND state = 'answered' AND body IS NOT NULL",
        (owner,),
    ).fetchall()
    return [
        (
            Purchase(number, tuple(people_of(connection, number)), frozenset(json.loads(groups)), worst, threshold),
            endpoint,
            zlib.decompress(body),
            credits,
        )
        for number, groups, worst, threshold, endpoint, body, credits in rows
    ]
