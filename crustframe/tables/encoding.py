"""In which encoding a text is: as it was told, as its marks say, else as its bytes look."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import IO, Final

from crustframe.errors import TableError
from crustframe.tables.source import Source

HOLD_ANY_TEXT: Final = frozenset({"utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "gb18030"})
_CODEC_WITHOUT_BOM: Final = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}
_BOMS: Final = {
    "utf-8": codecs.BOM_UTF8,
    "utf-32-le": codecs.BOM_UTF32_LE,  # before that of UTF-16, with which it begins
    "utf-32-be": codecs.BOM_UTF32_BE,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
}
_HEAD: Final = 2**12
_AROUND: Final = 2**19
_FEWEST_ZEROS, _MOST_ZEROS = 0.5, 0.05
_FEWEST_WESTERN: Final = 0.9
_WORD: Final = re.compile(r"[A-Za-z\x80-\U0010ffff]*[\x80-\U0010ffff][A-Za-z\x80-\U0010ffff]*")
_MARKS: Final = "\xa0\xad‘’‚“”„–—…•€™‹›«»·°©®§´"


@dataclass(frozen=True)
class Encoding:
    """How characters became bytes.

    Attributes
    ----------
    codec : str
    bom : bytes
        The byte order mark, perhaps empty.
    note : str
        What to say where it was seen in the bytes alone.
    """

    codec: str
    bom: bytes = b""
    note: str = ""


def read_encoding(source: Source, told: str | None) -> Encoding:
    """Return the encoding of a text: a byte order mark says more than what was told, and that more than the bytes.

    Raises
    ------
    TableError
        It is none that tables are read in; or the bytes are not UTF-8 and look like nothing else, with line and byte.
    """
    codec = _checked_codec(told or "utf-8")
    head = source.head(_HEAD)
    for marked_codec, bom in _BOMS.items():
        if head.startswith(bom):
            return Encoding(marked_codec, bom)
    if told:
        return Encoding(codec)
    return _of_pairs(source.name, head) or _of_bytes(source)


def undecodable(source: Source, codec: str) -> TableError:
    """Return what to raise for a text with bytes that its codec cannot read."""
    with source.open() as raw:
        line, offset = _first_undecodable(raw, codec) or (1, 0)
    return TableError(
        f"{source.name} is not {codec}: line {line}, byte {offset}. Nothing was sent.",
        hint="name its encoding, for a file from an older Excel --encoding cp1252.",
    )


def _of_pairs(name: str, head: bytes) -> Encoding | None:
    """Return UTF-16 without a mark, where every other byte of many is zero."""
    pairs = len(head) // 2
    even, odd = (head[start::2].count(0) for start in (0, 1))
    for codec, zeros, others in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
        if pairs and zeros >= _FEWEST_ZEROS * pairs and others <= _MOST_ZEROS * pairs:
            return Encoding(codec, note=f"{name} is read as {codec}; another encoding is said with --encoding.")
    return None


def _of_bytes(source: Source) -> Encoding:
    """Return UTF-8, or cp1252 where nothing is UTF-8 and all words look Western.

    Text in UTF-8 with a damaged byte is no other encoding, and words such as ``Èâàí`` or ``£ukasz`` are those of one
    that nobody named.
    """
    with source.open() as raw:
        at = _first_undecodable(raw, "utf-8")
        if at is None:
            return Encoding("utf-8")
        raw.seek(max(0, at[1] - _AROUND))
        around = raw.read(2 * _AROUND)
    stray = around.decode("utf-8", "surrogateescape")
    words = _WORD.findall(around.decode("cp1252", "replace"))
    n_western = sum(map(_is_western, words))
    if re.search("[\x80-\ud7ff\ue000-\U0010ffff]", stray) or n_western < _FEWEST_WESTERN * len(words):
        raise undecodable(source, "utf-8")
    shown = next(word for word in words if _is_western(word))
    return Encoding(
        "cp1252",
        note=f"{source.name} is not UTF-8 and is read as cp1252 (Windows, Western Europe), where it says {shown!r}; "
        "another encoding is said with --encoding.",
    )


def _is_western(word: str) -> bool:
    letters = word.strip(_MARKS).replace("\u2019", "")
    return len(letters) < 2 or (letters.isalpha() and any(map(str.isascii, letters)))


def _checked_codec(encoding: str) -> str:
    try:
        codec = codecs.lookup(encoding).name
        codec = _CODEC_WITHOUT_BOM.get(codec, codec)
        if not "".encode(codec):
            return codec
    except LookupError:
        pass
    raise TableError(f"{encoding!r} is not an encoding that tables are read in.", hint="utf-8, utf-16, cp1252 ...")


def _first_undecodable(raw: IO[bytes], codec: str) -> tuple[int, int] | None:
    """Return line (from 1) and byte offset (from 0) of the first byte that `codec` cannot read."""
    decoder = codecs.getincrementaldecoder(codec)()
    line, read = 1, 0
    while True:
        chunk = raw.read(2**16)
        read += len(chunk)
        try:
            line += decoder.decode(chunk, final=not chunk).count("\n")
        except UnicodeDecodeError as error:
            before = error.object[: error.start].decode(codec, "replace")
            return line + before.count("\n"), read - len(error.object) + error.start
        if not chunk:
            return None
