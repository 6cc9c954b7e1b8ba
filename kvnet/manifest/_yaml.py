"""YAML text becomes plain data as Kubernetes reads it: PyYAML's parser, with Go's scalars and a bound on nesting.

Base 60 and timestamps stay text, octal numbers may be written ``0123`` or ``0o123``, and keys are always text.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from functools import lru_cache
from math import isfinite
from types import NoneType
from typing import TYPE_CHECKING, Any, Final

import yaml
from attrs import evolve
from yaml import MappingNode, ScalarNode, SequenceNode

from kvnet.manifest._problems import (
    DUPLICATE,
    MOST_TOLD,
    UNREADABLE,
    UNSUPPORTED_YAML,
    WRONG_TYPE,
    Flaw,
    Misfit,
    collected,
)

if TYPE_CHECKING:
    from yaml import SafeLoader as _Parser
else:
    _Parser = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

DEEPEST: Final = 128
"""Levels of nesting that are read and written. libyaml's composer is recursive C, and crashes on very many."""
TOO_DEEP: Final = f"nested deeper than {DEEPEST} levels"
LARGEST: Final = 1_000_000
"""Values that a document may have once its aliases are written out."""
MERGE: Final[Any] = object()
"""Stands for the key ``<<``."""

Scalar = str | int | float | bool | None


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
_NOT_FINITE = re.compile(r"[+-]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_INT = re.compile(r"([+-]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))", re.ASCII)
_FLOAT = re.compile(r"[+-]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][+-]?[0-9]+)?", re.ASCII)
_BASES = (16, 2, 8, 10)
LONGEST_NUMBER: Final = 400
"""Digits of a number; longer ones are text."""


@lru_cache(maxsize=1024)
def plain(text: str) -> Scalar:
    """The value of an unquoted scalar.

    Raises ValueError for infinity and NaN, which JSON and so Kubernetes cannot carry.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _FIRST_OF_NUMBER:
        return text
    if _NOT_FINITE.fullmatch(text):
        raise ValueError(text)
    digits = text if text[0] == "." else text.replace("_", "")
    if len(digits) > LONGEST_NUMBER:
        return text
    match = _INT.fullmatch(digits)
    if match:
        sign, *numerals = match.groups()
        value = next(int(each, base) for each, base in zip(numerals, _BASES, strict=True) if each)
        return -value if sign == "-" else value
    number = float(digits) if _FLOAT.fullmatch(digits) else None
    return text if number is None or not isfinite(number) else number


_CORE = "tag:yaml.org,2002:"
_PLAIN = ""
_TEXT, _MAPPING, _SEQUENCE, _FLOATING = f"{_CORE}str", f"{_CORE}map", f"{_CORE}seq", f"{_CORE}float"
_NUMBER = "a number that JSON can carry"
_TYPES: Mapping[str, tuple[tuple[type, ...], str]] = {
    _FLOATING: ((int, float), _NUMBER),
    f"{_CORE}int": ((int,), "a whole number"),
    f"{_CORE}bool": ((bool,), "true or false"),
    f"{_CORE}null": ((NoneType,), "null"),
}
"""The types that a scalar's tag allows, and what to call them."""


class NestingError(yaml.MarkedYAMLError):
    """Raised while composing, at the node that lies too deep."""


class _Composer(_Parser):
    """Composes nodes, tags plain scalars as such, and leaves their meaning to ``construct``."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        if kind is ScalarNode:
            return _PLAIN if implicit[0] else _TEXT
        return _MAPPING if kind is MappingNode else _SEQUENCE

    def descend_resolver(self, current_node: Any, current_index: Any) -> None:
        pass

    def ascend_resolver(self) -> None:
        pass


class _BoundedComposer(_Composer):
    """Composes nodes and counts how deep they are nested, which costs 6 % of YAML to XML."""

    _depth = 0

    def descend_resolver(self, current_node: Any, current_index: Any) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise NestingError(problem=TOO_DEEP, problem_mark=current_node.start_mark)

    def ascend_resolver(self) -> None:
        self._depth -= 1


_INDENTED = re.compile(r"\n[ \t?:-]{32}")


def compose_all(text: str) -> Iterator[yaml.Node]:
    """The root nodes of a YAML stream, those of empty documents too.

    Raises yaml.YAMLError or UnicodeError, which ``syntax_flaw`` explains.
    """
    # a flow level takes a bracket, and a block level a column of the indentation, which it can share with one more
    brackets = text.count("{") + text.count("[") - text.count("{}") - text.count("[]")
    is_shallow = brackets < 60 and text.isascii() and "\r" not in text and not _INDENTED.search("\n" + text)
    composer = (_Composer if is_shallow else _BoundedComposer)(text)
    try:
        while composer.check_node():
            node = composer.get_node()
            if node is not None:
                yield node
    finally:
        composer.dispose()


_SYNTAX_HINTS = {
    "mapping values are not allowed": "quote a value that holds a colon; indent a key like its neighbours",
    "did not find expected key": "indent a key like its neighbours; quote a value that goes on after its closing quote",
    "did not find expected '-'": "begin each entry of the list with `- `, or indent it like its neighbours",
    "did not find expected ',' or": "close the bracket, and put commas between entries",
    "did not find expected node content": "close the bracket",
    "found unexpected end of stream": "close the quotes",
    "found character that cannot start": "quote the value",
    "found undefined alias": "quote the value, or define the anchor before",
}
"""What to write instead, by the beginning of what libyaml says."""
_UNPRINTABLE = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


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


def syntax_flaw(error: Exception, text: str) -> Flaw:
    """What PyYAML complained of in a text, with its place."""
    bad = _UNPRINTABLE.search(text)
    if isinstance(error, (yaml.reader.ReaderError, UnicodeError)) and bad:
        message = f"the character U+{ord(bad.group()):04X} is not allowed in YAML"
        return Flaw(code=UNREADABLE, message=message, hint="escape it inside double quotes", offset=bad.start())
    if not isinstance(error, yaml.MarkedYAMLError):
        return Flaw(code=UNREADABLE, message=f"not YAML: {error}", offset=0)
    mark = error.problem_mark or error.context_mark
    offset = mark.index if mark else 0
    if isinstance(error, NestingError):
        return Flaw(code=UNSUPPORTED_YAML, message=f"the document is {error.problem}", offset=offset)
    code = UNSUPPORTED_YAML if isinstance(error, yaml.composer.ComposerError) else UNREADABLE
    message = "not YAML: " + ", ".join(part for part in (error.context, error.problem) if part)
    return Flaw(
        code=code, message=message, hint=_syntax_hint(str(error.problem), text[offset : offset + 1]), offset=offset
    )


def _syntax_hint(problem: str, found: str) -> str:
    """What to write instead of what the parser of YAML found; empty where it may be anything."""
    if found == "\t":
        return "indent with spaces, not tabs"
    return next((hint for beginning, hint in _SYNTAX_HINTS.items() if problem.startswith(beginning)), "")


class Aliases:
    """Bounds what the aliases of all documents of a text stand for together."""

    def __init__(self) -> None:
        self._added = 0

    def check(self, root: yaml.Node) -> None:
        """Raise Misfit where an alias names a node around it, or aliases stand for too much."""
        known: dict[yaml.Node, tuple[int, int] | None] = {}
        size, height = _extent(root, known)
        written = sum(1 + sum(isinstance(each, ScalarNode) for each in _inner(node)) for node in known)
        self._added += size - written
        if max(size, self._added) > LARGEST:
            raise _misfit(root, f"its aliases stand for over {LARGEST:,} values")
        if height > DEEPEST:
            raise _misfit(root, f"its aliases nest deeper than {DEEPEST} levels")


def document_data(root: yaml.Node, *, aliases: Aliases | None = None) -> Any:
    """The data of a document; anchored nodes are built anew wherever an alias names them.

    ``aliases`` bounds them where there are any. Raises Misfit with every flaw, each with its ``offset`` in the text.
    Paths are those of the object: ``items[i]`` of a List is left out, ``spec`` of a bare spec put in.
    """
    try:
        if aliases is not None:
            aliases.check(root)
        try:
            return _usual(root)
        except ValueError:
            return construct(root)
    except Misfit as misfit:
        scalars = [key for key, _ in root.value] if isinstance(root, MappingNode) else []
        keys = {key.value for key in scalars if isinstance(key, ScalarNode)}
        raise Misfit(*of_object(misfit.flaws, keys)) from None


def of_object(flaws: Iterable[Flaw], keys: Container[str | int]) -> Iterator[Flaw]:
    """Flaws of a document with the given keys, with the paths of its object: without ``items[i]``, below ``spec``."""
    has_domain, has_kind = ("domain" in keys or "networks" in keys), ("kind" in keys or "apiVersion" in keys)
    around = ("spec",) if has_domain and not has_kind else ()
    for flaw in flaws:
        is_item = flaw.path[:1] == ("items",) and len(flaw.path) > 1
        yield evolve(flaw, path=(*around, *(flaw.path[2:] if is_item else flaw.path)))


def identity(root: yaml.Node, kinds: Container[str]) -> Any:
    """What tells which object a document is: its text for kind and API version, and its other keys without values.

    The document may have flaws. Of several kinds it is one of ``kinds``, alone: the line between two documents may be
    missing. What is no mapping is ``None``.
    """
    if not isinstance(root, MappingNode):
        return None
    data: dict[str, Any] = {}
    said = []
    for key, value in root.value:
        if isinstance(key, ScalarNode):
            is_said = key.value in ("kind", "apiVersion") and isinstance(value, ScalarNode)
            said += [value.value] if is_said and key.value == "kind" else []
            data.setdefault(key.value, value.value if is_said else {} if key.value == "domain" else None)
    own = [each for each in said if each in kinds]
    return {"kind": own[0]} if own and len(said) > 1 else data


def _inner(node: yaml.Node) -> list[yaml.Node]:
    """The nodes in a mapping or a list, keys too."""
    if isinstance(node, MappingNode):
        return [each for pair in node.value for each in pair]
    return node.value if isinstance(node, SequenceNode) else []


def _extent(node: yaml.Node, known: dict[yaml.Node, tuple[int, int] | None]) -> tuple[int, int]:
    """The number of values and levels of a node; it is known as ``None`` while its inner nodes are counted."""
    if isinstance(node, ScalarNode):
        return 1, 0
    if node in known:
        extent = known[node]
        if extent is None:
            raise _misfit(node, "an alias stands for a value that holds the alias itself")
        return extent
    known[node] = None
    inner: list[tuple[Any, yaml.Node]] = [*enumerate(node.value)]
    if isinstance(node, MappingNode):
        inner = [(step, each) for key, value in node.value for step, each in ((key.value, key), (key.value, value))]
    extents = collected(lambda each: _extent(each, known), inner)
    known[node] = extent = 1 + sum(size for size, _ in extents), 1 + max((height for _, height in extents), default=0)
    return extent


def _usual(node: Any) -> Any:
    """What ``construct`` gives for a node without tags, merged mappings, odd keys and flaws; ValueError for others.

    It saves 5 % of YAML to XML. Tags are compared by identity, for those that were written are other objects.
    """
    tag = node.tag
    if tag is _MAPPING:
        data = {}
        for key, value in node.value:
            tag = value.tag
            data[_plain_key(key.value) if key.tag is _PLAIN else _quoted(key)] = (
                plain(value.value) if tag is _PLAIN else value.value if tag is _TEXT else _usual(value)
            )
        if len(data) != len(node.value):
            raise ValueError
        return data
    if tag is _SEQUENCE:
        return [_usual(each) for each in node.value]
    if tag is _PLAIN:
        return plain(node.value)
    return _quoted(node)


@lru_cache(maxsize=1024)
def _plain_key(text: str) -> str:
    if text in _WORDS or text[0] in _FIRST_OF_NUMBER or text == "<<":
        raise ValueError
    return text


def _quoted(node: yaml.Node) -> str:
    if node.tag is not _TEXT:
        raise ValueError
    return str(node.value)


def construct(node: yaml.Node) -> Any:
    """The data of a node that does not contain itself. Raises Misfit with every flaw."""
    tag = node.tag
    if isinstance(node, ScalarNode):
        return node.value if tag == _TEXT else _scalar(node)
    if tag == _MAPPING and isinstance(node, MappingNode):
        return _mapping(node)
    if tag == _SEQUENCE and isinstance(node, SequenceNode):
        return collected(construct, enumerate(node.value))
    raise _unknown_tag(node)


def _scalar(node: ScalarNode) -> Scalar:
    """The value of a scalar, whose tag may say its type."""
    text: str = node.value
    try:
        if node.tag == _PLAIN:
            return plain(text)
        if node.tag in (_TEXT, f"{_CORE}timestamp"):
            return text
        types, wanted = _TYPES[node.tag]
        value = plain(text)
        if type(value) in types:
            return float(value) if node.tag == _FLOATING else value  # type: ignore[arg-type]
    except KeyError:
        raise _unknown_tag(node) from None
    except (ValueError, OverflowError):
        wanted = _NUMBER
    raise _misfit(node, f"'{text}' is not {wanted}", WRONG_TYPE)


def _mapping(node: MappingNode) -> dict[str, Any]:
    """A mapping with what its ``<<`` brings in: own keys win, then the earlier of several mappings."""
    data: dict[Any, Any] = {}
    flaws: list[Flaw] = []
    first: dict[Any, yaml.Node] = {}
    for key, value in node.value:
        if len(flaws) > MOST_TOLD:
            break
        try:
            name = node_key(key)
        except Misfit as misfit:
            flaws += misfit.flaws
            continue
        if first.setdefault(name, key) is not key:
            flaws.append(_given_twice(first[name], key, name))
        data[name] = None
        try:
            data[name] = _merge_sources(value) if name is MERGE else construct(value)
        except Misfit as misfit:
            flaws += misfit.flaws if name is MERGE else misfit.under(name)
    if flaws:
        raise Misfit(*flaws)
    for source in data.pop(MERGE, ()):
        data |= {name: value for name, value in source.items() if name not in data}
    return data


def node_key(key: yaml.Node) -> Any:
    """The text of a key, or ``MERGE``: JSON has text alone for keys, so numbers and booleans become it.

    Raises Misfit for a mapping, a list or null.
    """
    value = _scalar(key) if isinstance(key, ScalarNode) else None
    if type(value) is str:
        return MERGE if value == "<<" and key.tag == _PLAIN else value
    if value is None:
        raise _misfit(key, "a key has to be text", WRONG_TYPE)
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _merge_sources(value: yaml.Node) -> list[dict[str, Any]]:
    sources = value.value if isinstance(value, SequenceNode) else [value]
    for source in sources:
        if not isinstance(source, MappingNode):
            raise _misfit(source, "'<<' merges mappings, and this is not a mapping", WRONG_TYPE)
    return [construct(source) for source in sources]


def is_key(key: yaml.Node, name: Any) -> bool:
    """Whether a key is the one of a path, where numbers and booleans have become text."""
    try:
        return bool(node_key(key) == name)
    except Misfit:
        return False


def _given_twice(earlier: yaml.Node, key: yaml.Node, name: Any) -> Flaw:
    first = earlier.start_mark
    spelling = "<<" if name is MERGE else name
    message = f"'{spelling}' is given twice, first in line {first.line + 1}, column {first.column + 1}"
    return Flaw(code=DUPLICATE, path=(spelling,), message=message, offset=key.start_mark.index)


def _unknown_tag(node: yaml.Node) -> Misfit:
    return _misfit(node, f"the tag '{node.tag.replace(_CORE, '!!')}' is not one that a manifest can have")


def _misfit(node: yaml.Node, message: str, code: str = UNSUPPORTED_YAML) -> Misfit:
    return Misfit(Flaw(code=code, message=message, offset=node.start_mark.index))
