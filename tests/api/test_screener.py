"""The legacy surface as a client: the same records, ledger, plan and statuses, in its own words and prices."""

from __future__ import annotations

import json
import time

import orjson
import pandas as pd
import pytest

import crustframe
from crustframe import contract
from crustframe.api import person, screener
from crustframe.errors import BudgetError, FieldError, PermissionDeniedError, ResponseError, SettingError
from crustframe.fields import catalogue
from crustframe.fields.legacy import CURRENT_PATHS, WITHOUT, plain
from crustframe.people.identifiers import read_identifiers
from crustframe.shell import cli
from crustframe.verbs.enrichment import enrich, plan

pytestmark = pytest.mark.filterwarnings(
    "ignore::crustframe.RetirementWarning", "ignore::crustframe.PartialResultWarning"
)

STATUS = "crust.status"
SITE = "https://www.linkedin.com/in/"
FULL = {"api": "screener", "provenance": "full"}
SIXTY = [f"{SITE}p{n}-example" for n in range(60)]


def people(*cells):
    return read_identifiers(cells).unique


# Both surfaces, one answer -----------------------------------------------------------------------------------------

GATED = (*contract.gated_fields(), *contract.gated_screener_fields())
IS_CONTAINER = {"object", "array<object>"}
PAIRS = [(old, new) for old, new in CURRENT_PATHS.items() if screener.catalogue().fields[old].type not in IS_CONTAINER]


@pytest.fixture(scope="module")
def both():
    """The same 60 people, every pair of paths that mean the same, from either surface."""
    with crustframe.sandbox(requests_per_minute=None, grant=GATED) as sandbox:
        old = enrich(SIXTY, fields=[_first(name) for name, _ in PAIRS], api="screener", client=sandbox.client)
        new = enrich(SIXTY, fields=list(dict.fromkeys(path for _, path in PAIRS)), client=sandbox.client)
        assert sandbox.credits_spent == old.report.credits + new.report.credits
        yield old.frame, new.frame


def _first(path):
    return f"{path}[0]" if path.endswith(("employer_company_id", "employer_company_website_domain")) else path


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_pairs_mean_the_same(both, old, new):
    """Years against dates, 0 for an unknown position and places without a school are all that differs in the values."""
    legacy, current = both[0][_first(old)], both[1][new]
    if new.endswith("_year"):
        legacy = legacy.dt.year.astype("Int64")
    if "[*]" in new:  # there each school once, here each time and at its place
        current = current.map(_each_once, na_action="ignore")
    if new.endswith("position_id"):
        current = current.where(both[1][new.replace("position_id", "name")].isna() | current.notna(), 0)

    pd.testing.assert_series_equal(
        legacy.astype("string"), current.astype("string"), check_names=False, check_index_type=False
    )
    assert legacy.notna().any() or new.endswith("current.end_date")


def _each_once(joined):
    return "; ".join(text for text in dict.fromkeys(joined.split("; ")) if text)


def test_every_legacy_path_is_accounted_for():
    known = set(screener.catalogue().fields)

    assert known == set(CURRENT_PATHS) | set(WITHOUT)
    assert {plain(path) for path in CURRENT_PATHS.values()} <= set(catalogue().fields)


# Rows and statuses -------------------------------------------------------------------------------------------------


def test_rows_are_joined_by_slug(sandbox, client):
    """The answer comes in an order of its own, with failures among it; spellings share one object."""
    cells = [SITE + "p2-example", "linkedin.com/in/P1-Example/", "", "junk", SITE + "nobody-x", SITE + "zoë-example"]
    [*direct] = enrich(cells, fields=["basic_profile.name as name"], client=client).frame["name"]

    found = enrich(cells, fields=["name"], client=client, **FULL)

    assert direct == found.frame["name"].tolist()
    assert ["matched", "matched", "blank", "invalid", "failed", "matched"] == found.frame["crust.status"].tolist()
    assert "queued" == found.frame["crust.reason"][4]
    assert 1 == found.report.calls
    assert 9 == found.report.credits
    assert 3 + 9 == sandbox.credits_spent


def test_queued_people_are_asked_for_again_after_an_hour():
    """Within it they are not: it would be told the same. Nobody pays for waiting."""
    cells = [SITE + "queued-example", SITE + "nobody-example"]
    with crustframe.sandbox(requests_per_minute=None, speed=7200) as sandbox:
        first, second = (enrich(cells, fields=["name"], client=sandbox.client, **FULL) for _ in range(2))
        time.sleep(0.7)
        third = enrich(cells, fields=["name"], client=sandbox.client, **FULL)

        assert ["queued", "queued"] == first.frame["crust.reason"].tolist() == second.frame["crust.reason"].tolist()
        assert [1, 0, 1] == [found.report.calls for found in (first, second, third)]
        assert ["matched", "no_match"] == third.frame["crust.status"].tolist()
        assert 3 == third.report.credits == sandbox.credits_spent


@pytest.mark.parametrize(
    ("slug", "flags", "status", "reason"),
    [
        ("nobody-example", {"enrich_realtime": True}, "no_match", None),
        ("unreadable-example", {"enrich_realtime": True}, "failed", "unreadable"),
        ("queued-example", {}, "failed", "queued"),
        ("queued-example", {"enrich_realtime": True}, "matched", None),
    ],
)
@pytest.mark.parametrize("others", [0, 2])
def test_outcomes(client, slug, flags, status, reason, others):
    """Alone an outcome is a status of its own, in a list an object among others: the row says the same."""
    cells = [SITE + slug, *SIXTY[:others]]

    found = enrich(cells, fields=["name"], client=client, **FULL, **flags).frame

    assert status == found["crust.status"][0]
    assert reason == (None if found["crust.reason"].isna()[0] else found["crust.reason"][0])
    assert ["matched"] * others == found["crust.status"].tolist()[1:]


def test_an_internal_failure_leaves_the_others_alone(sandbox, client):
    cells = [SITE + "broken-example", SITE + "p1-example"]

    found = enrich(cells, fields=["name"], client=client, enrich_realtime=True, **FULL).frame

    assert [("failed", "server_error"), ("matched", None)] == [
        (row["crust.status"], None if pd.isna(row["crust.reason"]) else row["crust.reason"])
        for _, row in found.iterrows()
    ]
    assert 5 == sandbox.credits_spent


def test_an_internal_failure_of_one_is_tried_again(sandbox):
    """500 costs nothing, so it is sent four times in all; then the row says that the server failed."""
    patient = sandbox.make_client(jitter=lambda: 0.0)

    found = enrich([SITE + "broken-example"], fields=["name"], client=patient, enrich_realtime=True, **FULL).frame

    assert ("failed", "server_error") == tuple(found.loc[0, ["crust.status", "crust.reason"]])
    assert 4 == sandbox.calls
    patient.close()


def test_no_data_without_words(sandbox, client):
    """A 422 without a body is read as nobody, as other clients of the surface do."""
    sandbox.faults.add("status", status=422, body="")

    assert ["no_match"] == enrich(SIXTY[:1], fields=["name"], api="screener", client=client).frame[STATUS].tolist()


def test_a_refusal_that_names_somebody_costs_the_others_nothing(sandbox, client):
    text = f"Field 'linkedin_profile_url': Invalid LinkedIn URL format: {SIXTY[1]}"
    sandbox.faults.add("status", status=400, body=json.dumps({"error": text}), times=1)

    found = enrich(SIXTY[:3], fields=["name"], client=client, **FULL).frame

    assert ["matched", "invalid", "matched"] == found[STATUS].tolist()
    assert "refused_by_server" == found["crust.reason"][1]
    assert 2 == sandbox.calls


def test_an_address_that_only_the_server_refuses(sandbox, client):
    found = enrich(["jane@city.govt.nz", "jane.smith@corp.example"], fields=["name"], client=client, **FULL).frame

    assert ["invalid", "matched"] == found[STATUS].tolist()
    assert 3 == sandbox.credits_spent


def test_a_field_that_is_not_granted():
    """Needed, it ends the run before a credit is spent."""
    with crustframe.sandbox(requests_per_minute=None, denied_fields=["certifications"]) as sandbox:
        with pytest.raises(PermissionDeniedError) as refused:
            enrich(SIXTY[:3], fields=["certifications.name"], api="screener", client=sandbox.client)

        assert ("certifications",) == refused.value.denied_fields
        assert 0 == sandbox.credits_spent


def test_left_out_of_the_answer_is_in_doubt(sandbox, client):
    sandbox.faults.add("drop_item", identifier="p1-example")

    found = enrich(SIXTY[:3], fields=["name"], api="screener", client=client)

    assert ["matched", "in_doubt", "matched"] == found.frame["crust.status"].tolist()
    assert 3 == found.report.credits_at_risk


def test_no_answer_is_in_doubt_and_not_sent_again(sandbox, client):
    sandbox.faults.add("reset", charge=True, times=1)

    first = enrich(SIXTY[:2], fields=["name"], api="screener", client=client)
    second = enrich(SIXTY[:2], fields=["name"], api="screener", client=client)

    assert {"in_doubt"} == set(first.frame["crust.status"]) == set(second.frame["crust.status"])
    assert 0 == second.report.calls
    assert 6 == sandbox.credits_spent


# Ledger ------------------------------------------------------------------------------------------------------------


def test_a_second_run_is_free(sandbox, client):
    enrich(SIXTY, fields=["name"], api="screener", client=client)

    again = enrich(SIXTY, fields=["title", "education_background.institute_name"], client=client, **FULL)

    assert {"ledger"} == set(again.frame["crust.source"])
    assert 0 == again.report.credits
    assert 180 == sandbox.credits_spent
    assert 3 == sandbox.calls


def test_surfaces_never_answer_for_each_other(sandbox, client):
    """Neither people nor nobodies: each is asked for on its own surface."""
    cells = [SITE + "p1-example", SITE + "nobody-example"]
    legacy = enrich(cells, fields=["name"], enrich_realtime=True, client=client, **FULL)

    current = enrich(cells, client=client, provenance="full")

    assert {"api"} == set(legacy.frame["crust.source"]) == set(current.frame["crust.source"])
    assert ["matched", "no_match"] == legacy.frame["crust.status"].tolist() == current.frame["crust.status"].tolist()
    assert 5 + 1 == sandbox.credits_spent


def test_an_e_mail_bought_alone_joins_the_profile(sandbox, client):
    """2 credits, not 5; what the trimmed employers lack is taken from the whole ones."""
    enrich([SIXTY[1]], fields=["name"], api="screener", client=client)
    fields = ["business_email", "current_employers.business_emails"]

    alone = enrich([SIXTY[1]], fields=fields, api="screener", client=client)
    whole = enrich([SIXTY[1]], fields=["name", "current_employers.employee_title", *fields], client=client, **FULL)

    assert 2 == alone.report.credits
    assert 0 == whole.report.credits
    assert whole.frame.iloc[0][["name", "current_employers.employee_title", "business_email"]].notna().all()


# Money -------------------------------------------------------------------------------------------------------------

PRICES = [
    (["name"], {}, 3),
    (["name"], {"enrich_realtime": True}, 5),
    (["name", "business_email"], {}, 5),
    (["name", "business_email"], {"enrich_realtime": True}, 7),
    (["business_email"], {}, 2),
    (["business_email"], {"enrich_realtime": True}, 2),
    (["personal_contact_info.personal_emails"], {}, 5),
    (["name"], {"preview": True}, 0),
]


@pytest.mark.parametrize(("fields", "flags", "credits"), PRICES)
def test_plan_and_meter_agree(fields, flags, credits):
    """The plan names the price of the seed; the meter charges no more."""
    with crustframe.sandbox(requests_per_minute=None, preview=True, grant=GATED) as sandbox:
        made = plan(SIXTY[:20], fields=fields, api="screener", client=sandbox.client, **flags)
        found = enrich(SIXTY[:20], fields=fields, api="screener", client=sandbox.client, **flags)

        assert credits == made.price
        assert 20 * credits == made.credits_high
        assert found.report.credits == sandbox.credits_spent <= made.credits_high
        assert credits == 0 or sandbox.credits_spent > 0


def test_ceiling(sandbox, client):
    with pytest.raises(BudgetError):
        enrich(SIXTY, fields=["name"], api="screener", max_credits=100, client=client)
    assert 0 == sandbox.calls

    cut = enrich(SIXTY, fields=["name"], api="screener", max_credits=100, partial=True, client=client)

    assert 99 == cut.report.credits == sandbox.credits_spent
    assert 27 == cut.report.statuses["not_run"]


def test_e_mails_go_one_to_a_request(sandbox, client):
    """No documented key says which address an object is about, so none shares a request with another."""
    cells = ["jane.smith@corp.example", "bruno.castillo@nimbus.example", "nobody@corp.example"]

    made = plan(cells, fields=["name"], api="screener", client=client)
    found = enrich(cells, fields=["name"], client=client, **FULL)

    assert 3 == made.calls == sandbox.calls
    assert ["Jane Smith", "Bruno Castillo"] == found.frame["name"].tolist()[:2]
    assert ["matched", "matched", "failed"] == found.frame["crust.status"].tolist()
    assert 6 == sandbox.credits_spent


def test_the_threshold_is_held_here(sandbox, client):
    """The surface takes none: candidates are paid for, kept, and left out of the row."""
    found = enrich(["petra.g@corp.example"], fields=["name"], min_similarity_score=0.5, client=client, **FULL)

    assert ("no_match", "below_threshold") == tuple(found.frame.loc[0, ["crust.status", "crust.reason"]])
    assert 3 == sandbox.credits_spent
    again = enrich(["petra.g@corp.example"], fields=["name"], client=client, **FULL)
    assert ["matched"] == again.frame["crust.status"].tolist()
    assert 3 == sandbox.credits_spent


def test_plan_says_what_the_current_surface_would_cost(client):
    made = plan(SIXTY, fields=["title", "all_employers"], api="screener", client=client)

    text = str(made)
    assert "credits a person               3        1" in text
    assert "credits at most              180       60" in text
    assert "without a counterpart there: all_employers" in text
    assert contract.SCREENER_RETIRED_ON in text
    assert not plan(SIXTY, client=client).notes


# What is sent, what is read ----------------------------------------------------------------------------------------


def test_the_request(sandbox, client):
    enrich(SIXTY[:2], fields=["name"], api="screener", client=client)

    [seen] = sandbox.requests
    assert {"linkedin_profile_url": ",".join(SIXTY[:2])} == seen["body"]
    assert contract.VERSION_HEADER not in seen["headers"]


@pytest.mark.parametrize(
    ("groups", "query"),
    [
        ({"basic_profile", "profile"}, {}),
        ({"business_email"}, {"fields": "business_email"}),
        ({"preview"}, {"preview": "true"}),
    ],
)
def test_query(groups, query):
    asked = people("linkedin.com/in/a-b")

    sent = screener.request_query(asked, screener.Options(frozenset(groups)))

    assert {"linkedin_profile_url": SITE + "a-b", **query} == sent


def test_query_with_what_is_not_default():
    """Then every default name must be spelled out, or it would not come."""
    options = screener.Options(screener.BASE | {"certifications", "education_background.activities_and_societies"})

    names = screener.request_query(people("linkedin.com/in/a-b"), options)["fields"].split(",")

    assert {"name", "current_employers", "certifications", "education_background.degree_name"} <= set(names)
    assert "education_background" not in names
    assert len(set(names)) == len(names)


def test_force_fetch_brings_realtime_along():
    """The surface refuses one without the other."""
    query = screener.request_query(people("linkedin.com/in/a-b"), screener.Options(screener.BASE, force_fetch=True))

    assert ("true", "true") == (query["force_fetch"], query["enrich_realtime"])


PROFILE = {"name": "A", "query_linkedin_profile_urn_or_slug": ["a-b"]}
A, B = SITE + "a-b", SITE + "c-d"


@pytest.mark.parametrize(
    ("body", "matched", "failures", "missing"),
    [
        ([PROFILE, {**PROFILE, "query_linkedin_profile_urn_or_slug": ["C-D"]}], {A: 1, B: 1}, {}, []),
        ([{**PROFILE, "query_linkedin_profile_urn_or_slug": ["c-d", "a-b"]}], {A: 1, B: 1}, {}, []),
        ([PROFILE], {A: 1}, {}, [B]),
        ([PROFILE, PROFILE, {"name": "?"}, 7], {A: 1}, {}, [B]),
        (
            [PROFILE, {"error": "x. Data will be enriched shortly.", "linkedin_profile_url": B}],
            {A: 1},
            {B: "queued"},
            [],
        ),
        ([PROFILE, {"error": f"No data found: {B}.", "linkedin_profile_url": B}], {A: 1, B: 0}, {}, []),
        ([], {A: 0, B: 0}, {}, []),
    ],
)
def test_read(body, matched, failures, missing):
    answer = screener.Options(frozenset()).read(orjson.dumps(body), people(A, B), credits=None)

    assert matched == {key: len(found) for key, found in answer.matches.items()}
    assert failures == answer.failures
    assert missing == [identifier.key for identifier in answer.missing]


@pytest.mark.parametrize("body", [b"", b"{}", b"[", b"<html>", b'"x"', b"null"])
def test_read_refuses_what_is_no_answer(body):
    with pytest.raises(ResponseError):
        screener.Options(frozenset()).read(body, people(A, B), credits=3)


# Front ends --------------------------------------------------------------------------------------------------------


def test_one_warning(client):
    with pytest.warns(crustframe.RetirementWarning, match=contract.SCREENER_RETIRED_ON) as caught:
        enrich([A], fields=["name"], api="screener", enrich_realtime=True, client=client)

    assert 1 == len(caught)
    assert __file__ == caught[0].filename


def test_accessor(client):
    leads = pd.DataFrame({"url": SIXTY[:3]}, index=[7, 7, 9])

    found = leads.crust.enrich("url", api="screener", client=client)

    assert ["url", "name", "headline", "title", "current_employers.employer_name", "location"] == list(found)[:6]
    assert [7, 7, 9] == found.index.tolist()
    assert 3 == leads.crust.plan("url", api="screener", client=client).known
    assert 3 == len(leads.url.crust.matches(["name"], api="screener", client=client))


@pytest.mark.parametrize("name", ["basic_profile.name", "nmae", "error"])
def test_paths_of_the_other_surface_are_refused(sandbox, client, name):
    with pytest.raises(FieldError, match="is not a path of a legacy profile"):
        enrich([A], fields=[name], api="screener", client=client)
    assert 0 == sandbox.calls


def test_unknown_surface(client):
    with pytest.raises(SettingError, match="person, screener"):
        enrich([A], api="crm", client=client)


def test_shell(tmp_path, monkeypatch, capfd):
    """--api, --min-verdict and --matches; the warning is a line of the plan, not a traceback's cousin."""
    source, output, candidates = tmp_path / "leads.csv", tmp_path / "out.csv", tmp_path / "matches.csv"
    source.write_text("email\nbruno.castillo@nimbus.example\njane.smith@corp.example\n")
    arguments = ["enrich", str(source), "--field", "name", "--api", "screener", "--min-verdict", "review", "-o"]
    options = ["--matches", str(candidates), "--sandbox", "--ledger", str(tmp_path / "ledger.sqlite3")]
    monkeypatch.setattr("sys.argv", ["crustframe", *arguments, str(output), *options])

    with pytest.raises(SystemExit) as ended:
        cli.main()

    said = capfd.readouterr().err
    assert 0 == ended.value.code
    assert ["Bruno Castillo", "Jane Smith"] == pd.read_csv(output)["name"].tolist()
    assert {1, 2, 3} == set(pd.read_csv(candidates)["crust.rank"])
    assert 1 == said.count("retiring: ")
    assert "Warning" not in said


def test_plan_as_json(tmp_path, monkeypatch, capfd):
    source = tmp_path / "leads.csv"
    source.write_text(f"url\n{A}\n")
    monkeypatch.setattr("sys.argv", ["crustframe", "plan", str(source), "--api", "screener", "--sandbox", "--json"])

    with pytest.raises(SystemExit):
        cli.main()

    assert 3 == json.loads(capfd.readouterr().out)["credits_high"]


def test_the_current_surface_is_unchanged():
    """What its options say of price and body."""
    options = person.Options(frozenset({"basic_profile", "contact.phone_numbers"}), min_similarity_score=0.5)

    body = json.loads(person.request_body(people("jane.smith@corp.example"), options))

    assert 3 == options.price
    assert {"business_emails", "fields", "min_similarity_score"} == set(body)


# One account, one book ---------------------------------------------------------------------------------------------


def test_the_standing_ceiling_counts_both_surfaces(sandbox, client):
    client.ledger.set_daily_ceiling(10)
    enrich(SIXTY[:4], client=client)

    found = enrich(SIXTY, fields=["name"], api="screener", partial=True, client=client)

    assert {"matched": 2, "not_run": 58} == {name: n for name, n in found.report.statuses.items() if n}
    assert 4 + 6 == sandbox.credits_spent


@pytest.mark.parametrize("how", ["linkedin_flagship_url", "person_id", "business_email"])
def test_forgetting_reaches_legacy_answers(client, how):
    """By whatever an answer tells of the person, under whichever identifier they were bought."""
    bought = "jane.smith@corp.example"
    told = enrich([bought], fields=[how], keep="asked", api="screener", client=client).frame.loc[0, how]

    client.ledger.forget([str(told)])

    assert 0 == plan([bought], fields=["name"], api="screener", client=client).known
