"""A sandbox inside this process, and a client of it: invented people, no real key, no real credits."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self, Unpack

from crustframe.client import Client
from crustframe.errors import LedgerError
from crustframe.sandbox.server import Sandbox
from crustframe.sandbox.settings import Switches

ACCOUNT: Final = "sandbox"
"""Under which the ledger files invented people; they never answer a real run."""


class SandboxOptions(Switches, total=False):
    """The switches of :class:`crustframe.sandbox.server.Sandbox`, and where it listens."""

    port: int


class EmbeddedSandbox(Sandbox):
    """A running sandbox and a client of it.

    Parameters
    ----------
    ledger : path, optional
        Where answers are kept; by default a file that goes when the sandbox closes.
    **options
        The switches of :class:`crustframe.sandbox.server.Sandbox`.

    Attributes
    ----------
    client : Client
        Asks this sandbox, with its key; its clock runs as fast as the sandbox's.
    """

    def __init__(self, *, ledger: str | os.PathLike[str] | None = None, **options: Unpack[SandboxOptions]) -> None:
        super().__init__(**options)
        self._speed = options.get("speed", 1.0)
        self._ledger = ledger
        self._folder: str | None = None
        self._client: Client | None = None
        self._has_cleared = False

    @property
    def client(self) -> Client:
        """The client of this sandbox."""
        if self._client is None:
            self._client = self.make_client()
        return self._client

    def make_client(self, **options: Any) -> Client:
        """Return another client of this sandbox over the same ledger; `options` are those of :class:`Client`."""
        if self._ledger is None:
            self._folder = tempfile.mkdtemp(prefix="crustframe-")
            self._ledger = Path(self._folder) / "ledger.sqlite3"
        speed = self._speed
        settings: dict[str, Any] = {
            "api_key": self.key,
            "base_url": self.url,
            "ledger": self._ledger,
            "account": ACCOUNT,
            "clock": self.now,
            "sleep": lambda seconds: time.sleep(seconds / speed),
        }
        client = Client(**(settings | options))
        if not self._has_cleared and "ledger" not in options:
            self._has_cleared = True
            with suppress(LedgerError):  # whoever uses the ledger first is told
                _end_jobs_of_others(client)
        return client

    def close(self) -> None:
        """Stop answering and throw a ledger away that nobody named."""
        if self._client is not None:
            self._client.close()
            self._client = None
        super().close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = self._ledger = None

    def __enter__(self) -> Self:
        super().__enter__()
        return self


def _end_jobs_of_others(client: Client) -> None:
    """Give up jobs that an earlier sandbox over the same ledger ran: it is gone, and they with it."""
    book = client.ledger.jobs(create=False)
    if book is None:
        return
    for job in book.all(open_only=True):
        if book.is_abandoned(job):
            book.fail(job, "the sandbox that ran it has ended")
