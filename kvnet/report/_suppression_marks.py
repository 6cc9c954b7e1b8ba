"""Find the comments and annotations of a text that suppress problems, and the places that they are about."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import yaml
from attrs import frozen

from kvnet.errors import Place
from kvnet.manifest._yaml import sound_nodes
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
    comments = list(_COMMENT.finditer(text))
    has_annotation = ANNOTATION in text
    if not comments and not has_annotation:
        return
    roots = sound_nodes(text)
    lines = _Lines(file, (0, *(each.end() for each in re.finditer("\n", text))))
    nodes = [_nodes(root) for root in roots]
    if comments:
        yield from _of_comments(text, lines, comments, roots, nodes)
    if has_annotation:
        for document, inner in enumerate(nodes):
            yield from _of_annotations(lines, document, inner)


@frozen
class _Lines:
    """The name of a file, and where each of its lines starts."""

    file: str
    starts: tuple[int, ...]

    def place(self, index: int, document: int = 0) -> Place:
        """The position of a character."""
        line = bisect_right(self.starts, index)
        return Place(self.file, line, index - self.starts[line - 1] + 1, document)


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
    text: str,
    lines: _Lines,
    comments: Iterable[re.Match[str]],
    roots: Sequence[yaml.Node],
    nodes: Sequence[Sequence[yaml.Node]],
) -> Iterator[_Found]:
    scalars = [each for some in nodes for each in some if isinstance(each, yaml.ScalarNode)]
    spans = sorted((_content_start(each, text), each.end_mark.index) for each in scalars)
    heads = [root.start_mark.index for root in roots]
    ends = [max((each.end_mark.index for each in some if _is_leaf(each)), default=0) for some in nodes]
    blocks = {lines.place(each.start_mark.index).line: _last_line(each, lines) for each in scalars if _is_block(each)}
    written = [n for n, line in enumerate(text.split("\n"), 1) if line.strip() and line.strip()[0] != "#"]
    for comment in comments:
        at = comment.start()
        around = bisect_right(spans, (at, _END)) - 1
        if around >= 0 and at < spans[around][1]:
            continue
        line = lines.place(at).line
        start = lines.starts[line - 1]
        is_alone = text[start:at].strip() in ("", "---")
        document = bisect_right(ends, start)
        place = lines.place(at, min(document, max(len(roots) - 1, 0)))
        if is_alone and document < len(roots) and at < heads[document]:
            first, last = _document(document, lines, heads)
        else:
            line = _next(written, line) if is_alone else line
            first, last = (line, 0), (blocks.get(line, line) + 1, 0)
        codes = _IGNORE.match(comment["rest"])
        yield place, codes["codes"].strip() if codes else "", first, last


def _document(document: int, lines: _Lines, heads: Sequence[int]) -> tuple[_Position, _Position]:
    """The lines from the beginning of a document to that of the next one."""
    after = lines.place(heads[document + 1]).line if document + 1 < len(heads) else _END
    return (lines.place(heads[document]).line, 0), (after, 0)


_END: Final = 1 << 60
"""A line, or an index, after every other."""


def _next(lines: Sequence[int], line: int) -> int:
    """The first of the lines after a line, or the line itself where there is none."""
    n = bisect_right(lines, line)
    return lines[n] if n < len(lines) else line


def _is_block(scalar: yaml.ScalarNode) -> bool:
    return scalar.style in ("|", ">")


def _last_line(scalar: yaml.ScalarNode, lines: _Lines) -> int:
    """The last line of the text of a block, whose end is where the next line begins."""
    place = lines.place(max(scalar.start_mark.index, scalar.end_mark.index - 1))
    return place.line


def _content_start(scalar: yaml.ScalarNode, text: str) -> int:
    """Where the content of a scalar begins: after the header of a block, which may have a comment."""
    start: int = scalar.start_mark.index
    return text.find("\n", start) if _is_block(scalar) else start


def _is_leaf(node: yaml.Node) -> bool:
    """Whether a node ends where its text does; the end of a block's mapping is where the next token begins."""
    return not isinstance(node, yaml.CollectionNode) or bool(node.flow_style) or not node.value


def _of_annotations(lines: _Lines, document: int, nodes: Iterable[yaml.Node]) -> Iterator[_Found]:
    for node in nodes:
        value = _member(_member(_member(node, "metadata"), "annotations"), ANNOTATION)
        if isinstance(value, yaml.ScalarNode):
            listed = _LISTED.match(value.value)
            place = lines.place(value.start_mark.index, document)
            first, last = (lines.place(mark.index) for mark in (node.start_mark, node.end_mark))
            codes = listed["codes"] if listed else value.value
            yield place, codes, (first.line, first.column), (last.line, last.column)


def _member(node: yaml.Node | None, name: str) -> yaml.Node | None:
    """The value of a key of a mapping node, or nothing."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for key, value in pairs if isinstance(key, yaml.ScalarNode) and key.value == name), None)
