"""Parse a domain document into its tree, and find the bytes at which each element begins and ends."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Self
from xml.parsers import expat

from attrs import field, frozen
from lxml import etree

from kvnet.domain.read import domain_element, parse_document
from kvnet.errors import FieldPath, Place, Problem, XmlError
from kvnet.xml.parser import parse

__all__ = ["NICS", "DomainDocument", "Span", "only_nic"]

NICS = ("interface", "hostdev")
"""The elements that are NICs, or may be."""

_FILE = "<domain>"
# quoted values may hold a >
_TAG = re.compile(rb"<(?:[^\"'>]|\"[^\"]*\"|'[^']*')*>")


@frozen
class Span:
    """The first byte of an element, and the one after its last.

    ``inner`` are the bounds of its content, ``None`` for an empty-element tag (``<devices/>``).
    """

    start: int
    end: int
    inner: tuple[int, int] | None


@frozen(slots=False)
class DomainDocument:
    """A domain document: its ``data`` in UTF-8, and its ``<domain>`` as a tree, which is not to be changed.

    The rest is found once, when it is first used: ``parents`` are its ``<devices>``, of which libvirt reads as many as
    there are, ``devices`` all their children in order, and ``spans`` the position of each element in the bytes.
    """

    data: bytes
    domain: etree._Element = field(eq=False, repr=False)

    @classmethod
    def parse(cls, xml: str | bytes) -> Self:
        """Parse a ``<domain>`` as ``virsh dumpxml`` prints it, or a document that holds one. Raises XmlError."""
        domain = domain_element(parse_document(xml, _FILE), _FILE)
        return cls(xml.encode() if isinstance(xml, str) else xml, domain)

    @cached_property
    def parents(self) -> list[etree._Element]:
        return self.domain.findall("devices")

    @cached_property
    def devices(self) -> list[etree._Element]:
        return [child for parent in self.parents for child in parent.iterchildren(tag=etree.Element)]

    @cached_property
    def spans(self) -> Mapping[etree._Element, Span]:
        elements = self.domain.getroottree().iter(etree.Element)
        return dict(zip(elements, _spans(self.data, _FILE), strict=True))

    def text_of(self, element: etree._Element) -> str:
        """The XML of an element as the document spells it."""
        span = self.spans[element]
        return self.data[span.start : span.end].decode()


def only_nic(text: str, at: FieldPath) -> tuple[str, etree._Element]:
    """The text of a NIC's element, without declaration, comments and white space around it, and the element.

    Raises XmlError where the text is not well formed, has a DTD, or is neither an interface nor a hostdev.
    """
    root = parse(text, file=str(at))
    if root.tag not in NICS:
        message = f"<{root.tag!s}> is neither an interface nor a hostdev"
        raise XmlError([Problem(at, "KN504", message, hint="give one <interface> or <hostdev> for each NIC")])
    data = text.encode()
    span = _spans(data, str(at))[0]
    return data[span.start : span.end].decode(), root


def _spans(data: bytes, file: str) -> list[Span]:
    """The position of every element, in document order. Expat reads UTF-8, whatever the document declares."""
    parser = expat.ParserCreate("utf-8")
    starts: list[int] = []
    ends: dict[int, int] = {}
    unended: list[int] = []

    def start(*_: object) -> None:
        unended.append(len(starts))
        starts.append(parser.CurrentByteIndex)

    def end(_: str) -> None:
        ends[unended.pop()] = parser.CurrentByteIndex

    parser.StartElementHandler, parser.EndElementHandler = start, end
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:  # it refuses some names that libxml2 admits
        message = f"the XML is not well formed: {expat.ErrorString(error.code)}"
        place = Place(file, error.lineno, error.offset + 1)
        raise XmlError([Problem(FieldPath(), "KN501", message, place=place)]) from None
    return [_span(data, first, ends[n]) for n, first in enumerate(starts)]


def _span(data: bytes, start: int, end: int) -> Span:
    """The position of the element whose tags begin at two bytes; of an empty-element tag the second one is not used."""
    opened, closed = (tag.end() if (tag := _TAG.match(data, at)) else len(data) for at in (start, end))
    is_empty = data[opened - 2 : opened] == b"/>"
    return Span(start, opened, None) if is_empty else Span(start, closed, (opened, end))
