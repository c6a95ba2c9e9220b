"""What stands in the body or the query of a request: read up to a size, and glimpsed before it is judged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fastapi import Request

from crustframe import contract
from crustframe.sandbox import screener
from crustframe.sandbox.people import canonical
from crustframe.sandbox.questions import Refusal, decoded

BODY_CAP: Final = 2**20  # ours: 25 identifiers and every field name fit many times
DRAIN_CAP: Final = 2**24  # ours: read so much of a refused body that its sender can hear the refusal


async def body_of(request: Request) -> bytes:
    """Return the body, or raise a 413."""
    body = bytearray()
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size <= BODY_CAP:
            body += piece
        elif size > DRAIN_CAP:
            break
    if size > BODY_CAP:
        raise Refusal(413, "invalid_request", f"Request body is larger than {BODY_CAP} bytes.")
    return bytes(body)


_IDENTIFIER_KEYS: Final[Mapping[str, contract.IdentifierKind]] = {
    key: kind for keys in (contract.REQUEST_KEYS, contract.IDENTIFY_KEYS) for kind, key in keys.items()
}


def glimpse(body: bytes) -> tuple[Any, list[str], set[str]]:
    """Return the body as far as it can be read, its identifiers, and all their spellings."""
    try:
        value = decoded(body)
    except Refusal:
        return None, [], set()
    sent: list[str] = []
    spellings: set[str] = set()
    for key, kind in _IDENTIFIER_KEYS.items():
        listed = value.get(key) if isinstance(value, dict) else None
        texts = [text for text in listed if isinstance(text, str)] if isinstance(listed, list) else []
        sent += texts
        spellings.update(texts, filter(None, (canonical(text, kind) for text in texts)))
    return value, sent, spellings


def glimpse_of_query(query: dict[str, str]) -> tuple[Any, list[str], set[str]]:
    """Return a legacy query, its identifiers, and all their spellings."""
    sent: list[str] = []
    spellings: set[str] = set()
    for kind, key in contract.SCREENER_REQUEST_KEYS.items():
        texts = screener.split(query.get(key, ""))
        sent += texts
        spellings.update(texts, filter(None, (canonical(text, kind) for text in texts)))
    return query, sent, spellings
