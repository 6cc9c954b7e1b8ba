"""Show the page of a code on a terminal: headings in bold, code indented, paragraphs as wide as the terminal."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

__all__ = ["styled"]

_BOLD, _CODE, _END = "\033[1m", "\033[36m", "\033[0m"
_WIDEST = 100
_BLOCK = re.compile(
    r"""^```\w+\n(?P<code>.*?)\n```$
    |^<!--\ .*?\ -->$
    |^\#+\ (?P<heading>[^\n]+)$
    |^\|(?P<names>[^\n]+)\|\n\|[^\n]+\n\|(?P<values>[^\n]+)\|$
    |^(?P<paragraph>\S.*?)$(?=\n\n|\n*\Z)""",
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)
_INLINE = re.compile(r"`([^`]+)`")


def styled(page: str, width: int) -> str:
    r"""The Markdown of a page, as a text with the escapes of a terminal of ``width`` columns.

    >>> styled("# A `b`\n\nc `d`\n\n```sh\ne\n```\n", 80)
    '\x1b[1mA b\x1b[0m\n\nc \x1b[36md\x1b[0m\n\n    e\n'
    """
    return "\n\n".join(_blocks(page, min(width, _WIDEST))) + "\n"


def _blocks(page: str, width: int) -> Iterator[str]:
    for block in _BLOCK.finditer(page):
        if block["heading"]:
            yield f"{_BOLD}{block['heading'].replace('`', '')}{_END}"
        elif block["code"]:
            yield textwrap.indent(block["code"], "    ")
        elif block["names"]:
            pairs = zip(block["names"].split("|"), block["values"].split("|"), strict=True)
            yield "\n".join(f"{name.strip()}: {_inline(value.strip())}" for name, value in pairs)
        elif block["paragraph"]:
            yield _inline(textwrap.fill(block["paragraph"], width, break_on_hyphens=False, break_long_words=False))


def _inline(text: str) -> str:
    return _INLINE.sub(rf"{_CODE}\1{_END}", text)
