"""Everything that can go wrong, each with what happened, what it cost and what to do next.

The text of an error is wording for people; its attributes (``status``, ``wait_s``, ``retryable``, ``charged``)
are for code. Extra arguments are keyword-only with defaults, so that every error survives ``pickle``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, Literal

Charged = Literal["no", "unknown"]


class CrustframeError(Exception):
    """Base of all errors of crustframe.

    Parameters
    ----------
    message : str
        What happened and what it cost.
    hint : str, optional
        What to do next; shown on its own line.
    """

    exit_code: int = 2

    def __init__(self, message: str = "", *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\nHint: {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return (self.__class__, (self.message,), self.__dict__)


class ConfigurationError(CrustframeError, ValueError):
    """No key, or a setting that cannot be used. Nothing was sent."""

    exit_code = 4


class SettingError(ConfigurationError):
    """A setting or an argument has a value that cannot be used. Nothing was sent."""

    exit_code = 2


class UnknownOptionError(SettingError, TypeError):
    """A function has no such keyword. Nothing was sent."""


class ColumnNotFoundError(CrustframeError, KeyError):
    """The table lacks the column. Nothing was sent."""

    __str__ = CrustframeError.__str__  # KeyError would print a repr


class ColumnExistsError(CrustframeError, ValueError):
    """A column to be added is there already. Nothing was sent."""


class IdentifierError(CrustframeError, ValueError):
    """A cell holds neither a profile URL nor a business e-mail."""


class FieldError(CrustframeError, ValueError):
    """A dot path cannot be asked for. Nothing was sent.

    Attributes
    ----------
    candidates : tuple of str
        The nearest paths of the catalogue.
    """

    def __init__(self, message: str = "", *, hint: str = "", candidates: Sequence[str] = ()) -> None:
        super().__init__(message, hint=hint)
        self.candidates = tuple(candidates)


class TableError(CrustframeError, ValueError):
    """A file cannot be read or written as a table; answers already paid for are safe in the ledger."""

    exit_code = 6


class BudgetError(CrustframeError):
    """The plan may cost more than the ceiling. Raised before any request."""

    exit_code = 7


class LedgerError(CrustframeError):
    """The ledger cannot be used: locked, damaged, foreign, newer or full. No request leaves without it."""

    exit_code = 6


class OfflineError(CrustframeError):
    """Offline was asked for and the ledger does not know everybody. No socket was opened."""

    exit_code = 3


class OutputSchemaError(CrustframeError):
    """Paid answers break the schema; they stay in the ledger.

    Attributes
    ----------
    failure_cases : list of dict
        One entry per path and kind of failure.
    """

    exit_code = 3

    def __init__(self, message: str = "", *, hint: str = "", failure_cases: Sequence[dict[str, Any]] = ()) -> None:
        super().__init__(message, hint=hint)
        self.failure_cases = list(failure_cases)


class APIError(CrustframeError):
    """The API refused, failed or did not answer.

    Attributes
    ----------
    status : int or None
        HTTP status, ``None`` without an answer.
    request_id : str or None
        ``x-request-id`` of the answer.
    wait_s : float or None
        Seconds the server asked us to wait.
    retryable : bool
        Whether sending the same again can help and surely costs nothing.
    charged : {"no", "unknown"}
        Whether the request may have been billed.
    """

    exit_code = 5
    retryable: ClassVar[bool] = False
    charged: ClassVar[Charged] = "no"

    def __init__(
        self,
        message: str = "",
        *,
        hint: str = "",
        status: int | None = None,
        request_id: str | None = None,
        wait_s: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.request_id = request_id
        self.wait_s = wait_s


class BadRequestError(APIError):
    """The request was refused as a whole (400).

    Attributes
    ----------
    identifiers : tuple of str
        Identifiers that the answer names as the reason; may be empty.
    available_fields : tuple of str
        Names that the answer offers instead of an unknown one; may be empty.
    about_parameters : bool
        The refusal is about the request's form, so cutting identifiers out cannot help.
    """

    exit_code = 2

    def __init__(
        self,
        message: str = "",
        *,
        identifiers: Sequence[str] = (),
        available_fields: Sequence[str] = (),
        about_parameters: bool = False,
        hint: str = "",
        status: int | None = None,
        request_id: str | None = None,
        wait_s: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint, status=status, request_id=request_id, wait_s=wait_s)
        self.identifiers = tuple(identifiers)
        self.available_fields = tuple(available_fields)
        self.about_parameters = about_parameters


class AuthenticationError(APIError):
    """The key is missing or wrong (401)."""

    exit_code = 4


class PermissionDeniedError(APIError):
    """The account may not use the endpoint or a field (403).

    Attributes
    ----------
    denied_fields : tuple of str
        Names that the account may not ask for; may be empty.
    """

    exit_code = 4

    def __init__(
        self,
        message: str = "",
        *,
        denied_fields: Sequence[str] = (),
        hint: str = "",
        status: int | None = None,
        request_id: str | None = None,
        wait_s: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint, status=status, request_id=request_id, wait_s=wait_s)
        self.denied_fields = tuple(denied_fields)
        if denied_fields:  # a field can be left out; a whole endpoint cannot
            self.exit_code = 2


class InsufficientCreditsError(APIError):
    """The account has no credits left (402, or 403 in older answers)."""

    exit_code = 4


class SurfaceError(APIError):
    """What was asked is not served at this address: retired, or a wrong path. It says nothing about anybody."""


class RateLimitError(APIError):
    """Too many requests (429)."""

    retryable = True


class ServiceError(APIError):
    """The service failed and said so in its own words (500, 503)."""

    retryable = True


class APIConnectionError(APIError, ConnectionError):
    """Never connected, so never charged."""

    retryable = True


class TransportError(APIError):
    """The connection cannot be trusted: TLS, a redirect, an answer that is not the API's. Never sent again."""


class NoAnswerError(APIError, TimeoutError):
    """The request left and no complete answer came back: it may have been charged."""

    charged = "unknown"


class ResponseError(APIError, ValueError):
    """The answer breaks the contract: it may have been charged. What came is kept in the ledger."""

    charged = "unknown"


class PartialResultWarning(UserWarning):
    """A run ended before everybody was asked for, or no cell named anybody; the rows say who, nothing paid is lost."""


_ABOUT_SOMEBODY: Final = ("No data found for the LinkedIn profile", "Unable to process LinkedIn profile data")
"""Seed 002: a legacy failure of one profile, which several may share a request with."""
_LEGACY_FAILURE: Final = "Internal system error while processing profile"  # seed 002: PE02
_ABOUT_PARAMETERS: Final = re.compile(
    r"exactly one identifier type|preview|x-api-version|not permitted|body key|json"
    r"|unexpected key|extra inputs|`force_fetch`|you must provide|at a time|not both"
    r"|must be a valid boolean|invalid fields",
    re.IGNORECASE,
)


_ECHOED: Final = re.compile(r"\S*[@/]\S*")
"""An address that the answer repeats; whatever stands in it says nothing about parameters."""


class RetirementWarning(FutureWarning):
    """The vendor has announced the end of what was asked."""


def error_from_answer(
    status: int, body: bytes, *, request_id: str | None = None, wait_s: float | None = None
) -> APIError:
    """Return the error that a complete answer other than 200 stands for.

    Both shapes are read, ``{"error": {"type", "message", "metadata"}}`` and ``{"message"}``. A 5xx that does
    not speak the API's language, or that no API server writes itself (502, 504), leaves the charge unknown.
    """
    kind, said, metadata = _said(body)
    facts: dict[str, Any] = {"status": status, "request_id": request_id, "wait_s": wait_s}
    quoted = f": {said}" if said else ""
    match status:
        case 401:
            return AuthenticationError(
                f"The API does not know the key (401{quoted}). Nothing was charged.",
                hint="check CRUSTDATA_API_KEY; the sandbox takes `sandbox-key` only.",
                **facts,
            )
        case 402 | 403 if status == 402 or kind == "insufficient_credits" or "credit" in said.lower():
            return InsufficientCreditsError(
                f"The account has no credits left ({status}{quoted}). This request was not charged.",
                hint="add credits, then run the same again: everybody found so far is in the ledger and free.",
                **facts,
            )
        case 403:
            denied = [str(name) for entry in metadata for name in _names(entry, "denied_fields")]
            if not denied and (found := re.search(r"Access denied to fields:\s*(.+)", said)):
                denied = [name.strip(" .") for name in found[1].split(",")]
            return PermissionDeniedError(
                f"The account may not do this (403{quoted}). Nothing was charged.",
                denied_fields=denied,
                hint=f"leave out {', '.join(denied)}, or ask the vendor to grant it."
                if denied
                else "ask the vendor which endpoints the plan includes.",
                **facts,
            )
        case 404 | 410 if not any(words in said for words in _ABOUT_SOMEBODY):
            return SurfaceError(
                f"The API does not serve this here ({status}{quoted}). Nothing was charged; nobody was looked up.",
                hint="check the base URL; the legacy surface ended on 2026-09-30, see `crustframe fields --legacy`.",
                **facts,
            )
        case 400 | 404 | 410 | 413 | 422:
            named = re.search(r"Invalid (?:business emails|LinkedIn URL format|email format):\s*(.+)", said)
            available = [str(name) for entry in metadata for name in _names(entry, "available_fields")]
            about_parameters = not named and bool(available or _ABOUT_PARAMETERS.search(_ECHOED.sub("", said)))
            return BadRequestError(
                f"The API refused the request ({status}{quoted}). Nothing was charged.",
                identifiers=[text.strip(" .") for text in named[1].split(",")] if named else (),
                available_fields=available,
                about_parameters=about_parameters,
                **facts,
            )
        case 429:
            return RateLimitError(f"Too many requests (429{quoted}). Nothing was charged.", **facts)
        case 500 | 503 if kind or _LEGACY_FAILURE in said:
            return ServiceError(
                f"The API failed ({status}{quoted}). Failed requests are not charged.",
                hint="run the same again later: everybody found so far is in the ledger and free.",
                **facts,
            )
        case _ if status >= 500 or status == 408:
            return NoAnswerError(
                f"Something between here and the API answered {status}. The request may have been charged.", **facts
            )
        case _:
            return TransportError(
                f"The answer {status} is none that the API documents{quoted}. It was not followed.",
                hint="check the base URL, and that no proxy or login page stands in between.",
                **facts,
            )


def _said(body: bytes) -> tuple[str, str, list[Any]]:
    try:
        answer = json.loads(body[:65536])
    except (ValueError, RecursionError):
        return "", "", []
    if not isinstance(answer, dict):
        return "", "", []
    error = answer.get("error")
    if isinstance(error, dict):
        metadata = error.get("metadata")
        entries = metadata if isinstance(metadata, list) else [metadata]
        return str(error.get("type") or ""), _clean(error.get("message")), entries
    return "", _clean(error if isinstance(error, str) else answer.get("message")), []


def _clean(text: object) -> str:
    return re.sub(r"[\x00-\x1f\x7f-\x9f]+", " ", str(text or ""))[:2000]


def _names(entry: object, key: str) -> list[Any]:
    found = entry.get(key) if isinstance(entry, Mapping) else None
    return found if isinstance(found, list) else []
