"""The small parts of a workbook: read as elements that know their bytes, changed at those bytes alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

Edit = tuple[int, int, bytes]
"""From where to where, and what stands there instead."""

_TAG: Final = re.compile(rb"""<[^\s>/]+(?:[^>"']|"[^"]*"|'[^']*')*>""")
_ATTRIBUTE: Final = re.compile(rb"""\s+([^\s=<>/]+)\s*=\s*(?:"[^"]*"|'[^']*')""")
_LINK: Final = "relationships id"
_ESCAPED: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")
_ESCAPED_CONTROL: Final = re.compile(r"_x(00[01][0-9A-Fa-f]|005[Ff]|[Ff]{3}[EeFf])_")
_UNWRITABLE: Final = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]")
_REFERENCE: Final = re.compile(r"&(#x[0-9A-Fa-f]+|#[0-9]+|lt|gt|amp|quot|apos);")
_NAMED: Final = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}


class XmlError(ValueError):
    """No XML that is read here."""


def strict_parser() -> Any:
    """Return a parser that refuses document types, and with them entities, and every encoding but UTF-8.

    Raises
    ------
    XmlError, expat.ExpatError
        As the text is fed.
    """
    parser = expat.ParserCreate(namespace_separator=" ")

    def refuse_doctype(*_: object) -> None:
        raise XmlError("a document type")

    def refuse_encoding(_version: str, encoding: str | None, _standalone: int) -> None:
        if encoding and encoding.lower() not in ("utf-8", "us-ascii"):
            raise XmlError(f"the encoding {encoding}")

    parser.StartDoctypeDeclHandler = refuse_doctype
    parser.XmlDeclHandler = refuse_encoding
    return parser


@dataclass(eq=False, slots=True)
class Element:
    """One element and where it stands: its tag from `start` to `inside`, its end tag from `close` to `end`."""

    name: str
    attributes: dict[str, str]
    prefix: bytes
    start: int
    inside: int
    close: int = -1
    end: int = -1
    children: list[Element] = field(default_factory=list)

    @property
    def link(self) -> str | None:
        """The relationship that the element names, in the transitional or the strict namespace."""
        return next((value for name, value in self.attributes.items() if name.endswith(_LINK)), None)

    def all(self, *path: str) -> Iterator[Element]:
        """Yield the elements on a path of local names."""
        for child in self.children:
            if child.name == path[0]:
                yield from child.all(*path[1:]) if path[1:] else (child,)

    def first(self, *path: str) -> Element | None:
        return next(self.all(*path), None)


def root_of(data: bytes) -> Element:
    """Read a small part."""
    parser = strict_parser()
    open_elements: list[Element] = []
    roots: list[Element] = []

    def begin(name: str, attributes: dict[str, str]) -> None:
        start = parser.CurrentByteIndex
        tag = _TAG.match(data, start)
        if tag is None:
            raise XmlError("a tag that cannot be read")
        raw_name = tag[0][1:].split(None, 1)[0].rstrip(b"/>")
        prefix = raw_name[: raw_name.find(b":") + 1]
        element = Element(name.rpartition(" ")[2], attributes, prefix, start, tag.end())
        (open_elements[-1].children if open_elements else roots).append(element)
        open_elements.append(element)

    def finish(_: str) -> None:
        element = open_elements.pop()
        is_empty = data[element.inside - 2 : element.inside] == b"/>"
        element.close = element.inside if is_empty else parser.CurrentByteIndex
        element.end = element.inside if is_empty else data.index(b">", element.close) + 1

    parser.StartElementHandler, parser.EndElementHandler = begin, finish
    parser.Parse(data, True)
    return roots[0]


def spliced(data: bytes, edits: Iterable[Edit], start: int = 0, end: int | None = None) -> bytes:
    """Return `data` from `start` to `end` with the edits that lie there."""
    end = len(data) if end is None else end
    pieces, position = [], start
    for begin, stop, new in sorted(edits, key=lambda edit: edit[:2]):
        if start <= begin < end:
            pieces += [data[position:begin], new]
            position = stop
    return b"".join([*pieces, data[position:end]])


def changed_tag(data: bytes, element: Element, **values: object) -> Edit:
    """Return the edit that gives a tag other attributes."""
    return element.start, element.inside, with_attributes(data[element.start : element.inside], values)


def with_attributes(tag: bytes, values: dict[str, Any]) -> bytes:
    """Return a tag with attributes changed or, at its end, added; ``None`` takes one away."""
    wanted = {
        name.encode(): b"" if value is None else f" {name}={quoteattr(str(value))}".encode()
        for name, value in values.items()
    }
    tag = _ATTRIBUTE.sub(lambda found: wanted.pop(found[1], found[0]), tag)
    at = len(tag) - (2 if tag.endswith(b"/>") else 1)
    return tag[:at].rstrip() + b"".join(wanted.values()) + tag[at:] if any(wanted.values()) else tag


def appended(data: bytes, parent: Element, new: bytes) -> Edit:
    """Return the edit that puts elements behind the last child of `parent`."""
    if parent.inside < parent.end:
        return parent.close, parent.close, new
    tag = data[parent.start : parent.inside]
    name = tag[1:-2].split(None, 1)[0]
    return parent.start, parent.end, tag[:-2].rstrip() + b">" + new + b"</" + name + b">"


def text_in(markup: bytes) -> str:
    """Return the text that character data stand for: references resolved, line ends as XML reads them."""
    text = markup.decode()
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _REFERENCE.sub(_resolved, text) if "&" in text else text


def _resolved(match: re.Match[str]) -> str:
    name = match[1]
    if name[0] != "#":
        return _NAMED[name]
    return chr(int(name[2:], 16) if name[1] == "x" else int(name[1:]))


def markup_of(text: str) -> str:
    """Return the character data that stand for a text of a cell, with what XML cannot hold escaped as Excel does."""
    return escape(escaped(text))


def escaped(text: str) -> str:
    """Return a text with what XML cannot hold written as ``_x0001_``, and what looks so, too."""
    if "_x" in text:
        text = _ESCAPED.sub(r"_x005F_x\1_", text)
    return text if text.isprintable() else _UNWRITABLE.sub(lambda match: f"_x{ord(match[0]):04X}_", text)


def unescaped(text: str) -> str:
    """Return a text of a cell with Excel's escapes of control characters resolved."""
    return _ESCAPED_CONTROL.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text


def checked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Pass a large part on, each piece once it proved to be XML without a document type."""
    parser = strict_parser()
    for chunk in chunks:
        parser.Parse(chunk, False)
        yield chunk
    parser.Parse(b"", True)
