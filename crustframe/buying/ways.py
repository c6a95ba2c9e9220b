"""Ways to buy: where a request goes, what it asks, how many people fit, what they cost, and what a refusal means.

Calls are answered at once, by whichever surface; jobs are accepted, and their results are fetched later.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self

import orjson

from crustframe import contract
from crustframe.api import identify, person
from crustframe.api.contact import BUSINESS_EMAILS, nothing_of
from crustframe.api.jobs import VERIFIED, SubmitOptions
from crustframe.api.options import Options
from crustframe.client import Client
from crustframe.errors import APIError, BadRequestError, PermissionDeniedError
from crustframe.ledger.jobs import Taken
from crustframe.ledger.packing import pack
from crustframe.people.identifiers import Identifier


class Way(ABC):
    """One way to buy."""

    @property
    @abstractmethod
    def endpoint(self) -> str:
        """Where its requests go."""

    @property
    @abstractmethod
    def groups(self) -> frozenset[str]:
        """The groups that a request names."""

    @property
    def asked(self) -> frozenset[str]:
        """What the answers will hold, as the ledger files them: groups and flags."""
        return self.groups

    @property
    def threshold(self) -> float | None:
        """The score that the server itself holds candidates against."""
        return None

    @property
    @abstractmethod
    def prices(self) -> Mapping[str, float]:
        """Credits of one person who has everything, part by part, by the list."""

    @property
    @abstractmethod
    def priced_like(self) -> tuple[str, ...]:
        """Where else the same is sold: what an account was billed there holds until its own bills tell."""

    @abstractmethod
    def most(self, kind: contract.IdentifierKind) -> int:
        """Return how many identifiers of a kind one request takes."""

    @abstractmethod
    def without(self, groups: frozenset[str]) -> Self:
        """Return the same way, asking for less."""

    def price(self, client: Client) -> float:
        """Return the credits that one person costs at most: by the list, or as this account was billed."""
        prices = self.prices
        billed = client.ledger.observed_price(self.asked, self.endpoint, *self.priced_like, parts=prices)
        return max(sum(prices.values()), billed or 0.0)

    def refused_by(self, error: APIError) -> frozenset[str]:
        """Return those of its groups that a refusal is about."""
        if isinstance(error, BadRequestError):
            available = set(error.available_fields)
            below = frozenset(g for g in self.groups if any(name.startswith(f"{g}.") for name in available))
            return self.groups - (self.groups & available or below) if available else frozenset()
        denied = error.denied_fields if isinstance(error, PermissionDeniedError) else ()
        return frozenset(g for g in self.groups if any(_overlap(name, g) for name in denied))


def _overlap(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


_JOBS_LIKE: Final[Mapping[str, tuple[str, ...]]] = {
    contract.PERSON_ENRICH_PATH: (contract.PERSON_JOB_PATH,),
    contract.SCREENER_ENRICH_PATH: (contract.PERSON_JOB_PATH,),
    contract.CONTACT_ENRICH_PATH: (contract.CONTACT_JOB_PATH,),
    contract.IDENTIFY_PATH: (contract.IDENTIFY_JOB_PATH,),
}


@dataclass(frozen=True)
class Calls(Way):
    """Requests that are answered at once, by the surface whose options these are."""

    options: Options

    @property
    def endpoint(self) -> str:
        """The path of the surface."""
        return self.options.path

    @property
    def groups(self) -> frozenset[str]:
        """The groups of the surface."""
        return self.options.groups

    @property
    def asked(self) -> frozenset[str]:
        """Groups and refresh flags."""
        return self.options.coverage

    @property
    def threshold(self) -> float | None:
        """The threshold that the surface takes."""
        return self.options.server_threshold

    @property
    def prices(self) -> Mapping[str, float]:
        """The price list of the surface."""
        return self.options.prices

    @property
    def priced_like(self) -> tuple[str, ...]:
        """Jobs sell the same."""
        return _JOBS_LIKE.get(self.endpoint, ())

    def most(self, kind: contract.IdentifierKind) -> int:
        """Return how many identifiers one call takes."""
        return self.options.max_identifiers(kind)

    def without(self, groups: frozenset[str]) -> Self:
        """Return calls that ask for less."""
        return replace(self, options=replace(self.options, groups=self.options.groups - groups))


class Jobs(Way):
    """Jobs of one endpoint."""

    def most(self, kind: contract.IdentifierKind) -> int:
        """Return how many identifiers one job takes."""
        return contract.MAX_JOB_IDENTIFIERS[self.endpoint]

    @abstractmethod
    def fields(self) -> Mapping[str, Any]:
        """Return how the body of a submit names what is asked."""

    def key_of(self, kind: contract.IdentifierKind) -> str:
        """Return under which key of the body identifiers stand."""
        return contract.REQUEST_KEYS[kind]

    def body(self, identifiers: Sequence[Identifier], submit: SubmitOptions) -> bytes:
        """Return the JSON body of a submit; identifiers are all of one kind."""
        who = {self.key_of(identifiers[0].kind): [i.text for i in identifiers]}
        told = {"webhook_url": submit.webhook_url, "chunk_size": submit.chunk_size}
        return orjson.dumps({**who, **self.fields(), **{name: v for name, v in told.items() if v is not None}})

    @abstractmethod
    def cost_of(self, person_data: Mapping[str, Any]) -> float:
        """Return what one delivered person costs by the list."""

    @abstractmethod
    def found(self, key: str, person_data: dict[str, Any]) -> list[Taken]:
        """Return what the ledger files of a line about somebody."""

    @abstractmethod
    def nothing(self, key: str) -> list[Taken]:
        """Return what the ledger files of somebody about whom nothing was found."""


@dataclass(frozen=True)
class PersonJobs(Jobs):
    """``POST /batch/person/enrich``: the groups of person enrich, at its prices."""

    asks: frozenset[str]
    endpoint = contract.PERSON_JOB_PATH
    priced_like = (contract.PERSON_ENRICH_PATH,)

    @property
    def groups(self) -> frozenset[str]:
        """Groups of the current surface."""
        return self.asks

    @property
    def prices(self) -> Mapping[str, float]:
        """The price list of the current surface."""
        return person.Options(self.asks).prices

    def without(self, groups: frozenset[str]) -> Self:
        """Return jobs that ask for less."""
        return replace(self, asks=self.asks - groups)

    def fields(self) -> Mapping[str, Any]:
        """Name the groups."""
        return {"fields": sorted(self.asks)}

    def cost_of(self, person_data: Mapping[str, Any]) -> float:
        """Return the price of whoever was found."""
        return contract.price_of(self.asks) if person_data else 0.0

    def found(self, key: str, person_data: dict[str, Any]) -> list[Taken]:
        """File the person under the groups that were asked for."""
        return [Taken(key, self.asks, "matched", pack([{"person_data": person_data}]))]

    def nothing(self, key: str) -> list[Taken]:
        """File that nobody was found."""
        return [Taken(key, self.asks, "no_match", None)]


@dataclass(frozen=True)
class ContactJobs(Jobs):
    """``POST /batch/person/contact/enrich``: kinds of contact, each billed where it is found, and no base credit."""

    asks: frozenset[str]
    endpoint = contract.CONTACT_JOB_PATH
    priced_like = ()

    @property
    def groups(self) -> frozenset[str]:
        """Groups of contacts, and the flag that business addresses are checked anew."""
        return self.asks

    @property
    def prices(self) -> Mapping[str, float]:
        """Credits of each kind, by the list."""
        prices = {**contract.ADD_ON_PRICES, VERIFIED: contract.VERIFIED_PRICE}
        return {part: prices[part] for part in sorted(self.asks)}

    def without(self, groups: frozenset[str]) -> Self:
        """Return jobs that ask for less."""
        return replace(self, asks=self.asks - groups)

    def fields(self) -> Mapping[str, Any]:
        """Name the kinds in the words of this endpoint."""
        named = [field for field, group in contract.CONTACT_FIELDS.items() if group in self.asks]
        return {"fields": named} | ({"verified": True} if VERIFIED in self.asks else {})

    def cost_of(self, person_data: Mapping[str, Any]) -> float:
        """Return the prices of the kinds that were found."""
        contact = person_data.get("contact", {})
        kinds = {f"contact.{name}" for name, values in contact.items() if values}
        checked = contract.VERIFIED_PRICE if VERIFIED in self.asks and BUSINESS_EMAILS in kinds else 0.0
        return sum(contract.ADD_ON_PRICES[kind] for kind in kinds & self.asks) + checked

    def found(self, key: str, person_data: dict[str, Any]) -> list[Taken]:
        """File the kinds that are there, and of each other one that it is not."""
        there = {f"contact.{name}" for name in person_data["contact"]} & self.asks
        flag = self.asks & {VERIFIED} if BUSINESS_EMAILS in there else frozenset()
        taken = Taken(key, frozenset(there | flag), "matched", pack([{"person_data": person_data}]))
        return [taken, *self._absent(key, self.asks - there)]

    def nothing(self, key: str) -> list[Taken]:
        """File of each kind that it is not there."""
        return self._absent(key, self.asks)

    def _absent(self, key: str, groups: frozenset[str]) -> list[Taken]:
        is_verified = VERIFIED in self.asks
        return [
            Taken(key, frozenset({nothing_of(group, is_verified)}), "matched", pack([{"person_data": {}}]))
            for group in sorted(groups - {VERIFIED})
        ]


@dataclass(frozen=True)
class IdentifyJobs(PersonJobs):
    """``POST /batch/person/identify``: who is behind addresses, 1 credit for each who is found."""

    asks: frozenset[str] = identify.GROUPS
    endpoint = contract.IDENTIFY_JOB_PATH
    priced_like = (contract.IDENTIFY_PATH,)

    @property
    def prices(self) -> Mapping[str, float]:
        """The price list of identify."""
        return identify.Options(self.asks).prices

    def without(self, groups: frozenset[str]) -> Self:
        """Return the same: nothing can be left out."""
        return self

    def fields(self) -> Mapping[str, Any]:
        """Name nothing: the endpoint takes no fields."""
        return {}

    def key_of(self, kind: contract.IdentifierKind) -> str:
        """Return the key under which any address is taken, free mail too."""
        return contract.IDENTIFY_KEYS[kind]

    def cost_of(self, person_data: Mapping[str, Any]) -> float:
        """Return the price of whoever was found."""
        return contract.IDENTIFY_PRICE if person_data else 0.0


_JOBS: Final[Mapping[str, type[PersonJobs] | type[ContactJobs]]] = {
    contract.PERSON_JOB_PATH: PersonJobs,
    contract.CONTACT_JOB_PATH: ContactJobs,
    contract.IDENTIFY_JOB_PATH: IdentifyJobs,
}


def jobs_of(endpoint: str, groups: frozenset[str]) -> Jobs:
    """Return the way that a job went which the ledger knows."""
    return _JOBS[endpoint](groups)
