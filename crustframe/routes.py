"""Calls of 25 or a job: which way a run goes, why, and how long each takes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from crustframe import contract
from crustframe.errors import SettingError
from crustframe.identifiers import Identifier
from crustframe.jobs import JobBuyer
from crustframe.ledger import Need
from crustframe.plan import n_calls
from crustframe.purchasing import Bought, Buyer, OnDoubt
from crustframe.records import Record
from crustframe.wording import counted, persons

if TYPE_CHECKING:
    from crustframe.api.options import Options
    from crustframe.client import Client
    from crustframe.jobs import Ticket

Route = Literal["auto", "calls", "job"]

JOB_S: Final = 180.0
"""How long a job is thought to take until this account's own tell; performance notes, section 6: 2 to 5 minutes."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Who goes by job and who by calls.

    Attributes
    ----------
    by_job, by_calls : tuple of Identifier
    reason : str
        Why, with both times; empty where there was nothing to choose.
    job_minutes : float or None
        How long the job is thought to take; ``None``: nobody can go by job.
    """

    by_job: tuple[Identifier, ...]
    by_calls: tuple[Identifier, ...]
    reason: str
    job_minutes: float | None


def choose(
    client: Client, options: Options, people: Sequence[Identifier], route: Route, requests_per_minute: float
) -> Choice:
    """Choose by size, pace, active jobs and what can go by job at all. Opens no socket.

    Jobs carry neither scores nor previews nor refresh flags, so whoever needs these goes by calls. E-mails go by job
    only when told to: the newest guide of the vendor names profile URLs alone.

    Parameters
    ----------
    client : Client
    options : Options
        What is asked.
    people : sequence of Identifier
        Whom to ask for.
    route : {"auto", "calls", "job"}
    requests_per_minute : float
        The pace of calls.

    Raises
    ------
    SettingError
        A job was told to do what no job can. Nothing was sent.
    """
    book = client.ledger.jobs(create=False)
    jobs = book.all(open_only=True) if book is not None else []
    under_way = [job for job in jobs if job.state in {"sent", "running"}]
    held = {i.key for job in under_way if job.endpoint == contract.PERSON_JOB_PATH for i in job.purchase.identifiers}
    bare = options.path == contract.PERSON_ENRICH_PATH and options.coverage == options.groups and not options.is_preview
    if route == "job" and not bare:
        raise SettingError(
            "A job takes no preview, no refresh flags and no legacy surface. Nothing was sent.",
            hint="leave route out, or say route='calls'.",
        )
    able = [i for i in people if bare and (i.kind == contract.PROFILE_URL or _may_go(options, route))]
    if not able or route == "calls":
        by_job = tuple(i for i in people if i.key in held)
        return Choice(by_job, tuple(i for i in people if i.key not in held), "", None)
    n_jobs = math.ceil(len(able) / contract.MAX_JOB_IDENTIFIERS[contract.PERSON_JOB_PATH])
    places = max(1, contract.MAX_ACTIVE_JOBS - len(under_way))
    one_s = (book.usual_seconds(contract.PERSON_JOB_PATH) if book is not None else None) or JOB_S
    waits = 0 if len(under_way) < contract.MAX_ACTIVE_JOBS else 1
    job_s = one_s * (math.ceil(n_jobs / places) + waits)
    windows = math.ceil(n_calls(able) / max(1.0, requests_per_minute))
    calls_s = max(0, windows - 1) * contract.RATE_WINDOW_S
    takes_job = route == "job" or job_s < calls_s
    taken = held | ({identifier.key for identifier in able} if takes_job else set())
    by_job = tuple(i for i in people if i.key in taken)
    times = f"{counted(n_jobs, 'job')} about {_minutes(job_s)}, {counted(n_calls(able), 'call')} {_minutes(calls_s)}"
    price = "the price is the same"
    if route == "job":
        reason = f"route: job, as told; {times}; {price}"
    elif not calls_s and not under_way:
        reason = ""  # calls need no waiting: there was nothing to choose
    else:
        active = f", {counted(len(under_way), 'job')} under way" if under_way else ""
        reason = f"route: {'job' if takes_job else 'calls'}, since it ends first: {times}{active}; {price}"
    if by_job and len(by_job) < len(people):
        reason += f"; {persons(len(people) - len(by_job))} by calls"
    return Choice(by_job, tuple(i for i in people if i.key not in taken), reason, job_s / 60)


def _may_go(options: Options, route: Route) -> bool:
    return route == "job" and options.server_threshold is None and options.min_similarity_score is None


def _minutes(seconds: float) -> str:
    return f"{math.ceil(seconds / 60)} min" if seconds else "no waiting"


def buy(
    client: Client,
    buyer: Buyer,
    choice: Choice,
    options: Options,
    *,
    need: Need,
    max_credits: float | None,
    on_doubt: OnDoubt,
    on_record: Callable[[Record], None],
    on_settled: Callable[[int], None],
    wait: bool,
) -> tuple[Bought, Ticket | None]:
    """Buy everybody by the chosen ways, under one ceiling; whoever no job takes goes by calls.

    Returns
    -------
    (Bought, Ticket or None)
        What it came to, and what is still under way.
    """
    by_calls = list(choice.by_calls)
    ticket: Ticket | None = None
    if choice.by_job:
        price = max(options.price, client.ledger.observed_price(options.groups) or 0.0)
        jobs = JobBuyer(
            client,
            contract.PERSON_JOB_PATH,
            options.groups,
            need=need,
            price=price,
            max_credits=max_credits,
            on_doubt=on_doubt,
            bought=buyer.bought,
            on_settled=on_settled,
        )
        jobs.buy(choice.by_job, wait=wait)
        ticket = None if wait else jobs.ticket()
        for record in jobs.records(choice.by_job):
            on_record(record)
        by_calls += jobs.refused
    if by_calls and not buyer.bought.interrupted and buyer.bought.stopped is None:
        buyer.buy(by_calls)
    return buyer.bought, ticket
