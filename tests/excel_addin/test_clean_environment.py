"""Children that bring a Python of their own get nothing of ours; the doctor starts what the add-in names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from excel_addin import calc
from excel_addin.children import clean_environment


@pytest.fixture
def activated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A shell in which a virtual environment was activated, with an unopkg that tells its environment."""
    venv, tools = tmp_path / "venv", tmp_path / "tools"
    for folder in (venv / "bin", tools):
        folder.mkdir(parents=True)
    told = tmp_path / "told.json"
    unopkg = tools / "unopkg"
    unopkg.write_text(f"#!/bin/sh\n/usr/bin/env > {told}\necho 'Identifier: {calc.IDENTIFIER}'\n")
    unopkg.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(venv / "bin"), str(tools), "/usr/bin", "/bin"]))
    monkeypatch.setenv("VIRTUAL_ENV", str(venv))
    for name in ("PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "CONDA_PREFIX", "CONDA_DEFAULT_ENV"):
        monkeypatch.setenv(name, str(venv))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ".config"))
    return told


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script plays unopkg")
@pytest.mark.parametrize("verb", ["install", "uninstall", "checks"])
def test_libreoffice_hears_nothing_of_the_virtual_environment(activated: Path, verb: str) -> None:
    {"install": lambda: calc.install(Path("x.oxt")), "uninstall": calc.uninstall, "checks": lambda: [*calc.checks()]}[
        verb
    ]()

    told = dict(line.split("=", 1) for line in activated.read_text().splitlines() if "=" in line)
    assert not [name for name in told if name.startswith(("PYTHON", "VIRTUAL_ENV", "CONDA"))]
    assert str(activated.parent / "venv") not in told["PATH"]
    assert str(activated.parent / "tools") in told["PATH"]


def installed(home: Path, python: str) -> None:
    folder = home / ".config/libreoffice/4/user/uno_packages/cache/uno_packages/lu1.tmp_/crust.oxt"
    folder.mkdir(parents=True)
    import_from = str(Path(calc.__file__).parents[2])
    (folder / "helper.json").write_text(json.dumps({"python": python, "import_from": import_from}))


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script plays unopkg")
@pytest.mark.parametrize("state", ["right", "moved", "broken", "gone"])
def test_the_doctor_tells_registered_from_loadable(activated: Path, tmp_path: Path, state: str) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'ModuleNotFoundError: no crustframe' >&2\nexit 1\n")
    broken.chmod(0o755)
    if state != "gone":
        installed(tmp_path, {"right": sys.executable, "moved": "/nowhere/python", "broken": str(broken)}[state])

    found = {check.what: check for check in calc.checks()}

    assert found["add-in"].is_right
    assert "registered" in found["add-in"].said
    assert (state == "right") == found["helper"].is_right
    if state in {"moved", "broken"}:
        assert "install --calc" in found["helper"].said
        assert ("/nowhere/python" if state == "moved" else str(broken)) in found["helper"].said


@pytest.mark.skipif(sys.platform == "win32", reason="runs the system's Python")
def test_another_python_starts_where_ours_would_break_it(tmp_path: Path) -> None:
    """PYTHONHOME of a virtual environment kills any other Python; the clean environment lets it live."""
    dirty = {**os.environ, "PYTHONHOME": str(tmp_path), "VIRTUAL_ENV": sys.prefix, "PATH": os.environ["PATH"]}
    command = ["/usr/bin/python3", "-c", "import json; print(1)"]

    assert 0 != subprocess.run(command, env=dirty, capture_output=True, check=False).returncode
    assert 0 == subprocess.run(command, env=clean_environment(dirty), capture_output=True, check=False).returncode
