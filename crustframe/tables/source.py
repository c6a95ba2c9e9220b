"""Where a table comes from: a file, a pipe or stdin, readable from its start as often as needed."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from crustframe.errors import TableError

STDIN = "-"


class Source:
    """The bytes of a table.

    Parameters
    ----------
    source : str or os.PathLike
        A path, or ``"-"`` for stdin. What cannot be read twice is kept in a private, nameless temporary file.
    """

    def __init__(self, source: str | os.PathLike[str]) -> None:
        self.is_stdin = os.fspath(source) == STDIN
        self._path = Path(source)
        self._spool: IO[bytes] | None = None
        if self.is_stdin and sys.stdin is None:
            raise TableError("There is nothing to read: stdin is closed. Nothing was sent.", hint="name a file.")
        try:
            if self.is_stdin:
                self._keep(sys.stdin.buffer)
            elif self._path.exists() and not self._path.is_file() and not self._path.is_dir():
                with self._path.open("rb") as pipe:
                    self._keep(pipe)
            else:
                self._stamp = self._read_stamp()
        except OSError as error:
            raise self._unreadable(error) from error

    @property
    def name(self) -> str:
        return "stdin" if self.is_stdin else self._path.name

    @property
    def suffix(self) -> str:
        return "" if self.is_stdin else self._path.suffix.lower()

    def head(self, size: int) -> bytes:
        with self.open() as raw:
            return raw.read(size)

    def is_same_file(self, path: Path) -> bool:
        return self._spool is None and path.exists() and self._path.samefile(path)

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Open at the first byte; a file that changed since it was first read raises `TableError`."""
        if self._spool is not None:
            self._spool.seek(0)
            yield self._spool
            return
        try:
            raw = self._path.open("rb")
        except OSError as error:
            raise self._unreadable(error) from error
        with raw:
            if self._read_stamp() != self._stamp:
                raise self.changed()
            yield raw

    def changed(self) -> TableError:
        return TableError(
            f"{self.name} changed while it was being worked on, so its rows cannot be matched. Nothing was written.",
            hint="run the same command again; answers already paid for are in the ledger and free of charge.",
        )

    def _keep(self, stream: IO[bytes]) -> None:
        spool = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the table
        weakref.finalize(self, spool.close)
        shutil.copyfileobj(stream, spool)
        self._spool = spool

    def _read_stamp(self) -> tuple[int, int, int]:
        stat = self._path.stat()
        return stat.st_ino, stat.st_size, stat.st_mtime_ns

    def _unreadable(self, error: OSError) -> TableError:
        return TableError(
            f"{self.name} cannot be read: {error.strerror or error}. Nothing was sent.",
            hint="check the path and its permissions.",
        )
