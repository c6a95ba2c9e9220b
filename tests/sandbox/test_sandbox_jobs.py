"""Jobs of the sandbox against every rule of the contract; the client of these tests knows HTTP only."""

from __future__ import annotations

import gzip
import io
import json
import threading
import time
import tracemalloc
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import urlsplit

import pytest
import requests

HEADERS = {"Authorization": "Bearer sandbox-key", "x-api-version": "2025-11-01"}
PERSON = "/batch/person/enrich"
CONTACT = "/batch/person/contact/enrich"
URLS = "professional_network_profile_urls"
KINDS = ["business_email", "personal_contact_info"]


def people(n: int) -> list[str]:
    return [f"https://www.linkedin.com/in/lead-{number}-example" for number in range(n)]


@pytest.fixture
def quick(running):
    return running(job_seconds=0.05)


@pytest.fixture
def stalled(running):
    """Its jobs never end."""
    return running(job_seconds=3600.0)


def submit(sandbox, path=PERSON, headers=HEADERS, **body):
    return requests.post(sandbox.url + path, json={URLS: people(2)} | body, headers=headers, timeout=10)


def status(sandbox, batch_id, **headers):
    return requests.get(f"{sandbox.url}/batch/{batch_id}", headers=headers or HEADERS, timeout=10)


def ended(sandbox, batch_id):
    until = time.monotonic() + 10
    while (job := status(sandbox, batch_id).json())["status"] in ("pending", "processing"):
        assert time.monotonic() < until
        time.sleep(0.02)
    return job


def lines_of(url):
    answer = requests.get(url, timeout=10)
    assert (200, "application/gzip") == (answer.status_code, answer.headers["content-type"])
    assert "content-encoding" not in answer.headers
    return [json.loads(line) for line in gzip.decompress(answer.content).splitlines()]


@pytest.mark.parametrize(
    ("path", "fields", "action"), [(PERSON, ["skills"], "enrich"), (CONTACT, KINDS, "contact_enrich")]
)
def test_a_submit_answers_with_the_seven_documented_keys(quick, path, fields, action):
    answer = submit(quick, path, fields=fields)

    job = answer.json()
    assert 200 == answer.status_code
    assert {
        "batch_id": job["batch_id"],
        "status": "pending",
        "entity": "person",
        "action": action,
        "identifier_count": 2,
        "entities_requested": 2,
        "status_url": f"/batch/{job['batch_id']}",
    } == job


@pytest.mark.parametrize(("path", "most"), [(PERSON, 10_000), (CONTACT, 300)])
def test_a_job_has_a_most_and_one_more_is_refused(stalled, path, most):
    fields = {"fields": ["business_email"]} if path == CONTACT else {}

    assert 200 == submit(stalled, path, **fields, **{URLS: people(most)}).status_code
    assert 400 == submit(stalled, path, **fields, **{URLS: people(most + 1)}).status_code


def test_lists_come_as_one_text_too(stalled):
    answer = submit(stalled, CONTACT, fields="business_email, personal_contact_info", **{URLS: ",".join(people(3))})

    assert 3 == answer.json()["identifier_count"]


@pytest.mark.parametrize("fields", [None, [], "", ["phones"], ["business_email", "skills"]])
def test_contact_fields_are_needed_and_checked(stalled, fields):
    answer = submit(stalled, CONTACT, **({} if fields is None else {"fields": fields}))

    assert 400 == answer.status_code
    if fields and "skills" in fields:
        available = answer.json()["error"]["metadata"][0]["available_fields"]
        assert {"business_email", "personal_contact_info"} < set(available)
        assert 4 == len(available)


@pytest.mark.parametrize(
    "body",
    [
        {URLS: []},
        {URLS: ""},
        {URLS: [1]},
        {"business_emails": ["a@corp.example"]},
        {"fields": ["nonsense"]},
        {"chunk_size": 9},
        {"chunk_size": 1001},
        {"chunk_size": True},
        {"chunk_size": "100"},
        {"webhook_url": "not a url"},
        {"webhook_url": 7},
        {"verified": True},
        {"preview": True},
    ],
)
def test_what_a_person_job_refuses(stalled, body):
    answer = submit(stalled, **body)

    assert (400, "invalid_request") == (answer.status_code, answer.json()["error"]["type"])


@pytest.mark.parametrize("size", [10, 100, 1000])
def test_chunk_sizes_within_the_range_are_taken(stalled, size):
    assert 200 == submit(stalled, chunk_size=size).status_code


def test_a_submit_needs_the_version_and_a_read_does_not(stalled):
    without = {"Authorization": "Bearer sandbox-key"}

    assert 400 == submit(stalled, headers=without).status_code
    batch_id = submit(stalled).json()["batch_id"]
    assert 200 == status(stalled, batch_id, **without).status_code
    assert 401 == submit(stalled, headers={"x-api-version": "2025-11-01"}).status_code


def test_a_sixth_active_job_is_refused(stalled):
    assert [200] * 5 + [429] == [submit(stalled).status_code for _ in range(6)]


def test_a_place_is_free_again_when_a_job_ends(quick):
    for _ in range(8):
        ended(quick, submit(quick).json()["batch_id"])

    assert 200 == submit(quick).status_code


def test_a_job_moves_from_pending_to_processing_to_completed(running):
    sandbox = running(job_seconds=60.0, speed=100.0)
    batch_id = submit(sandbox).json()["batch_id"]
    seen = []
    while seen[-1:] != ["completed"]:
        job = status(sandbox, batch_id).json()
        seen += [job["status"]] if job["status"] not in seen else []
        if job["status"] != "completed":
            assert {"download_url", "download_urls", "completed_at"}.isdisjoint(job)
        time.sleep(0.005)

    assert ["pending", "processing", "completed"] == seen
    assert {
        "batch_id", "status", "entity", "action", "identifier_count", "result_count", "entities_requested",
        "entities_fulfilled", "created_at", "completed_at", "download_url", "download_urls",
    } == set(job)  # fmt: skip
    assert job["created_at"].endswith("+00:00")


def test_a_failed_job_tells_why_and_costs_nothing(quick):
    quick.jobs.fail_with = "Scripted failure."

    job = ended(quick, submit(quick).json()["batch_id"])

    assert ("failed", "Scripted failure.") == (job["status"], job["error_message"])
    assert "download_url" not in job
    assert 0.0 == quick.credits_spent


def test_an_unknown_job_is_not_found(quick):
    assert 404 == status(quick, "53ab686b-c054-496b-8baf-baff5ecc85cf").status_code


def test_the_list_is_newest_first_with_a_cursor_and_without_links(quick):
    ids = [submit(quick).json()["batch_id"] for _ in range(5)]
    for batch_id in ids:
        ended(quick, batch_id)

    def page(**query):
        return requests.get(f"{quick.url}/batch", params=query, headers=HEADERS, timeout=10)

    assert ids[::-1] == [job["batch_id"] for job in page().json()["jobs"]]
    assert not any("download_url" in job for job in page().json()["jobs"])
    first = page(limit=2).json()
    assert (ids[:2:-1], True) == ([job["batch_id"] for job in first["jobs"]], first["has_more"])
    second = page(limit=3, cursor=first["next_cursor"]).json()
    assert (ids[2::-1], False, None) == (
        [job["batch_id"] for job in second["jobs"]],
        second["has_more"],
        second["next_cursor"],
    )
    assert [1, 5] == [len(page(limit=limit).json()["jobs"]) for limit in (0, 1000)]
    assert (5, 0) == tuple(len(page(status=name).json()["jobs"]) for name in ("completed", "failed"))
    assert [400, 400] == [page(status="done").status_code, page(cursor="nobody").status_code]


def test_results_lie_on_another_origin_that_takes_no_key(quick):
    job = ended(quick, submit(quick).json()["batch_id"])
    url = job["download_url"]

    assert urlsplit(url).netloc != urlsplit(quick.url).netloc
    assert 2 == len(lines_of(url))
    assert 400 == requests.get(url, headers=HEADERS, timeout=10).status_code
    assert 403 == requests.get(url[:-1] + ("0" if url[-1] != "0" else "1"), timeout=10).status_code
    assert 403 == requests.get(url.replace("results", "part-000"), timeout=10).status_code


def test_links_expire_and_a_new_status_brings_new_ones(running):
    sandbox = running(job_seconds=0.05, link_seconds=-1.0)
    batch_id = submit(sandbox).json()["batch_id"]
    old = ended(sandbox, batch_id)["download_url"]
    assert 403 == requests.get(old, timeout=10).status_code

    sandbox.jobs.link_seconds = 60.0

    assert 2 == len(lines_of(status(sandbox, batch_id).json()["download_url"]))


def test_a_file_that_drips_begins_at_once_and_is_whole_in_the_end(quick):
    url = ended(quick, submit(quick).json()["batch_id"])["download_url"]
    quick.jobs.spoil("drip", seconds=3600.0, times=1)
    quick.jobs.spoil("drip", seconds=0.2, times=1)

    with requests.get(url, timeout=10, stream=True) as begun:
        assert b"\x1f\x8b" == begun.raw.read(2)

    dripped = lines_of(url)
    assert lines_of(url) == dripped


@pytest.mark.parametrize("text", [b" ", b"\n", b'{"data": {}}\n'])
def test_a_bomb_is_small_on_the_wire_and_in_the_server(quick, text):
    url = ended(quick, submit(quick).json()["batch_id"])["download_url"]
    size = 64 * 2**20
    quick.jobs.spoil("bomb", at=size, text=text)
    tracemalloc.start()
    try:
        packed = requests.get(url, timeout=10).content
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert len(packed) < size / 100
    assert most < size / 4
    with gzip.open(io.BytesIO(packed)) as unpacked:
        pieces = [len(piece) for piece in iter(lambda: unpacked.read(2**20), b"")]
    assert size <= sum(pieces) < size + 4 * 2**20


def test_parts_hold_the_same_lines_as_the_merged_file(quick):
    job = ended(quick, submit(quick, **{URLS: people(2500)}).json()["batch_id"])

    assert 3 == len(job["download_urls"])
    assert lines_of(job["download_url"]) == [line for url in job["download_urls"] for line in lines_of(url)]


def test_person_lines_add_the_asked_groups_to_the_default_ones_and_drop_who_is_unknown(quick):
    asked = [*people(1), "https://www.linkedin.com/in/nobody-there"]
    job = ended(quick, submit(quick, fields=["skills"], **{URLS: asked}).json()["batch_id"])

    (line,) = lines_of(job["download_url"])

    assert (2, 1, 1) == (job["entities_requested"], job["entities_fulfilled"], job["result_count"])
    assert {"original_identifier", "internal_id", "data"} == set(line)
    assert (asked[0], line["data"]["crustdata_person_id"]) == (line["original_identifier"], line["internal_id"])
    assert set(line["data"]) <= {"crustdata_person_id", "basic_profile", "social_handles", "skills"}
    assert 1.0 == quick.credits_spent


def test_a_job_of_nobody_completes_with_a_dead_link(quick):
    job = ended(quick, submit(quick, **{URLS: ["https://www.linkedin.com/in/nobody-there"]}).json()["batch_id"])

    assert ("completed", 0) == (job["status"], job["result_count"])
    assert 404 == requests.get(job["download_url"], timeout=10).status_code
    assert 0.0 == quick.credits_spent


@pytest.mark.parametrize("flat", [False, True])
def test_contact_lines_list_everybody_and_charge_what_is_delivered(running, flat):
    sandbox = running(job_seconds=0.05, contact_lines="flat" if flat else "envelope")
    asked = [*people(30), "https://www.linkedin.com/in/nobody-there"]
    job = ended(sandbox, submit(sandbox, CONTACT, fields=KINDS, **{URLS: asked}).json()["batch_id"])
    owed = 0.0
    lines = lines_of(job["download_url"])
    for line in lines:
        data = line if flat else line["data"]
        personal = data["personal_contact_info"]
        assert {"personal_emails", "phone_numbers"} == set(personal)
        owed += (
            bool(data["business_email"]) + 2 * bool(personal["personal_emails"]) + 2 * bool(personal["phone_numbers"])
        )
        assert all({"email", "status"} == set(one) for one in data["business_email"])

    assert asked == [line["professional_network_url" if flat else "original_identifier"] for line in lines]
    assert owed == sandbox.credits_spent > 0


def test_one_contact_kind_is_neither_answered_with_nor_billed_for_another(quick):
    fields = ["personal_contact_info.phone_numbers"]
    job = ended(quick, submit(quick, CONTACT, fields=fields, **{URLS: people(20)}).json()["batch_id"])

    lines = lines_of(job["download_url"])

    assert all(
        {"personal_contact_info": {"phone_numbers"}} == {k: set(v) for k, v in one["data"].items()} for one in lines
    )
    assert quick.credits_spent == 2 * sum(bool(one["data"]["personal_contact_info"]["phone_numbers"]) for one in lines)


def test_verified_costs_half_a_credit_for_whoever_has_a_business_address(running):
    spent = []
    for verified in (False, True):
        sandbox = running(job_seconds=0.05)
        body = {"fields": ["business_email"], "verified": verified, URLS: people(20)}
        ended(sandbox, submit(sandbox, CONTACT, **body).json()["batch_id"])
        spent.append(sandbox.credits_spent)

    assert spent[1] == 1.5 * spent[0] > 0


def test_a_webhook_on_this_machine_is_called_once(quick):
    heard = []

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self):
            heard.append((self.path, json.loads(self.rfile.read(int(self.headers["content-length"])))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Listener) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/done?x=1"
        batch_id = submit(quick, webhook_url=url).json()["batch_id"]
        thread.join(10)

    assert [("/done?x=1", batch_id, "completed")] == [(p, body["batch_id"], body["status"]) for p, body in heard]


def test_a_fault_after_the_charge_leaves_a_job_that_runs(quick):
    quick.jobs.faults.add("reset", nth=1, charge=True)

    with pytest.raises(requests.exceptions.ConnectionError):
        submit(quick)

    (job,) = quick.jobs.all
    ended(quick, job.batch_id)
    assert 2.0 == quick.credits_spent


def test_without_credits_a_job_is_refused(running):
    sandbox = running(balance=1.0)

    assert 402 == submit(sandbox).status_code


def test_a_field_that_the_account_lacks_refuses_the_job(running):
    sandbox = running(denied_fields=["contact.phone_numbers"])

    answer = submit(sandbox, CONTACT, fields=["personal_contact_info"])

    assert (403, ["contact.phone_numbers"]) == (
        answer.status_code,
        answer.json()["error"]["metadata"][0]["denied_fields"],
    )
