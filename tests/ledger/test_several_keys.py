"""One file, several keys and processes: ceilings hold for all of them, and nobody is answered with another's people."""

from __future__ import annotations

import pytest
from stand_in import Said, standing_in

import crustframe
from crustframe.client import Client
from crustframe.errors import BudgetError, LedgerError
from crustframe.ledger import Need
from crustframe.ledger.runs import Told
from crustframe.people.identifiers import read_identifiers

NAME = ["basic_profile.name"]

pytestmark = pytest.mark.filterwarnings("ignore::crustframe.PartialResultWarning")


class Counter:
    """Finds everybody, at 1 credit each."""

    def __init__(self):
        self.credits = 0

    def __call__(self, method, path, body):
        urls = body["professional_network_profile_urls"]
        self.credits += len(urls)
        found = [{"person_data": {"basic_profile": {"name": url[-9:]}}, "confidence_score": 1.0} for url in urls]
        answer = [
            {"matched_on": url, "match_type": "professional_network_profile_url", "matches": [one]}
            for url, one in zip(urls, found, strict=True)
        ]
        return Said(200, answer, {"x-credits-used": str(len(urls))})


def people(n: int, start: int = 0) -> list[str]:
    return [f"https://www.linkedin.com/in/key-{number:03d}-example" for number in range(start, start + n)]


@pytest.fixture
def counter():
    return Counter()


@pytest.fixture
def with_key(counter, tmp_path):
    made = []
    with standing_in(counter) as api:

        def client(key):
            made.append(Client(api_key=key, base_url=api.url, ledger=tmp_path / "l.sqlite3"))
            return made[-1]

        yield client
        for one in made:
            one.close()


# The ceiling of a day ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("partial", [False, True])
def test_two_keys_share_the_ceiling_of_a_day(with_key, counter, partial):
    first, second = with_key("first-key"), with_key("second-key")
    first.ledger.set_daily_ceiling(25)
    crustframe.enrich(people(25), fields=NAME, client=first)

    assert 0 == second.ledger.left_today()
    if partial:
        crustframe.enrich(people(25, 100), fields=NAME, client=second, partial=True)
    else:
        with pytest.raises(BudgetError, match="0 are left"):
            crustframe.enrich(people(25, 100), fields=NAME, client=second)
    assert 25 == counter.credits


def test_a_third_key_gets_what_two_left(with_key, counter):
    keys = [with_key(f"key-number-{number}") for number in range(3)]
    keys[0].ledger.set_daily_ceiling(30)
    for number, key in enumerate(keys):
        crustframe.enrich(people(12, 100 * number), fields=NAME, client=key, partial=True)

    assert 30 == counter.credits


# A ledger that is begun anew ---------------------------------------------------------------------------------------


def test_a_new_ledger_knows_the_ceiling_the_spending_and_who_is_never_stored(with_key, counter):
    client = with_key("first-key")
    client.ledger.set_daily_ceiling(30)
    crustframe.enrich(people(25), fields=NAME, client=client)
    client.ledger.forget(people(1), suppress=True)

    old, is_complete = client.ledger.start_anew()

    assert (True, True) == (old.exists(), is_complete)
    assert (30, 25, 5) == (client.ledger.daily_ceiling(), client.ledger.spent_today(), client.ledger.left_today())
    crustframe.enrich(people(25), fields=NAME, client=client, partial=True)
    assert 30 == counter.credits
    assert "invalid" == crustframe.enrich(people(1), fields=NAME, client=client).frame["crust.status"].iloc[0]


def test_what_cannot_be_read_is_not_taken_over_and_told(with_key, counter):
    client = with_key("first-key")
    crustframe.enrich(people(3), fields=NAME, client=client)
    client.close()
    path = client.ledger.path
    path.write_bytes(b"x" * path.stat().st_size)

    assert not client.ledger.start_anew().is_complete
    assert 3 == crustframe.enrich(people(3), fields=NAME, client=client).report.statuses["matched"]


@pytest.mark.parametrize("is_used_before", [True, False])
def test_a_ledger_that_another_process_began_anew_answers_with_nobody_elses_people(with_key, counter, is_used_before):
    """Accounts are numbered in each file anew: the number of one is no other's."""
    first, second, other = with_key("first-key"), with_key("second-key"), with_key("first-key")
    for key in (first, second)[: 1 + is_used_before]:
        crustframe.enrich(people(2), fields=NAME, client=key)
    other.ledger.start_anew()
    other.ledger.path.unlink()
    crustframe.enrich(people(5), fields=NAME, client=second)
    before = counter.credits

    report = crustframe.enrich(people(5), fields=NAME, client=first).report

    assert (5, 5) == (report.credits, counter.credits - before)


def test_no_ledger_is_taken_from_a_run_at_work(with_key):
    client, other = with_key("first-key"), with_key("first-key")
    run = client.ledger.start(frozenset({"basic_profile"}), price=1.0, endpoint="/person/enrich")
    with pytest.raises(LedgerError, match="at work"):
        other.ledger.start_anew()
    run.close()
    other.ledger.start_anew()


def test_an_answer_that_comes_after_its_ledger_has_gone_is_kept_beside_the_new_one(with_key, counter, tmp_path):
    client = with_key("first-key")
    groups = frozenset({"basic_profile"})
    run = client.ledger.start(groups, price=1.0, endpoint="/person/enrich")
    asked = tuple(read_identifiers(people(2)).unique)
    purchase = run.claim(asked, Need(groups, None, None), size=2, may_resend=lambda _: False).purchase
    run.sending(purchase)
    client.ledger.path.rename(tmp_path / "old.sqlite3")
    client.ledger.path.write_bytes(b"")

    with pytest.raises(LedgerError):
        run.answered(purchase, Told(b"[]", 2.0, 200, "r-1"))
    assert list(tmp_path.glob("*.paid*/*")) or list(tmp_path.glob("*.paid*"))
