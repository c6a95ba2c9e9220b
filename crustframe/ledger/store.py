"""The ledger's file: one SQLite database, opened with care, written in whole transactions or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from crustframe.errors import LedgerError
from crustframe.ledger.owners import is_alive
from crustframe.ledger.packing import DAMAGED

_APPLICATION_ID: Final = 0x43525346  # "CRSF"
SCHEMA_VERSION: Final = 5
_BUSY_S: Final = 30.0
_CHECK_BYTES: Final = 32 * 2**20  # read whole at each opening, in some 0.1 s; `ledger verify` reads larger ones
# Without a code are those that this package raises itself. Anything else passes, and the file stays where it is.
_DAMAGE: Final = frozenset(
    {
        0,
        sqlite3.SQLITE_ERROR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_CONSTRAINT,
        sqlite3.SQLITE_MISMATCH,
        sqlite3.SQLITE_FORMAT,
        sqlite3.SQLITE_NOTADB,
    }
)

_JOBS: Final = """
CREATE TABLE jobs (
    purchase_id INTEGER PRIMARY KEY, batch_id TEXT UNIQUE, newest_before TEXT, status TEXT, result_count INTEGER,
    lines_read INTEGER NOT NULL DEFAULT 0, strange_lines INTEGER NOT NULL DEFAULT 0,
    broken_lines INTEGER NOT NULL DEFAULT 0, matched INTEGER NOT NULL DEFAULT 0, credits REAL NOT NULL DEFAULT 0,
    seen_at REAL, completed_at REAL
);
"""
_GONE_BY: Final = "gone_by REAL"
"""A time of the server at which the request had surely left."""
_FORGOTTEN: Final = """
CREATE TABLE forgotten (
    purchase_id INTEGER NOT NULL, digest TEXT NOT NULL, is_read INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (purchase_id, digest)
);
"""
"""Whom a job that still runs was asked about, and who was forgotten meanwhile."""
_NAMES: Final = """
CREATE TABLE names (
    scope_id INTEGER NOT NULL, key TEXT NOT NULL, other TEXT NOT NULL, PRIMARY KEY (scope_id, key, other)
) WITHOUT ROWID;
CREATE INDEX names_by_other ON names (scope_id, other, key);
"""
"""Under which profile URL somebody is known who was found behind an address."""
_ABILITIES: Final = """
CREATE TABLE abilities (
    scope_id INTEGER NOT NULL, endpoint TEXT NOT NULL, part TEXT NOT NULL, has INTEGER NOT NULL,
    learnt_at REAL NOT NULL, PRIMARY KEY (scope_id, endpoint, part)
);
"""
"""What an account was found to have and to lack: a whole endpoint (no part), or a key or a group of its requests."""
# What decides whether somebody is bought again stands in a table and in an index: a look-up reads the index alone, and
# a byte that changed in either of them is noticed, since they no longer agree.
_SCHEMA: Final = f"""
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE INDEX meta_twice ON meta (name, value);
CREATE TABLE scopes (
    scope_id INTEGER PRIMARY KEY, origin TEXT NOT NULL, key_fingerprint TEXT NOT NULL, api_version TEXT NOT NULL,
    UNIQUE (origin, key_fingerprint, api_version)
);
CREATE TABLE coverages (coverage_id INTEGER PRIMARY KEY, groups TEXT NOT NULL UNIQUE);
CREATE TABLE purchases (
    purchase_id INTEGER PRIMARY KEY, scope_id INTEGER NOT NULL, run_id TEXT NOT NULL, owner TEXT NOT NULL,
    endpoint TEXT NOT NULL, coverage_id INTEGER NOT NULL, min_similarity REAL,
    state TEXT NOT NULL, told INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0,
    opened_at REAL NOT NULL, sent_at REAL, closed_at REAL,
    identifiers INTEGER NOT NULL, worst_credits REAL NOT NULL, matched INTEGER, credits REAL,
    http_status INTEGER, request_id TEXT, error TEXT, body BLOB, {_GONE_BY}
);
CREATE INDEX purchases_by_state ON purchases (scope_id, state) WHERE state NOT IN ('done', 'refused');
CREATE INDEX purchases_by_time ON purchases (opened_at);
CREATE TABLE purchase_people (
    purchase_id INTEGER NOT NULL, key TEXT NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL,
    PRIMARY KEY (purchase_id, key)
);
CREATE INDEX purchase_people_by_key ON purchase_people (key);
CREATE TABLE people (
    person_row INTEGER PRIMARY KEY, scope_id INTEGER NOT NULL, key TEXT NOT NULL, coverage_id INTEGER NOT NULL,
    outcome TEXT NOT NULL, min_similarity REAL, answered_at REAL NOT NULL, superseded_at REAL,
    purchase_id INTEGER NOT NULL, entry BLOB
);
CREATE INDEX people_by_key ON people (
    scope_id, key, superseded_at, answered_at, coverage_id, outcome, min_similarity
);
CREATE TABLE suppressed (digest TEXT PRIMARY KEY);
{_FORGOTTEN}{_NAMES}{_ABILITIES}
CREATE TABLE pace (scope_id INTEGER NOT NULL, endpoint TEXT NOT NULL, sent_at REAL NOT NULL);
CREATE TABLE limits (
    scope_id INTEGER NOT NULL, endpoint TEXT NOT NULL, requests_per_minute REAL, hold_until REAL,
    PRIMARY KEY (scope_id, endpoint)
);
{_JOBS}"""
_UNPROVED_REFUSALS: Final = "DELETE FROM people WHERE outcome = 'refused'"
"""Layout 2 kept people as refused for what the request carried: they are asked again."""
_UPGRADES: Final = {
    1: _JOBS,
    2: _UNPROVED_REFUSALS,
    3: f"ALTER TABLE purchases ADD COLUMN {_GONE_BY};\n{_FORGOTTEN}{_NAMES}{_ABILITIES}",
    4: "",  # the same tables; answers are packed otherwise from here on, which earlier versions cannot read
}
"""What turns a ledger of each older layout into the next one."""


def _layout(connection: sqlite3.Connection) -> str:
    """Return a digest of how the tables were declared: SQLite believes a declaration that a changed byte altered."""
    rows = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
    return hashlib.sha256("\n".join(sql for (sql,) in rows).encode()).hexdigest()


class Store:
    """One SQLite file of this user: rollback journal, ``synchronous=FULL``, mode 0600.

    Nothing is created before the first write. Reading a ledger that does not exist finds nothing.

    Parameters
    ----------
    path : pathlib.Path
        On a disk of this machine: network and synchronised folders lose locks, and so money.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.owners = path.with_name(path.name + ".owners")
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._pid = os.getpid()
        self._file: tuple[int, int] | None = None
        self._openings = 0

    def exists(self) -> bool:
        """Whether there is a ledger to read."""
        try:
            return self.path.stat().st_size > 0 or self.owners.exists()
        except OSError:
            return False

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Write all of it or none of it; the file is created when it is missing.

        Raises
        ------
        LedgerError
            Locked for longer than 30 s, full, damaged, or not a ledger.
        """
        with self._lock, self._typed_errors():
            connection = self._open(create=True)
            try:  # around BEGIN and COMMIT too: a transaction that nobody ends locks everybody out
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                self._roll_back(connection)
                raise

    def _roll_back(self, connection: sqlite3.Connection) -> None:
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except sqlite3.Error:
            self.close()  # SQLite undoes it when the file is opened again

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Read a ledger that :meth:`exists`."""
        with self._lock, self._typed_errors():
            yield self._open(create=False)

    def start_anew(self) -> Path | None:
        """Put what is there out of the way, so that the next write begins a new ledger; returns where it is now.

        Raises
        ------
        LedgerError
            A run is at work with it.
        """
        if any(is_alive(self.owners, owner.name) for owner in self.owners.glob("[!.]*") if owner != self._marker):
            raise LedgerError(
                f"A run is at work with the ledger {self.path}. Nothing was changed.",
                hint="wait until it has ended, or end it with Ctrl-C.",
            )
        self.close()
        aside = None
        if self.path.exists():
            aside = self._set_aside()
        elif self._marker.exists():
            aside = self.path.with_name(self._marker.read_text(encoding="utf-8"))
        with contextlib.suppress(OSError):
            self._marker.unlink(missing_ok=True)
            shutil.rmtree(self.owners)
        return aside

    @property
    def _marker(self) -> Path:
        return self.owners / "set-aside"

    def _set_aside(self) -> Path:
        number = 1
        while (aside := self.path.with_name(f"{self.path.name}.damaged-{number}")).exists():
            number += 1
        self.path.rename(aside)
        journal = self.path.with_name(self.path.name + "-journal")
        if journal.exists():
            journal.rename(aside.with_name(aside.name + "-journal"))
        self.owners.mkdir(mode=0o700, exist_ok=True)
        self._marker.write_text(aside.name, encoding="utf-8")
        return aside

    def close(self) -> None:
        """Close the file; it is opened again when needed."""
        with self._lock:
            if self._connection is not None and self._pid == os.getpid():
                self._connection.close()
            self._connection = None

    @property
    def opening(self) -> int | None:
        """Which opening of the file this is, None where it is closed: an earlier one may have been of another file."""
        with self._lock:
            self._leave_another_file()
            return self._openings if self._connection is not None else None

    def _leave_another_file(self) -> None:
        """Close what was put out of the way by another process: nothing may be written there."""
        if self._connection is not None and not self._connection.in_transaction and _identity(self.path) != self._file:
            self.close()

    def _open(self, *, create: bool) -> sqlite3.Connection:
        self._leave_another_file()
        if self._pid != os.getpid():  # a connection does not survive a fork
            self._connection, self._pid = None, os.getpid()
        if self._connection is None:
            self._refuse_after_damage()
            if create:
                self._create_file()
            self._check_file()
            connection = sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
            try:
                self._configure(connection)
                self._check_schema(connection)
            except BaseException:
                connection.close()
                raise
            self._connection, self._file = connection, _identity(self.path)
            self._openings += 1
        return self._connection

    def _refuse_after_damage(self) -> None:
        if self._marker.exists() and not self.path.exists():
            raise LedgerError(
                f"The ledger was damaged and set aside as {self._marker.read_text(encoding='utf-8')!r} beside "
                f"{self.path}. Nothing was sent, nothing was charged.",
                hint="bring back a copy as the ledger, or begin a new one with `crustframe ledger start-anew`; "
                "people in the old one would be paid for again.",
            )
        if self.owners.exists() and not self.path.exists():
            raise LedgerError(
                f"The ledger {self.path} has been in use and is gone. Nothing was sent, nothing was charged.",
                hint="bring it back, or begin a new one with `crustframe ledger start-anew`.",
            )

    def _create_file(self) -> None:
        try:
            if not self.path.parent.exists():
                self.path.parent.mkdir(parents=True, mode=0o700)
            flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0)
            os.close(os.open(self.path, flags, 0o600))
        except FileExistsError:
            pass
        except OSError as error:
            raise LedgerError(
                f"The ledger {self.path} cannot be made ({error.strerror}). Nothing was sent, nothing was charged.",
                hint="name a file in a folder of yours with CRUSTFRAME_LEDGER.",
            ) from None

    def _check_file(self) -> None:
        try:
            found = self.path.lstat()
        except OSError as error:
            raise LedgerError(f"The ledger {self.path} cannot be read ({error.strerror}). Nothing was sent.") from None
        if not stat.S_ISREG(found.st_mode) or (hasattr(os, "getuid") and found.st_uid != os.getuid()):
            raise LedgerError(
                f"{self.path} is not a file of this user's own. Nothing was sent.",
                hint="name another ledger with CRUSTFRAME_LEDGER.",
            )
        if found.st_size == 0 and self.owners.exists():
            raise self._damaged("it is empty, but it has been in use")
        if found.st_size and not self.owners.exists() and not self._is_database():
            raise LedgerError(
                f"{self.path} is no ledger. Nothing was sent, and it was left as it is.",
                hint="name another file with CRUSTFRAME_LEDGER or --ledger.",
            )
        if os.name == "posix" and found.st_mode & 0o077:
            self.path.chmod(0o600)

    def _is_database(self) -> bool:
        with self.path.open("rb") as file:
            return file.read(16) == b"SQLite format 3\0"

    def _configure(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA secure_delete = ON")
        # Rollback journal, not WAL: a lost answer costs more than a millisecond (reliability notes, section 0.3).
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA synchronous = FULL")
        if sys.platform == "darwin":
            connection.execute("PRAGMA fullfsync = ON")

    def _check_schema(self, connection: sqlite3.Connection) -> None:
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if (application, version) == (0, 0):
            connection.execute("BEGIN IMMEDIATE")
            if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                ours = connection.execute("PRAGMA application_id").fetchone()[0] == _APPLICATION_ID
                connection.execute("ROLLBACK")
                if not ours:
                    raise self._foreign()
                return
            _run(connection, _SCHEMA)
            connection.execute("INSERT INTO meta VALUES ('salt', ?)", (os.urandom(32),))
            connection.execute("INSERT INTO meta VALUES ('layout', ?)", (_layout(connection),))
            connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            connection.execute("COMMIT")
        elif application != _APPLICATION_ID:
            raise self._foreign()
        elif version > SCHEMA_VERSION:
            raise LedgerError(
                f"The ledger {self.path} was written by a newer crustframe (layout {version}, this one knows "
                f"{SCHEMA_VERSION}). Nothing was sent.",
                hint="upgrade crustframe, or name another ledger with CRUSTFRAME_LEDGER.",
            )
        elif self.path.stat().st_size <= _CHECK_BYTES:
            verdict = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if verdict != "ok":
                raise self._damaged(verdict)
            layout = connection.execute("SELECT value FROM meta WHERE name = 'layout'").fetchone()
            if layout is not None and layout[0] != _layout(connection):
                raise self._damaged("its layout is not the one that it was made with")
        if application == _APPLICATION_ID and version in _UPGRADES:
            self._upgrade(connection)

    def _upgrade(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        while version in _UPGRADES:
            _run(connection, _UPGRADES[version])
            version += 1
        connection.execute("UPDATE meta SET value = ? WHERE name = 'layout'", (_layout(connection),))
        connection.execute(f"PRAGMA user_version = {version}")
        connection.execute("COMMIT")

    def _foreign(self) -> LedgerError:
        return LedgerError(
            f"{self.path} is a database of another program. Nothing was sent, nothing was changed.",
            hint="name another ledger with CRUSTFRAME_LEDGER.",
        )

    def _damaged(self, how: str) -> LedgerError:
        self.close()
        try:
            where = f"It was set aside as {self._set_aside().name!r}"
        except OSError:
            where = "It was left as it is"
        return LedgerError(
            f"The ledger {self.path} is damaged: {how}. {where}. Nothing was sent, nothing was charged.",
            hint="bring back a copy of it, or begin a new one with `crustframe ledger start-anew`; people in the old "
            "one would be paid for again.",
        )

    @contextlib.contextmanager
    def _typed_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._typed(error) from None
        except OSError as error:
            raise LedgerError(
                f"The ledger {self.path} cannot be used ({error.strerror or error}). Nothing more was sent.",
                hint="give the folder back, then run the same again; what was paid for is kept.",
            ) from None
        except UnicodeDecodeError:  # of SQLite's own message, where it quotes a damaged layout
            raise self._damaged("its layout cannot be read") from None
        except (*DAMAGED, json.JSONDecodeError) as error:
            raise LedgerError(
                f"The ledger {self.path} holds an answer that cannot be read ({error}). Nothing was sent.",
                hint="`crustframe ledger verify` names it and `crustframe ledger forget` takes it out; that person "
                "would be paid for again.",
            ) from None

    def _typed(self, error: sqlite3.Error) -> LedgerError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        match code:
            case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
                return LedgerError(
                    f"The ledger {self.path} was held by another process for {_BUSY_S:g} s. Nothing more was sent.",
                    hint="run the same command again; what was paid for is kept.",
                )
            case _ if code in _DAMAGE and not isinstance(error, sqlite3.ProgrammingError):
                return self._damaged(str(error))
            case _:
                return LedgerError(
                    f"The ledger {self.path} cannot be used ({error}). Nothing more was sent.",
                    hint="make room or give the folder back, then run the same again; what was paid for is kept.",
                )


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _run(connection: sqlite3.Connection, script: str) -> None:
    """Run statements one by one: ``executescript`` would commit in between."""
    for statement in script.split(";\n"):
        if statement.strip():
            connection.execute(statement)


def salt_of(connection: sqlite3.Connection) -> bytes:
    """Return what keeps the digests of this file from being told by those of another."""
    salt: bytes = connection.execute("SELECT value FROM meta WHERE name = 'salt'").fetchone()[0]
    return salt
