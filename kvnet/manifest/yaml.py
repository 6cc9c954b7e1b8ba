"""YAML text becomes plain data as Kubernetes reads it: PyYAML's parser, with Go's scalars and a bound on nesting.

Base 60 and timestamps stay text, octal numbers may be written ``0123`` or ``0o123``, and keys are always text. What
cannot be read raises Unfit, and ``diagnose`` then finds every reason with its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from yaml import SafeLoader as _Parser
else:
    _Parser = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

__all__ = [
    "DEEPEST",
    "MAPPING",
    "MERGE",
    "SEQUENCE",
    "UNPRINTABLE",
    "Scalar",
    "TooDeep",
    "Unfit",
    "compose_all",
    "construct",
    "key_text",
    "node_key",
    "plain",
    "scalar",
    "sound_nodes",
]

Scalar = str | int | float | bool | None

MERGE: Final[Any] = object()
"""Stands for the key ``<<``."""


class Unfit(Exception):
    """The quick way through the data met something to complain about."""


def _spellings(*words: str) -> list[str]:
    return [spelling for word in words for spelling in (word, word.title(), word.upper())]


_WORDS: Mapping[str, bool | None] = {
    "": None,
    "~": None,
    **dict.fromkeys(_spellings("null"), None),
    **dict.fromkeys(_spellings("true", "yes", "on", "y"), True),
    **dict.fromkeys(_spellings("false", "no", "off", "n"), False),
}
_FIRST_OF_NUMBER = frozenset("+-.0123456789")
_NOT_FINITE = frozenset(sign + word for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")) | frozenset(
    (".nan", ".NaN", ".NAN")
)
_INT = re.compile(r"([+-]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))", re.ASCII)
_FLOAT = re.compile(r"[+-]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][+-]?[0-9]+)?", re.ASCII)
_BASES = (16, 2, 8, 10)
_LONGEST_NUMBER = 400


@lru_cache(maxsize=1024)
def plain(text: str) -> Scalar:
    """The value of an unquoted scalar.

    Raises Unfit for infinity and NaN, which JSON and so Kubernetes cannot carry.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _FIRST_OF_NUMBER:
        return text
    if text in _NOT_FINITE:
        raise Unfit(text)
    return _number(text)


def _number(text: str) -> Scalar:
    digits = text if text[0] == "." else text.replace("_", "")
    if len(digits) > _LONGEST_NUMBER:
        return text
    match = _INT.fullmatch(digits)
    if match:
        sign, *numerals = match.groups()
        value = next(int(each, base) for each, base in zip(numerals, _BASES, strict=True) if each)
        return -value if sign == "-" else value
    if _FLOAT.fullmatch(digits):
        number = float(digits)
        return number if isfinite(number) else text
    return text


@lru_cache(maxsize=1024)
def key_text(text: str) -> Any:
    """The key that an unquoted scalar is: JSON has text alone for keys, so numbers and booleans become it.

    The merge key becomes ``MERGE``. Raises Unfit for null.
    """
    if text == "<<":
        return MERGE
    value = plain(text)
    if value is None:
        raise Unfit(text)
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value)


PLAIN: Final[Any] = 0
QUOTED: Final[Any] = 1
MAPPING: Final[Any] = 2
SEQUENCE: Final[Any] = 3
"""The tags of nodes that have none in the text. They are numbers, for an explicit tag is text."""

DEEPEST: Final = 128
"""Levels of nesting that are read. libyaml's composer is recursive C, and crashes on very many."""

_FLAT_BRACKETS = 60
_INDENTED = re.compile(r"\n[ \t?:-]{32}")
UNPRINTABLE = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class TooDeep(yaml.MarkedYAMLError):
    """Raised while composing, at the node that lies too deep."""


class _Composer(_Parser):
    """Composes nodes, tags the plain scalars as such and leaves their meaning to the constructor."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        if kind is yaml.ScalarNode:
            return PLAIN if implicit[0] else QUOTED
        return MAPPING if kind is yaml.MappingNode else SEQUENCE

    def descend_resolver(self, current_node: Any, current_index: Any) -> None:
        pass

    def ascend_resolver(self) -> None:
        pass


class _BoundedComposer(_Composer):
    """Composes nodes and counts how deep they are nested, which costs a fifth more time."""

    _depth = 0

    def descend_resolver(self, current_node: Any, current_index: Any) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise TooDeep(problem=f"nested deeper than {DEEPEST} levels", problem_mark=current_node.start_mark)

    def ascend_resolver(self) -> None:
        self._depth -= 1


def compose_all(text: str) -> Iterator[yaml.Node]:
    """The root nodes of a YAML stream, those of empty documents too.

    Raises yaml.YAMLError or UnicodeError.
    """
    composer = (_Composer if _is_shallow(text) else _BoundedComposer)(text)
    try:
        while composer.check_node():
            node = composer.get_node()
            if node is not None:
                yield node
    finally:
        composer.dispose()


def sound_nodes(text: str) -> tuple[yaml.Node, ...]:
    """The root nodes of a stream's documents, as far as it can be read.

    JSON may escape or hold characters that YAML refuses, which are blanked; their number stays.
    """
    blank = re.sub(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}", r"\\u0020", UNPRINTABLE.sub(" ", text))
    found = []
    try:
        for node in compose_all(blank):
            found.append(node)
    except yaml.YAMLError:
        pass
    return tuple(found)


def _is_shallow(text: str) -> bool:
    """Whether nesting beyond the bound is impossible.

    A flow level takes a bracket, and a block level a column at its line's start, which it can share
    with one more (a list that is not indented under its key).
    """
    brackets = text.count("{") - text.count("{}") + text.count("[") - text.count("[]")
    one_break = text.isascii() and "\r" not in text
    return brackets < _FLAT_BRACKETS and one_break and not _INDENTED.search("\n" + text)


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
