"""Verdicts: every cell of the documented table, a labelled set with its figures, and the filter."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pandas as pd
import pytest

import crustframe
from crustframe.api import person, screener
from crustframe.errors import SettingError
from crustframe.people import verdict
from crustframe.people.identifiers import Identifier, read_identifiers
from crustframe.people.records import Match
from crustframe.people.verdict import REASONS, Verdict, judge
from crustframe.verbs.enrichment import enrich, matches

pytestmark = pytest.mark.filterwarnings(
    "ignore::crustframe.RetirementWarning", "ignore::crustframe.PartialResultWarning"
)

PAIRS = Path(__file__).parent / "data" / "pairs.csv"
LABELS = Path(__file__).parent / "data" / "match_labels.csv"
PAGE = Path(__file__).parents[2] / "docs" / "matches.md"
NAME = {"fields": ["basic_profile.name as name"]}


def read(text: str) -> Identifier:
    return read_identifiers([text]).unique[0]


def profile(name="Jane Smith", now=("corp.example",), before=(), url=None, employer="Elsewhere", listed=()):
    """A profile; ``None`` among the domains is an employer whose domain did not come along."""

    def jobs(domains):
        return [{"name": employer, "company_website_domain": domain} for domain in domains]

    data = {
        "basic_profile": {"name": name},
        "experience": {"employment_details": {"current": jobs(now), "past": jobs(before)}},
        "contact": {"business_emails": [{"email": address} for address in listed]},
        "social_handles": {"professional_network_identifier": {"profile_url": url}},
    }
    return Match(0.9, data)


def judged(text, *found):
    return judge(read(text), found, person.Options.evidence)


# The table ---------------------------------------------------------------------------------------------------------

DOMAINS = {
    "domain_current": {"now": ["corp.example"]},
    "domain_past": {"now": ["new.example"], "before": ["corp.example"]},
    "domain_related": {"now": ["corp-group.example"]},
    "domain_unknown": {"now": [], "before": []},
    "domain_elsewhere": {"now": ["new.example"], "before": [None]},
}
NAMES = {
    "name_fits": ("jane.smith", "Jane Smith"),
    "name_partly": ("js", "Jane Smith"),
    "name_unreadable": ("jane.smith", "太郎 山田"),
    "name_differs": ("carla.weber", "Jane Smith"),
    "shared_mailbox": ("sales-team", "Jane Smith"),
}
HEADS = ("name_fits", "name_partly", "name_differs", "shared_mailbox")


def documented():
    """Read the table of the module's docstring."""
    for line in (verdict.__doc__ or "").splitlines():
        if line.startswith("``") and len(line.split()) == 5:
            domain, *words = line.split()
            yield from ((domain.strip("`"), name, word) for name, word in zip(HEADS, words, strict=True))


TABLE = [*documented()]
TABLE += [(domain, "name_unreadable", word) for domain, name, word in TABLE if name == "name_partly"]


@pytest.mark.parametrize(("domain", "name", "word"), [row for row in TABLE if row[0] != "free_mail"])
def test_table(domain, name, word):
    handle, shown = NAMES[name]

    assert [Verdict(word, (domain, name))] == judged(f"{handle}@corp.example", profile(shown, **DOMAINS[domain]))


@pytest.mark.parametrize(("domain", "name", "word"), [row for row in TABLE if row[0] == "free_mail"])
def test_free_mail(domain, name, word):
    """Such cells are refused before anything is sent; a ledger of another origin may hold some."""
    handle, shown = NAMES[name]
    asked = Identifier("business_email", f"{handle}@gmail.com", f"{handle}@gmail.com")

    assert [Verdict(word, (domain, name))] == judge(asked, [profile(shown)], person.Options.evidence)


def test_the_table_is_whole():
    assert 30 == len(TABLE)
    assert {name for _, name, _ in TABLE} | {domain for domain, _, _ in TABLE} <= set(REASONS)


@pytest.mark.parametrize(
    ("domain", "now", "employer", "reason"),
    [
        ("mail.corp.example", ["corp.example"], "", "domain_current"),
        ("corp.example", ["www.Corp.example"], "", "domain_current"),
        ("corp.co.uk", ["corp.com"], "", "domain_current"),
        ("eu.corp.com.br", ["corp.de"], "", "domain_current"),
        ("co.uk", ["co.jp"], "", "domain_elsewhere"),
        ("notcorp.example", ["corp.example"], "", "domain_elsewhere"),
        ("corp-group.com", ["corp.com"], "", "domain_related"),
        ("getcorp.io", ["corp.com"], "", "domain_related"),
        ("corpus.com", ["cor.com"], "", "domain_elsewhere"),
        ("willow.example", ["wf-holding.example"], "Willow & Söhne GmbH", "domain_related"),
        ("wf.example", ["food.example"], "Willow Foods Inc.", "domain_related"),
        ("willow-europe.example", [None], "Willow GmbH", "domain_related"),
        ("willow.example", [None], "", "domain_unknown"),
        ("willow.example", [None], "Tidal Labs", "domain_elsewhere"),
    ],
)
def test_domains(domain, now, employer, reason):
    """Countries and sub-domains are of one house; what has a company's name may be of another."""
    [found] = judged(f"jane.smith@{domain}", profile(now=now, employer=employer))

    assert reason == found.reasons[0]


@pytest.mark.parametrize(
    ("handle", "word", "reasons"),
    [
        ("ext.jane.smith", "accept", ("domain_current", "name_fits", "outsider")),
        ("jsmith-external", "accept", ("domain_current", "name_fits", "outsider")),
        ("jane.smith.contractor+x", "accept", ("domain_current", "name_fits", "outsider")),
        ("c-jane.smith", "review", ("domain_current", "name_fits", "outsider_letter")),
        ("j-smith", "accept", ("domain_current", "name_fits")),
        ("ext.carla.weber", "reject", ("domain_current", "name_differs", "outsider")),
    ],
)
def test_marks_of_outsiders(handle, word, reasons):
    """They are told and taken off; a letter may as well be an initial."""
    assert [Verdict(word, reasons)] == judged(f"{handle}@corp.example", profile())


def test_an_address_on_the_profile():
    """Whoever carries it is the person, whatever name they bear by now; not so a mailbox of many."""
    born, shared = "jane.keller@old.example", "info@corp.example"

    assert [Verdict("accept", ("address_listed", "domain_elsewhere", "name_differs"))] == judged(
        born, profile(listed=[born.title()])
    )
    assert ["review"] == [found.word for found in judged(shared, profile(listed=[shared]))]


def test_an_address_on_one_of_several_profiles():
    """It tells two of one name apart; on both it tells nothing."""
    text = "jsmith@corp.example"
    one, other = profile("Jane Smith", listed=[text]), profile("John Smith")

    assert ["accept", "review"] == [found.word for found in judged(text, one, other)]
    assert ["review", "review"] == [found.word for found in judged(text, one, one)]


@pytest.mark.parametrize(
    "data",
    [
        {"business_email": ["Jane@old.example"]},
        {"current_employers": [{"business_emails": {"jane@old.example": {"verification_status": ""}}}]},
        {"personal_contact_info": {"personal_emails": ["jane@old.example"]}},
    ],
)
def test_an_address_on_a_legacy_profile(data):
    [found] = judge(read("jane@old.example"), [Match(None, data)], screener.Options.evidence)

    assert "accept" == found.word


def test_close_candidates():
    """Two who fit alike are nobody's accept; one far behind takes nothing away."""
    twins = judged("jsmith@corp.example", profile("Jane Smith"), profile("John Smith"))
    clear = judged("jane.smith@corp.example", profile("Jane Smith"), profile("John Smith"))

    assert [Verdict("review", ("domain_current", "name_fits", "close_candidates"))] * 2 == twins
    assert Verdict("accept", ("domain_current", "name_fits")) == clear[0]


@pytest.mark.parametrize(
    ("asked", "returned", "name", "expected"),
    [
        ("jane-smith-1a2b", "jane-smith-1a2b", "Jane Smith", ("accept", "slug_same")),
        ("zo%C3%AB-x", "zoë-x/", "Zoë", ("accept", "slug_same")),
        ("jane-smith-1a2b", "jane-keller", "Jane Smith", ("accept", "slug_renamed", "name_fits")),
        ("jane-smith-1a2b", "jane-keller", "Carla Weber", ("review", "slug_renamed", "name_differs")),
        ("77", "jane", "Jane Smith", ("review", "slug_renamed", "name_unreadable")),
        ("ACoAA" + "x" * 34, "jane-smith", "Jane Smith", ("review", "slug_unknown")),
        ("jane-smith", None, "Jane Smith", ("review", "slug_unknown")),
    ],
)
def test_profile_urls(asked, returned, name, expected):
    url = returned and f"https://www.linkedin.com/in/{returned}"

    [found] = judged(f"https://www.linkedin.com/in/{asked}", profile(name, url=url))

    assert expected == (found.word, *found.reasons)


@pytest.mark.parametrize(
    ("handle", "is_shared"),
    [("info", True), ("support-team", True), ("hr2", True), ("sales+eu", True), ("jane.sales", False), ("", False)],
)
def test_shared_mailboxes(handle, is_shared):
    assert is_shared == verdict.is_shared(handle)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"basic_profile": None},
        {"basic_profile": {"name": 7}},
        {"experience": []},
        {"experience": {"employment_details": "x"}},
    ],
)
@pytest.mark.parametrize("options", [person.Options, screener.Options])
def test_profiles_of_any_shape(options, data):
    """What was not bought or came broken is no reason to believe or to doubt."""
    [found] = judge(read("jane@corp.example"), [Match(None, data)], options.evidence)

    assert Verdict("review", ("domain_unknown", "name_unreadable")) == found


# The labelled set --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def labelled():
    """60 addresses, what the sandbox answers to them, and what we say about it; whatever the surface."""
    labels = pd.read_csv(LABELS)
    with crustframe.sandbox(requests_per_minute=None) as sandbox:
        found = enrich(labels, "email", **NAME, provenance="full", client=sandbox.client).frame
        legacy = enrich(labels, "email", ["name"], api="screener", provenance="full", client=sandbox.client).frame
        assert 60 + 180 == sandbox.credits_spent
        for column in ("crust.match_verdict", "crust.match_reasons"):
            assert found[column].tolist() == legacy[column].tolist()
        yield found


def figures(found: pd.DataFrame) -> dict[str, float]:
    right = found["case"] == "right_person"
    wrong = found["case"].isin(["same_name_stranger", "wrong_company"])
    accepted, rejected = (found["crust.match_verdict"] == word for word in ("accept", "reject"))
    return {
        "precision": float(right[accepted].mean()),
        "recall": float(accepted[right].mean()),
        "rejected wrong": float(rejected[wrong].mean()),
        "rejected right": float(rejected[right].mean()),
    }


def test_precision_and_recall(labelled):
    found = figures(labelled)
    print("\n" + pd.crosstab(labelled["case"], labelled["crust.match_verdict"]).to_string())
    print(", ".join(f"{name} {value:.2f}" for name, value in found.items()))

    assert 60 == len(labelled)
    assert found["precision"] >= 0.95
    assert found["recall"] >= 0.55
    assert found["rejected wrong"] >= 0.94
    assert found["rejected right"] <= 0.16


@pytest.mark.parametrize(("case", "word"), [("ex_employee", "review"), ("shared_mailbox", "review")])
def test_what_a_person_should_look_at(labelled, case, word):
    assert {word} == set(labelled.loc[labelled["case"] == case, "crust.match_verdict"])


def test_reasons_are_a_closed_set(labelled):
    codes = {code for text in labelled["crust.match_reasons"] for code in text.split("; ")}

    assert codes <= set(REASONS)
    assert all(re.fullmatch(r"[a-z_]+", code) for code in codes)


# Pairs of an address and a person --------------------------------------------------------------------------------


def came_back(pair: pd.Series) -> Match:
    """The profile of a pair; employers stand as ``name=domain``, past ones after a minus."""
    current, past = [], []
    for text in filter(None, pair["employers"].split(";")):
        name, _, domain = text.removeprefix("-").partition("=")
        (past if text.startswith("-") else current).append({"name": name, "company_website_domain": domain or None})
    data = {
        "basic_profile": {"name": pair["name"]},
        "experience": {"employment_details": {"current": current, "past": past}},
        "contact": {"personal_emails": [{"email": pair["listed"]}]},
    }
    return Match(0.9, data)


PARTS = {"open": "open part", "aside": "set aside"}


@pytest.fixture(scope="module")
def pairs() -> pd.DataFrame:
    found = pd.read_csv(PAIRS, keep_default_na=False)
    asked = [Identifier("business_email", text, text) for text in found["email"]]  # a free-mail one is among them
    given = [
        judge(one, [came_back(pair)], person.Options.evidence)
        for one, (_, pair) in zip(asked, found.iterrows(), strict=True)
    ]
    return found.assign(word=[one.word for [one] in given])


def test_the_pairs_are_those_of_the_script():
    made = [*runpy.run_path(str(PAIRS.with_name("make_pairs.py")))["rows"]()]

    assert made == [*pd.read_csv(PAIRS, keep_default_na=False).itertuples(index=False, name=None)]
    assert len(made) >= 400
    assert f"On {len(made)} invented pairs" in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("part", PARTS)
def test_strangers_and_right_people(pairs, part):
    """No stranger is accepted who can be told apart, and few right people are thrown away."""
    judged = pairs[(pairs["part"] == part) & (pairs["kind"] != "twin")]
    strangers, right = (judged.loc[judged["who"] == who, "word"] for who in ("stranger", "right"))
    for who, words in (("the right person", right), ("a stranger", strangers)):
        counts = [str((words == word).sum()) for word in ("accept", "review", "reject")]
        row = f"| {who} ({PARTS[part]}: {len(words)}) | {' | '.join(counts)} |"
        assert row in PAGE.read_text(encoding="utf-8")

    assert len(judged) >= 150
    assert 0 == (strangers == "accept").sum()
    assert (right == "reject").mean() <= 0.02
    assert (right == "accept").mean() >= 0.85


# The filter --------------------------------------------------------------------------------------------------------

CELLS = ["jane.smith@corp.example", "jane.smith@left-corp.example", "jane.smith@other-corp.example", "x"]


@pytest.mark.parametrize(
    ("least", "statuses"),
    [
        (None, ["matched", "matched", "matched", "invalid"]),
        ("review", ["matched", "matched", "no_match", "invalid"]),
        ("accept", ["matched", "no_match", "no_match", "invalid"]),
    ],
)
def test_min_verdict(sandbox, client, least, statuses):
    """What is left out was paid for all the same, and is free when the filter is taken away."""
    found = enrich(CELLS, **NAME, min_verdict=least, provenance="full", client=client).frame

    assert statuses == found["crust.status"].tolist()
    assert {"below_verdict"} >= set(found.loc[found["crust.status"] == "no_match", "crust.reason"])
    assert [s == "matched" for s in statuses] == found["name"].notna().tolist()
    assert [s == "matched" for s in statuses] == found["crust.match_verdict"].notna().tolist()
    assert 3 == sandbox.credits_spent
    assert ["matched"] * 3 == enrich(CELLS, **NAME, client=client).frame["crust.status"].tolist()[:3]
    assert 3 == sandbox.credits_spent


def test_min_verdict_must_be_known(client):
    with pytest.raises(SettingError, match="accept, review"):
        enrich(CELLS, **NAME, min_verdict="sure", client=client)


def test_verdicts_come_with_full_provenance_only(client):
    assert "crust.match_verdict" not in enrich(CELLS, **NAME, client=client).frame


# All candidates ----------------------------------------------------------------------------------------------------

SEVERAL = ["bruno.castillo@nimbus.example", "jane.smith@corp.example", "bruno.castillo@nimbus.example"]


@pytest.mark.parametrize(("api", "field"), [("person", "basic_profile.name as name"), ("screener", "name")])
def test_matches_are_read_from_the_ledger(sandbox, client, api, field):
    """One row per candidate, best first, each with its verdict; nothing is sent."""
    leads = pd.DataFrame({"email": SEVERAL})
    assert leads.crust.matches("email", [field], api=api, client=client).empty
    bought = enrich(leads, "email", [field], api=api, client=client)
    calls, credits = sandbox.calls, sandbox.credits_spent

    found = leads.crust.matches("email", [field], api=api, client=client)

    assert [1, 2, 3, 1] == found["crust.rank"].tolist()
    assert ["review", "review", "review", "accept"] == found["crust.match_verdict"].tolist()
    assert ["Bruno Castillo", "Jane Smith"] == found.loc[found["crust.rank"] == 1, "name"].tolist()
    assert found["crust.confidence_score"][:3].is_monotonic_decreasing
    pd.testing.assert_frame_equal(found, bought.matches)
    assert (calls, credits) == (sandbox.calls, sandbox.credits_spent)


def test_matches_keep_to_thresholds(client):
    enrich(["avery.stone@corp.example"], **NAME, client=client)

    def names(**limits):
        return matches(["avery.stone@corp.example"], **NAME, client=client, **limits)["name"].tolist()

    assert ["Avery Stone", "Amara Stone"] == names()
    assert ["Avery Stone"] == names(min_similarity_score=0.9) == names(min_verdict="accept")


def test_matches_need_no_key(tmp_path):
    with crustframe.Client(ledger=tmp_path / "none.sqlite3") as client:
        assert matches(SEVERAL, **NAME, client=client).empty
    assert not (tmp_path / "none.sqlite3").exists()
