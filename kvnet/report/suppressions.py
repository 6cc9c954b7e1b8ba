"""Find what the authors of manifests suppress: comments in YAML, and annotations, which JSON has, too."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

import yaml
from attrs import frozen

from kvnet.errors import FieldPath, Place, Problem, Severity
from kvnet.manifest._yaml import sound_nodes
from kvnet.manifest.document import Text
from kvnet.report.selection import UNAVOIDABLE, is_selected_by, selector

__all__ = ["ANNOTATION", "Suppression", "Suppressions", "suppressions"]

ANNOTATION: Final = "kvnet.io/ignore"
"""The annotation of an object whose value lists what is suppressed in the whole object."""

_UNUSED: Final = "KN031"
_UNREADABLE: Final = "KN032"
_COMMENT = re.compile(r"(?:(?<=[ \t])|^)#[ \t]*kvnet:[ \t]*(?P<rest>[^\r\n]*)", re.MULTILINE)
_IGNORE = re.compile(r"ignore[ \t]*\[(?P<codes>[^\]\n]*)\]")
_LISTED = re.compile(r"[ \t]*(?P<codes>[\w-]+(?:[ \t]*,[ \t]*[\w-]+)*)(?=[\s:]|\Z)")
_HINT: Final = "write '# kvnet: ignore[KN906] reason'"
_Position = tuple[int, int]


@frozen(kw_only=True)
class Suppression:
    """One comment or annotation.

    - ``place``: where it is
    - ``selectors``: the codes, beginnings of codes and groups that it names
    - ``first``, ``last``: the line and the column of the first place that it is about, and of the first after the last
    """

    place: Place
    selectors: tuple[str, ...]
    first: tuple[int, int]
    last: tuple[int, int]

    def covers(self, problem: Problem) -> bool:
        """Whether a problem of its file is at a place that it is about."""
        place = problem.place
        return place is not None and self.first <= (place.line, place.column) < self.last


@frozen(kw_only=True)
class Suppressions:
    """The suppressions of several files, and in ``problems`` those that cannot be understood.

    >>> import kvnet
    >>> manifest = "domain: {devices: {interfaces: [{name: a, bridge: {}}]}}  # kvnet: ignore[KN906] on purpose"
    >>> manifest += chr(10) + "networks: [{name: a, pod: {}}]"
    >>> problems = kvnet.check(kvnet.loads(manifest, name="vm.yaml"))
    >>> [problem.code for problem in problems], suppressions({"vm.yaml": manifest}).kept(problems)
    (['KN906'], ())
    """

    entries: tuple[Suppression, ...] = ()
    problems: tuple[Problem, ...] = ()

    def kept(self, problems: Iterable[Problem]) -> tuple[Problem, ...]:
        """The problems that nothing suppresses."""
        index = self._index()
        return tuple([each for each in problems if each.code in UNAVOIDABLE or not any(_users(each, index))])

    def unused(self, problems: Iterable[Problem], judged: Callable[[str], bool] | None = None) -> tuple[Problem, ...]:
        """A warning for each selector that suppresses none of the problems.

        ``judged`` says whether a selector can be judged at all: what was not looked for cannot be found.
        """
        index = self._index()
        used = {user for problem in problems for user in _users(problem, index)}
        unused = [(entry, name) for entry in self.entries for name in entry.selectors if (entry, name) not in used]
        return tuple([_unused(entry, name) for entry, name in unused if judged is None or judged(name)])

    def _index(self) -> _Index:
        """The entries by file and line, those that are about several lines by file and document."""
        index: dict[tuple[str, str, int], list[Suppression]] = {}
        for each in self.entries:
            is_one_line = each.last[0] == each.first[0] or each.last == (each.first[0] + 1, 0)
            key = ("line", each.first[0]) if is_one_line else ("document", each.place.document)
            index.setdefault((each.place.file, *key), []).append(each)
        return index


_Index = Mapping[tuple[str, str, int], Sequence[Suppression]]


def _users(problem: Problem, index: _Index) -> Iterator[tuple[Suppression, str]]:
    """The suppressions that a problem meets, each with the selector that names its code."""
    place = problem.place
    if place is None:
        return
    for key in ("line", place.line), ("document", place.document):
        for each in index.get((place.file, *key), ()):
            if each.covers(problem):
                yield from ((each, name) for name in each.selectors if is_selected_by(problem.code, [name]))


def _unused(entry: Suppression, name: str) -> Problem:
    message = f"nothing is suppressed by '{name}' here"
    return Problem(FieldPath(), _UNUSED, message, hint="take it out", severity=Severity.WARNING, place=entry.place)


def suppressions(sources: Mapping[str, str]) -> Suppressions:
    """What is suppressed in texts, which are given by the names of their files.

    A comment counts for its line; alone on its line, for the next line with content; above the first line of a
    document, for the document. An annotation counts for the object that has it.
    """
    entries: list[Suppression] = []
    problems: list[Problem] = []
    order = {file: n for n, file in enumerate(sources)}
    for file, text in sources.items():
        for place, codes, first, last in _found(Text(file, text)):
            try:
                names = tuple([selector(each) for each in codes.split(",")])
            except ValueError as error:
                hint = _HINT if not codes else ""
                message = str(error) if codes else "this comment does not say what to ignore"
                problems.append(_unreadable(place, message, hint))
            else:
                entries.append(Suppression(place=place, selectors=names, first=first, last=last))
    entries.sort(key=lambda each: (order[each.place.file], each.place.line, each.place.column))
    return Suppressions(entries=tuple(entries), problems=tuple(problems))


def _unreadable(place: Place, message: str, hint: str) -> Problem:
    return Problem(FieldPath(), _UNREADABLE, message, hint=hint, severity=Severity.WARNING, place=place)


_Found = tuple[Place, str, _Position, _Position]
"""Where a suppression is, the codes that it lists, and the first place that it is about and the first after that."""


def _found(text: Text) -> Iterator[_Found]:
    comments = list(_COMMENT.finditer(text.text)) if "kvnet:" in text.text else []
    has_annotation = ANNOTATION in text.text
    if not comments and not has_annotation:
        return
    roots = sound_nodes(text.text)
    nodes = [_nodes(root) for root in roots]
    if comments:
        yield from _of_comments(text, comments, roots, nodes)
    if has_annotation:
        for document, inner in enumerate(nodes):
            yield from _of_annotations(text, document, inner)


def _nodes(root: yaml.Node) -> list[yaml.Node]:
    """The nodes of a document, each once; an alias is the node that it names."""
    found: dict[int, yaml.Node] = {}
    pending = [root]
    while pending:
        node = pending.pop()
        if id(node) in found:
            continue
        found[id(node)] = node
        if isinstance(node, yaml.MappingNode):
            pending += [each for pair in node.value for each in pair]
        elif isinstance(node, yaml.SequenceNode):
            pending += node.value
    return list(found.values())


def _of_comments(
    text: Text, comments: Iterable[re.Match[str]], roots: Sequence[yaml.Node], nodes: Sequence[Sequence[yaml.Node]]
) -> Iterator[_Found]:
    scalars = [each for some in nodes for each in some if isinstance(each, yaml.ScalarNode)]
    spans = sorted((_content_start(each, text.text), each.end_mark.index) for each in scalars)
    starts = [root.start_mark.index for root in roots]
    ends = [max(each.end_mark.index for each in some if _is_leaf(each)) for some in nodes]
    written = [n for n, line in enumerate(text.text.split("\n"), 1) if line.strip() and line.strip()[0] != "#"]
    for comment in comments:
        at = comment.start()
        around = bisect_right(spans, (at, _END)) - 1
        if around >= 0 and at < spans[around][1]:
            continue
        start = text.text.rfind("\n", 0, at) + 1
        is_alone = not text.text[start:at].strip()
        document = bisect_right(ends, start)
        place = text.place(at, min(document, max(len(roots) - 1, 0)))
        if is_alone and document < len(roots) and at < starts[document]:
            after = text.place(starts[document + 1]).line if document + 1 < len(roots) else _END
            first, last = (place.line, 0), (after, 0)
        else:
            line = _next(written, place.line) if is_alone else place.line
            first, last = (line, 0), (line + 1, 0)
        codes = _IGNORE.match(comment["rest"])
        yield place, codes["codes"].strip() if codes else "", first, last


_END: Final = 1 << 60
"""A line, or an index, after every other."""


def _next(lines: Sequence[int], line: int) -> int:
    """The first of the lines after a line, or the line itself where there is none."""
    n = bisect_right(lines, line)
    return lines[n] if n < len(lines) else line


def _content_start(scalar: yaml.ScalarNode, text: str) -> int:
    """Where the content of a scalar begins: after the header of a block, which may have a comment."""
    start: int = scalar.start_mark.index
    return text.find("\n", start) if scalar.style in ("|", ">") else start


def _is_leaf(node: yaml.Node) -> bool:
    """Whether a node ends where its text does; the end of a block's mapping is where the next token begins."""
    return not isinstance(node, yaml.CollectionNode) or bool(node.flow_style) or not node.value


def _of_annotations(text: Text, document: int, nodes: Iterable[yaml.Node]) -> Iterator[_Found]:
    for node in nodes:
        value = _member(_member(_member(node, "metadata"), "annotations"), ANNOTATION)
        if isinstance(value, yaml.ScalarNode):
            listed = _LISTED.match(value.value)
            place = text.place(value.start_mark.index, document)
            first, last = (text.place(mark.index) for mark in (node.start_mark, node.end_mark))
            codes = listed["codes"] if listed else value.value
            yield place, codes, (first.line, first.column), (last.line, last.column)


def _member(node: yaml.Node | None, name: str) -> yaml.Node | None:
    """The value of a key of a mapping node, or nothing."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for key, value in pairs if isinstance(key, yaml.ScalarNode) and key.value == name), None)
