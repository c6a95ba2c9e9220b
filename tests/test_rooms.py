"""The rooms and their order: imports run downwards only, and importing the package does nothing else."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import crustframe

PACKAGE = Path(crustframe.__file__).parent

ORDER = [
    # A wing imports only from wings above it.
    "wording",
    "contract",
    "errors",
    "settings",
    "people",
    "fields",
    "tables",
    "columns",
    "ledger",
    "http",
    "api",
    "client",
    "buying",
    "verbs",
    "duckdb",
    "shell",
]
MAY_START_A_SANDBOX = {"verbs/embedded.py", "shell/sandbox_command.py", "shell/demo.py"}
FRONT_DOORS = {"__init__", "__main__"}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if room_of(path) not in {"sandbox", *FRONT_DOORS})


def imported(path: Path) -> Iterator[tuple[str, int]]:
    """Every imported module of a file, wherever the import stands, but for those of type checkers alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert 0 == node.level, f"{path}:{node.lineno} imports relatively"
            module = node.module or ""
            for alias in node.names:
                yield (f"{module}.{alias.name}" if _is_module(module, alias.name) else module), node.lineno


def _is_module(package: str, name: str) -> bool:
    folder = PACKAGE.parent / package.replace(".", "/")
    return (folder / f"{name}.py").exists() or (folder / name / "__init__.py").exists()


def test_every_room_of_the_package_has_its_place():
    assert set(ORDER) | FRONT_DOORS | {"sandbox"} >= {room_of(path) for path in PACKAGE.rglob("*.py")}
    assert {room_of(path) for path in modules()} >= set(ORDER)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_from_rooms_above_it(path):
    room = room_of(path)
    for name, line in imported(path):
        head, _, rest = name.partition(".")
        if head != "crustframe" or not rest:
            continue  # crustframe itself holds __version__ and nothing that a room needs
        above = rest.split(".")[0]
        if above == room or (above == "sandbox" and str(path.relative_to(PACKAGE)) in MAY_START_A_SANDBOX):
            continue
        assert ORDER.index(above) < ORDER.index(room), f"{path}:{line}: {room} imports {above}, which stands below it"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_package_itself_is_imported_for_its_version_only(path):
    """Anything else would be a circle."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = [
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "crustframe"
        for alias in node.names
    ]

    assert {"__version__", *ORDER} >= set(names)


@pytest.mark.parametrize("path", sorted((PACKAGE / "sandbox").glob("*.py")), ids=lambda path: path.name)
def test_the_sandbox_knows_the_contract_and_itself_only(path):
    """So that client and sandbox cannot agree on the same mistake."""
    ours = {name for name, _ in imported(path) if name.split(".")[0] == "crustframe"}

    strangers = {name for name in ours if not name.startswith(("crustframe.contract", "crustframe.sandbox"))}
    assert set() == strangers


@pytest.mark.parametrize(
    "room",
    [
        "contract/__init__",
        "people/identifiers",
        "fields/__init__",
        "people/records",
        "buying/plan",
        "columns/expand",
        "errors",
    ],
)
def test_a_pure_room_knows_neither_network_nor_pandas(room):
    heavy = {"requests", "urllib3", "socket", "pandas", "pandera", "sqlite3", "typer", "fastapi", "http"}

    assert not heavy & {name.split(".")[0] for name, _ in imported(PACKAGE / f"{room}.py")}


def test_only_the_transport_opens_sockets():
    talkers = {"requests", "urllib3", "socket", "httpx", "aiohttp"}
    found = {room_of(path) for path in modules() if talkers & {name.split(".")[0] for name, _ in imported(path)}}

    assert {"http"} == found


# What an import does ------------------------------------------------------------------------------------------------

QUIET = """
import sys
told = []
def note(event, args):
    writes = event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+")
    if writes or event.startswith(("socket.", "subprocess.")) or event in ("os.mkdir", "sqlite3.connect"):
        told.append((event, args))
sys.addaudithook(note)
import crustframe
import pandas as pd
assert pd.DataFrame({"a": []}).crust is not None
heavy = {"requests", "urllib3", "pandera", "fastapi", "uvicorn", "tqdm", "typer", "openpyxl", "xlsxwriter", "keyring"}
heavy |= {"anyascii", "cleanco", "nameparser", "nicknames", "publicsuffixlist"}
print(sorted(heavy & set(sys.modules)))
print(told)
"""


@pytest.fixture(scope="module")
def quiet_import(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    environ = {
        "HOME": str(home),
        "USERPROFILE": str(home),
        "XDG_DATA_HOME": str(home / "data"),
        "PATH": os.environ["PATH"],
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(PACKAGE.parent),
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", QUIET], env=environ, cwd=home, capture_output=True, text=True, check=False
    )
    assert (0, "") == (done.returncode, done.stderr)
    return home, done.stdout.splitlines()


def test_an_import_loads_nothing_heavy(quiet_import):
    assert "[]" == quiet_import[1][0]


def test_an_import_opens_no_socket_and_writes_no_file(quiet_import):
    assert "[]" == quiet_import[1][1]
    assert [] == list(quiet_import[0].iterdir())


def test_every_public_name_is_there():
    assert [] == [name for name in crustframe.__all__ if not hasattr(crustframe, name)]


# What the next developer is told ------------------------------------------------------------------------------------


def test_the_drawing_in_contributing_is_that_of_the_code():
    """``python docs/house.py`` draws it anew."""
    sys.path.insert(0, str(PACKAGE.parent / "docs"))
    import house

    page = (PACKAGE.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert house.redrawn(page) == page


def test_every_file_that_contributing_names_is_there():
    page = (PACKAGE.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:crustframe|tests|sandbox|api|verbs|docs)/[\w./]*)`", page))

    assert len(named) > 8
    for name in named:
        assert (PACKAGE.parent / name).exists() or (PACKAGE / name).exists(), name


def test_no_room_is_too_long_to_be_surveyed():
    long = {
        str(path): n
        for folder in (PACKAGE, PACKAGE.parent / "excel_addin")
        for path in folder.rglob("*.py")
        if (n := len(path.read_text(encoding="utf-8").splitlines())) > 500
    }
    assert {} == long
