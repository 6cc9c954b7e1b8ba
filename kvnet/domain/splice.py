"""Devices into the bytes of a domain document, or out of them, in the layout of what stands around."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from attrs import evolve, frozen
from lxml import etree

from kvnet.domain.layout import laid_out
from kvnet.domain.scan import Outline, Span
from kvnet.xml import parse

__all__ = ["Edit", "Style", "edited", "indent_step", "insertion", "last_of", "placed", "removal", "style_at"]

_STEP = "  "
_BLANKS = b" \t\r\n"
_NEWLINE = re.compile("\r\n|\n|\r")


@frozen
class Edit:
    """Bytes of a document, by their bounds, and the text that is to stand in their place."""

    start: int
    end: int
    text: str


@frozen
class Style:
    """How a document is laid out: ``newline`` is ``None`` where everything stands on one line."""

    newline: str | None
    indent: str
    step: str

    def before(self) -> str:
        """What sets off an element."""
        return "" if self.newline is None else self.newline + self.indent

    def outer(self) -> str:
        """What sets off the end of the element around it."""
        return "" if self.newline is None else self.newline + self.indent.removesuffix(self.step)


def edited(document: bytes, edits: Sequence[Edit]) -> str:
    """The text of a document after edits that do not overlap."""
    for edit in sorted(edits, key=lambda each: (each.start, each.end), reverse=True):
        document = document[: edit.start] + edit.text.encode() + document[edit.end :]
    return document.decode()


def removal(document: bytes, span: Span) -> Edit:
    """Take an element out, and the white space that set it off."""
    return Edit(len(document[: span.start].rstrip(_BLANKS)), span.end, "")


def placed(document: bytes, outline: Outline) -> list[tuple[Span, etree._Element]]:
    """The devices of a document, where they stand and what they are, in order. Raises XmlError."""
    root = parse(document)
    spans = [span for devices in outline.devices for span in devices.children]
    elements = [child for devices in root.findall("devices") for child in devices.iterchildren(tag=etree.Element)]
    return list(zip(spans, elements, strict=True))


def last_of(outline: Outline, *groups: Sequence[str]) -> Span | None:
    """The last device of the first group of tags that the document has any of, else the last device at all."""
    children = [span for each in outline.devices for span in each.children]
    for tags in groups:
        found = [span for span in children if span.tag in tags]
        if found:
            return found[-1]
    return children[-1] if children else None


def insertion(document: bytes, outline: Outline, texts: Sequence[str], place: Span | None) -> Edit:
    """Put devices after the one at ``place``, else at the end of the first ``<devices>``, which is made if need be."""
    step = indent_step(document, outline)
    if not outline.devices:
        root = outline.root
        # a domain without line breaks inside stays so; one that is closed in itself says nothing
        inside = document[slice(*root.inner)] if root.inner else b"\n"
        newline = _newline(document) if re.search(rb"[\r\n]", inside) else None
        margin = (_leading(document, root.start) or "") + step
        style = Style(newline, margin, step)
        nested = Style(newline, margin + step, step)
        return _appended(document, root, "<devices>" + _lines(texts, nested) + nested.outer() + "</devices>", style)
    if place is not None:
        return Edit(place.end, place.end, _lines(texts, style_at(document, place.start, step)))
    devices = outline.devices[0]
    outer = style_at(document, devices.span.start, step)
    style = evolve(outer, indent=outer.indent + step)
    return _appended(document, devices.span, _lines(texts, style).removeprefix(style.before()), style)


def _newline(document: bytes) -> str:
    found = _NEWLINE.search(document.decode())
    return found.group() if found else "\n"


def _leading(document: bytes, at: int) -> str | None:
    """The white space before an element, ``None`` where it does not begin its line."""
    line = re.split(rb"[\r\n]", document[:at])
    return line[-1].decode() if len(line) > 1 and not line[-1].strip(_BLANKS) else None


def indent_step(document: bytes, outline: Outline) -> str:
    """How much further in the children of ``<devices>`` stand than itself, or it than the root."""
    chain = [outline.root, *(devices.span for devices in outline.devices[:1])]
    chain += outline.devices[0].children[:1] if outline.devices else ()
    margins = [_leading(document, span.start) or "" for span in chain]
    steps = [inner.removeprefix(outer) for outer, inner in pairwise(margins)]
    return next((step for step in reversed(steps) if step), _STEP)


def style_at(document: bytes, at: int, step: str) -> Style:
    """How the element at a byte is laid out, if its children are to stand ``step`` further in."""
    margin = _leading(document, at)
    return Style(None if margin is None else _newline(document), margin or "", step)


def _lines(texts: Sequence[str], style: Style) -> str:
    return "".join(style.before() + laid_out(text, style.indent, style.step, style.newline) for text in texts)


def _appended(document: bytes, parent: Span, text: str, style: Style) -> Edit:
    """Put content at the end of an element, which is opened where it was closed in itself."""
    content = style.before() + text
    if parent.inner is None:
        tag = document[parent.start : parent.end].decode()
        name = tag[1:].rstrip("/>").split()[0]
        opened = tag.removesuffix("/>").rstrip()
        return Edit(parent.start, parent.end, f"{opened}>{content}{style.outer()}</{name}>")
    start, end = parent.inner
    filled = start + len(document[start:end].rstrip(_BLANKS))
    has_tail = re.search(rb"[\r\n]", document[filled:end]) is not None
    return Edit(filled, filled, content + ("" if has_tail else style.outer()))
