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

import crustframe
from crustframe import PartialResultWarning
from crustframe.errors import BadRequestError, PermissionDeniedError

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
