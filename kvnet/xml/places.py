"""Where in their text elements and attributes stand, which lxml does not tell."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.parsers import expat

from lxml import etree

from kvnet.errors import Place

__all__ = ["places"]

_ATTRIBUTE = re.compile(r"\s([^\s=]+)\s*=\s*(?:'[^']*'|\"[^\"]*\")")


def places(text: str | bytes, wanted: Iterable[tuple[etree._Element, str]], file: str) -> list[Place]:
    """The place of each element's tag, or of one of its attributes, in the text that their tree was made of."""
    asked = list(wanted)
    if not asked:
        return []
    shown = text if isinstance(text, str) else text.decode()
    elements = {id(element) for element, _ in asked}
    root = asked[0][0].getroottree().getroot()
    ordinals = {id(each): n for n, each in enumerate(root.iter(etree.Element)) if id(each) in elements}
    starts = _starts(shown)
    numbers = [min(ordinals[id(element)], len(starts) - 1) for element, _ in asked]
    return [_place(shown, starts[n], attribute, file) for n, (_, attribute) in zip(numbers, asked, strict=True)]


def _place(text: str, start: int, attribute: str, file: str) -> Place:
    if attribute:
        # values are skipped, for they may hold the name
        found = (match for match in _ATTRIBUTE.finditer(text, start) if match[1] == attribute)
        start = next((match.start(1) for match in found), start)
    return Place(file, text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start))


def _starts(text: str) -> list[int]:
    """The character at which each start tag begins, in document order.

    Names may have characters that Expat, unlike libxml2, does not know yet; then the last is where it gave up.
    """
    found: list[int] = []
    parser = expat.ParserCreate("utf-8")
    data = text.encode()
    parser.StartElementHandler = lambda *_: found.append(parser.CurrentByteIndex)
    try:
        parser.Parse(data, True)
    except expat.ExpatError:
        found.append(parser.ErrorByteIndex)
    if len(data) == len(text):
        return found
    characters, at = [], 0
    for before, start in zip([0, *found], found, strict=False):
        at += len(data[before:start].decode(errors="ignore"))
        characters.append(at)
    return characters
