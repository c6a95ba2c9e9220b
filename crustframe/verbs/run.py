"""The one path of every question: who is known, what the rest would cost, buy it, and put what came into the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from crustframe.api.account import read_endpoints, usage_log
from crustframe.buying.abilities import is_about_the_account, told_by_list
from crustframe.buying.engine import Engine, Outcome
from crustframe.buying.errands import Errand
from crustframe.buying.plan import Plan
from crustframe.buying.purse import Bought, Purse
from crustframe.buying.routes import Route
from crustframe.buying.terms import OnDoubt, Terms
from crustframe.client import Client
from crustframe.columns.assembly import PeopleTable
from crustframe.errors import APIError, BadRequestError, OfflineError, PermissionDeniedError, SurfaceError
from crustframe.ledger import Known
from crustframe.people.identifiers import Identifiers
from crustframe.people.records import Record
from crustframe.settings.config import ASK_ABOVE_CREDITS
from crustframe.verbs.question import PersonQuestion, Question, Standing
from crustframe.verbs.report import Report, make_report
from crustframe.verbs.routed_question import RoutedQuestion, for_account, refusal_of
from crustframe.verbs.steps import ceiling_of
from crustframe.wording import counted

_LATELY_S: Final = 7 * 86400.0
_ROUNDS: Final = 8
"""More than there are surfaces to learn of."""
_ENDS: Final = frozenset({"failed", "invalid", "in_doubt", "not_run"})

KnownParts = Sequence[Mapping[str, Known]]
"""By part of the question: whom the ledger can answer for."""


def plan_run(
    client: Client,
    identifiers: Identifiers,
    question: Question,
    on_doubt: OnDoubt,
    pace: float | None = None,
    *,
    route: Route = "calls",
) -> tuple[KnownParts, Plan]:
    """Return who is known, and what the rest would cost. Opens no socket."""
    people = [identifier for identifier in identifiers.unique if question.takes(identifier)]
    parts = [part.known(client.ledger, people) for part in question.parts]
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
    made = question.plan(client, standing, pace or client.requests_per_minute, route)
    notes = [note] if (note := _ceiling_note(made.credits_high, ceiling_of(client, None))) else []
    return parts, replace(made, notes=(*made.notes, *notes, *question.late_notes(made)))


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


def buy_new(client: Client, table: PeopleTable, plan: Plan, question: Question, terms: Terms) -> Outcome:
    """Buy whom the plan names, under one ceiling, and put what comes into the table.

    Raises
    ------
    ConfigurationError, OfflineError
        There is no key, or no socket may be opened. Nothing was sent.
    APIError, LedgerError
        Everything would be refused, or nothing could be written down.
    """
    if not plan.new:
        return Outcome(Bought(), None, [])
    return _one_round(client, table, plan, question, terms, Purse(terms.max_credits), {})


Settled = dict[tuple[str, int], Record]
"""By key and part: what is said of somebody whom this run asks about no more, although nobody was found."""


def _one_round(
    client: Client,
    table: PeopleTable,
    plan: Plan,
    question: Question,
    terms: Terms,
    purse: Purse,
    settled: Settled,
) -> Outcome:
    client.settings.require_key()
    if client.settings.offline:
        raise _offline(plan)
    began = client.clock()

    def put(errand: Errand, record: Record) -> None:
        for key in errand.stands_for.get(record.key, (record.key,)):
            for part in errand.parts:
                named = replace(record, key=key)
                if named.status in _ENDS and named.reason != "request_refused":
                    settled[key, part] = named
                if not (errand.is_step and named.status == "matched"):
                    table.put(question.remarked(named, part), part)

    try:
        outcome = Engine(client, plan.errands, terms, put, purse).run()
    except (BadRequestError, PermissionDeniedError) as error:
        raise question.in_words(error) from None
    if isinstance(outcome.bought.stopped, BadRequestError | PermissionDeniedError):
        outcome.bought.stopped = question.in_words(outcome.bought.stopped)
    _read_jobs(client, table, question, outcome, client.clock() - began, settled)
    return outcome


def buy_in_rounds(
    client: Client,
    identifiers: Identifiers,
    question: PersonQuestion | RoutedQuestion,
    plan: Plan,
    known: KnownParts,
    terms: Terms,
    route: Route,
    make_table: Callable[[Question], PeopleTable],
) -> tuple[PeopleTable, Outcome]:
    """Buy whom the plan names, and go on as long as the account turns out to lack a surface that another makes good.

    Where people were only identified, the next round asks for them by the profile URL that was found. One ceiling
    holds over all rounds; nobody who failed, or is in doubt, is asked again.

    Raises
    ------
    ConfigurationError, OfflineError, APIError, LedgerError
        As :func:`buy_new` does.
    """
    asked = question.asked if isinstance(question, RoutedQuestion) else question
    table = make_table(question)
    recalled(client, table, plan, question, known)
    purse, settled = Purse(terms.max_credits), Settled()
    outcome = Outcome(purse.bought, None, [])
    first: Exception | None = None
    learnt: dict[tuple[str, str], bool] = {}
    for _ in range(_ROUNDS):
        if not plan.errands or not plan.new:
            break
        refusal: APIError | None = None
        try:
            outcome = _one_round(client, table, plan, question, terms, purse, settled)
        except (BadRequestError, PermissionDeniedError, SurfaceError) as error:
            refusal = error
        first = first or refusal or purse.bought.stopped
        news = {what: has for what, has in purse.bought.learnt.items() if what not in learnt}
        if news:
            learnt |= news
            client.ledger.learn_abilities(news)
        lacks_more = not all(news.values())
        may_go_on = not purse.bought.interrupted and (
            refusal is not None or purse.bought.stopped is None or is_about_the_account(purse.bought.stopped)
        )
        if not may_go_on or not (lacks_more or any(errand.is_step for errand in plan.errands)):
            if refusal is not None:
                purse.bought.end_with(first or refusal)
            break
        again = for_account(asked, client)
        known, plan = plan_run(client, identifiers, again, terms.on_doubt, route=route)
        plan = _without(plan, settled)
        is_made_good = isinstance(again, RoutedQuestion) and again != question and not again.lacks_live
        if refusal is not None and not is_made_good:
            purse.bought.end_with(first or refusal)
            break
        question = again
        purse.next_round()
        table = make_table(question)
        recalled(client, table, plan, question, known)
        for (_, part), record in settled.items():
            if part < len(question.parts):
                table.put(record, part)
    if plan.unavailable and purse.bought.stopped is None:
        purse.bought.stopped = first or refusal_of(plan)
    return table, outcome


def _without(plan: Plan, settled: Settled) -> Plan:
    """Leave out whom this run asks about no more."""
    errands = []
    for errand in plan.errands:
        people = tuple(
            person
            for person in errand.people
            if not all(
                (key, part) in settled
                for key in errand.stands_for.get(person.key, (person.key,))
                for part in errand.parts
            )
        )
        if people:
            errands.append(replace(errand, people=people))
    return replace(plan, errands=tuple(errands))


def receipt_of(
    client: Client,
    table: PeopleTable,
    plan: Plan,
    bought: Bought,
    *,
    price: float,
    drift: Mapping[tuple[str, str], int],
    seconds: float,
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
    )


def _offline(plan: Plan) -> OfflineError:
    named = ", ".join(identifier.text for identifier in plan.new[:5])
    return OfflineError(
        f"The ledger does not know {plan.about}{plan.n_new} of {plan.people} people, and offline was asked for: "
        f"{named}{' ...' if plan.n_new > 5 else ''}. No socket was opened, nothing was charged.",
        hint="run once without CRUSTFRAME_OFFLINE to buy them.",
    )


def _read_jobs(
    client: Client, table: PeopleTable, question: Question, outcome: Outcome, took_s: float, settled: Settled
) -> None:
    """Put into the table what jobs brought into the ledger, and what became of everybody else in them."""
    for buyer in outcome.by_job:
        elsewhere = {identifier.key for identifier in buyer.refused}
        people = [identifier for identifier in buyer.errand.people if identifier.key not in elsewhere]
        unsettled = buyer.unsettled()
        for number in buyer.errand.parts:
            part = question.parts[number]
            known = part.known(client.ledger, people, back_s=took_s)
            told = [replace(record, source="job") for record in part.recall(client.ledger, people, known)]
            told += [unsettled[i.key] for i in people if i.key not in known and i.key in unsettled]
            for record in told:
                for key in buyer.errand.stands_for.get(record.key, (record.key,)):
                    if record.status in _ENDS:
                        settled[key, number] = replace(record, key=key)
                    table.put(question.remarked(replace(record, key=key), number), number)
