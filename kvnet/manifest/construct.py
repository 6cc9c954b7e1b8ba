"""Nodes become plain data: dicts with text for keys, lists, text, numbers, booleans and ``None``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import yaml

from kvnet.manifest.nodes import MAPPING, PLAIN, QUOTED, SEQUENCE
from kvnet.manifest.scalars import MERGE, Unfit, key_text, plain

__all__ = ["construct", "merged", "node_key", "scalar"]

_CORE = "tag:yaml.org,2002:"


def construct(node: Any) -> Any:
    """The data of a node; anchored nodes are built anew wherever an alias names them.

    Raises Unfit for what ``review`` then explains: a duplicate or odd key, an unknown tag. A node
    that contains itself must have been refused before.
    """
    tag = node.tag
    if tag is PLAIN:
        return plain(node.value)
    if tag is QUOTED:
        return node.value
    if tag is MAPPING:
        data = {}
        pairs = node.value
        for key, value in pairs:
            tag = value.tag
            data[key_text(key.value) if key.tag is PLAIN else node_key(key)] = (
                plain(value.value) if tag is PLAIN else value.value if tag is QUOTED else construct(value)
            )
        if len(data) != len(pairs):
            raise Unfit
        return merged(node) if MERGE in data else data
    if tag is SEQUENCE:
        return [construct(item) for item in node.value]
    return _tagged(node)


def node_key(key: yaml.Node) -> Any:
    """The text of a key, or ``MERGE``. Raises Unfit for a mapping, a list or null."""
    if not isinstance(key, yaml.ScalarNode):
        raise Unfit
    if key.tag is PLAIN:
        return key_text(key.value)
    value = scalar(key)
    return value if isinstance(value, str) else key_text(key.value)


def merged(node: yaml.MappingNode) -> dict[str, Any]:
    """A mapping with what its ``<<`` brings in: own keys win, then the earlier of several mappings."""
    own = {node_key(key): value for key, value in node.value}
    data = {key: construct(value) for key, value in own.items() if key is not MERGE}
    for source in _merge_sources(own[MERGE]):
        for key, value in construct(source).items():
            data.setdefault(key, value)
    return data


def _merge_sources(value: yaml.Node) -> Iterator[yaml.Node]:
    sources = value.value if isinstance(value, yaml.SequenceNode) else [value]
    for source in sources:
        if not isinstance(source, yaml.MappingNode):
            raise Unfit
        yield source


def _tagged(node: yaml.Node) -> Any:
    """The data of a node with an explicit tag."""
    if isinstance(node, yaml.MappingNode) and node.tag == f"{_CORE}map":
        return construct(yaml.MappingNode(MAPPING, node.value))
    if isinstance(node, yaml.SequenceNode) and node.tag == f"{_CORE}seq":
        return construct(yaml.SequenceNode(SEQUENCE, node.value))
    if isinstance(node, yaml.ScalarNode):
        return scalar(node)
    raise Unfit


def scalar(node: yaml.ScalarNode) -> Any:
    """The value of a scalar, whose tag may say its type. Raises Unfit where text and type disagree."""
    if node.tag is PLAIN:
        return plain(node.value)
    if node.tag is QUOTED:
        return node.value
    kind = node.tag.removeprefix(_CORE) if node.tag.startswith(_CORE) else ""
    if kind not in _TAGGED:
        raise Unfit
    return _TAGGED[kind](node.value)


def _of(*types: type) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        value = plain(text)
        if type(value) not in types:
            raise Unfit
        return value

    return read


def _float(text: str) -> float:
    try:
        return float(_of(int, float)(text))
    except OverflowError as error:
        raise Unfit from error


_TAGGED: dict[str, Callable[[str], Any]] = {
    "str": str,
    "timestamp": str,
    "int": _of(int),
    "float": _float,
    "bool": _of(bool),
    "null": _of(type(None)),
}
