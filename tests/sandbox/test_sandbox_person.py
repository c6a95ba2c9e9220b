"""POST /person/enrich as a raw client meets it: entries, texts, statuses, headers and credits."""

from __future__ import annotations

import json

import pytest

AVERY = "https://www.linkedin.com/in/avery-example"
HEADERS = {"Authorization": "Bearer sandbox-key", "x-api-version": "2025-11-01"}
ALL_GROUPS = ["basic_profile", "professional_network", "social_handles", "experience", "education", "skills"]


def urls(*slugs, **more):
    return {"professional_network_profile_urls": [f"https://www.linkedin.com/in/{slug}" for slug in slugs], **more}


def emails(*addresses, **more):
    return {"business_emails": list(addresses), **more}


def error(response):
    body = response.json()["error"]
    return response.status_code, body["type"], body["message"], body["metadata"]


def test_one_entry_per_identifier_in_order(sandbox, ask):
    """Known, unknown and nonsense identifiers are answered side by side; only the match is charged."""
    sent = [AVERY + "/", "https://www.linkedin.com/in/nobody-example", "https://elsewhere.example/in/avery", "hello"]

    found = ask(sandbox, {"professional_network_profile_urls": sent})

    assert 200 == found.status_code
    assert sent == [entry["matched_on"] for entry in found.json()]
    assert [1, 0, 0, 0] == [len(entry["matches"]) for entry in found.json()]
    assert {"professional_network_profile_url"} == {entry["match_type"] for entry in found.json()}
    assert 1.0 == found.json()[0]["matches"][0]["confidence_score"]
    assert "1" == found.headers["x-credits-used"]
    assert 1 == sandbox.credits_spent


def test_spellings_of_one_person_are_one_person_paid_per_position(sandbox, ask):
    """Case, host, query, slash and percent-coding name the same person; each position is an entry and a charge."""
    spellings = [
        AVERY,
        AVERY + "/",
        "http://il.linkedin.com/in/Avery-Example?trk=x",
        "linkedin.com/in/avery%2Dexample#top",
        AVERY + "/details/skills/",
    ]

    found = ask(sandbox, {"professional_network_profile_urls": spellings, "fields": ["basic_profile.name"]})

    people = [entry["matches"][0]["person_data"] for entry in found.json()]
    assert all(person == people[0] for person in people)
    assert {"avery-example": 5} == sandbox.people_charged
    assert 5 == sandbox.credits_spent == float(found.headers["x-credits-used"])


def test_fields_are_a_whitelist_beside_the_id(sandbox, ask):
    """Only the named groups and paths come back, and always the person's id."""
    fields = ["basic_profile.name", "experience.employment_details.current.title", "skills"]

    person = ask(sandbox, urls("avery-example", fields=fields)).json()[0]["matches"][0]["person_data"]

    assert {"crustdata_person_id", "basic_profile", "experience", "skills"} >= set(person)
    assert {"name"} == set(person["basic_profile"])
    for role in person["experience"]["employment_details"]["current"]:
        assert {"title"} >= set(role)


def test_company_name_is_answered_as_name(sandbox, ask):
    """The seed's path is taken, and the employer stands under ``name``."""
    fields = ["experience.employment_details.current.company_name"]

    entries = ask(sandbox, urls("a-example", "b-example", "c-example", fields=fields)).json()

    data = [entry["matches"][0]["person_data"] for entry in entries]
    roles = [role for one in data for role in one["experience"]["employment_details"].get("current") or ()]
    assert roles
    assert all({"name"} == set(role) for role in roles)


@pytest.mark.parametrize(
    ("fields", "price"),
    [
        (None, 1),
        (ALL_GROUPS, 1),
        (["contact.websites"], 1),
        (["crustdata_person_id"], 1),
        (["contact.business_emails"], 2),
        (["contact.business_emails.email"], 2),
        (["contact.personal_emails"], 3),
        (["contact.phone_numbers"], 3),
        (["dev_platform_profiles.followers", "dev_platform_profiles"], 2),
        (["social_handles.dev_platform_identifier.profile_url"], 1),
        (["contact"], 6),
        (["contact", "contact.phone_numbers", "dev_platform_profiles"], 7),
    ],
)
def test_price_list(sandbox, ask, get, fields, price):
    """1 per match, add-ons when their group is named, at most 7; the balance goes down by it."""
    body = urls("avery-example", "nobody-example")
    found = ask(sandbox, body if fields is None else {**body, "fields": fields})

    assert str(price) == found.headers["x-credits-used"]
    assert price == sandbox.credits_spent
    assert 1_000_000 - price == get(sandbox, "/user/credits").json()["credits"]
    assert {"avery-example": {"credits": price, "times": 1}} == get(sandbox, "/sandbox/meter").json()["people"]


def test_no_match_is_free(sandbox, ask):
    found = ask(sandbox, urls("nobody", "nobody-example", fields=["contact"]))

    assert [[], []] == [entry["matches"] for entry in found.json()]
    assert "0" == found.headers["x-credits-used"]
    assert 0 == sandbox.credits_spent


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({}, "Missing API key in request"),
        ({"Authorization": ""}, "Missing API key in request"),
        ({"Authorization": "Bearer wrong"}, "Invalid API key in request"),
        ({"Authorization": "sandbox-key"}, "Invalid API key in request"),
        ({"Authorization": "Basic sandbox-key"}, "Invalid API key in request"),
    ],
)
def test_key_is_needed(sandbox, ask, headers, message):
    """The short body, rate headers and an id; the call is not counted."""
    found = ask(sandbox, urls("avery-example"), headers={"x-api-version": "2025-11-01", **headers})

    assert (401, {"message": message}) == (found.status_code, found.json())
    assert {"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "x-request-id", "date"} <= {
        name.lower() for name in found.headers
    }
    assert "x-credits-used" not in found.headers
    assert 0 == sandbox.calls == sandbox.credits_spent


def test_token_scheme_is_tolerated_unless_strict(running, ask):
    headers = {"Authorization": "Token sandbox-key", "x-api-version": "2025-11-01"}

    assert 200 == ask(running(), urls("avery-example"), headers=headers).status_code
    assert 401 == ask(running(strict_auth=True), urls("avery-example"), headers=headers).status_code


@pytest.mark.parametrize("version", [None, "2024-01-01"])
def test_version_is_needed(sandbox, ask, version):
    headers = {"Authorization": "Bearer sandbox-key"} | ({"x-api-version": version} if version else {})

    assert (400, "invalid_request") == error(ask(sandbox, urls("avery-example"), headers=headers))[:2]


@pytest.mark.parametrize("body", [{}, {"fields": ["skills"]}, {**urls("a-example"), **emails("a@b.example")}])
def test_exactly_one_identifier_type(sandbox, ask, body):
    expected = (400, "invalid_request", "Exactly one identifier type must be provided.", [])

    assert expected == error(ask(sandbox, body))
    assert 1 == sandbox.calls
    assert 0 == sandbox.credits_spent


@pytest.mark.parametrize(
    "body",
    [
        urls(),
        urls(*(f"p{n}-example" for n in range(26))),
        {"professional_network_profile_urls": AVERY},
        {"professional_network_profile_urls": None},
        {"professional_network_profile_urls": [1]},
        urls("avery-example", fields="skills"),
        urls("avery-example", fields=[]),
        urls("avery-example", fields=None),
        urls("avery-example", min_similarity_score="0.5"),
        urls("avery-example", min_similarity_score=1.5),
        urls("avery-example", min_similarity_score=True),
        urls("avery-example", force_fetch="yes"),
        urls("avery-example", preview=1),
        urls("avery-example", page=2),
        [],
        "text",
    ],
)
def test_wrong_bodies_are_refused_whole(sandbox, ask, body):
    assert (400, "invalid_request") == error(ask(sandbox, body))[:2]
    assert 0 == sandbox.credits_spent


@pytest.mark.parametrize(
    "data", [b"", b"{", b"\xff", b"\xef\xbb\xbf{}", b'{"min_similarity_score": NaN}', b"[" * 200_000]
)
def test_broken_json_is_refused(sandbox, ask, data):
    assert (400, "invalid_request", "Request body is not valid JSON.", []) == error(ask(sandbox, data=data))


def test_twenty_five_are_taken(sandbox, ask):
    assert 25 == len(ask(sandbox, urls(*(f"p{n}-example" for n in range(25)))).json())
    assert 25 == sandbox.credits_spent


@pytest.mark.parametrize(
    "name", ["headline", "experience.employment_details.current[].title", "basic_profile.", "Skills"]
)
def test_unknown_field_is_refused_with_the_valid_ones(sandbox, ask, name):
    status, kind, _, metadata = error(ask(sandbox, urls("avery-example", fields=["skills", name])))

    assert (400, "invalid_request") == (status, kind)
    assert {"basic_profile", "basic_profile.headline", "contact.business_emails.email"} <= set(
        metadata[0]["available_fields"]
    )
    assert not any("[" in field for field in metadata[0]["available_fields"])


def test_denied_fields_fail_the_whole_call(running, ask):
    sandbox = running(denied_fields=["honors", "basic_profile.summary"])

    found = ask(sandbox, urls("avery-example", fields=["skills", "honors.title", "basic_profile.summary"]))

    denied = ["honors.title", "basic_profile.summary"]
    message = "Access denied to fields: honors.title, basic_profile.summary"
    assert (403, "permission_error", message, [{"denied_fields": denied}]) == error(found)
    assert 0 == sandbox.credits_spent
    whole = ask(sandbox, urls("avery-example")).json()[0]["matches"][0]["person_data"]
    assert "honors" not in whole
    assert "summary" not in whole["basic_profile"]


def test_unacceptable_emails_fail_the_whole_call(sandbox, ask):
    bad = [
        "Jane@Gmail.com",
        "clerk@treasury.gov",
        "clerk@health.gov.uk",
        "no-at-sign",
        "a..b@corp.example",
        "x@localhost",
    ]

    found = ask(sandbox, emails("jane.smith@corp.example", *bad))

    assert (400, "invalid_request", f"Invalid business emails: {', '.join(bad)}", []) == error(found)
    assert 0 == sandbox.credits_spent


def test_refused_identifier_is_not_named(running, ask):
    sandbox = running(refuse=["https://www.linkedin.com/in/bad-example", "jane@corp.example"])

    for body in (urls("avery-example", "Bad-Example/"), emails("JANE@corp.example")):
        status, kind, message, metadata = error(ask(sandbox, body))
        assert (400, "invalid_request", []) == (status, kind, metadata)
        assert "bad" not in message.lower()
        assert "jane" not in message.lower()
    assert 200 == ask(sandbox, urls("avery-example")).status_code


def test_preview_needs_a_grant_and_is_free(running, ask):
    body = urls("avery-example", preview=True, fields=["contact"])
    text = "Preview feature is not available for your account"
    assert (400, "invalid_request", text, []) == error(ask(running(), body))

    granted = running(preview=True)
    found = ask(granted, body)

    assert {"crustdata_person_id", "basic_profile"} == set(found.json()[0]["matches"][0]["person_data"])
    assert "0" == found.headers["x-credits-used"]
    assert (0, {}) == (granted.credits_spent, granted.people_charged)


@pytest.mark.parametrize(("status", "kind"), [(402, "insufficient_credits"), (403, "permission_error")])
def test_credits_gone(running, ask, status, kind):
    """A call whose matches would cost more than the balance is refused whole; a cheaper one still goes."""
    sandbox = running(balance=3.0, credits_gone_status=status)

    assert (status, kind) == error(ask(sandbox, urls("a-example", "b-example", fields=["contact"])))[:2]
    assert 0 == sandbox.credits_spent
    assert 200 == ask(sandbox, urls("a-example", "b-example", "c-example", "nobody")).status_code
    assert 0 == sandbox.meter()["balance"]
    assert status == ask(sandbox, urls("a-example")).status_code
    assert 200 == ask(sandbox, urls("nobody")).status_code


def test_email_brings_a_name_a_domain_and_the_address(sandbox, ask):
    entry = ask(sandbox, emails("Jane.Smith@corp.example", fields=[*ALL_GROUPS, "contact"])).json()[0]

    best = entry["matches"][0]
    person = best["person_data"]
    current = person["experience"]["employment_details"]["current"]
    assert ("Jane.Smith@corp.example", "business_email") == (entry["matched_on"], entry["match_type"])
    assert 0.95 == best["confidence_score"]
    assert "Jane Smith" == person["basic_profile"]["name"]
    assert ["corp.example"] == [role["company_website_domain"] for role in current if role["is_default"]]
    assert "jane.smith@corp.example" in [email["email"] for email in person["contact"]["business_emails"]]


def test_threshold_filters_candidates_and_charges(sandbox, ask):
    """Candidates come best first; one that nobody passes stays as an empty, free entry."""
    addresses = [f"jane.smith@c{n}.example" for n in range(25)]
    scores = [
        [match["confidence_score"] for match in entry["matches"]] for entry in ask(sandbox, emails(*addresses)).json()
    ]
    assert {1, 2, 3} == {len(one) for one in scores}
    assert all(sorted(one, reverse=True) == one for one in scores)
    assert 25 == sandbox.credits_spent

    kept = ask(sandbox, emails(*addresses, min_similarity_score=0.95)).json()
    assert all({0.95} == {match["confidence_score"] for match in entry["matches"]} for entry in kept)
    none = ask(sandbox, emails("jsmith@corp.example", min_similarity_score=0.9))
    assert [] == none.json()[0]["matches"]
    assert "0" == none.headers["x-credits-used"]


@pytest.mark.parametrize(
    ("snapshot", "key", "status"),
    [
        ("A", {"force_fetch": True, "enrich_realtime": True}, 200),
        ("B", {"force_fetch": False}, 400),
        ("B", {"min_similarity_score": None}, 200),
        ("C", {"min_similarity_score": 0.5}, 400),
        ("C", {"fields": ["contact"]}, 400),
        ("C", {"fields": ["assessment", "social_posts"]}, 200),
        ("A", {"fields": ["assessment"]}, 400),
        ("C", {"preview": False}, 200),
    ],
)
def test_snapshots_take_their_own_keys(running, ask, snapshot, key, status):
    plan = running(snapshot=snapshot, grant=["assessment", "social_posts"])
    assert status == ask(plan, urls("avery-example", **key)).status_code


@pytest.mark.parametrize("name", ["certifications", "honors.title", "updated_at", "certifications.issue_date"])
def test_gated_groups_are_refused_until_they_are_granted(running, ask, name):
    refused = ask(running(), urls("avery-example", fields=["basic_profile", name]))

    assert 403 == refused.status_code
    assert [{"denied_fields": [name]}] == refused.json()["error"]["metadata"]
    granted = ask(running(grant=[name.split(".")[0]]), urls("avery-example", fields=["basic_profile", name]))
    assert 200 == granted.status_code


def test_gated_groups_stay_out_of_an_answer_to_no_fields(running, ask):
    body = urls("avery-example")
    body.pop("fields", None)
    (entry,) = ask(running(), body).json()

    assert not {"certifications", "honors", "updated_at"} & set(entry["matches"][0]["person_data"])


def test_snapshot_c_takes_no_emails(running, ask):
    assert 400 == ask(running(snapshot="C"), emails("jane.smith@corp.example")).status_code


@pytest.mark.parametrize(("snapshot", "narrow"), [("A", False), ("B", True), ("C", True)])
def test_omitted_fields(running, ask, snapshot, narrow):
    people = ask(running(snapshot=snapshot), urls(*(f"p{n}-example" for n in range(20)))).json()

    groups = {key for entry in people for key in entry["matches"][0]["person_data"]}
    if narrow:
        assert {"crustdata_person_id", "basic_profile", "social_handles"} == groups
    else:
        assert {*ALL_GROUPS, "contact", "dev_platform_profiles", "crustdata_person_id"} <= groups


def test_renamed_profile_answers_with_its_new_slug(sandbox, ask):
    fields = ["social_handles"]
    entries = ask(sandbox, urls("avery-renamed-example", "Avery-Example", "zo%C3%AB-example", fields=fields)).json()

    shown = [
        entry["matches"][0]["person_data"]["social_handles"]["professional_network_identifier"]["profile_url"]
        for entry in entries
    ]
    base = "https://www.linkedin.com/in/"
    assert [base + "avery-moved-example", base + "avery-example", base + "zo%C3%AB-example"] == shown


def test_half_a_surrogate_pair_comes_back_as_it_came(sandbox, ask):
    found = ask(sandbox, data=b'{"professional_network_profile_urls": ["https://linkedin.com/in/\\ud800"]}')

    assert "https://linkedin.com/in/\ud800" == json.loads(found.content)[0]["matched_on"]


def test_what_was_sent_can_be_read_without_the_key(sandbox, ask):
    ask(sandbox, urls("avery-example", fields=["skills"]))
    ask(sandbox, urls("avery-example", fields=["nonsense"]))

    first, second = sandbox.requests
    assert ["skills"] == first["body"]["fields"]
    assert [AVERY] == first["identifiers"] == second["identifiers"]
    assert (200, 400) == (first["status"], second["status"])
    assert "sandbox-key" not in repr(sandbox.requests)
    assert 2 == sandbox.calls
