"""Buying in rounds under one purse.

What the account turns out to lack is bought another way, and rows whose person is nobody go on to their next cell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from crustframe.buying.abilities import is_about_the_account
from crustframe.buying.engine import Engine, Outcome, joined
from crustframe.buying.errands import Errand
from crustframe.buying.plan import Plan
from crustframe.buying.purse import Purse
from crustframe.buying.routes import Route
from crustframe.buying.terms import Terms
from crustframe.client import Client
from crustframe.columns.assembly import PeopleTable
from crustframe.errors import APIError, BadRequestError, OfflineError, PermissionDeniedError, SurfaceError
from crustframe.people.identifiers import Identifiers
from crustframe.people.records import Record
from crustframe.verbs.fallback import Rows
from crustframe.verbs.question import Question
from crustframe.verbs.routed_question import refusal_of
from crustframe.verbs.run import KnownParts, plan_run, recalled
from crustframe.wording import persons

_ROUNDS: Final = 8
"""More than there are surfaces to learn of."""
_ENDS: Final = frozenset({"failed", "invalid", "in_doubt", "not_run"})

MakeTable = Callable[[Identifiers, Question], PeopleTable]
Settled = dict[tuple[str, int], Record]
"""By key and part: what is said of somebody whom this run asks about no more, although nobody was found."""


def buy_in_rounds(
    client: Client,
    rows: Rows,
    question: Question,
    plan: Plan,
    known: KnownParts,
    terms: Terms,
    route: Route,
    make_table: MakeTable,
    ask_anew: Callable[[], Question],
) -> tuple[PeopleTable, Outcome]:
    """Buy whom the plan names, and go on as long as the account turns out to lack a surface that another makes good.

    Where people were only identified, the next round asks for them by the profile URL that was found. Where nobody
    was found, rows with another cell go on to it. One ceiling holds over all rounds; nobody who failed, or is in doubt,
    is asked again.

    Parameters
    ----------
    ask_anew : callable
        Returns the question as the account can answer it by what was learnt until then.

    Raises
    ------
    ConfigurationError, OfflineError
        There is no key, or no socket may be opened. Nothing was sent.
    APIError, LedgerError
        Everything would be refused, or nothing could be written down.
    """
    run = _Run(client, rows, terms, route, make_table, ask_anew)
    table = run.buy(question, plan, known)
    while run.may_go_on and rows.go_on(table, run.unavailable):
        question = ask_anew()
        known, plan = run.plan(question)
        table = run.buy(question, plan, known)
    return table, run.outcome


class _Run:
    """Everything that the rounds of one run share."""

    def __init__(
        self,
        client: Client,
        rows: Rows,
        terms: Terms,
        route: Route,
        make_table: MakeTable,
        ask_anew: Callable[[], Question],
    ) -> None:
        self.outcome = Outcome((purse := Purse(terms.max_credits)).bought, None, [])
        self._purse = purse
        self._client = client
        self._rows = rows
        self._terms = terms
        self._route = route
        self._make_table = make_table
        self._ask_anew = ask_anew
        self._settled: Settled = {}
        self._learnt: dict[tuple[str, str], bool] = {}
        self._refusal: Exception | None = None
        self._began = client.clock()
        self.unavailable: Mapping[str, str] = {}

    @property
    def may_go_on(self) -> bool:
        """Whether nothing ended the run."""
        bought = self._purse.bought
        return not bought.interrupted and bought.stopped is None

    def plan(self, question: Question) -> tuple[KnownParts, Plan]:
        """Plan whom this run has not asked about yet; what it bought itself is known, however fresh it must be."""
        known, plan = plan_run(
            self._client, self._rows, question, self._terms.on_doubt, route=self._route, since=self._began
        )
        return known, _without(plan, self._settled)

    def buy(self, question: Question, plan: Plan, known: KnownParts) -> PeopleTable:
        """Buy whom the plan names, in as many rounds as it takes; return the table of everybody."""
        bought = self._purse.bought
        table = self._table(question, plan, known)
        for _ in range(_ROUNDS):
            if not plan.errands or not plan.new:
                break
            refusal: APIError | None = None
            try:
                self._one_round(table, plan, question)
            except (BadRequestError, PermissionDeniedError, SurfaceError) as error:
                refusal = error
            self._refusal = self._refusal or refusal or bought.stopped
            lacks_more = self._learn()
            is_over = bought.interrupted or (
                refusal is None and bought.stopped is not None and not is_about_the_account(bought.stopped)
            )
            if is_over or not (lacks_more or plan.goes_on):
                if refusal is not None:
                    bought.end_with(self._refusal or refusal)
                break
            again = self._ask_anew()
            known, plan = self.plan(again)
            if refusal is not None and not again.makes_good(question):
                bought.end_with(self._refusal or refusal)
                break
            question = again
            self._purse.next_round()
            table = self._table(question, plan, known)
        self.unavailable = plan.unavailable
        if plan.unavailable and bought.stopped is None and not self._rows.has_further(plan.unavailable):
            bought.stopped = self._refusal or refusal_of(plan)
        return table

    def _table(self, question: Question, plan: Plan, known: KnownParts) -> PeopleTable:
        table = self._make_table(self._rows.identifiers, question)
        recalled(self._client, table, plan, question, known)
        asked = {identifier.key for identifier in self._rows.identifiers.unique}
        for (key, part), record in self._settled.items():
            if key in asked and part < len(question.parts):
                table.put(record, part)
        return table

    def _learn(self) -> bool:
        """Keep what the last round found out about the account; return whether it lacks more than was known."""
        found = self._purse.bought.learnt
        news = {what: has for what, has in found.items() if what not in self._learnt}
        if news:
            self._learnt |= news
            self._client.ledger.learn_abilities(news)
        return not all(news.values())

    def _one_round(self, table: PeopleTable, plan: Plan, question: Question) -> None:
        client = self._client
        client.settings.require_key()
        if client.settings.offline:
            raise _offline(plan)
        began = client.clock()

        def put(errand: Errand, record: Record) -> None:
            for key in errand.stands_for.get(record.key, (record.key,)):
                for part in errand.parts:
                    named = replace(record, key=key)
                    if named.status in _ENDS and named.reason != "request_refused":
                        self._settled[key, part] = named
                    if not (errand.is_step and named.status == "matched"):
                        table.put(question.remarked(named, part), part)

        try:
            outcome = Engine(client, plan.errands, self._terms, put, self._purse).run()
        except (BadRequestError, PermissionDeniedError) as error:
            raise question.in_words(error) from None
        if isinstance(outcome.bought.stopped, BadRequestError | PermissionDeniedError):
            outcome.bought.stopped = question.in_words(outcome.bought.stopped)
        self._read_jobs(table, question, outcome, began)
        tickets = [ticket for ticket in (self.outcome.ticket, outcome.ticket) if ticket is not None]
        self.outcome = replace(outcome, ticket=joined(tickets) if tickets else None)

    def _read_jobs(self, table: PeopleTable, question: Question, outcome: Outcome, began: float) -> None:
        """Put into the table what jobs brought into the ledger, and what became of everybody else in them."""
        for buyer in outcome.by_job:
            elsewhere = {identifier.key for identifier in buyer.refused}
            people = [identifier for identifier in buyer.errand.people if identifier.key not in elsewhere]
            unsettled = buyer.unsettled()
            for number in buyer.errand.parts:
                part = question.parts[number]
                known = part.known(self._client.ledger, people, since=began)
                told = [replace(record, source="job") for record in part.recall(self._client.ledger, people, known)]
                told += [unsettled[i.key] for i in people if i.key not in known and i.key in unsettled]
                for record in told:
                    for key in buyer.errand.stands_for.get(record.key, (record.key,)):
                        named = replace(record, key=key)
                        if named.status in _ENDS:
                            self._settled[key, number] = named
                        table.put(question.remarked(named, number), number)


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


def _offline(plan: Plan) -> OfflineError:
    named = ", ".join(identifier.text for identifier in plan.new[:5])
    return OfflineError(
        f"The ledger does not know {plan.about}{plan.n_new} of {persons(plan.people)}, and offline was asked for: "
        f"{named}{' ...' if plan.n_new > 5 else ''}. No socket was opened, nothing was charged.",
        hint="run once without CRUSTFRAME_OFFLINE to buy them.",
    )
