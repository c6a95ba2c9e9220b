"""A ledger that an older version wrote: everything that was paid for is still there, and read for nothing."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

import crustframe
from crustframe.errors import OfflineError

FILE = Path(__file__).parent / "data" / "ledger-30b4f57.sqlite3.gz"  # as commit 30b4f57 wrote it
SITE = "https://www.linkedin.com/in/"
PEOPLE = [f"{SITE}p{n}-example" for n in range(6)]
NAMES = ["Ines Okafor", "Wanda Keller", "Maria dos Santos", "Nguyễn Thị Ánh", "İpek Şahin"]

pytestmark = pytest.mark.filterwarnings("ignore::crustframe.PartialResultWarning")


@pytest.fixture
def client(tmp_path):
    path = tmp_path / "ledger.sqlite3"
    path.write_bytes(gzip.decompress(FILE.read_bytes()))
    with crustframe.Client(
        api_key="sandbox-key", base_url="http://127.0.0.1:9", ledger=path, account="sandbox", offline=True
    ) as client:
        yield client


def ask(verb, people, *what, client, **options):
    """Ask without a socket: whatever comes back was in the file."""
    found = verb(people, None, *what, max_age=None, client=client, **options)
    assert (0, 0.0) == (found.report.calls, found.report.credits)
    return found.frame


def test_people_of_calls_are_there(client):
    found = ask(crustframe.enrich, PEOPLE[:5], client=client)

    assert NAMES == found["basic_profile.name"].tolist()
    assert ["matched"] * 5 == found["crust.status"].tolist()
    assert ["Operations | People | Numbers", "Wellington, Wellington, New Zealand"] == [
        found["basic_profile.headline"][0],
        found["basic_profile.location.raw"][1],
    ]


def test_whoever_was_suppressed_stays_so(client):
    assert ["invalid"] == ask(crustframe.enrich, [PEOPLE[5]], client=client)["crust.status"].tolist()


def test_phone_numbers_bought_later_are_there(client):
    found = ask(crustframe.enrich, PEOPLE[:2], ["contact.phone_numbers", "basic_profile.name"], client=client)

    assert found["contact.phone_numbers"].str.startswith("+").all()
    assert NAMES[:2] == found["basic_profile.name"].tolist()


def test_contacts_are_there_kind_by_kind_and_so_is_that_there_are_none(client):
    people = [*PEOPLE[2:5], f"{SITE}nobody-there"]
    found = ask(crustframe.contacts, people, ["business_email", "phone_numbers"], client=client)

    assert ["matched"] * 3 + ["no_match"] == found["crust.status"].tolist()
    assert found["phone_number"].notna().sum() + found["business_email"].notna().sum() >= 3
    with pytest.raises(OfflineError):
        ask(crustframe.contacts, people, ["personal_emails"], client=client)


def test_people_of_jobs_and_of_the_legacy_surface_are_there(client):
    by_job = [f"{SITE}by-job-{n}-example" for n in (0, 1)]
    jobs = ask(crustframe.enrich, by_job, ["basic_profile.name"], client=client)
    with pytest.warns(crustframe.RetirementWarning):
        legacy = ask(crustframe.enrich, [f"{SITE}old-0-example"], ["name"], api="screener", client=client)

    assert ["matched"] * 2 == jobs["crust.status"].tolist()
    assert ["matched"] == legacy["crust.status"].tolist()


def test_doubts_jobs_under_way_money_and_the_standing_ceiling_are_there(client):
    doubted = [f"{SITE}doubt-{n}-example" for n in (0, 1)]
    plan = crustframe.plan(doubted, client=client)
    book = client.ledger.jobs(create=False)
    stats = client.ledger.stats()

    assert (2, 0) == (plan.in_doubt, plan.n_new)
    assert {*doubted} == {doubt.identifier.text for doubt in client.ledger.doubts()} - {f"{SITE}way-0-example"}
    assert [f"{SITE}way-0-example"] == [i.text for job in book.all(open_only=True) for i in job.purchase.identifiers]
    assert 500 == client.ledger.daily_ceiling()
    assert [23.0, 3.0] == [account["credits"] for account in stats["accounts"]]
    assert client.ledger.verify()["ok"]


def test_a_refusal_that_was_kept_without_proof_is_asked_again(client):
    assert 1 == crustframe.plan([f"{SITE}refused-example"], client=client).n_new


def test_it_is_read_on_todays_api_and_nobody_is_paid_for_twice(tmp_path):
    """Names and phone numbers that are in the file cost nothing; what is missing comes from where it is sold now."""
    path = tmp_path / "ledger.sqlite3"
    path.write_bytes(gzip.decompress(FILE.read_bytes()))
    fields = ["basic_profile.name", "contact.phone_numbers"]
    with crustframe.sandbox(requests_per_minute=None, snapshot="C", ledger=path) as sandbox:
        ages = {"max_age": None, "client": sandbox.client}
        known = crustframe.enrich(PEOPLE[:2], fields=fields, max_credits=0, **ages)
        assert {"matched": 2} == {status: n for status, n in known.report.statuses.items() if n}

        found = crustframe.enrich([*PEOPLE, f"{SITE}p77-example"], fields=fields, max_credits=50, **ages).frame
        assert ["matched"] * 5 + ["invalid", "matched"] == found["crust.status"].tolist()
        assert NAMES == found["basic_profile.name"].tolist()[:5]
        spent = sandbox.credits_spent
        crustframe.enrich([*PEOPLE, f"{SITE}p77-example"], fields=fields, max_credits=0, **ages)
        assert spent == sandbox.credits_spent
