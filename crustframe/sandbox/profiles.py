"""The ``person_data`` of one invented person, made group by group when it is read.

Absent values come in every disguise that captures of the API show: ``null``, a missing key, ``""``, ``{}``
and ``[]``. The employer's name stands under ``name`` and never under ``company_name`` (contract notes).
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from typing import Any, Final, TypeVar

from crustframe.sandbox import vocabulary as words

DRIFT_SHARE: Final = 0.3  # ours: with ``drift`` on, this share of people breaks the documented types
HUGE_ID: Final = 2**53 + 1  # the first integer that a double cannot hold

Json = dict[str, Any]
T = TypeVar("T")
_MISSING: Final = object()


class Dice(random.Random):
    """Chance with the API's habits of leaving values out."""

    def pick(self, choices: Sequence[T]) -> T:
        return choices[int(self.random() * len(choices))]

    def some(self, choices: Sequence[T], most: int) -> list[T]:
        return self.sample(choices, int(self.random() * (min(most, len(choices)) + 1)))

    def below(self, limit: int) -> int:
        return int(self.random() * limit)

    def text(self, value: str, absent: float = 0.12) -> Any:
        return value if self.random() >= absent else self.pick((None, "", _MISSING))

    def value(self, value: Any, absent: float = 0.1) -> Any:
        return value if self.random() >= absent else self.pick((None, _MISSING))

    def items(self, value: list[Any], absent: float = 0.08) -> Any:
        return value if self.random() >= absent else self.pick((None, [], _MISSING))

    def mapping(self, value: Json, absent: float = 0.06) -> Any:
        return value if self.random() >= absent else self.pick((None, {}, _MISSING))

    def moment(self, first_year: int = 2012, last_year: int = 2025) -> str:
        year = first_year + self.below(last_year - first_year + 1)
        day = f"{year}-{1 + self.below(12):02}-{1 + self.below(28):02}"
        clock = f"{self.below(24):02}:{self.below(60):02}:{self.below(60):02}"
        if self.random() < 0.5:
            return f"{day}T{clock}.{self.below(10**6):06}Z"
        return f"{day}T{clock}+00:00"

    def prose(self, sentences: int) -> str:
        gap = self.pick((" ", "\n", "\n\n• ", ' "so to say" '))
        return gap.join(self.pick(words.SENTENCES) for _ in range(sentences))


def present(**values: Any) -> Json:
    """Return `values` without the missing ones."""
    return {key: value for key, value in values.items() if value is not _MISSING}


@dataclass(frozen=True)
class Company:
    """An invented employer; the same name has the same ids in every profile."""

    name: str
    domain: str
    company_id: int
    network_id: str
    industry: str
    kind: str
    headcount: int
    headcount_range: str
    place: tuple[str, str, str, str, str]


@cache
def companies() -> tuple[Company, ...]:
    """Return the employers of this world."""
    return tuple(_company(f"{head} {tail}".strip()) for head in words.COMPANY_HEADS for tail in words.COMPANY_TAILS)


def _company(name: str, domain: str | None = None) -> Company:
    dice = Dice(_seed("company " + name))
    most, band = dice.pick(words.HEADCOUNT_RANGES)
    company_id = 10_000 + dice.below(10**7)
    return Company(
        name=name,
        domain=domain or "".join(sign for sign in name.lower() if sign.isascii() and sign.isalnum()) + ".example",
        company_id=HUGE_ID + 2 * company_id if dice.random() < 0.04 else company_id,
        network_id=f"{1_000_000 + dice.below(9 * 10**6)}",
        industry=dice.pick(words.INDUSTRIES),
        kind=dice.pick(words.COMPANY_TYPES),
        headcount=max(1, int(most * (0.3 + 0.7 * dice.random()))),
        headcount_range=band,
        place=dice.pick(words.PLACES),
    )


def _company_at(domain: str) -> Company:
    return _company(domain.split(".")[0].replace("-", " ").title(), domain)


def _seed(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest())


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One person.

    Parameters
    ----------
    key : str
        Seeds everything that is not given.
    person_id : int
        The ``crustdata_person_id``.
    first, last : str
        The name; a person with one name has an empty `last`.
    slug : str
        Percent-encoded slug of the canonical profile URL.
    domain : str, optional
        Web domain of the default current employer.
    past_domain : str, optional
        Web domain of the latest past employer.
    email : str, optional
        The business address under which the person was found.
    drift : bool
        Whether this person may break the documented types.
    """

    key: str
    person_id: int
    first: str
    last: str
    slug: str
    domain: str | None = None
    past_domain: str | None = None
    email: str | None = None
    drift: bool = False

    @property
    def name(self) -> str:
        """The displayed name."""
        return f"{self.first} {self.last}".strip()

    def data(self, groups: Iterable[str]) -> Json:
        """Return ``person_data`` with `groups` and the person's id."""
        data: Json = {"crustdata_person_id": self.person_id}
        for group in groups:
            if group != "crustdata_person_id":
                value = getattr(self, "_" + group)(Dice(_seed(f"{group} {self.key}")))
                if value is not _MISSING:
                    data[group] = value
        if self.drift and Dice(_seed("drift " + self.key)).random() < DRIFT_SHARE:
            _drifted(data)
        return data

    # The headline, place and default title appear in several groups and agree between them.

    def _shared(self) -> tuple[str, Json, str]:
        dice = Dice(_seed("shared " + self.key))
        headlines = words.FORMULA_HEADLINES if dice.random() < 0.05 else words.HEADLINES
        city, state, country, continent, _ = dice.pick(words.PLACES)
        place = present(
            raw=f"{city}, {state}, {country}",
            city=dice.text(city, 0.3),
            state=dice.text(state, 0.3),
            country=dice.text(country, 0.2),
            continent=dice.text(continent, 0.3),
        )
        return dice.pick(headlines), place, dice.pick(words.TITLES)[0]

    def _picture(self) -> str:
        return f"https://cdn.example/people/{self.person_id}.jpg"

    def _basic_profile(self, dice: Dice) -> Json:
        headline, place, title = self._shared()
        return present(
            name=self.name,
            first_name=dice.text(self.first, 0.4),
            last_name=dice.text(self.last, 0.4),
            headline=dice.text(headline, 0.05),
            current_title=dice.text(title),
            summary=dice.text(dice.prose(24 + dice.below(14)), 0.02),
            languages=dice.items(dice.some(words.LANGUAGES, 4)),
            last_updated=dice.value(dice.moment(2025)),
            location=dice.mapping(place),
            profile_picture_permalink=dice.text(self._picture()),
            professional_network_name=dice.text(self.name),
        )

    def _professional_network(self, dice: Dice) -> Any:
        headline, place, title = self._shared()
        return dice.mapping(
            present(
                profile_picture_permalink=dice.text(self._picture()),
                profile_picture_url=dice.text(f"{self._picture()}?expires=1767225600"),
                connections=dice.value(dice.pick((0, 1, 37, 500, dice.below(30_000)))),
                followers=dice.value(dice.below(200_000)),
                open_to_cards=dice.items(dice.some(("CAREER_INTEREST", "HIRING_MANAGER", "VOLUNTEERING"), 2)),
                name=dice.text(self.name),
                pronoun=dice.text(dice.pick(("she/her", "he/him", "they/them")), 0.5),
                headline=dice.text(headline),
                current_title=dice.text(title),
                summary=dice.text(dice.prose(3)),
                location=dice.mapping(place),
                joined_date=dice.value(dice.moment(2004, 2020)),
                verifications=dice.items(dice.some(("WORK_EMAIL", "GOVERNMENT_ID"), 2)),
                metadata=dice.mapping({"last_scraped_source": "invented"}),
            ),
            0.03,
        )

    def _social_handles(self, dice: Dice) -> Json:
        handle = {"slug": dice.text(f"example_{self.person_id % 10**6}", 0.3)}
        developer = {"profile_url": dice.text(self._developer_url(), 0.6)}
        return present(
            professional_network_identifier={"profile_url": f"https://www.linkedin.com/in/{self.slug}"},
            dev_platform_identifier=dice.mapping(present(**developer)),
            twitter_identifier=dice.mapping(present(**handle), 0.3),
        )

    def _developer_url(self) -> str:
        return f"https://code.example/u{self.person_id % 10**8}"

    def _employers(self) -> tuple[list[Company], int]:
        """Return current employers and which of them is the default one."""
        dice = Dice(_seed("employers " + self.key))
        count = dice.choices((0, 1, 2, 3, 5), (8, 55, 22, 12, 3))[0]
        current = [dice.pick(companies()) for _ in range(count)]
        default = dice.below(count) if count else 0
        if self.domain is not None:
            own = _company_at(self.domain)
            current[default : default + 1] = [own]
        return current, default

    def _experience(self, dice: Dice) -> Any:
        employers, default = self._employers()
        current = [_role(dice, employer, now=True, default=n == default) for n, employer in enumerate(employers)]
        if current:
            current[default]["title"] = self._shared()[2]
        count = 4 + dice.below(5) if not current or dice.random() < 0.85 else 0
        past = [_role(dice, dice.pick(companies()), now=False, default=False) for _ in range(count)]
        if past and dice.random() < 0.08:
            past.append(dict(past[0]))
        nothing = dice.pick(([], None, _MISSING))
        if self.past_domain is not None:
            past.insert(0, _role(dice, _company_at(self.past_domain), now=False, default=False))
        return {"employment_details": present(current=current or nothing, past=past or nothing)}

    def _education(self, dice: Dice) -> Any:
        schools = [_school(dice) for _ in range(dice.below(4))]
        return dice.mapping(present(schools=dice.items(schools)))

    def _skills(self, dice: Dice) -> Any:
        return dice.mapping(present(professional_network_skills=dice.items(dice.some(words.SKILLS, 12))))

    def _contact(self, dice: Dice) -> Json:
        employers, default = self._employers()
        personal = [f"person{self.person_id % 10**7}@mail.example"][: dice.below(3)]
        business = [f"p{self.person_id % 10**5}@{employer.domain}" for employer in employers][: dice.below(3)]
        if self.email:
            business = [self.email, *(address for address in business if not address.endswith(f"@{self.domain}"))]
        company_id = employers[default].company_id if employers else None
        return present(
            business_emails=[
                present(**_address(dice, address), crustdata_company_id=dice.value(company_id)) for address in business
            ],
            personal_emails=[present(**_address(dice, address)) for address in personal],
            phone_numbers=[f"+1 555 01{dice.below(100):02}" for _ in range(dice.below(3))],  # kept free for fiction
            websites=[f"https://{self.person_id % 10**6}.example/?from=profile" for _ in range(dice.below(3))],
        )

    def _dev_platform_profiles(self, dice: Dice) -> Any:
        return dice.items([self._developer(dice) for _ in range(dice.pick((0, 1, 1, 2)))])

    def _developer(self, dice: Dice) -> Json:
        repos = [_repo(dice, f"u{self.person_id % 10**8}") for _ in range(2 + dice.below(8))]
        stars = sorted(repo["stars"] for repo in repos if isinstance(repo.get("stars"), int))
        return present(
            account_type=dice.text(dice.pick(("User", "Organization"))),
            profile_url=dice.text(self._developer_url(), 0.03),
            name=dice.text(self.name),
            email=dice.text(f"u{self.person_id % 10**8}@noreply.code.example", 0.5),
            company_text=dice.text(f"@{dice.pick(companies()).name}"),
            bio=dice.text(dice.pick(words.SENTENCES)),
            website_url=dice.text(f"https://{self.person_id % 10**6}.example"),
            profile_picture_url=dice.text(self._picture()),
            is_hireable=dice.value(dice.random() < 0.3, 0.4),
            is_site_admin=dice.value(False),
            confidence_score=dice.value(round(0.5 + dice.random() / 2, 3)),
            public_repo_count=dice.value(len(repos)),
            followers=dice.value(dice.below(5000)),
            following=dice.value(dice.below(300)),
            declared_handles=dice.items([{"platform": "chat", "handle": f"u{self.person_id % 10**6}"}]),
            org_memberships=dice.items([{"login": "example-org"}][: dice.below(2)]),
            total_repos=dice.value(len(repos)),
            total_stars=dice.value(sum(stars)),
            max_stars=dice.value(max(stars, default=0)),
            median_stars=dice.value(stars[len(stars) // 2] + 0.5 if stars else 0.0),
            all_languages=dice.items(dice.some(words.CODE_LANGUAGES, 4)),
            all_topics=dice.items(dice.some(words.TOPICS, 5)),
            location=dice.mapping({"raw": dice.pick(words.PLACES)[0]}),
            metadata=dice.mapping(
                present(
                    created_at=dice.value(dice.moment(2010, 2020)),
                    last_scraped_source=dice.text("invented"),
                    last_updated=dice.value(dice.moment(2024)),
                )
            ),
            repos=dice.items(repos),
        )

    def _certifications(self, dice: Dice) -> Any:
        return dice.items(
            [
                present(
                    name=dice.text("Certified Example Keeper", 0.05),
                    issuing_organization=dice.text("Example Board"),
                    issue_date=dice.value(dice.moment()[:10]),
                    expiration_date=dice.value(dice.moment(2026, 2030)[:10], 0.5),
                    credential_id=dice.text(f"{dice.below(10**8):08}"),
                    credential_url=dice.text("https://board.example/check?id=1&lang=en"),
                    source=dice.text("professional_network"),
                )
                for _ in range(dice.below(4))
            ]
        )

    def _honors(self, dice: Dice) -> Any:
        return dice.items(
            [
                present(
                    title=dice.text("Employee of the Decade", 0.05),
                    issued_date=dice.value(dice.moment()[:10]),
                    description=dice.text(dice.pick(words.SENTENCES)),
                    issuer=dice.text(dice.pick(companies()).name),
                    media_urls=dice.items(["https://cdn.example/prize.png"]),
                    associated_organization=dice.text(dice.pick(words.SCHOOLS)),
                    associated_organization_linkedin_id=dice.text(f"{2000 + dice.below(9000)}"),
                )
                for _ in range(dice.below(3))
            ]
        )

    def _assessment(self, dice: Dice) -> Any:
        verdict = {"tier": dice.text(dice.pick(("high", "low"))), "verdict": dice.text("plausible")}
        return dice.mapping(present(authenticity=dice.mapping(present(**verdict))))

    def _social_posts(self, dice: Dice) -> Any:
        return dice.items([{"text": dice.prose(1), "posted_at": dice.moment(2024)} for _ in range(dice.below(4))])

    def _updated_at(self, dice: Dice) -> Any:
        return dice.value(dice.moment(2025))


def _role(dice: Dice, employer: Company, *, now: bool, default: bool) -> Json:
    title, seniority, function = dice.pick(words.TITLES)
    city, state, country, _, iso3 = employer.place
    years = round(dice.random() * 12, 1)
    started = 2026 - int(years) - 1 - dice.below(8)
    position = dice.below(10**8)
    ended = f"{min(2026, started + int(years) + 1)}-0{1 + dice.below(9)}-01T00:00:00+00:00"
    return present(
        name=employer.name,
        title=dice.text(title, 0.05),
        description=dice.text(dice.prose(1 + dice.below(6)), 0.3),
        professional_network_id=dice.text(employer.network_id),
        position_id=dice.value(dice.choices((position, 0, HUGE_ID + 2 * position), (94, 3, 3))[0]),
        crustdata_company_id=dice.value(employer.company_id),
        location=dice.mapping({"raw": dice.text(f"{city}, {country}", 0) if dice.random() < 0.8 else ""}),
        employment_type=dice.text(dice.pick(words.EMPLOYMENT_TYPES)),
        start_date=dice.value(f"{started}-0{1 + dice.below(9)}-01T00:00:00+00:00"),
        end_date=ended if not now or dice.random() < 0.06 else None,
        is_default=default,
        seniority_level=dice.text(seniority),
        function_category=dice.text(function),
        years_at_company=dice.text("1 to 2 years" if years < 3 else "3 to 5 years" if years < 6 else "6 to 10 years"),
        years_at_company_raw=dice.value(years),
        business_email_verified=dice.value(dice.random() < 0.5, 0.3),
        company_website=dice.text(f"https://www.{employer.domain}/"),
        company_website_domain=employer.domain if default else dice.text(employer.domain),
        company_professional_network_profile_url=dice.text(f"https://linkedin.com/company/{employer.network_id}"),
        company_profile_picture_permalink=dice.text(f"https://cdn.example/companies/{employer.network_id}.png"),
        company_headcount_latest=dice.value(employer.headcount),
        company_headcount_range=dice.text(employer.headcount_range),
        company_industries=dice.items([employer.industry]),
        company_professional_network_industry=dice.text(employer.industry),
        company_type=dice.text(employer.kind),
        company_headquarters_country=dice.text(dice.pick((country, iso3))),
        company_hq_location=dice.text(f"{city}, {state}, {country}"),
        company_hq_location_address_components=dice.items([city, state, country]),
    )


def _school(dice: Dice) -> Json:
    end = 1985 + dice.below(40)
    return present(
        school=dice.text(dice.pick(words.SCHOOLS), 0.03),
        degree=dice.text(dice.pick(words.DEGREES)),
        field_of_study=dice.text(dice.pick(words.STUDIES)),
        start_year=dice.value(end - 3, 0.3),
        end_year=dice.value(end, 0.2),
        activities_and_societies=dice.text('Choir, "Chess"; rowing', 0.5),
        institute_logo_url=dice.text("https://cdn.example/school.png"),
        professional_network_id=dice.text(f"{2000 + dice.below(90_000)}"),
    )


def _repo(dice: Dice, owner: str) -> Json:
    name = f"{dice.pick(words.TOPICS)}-{dice.below(100)}"
    return present(
        full_name=f"{owner}/{name}",
        owner=dice.text(owner),
        description=dice.text(dice.pick(words.SENTENCES)),
        primary_language=dice.text(dice.pick(words.CODE_LANGUAGES)),
        topics=dice.items(dice.some(words.TOPICS, 3)),
        license_key=dice.text(dice.pick(("mit", "apache-2.0"))),
        is_fork=dice.value(dice.random() < 0.2),
        archived=dice.value(dice.random() < 0.1),
        disabled=False,
        is_template=dice.value(False),
        has_issues=dice.value(True),
        has_projects=dice.value(True),
        has_wiki=dice.value(dice.random() < 0.5),
        stars=dice.value(dice.below(900)),
        forks_count=dice.value(dice.below(90)),
        open_issues_count=dice.value(dice.below(30)),
        size=dice.value(dice.below(50_000)),
        github_created_at=dice.value(dice.moment(2012, 2023)),
        github_updated_at=dice.value(dice.moment(2024)),
        github_pushed_at=dice.value(dice.moment(2024)),
    )


def _address(dice: Dice, address: str) -> Json:
    states = ("verified", "unverified", "deliverable", "catch_all", "invalid", "unknown")  # docs: old and new words
    return {"email": address, "status": dice.text(dice.pick(states)), "last_updated": dice.value(dice.moment(2025))}


def _drifted(data: Json) -> None:
    """Break documented types in place and add keys that no document names."""
    data["vendor_note"] = {"kind": "undocumented"}
    basic = data.get("basic_profile")
    if basic:
        basic["languages"] = "English, Hindi"
        basic["pronunciation_hint"] = ["un", "documented"]
    network = data.get("professional_network")
    if network:
        network["connections"] = "500+"
        network["followers"] = {"count": 12}
    for role in ((data.get("experience") or {}).get("employment_details", {}).get("current")) or ():
        role["is_default"] = "true"
        role["years_at_company_raw"] = "4.0"
        role["team"] = "undocumented"
    for school in (data.get("education") or {}).get("schools") or ():
        school["end_year"] = "2015"
    if data.get("skills"):
        data["skills"]["professional_network_skills"] = "Python"
