"""Begin with the problems that there are: a file lists them, and only others are told."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from attrs import evolve, frozen

from kvnet.errors import FieldPath, Place, Problem, Rejected, Severity
from kvnet.report.selection import UNAVOIDABLE
from kvnet.report.text import Excerpt, excerpt

__all__ = ["Baseline", "Fingerprint", "fingerprint", "gone_note", "numbered", "read_baseline"]

_UNREADABLE: Final = "KN033"
_GONE: Final = "KN034"
_VERSION: Final = 1
_KEYS: Final = ("file", "code", "field", "line")
_HINT: Final = "write it with kvnet check --write-baseline"
_LONGEST: Final = 300
"""The most characters of a line that people write."""
_Named = Callable[[str], str]


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


def _as_told(file: str) -> str:
    return file


@frozen(kw_only=True)
class Baseline:
    """Known problems. A problem is recognised by its file, code and field, and by the text of its line, wherever it is.

    ``entries`` pairs fingerprints with how many problems have them. ``named`` in the methods gives the name that a file
    has here, so that it does not depend on where kvnet was started.
    """

    entries: tuple[tuple[Fingerprint, int], ...] = ()

    @classmethod
    def of(cls, problems: Iterable[Problem], sources: Mapping[str, str], named: _Named = _as_told) -> Baseline:
        """The baseline of all these problems."""
        counts = Counter(_key(each, sources, named) for each in problems if each.code not in UNAVOIDABLE)
        return cls(entries=tuple(sorted(counts.items())))

    def kept(
        self, problems: Iterable[Problem], sources: Mapping[str, str], named: _Named = _as_told
    ) -> tuple[Problem, ...]:
        """The problems that are not known; of those that are alike, the ones after the known number."""
        left = dict(self.entries)
        kept = []
        for each in problems:
            key = _key(each, sources, named)
            if left.get(key, 0) and each.code not in UNAVOIDABLE:
                left[key] -= 1
            else:
                kept.append(each)
        return tuple(kept)

    def gone(
        self, problems: Iterable[Problem], sources: Mapping[str, str], files: Iterable[str], named: _Named = _as_told
    ) -> int:
        """How many of the known problems of these files are no longer among the problems."""
        found = Counter(_key(each, sources, named) for each in problems)
        checked = {named(each) for each in files}
        return sum(max(0, count - found[key]) for key, count in self.entries if key.file in checked)

    def text(self) -> str:
        """The JSON that ``read_baseline`` reads, an entry a line, in an order that makes small differences."""
        entries = [
            json.dumps({name: getattr(key, name) for name in _KEYS} | ({"count": count} if count > 1 else {}))
            for key, count in self.entries
        ]
        problems = ",\n    ".join(entries)
        return (
            f'{{\n  "version": {_VERSION},\n  "problems": [' + (f"\n    {problems}\n  " if entries else "") + "]\n}\n"
        )


def gone_note(number: int, file: str) -> Problem:
    """The note that a baseline lists problems that are gone."""
    problems = "a problem that is" if number == 1 else f"{number} problems that are"
    message, hint = f"the baseline lists {problems} gone", "write it again with --write-baseline"
    return Problem(FieldPath(), _GONE, message, hint=hint, severity=Severity.NOTE, place=Place(file, 1, 1))


def read_baseline(text: str, file: str = "<text>") -> Baseline:
    """Read the text of a baseline; ``file`` is what problems call it. Raises Rejected where it is none.

    >>> read_baseline(Baseline().text())
    Baseline(entries=())
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        line, column = (error.lineno, error.colno) if isinstance(error, json.JSONDecodeError) else (1, 1)
        raise _rejected("a baseline is JSON, and this is not", Place(file, line, column)) from None
    version = data.get("version") if isinstance(data, dict) else None
    if version != _VERSION or not isinstance(data.get("problems"), list):
        raise _rejected(f"this is no baseline of version {_VERSION}", Place(file, 1, 1))
    try:
        return Baseline(entries=tuple(sorted(map(_entry, data["problems"]))))
    except ValueError as error:
        raise _rejected(f"an entry of the baseline is not read: {error}", Place(file, 1, 1)) from None


def _entry(data: Any) -> tuple[Fingerprint, int]:
    if not isinstance(data, dict) or not data.get("code"):
        raise ValueError(f"{json.dumps(data)[:80]} is not an object with the code of a problem")
    count = data.get("count", 1)
    values = [data.get(name, "") for name in _KEYS]
    if type(count) is not int or count < 1 or not all(isinstance(each, str) for each in values):
        raise ValueError(f"{json.dumps(data)[:80]} does not hold texts and a count")
    return Fingerprint(*values), count


def _rejected(message: str, place: Place) -> Rejected:
    return Rejected([Problem(FieldPath(), _UNREADABLE, message, hint=_HINT, place=place)])


def _key(problem: Problem, sources: Mapping[str, str], named: _Named) -> Fingerprint:
    key = fingerprint(problem, sources)
    return evolve(key, file=named(key.file)) if key.file else key
