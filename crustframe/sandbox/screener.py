"""The legacy surface, ``GET /screener/person/enrich``: its words, its outcomes, its prices.

The people are those of ``people``. On top of the spellings told there, these have a meaning here:

* Whose slug or handle begins with ``queued`` is not in the database at first: a plain request queues them, and
  they are found 60 sandbox minutes later, or at once with ``enrich_realtime``. So is everybody who does not exist,
  but for them the later answer is that they do not.
* Fetching whoever begins with ``broken`` always fails inside the service (PE02), and what is fetched about
  ``unreadable`` ones cannot be read (PE04).
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from hashlib import blake2b
from typing import Any, Final, Literal, NamedTuple, NoReturn

from crustframe import contract
from crustframe.sandbox import fields
from crustframe.sandbox.freemail import is_business_email
from crustframe.sandbox.people import Candidate, Population, canonical
from crustframe.sandbox.profiles import Profile
from crustframe.sandbox.questions import Refusal

Json = dict[str, Any]
Code = Literal["PE01", "PE02", "PE03", "PE04"]

EMAIL: Final = "business_email"
_EMAIL_ALONE: Final = frozenset({EMAIL})
_ALWAYS: Final = ("enriched_realtime", "query_linkedin_profile_urn_or_slug")  # catalogue: present in every sample
_TRIMMED_EMPLOYER: Final = (  # seed: sample answer for fields=business_email
    "employer_name",
    "employer_linkedin_id",
    "employer_company_website_domain",
    "business_emails",
)
_NOT_FOUND: Final = "No data found for the LinkedIn profile: {}."  # seed, verbatim, as all texts of this table
_MESSAGES: Final[Mapping[Code, str]] = {
    "PE01": f"{_NOT_FOUND} This LinkedIn profile is not available",
    "PE02": f"{_NOT_FOUND} Internal system error while processing profile. Please try again later.",
    "PE03": f"{_NOT_FOUND} Data will be enriched shortly.",
    "PE04": "Unable to process LinkedIn profile data",
}
_STATUSES: Final[Mapping[Code, int]] = {
    "PE01": 404,
    "PE02": 500,
    "PE03": 404,
    "PE04": 422,  # inferred: the seed states none; a production client reads 422 as no data (contract notes)
}


class LegacyRefusal(Refusal):
    """A refusal in the legacy form, a text under ``error``; the key of the code is inferred."""

    def __init__(self, status: int, text: str, code: Code | None = None) -> None:
        super().__init__(status, "", text)
        self.body = {"error": text} | ({"error_code": code} if code else {})


class Question(NamedTuple):
    """One readable request."""

    kind: contract.IdentifierKind
    identifiers: tuple[str, ...]
    names: frozenset[str] | None
    enrich_realtime: bool
    force_fetch: bool
    preview: bool


@dataclass(frozen=True)
class Reader:
    """What this account may ask.

    Parameters
    ----------
    denied_fields : sequence of str
        Names that the account lacks.
    preview : bool
        Whether previews are granted.
    """

    denied_fields: Sequence[str] = ()
    preview: bool = False

    def read(self, query: Mapping[str, str]) -> Question:
        """Return the question in the decoded `query`, or raise the first refusal.

        The checks come in this order: identifiers, their number, their form, flags, ``fields``, grants.
        """
        kind, identifiers = _identifiers(query)
        realtime, force, preview = (_flag(query, name) for name in ("enrich_realtime", "force_fetch", "preview"))
        if force and not realtime:
            _invalid("`force_fetch` can only be used with `enrich_realtime`.")
        names = _names(query)
        if preview and not self.preview:
            _invalid("Preview feature is not available for your account")
        if denied := fields.denied(sorted(names or ()), self.denied_fields):
            raise LegacyRefusal(403, f"Access denied to fields: {', '.join(denied)}")
        return Question(kind, identifiers, names, realtime, force, preview)


def split(text: str) -> list[str]:
    """Return the entries of a comma list."""
    return [part.strip() for part in text.split(",") if part.strip()]


def _identifiers(query: Mapping[str, str]) -> tuple[contract.IdentifierKind, tuple[str, ...]]:
    given = {kind: split(query.get(key, "")) for kind, key in contract.SCREENER_REQUEST_KEYS.items()}
    asked = [(kind, texts) for kind, texts in given.items() if texts]
    if not asked:
        _invalid("You must provide either a LinkedIn profile URL or a business email.")
    if len(asked) > 1:
        _invalid("Provide either linkedin_profile_url or business_email, not both.")  # text inferred
    kind, texts = asked[0]
    if len(texts) > contract.MAX_IDENTIFIERS:
        _invalid("You can only enrich up to 25 LinkedIn profiles at a time.")
    for text in texts:
        if kind == contract.PROFILE_URL and canonical(text, kind) is None:
            _invalid(f"Field 'linkedin_profile_url': Invalid LinkedIn URL format: {text}")
        if kind == contract.BUSINESS_EMAIL and not is_business_email(text):
            _invalid(f"Field 'business_email': Invalid email format: {text}")  # text inferred
    return kind, tuple(texts)


def _flag(query: Mapping[str, str], name: str) -> bool:
    text = query.get(name, "").strip().lower()  # seed: samples write True as well as true
    if text not in {"", "true", "false"}:
        _invalid(f"Field '{name}': Must be a valid boolean.")  # text inferred
    return text == "true"


def _names(query: Mapping[str, str]) -> frozenset[str] | None:
    asked = split(query.get("fields", ""))
    if unknown := [name for name in asked if name not in catalogue()]:
        _invalid(f"Invalid fields: {', '.join(unknown)}")  # text inferred
    return frozenset(asked) or None


def _invalid(text: str) -> NoReturn:
    raise LegacyRefusal(400, text)


@cache
def catalogue() -> Mapping[str, bool]:
    """Return every name that ``fields`` takes, and whether it comes without being asked for."""
    return {
        str(entry["path"]).replace("[]", ""): bool(entry["default"])
        for entry in contract.screener_fields()
        if entry["section"] != "error_object" and "*" not in entry["path"]
    }


def wanted(names: Iterable[str] | None) -> frozenset[str]:
    """Return the paths that ``fields`` stands for: a name brings what is below it, a default one only defaults."""
    known = catalogue()
    if names is None:
        return frozenset(path for path, default in known.items() if default)
    return frozenset(
        path
        for name in names
        for path, default in known.items()
        if path == name or (path.startswith(name + ".") and (default or not known[name]))
    )


# Outcomes --------------------------------------------------------------------------------------------------------


class Outcome(NamedTuple):
    """What became of one identifier: candidates, or the code of a failure."""

    candidates: tuple[Candidate, ...] = ()
    is_live: bool = False
    code: Code | None = None


class Database:
    """Whom the service holds, and whom it has queued.

    Parameters
    ----------
    population : Population
    clock : callable
        Seconds of the sandbox's own time.
    """

    def __init__(self, population: Population, clock: Callable[[], float]) -> None:
        self._population = population
        self._clock = clock
        self._fetched_at: dict[str, float] = {}

    def look_up(self, person: str, kind: contract.IdentifierKind, *, realtime: bool, force: bool) -> Outcome:
        """Return what is known of the canonical `person`; whoever is not held is queued or fetched."""
        now = self._clock()
        held = self._holds(person, kind) or self._fetched_at.get(person, now + 1) <= now
        is_live = realtime and (force or not held)
        if not held and not realtime:
            self._fetched_at.setdefault(person, now + contract.SCREENER_QUEUE_S)
            return Outcome(code="PE03")
        if is_live:
            self._fetched_at[person] = now
        if person.startswith("broken"):
            del self._fetched_at[person]
            return Outcome(code="PE02" if is_live else "PE03")
        if person.startswith("unreadable"):
            return Outcome(code="PE04")
        found = self._population.candidates(person, kind)
        return Outcome(found, is_live) if found else Outcome(code="PE01")

    def _holds(self, person: str, kind: contract.IdentifierKind) -> bool:
        return not person.startswith(("queued", "broken", "unreadable")) and self._population.knows(person, kind)


class Item(NamedTuple):
    """One object of an answer: for whom (canonical, and as first submitted), what, and what it costs."""

    person: str
    submitted: str
    content: Json
    credits: float


def answer(question: Question, database: Database) -> list[Item]:
    """Return the objects of the answer; found ones come first, in an order of the service's own.

    Raises
    ------
    LegacyRefusal
        The one profile that was asked for failed.
    """
    submitted: dict[str, list[str]] = {}
    for text in question.identifiers:
        submitted.setdefault(canonical(text, question.kind) or text, []).append(text)
    found: list[Item] = []
    failed: list[Item] = []
    for person, texts in submitted.items():
        outcome = database.look_up(person, question.kind, realtime=question.enrich_realtime, force=question.force_fetch)
        if outcome.code is None:
            found += _found(question, person, texts, outcome)
        elif len(submitted) == 1:
            raise LegacyRefusal(_STATUSES[outcome.code], _MESSAGES[outcome.code].format(_shown(texts[0])), outcome.code)
        else:
            failed.append(Item(person, texts[0], _failure(texts, outcome.code), 0.0))
    if question.kind == contract.PROFILE_URL:
        found.sort(key=lambda item: blake2b(item.person.encode()).digest())
    return found + failed


def _found(question: Question, person: str, texts: list[str], outcome: Outcome) -> list[Item]:
    """Return one object for each candidate, best first; the first one carries the price of the identifier."""
    items = []
    for rank, candidate in enumerate(outcome.candidates):
        whole = profile(candidate.profile)
        whole["enriched_realtime"] = outcome.is_live
        slugs = texts if question.kind == contract.PROFILE_URL else [whole["linkedin_flagship_url"]]
        whole["query_linkedin_profile_urn_or_slug"] = [_shown(slug) for slug in slugs]
        content = chosen(whole, question)
        if question.kind == contract.BUSINESS_EMAIL:
            content["score"] = candidate.confidence
        items.append(Item(person, texts[0], content, 0.0 if rank else price(content, question)))
    return items


def _failure(texts: Sequence[str], code: Code) -> Json:
    text = _NOT_FOUND if code == "PE01" else _MESSAGES[code]  # seed: in a list those who do not exist have no suffix
    return {
        "error": text.format(_shown(texts[0])),
        "error_code": code,
        "linkedin_profile_url": texts[0],
        "last_tried_linkedin_enrichment_date": datetime.now(UTC).isoformat(timespec="microseconds"),
        "did_last_linkedin_enrichment_succeed": False,
        "query_linkedin_profile_urn_or_slug": [_shown(text) for text in texts],
    }


def _shown(identifier: str) -> str:
    """Return the slug as it was submitted, or the address itself."""
    slug = re.search(r"/in/([^/?#\s]+)", identifier, re.IGNORECASE)
    return slug[1] if slug else identifier


def chosen(whole: Json, question: Question) -> Json:
    """Return what this question may see of a whole profile."""
    if question.preview:
        return {key: whole[key] for key in (*contract.SCREENER_PREVIEW_FIELDS, *_ALWAYS)}
    if question.names == _EMAIL_ALONE:
        trimmed = {
            key: [{name: job[name] for name in _TRIMMED_EMPLOYER} for job in whole[key]]
            for key in ("current_employers", "past_employers")
        }
        return {EMAIL: whole[EMAIL], **trimmed, **{key: whole[key] for key in _ALWAYS}}
    paths = {*wanted(question.names), *_ALWAYS}
    if question.names and EMAIL in question.names:
        paths |= {f"{key}.business_emails" for key in ("current_employers", "past_employers") if key in paths}
    return {key: kept for key, value in whole.items() if (kept := _kept(key, value, paths)) is not None or key in paths}


def _kept(key: str, value: Any, paths: set[str]) -> Any:
    below = {path.removeprefix(key + ".") for path in paths if path.startswith(key + ".")}
    if isinstance(value, list) and below:
        return [{name: item for name, item in entry.items() if name in below} for entry in value]
    if isinstance(value, dict) and below:
        return {name: item for name, item in value.items() if name in below}
    return value if key in paths else None


def price(content: Json, question: Question) -> float:
    """Return the credits of one found profile; an add-on that found nothing is free."""
    if question.preview:
        return 0.0
    if question.names == _EMAIL_ALONE:
        return contract.SCREENER_EMAIL_ALONE_PRICE if content[EMAIL] else 0.0
    base = contract.SCREENER_REALTIME_PRICE if question.enrich_realtime else contract.SCREENER_PRICE
    delivered = {EMAIL: content.get(EMAIL)}
    delivered |= {f"personal_contact_info.{k}": v for k, v in content.get("personal_contact_info", {}).items()}
    return base + sum(credits for name, credits in contract.SCREENER_ADD_ON_PRICES.items() if delivered.get(name))


# The profile in the legacy vocabulary ----------------------------------------------------------------------------

_SECTIONS: Final = (
    "basic_profile",
    "professional_network",
    "social_handles",
    "experience",
    "education",
    "skills",
    "contact",
    "dev_platform_profiles",
    "certifications",
    "honors",
)


def profile(person: Profile) -> Json:
    """Return everything about one person under the legacy names; the facts are those of ``person_data``."""
    data = person.data(_SECTIONS)
    basic = data["basic_profile"]
    network = data.get("professional_network") or {}
    handles = data["social_handles"]
    jobs = data["experience"]["employment_details"]
    schools = (data.get("education") or {}).get("schools") or []
    contact = data["contact"]
    addresses = [entry for entry in contact.get("business_emails") or [] if entry.get("email")]
    current = [_job(job, addresses) for job in jobs.get("current") or []]
    past = [_job(job, ()) for job in jobs.get("past") or []]
    return {
        "linkedin_profile_url": f"https://www.linkedin.com/in/{_urn(person)}",
        "linkedin_flagship_url": handles["professional_network_identifier"]["profile_url"],
        "name": basic["name"],
        "location": (basic.get("location") or {}).get("raw"),
        "email": None,
        "title": basic.get("current_title"),
        "last_updated": basic.get("last_updated"),
        "headline": basic.get("headline"),
        "summary": basic.get("summary"),
        "num_of_connections": network.get("connections"),
        "profile_picture_url": network.get("profile_picture_url"),
        "profile_picture_permalink": basic.get("profile_picture_permalink"),
        "twitter_handle": (handles.get("twitter_identifier") or {}).get("slug"),
        "languages": basic.get("languages"),
        "person_id": person.person_id,
        EMAIL: [entry["email"] for entry in addresses],
        "personal_contact_info": {
            "personal_emails": [entry["email"] for entry in contact.get("personal_emails") or []],
            "phone_numbers": contact.get("phone_numbers") or [],
        },
        "skills": (data.get("skills") or {}).get("professional_network_skills"),
        "all_employers": _distinct(job["employer_name"] for job in current + past),
        "all_employers_company_id": _distinct(n for job in current + past for n in job["employer_company_id"]),
        "all_titles": _distinct(job["employee_title"] for job in current + past),
        "all_schools": _distinct(school.get("school") for school in schools),
        "all_degrees": _distinct(school.get("degree") for school in schools),
        "current_employers": current,
        "past_employers": past,
        "education_background": [_school(school) for school in schools],
        "certifications": [_certificate(entry) for entry in data.get("certifications") or []],
        "honors": data.get("honors") or [],
        "linkedin_open_to_cards": network.get("open_to_cards"),
        "linkedin_joined_date": network.get("joined_date"),
        "linkedin_verifications": network.get("verifications"),
        "github_profiles": data.get("dev_platform_profiles") or [],
    }


def _urn(person: Profile) -> str:
    digest = blake2b(person.key.encode("utf-8", "surrogatepass"), digest_size=26).digest()
    return "ACoAA" + urlsafe_b64encode(digest).decode().rstrip("=")


def _distinct(values: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(value for value in values if value not in (None, "")))


def _job(job: Json, addresses: Sequence[Json]) -> Json:
    domain = job.get("company_website_domain")
    company_id = job.get("crustdata_company_id")
    own = [entry for entry in addresses if domain and entry["email"].endswith(f"@{domain}")]
    return {
        "employer_name": job.get("name"),
        "employer_linkedin_id": job.get("professional_network_id"),
        "employer_logo_url": job.get("company_profile_picture_permalink"),
        "employer_linkedin_description": f"{job.get('name')} makes examples.",
        "employer_company_id": [] if company_id is None else [company_id],
        "employer_company_website_domain": [domain] if domain else [],
        "domains": [domain] if domain else [],
        "employee_position_id": job.get("position_id") or 0,
        "employee_title": job.get("title"),
        "employee_description": job.get("description"),
        "employee_location": (job.get("location") or {}).get("raw"),
        "start_date": _without_offset(job.get("start_date")),
        "end_date": _without_offset(job.get("end_date")),
        "is_default": job.get("is_default"),
        "business_emails": {
            entry["email"]: {
                "verification_status": entry.get("status") or "",
                "last_validated_at": (entry.get("last_updated") or "")[:10],
            }
            for entry in own
        },
    }


def _without_offset(moment: str | None) -> str | None:
    return moment[:19] if moment else None  # catalogue: job dates carry none


def _school(school: Json) -> Json:
    number = school.get("professional_network_id")
    return {
        "degree_name": school.get("degree"),
        "institute_name": school.get("school"),
        "institute_linkedin_id": number,
        "institute_linkedin_url": f"https://www.linkedin.com/school/{number}" if number else None,
        "institute_logo_url": school.get("institute_logo_url"),
        "field_of_study": school.get("field_of_study"),
        "start_date": _new_year(school.get("start_year")),
        "end_date": _new_year(school.get("end_year")),
        "activities_and_societies": school.get("activities_and_societies"),
    }


def _new_year(year: int | None) -> str | None:
    return None if year is None else f"{year}-01-01T00:00:00"


def _certificate(entry: Json) -> Json:
    return {
        "name": entry.get("name"),
        "issued_date": entry.get("issue_date"),
        "expiration_date": entry.get("expiration_date"),
        "url": entry.get("credential_url"),
        "issuer_organization": entry.get("issuing_organization"),
        "issuer_organization_linkedin_id": None,
        "certification_id": entry.get("credential_id"),
    }
