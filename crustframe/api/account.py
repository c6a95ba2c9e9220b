"""The account's own free endpoints: balance, what it may ask for, and its usage log. Contract notes, section 7."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import orjson

from crustframe.errors import ResponseError, error_from_answer

if TYPE_CHECKING:
    from crustframe.http.transport import Transport

_PAGE: Final = 500  # docs: limit 1..500


@dataclass(frozen=True, slots=True)
class UsageEvent:
    """One row of the usage log.

    Attributes
    ----------
    event_id : str
        The ``x-request-id`` of the request.
    endpoint : str
    created_at : float
        Seconds since 1970 UTC, by the server's clock.
    status : int or None
    credits : float
    identifiers : int or None
        How many were asked for, where the log says so.
    """

    event_id: str
    endpoint: str
    created_at: float
    status: int | None
    credits: float
    identifiers: int | None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What the account may do with one endpoint.

    Attributes
    ----------
    enabled : bool
    requests_per_minute : float or None
    disabled_fields : frozenset of str
    """

    enabled: bool
    requests_per_minute: float | None
    disabled_fields: frozenset[str]


def read_balance(transport: Transport) -> float:
    """Return the credits of the account (``GET /user/credits``)."""
    try:
        return float(_get(transport, "/user/credits")["credits"])
    except (KeyError, TypeError, ValueError):
        raise _unreadable("balance") from None


def read_endpoint(transport: Transport, path: str) -> Endpoint | None:
    """Return what the account may do with `path`, or None where it is not listed (``GET /account/endpoints``)."""
    answer = _get(transport, "/account/endpoints", {"path": path})
    try:
        for row in answer["endpoints"]:
            if row["path"] == path:
                rate = row.get("effective_rate_limit_rpm")
                fields = row.get("fields") or {}
                return Endpoint(
                    row.get("status") == "enabled",
                    float(rate) if rate else None,
                    frozenset(map(str, fields.get("disabled") or ())),
                )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _unreadable("list of endpoints") from None
    return None


def read_usage_events(transport: Transport, since: float) -> Iterator[UsageEvent]:
    """Yield the usage log, the newest first, back to `since` (``GET /account/usage/events``)."""
    cursor: str | None = None
    while True:
        answer = _get(
            transport, "/account/usage/events", {"limit": str(_PAGE)} | ({"cursor": cursor} if cursor else {})
        )
        try:
            events = [_event(row) for row in answer["events"]]
            cursor = answer.get("next_cursor") if answer.get("has_more") else None
        except (KeyError, TypeError, ValueError, AttributeError):
            raise _unreadable("usage log") from None
        yield from (event for event in events if event.created_at >= since)
        if cursor is None or (events and events[-1].created_at < since):
            return


def _event(row: dict[str, Any]) -> UsageEvent:
    created = datetime.fromisoformat(row["created_at"])
    count = row.get("identifier_count", row.get("identifiers"))
    return UsageEvent(
        str(row["event_id"]),
        str(row["endpoint"]),
        (created if created.tzinfo else created.replace(tzinfo=UTC)).timestamp(),
        int(row["status"]) if row.get("status") is not None else None,
        float(row.get("credits") or 0.0),
        int(count) if isinstance(count, int) else None,
    )


def _get(transport: Transport, path: str, params: dict[str, str] | None = None) -> Any:
    exchange = transport.get(path, params)
    if exchange.status != 200:
        raise error_from_answer(exchange.status, exchange.body, request_id=exchange.request_id)
    try:
        return orjson.loads(exchange.body)
    except ValueError:
        raise _unreadable("answer") from None


def _unreadable(what: str) -> ResponseError:
    return ResponseError(f"The {what} of the account cannot be read. Nothing was charged for it.")
