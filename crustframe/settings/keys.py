"""API keys: one that shows itself to nobody, and the store that keeps one for each origin.

A stored key lies in the keyring of this user where one works, else in a private file. The file also says which origins
have a key in the keyring, so that a keyring is opened only where it is known to hold what is looked for.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import re
import stat
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, NoReturn

from crustframe.errors import ConfigurationError

SERVICE: Final = "crustframe"
"""Under which name a keyring files the keys; the user name of each is its origin."""

Source = Literal["argument", "environment", "keyring", "file"]

_QUOTES: Final = "\"'`“”„‘’«»"
_KEY: Final = re.compile(r"(?:(?![\"'`])[\x21-\x7e]){4,512}")
_HINT_LENGTH: Final = 16  # of a shorter key, the last four characters would tell too much
_TRUSTWORTHY: Final = 1.0  # keyring's own bound: below are the plain text files of keyrings.alt, and no keyring at all
_OLD_FILE: Final = "sheet-key.json"  # the spreadsheet add-in's own, before there was one store for all front ends
_OLD_USER: Final = "API key"  # likewise, in the Windows Credential Manager


class Secret:
    """An API key that no repr, pickle, comparison or format shows."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the key itself; only the transport, the store and the fingerprint may."""
        return self._value

    def hint(self) -> str:
        """Return how the key ends, or nothing where it is too short to tell that."""
        return f"...{self._value[-4:]}" if len(self._value) >= _HINT_LENGTH else ""

    def fingerprint(self, salt: bytes) -> str:
        """Return a keyed digest that tells two keys apart and tells nothing else."""
        return hmac.new(salt, self._value.encode(), hashlib.sha256).hexdigest()[:16]

    def __repr__(self) -> str:
        return "Secret(...)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an API key is not pickled")


class FoundKey(NamedTuple):
    """A key and where it was found.

    Attributes
    ----------
    secret : Secret
    source : {"argument", "environment", "keyring", "file"}
    place : str
        The same for people: a variable, a keyring or a file.
    """

    secret: Secret
    source: Source
    place: str

    def __str__(self) -> str:
        hint = self.secret.hint()
        return f"in {self.place}" + (f", ends in {hint}" if hint else "")


class StoredKey(NamedTuple):
    """Where a key was put.

    Attributes
    ----------
    place : str
    why_no_keyring : str
        Why it is not in a keyring; empty where it is, or where nobody wanted that.
    """

    place: str
    why_no_keyring: str


class KeyStore:
    """The keys of this user, one for each origin. Nothing is opened or created before it is needed.

    Parameters
    ----------
    folder : pathlib.Path
        Where the private file lies.
    """

    def __init__(self, folder: Path) -> None:
        self.file = folder / "keys.json"
        self._old_file = folder / _OLD_FILE

    def origins(self) -> list[str]:
        """Return the origins that a key is stored for."""
        return sorted(self._entries())

    def get(self, origin: str) -> FoundKey | None:
        """Return the key that was stored for this very origin.

        Raises
        ------
        ConfigurationError
            The file can be read by others or not at all, or the keyring does not give the key. Nothing was sent.
        """
        entries = self._entries()
        if origin not in entries:
            return _old_credential(origin)
        key = entries[origin]
        if key is None:
            return self._in_keyring(origin)
        return FoundKey(read_key(key), "file", str(self._old_file if self._old_file.exists() else self.file))

    def put(self, origin: str, secret: Secret, *, use_keyring: bool = True) -> StoredKey:
        """Store a key for an origin in place of an older one: in the keyring, else in the private file.

        Parameters
        ----------
        origin : str
        secret : Secret
        use_keyring : bool
            Off: the private file, also where a keyring works, for programs that run when nobody is there to unlock it.
        """
        entries = self._entries(private=False)  # writing makes it private again
        was_in_keyring = entries.get(origin, "") is None
        place, why = _to_keyring(origin, secret) if use_keyring else (None, "")
        self._write({**entries, origin: secret.reveal() if place is None else None})
        if place is None and was_in_keyring:
            with contextlib.suppress(ConfigurationError):
                _from_keyring_remove(origin)
        _forget_old_credential(origin)
        return StoredKey(place or str(self.file), why)

    def remove(self, origin: str) -> bool:
        """Throw the key of an origin away; tell whether there was one."""
        entries = self._entries(private=False)
        was_old = _forget_old_credential(origin)
        if origin not in entries:
            return was_old
        if entries[origin] is None:
            _from_keyring_remove(origin)
        self._write({name: key for name, key in entries.items() if name != origin})
        return True

    def _in_keyring(self, origin: str) -> FoundKey:
        keyring, why = _open_keyring()
        key = None
        if keyring is not None:
            try:
                key = keyring.get_password(SERVICE, origin)
                why = "no longer holds it"
            except Exception as error:  # noqa: BLE001  (backends let the errors of any library through)
                why = f"does not give it ({type(error).__name__})"
        if key is None:
            raise ConfigurationError(
                f"The key for {origin} was stored in the keyring, which {why}. Nothing was sent, nothing was charged.",
                hint="unlock the keyring, or store the key in a private file with `crustframe key set --file`.",
            )
        return FoundKey(read_key(key), "keyring", f"the keyring ({_name_of(keyring)})")

    def _entries(self, *, private: bool = True) -> dict[str, str | None]:
        """Return the key for each origin, None where it lies in the keyring."""
        old, now = self._read(self._old_file, private=private), self._read(self.file, private=private)
        keys = now.get("keys") if now else {}
        if not isinstance(keys, dict) or not all(key is None or isinstance(key, str) for key in keys.values()):
            raise self._unreadable(self.file)
        origin, key = old.get("origin"), old.get("key")
        carried = {origin: key} if isinstance(origin, str) and isinstance(key, str) else {}
        return {**carried, **keys}

    def _read(self, path: Path, *, private: bool) -> dict[str, Any]:
        try:
            with path.open("rb") as file:
                _refuse_public(path, os.fstat(file.fileno()), private=private)
                content = file.read()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise ConfigurationError(
                f"The file of API keys, {path}, cannot be read ({error.strerror}). Nothing was sent.",
                hint="give it back to this user, or name another folder in CRUSTFRAME_CONFIG.",
            ) from None
        found = None
        with contextlib.suppress(ValueError):
            found = json.loads(content)
        if not isinstance(found, dict):  # out here, since an error of the parser carries the file
            raise self._unreadable(path)
        return found

    def _unreadable(self, path: Path) -> ConfigurationError:
        return ConfigurationError(
            f"The file of API keys, {path}, holds something else. Nothing was sent, and it was left as it is.",
            hint="put it out of the way, then store the key again with `crustframe key set`.",
        )

    def _write(self, entries: Mapping[str, str | None]) -> None:
        text = json.dumps({"layout": 1, "keys": dict(entries)}, indent=1) + "\n"
        try:
            self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _replacing(self.file) as number, os.fdopen(number, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            self._old_file.unlink(missing_ok=True)  # what it held is among the entries
        except OSError as error:
            raise ConfigurationError(
                f"The file of API keys, {self.file}, cannot be written ({error.strerror}). It is as it was.",
                hint="make room or give the folder back, or name another one in CRUSTFRAME_CONFIG.",
            ) from None


class KeyFinder:
    """The key of one origin: the one that was given, else the stored one, looked for when it is first needed, once.

    Parameters
    ----------
    origin : str
    given : FoundKey or None
        From an argument or from the environment; it goes before whatever is stored.
    store : KeyStore
    """

    __slots__ = ("_found", "_is_sought", "_lock", "origin", "store")

    def __init__(self, origin: str, given: FoundKey | None, store: KeyStore) -> None:
        self.origin = origin
        self.store = store
        self._found = given
        self._is_sought = given is not None
        self._lock = threading.Lock()

    def find(self) -> FoundKey | None:
        """Return the key and where it is, or None."""
        with self._lock:
            if not self._is_sought:
                self._found = self.store.get(self.origin)
                self._is_sought = True
            return self._found

    def secret(self) -> Secret | None:
        """Return the key, or None."""
        found = self.find()
        return None if found is None else found.secret

    def __repr__(self) -> str:
        return f"KeyFinder({self.origin!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an API key is not pickled")


def read_key(key: str) -> Secret:
    """Check an API key without ever showing it."""
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        text = key if isinstance(key, str) else ""
        what = (
            "ends in a line break"
            if text.rstrip("\r\n") != text
            else "has quotes around it, which are part of it as it was set"
            if text and (text[0] in _QUOTES or text[-1] in _QUOTES)
            else "begins with a byte order mark"
            if text[:1] == "\ufeff"
            else "holds a space, a quote, a control character or a letter that no key has, or is too short or too long"
        )
        raise ConfigurationError(
            f"The API key {what}. Nothing was sent.",
            hint="give the key alone, without quotes, spaces, a byte order mark or a line break around it; "
            "in the Windows command line: set CRUSTDATA_API_KEY=the-key",
        )
    return Secret(key)


def default_folder() -> Path:
    """Return the folder of this user's settings, outside any folder of workbooks or projects."""
    from platformdirs import user_config_path

    return user_config_path("crustframe", appauthor=False, roaming=False)


def _refuse_public(path: Path, found: os.stat_result, *, private: bool) -> None:
    if not private or os.name != "posix":
        return
    if stat.S_IMODE(found.st_mode) & 0o077 or found.st_uid != os.getuid():
        raise ConfigurationError(
            f"Others than this user can read the file of API keys, {path}. Nothing was sent.",
            hint="get a new key from the vendor and store it with `crustframe key set`; if nobody else uses this "
            "machine, `crustframe key set` with the same key makes the file private again.",
        )


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[int]:
    """Give a private file that takes the place of `path` when everything in it is written."""
    number, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)  # mode 0600 from the start
    try:
        yield number
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _open_keyring() -> tuple[Any, str]:
    """Return the keyring of this user, or None and why there is none; its words end a sentence about the keyring."""
    try:
        import keyring
    except ImportError:
        return None, "needs the package keyring (`pip install keyring`)"
    try:
        found = keyring.get_keyring()
        is_trustworthy = float(found.priority) >= _TRUSTWORTHY
    except Exception as error:  # noqa: BLE001  (backends let the errors of any library through)
        return None, f"cannot be opened ({type(error).__name__})"
    return (found, "") if is_trustworthy else (None, "is not there, or keeps keys in plain text")


def _name_of(keyring: Any) -> str:
    return str(getattr(keyring, "name", "") or type(keyring).__name__).splitlines()[0][:60]


def _to_keyring(origin: str, secret: Secret) -> tuple[str | None, str]:
    keyring, why = _open_keyring()
    if keyring is None:
        return None, why
    try:
        keyring.set_password(SERVICE, origin, secret.reveal())
        if keyring.get_password(SERVICE, origin) == secret.reveal():
            return f"the keyring ({_name_of(keyring)})", ""
    except Exception as error:  # noqa: BLE001  (backends let the errors of any library through)
        return None, f"did not take it ({type(error).__name__})"
    return None, "did not keep it"


def _from_keyring_remove(origin: str) -> None:
    keyring, why = _open_keyring()
    if keyring is not None:
        try:
            if keyring.get_password(SERVICE, origin) is not None:
                keyring.delete_password(SERVICE, origin)
            return
        except Exception as error:  # noqa: BLE001  (backends let the errors of any library through)
            why = f"does not let it go ({type(error).__name__})"
    raise ConfigurationError(
        f"The key for {origin} is in the keyring, which {why}. It is still there.",
        hint="unlock the keyring and run the same again, or remove the entry `crustframe` in its own program.",
    )


def _old_credential(origin: str) -> FoundKey | None:
    """Return the key that the add-in stored itself, in the Windows Credential Manager."""
    keyring = _open_keyring()[0] if sys.platform == "win32" else None
    if keyring is None:
        return None
    try:
        found = json.loads(keyring.get_password(SERVICE, _OLD_USER) or "{}")
        key = found["key"] if found["origin"] == origin else None
    except Exception:  # noqa: BLE001  (whatever is there is not the add-in's)
        key = None
    return None if key is None else FoundKey(read_key(key), "keyring", f"the keyring ({_name_of(keyring)})")


def _forget_old_credential(origin: str) -> bool:
    if _old_credential(origin) is None:
        return False
    keyring, _ = _open_keyring()
    try:
        keyring.delete_password(SERVICE, _OLD_USER)
    except Exception:  # noqa: BLE001  (backends let the errors of any library through)
        return False
    return True
