"""Every command and every Python example of the README and of docs/ is run, and what it shows is compared."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import crustframe
from crustframe import contract
from crustframe.errors import CrustframeError
from crustframe.people.records import STATUSES
from crustframe.settings import config

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = [README, *(ROOT / found for found in re.findall(r"\((docs/[\w-]+\.md)\)", README.read_text(encoding="utf-8")))]
TEXTS = {page: page.read_text(encoding="utf-8") for page in dict.fromkeys(PAGES)}
BLOCK = re.compile(r"(?:^<!-- (?P<remark>.*?) -->\n)?^```(?P<kind>\w*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
SETTINGS = {value for name, value in vars(config).items() if name.endswith("_VARIABLE")}
IN_PIPES = {"crustframe", "cat"}

posix = pytest.mark.skipif(sys.platform == "win32", reason="the examples of the shell are for a POSIX one")


@dataclass
class Block:
    kind: str
    body: str
    remark: str
    page: str
    line: int

    @property
    def lines(self):
        return [line for line in self.body.splitlines() if line.strip()]


BLOCKS = [
    Block(found["kind"], found["body"], found["remark"] or "", page.stem, text[: found.start("kind")].count("\n") + 1)
    for page, text in TEXTS.items()
    for found in BLOCK.finditer(text)
]


def of_kind(kind):
    return [pytest.param(block, id=f"{block.page} {block.line}") for block in BLOCKS if block.kind == kind]


def chains():
    """Return the Python blocks, those that continue with their beginning, each with the output shown for it."""
    found = []
    for block, follower in zip(BLOCKS, [*BLOCKS[1:], None], strict=True):
        if block.kind != "python":
            continue
        if block.remark != "continues":
            found.append([])
        shows = follower is not None and follower.kind == "text" and not follower.remark
        found[-1].append((block, follower.body if shows else None))
    return [pytest.param(chain, id=f"{chain[0][0].page} {chain[0][0].line}") for chain in found]


def assert_shows(shown, printed):
    """Compare, with ``...`` for anything left out, and not minding widths and seconds."""

    def plain(text):
        text = re.sub(r"\d+\.\d s\b", "_ s", " ".join(text.split()))
        return re.sub(r"\b1 (new )?people\b", r"1 \1person", re.sub(r"\b1 (call|credit|row)s\b", r"1 \1", text))

    pattern = re.escape(plain(shown)).replace(re.escape("..."), ".*?")
    assert re.fullmatch(rf"(?:.*?){pattern}" if shown.startswith("==") else pattern, plain(printed)), printed


def makefile_targets():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z]\w*):[^=\n]*\n((?:\t.*\n)*)", text, re.MULTILINE))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder with the README's leads, a sandbox, and the environment of somebody who uses both."""
    folder = tmp_path_factory.mktemp("readme")
    for block in BLOCKS:
        if block.kind == "csv":
            (folder / "leads.csv").write_text(block.body, encoding="utf-8")
    (folder / "old.csv").write_text("id,title,all_titles\n" + "007,Engineer,Intern\n" * 9, encoding="utf-8")
    with crustframe.sandbox(requests_per_minute=None) as sandbox:
        scripts = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        yield (
            folder,
            {
                **os.environ,
                "PATH": scripts,
                "CRUSTDATA_API_KEY": sandbox.key,
                "CRUSTFRAME_BASE_URL": sandbox.url,
                "CRUSTFRAME_LEDGER": str(folder / "ledger.sqlite3"),
                "CRUSTFRAME_CONFIG": str(folder / "config"),
            },
        )


# Blocks -------------------------------------------------------------------------------------------------------


def test_every_block_is_of_a_kind_that_is_tested():
    assert {"sh", "bat", "python", "sql", "text", "csv"} >= {block.kind for block in BLOCKS}
    for block, before in zip(BLOCKS[1:], BLOCKS, strict=False):
        if block.kind == "text":
            assert before.kind in {"sh", "python"} or block.remark, block.line


@pytest.mark.parametrize("chain", chains())
def test_python(chain, world, tmp_path, monkeypatch):
    _, environment = world
    for name in ("CRUSTDATA_API_KEY", "CRUSTFRAME_BASE_URL"):
        monkeypatch.setenv(name, environment[name])
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "readme"}
    for block, shown in chain:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(block.body, f"{block.page}.md line {block.line}", "exec"), namespace)  # noqa: S102
        if shown is None:
            assert "print(" not in block.body, f"line {block.line} prints what is not shown"
        else:
            assert_shows(shown, printed.getvalue())


@pytest.mark.parametrize("block", of_kind("sql"))
def test_sql(block, world, monkeypatch):
    import duckdb

    import crustframe.duckdb

    for name in ("CRUSTDATA_API_KEY", "CRUSTFRAME_BASE_URL"):
        monkeypatch.setenv(name, world[1][name])
    with duckdb.connect() as connection:
        connection.sql("CREATE TABLE leads AS SELECT 'linkedin.com/in/avery-tester-example' AS url, 7 AS id")
        crustframe.duckdb.register(connection, ["basic_profile.name as name"])
        assert [(7, "Avery Tester", "matched")] == connection.sql(block.body).fetchall()


@posix
@pytest.mark.parametrize("block", of_kind("sh"))
def test_shell(block, world):
    """In the order of the page, over one ledger."""
    for line in block.lines:
        first = line.split()[0]
        if first == "make":
            assert line.split()[1] in makefile_targets()
        elif first == "source":
            assert "source .venv/bin/activate" == line
        elif first == "export":
            assert line.split()[1].partition("=")[0] in SETTINGS
        else:
            stages = [stage.split()[0] for stage in re.split(r"\|(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", line)]
            assert set(stages) <= IN_PIPES, f"unknown kind of line: {line}"
            assert "crustframe" in stages
            (_runs_until_stopped if " sandbox --" in line else _runs)(line, world)


def _runs(line, world):
    folder, environment = world
    command = ["bash", "-o", "pipefail", "-c", line]
    typed = environment["CRUSTDATA_API_KEY"].encode() if line == "crustframe key set" else b""
    ran = subprocess.run(
        command, cwd=folder, env=environment, input=typed, capture_output=True, check=False, timeout=60
    )
    assert 0 == ran.returncode, (line, ran.stderr.decode())
    if typed:
        assert (folder / "config" / "keys.json").exists()
    elif target := re.search(r"(?:-o|>) (\S+)$", line):
        assert (folder / target[1]).stat().st_size > 100
    else:
        assert ran.stdout


def _runs_until_stopped(line, world):
    folder, environment = world
    line = re.sub(r"--port \d+", "--port 0", line)
    with subprocess.Popen(["bash", "-c", f"exec {line}"], cwd=folder, env=environment, stderr=subprocess.PIPE) as ran:
        try:
            assert ran.stderr.readline().startswith(b"url: http://127.0.0.1:")
            assert ran.stderr.readline() == b"key: sandbox-key\n"
        finally:
            ran.terminate()


@posix
def test_the_output_shown_for_the_shell(world):
    folder, environment = world
    for before, block in itertools.pairwise(BLOCKS):
        if block.kind == "text" and not block.remark and before.kind == "sh":
            line = before.lines[0]
            fresh = {**environment, "CRUSTFRAME_LEDGER": str(folder / "fresh.sqlite3")}
            ran = subprocess.run(["bash", "-c", line], cwd=folder, env=fresh, capture_output=True, check=True)
            assert_shows(block.body, ran.stdout.decode())


@pytest.mark.parametrize("block", of_kind("bat"))
def test_windows(block):
    """Nobody here can run these; their words are checked."""
    batch = (ROOT / "make.bat").read_bytes()
    for line in block.lines:
        first, word = line.split()
        if first == "set":
            assert word.partition("=")[0] in SETTINGS
        else:
            assert "make.bat" == first
            assert f'if "%~1"=="{word}"'.encode() in batch


# The two commands ---------------------------------------------------------------------------------------------


def test_make_demo_prints_what_is_shown():
    recipe = makefile_targets()["demo"].strip()
    assert "$(BIN)/crustframe demo" == recipe
    command = [sys.executable, "-m", *recipe.removeprefix("$(BIN)/").split()]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}

    ran = subprocess.run(command, capture_output=True, check=True, env=environment, timeout=60)

    shown = next(block for block in BLOCKS if block.remark == "output of: make demo")
    assert_shows(shown.body, ran.stdout.decode())


def test_windows_runs_the_same_commands_as_make():
    steps = re.findall(r"\$\(BIN\)/([^$\n]*[^$\s])", makefile_targets()["lint"] + makefile_targets()["test"])
    batch = (ROOT / "make.bat").read_bytes()

    assert 4 == len(steps)
    for step in steps:
        assert f"\n.venv\\Scripts\\{step}".encode() in batch
    assert batch.count(b"\r\n") == batch.count(b"\n")


def test_the_makefile_names_no_place():
    for name in ("Makefile", "make.bat", ".ci/run"):
        text = (ROOT / name).read_text(encoding="utf-8")

        assert "://" not in text
        assert "index-url" not in text
        assert not re.search(r"(?<![\w.$)])/(?:home|root|opt|srv)/", text)


# Tables -------------------------------------------------------------------------------------------------------


def rows_of(heading):
    """Return the rows of the table whose head begins with `heading`."""
    table = "\n".join(TEXTS.values()).partition(f"| {heading}")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in table]


def test_every_status_is_explained():
    assert set(STATUSES) == {row[0].strip("`") for row in rows_of("`crust.status`")}


def test_every_exit_code_is_explained():
    codes = {error.exit_code for error in _all_errors(CrustframeError)}

    assert {0, 130, *codes} == {int(row[0]) for row in rows_of("Exit code")}


def test_every_setting_is_explained():
    assert {row[0].strip("`") for row in rows_of("Environment variable")} == SETTINGS


def test_every_written_field_can_be_read():
    for written, _ in rows_of("Written"):
        for text in re.findall(r"`(.+?)`", written):
            assert crustframe.schema([text.replace("\\|", "|")]).columns


def test_prices_are_those_of_the_contract():
    prices = {name: float(row[1].split()[0]) for row in rows_of("Asked for") for name in re.findall(r"`(.+?)`", row[0])}

    assert dict(contract.ADD_ON_PRICES) == prices


def test_links_lead_somewhere():
    for page, text in TEXTS.items():
        for target, anchor in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", text):
            if "://" in target:
                continue
            meant = (page.parent / target).resolve() if target else page
            assert meant.exists(), (page, target)
            assert not anchor or anchor in _anchors(TEXTS[meant]), (page, anchor)


def test_every_page_can_be_reached_and_the_first_is_short():
    assert {page.name for page in (ROOT / "docs").glob("*.md")} == {page.name for page in TEXTS} - {"README.md"}
    assert len(README.read_bytes()) <= 8_000


def _anchors(text):
    headings = re.findall(r"(?m)^#+ (.*)", text)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def _all_errors(kind):
    return [kind, *(found for child in kind.__subclasses__() for found in _all_errors(child))]
