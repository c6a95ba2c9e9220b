"""Campaign 8: Ctrl-C in a script, under pytest and in a Jupyter kernel."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from rig import ROOT, environment, people

import crustframe

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of the Jupyter machinery, not of ours
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

N = 400
ENRICH = f"""
import crustframe
urls = [f"https://www.linkedin.com/in/lead-{{n}}-example" for n in range({N})]
found = crustframe.enrich(urls, fields=["crustdata_person_id as id"], keep="asked")
"""
SCRIPT = f"""{ENRICH}
print(",".join(found.frame["id"].astype(str)))
"""
TEST = "def test_it():\n" + "".join(f"    {line}\n" for line in ENRICH.strip().splitlines())
PROMPT_S = 2.0


@pytest.fixture
def new_account(monkeypatch, tmp_path):
    """Return what begins a sandbox with a little latency and a ledger of its own, both named by the environment."""

    @contextmanager
    def new_account(seed):
        with crustframe.sandbox(requests_per_minute=None, latency_s=0.05) as sandbox:
            for name, value in environment(sandbox, tmp_path / f"{seed}.sqlite3").items():
                monkeypatch.setenv(name, value)
            yield sandbox

    return new_account


def finishes(account, truth: str | None = None) -> str:
    """Run the script to its end; everybody is there and was paid for once."""
    ended = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=False)
    assert 0 == ended.returncode, ended.stderr
    assert truth in (None, ended.stdout)
    assert {1} == set(account.people_charged.values())
    assert N == len(account.people_charged)
    return ended.stdout


def interrupted(account, command: list[str], dice: random.Random) -> tuple[subprocess.Popen[str], str, float]:
    """Interrupt a command at some instant; return it, its words, and how long it took to end."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        wait_for_calls(account, 1)
        time.sleep(dice.uniform(0, 0.6))
        calls, began = account.calls, time.monotonic()
        process.send_signal(signal.SIGINT)
        words = process.communicate(timeout=60)[0]
    assert account.calls <= calls + 2  # those that were leaving at that instant
    return process, words, time.monotonic() - began


def wait_for_calls(account, n: int) -> None:
    until = time.monotonic() + 30
    while account.calls < n and time.monotonic() < until:
        time.sleep(0.005)


@pytest.mark.campaign(sample=3, full=100)
def test_a_script_gives_control_back_and_goes_on_where_it_was(new_account, size, figures):
    slowest, truth = 0.0, None
    for seed in range(size):
        with new_account(seed) as account:
            process, words, took_s = interrupted(account, [sys.executable, "-c", SCRIPT], random.Random(seed))
            assert "KeyboardInterrupt" in words or "Interrupted" in words or not process.returncode, (seed, words)
            assert took_s < PROMPT_S, seed
            truth, slowest = finishes(account, truth), max(slowest, took_s)
    figures(interrupts=size, slowest_s=round(slowest, 2), charged_twice=0)


@pytest.mark.campaign(sample=1, full=20)
def test_pytest_gives_control_back(new_account, tmp_path, size, figures):
    (tmp_path / "test_it.py").write_text(TEST)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path / "test_it.py")]
    slowest = 0.0
    for seed in range(size):
        with new_account(seed) as account:
            process, words, took_s = interrupted(account, command, random.Random(seed))
            done = "1 passed" in words  # the instant came when nothing was left to interrupt
            assert done or (2, True) == (process.returncode, "Interrupted" in words), (seed, words)
            slowest = max(slowest, took_s)
            finishes(account)
    figures(interrupts=size, slowest_s=round(slowest, 2), charged_twice=0)


@pytest.mark.campaign(sample=1, full=10)
def test_a_kernel_gives_control_back(tmp_path, size, figures, monkeypatch):
    """A real kernel: the interrupt comes while a cell runs, and the next cell runs at once."""
    from jupyter_client.manager import start_new_kernel

    for variable in ("JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(variable, str(tmp_path / variable.lower()))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    slowest = 0.0
    for seed in range(size):
        with crustframe.sandbox(requests_per_minute=None, latency_s=0.05) as account:
            told = environment(account, tmp_path / f"{seed}.sqlite3")
            for name, value in told.items():
                monkeypatch.setenv(name, value)
            manager, kernel = start_new_kernel(kernel_name="python3", cwd=str(ROOT))
            try:
                message = kernel.execute(ENRICH)
                wait_for_calls(account, 2)
                time.sleep(random.Random(seed).uniform(0, 0.5))
                calls, began = account.calls, time.monotonic()
                manager.interrupt_kernel()
                reply = kernel.get_shell_msg(timeout=60)
                took_s = time.monotonic() - began
                assert message == reply["parent_header"]["msg_id"]
                assert ("error", "Interrupted") == (reply["content"]["status"], reply["content"].get("ename"))
                assert took_s < PROMPT_S, seed
                assert account.calls <= calls + 2
                kernel.execute(ENRICH)
                assert "ok" == kernel.get_shell_msg(timeout=60)["content"]["status"]
            finally:
                kernel.stop_channels()
                manager.shutdown_kernel(now=True)
            assert {1} == set(account.people_charged.values())
            assert set(people(N)) == {f"https://www.linkedin.com/in/{slug}" for slug in account.people_charged}
            slowest = max(slowest, took_s)
    figures(interrupts=size, slowest_s=round(slowest, 2), charged_twice=0)
