"""Reading the body of ``POST /person/enrich``: a clean question, or the refusal that the API sends."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

from crustframe import contract
from crustframe.sandbox import fields
from crustframe.sandbox.freemail import is_business_email
from crustframe.sandbox.people import canonical

BODY_KEYS: Final = {
    "A": (
        *contract.REQUEST_KEYS.values(),
        "fields",
        "min_similarity_score",
        "force_fetch",
        "enrich_realtime",
        "preview",
    ),
    "B": (*contract.REQUEST_KEYS.values(), "fields", "min_similarity_score", "preview"),
    "C": (contract.REQUEST_KEYS[contract.PROFILE_URL], "fields", "preview"),
}
FLAGS: Final = ("force_fetch", "enrich_realtime", "preview")


class Refusal(Exception):  # noqa: N818 - the API refuses; nothing went wrong here
    """An answer of the API that is not the asked one.

    Parameters
    ----------
    status : int
        HTTP status.
    kind : str
        The envelope's ``type``.
    message, metadata
        The envelope's other two values.
    """

    def __init__(self, status: int, kind: str, message: str, metadata: Sequence[dict[str, Any]] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"error": {"type": kind, "message": message, "metadata": list(metadata)}}


class Unauthorized(Refusal):
    """A missing or wrong key, in the short form without an envelope."""

    def __init__(self, message: str) -> None:
        super().__init__(401, "", message)
        self.body = {"message": message}


@dataclass(frozen=True)
class Question:
    """One readable request."""

    kind: contract.IdentifierKind
    identifiers: tuple[str, ...]
    selection: fields.Selection
    min_similarity_score: float | None = None


@dataclass(frozen=True)
class Reader:
    """What this account may ask.

    Parameters
    ----------
    snapshot : {"A", "B", "C"}
        Age of the API.
    denied_fields : sequence of str
        Groups or paths that the account lacks.
    preview : bool
        Whether previews are granted.
    refuse : collection of str
        Identifiers, in any spelling, that make the whole call a 400 that does not name them.
    """

    snapshot: fields.Snapshot
    denied_fields: Sequence[str] = ()
    preview: bool = False
    refuse: Collection[str] = field(default_factory=tuple)

    def read(self, body: Any) -> Question:
        """Return the question in the decoded `body`, or raise the first refusal.

        The checks come in this order: shape and keys, identifier type, identifiers, ``fields``, the other
        keys, unacceptable addresses, refused identifiers, preview grant, field grants.
        """
        if not isinstance(body, dict):
            invalid("Request body must be a JSON object.")
        unknown = [key for key in body if key not in BODY_KEYS[self.snapshot]]
        if unknown:
            invalid(f"Unexpected keys in request body: {', '.join(unknown)}")
        kind, identifiers = listed_identifiers(body, contract.REQUEST_KEYS)
        asked = self._asked(body)
        threshold = _threshold(body)
        for flag in FLAGS:
            if not isinstance(body.get(flag, False), bool):
                invalid(f"{flag} must be a boolean.")
        if kind == contract.BUSINESS_EMAIL:
            bad = [address for address in identifiers if not is_business_email(address)]
            if bad:
                invalid(f"Invalid business emails: {', '.join(bad)}")
        self.check_refused(kind, identifiers)
        if body.get("preview", False):
            if not self.preview:
                invalid("Preview feature is not available for your account")
            return Question(kind, identifiers, fields.preview(), threshold)
        denied = fields.denied(asked or (), self.denied_fields)
        if denied:
            message = f"Access denied to fields: {', '.join(denied)}"
            raise Refusal(403, "permission_error", message, [{"denied_fields": denied}])
        return Question(kind, identifiers, fields.select(asked, self.snapshot, self.denied_fields), threshold)

    def _asked(self, body: dict[str, Any]) -> list[str] | None:
        if "fields" not in body:
            return None
        asked = body["fields"]
        if not isinstance(asked, list) or not asked or not all(isinstance(name, str) for name in asked):
            invalid("fields must be a non-empty list of strings.")
        available = fields.available(self.snapshot)
        unknown = [name for name in asked if name not in available]
        if unknown:
            invalid(f"Invalid fields: {', '.join(unknown)}", [{"available_fields": list(available)}])
        return list(dict.fromkeys(asked))

    def check_refused(self, kind: contract.IdentifierKind, identifiers: Sequence[str]) -> None:
        """Raise the 400 that a scripted identifier brings to the whole call."""
        if self.refuse:
            refused = {*self.refuse, *(canonical(text, kind) for text in self.refuse)} - {None}
            if any(text in refused or canonical(text, kind) in refused for text in identifiers):
                invalid("Request could not be processed.")


def decoded(body: bytes) -> Any:
    """Return the JSON value in `body`, or raise the refusal."""
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        invalid("Request body is not valid JSON.")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity are Python's idea, not JSON's


def listed_identifiers(
    body: Mapping[str, Any], keys: Mapping[contract.IdentifierKind, str]
) -> tuple[contract.IdentifierKind, tuple[str, ...]]:
    """Return of which kind the identifiers of a body are, and which; or raise the refusal."""
    given = [(kind, key) for kind, key in keys.items() if key in body]
    if len(given) != 1:
        invalid("Exactly one identifier type must be provided.")  # seed, verbatim
    kind, key = given[0]
    values = body[key]
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        invalid(f"{key} must be a list of strings.")
    if not values:
        invalid(f"{key} must not be empty.")
    if len(values) > contract.MAX_IDENTIFIERS:
        invalid(f"{key} takes at most {contract.MAX_IDENTIFIERS} identifiers, got {len(values)}.")
    return kind, tuple(values)


def _threshold(body: dict[str, Any]) -> float | None:
    value = body.get("min_similarity_score")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        invalid("min_similarity_score must be a number between 0 and 1.")
    return float(value)


def invalid(message: str, metadata: Sequence[dict[str, Any]] = ()) -> NoReturn:
    """Raise a 400."""
    raise Refusal(400, "invalid_request", message, metadata)
