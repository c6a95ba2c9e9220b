"""Who is buying right now: one lock file per buyer, let go by the operating system when the buyer dies."""

from __future__ import annotations

import contextlib
import os
import uuid
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from crustframe.errors import LedgerError

_OURS: Final[set[str]] = set()


class Owner:
    """A buyer at work. Its claims are honoured by every process for as long as its lock is held."""

    def __init__(self, folder: Path) -> None:
        self.id = uuid.uuid4().hex
        self._path = folder / self.id
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            self._lock = FileLock(self._path, mode=0o600, thread_local=False)
            self._lock.acquire(timeout=0)
        except OSError as error:
            raise LedgerError(
                f"{folder} cannot be written ({error.strerror or error}). Nothing was sent.",
                hint="give a ledger on a disk of this machine, with CRUSTFRAME_LEDGER.",
            ) from None
        _OURS.add(self.id)

    def close(self) -> None:
        """Let go of every claim."""
        _OURS.discard(self.id)
        self._lock.release()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)


def is_alive(folder: Path, owner: str) -> bool:
    """Tell whether the buyer still runs; a dead one's file is cleared away."""
    if owner in _OURS:
        return True
    path = folder / owner
    if not owner.isalnum() or not path.exists():
        return False
    lock = FileLock(path, mode=0o600, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except (Timeout, OSError):
        return True
    lock.release()
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
    return False


def is_on_its_way(folder: Path, owner: str | None) -> bool:
    """Tell whether a request without an end, of this buyer, may still be answered."""
    return owner is not None and is_alive(folder, owner)


def _forget_after_fork() -> None:
    _OURS.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
