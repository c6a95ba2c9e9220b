"""The one path from a column to columns; every front end meets here. Reads like the pipeline."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Unpack

from crustframe import contract
from crustframe.api.options import Options
from crustframe.buying.leftovers import read_everything_left
from crustframe.buying.plan import Plan
from crustframe.buying.purse import Bought
from crustframe.client import Client
from crustframe.columns.assembly import PeopleTable
from crustframe.columns.frames import (
    ASKED_BY,
    Column,
    Data,
    Own,
    asked_by,
    beside,
    cells_of,
    check_names,
    choices_of,
    in_order,
    own_of,
)
from crustframe.errors import BadRequestError, CrustframeError, PermissionDeniedError, RetirementWarning
from crustframe.fields import DEFAULT_FIELDS
from crustframe.people.identifiers import Identifiers, read_identifiers
from crustframe.people.verdict import MinVerdict
from crustframe.verbs.candidates import matches_of
from crustframe.verbs.fallback import Rows
from crustframe.verbs.options import EnrichOptions, MatchesOptions, PlanOptions
from crustframe.verbs.question import Fields, PersonQuestion, Question, check_ceiling, check_limit, read_question
from crustframe.verbs.report import Report
from crustframe.verbs.rounds import MakeTable, buy_in_rounds
from crustframe.verbs.routed_question import for_account
from crustframe.verbs.rows import chosen_rows, filled_in
from crustframe.verbs.run import as_granted, past_nobody, plan_first, receipt_of
from crustframe.verbs.signature import takes
from crustframe.verbs.steps import client_of, note, read_terms, stacklevel, warn_of_nobody, warn_of_open, with_brake

if TYPE_CHECKING:
    from crustframe.buying.jobs import Ticket


@dataclass(frozen=True)
class Enrichment:
    """What :func:`enrich` found.

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
    _read_matches: Callable[[], Any] = field(repr=False)
    ticket: Ticket | None = None

    @cached_property
    def matches(self) -> Any:
        """Every candidate of every person, one row each, best first; from the ledger, 0 credits."""
        return self._read_matches()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy with the candidates, since neither a key nor an open ledger goes along."""
        try:
            found: Any = self.matches
        except CrustframeError as error:
            found = error
        return Enrichment, (self.frame, self.report, partial(_kept, found), self.ticket)


def _kept(found: Any) -> Any:
    if isinstance(found, Exception):
        raise found
    return found


@takes(EnrichOptions)
def enrich(
    data: Data,
    column: Column = None,
    fields: Fields = DEFAULT_FIELDS,
    **options: Unpack[EnrichOptions],
) -> Enrichment:
    """Look up the people of a column and add the asked fields as typed columns.

    Costs 1 credit per newly matched person, plus 1 for business e-mails, 2 for personal e-mails, 2 for phone
    numbers and 1 for developer profiles where a field needs them, at most 7; nobody found is free, and so is
    everybody whom the ledger knows. Source: Person Enrich pages of the vendor (project seeds 000, 001 and 003).

    Parameters
    ----------
    data : frame, series or iterable, n rows
        Of pandas, Polars (lazy ones are collected once), Arrow (tables, arrays and readers) or DuckDB (relations), or
        what narwhals knows beside these. Blanks, repeats, other spellings and junk are welcome; nothing of it changes.
    column : hashable or list of hashable, optional
        Which column of a frame holds profile URLs or business e-mails; of several, in order of preference, each row is
        asked by the first cell that names somebody.
    fields : str, sequence of str, or mapping of new name to str, length p
        Dot paths such as ``"basic_profile.name"``; see :mod:`crustframe.fields` for the grammar.
    **options

    Returns
    -------
    Enrichment
        ``frame`` is of the kind of `data`, with n rows, in their order, and its index; a missing value is no match or
        no value.

    Raises
    ------
    BudgetError
        The plan may cost more than `max_credits`, or more than 100 credits without a ceiling. Nothing was sent.
    FieldError, ColumnNotFoundError, ColumnExistsError, ConfigurationError
        Something to mend first. Nothing was sent.
    AuthenticationError, PermissionDeniedError, APIError
        The API refuses everything; nothing was charged for it.
    Interrupted
        Ctrl-C; the error holds what was found. Run the same again to go on.

    Examples
    --------
    >>> import crustframe
    >>> with crustframe.sandbox() as sandbox:
    ...     found = crustframe.enrich(
    ...         ["linkedin.com/in/avery-example", "https://www.linkedin.com/in/Avery-Example/"],
    ...         fields=["crustdata_person_id"],
    ...         client=sandbox.client,
    ...     )
    >>> found.frame["crust.status"].tolist(), found.report.credits
    (['matched', 'matched'], 1.0)
    """
    started = time.monotonic()
    check_ceiling(options["max_credits"])
    check_limit(options["limit"])
    question = read_question(fields, options, keep=options["keep"])
    _warn_of_retirement(question.options)
    only = options["only"]
    own = own_of(data, column, question.paths if only != "all" else ())
    every_row = _rows_of(own, column, question, options)
    check_names(own, column, question.paths, options["overwrite"] or only != "all")
    with client_of(options["client"]) as owner:
        asked = owner.facing(question.surface)
        read_everything_left(owner)
        terms = read_terms(asked, options, stop_at_failure=options["errors"] == "raise")
        routed = for_account(question, asked)
        routed.check()
        make_table = _tables(question, options["min_verdict"], judges=options["provenance"] == "full")
        past_nobody(asked, every_row, routed, options["on_doubt"], make_table)
        chosen = chosen_rows(own.data, every_row, question, only, asked)
        rows = every_row.only(chosen)
        rows, known, plan, beyond = plan_first(
            asked, rows, options["limit"], routed, options["on_doubt"], route=options["route"]
        )
        plan.allowed_by(terms.max_credits, partial=options["partial"])
        terms = with_brake(terms)

        table, outcome = buy_in_rounds(
            asked, rows, routed, plan, known, terms, options["route"], make_table, partial(for_account, question, asked)
        )
        bought, identifiers = outcome.bought, rows.identifiers

        columns, drift = table.columns(options["provenance"])
        columns = in_order(columns, question.paths)
        if isinstance(column, list) and options["provenance"] == "full":
            columns[ASKED_BY] = asked_by(identifiers)
        price = _billed_price(asked, question.options, bought)
        seconds = time.monotonic() - started
        report = receipt_of(asked, table, plan, bought, price=price, drift=drift, seconds=seconds, beyond=beyond)

    def read_matches() -> Any:
        return own.made_of(matches_of(asked, identifiers, question, options["min_verdict"]), question.paths)

    if chosen is None:
        frame = beside(own.data, columns, question.paths)
    else:
        frame = filled_in(own.data, columns, chosen, only, left=frozenset(identifiers.beyond_limit))
    frame = own.given(frame, columns.columns, question.paths)
    enrichment = Enrichment(frame, report, read_matches, outcome.ticket)
    note(enrichment)
    nothing = not (report.statuses["matched"] or report.statuses["no_match"] or bought.credits_committed)
    stopped = bought.stopped
    if stopped is not None and (
        terms.stop_at_failure or (nothing and isinstance(stopped, BadRequestError | PermissionDeniedError))
    ):
        raise stopped
    warn_of_nobody(every_row, column, own)
    warn_of_open(report)
    return enrichment


@takes(PlanOptions)
def plan(
    data: Data,
    column: Column = None,
    fields: Fields = DEFAULT_FIELDS,
    **options: Unpack[PlanOptions],
) -> Plan:
    """Return what :func:`enrich` with the same arguments would send and cost. Costs nothing.

    Opens no socket unless ``prices="account"`` asks the account. Without an API key the ledger is not consulted and
    everybody counts as new.

    Parameters
    ----------
    data, column, fields
        As :func:`enrich` takes them.
    **options

    Returns
    -------
    Plan

    Raises
    ------
    BudgetError
        It may cost more than `max_credits`.
    FieldError, ColumnNotFoundError, ConfigurationError
        Something to mend first.
    PermissionDeniedError
        With ``prices="account"``: the account lacks the endpoint or a needed field.
    """
    check_ceiling(options["max_credits"])
    check_limit(options["limit"])
    question = read_question(fields, options, keep=options["keep"])
    _warn_of_retirement(question.options)
    own = own_of(data, column, question.paths if options["only"] != "all" else ())
    every_row = _rows_of(own, column, question, options)
    with client_of(options["client"]) as owner:
        asked = owner.facing(question.surface)
        pace = None
        if options["prices"] == "account":
            question, pace = as_granted(question, asked)
        routed = for_account(question, asked)
        past_nobody(asked, every_row, routed, options["on_doubt"], _tables(question, options["min_verdict"]))
        rows = every_row.only(chosen_rows(own.data, every_row, question, options["only"], asked))
        _, _, made, _ = plan_first(
            asked, rows, options["limit"], routed, options["on_doubt"], pace, route=options["route"]
        )
    return made.within(options["max_credits"], partial=options["partial"])


@takes(MatchesOptions)
def matches(
    data: Data,
    column: Column = None,
    fields: Fields = DEFAULT_FIELDS,
    **options: Unpack[MatchesOptions],
) -> Any:
    """Return every candidate that :func:`enrich` bought, one row each, best first. From the ledger; 0 credits.

    Opens no socket. Who was never bought for these fields has no row.

    Parameters
    ----------
    data, column, fields
        As :func:`enrich` takes them.
    **options

    Returns
    -------
    frame of the kind that was given, one row per candidate
        ``crust.identifier``, ``crust.rank`` (1 is the one that fills the row), ``crust.confidence_score``,
        ``crust.match_verdict``, ``crust.match_reasons``, and the fields.

    Raises
    ------
    FieldError, ColumnNotFoundError, ConfigurationError
        Something to mend first.

    Examples
    --------
    >>> import crustframe
    >>> with crustframe.sandbox() as sandbox:
    ...     _ = crustframe.enrich(["j.smith@corp.example"], client=sandbox.client)
    ...     found = crustframe.matches(["j.smith@corp.example"], client=sandbox.client)
    >>> found["crust.rank"].tolist()
    [1]
    """
    question = read_question(fields, options, keep="asked")
    own = own_of(data, column)
    cells = [cell for cells in choices_of(own.data, column) for cell in cells]
    with client_of(options["client"]) as owner:
        asked = owner.facing(question.surface)
        identifiers = read_identifiers(cells, free_mail=question.takes_free_mail)
        return own.made_of(matches_of(asked, identifiers, question, options["min_verdict"]), question.paths)


def _rows_of(own: Own, column: Column, question: PersonQuestion, options: EnrichOptions | PlanOptions) -> Rows:
    if not options["fallback"]:
        return Rows(cells_of(own.data, column), free_mail=question.takes_free_mail, counts=own.counts)
    threshold = question.need.min_similarity_score
    may_reject = options["min_verdict"] is not None or threshold != question.options.server_threshold
    return Rows.of(
        choices_of(own.data, column), may_reject=may_reject, free_mail=question.takes_free_mail, counts=own.counts
    )


def _tables(question: PersonQuestion, min_verdict: MinVerdict | None, *, judges: bool = False) -> MakeTable:
    """Return how to make a table of people; candidates are judged where a verdict is told, or counts."""
    evidence = question.evidence if judges or min_verdict is not None else None

    def make_table(identifiers: Identifiers, of: Question) -> PeopleTable:
        return PeopleTable(identifiers, [part.paths for part in of.parts], evidence, min_verdict)

    return make_table


def _billed_price(client: Client, options: Options, bought: Bought) -> float:
    """Return what one person cost: in this run, else when the same was last bought, else by the list."""
    if bought.matched:
        return bought.credits / bought.matched
    last = client.ledger.last_price(options.coverage, options.path, contract.PERSON_JOB_PATH)
    return options.price if last is None else last


def _warn_of_retirement(options: Options) -> None:
    if options.retirement:
        warnings.warn(options.retirement, RetirementWarning, stacklevel=stacklevel())
