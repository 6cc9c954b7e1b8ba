"""Write problems for people: a line for each, the line of the source, and a mark under the place.

Other formats have the same line of the source, and how many of its characters the problem is about.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final
from unicodedata import combining, east_asian_width

from attrs import frozen

from kvnet.errors import Problem, Severity
from kvnet.report.formats import Findings
from kvnet.values import printable

__all__ = ["Excerpt", "counted", "excerpt", "summary", "text", "told"]

_COLOURS: Final = {Severity.ERROR: "31", Severity.WARNING: "33", Severity.NOTE: "36"}
_GRAVITY: Final = {severity: n for n, severity in enumerate(Severity)}
_WIDEST: Final = 100
"""The most characters of a source line that are shown."""
_BEFORE: Final = 40
"""How many characters of a wider line are shown before the place."""

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


def text(findings: Findings) -> str:
    """Every problem with its line of the source, and a summary at the end."""
    lines = [told(each, findings.sources, colour=findings.colour) for each in findings.problems]
    return "\n".join([*lines, summary(findings.problems, len(findings.files))]) + "\n"


def told(
    problem: Problem,
    sources: Mapping[str, str],
    *,
    colour: bool = False,
    links: bool = False,
    is_fixable: bool = False,
) -> str:
    """The lines for one problem, without characters that a terminal would obey; a note is one line.

    ``colour`` and ``links`` are for terminals: the code is linked to its page in the documentation (OSC 8).
    ``is_fixable`` marks what ``kvnet check --fix`` corrects.

    >>> from kvnet import FieldPath, Place, Problem
    >>> problem = Problem(FieldPath(), "KN129", "no model", place=Place("vm.yaml", 1, 8))
    >>> print(told(problem, {"vm.yaml": "model: virtoi"}))
    vm.yaml:1:8: error KN129 no model
      1 | model: virtoi
        |        ^^^^^^
    """
    paint = f"\033[1;{_COLOURS[problem.severity]}m{{}}\033[0m".format if colour else "{}".format
    where = f"{problem.place or 'kvnet'}: "
    rest = printable(problem.line("")[len(where) :])
    if links:
        rest = rest.replace(problem.code, _linked(problem.code), 1)
    line = f"{printable(where)}{paint(problem.severity)}{rest}{' [fixable]' if is_fixable else ''}"
    found = None if problem.severity is Severity.NOTE else excerpt(problem, sources)
    if found is None or problem.place is None or not found.line.strip():
        return line
    return "\n".join([line, *_shown(found, problem.place.line, paint)])


def _linked(code: str) -> str:
    from kvnet.codes.catalogue import page_url  # noqa: PLC0415 - what a pipe does not need

    return f"\033]8;;{page_url(code)}\033\\{code}\033]8;;\033\\"


def _shown(found: Excerpt, number: int, paint: object) -> Iterator[str]:
    line, start = found.line, found.column - 1
    length = found.length
    if len(line) > _WIDEST:
        first = max(0, min(start - _BEFORE, len(line) - _WIDEST))
        line = line[first : first + _WIDEST]
        start -= first
        length = min(length, _WIDEST - start)
        line, start = (f"…{line}", start + 1) if first else (line, start)
        line = f"{line}…" if first + _WIDEST < len(found.line) else line
    line = "".join(map(_visible, line))
    mark = "^" * max(1, _width(line[start : start + length]))
    margin = " " * len(str(number))
    yield f"  {number} | {line}"
    yield f"  {margin} | {' ' * _width(line[:start])}{paint(mark)}"  # type: ignore[operator]


def _visible(character: str) -> str:
    """What is shown in place of a character of the source, as wide as it counts."""
    if character.isprintable():
        return character
    return " " if character.isspace() else "\ufffd"


def _width(shown: str) -> int:
    """How many columns of a terminal a text takes."""
    if shown.isascii():
        return len(shown)
    return sum(0 if combining(each) else 2 if east_asian_width(each) in "WF" else 1 for each in shown)


def summary(problems: Sequence[Problem], files: int, *, skipped: int = 0, suppressed: int = 0) -> str:
    """One sentence on all problems of so many files: how many of each severity, what was left out, and how to ask.

    >>> summary([], 12, skipped=40)
    'no problems in 12 files; 40 files skipped'
    """
    severities = Counter(problem.severity for problem in problems)
    amounts = [counted(severities[each], str(each)) for each in Severity if severities[each]]
    left_out = [f"{counted(skipped, 'file')} skipped"] if skipped else []
    left_out += [f"{counted(suppressed, 'problem')} suppressed"] if suppressed else []
    gravest = min(problems, key=lambda each: _GRAVITY[each.severity], default=None)
    left_out += [f"kvnet explain {gravest.code} tells more"] if gravest else []
    return "; ".join([f"{', '.join(amounts) or 'no problems'} in {counted(files, 'file')}", *left_out])


def counted(number: int, noun: str) -> str:
    """A number of things, such as ``1 file`` or ``2 files``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


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
