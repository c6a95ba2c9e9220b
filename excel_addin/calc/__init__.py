"""LibreOffice Calc: builds and installs ``crust.oxt``, an extension that needs nothing but LibreOffice itself.

The extension starts the user's own Python as a helper and talks to it through pipes, so that neither the version
nor the packages of LibreOffice's Python matter, and no port is opened.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Final

import crustframe
from crustframe.errors import ConfigurationError
from excel_addin.checks import Check
from excel_addin.children import clean_environment

_HELPERS: Final = "*/user/uno_packages/cache/uno_packages/*/*.oxt/helper.json"
IDENTIFIER: Final = "org.crustframe.calc"
_FILES: Final = (
    "META-INF/manifest.xml",
    "description.xml",
    "CalcAddIns.xcu",
    "Addons.xcu",
    "CRUST.idl",
    "addin.py",
)
_SAME_EVERY_TIME: Final = (2020, 1, 1, 0, 0, 0)


def build(output: Path, *, python: str = sys.executable) -> Path:
    """Write the extension for this machine.

    Parameters
    ----------
    output : pathlib.Path
    python : str
        The interpreter that the add-in starts; crustframe must be installed for it.

    Returns
    -------
    pathlib.Path
    """
    source = resources.files("excel_addin.calc").joinpath("extension")
    helper = {"python": python, "import_from": str(Path(crustframe.__file__).resolve().parents[1])}
    texts = {name: source.joinpath(name).read_text(encoding="utf-8") for name in _FILES}
    texts["description.xml"] = texts["description.xml"].replace('"0.0.0"', f'"{crustframe.__version__}"')
    texts["helper.json"] = json.dumps(helper, indent=1)
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            archive.writestr(zipfile.ZipInfo(name, _SAME_EVERY_TIME), text)
    return output


def install(extension: Path) -> None:
    """Add the extension to this user's LibreOffice.

    Raises
    ------
    ConfigurationError
        LibreOffice is not there, or it refuses.
    """
    _unopkg("add", "--suppress-license", "--force", str(extension))


def uninstall() -> None:
    """Take the extension out of this user's LibreOffice."""
    _unopkg("remove", IDENTIFIER)


def checks() -> Iterator[Check]:
    """Yield what LibreOffice needs and whether it is there."""
    tool = find_unopkg()
    yield Check("LibreOffice", tool is not None, tool or "not found; install LibreOffice Calc with its Python support.")
    if tool is not None:
        listed = _run(tool, "list").stdout
        installed = IDENTIFIER in listed
        yield Check("add-in", installed, "registered." if installed else "run `crustframe excel install --calc`.")
        if installed:
            yield _loads()
            yield _calculates(Path(tool))


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, env=clean_environment())


def _loads() -> Check:
    """Start what the registered add-in starts, and say whether it answers."""
    file = next((path for folder in _user_folders() for path in sorted(folder.glob(_HELPERS))), None)
    if file is None:
        return Check("helper", False, "the add-in is registered, and its files are gone; install it again.")
    told = json.loads(file.read_text(encoding="utf-8"))
    environment = clean_environment() | {"PYTHONPATH": told["import_from"]}
    command = [told["python"], "-P", "-c", "import excel_addin.helper"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=60)
        wrong = done.stderr.strip().rpartition("\n")[2] if done.returncode else ""
    except (OSError, subprocess.TimeoutExpired) as error:
        wrong = type(error).__name__
    if wrong:
        said = f"{told['python']} cannot load crustframe ({wrong}); run `crustframe excel install --calc` again."
        return Check("helper", False, said)
    return Check("helper", True, f"{told['python']} loads crustframe.")


_BOOK: Final = """<?xml version="1.0" encoding="UTF-8"?>
<office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"
 xmlns:of="urn:oasis:names:tc:opendocument:xmlns:of:1.2" office:version="1.2"
 office:mimetype="application/vnd.oasis.opendocument.spreadsheet"><office:body><office:spreadsheet>
<table:table table:name="crust"><table:table-row>
<table:table-cell table:formula="of:=CRUST.FIELDS(&quot;headline&quot;)"/></table:table-row>
</table:table></office:spreadsheet></office:body></office:document>
"""


def _calculates(tool: Path) -> Check:
    """Let LibreOffice itself calculate one formula of ours, and say what came of it."""
    program = tool.resolve().with_name("soffice.com" if sys.platform == "win32" else "soffice")
    with tempfile.TemporaryDirectory() as folder:
        book = Path(folder) / "crust.fods"
        book.write_text(_BOOK, encoding="utf-8")
        command = [str(program), "--headless", "--convert-to", "csv", "--outdir", folder, str(book)]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, env=clean_environment(), timeout=60
            )
            answer = book.with_suffix(".csv")
            cell = answer.read_text(encoding="utf-8").strip() if answer.exists() else done.stderr.strip()
        except (OSError, subprocess.TimeoutExpired) as error:
            cell = type(error).__name__
    if cell.startswith("basic_profile.headline"):
        said = "LibreOffice calculates =CRUST.FIELDS()."
        if clean_environment() != dict(os.environ):
            said += " Do not start it from this shell: another Python is set up here, and LibreOffice may die of it."
        return Check("formulas", True, said)
    return Check(
        "formulas", False, f"LibreOffice makes of =CRUST.FIELDS(): {cell.splitlines()[-1] if cell else 'nothing'}"
    )


def _user_folders() -> list[Path]:
    """Return where LibreOffice keeps what belongs to this user."""
    home = Path.home()
    named = [os.environ.get("XDG_CONFIG_HOME"), os.environ.get("APPDATA")]
    roots = [home / ".config", home / "Library" / "Application Support", *(Path(name) for name in named if name)]
    return [root / folder for root in roots for folder in ("libreoffice", "LibreOffice")]


def find_unopkg() -> str | None:
    """Return LibreOffice's tool for extensions, wherever this system keeps it."""
    usual = (
        "/Applications/LibreOffice.app/Contents/MacOS/unopkg",
        r"C:\Program Files\LibreOffice\program\unopkg.com",
        "/usr/lib/libreoffice/program/unopkg",
    )
    return shutil.which("unopkg") or next((path for path in usual if Path(path).exists()), None)


def _unopkg(*arguments: str) -> None:
    tool = find_unopkg()
    if tool is None:
        raise ConfigurationError("LibreOffice was not found.", hint="install LibreOffice Calc with its Python support.")
    done = _run(tool, *arguments)
    if done.returncode:
        raise ConfigurationError(
            f"LibreOffice refused: {(done.stderr or done.stdout).strip()}",
            hint="close LibreOffice first; as root use the extension manager of a user instead.",
        )
