"""``POST /person/professional_network/enrich/live``: profiles fetched from the web. Contract notes, section 6."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from crustframe import contract
from crustframe.api import person
from crustframe.people.identifiers import Identifier

_FLAGS: Final = frozenset({"force_fetch", "enrich_realtime"})


@dataclass(frozen=True, slots=True)
class Options(person.Options):
    """The surface that takes the place of the refresh flags where these are gone."""

    path = contract.LIVE_PATH

    @property
    def prices(self) -> Mapping[str, float]:
        """Credits of one profile, whatever is asked of it."""
        return {"live": contract.LIVE_PRICE}

    @property
    def is_realtime(self) -> bool:
        """True: profiles are fetched while the request waits."""
        return True

    @property
    def coverage(self) -> frozenset[str]:
        """The groups, as fresh as either flag would have made them."""
        return self.groups | _FLAGS

    def asked_of(self, identifiers: Sequence[Identifier]) -> Mapping[str, Any]:
        """Return the body that asks about `identifiers`."""
        key = contract.REQUEST_KEYS[identifiers[0].kind]
        return {key: [identifier.text for identifier in identifiers], "fields": sorted(self.groups)}
