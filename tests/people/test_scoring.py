"""Handle against name: the rows of seed 002 hold for the sandbox's score and for our own, written apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crustframe.people import scoring
from crustframe.sandbox import scoring as sandbox_scoring

BOTH = pytest.mark.parametrize("score", [sandbox_scoring.score, scoring.score], ids=["sandbox", "client"])

SEED = [
    ("jane.smith", 0.95),
    ("jsmith", 0.75),
    ("jane", 0.9),
    ("jane.marketing", 0.5),
    ("janes", 0.75),
]


@BOTH
@pytest.mark.parametrize(("handle", "expected"), SEED)
def test_patterns_of_the_seed(score, handle, expected):
    assert expected == score(handle, "Jane Smith")


@BOTH
def test_likeness_of_the_seed(score):
    """0.708 for j.smith, by a rule that holds for everybody; jsmi is lower than jsmith."""
    assert 0.708 == pytest.approx(score("j.smith", "Jane Smith"), abs=0.01)
    assert score("jsmi", "Jane Smith") < score("jsmith", "Jane Smith")
    assert score("a.stone", "Avery Stone") == pytest.approx(0.7, abs=0.05)


@BOTH
@pytest.mark.parametrize(
    ("handle", "name", "expected"),
    [
        ("Jane.Smith", "JANE SMITH", 0.95),
        ("jane_smith", "Jane Smith", 0.95),
        ("jane.smith2", "Jane Smith", 0.95),
        ("jane.smith+news", "Jane Smith", 0.95),
        ("zoe.muller", "Zoë Müller", 0.95),
        ("jose.ibanez", "Jose\u0301 Ibáñez", 0.95),
        ("soren.orsted", "Søren Ørsted", 0.95),
        ("lzolkiewski", "Łukasz Żółkiewski", 0.75),
        ("sian.obrien", "Siân O'Brien", 0.95),
        ("ana.berg", "Ana van der Berg", 0.95),
        ("ana.vanderberg", "Ana van der Berg", 0.95),
        ("jeanpierre.tour", "Jean-Pierre de la Tour", 0.95),
        ("jean.delatour", "Jean-Pierre de la Tour", 0.95),
        ("jptour", "Jean-Pierre de la Tour", 0.75),
        ("bjork", "Björk", 0.9),
        ("иван.петров", "Иван Петров", 0.95),
    ],
)
def test_names_of_the_world(score, handle, name, expected):
    assert expected == score(handle, name)


@pytest.mark.parametrize(
    ("handle", "name", "expected"),
    [
        ("smith.jane", "Jane Smith", 0.95),
        ("smithjane", "Jane Smith", 0.95),
        ("smith", "Jane Smith", 0.7),
        ("smithj", "Jane Smith", 0.75),
        ("js", "Jane Smith", 0.5),
        ("jane.s", "Jane Smith", 0.7),
        ("jp.delatour", "Jean-Pierre de la Tour", 0.75),
        ("c.stone", "Christopher Stone", 0.7),
        ("bob", "Jane Smith", 0.0),
        ("jane.smiht", "Jane Smith", 0.6),
        ("jane.keller", "Jane Smith", 0.0),
        ("janekeller", "Jane Smith", 0.0),
        ("x.smith", "Jane Smith", 0.0),
        ("mario.rossi", "Maria Rossi", 0.6),
        ("jps", "John Paul Smith", 0.7),
        ("jbs", "John Paul Smith", 0.5),
        ("jqsmith", "John Smith", 0.6),
        ("jbrice", "Jane Rice", 0.6),
        ("john.q.public", "John Public", 0.95),
        ("john.x.public", "John Quentin Public", 0.6),
        ("john.smith.jr", "John Smith Jr.", 0.95),
        ("john.smith.sr", "John Smith Jr.", 0.6),
        ("bob.jones", "Robert Jones", 0.9),
        ("robert.jones", "Bob Jones", 0.9),
        ("peggy.olson", "Margaret Olson", 0.9),
        ("bob", "Robert Jones", 0.6),
        ("bob.jones", "William Jones", 0.0),
        ("bill.jones", "Robert Jones", 0.6),
        ("erin.brown", "Aaron Brown", 0.6),
        ("dr.hans.meier", "Meier, Hans", 0.95),
        ("k.weber", "Prof. Dr.-Ing. Klaus Weber, MBA", 0.7),
        ("king.lee", "King Lee", 0.95),
        ("rsilva", "Rafael da Silva Santos", 0.75),
        ("rafael.santos", "Rafael da Silva Santos", 0.95),
        ("d.silva", "Rafael da Silva", 0.0),
        ("glopez", "Ana García López", 0.5),
        ("agarcia", "Ana García López", 0.75),
        ("jpaul", "John Paul Smith", 0.6),
        ("thomas.martin", "Martin Thomas", 0.6),
        ("jvdberg", "Jan van der Berg", 0.75),
        ("malrashid", "Mohammed al-Rashid", 0.75),
        ("anhnv", "Nguyễn Văn Anh", 0.75),
        ("bjorn.ostergaard", "Bjørn Østergård", 0.95),
        ("muller", "Karin Mueller", 0.7),
        ("rafal.nowak", "Rafael Nowak", 0.6),
        ("jane.keller", "Jane Smith (Keller)", 0.95),
        ("jane.doe", "Jane Doe - we are hiring", 0.95),
        ("jane.smith", "Jane S.", 0.6),
        ("yulia.sokolova", "Юлия Соколова", 0.95),
        ("iuliia.sokolova", "Юлия Соколова", 0.95),
        ("liu.wei", "刘伟", 0.6),
        ("zoe.mueller", "Zoë Müller-Lüdenscheidt", 0.95),
        ("ana.vandenberg", "Ana van den Berg", 0.95),
        ("mary.a.smith", "Mary Ann Smith", 0.95),
        ("maryann.smith", "Mary Ann Smith", 0.95),
        ("o.quist", "Dr. Omar Quist, PhD", 0.7),
        ("taro.yamada", "太郎 (Taro) Yamada", 0.95),
        ("山田太郎", "太郎 山田", 0.95),
        ("bjork.g", "Björk", 0.5),
    ],
)
def test_our_own_rules(handle, name, expected):
    assert expected == scoring.score(handle, name)


@pytest.mark.parametrize(
    ("handle", "name"),
    [
        ("taro", "太郎 山田"),
        ("olga.petrova", "Иван Петров"),
        ("wang.fang", "刘伟"),
        ("minjun.kim", "김민준"),
        ("山田", "Taro Yamada"),
        ("12345", "Jane Smith"),
        ("jane", ""),
        ("", "Jane"),
    ],
)
def test_what_cannot_be_compared(handle, name):
    """Another script or no letters says nothing, which is not the same as "does not fit"."""
    assert scoring.score(handle, name) is None


def test_the_table_of_the_documentation():
    """What the docstring says is what is computed."""
    lines = [line.strip() for line in (scoring.score.__doc__ or "").splitlines()]
    rows = [line.rsplit(maxsplit=1) for line in lines if line.startswith("``") and line[-1].isdigit()]
    claims = [(handle.strip("`, "), value) for row, value in rows for handle in row.split("  ")[0].split(",")]

    assert len(claims) >= 9
    for handle, value in claims:
        assert float(value) == scoring.score(handle, "Jane Smith")


@given(st.text(max_size=20), st.text(max_size=30))
def test_any_text(handle, name):
    found = scoring.score(handle, name)

    assert found is None or 0 <= found <= 0.95
    assert found == scoring.score(handle.upper().lower(), name) or handle.lower() != handle.upper().lower()


@pytest.mark.parametrize("name", [" ".join(["Aa"] * 30), " ".join(["Aa-aaa"] * 9), " ".join(["A"] * 12)])
def test_names_that_could_be_read_in_any_number_of_ways(name):
    """They come to an end."""
    assert scoring.score("a" * 64, name) is not None
