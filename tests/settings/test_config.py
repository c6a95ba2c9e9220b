"""Settings: argument over environment over default; a key belongs to one origin and shows itself to nobody."""

from __future__ import annotations

import copy
import dataclasses
import json
import os
import pickle
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crustframe import contract
from crustframe.client import Client
from crustframe.errors import ConfigurationError, SettingError
from crustframe.settings.config import read_age, read_origin, read_settings
from crustframe.settings.keys import KeyStore, Secret, read_key

CANARY = "canary-key-5d41402abc4b"


def settings(environ=None, **options):
    return read_settings(environ={"CRUSTFRAME_CONFIG": os.environ["CRUSTFRAME_CONFIG"], **(environ or {})}, **options)


# The key ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key",
    [
        CANARY + "\n",
        CANARY + "\r\n",
        "\n" + CANARY,
        CANARY[:8] + "\n" + CANARY[8:],
        " " + CANARY,
        CANARY + " ",
        CANARY[:8] + " " + CANARY[8:],
        CANARY + "\t",
        CANARY + "\x00",
        CANARY + "\N{GRINNING FACE}",
        CANARY + "é",
        "\u201c" + CANARY + "\u201d",
        CANARY + "\u200b",
        "",
        "abc",
        CANARY * 100,
        CANARY.encode(),
        7,
    ],
    ids=repr,
)
def test_a_key_that_cannot_be_one_is_refused_and_shown_nowhere(key):
    with pytest.raises(ConfigurationError, match="Nothing was sent") as raised:
        read_key(key)

    told = str(raised.value) + repr(raised.value) + "".join(traceback.format_exception(raised.value))
    assert CANARY not in told.replace(f'"{CANARY}"', "")
    assert CANARY[:8] not in str(raised.value)
    assert 4 == raised.value.exit_code


@given(st.text(max_size=40))
def test_any_text_is_a_key_or_refused_without_showing_it(text):
    try:
        secret = read_key(text)
    except ConfigurationError as error:
        # A short text may stand in any sentence by chance.
        shown = len(text) >= 8 and text in str(error)
        assert not shown
    else:
        assert text == secret.reveal()


def test_a_line_break_at_the_end_is_named_since_files_and_shells_add_it():
    with pytest.raises(ConfigurationError, match="line break"):
        read_key(CANARY + "\n")


QUOTED = [f'"{CANARY}"', f"'{CANARY}'", f"`{CANARY}`", f"“{CANARY}”", f'"{CANARY}', f'{CANARY}"']


@pytest.mark.parametrize("key", QUOTED)
def test_quotes_around_a_key_are_named_wherever_it_comes_from(key, tmp_path):
    """In cmd, ``set CRUSTDATA_API_KEY="abc"`` makes the quotes part of the value, and the API would answer 401."""
    stored = KeyStore(tmp_path)
    stored.put(contract.BASE_URL, Secret(key), use_keyring=False)

    for source in (
        lambda: settings(api_key=key),
        lambda: settings({"CRUSTDATA_API_KEY": key}),
        lambda: settings({"CRUSTFRAME_CONFIG": str(tmp_path)}).require_key(),
    ):
        with pytest.raises(ConfigurationError, match=r"has quotes around it(.|\n)*Hint: .*without quotes") as raised:
            source()
        assert CANARY[:8] not in str(raised.value)


def test_a_byte_order_mark_before_a_key_is_named():
    with pytest.raises(ConfigurationError, match="begins with a byte order mark"):
        settings({"CRUSTDATA_API_KEY": "\ufeff" + CANARY})


def test_a_secret_shows_itself_to_nobody():
    secret = Secret(CANARY)

    shown = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret!r} {secret!s}",
        "%s %r" % (secret, secret),  # noqa: UP031
        "{}".format(secret),  # noqa: UP032
        repr([secret]),
        repr(settings(api_key=CANARY)),
        str(settings(api_key=CANARY)),
        json.dumps({"key": secret}, default=str),
    ]
    assert not [text for text in shown if CANARY in text]
    assert CANARY == secret.reveal()


def test_a_secret_has_no_vars_and_is_not_pickled_or_copied():
    secret = Secret(CANARY)

    with pytest.raises(TypeError):
        vars(secret)
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(secret)
    with pytest.raises(TypeError, match="not pickled"):
        copy.deepcopy(secret)
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(settings(api_key=CANARY))


def test_settings_told_as_a_dict_show_no_key():
    fields = {field.name: getattr(settings(api_key=CANARY), field.name) for field in dataclasses.fields(settings())}

    assert CANARY not in repr(fields)


def test_a_client_shows_no_key(tmp_path):
    client = Client(api_key=CANARY, ledger=tmp_path / "ledger.sqlite3")

    assert CANARY not in repr(client) + str(client) + repr(vars(client))


def test_a_fingerprint_tells_keys_apart_and_is_not_the_key():
    fingerprints = {Secret(CANARY).fingerprint(b"salt"), Secret(CANARY + "x").fingerprint(b"salt")}
    fingerprints.add(Secret(CANARY).fingerprint(b"pepper"))

    assert 3 == len(fingerprints)
    assert Secret(CANARY).fingerprint(b"salt") in fingerprints
    assert not [text for text in fingerprints if CANARY[:6] in text]


def test_no_key_is_said_when_it_is_needed_with_two_ways_out():
    with pytest.raises(ConfigurationError, match="no API key") as raised:
        settings().require_key()

    assert "CRUSTDATA_API_KEY" in raised.value.hint
    assert "--sandbox" in raised.value.hint


def test_an_empty_variable_is_no_key():
    assert None is settings({"CRUSTDATA_API_KEY": ""}).api_key


# The origin -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://api.crustdata.com", "https://api.crustdata.com"),
        ("https://api.crustdata.com/", "https://api.crustdata.com"),
        (" HTTPS://API.Crustdata.com ", "https://api.crustdata.com"),
        ("https://api.crustdata.com:443", "https://api.crustdata.com"),
        ("https://proxy.corp.example:8443", "https://proxy.corp.example:8443"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://127.3.2.1", "http://127.3.2.1"),
        ("http://localhost:8000/", "http://localhost:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_an_origin_is_scheme_host_and_port(url, origin):
    assert origin == read_origin(url) == read_origin(origin)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.crustdata.com",
        "http://10.0.0.1",
        "http://192.168.1.1:8000",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://127.evil.example",
        "http://1270.0.0.1",
        "http://[::2]",
        "http://0.0.0.0",
    ],
)
def test_plain_http_is_for_this_machine_only(url):
    with pytest.raises(ConfigurationError, match="plain http"):
        read_origin(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        " ",
        "api.crustdata.com",
        "//api.crustdata.com",
        "ftp://api.crustdata.com",
        "file:///etc/passwd",
        "https://",
        "https://:443",
        "https://user@api.crustdata.com",
        "https://user:secret@api.crustdata.com",
        "https://:secret@api.crustdata.com",
        "https://@api.crustdata.com",
        "https://api.crustdata.com@evil.example",
        "https://api.crustdata.com?x=1",
        "https://api.crustdata.com/#x",
        "https://api.crustdata.com/v1",
        "https://api.crustdata.com/person/enrich",
        "https://api.crustdata.com:port",
        "https://api.crustdata.com:99999",
        "https://[::1",
        "https://api.crustdata.com\\@evil.example",
        "https://api.crustdata.com evil.example",
        "https://api.crustdata.com\r\nHost: evil.example",
    ],
    ids=repr,
)
def test_an_origin_that_is_more_or_less_than_one_is_refused(url):
    with pytest.raises(ConfigurationError, match="Nothing was sent") as raised:
        read_origin(url)

    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "is_loopback"),
    [
        ("http://127.0.0.1:8000", True),
        ("http://localhost", True),
        ("http://[::1]:1", True),
        ("https://api.crustdata.com", False),
    ],
)
def test_loopback_is_known(url, is_loopback):
    assert is_loopback == settings(base_url=url).is_loopback


# Which one counts -----------------------------------------------------------------------------------------------


def test_the_default_is_the_api_itself_online_without_a_key():
    found = settings()

    assert ("https://api.crustdata.com", None, False, None) == (
        found.origin,
        found.api_key,
        found.offline,
        found.requests_per_minute,
    )


def test_the_environment_counts_where_no_argument_does(tmp_path):
    environ = {
        "CRUSTDATA_API_KEY": CANARY,
        "CRUSTFRAME_BASE_URL": "https://other.example",
        "CRUSTFRAME_LEDGER": str(tmp_path / "a"),
        "CRUSTFRAME_OFFLINE": "1",
        "CRUSTFRAME_REQUESTS_PER_MINUTE": "7",
    }

    found = settings(environ)
    assert (CANARY, "https://other.example", tmp_path / "a", True, 7.0) == (
        found.require_key().reveal(),
        found.origin,
        found.ledger,
        found.offline,
        found.requests_per_minute,
    )

    given_ = settings(
        environ,
        api_key="argument-key",
        base_url="https://third.example",
        ledger=tmp_path / "b",
        offline=False,
        requests_per_minute=9,
    )
    assert ("argument-key", "https://third.example", tmp_path / "b", False, 9.0) == (
        given_.require_key().reveal(),
        given_.origin,
        given_.ledger,
        given_.offline,
        given_.requests_per_minute,
    )


def test_the_key_of_the_environment_goes_to_no_other_origin():
    with pytest.raises(ConfigurationError, match=r"belongs to https://api\.crustdata\.com") as raised:
        settings({"CRUSTDATA_API_KEY": CANARY}, base_url="https://evil.example")

    assert CANARY not in str(raised.value)


def test_the_key_of_the_environment_goes_to_the_origin_beside_it():
    environ = {"CRUSTDATA_API_KEY": CANARY, "CRUSTFRAME_BASE_URL": "https://other.example"}

    assert CANARY == settings(environ, base_url="https://other.example:443/").require_key().reveal()
    with pytest.raises(ConfigurationError, match="belongs to"):
        settings(environ, base_url="https://api.crustdata.com")


def test_an_argument_key_goes_where_the_argument_says():
    found = settings({"CRUSTDATA_API_KEY": CANARY}, api_key="sandbox-key", base_url="http://127.0.0.1:8000")

    assert "sandbox-key" == found.require_key().reveal()


@pytest.mark.parametrize(
    ("text", "offline"),
    [
        ("1", True),
        ("true", True),
        ("yes", True),
        ("0", False),
        ("false", False),
        ("No", False),
        ("", False),
        (" off ", False),
    ],
)
def test_offline_is_read_as_people_write_it(text, offline):
    assert offline == settings({"CRUSTFRAME_OFFLINE": text}).offline


@pytest.mark.parametrize("pace", ["0", "-1", "many", "nan", "inf", "0.5", "1e9", "15/min"])
def test_a_pace_that_cannot_be_kept_is_refused(pace):
    with pytest.raises(SettingError, match="requests a minute"):
        settings({"CRUSTFRAME_REQUESTS_PER_MINUTE": pace})


@pytest.mark.parametrize("pace", [1, 15, 60.5, "300"])
def test_a_pace_is_a_number_of_at_least_one(pace):
    assert float(pace) == settings(requests_per_minute=pace).requests_per_minute


def test_a_pace_of_nothing_is_refused_and_not_taken_for_the_default():
    with pytest.raises(SettingError):
        settings(requests_per_minute=0)


@pytest.mark.parametrize("concurrency", [0, -1, 9, 100])
def test_more_or_fewer_requests_in_flight_than_1_to_8_are_refused(concurrency):
    with pytest.raises(SettingError, match="between 1 and 8"):
        Client(concurrency=concurrency)


def test_the_ledger_of_a_user_is_theirs_and_tilde_is_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))

    assert tmp_path / "x.sqlite3" == settings(ledger="~/x.sqlite3").ledger
    assert "ledger.sqlite3" == settings().ledger.name


# Ages ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "seconds"),
    [
        (None, None),
        ("30d", 2_592_000),
        ("12h", 43_200),
        ("90m", 5_400),
        ("45s", 45),
        ("2w", 1_209_600),
        ("1.5d", 129_600),
        (" 7 d ", 604_800),
        ("0d", 0),
        ("60", 60),
        (60, 60),
        (0, 0),
        (0.5, 0.5),
    ],
)
def test_an_age_is_seconds(age, seconds):
    assert seconds == read_age(age)


@pytest.mark.parametrize(
    "age", ["", "d", "soon", "30 days", "-1d", "1y", "1d2h", "nan", True, -1, float("nan"), float("inf")], ids=repr
)
def test_what_is_no_age_is_refused_by_its_name(age):
    with pytest.raises(SettingError, match="max_age="):
        read_age(age)
