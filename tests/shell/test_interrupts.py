"""Ctrl-C at any instant ends a command with 130 and no traceback; where it is ignored on purpose it stays ignored."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")

SHELL = Path(sys.executable).with_name("crustframe")
STARTS = {"module": [sys.executable, "-X", "importtime", "-m", "crustframe"],
          "script": [sys.executable, "-X", "importtime", str(SHELL)]}  # fmt: skip


def started(start, *arguments):
    """Return a command that tells on stderr what it imports, as soon as our first module is there."""
    process = subprocess.Popen(
        [*STARTS[start], *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    )
    for line in process.stderr:
        if line.rstrip().endswith("crustframe.shell.interrupts"):
            return process
    raise AssertionError("ended before it could be interrupted")


def words_of(stderr):
    return [line for line in stderr.splitlines() if not line.startswith("import time:")]


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("part", range(4))
def test_while_it_is_imported(start, part):
    dice = random.Random(part)
    with started(start, "fields", "headline") as process:
        time.sleep(dice.uniform(0, 0.15 + 0.2 * part))
        process.send_signal(signal.SIGINT)
        err = process.communicate(timeout=60)[1]

    assert "Traceback" not in err
    assert process.returncode in {0, 130}
    assert (130 == process.returncode) == ("Interrupted." in err)
    if not part:
        assert 130 == process.returncode


@pytest.mark.parametrize("command", [("ledger", "verify"), ("doctor", "--json"), ("enrich", "--help")])
def test_any_command_at_any_time(command):
    """From the first import to after its last word."""
    dice = random.Random(str(command))
    for _ in range(3):
        with started("module", *command) as process:
            time.sleep(dice.uniform(0, 2.0))
            process.send_signal(signal.SIGINT)
            err = process.communicate(timeout=60)[1]
        assert "Traceback" not in err
        assert process.returncode in {0, 4, 5, 6, 130}


def test_the_sandbox_from_its_first_line_on():
    """The first line is out before the second is; nothing but the closing words follows, and twice does no harm."""
    code = "from crustframe.sandbox.server import serve; serve(requests_per_minute=None)"
    for presses in (1, 2, 5):
        with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) as process:
            first = process.stderr.readline()
            for _ in range(presses):
                process.send_signal(signal.SIGINT)
            rest = process.stderr.read()

        assert first.startswith("url: http://127.0.0.1:")
        assert "key: sandbox-key\nThe sandbox is closed.\n" == rest


def test_the_sandbox_leaves_ctrl_c_as_it_was():
    code = """
import signal, threading, os
from crustframe.sandbox.server import serve
threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
serve()
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert 0 == done.returncode, done.stderr


def test_what_ignores_ctrl_c_on_purpose_goes_on():
    """As under nohup and cron: the sandbox answers after it."""
    command = ["sh", "-c", 'trap "" INT; exec "$0" -m crustframe sandbox', sys.executable]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        url = process.stderr.readline().removeprefix("url: ").strip()
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        answer = requests.get(url + "/sandbox/meter", timeout=10)
        process.terminate()
        process.communicate(timeout=30)

    assert 200 == answer.status_code


def test_importing_the_library_leaves_ctrl_c_alone():
    code = "import signal, crustframe; assert signal.getsignal(signal.SIGINT) is signal.default_int_handler"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    other = [sys.executable, "-m", "timeit", "-n1", "-r1", "-s", code, "pass"]
    subprocess.run(other, check=True, timeout=60, capture_output=True)


def test_tests_give_ctrl_c_back_to_their_children():
    """Whatever started the tests ignored."""
    script = "import signal; raise SystemExit(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"
    assert 0 == subprocess.run([sys.executable, "-c", script], check=False, timeout=60).returncode
