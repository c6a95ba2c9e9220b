"""Paid answers that the ledger could not take, locked, full or read-only: kept in files until the next run."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Kept(NamedTuple):
    """One answer in a file.

    Attributes
    ----------
    file : pathlib.Path
    purchase_id : int
    owner : str
        Whose purchase it was: numbers may come again, this does not.
    body : bytes
    credits : float or None
    http_status : int
    request_id : str or None
    """

    file: Path
    purchase_id: int
    owner: str
    body: bytes
    credits: float | None
    http_status: int
    request_id: str | None


def folders(ledger: Path) -> list[Path]:
    """Return where such files are kept: beside the ledger, else in the temporary folder of this user."""
    digest = hashlib.sha256(str(ledger.absolute()).encode()).hexdigest()[:16]
    return [ledger.with_name(f"{ledger.name}.paid"), Path(tempfile.gettempdir()) / f"crustframe-{digest}.paid"]


def keep(ledger: Path, answer: Kept) -> Path | None:
    """Keep an answer, and return where; None where no folder takes it."""
    facts = answer._asdict() | {"file": None, "body": zlib.compress(answer.body, 1).hex()}
    for folder in folders(ledger):
        file = folder / f"{answer.owner}-{answer.purchase_id}.json"
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            if not _is_ours(folder):
                continue
            with os.fdopen(os.open(file, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as out:
                json.dump(facts, out)
                out.flush()
                os.fsync(out.fileno())
        except OSError:
            continue
        return file
    return None


def kept(ledger: Path) -> Iterator[Kept]:
    """Yield what is kept; a file that nobody can read is left where it is."""
    for folder in folders(ledger):
        for file in sorted(folder.glob("*.json")) if _is_ours(folder) else []:
            try:
                facts = json.loads(file.read_text(encoding="utf-8"))
                yield Kept(**(facts | {"file": file, "body": zlib.decompress(bytes.fromhex(facts["body"]))}))
            except (OSError, ValueError, TypeError, KeyError, zlib.error):
                continue


def _is_ours(folder: Path) -> bool:
    """Whether it is a folder of this user's own; in a temporary folder anybody may have made it."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and (os.name != "posix" or found.st_uid == os.getuid())
