"""Edit texts so that problems with one right answer are gone, and everything else stays as it was written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Final

from attrs import frozen

from kvnet.errors import Problem, Severity

__all__ = ["Edit", "Fix", "applied", "fix_of", "fixes_of", "made_problems"]

_HIDING: Final = frozenset({"KN012", "KN016", "KN017", "KN151"})
"""Codes of problems that may keep their whole object from being judged."""


@frozen(kw_only=True)
class Edit:
    """One change of a text: the characters from ``start`` up to ``end``, counted from 0, become ``text``."""

    file: str
    start: int
    end: int
    text: str


@frozen(kw_only=True)
class Fix:
    """How a problem is mended: the ``problem``, the ``edit``, and in ``what`` what the edit does, in a few words."""

    problem: Problem
    edit: Edit
    what: str


def fix_of(problem: Problem, sources: Mapping[str, str]) -> Fix | None:
    """The fix of a problem; nothing where more than one answer may be right, or the text is not known.

    >>> from kvnet import FieldPath, Place
    >>> place = Place("vm.yaml", 1, 8)
    >>> problem = Problem(FieldPath(("model",)), "KN129", "no model", place=place, instead="virtio")
    >>> fix_of(problem, {"vm.yaml": "model: VirtIO"}).what
    'write virtio in place of VirtIO'
    """
    if not problem.instead or problem.place is None or problem.place.file not in sources:
        return None
    file = problem.place.file
    text = sources[file]
    index = _index(text, problem.place.line, problem.place.column)
    # few problems have fixes, and the parser takes long to import
    found = import_module("kvnet.report._corrections").correction(text, index, problem)
    if found is None:
        return None
    start, end, made = found
    what = f"write {made} in place of {text[start:end]}"
    return Fix(problem=problem, edit=Edit(file=file, start=start, end=end, text=made), what=what)


def fixes_of(problems: Iterable[Problem], sources: Mapping[str, str]) -> tuple[Fix, ...]:
    """The fixes of problems, in their order; of those that would change the same characters, the first."""
    fixes: list[Fix] = []
    taken: dict[str, list[Edit]] = {}
    for problem in problems:
        fix = fix_of(problem, sources)
        if fix is not None and not any(_overlap(fix.edit, each) for each in taken.get(fix.edit.file, ())):
            fixes.append(fix)
            taken.setdefault(fix.edit.file, []).append(fix.edit)
    return tuple(fixes)


def applied(text: str, edits: Iterable[Edit]) -> str:
    """A text after edits that do not overlap.

    >>> applied("a: VirtIO # fast", [Edit(file="", start=3, end=9, text="virtio")])
    'a: virtio # fast'
    """
    for each in sorted(edits, key=lambda edit: edit.start, reverse=True):
        text = text[: each.start] + each.text + text[each.end :]
    return text


def made_problems(before: Iterable[Problem], after: Iterable[Problem], fixes: Sequence[Fix]) -> tuple[Problem, ...]:
    """The errors and warnings that fixes made, or did not take away; ``before`` and ``after`` are all there were.

    Where a problem kept its object from being judged, what is found in the object now was there before, unless it is
    of the key or value that was edited.
    """
    expected = Counter(map(_key, before)) - Counter(_key(fix.problem) for fix in fixes)
    revealed = {_document(fix.problem) for fix in fixes if fix.problem.code in _HIDING}
    made = []
    for each in after:
        key = _key(each)
        is_new, is_edited = not expected[key], each.place is None or any(_concerns(each, fix) for fix in fixes)
        expected[key] -= 1
        if is_new and each.severity is not Severity.NOTE and (is_edited or _document(each) not in revealed):
            made.append(each)
    return tuple(made)


def _concerns(problem: Problem, fix: Fix) -> bool:
    """Whether a problem is in the line of a fix, and of what it edited: its key, what is below, or the mapping around.

    A line may hold a whole document, in JSON and in flow style.
    """
    place = fix.problem.place
    if place is None or problem.place is None or (problem.place.file, problem.place.line) != (place.file, place.line):
        return False
    *around, last = fix.problem.at.parts or ("",)
    at = problem.at.parts
    return at == (*around,) or at[: len(around) + 1] in ((*around, last), (*around, fix.problem.instead))


_Key = tuple[str, int, str, str]


def _key(problem: Problem) -> _Key:
    """What stays of a problem when text around it is edited."""
    return (*_document(problem), problem.code, str(problem.at))


def _document(problem: Problem) -> tuple[str, int]:
    return (problem.place.file, problem.place.document) if problem.place else ("", 0)


def _overlap(one: Edit, other: Edit) -> bool:
    return one.start < other.end and other.start < one.end


def _index(text: str, line: int, column: int) -> int:
    """The index of a place that counts from 1."""
    start = 0
    for _ in range(line - 1):
        start = text.find("\n", start) + 1
    return start + column - 1
