"""Stored keys: one for each origin, in a keyring or in a private file, given to that origin alone, shown to nobody."""

from __future__ import annotations

import io
import json
import logging
import os
import pickle
import re
import select
import stat
import subprocess
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import crustframe
from crustframe.client import Client
from crustframe.errors import ConfigurationError
from crustframe.settings.config import read_settings
from crustframe.settings.keys import KeyFinder, KeyStore, Secret, read_key
from crustframe.shell import cli

CANARY = "canary-key-5d41402abc4b2a76"
OTHER = "second-key-7d793037a0760186"
API = "https://api.crustdata.com"

posix = pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's")


class Ran:
    def __init__(self, code, stdout, stderr):
        self.code, self.stdout, self.words = code, stdout, stderr
        self.said = stdout + stderr


@pytest.fixture
def run(monkeypatch, capsys):
    """Run ``crustframe ...`` in this process. Whatever it says, it never says the key."""

    def run(*arguments, stdin=""):
        monkeypatch.setattr(sys, "argv", ["crustframe", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        assert CANARY not in said.out + said.err
        return Ran(ended.value.code, said.out, said.err)

    return run


@pytest.fixture
def folder(tmp_path):
    """The folder of settings, as the fixture of all tests names it."""
    return tmp_path / "config"


@pytest.fixture
def store(folder):
    return KeyStore(folder)


@pytest.fixture
def memory():
    """A keyring that works, in memory: a backend of keyring's own kind, put in its own way."""
    import keyring
    from keyring.backend import KeyringBackend
    from keyring.errors import PasswordDeleteError

    class Memory(KeyringBackend):
        priority = 5
        name = "memory"

        def __init__(self):
            super().__init__()
            self.kept = {}
            self.asked = 0
            self.fault = None

        def get_password(self, service, username):
            self.asked += 1
            self._fail()
            return self.kept.get((service, username))

        def set_password(self, service, username, password):
            self._fail()
            self.kept[service, username] = password

        def delete_password(self, service, username):
            self._fail()
            if self.kept.pop((service, username), None) is None:
                raise PasswordDeleteError(username)

        def _fail(self):
            if self.fault is not None:
                raise self.fault

    before = keyring.get_keyring()
    keyring.set_keyring(Memory())
    yield keyring.get_keyring()
    keyring.set_keyring(before)


# In a file -------------------------------------------------------------------------------------------------------


@posix
def test_without_a_keyring_a_key_lies_in_a_file_of_this_user_alone(store, folder):
    put = store.put(API, Secret(CANARY))

    assert str(folder / "keys.json") == put.place
    assert put.why_no_keyring
    assert 0o600 == stat.S_IMODE(store.file.stat().st_mode)
    assert 0o700 == stat.S_IMODE(folder.stat().st_mode)
    assert [store.file] == list(folder.iterdir())
    found = store.get(API)
    assert (CANARY, "file", str(store.file)) == (found.secret.reveal(), found.source, found.place)


def test_nothing_is_made_by_looking(store, folder):
    assert store.get(API) is None
    assert [] == store.origins()
    assert not store.remove(API)
    assert not folder.exists()


def test_each_origin_has_its_own_key(store):
    store.put(API, Secret(CANARY))
    store.put("https://other.example", Secret(OTHER))

    assert CANARY == store.get(API).secret.reveal()
    assert OTHER == store.get("https://other.example").secret.reveal()
    assert store.get("https://api.crustdata.com.evil.example") is None
    assert store.remove(API)
    assert store.get(API) is None
    assert ["https://other.example"] == store.origins()


@posix
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o622])
def test_a_file_that_others_can_read_or_write_is_refused_until_the_key_is_stored_again(store, mode):
    store.put(API, Secret(CANARY))
    store.file.chmod(mode)

    with pytest.raises(ConfigurationError, match="Others than this user can read") as raised:
        store.get(API)
    assert "crustframe key set" in raised.value.hint
    assert CANARY not in "".join(traceback.format_exception(raised.value))

    store.put(API, Secret(OTHER))
    assert 0o600 == stat.S_IMODE(store.file.stat().st_mode)
    assert OTHER == store.get(API).secret.reveal()


@pytest.mark.parametrize(
    "content",
    [
        CANARY,
        f'{{"keys": "{CANARY}"}}',
        f'{{"keys": {{"{API}": ["{CANARY}"]}}}}',
        f'["{CANARY}"]',
        "{}x",
        '{"layout": 1}',
    ],
)
def test_a_file_that_holds_something_else_is_left_as_it_is_and_not_quoted(store, folder, content):
    folder.mkdir()
    store.file.write_text(content)
    store.file.chmod(0o600)

    for use in (lambda: store.get(API), lambda: store.put(API, Secret(OTHER)), lambda: store.remove(API)):
        with pytest.raises(ConfigurationError, match="holds something else") as raised:
            use()
        assert CANARY not in "".join(traceback.format_exception(raised.value)) + repr(vars(raised.value))
        assert raised.value.__context__ is None
    assert content == store.file.read_text()


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "taken").write_text("a file")

    with pytest.raises(ConfigurationError, match=r"cannot be (read|written)") as raised:
        KeyStore(tmp_path / "taken").put(API, Secret(CANARY))
    assert "CRUSTFRAME_CONFIG" in raised.value.hint


def test_a_write_that_is_cut_off_leaves_the_old_file(store, folder, monkeypatch):
    store.put(API, Secret(CANARY))
    monkeypatch.setattr(os, "fsync", lambda number: (_ for _ in ()).throw(OSError(28, "No space left on device")))

    with pytest.raises(ConfigurationError, match="No space left on device"):
        store.put(API, Secret(OTHER))

    assert CANARY == store.get(API).secret.reveal()
    assert [store.file] == list(folder.iterdir())


def test_the_key_of_the_add_in_of_old_is_read_and_moves_when_another_is_stored(store, folder):
    folder.mkdir()
    old = folder / "sheet-key.json"
    old.write_text(json.dumps({"key": CANARY, "origin": API}))
    old.chmod(0o600)

    assert (CANARY, str(old)) == (store.get(API).secret.reveal(), store.get(API).place)
    store.put("https://other.example", Secret(OTHER))
    assert (CANARY, str(store.file)) == (store.get(API).secret.reveal(), store.get(API).place)
    assert not old.exists()


# In a keyring ----------------------------------------------------------------------------------------------------


def test_where_a_keyring_works_the_key_lies_there_and_the_file_only_says_so(store, memory):
    assert ("the keyring (memory)", "") == store.put(API, Secret(CANARY))

    assert {("crustframe", API): CANARY} == memory.kept
    assert CANARY not in store.file.read_text()
    found = store.get(API)
    assert (CANARY, "keyring", "the keyring (memory)") == (found.secret.reveal(), found.source, found.place)
    assert store.remove(API)
    assert {} == memory.kept
    assert store.get(API) is None


def test_a_keyring_is_opened_only_for_an_origin_whose_key_it_holds(store, memory):
    store.put(API, Secret(CANARY))
    store.put("https://other.example", Secret(OTHER), use_keyring=False)
    asked = memory.asked

    assert OTHER == store.get("https://other.example").secret.reveal()
    assert store.get("https://third.example") is None
    assert [API, "https://other.example"] == store.origins()
    assert asked == memory.asked


def test_a_key_that_moves_to_the_file_leaves_the_keyring(store, memory):
    store.put(API, Secret(CANARY))
    store.put(API, Secret(OTHER), use_keyring=False)

    assert {} == memory.kept
    assert "file" == store.get(API).source


def test_a_locked_keyring_is_said_with_a_way_out_and_nothing_is_sent(store, memory):
    from keyring.errors import KeyringLocked

    store.put(API, Secret(CANARY))
    memory.fault = KeyringLocked(f"cannot give {CANARY}")

    for use in (lambda: store.get(API), lambda: store.remove(API)):
        with pytest.raises(ConfigurationError, match="KeyringLocked") as raised:
            use()
        assert CANARY not in "".join(traceback.format_exception(raised.value))
        assert "keyring" in raised.value.hint
    memory.fault = None
    assert CANARY == store.get(API).secret.reveal()


def test_a_keyring_that_takes_nothing_is_said_and_the_file_takes_the_key(store, memory):
    memory.fault = RuntimeError("D-Bus is away")

    assert "did not take it (RuntimeError)" == store.put(API, Secret(CANARY)).why_no_keyring
    memory.fault = None
    assert "file" == store.get(API).source


def test_a_key_that_somebody_took_out_of_the_keyring_is_missed(store, memory):
    store.put(API, Secret(CANARY))
    memory.kept.clear()

    with pytest.raises(ConfigurationError, match="no longer holds it"):
        store.get(API)
    assert store.remove(API)


@pytest.mark.parametrize("priority", [0, 0.5, -1])
def test_a_keyring_of_plain_text_or_of_nothing_is_not_used(store, memory, priority):
    type(memory).priority = priority

    assert "plain text" in store.put(API, Secret(CANARY)).why_no_keyring
    assert {} == memory.kept


def test_a_keyring_whose_package_is_gone_is_named(store, memory, monkeypatch):
    store.put(API, Secret(CANARY))
    monkeypatch.setitem(sys.modules, "keyring", None)

    with pytest.raises(ConfigurationError, match=r"pip install keyring"):
        store.get(API)


def test_the_old_credential_of_windows_is_read_and_thrown_away(store, memory, monkeypatch):
    memory.kept["crustframe", "API key"] = json.dumps({"key": CANARY, "origin": API})
    assert store.get(API) is None
    monkeypatch.setattr(sys, "platform", "win32")

    assert CANARY == store.get(API).secret.reveal()
    assert store.get("https://other.example") is None
    assert store.remove(API)
    assert {} == memory.kept


# Which key counts ------------------------------------------------------------------------------------------------


def test_an_argument_goes_before_the_environment_and_that_before_what_is_stored(store, monkeypatch):
    store.put(API, Secret(CANARY))
    assert ("file", CANARY) == _source_and_key(Client())

    monkeypatch.setenv("CRUSTDATA_API_KEY", OTHER)
    assert ("environment", OTHER) == _source_and_key(Client())
    assert ("argument", "third-key") == _source_and_key(Client(api_key="third-key"))


def test_a_stored_key_goes_to_its_own_origin_and_to_no_other(store, monkeypatch):
    store.put(API, Secret(CANARY))
    monkeypatch.setenv("CRUSTFRAME_BASE_URL", "https://evil.example")

    settings = Client().settings
    assert settings.api_key is None
    with pytest.raises(ConfigurationError, match=r"no API key for https://evil\.example") as raised:
        settings.require_key()
    assert f"stored is for {API}, and goes nowhere else" in raised.value.message
    assert "crustframe key set" in raised.value.hint
    assert CANARY == Client(base_url=API).settings.require_key().reveal()


def test_the_sandbox_is_reached_with_a_stored_key(store, sandbox, tmp_path, monkeypatch):
    store.put(sandbox.url, Secret(sandbox.key))
    monkeypatch.setenv("CRUSTFRAME_BASE_URL", sandbox.url)
    people = ["linkedin.com/in/avery-tester-example"]

    first = crustframe.enrich(people, fields=["basic_profile.name"])
    second = crustframe.enrich(people, fields=["basic_profile.name"])

    assert (1.0, 0.0) == (first.report.credits, second.report.credits)
    assert 1 == sandbox.credits_spent
    assert sandbox.key.encode() not in (tmp_path / "ledger.sqlite3").read_bytes()


def test_a_store_is_not_opened_before_a_key_is_needed_and_then_once(store, memory, sandbox, monkeypatch):
    store.put(sandbox.url, Secret(sandbox.key))
    monkeypatch.setenv("CRUSTFRAME_BASE_URL", sandbox.url)
    asked = memory.asked

    client = Client()
    crustframe.plan(["linkedin.com/in/avery-example"], fields=["basic_profile.name"], client=client)
    assert asked == memory.asked, "a plan over no ledger needs no key"
    crustframe.enrich(["linkedin.com/in/avery-example"], fields=["basic_profile.name"], client=client)
    with ThreadPoolExecutor(8) as threads:
        assert {sandbox.key} == {key.reveal() for key in threads.map(lambda _: client.settings.api_key, range(64))}
    client.close()

    assert asked + 1 == memory.asked


def test_a_finder_shows_and_pickles_no_key(store):
    store.put(API, Secret(CANARY))
    finder = KeyFinder(API, None, store)
    finder.find()

    shown = [repr(finder), str(finder), repr(finder.find()), str(finder.find()), repr(read_settings()), repr(store)]
    assert not [text for text in shown if CANARY in text]
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(finder)


def test_the_end_of_a_key_is_told_only_where_much_of_it_is_left():
    assert "...2a76" == read_key(CANARY).hint()
    assert "" == read_key("sandbox-key").hint()


def _source_and_key(client):
    found = client.settings.key.find()
    return found.source, found.secret.reveal()


# The command -----------------------------------------------------------------------------------------------------


def test_a_key_is_stored_shown_and_removed_without_being_told(run, folder):
    stored = run("key", "set", stdin=CANARY + "\n")
    assert 0 == stored.code
    assert "" == stored.stdout
    assert f"for {API} and no other origin" in stored.words

    shown = run("key", "show")
    assert f"{API}: in {folder / 'keys.json'}, ends in ...2a76\n" == shown.stdout
    assert 0 == shown.code

    assert "is gone" in run("key", "remove").words
    assert "no stored key" in run("key", "remove").words
    missing = run("key", "show")
    assert (4, "") == (missing.code, missing.stdout)
    assert "crustframe key set" in missing.words


@pytest.mark.parametrize("text", [CANARY + "\r\n", f"  {CANARY}  ", "\ufeff" + CANARY])
def test_line_breaks_spaces_and_marks_around_a_piped_key_are_not_of_it(run, store, text):
    assert 0 == run("key", "set", stdin=text).code
    assert CANARY == store.get(API).secret.reveal()


@pytest.mark.parametrize("text", ["", "\n", CANARY + "\n" + OTHER, CANARY[:9] + " " + CANARY[9:], "“" + CANARY + "”"])
def test_what_is_no_key_is_not_stored(run, folder, text):
    assert 4 == run("key", "set", stdin=text).code
    assert not folder.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("key", "set", CANARY),
        ("key", "set", "--file", CANARY),
        ("key", "set", f"--key={CANARY}"),
        ("key", "set", "--key", CANARY),
        ("key", CANARY),
        ("key", "show", CANARY),
        ("key", "remove", CANARY),
        ("excel", "key", CANARY),
    ],
)
def test_a_key_is_no_argument_and_is_not_repeated(run, folder, arguments):
    ran = run(*arguments, stdin=OTHER)

    assert 2 == ran.code
    assert not folder.exists()
    if "--key" not in " ".join(arguments):
        assert "history" in ran.words


def test_another_origin_has_to_be_named(run, store):
    assert 0 == run("key", "set", "--base-url", "http://127.0.0.1:8901/", stdin=CANARY).code

    assert ["http://127.0.0.1:8901"] == store.origins()
    shown = run("key", "show")
    assert 4 == shown.code
    assert "http://127.0.0.1:8901: " in shown.stdout
    assert "(not in use)" in shown.stdout
    assert 4 == run("key", "set", "--base-url", "http://evil.example", stdin=CANARY).code


def test_what_the_environment_names_is_said_to_go_first(run, monkeypatch):
    monkeypatch.setenv("CRUSTDATA_API_KEY", OTHER)

    assert "goes before it" in run("key", "set", stdin=CANARY).words
    rows = json.loads(run("key", "show", "--json").stdout)
    assert [("environment", "...0186", True), ("file", "...2a76", False)] == [
        (row["source"], row["ends_in"], row["is_used"]) for row in rows
    ]
    assert "goes on being used" in run("key", "remove").words


def test_another_key_in_place_of_one_tells_that_it_knows_nothing_of_what_was_bought(run):
    run("key", "set", stdin=OTHER)

    assert "replaces another key" in run("key", "set", stdin=CANARY).words
    assert "replaces another key" not in run("key", "set", stdin=CANARY).words


def test_in_the_shell_a_keyring_is_named(run, memory):
    assert "in the keyring (memory)" in run("key", "set", stdin=CANARY).words
    assert "in the keyring (memory), ends in ...2a76" in run("key", "show").stdout
    assert "keys.json" in run("key", "set", "--file", stdin=CANARY).words
    assert {} == memory.kept


def test_a_stored_key_is_in_no_log(run, store, sandbox, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("CRUSTFRAME_BASE_URL", sandbox.url)
    run("key", "set", stdin=CANARY)

    client = Client()
    with pytest.raises(crustframe.errors.AuthenticationError) as raised:
        client.credits()

    told = caplog.text + "".join(traceback.format_exception(raised.value)) + repr(vars(raised.value))
    assert CANARY not in told + repr(client) + repr(vars(client))


@posix
def test_on_a_terminal_the_key_is_asked_for_and_not_echoed(store):
    """A real terminal: what is typed goes in at one end, and all that it would show comes out there."""
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "crustframe", "key", "set"]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as asking:
        os.close(theirs)
        shown = _read_until(ours, b": ")  # the space comes when the echo is off and what was typed before is dropped
        os.write(ours, CANARY.encode() + b"\n")
        shown += _read_until(ours, None)
        os.close(ours)

    assert 0 == asking.returncode
    assert CANARY.encode() not in shown
    assert re.search(rb"The key is stored in .*keys\.json", shown)
    assert CANARY == store.get(API).secret.reveal()


def _read_until(terminal, end):
    """Read what a terminal shows, up to `end` or, for None, until nobody holds it any more."""
    shown = b""
    while (end is None or not shown.endswith(end)) and select.select([terminal], [], [], 30)[0]:
        try:
            piece = os.read(terminal, 1000)
        except OSError:  # Linux ends a terminal so
            break
        if not piece:
            break
        shown += piece
    return shown


def test_an_import_and_a_plan_load_no_keyring(tmp_path):
    code = (
        "import sys, crustframe; crustframe.plan(['linkedin.com/in/avery-example'], fields=['basic_profile.name'])\n"
        "assert 'keyring' not in sys.modules"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (0, "") == (ran.returncode, ran.stderr)
    assert not Path(os.environ["CRUSTFRAME_CONFIG"]).exists()
