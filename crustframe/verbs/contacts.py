"""Contacts in bulk: business e-mails, personal e-mails and phone numbers, each bought once and only when asked for."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import Any, Unpack

from crustframe import contract
from crustframe.buying.jobs import Ticket
from crustframe.buying.leftovers import read_everything_left
from crustframe.buying.plan import Plan
from crustframe.columns.frames import STATUS_COLUMN, Column, Data, beside, cells_of, check_names, own_of
from crustframe.settings.config import read_age
from crustframe.verbs.contact_question import (
    KINDS,
    ContactQuestion,
    Kinds,
    as_sold,
    contact_paths,
    read_contact_question,
)
from crustframe.verbs.fallback import Rows
from crustframe.verbs.options import ContactOptions, ContactPlanOptions, ContactProvenance
from crustframe.verbs.question import check_ceiling, check_limit
from crustframe.verbs.report import Report
from crustframe.verbs.rounds import buy_in_rounds
from crustframe.verbs.run import plan_first, receipt_of, table_of
from crustframe.verbs.signature import takes
from crustframe.verbs.steps import client_of, note, read_terms, warn_of_nobody, warn_of_open, with_brake


@dataclass(frozen=True)
class Contacts:
    """What :func:`contacts` found.

    Attributes
    ----------
    frame : frame of the kind that was given, n rows
        The rows as they came, with the new columns behind them. For a series, the new columns alone.
    report : Report
        The receipt.
    ticket : Ticket or None
        With ``wait=False``: the jobs that are under way.
    """

    frame: Any
    report: Report
    ticket: Ticket | None = None


@takes(ContactOptions)
def contacts(
    data: Data,
    column: Column = None,
    kinds: Kinds = KINDS,
    **options: Unpack[ContactOptions],
) -> Contacts:
    """Look up ways to reach the people of a column: profile URLs by jobs of up to 300, e-mails by calls of 25.

    Costs, for each person and only where it is found: business e-mails 1 credit, personal e-mails 2, phone numbers
    2; `verified` 0.5 more for each person with a business e-mail. Jobs have no base credit; calls may have one, and are
    planned with it. What the ledger holds is free, kind by kind. Source: batch contact enrichment (project seed 004),
    contact enrichment (today's API) and the vendor's price list.

    Parameters
    ----------
    data : frame, series or iterable, n rows
        As :func:`enrich` takes them.
    column : hashable or list of hashable, optional
        Which column of a frame holds profile URLs or business e-mails; e-mails need an account with contact enrich,
        and are ``invalid`` where it lacks that, and with `verified`. Several: see :func:`enrich`.
    kinds : str or sequence of str
        What to ask for; nothing else is asked or paid: ``business_email``, ``personal_contact_info``, or of that
        ``personal_emails`` or ``phone_numbers`` alone. A comma text will do.
    **options

    Returns
    -------
    Contacts
        For each kind the first one, all of them joined, and for e-mails the status of the first in the API's own
        words: ``business_email``, ``business_emails``, ``business_email_status``, ``personal_email``,
        ``personal_emails``, ``personal_email_status``, ``phone_number``, ``phone_numbers``; and ``crust.status``.

    Raises
    ------
    BudgetError
        It may cost more than `max_credits`. Nothing was sent.
    ColumnNotFoundError, ColumnExistsError, ConfigurationError
        Something to mend first.
    APIError
        The API refuses everything; nothing was charged for it.
    Interrupted
        Ctrl-C; the error holds what was found. Run the same again to go on.

    Examples
    --------
    >>> import crustframe
    >>> with crustframe.sandbox(job_seconds=0.1) as sandbox:
    ...     found = crustframe.contacts(
    ...         ["linkedin.com/in/avery-example"], kinds=["phone_numbers"], client=sandbox.client
    ...     )
    >>> list(found.frame.columns)
    ['phone_number', 'phone_numbers', 'crust.status']
    """
    started = time.monotonic()
    asked_kinds = _read(kinds, options)
    own = own_of(data, column)
    every_row = Rows(cells_of(own.data, column, [contract.PROFILE_URL]), counts=own.counts)
    check_names(own, column, asked_kinds.paths, options["overwrite"])
    with client_of(options["client"]) as asked:
        terms = read_terms(asked, options)
        read_everything_left(asked)
        ask_anew = partial(as_sold, asked_kinds, asked)
        question = ask_anew()
        rows, known, plan, beyond = plan_first(asked, every_row, options["limit"], question, terms.on_doubt)
        plan.allowed_by(terms.max_credits, partial=options["partial"])
        table, outcome = buy_in_rounds(asked, rows, question, plan, known, with_brake(terms), "job", table_of, ask_anew)
        identifier_kinds = ask_anew().identifier_kinds
        columns, drift = table.columns("status")
        seconds = time.monotonic() - started
        report = receipt_of(asked, table, plan, outcome.bought, price=0.0, drift=drift, seconds=seconds, beyond=beyond)
    warn_of_nobody(every_row, column, own, identifier_kinds)
    ticket = None if terms.wait else outcome.ticket or Ticket((), 0, 0.0, 0)
    names = column_names(question.kinds, options["provenance"])
    frame = own.given(beside(own.data, columns[names], question.paths), names, question.paths)
    found = Contacts(frame, report, ticket)
    note(found)
    warn_of_open(report)
    return found


@takes(ContactPlanOptions)
def plan_contacts(
    data: Data,
    column: Column = None,
    kinds: Kinds = KINDS,
    **options: Unpack[ContactPlanOptions],
) -> Plan:
    """Return what :func:`contacts` with the same arguments would send and cost. Costs nothing, opens no socket.

    Parameters
    ----------
    data, column, kinds
        As :func:`contacts` takes them.
    **options

    Returns
    -------
    Plan

    Raises
    ------
    BudgetError
        It may cost more than `max_credits`.
    ColumnNotFoundError, ConfigurationError
        Something to mend first.
    """
    question = _read(kinds, options)
    own = own_of(data, column)
    rows = Rows(cells_of(own.data, column, [contract.PROFILE_URL]), counts=own.counts)
    with client_of(options["client"]) as asked:
        _, _, made, _ = plan_first(asked, rows, options["limit"], as_sold(question, asked), options["on_doubt"])
    return made.within(options["max_credits"], partial=options["partial"])


def _read(kinds: Kinds, asked: ContactPlanOptions) -> ContactQuestion:
    check_ceiling(asked["max_credits"])
    check_limit(asked["limit"])
    return read_contact_question(kinds, verified=asked["verified"], max_age_s=read_age(asked["max_age"]))


def column_names(kinds: Kinds, provenance: ContactProvenance = "status") -> list[str]:
    """Return the columns that these kinds become."""
    return [*(path.name for path in contact_paths(kinds)), *([STATUS_COLUMN] if provenance == "status" else [])]
