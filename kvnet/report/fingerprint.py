"""Recognise a problem again after lines were added, moved or removed around it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from attrs import frozen

from kvnet.errors import Problem
from kvnet.report.excerpt import Excerpt, excerpt

__all__ = ["Fingerprint", "fingerprint", "numbered"]

_LONGEST: Final = 300
"""The most characters of a line that people write."""


@frozen(order=True)
class Fingerprint:
    """What stays of a problem when lines move: its ``file``, ``code`` and ``field``, and the text of its ``line``.

    White space at both ends of the line does not count. Of a line that is longer than people write, such as a whole
    document in JSON, it is the word that the problem is about. Messages are left out, for releases may improve them.
    """

    file: str
    code: str
    field: str
    line: str = ""


def fingerprint(problem: Problem, sources: Mapping[str, str]) -> Fingerprint:
    """The fingerprint of a problem; its line is empty where the text is not known."""
    found = excerpt(problem, sources)
    file = problem.place.file if problem.place else ""
    return Fingerprint(file, problem.code, problem.field, _text_of(found) if found else "")


def _text_of(found: Excerpt) -> str:
    if len(found.line) <= _LONGEST:
        return found.line.strip()
    start = found.column - 1
    return found.line[start : start + min(found.length, _LONGEST)]


def numbered(problems: Iterable[Problem], sources: Mapping[str, str]) -> list[tuple[Problem, Fingerprint, int]]:
    """Each problem with its fingerprint, and how many before it have the same one."""
    seen: dict[Fingerprint, int] = {}
    found = []
    for each in problems:
        key = fingerprint(each, sources)
        found.append((each, key, seen.setdefault(key, 0)))
        seen[key] += 1
    return found
