"""The steps that every question takes: plan who is new, tell who is in doubt, buy the rest."""

from __future__ import annotations

import difflib
import sys
import warnings
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from crustframe import contract
from crustframe.api.jobs import read_submit
from crustframe.buying.plan import Plan, make_plan
from crustframe.buying.progress import Progress, read_progress
from crustframe.buying.purchasing import Bought, Buyer, refused_groups
from crustframe.buying.routes import Choice, Route, choose
from crustframe.buying.routes import buy as buy_by_routes
from crustframe.buying.terms import OnDoubt, Terms
from crustframe.client import Client
from crustframe.columns.assembly import PeopleTable
from crustframe.columns.frames import columns_beside, nobody_named
from crustframe.contract import BUSINESS_EMAIL, PROFILE_URL, IdentifierKind
from crustframe.errors import APIError, BadRequestError, OfflineError, PartialResultWarning, PermissionDeniedError
from crustframe.ledger import Known
from crustframe.people.identifiers import Identifiers, is_address
from crustframe.people.records import Record
from crustframe.settings.config import ASK_ABOVE_CREDITS, read_ceiling
from crustframe.verbs.moving import cost_notes
from crustframe.verbs.options import RunOptions
from crustframe.verbs.question import Question

if TYPE_CHECKING:
    from crustframe.buying.jobs import Ticket
    from crustframe.verbs.report import Report

_LATELY_S: Final = 7 * 86400.0


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


def note_report(report: Report) -> None:
    """Keep the receipt for :func:`last_report`."""
    _of_process["report"] = report


def plan_run(
    client: Client,
    identifiers: Identifiers,
    question: Question,
    on_doubt: OnDoubt,
    requests_per_minute: float | None = None,
    *,
    route: Route = "calls",
) -> tuple[dict[str, Known], Plan, Choice]:
    """Return who is known, what the rest would cost, and which way it would go. Opens no socket."""
    options = question.options
    known = client.ledger.known(identifiers.unique, question.need)
    doubts = [] if on_doubt == "resend" else client.ledger.doubts(identifiers.unique)
    in_doubt = {d.identifier.key for d in doubts if d.told or on_doubt == "skip"} - set(known)
    new = [i for i in identifiers.unique if i.key not in known and i.key not in in_doubt]
    pace = requests_per_minute or client.requests_per_minute
    choice = choose(client, options, new, route, pace)
    made = make_plan(
        identifiers,
        known=known,
        in_doubt=in_doubt,
        groups=options.groups,
        price=choice.price,
        requests_per_minute=pace,
        match_rate=client.ledger.match_rate(),
        prices=options.prices,
        max_identifiers=options.max_identifiers,
        seconds_a_person=options.seconds_for(1) if options.is_realtime else 0.0,
        concurrency=client.concurrency,
        credits_left_today=client.ledger.left_today(),
    )
    made = replace(made, route="job" if choice.by_job else "calls", job_minutes=choice.job_minutes)
    if choice.reason:
        made = replace(made, notes=(*made.notes, choice.reason))
    if gated := [path.field.path for path in question.paths if path.field.access == contract.GATED]:
        note = f"not in every plan: {', '.join(gated)}; where it is not granted, the API refuses the whole call, free"
        made = replace(made, notes=(*made.notes, note))
    if note := _ceiling_note(made.credits_high, ceiling_of(client, None)):
        made = replace(made, notes=(*made.notes, note))
    if options.retirement:
        made = replace(made, notes=(*made.notes, *cost_notes(question.paths, made.price, made.n_new)))
    return known, made, choice


def _ceiling_note(credits_high: float, ceiling: float | None) -> str:
    if ceiling is None and credits_high > ASK_ABOVE_CREDITS:
        return f"no ceiling is set: above {ASK_ABOVE_CREDITS:.12g} credits a run needs max_credits={credits_high:.12g}"
    if ceiling is not None and credits_high > ceiling:
        return f"more than the ceiling of {ceiling:.12g} credits that is set for every run"
    return ""


def as_granted(question: Question, client: Client) -> tuple[Question, float | None]:
    """Ask the account what it may do; leave out what it lacks and nothing needs."""
    from crustframe.api.account import read_endpoint

    endpoint = read_endpoint(client.transport, question.options.path)
    _learn_prices(client)
    if endpoint is None:
        return question, None
    if not endpoint.enabled:
        raise PermissionDeniedError(
            f"The account lacks {question.options.path}. Nothing was sent, nothing was charged.",
            hint="ask the vendor which endpoints the plan includes.",
        )
    lacking = {g for g in question.options.groups if g in endpoint.disabled_fields}
    if lacking & question.needed:
        asked = dict.fromkeys(path.field.path for path in question.paths if path.groups & lacking)
        raise PermissionDeniedError(
            f"The account lacks {', '.join(asked)}. Nothing was sent, nothing was charged.",
            denied_fields=sorted(lacking & question.needed),
            hint="leave it out, or ask the vendor to grant it.",
        )
    options = replace(question.options, groups=question.options.groups - lacking)
    own = client.settings.requests_per_minute
    pace = endpoint.requests_per_minute
    return replace(question, options=options), min(own, pace) if own and pace else pace


def _learn_prices(client: Client) -> None:
    """Look at the latest bills of the account: one that tells its parts prices other combinations of groups too."""
    from crustframe.api.account import usage_log

    if not client.ledger.exists():
        return
    with suppress(APIError):  # the price list does without
        rows = usage_log(client, is_patient=False).events(client.clock() - _LATELY_S, pages=1)
        client.ledger.learn_prices({row.event_id: row.parts for row in rows if row.parts})


def tell_doubts(table: PeopleTable, client: Client, plan: Plan, known: Mapping[str, Known]) -> None:
    """Say of whoever is in doubt and not bought again that it is so."""
    if not plan.in_doubt:
        return
    new = {identifier.key for identifier in plan.new}
    for doubt in client.ledger.doubts(table.identifiers.unique):
        if doubt.identifier.key not in new and doubt.identifier.key not in known:
            table.put(Record(doubt.identifier.key, "in_doubt", reason="no answer to an earlier request"))


def buy_new(
    client: Client,
    table: PeopleTable,
    plan: Plan,
    question: Question,
    terms: Terms,
    choice: Choice,
) -> tuple[Bought, Ticket | None]:
    """Buy whom the plan names, under one ceiling, and put what comes into the table.

    Raises
    ------
    ConfigurationError, OfflineError
        There is no key, or no socket may be opened. Nothing was sent.
    APIError, LedgerError
        Everything would be refused, or nothing could be written down.
    """
    if not plan.new:
        return Bought(), None
    client.settings.require_key()
    if client.settings.offline:
        raise OfflineError(
            f"The ledger does not know {plan.n_new} of {plan.people} people, and offline was asked for: "
            f"{', '.join(identifier.text for identifier in plan.new[:5])}"
            f"{' ...' if plan.n_new > 5 else ''}. No socket was opened, nothing was charged.",
            hint="run once without CRUSTFRAME_OFFLINE to buy them.",
        )
    show, close = read_progress(terms.progress, plan.n_new)
    settled = found = 0

    def take(record: Record) -> None:
        nonlocal settled, found
        table.put(record)
        settled += 1
        found += record.status == "matched"
        follow(0, 0, "")

    def follow(settled_by_jobs: int, found_by_jobs: int, waiting_for: str) -> None:
        so_far = buyer.bought
        left = None if terms.max_credits is None else terms.max_credits - so_far.credits
        n, n_found = settled + settled_by_jobs, found + found_by_jobs
        show(Progress(n, plan.n_new, n_found, so_far.calls, so_far.credits, left, waiting_for))

    buyer = Buyer(
        client, question.options, needed_groups=question.needed, need=question.need, terms=terms, on_record=take
    )
    try:
        return buy_by_routes(
            client,
            buyer,
            choice,
            question.options,
            need=question.need,
            terms=terms,
            on_record=table.put,
            on_settled=follow,
        )
    except (BadRequestError, PermissionDeniedError) as error:
        raise in_words_of(question, error) from None
    finally:
        close()


def in_words_of(question: Question, error: BadRequestError | PermissionDeniedError) -> APIError:
    """Return a refusal of fields as one of the paths that were asked; the request named whole groups."""
    refused = refused_groups(error, question.options.groups)
    asked = [path.field.path for path in question.paths if path.groups & refused]
    if not asked:
        return error
    named = ", ".join(dict.fromkeys(asked))
    facts: dict[str, Any] = {"status": error.status, "request_id": error.request_id}
    if isinstance(error, PermissionDeniedError):
        return PermissionDeniedError(
            f"The account may not ask for {named} ({error.status}). Nothing was charged.",
            denied_fields=error.denied_fields,
            hint=f"leave out {named}, or ask the vendor to grant it.",
            **facts,
        )
    return BadRequestError(
        f"The API refused the request ({error.status}): it does not offer {named}. Nothing was charged.",
        available_fields=error.available_fields,
        about_parameters=True,
        hint=f"leave it out; {_on_offer(asked, error.available_fields)}.",
        **facts,
    )


def _on_offer(asked: Iterable[str], available: Sequence[str]) -> str:
    near = dict.fromkeys(name for path in asked for name in difflib.get_close_matches(path, available, n=3))
    if near:
        return f"the nearest that this account offers: {', '.join([*near][:5])}"
    groups = dict.fromkeys(name.partition(".")[0] for name in available)
    return f"this account offers nothing like it, but {', '.join(groups)}"


def warn_of_nobody(
    cells: Iterable[object],
    column: Hashable | None,
    data: Any,
    kinds: Collection[IdentifierKind] = (PROFILE_URL, BUSINESS_EMAIL),
) -> None:
    """Warn if every cell that is not blank is refused, or if somebody has become the name of the column."""
    name = getattr(data, "name", None) if column is None else column
    if isinstance(name, str) and is_address(name):
        what = f"The column is named {name!r}, so somebody was read as a header and is not in the rows."
        warnings.warn(f"{what}\nHint: read the file with header=None.", PartialResultWarning, stacklevel=stacklevel())
    if words := nobody_named(cells, column, columns_beside(data), kinds):
        warnings.warn(words, PartialResultWarning, stacklevel=stacklevel())


def stacklevel() -> int:
    """Point a warning at the user's own line, whichever front end it came through."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] == "crustframe":
        level, frame = level + 1, frame.f_back
    return level
