"""``crustframe excel install --calc`` with the real LibreOffice, from a shell in which an environment is activated."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# LibreOffice's unopkg refuses root, so a root's tests become somebody else, who can read every file all the same.
_IDS = "--reuid=65534 --regid=65534 --clear-groups"
_RIGHTS = "--inh-caps=+dac_override --ambient-caps=+dac_override"
_AS_SOMEBODY = f"setpriv {_IDS} {_RIGHTS}".split() if sys.platform == "linux" and os.geteuid() == 0 else []


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def crustframe(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run our command as whoever activated the environment of the tests, and named it in PYTHONPATH as well."""
    prefix = Path(sys.prefix)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CRUST", "XDG"))}
    environment |= {
        "HOME": str(home),
        "VIRTUAL_ENV": str(prefix),
        "PATH": os.pathsep.join([str(prefix / "bin"), environment["PATH"]]),
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "CRUSTDATA_API_KEY": "invented-key",
        "LC_ALL": "C.UTF-8",
    }
    command = [*_AS_SOMEBODY, sys.executable, "-m", "crustframe", "excel", *arguments, "--calc"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


def test_the_add_in_is_installed_seen_to_calculate_and_taken_away(home: Path) -> None:
    before = crustframe(home, "doctor")
    assert 4 == before.returncode
    assert "WANT  add-in: run `crustframe excel install --calc`." in before.stdout

    done = crustframe(home, "install")
    assert (0, "The add-in is in LibreOffice.") == (done.returncode, done.stderr.partition(" Restart")[0]), done.stderr

    found = crustframe(home, "doctor")
    assert 0 == found.returncode, found.stdout
    assert "ok    add-in: registered." in found.stdout
    assert "ok    formulas: LibreOffice calculates =CRUST.FIELDS()." in found.stdout
    assert "another Python is set up here" in found.stdout

    assert 0 == crustframe(home, "uninstall").returncode
    assert "WANT  add-in" in crustframe(home, "doctor").stdout


def test_the_doctor_tells_of_an_add_in_that_is_registered_and_cannot_calculate(home: Path) -> None:
    assert 0 == crustframe(home, "install").returncode
    (helper,) = home.glob(".config/libreoffice/*/user/uno_packages/cache/uno_packages/*/*.oxt/helper.json")
    helper.write_text('{"python": "/nowhere/python", "import_from": "/nowhere"}')

    found = crustframe(home, "doctor")

    assert 4 == found.returncode
    assert "ok    add-in: registered." in found.stdout
    assert "WANT  helper" in found.stdout
    assert "WANT  formulas" in found.stdout
