"""Columns over one list stand side by side, and one wrong element costs its own place: bought, unfolded, written."""

from __future__ import annotations

import io
import json

import pandas as pd
import pyarrow.parquet as pq
import pytest
from command_line import PROFILE

import crustframe
from crustframe.tables import read_table

PAST = "experience.employment_details.past"
SKILLS = "skills.professional_network_skills"
PEOPLE = [f"{PROFILE}avery-{word}-example" for word in ("some", "none", "empty")]
JOBS = [{"name": "A", "title": "x"}, {"name": "B"}, {"name": "C", "title": "z"}]
SHOWN = ["--field", f"{PAST}[*].name as name,{PAST}[*].title as title,{SKILLS} as skills", "--provenance", "none"]


@pytest.fixture
def planted(account):
    """Three people: with a title missing, with all titles missing, without past jobs; a skill that is no text."""
    for person, jobs in zip(PEOPLE, (JOBS, [{"name": "A"}, {"name": "B"}], []), strict=True):
        account.change(person, PAST, jobs)
        account.change(person, "skills", {"professional_network_skills": ["Python", 5, "SQL"]})
    return account


def test_two_columns_over_one_list_unfold_together(planted):
    found = crustframe.enrich(
        PEOPLE,
        fields={"name": f"{PAST}[*].name | list", "title": f"{PAST}[*].title | list"},
        client=planted.client,
        provenance="none",
    )

    together = found.frame.explode(["name", "title"]).astype("string").fillna("-")

    assert ["A x", "B -", "C z", "A -", "B -", "- -"] == [" ".join(row) for row in together.to_numpy()]
    assert 3 == planted.credits_spent


def test_a_wrong_element_is_told_once_for_each_and_its_list_is_kept(planted):
    found = crustframe.enrich(PEOPLE, fields={"skills": SKILLS, "n": f"{SKILLS} | count"}, client=planted.client)

    assert ["Python; ; SQL"] * 3 == found.frame["skills"].tolist()
    assert [2] * 3 == found.frame["n"].tolist()
    assert {(SKILLS, "integer"): 6} == found.report.drift
    assert f"6 values of {SKILLS} came as integer; left out" in str(found.report)
    assert [{"path": SKILLS, "found": "integer", "values": 6}] == found.report.to_dict()["drift"]
    assert 3 == planted.credits_spent


@pytest.mark.parametrize("kind", ["csv", "tsv", "xlsx", "parquet", "jsonl"])
def test_joined_texts_have_an_empty_place_in_every_kind_of_file(planted, run, tmp_path, kind):
    source, target = tmp_path / "people.csv", tmp_path / f"out.{kind}"
    source.write_text("\n".join(["contact", *PEOPLE]))

    ran = run("enrich", source, "--column", "contact", *SHOWN, "-o", target)

    assert 0 == ran.code, ran.words
    table = read_table(target)
    assert ["A; B; C", "A; B"] == table.column("name")[:2]
    assert "x; ; z" == table.column("title")[0]
    assert {None} >= {cell or None for cell in table.column("title")[1:]}
    assert ["Python; ; SQL"] * 3 == table.column("skills")
    assert f"3 values of {SKILLS} came as integer" in ran.words


def test_lists_with_empty_places_are_lists_in_parquet_and_json_lines_and_json_in_text(planted, run, tmp_path):
    source = tmp_path / "people.csv"
    source.write_text("\n".join(["contact", *PEOPLE[:2]]))
    asked = ("enrich", source, "--field", f"{PAST}[*].title | list as title", "--provenance", "none", "-o")

    for name in ("out.parquet", "out.jsonl", "out.csv"):
        assert 0 == run(*asked, tmp_path / name).code

    expected = [["x", None, "z"], [None, None]]
    assert expected == pq.read_table(tmp_path / "out.parquet")["title"].to_pylist()
    assert expected == [json.loads(line)["title"] for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert expected == [
        json.loads(cell) for cell in pd.read_csv(io.StringIO((tmp_path / "out.csv").read_text()))["title"]
    ]
    assert 2 == planted.credits_spent


def test_titles_that_all_people_lack_are_written_as_well(planted, run, tmp_path):
    """A column of lists without a single value has a type too."""
    source = tmp_path / "people.csv"
    source.write_text("\n".join(["contact", PEOPLE[1]]))

    ran = run("enrich", source, "--field", f"{PAST}[*].title | list as title", "-o", tmp_path / "out.parquet")

    assert 0 == ran.code, ran.words
    (cell,) = pq.read_table(tmp_path / "out.parquet")["title"].to_pylist()
    assert [None, None] == (json.loads(cell) if isinstance(cell, str) else cell)
