"""Records become columns: every type right, wrong and missing; a wrong value costs its own cell and is counted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crustframe.columns.expand import Expansion
from crustframe.fields import Path, catalogue, read_paths
from crustframe.people.records import Match, Record

CURRENT = "experience.employment_details.current"
SKILLS = "skills.professional_network_skills"
ALL_PATHS = sorted(catalogue().fields)


def put(person: Any, *fields: str) -> Expansion:
    expansion = Expansion(read_paths(fields), 1)
    expansion.put(0, Record("key", "matched", (Match(1.0, person),)))
    return expansion


def cell(person: Any, field: str) -> Any:
    """The cell that one field becomes; wrong types are no part of this."""
    expansion = put(person, field)
    assert {} == expansion.drift
    return expansion.columns[0][0]


def drift(person: Any, field: str) -> dict[tuple[str, str], int]:
    expansion = put(person, field)
    assert [[None]] == expansion.columns
    return dict(expansion.drift)


def nested(path: str, value: Any) -> Any:
    for name in reversed(path.split(".")):
        value = {name: value}
    return value


def jobs(*entries: Any) -> Any:
    return nested(CURRENT, list(entries))


def skills(*values: Any) -> Any:
    return nested(SKILLS, list(values))


def at(*when: int) -> datetime:
    return datetime(*when, tzinfo=UTC)  # type: ignore[misc,arg-type]


NAME, CONNECTIONS, UPDATED = "basic_profile.name", "professional_network.connections", "basic_profile.last_updated"
YEARS = f"{CURRENT}.years_at_company_raw"
DEFAULT = f"{CURRENT}.is_default"


@pytest.mark.parametrize(
    ("field", "person", "expected"),
    [
        (NAME, nested(NAME, "Avery Example"), "Avery Example"),
        (NAME, nested(NAME, " "), " "),
        (NAME, nested(NAME, "NULL"), "NULL"),
        ("crustdata_person_id", {"crustdata_person_id": 900001}, 900001),
        ("crustdata_person_id", {"crustdata_person_id": 2**53 + 1}, 2**53 + 1),
        ("crustdata_person_id", {"crustdata_person_id": 2**63 - 1}, 2**63 - 1),
        ("crustdata_person_id", {"crustdata_person_id": 7.0}, 7),
        (CONNECTIONS, nested(CONNECTIONS, 0), 0),
        (YEARS, jobs({"years_at_company_raw": 7.5}), 7.5),
        (YEARS, jobs({"years_at_company_raw": 0}), 0.0),
        (DEFAULT, jobs({"is_default": True}), True),
        (DEFAULT, jobs({"is_default": False}), False),
        ("basic_profile.location", nested("basic_profile.location", {"city": "Ä"}), '{"city":"Ä"}'),
    ],
)
def test_a_value_of_the_documented_type_is_kept_exactly(field, person, expected):
    found = cell(person, field)

    assert (type(expected), expected) == (type(found), found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-03T17:09:31.949863Z", at(2026, 3, 3, 17, 9, 31, 949863)),
        ("2026-03-03T17:09:31Z", at(2026, 3, 3, 17, 9, 31)),
        ("2019-01-01T00:00:00+00:00", at(2019, 1, 1)),
        ("2026-03-03T01:00:00+02:00", at(2026, 3, 2, 23)),
        ("2026-03-02T20:00:00-05:00", at(2026, 3, 3, 1)),
        ("2026-03-03T17:09:31.949", at(2026, 3, 3, 17, 9, 31, 949000)),
        ("2026-03-03T17:09:31", at(2026, 3, 3, 17, 9, 31)),
        ("2026-03-03", at(2026, 3, 3)),
        ("2026-03", at(2026, 3, 1)),
        ("2026", at(2026, 1, 1)),
    ],
)
def test_a_time_is_told_in_utc_to_the_microsecond(text, expected):
    found = cell(nested(UPDATED, text), UPDATED)

    assert expected == found
    assert UTC == found.tzinfo


@pytest.mark.parametrize(
    "text", ["soon", "2026-13-01", "03/03/2026", "2026-02-30", "0000", "9999-12-31T23:59:59-05:00", " "]
)
def test_a_text_that_is_no_time_is_left_empty_and_counted(text):
    assert {(UPDATED, "string"): 1} == drift(nested(UPDATED, text), UPDATED)


WRONG = [
    (NAME, 7, "integer"),
    (NAME, 1.5, "number"),
    (NAME, True, "boolean"),
    (NAME, ["Avery"], "array"),
    (NAME, {"first": "Avery"}, "object"),
    (NAME, [], "array"),
    (NAME, {}, "object"),
    (CONNECTIONS, "500", "string"),
    (CONNECTIONS, "500+", "string"),
    (CONNECTIONS, 1.5, "number"),
    (CONNECTIONS, True, "boolean"),
    (CONNECTIONS, 2**63, "integer"),
    (CONNECTIONS, -(2**63) - 1, "integer"),
    (CONNECTIONS, [500], "array"),
    (UPDATED, 1772557771, "integer"),
    (UPDATED, {}, "object"),
]


@pytest.mark.parametrize(("field", "value", "found"), WRONG)
def test_a_value_of_another_type_is_left_empty_and_counted(field, value, found):
    assert {(field, found): 1} == drift(nested(field, value), field)


@pytest.mark.parametrize("value", ["text", 7, True, ["x"], []])
def test_a_section_of_another_type_is_left_empty_and_counted(value):
    field = "basic_profile.location.city"

    assert {(field, {str: "string", int: "integer", bool: "boolean", list: "array"}[type(value)]): 1} == drift(
        nested("basic_profile.location", value), field
    )


@pytest.mark.parametrize("value", [{"title": "Engineer"}, "Engineer", 7])
def test_a_list_that_came_as_something_else_is_left_empty_and_counted(value):
    assert 1 == sum(drift(nested(CURRENT, value), f"{CURRENT}.title").values())
    assert 1 == sum(drift(nested(CURRENT, value), f"{CURRENT}[*].title").values())


@pytest.mark.parametrize(
    "field", [NAME, CONNECTIONS, UPDATED, YEARS, DEFAULT, f"{CURRENT}[*].title", SKILLS, "contact"]
)
@pytest.mark.parametrize("empty", [None, "", "no key"], ids=repr)
def test_null_the_empty_text_and_a_missing_key_are_no_value(field, empty):
    """At every depth: the value itself, and each section above it."""
    names = field.replace("[*]", "").split(".")
    for depth in range(1, len(names) + 1):
        above = ".".join(names[: depth - 1])
        inner: Any = {} if empty == "no key" else {names[depth - 1]: empty}
        person = nested(above, inner) if above else inner
        if names[depth - 1] in {"title", "years_at_company_raw", "is_default"}:
            person = jobs(inner)
        assert None is cell(person, field)


@pytest.mark.parametrize(
    "field", [f"{CURRENT}.title", f"{CURRENT}[0].title", f"{CURRENT}[-1].title", f"{CURRENT}[2].title"]
)
def test_an_empty_list_has_no_value(field):
    assert None is cell(jobs(), field)


def test_an_index_picks_and_none_takes_the_first():
    person = jobs({"title": "A"}, {"title": "B"}, {"title": "C"})

    assert "A" == cell(person, f"{CURRENT}.title")
    assert "A" == cell(person, f"{CURRENT}[0].title")
    assert "B" == cell(person, f"{CURRENT}[1].title")
    assert "C" == cell(person, f"{CURRENT}[-1].title")
    assert "A" == cell(person, f"{CURRENT}[-3].title")
    assert None is cell(person, f"{CURRENT}[3].title")
    assert None is cell(person, f"{CURRENT}[-4].title")
    assert "A; B; C" == cell(person, f"{CURRENT}[*].title")


def test_the_reductions_of_a_list_of_texts():
    person = skills("Python", "SQL; more", "Ünïcode")

    assert "Python; SQL; more; Ünïcode" == cell(person, SKILLS)
    assert 3 == cell(person, f"{SKILLS} | count")
    assert ["Python", "SQL; more", "Ünïcode"] == json.loads(cell(person, f"{SKILLS} | json"))
    assert ["Python", "SQL; more", "Ünïcode"] == cell(person, f"{SKILLS} | list")
    assert "Python" == cell(person, f"{SKILLS}[0]")


def test_the_reductions_of_an_empty_list():
    assert None is cell(skills(), SKILLS)
    assert 0 == cell(skills(), f"{SKILLS} | count")
    assert "[]" == cell(skills(), f"{SKILLS} | json")
    assert [] == cell(skills(), f"{SKILLS} | list")


@pytest.mark.parametrize("reduction", ["join", "count", "json", "list"])
def test_a_list_that_is_not_there_is_no_value_and_not_a_zero(reduction):
    assert None is cell({}, f"{SKILLS} | {reduction}")
    assert None is cell(nested(SKILLS, None), f"{SKILLS} | {reduction}")


def test_empty_elements_of_a_list_of_texts_are_left_out():
    person = skills("A", None, "", "C")

    assert "A; C" == cell(person, SKILLS)
    assert 2 == cell(person, f"{SKILLS} | count")
    assert ["A", "C"] == cell(person, f"{SKILLS} | list")
    assert '["A","C"]' == cell(person, f"{SKILLS} | json")


THREE_JOBS = jobs({"name": "A", "title": "x"}, {"name": "B"}, {"name": "C", "title": "z"})


def test_columns_over_one_list_keep_their_places():
    """The title of C is never told beside B."""
    assert ["A", "B", "C"] == cell(THREE_JOBS, f"{CURRENT}[*].name | list")
    assert ["x", None, "z"] == cell(THREE_JOBS, f"{CURRENT}[*].title | list")
    assert '["x",null,"z"]' == cell(THREE_JOBS, f"{CURRENT}[*].title | json")
    assert "x; ; z" == cell(THREE_JOBS, f"{CURRENT}[*].title")
    assert 2 == cell(THREE_JOBS, f"{CURRENT}[*].title | count")


@pytest.mark.parametrize("missing", [{}, {"title": None}, {"title": ""}, None, ""], ids=repr)
@pytest.mark.parametrize(
    ("at", "joined"), [(0, "; x; z"), (1, "x; ; z"), (2, "x; z; ")], ids=["first", "middle", "last"]
)
def test_whatever_is_missing_in_a_list_of_objects_leaves_its_place_empty(missing, at, joined):
    entries: list[Any] = [{"title": "x"}, {"title": "z"}]
    entries.insert(at, missing)

    titles = cell(jobs(*entries), f"{CURRENT}[*].title | list")

    assert [None] == titles[at : at + 1]
    assert ["x", "z"] == titles[:at] + titles[at + 1 :]
    assert joined == cell(jobs(*entries), f"{CURRENT}[*].title")


def test_a_section_that_is_missing_in_one_object_leaves_its_place_empty():
    person = jobs({"name": "A", "location": {"raw": "Here"}}, {"name": "B", "location": None}, {"name": "C"})

    assert ["Here", None, None] == cell(person, f"{CURRENT}[*].location.raw | list")
    assert [{"raw": "Here"}, None, None] == json.loads(cell(person, f"{CURRENT}[*].location"))


def test_a_whole_object_that_is_missing_leaves_its_place_empty_too():
    person = jobs({"title": "x"}, None, {"title": "z"})

    assert [{"title": "x"}, None, {"title": "z"}] == cell(person, f"{CURRENT} | list")
    assert ["x", None, "z"] == cell(person, f"{CURRENT}[*].title | list")
    assert 2 == cell(person, f"{CURRENT} | count")


def test_times_and_numbers_keep_their_places():
    person = jobs({"start_date": "2019-01-01", "position_id": 7}, {}, {"start_date": "2020", "position_id": 0})

    assert [at(2019, 1, 1), None, at(2020, 1, 1)] == cell(person, f"{CURRENT}[*].start_date | list")
    assert "2019-01-01T00:00:00Z; ; 2020-01-01T00:00:00Z" == cell(person, f"{CURRENT}[*].start_date")
    assert [7, None, 0] == cell(person, f"{CURRENT}[*].position_id | list")
    assert "[7,null,0]" == cell(person, f"{CURRENT}[*].position_id | json")


def test_a_value_that_no_object_of_the_list_has():
    """No text stands for nothing, but the columns beside it can still be unfolded together."""
    person = jobs({"name": "A"}, {"name": "B"})

    assert None is cell(person, f"{CURRENT}[*].title")
    assert 0 == cell(person, f"{CURRENT}[*].title | count")
    assert [None, None] == cell(person, f"{CURRENT}[*].title | list")
    assert "[null,null]" == cell(person, f"{CURRENT}[*].title | json")


def test_lists_in_lists_are_told_flat():
    person = {
        "dev_platform_profiles": [
            {"repos": [{"topics": ["a", "b"]}, {"topics": []}, {}]},
            {"repos": [{"topics": ["c"]}]},
        ]
    }

    assert "a; b; c" == cell(person, "dev_platform_profiles[*].repos[*].topics[*]")
    assert 3 == cell(person, "dev_platform_profiles[*].repos[*].topics | count")
    assert "a; b" == cell(person, "dev_platform_profiles.repos.topics")
    assert "c" == cell(person, "dev_platform_profiles[-1].repos[*].topics")


def test_columns_over_lists_in_lists_keep_their_places():
    person = {
        "dev_platform_profiles": [
            {"repos": [{"full_name": "a", "stars": 1}, {"full_name": "b"}]},
            {"repos": []},
            {},
            None,
            {"repos": [{"stars": 0}, None, {"full_name": "d", "stars": 4}]},
        ]
    }

    assert "a; b; ; ; d" == cell(person, "dev_platform_profiles[*].repos[*].full_name")
    assert [1, None, 0, None, 4] == cell(person, "dev_platform_profiles[*].repos[*].stars | list")


def test_other_types_are_joined_as_they_are_written():
    person = jobs(
        {
            "start_date": "2019-01-01T00:00:00+00:00",
            "is_default": True,
            "years_at_company_raw": 1.5,
            "position_id": 2**53 + 1,
        },
        {"start_date": "2020-02", "is_default": False, "years_at_company_raw": 2, "position_id": 3},
    )

    assert "2019-01-01T00:00:00Z; 2020-02-01T00:00:00Z" == cell(person, f"{CURRENT}[*].start_date")
    assert "true; false" == cell(person, f"{CURRENT}[*].is_default")
    assert "9007199254740993; 3" == cell(person, f"{CURRENT}[*].position_id")
    assert ["2019-01-01T00:00:00Z", "2020-02-01T00:00:00Z"] == json.loads(
        cell(person, f"{CURRENT}[*].start_date | json")
    )
    assert [9007199254740993, 3] == json.loads(cell(person, f"{CURRENT}[*].position_id | json"))
    assert [at(2019, 1, 1), at(2020, 2, 1)] == cell(person, f"{CURRENT}[*].start_date | list")


def test_one_wrong_element_of_a_list_is_left_out_alone():
    expansion = put(
        skills("A", 5, "C", {"name": "D"}), SKILLS, f"{SKILLS} | count", f"{SKILLS} | json", f"{SKILLS} | list"
    )

    assert [["A; ; C; "], [2], ['["A",null,"C",null]'], [["A", None, "C", None]]] == expansion.columns
    assert {(SKILLS, "integer"): 4, (SKILLS, "object"): 4} == expansion.drift  # by each of the four columns


def test_a_wrong_value_in_one_object_leaves_its_place_empty_and_no_other_column():
    expansion = put(
        jobs({"title": "A", "is_default": True}, {"title": 7, "is_default": False}, "Engineer", {"title": "D"}),
        f"{CURRENT}[*].title | list",
        DEFAULT,
    )

    assert [[["A", None, None, "D"]], [True]] == expansion.columns
    assert {(f"{CURRENT}.title", "integer"): 1, (f"{CURRENT}.title", "string"): 1} == expansion.drift


def test_wrong_elements_are_counted_one_by_one():
    expansion = put(
        jobs(*[{"start_date": text} for text in ("2019", "soon", "2020", "later")]), f"{CURRENT}[*].start_date"
    )

    assert [["2019-01-01T00:00:00Z; ; 2020-01-01T00:00:00Z; "]] == expansion.columns
    assert {(f"{CURRENT}.start_date", "string"): 2} == expansion.drift


def test_a_list_of_nothing_but_wrong_elements_has_no_value():
    expansion = put(skills(5, 6.5, True), SKILLS, f"{SKILLS} | count")

    assert [[None], [0]] == expansion.columns
    assert {(SKILLS, kind): 2 for kind in ("integer", "number", "boolean")} == expansion.drift


def test_a_list_in_a_list_that_came_as_something_else_is_one_wrong_element():
    person = {"dev_platform_profiles": [{"repos": [{"full_name": "a"}]}, {"repos": "b"}, {"repos": [{"full_name": 3}]}]}

    expansion = put(person, "dev_platform_profiles[*].repos[*].full_name | list")

    assert [[["a", None, None]]] == expansion.columns
    assert {("dev_platform_profiles.repos.full_name", kind): 1 for kind in ("string", "integer")} == expansion.drift


def test_an_object_is_told_as_json_and_keeps_what_nobody_documented():
    person = jobs({"title": "A", "new_key": [1, {"x": None}]})

    assert [{"title": "A", "new_key": [1, {"x": None}]}] == json.loads(cell(person, CURRENT))
    assert {"title": "A", "new_key": [1, {"x": None}]} == json.loads(cell(person, f"{CURRENT}[0]"))


def test_company_name_reads_name_where_the_answer_has_that_only():
    """The seed's table says company_name, answers say name."""
    field = f"{CURRENT}.company_name"

    assert "Corp" == cell(jobs({"name": "Corp"}), field)
    assert "Corp" == cell(jobs({"company_name": "", "name": "Corp"}), field)
    assert "Corp" == cell(jobs({"company_name": "Corp", "name": "Other"}), field)
    assert "Corp; Inc" == cell(jobs({"name": "Corp"}, {"company_name": "Inc"}), f"{CURRENT}[*].company_name")
    assert None is cell(jobs({"company_name": "Corp"}), f"{CURRENT}.name")


def test_wrong_values_are_counted_by_path_and_kind_over_all_people():
    expansion = Expansion(read_paths([NAME]), 4)
    for position, value in enumerate([7, "Avery", 8, True]):
        expansion.put(position, Record(str(position), "matched", (Match(1.0, nested(NAME, value)),)))

    assert [[None, "Avery", None, None]] == expansion.columns
    assert {(NAME, "integer"): 2, (NAME, "boolean"): 1} == expansion.drift


def test_the_best_candidate_fills_the_row_and_nobody_leaves_it_empty():
    expansion = Expansion(read_paths([NAME]), 2)
    expansion.put(1, Record("a", "matched", (Match(0.9, nested(NAME, "Best")), Match(0.5, nested(NAME, "Second")))))
    expansion.put(0, Record("b", "no_match"))

    assert [[None, "Best"]] == expansion.columns


# Whatever comes ---------------------------------------------------------------------------------------------------

KEYS = sorted({name for path in ALL_PATHS for name in path.split(".")})
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
    | st.sampled_from(["2026", "2026-02", "2026-02-30", "2026-02-03T00:00:00Z", "9999-12-31T23:59:59-23:00"])
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=8),
    max_leaves=40,
)


def tree_at(path: str) -> st.SearchStrategy[Any]:
    """Trees that reach down to the path, now through a list and now not, with anything at its end."""
    inner = TREES
    for name in reversed(path.split(".")):
        inner = st.tuples(inner, st.booleans()).map(
            lambda drawn, name=name: {name: [drawn[0]] if drawn[1] else drawn[0]}
        )
    return inner


EVERY_WAY = read_paths(
    {
        f"{path} {word}": f"{path} | {word}" if word else path
        for path in ALL_PATHS
        for word in ("", "count", "json", "list")
        if not word or catalogue().fields[path].type.startswith("array")
    }
)


@settings(max_examples=500, deadline=None)
@given(TREES | st.sampled_from(ALL_PATHS).flatmap(tree_at))
def test_any_tree_fills_or_empties_every_column_and_never_raises(person):
    """Every path of the catalogue, every reduction: a cell, or nothing and a count of at most one for each column."""
    whole = expanded(person, [path for path in EVERY_WAY if None not in path.steps])
    lists = expanded(person, [path for path in EVERY_WAY if None in path.steps])

    empty = sum(column == [None] for column in whole.columns)
    assert sum(whole.drift.values()) <= empty
    for expansion in (whole, lists):
        for path, (value,) in zip(expansion.paths, expansion.columns, strict=True):
            assert value is None or isinstance(value, _PYTHON[path.dtype])


# Below each list of objects, the values of every one of its objects in three forms, and which list it is.
CROSSING = [
    (read_paths({word: f"{over}[*]{path.removeprefix(over)} | {word}" for word in ("list", "json", "count")}), over)
    for over in ALL_PATHS
    if catalogue().fields[over].type == "array<object>"
    for path in ALL_PATHS
    if path.startswith(f"{over}.") and not catalogue().fields[path].lists - catalogue().fields[over].lists
]


@settings(max_examples=150, deadline=None)
@given(TREES | st.sampled_from(ALL_PATHS).flatmap(tree_at))
def test_any_list_is_told_alike_in_every_form_and_columns_over_one_list_are_of_one_length(person):
    lengths: dict[str, set[int | None]] = {}
    for asked, over in CROSSING:
        found, told, count = [column[0] for column in expanded(person, asked).columns]
        lengths.setdefault(over, set()).add(None if found is None else len(found))
        if found is None:
            assert told is None
            assert count is None
        else:
            assert len(found) == len(json.loads(told))
            assert count == sum(value is not None for value in found)
    assert all(len(of_one_list) == 1 for of_one_list in lengths.values())


def expanded(person: Any, paths: Sequence[Path]) -> Expansion:
    person = orjson.loads(json.dumps(person))  # numbers beyond 64 bits come from the wire as floats
    expansion = Expansion(paths, 1)
    expansion.put(0, Record("key", "matched", (Match(1.0, person),)))
    return expansion


_PYTHON = {
    "string": str,
    "Int64": int,
    "Float64": float,
    "boolean": bool,
    "datetime64[us, UTC]": datetime,
    "object": list,
}


@pytest.mark.parametrize("value", [{}, {"professional_network_skills": []}, {"a": {"b": [None, "", {}]}}, []])
def test_an_object_of_nothing_is_no_value(value):
    assert None is cell({"skills": value}, "skills")


@pytest.mark.parametrize("value", [{"a": 0}, {"a": {"b": [False]}}])
def test_a_zero_and_a_no_are_values(value):
    assert value == json.loads(cell({"skills": value}, "skills"))
