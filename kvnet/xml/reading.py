"""Read objects from XML, strictly or without loss: tell everything that is wrong, or keep everything that is right."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache, lru_cache
from types import SimpleNamespace
from typing import Any
from xml.parsers import expat

from attrs import define, field, frozen
from lxml import etree

from kvnet._lines import line_and_column
from kvnet.errors import FieldPath, Place, Problem, XmlError
from kvnet.xml.element import constructor, evolve
from kvnet.xml.generate import REFUSALS, read_learnt, reader
from kvnet.xml.parser import parse
from kvnet.xml.schema import Branch, Leaf, Node, RawElement, declaration, plan_of

__all__ = ["Flaw", "class_of", "flaws", "read", "read_leniently", "read_tree"]

_ATTRIBUTE = re.compile(r"\s([^\s=]+)\s*=\s*(?:'[^']*'|\"[^\"]*\")")


def read(text: str | bytes, *classes: type, lossless: bool = False, file: str = "<xml>") -> Any:
    """Read the object that the root element of ``text`` stands for; its class is the one of ``classes`` that fits.

    Strict reading refuses unknown attributes, children and text, a child given twice, values out of their type or
    range, and missing required parts. With ``lossless``, these are left out of the object and stay in its
    ``verbatim`` text, in which ``write`` changes only what was changed in the object. Raises XmlError with line,
    column and path of every problem.
    """
    made = read_learnt(text, classes) if isinstance(text, str) else None
    if made is None:
        made = _plainly(parse(text, file=file, blanks=False), classes)
    if made is None:
        made = _read(parse(text, file=file), classes, text, lossless, file)
    # the text itself and not that of the tree, which has other quotes
    return evolve(made, verbatim=text if isinstance(text, str) else text.decode()) if lossless else made


def read_tree(
    element: etree._Element, *classes: type, text: str | bytes, lossless: bool = False, file: str = "<xml>"
) -> Any:
    """Read the object of one element of a tree that was parsed from ``text``; see ``read``."""
    made = _plainly(element, classes)
    if made is None:
        made = _read(element, classes, text, lossless, file)
    return evolve(made, verbatim=_element_text(element)) if lossless else made


def _plainly(element: etree._Element, classes: tuple[type, ...]) -> Any:
    """The object that the generated reader makes of an element; ``None`` if it refuses."""
    try:
        return _readers(classes)[element.tag](element)
    except REFUSALS:
        return None


def _read(element: etree._Element, classes: tuple[type, ...], text: str | bytes, lossless: bool, file: str) -> Any:
    cls = class_of(element, classes)
    at = FieldPath((str(element.tag),))
    if cls is None:
        message = f"<{element.tag!s}> with these attributes is not one of {', '.join(cls.__name__ for cls in classes)}"
        raise _refusal([Flaw(element, "", at, "KN512", message)], text, file)
    if not lossless and (found := flaws(element, cls, at)):
        raise _refusal(found, text, file)
    made = read_leniently(element, cls)
    if made is None:
        raise _refusal(flaws(element, cls, at), text, file)
    return made


@cache
def _readers(classes: tuple[type, ...]) -> dict[Any, Callable[[etree._Element], Any]]:
    return {declaration(cls).tag: reader(cls) for cls in classes}


def _refusal(found: list[Flaw], text: str | bytes, file: str) -> XmlError:
    where = _places(text, found, file)
    return XmlError(
        Problem(flaw.at, flaw.code, flaw.message, place=place) for flaw, place in zip(found, where, strict=True)
    )


@frozen
class Flaw:
    """What is wrong with an element, or with one of its attributes."""

    element: etree._Element
    attribute: str
    at: FieldPath
    code: str
    message: str


def flaws(element: etree._Element, cls: type, at: FieldPath) -> list[Flaw]:
    """The first hundred flaws of an element that should be one of a class."""
    if _plain(element, cls) is not None:
        return []
    reading = _Reading()
    with suppress(_EnoughError):
        reading.read(element, cls, at)
    return reading.flaws


def read_leniently(element: etree._Element, cls: type) -> Any:
    """The object that an element stands for, without what is wrong.

    A ``RawElement`` replaces a required child that cannot be read. There is no object, but None, if a required
    attribute cannot be read.
    """
    made = _plain(element, cls)
    return _Reading(most=None).read(element, cls, FieldPath()) if made is None else made


def _plain(element: etree._Element, cls: type) -> Any:
    """The object that the generated reader makes of an element, None if it refuses; it is eight times as fast."""
    try:
        return reader(cls)(element)
    except REFUSALS:
        return None


def class_of(element: etree._Element, classes: tuple[type, ...]) -> type | None:
    """The first class that has the tag and the constant attributes of an element."""
    for cls in classes:
        said = declaration(cls)
        given = {
            name: element.get(name, word if name in said.implied else None) for name, word in said.constants.items()
        }
        if said.tag == element.tag and given == said.constants:
            return cls
    return None


def _element_text(element: etree._Element | None) -> str:
    """The text of an element without what follows it; empty if there is no element."""
    return "" if element is None else etree.tostring(element, encoding="unicode", with_tail=False)


class _EnoughError(Exception):
    """As many flaws were found as anybody wants to read."""


@define
class _Reading:
    """Reads an element and collects its flaws, at most so many; none if ``most`` is None."""

    most: int | None = 100
    flaws: list[Flaw] = field(factory=list)

    def read(self, element: etree._Element, cls: type, at: FieldPath) -> Any:
        values: dict[str, Any] = {}
        plan = plan_of(cls)
        self._node(element, plan, values, at)
        if plan.selected and plan.selected.field not in values:
            self._without_selected(element, plan.selected, values, at)
        return self._object(element, cls, values, at)

    def _object(self, element: etree._Element, cls: type, values: dict[str, Any], at: FieldPath) -> Any:
        plan = plan_of(cls)
        missing = [each for each in plan.fields() if each.required and each.field not in values]
        for each in missing:
            self._missing(element, each, at, plan)
            if isinstance(each, Branch) and not each.repeated:
                values[each.field] = RawElement("", _element_text(element.find(f".//{each.tag}")))
        if any(each.field not in values for each in missing):
            return None
        # an object whose fields contradict each other cannot be made, so the values are checked before
        said, empty = declaration(cls), {each.field: each.empty for each in plan.fields()}
        while blamed := said.contradiction(SimpleNamespace(**(empty | values))):
            name, reason = blamed
            part = next(part for part in plan.fields() if part.field == name)
            path = _path(at, plan, part)
            # what is lacking may be what is misspelled
            if not self._is_told(path if name in values else at):
                self._flaw(element, path, "KN515", reason)
            # without the value, the cross check would find another reason
            if name not in values or part.required or (said.cross_check and self.most is not None):
                return None
            del values[name]
        return constructor(cls)({name: tuple(v) if isinstance(v, list) else v for name, v in values.items()})

    def _missing(self, element: etree._Element, part: Leaf | Branch, at: FieldPath, node: Node) -> None:
        """Tell that a part is missing, unless something wrong with it was told already."""
        path = _path(at, node, part)
        if self._is_told(path):
            return
        what = f"attribute '{part.name}'" if isinstance(part, Leaf) and part.name else f"<{path.parts[-1]}>"
        self._flaw(element, path, "KN514", f"<{element.tag!s}> needs {what}")

    def _is_told(self, path: FieldPath) -> bool:
        return any(flaw.at.parts[: len(path.parts)] == path.parts for flaw in self.flaws)

    def _node(self, element: etree._Element, node: Node, values: dict[str, Any], at: FieldPath) -> None:
        self._attributes(element, node, values, at)
        if node.text is not None:
            self._leaf(element, node.text, (element.text or "").strip(), values, at)
        elif (element.text or "").strip():
            self._flaw(element, at, "KN511", f"<{element.tag!s}> holds no text")
        seen: dict[str, int] = {}
        for each in element:
            if (each.tail or "").strip():
                self._flaw(element, at, "KN511", f"<{element.tag!s}> holds no text")
            if isinstance(each.tag, str):
                seen[each.tag] = seen.get(each.tag, 0) + 1
                self._child(each, node, values, at, seen[each.tag])
            elif not isinstance(each, etree._Comment):
                self._flaw(element, at, "KN511", f"<{element.tag!s}> holds no processing instruction")

    def _attributes(self, element: etree._Element, node: Node, values: dict[str, Any], at: FieldPath) -> None:
        leaves = {leaf.name: leaf for leaf in node.attributes}
        constants, selector = node.constants, node.selected.selector if node.selected else None
        for name, text in element.items():
            if name in leaves:
                self._leaf(element, leaves[name], text, values, at / f"@{name}")
            elif name in constants:
                if text != constants[name]:
                    self._flaw(element, at / f"@{name}", "KN510", f"{text!r} is not {constants[name]}", name)
            elif name != selector:
                message = f"<{element.tag!s}> has no attribute '{name}'"
                self._flaw(element, at / f"@{name}", "KN511", message, name)

    def _leaf(self, element: etree._Element, leaf: Leaf, text: str, values: dict[str, Any], at: FieldPath) -> None:
        try:
            values[leaf.field] = leaf.scalar.parse(text)
        except ValueError as reason:
            self._flaw(element, at, "KN510", str(reason), leaf.name or "")

    def _child(self, each: etree._Element, node: Node, values: dict[str, Any], at: FieldPath, count: int) -> None:
        part = node.child(str(each.tag))
        path = at / str(each.tag)
        if part is None:
            self._flaw(each, path, "KN511", f"<{node.tag}> has no child <{each.tag!s}>")
        elif isinstance(part, Branch) and part.repeated:
            made = self._branch(each, part, path[count - 1])
            values.setdefault(part.field, []).extend([] if made is None else [made])
        elif count > 1:
            self._flaw(each, path, "KN513", f"<{each.tag!s}> is given twice")
        elif isinstance(part, Branch):
            made = self._branch(each, part, path)
            if made is not None:
                values[part.field] = made
        else:
            self._wrapper(each, part, values, path)

    def _wrapper(self, element: etree._Element, node: Node, values: dict[str, Any], at: FieldPath) -> None:
        self._node(element, node, values, at)
        assert node.key is not None
        if node.key.field in values:
            return
        if not node.key.required:
            self._missing(element, node.key, at, node)
            for each in node.fields():
                values.pop(each.field, None)

    def _branch(self, element: etree._Element, branch: Branch, at: FieldPath) -> Any:
        if branch.selector:
            parent = element.getparent()
            word = None if parent is None else parent.get(branch.selector)
            cls = branch.class_of_variant(word)
            # an unknown variant is a flaw of the parent
            return None if cls is None else self.read(element, cls, at)
        cls = class_of(element, branch.classes)
        if cls is None:
            self._flaw(element, at, "KN512", f"no kind of <{element.tag!s}> fits its attributes")
            return None
        return self.read(element, cls, at)

    def _without_selected(self, element: etree._Element, branch: Branch, values: dict[str, Any], at: FieldPath) -> None:
        """Find the object for a selected child that is missing, or could not be read."""
        word = element.get(branch.selector)
        cls = branch.class_of_variant(word)
        found = element.find(branch.tag)
        if cls is None:
            message = f"'{word}' is no known type" if word is not None else f"<{element.tag!s}> needs a type"
            self._flaw(element, at / f"@{branch.selector}", "KN512", message, "" if word is None else branch.selector)
        elif found is None:
            try:
                values[branch.field] = cls()
                return
            except (TypeError, ValueError):
                self._flaw(element, at / branch.tag, "KN514", f"type '{word}' needs a <{branch.tag}>")
        values[branch.field] = RawElement(word or "", _element_text(found))

    def _flaw(self, element: etree._Element, at: FieldPath, code: str, message: str, attribute: str = "") -> None:
        if self.most is None:
            return
        if len(self.flaws) == self.most:
            raise _EnoughError
        self.flaws.append(Flaw(element, attribute, at, code, message))


def _path(at: FieldPath, node: Node, part: Leaf | Branch) -> FieldPath:
    """The path of a part of a node, or of a wrapper inside it."""
    if part is node.text:
        return at
    if isinstance(part, Leaf) and part in node.attributes:
        return at / f"@{part.name}"
    for each in node.content:
        if each is part:
            return at / each.tag
        if isinstance(each, Node) and part in each.fields():
            return _path(at / each.tag, each, part)
    return at


def _places(text: str | bytes, found: Iterable[Flaw], file: str) -> list[Place]:
    """The line and column of the tag or attribute of each flaw, which lxml does not know.

    ``text`` is what the tree of the flawed elements was parsed from.
    """
    wanted = [(flaw.element, flaw.attribute) for flaw in found]
    if not wanted:
        return []
    shown = text if isinstance(text, str) else text.decode()
    ordinals = _ordinals(wanted[0][0].getroottree().getroot())
    starts = _tag_starts(shown)
    numbers = [min(ordinals[element], len(starts) - 1) for element, _ in wanted]
    return [_place(shown, starts[n], attribute, file) for n, (_, attribute) in zip(numbers, wanted, strict=True)]


@lru_cache(maxsize=1)
def _ordinals(root: etree._Element) -> dict[etree._Element, int]:
    """The number of each element of a document, many of whose devices may have flaws."""
    return {each: n for n, each in enumerate(root.iter(etree.Element))}


def _place(text: str, start: int, attribute: str, file: str) -> Place:
    if attribute:
        # whole attributes are matched, for a value may contain the name
        matches = (match for match in _ATTRIBUTE.finditer(text, start) if match[1] == attribute)
        start = next((match.start(1) for match in matches), start)
    return Place(file, *line_and_column(text, start))


@lru_cache(maxsize=2)
def _tag_starts(text: str) -> list[int]:
    """The character at which each start tag begins, in document order.

    Expat does not know some characters of names that libxml2 admits; the last start is then where Expat gave up.
    """
    found: list[int] = []
    parser = expat.ParserCreate("utf-8")
    data = text.encode()
    parser.StartElementHandler = lambda *_: found.append(parser.CurrentByteIndex)
    try:
        parser.Parse(data, True)
    except expat.ExpatError:
        found.append(parser.ErrorByteIndex)
    if len(data) == len(text):
        return found
    characters, at = [], 0
    for before, start in zip([0, *found], found, strict=False):
        at += len(data[before:start].decode(errors="ignore"))
        characters.append(at)
    return characters
