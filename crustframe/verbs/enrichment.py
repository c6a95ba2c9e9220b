"""The one path from a column to columns; every front end meets here. Reads like the pipeline."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

from crustframe.api.jobs import read_submit
from crustframe.api.options import Options
from crustframe.api.surfaces import Api
from crustframe.buying.plan import Plan
from crustframe.buying.progress import ProgressCallback
from crustframe.buying.purchasing import OnDoubt, billed_price
from crustframe.buying.question import Fields, check_ceiling, check_verdict, one_of, read_question
from crustframe.buying.routes import Route
from crustframe.client import Client
from crustframe.columns.assembly import PeopleTable, Provenance
from crustframe.columns.frames import beside, cells_of, check_names
from crustframe.errors import BadRequestError, PartialResultWarning, RetirementWarning
from crustframe.fields import DEFAULT_FIELDS, Keep, Reduction
from crustframe.people.identifiers import read_identifiers
from crustframe.people.verdict import MinVerdict
from crustframe.settings.config import ASK_ABOVE_CREDITS
from crustframe.verbs.candidates import matches_of
from crustframe.verbs.report import Report, make_report
from crustframe.verbs.rows import Only, chosen_rows, filled_in
from crustframe.verbs.steps import (
    Errors,
    as_granted,
    buy_new,
    ceiling_of,
    client_of,
    note_report,
    plan_run,
    stacklevel,
    tell_doubts,
    warn_of_nobody,
)

if TYPE_CHECKING:
    import pandas as pd

    from crustframe.buying.jobs import Ticket

Prices = Literal["list", "account"]


@dataclass(frozen=True)
class Enrichment:
    """What :func:`enrich` found.

    Attributes
    ----------
    frame : pandas.DataFrame, n rows
        The rows as they came, with the new columns behind them. For a series, the new columns alone.
    report : Report
        The receipt.
    ticket : Ticket or None
        With ``wait=False``: the jobs that are under way.
    """

    frame: pd.DataFrame
    report: Report
    _read_matches: Callable[[], pd.DataFrame] = field(repr=False)
    ticket: Ticket | None = None

    @cached_property
    def matches(self) -> pd.DataFrame:
        """Every candidate of every person, one row each, best first; from the ledger, 0 credits."""
        return self._read_matches()


class Interrupted(KeyboardInterrupt):
    """The user ended a run; `enrichment` holds what was found until then."""

    def __init__(self, enrichment: Enrichment) -> None:
        super().__init__(str(enrichment.report))
        self.enrichment = enrichment


def enrich(
    data: pd.DataFrame | pd.Series[Any] | Iterable[object],
    column: Hashable | None = None,
    fields: Fields = DEFAULT_FIELDS,
    *,
    api: Api = "person",
    max_credits: float | None = None,
    partial: bool = False,
    errors: Errors = "coerce",
    min_similarity_score: float | None = None,
    min_verdict: MinVerdict | None = None,
    force_fetch: bool = False,
    enrich_realtime: bool = False,
    preview: bool = False,
    keep: Keep = "all",
    max_age: str | float | None = "30d",
    only: Only = "all",
    on_doubt: OnDoubt = "ask",
    route: Route = "auto",
    provenance: Provenance = "status",
    lists: Reduction = "join",
    overwrite: bool = False,
    wait: bool = True,
    webhook_url: str | None = None,
    chunk_size: int | None = None,
    progress: bool | ProgressCallback | None = None,
    client: Client | None = None,
) -> Enrichment:
    """Look up the people of a column and add the asked fields as typed columns.

    Costs 1 credit per newly matched person, plus 1 for business e-mails, 2 for personal e-mails, 2 for phone
    numbers and 1 for developer profiles where a field needs them, at most 7; nobody found is free, and so is
    everybody whom the ledger knows. Source: Person Enrich pages of the vendor (project seeds 000, 001 and 003).

    Parameters
    ----------
    data : pandas.DataFrame, pandas.Series or iterable, n rows
        Blanks, repeats, other spellings and junk are welcome; nothing of it changes.
    column : hashable, optional
        Which column of a frame holds profile URLs or business e-mails.
    fields : sequence of str, or mapping of new name to str, length p
        Dot paths such as ``"basic_profile.name"``; see :mod:`crustframe.fields` for the grammar.
    api : {"person", "screener"}
        Which surface to ask: ``POST /person/enrich``, or the legacy ``GET /screener/person/enrich`` with its own
        paths and prices (3 credits a person, 5 with `enrich_realtime`, 2 for business e-mails), which the vendor is
        retiring. Answers of one never pass for answers of the other. People whom the legacy surface has queued are
        ``failed`` with the reason ``queued``, cost nothing, and are asked for again after 60 minutes.
    max_credits : float, optional
        Ceiling for this call, in credits. ``None``: that of :func:`crustframe.set_ceiling`, of
        ``CRUSTFRAME_MAX_CREDITS`` or of the settings file; without any, a run that may cost more than 100 credits is
        refused.
    partial : bool
        Buy what surely fits under the ceiling; the rest is ``not_run``.
    errors : {"coerce", "raise"}
        Finish and tell row by row, or stop at the first batch that fails. A wrong key, an unknown field and a
        missing column always raise.
    min_similarity_score : float, optional
        For e-mails, 0 to 1: candidates below it are neither returned nor charged (on the legacy surface they are
        charged, and left out here).
    min_verdict : {"review", "accept"}, optional
        Leave out candidates whose verdict is worse (see :mod:`crustframe.people.verdict`); whoever has no other is
        ``no_match`` with the reason ``below_verdict``. What was paid stays in the ledger.
    force_fetch, enrich_realtime : bool
        Ask for fresh data. The vendor leaves the effect open; stored answers of plain requests do not count then.
    preview : bool
        Basic profile only, 0 credits; the vendor grants it per account.
    keep : {"all", "asked"}
        Ask for every group that the base credit covers, so that later columns are free, or only for what `fields`
        need.
    max_age : str or float, optional
        How old a stored person may be: ``"30d"``, ``"12h"``, seconds, or ``None`` for any age. ``0`` buys everybody
        anew.
    only : {"all", "missing", "failed", "stale"}
        On a frame that has the columns already: look up every row, or only rows with an empty asked cell, rows that
        failed, are in doubt or were not run, or rows whose stored person is older than `max_age`. All other cells
        stay as they are.
    on_doubt : {"ask", "resend", "skip"}
        People whose earlier request got no complete answer: leave them in doubt ("ask" and "skip"; "ask" still
        finishes a run that was killed), or buy them again, each at most once a run.
    route : {"auto", "calls", "job"}
        Calls of 25 at the account's pace, or jobs of up to 10,000 whose results are fetched when they are done; by
        default what ends first, told in the plan. The columns are the same, but for ``crust.confidence_score``, which
        is ``<NA>`` for what a job brought. E-mails with a `min_similarity_score` never go by job.
    provenance : {"none", "status", "full"}
        Which ``crust.`` columns come along; ``"full"`` has ``crust.match_verdict`` and ``crust.match_reasons``.
    lists : {"join", "list", "json", "count"}
        How a list becomes a cell, where a path does not say.
    overwrite : bool
        Replace columns that exist already.
    wait : bool
        Wait for jobs. Without it their people are ``not_run`` until their results are fetched
        (:func:`crustframe.buying.jobs.collect`, ``crustframe jobs wait``) and the same is run again, at 0 credits.
    webhook_url : str, optional
        Whom the API tells when a job ends; see ``crustframe jobs listen``.
    chunk_size : int, optional
        How many people of a job the API works on at a time, 10 to 1000; by default its own choice, 100.
    progress : bool or callable, optional
        A line on stderr, or a callable that takes :class:`~crustframe.buying.progress.Progress`. Default: when somebody
        watches.
    client : Client, optional
        Whom to ask; by default the one configured in the environment.

    Returns
    -------
    Enrichment
        ``frame`` has n rows and the index of `data`; ``<NA>`` is no match or no value.

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
    one_of("errors", errors, get_args(Errors))
    one_of("only", only, get_args(Only))
    one_of("provenance", provenance, get_args(Provenance))
    one_of("on_doubt", on_doubt, get_args(OnDoubt))
    one_of("route", route, get_args(Route))
    check_verdict(min_verdict)
    check_ceiling(max_credits)
    question = read_question(
        fields,
        api=api,
        lists=lists,
        keep=keep,
        preview=preview,
        min_similarity_score=min_similarity_score,
        force_fetch=force_fetch,
        enrich_realtime=enrich_realtime,
        max_age=max_age,
    )
    _warn_of_retirement(question.options)
    cells = cells_of(data, column)
    check_names(data, column, question.paths, overwrite or only != "all")
    with client_of(client) as owner:
        asked = owner.facing(type(question.options))
        rows = chosen_rows(data, cells, question, only, asked)
        submit = read_submit(webhook_url, chunk_size, is_sandbox=asked.settings.is_loopback)
        identifiers = read_identifiers(cells if rows is None else [cells[row] for row in rows])
        known, plan, choice = plan_run(asked, identifiers, question, on_doubt, route=route)
        max_credits = ceiling_of(asked, max_credits)
        plan.allowed_by(max_credits, partial=partial)
        max_credits = ASK_ABOVE_CREDITS if max_credits is None else max_credits  # it may turn out dearer than planned

        judges = provenance == "full" or min_verdict is not None
        evidence = question.options.evidence if judges else None
        table = PeopleTable(identifiers, question.paths, evidence, min_verdict)
        for record in asked.ledger.recall(identifiers.unique, known, question.need):
            table.put(record)
        tell_doubts(table, asked, plan, known)
        bought, ticket = buy_new(
            asked, table, plan, question, max_credits, on_doubt, errors, progress, choice, wait, submit
        )

        columns, drift = table.columns(provenance)
        report = make_report(
            identifiers,
            table.statuses,
            known=len(known),
            bought=bought,
            price=billed_price(asked, question.options, bought),
            drift=drift,
            in_doubt=[i.text for i, s in zip(identifiers.unique, table.statuses, strict=True) if s == "in_doubt"],
            problems=table.problems(),
            credits_at_risk=table.statuses.count("in_doubt") * plan.price,
            seconds=time.monotonic() - started,
        )

    def read_matches() -> pd.DataFrame:
        return matches_of(asked, identifiers, question, min_verdict)

    frame = beside(data, columns, question.paths) if rows is None else filled_in(data, columns, rows, only)
    enrichment = Enrichment(frame, report, read_matches, ticket)
    note_report(report)
    if bought.interrupted:
        raise Interrupted(enrichment)
    nothing = not (report.statuses["matched"] or report.statuses["no_match"] or bought.credits_committed)
    if bought.stopped is not None and (errors == "raise" or (nothing and isinstance(bought.stopped, BadRequestError))):
        raise bought.stopped
    warn_of_nobody(cells, column, data)
    if report.stopped or report.hit_ceiling or report.statuses["failed"] or report.statuses["in_doubt"]:
        warnings.warn(str(report), PartialResultWarning, stacklevel=stacklevel())
    return enrichment


def plan(
    data: pd.DataFrame | pd.Series[Any] | Iterable[object],
    column: Hashable | None = None,
    fields: Fields = DEFAULT_FIELDS,
    *,
    api: Api = "person",
    max_credits: float | None = None,
    partial: bool = False,
    min_similarity_score: float | None = None,
    force_fetch: bool = False,
    enrich_realtime: bool = False,
    preview: bool = False,
    keep: Keep = "all",
    max_age: str | float | None = "30d",
    only: Only = "all",
    on_doubt: OnDoubt = "ask",
    route: Route = "auto",
    lists: Reduction = "join",
    prices: Prices = "list",
    client: Client | None = None,
) -> Plan:
    """Return what :func:`enrich` with the same arguments would send and cost. Costs nothing.

    Opens no socket unless ``prices="account"`` asks the account. Without an API key the ledger is not consulted and
    everybody counts as new.

    Parameters
    ----------
    data, column, fields, api, max_credits, partial, min_similarity_score, force_fetch, enrich_realtime, preview, \
keep, max_age, only, on_doubt, route, lists, client
        As :func:`enrich` takes them.
    prices : {"list", "account"}
        Reckon with the published limits, or ask ``GET /account/endpoints`` (free) at which pace this account may
        ask and which fields it lacks, and ``GET /account/usage/events`` (free) what the parts of its latest bills were.
        Credits come from the price list, or from what this account was billed before.

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
    one_of("on_doubt", on_doubt, get_args(OnDoubt))
    one_of("route", route, get_args(Route))
    one_of("only", only, get_args(Only))
    one_of("prices", prices, get_args(Prices))
    check_ceiling(max_credits)
    question = read_question(
        fields,
        api=api,
        lists=lists,
        keep=keep,
        preview=preview,
        min_similarity_score=min_similarity_score,
        force_fetch=force_fetch,
        enrich_realtime=enrich_realtime,
        max_age=max_age,
    )
    _warn_of_retirement(question.options)
    cells = cells_of(data, column)
    with client_of(client) as owner:
        asked = owner.facing(type(question.options))
        pace = None
        if prices == "account":
            question, pace = as_granted(question, asked)
        rows = chosen_rows(data, cells, question, only, asked)
        identifiers = read_identifiers(cells if rows is None else [cells[row] for row in rows])
        _, made, _ = plan_run(asked, identifiers, question, on_doubt, pace, route=route)
    return made.within(max_credits, partial=partial)


def matches(
    data: pd.DataFrame | pd.Series[Any] | Iterable[object],
    column: Hashable | None = None,
    fields: Fields = DEFAULT_FIELDS,
    *,
    api: Api = "person",
    min_similarity_score: float | None = None,
    min_verdict: MinVerdict | None = None,
    force_fetch: bool = False,
    enrich_realtime: bool = False,
    preview: bool = False,
    max_age: str | float | None = "30d",
    lists: Reduction = "join",
    client: Client | None = None,
) -> pd.DataFrame:
    """Return every candidate that :func:`enrich` bought, one row each, best first. From the ledger; 0 credits.

    Opens no socket. Who was never bought for these fields has no row.

    Parameters
    ----------
    data, column, fields, api, min_similarity_score, min_verdict, force_fetch, enrich_realtime, preview, max_age, \
lists, client
        As :func:`enrich` takes them.

    Returns
    -------
    pandas.DataFrame, one row per candidate
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
    check_verdict(min_verdict)
    question = read_question(
        fields,
        api=api,
        lists=lists,
        keep="asked",
        preview=preview,
        min_similarity_score=min_similarity_score,
        force_fetch=force_fetch,
        enrich_realtime=enrich_realtime,
        max_age=max_age,
    )
    cells = cells_of(data, column)
    with client_of(client) as owner:
        return matches_of(owner.facing(type(question.options)), read_identifiers(cells), question, min_verdict)


def _warn_of_retirement(options: Options) -> None:
    if options.retirement:
        warnings.warn(options.retirement, RetirementWarning, stacklevel=stacklevel())
