"""Find the devices of a domain document, and the bytes at which each begins and ends."""

from __future__ import annotations

import re
from typing import NoReturn
from xml.parsers import expat

from attrs import define, field, frozen
from lxml import etree

from kvnet.errors import FieldPath, Place, Problem, XmlError
from kvnet.xml import parse

__all__ = ["NICS", "Devices", "Outline", "Span", "encoded", "only_element", "placed", "scan"]

NICS = ("interface", "hostdev")
"""The elements that are NICs, or may be."""

_TAG = re.compile(rb"<(?:[^\"'>]|\"[^\"]*\"|'[^']*')*>")


@frozen
class Span:
    """An element: its name, its first byte, and the one after its last.

    ``inner`` are the bounds of its content, ``None`` for an empty-element tag (``<devices/>``). The name of an element
    in a namespace is ``urn local``, which is never that of a NIC.
    """

    tag: str
    start: int
    end: int
    inner: tuple[int, int] | None


@frozen
class Devices:
    """One ``<devices>`` and its children, in order."""

    span: Span
    children: tuple[Span, ...]


@frozen
class Outline:
    """The root of a domain document and its ``<devices>``: libvirt reads as many as there are."""

    root: Span
    devices: tuple[Devices, ...]


def encoded(text: str, at: FieldPath) -> bytes:
    """The UTF-8 bytes of a document. Raises XmlError where the text has half of a surrogate pair."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        message = f"character {error.start} is half of a surrogate pair, which XML cannot carry"
        raise XmlError([Problem(at, "KN501", message)]) from None


def scan(document: bytes, file: str = "<domain>") -> Outline:
    """Find the devices of a domain document.

    Raises XmlError where it is not well formed, has a DTD, or its root is not ``<domain>``.
    """
    return _Scanner(document, file, FieldPath(), is_domain=True).run()


def only_element(text: str, at: FieldPath) -> str:
    """The element of a NIC's text, without declaration, comments and white space around it.

    Raises XmlError, with problems at ``at``, where it is not well formed, has a DTD, or is neither an interface nor a
    hostdev.
    """
    document = encoded(text, at)
    root = _Scanner(document, str(at), at, is_domain=False).run().root
    if root.tag not in NICS:
        message = f"<{root.tag}> is neither an interface nor a hostdev"
        raise XmlError([Problem(at, "KN504", message, hint="give one <interface> or <hostdev> for each NIC")])
    return document[root.start : root.end].decode()


def placed(document: bytes, outline: Outline) -> list[tuple[Span, etree._Element]]:
    """The devices of a document in order, each with its place and its parsed element. Raises XmlError."""
    root = parse(document)
    spans = [span for devices in outline.devices for span in devices.children]
    elements = [child for devices in root.findall("devices") for child in devices.iterchildren(tag=etree.Element)]
    return list(zip(spans, elements, strict=True))


@define
class _Scanner:
    """Expat reads the document as UTF-8, whatever that declares; the handlers note where elements begin and end."""

    document: bytes
    file: str
    at: FieldPath
    is_domain: bool = field(kw_only=True)
    expat: expat.XMLParserType = field(init=False, factory=lambda: expat.ParserCreate("utf-8", " "))
    path: list[str] = field(init=False, factory=list)
    starts: list[int] = field(init=False, factory=list)
    children: list[Span] = field(init=False, factory=list)
    devices: list[Devices] = field(init=False, factory=list)
    root: Span | None = field(init=False, default=None)

    def run(self) -> Outline:
        self.expat.StartDoctypeDeclHandler = self._refuse_dtd
        self.expat.StartElementHandler = self._started
        self.expat.EndElementHandler = self._ended
        try:
            self.expat.Parse(self.document, True)
        except expat.ExpatError as error:
            message = f"the XML is not well formed: {expat.ErrorString(error.code)}"
            place = Place(self.file, error.lineno, error.offset + 1)
            raise XmlError([Problem(self.at, "KN501", message, place=place)]) from None
        assert self.root is not None  # a well-formed document has a root
        return Outline(self.root, tuple(self.devices))

    def _refuse_dtd(self, *_: object) -> None:
        self._refuse("KN502", "the document has a DTD", "take it out: libvirt writes none")

    def _refuse(self, code: str, message: str, hint: str) -> NoReturn:
        place = Place(self.file, self.expat.CurrentLineNumber, self.expat.CurrentColumnNumber + 1)
        raise XmlError([Problem(self.at, code, message, hint=hint, place=place)])

    def _started(self, tag: str, _: dict[str, str]) -> None:
        if self.is_domain and not self.path and tag != "domain":
            self._refuse("KN503", f"the root is <{tag}>, not <domain>", "give a domain as `virsh dumpxml` prints it")
        self.path.append(tag)
        self.starts.append(self.expat.CurrentByteIndex)

    def _ended(self, tag: str) -> None:
        start, at = self.starts.pop(), self.expat.CurrentByteIndex
        if len(self.path) == 1:
            self.root = self._span(tag, start, at)
        elif self.path == ["domain", "devices"]:
            self.devices.append(Devices(self._span(tag, start, at), tuple(self.children)))
            self.children.clear()
        elif self.path[:2] == ["domain", "devices"] and len(self.path) == 3:
            self.children.append(self._span(tag, start, at))
        self.path.pop()

    def _span(self, tag: str, start: int, at: int) -> Span:
        """The element that begins at ``start``, and whose end was met at ``at``.

        At the end of an empty-element tag expat's index is of no use, so the start tag is read.
        """
        opened = self._tag_end(start)
        if self.document[opened - 2 : opened - 1] == b"/":
            return Span(tag, start, opened, None)
        return Span(tag, start, self._tag_end(at), (opened, at))

    def _tag_end(self, at: int) -> int:
        """The byte after the tag that begins at ``at``; quoted values may hold a ``>``."""
        tag = _TAG.match(self.document, at)
        return tag.end() if tag else len(self.document)
