"""The batch surface: submits, statuses and the list. Seed 004; contract notes, section 5."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from operator import index
from typing import TYPE_CHECKING, Any, Final, NamedTuple, SupportsIndex
from urllib.parse import urlsplit

import orjson

from crustframe import contract
from crustframe.errors import BadRequestError, ResponseError, SettingError, error_from_answer
from crustframe.http.rate_limit import server_wait_s

if TYPE_CHECKING:
    from crustframe.http.transport import Exchange, Transport

VERIFIED: Final = "verified"
"""Flag among the groups of a contact job: business addresses were checked anew."""

_ID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PAGES: Final = 10
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class SubmitOptions(NamedTuple):
    """What a submit says besides who and what: whom to call back, and how many people to work on at a time."""

    webhook_url: str | None = None
    chunk_size: int | None = None


class JobStatus(NamedTuple):
    """What the API says of a job. Words that no document names are kept as they came.

    Attributes
    ----------
    batch_id, status, action : str
    identifier_count, result_count : int or None
    created_at, completed_at : float or None
        Seconds since 1970 UTC, by the server's clock.
    links : tuple of str
        Of the whole file; of its parts where only these are told.
    error_message : str or None
    """

    batch_id: str
    status: str
    action: str
    identifier_count: int | None
    result_count: int | None
    created_at: float | None
    completed_at: float | None
    links: tuple[str, ...]
    error_message: str | None

    @property
    def is_active(self) -> bool:
        """Whether it counts against the jobs that may run at a time."""
        return self.status in {"pending", "processing"}


def read_submit(webhook_url: str | None, chunk_size: int | None, *, is_sandbox: bool) -> SubmitOptions:
    """Return what submits say besides who and what, checked.

    Raises
    ------
    SettingError
        The API would refuse it. Nothing was sent.
    """
    if webhook_url is not None:
        check_webhook(webhook_url, is_sandbox=is_sandbox)
    least, _, most = contract.JOB_CHUNK_SIZES
    is_whole = isinstance(chunk_size, SupportsIndex) and not isinstance(chunk_size, bool)
    if chunk_size is not None and not (is_whole and least <= index(chunk_size) <= most):
        raise SettingError(
            f"chunk_size={chunk_size!r} is no whole number from {least} to {most}. Nothing was sent.",
            hint="leave it out: the API then takes 100.",
        )
    return SubmitOptions(webhook_url, None if chunk_size is None else index(chunk_size))


def check_webhook(url: str, *, is_sandbox: bool) -> str:
    """Return a callback address that the API may be told: https and public, or this machine for a sandbox."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        parts, host = urlsplit(""), ""
    local = host in _LOOPBACK or "." not in host or re.fullmatch(r"[\d.]+|[0-9a-f:]*:[0-9a-f:]*", host)
    fine = (parts.scheme == "http" and host in _LOOPBACK) if is_sandbox else (parts.scheme == "https" and not local)
    if not fine or "@" in parts.netloc:
        raise SettingError(
            "The webhook address cannot be told to the API. Nothing was sent.",
            hint="give https and a public host, without a user name; a sandbox takes http on this machine.",
        )
    if parts.query:
        warnings.warn(
            "The webhook address has a query, and the API keeps it with the job. Put no secret there: a path that "
            "nobody guesses does as well.",
            UserWarning,
            stacklevel=2,
        )
    return url


def submit(transport: Transport, endpoint: str, body: bytes) -> tuple[str, str | None]:
    """Submit a job, once, and return its ``batch_id`` and the ``x-request-id`` of the answer.

    Raises
    ------
    APIError
        Refused, never connected, or without a readable answer: then the job may run all the same.
    """
    exchange = transport.post(endpoint, body)
    if not 200 <= exchange.status < 300:
        raise _error(exchange)
    answer = _decoded(exchange)
    batch_id = answer.get("batch_id") if isinstance(answer, dict) else None
    if not isinstance(batch_id, str) or not _ID.fullmatch(batch_id):
        raise ResponseError("The answer to the submit names no job; one may be running.")
    return batch_id, exchange.request_id


def read_status(transport: Transport, batch_id: str) -> JobStatus | None:
    """Return the status of a job, or None where the API does not know it. Free."""
    if not _ID.fullmatch(batch_id):
        raise SettingError(f"{batch_id[:60]!r} is no id of a job. Nothing was sent.")
    exchange = transport.get(f"{contract.JOBS_PATH}/{batch_id}")
    if exchange.status == 404:
        return None
    if exchange.status != 200:
        raise _error(exchange)
    return _status(_decoded(exchange))


def list_jobs(transport: Transport, *, pages: int = _PAGES) -> Iterator[JobStatus]:
    """Yield the jobs of the account, the newest first. Free."""
    cursor: str | None = None
    for _ in range(pages):
        params = {"limit": str(contract.JOB_PAGE_SIZES[2])} | ({"cursor": cursor} if cursor else {})
        exchange = transport.get(contract.JOBS_PATH, params)
        if exchange.status != 200:
            raise _error(exchange)
        answer = _decoded(exchange)
        jobs = answer.get("jobs") if isinstance(answer, dict) else None
        if not isinstance(jobs, list):
            raise ResponseError("The list of jobs cannot be read. Nothing was charged for it.")
        yield from map(_status, jobs)
        cursor = answer.get("next_cursor") if answer.get("has_more") else None
        if not isinstance(cursor, str):
            return


def _status(answer: Any) -> JobStatus:
    if not isinstance(answer, dict) or not isinstance(answer.get("batch_id"), str):
        raise ResponseError("The status of a job cannot be read. Nothing was charged for it.")
    whole = answer.get("download_url")
    parts = answer.get("download_urls")
    links = [whole] if isinstance(whole, str) and whole else parts if isinstance(parts, list) else []
    said = answer.get("error_message")
    return JobStatus(
        answer["batch_id"],
        str(answer.get("status") or ""),
        str(answer.get("action") or ""),
        _count(answer.get("identifier_count")),
        _count(answer.get("result_count")),
        _time(answer.get("created_at")),
        _time(answer.get("completed_at")),
        tuple(link for link in links if isinstance(link, str)),
        re.sub(r"[\x00-\x1f\x7f-\x9f]+", " ", str(said))[:500] if said else None,
    )


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _time(value: object) -> float | None:
    try:
        time = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def _decoded(exchange: Exchange) -> Any:
    try:
        return orjson.loads(exchange.body)
    except ValueError:
        raise ResponseError("The answer about a job is not JSON; a job may be running.") from None


def _error(exchange: Exchange) -> Exception:
    wait_s = server_wait_s(exchange.headers) if exchange.status in {429, 500, 503} else None
    error = error_from_answer(exchange.status, exchange.body, request_id=exchange.request_id, wait_s=wait_s)
    if isinstance(error, BadRequestError):
        error.about_parameters = True  # a job is refused as a whole; cutting people out of it would guess
    return error
