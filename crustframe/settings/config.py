"""Settings: argument over environment over default; a key may also be stored. It belongs to one origin."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from crustframe import contract
from crustframe.errors import ConfigurationError, SettingError
from crustframe.settings.keys import FoundKey, KeyFinder, KeyStore, Secret, default_folder, read_key

API_KEY_VARIABLE: Final = "CRUSTDATA_API_KEY"
BASE_URL_VARIABLE: Final = "CRUSTFRAME_BASE_URL"
CONFIG_VARIABLE: Final = "CRUSTFRAME_CONFIG"
MAX_CREDITS_VARIABLE: Final = "CRUSTFRAME_MAX_CREDITS"
LEDGER_VARIABLE: Final = "CRUSTFRAME_LEDGER"
OFFLINE_VARIABLE: Final = "CRUSTFRAME_OFFLINE"
REQUESTS_PER_MINUTE_VARIABLE: Final = "CRUSTFRAME_REQUESTS_PER_MINUTE"
STORAGE_HOSTS_VARIABLE: Final = "CRUSTFRAME_STORAGE_HOSTS"

SETTINGS_FILE: Final = "settings.toml"
"""In the folder of :data:`CONFIG_VARIABLE`; it may say ``max_credits = 500``."""
ASK_ABOVE_CREDITS: Final = 100.0
"""What a run may cost without a ceiling that somebody named; reliability notes, section 7."""
NO_MATCH_AGE_S: Final = 7 * 86400.0
"""How long "nobody there" is believed; it cost nothing, and people join."""

_HOST: Final = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9-]{1,63}(?<!-))*\.?|[0-9a-f:.]*:[0-9a-f:.]*")
_LOOPBACK: Final = re.compile(r"localhost|127(?:\.\d{1,3}){3}|::1")


@dataclass(frozen=True, slots=True)
class Settings:
    """Where to ask, with which key, at which pace, and where the ledger lies.

    Attributes
    ----------
    key : KeyFinder
        Looks for the key of this origin when it is first needed.
    origin : str
        Scheme, host and port of the API.
    ledger : pathlib.Path
        The SQLite file of paid answers.
    offline : bool
        Answers come from the ledger or not at all; no socket is opened.
    requests_per_minute : float or None
        ``None``: what the server's own headers say, 15 until they do.
    storage_hosts : tuple of str
        Further hosts, and hosts below them, that results of jobs may be fetched from. No key goes there.
    max_credits : float or None
        Ceiling of every run that names none.
    """

    key: KeyFinder
    origin: str
    ledger: Path
    offline: bool = False
    requests_per_minute: float | None = None
    storage_hosts: tuple[str, ...] = ()
    max_credits: float | None = None

    @property
    def api_key(self) -> Secret | None:
        """The key, looked for now if need be; ``None`` is enough for plans, the ledger and offline work."""
        return self.key.secret()

    @property
    def is_loopback(self) -> bool:
        """Whether the API runs on this machine; such calls never go through a proxy."""
        return bool(_LOOPBACK.fullmatch(urlsplit(self.origin).hostname or ""))

    def require_key(self) -> Secret:
        """Return the key.

        Raises
        ------
        ConfigurationError
            There is none. Nothing was sent.
        """
        secret = self.api_key
        if secret is not None:
            return secret
        elsewhere = ", ".join(self.key.store.origins())
        raise ConfigurationError(
            f"There is no API key for {self.origin}. Nothing was sent, nothing was charged."
            + (f" What is stored is for {elsewhere}, and goes nowhere else." if elsewhere else ""),
            hint=f"store one with `crustframe key set`, set {API_KEY_VARIABLE}, or try the embedded sandbox: "
            "`--sandbox` in the shell, `with crustframe.sandbox() as sandbox: ... client=sandbox.client` in Python.",
        )


def read_settings(
    *,
    api_key: str | None = None,
    base_url: str | None = None,
    ledger: str | os.PathLike[str] | None = None,
    offline: bool | None = None,
    requests_per_minute: float | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Read the settings: an argument goes before its environment variable, which goes before the default.

    The key of the environment goes to the origin that the environment names beside it, and to no other. Without either
    key the stored one of this origin is looked for, not now but when it is needed.

    Raises
    ------
    ConfigurationError
        A key or an origin that cannot be used. Nothing was sent.
    """
    env = os.environ if environ is None else environ
    environment_origin = read_target(environ=env)
    origin = read_target(base_url, environ=env)
    given = _given_key(api_key, env, origin, environment_origin)
    pace = requests_per_minute if requests_per_minute is not None else env.get(REQUESTS_PER_MINUTE_VARIABLE) or None
    return Settings(
        key=KeyFinder(origin, given, key_store(env)),
        origin=origin,
        ledger=Path(ledger or env.get(LEDGER_VARIABLE) or default_ledger()).expanduser(),
        offline=_truth(env.get(OFFLINE_VARIABLE, "")) if offline is None else offline,
        requests_per_minute=None if pace is None else _read_pace(pace),
        storage_hosts=_read_hosts(env.get(STORAGE_HOSTS_VARIABLE, "")),
        max_credits=_default_ceiling(env),
    )


def read_ceiling(value: Any, where: str = "max_credits") -> float:
    """Return a ceiling in credits, checked."""
    try:
        credits = float(value)
    except (TypeError, ValueError):
        credits = -1.0
    if isinstance(value, bool) or not 0 <= credits < float("inf"):
        raise SettingError(f"{where}={value!r} is no number of credits. Nothing was sent.", hint="give 0 or more.")
    return credits


def _default_ceiling(env: Mapping[str, str]) -> float | None:
    """Return the ceiling that the environment names, else the one of the settings file."""
    if named := env.get(MAX_CREDITS_VARIABLE):
        return read_ceiling(named, MAX_CREDITS_VARIABLE)
    file = config_folder(env) / SETTINGS_FILE
    try:
        settings = tomllib.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"The settings in {file} cannot be read ({error}). Nothing was sent.", hint="mend the file, or remove it."
        ) from None
    return read_ceiling(settings["max_credits"], f"max_credits of {file}") if "max_credits" in settings else None


def key_store(environ: Mapping[str, str] | None = None) -> KeyStore:
    """Return the store of this user's keys, in the folder that the environment names or in the usual one."""
    return KeyStore(config_folder(os.environ if environ is None else environ))


def config_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder of this user's settings: the one that the environment names, or the usual one."""
    named = environ.get(CONFIG_VARIABLE)
    return Path(named).expanduser() if named else default_folder()


def read_target(base_url: str | None = None, *, environ: Mapping[str, str] | None = None) -> str:
    """Return the origin to ask: the argument's, else that of the environment, else the API's own."""
    env = os.environ if environ is None else environ
    return read_origin(base_url if base_url is not None else env.get(BASE_URL_VARIABLE) or contract.BASE_URL)


def read_origin(url: str) -> str:
    """Return scheme, host and port of the API, checked."""
    try:
        parts = urlsplit(url.strip())
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    strange = "@" in parts.netloc or not _HOST.fullmatch(host) or parts.query or parts.fragment
    if parts.scheme not in {"http", "https"} or strange:
        raise ConfigurationError(
            "The base URL cannot be used. Nothing was sent.",
            hint=f"give scheme and host only, such as {contract.BASE_URL}.",
        )
    if parts.path not in {"", "/"}:
        raise ConfigurationError(
            f"The base URL has a path ({parts.path[:60]}). Nothing was sent.", hint="give scheme and host only."
        )
    if parts.scheme == "http" and not _LOOPBACK.fullmatch(host):
        raise ConfigurationError(
            f"{host} would be asked over plain http, and the key could be read on the way. Nothing was sent.",
            hint="use https; http is for a sandbox on this machine only.",
        )
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (
        f":{port}" if port not in {None, 443 if parts.scheme == "https" else 80} else ""
    )


def _given_key(api_key: str | None, env: Mapping[str, str], origin: str, environment_origin: str) -> FoundKey | None:
    if api_key is not None:
        return FoundKey(read_key(api_key), "argument", "the argument api_key")
    key = env.get(API_KEY_VARIABLE)
    if not key:
        return None
    if origin != environment_origin:
        raise ConfigurationError(
            f"The key in {API_KEY_VARIABLE} belongs to {environment_origin}, not to {origin}. Nothing was sent.",
            hint=f"name the origin in {BASE_URL_VARIABLE}, or give api_key= together with base_url=.",
        )
    return FoundKey(read_key(key), "environment", f"the environment ({API_KEY_VARIABLE})")


def default_ledger() -> Path:
    """Return the ledger of this user: data that was paid for is not cache."""
    from platformdirs import user_data_path

    return user_data_path("crustframe", appauthor=False, roaming=False) / "ledger.sqlite3"


def _truth(text: str) -> bool:
    return text.strip().lower() not in {"", "0", "false", "no", "off"}


def _read_hosts(text: str) -> tuple[str, ...]:
    hosts = tuple(part.strip().lower().rstrip(".") for part in text.split(",") if part.strip())
    strange = [host for host in hosts if not _HOST.fullmatch(host) or not re.search(r"\.[a-z]", host)]
    if strange:
        raise ConfigurationError(
            f"{strange[0][:80]!r} in {STORAGE_HOSTS_VARIABLE} is no name of a public host. Nothing was sent.",
            hint="give host names with commas between them, such as files.vendor.example.",
        )
    return hosts


def _read_pace(value: Any) -> float:
    try:
        pace = float(value)
    except (TypeError, ValueError):
        pace = 0.0
    if not 1 <= pace <= 100_000:
        raise SettingError(
            f"{value!r} requests a minute cannot be kept. Nothing was sent.",
            hint=f"give a number of at least 1; the API's default is {contract.REQUESTS_PER_MINUTE}.",
        )
    return pace


_UNITS_S: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


def read_age(age: str | float | None, name: str = "max_age") -> float | None:
    """Return an age in seconds from text such as ``"30d"``, ``"12h"``, or a number of seconds; None is no limit."""
    if age is None:
        return None
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhdw]?)\s*", str(age))
    if not found or isinstance(age, bool):
        raise SettingError(
            f"{name}={age!r} is not an age. Nothing was sent.", hint="write 30d, 12h, or None for no limit."
        )
    return float(found[1]) * _UNITS_S[found[2] or "s"]
