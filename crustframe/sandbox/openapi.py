"""The OpenAPI document of the sandbox: what it takes and everything that it may answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from crustframe import contract
from crustframe.sandbox import fields, screener
from crustframe.sandbox.questions import BODY_KEYS, FLAGS
from crustframe.sandbox.settings import AccountAPI
from crustframe.sandbox.surfaces import CONTACT_NAMES

Schema = dict[str, Any]

_TYPES: Final[dict[str, Schema]] = {
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "datetime": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date"},
}
_ACCESS: Final = ("enabled", "not_enabled", "disabled")
_LIKELY: Final[dict[contract.IdentifierKind, str]] = {
    contract.PROFILE_URL: r"^https://www\.linkedin\.com/in/[a-z]{2,12}-[a-z]{2,12}-example$",
    contract.BUSINESS_EMAIL: r"^[a-z]{2,12}\.[a-z]{2,12}@[a-z]{3,12}\.example$",
}
_STATUSES: Final = {
    200: "Answered",
    400: "Invalid request",
    401: "Missing or invalid API key",
    402: "Insufficient credits",
    403: "Permission denied, or insufficient credits",
    404: "Not found",
    405: "Method not allowed",
    413: "Request body too large",
    422: "The profile cannot be read",
    429: "Rate window exhausted",
    500: "The profile cannot be processed",
}


def document(snapshot: fields.Snapshot, account_api: AccountAPI) -> Schema:
    """Return the document for one age of the API."""
    is_earlier = account_api == "earlier"
    event = _earlier_event() if is_earlier else _event()
    whole = event if is_earlier else _event(request={}, headers={"type": "object"}, response={})
    versioned = [] if is_earlier else [_version()]
    account = _object(
        credits="number", recurring_credits="number", recurring_credits_frequency=_nullable({"type": "string"}),
        recurring_credits_refresh_date=_nullable(_TYPES["datetime"]), credit_rollover="boolean",
    )  # fmt: skip
    names: Schema = {"type": "array", "items": {"type": "string"}}
    endpoint = _object(
        path="string", category="string", status={"enum": list(_ACCESS)},
        effective_rate_limit_rpm=_nullable({"type": "number"}), fields=_object(enabled=names, disabled=names),
    )  # fmt: skip
    endpoints = _object(api_version="string", token_limit_rpm=_nullable({"type": "number"}), endpoints=_list(endpoint))
    events = _object(events=_list(event), has_more="boolean", next_cursor=_nullable({"type": "string"}))
    charged = {"type": "object", "additionalProperties": _object(credits="number", times="integer")}
    outcomes = {"type": "object", "additionalProperties": {"type": "integer"}}
    meter = _object(calls="integer", credits="number", balance="number", outcomes=outcomes, people=charged)
    limit = _parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": 500, "default": 50})
    cursor = _parameter("cursor", "query", {"type": "string", "pattern": "^[0-9]{1,18}$"})
    status = _parameter("status", "query", {"enum": list(_ACCESS)})
    window = [] if is_earlier else [_parameter(name, "query", _TYPES["datetime"]) for name in ("start", "end")]
    filters = [_parameter(name, "query", {"type": "string"}) for name in ("path", "category")]
    event_id = _parameter("event_id", "path", {"type": "string", "minLength": 1})
    return {
        "openapi": "3.1.0",
        "info": {"title": "crustframe sandbox of the Person Enrich API", "version": contract.API_VERSION},
        "security": [{"bearer": []}],
        "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
        "paths": {
            contract.PERSON_ENRICH_PATH: {"post": _person_enrich(snapshot)},
            contract.SCREENER_ENRICH_PATH: {"get": _screener_enrich()},
            "/user/credits": {"get": _get(_object(credits="number"), 401)},
            "/account/credits": {"get": _get(_object(account=account), 401)},
            "/account/endpoints": {"get": _get(endpoints, 400, 401, parameters=[*filters, status, *versioned])},
            "/account/usage/events": {"get": _get(events, 400, 401, parameters=[limit, cursor, *window, *versioned])},
            "/account/usage/events/{event_id}": {"get": _get(whole, 400, 401, 404, parameters=[event_id, *versioned])},
            contract.CONTACT_ENRICH_PATH: {"post": _beside(contract.REQUEST_KEYS, list(CONTACT_NAMES), verified=True)},
            contract.IDENTIFY_PATH: {"post": _beside(contract.IDENTIFY_KEYS, [], rows=_identified())},
            contract.LIVE_PATH: {"post": _beside(_URLS, list(fields.available("C")))},
            **_jobs(snapshot),
            "/sandbox/meter": {"get": {**_get(meter), "security": []}},
        },
    }


def _earlier_event() -> Schema:
    return _object(
        event_id="string", endpoint="string", created_at="datetime", status="integer", credits="number",
        identifier_count="integer",
    )  # fmt: skip


def _event(**more: Schema) -> Schema:
    line = _object(component="string", label="string", credits="number")
    return _object(
        event_id="string", ts="datetime", team_id="integer", user_id="integer",
        api_key_id=_nullable({"type": "integer"}), client_surface="string", endpoint="string", status="integer",
        credits_used="number", cost_components=_list(line), **more,
    )  # fmt: skip


def _version() -> Schema:
    return _parameter(contract.VERSION_HEADER, "header", {"const": contract.API_VERSION}, required=True)


def _person_enrich(snapshot: fields.Snapshot) -> Schema:
    properties: Schema = {
        **{key: _identifiers(_LIKELY[kind]) for kind, key in contract.REQUEST_KEYS.items()},
        **{key: {"type": "boolean", "default": False} for key in FLAGS},
        "fields": {"type": "array", "minItems": 1, "items": {"enum": list(fields.available(snapshot))}},
        "min_similarity_score": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
    }
    taken = BODY_KEYS[snapshot]
    body = {
        "type": "object",
        "properties": {key: properties[key] for key in taken},
        "additionalProperties": False,
        "oneOf": [{"required": [key]} for key in contract.REQUEST_KEYS.values() if key in taken],
    }
    match = _object(confidence_score={"type": "number", "minimum": 0, "maximum": 1}, person_data=person_data())
    entry = _object(matched_on="string", match_type={"enum": list(contract.REQUEST_KEYS)}, matches=_list(match))
    responses = _responses(_list(entry), 400, 401, 402, 403, 413, 429)
    responses["200"]["headers"][contract.CREDITS_HEADER] = {"required": True, "schema": {"type": "number"}}
    return {
        "parameters": [_version()],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": responses,
    }


_URLS: Final = {contract.PROFILE_URL: contract.REQUEST_KEYS[contract.PROFILE_URL]}


def _beside(keys: Mapping[Any, str], names: list[str], *, verified: bool = False, rows: Schema | None = None) -> Schema:
    """Return the operation of a surface beside ``POST /person/enrich``."""
    properties: Schema = {key: _identifiers(_LIKELY[kind]) for kind, key in keys.items()}
    properties |= {"fields": {"type": "array", "minItems": 1, "items": {"enum": names}}} if names else {}
    properties |= {"verified": {"type": "boolean", "default": False}} if verified else {}
    body = {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "oneOf": [{"required": [key]} for key in keys.values()],
    }
    match = _object(confidence_score={"type": "number", "minimum": 0, "maximum": 1}, person_data={"type": "object"})
    entry = _object(matched_on="string", match_type={"enum": list(contract.REQUEST_KEYS)}, matches=_list(match))
    responses = _responses(rows or _list(entry), 400, 401, 402, 403, 413, 429)
    responses["200"]["headers"][contract.CREDITS_HEADER] = {"required": True, "schema": {"type": "number"}}
    return {
        "parameters": [_version()],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": responses,
    }


def _identified() -> Schema:
    """Return what identify answers: rows at the top level, or in ``results``."""
    row = _object(
        matched_on="string", match_type={"enum": list(contract.REQUEST_KEYS)},
        match_status={"enum": ["matched", "not_found", contract.REDACTED]}, matches=_list({"type": "object"}),
    )  # fmt: skip
    return {"anyOf": [_list(row), _object(results=_list(row))]}


def _jobs(snapshot: fields.Snapshot) -> Schema:
    """Return the paths of jobs."""
    begun: Schema = {
        "batch_id": {"type": "string", "format": "uuid"},
        "status": {"enum": list(contract.JOB_STATUSES)},
        "entity": {"const": "person"},
        "action": {"enum": list(contract.JOB_ACTIONS.values())},
        "identifier_count": "integer",
        "entities_requested": "integer",
    }
    job = _object(
        **begun, result_count="integer", entities_fulfilled="integer", created_at="datetime",
    )  # fmt: skip
    job["properties"] |= {"completed_at": _TYPES["datetime"], "error_message": _TYPES["string"]}
    links = {"download_url": _TYPES["string"], "download_urls": _list(_TYPES["string"])}
    with_links = {**job, "properties": {**job["properties"], **links}}
    page = _object(jobs=_list(job), next_cursor=_nullable({"type": "string"}), has_more="boolean")
    limit = _parameter("limit", "query", {"type": "integer", "default": contract.JOB_PAGE_SIZES[1]})
    status = _parameter("status", "query", {"enum": list(contract.JOB_STATUSES)})
    cursor = _parameter("cursor", "query", {"type": "string", "format": "uuid"})
    batch_id = _parameter("batch_id", "path", {"type": "string", "minLength": 1})
    submits = {}
    for path in contract.JOB_ACTIONS:
        names = list(contract.CONTACT_FIELDS) if path == contract.CONTACT_JOB_PATH else list(fields.available(snapshot))
        kinds = [contract.PROFILE_URL] if path == contract.CONTACT_JOB_PATH else list(contract.REQUEST_KEYS)
        least, default, most = contract.JOB_CHUNK_SIZES
        properties: Schema = {
            **{contract.REQUEST_KEYS[kind]: _identifiers(_LIKELY[kind]) for kind in kinds},  # type: ignore[index]
            "fields": {"type": "array", "minItems": 1, "items": {"enum": names}},
            "chunk_size": {"type": "integer", "minimum": least, "maximum": most, "default": default},
        }
        if path == contract.IDENTIFY_JOB_PATH:
            del properties["fields"]
        body = {
            "type": "object",
            "properties": properties,
            "additionalProperties": False,
            "required": ["fields"] if "fields" in properties else [],
            "oneOf": [{"required": [contract.REQUEST_KEYS[kind]]} for kind in kinds],  # type: ignore[index]
        }
        submits[path] = {
            "post": {
                "parameters": [_version()],
                "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
                "responses": _responses(_object(**begun, status_url="string"), 400, 401, 402, 403, 413, 429),
            }
        }
    return {
        **submits,
        contract.JOBS_PATH: {"get": _get(page, 400, 401, parameters=[limit, status, cursor])},
        f"{contract.JOBS_PATH}/{{batch_id}}": {"get": _get(with_links, 401, 404, parameters=[batch_id])},
    }


def _identifiers(likely: str) -> Schema:
    """Return a list of texts like `likely`, which name somebody; other texts are answered too."""
    items = {"type": "string", "pattern": likely}
    return {"type": "array", "items": items, "minItems": 1, "maxItems": contract.MAX_IDENTIFIERS}


def _screener_enrich() -> Schema:
    slug = {"type": "string", "pattern": r"^https://www\.linkedin\.com/in/[a-z]{1,9}-example$"}
    email = {"type": "string", "pattern": r"^[a-z]{1,9}@corp\.example$"}
    flags = [_parameter(name, "query", {"type": "boolean"}) for name in FLAGS]
    found = {"type": "object", "required": ["query_linkedin_profile_urn_or_slug"]}
    responses = _responses(_list(found), 400, 401, 402, 403, 404, 413, 422, 429, 500)
    responses["200"]["headers"][contract.CREDITS_HEADER] = {"required": True, "schema": {"type": "number"}}
    for status in ("400", "402", "403", "404", "422", "500"):
        content = responses[status]["content"]["application/json"]
        content["schema"] = {"anyOf": [content["schema"], _object(error="string")]}
    return {
        "parameters": [
            _parameter("linkedin_profile_url", "query", slug),
            _parameter("business_email", "query", email),
            _parameter("fields", "query", {"enum": sorted(screener.catalogue())}),
            *flags,
        ],
        "responses": responses,
    }


def person_data() -> Schema:
    """Return the schema of ``person_data``, made from the catalogue; every leaf may be missing."""
    root: Schema = {"type": "object", "properties": {}, "required": ["crustdata_person_id"]}
    for entry in contract.person_fields():
        if "enrich" not in entry["present_in"]:
            continue
        node = root
        *parents, leaf = str(entry["path"]).split(".")
        for key in parents:
            node = node["properties"][key.removesuffix("[]")]
            node = node["items"] if key.endswith("[]") else node
        schema = _of_type(str(entry["type"]))
        node.setdefault("properties", {})[leaf] = _nullable(schema) if entry["nullable"] else schema
    return root


def _of_type(name: str) -> Schema:
    if name.startswith("array<"):
        return _list(_of_type(name.removeprefix("array<").removesuffix(">")))
    return {"type": "object", "properties": {}} if name == "object" else dict(_TYPES[name])


def _nullable(schema: Schema) -> Schema:
    """Return `schema` with null, and with the empty string where an absent text may be one."""
    loose = {key: value for key, value in schema.items() if key != "format"}
    return {**loose, "type": [schema["type"], "null"]}


def _object(**properties: Schema | str) -> Schema:
    known = {key: _TYPES[value] if isinstance(value, str) else value for key, value in properties.items()}
    return {"type": "object", "properties": known, "required": list(known)}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _parameter(name: str, place: str, schema: Schema, *, required: bool = False) -> Schema:
    return {"name": name, "in": place, "required": required or place == "path", "schema": schema}


def _get(answer: Schema, *refusals: int, parameters: list[Schema] | None = None) -> Schema:
    return {"parameters": parameters or [], "responses": _responses(answer, *refusals, 403, 429)}


def _responses(answer: Schema, *refusals: int) -> Schema:
    envelope = _object(
        error=_object(type="string", message="string", metadata=_list({"type": "object"})),
    )
    short = _object(message="string")
    headers = {
        name: {"required": True, "schema": {"type": "integer", "minimum": 0}}
        for name in (contract.RATE_LIMIT_HEADER, contract.RATE_REMAINING_HEADER, contract.RATE_RESET_HEADER)
    }
    headers[contract.REQUEST_ID_HEADER] = {"required": True, "schema": {"type": "string"}}
    return {
        str(status): {
            "description": _STATUSES[status],
            "headers": dict(headers),
            "content": {
                "application/json": {"schema": answer if status == 200 else short if status == 401 else envelope}
            },
        }
        for status in (200, *refusals, 405)
    }
