"""The legacy surface in the sandbox: one test for every row of every table of seed 002."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from crustframe import contract
from crustframe.sandbox.screener import catalogue
from crustframe.sandbox.server import Sandbox

TOKEN = {"Authorization": "Token sandbox-key"}
SITE = "https://www.linkedin.com/in/"
AVERY = SITE + "avery-example/"
NOT_FOUND = "No data found for the LinkedIn profile: {}."
GONE = "This LinkedIn profile is not available"
FAILED = "Internal system error while processing profile. Please try again later."
QUEUED = "Data will be enriched shortly."
ALL_FIELDS = (
    "linkedin_profile_url,linkedin_flagship_url,name,location,email,title,last_updated,headline,summary,"
    "num_of_connections,skills,profile_picture_url,profile_picture_permalink,twitter_handle,languages,all_employers,"
    "past_employers,current_employers,education_background,all_employers_company_id,all_titles,all_schools,all_degrees"
)

Get = Callable[..., requests.Response]


@pytest.fixture
def look_up() -> Iterator[Get]:
    """GET /screener/person/enrich of a sandbox."""
    with requests.Session() as session:
        session.trust_env = False

        def fetch(sandbox: Sandbox, headers: dict[str, str] = TOKEN, **query: Any) -> requests.Response:
            return session.get(f"{sandbox.url}/screener/person/enrich", params=query, headers=headers, timeout=10)

        yield fetch


# Single profile requests -------------------------------------------------------------------------------------------

PROFILE = (200, None, None)
SINGLE = [
    ({}, "avery-example", PROFILE),
    ({"enrich_realtime": "true"}, "avery-example", PROFILE),
    ({"enrich_realtime": "true", "force_fetch": "True"}, "avery-example", PROFILE),
    ({"enrich_realtime": "true", "force_fetch": "true"}, "nobody-example", (404, "PE01", f"{NOT_FOUND} {GONE}")),
    ({"enrich_realtime": "true", "force_fetch": "true"}, "broken-example", (500, "PE02", f"{NOT_FOUND} {FAILED}")),
    ({}, "queued-example", (404, "PE03", f"{NOT_FOUND} {QUEUED}")),
]


@pytest.mark.parametrize(("flags", "slug", "outcome"), SINGLE)
def test_single(sandbox, look_up, flags, slug, outcome):
    status, code, text = outcome

    answer = look_up(sandbox, linkedin_profile_url=SITE + slug, **flags)

    assert status == answer.status_code
    if code is None:
        assert [[slug]] == [one["query_linkedin_profile_urn_or_slug"] for one in answer.json()]
    else:
        assert {"error": text.format(slug), "error_code": code} == answer.json()
        assert 0 == sandbox.credits_spent


def test_realtime_is_fetched_only_when_it_must_be(sandbox, look_up):
    """From the cache if present, live otherwise, and always live with force_fetch."""

    def is_live(slug: str, **flags: str) -> bool:
        return look_up(sandbox, linkedin_profile_url=SITE + slug, **flags).json()[0]["enriched_realtime"]

    assert not is_live("avery-example", enrich_realtime="true")
    assert is_live("queued-example", enrich_realtime="true")
    assert is_live("avery-example", enrich_realtime="true", force_fetch="true")


# Multiple profile requests -----------------------------------------------------------------------------------------


def test_batch_of_found_ones(sandbox, look_up):
    """In an order of its own: whoever joins by position is wrong."""
    slugs = [f"p{n}-example" for n in range(25)]

    answer = look_up(sandbox, linkedin_profile_url=",".join(SITE + slug for slug in slugs))

    asked = [one["query_linkedin_profile_urn_or_slug"][0] for one in answer.json()]
    assert 200 == answer.status_code
    assert sorted(slugs) == sorted(asked)
    assert slugs != asked
    assert "75" == answer.headers[contract.CREDITS_HEADER]


BATCH = [("queued-example", f"{NOT_FOUND} {QUEUED}", {}), ("nobody-example", NOT_FOUND, {"enrich_realtime": "true"})]


@pytest.mark.parametrize(("slug", "text", "flags"), BATCH)
def test_batch_with_one_failure(sandbox, look_up, slug, text, flags):
    answer = look_up(sandbox, linkedin_profile_url=f"{SITE}{slug},{AVERY}", **flags)

    found, failed = answer.json()
    assert 200 == answer.status_code
    assert ["avery-example"] == found["query_linkedin_profile_urn_or_slug"]
    assert text.format(slug) == failed["error"]
    assert SITE + slug == failed["linkedin_profile_url"]
    assert not failed["did_last_linkedin_enrichment_succeed"]
    assert {"avery-example": 1} == sandbox.people_charged


@pytest.mark.parametrize("urls", ["linkedin.com/company/x", f"{AVERY},not-a-url,{SITE}p1-example"])
def test_one_malformed_url_refuses_the_list(sandbox, look_up, urls):
    bad = next(url for url in urls.split(",") if "/in/" not in url)

    answer = look_up(sandbox, linkedin_profile_url=urls)

    assert 400 == answer.status_code
    assert {"error": f"Field 'linkedin_profile_url': Invalid LinkedIn URL format: {bad}"} == answer.json()
    assert 0 == sandbox.credits_spent


# Common validation errors ------------------------------------------------------------------------------------------

VALIDATION = [
    (
        {"linkedin_profile_url": AVERY, "force_fetch": "true"},
        "`force_fetch` can only be used with `enrich_realtime`.",
    ),
    ({}, "You must provide either a LinkedIn profile URL or a business email."),
    (
        {"linkedin_profile_url": ",".join(f"{SITE}p{n}-example" for n in range(26))},
        "You can only enrich up to 25 LinkedIn profiles at a time.",
    ),
]


@pytest.mark.parametrize(("query", "text"), VALIDATION)
def test_validation(sandbox, look_up, query, text):
    answer = look_up(sandbox, **query)

    assert (400, {"error": text}) == (answer.status_code, answer.json())


@pytest.mark.parametrize(
    "query",
    [
        {"linkedin_profile_url": AVERY, "business_email": "jane@corp.example"},
        {"business_email": "jane@"},
        {"linkedin_profile_url": AVERY, "fields": "name,salary"},
        {"linkedin_profile_url": AVERY, "enrich_realtime": "perhaps"},
        {"linkedin_profile_url": AVERY, "preview": "true"},
    ],
)
def test_refused_in_words_of_our_own(sandbox, look_up, query):
    """Texts that no document states: the status is what counts."""
    answer = look_up(sandbox, **query)

    assert 400 == answer.status_code
    assert isinstance(answer.json()["error"], str)


# Error codes -------------------------------------------------------------------------------------------------------

CODES = [
    ("PE01", "nobody-example", GONE),
    ("PE02", "broken-example", FAILED),
    ("PE03", "queued-example", QUEUED),
    ("PE04", "unreadable-example", "Unable to process LinkedIn profile data"),
]


@pytest.mark.parametrize(("code", "slug", "text"), CODES)
def test_error_codes(sandbox, look_up, code, slug, text):
    flags = {} if code == "PE03" else {"enrich_realtime": "true", "force_fetch": "true"}

    failure = look_up(sandbox, linkedin_profile_url=SITE + slug, **flags).json()

    assert code == failure["error_code"]
    assert failure["error"].endswith(text)


def test_queued_people_are_found_after_an_hour(running, look_up):
    """And who does not exist is then said not to, instead of being queued for ever."""
    sandbox = running(speed=7200)
    for slug in ("queued-example", "nobody-example"):
        assert "PE03" == look_up(sandbox, linkedin_profile_url=SITE + slug).json()["error_code"]

    time.sleep(0.6)

    assert 200 == look_up(sandbox, linkedin_profile_url=SITE + "queued-example").status_code
    assert "PE01" == look_up(sandbox, linkedin_profile_url=SITE + "nobody-example").json()["error_code"]
    assert 3 == sandbox.credits_spent


# Credit usage ------------------------------------------------------------------------------------------------------

EMAILED = SITE + "p1-example"  # somebody with a business address
CREDITS = [
    ({}, 3),
    ({"enrich_realtime": "true"}, 5),
    ({"fields": "name,business_email"}, 5),
    ({"fields": "name,business_email", "enrich_realtime": "true"}, 7),
    ({"fields": "business_email"}, 2),
    ({"fields": "business_email", "enrich_realtime": "true"}, 2),
    ({"preview": "true"}, 0),
]


@pytest.mark.parametrize(("query", "credits"), CREDITS)
def test_credits(running, look_up, query, credits):
    sandbox = running(preview=True)

    answer = look_up(sandbox, linkedin_profile_url=EMAILED, **query)

    assert 200 == answer.status_code
    assert float(answer.headers[contract.CREDITS_HEADER]) == credits == sandbox.credits_spent


def test_no_result_no_charge(sandbox, look_up):
    look_up(sandbox, linkedin_profile_url=f"{SITE}nobody-a,{SITE}nobody-b")
    answer = look_up(sandbox, linkedin_profile_url=AVERY, fields="business_email")

    assert [] == answer.json()[0]["business_email"]
    assert 0 == sandbox.credits_spent


def test_credits_gone(running, look_up):
    sandbox = running(balance=2)

    assert 402 == look_up(sandbox, linkedin_profile_url=AVERY).status_code
    assert 0 == sandbox.credits_spent


# Fields ------------------------------------------------------------------------------------------------------------


def test_default_fields(sandbox, look_up):
    """Everything that the catalogue calls default, and nothing else."""
    [found] = look_up(sandbox, linkedin_profile_url=AVERY).json()

    default = {path.partition(".")[0] for path, is_default in catalogue().items() if is_default}
    assert default == set(found)
    assert "activities_and_societies" not in {key for school in found["education_background"] for key in school}
    assert "business_emails" not in {key for job in found["current_employers"] for key in job}


def test_all_fields_of_the_first_example(sandbox, look_up):
    [found] = look_up(sandbox, linkedin_profile_url=AVERY, fields=ALL_FIELDS).json()

    assert {*ALL_FIELDS.split(","), "enriched_realtime", "query_linkedin_profile_urn_or_slug"} == set(found)


def test_dot_paths(sandbox, look_up):
    url = SITE + "p3-example"
    asked = "education_background.activities_and_societies,education_background.degree_name,name"

    [found] = look_up(sandbox, linkedin_profile_url=url, fields=asked).json()

    assert {"activities_and_societies", "degree_name"} == {key for one in found["education_background"] for key in one}
    assert "title" not in found


@pytest.mark.parametrize(
    "name", ["certifications", "honors", "linkedin_open_to_cards", "linkedin_joined_date", "linkedin_verifications"]
)
def test_gated_fields(running, look_up, name):
    """They come when they are asked for and granted; without the grant, as by default, the whole call fails."""
    granted, denied = running(grant=[name]), running()

    assert name in look_up(granted, linkedin_profile_url=AVERY, fields=f"name,{name}").json()[0]
    assert name not in look_up(granted, linkedin_profile_url=AVERY).json()[0]
    refused = look_up(denied, linkedin_profile_url=AVERY, fields=f"name,{name}")
    assert (403, {"error": f"Access denied to fields: {name}"}) == (refused.status_code, refused.json())


def test_business_email_alone_shrinks_the_answer(sandbox, look_up):
    """The keys of the seed's sample answer, and no profile."""
    [found] = look_up(sandbox, linkedin_profile_url=EMAILED, fields="business_email").json()

    assert {
        "business_email",
        "current_employers",
        "past_employers",
        "enriched_realtime",
        "query_linkedin_profile_urn_or_slug",
    } == set(found)
    trimmed = {"employer_name", "employer_linkedin_id", "employer_company_website_domain", "business_emails"}
    assert trimmed == {key for job in found["current_employers"] for key in job}
    addresses = {address for job in found["current_employers"] for address in job["business_emails"]}
    assert addresses <= set(found["business_email"])


def test_preview(running, look_up):
    sandbox = running(preview=True)

    [found] = look_up(sandbox, linkedin_profile_url=AVERY, preview="true").json()

    assert "current_employers" not in found
    assert found["name"]


# Who, and how --------------------------------------------------------------------------------------------------------


def test_spellings_of_one_person_are_one_object(sandbox, look_up):
    answer = look_up(sandbox, linkedin_profile_url=f"{AVERY},{SITE}Avery-Example,{SITE}p1-example")

    slugs = sorted(one["query_linkedin_profile_urn_or_slug"] for one in answer.json())
    assert [["avery-example", "Avery-Example"], ["p1-example"]] == slugs
    assert 6 == sandbox.credits_spent


def test_reverse_look_up_gives_candidates_best_first(sandbox, look_up):
    """One object each, with a score; the address is paid for once."""
    answer = look_up(sandbox, business_email="bruno.castillo@nimbus.example", fields="name")

    scores = [one["score"] for one in answer.json()]
    assert len(scores) > 1
    assert sorted(scores, reverse=True) == scores
    assert 3 == sandbox.credits_spent


@pytest.mark.parametrize(
    ("headers", "strict", "status"),
    [
        (TOKEN, True, 200),
        ({"Authorization": "Bearer sandbox-key"}, False, 200),
        ({"Authorization": "Bearer sandbox-key"}, True, 401),
        ({"Authorization": "Token wrong"}, False, 401),
        ({}, False, 401),
    ],
)
def test_token_scheme(running, look_up, headers, strict, status):
    assert status == look_up(running(strict_auth=strict), headers, linkedin_profile_url=AVERY).status_code


def test_faults_meet_legacy_calls_too(sandbox, look_up):
    sandbox.faults.add("drop_item", identifier="p1-example")

    answer = look_up(sandbox, linkedin_profile_url=f"{SITE}p1-example,{SITE}p2-example")

    assert [["p2-example"]] == [one["query_linkedin_profile_urn_or_slug"] for one in answer.json()]
    assert 6 == sandbox.credits_spent


def test_one_population_behind_both_surfaces(sandbox, look_up, ask):
    """The same name, title, employers and schools, charged on the same meter."""
    url = SITE + "p4-example"
    groups = ["basic_profile", "experience", "education"]
    [entry] = ask(sandbox, {"professional_network_profile_urls": [url], "fields": groups}).json()
    person = entry["matches"][0]["person_data"]

    [legacy] = look_up(sandbox, linkedin_profile_url=url).json()

    jobs = person["experience"]["employment_details"]
    assert person["basic_profile"]["name"] == legacy["name"]
    assert [job["name"] for job in jobs["current"]] == [job["employer_name"] for job in legacy["current_employers"]]
    assert [job["name"] for job in jobs.get("past") or []] == [job["employer_name"] for job in legacy["past_employers"]]
    assert person["crustdata_person_id"] == legacy["person_id"]
    assert {"p4-example": 2} == sandbox.people_charged
    assert 4 == sandbox.credits_spent
