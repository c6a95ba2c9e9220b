"""Excel on Windows: builds ``crust.xlam`` from the user's own xlwings, puts it where Excel finds it, and checks it.

The macros of xlwings name the very version of its library, so an add-in is built from what is installed and is built
again after every upgrade.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata, resources
from pathlib import Path
from typing import Any, Final

from crustframe.errors import ConfigurationError
from excel_addin.checks import Check

PROJECT: Final = "crust"
_ADD_IN_FORMAT: Final = 55  # XlFileFormat.xlOpenXMLAddIn
_OLDEST, _TOO_NEW = (0, 37), (1, 0)


def macros(folder: Path, *, xlwings_folder: Path | None = None) -> list[Path]:
    """Write the modules of the add-in: those of the installed xlwings under our project's name, and our own.

    Returns
    -------
    list of pathlib.Path
        To be imported into one project, in this order.
    """
    source = xlwings_folder or _xlwings_folder()
    theirs = (source / "xlwings_custom_addin.bas").read_text(encoding="utf-8", errors="replace")
    ours = made_private(theirs)
    written = [folder / "xlwings.bas", folder / "Dictionary.cls", folder / "CRUST.bas"]
    written[0].write_text(ours, encoding="utf-8", newline="\r\n")
    shutil.copyfile(source / "addin" / "Dictionary.cls", written[1])
    own = resources.files("excel_addin").joinpath("vba/CRUST.bas").read_text(encoding="utf-8")
    written[2].write_text(own, encoding="utf-8", newline="\r\n")
    return written


def made_private(module: str) -> str:
    """Return the module of xlwings as a stranger's workbook cannot use it.

    Of its procedures only the way to Python is left. No cell can call what is in it, its settings come from the user's
    own folder alone, and no name of a workbook gets into a command line.

    Raises
    ------
    ConfigurationError
        It is not the module that is known here.
    """
    procedures = {found["name"]: found[0] for found in _PROCEDURE.finditer(module)}
    if not procedures or not procedures.keys() >= _WAY_TO_PYTHON:
        raise _unknown_macros()
    head = module[: next(_PROCEDURE.finditer(module)).start()]
    kept = procedures | {"GetConfig": _GET_CONFIG}
    text = "\n\n".join([head.rstrip(), *(kept[name] for name in procedures if name in _WAY_TO_PYTHON)]) + "\n"
    if any(re.search(rf"\b{name}\b", text) for name in procedures.keys() - _WAY_TO_PYTHON):
        raise _unknown_macros()
    for pattern, replacement in _CHANGES:
        text, n = re.subn(pattern, replacement, text)
        if not n:
            raise _unknown_macros()
    return text


def _unknown_macros() -> ConfigurationError:
    return ConfigurationError(
        "This xlwings has other macros than those that are known here. Nothing was built.",
        hint='run `pip install "xlwings>=0.37,<1"`.',
    )


_PROCEDURE: Final = re.compile(
    r"(?ms)^(?:Public |Private )?(?P<kind>Function|Sub) (?P<name>\w+)\(.*?^End (?P=kind)", re.ASCII
)
_WAY_TO_PYTHON: Final = frozenset({"XLPy", "XLPyCommand", "XLPyLoadDLL", "ParentFolder", "GetConfig"})
_CHANGES: Final = (
    (r'PROJECT_NAME As String = "myaddin"', f'PROJECT_NAME As String = "{PROJECT}"'),
    (r'\AAttribute VB_Name = "xlwings"\r?\n', 'Attribute VB_Name = "xlwings"\nOption Private Module\n'),
    (r"(?m)^(?:Public )?(Function|Sub) (?!XLPy\()", r"Private \1 "),
    (r"(?m)^(\s+)Declare ", r"\1Private Declare "),
    (r"(?<=AddExcelDir & \";\" & )ActiveWorkbook\.FullName & \";\" & ThisWorkbook\.FullName", '";"'),
    (r'"cmd\.exe "', r'Environ("SystemRoot") & "\\System32\\cmd.exe "'),  # else one beside the workbook goes first
    (r'" -B -c ""import sys', r'" -B -P -c ""import sys'),  # else modules beside the workbook go first
)
_GET_CONFIG: Final = """Private Function GetConfig(configKey As String, Optional default As String = "") As Variant
    Dim settings As String, file As Integer, found As String, value As String
    settings = Environ("USERPROFILE") & "\\." & PROJECT_NAME & "\\" & PROJECT_NAME & ".conf"
    GetConfig = default
    If Dir(settings) <> "" Then
        file = FreeFile
        Open settings For Input As #file
        Do While Not EOF(file)
            Input #file, found, value
            If LCase$(found) = LCase$(configKey) Then GetConfig = value
        Loop
        Close #file
    End If
    If configKey = "INTERPRETER_WIN" And InStr(GetConfig, "\\") = 0 Then
        Err.Raise 1002, Description:="The settings name no Python. Run crustframe excel install again."
    End If
End Function"""
"""Settings of the user's own folder; a workbook, and whatever lies beside it, has no say."""


def settings(python: str = sys.executable) -> str:
    """Return the settings file of the add-in: this Python, and nothing from folders of workbooks."""
    folder = Path(__file__).resolve().parents[1]
    rows = {
        "INTERPRETER_WIN": python,
        "PYTHONPATH": str(folder),
        "ADD_WORKBOOK_TO_PYTHONPATH": "False",
        "UDF MODULES": "excel_addin.udfs",
        "SHOW CONSOLE": "False",
    }
    return "".join(f'"{name}","{value}"\n' for name, value in rows.items())


def build(output: Path, *, excel: Any = None) -> Path:
    """Build the add-in with Excel itself, which must trust access to its project model while it does.

    Parameters
    ----------
    output : pathlib.Path
    excel : COM object, optional
        ``Excel.Application``; by default a new one.
    """
    application = excel or _excel()
    with tempfile.TemporaryDirectory() as folder:
        book = application.Workbooks.Add()
        try:
            project = book.VBProject
            for module in macros(Path(folder)):
                project.VBComponents.Import(str(module))
            project.Name = "crustframe_addin"
            book.IsAddin = True
            output.unlink(missing_ok=True)
            book.SaveAs(str(output), _ADD_IN_FORMAT)
        except Exception as error:  # a COM error of pywin32, which is not there to be named elsewhere
            raise ConfigurationError(
                f"Excel does not let the add-in be built ({type(error).__name__}).",
                hint="in Excel: Options, Trust Center, Macro Settings, 'Trust access to the VBA project object model'; "
                "it can be taken back when the add-in is built.",
            ) from error
        finally:
            book.Close(False)
            if excel is None:
                application.Quit()
    output.with_suffix(".version").write_text(f"{xlwings_version()}\n", encoding="utf-8")
    return output


def install(*, excel: Any = None) -> Path:
    """Build the add-in into Excel's start folder and write its settings."""
    wrong = [check for check in checks() if not check.is_right and check.what in {"Windows", "xlwings"}]
    if wrong:
        raise ConfigurationError(wrong[0].said, hint="`crustframe excel doctor` tells more.")
    file = settings_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    _write_settings(file)
    target = add_in_file()
    target.parent.mkdir(parents=True, exist_ok=True)
    return build(target, excel=excel)


def _write_settings(file: Path) -> None:
    encoding = "mbcs" if sys.platform == "win32" else "utf-8"  # as VBA reads it
    try:
        content = settings().encode(encoding)
    except UnicodeEncodeError:
        raise ConfigurationError(
            f"The path of this Python, {sys.executable}, has letters that Excel's macros cannot read here.",
            hint="install crustframe into a folder whose path has letters of this Windows' own code page only.",
        ) from None
    file.write_bytes(content)


def uninstall() -> list[Path]:
    """Take the add-in and its settings away; the ledger and the key stay."""
    gone = [path for path in (add_in_file(), add_in_file().with_suffix(".version"), settings_file()) if path.exists()]
    for path in gone:
        path.unlink()
    return gone


def checks() -> Iterator[Check]:
    """Yield what Excel needs and whether it is there; never shows the key."""
    yield Check("Windows", sys.platform == "win32", "Excel's functions need Windows; elsewhere use --calc.")
    version = xlwings_version()
    fits = version is not None and _OLDEST <= _numbers(version) < _TOO_NEW
    yield Check("xlwings", fits, f"xlwings {version or 'is not installed'}; 0.37 or later is needed, below 1.0.")
    built = built_for()
    yield Check(
        "add-in",
        built is not None and built == version,
        "crust.xlam is not installed."
        if built is None
        else f"crust.xlam was built for xlwings {built}" + ("." if built == version else "; run `install` again."),
    )
    yield Check("settings", settings_file().exists(), f"{settings_file()}")


def built_for() -> str | None:
    """Return the version of xlwings that the installed add-in was built from."""
    stamp = add_in_file().with_suffix(".version")
    return stamp.read_text(encoding="utf-8").strip() if stamp.exists() and add_in_file().exists() else None


def add_in_file() -> Path:
    """Return where Excel opens add-ins from by itself."""
    return Path(os.environ.get("APPDATA", str(Path.home()))) / "Microsoft" / "Excel" / "XLSTART" / f"{PROJECT}.xlam"


def settings_file() -> Path:
    """Return where the macros of xlwings look for the settings of a project of this name."""
    return Path(os.environ.get("USERPROFILE", str(Path.home()))) / f".{PROJECT}" / f"{PROJECT}.conf"


def xlwings_version() -> str | None:
    """Return the installed version, without importing it."""
    try:
        return metadata.version("xlwings")
    except metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])


def _xlwings_folder() -> Path:
    from importlib.util import find_spec

    spec = find_spec("xlwings")
    if spec is None or spec.origin is None:
        raise ConfigurationError("xlwings is not installed.", hint='run `pip install "xlwings>=0.37,<1"`.')
    return Path(spec.origin).parent


def _excel() -> Any:
    if os.name != "nt":
        raise ConfigurationError("An Excel add-in is built on Windows, by Excel itself.", hint="elsewhere use --calc.")
    from win32com.client import DispatchEx

    return DispatchEx("Excel.Application")
