"""What the account's own endpoints answer: balance, rights and pace, and the usage log."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from starlette.requests import Request
from starlette.responses import Response

from crustframe import contract
from crustframe.sandbox.questions import Refusal
from crustframe.sandbox.wire import Reply

if TYPE_CHECKING:
    from crustframe.sandbox.app import Service

USAGE_DAYS: Final = 7  # docs: the log's window, unless one is given
USAGE_LIMIT: Final = 50  # docs: default page of the usage log
USAGE_LIMIT_MAX: Final = 500  # docs
ENDPOINT_STATUSES: Final = ("enabled", "not_enabled", "disabled")


def account(service: Service) -> dict[str, Any]:
    """Return what ``GET /account/credits`` answers."""
    told = {
        "credits": service.meter.balance,
        "recurring_credits": 0,
        "recurring_credits_frequency": None,
        "recurring_credits_refresh_date": None,
        "credit_rollover": False,
    }
    return {"account": told}


def endpoints(service: Service, request: Request) -> Response:
    """Answer ``GET /account/endpoints``."""
    query = request.query_params
    status = query.get("status")
    if status is not None and status not in ENDPOINT_STATUSES:
        raise Refusal(400, "invalid_request", f"status must be one of {', '.join(ENDPOINT_STATUSES)}.")
    rows = [
        row
        for row in service.endpoints
        if query.get("path", row["path"]) == row["path"]
        and query.get("category", row["category"]).casefold() == row["category"].casefold()
        and (status is None or status == row["status"])
    ]
    body = {
        "api_version": contract.API_VERSION,
        "token_limit_rpm": service.settings.requests_per_minute,
        "endpoints": rows,
    }
    return Reply(200, body)


def events(service: Service, request: Request) -> Response:
    """Answer ``GET /account/usage/events``."""
    limit = _whole_number(request, "limit", USAGE_LIMIT)
    if limit is None or not 1 <= limit <= USAGE_LIMIT_MAX:
        raise Refusal(400, "invalid_request", f"limit must be between 1 and {USAGE_LIMIT_MAX}.")
    window = (-math.inf, math.inf) if service.is_earlier else _window(service, request)
    found, rest = service.meter.page(_whole_number(request, "cursor", None), limit, window)
    cursor = None if rest is None else str(rest)
    rows = [row.earlier_row() if service.is_earlier else row.row() for row in found]
    return Reply(200, {"events": rows, "has_more": rest is not None, "next_cursor": cursor})


def _window(service: Service, request: Request) -> tuple[float, float]:
    """Read the window of a question about usage; a date is its first moment (UTC), and the end is outside."""
    day = 86400.0
    end = _moment(request, "end", service.now() // day * day + day)
    return _moment(request, "start", end - USAGE_DAYS * day), end


def _moment(request: Request, name: str, default: float) -> float:
    text = request.query_params.get(name)
    if text is None:
        return default
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise Refusal(400, "invalid_request", f"{name} must be a date or an ISO 8601 time.") from None


def _whole_number(request: Request, name: str, default: int | None) -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Refusal(400, "invalid_request", f"{name} is not valid.")
    return int(text)


def event(service: Service, request: Request) -> Response:
    """Answer ``GET /account/usage/events/{event_id}``."""
    found = service.meter.event(request.path_params["event_id"])
    if found is None:
        raise Refusal(404, "not_found", "No event with this id.")
    return Reply(200, found.earlier_row() if service.is_earlier else found.whole())
