"""What changed about people: every change once, and nothing that merely is written otherwise."""

from __future__ import annotations

import io
import json
import unicodedata

import pandas as pd
import pytest
from command_line import PROFILE
from hypothesis import given, settings
from hypothesis import strategies as st

import crustframe
from crustframe.verbs.changes import _differences

PERSON = f"{PROFILE}avery-changing-example"
HEADLINE = "basic_profile.headline"
CURRENT = "experience.employment_details.current"


class Bought:
    """One person, bought again and again while the profile changes; a day lies between two purchases."""

    def __init__(self, sandbox):
        self.sandbox = sandbox
        self.now = 1_800_000_000.0
        self.client = sandbox.make_client(clock=lambda: self.now)

    def again(self, *fields, **sections):
        for section, value in sections.items():
            self.sandbox.change(PERSON, section, value)
        self.now += 86400
        crustframe.enrich([PERSON], fields=[*fields] or [HEADLINE], max_age=0, client=self.client)
        return self

    def changes(self, *fields):
        told = crustframe.changes([PERSON], fields=list(fields) or None, client=self.client)
        told = told.astype(object).where(told.notna(), None)
        return list(told[["path", "old", "new"]].itertuples(index=False, name=None))


@pytest.fixture
def bought(sandbox):
    person = Bought(sandbox)
    yield person
    person.client.close()


# A whole section before and after.
SAME = {
    "a number with a fraction of nothing": ({"connections": 500}, {"connections": 500.0}),
    "the same the other way": ({"connections": 7.0}, {"connections": 7}),
    "a fraction": ({"x": 0.5}, {"x": 5e-1}),
    "minus nothing": ({"x": 0}, {"x": -0.0}),
    "letters composed and decomposed": ({"headline": "Zoë"}, {"headline": unicodedata.normalize("NFD", "Zoë")}),
    "blanks at the ends": ({"headline": "Engineer"}, {"headline": " Engineer\u00a0\n"}),
    "something invisible at the end": ({"headline": "Engineer"}, {"headline": "Engineer\u200b \ufeff"}),
    "blanks for nothing": ({"headline": None}, {"headline": "  "}),
    "one time in two zones": ({"at": "2026-03-03T01:00:00+02:00"}, {"at": "2026-03-02T23:00:00Z"}),
    "a day and its first moment": ({"at": "2026-03-03"}, {"at": "2026-03-03T00:00:00"}),
    "texts and numbers in a list": ({"list": ["Zoë", 1, 2]}, {"list": [2.0, "Zoe\u0308 ", 1]}),
    "nothing in a list": ({"list": ["a", None, ""]}, {"list": ["a", {}, []]}),
    "a list of nothing": ({"list": []}, {"list": [None, " "]}),
    "objects in a list": ({"list": [{"n": 1, "t": "é"}]}, {"list": [{"t": "e\u0301", "n": 1.0}]}),
    "lists in lists": ({"list": [[1, 2], ["x"]]}, {"list": [["x "], [2, 1.0]]}),
    "the number of a position": (
        {"list": [{"position_id": 7, "title": "A"}, {"position_id": 8, "title": "B"}]},
        {"list": [{"position_id": 8.0, "title": "B "}, {"position_id": 7.0, "title": "A"}]},
    ),
}

OTHER = {
    "true is not 1": (True, 1),
    "false is not 0": (False, 0),
    "true is not 1.0": (True, 1.0),
    "true in a list": ([True], [1]),
    "a number is no text": (500, "500"),
    "the last digit": (2**53 + 1, float(2**53)),
    "a fraction": (500, 500.5),
    "zero is not nothing": (0, None),
    "case": ("engineer", "Engineer"),
    "blanks within": ("a  b", "a b"),
    "an accent": ("Zoë", "Zoe"),
    "look-alikes": ("fi", "ﬁ"),
    "the text null": ("null", None),
    "another time": ("2026-03-03T01:00:00Z", "2026-03-03T01:00:00+02:00"),
    "no day": ("2026-02-30", "2026-02-31"),
    "a year": ("2026", "2026-01-01"),
    "a list of one": (["a"], "a"),
    "twice": (["a"], ["a", "a"]),
    "one more": ([1], [1, 2.0]),
    "a list and an object": (["a"], {"a": 1}),
    "an object": ({"a": 1}, '{"a": "1"}'),
}


@pytest.mark.parametrize(("before", "after"), SAME.values(), ids=SAME)
def test_a_value_that_is_written_otherwise_is_no_change(bought, before, after):
    bought.again(professional_network=before).again(professional_network=after)

    assert [] == bought.changes()
    assert 2 == bought.sandbox.credits_spent


@pytest.mark.parametrize(("before", "after"), OTHER.values(), ids=OTHER)
def test_another_value_is_a_change_and_told_as_it_came(bought, before, after):
    bought.again(professional_network={"x": before, "y": 1}).again(professional_network={"x": after, "y": 1.0})

    ((path, old, new),) = bought.changes()

    assert "professional_network.x" == path
    assert (_shown(before), _shown(after)) == (old, new)


def _shown(value):
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def test_the_shell_tells_real_changes_only(account, run, tmp_path):
    source = tmp_path / "leads.csv"
    source.write_text(f"contact\n{PERSON}\n")
    buy = ("enrich", source, "--field", HEADLINE, "--max-age", "0", "-o", tmp_path / "out.csv")
    for headline, connections in (("Zoë", 500), ("Zoe\u0308 ", 500.0), ("Somebody else", 500)):
        account.change(PERSON, "basic_profile", {"headline": headline})
        account.change(PERSON, "professional_network", {"connections": connections})
        assert 0 == run(*buy).code

    ran = run("changes", source, "--column", "contact")

    rows = pd.read_csv(io.BytesIO(ran.stdout), encoding="utf-8-sig")
    assert [HEADLINE] == rows["path"].tolist()
    assert ["Somebody else"] == rows["new"].tolist()
    assert "1 change" in ran.words
    assert 3 == account.credits_spent


# Asked paths --------------------------------------------------------------------------------------------------------


def test_a_new_job_is_a_change_of_the_title_that_was_asked(bought):
    jobs = {"employment_details": {"current": [{"position_id": 1, "name": "A", "title": "Engineer"}], "past": []}}
    bought.again(experience=jobs)
    new = {"position_id": 2, "name": "B", "title": "Director"}
    bought.again(experience={"employment_details": {"current": [new], "past": jobs["employment_details"]["current"]}})

    titles = bought.changes(f"{CURRENT}.title")

    assert {(f"{CURRENT}.title", "Engineer", None), (f"{CURRENT}.title", None, "Director")} == set(titles)
    assert {("A", None), (None, "B")} == {change[1:] for change in bought.changes(f"{CURRENT}.company_name")}
    assert 2 == len(bought.changes(CURRENT))
    assert [] == bought.changes(f"{CURRENT}.location.raw")


def test_a_section_that_appears_is_a_change_of_every_asked_path_in_it(bought):
    bought.again(skills=None).again(skills={"professional_network_skills": ["Python"]})

    path = "skills.professional_network_skills"
    assert [(path, None, '["Python"]')] == bought.changes(path)
    assert [("skills", None, json.dumps({"professional_network_skills": ["Python"]}))] == bought.changes()


def test_a_change_is_told_once_though_two_asked_paths_hold_it(bought):
    bought.again(basic_profile={"headline": "a"}).again(basic_profile={"headline": "b"})

    assert [(HEADLINE, "a", "b")] == bought.changes("basic_profile", HEADLINE)


def test_a_change_is_seen_past_a_purchase_that_did_not_hold_its_section(sandbox):
    """Bought with the developer group, without, with it again."""
    bought = Bought(sandbox)
    developer, name = "dev_platform_profiles.name", "basic_profile.name"
    bought.again(developer, dev_platform_profiles=[{"profile_url": "u", "name": "before"}])
    bought.again(name)
    bought.again(developer, dev_platform_profiles=[{"profile_url": "u", "name": "after"}])

    assert [(developer, "before", "after")] == bought.changes()
    bought.client.close()


# Whatever comes -----------------------------------------------------------------------------------------------------

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5)
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab", max_size=2), inner),
    max_leaves=20,
)


@st.composite
def rewritten(draw, tree):
    """The same tree, written by somebody else."""
    if isinstance(tree, dict):
        pairs = [(key, draw(rewritten(value))) for key, value in tree.items()]
        return dict(draw(st.permutations(pairs)))
    if isinstance(tree, list):
        return draw(st.permutations([draw(rewritten(value)) for value in tree]))
    if isinstance(tree, str):
        form = draw(st.sampled_from(["NFC", "NFD"]))
        return (
            draw(st.sampled_from(["", " ", "\n"]))
            + unicodedata.normalize(form, tree)
            + draw(st.sampled_from(["", " "]))
        )
    if isinstance(tree, int) and not isinstance(tree, bool) and abs(tree) <= 2**53:
        return draw(st.sampled_from([tree, float(tree)]))
    return tree


@settings(max_examples=300, deadline=None)
@given(TREES, st.data())
def test_any_tree_that_is_written_otherwise_is_no_change(tree, data):
    assert [] == list(_differences("", {"x": tree}, {"x": data.draw(rewritten(tree))}))


@settings(max_examples=300, deadline=None)
@given(TREES, TREES)
def test_a_change_there_and_back_is_seen_both_ways(one, other):
    there, back = (list(_differences("", {"x": a}, {"x": b})) for a, b in ((one, other), (other, one)))

    assert bool(there) == bool(back)
    assert len(there) == len(back)


def test_a_changed_tree_is_a_change():
    for one, other in OTHER.values():
        assert list(_differences("", {"x": [one]}, {"x": [other]}))
        assert list(_differences("", {"x": {"y": one}}, {"x": {"y": other}}))
