"""Where the devices of a domain document stand in its bytes."""

from __future__ import annotations

from typing import NoReturn
from xml.parsers import expat

from attrs import define, field, frozen

from kvnet.errors import FieldPath, Place, Problem, XmlError

__all__ = ["Devices", "Span", "scan"]


@frozen
class Span:
    """One child of ``<devices>``: its name, and its first byte and the one after its last."""

    tag: str
    start: int
    end: int


@frozen(kw_only=True)
class Devices:
    """The ``<devices>`` of a domain: its own tags, and its children in order.

    ``outer`` is the whole element, ``None`` where there is none; ``inner`` its content, ``None`` where the
    tag is closed in itself (``<devices/>``). ``closing`` is where ``</domain>`` begins.
    """

    children: tuple[Span, ...]
    outer: Span | None
    inner: Span | None
    closing: int


def scan(document: bytes, file: str = "<domain>") -> Devices:
    """Find the devices of a domain document. Raises XmlError; DTDs are refused."""
    scanner = _Scanner(document, file)
    return scanner.run()


@define
class _Scanner:
    document: bytes
    file: str
    path: list[str] = field(factory=list)
    starts: list[int] = field(factory=list)
    children: list[Span] = field(factory=list)
    outer: Span | None = None
    inner: Span | None = None
    closing: int = 0
    parser: expat.XMLParserType = field(factory=expat.ParserCreate)

    def run(self) -> Devices:
        self.parser.StartElementHandler = self._started
        self.parser.EndElementHandler = self._ended
        self.parser.StartDoctypeDeclHandler = self._doctype
        try:
            self.parser.Parse(self.document, True)
        except expat.ExpatError as error:
            told = f"the XML is not well formed: {expat.ErrorString(error.code)}"
            place = Place(self.file, error.lineno, error.offset + 1)
            raise XmlError([Problem(FieldPath(), "KN501", told, place=place)]) from None
        return Devices(children=tuple(self.children), outer=self.outer, inner=self.inner, closing=self.closing)

    def _started(self, tag: str, _: dict[str, str]) -> None:
        at = self.parser.CurrentByteIndex
        if not self.path and tag != "domain":
            self._refuse("KN503", f"the root is <{tag}>, not <domain>", "give a domain as `virsh dumpxml` prints it")
        self.path.append(tag)
        self.starts.append(at)

    def _ended(self, tag: str) -> None:
        at = self.parser.CurrentByteIndex
        start = self.starts.pop()
        if self.path == ["domain"]:
            self.closing = at
        elif self.path == ["domain", "devices"] and self.outer is None:
            self.outer = self._span(tag, start, at)
            opened = self._tag_end(start)
            self.inner = None if self.outer.end == opened else Span(tag, opened, at)
        elif self.path[:2] == ["domain", "devices"] and len(self.path) == 3:
            self.children.append(self._span(tag, start, at))
        self.path.pop()

    def _span(self, tag: str, start: int, at: int) -> Span:
        """The element that begins at ``start``, and whose end was met at ``at``."""
        opened = self._tag_end(start)
        is_empty = self.document[opened - 2 : opened - 1] == b"/"
        return Span(tag, start, opened if is_empty else self._tag_end(at))

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

    def _doctype(self, *_: object) -> None:
        self._refuse("KN502", "the document has a DTD", "take it out: libvirt writes none")

    def _refuse(self, code: str, message: str, hint: str) -> NoReturn:
        place = Place(self.file, self.parser.CurrentLineNumber, self.parser.CurrentColumnNumber + 1)
        raise XmlError([Problem(FieldPath(), code, message, hint=hint, place=place)])
