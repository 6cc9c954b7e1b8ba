"""The text of one NIC element, laid out anew for the place it goes to."""

from __future__ import annotations

import re

from kvnet.domain.scan import encoded, parser_of
from kvnet.errors import FieldPath, Problem, XmlError

__all__ = ["NICS", "laid_out", "only_element"]

NICS = ("interface", "hostdev")
_BLANKS = " \t\r\n"
_TOKEN = re.compile(
    r"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>|<(?:[^\"'>]|\"[^\"]*\"|'[^']*')*>|[^<]+",
    re.DOTALL,
)


def only_element(text: str, at: FieldPath) -> str:
    """The one element of a NIC's text, without what stands around it.

    Raises XmlError where it is not well formed, has a DTD, or is neither an interface nor a hostdev.
    """
    document = encoded(text, at)
    parser = parser_of(str(at))
    bounds: list[int] = []
    roots: list[str] = []

    def started(tag: str, _: dict[str, str]) -> None:
        bounds.append(parser.expat.CurrentByteIndex)
        roots.append(tag)

    parser.expat.StartElementHandler = started
    parser.run(document, at)
    if roots[0] not in NICS:
        told = f"<{roots[0]}> is neither an interface nor a hostdev"
        raise XmlError([Problem(at, "KN504", told, hint="give one <interface> or <hostdev> for each NIC")])
    element = document[bounds[0] :].decode()
    return element[: _end(element)]


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


def _end(element: str) -> int:
    depth = 0
    for match in _TOKEN.finditer(element):
        depth += _change(match.group())
        if depth == 0:
            return match.end()
    return len(element)


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
