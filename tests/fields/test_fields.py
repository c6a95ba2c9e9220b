"""Dot paths: what can be asked, what it costs, which type comes back, and how to pick inside lists."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crustframe import contract
from crustframe.api.surfaces import SURFACES
from crustframe.errors import ConfigurationError, FieldError
from crustframe.fields import (
    DEFAULT_FIELDS,
    catalogue,
    describe,
    needed_groups,
    read_paths,
    requested_groups,
)
from crustframe.fields.synonyms import SYNONYMS

CURRENT = "experience.employment_details.current"
SKILLS = "skills.professional_network_skills"
DOCUMENTED = [entry for entry in contract.person_fields() if "enrich" in entry["present_in"]]
ELSEWHERE = [entry for entry in contract.person_fields() if "enrich" not in entry["present_in"]]

# Design: text is string, whole numbers Int64, and so on; an object is told as JSON, and a list is joined.
DTYPES = {
    "string": "string",
    "integer": "Int64",
    "number": "Float64",
    "boolean": "boolean",
    "datetime": "datetime64[us, UTC]",
    "date": "datetime64[us, UTC]",
    "object": "string",
    "array<string>": "string",
    "array<object>": "string",
}


def one(asked, **options):
    (path,) = read_paths([asked], **options)
    return path


def price(*fields: str) -> float:
    """Credits of one matched person if these are asked for."""
    return contract.price_of(requested_groups(read_paths(fields)))


@pytest.mark.parametrize("entry", DOCUMENTED, ids=lambda entry: entry["path"])
def test_a_documented_path_can_be_asked_and_has_the_documented_type(entry):
    path = one(entry["path"].replace("[]", ""))

    assert entry["path"].replace("[]", "") == path.name == path.field.path
    assert DTYPES[entry["type"]] == path.dtype


@pytest.mark.parametrize("entry", DOCUMENTED, ids=lambda entry: entry["path"])
def test_a_documented_path_can_be_asked_as_the_documents_write_it(entry):
    """The reference writes list[] where the request writes list; both are read."""
    assert entry["path"].replace("[]", "") == one(entry["path"]).field.path


@pytest.mark.parametrize("entry", ELSEWHERE, ids=lambda entry: entry["path"])
def test_a_path_of_another_endpoint_is_refused(entry):
    """By name, but for ``metadata``, which is also the end of two paths that can be asked."""
    with pytest.raises(FieldError, match=r"not returned by person enrich|fits 2 paths: professional_network\.metadata"):
        one(entry["path"].replace("[]", ""))


def test_the_default_fields_can_be_asked_and_cost_the_base_credit_only():
    assert DEFAULT_FIELDS == tuple(path.name for path in read_paths(DEFAULT_FIELDS))
    assert 1 == price(*DEFAULT_FIELDS)


GRAMMAR = [
    # asked, name, steps, reduction, dtype
    ("basic_profile.name", "basic_profile.name", ("basic_profile", "name"), None, "string"),
    ("crustdata_person_id", "crustdata_person_id", ("crustdata_person_id",), None, "Int64"),
    ("  basic_profile.name  ", "basic_profile.name", ("basic_profile", "name"), None, "string"),
    ("basic_profile.name as who", "who", ("basic_profile", "name"), None, "string"),
    ("basic_profile.name AS Full name", "Full name", ("basic_profile", "name"), None, "string"),
    (f"{CURRENT}.title", f"{CURRENT}.title", (*CURRENT.split("."), 0, "title"), None, "string"),
    (f"{CURRENT}[0].title", f"{CURRENT}[0].title", (*CURRENT.split("."), 0, "title"), None, "string"),
    (f"{CURRENT}[-1].title", f"{CURRENT}[-1].title", (*CURRENT.split("."), -1, "title"), None, "string"),
    (f"{CURRENT}[3].title as t", "t", (*CURRENT.split("."), 3, "title"), None, "string"),
    (f"{CURRENT}[*].title", f"{CURRENT}[*].title", (*CURRENT.split("."), None, "title"), "join", "string"),
    (f"{CURRENT}[].title", f"{CURRENT}[*].title", (*CURRENT.split("."), None, "title"), "join", "string"),
    (
        f"{CURRENT}[*].title | count",
        f"{CURRENT}[*].title | count",
        (*CURRENT.split("."), None, "title"),
        "count",
        "Int64",
    ),
    (f"{CURRENT} | count as jobs", "jobs", (*CURRENT.split("."), None), "count", "Int64"),
    (f"{CURRENT} as jobs | count", "jobs", (*CURRENT.split("."), None), "count", "Int64"),
    (CURRENT, CURRENT, (*CURRENT.split("."), None), "json", "string"),
    (f"{CURRENT}[0]", f"{CURRENT}[0]", (*CURRENT.split("."), 0), "json", "string"),
    (f"{CURRENT} | list", f"{CURRENT} | list", (*CURRENT.split("."), None), "list", "object"),
    (SKILLS, SKILLS, (*SKILLS.split("."), None), "join", "string"),
    (f"{SKILLS}[*]", f"{SKILLS}[*]", (*SKILLS.split("."), None), "join", "string"),
    (f"{SKILLS}[0]", f"{SKILLS}[0]", (*SKILLS.split("."), 0), None, "string"),
    (f"{SKILLS}[-1] as last", "last", (*SKILLS.split("."), -1), None, "string"),
    (f"{SKILLS}|JOIN", f"{SKILLS} | join", (*SKILLS.split("."), None), "join", "string"),
    (f"{SKILLS} | json", f"{SKILLS} | json", (*SKILLS.split("."), None), "json", "string"),
    ("basic_profile.location", "basic_profile.location", ("basic_profile", "location"), "json", "string"),
    (
        "dev_platform_profiles[*].repos[*].topics as topics",
        "topics",
        ("dev_platform_profiles", None, "repos", None, "topics", None),
        "join",
        "string",
    ),
    (
        "dev_platform_profiles.repos[-1].stars as stars",
        "stars",
        ("dev_platform_profiles", 0, "repos", -1, "stars"),
        None,
        "Int64",
    ),
    (
        f"{CURRENT}[*].start_date | list as starts",
        "starts",
        (*CURRENT.split("."), None, "start_date"),
        "list",
        "object",
    ),
]


@pytest.mark.parametrize(("asked", "name", "steps", "reduction", "dtype"), GRAMMAR, ids=[row[0] for row in GRAMMAR])
def test_the_grammar(asked, name, steps, reduction, dtype):
    path = one(asked)

    assert (name, steps, reduction, dtype) == (path.name, path.steps, path.reduction, path.dtype)


@pytest.mark.parametrize(
    "asked",
    [
        "",
        " ",
        ".",
        "basic_profile.",
        ".name",
        "basic_profile..name",
        "basic_profile[0].name",
        "basic_profile.name[0]",
        f"{CURRENT}[x].title",
        f"{CURRENT}[1:2].title",
        f"{CURRENT}[0][0].title",
        f"{CURRENT}[*",
        f"{CURRENT}.title | join",
        f"{CURRENT}.title | count",
        "basic_profile.name | json",
        f"{SKILLS} | sum",
        f"{SKILLS} |",
        f"{SKILLS} as a | join as b",
        "basic_profile.name headline",
        "basic_profile name",
        None,
        7,
        b"basic_profile.name",
    ],
    ids=repr,
)
def test_what_the_grammar_does_not_know_is_refused_and_costs_nothing(asked):
    with pytest.raises(FieldError, match="Nothing was sent"):
        one(asked)


@pytest.mark.parametrize(
    ("suffix", "path"),
    [
        ("connections", "professional_network.connections"),
        ("repos.full_name", "dev_platform_profiles.repos.full_name"),
        ("twitter_identifier.slug", "social_handles.twitter_identifier.slug"),
        ("current[0].title", f"{CURRENT}.title"),
        ("professional_network_skills", SKILLS),
    ],
)
def test_a_suffix_that_fits_one_path_stands_for_it(suffix, path):
    found = one(suffix)

    assert path == found.field.path
    assert path == re.sub(r"\[.*?\]", "", found.name)


EVERYDAY = [
    "name",
    "first_name",
    "last_name",
    "full_name",
    "headline",
    "title",
    "job_title",
    "position",
    "role",
    "about",
    "summary",
    "bio",
    "location",
    "city",
    "state",
    "region",
    "country",
    "email",
    "mail",
    "work_email",
    "personal_email",
    "phone",
    "phone_number",
    "mobile",
    "linkedin",
    "linkedin_url",
    "profile_url",
    "twitter",
    "github",
    "photo",
    "picture",
    "skills",
    "languages",
    "company",
    "employer",
    "company_name",
    "current_company",
    "company_website",
    "domain",
    "industry",
    "company_size",
    "headcount",
    "seniority",
    "department",
    "function",
    "start_date",
    "school",
    "university",
    "college",
    "degree",
    "major",
    "education",
    "connections",
    "followers",
    "website",
    "id",
    "age",
    "gender",
    "salary",
    "birthday",
]


def test_words_that_people_type_are_taken():
    taken = []
    for word in EVERYDAY:
        with contextlib.suppress(FieldError):
            taken.append((word, one(word)))

    assert 55 <= len(taken)
    assert "basic_profile.name" == dict(taken)["name"].name
    assert ("contact.business_emails.email", 1.0) == (dict(taken)["email"].field.path, dict(taken)["email"].field.price)
    assert not {"age", "gender", "salary", "birthday"} & dict(taken).keys()


def test_every_word_stands_for_a_path_with_one_value_or_a_list_of_them():
    for word, path in SYNONYMS.items():
        assert one(path) == one(word.upper()), word


def test_a_word_can_be_named_and_reduced_like_a_path():
    found = one("skill as how_many | count")

    assert ("how_many", "skills.professional_network_skills", "Int64") == (found.name, found.field.path, found.dtype)


def test_the_legacy_surface_has_its_own_names():
    assert "name" == read_paths("name", known=SURFACES["screener"].catalogue())[0].field.path


def test_a_suffix_that_fits_two_paths_is_refused_with_both():
    with pytest.raises(FieldError, match="2 paths") as raised:
        one("location.continent")

    both = {f"{group}.location.continent" for group in ("basic_profile", "professional_network")}
    assert both == set(raised.value.candidates)
    assert all(path in str(raised.value) for path in raised.value.candidates)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("basic_profile.headlin", "basic_profile.headline"),
        ("basic_profile.heading", "basic_profile.headline"),
        ("basic_profil.name", "basic_profile.name"),
        ("professional_network.conections", "professional_network.connections"),
        ("conections", "professional_network.connections"),
        ("skills.professional_network_skill", SKILLS),
        ("contact.busines_emails", "contact.business_emails"),
    ],
)
def test_a_slip_of_the_keyboard_is_answered_with_what_was_meant(typed, meant):
    with pytest.raises(FieldError, match="did you mean") as raised:
        one(typed)

    assert meant in raised.value.candidates
    assert meant in raised.value.hint


def test_an_unknown_path_with_nothing_near_still_says_where_to_look():
    with pytest.raises(FieldError, match="crustframe fields") as raised:
        one("zzz")

    assert () == raised.value.candidates


def test_a_mapping_names_the_columns():
    paths = read_paths({"who": "basic_profile.name", "what": "basic_profile.headline as ignored"})

    assert ["who", "what"] == [path.name for path in paths]


def test_a_single_text_is_one_field():
    assert ["basic_profile.name"] == [path.name for path in read_paths("basic_profile.name")]


@pytest.mark.parametrize("fields", [[], (), {}])
def test_no_field_at_all_is_refused(fields):
    with pytest.raises(FieldError, match="No field"):
        read_paths(fields)


@pytest.mark.parametrize(
    "fields",
    [
        ["basic_profile.name", "basic_profile.name"],
        ["basic_profile.name as x", "basic_profile.headline as x"],
        ["basic_profile.name as crustdata_person_id", "crustdata_person_id"],
        ["connections", "professional_network.connections"],
    ],
)
def test_two_columns_of_one_name_are_refused(fields):
    with pytest.raises(FieldError, match="Two columns"):
        read_paths(fields)


def test_one_path_under_two_names_is_two_columns():
    assert ["a", "b"] == [p.name for p in read_paths(["basic_profile.name as a", "basic_profile.name as b"])]


@pytest.mark.parametrize(
    ("lists", "dtype"), [("join", "string"), ("json", "string"), ("count", "Int64"), ("list", "object")]
)
def test_lists_says_how_a_list_becomes_a_cell_where_the_path_does_not(lists, dtype):
    assert dtype == one(SKILLS, lists=lists).dtype
    assert "Int64" == one(f"{SKILLS} | count", lists=lists).dtype
    assert "string" == one("basic_profile.name", lists=lists).dtype


def test_an_unknown_way_with_lists_is_a_setting_to_mend():
    with pytest.raises(ConfigurationError, match="join, list, json, count"):
        read_paths(["basic_profile.name"], lists="sum")


# Money: the seeds' price list -----------------------------------------------------------------------------------

PRICES = [
    (["basic_profile.name"], 1),  # "Base profile is 1 credit"
    (["crustdata_person_id"], 1),
    (["experience", "education", "skills", "social_handles", "professional_network", "basic_profile"], 1),
    (["contact.websites"], 1),  # no add-on names it
    (["contact.business_emails.email"], 2),  # "+1 for business email"
    (["contact.personal_emails.email"], 3),  # "+2 for personal email"
    (["contact.phone_numbers"], 3),  # "+2 for phone"
    (["dev_platform_profiles.bio"], 2),  # "+1 for developer platform data"
    (["contact.business_emails.email", "contact.business_emails.status"], 2),
    (["contact.business_emails", "contact.phone_numbers"], 4),
    (["contact"], 6),
    (["contact", "dev_platform_profiles"], 7),  # "Maximum: 7 credits per profile"
]


@pytest.mark.parametrize(("fields", "credits"), PRICES, ids=[" ".join(row[0]) for row in PRICES])
def test_the_price_is_the_vendors_price_list(fields, credits):
    assert credits == price(*fields)


@pytest.mark.parametrize("entry", DOCUMENTED, ids=lambda entry: entry["path"])
def test_only_an_add_on_costs_more_than_the_base(entry):
    extra = {"base": 0, "gated": 0, "gated_on_search": 0, "business_email_addon": 1, "personal_email_addon": 2}
    extra |= {"phone_addon": 2, "dev_addon": 1, "contact_addon": 5}
    path = entry["path"].replace("[]", "")

    assert 1 + extra[entry["access"]] == price(path) == describe(catalogue().find(path))["credits"]


def test_base_columns_bring_every_base_group_and_no_paid_or_gated_one():
    groups = requested_groups(read_paths(["basic_profile.name"]))

    assert {"experience", "education", "skills", "contact.websites", "social_handles"} < groups
    assert not groups & {*contract.ADD_ON_PRICES, *contract.gated_fields(), "contact"}


def test_keep_asked_names_only_what_the_columns_need():
    paths = read_paths(["basic_profile.name", "dev_platform_profiles.bio"])

    assert {"basic_profile", "dev_platform_profiles"} == requested_groups(paths, "asked") == needed_groups(paths)


def test_a_paid_group_is_asked_by_its_own_name_and_never_by_the_whole_of_contact():
    """Asking for contact buys every kind of contact."""
    groups = requested_groups(read_paths(["contact.business_emails.email"]))

    assert "contact.business_emails" in groups
    assert not groups & {"contact", "contact.personal_emails", "contact.phone_numbers"}


@given(st.lists(st.sampled_from(sorted(catalogue().fields)), min_size=1, max_size=12, unique=True))
def test_no_choice_of_fields_costs_less_than_one_or_more_than_seven(fields):
    assert 1 <= price(*fields) <= 7


# Whatever comes ---------------------------------------------------------------------------------------------------


@given(st.text() | st.text("basic_profile.name[]*-01| ascount", max_size=40) | st.none() | st.integers())
def test_any_field_is_read_or_refused_and_nothing_else_happens(asked):
    try:
        (path,) = read_paths([asked])
    except FieldError:
        return
    assert path.field.path in catalogue().fields


def test_search_finds_by_every_word():
    paths = [field.path for field in catalogue().search("CONTACT status")]

    assert "contact.business_emails.status" in paths
    assert all("contact" in path for path in paths)
    assert len(DOCUMENTED) == len(catalogue().search())
