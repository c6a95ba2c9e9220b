"""The seed's table of handles, and what names do to it."""

from __future__ import annotations

import pytest

from crustframe.sandbox.scoring import score


@pytest.mark.parametrize(
    ("handle", "expected"),
    [
        ("jane.smith", 0.95),
        ("janesmith", 0.95),
        ("jane_smith", 0.95),
        ("jane-smith", 0.95),
        ("Jane.Smith+news", 0.95),
        ("jane.smith42", 0.95),
        ("jane", 0.9),
        ("jsmith", 0.75),
        ("janes", 0.75),
        ("jane.marketing", 0.5),
    ],
)
def test_rules_are_exact(handle, expected):
    assert expected == score(handle, "Jane Smith")


def test_similarity_is_near_the_seed():
    assert 0.708 == pytest.approx(score("j.smith", "Jane Smith"), abs=0.01)


def test_order_of_handles():
    """The less a handle says about the name, the lower its score."""
    handles = ["jane.smith", "jane", "jsmith", "j.smith", "jsmi", "info"]
    scores = [score(handle, "Jane Smith") for handle in handles]

    assert sorted(scores, reverse=True) == scores
    assert len(set(scores)) == len(scores)
    assert score("jsmi", "Jane Smith") > score("jsmi", "Bruno Keller")


@pytest.mark.parametrize(
    ("handle", "name", "expected"),
    [
        ("zoe.mueller", "Zoë Mueller", 0.95),
        ("jose.nunez", "José Núñez", 0.95),
        ("soren.orsted", "Søren Ørsted", 0.95),
        ("ipek.sahin", "İpek Şahin", 0.95),
        ("ana.vanderberg", "Ana van der Berg", 0.95),
        ("ana.berg", "Ana van der Berg", 0.95),
        ("jeanpierre.dupont", "Jean-Pierre Dupont", 0.95),
        ("jean.dupont", "Jean-Pierre Dupont", 0.95),
        ("jpdupont", "Jean-Pierre Dupont", 0.75),
        ("zoe.mullerludenscheidt", "Zoë Müller-Lüdenscheidt", 0.95),
        ("obrien.sian", "Siân O'Brien", 0.89),
        ("bjork", "Björk", 0.9),
        ("太郎", "太郎 山田", 0.9),
        ("taro.yamada", "太郎 山田", 0.0),
        ("", "Jane Smith", 0.0),
        ("123", "Jane Smith", 0.0),
        ("jane", "", 0.0),
        ("-", "-", 0.0),
    ],
)
def test_names_of_the_world(handle, name, expected):
    assert expected == score(handle, name)


@pytest.mark.parametrize("name", ["O", "- -", "Jean- -", "'", "山", "a b c d e", "de la", "\u0301"])
@pytest.mark.parametrize("handle", ["a", "-.-", "+", "a+b", "é", "山", "j.", "\u0301"])
def test_odd_texts_have_a_score(handle, name):
    assert 0.0 <= score(handle, name) <= 0.95
