"""Answers become records: joined by what was asked, never by position; nobody gets another person's data."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crustframe.contract import BUSINESS_EMAIL, PROFILE_URL
from crustframe.errors import ResponseError
from crustframe.people.identifiers import Identifier, read_identifiers
from crustframe.people.records import Answer, read_answer, read_matches

URL = "professional_network_profile_url"
EMAIL = "business_email"


def people(*cells: str) -> list[Identifier]:
    found = read_identifiers(cells).unique
    assert len(cells) == len(found), "the test means different people"
    return found


def match(name: str, score: Any = 1.0, person_id: int | None = None) -> dict[str, Any]:
    person: dict[str, Any] = {"basic_profile": {"name": name}}
    if person_id is not None:
        person["crustdata_person_id"] = person_id
    return {"confidence_score": score, "person_data": person}


def item(matched_on: str, *matches: dict[str, Any], kind: str = URL) -> dict[str, Any]:
    return {"matched_on": matched_on, "match_type": kind, "matches": list(matches)}


def read(items: Any, asked: list[Identifier], **options: Any) -> Answer:
    return read_answer(json.dumps(items).encode(), asked, **options)


def names(answer: Answer) -> dict[str, list[str]]:
    """Whom the answer gives, by the slug or address that was asked for."""
    return {
        key.rpartition("/")[2]: [found["person_data"]["basic_profile"]["name"] for found in matches]
        for key, matches in answer.matches.items()
    }


ASKED = people("linkedin.com/in/avery", "linkedin.com/in/blake", "linkedin.com/in/casey")
A, B, C = (identifier.text for identifier in ASKED)


def test_items_are_joined_by_what_they_matched_on():
    answer = read([item(A, match("Avery")), item(B), item(C, match("Casey"), match("Cas"))], ASKED)

    assert {"avery": ["Avery"], "blake": [], "casey": ["Casey", "Cas"]} == names(answer)
    assert ([], 0) == (answer.missing, answer.unasked)


def test_order_of_the_items_does_not_matter():
    answer = read([item(C, match("Casey")), item(A, match("Avery")), item(B, match("Blake"))], ASKED)

    assert {"avery": ["Avery"], "blake": ["Blake"], "casey": ["Casey"]} == names(answer)


@pytest.mark.parametrize(
    "matched_on",
    [
        A + "/",
        A.upper(),
        "linkedin.com/in/avery",
        "http://de.linkedin.com/in/Avery/?x=y",
        " " + A,
        A.replace("a", "%61"),
    ],
)
def test_another_spelling_of_the_asked_one_is_the_asked_one(matched_on):
    answer = read([item(matched_on, match("Avery")), item(B), item(C)], ASKED)

    assert ["Avery"] == names(answer)["avery"]
    assert [] == answer.missing


def test_addresses_are_joined_whatever_their_case():
    asked = people("Avery.Stone@corp.example")

    answer = read([item("avery.stone@CORP.example", match("Avery"), kind=EMAIL)], asked)

    assert {"avery.stone@corp.example": ["Avery"]} == names(answer)


def test_a_missing_item_is_in_doubt_and_not_a_no_match():
    answer = read([item(A, match("Avery")), item(C)], ASKED)

    assert {"avery", "casey"} == set(names(answer))
    assert [ASKED[1]] == answer.missing


def test_a_stranger_is_put_aside():
    answer = read([item("linkedin.com/in/stranger", match("Stranger")), *map(item, (A, B, C))], ASKED)

    assert (1, []) == (answer.unasked, answer.missing)
    assert {"avery": [], "blake": [], "casey": []} == names(answer)


@pytest.mark.parametrize("matched_on", [None, 7, "", ["x"], {}, "junk", "avery", "linkedin.com/in/avery-2"])
def test_an_item_that_names_nobody_asked_is_never_given_by_its_position(matched_on):
    answer = read([item(matched_on, match("Stranger")), item(B, match("Blake")), item(C)], ASKED)

    assert {"blake": ["Blake"], "casey": []} == names(answer)
    assert [ASKED[0]] == answer.missing
    assert 1 == answer.unasked


def test_even_a_single_item_that_names_somebody_else_is_not_given():
    answer = read([item("linkedin.com/in/stranger", match("Stranger"))], ASKED[:1])

    assert ({}, ASKED[:1], 1) == (answer.matches, answer.missing, answer.unasked)


@pytest.mark.parametrize("entry", [None, 7, "text", [], [[]]])
def test_an_item_that_is_no_object_is_put_aside(entry):
    answer = read([entry, item(A), item(B), item(C)], ASKED)

    assert (1, []) == (answer.unasked, answer.missing)


def test_an_item_of_the_wrong_match_type_is_not_believed():
    answer = read([item(A, match("Avery"), kind=EMAIL), item(B), item(C)], ASKED)

    assert [ASKED[0]] == answer.missing


@pytest.mark.parametrize(
    "matches",
    [
        None,
        {},
        "x",
        7,
        [None],
        ["x"],
        [{}],
        [{"person_data": None}],
        [{"person_data": []}],
        [{"confidence_score": 1.0}],
        [match("Avery"), {"person_data": None}],
    ],
    ids=repr,
)
def test_matches_that_break_the_envelope_are_in_doubt_and_hurt_nobody_else(matches):
    broken = {"matched_on": A, "match_type": URL, "matches": matches}

    answer = read([broken, item(B, match("Blake")), item(C)], ASKED)

    assert {"blake": ["Blake"], "casey": []} == names(answer)
    assert [ASKED[0]] == answer.missing


def test_an_item_without_matches_at_all_is_in_doubt():
    answer = read([{"matched_on": A, "match_type": URL}, item(B), item(C)], ASKED)

    assert [ASKED[0]] == answer.missing


@pytest.mark.parametrize("first", [True, False])
def test_of_two_items_for_one_person_the_better_one_counts(first):
    full, empty = item(A, match("Avery")), item(A)
    two = [full, empty] if first else [empty, full]

    answer = read([*two, item(B), item(C)], ASKED)

    assert ["Avery"] == names(answer)["avery"]


def test_an_empty_array_without_a_bill_is_nobody_matched():
    assert {"avery": [], "blake": [], "casey": []} == names(read([], ASKED))
    assert [] == read([], ASKED, credits=0.0).missing


def test_an_empty_array_with_a_bill_is_everybody_in_doubt():
    answer = read([], ASKED, credits=3.0)

    assert ({}, ASKED) == (answer.matches, answer.missing)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"null",
        b"{}",
        b'{"results": []}',
        b'"text"',
        b"7",
        b"[",
        b'[{"matched_on": "x"',
        b"<html></html>",
        b"\xff\xfe",
        b"[NaN]",
        b"[1e]",
        b'["\xff"]',
        b"[" * 100_000,
        b"\x1f\x8b\x08",
    ],
    ids=lambda body: repr(body[:20]),
)
def test_a_body_that_is_not_the_promised_array_is_refused_and_may_have_been_charged(body):
    with pytest.raises(ResponseError, match="may have been charged") as raised:
        read_answer(body, ASKED)

    assert "unknown" == raised.value.charged


def test_half_an_emoji_in_one_profile_puts_nobody_in_doubt():
    """A headline that was cut in the middle of a UTF-16 pair comes as a lone surrogate; 25 people are paid for."""
    answer = read([item(A, match("Avery \ud83d")), item(B, match("Blake")), item(C)], ASKED)

    assert ["Blake"] == names(answer)["blake"]
    assert [] == answer.missing


def test_a_byte_order_mark_is_no_fault():
    body = b"\xef\xbb\xbf" + json.dumps([item(A, match("Avery"))]).encode()

    assert {"avery": ["Avery"]} == names(read_answer(body, ASKED[:1]))


@given(st.binary(max_size=200))
def test_garbage_is_refused_or_read_and_gives_nobody_anything(body):
    try:
        answer = read_answer(body, ASKED)
    except ResponseError:
        return
    assert not any(answer.matches.values())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["matched_on", "match_type", "matches", "person_data", "confidence_score", "x"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=300)
@given(JSON, st.sampled_from([None, 0.0, 2.0]))
def test_any_json_is_refused_or_leaves_everybody_answered_or_in_doubt(items, credits):
    try:
        answer = read(items, ASKED, credits=credits)
    except ResponseError:
        return
    missing = {identifier.key for identifier in answer.missing}
    assert {identifier.key for identifier in ASKED} == missing | set(answer.matches)
    assert not missing & set(answer.matches)


# Nobody gets another person's data ------------------------------------------------------------------------------

SPELL = [
    lambda slug: f"https://www.linkedin.com/in/{slug}",
    lambda slug: f"https://www.linkedin.com/in/{slug}/",
    lambda slug: f"linkedin.com/in/{slug.upper()}",
    lambda slug: f"http://de.linkedin.com/in/{slug}?x=1",
    lambda slug: "https://www.linkedin.com/in/" + "".join(f"%{ord(letter):02X}" for letter in slug),
]
SLUGS = ["avery", "avery-1", "avery-2", "blake", "casey", "casey-stone", "drew", "strauss", "emery", "finley"]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_however_an_answer_is_mixed_everybody_gets_their_own(data):
    """Shuffled, doubled, with items left out, strangers put in, and every matched_on spelled anew."""
    asked = people(*(f"linkedin.com/in/{slug}" for slug in SLUGS))
    sent = data.draw(st.lists(st.sampled_from(SLUGS), max_size=14))
    strangers = data.draw(st.lists(st.sampled_from(["avery-3", "strau%C3%9F", "caseystone", "dre"]), max_size=3))
    items = [
        item(data.draw(st.sampled_from(SPELL))(slug), match(slug, data.draw(st.sampled_from([1.0, 0.5, None]))))
        for slug in sent
    ]
    items += [item(f"https://www.linkedin.com/in/{slug}", match("a stranger")) for slug in strangers]

    answer = read(data.draw(st.permutations(items)), asked, credits=1.0)

    assert {slug: [slug] for slug in sent} == names(answer)
    assert {slug for slug in SLUGS if slug not in sent} == {i.key.rpartition("/")[2] for i in answer.missing}
    assert len(strangers) == answer.unasked


# Scores --------------------------------------------------------------------------------------------------------


def scores(*given_: Any, kind: str = EMAIL, threshold: float | None = None) -> list[float | None]:
    matches, _ = read_matches([[match(str(n), score) for n, score in enumerate(given_)]], kind, threshold)
    return [found.confidence_score for found in matches]


@pytest.mark.parametrize(
    "score", [float("nan"), "0.9", 1.7, -0.1, True, None, [], {}, float("inf"), 10**400, "high"], ids=str
)
def test_a_score_that_is_none_never_passes_a_threshold(score):
    assert [None] == scores(score)
    assert [] == scores(score, threshold=0.1)


@pytest.mark.parametrize("score", [0, 1, 0.5, 1.0, 0.0])
def test_a_score_from_0_to_1_is_itself(score):
    assert [score] == scores(score)


def test_a_missing_score_is_none():
    found, _ = read_matches([[{"person_data": {}}]], EMAIL, None)

    assert found[0].confidence_score is None


def test_the_threshold_itself_passes_and_what_was_left_out_is_counted():
    matches, left_out = read_matches([[match("a", 0.8), match("b", 0.79), match("c", 0.9)]], EMAIL, 0.8)

    assert [0.9, 0.8] == [found.confidence_score for found in matches]
    assert 1 == left_out


def test_a_threshold_is_for_addresses_only():
    assert [0.2, None] == scores(0.2, "0.9", kind=URL, threshold=0.9)


def test_candidates_come_best_first_and_equals_as_they_came():
    matches, _ = read_matches([[match("a", 0.5), match("b", 0.9), match("c", None), match("d", 0.9)]], EMAIL, None)

    assert ["b", "d", "a", "c"] == [found.person_data["basic_profile"]["name"] for found in matches]


def test_sections_bought_apart_are_put_together_by_person_and_not_by_rank():
    """Two purchases of one address may list the candidates in another order."""
    newer = [match("Avery", 0.9, person_id=1), match("Blake", 0.5, person_id=2)]
    older = [
        {
            "confidence_score": 0.9,
            "person_data": {"crustdata_person_id": 2, "contact": {"phone_numbers": ["+1 Blake"]}},
        },
        {
            "confidence_score": 0.5,
            "person_data": {"crustdata_person_id": 1, "contact": {"phone_numbers": ["+1 Avery"]}},
        },
    ]

    matches, _ = read_matches([newer, older], EMAIL, None)

    told = {m.person_data["basic_profile"]["name"]: m.person_data["contact"]["phone_numbers"] for m in matches}
    assert {"Avery": ["+1 Avery"], "Blake": ["+1 Blake"]} == told


def test_a_candidate_that_only_one_purchase_knows_takes_nothing_from_another_person():
    """The older answer's first candidate is somebody else: their phone number must not move over."""
    newer = [match("Avery", 0.9, person_id=1)]
    older = [{"confidence_score": 0.9, "person_data": {"crustdata_person_id": 2, "contact": {"phone_numbers": ["+1"]}}}]

    matches, _ = read_matches([newer, older], EMAIL, None)

    assert "contact" not in matches[0].person_data


def test_kinds_of_contact_bought_apart_are_put_together():
    newer = [{"confidence_score": 1.0, "person_data": {"crustdata_person_id": 1, "contact": {"phone_numbers": ["+1"]}}}]
    older = [
        {"confidence_score": 1.0, "person_data": {"crustdata_person_id": 1, "contact": {"websites": ["x.example"]}}}
    ]

    matches, _ = read_matches([newer, older], URL, None)

    assert {"phone_numbers": ["+1"], "websites": ["x.example"]} == matches[0].person_data["contact"]


def test_where_both_purchases_have_a_section_the_newer_counts():
    matches, _ = read_matches([[match("New", person_id=1)], [match("Old", person_id=1)]], URL, None)

    assert "New" == matches[0].person_data["basic_profile"]["name"]


# Answers of two purchases ------------------------------------------------------------------------------------------


def candidate(name, **facts):
    return {"confidence_score": 0.9, "person_data": {"basic_profile": {"name": name}, **facts}}


def contact_of(name, **facts):
    return {"confidence_score": 0.9, "person_data": {"contact": {"business_emails": [name]}, **facts}}


def handle(slug):
    return {
        "social_handles": {"professional_network_identifier": {"profile_url": f"https://www.linkedin.com/in/{slug}"}}
    }


def emails_by_name(found, kind):
    matches, _ = read_matches(found, kind, None)
    return {
        match.person_data["basic_profile"]["name"]: match.person_data.get("contact", {}).get("business_emails")
        for match in matches
    }


def test_candidates_without_ids_are_never_joined_by_their_place():
    newest, older = [candidate("Ann"), candidate("Ben")], [contact_of("ben@"), contact_of("ann@")]

    assert {"Ann": None, "Ben": None} == emails_by_name([newest, older], BUSINESS_EMAIL)


@pytest.mark.parametrize(
    "facts", [lambda n: {"crustdata_person_id": n}, lambda n: {"person_id": n}, lambda n: handle(f"p{n}")]
)
def test_candidates_are_joined_by_who_they_are(facts):
    newest = [candidate("Ann", **facts(1)), candidate("Ben", **facts(2))]
    older = [contact_of("ben@", **facts(2)), contact_of("ann@", **facts(1))]

    assert {"Ann": ["ann@"], "Ben": ["ben@"]} == emails_by_name([newest, older], BUSINESS_EMAIL)


@pytest.mark.parametrize(
    ("newest", "older", "emails"),
    [
        ({}, {}, ["ann@"]),  # the only one behind one profile URL
        ({"crustdata_person_id": 1}, {}, ["ann@"]),
        ({"crustdata_person_id": 1}, {"crustdata_person_id": 2}, None),
        (handle("ann"), handle("ann-2"), None),
    ],
)
def test_the_only_one_behind_a_profile_url_is_one_unless_something_says_otherwise(newest, older, emails):
    found = [[candidate("Ann", **newest)], [contact_of("ann@", **older)]]

    assert {"Ann": emails} == emails_by_name(found, PROFILE_URL)
