"""Keys, the installer's parts that need no Windows, the template, and the command line."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from typer.testing import CliRunner

from crustframe.errors import ConfigurationError
from crustframe.shell.cli import app
from excel_addin import excel, keys, template
from excel_addin.desk import open_desk

runner = CliRunner()


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "USERPROFILE", "APPDATA", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    for name in ("CRUSTDATA_API_KEY", "CRUSTFRAME_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CRUSTFRAME_LEDGER", str(tmp_path / "ledger.sqlite3"))


def test_formulas_use_the_key_of_the_one_store() -> None:
    assert 0 == runner.invoke(app, ["key", "set"], input="invented-key\n").exit_code
    desk = open_desk()
    found = desk.client.settings.api_key
    desk.close()
    assert found is not None
    assert "invented-key" == found.reveal()


def test_the_key_command_of_the_add_in_is_the_one_of_the_core() -> None:
    assert 0 == runner.invoke(app, ["excel", "key"], input="invented-key\n").exit_code
    assert "keys.json" in runner.invoke(app, ["key", "show"]).output
    assert 0 == runner.invoke(app, ["excel", "key", "--forget"]).exit_code
    assert 4 == runner.invoke(app, ["key", "show"]).exit_code


def test_the_environment_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    runner.invoke(app, ["excel", "key"], input="invented-key\n")
    monkeypatch.setenv("CRUSTDATA_API_KEY", "another-key")
    with_key = open_desk()
    assert with_key.client.settings.api_key is not None
    assert "another-key" == with_key.client.settings.api_key.reveal()
    with_key.close()
    assert "may not see it" in keys.check().said


def test_the_doctor_says_what_is_wrong_with_the_key(tmp_path: Path) -> None:
    runner.invoke(app, ["excel", "key"], input="invented-key\n")
    (tmp_path / "config" / "keys.json").chmod(0o644)
    found = keys.check()
    assert not found.is_right
    assert "Others than this user" in found.said
    assert "invented-key" not in found.said


def test_the_macros_are_those_of_the_installed_xlwings(tmp_path: Path) -> None:
    written = excel.macros(tmp_path)
    assert ["xlwings.bas", "Dictionary.cls", "CRUST.bas"] == [path.name for path in written]
    theirs = written[0].read_text(encoding="utf-8")
    assert 'PROJECT_NAME As String = "crust"' in theirs
    assert f"xlwings64-{excel.xlwings_version()}.dll" in theirs


def test_another_age_of_xlwings_is_refused(tmp_path: Path) -> None:
    (tmp_path / "xlwings_custom_addin.bas").write_text("other macros")
    with pytest.raises(ConfigurationError, match="other macros"):
        excel.macros(tmp_path / "out", xlwings_folder=tmp_path)


def test_the_settings_take_nothing_from_workbook_folders() -> None:
    text = excel.settings(python="C:\\Python\\python.exe")
    assert '"ADD_WORKBOOK_TO_PYTHONPATH","False"' in text
    assert '"INTERPRETER_WIN","C:\\Python\\python.exe"' in text


class FakeExcel:
    """Excel as far as the builder uses it."""

    def __init__(self, *, trusts: bool) -> None:
        self.imported: list[str] = []
        self.saved: tuple[str, int] | None = None
        components = types.SimpleNamespace(Import=lambda path: self.imported.append(Path(path).name))
        self.project = types.SimpleNamespace(VBComponents=components, Name="")
        outer = self

        class Book:
            IsAddin = False

            @property
            def VBProject(self) -> Any:
                if not trusts:
                    raise RuntimeError("programmatic access is not trusted")
                return outer.project

            def SaveAs(self, path: str, kind: int) -> None:
                Path(path).write_text("an add-in")
                outer.saved = (path, kind)

            def Close(self, save: bool) -> None:
                pass

        self.Workbooks = types.SimpleNamespace(Add=Book)


def test_excel_builds_the_add_in(tmp_path: Path) -> None:
    made = FakeExcel(trusts=True)
    built = excel.build(tmp_path / "crust.xlam", excel=made)
    assert ["xlwings.bas", "Dictionary.cls", "CRUST.bas"] == made.imported
    assert (str(built), 55) == made.saved
    assert excel.xlwings_version() == built.with_suffix(".version").read_text().strip()


def test_an_excel_that_does_not_trust_is_told_how(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Trust access to the VBA project"):
        excel.build(tmp_path / "crust.xlam", excel=FakeExcel(trusts=False))


def test_the_template_holds_examples_and_no_key(tmp_path: Path) -> None:
    path = template.write(tmp_path / "template.xlsx")
    sheet = load_workbook(path).active
    assert "=CRUST.ENRICH($A2,B$1)" == sheet["B2"].value
    assert b"vbaProject" not in path.read_bytes()


def test_the_command_line(tmp_path: Path) -> None:
    assert 4 == runner.invoke(app, ["excel", "doctor"]).exit_code
    assert 0 == runner.invoke(app, ["excel", "key"], input="invented-key\n").exit_code
    said = runner.invoke(app, ["excel", "doctor"]).output
    assert "for https://api.crustdata.com only" in said
    assert "invented-key" not in said
    built = runner.invoke(app, ["excel", "build", "--calc", "-o", str(tmp_path)])
    assert str(tmp_path / "crust.oxt") == built.stdout.strip()
    assert 0 == runner.invoke(app, ["excel", "template", str(tmp_path / "new.xlsx")]).exit_code
    assert 0 == runner.invoke(app, ["excel", "key", "--forget"]).exit_code
    again = runner.invoke(app, ["excel", "template", str(tmp_path / "new.xlsx")])
    assert isinstance(again.exception, ConfigurationError)


def test_elsewhere_excel_is_refused_with_a_way_out() -> None:
    with pytest.raises(ConfigurationError, match="need Windows"):
        excel.install()
