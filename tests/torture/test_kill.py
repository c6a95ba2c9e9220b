"""Campaign 1: kill -9 in the middle of a run, then the same command again."""

from __future__ import annotations

import random
import sys
import time

import pytest
from rig import Shell, is_sound, people

import crustframe

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")


@pytest.mark.campaign(sample=3, full=100)
@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_killed_run_ends_like_one_that_was_left_alone(tmp_path, size, is_full, figures, concurrency):
    """Byte-identical output, nobody lost, and whoever was paid for twice stands in the receipt."""
    dice, rows = random.Random(concurrency), 10_000 if is_full else 600
    twice, cut_short, worst = 0, 0, 25 * concurrency
    with crustframe.sandbox(requests_per_minute=None, latency_s=0.001 if is_full else 0.01) as sandbox:
        column = people(rows)
        calm = Shell(sandbox, tmp_path / "calm", column, concurrency=concurrency)
        began = time.monotonic()
        assert (0, rows) == (calm.run()[0], len(sandbox.people_charged))
        lasts_s = time.monotonic() - began
        whole = calm.output.read_bytes()

    for trial in range(size):
        with crustframe.sandbox(requests_per_minute=None, latency_s=0.001 if is_full else 0.01) as sandbox:
            shell = Shell(sandbox, tmp_path / "killed", column, concurrency=concurrency)
            with shell.start() as process:
                while not sandbox.calls and process.poll() is None:
                    time.sleep(0.005)
                time.sleep(dice.uniform(0, lasts_s))
                process.kill()
                process.communicate()
            cut_short += len(sandbox.people_charged) < rows or not shell.receipt.exists()
            code, words = shell.run()

            told = set(shell.told()["resent"])
            doubled = {person for person, times in sandbox.people_charged.items() if times > 1}
            assert (0, whole) == (code, shell.output.read_bytes()), (trial, words)
            assert rows == len(sandbox.people_charged), trial
            assert 2 >= max(sandbox.people_charged.values()), trial
            assert worst >= len(doubled), trial
            assert doubled <= {text.rpartition("/")[2] for text in told} | told, trial
            assert is_sound(shell.ledger), trial
            twice = max(twice, len(doubled))
        for left in (shell.ledger, shell.output, shell.receipt):
            left.unlink()
        for left in shell.ledger.with_name(shell.ledger.name + ".owners").iterdir():
            left.unlink()
        shell.ledger.with_name(shell.ledger.name + ".owners").rmdir()
    figures(kills=size, cut_short=cut_short, rows=rows, most_paid_twice=twice, bound=worst)
