"""The free account endpoints and the usage log."""

from __future__ import annotations

import pytest
import requests

URL = "https://www.linkedin.com/in/avery-example"
BODY = {"professional_network_profile_urls": [URL, URL + "/", "nobody"], "fields": ["contact.business_emails"]}
VERSIONED = ("/account/endpoints", "/account/usage")
PATHS = ["/user/credits", "/account/credits", "/account/endpoints", "/account/usage/events", "/account/usage/events/x"]


@pytest.mark.parametrize("account_api", ["autumn-2026", "earlier"])
@pytest.mark.parametrize("path", PATHS)
def test_account_needs_the_key_and_where_it_is_newer_the_version(running, get, path, account_api):
    sandbox = running(account_api=account_api)
    refused = get(sandbox, path, headers={})

    assert (401, {"message": "Missing API key in request"}) == (refused.status_code, refused.json())
    unversioned = get(sandbox, path, headers={"Authorization": "Bearer sandbox-key"}).status_code
    answered = get(sandbox, path)
    status = 404 if path.endswith("/x") else 200
    assert status == answered.status_code
    assert unversioned == (400 if path.startswith(VERSIONED) and account_api != "earlier" else status)
    assert {"x-ratelimit-limit", "x-request-id"} <= {name.lower() for name in answered.headers}
    assert "x-credits-used" not in answered.headers


def test_balance_in_both_places(running, ask, get):
    sandbox = running(balance=10.5)
    ask(sandbox, BODY)

    assert {"credits": 6.5} == get(sandbox, "/user/credits").json()
    assert 6.5 == get(sandbox, "/account/credits").json()["account"]["credits"]


def test_strict_auth_leaves_user_credits_open_to_both(running, get):
    sandbox = running(strict_auth=True)
    token = {"Authorization": "Token sandbox-key"}

    assert 200 == get(sandbox, "/user/credits", headers=token).status_code
    assert 401 == get(sandbox, "/account/credits", headers=token).status_code


def test_endpoints_tell_pace_and_grants(running, get):
    sandbox = running(requests_per_minute=7, denied_fields=["honors", "basic_profile.summary"])

    answer = get(sandbox, "/account/endpoints", params={"path": "/person/enrich"}).json()

    (row,) = answer["endpoints"]
    assert "2025-11-01" == answer["api_version"]
    assert (7, "enabled", "Person") == (row["effective_rate_limit_rpm"], row["status"], row["category"])
    assert {"honors", "honors.title", "basic_profile.summary"} <= set(row["fields"]["disabled"])
    assert {"basic_profile", "skills"} <= set(row["fields"]["enabled"])
    assert not set(row["fields"]["enabled"]) & set(row["fields"]["disabled"])


@pytest.mark.parametrize(
    ("query", "paths"),
    [
        (
            {"category": "PERSON", "status": "enabled"},
            ["/person/enrich", "/batch/person/enrich", "/batch/person/contact/enrich"],
        ),
        (
            {"status": "not_enabled"},
            [
                "/person/contact/enrich",
                "/person/identify",
                "/person/professional_network/enrich/live",
                "/batch/person/identify",
            ],
        ),
        ({"path": "/company/enrich"}, []),
        ({"category": "Jobs"}, []),
    ],
)
def test_endpoints_filters(sandbox, get, query, paths):
    answer = get(sandbox, "/account/endpoints", params=query)

    assert 200 == answer.status_code
    assert paths == [row["path"] for row in answer.json()["endpoints"]]


def test_endpoints_bad_status(sandbox, get):
    assert 400 == get(sandbox, "/account/endpoints", params={"status": "on"}).status_code


def test_events_carry_the_request_id(running, ask, get):
    """Every counted call that was heard or charged is a row, newest first; its id is the call's request id."""
    sandbox = running(account_api="earlier")
    answered = ask(sandbox, BODY)
    refused = ask(sandbox, {**BODY, "fields": ["nonsense"]})

    page = get(sandbox, "/account/usage/events").json()

    assert [refused.headers["x-request-id"], answered.headers["x-request-id"]] == [
        row["event_id"] for row in page["events"]
    ]
    assert [(400, 0, 3), (200, 4, 3)] == [
        (row["status"], row["credits"], row["identifier_count"]) for row in page["events"]
    ]
    assert {"/person/enrich"} == {row["endpoint"] for row in page["events"]}
    assert (False, None) == (page["has_more"], page["next_cursor"])
    one = get(sandbox, f"/account/usage/events/{answered.headers['x-request-id']}")
    assert page["events"][1] == one.json()
    assert 404 == get(sandbox, "/account/usage/events/unknown").status_code


def test_newer_events_tell_the_request_and_what_each_part_cost(sandbox, ask, get):
    answered = ask(sandbox, BODY)
    refused = ask(sandbox, {**BODY, "fields": ["nonsense"]})

    later, earlier = get(sandbox, "/account/usage/events").json()["events"]

    assert [later["event_id"], earlier["event_id"]] == [r.headers["x-request-id"] for r in (refused, answered)]
    assert (200, 4, 1, "api") == tuple(
        earlier[key] for key in ("status", "credits_used", "api_key_id", "client_surface")
    )
    assert {"person.base_profile": 2, "person.business_email": 2} == {
        line["component"]: line["credits"] for line in earlier["cost_components"]
    }
    assert (400, 0, []) == (later["status"], later["credits_used"], later["cost_components"])
    assert not {"created_at", "credits", "identifier_count", "request"} & set(earlier)
    alone = get(sandbox, f"/account/usage/events/{earlier['event_id']}").json()
    assert (BODY, None, "<redacted>") == (alone["request"], alone["response"], alone["headers"]["authorization"])
    assert earlier.items() <= alone.items()
    alone = get(sandbox, f"/account/usage/events/{later['event_id']}").json()
    assert "invalid_request" == alone["response"]["error"]["type"]


def test_a_call_that_came_too_early_is_a_row_without_a_key(running, ask, get):
    sandbox = running(requests_per_minute=1)
    ask(sandbox, BODY)
    ask(sandbox, BODY)

    row, _ = get(sandbox, "/account/usage/events").json()["events"]

    assert (429, 0, None, "gateway") == tuple(
        row[key] for key in ("status", "credits_used", "api_key_id", "client_surface")
    )


@pytest.mark.parametrize(("account_api", "served"), [("autumn-2026", 60), ("earlier", 70)])
def test_questions_about_usage_share_a_window_of_their_own(running, get, account_api, served):
    sandbox = running(account_api=account_api, requests_per_minute=15)
    paths = ["/account/usage/events", "/account/usage/events/x"] * 35

    assert served == sum(get(sandbox, path).status_code != 429 for path in paths)
    assert 200 == get(sandbox, "/account/endpoints").status_code


def test_events_of_a_window(sandbox, ask, get):
    """A window begins seven days ago unless it is told otherwise; its end is outside."""
    ask(sandbox, BODY)
    (row,) = get(sandbox, "/account/usage/events").json()["events"]

    found = [
        len(get(sandbox, "/account/usage/events", params=window).json()["events"])
        for window in ({"start": row["ts"]}, {"end": row["ts"]}, {"start": "2100-01-01", "end": "2100-01-02"})
    ]

    assert [1, 0, 0] == found
    assert 400 == get(sandbox, "/account/usage/events", params={"start": "yesterday"}).status_code


def test_events_page_by_cursor(sandbox, ask, get):
    for _ in range(5):
        ask(sandbox, BODY)

    seen, query = [], {"limit": 2}
    while True:
        page = get(sandbox, "/account/usage/events", params=query).json()
        seen.append([row["event_id"] for row in page["events"]])
        if not page["has_more"]:
            break
        ask(sandbox, BODY)  # newer rows do not move the pages
        query["cursor"] = page["next_cursor"]

    assert [2, 2, 1] == [len(rows) for rows in seen]
    assert [one["request_id"] for one in sandbox.requests[:5]][::-1] == [event_id for rows in seen for event_id in rows]


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 501}, {"limit": "x"}, {"limit": ""}, {"cursor": "-1"}])
def test_events_bad_query(sandbox, get, query):
    assert 400 == get(sandbox, "/account/usage/events", params=query).status_code


@pytest.mark.parametrize(("charge", "rows"), [(True, [(200, 4)]), (False, [])])
def test_events_show_charges_that_nobody_heard_of(sandbox, ask, get, charge, rows):
    """A reset after the charge is a row with its credits; a reset before is no row."""
    sandbox.faults.add("reset", charge=charge)
    with pytest.raises(requests.ConnectionError):
        ask(sandbox, BODY)

    found = get(sandbox, "/account/usage/events").json()["events"]

    assert rows == [(row["status"], row["credits_used"]) for row in found]
    assert sum(row["credits_used"] for row in found) == sandbox.credits_spent
