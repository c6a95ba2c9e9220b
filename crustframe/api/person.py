"""``POST /person/enrich``: up to 25 identifiers of one kind become one request body. Seeds 000, 001, 003."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from crustframe import contract
from crustframe.fields import PREVIEW
from crustframe.identifiers import Identifier

ENDPOINT: Final = contract.PERSON_ENRICH_PATH


@dataclass(frozen=True, slots=True)
class Options:
    """What a request asks besides who: the API's own parameters.

    Attributes
    ----------
    groups : frozenset of str
        Groups of the API; ``{"preview"}`` for a free preview.
    min_similarity_score : float or None
        For e-mails; candidates below it are neither returned nor charged.
    force_fetch, enrich_realtime : bool
        Refresh flags; the vendor leaves their effect open.
    """

    groups: frozenset[str]
    min_similarity_score: float | None = None
    force_fetch: bool = False
    enrich_realtime: bool = False

    @property
    def price(self) -> float:
        """Credits that one matched person costs."""
        return 0.0 if self.is_preview else contract.price_of(self.groups)

    @property
    def is_preview(self) -> bool:
        """Whether this is a free preview."""
        return PREVIEW in self.groups

    @property
    def coverage(self) -> frozenset[str]:
        """What the answers will hold, as the ledger files them."""
        flags = {"force_fetch": self.force_fetch, "enrich_realtime": self.enrich_realtime}
        return self.groups | {flag for flag, is_set in flags.items() if is_set}


def request_body(identifiers: Sequence[Identifier], options: Options) -> bytes:
    """Return the JSON body that asks for `identifiers`, all of one kind."""
    kind = identifiers[0].kind
    body: dict[str, Any] = {contract.REQUEST_KEYS[kind]: [identifier.text for identifier in identifiers]}
    if options.is_preview:
        body["preview"] = True
    else:
        body["fields"] = sorted(options.groups)
    if options.min_similarity_score is not None and kind == contract.BUSINESS_EMAIL:
        body["min_similarity_score"] = options.min_similarity_score
    if options.force_fetch:
        body["force_fetch"] = True
    if options.enrich_realtime:
        body["enrich_realtime"] = True
    return orjson.dumps(body)
