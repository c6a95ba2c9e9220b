"""Campaign 5: every call that can fail fails once, one run each; then the same run again."""

from __future__ import annotations

import errno
import gc
import os
import random
import socket
import sqlite3
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from rig import FIELDS, in_a_hurry, people

import crustframe
from crustframe import PartialResultWarning
from crustframe.errors import CrustframeError
from crustframe.tables import read_table
from crustframe.verbs.embedded import EmbeddedSandbox

PEOPLE = people(100)  # four requests


class Failing:
    """Counts the calls of this process's client that can fail, and lets the `kth` of them fail."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.kth = -1
        self.armed = False

    def call(self, name: str, how: Callable[[], BaseException]) -> None:
        """Count one call, or raise instead of it."""
        if self.armed:
            self.names.append(name)
            if len(self.names) - 1 == self.kth:
                raise how()


def sqlite_error(dice: random.Random) -> sqlite3.Error:
    code, says = dice.choice(
        [
            (sqlite3.SQLITE_FULL, "database or disk is full"),
            (sqlite3.SQLITE_IOERR, "disk I/O error"),
            (sqlite3.SQLITE_BUSY, "database is locked"),
            (sqlite3.SQLITE_NOMEM, "out of memory"),
        ]
    )
    error = sqlite3.OperationalError(says)
    error.sqlite_errorcode = code
    return error


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Failing]:
    """Stand before SQLite, sockets and the file system. The sandbox's own thread is left alone."""
    plan, dice = Failing(), random.Random(5)
    connect, opened, fsync, replace, rename = sqlite3.connect, os.open, os.fsync, Path.replace, Path.rename

    class Connection(sqlite3.Connection):
        def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
            plan.call(f"sql {sql[:24]}", lambda: sqlite_error(dice))
            return super().execute(sql, *parameters)

        def executemany(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
            plan.call(f"sql {sql[:24]}", lambda: sqlite_error(dice))
            return super().executemany(sql, *parameters)

    def failing_connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
        plan.call("sqlite3.connect", lambda: sqlite_error(dice))
        return connect(*arguments, factory=Connection, **options)

    def before(original: Callable[..., Any], name: str, number: int) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **options: Any) -> Any:
            plan.call(name, lambda: OSError(number, os.strerror(number)))
            return original(*arguments, **options)

        return wrapped

    def on_the_wire(name: str, number: int) -> Callable[..., Any]:
        original = getattr(socket.socket, name)

        def wrapped(self: socket.socket, *arguments: Any) -> Any:
            if not self.getblocking() or self.gettimeout() is None:  # asyncio's, which serves the sandbox
                return original(self, *arguments)

            def broken() -> OSError:
                with suppress(OSError):  # what such an error says is that the connection is gone
                    self.shutdown(socket.SHUT_RDWR)
                return OSError(number, os.strerror(number))

            plan.call(f"socket.{name}", broken)
            return original(self, *arguments)

        return wrapped

    monkeypatch.setattr(sqlite3, "connect", failing_connect)
    monkeypatch.setattr(os, "open", before(opened, "os.open", errno.EACCES))
    monkeypatch.setattr(os, "fsync", before(fsync, "os.fsync", errno.EIO))
    monkeypatch.setattr(Path, "replace", before(replace, "replace", errno.ENOSPC))
    monkeypatch.setattr(Path, "rename", before(rename, "rename", errno.EACCES))
    for name, number in {
        "connect": errno.ECONNREFUSED,
        "sendall": errno.EPIPE,
        "recv_into": errno.ECONNRESET,
    }.items():
        monkeypatch.setattr(socket.socket, name, on_the_wire(name, number), raising=False)
    yield plan
    plan.armed = False


@contextmanager
def counted(failing: Failing, kth: int) -> Iterator[None]:
    failing.names, failing.kth, failing.armed = [], kth, True
    try:
        yield
    finally:
        failing.armed = False


def run(sandbox: EmbeddedSandbox, folder: Path) -> Any:
    """Enrich a table of one column and write it, as the shell does; return the receipt."""
    source = read_table(str(folder / "leads.csv"), delimiter=None, encoding=None, sheet=None)
    with (
        sandbox.make_client(ledger=folder / "ledger.sqlite3", concurrency=1, **in_a_hurry()) as client,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore", PartialResultWarning)
        found = crustframe.enrich(source.column("contact"), fields=FIELDS, keep="asked", client=client)
    added = {name: found.frame[name].tolist() for name in found.frame.columns}
    source.write(str(folder / "out.csv"), added, csv_safe=True, overwrite_columns=False)
    return found.report


@pytest.mark.campaign(sample=40, full=1_000)
def test_every_call_may_fail_once(sandbox, tmp_path, size, is_full, figures, failing):
    """Success or a typed error; then the identical table, and nobody charged twice but those who were told."""

    def folder(name: str) -> Path:
        made = tmp_path / name
        made.mkdir()
        (made / "leads.csv").write_text("contact\n" + "\n".join(PEOPLE) + "\n")
        return made

    with counted(failing, -1):
        run(sandbox, folder("calm"))
    truth, names = (tmp_path / "calm" / "out.csv").read_bytes(), failing.names
    assert 100 <= len(names)
    assert {"socket.connect", "socket.sendall", "socket.recv_into", "os.fsync", "replace", "sqlite3.connect"} <= {
        *names
    }

    chosen = range(len(names)) if is_full else sorted(random.Random(1).sample(range(len(names)), size))
    ended = typed = doubled = 0
    for kth in chosen:
        before, here = dict(sandbox.people_charged), folder(str(kth))
        try:
            with counted(failing, kth):
                run(sandbox, here)
            ended += 1
        except CrustframeError:
            typed += 1
        gc.collect()
        told: set[str] = set()
        for _ in range(3):
            report = run(sandbox, here)
            told |= {*report.resent}
            if report.is_complete:
                break
            told |= {*report.in_doubt}
            (here / "out.csv").unlink()
            with sandbox.make_client(ledger=here / "ledger.sqlite3") as client:
                for doubt in client.ledger.open_doubts():  # as `crustframe ledger resolve --resend` does
                    client.ledger.free(doubt, credits=None)
        assert truth == (here / "out.csv").read_bytes(), (kth, names[kth])
        twice = {p for p, n in sandbox.people_charged.items() if n - before.get(p, 0) > 1}
        assert twice <= {text.rpartition("/")[2] for text in told}, (kth, names[kth])
        doubled += len(twice)
    figures(calls=len(names), failed_once=len(chosen), ended_well=ended, typed=typed, charged_twice_and_told=doubled)
