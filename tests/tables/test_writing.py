"""A write that fails leaves the old file, and nothing is written over that is not meant."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from delimited import table_of

from crustframe.errors import TableError
from crustframe.tables import read_table


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("failing", ["fsync", "replace"])
@pytest.mark.parametrize("out", ["out.csv", "out.tsv", "out.xlsx", "out.jsonl", "out.parquet"])
def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch, failing, out):
    table = table_of(tmp_path, b"a\n1\n")
    (tmp_path / out).write_bytes(b"before")
    with monkeypatch.context() as patch:
        patch.setattr(os, failing, full_disk)
        with pytest.raises(TableError, match=r"No space left(?s:.*)ledger(?s:.*)free of charge"):
            table.write(tmp_path / out, {"n": [1]})

    assert b"before" == (tmp_path / out).read_bytes()
    assert {"in.csv", out} == {path.name for path in tmp_path.iterdir()}
    assert 1 == table.write(tmp_path / out, {"n": [1]}).rows


class Interrupting(list[object]):
    """A column that breaks off in the middle, as Ctrl-C does."""

    def __iter__(self):
        yield "first"
        raise KeyboardInterrupt


@pytest.mark.parametrize("out", ["out.csv", "out.tsv", "out.xlsx", "out.jsonl", "out.parquet"])
def test_an_interrupted_write_leaves_the_old_file(tmp_path, out):
    table = table_of(tmp_path, b"a\n1\n2\n")
    (tmp_path / out).write_bytes(b"before")

    with pytest.raises(KeyboardInterrupt):
        table.write(tmp_path / out, {"n": Interrupting([1, 2])})

    assert b"before" == (tmp_path / out).read_bytes()
    assert {"in.csv", out} == {path.name for path in tmp_path.iterdir()}


def test_killed_in_the_middle_leaves_the_old_file(tmp_path):
    (tmp_path / "in.csv").write_bytes(b"a\n" + b"x\n" * 20_000)
    (tmp_path / "out.csv").write_bytes(b"before")
    program = f"""
import os
from crustframe.tables import read_table
class Killed(list):
    def __iter__(self):
        yield from ["x" * 100] * 10_000
        os.kill(os.getpid(), 9)
read_table({str(tmp_path / "in.csv")!r}).write({str(tmp_path / "out.csv")!r}, {{"n": Killed(range(20_000))}})
"""

    done = subprocess.run([sys.executable, "-c", program], check=False)

    assert -9 == done.returncode
    assert b"before" == (tmp_path / "out.csv").read_bytes()


@pytest.mark.parametrize("link", ["same", "symlink", "hardlink", "detour"])
def test_the_input_is_never_overwritten(tmp_path, link):
    table = table_of(tmp_path, b"a\n1\n")
    path = tmp_path / "in.csv"
    if link == "symlink":
        path = tmp_path / "link.csv"
        path.symlink_to(tmp_path / "in.csv")
    elif link == "hardlink":
        path = tmp_path / "hard.csv"
        path.hardlink_to(tmp_path / "in.csv")
    elif link == "detour":
        path = tmp_path / ".." / tmp_path.name / "in.csv"

    with pytest.raises(TableError, match="is the input itself"):
        table.write(path, {"n": [1]})
    assert b"a\n1\n" == (tmp_path / "in.csv").read_bytes()


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("nowhere/out.csv", "folder of out.csv does not exist"),
        ("folder.csv", "not a regular file"),
        ("out.ods", r".ods files are not written(?s:.*).parquet, .jsonl or .json"),
        ("x" * 300 + ".csv", "File name too long"),
    ],
)
def test_impossible_destinations_are_refused(tmp_path, out, words):
    table = table_of(tmp_path, b"a\n1\n")
    (tmp_path / "folder.csv").mkdir()

    with pytest.raises(TableError, match=words):
        table.write(tmp_path / out, {"n": [1]})


def test_a_device_is_not_replaced_by_a_file(tmp_path):
    before = Path(os.devnull).stat()

    assert 1 == table_of(tmp_path, b"a\n1\n").write(os.devnull, {"n": [1]}).rows

    assert (before.st_ino, before.st_mode) == (Path(os.devnull).stat().st_ino, Path(os.devnull).stat().st_mode)


def test_permissions_follow_the_umask(tmp_path):
    table = table_of(tmp_path, b"a\n1\n")
    before = os.umask(0o027)
    try:
        table.write(tmp_path / "out.csv", {"n": [1]})
    finally:
        os.umask(before)

    assert 0o640 == stat.S_IMODE((tmp_path / "out.csv").stat().st_mode)


def test_a_link_keeps_pointing(tmp_path):
    table = table_of(tmp_path, b"a\n1\n")
    (tmp_path / "real.csv").write_bytes(b"before")
    (tmp_path / "link.csv").symlink_to("real.csv")

    table.write(tmp_path / "link.csv", {"n": [1]})

    assert (tmp_path / "link.csv").is_symlink()
    assert b'a,"n"\n1,"1"\n' == (tmp_path / "real.csv").read_bytes()


def test_an_input_that_changed_is_not_matched(tmp_path):
    table = table_of(tmp_path, b"a\n1\n2\n")
    table.column("a")
    (tmp_path / "in.csv").write_bytes(b"a\n2\n1\n\n")

    with pytest.raises(TableError, match=r"in.csv changed(?s:.*)free of charge"):
        table.write(tmp_path / "out.csv", {"n": [1, 2]})
    assert not (tmp_path / "out.csv").exists()


def test_a_missing_input_says_so(tmp_path):
    with pytest.raises(TableError, match=r"none.csv cannot be read: No such file"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(TableError, match="cannot be read: Is a directory"):
        read_table(tmp_path)
