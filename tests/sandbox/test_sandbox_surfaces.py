"""Contact enrich, identify and live enrich in the sandbox, as the pages of autumn 2026 tell them."""

from __future__ import annotations

import pytest
import requests

from crustframe.sandbox.server import Sandbox

CONTACT, IDENTIFY = "/person/contact/enrich", "/person/identify"
LIVE = "/person/professional_network/enrich/live"
URL, NOBODY = "https://www.linkedin.com/in/lead-5-example", "https://www.linkedin.com/in/nobody-1"


def post(sandbox, path, body, **headers):
    sent = {"Authorization": f"Bearer {sandbox.key}", "x-api-version": "2025-11-01"} | headers
    return requests.post(sandbox.url + path, json=body, headers=sent, timeout=30)


@pytest.fixture
def full():
    with Sandbox(requests_per_minute=None, snapshot="C") as sandbox:
        yield sandbox


# Contact enrich ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("billing", "more"), [("delivered", 0.0), ("base", 1.0)])
def test_contacts_are_billed_for_what_is_delivered(billing, more):
    with Sandbox(requests_per_minute=None, snapshot="C", contact_billing=billing) as sandbox:
        answer = post(sandbox, CONTACT, {"professional_network_profile_urls": [URL, NOBODY]})

        assert 200 == answer.status_code
        first, second = answer.json()
        assert (URL, NOBODY, []) == (first["matched_on"], second["matched_on"], second["matches"])
        contact = first["matches"][0]["person_data"]["contact"]
        prices = {"business_emails": 1.0, "personal_emails": 2.0, "phone_numbers": 2.0}
        assert sum(prices[kind] for kind in contact) + more == float(answer.headers["x-credits-used"])
        assert float(answer.headers["x-credits-used"]) == sandbox.credits_spent


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"business_emails": ["a@corp.example"], "fields": ["contact.business_emails"]}, 200),
        ({"business_emails": ["a@corp.example"], "fields": ["skills"]}, 400),
        ({"emails": ["a@corp.example"]}, 400),
        ({"professional_network_profile_urls": [URL], "business_emails": ["a@corp.example"]}, 400),
        ({"professional_network_profile_urls": [URL] * 26}, 400),
        ({"professional_network_profile_urls": [URL], "verified": "yes"}, 400),
    ],
)
def test_contact_enrich_takes_what_its_page_tells(full, body, status):
    answer = post(full, CONTACT, body)
    assert status == answer.status_code
    if status == 400:
        assert 0 == full.credits_spent
        if body.get("fields") == ["skills"]:
            assert "contact.phone_numbers" in answer.json()["error"]["metadata"][0]["available_fields"]


# Identify ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", ["top-level", "wrapped"])
def test_identify_tells_who_is_there_who_is_not_and_who_is_redacted(rows):
    asked = ["avery@corp.example", "nobody@corp.example", "redacted.one@corp.example", "somebody@gmail.com"]
    with Sandbox(requests_per_minute=None, snapshot="C", identify_rows=rows, unknown_share=0.0) as sandbox:
        answer = post(sandbox, IDENTIFY, {"emails": asked})
        told = answer.json()["results"] if rows == "wrapped" else answer.json()

        assert asked == [row["matched_on"] for row in told]
        assert ["matched", "not_found", "redacted", "matched"] == [row["match_status"] for row in told]
        assert {"crustdata_person_id", "basic_profile", "social_handles"} == told[0]["matches"][0].keys()
        assert "2" == answer.headers["x-credits-used"]


def test_identify_takes_no_business_emails(full):
    assert 400 == post(full, IDENTIFY, {"business_emails": ["a@corp.example"]}).status_code


def test_who_was_identified_is_the_same_person_by_profile_url(full):
    [row] = post(full, IDENTIFY, {"emails": ["avery.stone@corp.example"]}).json()
    match = row["matches"][0]
    url = match["social_handles"]["professional_network_identifier"]["profile_url"]
    body = {"professional_network_profile_urls": [url], "fields": ["basic_profile"]}
    [entry] = post(full, "/person/enrich", body).json()

    person = entry["matches"][0]["person_data"]
    assert (match["crustdata_person_id"], match["basic_profile"]) == (
        person["crustdata_person_id"],
        person["basic_profile"],
    )


# Live, plans, paces ------------------------------------------------------------------------------------------------


def test_live_profiles_cost_seven(full):
    answer = post(full, LIVE, {"professional_network_profile_urls": [URL, NOBODY], "fields": ["basic_profile"]})
    assert (200, "7") == (answer.status_code, answer.headers["x-credits-used"])
    assert 400 == post(full, LIVE, {"business_emails": ["a@corp.example"]}).status_code


@pytest.mark.parametrize(
    ("plan", "statuses"), [("self-serve", [403, 403, 403]), ("contact", [200, 403, 403]), ("full", [200, 200, 200])]
)
def test_a_plan_has_what_it_has_and_the_account_says_so(plan, statuses):
    bodies = {CONTACT: {"professional_network_profile_urls": [URL]}, IDENTIFY: {"emails": ["a@corp.example"]},
              LIVE: {"professional_network_profile_urls": [URL]}}  # fmt: skip
    with Sandbox(requests_per_minute=None, snapshot="C", plan=plan) as sandbox:
        assert statuses == [post(sandbox, path, body).status_code for path, body in bodies.items()]
        headers = {"Authorization": f"Bearer {sandbox.key}", "x-api-version": "2025-11-01"}
        told = requests.get(sandbox.url + "/account/endpoints", headers=headers, timeout=30).json()["endpoints"]
        enabled = {row["path"]: row["status"] == "enabled" for row in told}
        assert [status == 200 for status in statuses] == [enabled[path] for path in bodies]


@pytest.mark.parametrize(("path", "pace"), [(CONTACT, 15), (IDENTIFY, 30), (LIVE, 10)])
def test_each_surface_has_the_pace_of_its_page(path, pace):
    with Sandbox(snapshot="C") as sandbox:
        answer = post(sandbox, path, {"professional_network_profile_urls": [URL]})
        assert str(pace) == answer.headers["x-ratelimit-limit"]


def test_the_list_of_endpoints_may_be_missing():
    with Sandbox(requests_per_minute=None, account=False) as sandbox:
        headers = {"Authorization": f"Bearer {sandbox.key}", "x-api-version": "2025-11-01"}
        assert 404 == requests.get(sandbox.url + "/account/endpoints", headers=headers, timeout=30).status_code


def test_the_sandbox_has_a_time_of_its_own_in_every_answer(full):
    from email.utils import parsedate_to_datetime

    def told():
        answer = post(full, IDENTIFY, {"emails": ["nobody@corp.example"]})
        return parsedate_to_datetime(answer.headers["date"]).timestamp()

    before = told()
    full.pass_time(3600)
    assert 3599 <= told() - before <= 3660
