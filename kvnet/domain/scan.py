"""Where the devices of a domain document stand in its bytes."""

from __future__ import annotations

from typing import NoReturn
from xml.parsers import expat

from attrs import define, field, frozen

from kvnet.errors import FieldPath, Place, Problem, XmlError

__all__ = ["Devices", "Outline", "Parser", "Span", "encoded", "parser_of", "scan"]


@frozen
class Span:
    """An element: its name, its first byte, and the one after its last.

    ``inner`` are the bounds of its content, ``None`` where the tag is closed in itself (``<devices/>``).
    An element of a namespace is named ``urn local``, which no NIC is.
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


@define
class Parser:
    """Expat, told to read UTF-8 whatever the document declares, to refuse DTDs, and to say where."""

    file: str
    expat: expat.XMLParserType

    def run(self, document: bytes, at: FieldPath) -> None:
        """Read a document. Raises XmlError."""
        self.expat.StartDoctypeDeclHandler = lambda *_: self.refuse(
            at, "KN502", "the document has a DTD", "take it out: libvirt writes none"
        )
        try:
            self.expat.Parse(document, True)
        except expat.ExpatError as error:
            told = f"the XML is not well formed: {expat.ErrorString(error.code)}"
            place = Place(self.file, error.lineno, error.offset + 1)
            raise XmlError([Problem(at, "KN501", told, place=place)]) from None

    def refuse(self, at: FieldPath, code: str, message: str, hint: str) -> NoReturn:
        """Raise an XmlError that points to where the parser is."""
        place = Place(self.file, self.expat.CurrentLineNumber, self.expat.CurrentColumnNumber + 1)
        raise XmlError([Problem(at, code, message, hint=hint, place=place)])


def parser_of(file: str) -> Parser:
    """A fresh parser; ``file`` is what its places are named by."""
    return Parser(file, expat.ParserCreate("utf-8", " "))


def encoded(text: str, at: FieldPath) -> bytes:
    """The UTF-8 bytes of a document. Raises XmlError where the text has half of a surrogate pair."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        told = f"character {error.start} is half of a surrogate pair, which no XML can carry"
        raise XmlError([Problem(at, "KN501", told)]) from None


def scan(document: bytes, file: str = "<domain>") -> Outline:
    """Find the devices of a domain document. Raises XmlError; DTDs are refused."""
    return _Scanner(document, parser_of(file)).run()


@define
class _Scanner:
    document: bytes
    parser: Parser
    path: list[str] = field(factory=list)
    starts: list[int] = field(factory=list)
    children: list[Span] = field(factory=list)
    devices: list[Devices] = field(factory=list)
    root: Span | None = None

    def run(self) -> Outline:
        self.parser.expat.StartElementHandler = self._started
        self.parser.expat.EndElementHandler = self._ended
        self.parser.run(self.document, FieldPath())
        assert self.root is not None  # a well-formed document has a root
        return Outline(self.root, tuple(self.devices))

    def _started(self, tag: str, _: dict[str, str]) -> None:
        if not self.path and tag != "domain":
            hint = "give a domain as `virsh dumpxml` prints it"
            self.parser.refuse(FieldPath(), "KN503", f"the root is <{tag}>, not <domain>", hint)
        self.path.append(tag)
        self.starts.append(self.parser.expat.CurrentByteIndex)

    def _ended(self, tag: str) -> None:
        start, at = self.starts.pop(), self.parser.expat.CurrentByteIndex
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

        Expat's index at the end of an empty-element tag says nothing of use, so its start tag is read.
        """
        opened = self._tag_end(start)
        if self.document[opened - 2 : opened - 1] == b"/":
            return Span(tag, start, opened, None)
        return Span(tag, start, self._tag_end(at), (opened, at))

    def _tag_end(self, at: int) -> int:
        """The byte after the tag that begins at ``at``; quoted values may hold a ``>``."""
        quote = 0
        for n in range(at, len(self.document)):
            byte = self.document[n]
            if quote:
                quote = 0 if byte == quote else quote
            elif byte in b"'\"":
                quote = byte
            elif byte == ord(">"):
                return n + 1
        return len(self.document)
