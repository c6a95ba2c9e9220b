"""Contacts in bulk: business e-mails, personal e-mails and phone numbers, each bought once and only when asked for."""

from __future__ import annotations

import time
import warnings
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial as bound
from typing import TYPE_CHECKING, Any, Final, Unpack

from crustframe import contract
from crustframe.buying.contact_plan import (
    KINDS,
    ContactPlan,
    ContactQuestion,
    Kind,
    Kinds,
    make_contact_plan,
    read_kinds,
    urls_of,
)
from crustframe.buying.job_buying import JobBuyer
from crustframe.buying.jobs import Ticket
from crustframe.buying.progress import Progress, read_progress
from crustframe.buying.purchasing import Bought
from crustframe.buying.terms import Terms
from crustframe.client import Client
from crustframe.columns.expand import Expansion
from crustframe.columns.frames import STATUS_COLUMN, beside, cells_of, check_names
from crustframe.errors import OfflineError, PartialResultWarning
from crustframe.fields import Path, read_paths
from crustframe.ledger import Need
from crustframe.people.identifiers import Identifier, Identifiers, read_identifiers
from crustframe.people.records import Record, Status
from crustframe.settings.config import read_age
from crustframe.verbs.options import ContactOptions, ContactPlanOptions, ContactProvenance
from crustframe.verbs.question import check_ceiling
from crustframe.verbs.report import Report, make_report
from crustframe.verbs.signature import takes
from crustframe.verbs.steps import client_of, note_report, read_terms, stacklevel, warn_of_nobody, with_brake
from crustframe.wording import persons

if TYPE_CHECKING:
    import pandas as pd


_FIELDS: Final[Mapping[Kind, tuple[str, ...]]] = {
    "business_email": (
        "contact.business_emails[0].email as business_email",
        "contact.business_emails[*].email as business_emails | join",
        "contact.business_emails[0].status as business_email_status",
    ),
    "personal_emails": (
        "contact.personal_emails[0].email as personal_email",
        "contact.personal_emails[*].email as personal_emails | join",
        "contact.personal_emails[0].status as personal_email_status",
    ),
    "phone_numbers": (
        "contact.phone_numbers[0] as phone_number",
        "contact.phone_numbers[*] as phone_numbers | join",
    ),
}


@dataclass(frozen=True)
class Contacts:
    """What :func:`contacts` found.

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
    ticket: Ticket | None = None


@takes(ContactOptions)
def contacts(
    data: pd.DataFrame | pd.Series[Any] | Iterable[object],
    column: Hashable | None = None,
    kinds: Kinds = KINDS,
    **options: Unpack[ContactOptions],
) -> Contacts:
    """Look up ways to reach the people of a column, by jobs of up to 300.

    Costs, for each person and only where it is found: business e-mails 1 credit, personal e-mails 2, phone numbers
    2; `verified` 0.5 more for each person with a business e-mail. There is no base credit. What the ledger holds is
    free, kind by kind. Source: batch contact enrichment (project seed 004) and the vendor's price list.

    Parameters
    ----------
    data : pandas.DataFrame, pandas.Series or iterable, n rows
        Blanks, repeats, other spellings and junk are welcome; nothing of it changes.
    column : hashable, optional
        Which column of a frame holds profile URLs; the API takes nothing else here.
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
    question = ContactQuestion(read_kinds(kinds), options["verified"], read_age(options["max_age"]))
    check_ceiling(options["max_credits"])
    paths = contact_paths(question.kinds)
    cells = cells_of(data, column)
    check_names(data, column, paths, options["overwrite"])
    with client_of(options["client"]) as asked:
        began = asked.clock()
        terms = read_terms(asked, options)
        identifiers = read_identifiers(cells)
        people = urls_of(identifiers)
        made = make_contact_plan(asked.ledger, identifiers, question, on_doubt=terms.on_doubt)
        made.allowed_by(terms.max_credits, partial=options["partial"])
        bought, buyers = _buy(asked, made, question, with_brake(terms))
        question = question.reaching_back(asked.clock() - began)
        table = _Table(identifiers, paths)
        for kind in question.kinds:
            need = question.need(kind)
            known = asked.ledger.known(people, need)
            for record in asked.ledger.recall(people, known, need):
                table.put(record)
        under_way = _under_way(asked, people, buyers)
        table.settle(question.lacking(asked.ledger, people), made.doubtful, under_way, buyers)
        columns, drift = table.columns()
        report = make_report(
            identifiers,
            table.statuses,
            known=made.known,
            bought=bought,
            price=0.0,
            drift=drift,
            in_doubt=[i.text for i, s in zip(identifiers.unique, table.statuses, strict=True) if s == "in_doubt"],
            problems={},
            credits_at_risk=bought.credits_at_risk,
            seconds=time.monotonic() - started,
        )
    warn_of_nobody(cells, column, data, [contract.PROFILE_URL])
    ticket = None if terms.wait else _ticket(buyers)
    found = Contacts(beside(data, columns[column_names(question.kinds, options["provenance"])], paths), report, ticket)
    note_report(report)
    if bought.interrupted:
        raise KeyboardInterrupt(str(report))
    if bought.stopped is not None or report.hit_ceiling or report.statuses["failed"] or report.statuses["in_doubt"]:
        warnings.warn(str(report), PartialResultWarning, stacklevel=stacklevel())
    return found


@takes(ContactPlanOptions)
def plan_contacts(
    data: pd.DataFrame | pd.Series[Any] | Iterable[object],
    column: Hashable | None = None,
    kinds: Kinds = KINDS,
    **options: Unpack[ContactPlanOptions],
) -> ContactPlan:
    """Return what :func:`contacts` with the same arguments would send and cost. Costs nothing, opens no socket.

    Parameters
    ----------
    data, column, kinds
        As :func:`contacts` takes them.
    **options

    Returns
    -------
    ContactPlan

    Raises
    ------
    BudgetError
        It may cost more than `max_credits`.
    ColumnNotFoundError, ConfigurationError
        Something to mend first.
    """
    question = ContactQuestion(read_kinds(kinds), options["verified"], read_age(options["max_age"]))
    check_ceiling(options["max_credits"])
    cells = cells_of(data, column)
    with client_of(options["client"]) as asked:
        made = make_contact_plan(asked.ledger, read_identifiers(cells), question, on_doubt=options["on_doubt"])
    return made.within(options["max_credits"], partial=options["partial"])


def column_names(kinds: Kinds, provenance: ContactProvenance = "status") -> list[str]:
    """Return the columns that these kinds become."""
    return [*(path.name for path in contact_paths(kinds)), *([STATUS_COLUMN] if provenance == "status" else [])]


def contact_paths(kinds: Kinds) -> list[Path]:
    """Return the columns that these kinds become, as paths."""
    return list(read_paths([name for kind in read_kinds(kinds) for name in _FIELDS[kind]]))


def _buy(client: Client, plan: ContactPlan, question: ContactQuestion, terms: Terms) -> tuple[Bought, list[JobBuyer]]:
    """Buy every kind of everybody under one ceiling; all jobs are submitted before any is waited for."""
    bought = Bought()
    buyers: list[JobBuyer] = []
    if not plan.new:
        return bought, buyers
    client.settings.require_key()
    if client.settings.offline:
        raise OfflineError(
            f"The ledger lacks contacts of {persons(plan.n_new)}, and offline was asked for. No socket was "
            "opened, nothing was charged.",
            hint="run once without CRUSTFRAME_OFFLINE to buy them.",
        )
    show, close = read_progress(terms.progress, plan.n_new)
    seen: dict[int, tuple[int, int]] = {}

    def follow(number: int, settled: int, found: int, waiting_for: str) -> None:
        seen[number] = settled, found
        n, n_found = (sum(numbers) for numbers in zip(*seen.values(), strict=True))
        show(Progress(n, plan.n_new, n_found, bought.calls, bought.credits, None, waiting_for))

    with ExitStack() as open_runs:
        open_runs.callback(close)
        for number, (groups, people) in enumerate(plan.new.items()):
            asked = question.asked(groups)
            buyer = JobBuyer(
                client,
                contract.CONTACT_JOB_PATH,
                asked,
                needed_groups=asked,
                need=Need(asked, question.max_age_s, 0.0),
                price=question.price(groups, client.ledger),
                terms=terms,
                bought=bought,
                on_settled=bound(follow, number),
            )
            buyers.append(open_runs.enter_context(buyer))
            buyer.submit(people)
            if bought.interrupted:
                break
        for buyer in buyers:
            if terms.wait and not bought.interrupted and bought.stopped is None:
                buyer.wait()
        _tell_refusal(bought, buyers, question)
    return bought, buyers


def _tell_refusal(bought: Bought, buyers: Iterable[JobBuyer], question: ContactQuestion) -> None:
    """Raise the first refusal; where something was bought all the same, it is what the run ended with."""
    refusal = next((buyer.refusal for buyer in buyers if buyer.refusal is not None), None)
    if refusal is None:
        return
    if kinds := question.refused_by(refusal):
        refusal.hint = f"leave out {', '.join(kinds)}, or ask the vendor to grant it."
    if not bought.credits_committed:
        raise refusal
    refusal.message = refusal.message.replace("Nothing was charged", "This request was not charged")
    bought.stopped = refusal


def _ticket(buyers: Sequence[JobBuyer]) -> Ticket:
    tickets = [buyer.ticket() for buyer in buyers]
    return Ticket(
        tuple(dict.fromkeys(batch_id for ticket in tickets for batch_id in ticket.batch_ids)),
        sum(ticket.people for ticket in tickets),
        sum(ticket.credits_high for ticket in tickets),
        sum(ticket.left for ticket in tickets),
    )


def _under_way(client: Client, people: Sequence[Identifier], buyers: Sequence[JobBuyer]) -> set[str]:
    book = client.ledger.jobs(create=False) if buyers else None
    jobs = book.about(i.key for i in people) if book is not None else []
    return {i.key for job in jobs for i in job.purchase.identifiers}


class _Table:
    """One row per person, filled kind by kind."""

    def __init__(self, identifiers: Identifiers, paths: Sequence[Path]) -> None:
        self.identifiers = identifiers
        self._positions = {identifier.key: n for n, identifier in enumerate(identifiers.unique)}
        groups = dict.fromkeys(path.field.group for path in paths)
        self._expansions = {
            group: Expansion([path for path in paths if path.field.group == group], len(identifiers.unique))
            for group in groups
        }
        self.statuses: list[Status] = ["invalid"] * len(identifiers.unique)
        for position, identifier in enumerate(identifiers.unique):
            if identifier.kind == contract.PROFILE_URL:
                self.statuses[position] = "no_match"

    def put(self, record: Record) -> None:
        """Take in what the ledger says of one person; only the kinds that it holds are filled."""
        position = self._positions[record.key]
        if record.status == "invalid":
            self.statuses[position] = "invalid"
        for match in record.matches[:1]:
            contact = match.person_data.get("contact")
            there = contact if isinstance(contact, dict) else {}
            for group, expansion in self._expansions.items():
                if there.get(group.partition(".")[2]):
                    expansion.put(position, record)
                    self.statuses[position] = "matched"

    def settle(
        self,
        lacking: Mapping[str, frozenset[str]],
        in_doubt: Collection[str],
        under_way: set[str],
        buyers: Sequence[JobBuyer],
    ) -> None:
        """Say of everybody whom the ledger still lacks something of what became of the question."""
        doubtful = {*in_doubt} | {key for buyer in buyers for key in buyer.in_doubt()}
        failed = {key for buyer in buyers for key in buyer.failed()}
        failed |= {identifier.key for buyer in buyers for identifier in buyer.refused}
        for key in lacking:
            position = self._positions[key]
            if self.statuses[position] == "invalid":
                continue
            self.statuses[position] = (
                "not_run"
                if key in under_way
                else "in_doubt"
                if key in doubtful
                else "failed"
                if key in failed
                else "not_run"
            )

    def columns(self) -> tuple[pd.DataFrame, dict[tuple[str, str], int]]:
        """Return the new columns, one row per cell, and what broke the schema."""
        import pandas as pd

        from crustframe.columns.schema import validate

        frames: list[pd.DataFrame] = []
        drift: dict[tuple[str, str], int] = {}
        for expansion in self._expansions.values():
            frame, wrong = validate(expansion)
            frames.append(frame)
            drift |= dict(wrong)
        codes = pd.array(self.identifiers.per_row, dtype="int64").to_numpy()
        people = pd.concat(frames, axis=1)
        rows = {name: people[name].array.take(codes, allow_fill=True) for name in people.columns}
        status = pd.array(self.statuses, dtype="string").take(codes, allow_fill=True)
        refused = list(self.identifiers.refusals)
        if refused:
            reasons = self.identifiers.refusals.values()
            status[refused] = ["blank" if refusal.reason == "blank" else "invalid" for refusal in reasons]
        return pd.DataFrame({**rows, STATUS_COLUMN: status}, index=pd.RangeIndex(len(codes))), drift
