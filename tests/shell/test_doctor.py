"""``crustframe doctor``: what works, what does not, what to do next; over HTTP, for 0 credits, without the key."""

from __future__ import annotations

import io
import json
import os
import socket
import sqlite3
import sys
import threading

import pytest

import crustframe
from crustframe.client import Client
from crustframe.contract import PERSON_ENRICH_PATH
from crustframe.settings.config import key_store
from crustframe.settings.keys import Secret
from crustframe.shell import cli
from crustframe.shell.doctor import examine, exit_code

KEY = "sandbox-key-of-some-length"
PEOPLE = [f"linkedin.com/in/doctor-{number}-example" for number in range(3)]


@pytest.fixture
def account(monkeypatch):
    """Make a sandbox and store its key for it: somebody who ran `crustframe key set`."""
    opened = []

    def account(**options):
        sandbox = crustframe.sandbox(**{"key": KEY, "requests_per_minute": None, **options})
        opened.append(sandbox.__enter__())
        monkeypatch.setenv("CRUSTFRAME_BASE_URL", sandbox.url)
        key_store().put(sandbox.url, Secret(KEY))
        return sandbox

    yield account
    for sandbox in opened:
        sandbox.close()


@pytest.fixture
def doctor(monkeypatch, capsys):
    """Run ``crustframe doctor`` in this process; returns its code and its lines by what they are about."""

    def doctor(*arguments):
        monkeypatch.setattr(sys, "argv", ["crustframe", "doctor", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.StringIO())
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        assert KEY not in said.out + said.err
        assert "" == said.err
        if "--json" in arguments:
            return ended.value.code, json.loads(said.out)
        lines = [line.partition(": ") for line in said.out.splitlines()]
        return ended.value.code, {head[6:]: (head[:4].strip(), rest) for head, _, rest in lines}

    return doctor


def test_all_is_well_and_costs_nothing(account, doctor, tmp_path):
    sandbox = account(requests_per_minute=60, balance=500)

    code, found = doctor()

    assert 0 == code
    about = [
        "versions",
        "ledger",
        "key",
        "account",
        "rights",
        "surfaces",
        "legacy surface",
        "jobs",
        "doubts",
        "ceiling",
    ]
    assert about == list(found)
    assert {"ok"} == {state for state, _ in found.values()}
    assert f"crustframe {crustframe.__version__}" in found["versions"][1]
    assert "none yet" in found["ledger"][1]
    assert f"keys.json, ends in ...{KEY[-4:]}; it goes to {sandbox.url} only." in found["key"][1]
    assert "balance 500 credits" in found["account"][1]
    assert f"60 requests a minute for {PERSON_ENRICH_PATH}; every group is granted" in found["rights"][1]
    assert "contacts in person enrich" in found["surfaces"][1]
    assert 0 == sandbox.credits_spent
    assert not (tmp_path / "ledger.sqlite3").exists()


@pytest.mark.parametrize(
    ("switches", "words"),
    [
        ({"snapshot": "C"}, ["autumn 2026, contacts apart", "has /person/contact/enrich", "lacks none"]),
        ({"snapshot": "C", "plan": "self-serve"}, ["autumn 2026", "lacks /person/contact/enrich, /person/identify"]),
        ({"snapshot": "C", "account": False}, ["nobody knows yet"]),
    ],
)
def test_which_surfaces_the_account_has_is_told(account, doctor, switches, words):
    account(**switches)
    _, found = doctor()

    assert all(word in found["surfaces"][1] for word in words)


def test_what_was_bought_and_what_is_left_today_is_told(account, doctor):
    account()
    crustframe.enrich(PEOPLE, fields=["basic_profile.name"])
    with Client() as client:
        client.ledger.set_daily_ceiling(10)

    code, found = doctor()

    assert 0 == code
    assert "sound, 3 answers" in found["ledger"][1]
    assert "10 credits a day (UTC), 7 left today." == found["ceiling"][1]


def test_a_ceiling_that_is_reached_is_noted_with_what_to_do(account, doctor):
    account()
    crustframe.enrich(PEOPLE, fields=["basic_profile.name"])
    with Client() as client:
        client.ledger.set_daily_ceiling(3)

    code, found = doctor()

    assert (0, "note") == (code, found["ceiling"][0])
    assert "0 left today" in found["ceiling"][1]
    assert "crustframe budget" in found["ceiling"][1]


def test_jobs_under_way_are_noted_with_their_command(account, doctor):
    account(job_seconds=3600)
    crustframe.enrich(PEOPLE, fields=["basic_profile.name"], route="job", wait=False)

    code, found = doctor()

    said = "1 job under way, with 3 people. Next: `crustframe jobs wait` fetches the results, free."
    assert (0, ("note", said)) == (code, found["jobs"])


def test_doubts_are_noted_with_what_they_may_have_cost(account, doctor):
    sandbox = account()
    sandbox.faults.add(action="reset", charge=True)
    with pytest.warns(crustframe.errors.PartialResultWarning):
        crustframe.enrich(PEOPLE, fields=["basic_profile.name"])

    code, found = doctor()

    assert (0, "note") == (code, found["doubts"][0])
    assert "3 people in doubt, up to 3 credits at risk." in found["doubts"][1]
    assert "crustframe ledger resolve" in found["doubts"][1]


def test_without_a_key_the_code_is_4_and_the_rest_is_still_told(doctor):
    code, found = doctor()

    assert 4 == code
    assert "WANT" == found["key"][0]
    assert "crustframe key set" in found["key"][1]
    assert "not asked" in found["account"][1]
    assert ("ok", "note") == (found["ledger"][0], found["jobs, doubts, ceiling"][0])


def test_a_key_for_another_origin_is_no_key(account, doctor, monkeypatch):
    sandbox = account()
    monkeypatch.setenv("CRUSTFRAME_BASE_URL", "http://127.0.0.1:9")

    code, found = doctor()

    assert 4 == code
    assert f"stored is for {sandbox.url}, and goes nowhere else" in found["key"][1]


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's")
def test_a_key_that_others_can_read_is_wanting(account, doctor, tmp_path):
    account()
    (tmp_path / "config" / "keys.json").chmod(0o644)

    code, found = doctor()

    assert 4 == code
    assert "Others than this user" in found["key"][1]


def test_a_key_that_the_account_does_not_take_is_wanting(account, doctor, monkeypatch):
    account()
    monkeypatch.setenv("CRUSTDATA_API_KEY", "another-key-of-some-length")

    code, found = doctor()

    assert (4, "ok", "WANT") == (code, found["key"][0], found["account"][0])
    assert "rights" not in found
    assert "Next: " in found["account"][1]


def test_an_account_without_credits_is_wanting(account, doctor):
    account(balance=0)

    code, found = doctor()

    assert (4, "WANT") == (code, found["account"][0])
    assert "balance 0 credits" in found["account"][1]


def test_an_origin_that_nobody_listens_at_is_5(doctor, monkeypatch):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        monkeypatch.setenv("CRUSTFRAME_BASE_URL", f"http://127.0.0.1:{held.getsockname()[1]}")
        monkeypatch.setenv("CRUSTDATA_API_KEY", KEY)

        code, found = doctor()

    assert (5, "WANT") == (code, found["account"][0])
    assert "cannot be reached" in found["account"][1]
    assert "ok" == found["ceiling"][0]


def test_an_answer_that_breaks_off_is_5_and_said_to_be_free(doctor, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("CRUSTFRAME_BASE_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
        monkeypatch.setenv("CRUSTDATA_API_KEY", KEY)
        hanging_up = threading.Thread(target=_answer_half, args=(server,))
        hanging_up.start()

        code, found = doctor()
        hanging_up.join()

    assert (5, "WANT") == (code, found["account"][0])
    assert "The question is free." in found["account"][1]
    assert "in_doubt" not in found["account"][1]


def _answer_half(server):
    connection, _ = server.accept()
    with connection:
        connection.recv(10_000)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")


def test_an_answer_of_the_ledger_that_cannot_be_read_is_6_and_counted(account, doctor, tmp_path):
    account()
    crustframe.enrich(PEOPLE, fields=["basic_profile.name"])
    with sqlite3.connect(tmp_path / "ledger.sqlite3") as connection:
        connection.execute("UPDATE people SET entry = x'00' WHERE person_row = 1")
    connection.close()

    code, found = doctor()

    assert (6, "WANT") == (code, found["ledger"][0])
    assert "is damaged: 1 answer unreadable." in found["ledger"][1]


def test_groups_that_the_account_lacks_are_named_without_what_lies_below_them(account, doctor):
    account(denied_fields=["contact.phone_numbers", "dev_platform_profiles"])

    code, found = doctor()

    assert (0, "note") == (code, found["rights"][0])
    assert "lacking: contact.phone_numbers, dev_platform_profiles. Next: " in found["rights"][1]


def test_an_own_pace_is_told_beside_the_accounts(account, doctor, monkeypatch):
    account(requests_per_minute=60)
    monkeypatch.setenv("CRUSTFRAME_REQUESTS_PER_MINUTE", "20")

    assert "60 requests a minute (held to 20 here)" in doctor()[1]["rights"][1]


def test_offline_nothing_is_asked(account, doctor, monkeypatch):
    sandbox = account()
    sandbox.close()
    monkeypatch.setenv("CRUSTFRAME_OFFLINE", "1")

    code, found = doctor()

    assert (0, "note") == (code, found["account"][0])
    assert "CRUSTFRAME_OFFLINE" in found["account"][1]


def test_a_file_that_is_no_ledger_is_6_and_left_as_it_is(account, doctor, tmp_path):
    account()
    (tmp_path / "notes.txt").write_text("my notes")

    code, found = doctor("--ledger", tmp_path / "notes.txt")

    assert (6, "WANT") == (code, found["ledger"][0])
    assert "is no ledger" in found["ledger"][1]
    assert "my notes" == (tmp_path / "notes.txt").read_text()
    assert "ok" == found["account"][0], "what does not need the ledger is told all the same"


def test_a_ledger_that_cannot_be_made_is_6(account, doctor, tmp_path):
    account()
    (tmp_path / "file").write_text("")

    assert 6 == doctor("--ledger", tmp_path / "file" / "ledger.sqlite3")[0]


def test_the_first_thing_that_is_wanting_gives_the_code(doctor, tmp_path):
    (tmp_path / "file").write_text("")

    assert 6 == doctor("--ledger", tmp_path / "file" / "ledger.sqlite3")[0], "no ledger goes before no key"


def test_a_synchronised_folder_is_noted(account, doctor, tmp_path):
    account()

    code, found = doctor("--ledger", tmp_path / "OneDrive - Corp" / "ledger.sqlite3")

    assert (0, "note") == (code, found["ledger"][0])
    assert "CRUSTFRAME_LEDGER" in found["ledger"][1]


@pytest.mark.parametrize("legacy", ["retired", "gone"])
def test_the_end_of_the_legacy_surface_is_told(account, doctor, legacy):
    sandbox = account(legacy=legacy)

    code, found = doctor()

    assert (0, "note") == (code, found["legacy surface"][0])
    assert "has ended" in found["legacy surface"][1]
    assert "crustframe fields --legacy" in found["legacy surface"][1]
    assert 0 == sandbox.credits_spent


def test_a_legacy_surface_that_still_answers_is_told_and_not_paid(account, doctor):
    sandbox = account()

    _, told = doctor("--json")

    (finding,) = (finding for finding in told["findings"] if finding["what"] == "legacy surface")
    assert (True, "2026-09-30", "ok") == (finding["legacy_served"], finding["legacy_until"], finding["state"])
    assert [400] == [request["status"] for request in sandbox.requests]
    assert 0 == sandbox.credits_spent


@pytest.mark.parametrize(
    ("day", "state"), [(1_790_700_000, "ok"), (1_790_900_000, "note")], ids=["2026-09-29", "10-02"]
)
def test_where_nobody_can_be_asked_the_date_tells(account, day, state):
    with Client(base_url="https://api.crustdata.com", api_key=KEY, offline=True, clock=lambda: day) as client:
        (finding,) = (finding for finding in examine(client) if finding.what == "legacy surface")

    assert (state, None) == (finding.state, finding.facts["legacy_served"])
    assert "2026-09-30" in finding.said


@pytest.mark.parametrize("fault", [{"action": "status", "status": 500}, {"action": "reset"}, {"action": "html"}])
def test_a_legacy_surface_that_fails_is_not_called_ended(account, doctor, fault):
    account().faults.add(**fault)

    code, found = doctor()

    assert 0 == code
    assert "2026-09-30, is past" in found["legacy surface"][1]


def test_json_tells_the_same_to_programs(account, doctor):
    account(balance=12.5)

    code, told = doctor("--json")

    assert (0, True, 0) == (code, told["usable"], told["exit_code"])
    by_name = {finding["what"]: finding for finding in told["findings"]}
    assert 12.5 == by_name["account"]["credits"]
    assert ("file", f"...{KEY[-4:]}") == (by_name["key"]["source"], by_name["key"]["ends_in"])
    assert (None, 0) == (by_name["ceiling"]["daily_ceiling"], by_name["doubts"]["people_in_doubt"])


def test_the_embedded_sandbox_can_be_examined(doctor):
    code, found = doctor("--sandbox")

    assert 0 == code
    assert "balance" in found["account"][1]


def test_no_finding_holds_the_key_or_raises(account):
    account(denied_fields=["contact"])

    with Client() as client:
        findings = list(examine(client))

    assert 0 == exit_code(findings)
    assert KEY not in repr(findings) + "".join(map(str, findings)) + json.dumps([f.to_dict() for f in findings])
    assert not [finding for finding in findings if "\n" in str(finding)]
