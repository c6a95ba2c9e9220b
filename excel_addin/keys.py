"""Where the API key lies for programs that are started from a menu: environment, Windows' own store, a private file.

Never in a workbook. A stored key belongs to the origin that it was stored for.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path
from typing import Any, Final, NamedTuple

from crustframe import contract
from crustframe.config import API_KEY_VARIABLE, BASE_URL_VARIABLE, read_key, read_origin
from crustframe.errors import ConfigurationError
from excel_addin.checks import Check

_TARGET: Final = "crustframe"


class StoredKey(NamedTuple):
    """A key and the only origin that it goes to."""

    key: str
    origin: str

    def __repr__(self) -> str:
        return f"StoredKey(..., {self.origin!r})"


def stored_key() -> StoredKey | None:
    """Return the stored key, or None where the environment names one or nothing is stored for this origin.

    Raises
    ------
    ConfigurationError
        The file is readable by others.
    """
    if os.environ.get(API_KEY_VARIABLE):
        return None
    text = _read_windows() if sys.platform == "win32" else _read_file()
    if text is None:
        return None
    found = StoredKey(**json.loads(text))
    origin = read_origin(os.environ.get(BASE_URL_VARIABLE) or contract.BASE_URL)
    return found if found.origin == origin else None


def store_key(key: str, origin: str | None = None) -> None:
    """Store a key for an origin; by default that of the environment, else the API itself."""
    read_key(key)
    asked = origin or os.environ.get(BASE_URL_VARIABLE) or contract.BASE_URL
    text = json.dumps({"key": key, "origin": read_origin(asked)})
    if sys.platform == "win32":
        _write_windows(text)
    else:
        _write_file(text)


def forget_key() -> bool:
    """Throw the stored key away; tell whether there was one."""
    if sys.platform == "win32":
        return _forget_windows()
    path = key_file()
    existed = path.exists()
    path.unlink(missing_ok=True)
    return existed


def check() -> Check:
    """Tell where the key comes from, and never the key."""
    if os.environ.get(API_KEY_VARIABLE):
        return Check("API key", True, f"in {API_KEY_VARIABLE}; programs started from a menu may not see it.")
    found = stored_key()
    if found is None:
        return Check("API key", False, "none for this origin; run `crustframe excel key`.")
    return Check("API key", True, f"stored, for {found.origin} only.")


def key_file() -> Path:
    """Return the private file of the key, outside any folder of workbooks."""
    from platformdirs import user_config_path

    return user_config_path("crustframe", appauthor=False, roaming=False) / "sheet-key.json"


def _read_file() -> str | None:
    path = key_file()
    try:
        found = path.stat()
    except OSError:
        return None
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise ConfigurationError(
            f"Others can read the file of the API key, {path}. Nothing was sent.",
            hint="run `crustframe excel key` again, and think of a new key.",
        )
    return path.read_text(encoding="utf-8")


def _write_file(text: str) -> None:
    path = key_file()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write(text)


def _read_windows() -> str | None:
    credentials = _credential_manager()
    try:
        found = credentials.CredRead(_TARGET, credentials.CRED_TYPE_GENERIC)
    except credentials.error:
        return None
    return bytes(found["CredentialBlob"]).decode("utf-16-le")


def _write_windows(text: str) -> None:
    credentials = _credential_manager()
    credentials.CredWrite(
        {
            "Type": credentials.CRED_TYPE_GENERIC,
            "TargetName": _TARGET,
            "UserName": "API key",
            "CredentialBlob": text,
            "Persist": credentials.CRED_PERSIST_LOCAL_MACHINE,
        },
        0,
    )


def _forget_windows() -> bool:
    credentials = _credential_manager()
    try:
        credentials.CredDelete(_TARGET, credentials.CRED_TYPE_GENERIC)
    except credentials.error:
        return False
    return True


def _credential_manager() -> Any:
    import win32cred

    return win32cred
