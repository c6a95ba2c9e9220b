"""``await crustframe.enrich_async(...)``: a run in a thread, which a cancelled task ends as Ctrl-C does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Final, Self, Unpack

from crustframe.buying.progress import Progress, ProgressCallback, read_progress
from crustframe.client import Client
from crustframe.columns.frames import Column, Data
from crustframe.fields import DEFAULT_FIELDS
from crustframe.verbs.enrichment import Enrichment, enrich
from crustframe.verbs.options import EnrichOptions
from crustframe.verbs.question import Fields
from crustframe.verbs.report import Interrupted
from crustframe.verbs.signature import takes
from crustframe.verbs.steps import client_of

_POLL_S: Final = 0.2


@takes(EnrichOptions)
async def enrich_async(
    data: Data, column: Column = None, fields: Fields = DEFAULT_FIELDS, **options: Unpack[EnrichOptions]
) -> Enrichment:
    """Do what :func:`crustframe.enrich` does, in a thread, so that an event loop goes on meanwhile.

    Costs what :func:`crustframe.enrich` costs. A cancelled task (``asyncio.timeout`` cancels one, too) ends the run as
    Ctrl-C does: nothing more is sent, what is on its way is waited for, what was paid is in the ledger, and only then
    the task gets its ``CancelledError``. Run the same again to go on.

    Parameters
    ----------
    data, column, fields
        As :func:`crustframe.enrich` takes them.
    **options

    Returns
    -------
    Enrichment

    Raises
    ------
    CrustframeError
        As :func:`crustframe.enrich` raises.

    Examples
    --------
    >>> import asyncio, crustframe
    >>> with crustframe.sandbox() as sandbox:
    ...     found = asyncio.run(crustframe.enrich_async(["linkedin.com/in/avery-example"], client=sandbox.client))
    >>> found.report.credits
    1.0
    """
    import asyncio

    cancelled = threading.Event()
    run = asyncio.get_running_loop().run_in_executor(None, partial(_run, cancelled, data, column, fields, options))
    try:
        found = await asyncio.shield(run)
    except asyncio.CancelledError:
        cancelled.set()
        while not run.done():
            try:
                await asyncio.wait([run])
            except asyncio.CancelledError:  # asked for twice; the run ends as soon as it can
                continue
        run.exception()  # looked at, so that nobody warns of it
        raise
    if isinstance(found, Interrupted):
        raise found
    return found


def _run(
    cancelled: threading.Event, data: Data, column: Column, fields: Fields, options: EnrichOptions
) -> Enrichment | Interrupted:
    with client_of(options["client"]) as client, _Heard(cancelled, client, options["progress"]) as heard:
        asked: EnrichOptions = {**options, "client": client.sleeping(heard.sleep), "progress": heard.show}
        try:
            return enrich(data, column, fields, **asked)
        except Interrupted as interrupted:  # no event loop hands a KeyboardInterrupt on as it is
            return interrupted


class _Heard:
    """Lets a run hear that it is cancelled wherever it waits or tells how far it is: as a ``KeyboardInterrupt``."""

    def __init__(self, cancelled: threading.Event, client: Client, progress: bool | ProgressCallback | None) -> None:
        self._cancelled = cancelled
        self._client = client
        self._progress = progress
        self._show: ProgressCallback | None = None
        self._close: Callable[[], None] = lambda: None

    def _check(self) -> None:
        if self._cancelled.is_set():
            raise KeyboardInterrupt

    def sleep(self, seconds: float) -> None:
        """Wait, in short pieces."""
        while seconds > 0:
            self._check()
            self._client.sleep(min(seconds, _POLL_S))
            seconds -= _POLL_S

    def show(self, progress: Progress) -> None:
        """Tell how far the run is, the way that was asked for."""
        self._check()
        if self._show is None:
            self._show, self._close = read_progress(self._progress, progress.total)
        self._show(progress)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()
