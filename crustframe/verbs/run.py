"""The one path of every question: who is known, what the rest would cost, buy it, and put what came into the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from crustframe.api.account import read_endpoints, usage_log
from crustframe.buying.abilities import told_by_list
from crustframe.buying.plan import Plan
from crustframe.buying.purse import Bought
from crustframe.buying.routes import Route
from crustframe.buying.terms import OnDoubt
from crustframe.client import Client
from crustframe.columns.assembly import PeopleTable
from crustframe.errors import APIError, PermissionDeniedError
from crustframe.ledger import Known
from crustframe.people.identifiers import Identifiers
from crustframe.people.records import Record
from crustframe.settings.config import ASK_ABOVE_CREDITS
from crustframe.verbs.fallback import Rows
from crustframe.verbs.question import PersonQuestion, Question, Standing
from crustframe.verbs.report import Beyond, Report, make_report
from crustframe.verbs.steps import ceiling_of
from crustframe.wording import counted

_LATELY_S: Final = 7 * 86400.0

KnownParts = Sequence[Mapping[str, Known]]
"""By part of the question: whom the ledger can answer for."""


def plan_run(
    client: Client,
    rows: Rows,
    question: Question,
    on_doubt: OnDoubt,
    pace: float | None = None,
    *,
    route: Route = "calls",
    since: float | None = None,
) -> tuple[KnownParts, Plan]:
    """Return who is known, also by whatever came `since` then, and what the rest would cost. No socket."""

    def plan_people(identifiers: Identifiers) -> tuple[KnownParts, Plan]:
        return _plan_people(client, identifiers, question, on_doubt, pace, route, since)

    parts, made = plan_people(rows.identifiers)
    made = rows.with_further(client, made, lambda identifiers: plan_people(identifiers)[1])
    notes = [note] if (note := _ceiling_note(made.credits_high, ceiling_of(client, None))) else []
    return parts, replace(made, notes=(*made.notes, *notes, *question.late_notes(made)))


def table_of(identifiers: Identifiers, question: Question) -> PeopleTable:
    """Return the table that the answers to a question go into."""
    return PeopleTable(identifiers, [part.paths for part in question.parts])


def past_nobody(
    client: Client,
    rows: Rows,
    question: Question,
    on_doubt: OnDoubt,
    make_table: Callable[[Identifiers, Question], PeopleTable],
) -> None:
    """Let rows go on past whoever the ledger knows to be nobody."""
    while rows.further:
        known, plan = plan_run(client, rows, question, on_doubt)
        table = make_table(rows.identifiers, question)
        recalled(client, table, plan, question, known)
        if not rows.go_on(table, plan.unavailable):
            break


def _plan_people(
    client: Client,
    identifiers: Identifiers,
    question: Question,
    on_doubt: OnDoubt,
    pace: float | None,
    route: Route,
    since: float | None,
) -> tuple[KnownParts, Plan]:
    people = [identifier for identifier in identifiers.unique if question.takes(identifier)]
    parts = [part.known(client.ledger, people, since=since) for part in question.parts]
    lacking = {
        i.key: missing for i in people if (missing := tuple(n for n, known in enumerate(parts) if i.key not in known))
    }
    doubts = [] if on_doubt == "resend" else client.ledger.doubts(people)
    in_doubt = frozenset(
        doubt.identifier.key
        for doubt in doubts
        if (doubt.told or on_doubt == "skip")
        and any(doubt.groups & question.asks(number) for number in lacking.get(doubt.identifier.key, ()))
    )
    standing = Standing(
        identifiers,
        known=frozenset(i.key for i in people if i.key not in lacking),
        in_doubt=in_doubt,
        new=tuple(i for i in people if i.key in lacking and i.key not in in_doubt),
        lacking=lacking,
    )
    return parts, question.plan(client, standing, pace or client.requests_per_minute, route)


def plan_first(
    client: Client,
    rows: Rows,
    limit: int | None,
    question: Question,
    on_doubt: OnDoubt,
    pace: float | None = None,
    *,
    route: Route = "calls",
) -> tuple[Rows, KnownParts, Plan, Beyond]:
    """Return the rows of the first people, what :func:`plan_run` says of them, and what the rest would cost."""
    first, rest = rows.first(limit, question.takes)
    known, plan = plan_run(client, first, question, on_doubt, pace, route=route)
    if not rest.cells:
        return first, known, plan, Beyond()
    _, later = plan_run(client, rest, question, on_doubt, pace, route=route)
    beyond = Beyond(len(rest.identifiers.unique), later.credits_high)
    return first, known, replace(plan, notes=(*plan.notes, *beyond.note())), beyond


def _ceiling_note(credits_high: float, ceiling: float | None) -> str:
    if ceiling is None and credits_high > ASK_ABOVE_CREDITS:
        return f"no ceiling is set: above {ASK_ABOVE_CREDITS:.12g} credits a run needs max_credits={credits_high:.12g}"
    if ceiling is not None and credits_high > ceiling:
        return f"more than the ceiling of {counted(ceiling, 'credit')} that is set for every run"
    return ""


def as_granted(question: PersonQuestion, client: Client) -> tuple[PersonQuestion, float | None]:
    """Ask the account what it may do; leave out what it lacks and nothing needs."""
    endpoints = read_endpoints(client.transport)
    endpoint = endpoints.get(question.options.path)
    _learn_prices(client)
    client.ledger.learn_abilities(told_by_list(endpoints))
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
    if not client.ledger.exists():
        return
    with suppress(APIError):  # the price list does without
        rows = usage_log(client, is_patient=False).events(client.clock() - _LATELY_S, pages=1)
        client.ledger.learn_prices({row.event_id: row.parts for row in rows if row.parts})


def recalled(client: Client, table: PeopleTable, plan: Plan, question: Question, known: KnownParts) -> None:
    """Put into the table what the ledger knows, and who is in doubt and not bought again."""
    people = table.identifiers.unique
    for number, (part, there) in enumerate(zip(question.parts, known, strict=True)):
        for record in part.recall(client.ledger, people, there):
            table.put(question.remarked(record, number), number)
    for identifier in people:
        if not question.takes(identifier):
            for number in range(len(question.parts)):
                table.put(Record(identifier.key, "invalid"), number)
    for number, said in question.absent.items():
        for identifier in people:
            table.put(replace(said, key=identifier.key), number)
    for key, reason in plan.unavailable.items():
        for number, there in enumerate(known):
            if key not in there:
                table.put(Record(key, "failed", reason=reason), number)
    if not plan.in_doubt:
        return
    new = {identifier.key for identifier in plan.new}
    for doubt in client.ledger.doubts(people):
        key = doubt.identifier.key
        for number, there in enumerate(known):
            if key not in new and key not in there and doubt.groups & question.asks(number):
                table.put(Record(key, "in_doubt", reason="no answer to an earlier request"), number)


def receipt_of(
    client: Client,
    table: PeopleTable,
    plan: Plan,
    bought: Bought,
    *,
    price: float,
    drift: Mapping[tuple[str, str], int],
    seconds: float,
    beyond: Beyond,
) -> Report:
    """Return the receipt of a run; what may have been charged for whoever is in doubt stands in the ledger."""
    statuses = table.statuses
    in_doubt = [i for i, status in zip(table.identifiers.unique, statuses, strict=True) if status == "in_doubt"]
    doubts = client.ledger.doubts(in_doubt) if in_doubt else []
    return make_report(
        table.identifiers,
        statuses,
        known=plan.known,
        bought=bought,
        price=price,
        drift=drift,
        in_doubt=[identifier.text for identifier in in_doubt],
        problems=table.problems(),
        credits_at_risk=sum(doubt.credits_at_risk for doubt in doubts),
        seconds=seconds,
        beyond=beyond,
    )
