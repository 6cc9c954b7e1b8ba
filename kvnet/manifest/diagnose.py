"""What is wrong with the text of a document, all of it and with places: the careful pass over YAML and JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from math import isfinite
from typing import Final

import yaml
from attrs import field, frozen

from kvnet.errors import FieldPath, Problem
from kvnet.manifest.json import SURROGATE
from kvnet.manifest.problems import DUPLICATE, UNREADABLE, UNSUPPORTED_YAML, WRONG_TYPE
from kvnet.manifest.text import Text
from kvnet.manifest.yaml import (
    DEEPEST,
    MAPPING,
    MERGE,
    SEQUENCE,
    UNPRINTABLE,
    TooDeep,
    Unfit,
    node_key,
    scalar,
    sound_nodes,
)

__all__ = ["LARGEST", "json_problems", "node_problems", "source_index", "syntax_problem"]

LARGEST: Final = 1_000_000
"""Values that a document may have once its aliases are written out."""

_COLLECTION_TAGS = (MAPPING, SEQUENCE, "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
_SCALAR_TAGS = {
    "tag:yaml.org,2002:int": "a whole number",
    "tag:yaml.org,2002:float": "a number that JSON can carry",
    "tag:yaml.org,2002:bool": "true or false",
    "tag:yaml.org,2002:null": "null",
}
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s"\[\]{}:,]+')
_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]')
_HEADER: Final = re.compile(r"[^|>]*[|>][^\n]*\n")
_PIECES: Final = {
    "'": re.compile(r"''|\S"),
    '"': re.compile(r"(?P<blank>\\[ntr\s])|\\(?:x\w{2}|u\w{4}|U\w{8}|.)|\S"),
}
_LETTERS: Final = re.compile(r"\S")


def syntax_problem(error: Exception, text: Text, document: int) -> Problem:
    """What PyYAML complained of in a document, with its place."""
    if isinstance(error, TooDeep):
        place = text.place(_index(error.problem_mark), document)
        return Problem(FieldPath(), UNSUPPORTED_YAML, f"the document is {error.problem}", place=place)
    bad = UNPRINTABLE.search(text.text)
    if isinstance(error, (yaml.reader.ReaderError, UnicodeError)) and bad:
        message = f"the character U+{ord(bad.group()):04X} is not allowed in YAML"
        return text.unreadable(bad.start(), message, "escape it inside double quotes", document)
    if isinstance(error, yaml.MarkedYAMLError):
        parts = (error.context, error.problem)
        index = _index(error.problem_mark or error.context_mark)
        code = UNSUPPORTED_YAML if isinstance(error, yaml.composer.ComposerError) else UNREADABLE
        message = "not YAML: " + ", ".join(part for part in parts if part)
        return Problem(FieldPath(), code, message, place=text.place(index, document))
    return text.unreadable(0, f"not YAML: {error}", document=document)


def _index(mark: yaml.Mark | None) -> int:
    return mark.index if mark else 0


def node_problems(root: yaml.Node, text: Text, document: int) -> tuple[Problem, ...]:
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
                yield self.problem(source, at, "'<<' merges mappings, and this is not a mapping", WRONG_TYPE)

    def _extent(self, node: yaml.Node) -> tuple[int, int]:
        if isinstance(node, yaml.ScalarNode):
            return 1, 0
        inner = [each for pair in node.value for each in pair] if isinstance(node, yaml.MappingNode) else node.value
        extents = [self.extents.get(id(each), (1, 0)) for each in inner]
        return 1 + sum(size for size, _ in extents), 1 + max((height for _, height in extents), default=0)


def json_problems(text: Text) -> tuple[Problem, ...]:
    """What makes ``parse_json`` raise Unfit: at least one problem, each with its place."""
    problem = _odd_token(text) or _depth_problem(text)
    if problem is not None:
        return (problem,)
    roots = sound_nodes(text.text)
    found = node_problems(roots[0], text, 0) if roots else ()
    return found or (text.unreadable(0, "this JSON cannot be read"),)


def _odd_token(text: Text) -> Problem | None:
    """The first token that is legal to Python's decoder, and cannot be kept all the same."""
    for token in _TOKEN.finditer(text.text):
        message = _oddity(token.group())
        if message:
            return Problem(FieldPath(), WRONG_TYPE, message, place=text.place(token.start()))
    return None


def _depth_problem(text: Text) -> Problem | None:
    """What is wrong with the first bracket that is nested too deep."""
    depth = 0
    for bracket in _BRACKET.finditer(text.text):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(bracket.group(), 0)
        if depth > DEEPEST:
            message = f"the document is nested deeper than {DEEPEST} levels"
            return Problem(FieldPath(), UNSUPPORTED_YAML, message, place=text.place(bracket.start()))
    return None


def _oddity(token: str) -> str:
    if token.startswith('"'):
        return _half_pair(token)
    if token in ("NaN", "Infinity", "-Infinity"):
        return f"{token} is not JSON"
    try:
        finite = (not token[0].isdigit() and token[0] != "-") or isfinite(float(token))
        if token.lstrip("-").isdigit():
            int(token)
    except ValueError:
        finite = False
    except OverflowError:
        finite = False
    return "" if finite else f"the number {token[:20]}... is too large"


def _half_pair(token: str) -> str:
    if not SURROGATE.search(token):
        return ""
    try:
        json.loads(token).encode()
    except UnicodeEncodeError:
        return "half of a surrogate pair is not a character"
    except ValueError:
        return ""
    return ""


def source_index(text: str, node: yaml.ScalarNode, offset: int) -> int:
    """The index in the text of the character ``offset`` of a scalar's value.

    YAML folds and strips white space alone, so the other characters are counted. White space itself is
    placed at what follows it, and the end of the value at its last character.
    """
    start, end = node.start_mark.index, node.end_mark.index
    style = node.style or ""
    if style in ("|", ">"):
        header = _HEADER.match(text, start, end)
        start = header.end() if header else start
    elif style in _PIECES:
        start, end = text.index(style, start) + 1, end - 1
    pieces = _PIECES.get(style, _LETTERS)
    wanted = sum(not letter.isspace() for letter in node.value[:offset])
    index = start
    for piece in pieces.finditer(text, start, end):
        if piece.lastgroup == "blank":
            continue
        index = piece.start()
        if wanted == 0:
            break
        wanted -= 1
    return index
