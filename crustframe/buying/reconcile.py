"""Settling doubts: what the account's own usage log says about requests that were never answered. Free.

A row of the log that tells what the request carried is held against what was sent: about whom, for what, how. Where
the log does not tell it, time and number are all there is, and only what leaves no other reading is believed.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlsplit

from crustframe import contract
from crustframe.api.account import UsageEvent, UsageLog, usage_log
from crustframe.api.likeness import Asked, Likeness, likeness
from crustframe.api.surfaces import BY_PATH, SURFACES
from crustframe.buying.jobs import collect
from crustframe.client import Client
from crustframe.errors import APIError
from crustframe.ledger import OpenDoubt
from crustframe.ledger.people import FLAGS
from crustframe.wording import counted, persons

_ANY_CLOCK_S: Final = 86400.0
"""How far this machine's clock, or the server's, may have been off when a request was sent."""
_SURELY_TOLD_S: Final = 6 * 86400.0
"""For how long every age of the log tells of a request; it may reach back further."""
_MOST_LOOKED_AT: Final = 300
_RESOLUTION_S: Final = 1.0
"""Of the `Date` of an answer."""
SETTLES_AFTER_S: Final = 60.0
"""How long the log is given to show a request before its absence means "not charged"."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """What became of the doubts.

    Attributes
    ----------
    uncharged : list of str
        Identifiers whose request the log does not know: they are free to be bought.
    charged : list of str
        Identifiers whose request was billed and whose answer is lost; they stay in doubt until told otherwise.
    credits_lost : float
    untold : list of str
        Identifiers that the log says nothing certain about.
    freed : list of str
        Identifiers that may be bought again because the user said so.
    in_jobs : list of str
        Those of `untold` who are in jobs whose results were not read; `crustframe jobs fetch` reads them again.
    """

    uncharged: list[str] = field(default_factory=list)
    charged: list[str] = field(default_factory=list)
    credits_lost: float = 0.0
    untold: list[str] = field(default_factory=list)
    freed: list[str] = field(default_factory=list)
    in_jobs: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON takes it."""
        return {name: getattr(self, name) for name in self.__slots__}

    def __str__(self) -> str:
        lines = []
        if self.uncharged:
            lines.append(f"not charged, free to be bought: {persons(len(self.uncharged))}")
        if self.charged:
            lines.append(
                f"charged {counted(self.credits_lost, 'credit')}, answer lost: {persons(len(self.charged))}; "
                "buy them again with --resend, or leave them"
            )
        if n := len(self.untold) - len(self.in_jobs):
            lines.append(
                f"the usage log says nothing certain about {persons(n)}; ask again in a minute, buy them again with "
                "--resend, or leave them"
            )
        if self.in_jobs:
            lines.append(
                f"in jobs whose results were not read: {persons(len(self.in_jobs))}; `crustframe jobs fetch` "
                "reads them again, free"
            )
        if self.freed:
            lines.append(f"the next run buys {persons(len(self.freed))} again")
        return "\n".join(lines) or "nothing is in doubt"


def resolve(client: Client, *, resend: bool = False) -> Resolution:
    """Settle what is in doubt by ``GET /account/usage/events``, without paying.

    A request that the log does not know was not charged, and its people are free to be bought. One that it knows
    was charged: what it cost is written down, and its people stay in doubt. What the parts of a price cost this
    account is learned on the way.

    Parameters
    ----------
    client : Client
    resend : bool
        Let the next run buy again whoever is still in doubt afterwards.

    Returns
    -------
    Resolution

    Raises
    ------
    APIError
        The log cannot be read. Nothing changed, nothing was charged.
    """
    found = Resolution()
    lost = 0.0
    if resend:
        with suppress(APIError):  # what is paid for and can be read now needs no second purchase
            collect(client, wait=False)
    for surface in SURFACES.values():
        lost += _resolve_surface(client.facing(surface), found, resend=resend)
    return replace(found, credits_lost=lost)


def _resolve_surface(client: Client, found: Resolution, *, resend: bool) -> float:
    doubts = client.ledger.open_doubts()
    flying = {doubt.purchase_id for doubt in doubts if client.ledger.is_on_its_way(doubt)}
    unsettled = [doubt for doubt in doubts if doubt.credits is None and doubt.purchase_id not in flying]
    verdicts = _verdicts(client, unsettled)
    lost = 0.0
    for doubt in doubts:
        texts = [identifier.text for identifier in doubt.identifiers]
        if doubt.credits is not None:
            found.charged.extend(texts)
            lost += doubt.credits
            continue
        verdict = verdicts.get(doubt.purchase_id)
        if verdict is None:
            found.untold.extend(texts)
            found.in_jobs.extend(texts if _is_job(doubt) else [])
        elif verdict == 0:
            client.ledger.free(doubt, credits=0.0)
            found.uncharged.extend(texts)
        else:
            client.ledger.lost(doubt, credits=verdict)
            found.charged.extend(texts)
            lost += verdict
    if resend:
        for doubt in client.ledger.open_doubts():
            if doubt.purchase_id in flying:
                continue
            client.ledger.free(doubt, credits=doubt.credits)
            found.freed.extend(identifier.text for identifier in doubt.identifiers)
    return lost


def _verdicts(client: Client, doubts: Sequence[OpenDoubt]) -> dict[int, float | None]:
    """Return what each request cost, or None where the log does not tell, by number of the purchase."""
    calls = [doubt for doubt in doubts if not _is_job(doubt)]
    verdicts: dict[int, float | None] = {doubt.purchase_id: None for doubt in doubts}
    if calls:
        log = usage_log(client)
        rows = _rows(log, calls, min(client.clock(), client.transport.server_time() or client.clock()))
        client.ledger.learn_prices({row.event_id: row.parts for row in rows if row.parts})
        ours = client.ledger.request_ids()
        strangers = [row for row in rows if row.event_id not in ours and not (row.is_detailed and row.is_refusal)]
        evidence = _Evidence(calls, strangers, log, _Time(client, calls))
        oldest = min((row.created_at for row in rows), default=float("inf"))
        verdicts |= {doubt.purchase_id: evidence.verdict(doubt, oldest) for doubt in calls}
    return verdicts


def _is_job(doubt: OpenDoubt) -> bool:
    """Whether the log cannot tell: a job that runs may have no row yet; `crustframe jobs resume` asks for the job."""
    return doubt.endpoint.startswith(contract.JOBS_PATH)


def _rows(log: UsageLog, doubts: Sequence[OpenDoubt], now: float) -> list[UsageEvent]:
    spans = [_span(doubt) for doubt in doubts]
    first, end = min(begin for begin, _ in spans), max(end for _, end in spans)
    return list(log.events(first, end if end < now else None))


def _span(doubt: OpenDoubt) -> tuple[float, float]:
    """Return within which times of the server the request may have come: by this machine's clock, and by its own."""
    times = (doubt.sent_at, doubt.sent_at if doubt.gone_by is None else doubt.gone_by)
    return min(times) - _ANY_CLOCK_S, max(times) + _ANY_CLOCK_S


class _Time:
    """How long ago requests left: by the server's clock where it tells the time, else by this machine's.

    A request of which no such time is known yet had left by now at the latest, and that is written down.
    """

    def __init__(self, client: Client, doubts: Sequence[OpenDoubt]) -> None:
        self.now = client.clock()
        self._by_server = client.transport.server_time()
        if self._by_server is not None:
            client.ledger.note_gone(doubts, self._by_server)

    def since(self, doubt: OpenDoubt) -> float:
        """Return for how many seconds the request has surely been gone."""
        if self._by_server is None:
            return self.now - doubt.sent_at
        return 0.0 if doubt.gone_by is None else self._by_server - doubt.gone_by - _RESOLUTION_S


class _Evidence:
    """The rows that may be about requests without an answer, each held against every one of them."""

    def __init__(
        self,
        doubts: Sequence[OpenDoubt],
        rows: Sequence[UsageEvent],
        log: UsageLog,
        time: _Time,
    ) -> None:
        self._time = time
        self._doubts = sorted(doubts, key=lambda doubt: doubt.sent_at)
        near = [row for row in rows if any(_may_be(doubt, row) for doubt in doubts)]
        asked = _asked(sorted(near, key=lambda row: row.created_at), log)
        self._near: dict[int, list[tuple[UsageEvent, Likeness]]] = {}
        for doubt in doubts:
            sent = _sent(doubt)
            self._near[doubt.purchase_id] = [
                (row, likeness(sent, doubt.n_identifiers, told)) for row, told in asked if _may_be(doubt, row)
            ]
        self._same = {number: [row for row, how in near if how == "same"] for number, near in self._near.items()}
        self._taken = {row.event_id for rows in self._same.values() for row in rows}
        for number, own in self._same.items():
            if not own:
                own += [row for row, how in self._near[number] if how == "alike" and row.event_id not in self._taken]
        self._taken |= {row.event_id for rows in self._same.values() for row in rows}

    def _unclear(self, doubt: OpenDoubt) -> list[UsageEvent]:
        near = self._near[doubt.purchase_id]
        unclear = [row for row, how in near if how == "unclear" and row.event_id not in self._taken]
        return [row for row in unclear if row.is_detailed or row.identifiers in {None, doubt.n_identifiers}]

    def verdict(self, doubt: OpenDoubt, oldest: float) -> float | None:
        """Return what the request cost, or None where the log does not tell."""
        if own := self._same[doubt.purchase_id]:
            return self._of_twins(doubt, own)
        if self._unclear(doubt):  # time and number tell nobody's request from another
            return None
        is_told = self._time.now - doubt.sent_at < _SURELY_TOLD_S or oldest < doubt.sent_at
        return 0.0 if is_told and self._had_time(doubt) else None

    def _of_twins(self, doubt: OpenDoubt, rows: list[UsageEvent]) -> float | None:
        """Share the rows of one request among its repeats: whoever is in one of them is in all."""
        twins = [other for other in self._doubts if self._same[other.purchase_id] == rows]
        if len(rows) > len(twins):
            return None  # somebody else asked the very same
        position = twins.index(doubt) - (len(twins) - len(rows))
        if position < 0:
            return 0.0 if self._had_time(twins[-1]) else None
        return rows[position].credits

    def _had_time(self, doubt: OpenDoubt) -> bool:
        """Whether the log was given the time to show the request, and the API the time to work on it."""
        is_legacy = doubt.endpoint == contract.SCREENER_ENRICH_PATH
        a_person_s = contract.REALTIME_S if doubt.groups & FLAGS else contract.SCREENER_S if is_legacy else 0.0
        return self._time.since(doubt) >= SETTLES_AFTER_S + a_person_s * doubt.n_identifiers


def _asked(rows: Sequence[UsageEvent], log: UsageLog) -> list[tuple[UsageEvent, Asked | None]]:
    """Return what each row's request asked, as far as the log tells it: few calls where it tells nothing."""
    found: list[tuple[UsageEvent, Asked | None]] = []
    is_silent = False
    for number, row in enumerate(rows):
        request = None
        if number < _MOST_LOOKED_AT and (row.is_detailed or not is_silent):
            request = log.request_of(row)
            is_silent = is_silent or (request is None and not row.is_detailed)
        found.append((row, Asked.of(request)))
    return found


def _sent(doubt: OpenDoubt) -> Asked | None:
    options = BY_PATH[doubt.endpoint].covering(doubt.groups, doubt.min_similarity_score)
    return Asked.of(options.asked_of(doubt.identifiers)) if doubt.identifiers else None


def _may_be(doubt: OpenDoubt, row: UsageEvent) -> bool:
    path = urlsplit(row.endpoint.rpartition(" ")[2]).path.rstrip("/")
    is_there = path == doubt.endpoint or "/" not in path  # a name that is no path may mean any of them
    begin, end = _span(doubt)
    return is_there and begin <= row.created_at <= end
