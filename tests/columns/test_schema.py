"""The pandera schemas of the columns: a wrong value is empty and counted, every other one is kept."""

from __future__ import annotations

import pandas as pd
import pandera.errors
import pytest

import crustframe
from crustframe.columns.expand import Expansion
from crustframe.columns.schema import schema_of, validate
from crustframe.fields import catalogue, read_paths
from crustframe.people.records import Match, Record

CONNECTIONS = "professional_network.connections"
START_YEAR = "education.schools.start_year"


def expanded(people, *fields):
    expansion = Expansion(read_paths(fields), len(people))
    for position, person in enumerate(people):
        if person is not None:
            expansion.put(position, Record(str(position), "matched", (Match(1.0, person),)))
    return expansion


def connections(value):
    return {"professional_network": {"connections": value}}


def frame_of(**columns):
    return pd.DataFrame(columns)


def test_columns_have_the_documented_dtypes_and_pandera_agrees():
    fields = {
        "text": "basic_profile.name",
        "whole": "crustdata_person_id",
        "number": "experience.employment_details.current.years_at_company_raw",
        "truth": "experience.employment_details.current.is_default",
        "time": "basic_profile.last_updated",
        "joined": "skills.professional_network_skills",
        "count": "skills.professional_network_skills | count",
        "list": "skills.professional_network_skills | list",
    }
    person = {
        "crustdata_person_id": 2**53 + 1,
        "basic_profile": {"name": "Avery Example", "last_updated": "2026-03-03T17:09:31.949863Z"},
        "experience": {"employment_details": {"current": [{"years_at_company_raw": 7, "is_default": True}]}},
        "skills": {"professional_network_skills": ["Python", "SQL"]},
    }
    expansion = Expansion(read_paths(fields), 2)
    expansion.put(0, Record("a", "matched", (Match(1.0, person),)))

    frame, drift = validate(expansion)

    assert ["string", "Int64", "Float64", "boolean", "datetime64[us, UTC]", "string", "Int64", "object"] == [
        str(dtype) for dtype in frame.dtypes
    ]
    assert {} == drift
    assert 9007199254740993 == frame["whole"][0]
    assert pd.Timestamp("2026-03-03T17:09:31.949863Z") == frame["time"][0]
    assert frame.loc[1].isna().all()
    pd.testing.assert_frame_equal(frame, crustframe.schema(fields).validate(frame))


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_every_path_of_the_catalogue_makes_a_column_that_its_schema_accepts_when_nobody_is_found(rows):
    paths = sorted(catalogue().fields)

    frame, drift = validate(expanded([None] * rows, *paths))

    assert (rows, len(paths)) == frame.shape
    assert {} == drift
    crustframe.schema(paths).validate(frame)


@pytest.mark.parametrize("reduction", ["join", "list", "json", "count"])
def test_every_reduction_makes_a_column_that_its_schema_accepts(reduction):
    people = [{"skills": {"professional_network_skills": found}} for found in (["A"], [], None)]

    frame, drift = validate(expanded(people, f"skills.professional_network_skills | {reduction} as x"))

    assert {} == drift
    schema_of(read_paths([f"skills.professional_network_skills | {reduction} as x"])).validate(frame)


def test_a_value_out_of_range_is_empty_and_counted_and_the_others_are_kept():
    frame, drift = validate(expanded([connections(n) for n in (500, -1, 0, 10**12, 7)], CONNECTIONS))

    assert [500, None, 0, None, 7] == [None if pd.isna(n) else n for n in frame[CONNECTIONS]]
    assert "Int64" == str(frame[CONNECTIONS].dtype)
    assert {(CONNECTIONS, "out of range"): 2} == drift


def test_wrong_types_and_wrong_ranges_are_counted_together():
    people = [connections("500+"), connections(-1), connections(500), None]

    frame, drift = validate(expanded(people, CONNECTIONS))

    assert {(CONNECTIONS, "string"): 1, (CONNECTIONS, "out of range"): 1} == drift
    assert [True, True, False, True] == frame[CONNECTIONS].isna().tolist()


def test_one_column_out_of_range_leaves_the_others_of_its_row():
    person = {"crustdata_person_id": 7, **connections(-5)}

    frame, _ = validate(expanded([person], CONNECTIONS, "crustdata_person_id"))

    assert [True, False] == frame.loc[0].isna().tolist()


def test_two_columns_of_one_path_are_each_counted():
    _, drift = validate(expanded([connections(-1)], f"{CONNECTIONS} as a", f"{CONNECTIONS} as b"))

    assert {(CONNECTIONS, "out of range"): 2} == drift


def test_a_year_is_between_1900_and_2100():
    people = [{"education": {"schools": [{"start_year": year}]}} for year in (1899, 1900, 2100, 2101, 20)]

    frame, drift = validate(expanded(people, START_YEAR))

    assert [True, False, False, True, True] == frame[START_YEAR].isna().tolist()
    assert {(START_YEAR, "out of range"): 3} == drift


def test_counting_does_not_change_the_expansion():
    expansion = expanded([connections("x"), connections(-1)], CONNECTIONS)

    assert validate(expansion)[1] == validate(expansion)[1]
    assert {(CONNECTIONS, "string"): 1} == expansion.drift


# crustframe.schema, in a user's own pipeline ------------------------------------------------------------------------

GOOD = {
    "n": pd.array([500, None], dtype="Int64"),
    "name": pd.array(["Avery", None], dtype="string"),
    "when": pd.array(["2026-03-03", None], dtype=pd.DatetimeTZDtype("us", "UTC")),
}
FIELDS = {"n": CONNECTIONS, "name": "basic_profile.name", "when": "basic_profile.last_updated"}


def test_a_right_frame_passes_with_columns_of_its_own():
    frame = frame_of(**GOOD, mine=["a", "b"])

    pd.testing.assert_frame_equal(frame, crustframe.schema(FIELDS).validate(frame))


@pytest.mark.parametrize(
    "wrong",
    [
        {"n": pd.array([-1, None], dtype="Int64")},
        {"n": pd.array(["500", None], dtype="string")},
        {"n": [500.0, None]},
        {"name": pd.array([1, 2], dtype="Int64")},
        {"when": pd.array(["2026-03-03", None], dtype="datetime64[us]")},
        {"when": ["2026-03-03", None]},
    ],
    ids=lambda wrong: repr(wrong)[:30],
)
def test_a_wrong_frame_is_caught(wrong):
    with pytest.raises((pandera.errors.SchemaError, pandera.errors.SchemaErrors)):
        crustframe.schema(FIELDS).validate(frame_of(**{**GOOD, **wrong}), lazy=True)


def test_a_missing_column_is_caught():
    with pytest.raises(pandera.errors.SchemaError, match="when"):
        crustframe.schema(FIELDS).validate(frame_of(**GOOD).drop(columns="when"))


def test_the_schema_of_a_run_accepts_what_the_run_returned(client):
    fields = ["basic_profile.name as name", f"{CONNECTIONS} as n", "skills | json as skills"]

    found = crustframe.enrich(["linkedin.com/in/avery-stone-example", ""], fields=fields, client=client).frame

    crustframe.schema(fields).validate(found)
    assert "Avery Stone" == found["name"][0]
