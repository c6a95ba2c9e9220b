"""What the API promises: limits, prices, headers and names, each with its source.

Seeds are the five source documents of the project (read 2026-11); *docs* are the vendor's public pages
in the ages described by the contract notes. Client and sandbox share this room and nothing else, so that
they cannot agree on the same mistake.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final, Literal

BASE_URL: Final = "https://api.crustdata.com"  # seed: Person Enrich reference
API_VERSION: Final = "2025-11-01"  # seed: header x-api-version
VERSION_HEADER: Final = "x-api-version"
PERSON_ENRICH_PATH: Final = "/person/enrich"

IdentifierKind = Literal["professional_network_profile_url", "business_email"]
"""The two values of ``match_type``; the request keys are their plurals."""

PROFILE_URL: Final = "professional_network_profile_url"
BUSINESS_EMAIL: Final = "business_email"
REQUEST_KEYS: Final[Mapping[IdentifierKind, str]] = MappingProxyType(
    {PROFILE_URL: "professional_network_profile_urls", BUSINESS_EMAIL: "business_emails"}
)

MAX_IDENTIFIERS: Final = 25  # seed: "Max 25 per request"
REQUESTS_PER_MINUTE: Final = 15  # docs: default of POST /person/enrich
REALTIME_S: Final = 20.0  # inferred: seed 002 says that real time "may take longer" than the legacy 10 s a profile
SCREENER_S: Final = 10.0  # seed 002: "less than 10 s per profile" for a search of the legacy database
RATE_WINDOW_S: Final = 60.0  # docs: sliding one-minute window per endpoint and account

RATE_LIMIT_HEADER: Final = "x-ratelimit-limit"
RATE_REMAINING_HEADER: Final = "x-ratelimit-remaining"
RATE_RESET_HEADER: Final = "x-ratelimit-reset"  # docs: seconds until the oldest request leaves the window
CREDITS_HEADER: Final = "x-credits-used"  # docs: a number, may be fractional
REQUEST_ID_HEADER: Final = "x-request-id"  # docs: also the event id of the usage log

BASE_PRICE: Final = 1.0  # seed: "Base profile is 1 credit"
MAX_PRICE: Final = 7.0  # seed: "Maximum: 7 credits per profile"
ADD_ON_PRICES: Final[Mapping[str, float]] = MappingProxyType(
    {  # seed: price list of the introduction page
        "contact.business_emails": 1.0,
        "contact.personal_emails": 2.0,
        "contact.phone_numbers": 2.0,
        "dev_platform_profiles": 1.0,
    }
)
COST_COMPONENTS: Final[Mapping[str, str]] = MappingProxyType(
    {  # docs name the second; the others follow its pattern, so readers take other words for the same parts too
        "person.base_profile": "base",
        "person.business_email": "contact.business_emails",
        "person.personal_email": "contact.personal_emails",
        "person.phone_number": "contact.phone_numbers",
        "person.dev_platform": "dev_platform_profiles",
        "person.verified_email": "verified",
    }
)
"""Which part of a price each line of a bill is for."""
BASE_GROUPS: Final = (  # seed: sections of person_data that the base credit covers
    "basic_profile",
    "professional_network",
    "social_handles",
    "experience",
    "education",
    "skills",
    "contact.websites",
)

# What stands beside POST /person/enrich since autumn 2026 (contract notes, today.md).
CONTACT_ENRICH_PATH: Final = "/person/contact/enrich"
IDENTIFY_PATH: Final = "/person/identify"
LIVE_PATH: Final = "/person/professional_network/enrich/live"
IDENTIFY_KEYS: Final[Mapping[IdentifierKind, str]] = MappingProxyType(
    {PROFILE_URL: "professional_network_profile_urls", BUSINESS_EMAIL: "emails"}
)
IDENTIFY_PRICE: Final = 1.0  # docs: per matched identifier
IDENTIFY_GROUPS: Final = ("basic_profile", "social_handles")  # docs: what a match holds
LIVE_PRICE: Final = 7.0  # docs; a contract sheet says 5
CONTACT_CAP: Final = 5.0  # docs: 1 + 2 + 2
CONTACT_GROUPS: Final = (  # docs: `fields` of contact enrich
    "contact.business_emails",
    "contact.personal_emails",
    "contact.phone_numbers",
)
PACES: Final[Mapping[str, float]] = MappingProxyType({IDENTIFY_PATH: 30.0, LIVE_PATH: 10.0})  # docs; others: 15
GRANTED_PATHS: Final = (CONTACT_ENRICH_PATH, IDENTIFY_PATH, LIVE_PATH)  # docs: not in every plan
REDACTED: Final = "redacted"  # docs: match_status of a person who asked to be removed

JOBS_PATH: Final = "/batch"
PERSON_JOB_PATH: Final = "/batch/person/enrich"
CONTACT_JOB_PATH: Final = "/batch/person/contact/enrich"
IDENTIFY_JOB_PATH: Final = "/batch/person/identify"
JOB_ACTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {  # seed: "Internal action name for the job"; the last is inferred
        PERSON_JOB_PATH: "enrich",
        CONTACT_JOB_PATH: "contact_enrich",
        IDENTIFY_JOB_PATH: "identify",
    }
)
JOB_STATUSES: Final = ("pending", "processing", "completed", "failed")  # docs: an open list for readers
MAX_JOB_IDENTIFIERS: Final[Mapping[str, int]] = MappingProxyType(
    {PERSON_JOB_PATH: 10_000, CONTACT_JOB_PATH: 300, IDENTIFY_JOB_PATH: 300}  # docs; seed: 300 of contact jobs
)
MAX_ACTIVE_JOBS: Final = 5  # docs: pending or processing, for each account
JOB_CHUNK_SIZES: Final = (10, 100, 1000)  # seed: least, default, most
JOB_DEFAULT_GROUPS: Final = ("basic_profile", "social_handles")  # docs: `fields` of a person job are added to these
JOB_PAGE_SIZES: Final = (1, 20, 100)  # docs: limit of GET /batch, clamped
JOB_LINK_S: Final = 5 * 86400.0  # docs: links are signed for 5 days
CONTACT_FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {  # seed: the supported set; each with the group of person_data that it stands for
        "business_email": "contact.business_emails",
        "personal_contact_info.personal_emails": "contact.personal_emails",
        "personal_contact_info.phone_numbers": "contact.phone_numbers",
    }
)
CONTACT_SHORTHAND: Final = "personal_contact_info"  # seed: both personal kinds
VERIFIED_PRICE: Final = 0.5  # docs: for each person with a business address, beside what is delivered
# The legacy surface, GET /screener/person/enrich (seed: People Enrichment API).
SCREENER_ENRICH_PATH: Final = "/screener/person/enrich"
SCREENER_REQUEST_KEYS: Final[Mapping[IdentifierKind, str]] = MappingProxyType(
    {PROFILE_URL: "linkedin_profile_url", BUSINESS_EMAIL: "business_email"}
)
SCREENER_PRICE: Final = 3.0  # seed: "3 credits per LinkedIn profile or email"
SCREENER_REALTIME_PRICE: Final = 5.0  # seed: "5 credits" with enrich_realtime
SCREENER_EMAIL_ALONE_PRICE: Final = 2.0  # seed: only fields=business_email, "2 credits for email enrichment"
SCREENER_ADD_ON_PRICES: Final[Mapping[str, float]] = MappingProxyType(
    {
        "business_email": 2.0,  # seed: "2 additional credits when requesting business email"
        "personal_contact_info.personal_emails": 2.0,  # docs
        "personal_contact_info.phone_numbers": 2.0,  # docs
    }
)
SCREENER_PREVIEW_FIELDS: Final = (  # inferred: the seed says "basic profile details" and lists none
    "linkedin_profile_url",
    "linkedin_flagship_url",
    "name",
    "location",
    "title",
    "headline",
    "profile_picture_permalink",
)
SCREENER_QUEUE_S: Final = 3600.0  # seed: "instructions to query again after 60 minutes"
SCREENER_RETIRED_ON: Final = "2026-09-30"  # contract notes, section 0: the vendor's written statement


@cache
def person_fields() -> tuple[Mapping[str, Any], ...]:
    """Return every documented path of ``person_data`` with its type, nullability, access and source."""
    text = resources.files("crustframe.contract").joinpath("person_fields.json").read_text(encoding="utf-8")
    return tuple(MappingProxyType(entry) for entry in json.loads(text))


@cache
def screener_fields() -> tuple[Mapping[str, Any], ...]:
    """Return every documented path of a legacy answer with its type, nullability, access and source."""
    text = resources.files("crustframe.contract").joinpath("screener_fields.json").read_text(encoding="utf-8")
    return tuple(MappingProxyType(entry) for entry in json.loads(text))


GATED: Final = "gated"


@cache
def gated_fields() -> tuple[str, ...]:
    """Return what of ``POST /person/enrich`` not every plan grants: the outermost paths."""
    return _outermost_gated(entry for entry in person_fields() if "enrich" in entry["present_in"])


@cache
def gated_screener_fields() -> tuple[str, ...]:
    """Return what of a legacy answer not every plan grants: the outermost paths."""
    return _outermost_gated(screener_fields())


def _outermost_gated(entries: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    paths = [entry["path"].replace("[]", "") for entry in entries if entry["access"] == GATED]
    return tuple(path for path in paths if not any(path.startswith(f"{other}.") for other in paths))


def pace_of(path: str) -> float:
    """Return the requests a minute that an endpoint takes from an account, unless it says otherwise."""
    return PACES.get(path, float(REQUESTS_PER_MINUTE))


def price_of(groups: frozenset[str] | set[str]) -> float:
    """Return the credits one matched person costs when `groups` are asked for (seed: base 1, add-ons, cap 7)."""
    return min(MAX_PRICE, BASE_PRICE + sum(price for group, price in ADD_ON_PRICES.items() if group in groups))
