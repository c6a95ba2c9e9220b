"""Settling doubts: what the account's own usage log says about requests that were never answered. Free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from crustframe import contract
from crustframe.api.account import UsageEvent, read_request, read_usage_events
from crustframe.api.surfaces import SURFACES
from crustframe.client import Client
from crustframe.ledger import OpenDoubt

# How far the server's clock and the time on the wire may shift a row of the log.
_EARLIER_S: Final = 10.0
_LATER_S: Final = 400.0
_SKEW_S: Final = 3600.0
"""How far the two clocks may be apart where the request itself proves whose row it is."""
_MOST_READ: Final = 50  # docs: /account/usage/* share 60 requests a minute
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
    """

    uncharged: list[str] = field(default_factory=list)
    charged: list[str] = field(default_factory=list)
    credits_lost: float = 0.0
    untold: list[str] = field(default_factory=list)
    freed: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON takes it."""
        return {name: getattr(self, name) for name in self.__slots__}

    def __str__(self) -> str:
        lines = []
        if self.uncharged:
            lines.append(f"not charged, free to be bought: {len(self.uncharged)} people")
        if self.charged:
            lines.append(
                f"charged {self.credits_lost:.12g} credits, answer lost: {len(self.charged)} people; buy them again "
                "with --resend, or leave them"
            )
        if self.untold:
            lines.append(f"the usage log says nothing certain about {len(self.untold)} people")
        if self.freed:
            lines.append(f"the next run buys {len(self.freed)} people again")
        return "\n".join(lines) or "nothing is in doubt"


def resolve(client: Client, *, resend: bool = False) -> Resolution:
    """Settle what is in doubt by ``GET /account/usage/events``, without paying.

    A request that the log does not know was not charged, and its people are free to be bought. One that it knows
    was charged: what it cost is written down, and its people stay in doubt. Where the log keeps what a request sent,
    the very request is looked for; an older log is read by time and number, and what that leaves open stays untold.

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
    for surface in SURFACES.values():
        lost += _resolve_surface(client.facing(surface), found, resend=resend)
    return replace(found, credits_lost=lost)


def _resolve_surface(client: Client, found: Resolution, *, resend: bool) -> float:
    doubts = client.ledger.open_doubts()
    if not doubts:
        return 0.0
    unsettled = [doubt for doubt in doubts if doubt.credits is None]
    events: list[UsageEvent] = []
    if unsettled:
        since = min(doubt.sent_at for doubt in unsettled) - _SKEW_S
        ours = client.ledger.request_ids()
        events = [event for event in read_usage_events(client.transport, since) if event.event_id not in ours]
    sent = _SentRequests(client)
    lost = 0.0
    for doubt in doubts:
        texts = [identifier.text for identifier in doubt.identifiers]
        if doubt.credits is not None:
            found.charged.extend(texts)
            lost += doubt.credits
            continue
        verdict = _verdict(doubt, unsettled, events, client.clock(), sent)
        if verdict is None:
            found.untold.extend(texts)
        elif verdict == 0:
            client.ledger.free(doubt, credits=0.0)
            found.uncharged.extend(texts)
        else:
            client.ledger.lost(doubt, credits=verdict)
            found.charged.extend(texts)
            lost += verdict
    if resend:
        for doubt in client.ledger.open_doubts():
            client.ledger.free(doubt, credits=doubt.credits)
            found.freed.extend(identifier.text for identifier in doubt.identifiers)
    return lost


class _SentRequests:
    """What the requests of the log sent, each read once, and so many at most."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._read: dict[str, Any] = {}

    def of(self, event: UsageEvent) -> Any:
        """Return what it sent; None where the log does not tell."""
        if event.event_id not in self._read:
            is_enough = len(self._read) >= _MOST_READ
            self._read[event.event_id] = None if is_enough else read_request(self._client.transport, event.event_id)
        return self._read[event.event_id]


def _verdict(
    doubt: OpenDoubt, others: Sequence[OpenDoubt], events: Sequence[UsageEvent], now: float, sent: _SentRequests
) -> float | None:
    """Return what the request cost, or None where the log does not tell."""
    if doubt.endpoint.startswith(contract.JOBS_PATH):
        return None  # a job that runs may have no row yet; `crustframe jobs resume` asks for the job itself
    if any(event.tells_request for event in events):
        return _verdict_by_request(doubt, events, now, sent)
    candidates = [event for event in events if _may_be(doubt, event)]
    if not candidates:
        return 0.0 if now - doubt.sent_at >= SETTLES_AFTER_S else None
    rivals = [other for other in others if any(_may_be(other, event) for event in candidates)]
    if len(rivals) == len(candidates):  # whichever is whose, each was one of them
        position = sorted(rivals, key=lambda other: other.sent_at).index(doubt)
        return sorted(candidates, key=lambda event: event.created_at)[position].credits
    return None


def _verdict_by_request(
    doubt: OpenDoubt, events: Sequence[UsageEvent], now: float, sent: _SentRequests
) -> float | None:
    near = [
        event
        for event in events
        if event.endpoint.endswith(doubt.endpoint) and abs(event.created_at - doubt.sent_at) <= _SKEW_S
    ]
    requests = [(event, sent.of(event)) for event in near]
    same = [event for event, request in requests if _is_same(doubt, request)]
    if same:
        bills = [event.credits for event in same]
        return None if None in bills else max(credits for credits in bills if credits is not None)
    if any(request is None for _, request in requests):
        return None  # one of these may be it
    return 0.0 if now - doubt.sent_at >= SETTLES_AFTER_S else None


def _is_same(doubt: OpenDoubt, request: Any) -> bool:
    """Whether a request of the log asked for these people, and for what we asked."""
    if not isinstance(request, Mapping):
        return False
    keys = (*contract.REQUEST_KEYS.values(), *contract.SCREENER_REQUEST_KEYS.values())
    asked = next((request[key] for key in keys if request.get(key)), ())
    texts = [text.strip() for text in asked.split(",")] if isinstance(asked, str) else list(asked)
    ours = {identifier.text for identifier in doubt.identifiers}
    fields = request.get("fields")
    groups = set(fields) & doubt.groups == set(fields) if isinstance(fields, list) else True
    return len(texts) == doubt.n_identifiers and ours <= {str(text) for text in texts} and groups


def _may_be(doubt: OpenDoubt, event: UsageEvent) -> bool:
    return (
        event.endpoint.endswith(doubt.endpoint)
        and event.identifiers in {None, doubt.n_identifiers}
        and doubt.sent_at - _EARLIER_S <= event.created_at <= doubt.sent_at + _LATER_S
    )
