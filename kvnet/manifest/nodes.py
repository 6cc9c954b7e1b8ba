"""YAML text becomes nodes: PyYAML's parser, with a bound on nesting and without YAML 1.1's scalars."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import yaml
from yaml.error import Mark

from kvnet.errors import FieldPath, Problem
from kvnet.manifest.codes import UNREADABLE, UNSUPPORTED_YAML
from kvnet.manifest.text import Text

if TYPE_CHECKING:
    from yaml import SafeLoader as _Parser
else:
    _Parser = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

__all__ = [
    "DEEPEST",
    "MAPPING",
    "PLAIN",
    "QUOTED",
    "SEQUENCE",
    "compose_all",
    "sound_nodes",
    "syntax_problem",
]

PLAIN: Final[Any] = 0
QUOTED: Final[Any] = 1
MAPPING: Final[Any] = 2
SEQUENCE: Final[Any] = 3
"""The tags of nodes that have none in the text. They are numbers, for an explicit tag is text."""

DEEPEST: Final = 128
"""Levels of nesting that are read. libyaml's composer is recursive C, and crashes on very many."""

_FLAT_BRACKETS = 60
_INDENTED = re.compile(r"\n[ \t?:-]{32}")
_UNPRINTABLE = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class _TooDeep(yaml.MarkedYAMLError):
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
            raise _TooDeep(problem=f"nested deeper than {DEEPEST} levels", problem_mark=current_node.start_mark)

    def ascend_resolver(self) -> None:
        self._depth -= 1


def compose_all(text: str) -> Iterator[yaml.Node]:
    """The root nodes of a YAML stream, those of empty documents too.

    Raises yaml.YAMLError or UnicodeError; ``syntax_problem`` tells what of.
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
    blank = re.sub(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}", r"\\u0020", _UNPRINTABLE.sub(" ", text))
    found = []
    try:
        for node in compose_all(blank):
            found.append(node)
    except yaml.YAMLError:
        pass
    return tuple(found)


def syntax_problem(error: Exception, text: Text, document: int) -> Problem:
    """What PyYAML complained of in a document, with its place."""
    if isinstance(error, _TooDeep):
        place = text.place(_index(error.problem_mark), document)
        return Problem(FieldPath(), UNSUPPORTED_YAML, f"the document is {error.problem}", place=place)
    bad = _UNPRINTABLE.search(text.text)
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


def _index(mark: Mark | None) -> int:
    return mark.index if mark else 0


def _is_shallow(text: str) -> bool:
    """Whether nesting beyond the bound is impossible.

    A flow level takes a bracket, and a block level a column at its line's start, which it can share
    with one more (a list that is not indented under its key).
    """
    brackets = text.count("{") - text.count("{}") + text.count("[") - text.count("[]")
    one_break = text.isascii() and "\r" not in text
    return brackets < _FLAT_BRACKETS and one_break and not _INDENTED.search("\n" + text)
