"""Where in its text an element or an attribute stands, which lxml does not tell."""

from __future__ import annotations

import re
from xml.parsers import expat

from lxml import etree

from kvnet.errors import Place

__all__ = ["place_of"]


def place_of(text: str | bytes, element: etree._Element, attribute: str, file: str) -> Place:
    """The place of an element's tag, or of one of its attributes, in the text that its tree was made of."""
    root = element.getroottree().getroot()
    nth = next(n for n, each in enumerate(root.iter(etree.Element)) if each is element)
    if isinstance(text, bytes):
        text = text.decode()
    start = _starts(text)[nth]
    if attribute:
        start += _offset(text[start:], attribute)
    line = text.count("\n", 0, start)
    return Place(file, line + 1, start - (text.rfind("\n", 0, start) + 1) + 1)


def _starts(text: str) -> list[int]:
    """The character at which each start tag begins, in document order."""
    found: list[int] = []
    parser = expat.ParserCreate("utf-8")
    data = text.encode()
    parser.StartElementHandler = lambda *_: found.append(parser.CurrentByteIndex)
    parser.Parse(data, True)
    if len(data) == len(text):
        return found
    return [len(data[:start].decode()) for start in found]


def _offset(tag: str, attribute: str) -> int:
    """How far into its tag an attribute's name begins; values are skipped, for they may hold the name."""
    for match in re.finditer(r"\s([^\s=]+)\s*=\s*(?:'[^']*'|\"[^\"]*\")", tag):
        if match[1] == attribute:
            return match.start(1)
    return 0
