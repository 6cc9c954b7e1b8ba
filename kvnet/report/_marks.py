"""Find the comments and annotations of a text that suppress problems, and the places that they are about."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import yaml

from kvnet.errors import Place
from kvnet.manifest._yaml import sound_nodes
from kvnet.manifest.document import Text
from kvnet.report.suppressions import ANNOTATION

__all__ = ["marks"]

_COMMENT = re.compile(r"(?:(?<=[ \t])|^)#[ \t]*kvnet:[ \t]*(?P<rest>[^\r\n]*)", re.MULTILINE)
_IGNORE = re.compile(r"ignore[ \t]*\[(?P<codes>[^\]\n]*)\]")
_LISTED = re.compile(r"[ \t]*(?P<codes>[\w-]+(?:[ \t]*,[ \t]*[\w-]+)*)(?=[\s:]|\Z)")
_Position = tuple[int, int]
_Found = tuple[Place, str, _Position, _Position]
"""Where a suppression is, the codes that it lists, and the first place that it is about and the first after that."""


def marks(file: str, text: str) -> Iterator[_Found]:
    """Each comment and annotation of a text: its place, the codes that it lists, and the places that it is about."""
    return _marks(Text(file, text))


def _marks(text: Text) -> Iterator[_Found]:
    comments = list(_COMMENT.finditer(text.text))
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
