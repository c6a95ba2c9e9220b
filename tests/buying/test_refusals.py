"""A refusal is about people only if the answer names them, or if the same request went through without them."""

from __future__ import annotations

import sqlite3
import threading

import pandas as pd
import pytest
from refusing import NAME, emails, found_all, kept_as_refused, refusal, statuses, urls
from stand_in import Said, standing_in

import crustframe
from crustframe import PartialResultWarning
from crustframe.errors import AuthenticationError, BadRequestError


@pytest.mark.parametrize("n", [1, 2, 3, 6, 7, 30, 60])
@pytest.mark.parametrize(
    ("snapshot", "column", "options"),
    [
        ("C", emails, {"route": "calls"}),
        ("B", urls, {"force_fetch": True}),
        ("C", urls, {"enrich_realtime": True}),
        ("C", emails, {"min_similarity_score": 0.5}),
    ],
)
def test_nobody_is_invalid_for_what_the_request_carried(snapshot, column, options, n):
    """The account lacks every surface that would make it good."""
    with crustframe.sandbox(requests_per_minute=None, snapshot=snapshot, plan="self-serve") as sandbox:
        with pytest.raises(BadRequestError, match="about the request") as caught:
            crustframe.enrich(column(n), fields=NAME, client=sandbox.client, **options)

        assert 2 == caught.value.exit_code
        assert "Nothing was charged" in str(caught.value)
        assert 0.0 == sandbox.credits_spent
        assert 0 == kept_as_refused(sandbox.client)
        assert sandbox.calls <= 14


def test_urls_are_found_beside_emails_that_the_surface_does_not_take():
    with crustframe.sandbox(requests_per_minute=None, snapshot="C", plan="self-serve") as sandbox:
        with pytest.warns(PartialResultWarning, match="about the request"):
            found = crustframe.enrich(
                [*urls(30), *emails(7)], fields=NAME, provenance="full", route="calls", client=sandbox.client
            )

        assert {"matched": 30, "failed": 7} == {s: n for s, n in found.report.statuses.items() if n}
        assert {"not_granted: e-mails"} == set(found.frame["crust.reason"].tail(7))
        assert 2 == found.report.stopped_exit_code
        assert (30.0, 0) == (sandbox.credits_spent, kept_as_refused(sandbox.client))


def test_known_people_are_told_although_the_new_one_cannot_be_asked():
    with crustframe.sandbox(requests_per_minute=None, snapshot="C", plan="self-serve") as sandbox:
        crustframe.enrich(urls(5), fields=NAME, client=sandbox.client)
        with pytest.warns(PartialResultWarning):
            found = crustframe.enrich([*urls(5), *emails(1)], fields=NAME, route="calls", client=sandbox.client)

        assert ["matched"] * 5 + ["failed"] == found.frame["crust.status"].tolist()


@pytest.mark.parametrize("culprits", [[0], [24], [3, 17], [0, 1, 2]])
def test_whoever_is_refused_alone_while_others_pass_is_invalid_for_good(culprits):
    column = urls(25)
    with crustframe.sandbox(requests_per_minute=None, refuse=[column[n] for n in culprits]) as sandbox:
        found = crustframe.enrich(column, fields=NAME, client=sandbox.client)
        calls = sandbox.calls
        again = crustframe.enrich(column, fields=NAME, client=sandbox.client)

        expected = ["invalid" if n in culprits else "matched" for n in range(25)]
        assert expected == found.frame["crust.status"].tolist() == again.frame["crust.status"].tolist()
        assert (len(column) - len(culprits), calls) == (sandbox.credits_spent, sandbox.calls)


def test_somebody_refused_all_alone_is_asked_again_by_the_next_run():
    column = urls(4)
    with crustframe.sandbox(requests_per_minute=None, refuse=[column[0]]) as sandbox:
        with pytest.raises(BadRequestError):
            crustframe.enrich(column[:1], fields=NAME, client=sandbox.client)
        found = crustframe.enrich(column, fields=NAME, client=sandbox.client)

        assert ["invalid", "matched", "matched", "matched"] == found.frame["crust.status"].tolist()


def test_a_refusal_that_an_earlier_version_kept_is_asked_again(tmp_path):
    path = tmp_path / "book.sqlite3"
    with crustframe.sandbox(requests_per_minute=None, ledger=path) as sandbox:
        crustframe.enrich(urls(2), fields=NAME, client=sandbox.client)
        sandbox.client.close()
        connection = sqlite3.connect(path)
        connection.execute("UPDATE people SET outcome = 'refused', entry = NULL WHERE person_row = 1")
        for table in ("forgotten", "names", "abilities"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("ALTER TABLE purchases DROP COLUMN gone_by")
        connection.execute("DELETE FROM meta WHERE name = 'layout'")
        connection.execute("PRAGMA user_version = 2")
        connection.commit()
        connection.close()

        found = crustframe.enrich(urls(2), fields=NAME, client=sandbox.client)

        assert ["matched", "matched"] == found.frame["crust.status"].tolist()
        assert 3.0 == sandbox.credits_spent


def test_a_frame_of_one_cell_is_asked_about_in_the_same_way():
    frame = pd.DataFrame({"email": emails(1)})
    with crustframe.sandbox(requests_per_minute=None, snapshot="C", plan="self-serve") as sandbox:
        with pytest.raises(BadRequestError):
            frame.crust.enrich("email", NAME, route="calls", client=sandbox.client)
        assert 0 == kept_as_refused(sandbox.client)


def test_somebody_refused_alone_before_groups_are_dropped_is_asked_again():
    column = urls(26)
    with crustframe.sandbox(requests_per_minute=None, denied_fields=["skills"], refuse=column[25:]) as sandbox:
        found = crustframe.enrich(column, fields=NAME, client=sandbox.client)

        assert {"matched": 25, "invalid": 1} == statuses(found)
        assert (25.0, None) == (sandbox.credits_spent, found.report.stopped)


@pytest.mark.parametrize("n", [14, 25])
def test_a_batch_that_is_refused_to_the_last_is_sorted_out_where_others_passed(n):
    with crustframe.sandbox(requests_per_minute=None, refuse=urls(75)[50 : 50 + n]) as sandbox:
        found = crustframe.enrich(urls(75), fields=NAME, client=sandbox.client)

        assert {"matched": 75 - n, "invalid": n} == statuses(found)
        assert (75.0 - n, n) == (sandbox.credits_spent, kept_as_refused(sandbox.client))


def test_one_refused_kind_costs_the_other_nobody():
    with crustframe.sandbox(requests_per_minute=None, refuse=[*urls(30), *emails(1)]) as sandbox:
        with pytest.warns(PartialResultWarning, match="about the request"):
            found = crustframe.enrich([*urls(30), *emails(100)], fields=NAME, client=sandbox.client)

        assert {"matched": 99, "invalid": 1, "failed": 30} == statuses(found)
        assert (99.0, 1) == (sandbox.credits_spent, kept_as_refused(sandbox.client))


def test_an_api_that_takes_nothing_after_its_first_answer_makes_nobody_invalid(tmp_path):
    answered = threading.Event()

    def answer(_method, _path, body):
        if answered.is_set():
            return refusal("Request could not be processed.")
        answered.set()
        return found_all(body)

    with (
        standing_in(answer) as server,
        crustframe.Client(
            api_key="sandbox-key", base_url=server.url, ledger=tmp_path / "l.sqlite3", requests_per_minute=6000
        ) as client,
    ):
        with pytest.warns(PartialResultWarning):
            found = crustframe.enrich(urls(200), fields=NAME, client=client)

        assert {"matched": 25, "failed": 175} == statuses(found)
        assert 0 == kept_as_refused(client)
        assert len(server.paid()) <= 56


def test_flags_that_no_kind_may_carry_cost_a_few_calls():
    with crustframe.sandbox(requests_per_minute=None, snapshot="C", plan="self-serve") as sandbox:
        with pytest.raises(BadRequestError, match="leave out enrich_realtime"):
            crustframe.enrich([*urls(100), *emails(100)], fields=NAME, enrich_realtime=True, client=sandbox.client)

        assert (0.0, 0) == (sandbox.credits_spent, kept_as_refused(sandbox.client))
        assert sandbox.calls <= 8


def test_a_preview_that_is_not_granted_is_told_as_such():
    with crustframe.sandbox(requests_per_minute=None) as sandbox:
        with pytest.raises(BadRequestError, match="leave out preview") as caught:
            crustframe.enrich([*urls(3), *emails(3)], fields=NAME, preview=True, client=sandbox.client)

        assert (2, 0.0, 0) == (caught.value.exit_code, sandbox.credits_spent, kept_as_refused(sandbox.client))


def test_a_key_that_is_withdrawn_is_told_although_a_kind_was_refused_before(tmp_path):
    def answer(_method, _path, body):
        if "business_emails" in body:
            return Said(401, {"message": "Invalid API key in request"})
        return refusal("Unexpected keys in request body: fields")

    with (
        standing_in(answer) as server,
        crustframe.Client(api_key="sandbox-key", base_url=server.url, ledger=tmp_path / "l.sqlite3") as client,
        pytest.raises(AuthenticationError),
    ):
        crustframe.enrich([*urls(1), *emails(1)], fields=NAME, client=client)


@pytest.mark.parametrize(
    "said",
    [
        "Invalid LinkedIn URL format: linkedin.com/in/lead-0-example.",
        "Invalid LinkedIn URL format: https://www.linkedin.com/in/lead-0-example/",
    ],
)
def test_somebody_named_in_another_spelling_is_invalid(tmp_path, said):
    with (
        standing_in(lambda *_: refusal(said)) as server,
        crustframe.Client(api_key="sandbox-key", base_url=server.url, ledger=tmp_path / "l.sqlite3") as client,
    ):
        found = crustframe.enrich(urls(1), fields=NAME, client=client)

        assert ({"invalid": 1}, 1) == (statuses(found), kept_as_refused(client))


def test_the_legacy_surface_names_its_people(tmp_path):
    bad = "https://www.linkedin.com/in/lead-1-example"
    message = f"Invalid LinkedIn URL format: {bad}"
    with (
        standing_in(lambda *_: Said(400, {"error": message})) as server,
        crustframe.Client(api_key="sandbox-key", base_url=server.url, ledger=tmp_path / "l.sqlite3") as client,
    ):
        with pytest.warns(FutureWarning):
            found = crustframe.enrich([bad], fields=["name"], api="screener", client=client)

        assert {"invalid": 1} == statuses(found)


def test_a_word_in_somebodys_name_is_no_word_about_parameters(tmp_path):
    bad = "https://www.linkedin.com/in/json-preview-example"

    def answer(_method, _path, body):
        if bad in body["professional_network_profile_urls"]:
            return refusal(f"{bad} could not be processed.")
        return found_all(body)

    with (
        standing_in(answer) as server,
        crustframe.Client(
            api_key="sandbox-key", base_url=server.url, ledger=tmp_path / "l.sqlite3", requests_per_minute=6000
        ) as client,
    ):
        found = crustframe.enrich([*urls(9), bad], fields=NAME, client=client)

        assert {"matched": 9, "invalid": 1} == statuses(found)


def test_who_was_refused_for_a_fresh_look_is_still_asked_for_a_stored_one(tmp_path):
    bad = urls(1)[0]

    def answer(_method, _path, body):
        if body.get("enrich_realtime") and bad in body["professional_network_profile_urls"]:
            return refusal("Request could not be processed.")
        return found_all(body)

    with (
        standing_in(answer) as server,
        crustframe.Client(
            api_key="sandbox-key", base_url=server.url, ledger=tmp_path / "l.sqlite3", requests_per_minute=6000
        ) as client,
    ):
        fresh = crustframe.enrich(urls(3), fields=NAME, enrich_realtime=True, client=client)
        stored = crustframe.enrich([bad], fields=NAME, client=client)

        assert ({"matched": 2, "invalid": 1}, {"matched": 1}) == (statuses(fresh), statuses(stored))


# Money --------------------------------------------------------------------------------------------------------------


def test_a_run_that_paid_for_others_does_not_say_that_nothing_was_charged():
    with crustframe.sandbox(requests_per_minute=None, snapshot="C", plan="self-serve") as sandbox:
        with pytest.warns(PartialResultWarning):
            found = crustframe.enrich([*urls(30), *emails(5)], fields=NAME, route="calls", client=sandbox.client)

        assert 30.0 == sandbox.credits_spent
        assert "This request was not charged" in found.report.stopped
        assert "Nothing was charged" not in str(found.report)


def test_stopping_at_a_failure_raises_with_what_others_cost():
    with crustframe.sandbox(requests_per_minute=None, snapshot="C", plan="self-serve") as sandbox:
        crustframe.enrich(urls(25), fields=NAME, client=sandbox.client)
        with pytest.raises(BadRequestError, match="about the request"):
            crustframe.enrich(
                [*urls(25), *emails(30)], fields=NAME, errors="raise", route="calls", client=sandbox.client
            )

        assert 25.0 == sandbox.credits_spent
        assert sandbox.calls <= 5


def test_jobs_under_way_are_told_although_the_emails_beside_them_are_refused():
    with crustframe.sandbox(requests_per_minute=None, snapshot="C", job_seconds=600) as sandbox:
        with pytest.warns(PartialResultWarning, match="about the request"):
            found = crustframe.enrich(
                [*urls(5), *emails(3)],
                fields=NAME,
                route="job",
                min_similarity_score=0.5,
                wait=False,
                client=sandbox.client,
            )

        assert (1, 5) == (len(found.ticket.batch_ids), found.ticket.people)
        assert {"not_run": 5, "failed": 3} == statuses(found)


def test_doubts_are_told_although_the_emails_beside_them_are_refused():
    with crustframe.sandbox(requests_per_minute=None, snapshot="C", plan="self-serve") as sandbox:
        sandbox.faults.add("close", identifier=urls(1)[0], nth=2, charge=True)  # first, a group is dropped
        with pytest.warns(PartialResultWarning):
            found = crustframe.enrich([*urls(5), *emails(3)], fields=NAME, route="calls", client=sandbox.client)

        assert {"in_doubt": 5, "failed": 3} == statuses(found)
        assert found.report.credits_at_risk >= sandbox.credits_spent == 5.0


# Jobs ---------------------------------------------------------------------------------------------------------------


def test_emails_go_by_job_where_only_calls_refuse_them():
    with crustframe.sandbox(requests_per_minute=None, snapshot="C", job_seconds=0.1) as sandbox:
        found = crustframe.enrich(emails(5), fields=NAME, route="job", client=sandbox.client)

        assert {"matched": 5} == statuses(found)
        assert ("contact.websites",) == found.report.dropped_groups
        assert (0, 5.0) == (sandbox.calls, sandbox.credits_spent)


def test_a_refused_job_makes_nobody_invalid():
    with crustframe.sandbox(requests_per_minute=None, job_seconds=0.1) as sandbox:
        sandbox.jobs.faults.add("status", status=400)
        with pytest.raises(BadRequestError):
            crustframe.contacts(urls(3), kinds=["phone_numbers"], client=sandbox.client)
        sandbox.jobs.faults.clear()
        found = crustframe.contacts(urls(3), kinds=["phone_numbers"], client=sandbox.client)

        assert 0 == kept_as_refused(sandbox.client)
        assert "invalid" not in statuses(found)


def test_contacts_that_were_paid_for_come_although_another_job_is_refused():
    with crustframe.sandbox(requests_per_minute=None, job_seconds=0.1) as sandbox:
        crustframe.contacts(urls(20), kinds=["phone_numbers"], client=sandbox.client)
        before = sandbox.credits_spent
        sandbox.jobs.faults.add("status", status=400, nth=2)
        with pytest.warns(PartialResultWarning, match="This request was not charged"):
            found = crustframe.contacts(urls(22), kinds=["phone_numbers", "business_email"], client=sandbox.client)

        assert sandbox.credits_spent > before
        assert sandbox.credits_spent - before == found.report.credits
        assert found.frame["business_email"].notna().any()
        assert 2 == found.report.statuses["failed"]
        assert 2 == found.report.stopped_exit_code
