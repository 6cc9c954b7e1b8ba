"""Edit the devices of a domain document: other bytes stay, and new elements are indented like those around them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from attrs import evolve, frozen

if TYPE_CHECKING:
    from kvnet.domain.document import DomainDocument, Span

__all__ = ["Edit", "Style", "edited", "insertion", "laid_out", "last_of", "removal", "replacement", "with_nics"]

_STEP = "  "
_BLANKS = b" \t\r\n"
_NEWLINE = re.compile(b"\r\n|\n|\r")
_TOKEN = re.compile(
    r"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>|<(?:[^\"'>]|\"[^\"]*\"|'[^']*')*>|[^<]+",
    re.DOTALL,
)


@frozen
class Edit:
    """Put ``text`` in the place of the bytes from ``start`` to before ``end``."""

    start: int
    end: int
    text: str


def edited(document: DomainDocument, edits: Sequence[Edit]) -> str:
    """The text of a document after edits that do not overlap."""
    data = document.data
    for edit in sorted(edits, key=lambda each: (each.start, each.end), reverse=True):
        data = data[: edit.start] + edit.text.encode() + data[edit.end :]
    return data.decode()


def removal(document: DomainDocument, span: Span) -> Edit:
    """Remove an element and the white space before it."""
    return Edit(len(document.data[: span.start].rstrip(_BLANKS)), span.end, "")


def replacement(document: DomainDocument, span: Span, text: str) -> Edit:
    """Put the XML of another element in the place of one, indented as that one is."""
    return Edit(span.start, span.end, laid_out(text, _style_at(document, span)))


def last_of(document: DomainDocument, *groups: Sequence[str]) -> Span | None:
    """The last device with a tag of the first group that the document has any of, else its last device."""
    for tags in groups:
        matching = [each for each in document.devices if each.tag in tags]
        if matching:
            return document.spans[matching[-1]]
    return document.spans[document.devices[-1]] if document.devices else None


def with_nics(document: DomainDocument, texts: Sequence[str]) -> Edit:
    """Insert the XML of NICs after the last interface, else where libvirt writes the first one."""
    place = last_of(document, ("interface",), ("emulator", "disk", "controller", "filesystem"))
    return insertion(document, texts, place)


def insertion(document: DomainDocument, texts: Sequence[str], place: Span | None) -> Edit:
    """Insert the XML of devices after the one at ``place``, else at the end of the first ``<devices>``.

    A document without ``<devices>`` gets one, at the end of its root.
    """
    if place is not None:
        return Edit(place.end, place.end, _lines(texts, _style_at(document, place)))
    if document.parents:
        parent = document.spans[document.parents[0]]
        outer = _style_at(document, parent)
        return _appended(document, parent, _lines(texts, outer.inner()), outer)
    root = document.spans[document.domain]
    outer = _style_at(document, root)
    # a domain without line breaks inside stays so; one that is an empty-element tag does not show its style
    is_one_line = root.inner is not None and _NEWLINE.search(document.data, *root.inner) is None
    outer = evolve(outer, newline=None if is_one_line else _newline(document))
    style = outer.inner()
    devices = f"{style.margin}<devices>{_lines(texts, style.inner())}{style.margin}</devices>"
    return _appended(document, root, devices, outer)


@frozen
class Style:
    """How an element and its children are set apart: ``newline`` is ``None`` where they are on one line.

    ``indent`` stands before each line, and ``step`` more for each level.
    """

    newline: str | None
    indent: str
    step: str

    @property
    def margin(self) -> str:
        """The white space before the element."""
        return "" if self.newline is None else self.newline + self.indent

    def inner(self, levels: int = 1) -> Style:
        """The style of what stands so many levels further in."""
        return evolve(self, indent=self.indent + self.step * levels)


def _style_at(document: DomainDocument, span: Span) -> Style:
    indent = _indent(document, span)
    return Style(None if indent is None else _newline(document), indent or "", _step(document))


def _newline(document: DomainDocument) -> str:
    match = _NEWLINE.search(document.data)
    return match.group().decode() if match else "\n"


def _indent(document: DomainDocument, span: Span) -> str | None:
    """The white space before an element, ``None`` where it does not begin its line."""
    lines = _NEWLINE.split(document.data[: span.start])
    return lines[-1].decode() if len(lines) > 1 and not lines[-1].strip(_BLANKS) else None


def _step(document: DomainDocument) -> str:
    """How much further in the first device stands than its ``<devices>``, or that than the root."""
    chain = [document.domain, *document.parents[:1], *document.devices[:1]]
    indents = [_indent(document, document.spans[each]) or "" for each in chain]
    steps = [inner.removeprefix(outer) for outer, inner in pairwise(indents)]
    return next((step for step in reversed(steps) if step), _STEP)


def _lines(texts: Sequence[str], style: Style) -> str:
    return "".join(style.margin + laid_out(text, style) for text in texts)


def _appended(document: DomainDocument, parent: Span, content: str, style: Style) -> Edit:
    """Put content at the end of an element of some style, which is opened where it was closed in itself."""
    if parent.inner is None:
        tag = document.data[parent.start : parent.end].decode()
        name = tag[1:].rstrip("/>").split()[0]
        return Edit(parent.start, parent.end, f"{tag.removesuffix('/>').rstrip()}>{content}{style.margin}</{name}>")
    start, end = parent.inner
    filled = start + len(document.data[start:end].rstrip(_BLANKS))
    has_tail = _NEWLINE.search(document.data, filled, end) is not None
    return Edit(filled, filled, content + ("" if has_tail else style.margin))


def laid_out(element: str, style: Style) -> str:
    """The XML of an element with its children on lines of their own, as the style says.

    Tags, text and comments keep their spelling; an element that holds text keeps its inside as it is.
    """
    # for each element that is open: its pieces, as they are spelled and as they are laid out
    unclosed: list[list[tuple[str, str]]] = [[]]
    for token in _TOKEN.findall(element):
        is_tag = token.startswith("<") and not token.startswith(("<!", "<?"))
        if is_tag and not token.startswith("</") and not token.endswith("/>"):
            unclosed.append([])
        unclosed[-1].append((token, token))
        if is_tag and token.startswith("</"):
            pieces = unclosed.pop()
            spelled = "".join(each for each, _ in pieces)
            unclosed[-1].append((spelled, _laid_out(pieces, spelled, style.inner(len(unclosed) - 1))))
    return "".join(laid for _, laid in unclosed[0])


def _laid_out(pieces: Sequence[tuple[str, str]], spelled: str, style: Style) -> str:
    opened, *children, closed = [laid for _, laid in pieces if laid.strip(_BLANKS.decode())]
    holds_text = any(not each.startswith("<") or each.startswith("<![CDATA[") for each in children)
    if holds_text or not children:
        return spelled
    return style.inner().margin.join([opened, *children]) + style.margin + closed
