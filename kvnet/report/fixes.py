"""Edit texts so that problems with one right answer are gone, and everything else stays as it was written."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from attrs import frozen

from kvnet._lazy import lazy
from kvnet._lines import index_of
from kvnet.errors import Problem, Severity

if TYPE_CHECKING:
    import yaml

    from kvnet.manifest import _json, _yaml
else:
    # few problems have fixes, and the parsers take long to import
    yaml, _yaml = lazy("yaml"), lazy("kvnet.manifest._yaml")
    _json = lazy("kvnet.manifest._json")

__all__ = ["Edit", "Fix", "applied", "fix_of", "fixes_of", "made_problems"]

_HIDING: Final = frozenset({"KN012", "KN016", "KN017", "KN151"})
"""Codes of problems that may keep their whole object from being judged."""
_KEYS: Final = frozenset({"KN003", "KN016", "KN151", "KN931"})
"""Codes of problems whose key is to be written otherwise, and not the value."""
_RAW: Final = "KN004"
"""The code of problems where only the quotes are wrong."""
_NETWORK_DATA: Final = "KN923"
"""The code of problems in a text within the manifest."""
_BARE: Final = re.compile(r"[A-Za-z][\w./-]*")
"""Words that YAML reads as text without quotes; true, null and the like are never written for others."""
_GATEWAY6: Final = re.compile(r"gateway6[ \t]*:[ \t]*$")
_ADDRESS: Final = re.compile(r"(?P<quote>(?:\\?\"|'{1,2})?)(?P<address>[0-9A-Fa-f:.]+)(?P=quote)")

_Correction = tuple[int, int, str]
"""Where an edit starts and ends, and what it writes."""


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
    index = index_of(text, problem.place.line, problem.place.column)
    found = (_in_network_data if problem.code == _NETWORK_DATA else _of_node)(text, index, problem)
    if found is None:
        return None
    start, end, made = found
    what = f"write {made} in place of {text[start:end]}"
    return Fix(problem=problem, edit=Edit(file=file, start=start, end=end, text=made), what=what)


def fixes_of(problems: Iterable[Problem], sources: Mapping[str, str]) -> tuple[Fix, ...]:
    """The fixes of problems, in their order; of those that would change the same characters, the first."""
    fixes: list[Fix] = []
    taken: dict[str, list[tuple[int, int]]] = {}
    for problem in problems:
        fix = fix_of(problem, sources)
        if fix is not None and _takes(taken.setdefault(fix.edit.file, []), fix.edit):
            fixes.append(fix)
    return tuple(fixes)


def _takes(taken: list[tuple[int, int]], edit: Edit) -> bool:
    """Whether an edit overlaps none of those that are taken, which are in order; it is taken then."""
    place = bisect_left(taken, (edit.start, edit.end))
    around = taken[max(place - 1, 0) : place + 1]
    if any(start < edit.end and edit.start < end for start, end in around):
        return False
    taken.insert(place, (edit.start, edit.end))
    return True


def applied(text: str, edits: Iterable[Edit]) -> str:
    """A text after edits that do not overlap.

    >>> applied("a: VirtIO # fast", [Edit(file="", start=3, end=9, text="virtio")])
    'a: virtio # fast'
    """
    pieces, end = [], 0
    for each in sorted(edits, key=lambda edit: edit.start):
        pieces += [text[end : each.start], each.text]
        end = each.end
    return "".join([*pieces, text[end:]])


def made_problems(before: Iterable[Problem], after: Iterable[Problem], fixes: Sequence[Fix]) -> tuple[Problem, ...]:
    """The errors and warnings that fixes made, or did not take away; ``before`` and ``after`` are all there were.

    Where a problem kept its object from being judged, what is found in the object now was there before, unless it is
    of the key or value that was edited.
    """
    expected = Counter(map(_key, before)) - Counter(_key(fix.problem) for fix in fixes)
    revealed = {_document(fix.problem) for fix in fixes if fix.problem.code in _HIDING}
    of_lines: dict[tuple[str, int], list[Fix]] = {}
    for fix in fixes:
        if fix.problem.place is not None:
            of_lines.setdefault((fix.problem.place.file, fix.problem.place.line), []).append(fix)
    made = []
    for each in after:
        key, place = _key(each), each.place
        near = of_lines.get((place.file, place.line), ()) if place else ()
        is_new, is_edited = not expected[key], place is None or any(_concerns(each, fix) for fix in near)
        expected[key] -= 1
        if is_new and each.severity is not Severity.NOTE and (is_edited or _document(each) not in revealed):
            made.append(each)
    return tuple(made)


def _concerns(problem: Problem, fix: Fix) -> bool:
    """Whether a problem in the line of a fix is of what that edited: its key, what is below, or the mapping around.

    A line may hold a whole document, in JSON and in flow style.
    """
    *around, last = fix.problem.at.parts or ("",)
    at = problem.at.parts
    return at == (*around,) or at[: len(around) + 1] in ((*around, last), (*around, fix.problem.instead))


_Key = tuple[str, int, str, str]


def _key(problem: Problem) -> _Key:
    """What stays of a problem when text around it is edited."""
    return (*_document(problem), problem.code, str(problem.at))


def _document(problem: Problem) -> tuple[str, int]:
    return (problem.place.file, problem.place.document) if problem.place else ("", 0)


def _of_node(text: str, index: int, problem: Problem) -> _Correction | None:
    """The edit of a key or value that stands as such in the text."""
    name = problem.at.parts[-1] if problem.at.parts else None
    found = [_json.member_at(text, index)] if _json.is_json(text) else _pairs(text).get(index, ())
    for key, value in found:
        if key is not None and key.value != str(name):
            continue
        node = key if problem.code in _KEYS else value
        if isinstance(node, yaml.ScalarNode):
            start, end = node.start_mark.index, node.end_mark.index
            made = _written(text[start:end], node.value, problem)
            return (start, end, made) if made is not None else None
    return None


def _written(raw: str, value: str, problem: Problem) -> str | None:
    """What is written in place of a scalar, quoted as it is; nothing for one with an anchor, a tag or several lines."""
    instead = problem.instead
    if "\n" in raw or (raw != value and raw[:1] not in ("'", '"')):
        return None
    if problem.code == _RAW:
        return instead
    quote = raw[0] if raw != value else "" if _BARE.fullmatch(instead) else '"'
    return f"{quote}{instead}{quote}"


@lru_cache(maxsize=4)
def _pairs(text: str) -> dict[int, list[tuple[yaml.Node | None, yaml.Node]]]:
    """The keys and values of a text by where each of both starts; entries of lists have no key."""
    found: dict[int, list[tuple[yaml.Node | None, yaml.Node]]] = {}
    pending: list[yaml.Node] = list(_yaml.sound_nodes(text))
    seen = set()
    while pending:
        node = pending.pop()
        if id(node) in seen or not isinstance(node, yaml.CollectionNode):
            continue
        seen.add(id(node))
        pairs = node.value if isinstance(node, yaml.MappingNode) else [(None, each) for each in node.value]
        for key, value in pairs:
            for each in (key, value) if key is not None else (value,):
                found.setdefault(each.start_mark.index, []).append((key, value))
            pending.append(value)
    return found


def _in_network_data(text: str, index: int, problem: Problem) -> _Correction | None:
    """The edit of a gateway within a text; one in ``gateway6``, which is deprecated, becomes a route."""
    written = _ADDRESS.match(text, index)
    if written is None:
        return None
    line = text.rfind("\n", 0, index) + 1
    key = _GATEWAY6.search(text[line:index])
    if key is None:
        return *written.span("address"), problem.instead
    mark = written["quote"] or _mark_within(text, index)
    route = f"routes: [{{to: {mark}::/0{mark}, via: {mark}{problem.instead}{mark}}}]"
    return line + key.start(), written.end(), route


def _mark_within(text: str, index: int) -> str:
    """The quotes for a word inside the scalar around a character, which may have quotes itself."""
    if _json.is_json(text):
        return "'"
    around = (value for pairs in _pairs(text).values() for _, value in pairs if isinstance(value, yaml.ScalarNode))
    styles = (each.style for each in around if each.start_mark.index <= index < each.end_mark.index)
    return {'"': "'", "'": "''"}.get(next(styles, None) or "", '"')
