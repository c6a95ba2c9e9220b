"""A refusal is about people only if the answer names them, or if the same request went through without them."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pandas as pd
import pytest
from stand_in import Said, standing_in

import crustframe
from crustframe import PartialResultWarning, contract
from crustframe.errors import AuthenticationError, BadRequestError, PermissionDeniedError

NAME = ["basic_profile.name"]


def urls(n: int) -> list[str]:
    return [f"https://www.linkedin.com/in/lead-{number}-example" for number in range(n)]


def emails(n: int) -> list[str]:
    return [f"lead-{number}@corp.example" for number in range(n)]


def kept_as_refused(client) -> int:
    connection = sqlite3.connect(client.ledger.path)
    try:
        return connection.execute("SELECT count(*) FROM people WHERE outcome = 'refused'").fetchone()[0]
    finally:
        connection.close()


@pytest.mark.parametrize("n", [1, 2, 3, 6, 7, 30, 60])
@pytest.mark.parametrize(
    ("snapshot", "column", "options"),
    [
        ("C", emails, {}),
        ("B", urls, {"force_fetch": True}),
        ("C", urls, {"enrich_realtime": True}),
        ("C", emails, {"min_similarity_score": 0.5}),
    ],
)
def test_nobody_is_invalid_for_what_the_request_carried(snapshot, column, options, n):
    with crustframe.sandbox(requests_per_minute=None, snapshot=snapshot) as sandbox:
        with pytest.raises(BadRequestError, match="about the request") as caught:
            crustframe.enrich(column(n), fields=NAME, client=sandbox.client, **options)

        assert 2 == caught.value.exit_code
        assert "Nothing was charged" in str(caught.value)
        assert 0.0 == sandbox.credits_spent
        assert 0 == kept_as_refused(sandbox.client)
        assert sandbox.calls <= 14


def test_urls_are_found_beside_emails_that_the_surface_does_not_take():
    with crustframe.sandbox(requests_per_minute=None, snapshot="C") as sandbox:
        with pytest.warns(PartialResultWarning, match="about the request"):
            found = crustframe.enrich([*urls(30), *emails(7)], fields=NAME, provenance="full", client=sandbox.client)

        assert {"matched": 30, "failed": 7} == {s: n for s, n in found.report.statuses.items() if n}
        assert {"request_refused"} == set(found.frame["crust.reason"].tail(7))
        assert 2 == found.report.stopped_exit_code
        assert (30.0, 0) == (sandbox.credits_spent, kept_as_refused(sandbox.client))


def test_known_people_are_told_although_the_new_one_cannot_be_asked():
    with crustframe.sandbox(requests_per_minute=None, snapshot="C") as sandbox:
        crustframe.enrich(urls(5), fields=NAME, client=sandbox.client)
        with pytest.warns(PartialResultWarning):
            found = crustframe.enrich([*urls(5), *emails(1)], fields=NAME, client=sandbox.client)

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
        connection.execute("PRAGMA user_version = 2")
        connection.commit()
        connection.close()

        found = crustframe.enrich(urls(2), fields=NAME, client=sandbox.client)

        assert ["matched", "matched"] == found.frame["crust.status"].tolist()
        assert 3.0 == sandbox.credits_spent


# Fields ------------------------------------------------------------------------------------------------------------


def test_a_field_that_this_age_of_the_api_lacks_is_named_as_it_was_asked():
    with crustframe.sandbox(requests_per_minute=None, snapshot="C") as sandbox:
        with pytest.raises(BadRequestError) as caught:
            crustframe.enrich(urls(3), fields=[*NAME, "contact.business_emails"], client=sandbox.client)

        assert "contact.business_emails" in str(caught.value)
        assert "contact.websites" not in str(caught.value)
        assert 2 == caught.value.exit_code
        assert 0.0 == sandbox.credits_spent


def test_a_field_that_the_account_lacks_is_named_as_it_was_asked():
    denied = ["education", "skills", "contact.websites"]
    with crustframe.sandbox(requests_per_minute=None, denied_fields=denied) as sandbox:
        with pytest.raises(PermissionDeniedError) as caught:
            crustframe.enrich(urls(3), fields=[*NAME, "education.schools.degree"], client=sandbox.client)

        assert "leave out education.schools.degree" in str(caught.value)
        assert "websites" not in str(caught.value)
        assert 2 == caught.value.exit_code


def _answering(status: int, body: dict):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.server.asked += 1
            answer = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked = 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.mark.parametrize("path", contract.gated_fields())
def test_a_gated_field_is_refused_free_and_given_where_it_is_granted(path):
    """Also inside a base group, where naming the group alone would pay for an empty column."""
    people = [f"linkedin.com/in/p{n}-example" for n in range(40)]
    age = {"snapshot": "C" if path in {"assessment", "social_posts"} else "A", "requests_per_minute": None}
    with crustframe.sandbox(**age) as lacking:
        assert any(path in note for note in crustframe.plan(people, fields=[path], client=lacking.client).notes)
        with pytest.raises(PermissionDeniedError, match=path):
            crustframe.enrich(people, fields=[path], client=lacking.client)
        assert 0 == lacking.credits_spent
    with crustframe.sandbox(**age, grant=[path]) as granting:
        found = crustframe.enrich(people, fields={"it": path}, client=granting.client)
        assert found.frame["it"].notna().any()
        assert found.report.credits == granting.credits_spent


def test_only_gated_fields_can_be_granted():
    with pytest.raises(ValueError, match=r"No gated field is called 'certificates'[\s\S]*certifications"):
        crustframe.sandbox(grant=["certificates"])


@pytest.mark.parametrize("form", ["list", "object"])
def test_the_nearest_names_of_this_account_are_told_whichever_form_they_come_in(tmp_path, form):
    offered = {"available_fields": ["basic_profile", "skills.professional_network_skill"]}
    metadata = [offered] if form == "list" else offered
    error = {"type": "invalid_request", "message": "Invalid fields", "metadata": metadata}
    server = _answering(400, {"error": error})
    url = f"http://127.0.0.1:{server.server_port}"
    with (
        crustframe.Client(api_key="sandbox-key", base_url=url, ledger=tmp_path / "l.sqlite3") as client,
        pytest.raises(BadRequestError, match=r"nearest.*skills\.professional_network_skill"),
    ):
        crustframe.enrich(urls(2), fields=["skills.professional_network_skills"], client=client)
    server.shutdown()
    server.server_close()

    assert 1 == server.asked


def test_the_shell_says_it_once_and_ends_with_two(tmp_path):
    (tmp_path / "leads.csv").write_text("email\n" + "\n".join(emails(30)) + "\n")
    asked = ["enrich", "leads.csv", "--column", "email", "-o", "out.csv"]
    with crustframe.sandbox(requests_per_minute=None, snapshot="C") as sandbox:
        ran = subprocess.run(
            [sys.executable, "-m", "crustframe", *asked],
            cwd=tmp_path,
            env={
                "CRUSTDATA_API_KEY": sandbox.key,
                "CRUSTFRAME_BASE_URL": sandbox.url,
                "CRUSTFRAME_LEDGER": str(tmp_path / "l.sqlite3"),
                "HOME": str(tmp_path),
                "PATH": "/usr/bin:/bin",
            },
            capture_output=True,
            text=True,
            check=False,
        )

    assert 2 == ran.returncode
    assert 1 == ran.stderr.count("about the request")
    assert "Traceback" not in ran.stderr


def test_a_frame_of_one_cell_is_asked_about_in_the_same_way():
    frame = pd.DataFrame({"email": emails(1)})
    with crustframe.sandbox(requests_per_minute=None, snapshot="C") as sandbox:
        with pytest.raises(BadRequestError):
            frame.crust.enrich("email", NAME, client=sandbox.client)
        assert 0 == kept_as_refused(sandbox.client)


# Forms and suspects -------------------------------------------------------------------------------------------------


def statuses(found) -> dict[str, int]:
    return {status: n for status, n in found.report.statuses.items() if n}


def refusal(message: str, **metadata) -> Said:
    return Said(400, {"error": {"type": "invalid_request", "message": message, "metadata": [metadata]}})


def entries(body) -> list[dict]:
    """Return what the API says of people who are all found."""
    kind = next(key for key in ("professional_network_profile_urls", "business_emails") if key in body)
    person = {"confidence_score": 1.0, "person_data": {"basic_profile": {"name": "Avery Example"}}}
    singular = {"professional_network_profile_urls": "professional_network_profile_url"}.get(kind, "business_email")
    return [{"matched_on": text, "match_type": singular, "matches": [person]} for text in body[kind]]


def found_all(body) -> Said:
    return Said(200, entries(body), {"x-credits-used": str(len(entries(body)))})


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
    with crustframe.sandbox(requests_per_minute=None, snapshot="C") as sandbox:
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
    with crustframe.sandbox(requests_per_minute=None, snapshot="C") as sandbox:
        with pytest.warns(PartialResultWarning):
            found = crustframe.enrich([*urls(30), *emails(5)], fields=NAME, client=sandbox.client)

        assert 30.0 == sandbox.credits_spent
        assert "This request was not charged" in found.report.stopped
        assert "Nothing was charged" not in str(found.report)


def test_stopping_at_a_failure_raises_with_what_others_cost():
    with crustframe.sandbox(requests_per_minute=None, snapshot="C") as sandbox:
        crustframe.enrich(urls(25), fields=NAME, client=sandbox.client)
        with pytest.raises(BadRequestError, match="about the request"):
            crustframe.enrich([*urls(25), *emails(30)], fields=NAME, errors="raise", client=sandbox.client)

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
    with crustframe.sandbox(requests_per_minute=None, snapshot="C") as sandbox:
        sandbox.faults.add("close", identifier=urls(1)[0], nth=2, charge=True)  # first, a group is dropped
        with pytest.warns(PartialResultWarning):
            found = crustframe.enrich([*urls(5), *emails(3)], fields=NAME, client=sandbox.client)

        assert {"in_doubt": 5, "failed": 3} == statuses(found)
        assert found.report.credits_at_risk >= sandbox.credits_spent == 5.0


# Jobs ---------------------------------------------------------------------------------------------------------------


def test_emails_go_by_job_where_only_calls_refuse_them():
    with crustframe.sandbox(requests_per_minute=None, snapshot="C", job_seconds=0.1) as sandbox:
        found = crustframe.enrich(emails(5), fields=NAME, route="job", client=sandbox.client)

        assert {"matched": 5} == statuses(found)
        assert ("contact.websites",) == found.report.dropped_groups
        assert (0, 5.0) == (sandbox.calls, sandbox.credits_spent)


@pytest.mark.parametrize("column", [urls, emails])
def test_a_job_that_lacks_a_field_says_so_without_trying_calls(column):
    with crustframe.sandbox(requests_per_minute=None, snapshot="C") as sandbox:
        with pytest.raises(BadRequestError, match=r"does not offer contact\.business_emails") as caught:
            crustframe.enrich(column(3), fields=[*NAME, "contact.business_emails"], route="job", client=sandbox.client)

        assert (2, 0, 0.0) == (caught.value.exit_code, sandbox.calls, sandbox.credits_spent)


def test_a_refused_job_makes_nobody_invalid():
    with crustframe.sandbox(requests_per_minute=None, job_seconds=0.1) as sandbox:
        sandbox.jobs.faults.add("status", status=400)
        with pytest.raises(BadRequestError):
            crustframe.contacts(urls(3), kinds=["phone_numbers"], client=sandbox.client)
        sandbox.jobs.faults.clear()
        found = crustframe.contacts(urls(3), kinds=["phone_numbers"], client=sandbox.client)

        assert 0 == kept_as_refused(sandbox.client)
        assert "invalid" not in statuses(found)


def test_a_kind_of_contact_that_the_account_lacks_is_named_as_it_was_asked():
    with crustframe.sandbox(requests_per_minute=None, denied_fields=["contact.personal_emails"]) as sandbox:
        with pytest.raises(PermissionDeniedError, match="leave out personal_emails,") as caught:
            crustframe.contacts(urls(3), client=sandbox.client)

        assert (2, 0.0) == (caught.value.exit_code, sandbox.credits_spent)


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


# Lists of names -----------------------------------------------------------------------------------------------------


def test_a_list_that_names_paths_alone_still_offers_their_groups(tmp_path):
    offered = ["basic_profile.name", "social_handles.twitter_identifier.slug", "skills.professional_network_skills"]

    def answer(_method, _path, body):
        wrong = [name for name in body["fields"] if name not in {"basic_profile", "social_handles", "skills"}]
        if wrong:
            return refusal(f"Invalid fields: {', '.join(wrong)}", available_fields=offered)
        return found_all(body)

    with (
        standing_in(answer) as server,
        crustframe.Client(api_key="sandbox-key", base_url=server.url, ledger=tmp_path / "l.sqlite3") as client,
    ):
        found = crustframe.enrich(urls(2), fields=NAME, client=client)

        assert {"matched": 2} == statuses(found)
        assert 2 == len(server.paid())


def test_a_plan_that_asks_the_account_names_the_path_as_it_was_asked():
    with crustframe.sandbox(requests_per_minute=None, denied_fields=["education"]) as sandbox:
        with pytest.raises(PermissionDeniedError, match=r"lacks education\.schools\.degree") as caught:
            crustframe.plan(urls(3), fields=["education.schools.degree"], prices="account", client=sandbox.client)

        assert 2 == caught.value.exit_code


def test_an_endpoint_that_the_plan_lacks_keeps_its_code(tmp_path):
    denied = {"error": {"type": "permission_error", "message": "Not in your plan.", "metadata": []}}
    with (
        standing_in(lambda *_: Said(403, denied)) as server,
        crustframe.Client(api_key="sandbox-key", base_url=server.url, ledger=tmp_path / "l.sqlite3") as client,
        pytest.raises(PermissionDeniedError) as caught,
    ):
        crustframe.enrich(urls(2), fields=NAME, client=client)

    assert 4 == caught.value.exit_code


# The shell ----------------------------------------------------------------------------------------------------------


def shell(tmp_path, sandbox, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "crustframe", *arguments],
        cwd=tmp_path,
        env={
            "CRUSTDATA_API_KEY": sandbox.key,
            "CRUSTFRAME_BASE_URL": sandbox.url,
            "CRUSTFRAME_LEDGER": str(tmp_path / "l.sqlite3"),
            "CRUSTFRAME_CONFIG": str(tmp_path / "config"),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            "HOME": str(tmp_path),
            "PATH": "/usr/bin:/bin",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_shell_writes_what_was_paid_for_and_ends_with_two(tmp_path):
    (tmp_path / "leads.csv").write_text("lead\n" + "\n".join([*urls(5), *emails(3)]) + "\n")
    asked = ["leads.csv", "--column", "lead", "--field", "basic_profile.name"]
    with crustframe.sandbox(requests_per_minute=None, snapshot="C") as sandbox:
        ran = shell(tmp_path, sandbox, "enrich", *asked, "-o", "out.csv")
        planned = shell(tmp_path, sandbox, "plan", *asked, "--json")

        assert 5.0 == sandbox.credits_spent

    assert (2, 0) == (ran.returncode, planned.returncode)
    assert 1 == ran.stderr.count("about the request")
    found = pd.read_csv(tmp_path / "out.csv")
    assert ["matched"] * 5 + ["failed"] * 3 == found["crust.status"].tolist()
    assert 3 == json.loads(planned.stdout)["credits_high"]


def test_the_shell_names_a_missing_field_and_ends_with_two(tmp_path):
    (tmp_path / "leads.csv").write_text("url\n" + "\n".join(urls(3)) + "\n")
    asked = ["enrich", "leads.csv", "--column", "url", "--field", "contact.business_emails", "-o", "out.csv"]
    with crustframe.sandbox(requests_per_minute=None, snapshot="C") as sandbox:
        ran = shell(tmp_path, sandbox, *asked)

    assert 2 == ran.returncode
    assert "does not offer contact.business_emails" in ran.stderr
    assert not (tmp_path / "out.csv").exists()
