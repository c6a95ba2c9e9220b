"""Forgetting: one person out of every table and every byte, and nobody else."""

from __future__ import annotations

import re
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

from crustframe.ledger.packing import pack, unpacked
from crustframe.ledger.people import digest_of
from crustframe.people.identifiers import Identifier, read_alone, read_identifiers
from crustframe.people.records import own_texts, read_json, write_json

_BATCH: Final = 500
_PERSON_IDS: Final = ("crustdata_person_id", "person_id")


@dataclass
class _Meant:
    """Whoever is to be forgotten: under these keys, or with these ids."""

    keys: set[str] = field(default_factory=set)
    person_ids: set[int] = field(default_factory=set)

    @classmethod
    def by(cls, texts: Sequence[str]) -> _Meant:
        """Read what the user gave, as every look-up reads it; a number is the id of a person."""
        numbers = {text.strip() for text in texts if re.fullmatch(r"\s*[0-9]+\s*", text)}
        read = read_identifiers([text for text in texts if text.strip() not in numbers], free_mail=True)
        return cls({identifier.key for identifier in read.unique}, {int(number) for number in numbers})

    def has_key(self, key: str) -> bool:
        """Whether a key is one of theirs, were it read today: what is part of a name was more once."""
        return key in self.keys or (
            ("%" in key or not key.isascii() or not key[-1:].isalnum())
            and any(i.key in self.keys for i in read_identifiers([key], free_mail=True).unique)
        )

    def is_in(self, value: Any) -> bool:
        """Whether anything in an answer is one of their identifiers, whole and in any spelling."""
        texts: list[str] = []
        for name, inner in _leaves(value):
            if isinstance(inner, str):
                texts.append(inner)
            elif name in _PERSON_IDS and inner in self.person_ids and not isinstance(inner, bool):
                return True
        found = map(read_alone, texts)  # a text that mentions them is about somebody else
        return any(isinstance(one, Identifier) and one.key in self.keys for one in found)

    def needles(self) -> list[bytes]:
        """Return bytes of which an answer about them must hold some: a quick look before a thorough one."""
        slugs = [key.rpartition("/")[2] for key in self.keys]
        texts = {*slugs, *(unquote(slug) for slug in slugs), *self.keys, *map(str, self.person_ids)}
        return [variant for text in texts for variant in {text.encode(), write_json(text)[1:-1]}]

    def learn(self, person: dict[str, Any]) -> bool:
        """Take in under which other identifiers the same person was bought; tells whether there are new ones."""
        before = len(self.keys), len(self.person_ids)
        self.keys |= {identifier.key for identifier in read_identifiers(own_texts(person), free_mail=True).unique}
        self.person_ids |= {id_ for name in _PERSON_IDS if isinstance(id_ := person.get(name), int)}
        return (len(self.keys), len(self.person_ids)) != before


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, name)
    else:
        yield name, value


def forget(connection: sqlite3.Connection, texts: Sequence[str], *, suppress: bool, salt: bytes) -> dict[str, int]:
    """Take people out of every table, by profile URL, e-mail or ``crustdata_person_id``.

    Everybody whose answer carries one of these identifiers is meant, under whichever identifier they were bought;
    a forgotten candidate among others is taken out of the list.
    """
    meant = _Meant.by(texts)
    while _learn_other_names(connection, meant):
        pass
    rows, candidates, gone = _forget_answers(connection, meant)
    gone |= meant.keys
    connection.executemany("DELETE FROM names WHERE key = ? OR other = ?", [(key, key) for key in gone])
    requests = _forget_in_purchases(connection, meant, gone, salt)
    if suppress:
        connection.executemany(
            "INSERT OR IGNORE INTO suppressed VALUES (?)", [(digest_of(key, salt),) for key in sorted(gone)]
        )
    return {"answers": rows, "candidates": candidates, "requests": requests, "suppressed": len(gone) if suppress else 0}


def _answers(connection: sqlite3.Connection) -> Iterator[tuple[int, str, bytes]]:
    last = 0
    while batch := connection.execute(
        "SELECT person_row, key, entry FROM people WHERE person_row > ? ORDER BY person_row LIMIT ?", (last, _BATCH)
    ).fetchall():
        last = batch[-1][0]
        for number, key, entry in batch:
            yield number, key, b"" if entry is None else unpacked(entry)


def _learn_other_names(connection: sqlite3.Connection, meant: _Meant) -> bool:
    """Look under which other identifiers whoever is meant was bought."""
    needles = meant.needles()
    is_new = False
    for _, key, plain in _answers(connection):
        is_theirs = meant.has_key(key)
        if not plain or not (is_theirs or any(needle in plain for needle in needles)):
            continue
        matches = read_json(plain)
        own = [m["person_data"] for m in matches if meant.is_in(m["person_data"])]
        if not own and is_theirs and len(matches) == 1:
            own = [matches[0]["person_data"]]
        for person in own:
            is_new |= meant.learn(person)
    return is_new


def _forget_answers(connection: sqlite3.Connection, meant: _Meant) -> tuple[int, int, set[str]]:
    needles = meant.needles()
    rows = candidates = 0
    gone: set[str] = set()
    for number, key, plain in _answers(connection):
        is_theirs = meant.has_key(key)
        if not is_theirs and not any(needle in plain for needle in needles):
            continue
        matches = read_json(plain) if plain else []
        kept = [match for match in matches if not meant.is_in(match["person_data"])]
        if is_theirs or (matches and not kept):
            connection.execute("DELETE FROM people WHERE person_row = ?", (number,))
            gone.add(key)
            rows += 1
        elif len(kept) < len(matches):
            connection.execute("UPDATE people SET entry = ? WHERE person_row = ?", (pack(kept), number))
            candidates += 1
    return rows, candidates, gone


def _forget_in_purchases(connection: sqlite3.Connection, meant: _Meant, gone: Iterable[str], salt: bytes) -> int:
    """Take out what is left of requests about them; a paid answer that nobody has read yet is no remains."""
    touched = 0
    needles = meant.needles()
    for number, body, error in connection.execute(
        "SELECT purchase_id, body, error FROM purchases WHERE state <> 'answered' "
        "AND (body IS NOT NULL OR error IS NOT NULL)"
    ).fetchall():
        plain = b"" if body is None else zlib.decompress(body)
        if any(needle in plain for needle in needles) and _is_about(plain, meant):
            connection.execute("UPDATE purchases SET body = NULL, error = 'forgotten' WHERE purchase_id = ?", (number,))
            touched += 1
        elif error and any(_has_word(error, word) for word in (*meant.keys, *gone)):
            connection.execute("UPDATE purchases SET error = 'forgotten' WHERE purchase_id = ?", (number,))
            touched += 1
    _forget_in_jobs(connection, gone, salt)
    connection.executemany("DELETE FROM purchase_people WHERE key = ?", [(key,) for key in gone])
    return touched


def _forget_in_jobs(connection: sqlite3.Connection, gone: Iterable[str], salt: bytes) -> None:
    """Keep a digest of whoever is in a job that still runs: its line about them is nobody else's."""
    for key in gone:
        connection.execute(
            "INSERT OR IGNORE INTO forgotten (purchase_id, digest) SELECT purchase_id, ? "
            "FROM purchase_people JOIN jobs USING (purchase_id) "
            "JOIN purchases USING (purchase_id) WHERE key = ? AND state IN ('sent', 'running', 'in_doubt', 'resent')",
            (digest_of(key, salt), key),
        )


def _is_about(body: bytes, meant: _Meant) -> bool:
    try:
        return meant.is_in(read_json(body))
    except ValueError:
        return True  # nobody can read it, so nobody can tell


def _has_word(text: str, word: str) -> bool:
    return re.search(rf"{re.escape(word)}(?![\w%-])", text, re.IGNORECASE) is not None
