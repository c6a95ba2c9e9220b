"""Book-keeping for people: look, count, hand out, forget, purge, check."""

from __future__ import annotations

import json
import sqlite3
import time
import zlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import unquote

from crustframe.ledger.people import digest_of, pack, unpack
from crustframe.people.identifiers import read_identifiers
from crustframe.people.records import read_json, write_json

_BATCH: Final = 500


def iso(seconds: float | None) -> str | None:
    """Return a time as ISO 8601 UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def stats(connection: sqlite3.Connection, now: float) -> dict[str, Any]:
    """Return what the ledger holds and what it cost, account by account."""
    accounts = []
    for scope_id, origin, fingerprint in connection.execute(
        "SELECT scope_id, origin, key_fingerprint FROM scopes ORDER BY scope_id"
    ).fetchall():
        people = dict(
            connection.execute(
                "SELECT outcome, count(DISTINCT key) FROM people WHERE scope_id = ? AND superseded_at IS NULL "
                "GROUP BY outcome",
                (scope_id,),
            ).fetchall()
        )
        totals = connection.execute(
            "SELECT count(*), coalesce(sum(attempts), 0), coalesce(sum(credits), 0), "
            "coalesce(sum(CASE WHEN state IN ('in_doubt', 'resent') AND credits IS NULL THEN worst_credits END), 0), "
            "coalesce(sum(CASE WHEN opened_at >= ? THEN credits END), 0) FROM purchases WHERE scope_id = ?",
            (now - now % 86400.0, scope_id),
        ).fetchone()
        in_doubt = connection.execute(
            "SELECT count(*) FROM purchase_people JOIN purchases USING (purchase_id) "
            "WHERE scope_id = ? AND state = 'in_doubt'",
            (scope_id,),
        ).fetchone()[0]
        accounts.append(
            {
                "origin": origin,
                "account": fingerprint[:8],
                "people": {outcome: people.get(outcome, 0) for outcome in ("matched", "no_match", "refused")},
                "purchases": totals[0],
                "requests": totals[1],
                "credits": totals[2],
                "credits_at_risk": totals[3],
                "credits_today": totals[4],
                "people_in_doubt": in_doubt,
            }
        )
    first, last = connection.execute("SELECT min(answered_at), max(answered_at) FROM people").fetchone()
    suppressed = connection.execute("SELECT count(*) FROM suppressed").fetchone()[0]
    return {"accounts": accounts, "oldest": iso(first), "newest": iso(last), "suppressed": suppressed}


def purchases(connection: sqlite3.Connection, limit: int) -> list[dict[str, Any]]:
    """Return the latest purchases, the newest first."""
    names = ("purchase", "opened_at", "endpoint", "state", "identifiers", "matched", "attempts", "credits",
             "worst_credits", "request_id", "error")  # fmt: skip
    rows = connection.execute(
        "SELECT purchase_id, opened_at, endpoint, state, identifiers, matched, attempts, credits, worst_credits, "
        "request_id, error FROM purchases ORDER BY purchase_id DESC LIMIT ?",
        (limit,),
    )
    return [dict(zip(names, (row[0], iso(row[1]), *row[2:]), strict=True)) for row in rows]


def entries(connection: sqlite3.Connection, keys: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """Yield what is kept about everybody, or about these keys, old answers too."""
    where = f"WHERE key IN ({','.join('?' * len(keys))})" if keys is not None else ""
    rows = connection.execute(
        "SELECT key, outcome, groups, answered_at, superseded_at, request_id, origin, entry FROM people "  # noqa: S608
        "JOIN coverages USING (coverage_id) JOIN scopes ON scopes.scope_id = people.scope_id "
        f"LEFT JOIN purchases USING (purchase_id) {where} ORDER BY person_row",
        keys or (),
    )
    for key, outcome, groups, answered_at, superseded_at, request_id, origin, entry in rows:
        yield {
            "identifier": key,
            "outcome": outcome,
            "groups": json.loads(groups),
            "answered_at": iso(answered_at),
            "superseded_at": iso(superseded_at),
            "request_id": request_id,
            "origin": origin,
            "matches": [] if entry is None else unpack(entry),
        }


def forget(connection: sqlite3.Connection, texts: Sequence[str], *, suppress: bool, salt: bytes) -> dict[str, int]:
    """Take people out of every table, by profile URL, e-mail or ``crustdata_person_id``.

    Everybody whose answer carries one of these identifiers is meant, under whichever identifier they were bought;
    a forgotten candidate among others is taken out of the list.
    """
    keys, person_ids = _meant(texts)
    needles = _needles(keys, person_ids)
    gone: set[str] = set(keys)
    rows = candidates = 0
    last = 0
    while batch := connection.execute(
        "SELECT person_row, key, entry FROM people WHERE person_row > ? ORDER BY person_row LIMIT ?", (last, _BATCH)
    ).fetchall():
        last = batch[-1][0]
        for number, key, entry in batch:
            plain = b"" if entry is None else zlib.decompress(entry)
            is_theirs = _names(key, keys)
            if not is_theirs and not any(needle in plain for needle in needles):
                continue
            matches = read_json(plain) if plain else []
            kept = [match for match in matches if not _is_meant(match["person_data"], keys, person_ids)]
            if is_theirs or not kept or len(kept) == len(matches):
                connection.execute("DELETE FROM people WHERE person_row = ?", (number,))
                gone.add(key)
                rows += 1
            else:
                connection.execute("UPDATE people SET entry = ? WHERE person_row = ?", (pack(kept), number))
                candidates += 1
    requests = _forget_in_purchases(connection, gone, needles)
    if suppress:
        connection.executemany(
            "INSERT OR IGNORE INTO suppressed VALUES (?)", [(digest_of(key, salt),) for key in sorted(gone)]
        )
    return {"answers": rows, "candidates": candidates, "requests": requests, "suppressed": len(gone) if suppress else 0}


def _meant(texts: Sequence[str]) -> tuple[set[str], set[int]]:
    person_ids = {int(text) for text in texts if text.strip().isdigit()}
    read = read_identifiers([text for text in texts if not text.strip().isdigit()])
    return {identifier.key for identifier in read.unique}, person_ids


def _names(key: str, keys: set[str]) -> bool:
    """Whether a key is one of `keys`, were it read today: what is part of a name was more once."""
    return key in keys or (
        ("%" in key or not key.isascii()) and any(i.key in keys for i in read_identifiers([key]).unique)
    )


def _needles(keys: set[str], person_ids: set[int]) -> list[bytes]:
    """Return bytes that an answer about one of them must hold: a quick look before a thorough one."""
    slugs = [key.rpartition("/")[2] for key in keys]
    texts = {*slugs, *(unquote(slug) for slug in slugs), *keys, *map(str, person_ids)}
    return [variant for text in texts for variant in {text.encode(), write_json(text)[1:-1]}]


def _is_meant(person: dict[str, Any], keys: set[str], person_ids: set[int]) -> bool:
    if {person.get("crustdata_person_id"), person.get("person_id")} & person_ids:
        return True
    texts: list[object] = _legacy_texts(person)
    handles = person.get("social_handles")
    if isinstance(handles, dict) and isinstance(handles.get("professional_network_identifier"), dict):
        texts.append(handles["professional_network_identifier"].get("profile_url"))
    contact = person.get("contact")
    if isinstance(contact, dict):
        for name in ("business_emails", "personal_emails"):
            listed = contact.get(name)
            texts += (
                [item.get("email") for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
            )
    return any(identifier.key in keys for identifier in read_identifiers(texts).unique)


def _legacy_texts(person: dict[str, Any]) -> list[object]:
    """Return what may name the person in an answer of the legacy surface."""
    texts: list[object] = [person.get(name) for name in ("linkedin_profile_url", "linkedin_flagship_url", "email")]
    private = person.get("personal_contact_info")
    for listed in (person.get("business_email"), private.get("personal_emails") if isinstance(private, dict) else None):
        texts += listed if isinstance(listed, list) else [listed]
    return texts


def _forget_in_purchases(connection: sqlite3.Connection, gone: set[str], needles: Sequence[bytes]) -> int:
    touched = 0
    for number, body, error in connection.execute(
        "SELECT purchase_id, body, error FROM purchases WHERE body IS NOT NULL OR error IS NOT NULL"
    ).fetchall():
        said = (b"" if body is None else zlib.decompress(body)) + (error or "").encode()
        if any(needle in said for needle in needles):
            connection.execute("UPDATE purchases SET body = NULL, error = 'forgotten' WHERE purchase_id = ?", (number,))
            touched += 1
    connection.executemany("DELETE FROM purchase_people WHERE key = ?", [(key,) for key in gone])
    return touched


def purge(connection: sqlite3.Connection, before: float) -> dict[str, int]:
    """Take out every answer, and every settled request's remains, from before a time."""
    answers = connection.execute("DELETE FROM people WHERE answered_at < ?", (before,)).rowcount
    requests = connection.execute(
        "UPDATE purchases SET body = NULL, error = NULL WHERE opened_at < ? AND state IN ('done', 'refused', 'resent') "
        "AND (body IS NOT NULL OR error IS NOT NULL)",
        (before,),
    ).rowcount
    return {"answers": answers, "requests": requests}


def verify(connection: sqlite3.Connection) -> dict[str, Any]:
    """Check every page of the file and every answer in it."""
    started = time.monotonic()
    pages = [row[0] for row in connection.execute("PRAGMA integrity_check(20)")]
    unreadable = []
    answers = 0
    for number, key, entry in connection.execute("SELECT person_row, key, entry FROM people"):
        answers += 1
        try:
            if entry is not None:
                unpack(entry)
        except (zlib.error, ValueError):
            unreadable.append({"row": number, "identifier": key})
    return {
        "ok": pages == ["ok"] and not unreadable,
        "pages": pages,
        "answers": answers,
        "unreadable": unreadable,
        "seconds": round(time.monotonic() - started, 3),
    }
