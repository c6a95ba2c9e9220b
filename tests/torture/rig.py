"""What the campaigns share: people, the shell as a process of its own, and what a ledger says about itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import crustframe
from crustframe.sandbox.server import Sandbox

ROOT = Path(crustframe.__file__).parents[1]
FIELDS = ["crustdata_person_id as id", "basic_profile.name as name"]


def people(n: int, start: int = 0) -> list[str]:
    """Return profile URLs of people whom the sandbox knows."""
    return [f"https://www.linkedin.com/in/lead-{number}-example" for number in range(start, start + n)]


def in_a_hurry() -> dict[str, Callable[..., float | None]]:
    """Return the clock and the sleep of a client whose waiting passes a thousand times faster."""
    started = time.time()
    return {
        "clock": lambda: started + (time.time() - started) * 1000,
        "sleep": lambda seconds: time.sleep(seconds / 1000),
    }


def environment(sandbox: Sandbox, ledger: Path) -> dict[str, str]:
    """Return the environment of a process that asks `sandbox` and keeps its answers in `ledger`."""
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "CRUSTDATA_API_KEY": sandbox.key,
        "CRUSTFRAME_BASE_URL": sandbox.url,
        "CRUSTFRAME_LEDGER": str(ledger),
        "CRUSTFRAME_MAX_CREDITS": "10_000_000",
    }


class Shell:
    """``crustframe enrich`` on one table, in one folder, as a process of its own."""

    def __init__(self, sandbox: Sandbox, folder: Path, column: Sequence[str], *, concurrency: int = 2) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.ledger, self.output, self.receipt = folder / "ledger.sqlite3", folder / "out.csv", folder / "receipt.json"
        table = folder / "leads.csv"
        table.write_text("row,contact\n" + "".join(f"{n},{text}\n" for n, text in enumerate(column)), encoding="utf-8")
        self._environment = environment(sandbox, self.ledger)
        self._command = [sys.executable, "-W", "error", "-m", "crustframe", "enrich", str(table), "--column", "contact"]
        self._command += [part for field in FIELDS for part in ("--field", field)]
        self._command += ["--concurrency", str(concurrency), "--keep", "asked", "--yes", "--output", str(self.output)]
        self._command += ["--receipt", str(self.receipt)]

    def start(self) -> subprocess.Popen[str]:
        """Begin the run."""
        return subprocess.Popen(
            self._command, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )

    def run(self) -> tuple[int, str]:
        """Run it to its end and return the exit code and the words."""
        with self.start() as process:
            words = process.communicate(timeout=300)[1]
        return process.returncode, words

    def told(self) -> dict[str, list[str]]:
        """Return the receipt."""
        return json.loads(self.receipt.read_text(encoding="utf-8"))


def is_sound(path: Path) -> bool:
    """Whether every page and every answer of a ledger can be read, and no request is left open."""
    with crustframe.Client(api_key="sandbox-key", base_url="http://127.0.0.1:9", ledger=path) as client:
        left_open = [entry for entry in client.ledger.purchases(100_000) if entry["state"] in {"sent", "answered"}]
        return bool(client.ledger.verify()["ok"]) and not left_open
