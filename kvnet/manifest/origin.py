"""Places: a document remembers its text, and finds its fields there when somebody asks."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import yaml
from attrs import field, frozen

from kvnet.errors import FieldPath, Place
from kvnet.manifest.construct import node_key
from kvnet.manifest.nodes import compose_safely
from kvnet.manifest.scalars import MERGE, Unfit
from kvnet.manifest.text import Text

__all__ = ["TextOrigin"]


@frozen(kw_only=True)
class TextOrigin:
    """The text that an object was read from. It is parsed anew for places, so that loading need not keep them.

    ``document`` counts the documents of the stream from 0; ``prefix`` leads to the object inside of
    its document, as ``("items", 2)`` in a List; ``implied`` are leading parts of paths that the text
    leaves out, as ``spec`` for a bare spec.
    """

    text: Text = field(repr=False)
    document: int = 0
    prefix: tuple[str | int, ...] = ()
    implied: tuple[str | int, ...] = ()

    def place(self, path: FieldPath, *, key: bool = False) -> Place:
        """The position of the field's value, or of its key, or of the nearest enclosing one written."""
        index = 0
        for key_node, node in self._walk(path):
            chosen = key_node if key and key_node is not None else node
            index = chosen.start_mark.index
        return self.text.place(index, self.document)

    def spelling(self, path: FieldPath) -> str | None:
        """The scalar as it was written, or ``None`` where the field is no unquoted scalar of the text."""
        steps = list(self._walk(path))
        if len(steps) <= len(self._parts(path)):
            return None
        node = steps[-1][1]
        return str(node.value) if isinstance(node, yaml.ScalarNode) and not node.style else None

    def _parts(self, path: FieldPath) -> tuple[str | int, ...]:
        parts, implied = path.parts, self.implied
        known = parts[: len(implied)] == implied
        return self.prefix + (parts[len(implied) :] if known else () if implied else parts)

    def _walk(self, path: FieldPath) -> Iterator[tuple[yaml.Node | None, yaml.Node]]:
        """The nodes from the root towards the field, as far as they are written, each with its key."""
        node = _root(self.text.text)
        if node is None:
            return
        yield None, node
        for part in self._parts(path):
            found = _item(node, part) if isinstance(part, int) else _member(node, part)
            if found is None:
                return
            yield found
            node = found[1]


@lru_cache(maxsize=1)
def _root(text: str) -> yaml.Node | None:
    """One document's nodes: problems come in flocks, so the last text's are kept."""
    return compose_safely(text)


def _item(node: yaml.Node, index: int) -> tuple[None, yaml.Node] | None:
    if not isinstance(node, yaml.SequenceNode) or index >= len(node.value):
        return None
    return None, node.value[index]


def _member(node: yaml.Node, name: str) -> tuple[yaml.Node, yaml.Node] | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    sources: list[yaml.Node] = []
    for key, value in node.value:
        spelled = _key(key)
        if spelled == name:
            return key, value
        if spelled is MERGE:
            sources += value.value if isinstance(value, yaml.SequenceNode) else [value]
    return next((found for found in (_member(source, name) for source in sources) if found), None)


def _key(key: yaml.Node) -> object:
    try:
        return node_key(key)
    except Unfit:
        return None
