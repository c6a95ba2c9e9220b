"""What an account has: learnt from its list of endpoints or from refusals, kept for a day, and never about people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from crustframe import contract
from crustframe.api.account import Endpoint
from crustframe.client import Client
from crustframe.errors import APIError, BadRequestError, PermissionDeniedError, SurfaceError

EMAILS: Final = contract.REQUEST_KEYS[contract.BUSINESS_EMAIL]
ENRICH: Final = contract.PERSON_ENRICH_PATH

WHOLE: Final = (ENRICH, contract.PERSON_JOB_PATH)
"""Where whole profiles are sold; both take the same groups."""

Learnt = dict[tuple[str, str], bool]


@dataclass(frozen=True)
class Abilities:
    """What is known of an account today.

    Attributes
    ----------
    facts : mapping
        By endpoint and part of its requests (or "" for all of it): whether the account has it.
    """

    facts: Mapping[tuple[str, str], bool] = field(default_factory=dict)

    @classmethod
    def of(cls, client: Client) -> Abilities:
        """Return what the ledger knows of the client's account."""
        return cls(client.ledger.abilities())

    def lacks(self, endpoint: str, part: str = "") -> bool:
        """Whether the account is known to lack an endpoint, or a part of its requests."""
        return self.facts.get((endpoint, part)) is False or self.facts.get((endpoint, "")) is False

    def is_unknown(self, endpoint: str, part: str = "") -> bool:
        """Whether nobody knows yet."""
        return not self.lacks(endpoint, part) and (endpoint, part) not in self.facts


def told_by(error: APIError, endpoint: str, refused: Iterable[str]) -> Learnt:
    """Return what a refusal tells of the account: groups that it names, or that the endpoint is not there."""
    is_denied = isinstance(error, PermissionDeniedError) and bool(error.denied_fields)
    if is_denied and endpoint in WHOLE:  # of a field that is there: no other surface has it for this account
        return {}
    groups = list(refused)
    if groups:
        return {(endpoint, group): False for group in groups}
    if endpoint == ENRICH:  # every account has it: a wrong base URL says nothing about the account
        return {}
    is_whole = isinstance(error, PermissionDeniedError) and not is_denied
    return {(endpoint, ""): False} if is_whole or isinstance(error, SurfaceError) else {}


def told_by_list(endpoints: Mapping[str, Endpoint]) -> Learnt:
    """Return what the account's own list of endpoints tells."""
    learnt: Learnt = {(path, ""): row.enabled for path, row in endpoints.items() if path != ENRICH}
    enrich = endpoints.get(ENRICH)
    if enrich is None or not enrich.named_fields:
        return learnt
    named = enrich.named_fields
    for group in contract.CONTACT_GROUPS:
        is_named = any(name == group or name.startswith(f"{group}.") for name in named)
        learnt[ENRICH, group] = is_named or "contact" in named
    return learnt


def is_about_the_account(error: Exception) -> bool:
    """Whether a refusal may be one of what the account has, so that another surface may do."""
    return isinstance(error, BadRequestError | PermissionDeniedError | SurfaceError)
