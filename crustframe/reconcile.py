"""Settling doubts: what the account's own usage log says about requests that were never answered. Free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from crustframe import contract
from crustframe.api.account import UsageEvent, read_usage_events
from crustframe.api.surfaces import SURFACES
from crustframe.client import Client
from crustframe.ledger import OpenDoubt

# How far the server's clock and the time on the wire may shift a row of the log.
_EARLIER_S: Final = 10.0
_LATER_S: Final = 400.0
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
    was charged: what it cost is written down, and its people stay in doubt.

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
        since = min(doubt.sent_at for doubt in unsettled) - _EARLIER_S
        ours = client.ledger.request_ids()
        events = [event for event in read_usage_events(client.transport, since) if event.event_id not in ours]
    lost = 0.0
    for doubt in doubts:
        texts = [identifier.text for identifier in doubt.identifiers]
        if doubt.credits is not None:
            found.charged.extend(texts)
            lost += doubt.credits
            continue
        verdict = _verdict(doubt, unsettled, events, client.clock())
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


def _verdict(doubt: OpenDoubt, others: Sequence[OpenDoubt], events: Sequence[UsageEvent], now: float) -> float | None:
    """Return what the request cost, or None where the log does not tell."""
    if doubt.endpoint.startswith(contract.JOBS_PATH):
        return None  # a job that runs may have no row yet; `crustframe jobs resume` asks for the job itself
    candidates = [event for event in events if _may_be(doubt, event)]
    if not candidates:
        return 0.0 if now - doubt.sent_at >= SETTLES_AFTER_S else None
    rivals = [other for other in others if any(_may_be(other, event) for event in candidates)]
    if len(rivals) == len(candidates):  # whichever is whose, each was one of them
        position = sorted(rivals, key=lambda other: other.sent_at).index(doubt)
        return sorted(candidates, key=lambda event: event.created_at)[position].credits
    return None


def _may_be(doubt: OpenDoubt, event: UsageEvent) -> bool:
    return (
        event.endpoint.endswith(doubt.endpoint)
        and event.identifiers in {None, doubt.n_identifiers}
        and doubt.sent_at - _EARLIER_S <= event.created_at <= doubt.sent_at + _LATER_S
    )
