"""What a request asks besides who, and everything in which the surfaces of the API differ."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from crustframe import contract
from crustframe.fields import PREVIEW, Catalogue, Keep, Path
from crustframe.people.identifiers import Identifier
from crustframe.people.records import Answer, Evidence

if TYPE_CHECKING:
    from crustframe.http.transport import Exchange, Transport


@dataclass(frozen=True, slots=True)
class Options(ABC):
    """One way of asking about people; each surface of the API has its own.

    Attributes
    ----------
    groups : frozenset of str
        Groups of the surface; ``{"preview"}`` for a free preview.
    min_similarity_score : float or None
        For e-mails; candidates below it do not count.
    force_fetch, enrich_realtime : bool
        Refresh flags.
    """

    groups: frozenset[str]
    min_similarity_score: float | None = None
    force_fetch: bool = False
    enrich_realtime: bool = False

    path: ClassVar[str]
    api_version: ClassVar[str]
    """Under which the ledger files the answers: those of one surface never answer for another."""
    default_fields: ClassVar[tuple[str, ...]]
    slow_s: ClassVar[float] = 0.0
    """How long the surface may take over one profile that it holds already."""
    retirement: ClassVar[str] = ""
    """Since when, and in favour of what, the vendor no longer serves the surface."""

    @classmethod
    def covering(cls, coverage: frozenset[str], min_similarity_score: float | None = None) -> Self:
        """Return the options whose answers the ledger files under `coverage`."""
        flags = {flag: flag in coverage for flag in ("force_fetch", "enrich_realtime")}
        return cls(coverage.difference(flags), min_similarity_score, **flags)

    @staticmethod
    @abstractmethod
    def catalogue() -> Catalogue:
        """Return the paths of this surface."""

    @staticmethod
    @abstractmethod
    def requested_groups(paths: Sequence[Path], keep: Keep) -> frozenset[str]:
        """Return the groups to ask for."""

    @staticmethod
    @abstractmethod
    def evidence(person_data: Mapping[str, Any]) -> Evidence:
        """Return what a profile says about who it is."""

    @property
    @abstractmethod
    def prices(self) -> Mapping[str, float]:
        """Credits of one matched person, part by part."""

    @property
    def price(self) -> float:
        """Credits that one matched person costs at most."""
        return sum(self.prices.values())

    def check(self) -> None:
        """Refuse what the surface's documents forbid.

        Raises
        ------
        SettingError
            Nothing was sent.
        """
        return

    @property
    def flags(self) -> frozenset[str]:
        """The refresh flags that are set."""
        given = {"force_fetch": self.force_fetch, "enrich_realtime": self.enrich_realtime}
        return frozenset(flag for flag, is_set in given.items() if is_set)

    @property
    def is_preview(self) -> bool:
        """Whether this is a free preview."""
        return PREVIEW in self.groups

    @property
    def is_realtime(self) -> bool:
        """Whether profiles are fetched while the request waits."""
        return self.enrich_realtime or self.force_fetch

    def seconds_for(self, people: int) -> float:
        """Return how long the API may take over a request about so many people, beyond what any request takes."""
        return people * (contract.REALTIME_S if self.is_realtime else self.slow_s)

    @property
    def coverage(self) -> frozenset[str]:
        """What the answers will hold, as the ledger files them."""
        return self.groups | self.flags

    @property
    def server_threshold(self) -> float | None:
        """The threshold that the server itself holds candidates against."""
        return self.min_similarity_score

    @staticmethod
    def max_identifiers(kind: contract.IdentifierKind) -> int:
        """Return how many identifiers one request takes."""
        return contract.MAX_IDENTIFIERS

    @abstractmethod
    def asked_of(self, identifiers: Sequence[Identifier]) -> Mapping[str, Any]:
        """Return what a request about `identifiers`, all of one kind, carries: its body, or its query."""

    @abstractmethod
    def send(self, transport: Transport, identifiers: Sequence[Identifier]) -> Exchange:
        """Ask about `identifiers`, all of one kind, once."""

    @staticmethod
    @abstractmethod
    def is_answer(exchange: Exchange, identifiers: Sequence[Identifier]) -> bool:
        """Tell whether the exchange says something about every identifier; else it is a refusal or a failure."""

    @abstractmethod
    def read(self, body: bytes, identifiers: Iterable[Identifier], *, credits: float | None) -> Answer:
        """Read the body of such an exchange.

        Raises
        ------
        ResponseError
            It breaks the contract and may have been charged.
        """
