"""The blocks of a page of documentation, and what its source says about each."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from itertools import pairwise

from attrs import evolve, frozen

__all__ = ["Block", "blocks", "faults"]

_RUN = ("sh", "python")
_OUTPUT = "output"
_SHOWN = "text"
_DIRECTIVE = "{"
_BLOCK = re.compile(
    r"(?P<comments>(?:^ *<!-- [^\n]* -->\n)*)"
    r"^(?P<indent> *)```(?P<language>[^\n]*)\n"
    r"(?P<text>.*?)"
    r"^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
_NOT_RUN = re.compile(r"<!-- not run: (.+) -->")
_STATUS = re.compile(r"<!-- exit status: (\d+) -->")
_INDENTED = re.compile(r"\n\n {4,}(\S.*)")


@frozen(kw_only=True)
class Block:
    """A fenced block; a reader copies those of the languages ``sh`` and ``python``.

    ``line`` is where it begins in the page. ``status`` is the exit status that it ends with, from the comment
    ``<!-- exit status: 1 -->`` before it. ``output`` is the text of the block ``output`` after it, if there is one.
    ``not_run`` is the reason in the comment ``<!-- not run: … -->`` before it, empty for a block that is run.
    """

    line: int
    language: str
    text: str
    status: int = 0
    output: str | None = None
    not_run: str = ""


def blocks(page: str) -> list[Block]:
    """The blocks of a page that a reader copies, in order, each with its output."""
    return [
        evolve(each, output=after.text) if after and after.language == _OUTPUT else each
        for each, after in pairwise([*_fenced(page), None])
        if each and each.language in _RUN
    ]


def faults(page: str) -> list[str]:
    """What looks like code and would not be tested: other languages, an output of nothing, and indented code."""
    wrong = [each for before, each in pairwise([None, *_fenced(page)]) if each and not _is_known(each, before)]
    unfenced = _INDENTED.findall(_BLOCK.sub("", page))
    return [f"line {each.line}: a block '{each.language}'" for each in wrong] + [
        f"indented: {code}" for code in unfenced
    ]


def _is_known(block: Block, before: Block | None) -> bool:
    if block.language == _OUTPUT:
        return before is not None and before.language in _RUN
    return block.language in (*_RUN, _SHOWN) or block.language.startswith(_DIRECTIVE)


def _fenced(page: str) -> Iterator[Block]:
    for match in _BLOCK.finditer(page):
        reason, status = _NOT_RUN.search(match["comments"]), _STATUS.search(match["comments"])
        yield Block(
            line=page.count("\n", 0, match.start("language")) + 1,
            language=match["language"],
            text=textwrap.dedent(match["text"]),
            status=int(status[1]) if status else 0,
            not_run=reason[1] if reason else "",
        )
