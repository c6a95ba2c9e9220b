"""Where a table goes: a file that appears whole or not at all, or a stream: stdout, a pipe, a device."""

from __future__ import annotations

import os
import re
import secrets
import stat
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final

from crustframe.errors import TableError

STDOUT: Final = "-"
_ANY_WRITE: Final = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


Destination = str | os.PathLike[str]


def is_stream(destination: Destination) -> bool:
    """Whether what is written there goes out as it comes, and takes no file's place."""
    path = Path(destination)
    if os.fspath(destination) == STDOUT or _descriptor(path) is not None:
        return True
    with suppress(OSError):  # told by `refuse_unwritable`
        mode = path.stat().st_mode
        return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)
    return False


def opened(destination: Destination) -> AbstractContextManager[IO[bytes]]:
    """Open a file that appears whole or not at all, or a stream."""
    path = Path(destination)
    if _is_stdout(destination):
        return _stdout()
    return _streaming(path) if is_stream(path) else replacing(path)


def refuse_unwritable(destination: Destination) -> None:
    """Raise `TableError` for what `opened` cannot write to, as far as that shows beforehand."""
    path = Path(destination)
    if _is_stdout(destination):
        if sys.stdout is None:
            raise TableError("There is no stdout to write to. Nothing was sent.", hint="name a file with -o.")
        return
    if is_stream(path):
        number = _descriptor(path)
        try:
            os.stat(path if number is None else number)  # noqa: PTH116 - of a number
        except OSError as error:
            raise unwritable(path.name, error) from error
        if number is None and not os.access(path, os.W_OK):
            raise TableError(f"{path.name} is read-only.", hint="name another file, or make it writable.")
        return
    try:
        exists = path.exists()
    except OSError as error:
        raise unwritable(path.name, error) from error
    if exists and not path.is_file():
        raise TableError(f"{path.name or path} is not a regular file.", hint="name a file, or - for stdout.")
    if exists and not path.stat().st_mode & _ANY_WRITE:
        raise TableError(f"{path.name} is read-only.", hint="name another file, or make it writable.")
    folder = path.resolve().parent
    if not folder.is_dir():
        raise TableError(f"The folder of {path.name} does not exist.", hint="create it, or name another one.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _folder_refuses(path)
    try:
        with _scratch_beside(path.resolve()) as scratch:
            scratch.touch(exist_ok=False)
    except OSError as error:
        raise _folder_refuses(path, error) from error


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Write beside `path`, then put it in its place in one step; whatever fails leaves `path` as it was."""
    target = path.resolve()
    with _scratch_beside(target) as scratch:
        try:
            with scratch.open("xb") as sink:
                yield sink
                sink.flush()
                os.fsync(sink.fileno())
            scratch.replace(target)
            _sync_folder(target.parent)
        except OSError as error:
            raise unwritable(path.name, error) from error


@contextmanager
def _scratch_beside(target: Path) -> Iterator[Path]:
    """Lend a name in the folder of `target`; whatever is left under it is thrown away."""
    scratch = target.with_name(f".crustframe-{secrets.token_hex(8)}.tmp")
    try:
        yield scratch
    finally:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)


class LeavingSink:
    """A sink that may be let go of: a writer that failed still tries to finish its file when it is freed."""

    closed = False

    def __init__(self, sink: IO[bytes]) -> None:
        self._sink = sink
        self.is_gone = False

    def write(self, data: Any) -> int:
        return len(data) if self.is_gone else self._sink.write(data)

    def tell(self) -> int:
        return 0 if self.is_gone else self._sink.tell()

    def seek(self, offset: int, whence: int = 0) -> int:
        return 0 if self.is_gone else self._sink.seek(offset, whence)

    def flush(self) -> None:
        if not self.is_gone:
            self._sink.flush()


def _descriptor(path: Path) -> int | None:
    """Return the number of an open file that a path such as ``/dev/fd/63`` means."""
    named = {"/dev/stdout": 1, "/dev/stderr": 2}.get(os.fspath(path))
    found = re.fullmatch(r"/(?:dev|proc/self)/fd/(\d{1,9})", os.fspath(path))
    return int(found[1]) if found else named


def _is_stdout(destination: Destination) -> bool:
    return os.fspath(destination) == STDOUT or _descriptor(Path(destination)) == 1


@contextmanager
def _stdout() -> Iterator[IO[bytes]]:
    with _told("stdout"):
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()


@contextmanager
def _streaming(path: Path) -> Iterator[IO[bytes]]:
    number = _descriptor(path)
    with _told(path.name), path.open("wb") if number is None else os.fdopen(os.dup(number), "wb") as sink:
        yield sink


@contextmanager
def _told(name: str) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise unwritable(name, error) from error


def unwritable(name: str, error: OSError) -> TableError:
    return TableError(
        f"{name} cannot be written: {error.strerror or error}. A file that was there before is unchanged. "
        "Nothing is lost: the paid answers are in the ledger.",
        hint="make room or choose another place, and run the same command again; it is free of charge.",
    )


def _folder_refuses(path: Path, error: OSError | None = None) -> TableError:
    why = f" ({error.strerror or error})" if error else ""
    return TableError(f"The folder of {path.name} is not writable{why}.", hint="choose another folder.")


def _sync_folder(folder: Path) -> None:
    with suppress(OSError):  # Windows and some network drives cannot: the file itself is already safe
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
