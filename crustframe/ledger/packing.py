"""How answers are packed: Zstandard with a dictionary of the words and keys that every profile has, small and fast."""

from __future__ import annotations

import sys
import threading
import zlib
from functools import cache
from importlib.resources import files
from typing import Any, Final

from crustframe.people.records import read_json, write_json

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

DAMAGED: Final = (zlib.error, zstd.ZstdError)
"""What unpacking raises where bytes have changed."""
_MAGIC: Final = b"\x28\xb5\x2f\xfd"  # RFC 8878; what an earlier version wrote is zlib's
_OPTIONS: Final[dict[int, int]] = {
    zstd.CompressionParameter.compression_level: 1,
    zstd.CompressionParameter.checksum_flag: 1,
}
_of_thread: Final = threading.local()


@cache
def _dictionary() -> zstd.ZstdDict:
    """Return the dictionary that docs/train_dictionary.py made of the sandbox's people; entries need it for ever."""
    return zstd.ZstdDict(files(__package__).joinpath("people.dictionary").read_bytes())


def pack(found: list[Any]) -> bytes:
    """Return matches as the ledger stores them."""
    compressor = getattr(_of_thread, "compressor", None)
    if compressor is None:
        compressor = _of_thread.compressor = zstd.ZstdCompressor(options=_OPTIONS, zstd_dict=_dictionary())
    return compressor.compress(write_json(found), compressor.FLUSH_FRAME)


def unpacked(entry: bytes) -> bytes:
    """Return the JSON of stored matches."""
    if entry.startswith(_MAGIC):
        return zstd.decompress(entry, zstd_dict=_dictionary())
    return zlib.decompress(entry)


def unpack(entry: bytes) -> list[Any]:
    """Return stored matches as they came."""
    found: list[Any] = read_json(unpacked(entry))
    return found
