"""The steps that every question takes: plan who is new, tell who is in doubt, buy the rest."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from crustframe.api.jobs import read_submit
from crustframe.buying.terms import Terms
from crustframe.client import Client
from crustframe.columns.frames import Column, Own, nobody_named
from crustframe.contract import BUSINESS_EMAIL, PROFILE_URL, IdentifierKind
from crustframe.errors import PartialResultWarning
from crustframe.people.identifiers import is_address
from crustframe.settings.config import ASK_ABOVE_CREDITS, read_ceiling
from crustframe.verbs.options import RunOptions
from crustframe.verbs.report import Interrupted, Report

if TYPE_CHECKING:
    from crustframe.verbs.contacts import Contacts
    from crustframe.verbs.enrichment import Enrichment
    from crustframe.verbs.fallback import Rows


@contextmanager
def client_of(client: Client | None) -> Iterator[Client]:
    """Use the given client, or one of the environment that is closed afterwards."""
    if client is not None:
        yield client
        return
    with Client() as made:
        yield made


_of_process: dict[str, Any] = {"ceiling": None, "report": None}


def set_ceiling(max_credits: float | None) -> None:
    """Set the ceiling of every run of this process that names none; ``None`` takes it back.

    It goes before ``CRUSTFRAME_MAX_CREDITS`` and the settings file, and behind the argument `max_credits`. Costs
    nothing.

    Parameters
    ----------
    max_credits : float or None
        Credits, 0 or more.

    Raises
    ------
    SettingError
        It is no number of credits.

    Examples
    --------
    >>> import crustframe
    >>> crustframe.set_ceiling(500)
    >>> crustframe.set_ceiling(None)
    """
    _of_process["ceiling"] = None if max_credits is None else read_ceiling(max_credits)


def ceiling_of(client: Client, max_credits: float | None) -> float | None:
    """Return the ceiling of a run: its argument, else that of the process, the environment or the settings file."""
    if max_credits is not None:
        return max_credits
    ceiling: float | None = _of_process["ceiling"]
    return client.settings.max_credits if ceiling is None else ceiling


def read_terms(client: Client, asked: RunOptions, *, stop_at_failure: bool = False) -> Terms:
    """Return on which terms a run buys; its ceiling may be that of the process, the environment or the settings.

    Raises
    ------
    SettingError
        The API would refuse them. Nothing was sent.
    """
    is_sandbox = client.settings.is_loopback
    return Terms(
        max_credits=ceiling_of(client, asked["max_credits"]),
        on_doubt=asked["on_doubt"],
        stop_at_failure=stop_at_failure,
        wait=asked["wait"],
        submit=read_submit(asked["webhook_url"], asked["chunk_size"], is_sandbox=is_sandbox),
        progress=asked["progress"],
    )


def with_brake(terms: Terms) -> Terms:
    """Return the terms of a run that is allowed: without a ceiling it may still turn out dearer than planned."""
    return replace(terms, max_credits=ASK_ABOVE_CREDITS) if terms.max_credits is None else terms


def last_report() -> Report | None:
    """Return the receipt of the last run of this process, whichever way it was asked; None before the first.

    Returns
    -------
    Report or None

    Examples
    --------
    >>> import crustframe
    >>> with crustframe.sandbox() as sandbox:
    ...     _ = crustframe.enrich(["linkedin.com/in/avery-example"], client=sandbox.client)
    >>> crustframe.last_report().credits
    1.0
    """
    report: Report | None = _of_process["report"]
    return report


def note(found: Enrichment | Contacts) -> None:
    """Keep the receipt for :func:`last_report`.

    Raises
    ------
    Interrupted
        The user ended the run.
    """
    _of_process["report"] = found.report
    if found.report.interrupted:
        raise Interrupted(found)


def warn_of_open(report: Report) -> None:
    """Warn of rows that are still open, with the receipt."""
    if report.stopped or report.hit_ceiling or report.statuses["failed"] or report.statuses["in_doubt"]:
        warnings.warn(str(report), PartialResultWarning, stacklevel=stacklevel())


def warn_of_nobody(
    rows: Rows,
    column: Column,
    own: Own,
    kinds: Collection[IdentifierKind] = (PROFILE_URL, BUSINESS_EMAIL),
) -> None:
    """Warn if every cell that is not blank is refused, or if somebody has become the name of the column."""
    name = own.name if column is None else column
    if isinstance(name, str) and is_address(name):
        what = f"The column is named {name!r}, so somebody was read as a header and is not in the rows."
        warnings.warn(f"{what}\nHint: read the file with header=None.", PartialResultWarning, stacklevel=stacklevel())
    if words := nobody_named(rows.cells, column, own.head, kinds, rows.counts):
        warnings.warn(words, PartialResultWarning, stacklevel=stacklevel())


def stacklevel() -> int:
    """Point a warning at the user's own line, whichever front end it came through."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] == "crustframe":
        level, frame = level + 1, frame.f_back
    return level
