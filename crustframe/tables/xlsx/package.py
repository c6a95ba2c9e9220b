"""A workbook as a package of parts: which is which, and how it is copied with some of them changed."""

from __future__ import annotations

import copy
import posixpath
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, Final
from urllib.parse import unquote
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

from crustframe.errors import TableError
from crustframe.tables.source import Source
from crustframe.tables.xlsx.xml import Element, checked, root_of

MAX_ENTRIES: Final = 10_000
MAX_UNPACKED: Final = 512 * 2**20
MAX_RATIO: Final = 200
MAX_PART: Final = 2**31 - 1  # of one part without the extensions of ZIP64
_ENCRYPTED: Final = 0x1
_SIZES_FOLLOW: Final = 0x8
_LOCAL_HEADER: Final = struct.Struct("<4s22xHH")
_CHUNK: Final = 2**20
_LEVEL: Final = 4  # of zlib: two thirds of the time of its default, files a few hundredths larger

_CONTENT_TYPES: Final = "[Content_Types].xml"
_SUFFIXES: Final = {
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml": ".xlsx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.template.main+xml": ".xltx",
    "application/vnd.ms-excel.sheet.macroEnabled.main+xml": ".xlsm",
    "application/vnd.ms-excel.template.macroEnabled.main+xml": ".xltm",
    "application/vnd.ms-excel.sheet.binary.macroEnabled.main": ".xlsb",
}


@dataclass(frozen=True)
class SheetEntry:
    """One sheet as the workbook lists it; `part` is empty for a sheet without cells, such as a chart."""

    name: str
    part: str
    is_hidden: bool


class Package:
    """The parts of a workbook in a source.

    Attributes
    ----------
    suffix : str
        The one that fits what the workbook says it is: ``.xlsx`` or ``.xlsm``.
    sheets : list of SheetEntry
    workbook, styles, strings : str
        Names of these parts; empty where there is none.
    counts_from_1904 : bool
    is_signed : bool
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        with source.open() as raw:
            refuse_bomb(raw, source.name)
        with self.opened() as parts:
            self._names = {_key(name): name for name in parts.namelist()}
            if len(self._names) < len(parts.namelist()):
                raise BadZipFile("two parts of one name")
            self.workbook = self._linked("", "/officeDocument")
            self.suffix = _suffix_of(root_of(parts.read(_CONTENT_TYPES)), self.workbook)
            if self.suffix == ".xlsb":
                raise TableError(f"{source.name} is a binary workbook.", hint="save it as .xlsx or as CSV UTF-8.")
            book = root_of(parts.read(self.workbook))
            self.sheets = list(self._listed(book))
            self.styles = self._linked(self.workbook, "/styles")
            self.strings = self._linked(self.workbook, "/sharedStrings")
            self.is_signed = any(kind.endswith("/digital-signature/origin") for kind, _ in self.links("").values())
        properties = book.first("workbookPr")
        self.counts_from_1904 = properties is not None and properties.attributes.get("date1904", "0") in ("1", "true")

    @contextmanager
    def opened(self) -> Iterator[ZipFile]:
        with self.sound(), self._source.open() as raw, ZipFile(raw) as parts:
            yield parts

    @contextmanager
    def sound(self) -> Iterator[None]:
        """Say of whatever goes wrong inside that the workbook is damaged."""
        try:
            yield
        except TableError:
            raise
        except Exception as error:  # a damaged workbook fails in as many ways as it has parts
            raise damaged(self._source.name) from error

    def read(self, part: str) -> bytes:
        with self.opened() as parts:
            return parts.read(part)

    def chunks(self, part: str) -> Iterator[bytes]:
        """Yield a large part piece by piece."""
        with self.opened() as parts, parts.open(part) as stream:
            yield from checked(iter(lambda: stream.read(_CHUNK), b""))

    def links(self, part: str) -> dict[str, tuple[str, str]]:
        """Return the relationships of a part, or of the package: id to type and target, a part's name or an address."""
        folder, name = posixpath.split(part)
        own = self._names.get(_key(posixpath.join(folder, "_rels", f"{name}.rels")))
        found = {}
        for link in root_of(self.read(own)).all("Relationship") if own else ():
            target = link.attributes["Target"]
            if link.attributes.get("TargetMode") != "External":
                target = self._names.get(_key(posixpath.normpath(posixpath.join("/", folder, unquote(target)))), "")
            found[link.attributes["Id"]] = (link.attributes["Type"], target)
        return found

    def parts_of(self, part: str, kind: str) -> list[str]:
        """Return the parts that a part names with this kind of relationship."""
        return [target for its_kind, target in self.links(part).values() if its_kind.endswith(kind)]

    def copy(self, sink: IO[bytes], changed: Mapping[str, Callable[[], bytes | Iterator[bytes]]]) -> None:
        """Write the package with some parts changed, in the order given, behind those that stay byte for byte."""
        with self._source.open() as raw, ZipFile(raw) as parts, ZipFile(sink, "w", ZIP_DEFLATED) as copied:
            copied.comment = parts.comment
            for entry in parts.infolist():
                if entry.filename not in changed:
                    _copy_packed(raw, entry, copied)
            for name, content in changed.items():
                entry = ZipInfo(name, parts.getinfo(name).date_time)
                entry.compress_type, entry.external_attr = ZIP_DEFLATED, parts.getinfo(name).external_attr
                entry._compresslevel = _LEVEL  # type: ignore[attr-defined]
                made = content()
                size = 0
                with copied.open(entry, "w") as part:
                    for piece in (made,) if isinstance(made, bytes) else made:
                        part.write(piece)
                        size += len(piece)
                        if size > MAX_PART:
                            raise self._too_large()

    def _too_large(self) -> TableError:
        return TableError(
            f"The sheet of {self._source.name} would be larger than Excel reads. Nothing was written, nothing is lost: "
            "the paid answers are in the ledger.",
            hint="write a .csv file; it is free of charge.",
        )

    def _linked(self, part: str, kind: str) -> str:
        return next(iter(self.parts_of(part, kind)), "")

    def _listed(self, book: Element) -> Iterator[SheetEntry]:
        links = self.links(self.workbook)
        for sheet in book.all("sheets", "sheet"):
            kind, part = links.get(sheet.link or "", ("", ""))
            is_hidden = sheet.attributes.get("state", "visible") != "visible"
            yield SheetEntry(sheet.attributes["name"], part if kind.endswith("/worksheet") else "", is_hidden)


def refuse_bomb(raw: IO[bytes], name: str) -> None:
    """Read the directory of a workbook and refuse what would not fit into memory.

    Raises
    ------
    TableError
        Over 10,000 parts, over 512 MiB unpacked, packed more than 200 to 1, overlapping parts, a password,
        or no workbook.
    """
    try:
        with ZipFile(raw) as archive:
            parts = archive.infolist()
    except (BadZipFile, NotImplementedError, ValueError) as error:
        raise damaged(name) from error
    size = raw.seek(0, 2)
    packed = sum(part.compress_size for part in parts)
    unpacked = sum(part.file_size for part in parts)
    if any(part.flag_bits & _ENCRYPTED for part in parts):
        raise TableError(f"{name} has a password.", hint="save it without one.")
    if len(parts) > MAX_ENTRIES or unpacked > MAX_UNPACKED or unpacked > MAX_RATIO * size or packed > size:
        raise TableError(
            f"{name} holds {len(parts)} parts and {unpacked / 2**20:.0f} MiB in a file of {size / 2**20:.1f} MiB; "
            "it is refused before it fills the memory.",
            hint="save the sheet as CSV UTF-8 and use that.",
        )


def damaged(name: str) -> TableError:
    return TableError(
        f"{name} cannot be read as an Excel workbook; it may be damaged.",
        hint="open it in Excel and save it as .xlsx or as CSV UTF-8.",
    )


def _key(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").lower()  # names of parts know no case


def _suffix_of(types: Element, part: str) -> str:
    extension = part.rpartition(".")[2].lower()
    by_default = {one.attributes["Extension"].lower(): one.attributes["ContentType"] for one in types.all("Default")}
    by_name = {_key(one.attributes["PartName"]): one.attributes["ContentType"] for one in types.all("Override")}
    return _SUFFIXES[by_name.get(_key(part), by_default.get(extension, ""))]


def _copy_packed(raw: IO[bytes], entry: ZipInfo, copied: Any) -> None:
    """Put a part into another archive as it is packed; the archive's own bookkeeping is done by hand."""
    raw.seek(entry.header_offset)
    _, name_length, extra_length = _LOCAL_HEADER.unpack(raw.read(_LOCAL_HEADER.size))
    raw.seek(name_length + extra_length, 1)
    here = copy.copy(entry)
    here.flag_bits &= ~_SIZES_FOLLOW
    here.extra = b""
    here.header_offset = copied.fp.tell()
    copied.fp.write(here.FileHeader(False))
    left = entry.compress_size
    while left and (piece := raw.read(min(left, _CHUNK))):
        copied.fp.write(piece)
        left -= len(piece)
    if left:
        raise BadZipFile("a part ends early")
    copied.filelist.append(here)
    copied.NameToInfo[here.filename] = here
    copied.start_dir = copied.fp.tell()
    copied._didModify = True
