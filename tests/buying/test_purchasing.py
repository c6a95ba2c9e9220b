"""Money and rows when the server misbehaves. The sandbox's meter is the truth."""

from __future__ import annotations

import time

import pytest

import crustframe
from crustframe import PartialResultWarning
from crustframe.errors import (
    AuthenticationError,
    BadRequestError,
    BudgetError,
    InsufficientCreditsError,
    NoAnswerError,
    OfflineError,
    PermissionDeniedError,
    ServiceError,
    TransportError,
)
from crustframe.http.transport import Timeouts

pytestmark = pytest.mark.filterwarnings("ignore::crustframe.PartialResultWarning")

FIELDS = ["crustdata_person_id as id"]


def people(n: int, start: int = 0) -> list[str]:
    return [f"https://www.linkedin.com/in/lead-{number}-example" for number in range(start, start + n)]


def quick(sandbox, **options):
    """A client that waits for nobody: the patience of its retries passes a thousand times faster."""
    started = time.time()
    return sandbox.make_client(
        clock=lambda: started + (time.time() - started) * 1000,
        sleep=lambda s: time.sleep(s / 1000),
        jitter=lambda: 1.0,
        **options,
    )


def statuses(found) -> list[str]:
    return found.frame["crust.status"].tolist()


def test_one_person_is_paid_for_once(sandbox, client):
    """Three spellings of one profile URL are one identifier, one match, 1 credit."""
    url = "https://www.linkedin.com/in/avery-example"

    found = crustframe.enrich([url, url + "/", "LinkedIn.com/in/Avery-Example"], fields=FIELDS, client=client)

    assert 1 == found.frame["id"].nunique()
    assert (1, 1.0) == (sandbox.calls, sandbox.credits_spent)


def test_a_later_column_of_the_base_credit_is_free(sandbox, client):
    crustframe.enrich(people(3), fields=["basic_profile.name"], client=client)

    found = crustframe.enrich(
        people(3), fields=["professional_network.connections", "education.schools"], client=client
    )

    assert (0, 0.0) == (found.report.calls, found.report.credits)
    assert 1 == sandbox.calls


def test_with_keep_asked_only_the_named_group_is_bought(sandbox, client):
    crustframe.enrich(people(2), fields=["basic_profile.name"], keep="asked", client=client)
    assert ["basic_profile"] == sandbox.requests[0]["body"]["fields"]

    found = crustframe.enrich(people(2), fields=["skills.professional_network_skills"], client=client)

    assert 2.0 == found.report.credits


def test_an_add_on_is_asked_for_only_when_a_field_needs_it(sandbox, client):
    crustframe.enrich(people(2), fields=FIELDS, client=client)
    assert 2.0 == sandbox.credits_spent

    found = crustframe.enrich(people(2), fields=["contact.phone_numbers | count as phones"], client=client)

    assert 6.0 == found.report.credits
    assert "contact.personal_emails" not in sandbox.requests[-1]["body"]["fields"]


def test_groups_bought_at_different_times_answer_together(sandbox, client):
    for field in ("contact.business_emails", "contact.phone_numbers"):
        crustframe.enrich(people(2), fields=[field], client=client)
    calls = sandbox.calls

    both = crustframe.enrich(
        people(2),
        fields=["contact.business_emails | json as mail", "contact.phone_numbers | json as phone"],
        client=client,
    )

    assert calls == sandbox.calls
    assert both.frame[["mail", "phone"]].notna().any().all()


def test_profile_urls_and_emails_go_in_requests_of_their_own(sandbox, client):
    mixed = [x for pair in zip(people(20), (f"p{n}@corp.example" for n in range(20)), strict=True) for x in pair]

    found = crustframe.enrich(mixed, fields=FIELDS, client=client)

    assert 40 == found.report.statuses["matched"]
    assert 2 == sandbox.calls
    assert [20, 20] == [len(request["identifiers"]) for request in sandbox.requests]


# Ceilings --------------------------------------------------------------------------------------------------------


def test_a_plan_over_the_ceiling_sends_nothing(sandbox, client):
    with pytest.raises(BudgetError, match="30 new people may cost up to 30 credits; max_credits is 29"):
        crustframe.enrich(people(30), fields=FIELDS, max_credits=29, client=client)
    assert 0 == sandbox.calls


@pytest.mark.parametrize("price", [1, 2, 3, 7])
@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_partial_run_never_passes_its_ceiling(sandbox, price, concurrency):
    fields = {
        1: ["basic_profile.name"],
        2: ["contact.business_emails"],
        3: ["contact.phone_numbers"],
        7: ["contact", "dev_platform_profiles"],
    }[price]
    unknown = [f"https://www.linkedin.com/in/nobody-{n}" for n in range(40)]
    column = [x for pair in zip(people(40), unknown, strict=True) for x in pair]

    found = crustframe.enrich(
        column, fields=fields, max_credits=100, partial=True, client=sandbox.make_client(concurrency=concurrency)
    )

    assert sandbox.credits_spent <= 100
    assert found.report.credits == sandbox.credits_spent
    assert 100 - price < sandbox.credits_spent or "not_run" not in statuses(found)


def test_people_who_turn_out_unknown_make_room_for_others(sandbox, client):
    unknown = [f"https://www.linkedin.com/in/nobody-{n}" for n in range(50)]

    found = crustframe.enrich([*unknown, *people(25)], fields=FIELDS, max_credits=25, partial=True, client=client)

    assert 25 == found.report.statuses["matched"]
    assert 25.0 == sandbox.credits_spent


def test_an_account_that_pays_more_than_the_list_still_keeps_its_ceiling_after_the_first_batch(sandbox):
    sandbox.faults.add(action="overcharge", factor=3)

    found = crustframe.enrich(
        people(200), fields=FIELDS, max_credits=150, partial=True, client=sandbox.make_client(concurrency=1)
    )

    assert sandbox.credits_spent <= 150
    assert sandbox.credits_spent == found.report.credits


def test_an_error_that_ends_the_run_frees_no_credits_for_others(sandbox):
    """Charged, and answered with what no API documents: the other worker must not spend the same credits again."""
    sandbox.faults.add(action="redirect", charge=True, nth=1)

    with pytest.raises(TransportError):
        crustframe.enrich(
            people(60), fields=FIELDS, max_credits=25, partial=True, client=sandbox.make_client(concurrency=4)
        )

    assert 25.0 == sandbox.credits_spent


def test_credits_at_risk_are_reckoned_at_what_this_account_pays(sandbox, client):
    sandbox.faults.add(action="overcharge", factor=3, nth=1)
    crustframe.enrich(people(5), fields=FIELDS, client=client)
    sandbox.faults.add(action="reset", charge=True)

    with pytest.warns(PartialResultWarning, match="up to 15 credits"):
        found = crustframe.enrich(people(5, start=50), fields=FIELDS, client=client)

    assert 15.0 == found.report.credits_at_risk


def test_credits_that_run_out_end_the_run_with_what_was_found(sandbox):
    with crustframe.sandbox(requests_per_minute=None, balance=30) as poor:
        client = poor.make_client(concurrency=1)
        with pytest.warns(PartialResultWarning, match="no credits left"):
            found = crustframe.enrich(people(60), fields=FIELDS, client=client)

        assert {"matched": 25, "not_run": 35} == {s: n for s, n in found.report.statuses.items() if n}
        assert poor.credits_spent == found.report.credits
        with pytest.raises(InsufficientCreditsError):
            crustframe.enrich(people(60), fields=FIELDS, errors="raise", client=client)


# Refusals --------------------------------------------------------------------------------------------------------


def test_a_refused_email_that_is_named_is_cut_out_and_its_neighbours_paid_once(sandbox, client):
    column = [*(f"p{n}@corp.example" for n in range(24)), "press@city.govt.nz"]

    found = crustframe.enrich(column, fields=FIELDS, provenance="full", client=client)

    assert {"matched": 24, "invalid": 1} == {s: n for s, n in found.report.statuses.items() if n}
    assert "refused_by_server" == found.frame["crust.reason"].iloc[24]
    assert (2, 24.0) == (sandbox.calls, sandbox.credits_spent)
    again = crustframe.enrich(column, fields=FIELDS, client=client)
    assert statuses(found) == statuses(again)
    assert 2 == sandbox.calls


@pytest.mark.parametrize("position", [0, 11, 24])
def test_a_refused_identifier_that_is_not_named_is_found_by_halving(position):
    column = people(50)
    with crustframe.sandbox(requests_per_minute=None, refuse=[column[position]]) as sandbox:
        found = crustframe.enrich(column, fields=FIELDS, client=sandbox.client)

        assert {"matched": 49, "invalid": 1} == {s: n for s, n in found.report.statuses.items() if n}
        assert "invalid" == statuses(found)[position]
        assert 49.0 == sandbox.credits_spent
        assert 1 == max(sandbox.people_charged.values())
        assert sandbox.calls <= 2 + 10


def test_a_server_error_that_one_person_causes_costs_only_that_row(sandbox):
    column = people(30)
    sandbox.faults.add(action="status", status=500, identifier=column[7])

    with pytest.warns(PartialResultWarning):
        found = crustframe.enrich(column, fields=FIELDS, provenance="full", client=quick(sandbox, concurrency=1))

    assert {"matched": 29, "failed": 1} == {s: n for s, n in found.report.statuses.items() if n}
    assert "server_error" == found.frame["crust.reason"].iloc[7]
    assert 29.0 == sandbox.credits_spent


def test_a_wrong_key_stops_at_once(sandbox, tmp_path):
    client = crustframe.Client(api_key="another-key", base_url=sandbox.url, ledger=tmp_path / "l.sqlite3")

    with pytest.raises(AuthenticationError, match="does not know the key") as caught:
        crustframe.enrich(people(100), fields=FIELDS, client=client)

    assert "another-key" not in str(caught.value)
    assert 0.0 == sandbox.credits_spent
    client.close()


def test_a_group_the_account_lacks_is_dropped_when_nothing_needs_it():
    with crustframe.sandbox(requests_per_minute=None, denied_fields=["education"]) as sandbox:
        found = crustframe.enrich(people(30), fields=["basic_profile.name"], client=sandbox.client)

        assert 30 == found.report.statuses["matched"]
        assert ("education",) == found.report.dropped_groups
        assert 30.0 == sandbox.credits_spent


def test_a_group_the_account_lacks_raises_when_a_field_needs_it():
    with crustframe.sandbox(requests_per_minute=None, denied_fields=["skills"]) as sandbox:
        with pytest.raises(PermissionDeniedError, match="skills") as caught:
            crustframe.enrich(people(30), fields=["skills.professional_network_skills"], client=sandbox.client)

        assert ("skills",) == caught.value.denied_fields
        assert 0.0 == sandbox.credits_spent


def test_a_newer_api_without_some_groups_still_answers():
    with crustframe.sandbox(requests_per_minute=None, snapshot="C") as sandbox:
        found = crustframe.enrich(people(3), fields=["basic_profile.name"], client=sandbox.client)
        assert 3 == found.report.statuses["matched"]

        with pytest.raises(BadRequestError, match="refused the request"):
            crustframe.enrich(people(3), fields=["updated_at"], client=sandbox.client)
        assert 3.0 == sandbox.credits_spent


def test_a_preview_that_is_not_granted_raises_and_costs_nothing(sandbox, client):
    with pytest.raises(BadRequestError, match="Preview feature is not available"):
        crustframe.enrich(people(3), fields=["basic_profile.name"], preview=True, client=client)
    assert 0.0 == sandbox.credits_spent


def test_a_preview_is_free_and_does_not_pass_for_the_whole_profile():
    with crustframe.sandbox(requests_per_minute=None, snapshot="B", preview=True) as sandbox:
        looked = crustframe.enrich(people(3), fields=["basic_profile.name"], preview=True, client=sandbox.client)
        assert (3, 0.0) == (looked.report.statuses["matched"], sandbox.credits_spent)

        bought = crustframe.enrich(people(3), fields=["basic_profile.name"], client=sandbox.client)
        assert 3.0 == bought.report.credits
        again = crustframe.enrich(people(3), fields=["basic_profile.name"], preview=True, client=sandbox.client)
        assert 0 == again.report.calls


# Failures --------------------------------------------------------------------------------------------------------


def test_a_passing_server_error_is_retried_and_paid_once(sandbox):
    sandbox.faults.add(action="status", status=500, nth=[1, 2])

    found = crustframe.enrich(people(25), fields=FIELDS, client=quick(sandbox, concurrency=1))

    assert 25 == found.report.statuses["matched"]
    assert (3, 25.0) == (sandbox.calls, sandbox.credits_spent)


def test_a_dead_server_is_asked_fifteen_times_at_most(sandbox):
    sandbox.faults.add(action="status", status=500)

    with pytest.warns(PartialResultWarning):
        found = crustframe.enrich(people(500), fields=FIELDS, client=quick(sandbox, concurrency=1))

    assert sandbox.calls <= 15
    assert 0 == found.report.statuses["matched"]
    assert not found.report.is_complete
    with pytest.raises(ServiceError):
        crustframe.enrich(people(500), fields=FIELDS, errors="raise", client=quick(sandbox))


def test_nobody_listening_is_told_and_free(tmp_path):
    client = crustframe.Client(
        api_key="some-key", base_url="http://127.0.0.1:9", ledger=tmp_path / "l.sqlite3", sleep=lambda s: None
    )
    with pytest.warns(PartialResultWarning, match="cannot be reached"):
        found = crustframe.enrich(people(60), fields=FIELDS, client=client)

    assert 0.0 == found.report.credits
    assert {"failed", "not_run"} == set(statuses(found))
    client.close()


def test_too_many_requests_wait_for_the_server_and_nobody_is_lost(sandbox):
    sandbox.faults.add(action="status", status=429, nth=[1, 3], retry_after="2")

    found = crustframe.enrich(people(75), fields=FIELDS, client=quick(sandbox, concurrency=1))

    assert 75 == found.report.statuses["matched"]
    assert 75.0 == sandbox.credits_spent


# In doubt --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["reset", "close", "cut", "cut_silently", "empty", "garbage", "html"])
def test_an_answer_that_was_paid_and_lost_is_in_doubt_and_not_bought_again(sandbox, client, action):
    sandbox.faults.add(action=action, charge=True, nth=1)

    with pytest.warns(PartialResultWarning, match="in doubt"):
        found = crustframe.enrich(people(25), fields=FIELDS, client=client)
    assert ["in_doubt"] * 25 == statuses(found)
    assert (25.0, 25) == (found.report.credits_at_risk, len(found.report.in_doubt))

    with pytest.warns(PartialResultWarning):
        again = crustframe.enrich(people(25), fields=FIELDS, client=client)

    assert ["in_doubt"] * 25 == statuses(again)
    assert (1, 25.0) == (sandbox.calls, sandbox.credits_spent)


def test_a_doubt_is_bought_again_only_when_asked_and_said_so(sandbox, client):
    sandbox.faults.add(action="reset", charge=True, nth=1)
    with pytest.warns(PartialResultWarning):
        crustframe.enrich(people(10), fields=FIELDS, client=client)

    found = crustframe.enrich(people(10), fields=FIELDS, on_doubt="resend", client=client)

    assert 10 == found.report.statuses["matched"]
    assert (10, 10.0) == (len(found.report.resent), found.report.credits_of_repeats)
    assert 20.0 == sandbox.credits_spent
    assert 0 == crustframe.enrich(people(10), fields=FIELDS, client=client).report.calls


def test_what_a_lost_answer_may_have_cost_is_told_whatever_is_asked_next(sandbox, client):
    sandbox.faults.add("close", times=1)
    with pytest.warns(PartialResultWarning):
        dear = crustframe.enrich(people(4), fields=["contact.phone_numbers[0] as phone"], client=client)
    with pytest.warns(PartialResultWarning):
        cheap = crustframe.enrich(people(4), fields=["basic_profile.name as name"], client=client)

    assert (12.0, 12.0) == (dear.report.credits_at_risk, cheap.report.credits_at_risk)
    assert sandbox.credits_spent <= cheap.report.credits_at_risk


def test_an_item_left_out_of_an_answer_is_in_doubt_alone(sandbox, client):
    column = people(25)
    sandbox.faults.add(action="drop_item", identifier=column[3], nth=1)

    with pytest.warns(PartialResultWarning):
        found = crustframe.enrich(column, fields=FIELDS, client=client)

    assert "in_doubt" == statuses(found)[3]
    assert 24 == found.report.statuses["matched"]
    assert found.report.credits == sandbox.credits_spent


def test_a_server_that_keeps_losing_answers_is_left_alone(sandbox):
    sandbox.faults.add(action="reset", charge=True)

    with pytest.warns(PartialResultWarning):
        found = crustframe.enrich(people(1000), fields=FIELDS, client=sandbox.make_client(concurrency=1))

    assert sandbox.credits_spent <= 50
    assert sandbox.credits_spent <= found.report.credits_at_risk
    with pytest.raises(NoAnswerError):
        crustframe.enrich(people(25, start=5000), fields=FIELDS, errors="raise", client=sandbox.client)


def test_an_exchange_that_trickles_ends_at_its_deadline(sandbox):
    sandbox.faults.add(action="drip", seconds=20)
    client = sandbox.make_client(timeouts=Timeouts(connect_s=1, read_s=1, total_s=0.5))
    started = time.monotonic()

    with pytest.warns(PartialResultWarning, match="after 0.5 s"):
        found = crustframe.enrich(people(2), fields=FIELDS, client=client)

    assert ["in_doubt"] * 2 == statuses(found)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("action", ["shuffle", "duplicate_item", "extra_item", "wrong_matched_on_case"])
def test_data_land_on_their_own_row_however_the_items_come(sandbox, client, action):
    expected = crustframe.enrich(people(25), fields=FIELDS, client=client).frame["id"].tolist()
    sandbox.faults.add(action=action)

    with crustframe.sandbox(requests_per_minute=None) as other:
        other.faults.add(action=action)
        found = crustframe.enrich(people(25), fields=FIELDS, client=other.client)

    assert expected == found.frame["id"].tolist()


# Pace ------------------------------------------------------------------------------------------------------------


def test_the_pace_of_the_account_is_kept():
    """20 calls at 15 a minute, in a sandbox whose minutes pass in five seconds."""
    with crustframe.sandbox(speed=12) as sandbox:
        found = crustframe.enrich(people(20 * 25), fields=FIELDS, client=sandbox.client)

        assert 500 == found.report.statuses["matched"]
        assert [200] == sorted({request["status"] for request in sandbox.requests})


def test_a_lower_limit_than_usual_is_learned_from_the_headers():
    with crustframe.sandbox(speed=12, requests_per_minute=4) as sandbox:
        crustframe.enrich(people(25 * 7), fields=FIELDS, client=sandbox.make_client(concurrency=1))

        assert [200] == sorted({request["status"] for request in sandbox.requests})


# Offline and refresh ---------------------------------------------------------------------------------------------


def test_offline_answers_from_the_ledger_or_not_at_all(sandbox, client):
    bought = crustframe.enrich(people(3), fields=FIELDS, client=client)
    offline = sandbox.make_client(offline=True, base_url="http://127.0.0.1:9")

    assert bought.frame.equals(crustframe.enrich(people(3), fields=FIELDS, client=offline).frame)
    with pytest.raises(OfflineError, match="lead-3-example"):
        crustframe.enrich(people(4), fields=FIELDS, client=offline)


def test_a_forced_fetch_is_bought_once_and_plain_answers_do_not_count(sandbox, client):
    crustframe.enrich(people(2), fields=FIELDS, client=client)

    fresh = crustframe.enrich(people(2), fields=FIELDS, force_fetch=True, client=client)
    assert 2.0 == fresh.report.credits
    assert sandbox.requests[-1]["body"]["force_fetch"] is True
    assert 0 == crustframe.enrich(people(2), fields=FIELDS, force_fetch=True, client=client).report.calls
    assert 0 == crustframe.enrich(people(2), fields=FIELDS, client=client).report.calls


def test_an_age_that_is_too_old_is_bought_again_and_shows_in_the_plan_first(sandbox):
    now = [1_000_000.0]
    client = sandbox.make_client(clock=lambda: now[0])
    column = [*people(2), "https://www.linkedin.com/in/nobody-here"]
    crustframe.enrich(column, fields=FIELDS, client=client)

    now[0] += 8 * 86400
    assert 1 == crustframe.plan(column, fields=FIELDS, client=client).n_new
    now[0] += 23 * 86400
    assert 3 == crustframe.plan(column, fields=FIELDS, client=client).n_new
    assert 1 == crustframe.plan(column, fields=FIELDS, max_age=None, client=client).n_new


def test_a_threshold_is_sent_and_a_no_match_above_it_says_nothing_below_it(sandbox, client):
    column = ["jane.marketing@corp.example"]

    strict = crustframe.enrich(column, fields=FIELDS, min_similarity_score=0.99, client=client)
    assert (["no_match"], 0.0) == (statuses(strict), sandbox.credits_spent)

    loose = crustframe.enrich(column, fields=FIELDS, min_similarity_score=0.1, client=client)
    assert ["matched"] == statuses(loose)
    again = crustframe.enrich(column, fields=FIELDS, min_similarity_score=0.99, client=client)
    assert (["no_match"], 2) == (statuses(again), sandbox.calls)
