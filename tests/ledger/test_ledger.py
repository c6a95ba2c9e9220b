"""The account book: one for all processes, safe from damage, able to forget."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import subprocess
import sys
import time

import pytest
from doubts import lose, resolved_later

import crustframe
from crustframe import PartialResultWarning
from crustframe.buying.reconcile import resolve
from crustframe.errors import BudgetError, LedgerError
from crustframe.ledger import Need
from crustframe.people.identifiers import read_identifiers

FIELDS = ["basic_profile.name as name"]


def people(n: int, start: int = 0) -> list[str]:
    return [f"https://www.linkedin.com/in/lead-{number}-example" for number in range(start, start + n)]


def ledger_path(client) -> os.PathLike[str]:
    return client.ledger.path


# Who may answer whom -----------------------------------------------------------------------------------------------


def test_answers_of_one_account_never_serve_another(sandbox, tmp_path):
    """Origin, key and API version are part of what an answer is filed under."""
    shared = tmp_path / "ledger.sqlite3"
    first = crustframe.Client(api_key="sandbox-key", base_url=sandbox.url, ledger=shared)
    crustframe.enrich(people(5), fields=FIELDS, client=first)

    with crustframe.sandbox(requests_per_minute=None, key="other-key") as other:
        second = crustframe.Client(api_key="other-key", base_url=sandbox.url, ledger=shared)
        assert 5 == crustframe.plan(people(5), fields=FIELDS, client=second).n_new
        third = crustframe.Client(api_key="other-key", base_url=other.url, ledger=shared)
        found = crustframe.enrich(people(5), fields=FIELDS, client=third)
        assert (5.0, 5.0) == (found.report.credits, other.credits_spent)
        for client in (second, third):
            client.close()

    assert 0 == crustframe.plan(people(5), fields=FIELDS, client=first).n_new
    first.close()


def test_the_file_is_private_and_holds_no_key(sandbox, client):
    crustframe.enrich(people(3), fields=FIELDS, client=client)

    path = client.ledger.path
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert b"sandbox-key" not in path.read_bytes()


def test_nothing_is_made_before_the_first_purchase(sandbox, tmp_path):
    client = crustframe.Client(api_key="k" * 8, base_url=sandbox.url, ledger=tmp_path / "new" / "ledger.sqlite3")
    crustframe.plan(people(5), fields=FIELDS, client=client)

    assert not (tmp_path / "new").exists()
    client.close()


def test_four_processes_that_start_together_pay_for_each_person_once(sandbox, tmp_path):
    script = (
        "import sys, crustframe\n"
        "c = crustframe.Client(api_key='sandbox-key', base_url=sys.argv[1], ledger=sys.argv[2])\n"
        "urls = [f'https://www.linkedin.com/in/lead-{n}-example' for n in range(400)]\n"
        "found = crustframe.enrich(urls, fields=['basic_profile.name'], client=c)\n"
        "print(found.report.statuses['matched'], found.report.credits)\n"
    )
    command = [sys.executable, "-W", "error", "-c", script, sandbox.url, str(tmp_path / "ledger.sqlite3")]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    ends = [process.communicate(timeout=120) for process in running]

    assert [(0, "")] * 4 == [(p.returncode, err) for p, (_, err) in zip(running, ends, strict=True)]
    assert ["400"] * 4 == [out.split()[0] for out, _ in ends]
    assert 400.0 == sandbox.credits_spent == sum(float(out.split()[1]) for out, _ in ends)
    assert 1 == max(sandbox.people_charged.values())


# The standing ceiling ----------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::crustframe.PartialResultWarning")
def test_a_standing_ceiling_holds_over_runs_and_clients(sandbox, client):
    client.ledger.set_daily_ceiling(30)
    crustframe.enrich(people(20), fields=FIELDS, client=client)
    other = sandbox.make_client()

    with pytest.raises(BudgetError, match="10 are left of today's standing ceiling"):
        crustframe.enrich(people(20, start=100), fields=FIELDS, client=other)
    found = crustframe.enrich(people(20, start=100), fields=FIELDS, partial=True, client=other)

    assert (10, 10) == (found.report.statuses["matched"], found.report.statuses["not_run"])
    assert 30.0 == sandbox.credits_spent == client.ledger.spent_today()
    other.close()


def test_the_standing_ceiling_begins_anew_the_next_day(sandbox):
    now = [86400.0 * 20_000 + 3600]
    client = sandbox.make_client(clock=lambda: now[0])
    client.ledger.set_daily_ceiling(5)
    crustframe.enrich(people(5), fields=FIELDS, client=client)
    assert 0.0 == client.ledger.left_today()

    now[0] += 86400
    assert 5 == crustframe.enrich(people(5, 50), fields=FIELDS, client=client).report.statuses["matched"]
    client.close()


@pytest.mark.billed_past_the_plan("the first bill is three times the list")
def test_an_account_that_was_billed_more_than_the_list_is_planned_at_its_own_price(sandbox, client):
    sandbox.faults.add(action="overcharge", factor=3)
    crustframe.enrich(people(5), fields=FIELDS, client=client)

    made = crustframe.plan(people(10, 50), fields=FIELDS, client=client)
    bill = crustframe.enrich(people(10, 50), fields=FIELDS, client=client).report.credits

    assert 30.0 == made.credits_high == bill


# Doubts ------------------------------------------------------------------------------------------------------------


def lose_an_answer(sandbox, client, n: int = 10, *, charge: bool) -> None:
    lose(sandbox, client, people(n), FIELDS, charge=charge)


def test_a_doubt_that_the_usage_log_does_not_know_is_free_to_be_bought(sandbox, client):
    lose_an_answer(sandbox, client, charge=False)
    later = sandbox.make_client()

    settled = resolved_later(sandbox, later)

    assert 10 == len(settled.uncharged)
    assert 10 == crustframe.enrich(people(10), fields=FIELDS, client=later).report.statuses["matched"]
    assert (10.0, 1) == (sandbox.credits_spent, max(sandbox.people_charged.values()))
    later.close()


def test_a_doubt_that_was_charged_is_told_so_and_bought_again_only_on_request(sandbox, client):
    lose_an_answer(sandbox, client, charge=True)
    later = sandbox.make_client()

    settled = resolved_later(sandbox, later)
    assert (10, 10.0) == (len(settled.charged), settled.credits_lost)
    with pytest.warns(PartialResultWarning):
        crustframe.enrich(people(10), fields=FIELDS, client=later)
    assert 10.0 == sandbox.credits_spent

    assert 10 == len(resolve(later, resend=True).freed)
    assert 10 == crustframe.enrich(people(10), fields=FIELDS, client=later).report.statuses["matched"]
    assert [] == resolve(later).charged
    later.close()


def test_a_doubt_outlives_a_buyer_that_dies_before_it_bought_again(sandbox, client):
    """What was claimed to be resent and never sent is still a doubt, not somebody new."""
    lose_an_answer(sandbox, client, charge=True)
    sandbox.faults.clear()
    nobody_listens = sandbox.make_client(base_url="http://127.0.0.1:9", sleep=lambda s: None)

    with pytest.warns(PartialResultWarning, match="cannot be reached"):
        crustframe.enrich(people(10), fields=FIELDS, on_doubt="resend", client=nobody_listens)
    with pytest.warns(PartialResultWarning, match="in doubt"):
        crustframe.enrich(people(10), fields=FIELDS, client=client)

    assert 10.0 == sandbox.credits_spent
    found = crustframe.enrich(people(10), fields=FIELDS, on_doubt="resend", client=client)
    assert 10 == len(found.report.resent)
    assert [] == client.ledger.doubts()
    nobody_listens.close()


def test_a_fresh_doubt_is_not_called_uncharged_before_the_log_had_time(sandbox, client):
    lose_an_answer(sandbox, client, charge=False)
    assert 10 == len(resolve(client).untold)


# Forgetting --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["url", "id", "email"])
def test_a_forgotten_person_leaves_no_byte(sandbox, client, by):
    target = "jane.smith@corp.example" if by == "email" else "https://www.linkedin.com/in/erin-forgetme-example"
    column = [*people(60), target]
    found = crustframe.enrich(column, fields=["crustdata_person_id as id", "basic_profile.name as name"], client=client)
    person_id, name = found.frame.iloc[-1][["id", "name"]]
    handle = {"url": target, "id": str(person_id), "email": target}[by]

    counts = client.ledger.forget([handle])
    client.ledger.close()

    kept = client.ledger.path.read_bytes()
    assert 1 == counts["answers"]
    assert b"forgetme" not in kept
    assert target.encode() not in kept
    assert [] == [e for e in client.ledger.entries() if str(person_id) in str(e) or name in str(e["matches"])]
    assert 1 == crustframe.plan(column, fields=FIELDS, client=client).n_new


def test_a_person_kept_under_a_name_that_is_read_otherwise_today_is_forgotten_too(client):
    """Once, an invisible character was part of a name, and so of the key."""
    url = people(1)[0]
    crustframe.enrich([url], fields=FIELDS, client=client)
    client.ledger.close()
    with contextlib.closing(sqlite3.connect(client.ledger.path)) as connection, connection:
        connection.execute("UPDATE people SET key = ?, entry = NULL", (url + "%E2%80%8B",))

    assert 1 == client.ledger.forget([url])["answers"]
    assert [] == list(client.ledger.entries())


def test_a_suppressed_person_is_never_bought_again(sandbox, client):
    crustframe.enrich(people(3), fields=FIELDS, client=client)
    client.ledger.forget([people(3)[1]], suppress=True)
    calls = sandbox.calls

    again = crustframe.enrich(people(3), fields=FIELDS, provenance="full", client=client)

    assert ["matched", "invalid", "matched"] == again.frame["crust.status"].tolist()
    assert "suppressed" == again.frame["crust.reason"].iloc[1]
    assert calls == sandbox.calls


def test_purged_answers_are_gone_and_shown_as_new(sandbox):
    now = [1_800_000_000.0]
    client = sandbox.make_client(clock=lambda: now[0])
    crustframe.enrich(people(3), fields=FIELDS, client=client)
    now[0] += 10 * 86400
    crustframe.enrich(people(3, 10), fields=FIELDS, client=client)

    assert 3 == client.ledger.purge(5 * 86400)["answers"]
    assert 3 == crustframe.plan([*people(3), *people(3, 10)], fields=FIELDS, client=client).n_new
    client.close()


# The file ----------------------------------------------------------------------------------------------------------


def test_a_claim_that_was_let_go_may_not_be_sent(sandbox, client):
    """A worker that wakes after Ctrl-C closed the run must not send what no ledger knows of."""
    run = client.ledger.start(frozenset({"basic_profile"}), price=1.0, endpoint="/person/enrich")
    need = Need(frozenset({"basic_profile"}), None, None)
    claim = run.claim(read_identifiers(people(3)).unique, need, size=25, may_resend=lambda doubt: False)
    run.close()

    assert not run.sending(claim.purchase)


def test_a_commit_that_fails_leaves_no_transaction_behind(sandbox, client):
    """Somebody who reads for longer than we wait: told as that, and the next write works."""
    crustframe.enrich(people(3), fields=FIELDS, client=client)
    with client.ledger._store.reading() as ours:
        ours.execute("PRAGMA busy_timeout = 50")
    with contextlib.closing(sqlite3.connect(client.ledger.path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM people").fetchone()
        with pytest.raises(LedgerError, match="held by another process"):
            client.ledger.set_daily_ceiling(5)

    client.ledger.set_daily_ceiling(7)
    assert 7.0 == client.ledger.daily_ceiling()
    assert not list(client.ledger.path.parent.glob("*damaged*"))


def test_a_ledger_that_somebody_closed_is_not_called_damaged(sandbox, client):
    crustframe.enrich(people(3), fields=FIELDS, client=client)
    with client.ledger._store.reading() as ours:
        ours.close()

    with pytest.raises(LedgerError, match="cannot be used"):
        client.ledger.stats()

    assert client.ledger.path.exists()
    client.ledger.close()
    assert 0 == crustframe.enrich(people(3), fields=FIELDS, client=client).report.calls


# Damage ------------------------------------------------------------------------------------------------------------


def filled_ledger(sandbox, tmp_path) -> tuple[crustframe.Client, bytes]:
    client = crustframe.Client(api_key="sandbox-key", base_url=sandbox.url, ledger=tmp_path / "ledger.sqlite3")
    crustframe.enrich(people(50), fields=FIELDS, client=client)
    client.close()
    return client, client.ledger.path.read_bytes()


@pytest.mark.parametrize("damage", ["header", "cut", "empty", "gone"])
def test_a_damaged_ledger_is_set_aside_and_nothing_is_sent(sandbox, tmp_path, damage):
    client, whole = filled_ledger(sandbox, tmp_path)
    path = client.ledger.path
    calls = sandbox.calls
    match damage:
        case "header":
            path.write_bytes(b"x" * 200 + whole[200:])
        case "cut":
            path.write_bytes(whole[: len(whole) // 2])
        case "empty":
            path.write_bytes(b"")
        case "gone":
            path.rename(tmp_path / "elsewhere")

    for _ in range(2):
        with pytest.raises(LedgerError, match="Nothing was sent") as caught:
            crustframe.enrich(people(60), fields=FIELDS, client=client)
    assert "start-anew" in str(caught.value)
    assert calls == sandbox.calls

    client.ledger.start_anew()
    assert 60 == crustframe.enrich(people(60), fields=FIELDS, client=client).report.statuses["matched"]
    client.close()


def test_a_restored_ledger_is_used_again(sandbox, tmp_path):
    client, whole = filled_ledger(sandbox, tmp_path)
    client.ledger.path.write_bytes(b"not a ledger at all")
    with pytest.raises(LedgerError):
        crustframe.enrich(people(50), fields=FIELDS, client=client)

    client.ledger.path.write_bytes(whole)

    assert 0 == crustframe.enrich(people(50), fields=FIELDS, client=client).report.calls
    client.close()


def test_a_database_of_another_program_is_left_alone(sandbox, tmp_path):
    path = tmp_path / "ledger.sqlite3"
    with sqlite3.connect(path) as theirs:
        theirs.execute("CREATE TABLE notes (text)")
    theirs.close()
    before = path.read_bytes()
    client = crustframe.Client(api_key="sandbox-key", base_url=sandbox.url, ledger=path)

    with pytest.raises(LedgerError, match="another program"):
        crustframe.enrich(people(3), fields=FIELDS, client=client)

    assert (before, 0) == (path.read_bytes(), sandbox.calls)


def test_a_ledger_of_a_newer_crustframe_is_left_alone(sandbox, tmp_path):
    client, _ = filled_ledger(sandbox, tmp_path)
    with sqlite3.connect(client.ledger.path) as newer:
        newer.execute("PRAGMA user_version = 99")
    newer.close()
    calls = sandbox.calls

    with pytest.raises(LedgerError, match="newer crustframe"):
        crustframe.enrich(people(60), fields=FIELDS, client=client)
    assert calls == sandbox.calls


# Only what is missing, and what changed -----------------------------------------------------------------------------


def test_only_failed_rows_are_looked_up_again(sandbox):
    import pandas as pd

    started = time.time()
    client = sandbox.make_client(
        clock=lambda: started + (time.time() - started) * 1000, sleep=lambda s: time.sleep(s / 1000), concurrency=1
    )
    frame = pd.DataFrame({"url": people(30)}, index=range(100, 130))
    sandbox.faults.add(action="status", status=500, identifier=people(30)[4])
    with pytest.warns(PartialResultWarning):
        first = frame.crust.enrich("url", FIELDS, client=client)
    sandbox.faults.clear()
    first.loc[105, "name"] = "Mine, untouched"

    again = first.crust.enrich("url", FIELDS, only="failed", client=client)

    assert "matched" == again.loc[104, "crust.status"]
    assert "Mine, untouched" == again.loc[105, "name"]
    assert first.drop(index=104).equals(again.drop(index=104))
    assert first.dtypes.equals(again.dtypes)
    client.close()


def test_only_missing_cells_are_filled(sandbox, client):
    import pandas as pd

    frame = pd.DataFrame({"url": people(4), "name": ["kept", None, "", "kept too"]})

    filled = frame.crust.enrich("url", FIELDS, only="missing", client=client)

    assert ["kept", "kept too"] == filled["name"].iloc[[0, 3]].tolist()
    assert filled["name"].iloc[[1, 2]].str.len().gt(0).all()
    assert 2.0 == sandbox.credits_spent


def test_only_stale_people_are_bought_anew(sandbox):
    import pandas as pd

    now = [1_800_000_000.0]
    client = sandbox.make_client(clock=lambda: now[0])
    frame = pd.DataFrame({"url": people(4)})
    enriched = frame.head(2).crust.enrich("url", FIELDS, client=client)
    now[0] += 40 * 86400
    enriched = pd.concat([enriched, frame.tail(2).crust.enrich("url", FIELDS, client=client)])
    spent = sandbox.credits_spent
    sandbox.change(people(1)[0], "basic_profile.name", "Renamed Lead")

    renewed = enriched.crust.enrich("url", FIELDS, only="stale", client=client)

    assert 2.0 == sandbox.credits_spent - spent
    assert "Renamed Lead" == renewed["name"].iloc[0]
    client.close()


def test_changes_are_told_person_by_person_and_reordering_is_none(sandbox):
    now = [1_800_000_000.0]
    client = sandbox.make_client(clock=lambda: now[0])
    column = people(20)
    before = crustframe.enrich(column, fields=["skills.professional_network_skills | list as skills"], client=client)
    assert 0 == len(crustframe.changes(column, client=client))
    planted = [(column[n], "basic_profile.headline", f"New headline {n}") for n in range(10)]
    planted += [
        (column[11], "professional_network.connections", 4321),
        (column[12], "basic_profile.languages", ["Esperanto"]),
    ]
    for person, path, value in planted:
        sandbox.change(person, path, value)
    with_skills = next(n for n in range(13, 20) if len(before.frame["skills"].iloc[n]) > 1)
    sandbox.change(
        column[with_skills], "skills.professional_network_skills", before.frame["skills"].iloc[with_skills][::-1]
    )
    now[0] += 86400

    crustframe.enrich(column, fields=FIELDS, max_age=0, client=client)
    told = crustframe.changes(column, client=client)

    assert sorted((person, path) for person, path, _ in planted) == sorted(
        zip(told["identifier"], told["path"], strict=True)
    )
    assert "New headline 3" == told.set_index("identifier").loc[column[3], "new"]
    assert 1 == told["changed_at"].nunique()
    client.close()
