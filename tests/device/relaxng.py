"""RELAX NG in its XML syntax, as a small algebra of patterns; an element's content is read when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from attrs import field, frozen
from lxml import etree

__all__ = [
    "EMPTY",
    "NOT_ALLOWED",
    "Attribute",
    "Both",
    "Choice",
    "Data",
    "Element",
    "Grammar",
    "Named",
    "Pattern",
    "Repeat",
    "Text",
    "Value",
    "both",
    "choice",
    "repeat",
]

_RNG = "{http://relaxng.org/ns/structure/1.0}"


@frozen
class Named:
    """``<empty>`` and ``<notAllowed>``, of which there is one each."""

    name: str


@frozen
class Text:
    """Any text."""

    def __str__(self) -> str:
        return "text"


@frozen
class Value:
    """One word."""

    text: str

    def __str__(self) -> str:
        return f"'{self.text}'"


@frozen
class Data:
    """A datatype of XML Schema and its facets, in the order of the schema; ``but`` names what is excepted."""

    type: str
    facets: tuple[tuple[str, str], ...] = ()
    but: tuple[str, ...] = ()

    def __str__(self) -> str:
        facets = [f"{name}={value}" for name, value in self.facets] + [f"not '{word}'" for word in self.but]
        return f"{self.type}{{{'; '.join(facets)}}}" if facets else self.type


@frozen
class Attribute:
    name: str
    content: Pattern


@frozen
class Element:
    """An element; ``Grammar.content`` reads what is inside. The same place in a schema is the same element."""

    name: str
    node: etree._Element = field(repr=False)


@frozen
class Repeat:
    """One or more."""

    content: Pattern


@frozen
class Choice:
    parts: tuple[Pattern, ...]


@frozen
class Both:
    """Two or more patterns that are all there: in this order (a group), or ``in_any_order`` (an interleave)."""

    parts: tuple[Pattern, ...]
    in_any_order: bool


Pattern = Named | Text | Value | Data | Attribute | Element | Repeat | Choice | Both

EMPTY = Named("empty")
NOT_ALLOWED = Named("notAllowed")


def choice(parts: Iterable[Pattern]) -> Pattern:
    """One of the patterns, those left out that can never match."""
    flat = (inner for part in parts for inner in (part.parts if isinstance(part, Choice) else (part,)))
    possible = tuple(dict.fromkeys(part for part in flat if part != NOT_ALLOWED))
    if not possible:
        return NOT_ALLOWED
    return possible[0] if len(possible) == 1 else Choice(possible)


def both(parts: Iterable[Pattern], *, in_any_order: bool) -> Pattern:
    """All of the patterns; nothing matches if one of them never does."""
    needed = tuple(part for part in parts if part != EMPTY)
    if NOT_ALLOWED in needed:
        return NOT_ALLOWED
    if not needed:
        return EMPTY
    return needed[0] if len(needed) == 1 else Both(needed, in_any_order)


def repeat(content: Pattern) -> Pattern:
    return content if content in (EMPTY, NOT_ALLOWED) else Repeat(content)


@frozen
class Grammar:
    """The definitions of a schema with all that it includes, by name; each with the way it combines."""

    defines: Mapping[str, tuple[etree._Element, ...]]

    @classmethod
    def load(cls, path: Path) -> Grammar:
        """Read a schema and its includes.

        Raises ValueError where it uses what is not understood here, and OSError where a file is missing.
        """
        defines: dict[str, list[etree._Element]] = {}
        for node in _defines(path):
            defines.setdefault(_name(node), []).append(node)
        return cls({name: tuple(nodes) for name, nodes in defines.items()})

    @property
    def start(self) -> Pattern:
        """What a whole document is."""
        return self.define("start", ())

    def define(self, name: str, within: tuple[str, ...]) -> Pattern:
        """What a name stands for. ``within`` are the names being expanded, for a name must not need itself."""
        if name in within:
            raise ValueError(f"'{name}' is defined by itself")
        nodes = self.defines.get(name)
        if not nodes:
            raise ValueError(f"'{name}' is not defined")
        ways = [node.get("combine") for node in nodes]
        if ways.count(None) > 1 or len({way for way in ways if way}) > 1:
            raise ValueError(f"'{name}' is defined more than once")
        parts = [self._group(node, (*within, name)) for node in nodes]
        return both(parts, in_any_order=True) if "interleave" in ways else choice(parts)

    def content(self, element: Element) -> Pattern:
        """What is inside an element."""
        return self._group(element.node, ())

    def _group(self, node: etree._Element, within: tuple[str, ...]) -> Pattern:
        return both(self._children(node, within), in_any_order=False)

    def _children(self, node: etree._Element, within: tuple[str, ...]) -> Iterator[Pattern]:
        return (self._pattern(child, within) for child in _inside(node))

    def _pattern(self, node: etree._Element, within: tuple[str, ...]) -> Pattern:
        tag = _tag(node)
        if tag in _LEAF:
            return _LEAF[tag](node)
        if tag in _OF_GROUP:
            return _OF_GROUP[tag](self._group(node, within))
        match tag:
            case "attribute":
                inside = self._group(node, within) if _inside(node) else Text()
                return NOT_ALLOWED if inside == NOT_ALLOWED else choice(Attribute(n, inside) for n in _names(node))
            case "ref":
                return self.define(_name(node), within)
            case "choice":
                return choice(self._children(node, within))
            case "interleave":
                return both(self._children(node, within), in_any_order=True)
            case _:
                raise ValueError(f"<{tag}> at {node.base}:{node.sourceline} is not understood")


def _defines(path: Path, overridden: frozenset[str] = frozenset()) -> Iterator[etree._Element]:
    root = etree.parse(path).getroot()
    yield from _defines_in(root, path, overridden)


def _defines_in(parent: etree._Element, path: Path, overridden: frozenset[str]) -> Iterator[etree._Element]:
    for node in _rng_children(parent):
        match _tag(node):
            case "include":
                own = frozenset(_name(define) for define in _defines_in(node, path, frozenset()))
                yield from _defines(path.parent / node.attrib["href"], overridden | own)
                yield from _defines_in(node, path, overridden)
            case "div":
                yield from _defines_in(node, path, overridden)
            case "start" | "define" if _name(node) not in overridden:
                yield node
            case "start" | "define":
                continue
            case other:
                raise ValueError(f"<{other}> at {path}:{node.sourceline} is not understood")


def _data(node: etree._Element) -> Data:
    children = list(_rng_children(node))
    facets = tuple((child.attrib["name"], child.text or "") for child in children if _tag(child) == "param")
    excepted = (child for child in children if _tag(child) == "except")
    words = tuple(each.text or "" for child in excepted for each in child.iter(f"{_RNG}value"))
    return Data(node.attrib["type"], tuple(dict.fromkeys(facets)), words)


def _inside(node: etree._Element) -> list[etree._Element]:
    """The patterns in a node, without the class of names that an element or attribute may begin with."""
    children = list(_rng_children(node))
    begins_with_names = _tag(node) in ("element", "attribute") and node.get("name") is None
    return children[1:] if begins_with_names else children


def _names(node: etree._Element) -> list[str]:
    """The local names an element or attribute may have; ``*`` is any."""
    name = node.get("name")
    if name is not None:
        return [name.split(":")[-1]]
    words = next(_rng_children(node)).iter(f"{_RNG}name", f"{_RNG}anyName", f"{_RNG}nsName")
    return [(word.text or "").strip().split(":")[-1] if _tag(word) == "name" else "*" for word in words]


def _name(node: etree._Element) -> str:
    return "start" if _tag(node) == "start" else node.attrib["name"]


def _tag(node: etree._Element) -> str:
    return str(node.tag).removeprefix(_RNG)


def _rng_children(node: etree._Element) -> Iterator[etree._Element]:
    return iter(node.iterchildren(f"{_RNG}*"))


_LEAF: Mapping[str, Callable[[etree._Element], Pattern]] = {
    "element": lambda node: choice(Element(name, node) for name in _names(node)),
    "value": lambda node: Value(" ".join((node.text or "").split())),
    "data": _data,
    "text": lambda _: Text(),
    "empty": lambda _: EMPTY,
    "notAllowed": lambda _: NOT_ALLOWED,
}
_OF_GROUP: Mapping[str, Callable[[Pattern], Pattern]] = {
    "group": lambda content: content,
    "optional": lambda content: choice([content, EMPTY]),
    "zeroOrMore": lambda content: choice([repeat(content), EMPTY]),
    "oneOrMore": repeat,
    "mixed": lambda content: both([Text(), content], in_any_order=True),
}
