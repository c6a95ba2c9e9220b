"""Campaign 6: a ledger that was damaged, cut, emptied, or never was one."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections import Counter
from pathlib import Path

import pytest
from rig import FIELDS, people

import crustframe
from crustframe.errors import LedgerError


def broken(whole: bytes, dice: random.Random, trial: int) -> tuple[str, bytes]:
    """Return what happened to the file and what it holds now."""
    match trial % 10:
        case 8:
            return "cut", whole[: dice.randrange(1, len(whole))]
        case 9:
            kind = dice.choice(["empty", "text", "zeros", "foreign head"])
            return kind, {
                "empty": b"",
                "text": b"these are somebody's notes\n" * 99,
                "zeros": bytes(len(whole)),
                "foreign head": b"\x89PNG\r\n\x1a\n" + whole[8:],
            }[kind]
        case _:
            damaged = bytearray(whole)
            for _ in range(dice.choice([1, 1, 1, 8, 64])):
                damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
            return "flipped", bytes(damaged)


@pytest.mark.campaign(sample=60, full=1_000)
def test_random_damage_is_noticed_or_harmless(sandbox, tmp_path, size, figures):
    """Never another person's data, never a request, never overwritten."""
    ledger, sidecar = tmp_path / "ledger.sqlite3", tmp_path / "ledger.sqlite3.owners"
    with sandbox.make_client(ledger=ledger) as client:
        crustframe.enrich(people(50), fields=FIELDS, client=client)
        truth = crustframe.enrich(people(50), fields=FIELDS, client=client).frame
    whole, calls, seen = ledger.read_bytes(), sandbox.calls, Counter()
    for trial in range(size):
        for left in tmp_path.glob("ledger.sqlite3*"):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        sidecar.mkdir()
        how, damaged = broken(whole, random.Random(trial), trial)
        ledger.write_bytes(damaged)
        with sandbox.make_client(ledger=ledger) as client:
            try:
                found = crustframe.enrich(people(50), fields=FIELDS, client=client).frame
                assert truth.equals(found), (trial, how)
                seen["harmless"] += 1
            except LedgerError as error:
                said = str(error)
                seen["detected"] += 1
                assert damaged in kept(tmp_path), (trial, how)
                assert "Nothing was sent" in said, trial
        assert calls == sandbox.calls, (trial, how)
    figures(trials=size, **seen, requests=0)


def kept(folder: Path) -> list[bytes]:
    """Return what the ledger, or the file that it was set aside as, holds now."""
    return [left.read_bytes() for left in folder.glob("ledger.sqlite3*") if left.is_file()]


@pytest.mark.parametrize("what", ["newer", "foreign"])
def test_a_file_of_others_is_left_as_it_is(sandbox, tmp_path, what):
    ledger = tmp_path / "ledger.sqlite3"
    if what == "newer":
        with sandbox.make_client(ledger=ledger) as client:
            crustframe.enrich(people(5), fields=FIELDS, client=client)
    with sqlite3.connect(ledger) as theirs:
        theirs.execute("PRAGMA user_version = 99" if what == "newer" else "CREATE TABLE notes (text)")
    theirs.close()
    before, calls = ledger.read_bytes(), sandbox.calls

    for _ in range(2):
        with (
            sandbox.make_client(ledger=ledger) as client,
            pytest.raises(LedgerError, match=r"newer crustframe|another program"),
        ):
            crustframe.enrich(people(60), fields=FIELDS, client=client)

    assert (before, calls) == (ledger.read_bytes(), sandbox.calls)
