"""The account's own free endpoints: balance, what it may ask for, and its usage log. Contract notes, section 7."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import orjson

from crustframe import contract
from crustframe.errors import APIError, ResponseError, error_from_answer
from crustframe.http.rate_limit import server_wait_s
from crustframe.http.retry import Retries

if TYPE_CHECKING:
    from crustframe.client import Client
    from crustframe.http.transport import Exchange, Transport

_PAGE: Final = 500  # docs: limit 1..500
_REFUSED: Final = frozenset({"not_enabled", "disabled"})  # docs: the guide's word, and the reference's
_PARTS: Final = {name.rpartition(".")[2]: part for name, part in contract.COST_COMPONENTS.items()}
_LONGEST_ID: Final = 256  # docs
_OTHER_WORDS: Final = {"phone": "phone_number", "mobile_phone": "phone_number", "dev_platform_profile": "dev_platform"}


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
    credits : float or None
        ``None``: the log does not say; that is never "nothing".
    identifiers : int or None
        How many were asked for, where the log says so.
    parts : mapping of str to float
        How `credits` come about, as a price list names the parts (``"base"``, ``"contact.business_emails"``); empty
        where the log does not tell all of it.
    is_detailed : bool
        The log is of the form that also tells what each request carried.
    """

    event_id: str
    endpoint: str
    created_at: float
    status: int | None
    credits: float | None
    identifiers: int | None
    parts: Mapping[str, float] = field(default_factory=dict)
    is_detailed: bool = False

    @property
    def is_refusal(self) -> bool:
        """Whether the request was refused and surely cost nothing."""
        return self.credits == 0 and self.status is not None and self.status >= 400


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What the account may do with one endpoint.

    Attributes
    ----------
    enabled : bool
    requests_per_minute : float or None
    disabled_fields : frozenset of str
    named_fields : frozenset of str
        Every field that the list names, those that the account lacks too.
    """

    enabled: bool
    requests_per_minute: float | None
    disabled_fields: frozenset[str]
    named_fields: frozenset[str] = frozenset()


def read_balance(transport: Transport) -> float:
    """Return the credits of the account (``GET /user/credits``)."""
    try:
        return float(_get(transport, "/user/credits")["credits"])
    except (KeyError, TypeError, ValueError):
        raise _unreadable("balance") from None


def read_endpoints(transport: Transport) -> dict[str, Endpoint]:
    """Return what the account may do, by path (``GET /account/endpoints``)."""
    return _endpoints(_get(transport, "/account/endpoints"))


def _endpoints(answer: Any) -> dict[str, Endpoint]:
    try:
        return {str(row["path"]): _endpoint(row) for row in answer["endpoints"]}
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _unreadable("list of endpoints") from None


def _endpoint(row: dict[str, Any]) -> Endpoint:
    rate = row.get("effective_rate_limit_rpm")
    fields = row.get("fields") or {}
    disabled = frozenset(map(str, fields.get("disabled") or ()))
    named = disabled | frozenset(map(str, fields.get("enabled") or ()))
    return Endpoint(row.get("status") not in _REFUSED, float(rate) if rate else None, disabled, named)


class UsageLog:
    """The account's usage log, read at the pace that it allows: every question about usage shares one window.

    Parameters
    ----------
    transport : Transport
    sleep, jitter : callable
        Wait; a number from 0 to 1.
    is_patient : bool
        Ask again where the API wants to be asked later.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        sleep: Callable[[float], None],
        jitter: Callable[[], float],
        is_patient: bool = True,
    ) -> None:
        self._is_patient = is_patient
        self._transport = transport
        self._sleep = sleep
        self._jitter = jitter
        self._wait_s = 0.0

    def events(self, since: float, until: float | None = None, *, pages: int | None = None) -> Iterator[UsageEvent]:
        """Yield the rows from `since` on, the newest first (``GET /account/usage/events``).

        Parameters
        ----------
        since, until : float
            Seconds since 1970 UTC. Without a beginning the API tells of a few days only.
        pages : int, optional
            Read no more than so many pages.
        """
        window = {"start": _iso(since)} | ({} if until is None else {"end": _iso(until)})
        cursor: str | None = None
        read = 0
        while pages is None or read < pages:
            page = {"limit": str(_PAGE)} | ({"cursor": cursor} if cursor else {})
            answer = _decoded(self._get("/account/usage/events", window | page))
            read += 1
            try:
                events = [_event(row) for row in answer["events"]]
                cursor = answer.get("next_cursor") if answer.get("has_more") else None
            except (KeyError, TypeError, ValueError, AttributeError):
                raise _unreadable("usage log") from None
            last = math.inf if until is None else until
            yield from (event for event in events if since <= event.created_at <= last)
            if cursor is None or (events and events[-1].created_at < since):
                return

    def request_of(self, event: UsageEvent) -> Any:
        """Return what the request carried, or None where the log does not tell (``GET /account/usage/events/{id}``)."""
        if not event.event_id or len(event.event_id) > _LONGEST_ID:
            return None
        exchange = self._get(f"/account/usage/events/{quote(event.event_id, safe='')}")
        if exchange.status == 404:
            return None
        answer = _decoded(exchange)
        return answer.get("request") if isinstance(answer, dict) else None

    def _get(self, path: str, params: dict[str, str] | None = None) -> Exchange:
        retries = Retries(self._jitter)
        while True:
            if self._wait_s:
                self._sleep(self._wait_s)
            exchange = self._transport.get(path, params)
            spent = exchange.headers.get(contract.RATE_REMAINING_HEADER) == "0"
            self._wait_s = (server_wait_s(exchange.headers) or 0.0) if spent else 0.0
            if exchange.status in {200, 404}:
                return exchange
            error = _error(exchange)
            wait_s = retries.wait_s(error) if self._is_patient else None
            if wait_s is None:
                raise error
            self._wait_s = wait_s


def usage_log(client: Client, *, is_patient: bool = True) -> UsageLog:
    """Return the usage log of the client's account."""
    return UsageLog(client.transport, sleep=client.sleep, jitter=client.jitter, is_patient=is_patient)


def _event(row: dict[str, Any]) -> UsageEvent:
    created = datetime.fromisoformat(row["ts"] if "ts" in row else row["created_at"])
    count = row.get("identifier_count", row.get("identifiers"))
    status = row.get("status", row.get("status_code"))
    credits = _credits(row.get("credits_used", row.get("credits")))
    return UsageEvent(
        str(row["event_id"]),
        str(row.get("endpoint") or ""),
        (created if created.tzinfo else created.replace(tzinfo=UTC)).timestamp(),
        None if status is None else int(status),
        credits,
        int(count) if isinstance(count, int) else None,
        _parts(row.get("cost_components"), credits),
        "ts" in row or "credits_used" in row,
    )


def _credits(value: object) -> float | None:
    if value is None:
        return None
    credits = float(value)  # type: ignore[arg-type]
    if not 0 <= credits < math.inf:
        raise ValueError("no credits")
    return credits


def _parts(lines: object, credits: float | None) -> dict[str, float]:
    """Return a bill by parts of a price, or nothing where its lines do not add up to the bill."""
    parts: dict[str, float] = {}
    for line in lines if isinstance(lines, list) else []:
        charged = line.get("credits", line.get("credits_used")) if isinstance(line, dict) else None
        if not isinstance(charged, int | float) or charged < 0:
            return {}
        part = part_of(str(line.get("component")))
        parts[part] = parts.get(part, 0.0) + charged
    return parts if credits is not None and math.isclose(sum(parts.values()), credits, abs_tol=1e-6) else {}


def part_of(component: str) -> str:
    """Return the part of a price that a line of a bill is for; what nobody has named yet belongs to every person."""
    name = component.rpartition(".")[2].removesuffix("s")
    return _PARTS.get(_OTHER_WORDS.get(name, name), "base")


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _get(transport: Transport, path: str, params: dict[str, str] | None = None) -> Any:
    exchange = transport.get(path, params)
    if exchange.status != 200:
        raise _error(exchange)
    return _decoded(exchange)


def _error(exchange: Exchange) -> APIError:
    wait_s = server_wait_s(exchange.headers) if exchange.status in {429, 500, 503} else None
    return error_from_answer(exchange.status, exchange.body, request_id=exchange.request_id, wait_s=wait_s)


def _decoded(exchange: Exchange) -> Any:
    try:
        return orjson.loads(exchange.body)
    except ValueError:
        raise _unreadable("answer") from None


def _unreadable(what: str) -> ResponseError:
    return ResponseError(f"The {what} of the account cannot be read. Nothing was charged for it.")
