"""What is wrong with the nodes of a document, all of it and with places: the careful pass."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import yaml
from attrs import field, frozen

from kvnet.errors import FieldPath, Problem
from kvnet.manifest.codes import DUPLICATE, UNSUPPORTED_YAML, WRONG_TYPE
from kvnet.manifest.construct import node_key, scalar
from kvnet.manifest.nodes import DEEPEST, MAPPING, SEQUENCE
from kvnet.manifest.scalars import MERGE, Unfit
from kvnet.manifest.text import Text

__all__ = ["LARGEST", "review"]

LARGEST: Final = 1_000_000
"""Values that a document may have once its aliases are written out."""

_COLLECTION_TAGS = (MAPPING, SEQUENCE, "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
_SCALAR_TAGS = {
    "tag:yaml.org,2002:int": "a whole number",
    "tag:yaml.org,2002:float": "a number that JSON can carry",
    "tag:yaml.org,2002:bool": "true or false",
    "tag:yaml.org,2002:null": "null",
}


def review(root: yaml.Node, text: Text, document: int) -> tuple[Problem, ...]:
    """Everything that keeps the nodes from being constructed: keys, tags, aliases.

    Paths are those of the object: ``items[i]`` of a List is left out, ``spec`` of a bare spec put in.
    """
    reviewer = _Reviewer(text, document)
    problems = list(reviewer.problems(root, _start(root)))
    size, height = reviewer.extents.get(id(root), (0, 0))
    if size > LARGEST:
        problems.append(reviewer.problem(root, FieldPath(), f"its aliases stand for over {LARGEST:,} values"))
    if height > DEEPEST:
        problems.append(reviewer.problem(root, FieldPath(), f"its aliases nest deeper than {DEEPEST} levels"))
    return tuple(problems)


def _start(root: yaml.Node) -> FieldPath:
    if not isinstance(root, yaml.MappingNode):
        return FieldPath()
    keys = {key.value for key, _ in root.value if isinstance(key, yaml.ScalarNode)}
    bare = "kind" not in keys and "apiVersion" not in keys and bool(keys & {"domain", "networks"})
    return FieldPath(("spec",)) if bare else FieldPath()


@frozen(eq=False)
class _Reviewer:
    """One pass over the nodes of one document; ``extents`` are the size and height of each seen."""

    text: Text
    document: int
    extents: dict[int, tuple[int, int]] = field(factory=dict)
    _open: set[int] = field(factory=set)

    def problem(self, node: yaml.Node, at: FieldPath, message: str, code: str = UNSUPPORTED_YAML) -> Problem:
        if at.parts[:1] == ("items",) and len(at.parts) > 1:
            at = FieldPath(at.parts[2:])
        return Problem(at, code, message, place=self.text.place(node.start_mark.index, self.document))

    def problems(self, node: yaml.Node, at: FieldPath) -> Iterator[Problem]:
        if id(node) in self.extents:
            return
        if id(node) in self._open:
            yield self.problem(node, at, "an alias stands for a value that holds the alias itself")
            return
        self._open.add(id(node))
        yield from self._tag(node, at)
        if isinstance(node, yaml.MappingNode):
            yield from self._mapping(node, at)
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                yield from self.problems(item, at[index])
        self._open.discard(id(node))
        self.extents[id(node)] = self._extent(node)

    def _tag(self, node: yaml.Node, at: FieldPath) -> Iterator[Problem]:
        tag = node.tag
        if isinstance(node, yaml.ScalarNode):
            try:
                scalar(node)
            except Unfit:
                pass
            else:
                return
            if isinstance(tag, int) or tag in _SCALAR_TAGS:
                kind = _SCALAR_TAGS.get(str(tag), "a number that JSON can carry")
                yield self.problem(node, at, f"'{node.value}' is not {kind}", WRONG_TYPE)
                return
        elif tag in _COLLECTION_TAGS:
            return
        name = str(tag).replace("tag:yaml.org,2002:", "!!")
        yield self.problem(node, at, f"the tag '{name}' is not one that a manifest can have")

    def _mapping(self, node: yaml.MappingNode, at: FieldPath) -> Iterator[Problem]:
        first: dict[str, yaml.Node] = {}
        for key, value in node.value:
            try:
                name = node_key(key)
            except Unfit:
                yield self.problem(key, at, "a key has to be text", WRONG_TYPE)
                yield from self.problems(value, at)
                continue
            spelling = "<<" if name is MERGE else name
            if name in first:
                place = self.text.place(first[name].start_mark.index)
                message = f"'{spelling}' is given twice, first in line {place.line}, column {place.column}"
                yield self.problem(key, at / spelling, message, DUPLICATE)
            first.setdefault(name, key)
            if name is MERGE:
                yield from self._merge(value, at)
            yield from self.problems(value, at if name is MERGE else at / name)

    def _merge(self, value: yaml.Node, at: FieldPath) -> Iterator[Problem]:
        sources = value.value if isinstance(value, yaml.SequenceNode) else [value]
        for source in sources:
            if not isinstance(source, yaml.MappingNode):
                yield self.problem(source, at, "'<<' merges mappings, and this is none", WRONG_TYPE)

    def _extent(self, node: yaml.Node) -> tuple[int, int]:
        if isinstance(node, yaml.ScalarNode):
            return 1, 0
        inner = [each for pair in node.value for each in pair] if isinstance(node, yaml.MappingNode) else node.value
        extents = [self.extents.get(id(each), (1, 0)) for each in inner]
        return 1 + sum(size for size, _ in extents), 1 + max((height for _, height in extents), default=0)
