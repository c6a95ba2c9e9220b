"""Calls of 25 or a job: which way a run goes, why, and how long each takes."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from crustframe import contract
from crustframe.buying.plan import n_calls
from crustframe.buying.ways import Calls, PersonJobs
from crustframe.errors import SettingError
from crustframe.people.identifiers import Identifier
from crustframe.wording import counted, persons

if TYPE_CHECKING:
    from crustframe.api.options import Options
    from crustframe.client import Client

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
    price : float
        Credits that one person costs at most, whichever of these ways it goes.
    """

    by_job: tuple[Identifier, ...]
    by_calls: tuple[Identifier, ...]
    reason: str
    job_minutes: float | None
    price: float


def choose(
    client: Client,
    options: Options,
    needed: frozenset[str],
    people: Sequence[Identifier],
    route: Route,
    requests_per_minute: float,
) -> Choice:
    """Choose by price, size, pace, active jobs and what can go by job at all. Opens no socket.

    Where this account was billed differently for calls and jobs, the cheaper way; else what ends first. Jobs carry
    neither scores nor previews nor refresh flags, so whoever needs these goes by calls. E-mails go by job only when
    told to: the newest guide of the vendor names profile URLs alone.

    Parameters
    ----------
    client : Client
    options : Options
        What is asked.
    needed : frozenset of str
        Those of its groups that nobody can do without: whoever is in a job that brings them stays there.
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
    bare = options.path == contract.PERSON_ENRICH_PATH and options.coverage == options.groups and not options.is_preview
    persons_jobs = [job for job in under_way if bare and job.endpoint == contract.PERSON_JOB_PATH]
    ours = [job for job in persons_jobs if needed <= job.purchase.groups]
    held = {identifier.key for job in ours for identifier in job.purchase.identifiers}
    if route == "job" and not bare:
        raise SettingError(
            "A job takes no preview, no refresh flags and no legacy surface. Nothing was sent.",
            hint="leave route out, or say route='calls'.",
        )
    by_call = Calls(options).price(client)
    by_job = PersonJobs(options.groups).price(client) if bare else by_call
    has_jobs = bare and client.ledger.abilities().get((contract.PERSON_JOB_PATH, "")) is not False
    able = [i for i in people if has_jobs and (i.kind == contract.PROFILE_URL or _may_go(options, route))]
    if not able or route == "calls":
        return _choice(people, held, by_call, by_job)
    n_jobs = math.ceil(len(able) / contract.MAX_JOB_IDENTIFIERS[contract.PERSON_JOB_PATH])
    places = max(1, contract.MAX_ACTIVE_JOBS - len(under_way))
    one_s = (book.usual_seconds(contract.PERSON_JOB_PATH) if book is not None else None) or JOB_S
    waits = 0 if len(under_way) < contract.MAX_ACTIVE_JOBS else 1
    job_s = one_s * (math.ceil(n_jobs / places) + waits)
    windows = math.ceil(n_calls(able) / max(1.0, requests_per_minute))
    calls_s = max(0, windows - 1) * contract.RATE_WINDOW_S
    takes_job = route == "job" or (by_job, job_s) < (by_call, calls_s)
    taken = held | ({identifier.key for identifier in able} if takes_job else set())
    choice = _choice(people, taken, by_call, by_job, job_minutes=job_s / 60)
    if route != "job" and not calls_s and not under_way and by_job == by_call:
        return choice  # calls need no waiting: there was nothing to choose
    why = "as told" if route == "job" else "since it ends first" if by_job == by_call else "since it costs less"
    times = f"{counted(n_jobs, 'job')} about {_minutes(job_s)}, {counted(n_calls(able), 'call')} {_minutes(calls_s)}"
    active = f", {counted(len(under_way), 'job')} under way" if under_way else ""
    price = "the price is the same"
    if by_job != by_call:
        price = f"{counted(by_job, 'credit')} a person by job, {by_call:.12g} by calls, as this account was billed"
    rest = f"; {persons(len(choice.by_calls))} by calls" if choice.by_job and choice.by_calls else ""
    reason = f"route: {'job' if takes_job else 'calls'}, {why}: {times}{active}; {price}{rest}"
    return replace(choice, reason=reason)


def _choice(
    people: Sequence[Identifier],
    taken: Collection[str],
    price_of_calls: float,
    price_of_jobs: float,
    job_minutes: float | None = None,
) -> Choice:
    by_job = tuple(i for i in people if i.key in taken)
    by_calls = tuple(i for i in people if i.key not in taken)
    prices = [price_of_jobs] * bool(by_job) + [price_of_calls] * bool(by_calls or not by_job)
    return Choice(by_job, by_calls, "", job_minutes, max(prices))


def _may_go(options: Options, route: Route) -> bool:
    return route == "job" and options.server_threshold is None and options.min_similarity_score is None


def _minutes(seconds: float) -> str:
    return f"{math.ceil(seconds / 60)} min" if seconds else "no waiting"
