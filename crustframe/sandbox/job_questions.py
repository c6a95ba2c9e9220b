"""What the submit of a job asks: its body, read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from crustframe import contract
from crustframe.sandbox import fields
from crustframe.sandbox.freemail import is_business_email
from crustframe.sandbox.questions import Reader, Refusal, invalid

_IDENTIFY_KEYS: Final[Mapping[str, contract.IdentifierKind]] = {  # docs: `emails`, `business_emails` or profile URLs
    **{key: kind for kind, key in contract.REQUEST_KEYS.items()},
    contract.IDENTIFY_KEYS[contract.BUSINESS_EMAIL]: contract.BUSINESS_EMAIL,
}
_COMMON_KEYS: Final = ("fields", "chunk_size", "webhook_url")
_BODY_KEYS: Final = {
    contract.PERSON_JOB_PATH: (*contract.REQUEST_KEYS.values(), *_COMMON_KEYS),
    contract.CONTACT_JOB_PATH: (contract.REQUEST_KEYS[contract.PROFILE_URL], *_COMMON_KEYS, "verified"),
    contract.IDENTIFY_JOB_PATH: (*_IDENTIFY_KEYS, "chunk_size", "webhook_url"),
}
IDENTIFY_COMPONENT: Final = "person.identify"  # ours: no document names one
_CONTACT_NAMES: Final = (
    "business_email",
    contract.CONTACT_SHORTHAND,
    "personal_contact_info.personal_emails",
    "personal_contact_info.phone_numbers",
)


class Submit(NamedTuple):
    """One readable submit."""

    kind: contract.IdentifierKind
    identifiers: tuple[str, ...]
    names: tuple[str, ...]
    prices: Mapping[str, float]
    selection: fields.Selection
    verified: bool
    webhook_url: str | None


def read_submit(path: str, body: Any, reader: Reader) -> Submit:
    """Return what a decoded body asks for, or raise the first refusal."""
    if not isinstance(body, dict):
        invalid("Request body must be a JSON object.")
    if unknown := [key for key in body if key not in _BODY_KEYS[path]]:
        invalid(f"Unexpected keys in request body: {', '.join(unknown)}")
    kind, identifiers = _identifiers(path, body)
    names = () if path == contract.IDENTIFY_JOB_PATH else _names(path, body, reader)
    least, default, most = contract.JOB_CHUNK_SIZES
    size = body.get("chunk_size", default)
    if isinstance(size, bool) or not isinstance(size, int) or not least <= size <= most:
        invalid(f"chunk_size must be a whole number between {least} and {most}.")
    webhook_url = body.get("webhook_url")
    if webhook_url is not None and not _is_web_address(webhook_url):
        invalid("webhook_url must be a valid URL.")
    verified = body.get("verified", False)
    if not isinstance(verified, bool):
        invalid("verified must be a boolean.")
    if path == contract.IDENTIFY_JOB_PATH:
        bill = {IDENTIFY_COMPONENT: contract.IDENTIFY_PRICE}
        return Submit(kind, identifiers, (), bill, fields.preview(), False, webhook_url)
    if kind == contract.BUSINESS_EMAIL and (bad := [text for text in identifiers if not is_business_email(text)]):
        invalid(f"Invalid business emails: {', '.join(bad)}")
    granted = [contract.CONTACT_FIELDS.get(name, name) for name in names]
    if lacking := fields.denied(granted, reader.denied_fields):
        message = f"Access denied to fields: {', '.join(lacking)}"
        raise Refusal(403, "permission_error", message, [{"denied_fields": lacking}])
    selection = fields.select(names, reader.snapshot, reader.denied_fields)
    prices = dict(selection.prices)
    if path == contract.CONTACT_JOB_PATH:
        parts = {contract.CONTACT_FIELDS[name]: _contact_price(name) for name in names}
        parts |= {"verified": contract.VERIFIED_PRICE} if verified else {}
        prices = {name: parts[part] for name, part in contract.COST_COMPONENTS.items() if part in parts}
    return Submit(kind, identifiers, names, prices, selection, verified, webhook_url)


def _names(path: str, body: dict[str, Any], reader: Reader) -> tuple[str, ...]:
    asked = _listed(body, "fields")
    if path == contract.CONTACT_JOB_PATH:
        if not asked:
            invalid("fields is required and must not be empty.")
        if unknown := [name for name in asked if name not in _CONTACT_NAMES]:
            invalid(f"Invalid fields: {', '.join(unknown)}", [{"available_fields": list(_CONTACT_NAMES)}])
        both = [name for name in contract.CONTACT_FIELDS if name.startswith(contract.CONTACT_SHORTHAND + ".")]
        spelled = [part for name in asked for part in (both if name == contract.CONTACT_SHORTHAND else [name])]
        return tuple(dict.fromkeys(spelled))
    available = fields.available(reader.snapshot)
    if unknown := [name for name in asked or () if name not in available]:
        invalid(f"Invalid fields: {', '.join(unknown)}", [{"available_fields": list(available)}])
    return tuple(dict.fromkeys((*contract.JOB_DEFAULT_GROUPS, *(asked or ()))))


def _identifiers(path: str, body: dict[str, Any]) -> tuple[contract.IdentifierKind, tuple[str, ...]]:
    given = [(kind, key) for key, kind in _IDENTIFY_KEYS.items() if key in body and key in _BODY_KEYS[path]]
    if len(given) != 1:
        invalid("Exactly one identifier type must be provided.")
    kind, key = given[0]
    values = _listed(body, key)
    if not values:
        invalid(f"{key} must not be empty.")
    most = contract.MAX_JOB_IDENTIFIERS[path]
    if len(values) > most:
        invalid(f"{key} takes at most {most} identifiers per job, got {len(values)}.")
    return kind, tuple(values)


def _listed(body: dict[str, Any], key: str) -> list[str] | None:
    """Return a list of texts, which one comma-separated text is too."""
    value = body.get(key)
    if value is None and key not in body:
        return None
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        invalid(f"{key} must be a list of strings or one comma-separated string.")
    return list(value)


def _contact_price(name: str) -> float:
    return contract.ADD_ON_PRICES[contract.CONTACT_FIELDS[name]]


def _is_web_address(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False
