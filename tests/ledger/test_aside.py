"""Paid answers beside the ledger: kept only in folders of this user's own, and read only from there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from crustframe.ledger import aside

pytestmark = pytest.mark.skipif(os.name != "posix", reason="owners of folders are POSIX's")


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "shared"))
    (tmp_path / "shared").mkdir()
    return tmp_path / "own" / "ledger.sqlite3"


def answer(ledger: Path) -> aside.Kept:
    return aside.Kept(ledger, 1, "owner", b"paid", 3.0, 200, "request")


def test_where_the_ledger_cannot_stand_an_answer_goes_to_the_temporary_folder(ledger):
    file = aside.keep(ledger, answer(ledger))

    assert file is not None
    assert (ledger.parents[1] / "shared", 0o700) == (file.parents[1], file.parent.stat().st_mode & 0o777)
    assert [(b"paid", 3.0)] == [(kept.body, kept.credits) for kept in aside.kept(ledger)]


def test_a_folder_of_somebody_else_is_neither_written_nor_read(ledger, monkeypatch):
    theirs = aside.keep(ledger, answer(ledger))
    assert theirs is not None
    before = theirs.read_bytes()
    monkeypatch.setattr(os, "getuid", lambda: os.geteuid() + 1)

    assert aside.keep(ledger, answer(ledger)._replace(body=b"secret")) is None
    assert before == theirs.read_bytes()
    assert [] == [*aside.kept(ledger)]


def test_a_link_to_another_folder_is_neither_written_nor_read(ledger, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    aside.folders(ledger)[1].symlink_to(elsewhere)

    assert aside.keep(ledger, answer(ledger)) is None
    assert [] == [*elsewhere.iterdir()]
