"""Output into pipes and devices, and standard streams that are closed."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from command_line import NAME, PROFILE, ask

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither named pipes nor /dev/fd")

ROW = f"{PROFILE}avery-tester-example"
OUT = f'profile,"{NAME}","crust.status","crust.confidence_score"\n{ROW},"Avery Tester","matched","1.0"\n'


@pytest.fixture
def source(tmp_path):
    (tmp_path / "in.csv").write_text(f"profile\n{ROW}\n", encoding="utf-8")
    return tmp_path / "in.csv"


def in_shell(line, source, folder):
    """Run a line of bash with ``$C`` as the command and ``$IN`` as the input."""
    environment = os.environ | {"C": f"{sys.executable} -m crustframe", "IN": str(source)}
    return subprocess.run(
        ["bash", "-c", line], cwd=folder, env=environment, capture_output=True, timeout=60, check=False
    )


ENRICH = f"$C enrich $IN --field {NAME}"


@pytest.mark.parametrize(
    "line",
    [
        f"{ENRICH} -o >(gzip > out.gz); wait $!; until gzip -t out.gz; do sleep 0.1; done",
        f"{ENRICH} -o /dev/stdout | gzip > out.gz",
        f"{ENRICH} -o /dev/fd/1 | gzip > out.gz",
        f"{ENRICH} -o /dev/fd/7 7>&1 >/dev/null | gzip > out.gz",
        f"mkfifo pipe; (gzip < pipe > out.gz) & {ENRICH} -o pipe; wait",
    ],
    ids=["substitution", "stdout", "its number", "another number", "named pipe"],
)
def test_a_pipe_gets_the_table(account, source, tmp_path, line):
    ran = in_shell(line, source, tmp_path)

    assert 0 == ran.returncode, ran.stderr
    assert OUT == gzip.decompress((tmp_path / "out.gz").read_bytes()).decode()
    assert 1 == account.credits_spent
    assert {"in.csv", "out.gz"} >= {path.name for path in tmp_path.glob("*.*") if "sqlite" not in path.name}


def test_what_stands_before_in_a_file_stays(account, source, tmp_path):
    ran = in_shell(f"echo first > out.csv; {ENRICH} -o /dev/stdout >> out.csv", source, tmp_path)

    assert 0 == ran.returncode, ran.stderr
    assert f"first\n{OUT}" == (tmp_path / "out.csv").read_text()


def test_nothing_is_kept_of_what_goes_to_dev_null(account, run, source):
    before = Path(os.devnull).stat().st_ino

    ran = run(*ask(source, "-o", os.devnull, "--receipt", os.devnull, "--matches", os.devnull))

    assert (0, b"", 1) == (ran.code, ran.stdout, account.credits_spent), ran.words
    assert before == Path(os.devnull).stat().st_ino


@pytest.mark.parametrize("option", ["-o", "--matches"])
@pytest.mark.parametrize("name", ["pipe.xlsx", "pipe.parquet"])
def test_kinds_that_need_a_file_say_so_before_anything_is_bought(account, run, source, tmp_path, option, name):
    os.mkfifo(tmp_path / name)

    ran = run(*ask(source, option, tmp_path / name))

    assert (6, 0) == (ran.code, account.calls)
    assert f"{name} is no file" in ran.words


def test_a_number_that_is_not_open_is_refused_before_anything_is_bought(account, run, source):
    ran = run(*ask(source, "-o", "/dev/fd/987"))

    assert (6, 0) == (ran.code, account.calls)


def test_a_reader_that_goes_away_takes_nothing_along(account, run, source, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = threading.Thread(target=lambda: (tmp_path / "pipe").open("rb").close())
    reader.start()
    source.write_text("profile\n" + f"{ROW}\n" * 20_000, encoding="utf-8")

    ran = run(*ask(source, "-o", tmp_path / "pipe"))
    reader.join()

    assert (0, 1) == (ran.code, account.credits_spent), ran.words
    assert "1 credit" in ran.words


def test_a_device_that_is_full_keeps_the_answers(account, run, source):
    ran = run(*ask(source, "-o", "/dev/full"))

    assert (6, 1) == (ran.code, account.credits_spent)
    assert "the paid answers are in the ledger" in ran.words


# Standard streams that are closed -------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [ENRICH, "$C contacts $IN", "$C changes $IN"])
def test_without_stdout_nothing_is_bought(account, source, tmp_path, command):
    ran = in_shell(f"{command} >&-", source, tmp_path)

    assert (6, 0) == (ran.returncode, account.calls)
    assert b"There is no stdout to write to. Nothing was sent" in ran.stderr
    assert b"Traceback" not in ran.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_a_file_is_written_without_standard_streams(account, source, tmp_path, closed):
    ran = in_shell(f"{ENRICH} -o out.csv {closed}", source, tmp_path)

    assert (0, 1) == (ran.returncode, account.credits_spent), ran.stderr
    assert b"" == ran.stdout
    assert OUT == (tmp_path / "out.csv").read_text()


def test_without_stderr_the_table_alone_comes_out(account, source, tmp_path):
    ran = in_shell(f"{ENRICH} --progress 2>&-", source, tmp_path)

    assert (0, OUT, b"") == (ran.returncode, ran.stdout.decode(), ran.stderr)


def test_words_never_end_up_on_stdout(source, tmp_path):
    ran = in_shell("$C enrich $IN --no-such-option 2>&-", source, tmp_path)

    assert (2, b"") == (ran.returncode, ran.stdout)


def test_without_stdin_there_is_nothing_to_read(account, source, tmp_path):
    ran = in_shell("$C enrich - <&-", source, tmp_path)

    assert (6, 0) == (ran.returncode, account.calls)
    assert b"There is nothing to read" in ran.stderr
    assert b"Traceback" not in ran.stderr


@pytest.mark.parametrize("closed", [">&-", "<&-", "2>&-", ">&- 2>&- <&-"])
@pytest.mark.parametrize("command", ["plan $IN", "fields headline", "ledger stats", "jobs list", "--version"])
def test_other_commands_end_as_ever(account, source, tmp_path, command, closed):
    ran = in_shell(f"$C {command} {closed}", source, tmp_path)

    assert ran.returncode in {0, 6}
    assert b"Traceback" not in ran.stderr
