"""How the shell starts: it imports what a command needs, and the accessors come with pandas, whichever came first."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"pandas", "numpy", "pandera", "requests", "fastapi", "uvicorn", "openpyxl", "pyarrow", "xlsxwriter"}
FRAMES = {"pandas", "polars", "narwhals", "pyarrow", "duckdb"}
TOLD = "import sys; sys.stderr.write(' '.join(name for name in sys.modules if '.' not in name))"


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["enrich", "--help"], ["fields", "headline"]])
def test_what_needs_no_table_imports_no_pandas(arguments):
    ran = python(
        f"import atexit, sys; sys.argv = ['crustframe', *{arguments!r}]\n"
        f"atexit.register(lambda: exec({TOLD!r}))\nfrom crustframe.shell.cli import main; main()"
    )

    assert set() == (HEAVY | FRAMES) & set(ran.stderr.split())


@pytest.mark.parametrize("arguments", [["-h"], ["enrich", "-h"], ["ledger", "forget", "-h"], ["-V"]])
def test_the_short_words_work_everywhere(arguments):
    ran = python(
        f"import sys; sys.argv = ['crustframe', *{arguments!r}]\nfrom crustframe.shell.cli import main; main()"
    )

    assert (0, "") == (ran.returncode, ran.stderr)
    assert ("crustframe 0." if "-V" in arguments else "Usage: crustframe") in ran.stdout


def test_frames_of_every_make_are_imported_by_whoever_uses_them():
    assert set() == FRAMES & set(python(f"import crustframe; {TOLD}").stderr.split())
    assert {"polars"} == FRAMES & set(
        python(f"import crustframe, polars; polars.DataFrame().crust; {TOLD}").stderr.split()
    )


def test_a_plan_imports_no_pandas(tmp_path):
    table, ledger = tmp_path / "in.csv", tmp_path / "ledger.sqlite3"
    table.write_text("url\nlinkedin.com/in/avery-example\n")
    arguments = ["plan", str(table), "--column", "url", "--sandbox", "--ledger", str(ledger)]
    ran = python(
        f"import atexit, sys; sys.argv = ['crustframe', *{arguments!r}]\n"
        f"atexit.register(lambda: exec({TOLD!r}))\nfrom crustframe.shell.cli import main; main()"
    )

    assert "1 person in 1 row" in ran.stdout
    assert set() == HEAVY & set(ran.stderr.split())


@pytest.mark.parametrize(
    "imports", ["import crustframe, pandas", "import pandas, crustframe", "import pandera.pandas, crustframe"]
)
def test_the_accessors_are_there_whichever_is_imported_first(imports):
    ran = python(f"{imports}; import pandas; print(pandas.DataFrame().crust, pandas.Series(dtype=str).crust)")

    assert (0, 2) == (ran.returncode, ran.stdout.count("Crust object")), ran.stderr


@pytest.mark.parametrize("imports", ["crustframe, polars", "polars, crustframe", "pandas, crustframe, polars"])
def test_polars_has_them_too_whichever_is_imported_first(imports):
    polars = "polars.DataFrame().crust, polars.LazyFrame().crust, polars.Series().crust"
    ran = python(f"import {imports}; import pandas; print(pandas.DataFrame().crust, {polars})")

    assert (0, 4) == (ran.returncode, ran.stdout.count("Crust object")), ran.stderr


def test_whoever_only_looks_pandas_up_does_not_lose_the_accessors():
    ran = python(
        "import crustframe, importlib.util; importlib.util.find_spec('pandas'); import pandas; pandas.DataFrame().crust"
    )

    assert 0 == ran.returncode, ran.stderr
