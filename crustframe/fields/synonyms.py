"""Everyday words for paths of the current surface: what people type before they have read the list of fields."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_JOB: Final = "experience.employment_details.current[0]"
_SCHOOL: Final = "education.schools[0]"
_WORDS: Final = {
    "basic_profile.name": "name full_name person_name contact_name",
    "basic_profile.first_name": "first given_name forename firstname",
    "basic_profile.last_name": "last surname family_name lastname",
    "basic_profile.headline": "headline tagline",
    "basic_profile.current_title": "title job_title jobtitle position role current_title designation occupation",
    "basic_profile.summary": "summary about bio description",
    "basic_profile.languages": "languages language spoken_languages",
    "basic_profile.location.raw": "location address place",
    "basic_profile.location.city": "city town",
    "basic_profile.location.state": "state region province",
    "basic_profile.location.country": "country nation",
    "social_handles.professional_network_identifier.profile_url": "linkedin linkedin_url linkedin_profile "
    "linkedin_profile_url profile_url profile url",
    "social_handles.twitter_identifier.slug": "twitter twitter_handle x_handle",
    "social_handles.dev_platform_identifier.profile_url": "github github_url",
    "basic_profile.profile_picture_permalink": "photo picture image avatar profile_picture",
    "professional_network.connections": "connection_count number_of_connections",
    "professional_network.followers": "followers follower_count",
    "skills.professional_network_skills": "skills skill",
    "contact.business_emails[0].email": "email mail e_mail e-mail work_email business_email email_address",
    "contact.personal_emails[0].email": "personal_email private_email",
    "contact.phone_numbers[0]": "phone phone_number telephone mobile tel cell",
    "contact.websites": "website websites homepage",
    f"{_JOB}.name": "company employer company_name organization organisation current_company current_employer account",
    f"{_JOB}.company_website_domain": "company_domain domain",
    f"{_JOB}.company_website": "company_website company_url",
    f"{_JOB}.company_industries": "industry industries company_industry sector",
    f"{_JOB}.company_headcount_latest": "company_size headcount employees company_headcount",
    f"{_JOB}.company_professional_network_profile_url": "company_linkedin company_linkedin_url",
    f"{_JOB}.seniority_level": "seniority level seniority_level",
    f"{_JOB}.function_category": "function department job_function",
    f"{_JOB}.start_date": "start_date started job_start",
    f"{_SCHOOL}.school": "school university college education alma_mater",
    f"{_SCHOOL}.degree": "degree",
    f"{_SCHOOL}.field_of_study": "major field_of_study",
    "crustdata_person_id": "id person_id",
}

SYNONYMS: Final[Mapping[str, str]] = MappingProxyType(
    {word: path for path, words in _WORDS.items() for word in words.split()}
)
"""By word, the path that is taken for it."""
