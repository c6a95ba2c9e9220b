"""Result files of jobs: gzip or not, whole or cut, read line by line within a fixed memory. Contract notes, 5.3."""

from __future__ import annotations

import logging
import sys
import zlib
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, BinaryIO, Final, NamedTuple

from crustframe import contract
from crustframe.errors import ResponseError
from crustframe.people.records import read_json

LINE_CAP: Final = 8 * 2**20  # reliability notes, section 7
_SKIP_CAP: Final = 64 * 2**20
TOO_LONG: Final = b"\0"
"""Stands for a line that is longer; nobody can read it."""
_PIECE: Final = 64 * 1024
_MAGIC: Final = b"\x1f\x8b"

_log: Final = logging.getLogger(__name__)


class BrokenFileError(ResponseError):
    """A result file that is not whole; the complete lines before this were yielded."""


def size_cap(identifiers: int) -> int:
    """Return how large the unpacked results of so many people may be: 64 MiB and 2 MiB for each."""
    return 64 * 2**20 + 2 * 2**20 * identifiers


def line_cap(identifiers: int) -> int:
    """Return how many lines the results of so many people may have: ours, ten for each and two million more."""
    return 2_000_000 + 10 * identifiers


def read_lines(file: BinaryIO, *, at_most: int, most_lines: int = sys.maxsize) -> Iterator[bytes]:
    """Yield the complete lines of a result file.

    gzip is told by the first bytes, not by a header: some servers name it as an encoding, some pack twice, and some
    send plain lines. The latter two are read, and a warning is logged.

    Raises
    ------
    BrokenFileError
        It ends early, its checksum is wrong, it has more than `most_lines`, blank ones among them, a line of more
        than 64 MiB, or it unpacks to more than `at_most` bytes. A line of more than 8 MiB comes as :data:`TOO_LONG`.
    """
    is_packed, pieces = _unpacked(_pieces(file))
    is_packed_twice, pieces = _unpacked(pieces)
    if is_packed_twice or is_packed is False:
        how = "packed twice" if is_packed_twice else "as plain lines and not as gzip"
        _log.warning("A result file came %s. It is read all the same; nothing is to be done.", how)
    size = count = 0
    rest = b""
    skipped = 0
    for piece in pieces:
        size += len(piece)
        if size > at_most:
            raise BrokenFileError(f"The result file unpacks to more than {at_most:,} bytes; the rest was left.")
        *lines, rest = (rest + piece).split(b"\n")
        if skipped and lines:
            lines[0], skipped = TOO_LONG, 0
        count += len(lines)
        if count > most_lines:
            raise BrokenFileError(f"The result file has more than {most_lines:,} lines; the rest was left.")
        yield from (line for line in lines if line.strip())
        if len(rest) > LINE_CAP or skipped:
            rest, skipped = b"", skipped + len(rest)
        if skipped > _SKIP_CAP:
            raise BrokenFileError(f"A line of the result file is longer than {_SKIP_CAP:,} bytes; the rest was left.")
    if skipped:
        yield TOO_LONG
    elif rest.strip():
        try:
            read_json(rest)
        except ValueError:
            raise BrokenFileError("The result file ends within a line; its complete lines are kept.") from None
        yield rest


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(_PIECE):
        yield piece


def _unpacked(pieces: Iterator[bytes]) -> tuple[bool | None, Iterator[bytes]]:
    """Undo one layer of gzip if there is one, and tell whether there was; ``None``: too little came to tell."""
    first = next(pieces, b"")
    while len(first) < len(_MAGIC) and (more := next(pieces, b"")):
        first += more
    if first.startswith(_MAGIC):
        return True, _inflated(chain([first], pieces))
    return None if _MAGIC.startswith(first) else False, chain([first], pieces)


def _inflated(pieces: Iterator[bytes]) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        for piece in pieces:
            left = piece
            while left:
                if unpacker.eof:
                    if not left.strip(b"\0"):
                        break
                    unpacker = zlib.decompressobj(wbits=31)
                if part := unpacker.decompress(left, _PIECE):
                    yield part
                left = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
    except zlib.error as error:
        raise BrokenFileError(f"The result file is damaged ({error}); complete lines before that are kept.") from None
    if not unpacker.eof:
        while rest := unpacker.decompress(b"", _PIECE):
            yield rest
    if not unpacker.eof:
        raise BrokenFileError("The result file ends early; its complete lines are kept.")


class Line(NamedTuple):
    """What one line says.

    Attributes
    ----------
    named : str or None
        Whom it is about, as the file spells them.
    person_data : dict or None
        Empty where nothing was found, ``None`` where the line cannot be read.
    """

    named: str | None
    person_data: dict[str, Any] | None


def read_line(line: bytes, endpoint: str) -> Line:
    """Read one line of a person or contact file, in any of the shapes that were seen.

    Parameters
    ----------
    line : bytes
    endpoint : str
        Where the job was submitted.
    """
    try:
        item = read_json(line.removeprefix(b"\xef\xbb\xbf"))
    except ValueError:
        return Line(None, None)
    if not isinstance(item, dict):
        return Line(None, None)
    if endpoint == contract.IDENTIFY_JOB_PATH:
        return _identified(item)
    named = item.get("original_identifier", item.get("professional_network_url"))
    if not isinstance(named, str):
        named = None
    data = item.get("data", item if "professional_network_url" in item else None)
    if data is None:
        data = {}
    if not isinstance(data, dict):
        return Line(named, None)
    if endpoint == contract.CONTACT_JOB_PATH:
        person_id = item.get("internal_id", item.get("person_id"))
        return Line(named, _contact(data, person_id))
    return Line(named, data)


def _identified(item: Mapping[str, Any]) -> Line:
    named, matches = item.get("matched_on"), item.get("matches")
    if not isinstance(named, str):
        return Line(None, None)
    if not isinstance(matches, list) or not all(isinstance(match, dict) for match in matches):
        return Line(named, None)
    person = matches[0].get("person_data", matches[0]) if matches else {}
    return Line(named, person if isinstance(person, dict) else None)


def _contact(data: Mapping[str, Any], person_id: object) -> dict[str, Any] | None:
    """Return ``person_data`` as the other endpoints tell the same facts."""
    personal = data.get(contract.CONTACT_SHORTHAND) or {}
    if not isinstance(personal, dict):
        return None
    found: dict[str, Any] = {}
    for field, group in contract.CONTACT_FIELDS.items():
        source, name = (personal, field.partition(".")[2]) if "." in field else (data, field)
        values = source.get(name)
        if isinstance(values, str):
            values = [values] if values else []
        if values is not None and not isinstance(values, list):
            return None
        if values:
            found[group.partition(".")[2]] = [
                {"email": value} if isinstance(value, str) and "email" in name else value for value in values
            ]
    if not found:
        return {}
    known = {"crustdata_person_id": person_id} if isinstance(person_id, int) else {}
    return known | {"contact": found}
