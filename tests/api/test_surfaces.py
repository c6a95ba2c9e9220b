"""What a surface refuses or no longer serves is never written down as a property of a person."""

from __future__ import annotations

import pytest
from stand_in import Said, standing_in

import crustframe
from crustframe import RetirementWarning
from crustframe.errors import PartialResultWarning, SettingError, SurfaceError
from crustframe.http.transport import Timeouts

pytestmark = pytest.mark.filterwarnings("ignore::crustframe.RetirementWarning")

NAME = {"person": ["basic_profile.name"], "screener": ["name"]}


def people(n: int) -> list[str]:
    return [f"https://www.linkedin.com/in/lead-{number}-example" for number in range(n)]


def emails(n: int) -> list[str]:
    return [f"lead-{number}@corp.example" for number in range(n)]


def client_of(url: str, tmp_path, **options) -> crustframe.Client:
    return crustframe.Client(api_key="sandbox-key", base_url=url, ledger=tmp_path / "l.sqlite3", **options)


# What the documents forbid -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", [crustframe.enrich, crustframe.plan])
@pytest.mark.parametrize("column", [people(40), emails(3)])
def test_force_fetch_alone_is_refused_in_the_words_of_the_legacy_surface(sandbox, client, verb, column):
    with pytest.raises(SettingError, match="`force_fetch` can only be used with `enrich_realtime`"):
        verb(column, fields=["name"], api="screener", force_fetch=True, max_credits=120, client=client)

    assert (0, 0.0) == (sandbox.calls, sandbox.credits_spent)


@pytest.mark.parametrize(
    "options",
    [
        {"enrich_realtime": True},
        {"enrich_realtime": True, "force_fetch": True},
        {"fields": ["business_email"]},
        {"fields": ["name", "business_email"], "enrich_realtime": True},
        {"keep": "asked"},
    ],
)
@pytest.mark.parametrize("column", [people(30), emails(4)])
def test_no_option_of_the_legacy_surface_costs_more_than_the_plan_says(sandbox, client, column, options):
    options = {"fields": ["name"], "api": "screener", **options}
    planned = crustframe.plan(column, client=client, **options)

    found = crustframe.enrich(column, max_credits=planned.credits_high, client=client, **options)

    assert sandbox.credits_spent == found.report.credits <= planned.credits_high


# What is not served ------------------------------------------------------------------------------------------------

RETIRED = {"error": "This endpoint was retired on 2026-09-30. Use POST /person/enrich."}
BODIES = [
    RETIRED,
    {"detail": "Not Found"},
    {"error": "not_found", "path": "/person/enrich"},
    {"code": "not_found"},
    {"error": {"type": "not_found", "message": "No route"}},
    b"<html>404 not_found</html>",
    b"",
]


@pytest.mark.parametrize("status", [404, 410])
@pytest.mark.parametrize("api", ["person", "screener"])
@pytest.mark.parametrize("column", [people(25), people(1), emails(1)], ids=["25 people", "1 person", "1 e-mail"])
@pytest.mark.parametrize("body", BODIES, ids=str)
def test_a_surface_that_is_not_served_says_nothing_about_people(tmp_path, status, api, column, body):
    with standing_in(lambda *_: Said(status, body)) as server, client_of(server.url, tmp_path) as client:
        for _ in range(2):
            with pytest.raises(SurfaceError, match="does not serve this") as caught:
                crustframe.enrich(column, fields=NAME[api], api=api, client=client)

        assert 5 == caught.value.exit_code
        assert 2 == len(server.asked)  # one request a run
        assert [] == list(client.ledger.entries())


@pytest.mark.parametrize("age", ["retired", "gone"])
def test_the_sandbox_plays_the_end_of_the_legacy_surface(age):
    with crustframe.sandbox(requests_per_minute=None, legacy=age) as sandbox:
        with pytest.raises(SurfaceError):
            crustframe.enrich(people(3), fields=["name"], api="screener", client=sandbox.client)
        found = crustframe.enrich(people(3), fields=NAME["person"], client=sandbox.client)

        assert 3 == found.report.statuses["matched"]


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (
            404,
            {"error": "No data found for the LinkedIn profile: x. This LinkedIn profile is not available"},
            "no_match",
        ),
        (404, {"error": "nothing", "error_code": "PE01"}, "no_match"),
        (404, {"error": "No data found for the LinkedIn profile: x. Data will be enriched shortly."}, "failed"),
        (422, {"error": "Unable to process LinkedIn profile data"}, "failed"),
    ],
)
@pytest.mark.filterwarnings("ignore::crustframe.PartialResultWarning")
def test_the_documented_words_are_about_the_person(tmp_path, status, body, expected):
    with standing_in(lambda *_: Said(status, body)) as server, client_of(server.url, tmp_path) as client:
        found = crustframe.enrich(people(1), fields=["name"], api="screener", client=client)

    assert [expected] == found.frame["crust.status"].tolist()


def test_a_strange_failure_among_profiles_is_no_verdict_about_the_person(tmp_path):
    one, two = people(2)
    body = [
        {"name": "A", "query_linkedin_profile_urn_or_slug": [one.rpartition("/")[2]]},
        {"error": "Upstream timed out", "linkedin_profile_url": two},
    ]
    said = Said(200, body, {"x-credits-used": "3"})
    with (
        standing_in(lambda *_: said) as server,
        client_of(server.url, tmp_path) as client,
        pytest.warns(PartialResultWarning),
    ):
        found = crustframe.enrich([one, two], fields=["name"], api="screener", client=client)

    assert ["matched", "failed"] == found.frame["crust.status"].tolist()


def test_the_current_surface_may_say_nobody_by_its_own_404(tmp_path):
    body = {"error": {"type": "not_found", "message": "No data", "metadata": []}}
    with standing_in(lambda *_: Said(404, body)) as server, client_of(server.url, tmp_path) as client:
        found = crustframe.enrich(people(2), fields=NAME["person"], client=client)

    assert ["no_match", "no_match"] == found.frame["crust.status"].tolist()


# Patience ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("api", ["person", "screener"])
def test_profiles_fetched_in_real_time_are_waited_for(tmp_path, api, monkeypatch):
    """The deadline grows with the people of a request: here 0.2 s and 0.4 s for each of five."""
    monkeypatch.setattr("crustframe.contract.REALTIME_S", 0.4)
    short = Timeouts(connect_s=1, read_s=0.2, total_s=0.2)
    said = Said(200, [], {"x-credits-used": "0"}, after_s=1.0)
    with standing_in(lambda *_: said) as server, client_of(server.url, tmp_path, timeouts=short) as client:
        found = crustframe.enrich(people(5), fields=NAME[api], api=api, enrich_realtime=True, client=client)
        assert 5 == found.report.statuses["no_match"]

        with pytest.warns(PartialResultWarning):
            plain = crustframe.enrich([f"{url}2" for url in people(5)], fields=NAME["person"], client=client)
        assert 5 == plain.report.statuses["in_doubt"]


def test_twenty_profiles_in_real_time_have_more_than_three_minutes():
    with crustframe.sandbox(requests_per_minute=None) as sandbox:
        options = {"fields": ["name"], "api": "screener", "client": sandbox.client}
        plain = crustframe.plan(people(20), **options)
        fresh = crustframe.plan(people(20), enrich_realtime=True, **options)

    assert (0.0, 20 * 20 / 60) == (plain.minutes, pytest.approx(fresh.minutes))
    assert "about 7 min" in str(fresh)
    assert Timeouts().longer_by(200).total_s > 200 * 1.5


def test_the_legacy_warning_is_still_told(client):
    with pytest.warns(RetirementWarning):
        crustframe.plan(people(1), fields=["name"], api="screener", client=client)


def test_the_legacy_surface_may_take_ten_seconds_over_each_profile():
    from crustframe.api import person, screener

    assert 250.0 == screener.Options(screener.BASE).seconds_for(25)
    assert 0.0 == person.Options(frozenset({"basic_profile"})).seconds_for(25)


@pytest.mark.parametrize("body", [b"", b"{}"])
@pytest.mark.filterwarnings("ignore::crustframe.PartialResultWarning")
def test_a_paid_answer_that_holds_nobody_is_in_doubt(tmp_path, body):
    said = Said(200, body, {"x-credits-used": "3"})
    with standing_in(lambda *_: said) as server, client_of(server.url, tmp_path) as client:
        found = crustframe.enrich(people(1), fields=["name"], api="screener", client=client)

    assert ["in_doubt"] == found.frame["crust.status"].tolist()


def test_one_failed_profile_of_several_is_found_by_itself(tmp_path):
    def answer(method, path, body):
        asked = [one for one in people(3) if one.rpartition("/")[2] in path]
        if people(1)[0] in asked:
            return Said(
                404, {"error": "No data found for the LinkedIn profile: x. This LinkedIn profile is not available"}
            )
        found = [{"name": "A", "query_linkedin_profile_urn_or_slug": [one.rpartition("/")[2]]} for one in asked]
        return Said(200, found, {"x-credits-used": str(3 * len(found))})

    with standing_in(answer) as server, client_of(server.url, tmp_path) as client:
        found = crustframe.enrich(people(3), fields=["name"], api="screener", client=client)

    assert ["no_match", "matched", "matched"] == found.frame["crust.status"].tolist()


def test_jobs_that_are_not_served_leave_their_people_to_calls():
    with crustframe.sandbox(requests_per_minute=None) as sandbox:
        sandbox.jobs.faults.add(action="status", status=404, charge=False)
        found = crustframe.enrich(people(3), fields=NAME["person"], route="job", client=sandbox.client)

        assert 3.0 == sandbox.credits_spent == found.report.statuses["matched"]
