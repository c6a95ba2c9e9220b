"""The switches of a sandbox, said once: what each is called, and what it is unless somebody says otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypedDict

from crustframe import contract
from crustframe.sandbox.fields import Snapshot
from crustframe.sandbox.jobs import JOB_SECONDS, Lines
from crustframe.sandbox.people import UNKNOWN_SHARE
from crustframe.sandbox.surfaces import Billing, Plan

AccountAPI = Literal["autumn-2026", "earlier"]
IdentifyRows = Literal["top-level", "wrapped"]
LegacyAge = Literal["served", "retired", "gone"]
RETIRED: Final[Mapping[LegacyAge, Any]] = {
    "retired": {"error": "This endpoint was retired on 2026-09-30. Use POST /person/enrich."},
    "gone": {"detail": "Not Found"},
}


class Switches(TypedDict, total=False):
    """The switches of :class:`crustframe.sandbox.server.Sandbox`."""

    key: str
    requests_per_minute: float | None
    snapshot: Snapshot
    latency_s: float
    balance: float
    denied_fields: Sequence[str]
    grant: Sequence[str]
    credits_gone_status: Literal[402, 403]
    preview: bool
    strict_auth: bool
    refuse: Sequence[str]
    unknown_share: float
    drift: bool
    speed: float
    job_seconds: float
    link_seconds: float
    contact_lines: Lines
    legacy: LegacyAge
    account_api: AccountAPI
    plan: Plan | None
    account: bool
    contact_billing: Billing
    identify_rows: IdentifyRows


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How one sandbox behaves; the meaning of each is told at ``server.Sandbox``."""

    key: str = "sandbox-key"
    requests_per_minute: float | None = contract.REQUESTS_PER_MINUTE
    snapshot: Snapshot = "A"
    latency_s: float = 0.0
    balance: float = 1_000_000.0
    denied_fields: Sequence[str] = ()
    grant: Sequence[str] = ()
    credits_gone_status: Literal[402, 403] = 402
    preview: bool = False
    strict_auth: bool = False
    refuse: Sequence[str] = ()
    unknown_share: float = UNKNOWN_SHARE
    drift: bool = False
    speed: float = 1.0
    job_seconds: float = JOB_SECONDS
    link_seconds: float = contract.JOB_LINK_S
    contact_lines: Lines = "envelope"
    legacy: LegacyAge = "served"
    account_api: AccountAPI = "autumn-2026"
    plan: Plan | None = None
    account: bool = True
    contact_billing: Billing = "delivered"
    identify_rows: IdentifyRows = "top-level"

    def __post_init__(self) -> None:
        gated = (*contract.gated_fields(), *contract.gated_screener_fields())
        if unknown := [name for name in self.grant if name not in gated]:
            named = ", ".join(map(repr, unknown))
            raise ValueError(f"No gated field is called {named}.\nHint: grant takes {', '.join(dict.fromkeys(gated))}.")

    @property
    def lacking(self) -> tuple[str, ...]:
        """What the account may not ask for: what is gated and not granted, and what was denied."""
        return (*self._not_granted(contract.gated_fields()), *self.denied_fields)

    @property
    def lacking_legacy(self) -> tuple[str, ...]:
        """The same of the legacy surface."""
        return (*self._not_granted(contract.gated_screener_fields()), *self.denied_fields)

    def _not_granted(self, gated: Sequence[str]) -> tuple[str, ...]:
        return tuple(name for name in gated if name not in self.grant)
