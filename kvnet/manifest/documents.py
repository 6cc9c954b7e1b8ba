"""Sources become documents: plain data, and an origin that finds its fields again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from attrs import frozen

from kvnet.errors import FieldPath, Place, Problem, Rejected
from kvnet.manifest.codes import UNSUPPORTED_YAML
from kvnet.manifest.construct import construct
from kvnet.manifest.json_text import is_json, looks_quoted, odd_value, parse_json
from kvnet.manifest.nodes import compose_all, compose_safely, syntax_problem
from kvnet.manifest.review import review
from kvnet.manifest.scalars import Unfit
from kvnet.manifest.text import Text, read_text

__all__ = ["Document", "TextOrigin", "documents"]


@frozen
class TextOrigin:
    """Finds fields of one document in its text; the text is composed again only when a place is asked for.

    ``prefix`` leads from the root of the document to the object (into the items of a List); a ``bare``
    VMI spec is the object that its paths call ``spec``.
    """

    text: Text
    document: int = 0
    prefix: tuple[str | int, ...] = ()
    bare: bool = False

    def place(self, path: FieldPath, *, key: bool = False) -> Place:
        """The position of a field's value (of its key, if asked), or of the nearest enclosing one written."""
        node, name = self._find(path)
        found = name if key and name is not None else node
        return self.text.place(found.start_mark.index if found is not None else 0, self.document)

    def scalar(self, path: FieldPath) -> str | None:
        """The text of a scalar as it was written, without quotes."""
        node, _ = self._find(path)
        return node.value if isinstance(node, yaml.ScalarNode) else None

    def _find(self, path: FieldPath) -> tuple[yaml.Node | None, yaml.Node | None]:
        node, name = self._root(), None
        parts = path.parts[1:] if self.bare and path.parts[:1] == ("spec",) else path.parts
        for part in (*self.prefix, *parts):
            step = _step(node, part)
            if step is None:
                break
            name, node = step
        return node, name

    def _root(self) -> yaml.Node | None:
        if is_json(self.text.text) and self.document == 0:
            return compose_safely(self.text.text)
        return next((node for n, node in enumerate(compose_all(self.text.text)) if n == self.document), None)


def _step(node: yaml.Node | None, part: str | int) -> tuple[yaml.Node | None, yaml.Node] | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return None, node.value[part]
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == part), None)
    return None


@frozen
class Document:
    """One document: plain data, and where it came from (``None`` where it was no text)."""

    data: Any
    origin: TextOrigin | None = None

    def placed(self, problem: Problem, *, key: bool = False) -> Problem:
        """The problem with its position."""
        return problem.placed(self.origin.place(problem.at, key=key)) if self.origin else problem


def documents(source: Any) -> tuple[Document, ...]:
    """Every document of a source, the items of Lists as documents of their own; empty ones are skipped.

    A source is a path, text, an open file, a mapping or a sequence of mappings. Raises Rejected with
    everything that is wrong with the text.
    """
    if isinstance(source, Mapping):
        return tuple(_items(source, None))
    if isinstance(source, list | tuple):
        return tuple(item for each in source for item in _items(each, None))
    text = read_text(source)
    if is_json(text.text):
        try:
            return tuple(_items(parse_json(text.text), TextOrigin(text)))
        except json.JSONDecodeError as error:
            if looks_quoted(text.text):
                raise Rejected([text.unreadable(error.pos, f"not JSON: {error.msg}")]) from error
        except Unfit:
            raise Rejected(_oddities(text)) from None
    return _yaml(text)


def _oddities(text: Text) -> tuple[Problem, ...]:
    odd = odd_value(text)
    if odd is not None:
        return (odd,)
    root = compose_safely(text.text)
    found = review(root, text, 0) if root is not None else ()
    return found or (text.unreadable(0, "this JSON cannot be read"),)


def _yaml(text: Text) -> tuple[Document, ...]:
    problems: list[Problem] = []
    found: list[Document] = []
    try:
        for n, node in enumerate(compose_all(text.text)):
            read = _constructed(node, text, n, problems)
            found += _items(read, TextOrigin(text, n)) if read is not None else ()
    except (yaml.YAMLError, UnicodeError) as error:
        problems.append(syntax_problem(error, text))
    if problems:
        raise Rejected(problems)
    return tuple(found)


def _constructed(node: yaml.Node, text: Text, document: int, problems: list[Problem]) -> Any:
    # An alias may stand for very much, or for itself: then look before building
    if "*" in text.text:
        flaws = review(node, text, document)
        problems += flaws
        if flaws:
            return None
    try:
        return construct(node)
    except Unfit:
        flaws = review(node, text, document)
        told = "this document cannot be read"
        problems += flaws or (Problem(FieldPath(), UNSUPPORTED_YAML, told, place=text.place(0)),)
        return None


def _items(data: Any, origin: TextOrigin | None) -> Iterator[Document]:
    kind = data.get("kind") if isinstance(data, Mapping) else None
    if isinstance(kind, str) and kind.endswith("List") and isinstance(data.get("items"), list):
        for n, item in enumerate(data["items"]):
            inner = TextOrigin(origin.text, origin.document, (*origin.prefix, "items", n)) if origin else None
            yield from _items(item, inner)
    elif data is not None:
        bare = isinstance(data, Mapping) and "kind" not in data and "apiVersion" not in data
        yield Document(data, TextOrigin(origin.text, origin.document, origin.prefix, bare) if origin else None)
