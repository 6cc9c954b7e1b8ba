"""Edit the devices of a domain document: other bytes stay, and new elements are indented like those around them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from attrs import evolve, frozen

from kvnet.domain.scan import Outline, Span

__all__ = ["Edit", "edited", "insertion", "laid_out", "last_of", "removal", "replacement"]

_STEP = "  "
_BLANKS = " \t\r\n"
_BLANK_BYTES = _BLANKS.encode()
_NEWLINE = re.compile("\r\n|\n|\r")
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


def edited(document: bytes, edits: Sequence[Edit]) -> str:
    """The text of a document after edits that do not overlap."""
    for edit in sorted(edits, key=lambda each: (each.start, each.end), reverse=True):
        document = document[: edit.start] + edit.text.encode() + document[edit.end :]
    return document.decode()


def removal(document: bytes, span: Span) -> Edit:
    """Remove an element and the white space before it."""
    return Edit(len(document[: span.start].rstrip(_BLANK_BYTES)), span.end, "")


def replacement(document: bytes, outline: Outline, span: Span, text: str) -> Edit:
    """Put the XML of another element in the place of one, indented as that one is."""
    style = _style_at(document, span.start, _indent_step(document, outline))
    return Edit(span.start, span.end, laid_out(text, style.indent, style.step, style.newline))


def last_of(outline: Outline, *groups: Sequence[str]) -> Span | None:
    """The last device with a tag of the first group that the document has any of, else its last device."""
    children = [span for each in outline.devices for span in each.children]
    for tags in groups:
        found = [span for span in children if span.tag in tags]
        if found:
            return found[-1]
    return children[-1] if children else None


def insertion(document: bytes, outline: Outline, texts: Sequence[str], place: Span | None) -> Edit:
    """Insert the XML of devices after the one at ``place``, else at the end of the first ``<devices>``.

    A document without ``<devices>`` gets one, at the end of its root.
    """
    step = _indent_step(document, outline)
    if not outline.devices:
        return _devices_element(document, outline.root, texts, step)
    if place is not None:
        return Edit(place.end, place.end, _lines(texts, _style_at(document, place.start, step)))
    devices = outline.devices[0]
    outer = _style_at(document, devices.span.start, step)
    style = evolve(outer, indent=outer.indent + step)
    return _appended(document, devices.span, _lines(texts, style).removeprefix(style.before()), style)


@frozen
class _Style:
    """How elements are set apart: ``newline`` is ``None`` where the document is one line."""

    newline: str | None
    indent: str
    step: str

    def before(self) -> str:
        """White space before an element."""
        return "" if self.newline is None else self.newline + self.indent

    def outer(self) -> str:
        """White space before the end tag of the element around it."""
        return "" if self.newline is None else self.newline + self.indent.removesuffix(self.step)


def _devices_element(document: bytes, root: Span, texts: Sequence[str], step: str) -> Edit:
    # a domain without line breaks inside stays so; one that is an empty-element tag does not show its style
    inside = document[slice(*root.inner)] if root.inner else b"\n"
    newline = _newline(document) if re.search(rb"[\r\n]", inside) else None
    style = _Style(newline, (_leading(document, root.start) or "") + step, step)
    nested = evolve(style, indent=style.indent + step)
    return _appended(document, root, f"<devices>{_lines(texts, nested)}{nested.outer()}</devices>", style)


def _newline(document: bytes) -> str:
    found = _NEWLINE.search(document.decode())
    return found.group() if found else "\n"


def _leading(document: bytes, at: int) -> str | None:
    """The white space before an element, ``None`` where it does not begin its line."""
    line = re.split(rb"[\r\n]", document[:at])
    return line[-1].decode() if len(line) > 1 and not line[-1].strip(_BLANK_BYTES) else None


def _indent_step(document: bytes, outline: Outline) -> str:
    """How much further in the children of ``<devices>`` stand than itself, or it than the root."""
    chain = [outline.root, *(devices.span for devices in outline.devices[:1])]
    chain += outline.devices[0].children[:1] if outline.devices else ()
    margins = [_leading(document, span.start) or "" for span in chain]
    steps = [inner.removeprefix(outer) for outer, inner in pairwise(margins)]
    return next((step for step in reversed(steps) if step), _STEP)


def _style_at(document: bytes, at: int, step: str) -> _Style:
    """How the element at a byte is laid out, if its children are to stand ``step`` further in."""
    margin = _leading(document, at)
    return _Style(None if margin is None else _newline(document), margin or "", step)


def _lines(texts: Sequence[str], style: _Style) -> str:
    return "".join(style.before() + laid_out(text, style.indent, style.step, style.newline) for text in texts)


def _appended(document: bytes, parent: Span, text: str, style: _Style) -> Edit:
    """Put content at the end of an element, which is opened where it was closed in itself."""
    content = style.before() + text
    if parent.inner is None:
        tag = document[parent.start : parent.end].decode()
        name = tag[1:].rstrip("/>").split()[0]
        opened = tag.removesuffix("/>").rstrip()
        return Edit(parent.start, parent.end, f"{opened}>{content}{style.outer()}</{name}>")
    start, end = parent.inner
    filled = start + len(document[start:end].rstrip(_BLANK_BYTES))
    has_tail = re.search(rb"[\r\n]", document[filled:end]) is not None
    return Edit(filled, filled, content + ("" if has_tail else style.outer()))


def laid_out(element: str, indent: str, step: str, newline: str | None) -> str:
    """The element with its children on lines of their own, or all on one line where ``newline`` is ``None``.

    ``indent`` stands before every line but the first, ``step`` for each level. Tags, text and comments
    keep their spelling; an element that holds text keeps its inside as it is.
    """
    pieces: list[str] = []
    depth = 0
    for token, change in _blocks(element):
        depth += min(change, 0)
        if pieces and newline is not None:
            pieces.append(newline + indent + step * depth)
        pieces.append(token)
        depth += max(change, 0)
    return "".join(pieces)


def _change(token: str) -> int:
    """How much deeper the markup after a token lies."""
    if not token.startswith("<") or token.startswith(("<!", "<?")) or token.endswith("/>"):
        return 0
    return -1 if token.startswith("</") else 1


def _blocks(element: str) -> list[tuple[str, int]]:
    """What gets a line of its own, and how much deeper the next one lies."""
    tokens = _TOKEN.findall(element)
    blocks: list[tuple[str, int]] = []
    n = 0
    while n < len(tokens):
        size = _with_text(tokens, n)
        if size > 1:
            blocks.append(("".join(tokens[n : n + size]), 0))
        elif tokens[n].strip(_BLANKS):
            blocks.append((tokens[n], _change(tokens[n])))
        n += size
    return blocks


def _with_text(tokens: list[str], first: int) -> int:
    """How many tokens the element beginning here has, if it holds text itself or nothing at all; else 1."""
    if _change(tokens[first]) != 1:
        return 1
    depth, holds, has_children = 0, False, False
    for n in range(first, len(tokens)):
        token = tokens[n]
        depth += _change(token)
        has_children |= n > first and token.startswith("<") and not token.startswith("</")
        is_text = not token.startswith("<") or token.startswith("<![CDATA[")
        holds |= depth == 1 and is_text and bool(token.strip(_BLANKS))
        if depth == 0:
            return n - first + 1 if holds or not has_children else 1
    return 1
