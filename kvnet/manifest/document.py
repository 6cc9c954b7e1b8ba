"""A source becomes documents: plain data, each with an origin that finds its fields in the text again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, cast

import yaml
from attrs import frozen

from kvnet.errors import FieldPath, Place, Problem, Rejected
from kvnet.manifest.diagnose import json_problems, node_problems, source_index, syntax_problem
from kvnet.manifest.json import is_json, looks_quoted, parse_json
from kvnet.manifest.problems import UNKNOWN_FIELD, UNSUPPORTED_YAML, Misfit, problem_of
from kvnet.manifest.text import Source, Text, TextSource, read_text
from kvnet.manifest.yaml import Unfit, compose_all, construct, node_key, sound_nodes

__all__ = ["Document", "TextOrigin", "documents", "sound_documents"]

_AFTER_JSON = ("---", "...", "#")
"""What makes YAML of a text that begins as JSON."""
_SEVERAL = "put several objects into a List, or a line of --- between them"


@frozen(slots=False)
class TextOrigin:
    """Finds the fields of one document in its text, which is parsed again only when a place is asked for.

    ``document`` counts the documents of the text from 0. ``prefix`` leads from the root of the document to the object
    (into the items of a List). A ``bare`` VMI spec is the object that its paths call ``spec``.
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

    def inside(self, path: FieldPath, offset: int) -> Place:
        """The position of one character of a scalar's value."""
        node, _ = self._find(path)
        if not isinstance(node, yaml.ScalarNode):
            return self.place(path)
        return self.text.place(source_index(self.text.text, node, offset), self.document)

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
        roots = _roots(self.text.text)
        return roots[self.document] if self.document < len(roots) else None


@lru_cache(maxsize=1)
def _roots(text: str) -> tuple[yaml.Node, ...]:
    """The nodes of one text are remembered: its places are asked for in a row."""
    return sound_nodes(text)


def _step(node: yaml.Node | None, part: str | int) -> tuple[yaml.Node | None, yaml.Node] | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return None, node.value[part]
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if _names(key, part)), None)
    return None


def _names(key: yaml.Node, part: str | int) -> bool:
    """Whether a key is the one of a path, where numbers and booleans have become text."""
    try:
        return bool(node_key(key) == part)
    except Unfit:
        return False


@frozen(slots=False)
class Document:
    """One document: its plain ``data``, and its ``origin``, which is ``None`` where it was not read from text."""

    data: Any
    origin: TextOrigin | None = None

    def problems(self, misfit: Misfit) -> list[Problem]:
        """What keeps the data from being read, as problems with their places."""
        origin = self.origin
        if origin is None:
            return [problem_of(flaw) for flaw in misfit.flaws]
        found = []
        for flaw in misfit.flaws:
            problem = problem_of(flaw, origin.scalar)
            if flaw.offset is not None:
                found.append(problem.placed(origin.inside(problem.at, flaw.offset)))
            else:
                found.append(problem.placed(origin.place(problem.at, key=flaw.code == UNKNOWN_FIELD)))
        return found


def documents(source: Source | Text) -> tuple[Document, ...]:
    """Every document of a source, the items of Lists as documents of their own; empty ones are skipped.

    Raises Rejected with everything that is wrong with the text.
    """
    found, problems = sound_documents(source)
    if problems:
        raise Rejected(problems)
    return tuple(found)


def sound_documents(source: Source | Text) -> tuple[list[Document], list[Problem]]:
    """The documents of a source that can be read, and what is wrong with the others.

    Raises Rejected where no text can be read at all, and TypeError for what is not a source.
    """
    if isinstance(source, Mapping):
        return list(_items(source, None)), []
    if isinstance(source, list | tuple):
        return [item for each in source for item in _items(each, None)], []
    text = source if isinstance(source, Text) else read_text(cast(TextSource, source))
    if is_json(text.text):
        try:
            return list(_items(parse_json(text.text), TextOrigin(text))), []
        except json.JSONDecodeError as error:
            is_stream = error.msg == "Extra data" and text.text.startswith(_AFTER_JSON, error.pos)
            if looks_quoted(text.text) and not is_stream:
                hint = _SEVERAL if error.msg == "Extra data" else ""
                return [], [text.unreadable(error.pos, f"not JSON: {error.msg}", hint)]
        except Unfit:
            return [], list(json_problems(text))
    return _yaml(text)


def _yaml(text: Text) -> tuple[list[Document], list[Problem]]:
    found: list[Document] = []
    problems: list[Problem] = []
    document = 0
    try:
        for node in compose_all(text.text):
            read = _constructed(node, text, document, problems)
            found += _items(read, TextOrigin(text, document)) if read is not None else ()
            document += 1
    except (yaml.YAMLError, UnicodeError) as error:
        problems.append(syntax_problem(error, text, document))
    return found, problems


def _constructed(node: yaml.Node, text: Text, document: int, problems: list[Problem]) -> Any:
    # An alias may stand for very much, or for itself: then look before building
    if "*" in text.text:
        flaws = node_problems(node, text, document)
        problems += flaws
        if flaws:
            return None
    try:
        return construct(node)
    except Unfit:
        flaws = node_problems(node, text, document)
        told = "this document cannot be read"
        problems += flaws or (Problem(FieldPath(), UNSUPPORTED_YAML, told, place=text.place(0)),)
        return None


def _items(data: Any, origin: TextOrigin | None) -> Iterator[Document]:
    is_mapping = type(data) is dict or isinstance(data, Mapping)
    kind = data.get("kind") if is_mapping else None
    if isinstance(kind, str) and kind.endswith("List") and isinstance(data.get("items"), list):
        for n, each in enumerate(data["items"]):
            item = _with_kind(each, kind.removesuffix("List"))
            inner = TextOrigin(origin.text, origin.document, (*origin.prefix, "items", n)) if origin else None
            yield from _items(item, inner)
    elif data is not None:
        bare = is_mapping and "kind" not in data and "apiVersion" not in data
        if origin is not None and bare:
            origin = TextOrigin(origin.text, origin.document, origin.prefix, bare)
        yield Document(data, origin)


def _with_kind(item: Any, kind: str) -> Any:
    """An item of a typed list (a VirtualMachineList, say) need not repeat its kind."""
    is_silent = isinstance(item, Mapping) and "kind" not in item and bool(kind)
    return {"kind": kind, **item} if is_silent else item
