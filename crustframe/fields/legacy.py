"""Moving over from the legacy surface: which of its names is which path of the current one, and what has none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

_JOB: Final = {
    "employer_name": "name",
    "employer_linkedin_id": "professional_network_id",
    "employer_logo_url": "company_profile_picture_permalink",
    "employer_company_id": "crustdata_company_id",
    "employer_company_website_domain": "company_website_domain",
    "employee_position_id": "position_id",
    "employee_title": "title",
    "employee_description": "description",
    "employee_location": "location.raw",
    "start_date": "start_date",
    "end_date": "end_date",
    "is_default": "is_default",
}
_PAST_JOB: Final = {old: new for old, new in _JOB.items() if old != "is_default"}  # catalogue: current ones only
_SCHOOL: Final = {
    "degree_name": "degree",
    "institute_name": "school",
    "institute_linkedin_id": "professional_network_id",
    "institute_logo_url": "institute_logo_url",
    "field_of_study": "field_of_study",
    "start_date": "start_year",
    "end_date": "end_year",
    "activities_and_societies": "activities_and_societies",
}
_CERTIFICATE: Final = {
    "name": "name",
    "issued_date": "issue_date",
    "expiration_date": "expiration_date",
    "url": "credential_url",
    "issuer_organization": "issuing_organization",
    "certification_id": "credential_id",
}


def _below(legacy: str, current: str, names: Mapping[str, str]) -> dict[str, str]:
    return {legacy: current, **{f"{legacy}.{old}": f"{current}.{new}" for old, new in names.items()}}


CURRENT_PATHS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "linkedin_flagship_url": "social_handles.professional_network_identifier.profile_url",
        "name": "basic_profile.name",
        "location": "basic_profile.location.raw",
        "title": "basic_profile.current_title",
        "last_updated": "basic_profile.last_updated",
        "headline": "basic_profile.headline",
        "summary": "basic_profile.summary",
        "num_of_connections": "professional_network.connections",
        "profile_picture_url": "professional_network.profile_picture_url",
        "profile_picture_permalink": "basic_profile.profile_picture_permalink",
        "twitter_handle": "social_handles.twitter_identifier.slug",
        "languages": "basic_profile.languages",
        "person_id": "crustdata_person_id",
        "business_email": "contact.business_emails[*].email",
        "personal_contact_info.personal_emails": "contact.personal_emails[*].email",
        "personal_contact_info.phone_numbers": "contact.phone_numbers",
        "skills": "skills.professional_network_skills",
        "all_schools": "education.schools[*].school",
        "all_degrees": "education.schools[*].degree",
        **_below("current_employers", "experience.employment_details.current", _JOB),
        **_below("past_employers", "experience.employment_details.past", _PAST_JOB),
        **_below("education_background", "education.schools", _SCHOOL),
        **_below("certifications", "certifications", _CERTIFICATE),
        **_below(
            "honors",
            "honors",
            {
                name: name
                for name in (
                    "title",
                    "issued_date",
                    "description",
                    "issuer",
                    "media_urls",
                    "associated_organization_linkedin_id",
                    "associated_organization",
                )
            },
        ),
        "linkedin_open_to_cards": "professional_network.open_to_cards",
        "linkedin_joined_date": "professional_network.joined_date",
        "linkedin_verifications": "professional_network.verifications",
        "github_profiles": "dev_platform_profiles",
    }
)
"""Legacy path to the current one that means the same, ``[*]`` where all of a list are meant.

Years of education are dates there and numbers here; an employer's id and domain are lists there, single values here.
"""

_NO_EMPLOYER_TEXT: Final = "the current answers describe the role, not the employer"
_DOMAINS: Final = "the current answers hold one domain for each employer: company_website_domain"
_ADDRESSES: Final = "the current answers list addresses with their status under contact.business_emails"
WITHOUT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "linkedin_profile_url": "the current answers hold the readable URL only: "
        "social_handles.professional_network_identifier.profile_url",
        "email": "it was usually empty; business addresses are under contact.business_emails[*].email",
        "enriched_realtime": "the current answers do not tell; see basic_profile.last_updated",
        "query_linkedin_profile_urn_or_slug": "the rows are joined by the identifier itself",
        "score": "it is the column crust.confidence_score",
        "personal_contact_info": "it is two paths: contact.personal_emails[*].email and contact.phone_numbers",
        "all_employers": "ask for experience.employment_details.current[*].name and .past[*].name",
        "all_employers_company_id": "ask for experience.employment_details.current[*].crustdata_company_id and .past",
        "all_titles": "ask for experience.employment_details.current[*].title and .past[*].title",
        "current_employers.employer_linkedin_description": _NO_EMPLOYER_TEXT,
        "past_employers.employer_linkedin_description": _NO_EMPLOYER_TEXT,
        "current_employers.domains": _DOMAINS,
        "past_employers.domains": _DOMAINS,
        "current_employers.business_emails": _ADDRESSES,
        "past_employers.business_emails": _ADDRESSES,
        "education_background.institute_linkedin_url": "the current answers hold its number: "
        "education.schools.professional_network_id",
        "certifications.issuer_organization_linkedin_id": "the current answers hold the issuer's name only",
    }
)
"""Legacy paths that no current path means, each with what to do instead."""

_INDEX: Final = re.compile(r"\[(-?\d+|\*)\]")
_NUMBER: Final = re.compile(r"\.(\d+)(?=\.|$)")
_COLUMN: Final = re.compile(r"\s*([^|\s]+)\s*(\|\s*\w+)?\s*")


def renamed_column(column: str, is_list: Mapping[str, frozenset[int]]) -> str | None:
    """Return the current name of a column that is named by a legacy path, or None where there is none.

    Parameters
    ----------
    column : str
        Such as ``"title"``, ``"current_employers[0].employer_name"``, ``"current_employers.0.employer_name"`` or
        ``"skills | count"``.
    is_list : mapping of str to frozenset of int
        For each current path, which of its segments are lists.
    """
    if column == "score":
        return "crust.confidence_score"
    parts = _COLUMN.fullmatch(column)
    if parts is None:
        return None
    spelled = _NUMBER.sub(r"[\1]", parts[1])
    current = CURRENT_PATHS.get(_INDEX.sub("", spelled))
    if current is None:
        return None
    marks = iter(_INDEX.findall(spelled))
    segments = current.split(".")
    for position in sorted(is_list.get(_INDEX.sub("", current), ())):
        if (mark := next(marks, None)) is None:
            break
        segments[position] = _INDEX.sub("", segments[position]) + f"[{mark}]"
    return ".".join(segments) + (f" {parts[2]}" if parts[2] else "")


def plain(path: str) -> str:
    """Return a path without list marks, as the catalogue knows it."""
    return _INDEX.sub("", path)


def without_counterpart(columns: Iterable[str]) -> dict[str, str]:
    """Return the columns that are named by a legacy path which the current surface lacks, and what to do instead."""
    spelled = {column: _INDEX.sub("", _NUMBER.sub("", column.partition("|")[0].strip())) for column in columns}
    return {column: WITHOUT[path] for column, path in spelled.items() if path in WITHOUT and path != "score"}
