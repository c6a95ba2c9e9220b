"""The account's own API: doubts settled by the request itself, bills read part by part, in every shape of its rows."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from doubts import lose, resolved_later
from stand_in import Said, standing_in

import crustframe
from crustframe import PartialResultWarning
from crustframe.api.account import part_of, usage_log
from crustframe.buying.reconcile import resolve
from crustframe.client import Client
from crustframe.errors import PermissionDeniedError
from crustframe.shell.doctor import examine, exit_code

pytestmark = pytest.mark.billed_past_the_plan("accounts that pay other prices than those of the list")

NAME = ["basic_profile.name as name"]
EMAIL = ["contact.business_emails[0].email as email"]
PHONE = ["contact.phone_numbers[0] as phone"]
KEY = "stand-in-key"


def people(n: int, start: int = 0) -> list[str]:
    return [f"https://www.linkedin.com/in/lead-{number}-example" for number in range(start, start + n)]


def another(sandbox, tmp_path, name="colleague") -> Client:
    """Somebody else with the same key, whose requests are in the same log."""
    return sandbox.make_client(ledger=tmp_path / f"{name}.sqlite3")


@pytest.fixture
def later(sandbox):
    """Another client of the same ledger."""
    client = sandbox.make_client()
    yield client
    client.close()


# Doubts settled by the very request ---------------------------------------------------------------------------------


def test_another_request_of_the_same_size_and_time_is_not_taken_for_ours(sandbox, client, later, tmp_path):
    """A colleague was charged for 10 other people in the same second; ours never arrived."""
    lose(sandbox, client, people(10), charge=False)
    colleague = another(sandbox, tmp_path)
    crustframe.enrich(people(10, 500), fields=NAME, client=colleague)

    settled = resolved_later(sandbox, later)

    assert (10, 0, 0.0) == (len(settled.uncharged), len(settled.charged), settled.credits_lost)
    assert 10 == crustframe.enrich(people(10), fields=NAME, client=later).report.statuses["matched"]
    assert 1 == max(sandbox.people_charged.values())
    colleague.close()


def test_each_of_two_doubts_of_one_size_gets_its_own_verdict(sandbox, client, later):
    lose(sandbox, client, people(10), charge=False)
    lose(sandbox, client, people(10, 50), charge=True)

    settled = resolved_later(sandbox, later)

    assert people(10) == sorted(settled.uncharged, key=people(10).index)
    assert set(people(10, 50)) == set(settled.charged)
    assert 10.0 == settled.credits_lost


def test_the_same_people_for_other_fields_are_another_request(sandbox, client, later):
    lose(sandbox, client, people(5), charge=True)
    lose(sandbox, client, people(5), EMAIL, charge=False, on_doubt="resend")

    settled = resolved_later(sandbox, later)

    assert (5, 5, 5.0) == (len(settled.uncharged), len(settled.charged), settled.credits_lost)


@pytest.mark.filterwarnings("ignore::crustframe.RetirementWarning")
@pytest.mark.parametrize(
    ("cells", "options"),
    [
        (["jane.smith@corp.example"], {"min_similarity_score": 0.5}),
        (people(3), {"force_fetch": True, "enrich_realtime": True}),
        (people(3), {"fields": ["name"], "api": "screener"}),
        (people(3), {"fields": ["name", "business_email"], "api": "screener", "enrich_realtime": True}),
        (people(2), {"keep": "asked"}),
    ],
    ids=["threshold", "flags", "legacy", "legacy-realtime", "asked"],
)
def test_every_way_of_asking_is_known_again(sandbox, client, later, tmp_path, cells, options):
    """Beside it somebody else asks for as many others in the same way, and is charged too."""
    lose(sandbox, client, cells, charge=True, **options)
    ours = sandbox.credits_spent
    others = people(len(cells), 90) if len(cells) > 1 else ["bruno.castillo@nimbus.example"]
    colleague = another(sandbox, tmp_path)
    crustframe.enrich(others, client=colleague, **{"fields": NAME, **options})

    settled = resolved_later(sandbox, later)

    assert (cells, ours) == (settled.charged, settled.credits_lost)
    colleague.close()


def test_a_request_that_was_refused_before_it_went_through_does_not_confuse(sandbox, client, later):
    """A 503 and then the same again, whose answer was lost: two rows with the same body, one of them free."""
    sandbox.faults.add("status", status=503, times=1)
    sandbox.faults.add("reset", charge=True)
    fast = sandbox.make_client(sleep=lambda _: None)
    with pytest.warns(PartialResultWarning):
        crustframe.enrich(people(4), fields=NAME, client=fast)
    fast.close()

    assert (4, 4.0) == (len((settled := resolved_later(sandbox, later)).charged), settled.credits_lost)


def test_a_request_lost_twice_and_charged_once_frees_nobody(sandbox, client, later):
    lose(sandbox, client, people(3), charge=False)
    lose(sandbox, client, people(3), charge=True, on_doubt="resend")

    settled = resolved_later(sandbox, later)

    assert 3.0 == settled.credits_lost == sandbox.credits_spent
    with pytest.warns(PartialResultWarning):
        assert 3 == crustframe.enrich(people(3), fields=NAME, client=later).report.statuses["in_doubt"]
    assert 3.0 == sandbox.credits_spent


def test_the_very_same_request_of_somebody_else_leaves_the_doubt_open(sandbox, client, later, tmp_path):
    lose(sandbox, client, people(3), charge=True)
    colleague = another(sandbox, tmp_path)
    crustframe.enrich(people(3), fields=NAME, client=colleague)

    assert 3 == len(resolved_later(sandbox, later).untold)
    colleague.close()


def test_time_and_number_of_the_older_log_prove_nothing(tmp_path):
    """It tells no request: a row of that size may be a stranger's, and two like rows may be swapped."""
    with crustframe.sandbox(requests_per_minute=None, account_api="earlier") as sandbox:
        lose(sandbox, sandbox.client, people(10), charge=False)
        colleague = another(sandbox, tmp_path)
        crustframe.enrich(people(10, 500), fields=NAME, client=colleague)
        crustframe.enrich(people(10, 700), fields=NAME, client=colleague)
        later = sandbox.make_client()

        assert 10 == len(resolved_later(sandbox, later).untold)

        lose(sandbox, sandbox.client, people(7, 900), charge=True)
        settled = resolved_later(sandbox, later)
        assert (17, 0.0) == (len(settled.untold), settled.credits_lost)
        assert 17 == later.ledger.spent_today()
        for client in (colleague, later):
            client.close()


@pytest.mark.parametrize("off_s", [-7200.0, -420.0, 60.0, 7200.0])
@pytest.mark.parametrize("charge", [True, False])
def test_a_clock_that_is_off_changes_no_verdict(sandbox, off_s, charge):
    """The row is known by what the request asked, not by when."""
    wrong = sandbox.make_client(clock=lambda: time.time() + off_s)
    lose(sandbox, wrong, people(5), charge=charge)
    wrong.close()
    later = sandbox.make_client(clock=lambda: time.time() + off_s)

    settled = resolved_later(sandbox, later)

    assert ((0, 5) if charge else (5, 0)) == (len(settled.uncharged), len(settled.charged))
    assert (5.0 if charge else 0.0) == settled.credits_lost == sandbox.credits_spent
    later.close()


# Whatever the log says or leaves out ---------------------------------------------------------------------------------


def log_of(rows, alone=None):
    """Return how a stand-in answers that loses every paid request and tells `rows` of it."""

    def answer(method, path, body):
        if method == "POST":
            return Said(502, b"<html>")
        if path.startswith("/account/usage/events?"):
            told = rows(stand_in_body[-1] if stand_in_body else None)
            return Said(200, {"events": told, "has_more": False, "next_cursor": None})
        return Said(200, alone(stand_in_body[-1])) if alone else Said(404, {"error": {"type": "not_found"}})

    stand_in_body: list = []

    def noting(method, path, body):
        if method == "POST":
            stand_in_body.append(body)
        return answer(method, path, body)

    return noting


def row(**facts):
    plain = {"event_id": "e-1", "ts": datetime.now(UTC).isoformat(), "endpoint": "/person/enrich", "status": 200}
    return {**plain, "credits_used": 3, "client_surface": "api", "api_key_id": None, **facts}


def settled_against(tmp_path, rows, alone=None):
    with standing_in(log_of(rows, alone)) as api:
        client = Client(api_key=KEY, base_url=api.url, ledger=tmp_path / "l.sqlite3", sleep=lambda _: None)
        with pytest.warns(PartialResultWarning):
            crustframe.enrich(people(3), fields=NAME, client=client)
        client.close()
        later = Client(api_key=KEY, base_url=api.url, ledger=tmp_path / "l.sqlite3")
        api.ahead_s += 120
        found = resolve(later)
        later.close()
    return found


def test_no_figure_is_never_free(tmp_path):
    found = settled_against(tmp_path, lambda _: [row(credits_used=None)], lambda sent: row(request=sent))

    assert (3, []) == (len(found.untold), found.uncharged)


def test_no_figure_in_the_older_shape_is_never_free(tmp_path):
    old = {"event_id": "e-1", "created_at": datetime.now(UTC).isoformat(), "endpoint": "/person/enrich"}
    found = settled_against(tmp_path, lambda _: [{**old, "status": 200, "credits": None, "identifier_count": 3}])

    assert (3, []) == (len(found.untold), found.uncharged)


@pytest.mark.parametrize(
    "spelled",
    [
        lambda sent: sent,
        lambda sent: {"body": sent, "query": {}, "path": {}},
        lambda sent: {**sent, "fields": ",".join(reversed(sent["fields"])), "preview": False},
        lambda sent: {**sent, "professional_network_profile_urls": sent["professional_network_profile_urls"][::-1]},
    ],
)
def test_the_request_is_known_in_whatever_form_it_is_told(tmp_path, spelled):
    found = settled_against(tmp_path, lambda _: [row()], lambda sent: row(request=spelled(sent)))

    assert (3, 3.0) == (len(found.charged), found.credits_lost)


@pytest.mark.parametrize(
    "told",
    [
        lambda sent: row(request=None),
        lambda sent: row(request={"body": "<cut at 32 KB>"}),
        lambda sent: row(request={"professional_network_profile_urls": sent["professional_network_profile_urls"][:2]}),
    ],
)
def test_a_request_that_the_log_does_not_tell_settles_nothing(tmp_path, told):
    """Time and number fit, and still it may be somebody else's: neither charged nor free."""
    assert 3 == len(settled_against(tmp_path, lambda _: [row()], told).untold)


def test_the_log_is_read_within_the_window_of_the_doubts_and_a_row_is_looked_at_once(sandbox, client, later):
    lose(sandbox, client, people(30), charge=True)
    asked = []
    get = later.transport.get
    later.transport.get = lambda path, params=None: (asked.append((path, params)), get(path, params))[1]

    resolved_later(sandbox, later)

    lists = [params for path, params in asked if path == "/account/usage/events"]
    assert all("start" in params for params in lists)
    assert len(asked) <= 1 + 2 + 1  # the list, each of the two requests, and nothing else of this surface


def test_a_spent_window_is_waited_for(tmp_path):
    """60 questions a minute: the 61st waits for the server's own reset, and nothing is given up."""
    with crustframe.sandbox(speed=20.0) as sandbox:
        slept = []
        client = sandbox.make_client(sleep=lambda s: (slept.append(s), time.sleep(s / 20))[1])
        log = usage_log(client)
        for _ in range(62):
            list(log.events(sandbox.now() - 60))
        client.close()
    assert any(slept)


# Bills by parts ----------------------------------------------------------------------------------------------------


@pytest.fixture
def dear():
    """A sandbox whose jobs cost twice the list."""
    with crustframe.sandbox(requests_per_minute=None, speed=900.0, job_seconds=30.0) as running:
        running.jobs.price_factor = 2.0
        yield running


def test_what_a_part_cost_prices_other_combinations(dear):
    """Business e-mails and phones were billed together at twice the list; either alone is planned at that price."""
    client = dear.client
    crustframe.contacts(people(20), kinds=["business_email", "phone_numbers"], client=client)

    plans = {kind: crustframe.plan_contacts(people(1, 400), kinds=[kind], client=client).credits_high
             for kind in ("business_email", "phone_numbers", "personal_emails")}  # fmt: skip

    assert {"business_email": 2.0, "phone_numbers": 4.0, "personal_emails": 2.0} == plans
    spent = dear.credits_spent
    crustframe.contacts(people(40, 400), kinds=["phone_numbers"], max_credits=160, client=client)
    assert dear.credits_spent - spent <= 160


def test_a_job_teaches_the_price_of_wider_plans(dear):
    client = dear.client
    crustframe.enrich(people(10), fields=NAME, route="job", client=client)

    wider = crustframe.plan(people(1, 400), fields=[*NAME, *PHONE], client=client)

    assert 2.0 + 3.0 == wider.credits_high  # the base as billed, phones by the list, at most with a base credit


def test_the_account_tells_a_plan_what_calls_were_billed(sandbox, client):
    sandbox.faults.add("overcharge", factor=3.0)
    crustframe.enrich(people(10), fields=EMAIL, client=client)
    before = crustframe.plan(people(1, 400), fields=[*EMAIL, *PHONE], client=client).credits_high

    after = crustframe.plan(people(1, 400), fields=[*EMAIL, *PHONE], prices="account", client=client)

    assert (4.0, 3.0 + 3.0 + 2.0) == (before, after.credits_high)
    assert after.credits_high == crustframe.plan(people(1, 400), fields=[*EMAIL, *PHONE], client=client).credits_high


def test_the_older_log_teaches_no_parts_and_its_bills_are_read():
    with crustframe.sandbox(requests_per_minute=None, speed=900.0, job_seconds=30.0, account_api="earlier") as sandbox:
        sandbox.jobs.price_factor = 2.0
        found = crustframe.enrich(people(10), fields=NAME, route="job", client=sandbox.client)

        assert found.report.credits == sandbox.credits_spent == 20.0
        wider = crustframe.plan(people(1, 400), fields=[*NAME, *PHONE], client=sandbox.client)
        assert 2.0 + 3.0 == wider.credits_high


def test_words_of_the_bill():
    assert {
        "person.business_email": "contact.business_emails",
        "person.phone_numbers": "contact.phone_numbers",
        "person.phone": "contact.phone_numbers",
        "person.something_new": "base",
    } == {word: part_of(word) for word in (
        "person.business_email", "person.phone_numbers", "person.phone", "person.something_new"
    )}  # fmt: skip


# Rights ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "code"), [("enabled", 0), ("not_enabled", 4), ("disabled", 4), ("beta", 0)])
def test_an_endpoint_that_the_account_lacks_is_wanting_in_either_word(tmp_path, status, code):
    def answer(method, path, body):
        if path == "/user/credits":
            return Said(200, {"credits": 10})
        listed = {"path": "/person/enrich", "category": "Person", "status": status, "effective_rate_limit_rpm": 7}
        return Said(200, {"endpoints": [{**listed, "fields": {"enabled": [], "disabled": []}}]})

    with standing_in(answer) as api:
        client = Client(api_key=KEY, base_url=api.url, ledger=tmp_path / "l.sqlite3")
        found = {finding.what: finding for finding in examine(client)}
        assert code == exit_code(found.values())
        if code:
            assert "/person/enrich" in found["rights"].said
            assert "vendor" in found["rights"].next_step
            with pytest.raises(PermissionDeniedError, match="/person/enrich"):
                crustframe.plan(people(1), fields=NAME, prices="account", client=client)
        else:
            assert 7 == crustframe.plan(people(1), fields=NAME, prices="account", client=client).requests_per_minute
        client.close()


# The server's time -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ahead_s", [0.0, 61.0, 7200.0])
def test_a_clock_that_ran_ahead_proves_no_absence(sandbox, client, ahead_s):
    """The log needs its minute by the server's own clock."""
    lose(sandbox, client, people(4), charge=False)
    ahead = sandbox.make_client(clock=lambda: time.time() + ahead_s)

    assert 4 == len(resolve(ahead).untold)
    assert 4 == len(resolved_later(sandbox, ahead).uncharged)
    ahead.close()


def test_a_request_of_unknown_time_had_left_when_the_log_is_first_read(sandbox, client):
    """Nothing was heard of the server before: this machine's clock says two hours, and that is nothing."""
    sandbox.faults.add("reset", charge=False)
    with pytest.warns(PartialResultWarning):
        crustframe.enrich(people(4), fields=NAME, client=client)
    later = sandbox.make_client(clock=lambda: time.time() + 7200)

    first = resolve(later)
    assert 4 == len(first.untold)
    assert "in a minute" in str(first)
    assert 4 == len(resolved_later(sandbox, later).uncharged)
    later.close()
