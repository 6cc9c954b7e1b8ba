"""``kvnet explain``, ``rules``, ``schema`` and ``debug``, which print what is to be known and read no manifest."""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from argparse import Namespace
from collections.abc import Iterator

import attrs

from kvnet._spelling import near_word
from kvnet.cli.output import CLEAN, FAILED, write
from kvnet.cli.report import Report, is_styled
from kvnet.codes import UnknownCode, explanation, explanations

__all__ = ["debug", "explain", "rules", "schema", "styled"]

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


def explain(arguments: Namespace, report: Report) -> int:
    """Print the page of each code: as Markdown, or with the looks of a terminal on one."""
    try:
        pages = [explanation(code).text for code in arguments.explain]
    except UnknownCode as error:
        report.failure(str(error))
        return FAILED
    if is_styled(sys.stdout):
        pages = [styled(page, shutil.get_terminal_size().columns) for page in pages]
    print("\n".join(pages), end="")
    return CLEAN


def rules(arguments: Namespace, report: Report) -> int:
    """List every code: in a table, or with all that its page says."""
    if arguments.output == "text":
        print("\n".join(f"{each.code}  {each.severity:7}  {each.group:13}  {each.title}" for each in explanations()))
    else:
        listed = [attrs.asdict(each) | {"severity": str(each.severity), "url": each.url} for each in explanations()]
        write(listed, arguments.output)
    return CLEAN


def schema(arguments: Namespace, report: Report) -> int:
    """Print a JSON Schema."""
    from kvnet.manifest.schema import SCHEMAS  # noqa: PLC0415 - what the others do not need

    write(SCHEMAS[arguments.what](), "json")
    return CLEAN


def debug(arguments: Namespace, report: Report) -> int:
    """Print the functions that are generated for an element class, as a debugger shows them."""
    from kvnet import device  # noqa: PLC0415 - what the others do not need
    from kvnet.xml.generate import sources  # noqa: PLC0415

    classes = {name: cls for name in device.__all__ if hasattr(cls := getattr(device, name), "__kvnet__")}
    cls = classes.get(arguments.name)
    if cls is None:
        near = near_word(arguments.name, classes)
        hint = f"did you mean {near}?" if near else f"there are {', '.join(sorted(classes))}"
        report.failure(f"no element class is named {arguments.name!r}; {hint}")
        return FAILED
    for label, text in sources(cls).items():
        print(f"# {label}\n{text}")
    return CLEAN


def styled(page: str, width: int) -> str:
    r"""The Markdown of the page of a code, as a text with the escapes of a terminal of ``width`` columns.

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
