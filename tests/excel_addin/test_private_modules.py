"""What a stranger's workbook can reach of the Excel add-in: our four functions, two macros, and no settings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from crustframe.errors import ConfigurationError
from excel_addin import excel

ALLOWED = {"ENRICH", "COST", "FIELDS", "STATUS", "Buy", "Freeze"}
_PROCEDURE = re.compile(
    r"(?im)^\s*(?:(Public|Private|Friend|Global)\s+)?(?:Static\s+)?(?:Function|Sub|Property \w+)\s+(\w+)"
)
_DECLARED = re.compile(r"(?im)^\s*((?:Public|Private)\s+)?Declare\s")


@pytest.fixture
def modules(tmp_path: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in excel.macros(tmp_path)}


def public(text: str) -> set[str]:
    return {name for scope, name in _PROCEDURE.findall(text) if (scope or "Public").lower() != "private"}


def test_only_our_functions_and_macros_are_public(modules: dict[str, str]) -> None:
    standard = {name: text for name, text in modules.items() if name.endswith(".bas")}
    open_to_cells = {name: public(text) for name, text in standard.items() if "Option Private Module" not in text}

    assert {"CRUST.bas": ALLOWED} == open_to_cells


def test_of_the_module_of_xlwings_nothing_but_the_way_to_python_leaves_its_file(modules: dict[str, str]) -> None:
    theirs = modules["xlwings.bas"]

    assert {"XLPy"} == public(theirs)
    assert all(scope.strip().lower() == "private" for scope in _DECLARED.findall(theirs))
    head = theirs[: re.search(r"(?m)^Private Function", theirs).start()]  # type: ignore[union-attr]
    assert "Option Private Module" in head


@pytest.mark.parametrize("name", ["RunPython", "ExecuteWindows", "ReadFile", "RunFrozenPython", "SaveConfigToFile"])
def test_what_runs_programs_or_reads_files_is_not_there(modules: dict[str, str], name: str) -> None:
    assert name not in modules["xlwings.bas"]


def test_of_xlwings_only_the_way_to_python_is_left_and_it_needs_nothing_else(modules: dict[str, str]) -> None:
    theirs = modules["xlwings.bas"]
    left = {name for _, name in _PROCEDURE.findall(theirs)}
    known = (excel._xlwings_folder() / "xlwings_custom_addin.bas").read_text(encoding="utf-8", errors="replace")
    gone = {name for _, name in _PROCEDURE.findall(known)} - left

    assert {"XLPy", "XLPyCommand", "XLPyLoadDLL", "ParentFolder", "GetConfig"} == left
    assert len(gone) > 30
    assert [] == [name for name in gone if re.search(rf"\b{name}\b", theirs)]
    assert "redistribution and use" in theirs.lower()


def test_settings_come_from_the_users_folder_alone(modules: dict[str, str]) -> None:
    reads = re.search(r"(?s)Private Function GetConfig\(.*?\r?\nEnd Function", modules["xlwings.bas"])

    assert reads is not None
    assert 'Environ("USERPROFILE")' in reads[0]
    for word in ("Workbook", "Sheet", "CurDir", "Directory"):
        assert word not in reads[0]


def test_no_name_of_a_workbook_is_part_of_a_command(modules: dict[str, str]) -> None:
    command = re.search(r"(?s)Private Function XLPyCommand\(.*?\r?\nEnd Function", modules["xlwings.bas"])

    assert command is not None
    assert "ActiveWorkbook" not in command[0]


@pytest.mark.parametrize("lost", ["GetConfig(", "PROJECT_NAME", "XLPyCommand"])
def test_a_module_that_is_not_known_is_refused(lost: str) -> None:
    known = (excel._xlwings_folder() / "xlwings_custom_addin.bas").read_text(encoding="utf-8", errors="replace")
    text = known.replace("AddExcelDir & ", "Other & ") if lost == "XLPyCommand" else known.replace(lost, "Other")

    with pytest.raises(ConfigurationError, match="other macros"):
        excel.made_private(text)


def test_nothing_beside_a_workbook_is_started(modules: dict[str, str]) -> None:
    """Programs are named by their whole path, and Python reads no module from the current folder."""
    theirs = modules["xlwings.bas"]
    command = re.search(r"(?s)Private Function XLPyCommand\(.*?\r?\nEnd Function", theirs)
    reads = re.search(r"(?s)Private Function GetConfig\(.*?\r?\nEnd Function", theirs)

    assert command is not None
    assert reads is not None
    assert '"cmd.exe ' not in command[0]
    assert 2 == command[0].count('Environ("SystemRoot") & "\\System32\\cmd.exe "')
    assert '" -B -P -c ""import sys' in command[0]
    assert 'InStr(GetConfig, "\\") = 0' in reads[0]
    assert "Err.Raise" in reads[0]
