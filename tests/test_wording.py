"""One of anything is told as one."""

from __future__ import annotations

from crustframe.buying.reconcile import Resolution
from crustframe.tables import Written


def test_one_person_is_told_as_one():
    told = str(Resolution(["a"], ["b"], 1.0, ["c", "d"], ["b"], ["d"]))

    assert "1 person" in told
    assert "1 people" not in told
    assert "charged 1 credit," in told
    assert "1 cell that" in Written(1, 1, 1).defused
    assert "2 cells that" in Written(1, 1, 2).defused
