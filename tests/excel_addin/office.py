"""A real LibreOffice for the tests: one process, one private profile, the add-in installed in it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

SYSTEM_PYTHON = "/usr/bin/python3"
"""Debian gives python3-uno to this one."""


class Office:
    """A running LibreOffice; every method of the driver can be called."""

    def __init__(self, profile: Path, environment: Mapping[str, str]) -> None:
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("CRUST", "PYTHON", "VIRTUAL_ENV"))}
        self._driver = subprocess.Popen(
            [SYSTEM_PYTHON, str(Path(__file__).with_name("driver.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**clean, "LC_ALL": "C.UTF-8"},
        )
        self._ask("start", str(profile), dict(environment))

    def __getattr__(self, command: str) -> Any:
        return lambda *arguments, **keywords: self._ask(command, *arguments, **keywords)

    def _ask(self, command: str, *arguments: Any, **keywords: Any) -> Any:
        assert self._driver.stdin is not None
        assert self._driver.stdout is not None
        self._driver.stdin.write(json.dumps([command, arguments, keywords]) + "\n")
        self._driver.stdin.flush()
        answer = json.loads(self._driver.stdout.readline())
        if "error" in answer:
            raise AssertionError(answer["error"])
        return answer["result"]

    def quit(self) -> None:
        """End the office, as its own menu does."""
        if self._driver.stdin is None or self._driver.stdin.closed:
            return
        self._ask("quit")
        self._driver.communicate(timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.quit()
