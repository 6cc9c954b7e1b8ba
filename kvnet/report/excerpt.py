"""Find the line that a problem is in, and how many of its characters the problem is about."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from attrs import frozen

from kvnet.errors import Problem

__all__ = ["Excerpt", "excerpt"]

_TOKEN = re.compile(
    r"""
    "(?:[^"\\]|\\.)*"            # text in double quotes
    | '(?:[^']|'')*'             # text in single quotes
    | (?:[^\s,:\[\]{}"']|:(?=\S))+   # a plain word; a colon within belongs to it, as in a MAC address
    | .
    """,
    re.VERBOSE,
)


_LONGEST: Final = 1000
"""Characters of a token."""


@frozen(kw_only=True)
class Excerpt:
    """A line of a text: the problem's ``column`` counts from 1, and ``length`` is how many characters it is about."""

    line: str
    column: int
    length: int = 1


def excerpt(problem: Problem, sources: Mapping[str, str]) -> Excerpt | None:
    """The line that a problem is in, or nothing where its text is not known or has no such line.

    >>> from kvnet import FieldPath, Place, Problem
    >>> problem = Problem(FieldPath(), "KN129", "no model", place=Place("vm.yaml", 1, 8))
    >>> excerpt(problem, {"vm.yaml": "model: virtoi"})
    Excerpt(line='model: virtoi', column=8, length=6)
    """
    place = problem.place
    text = sources.get(place.file) if place else None
    if place is None or text is None:
        return None
    lines = _lines(text)
    if not 1 <= place.line <= len(lines):
        return None
    line = lines[place.line - 1].removesuffix("\r")
    start = min(max(place.column - 1, 0), len(line))
    # problems may be many in one long line
    token = _TOKEN.match(line, start, start + _LONGEST)
    return Excerpt(line=line, column=start + 1, length=len(token.group()) if token else 1)


@lru_cache(maxsize=4)
def _lines(text: str) -> tuple[str, ...]:
    """The lines of a text as places count them: those of the texts that were asked for last are remembered."""
    return tuple(text.split("\n"))
