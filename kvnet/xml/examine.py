"""declaration → plan → reader that explains: every reason why an element is not what was declared.

It reads what is right all the same, and so serves lossless reading, too.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from attrs import define, field, frozen
from lxml import etree

from kvnet.errors import FieldPath
from kvnet.xml.declare import Unread, header
from kvnet.xml.plan import Branch, Leaf, Node, plan_of
from kvnet.xml.reader import maker

__all__ = ["Flaw", "fitting", "flaws", "salvaged"]


@frozen
class Flaw:
    """What is wrong with an element, or with one of its attributes."""

    element: etree._Element
    attribute: str
    at: FieldPath
    code: str
    message: str


def flaws(element: etree._Element, cls: type, at: FieldPath) -> list[Flaw]:
    """All that is wrong with an element, up to a number that nobody mends at once."""
    examination = _Examination()
    with suppress(_EnoughError):
        examination.one(element, cls, at)
    return examination.flaws


def salvaged(element: etree._Element, cls: type) -> Any:
    """The object that an element stands for, what is wrong left out of it.

    An ``Unread`` takes the place of a required child; there is no object where a required attribute is wrong.
    """
    return _Examination(most=None).one(element, cls, FieldPath())


def fitting(classes: tuple[type, ...], element: etree._Element) -> type | None:
    """The class whose tag and constants fit."""
    for cls in classes:
        said = header(cls)
        given = {
            name: element.get(name, word if name in said.implied else None) for name, word in said.constants.items()
        }
        if said.tag == element.tag and given == said.constants:
            return cls
    return None


class _EnoughError(Exception):
    """There are as many flaws as anybody wants to read."""


@define
class _Examination:
    """Collects flaws, or none at all."""

    most: int | None = 100
    flaws: list[Flaw] = field(factory=list)

    def one(self, element: etree._Element, cls: type, at: FieldPath) -> Any:
        values: dict[str, Any] = {}
        plan = plan_of(cls)
        self._node(element, plan, values, at)
        if plan.hoisted and plan.hoisted.field not in values:
            self._without_element(element, plan.hoisted, values, at)
        return self._made(element, cls, values, at)

    def _made(self, element: etree._Element, cls: type, values: dict[str, Any], at: FieldPath) -> Any:
        plan = plan_of(cls)
        lacking = [each for each in plan.fields() if each.required and each.field not in values]
        for each in lacking:
            self._lacks(element, each, at, plan)
            if isinstance(each, Branch) and not each.repeated:
                values[each.field] = Unread("", _text(element.find(f".//{each.tag}")))
        if any(each.field not in values for each in lacking):
            return None
        agree = header(cls).agree
        # an object whose values do not agree does not exist, so they are tried as they are
        while agree and (blamed := agree(_Values(cls, values))):
            name, reason = blamed
            path = _under(at, plan, next(part for part in plan.fields() if part.field == name))
            if not self._is_told(path):
                self._flaw(element, path, "KN515", reason)
            if name not in values:
                return None
            del values[name]
        return maker(cls)({name: tuple(v) if isinstance(v, list) else v for name, v in values.items()})

    def _lacks(self, element: etree._Element, part: Leaf | Branch, at: FieldPath, node: Node) -> None:
        """Tell that a part is not there, unless something wrong with it has been told already."""
        path = _under(at, node, part)
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
        hoisted = node.hoisted.hoisted if node.hoisted else None
        for name, text in element.items():
            if name in leaves:
                self._leaf(element, leaves[name], text, values, at / f"@{name}")
            elif name in node.constants:
                if text != node.constants[name]:
                    told = f"{text!r} is not {node.constants[name]}"
                    self._flaw(element, at / f"@{name}", "KN510", told, name)
            elif name != hoisted:
                told = f"<{element.tag!s}> has no attribute '{name}'"
                self._flaw(element, at / f"@{name}", "KN511", told, name)

    def _leaf(self, element: etree._Element, leaf: Leaf, text: str, values: dict[str, Any], at: FieldPath) -> None:
        try:
            values[leaf.field] = leaf.scalar.parse(text)
        except ValueError as reason:
            self._flaw(element, at, "KN510", str(reason), leaf.name)

    def _child(self, each: etree._Element, node: Node, values: dict[str, Any], at: FieldPath, count: int) -> None:
        part = node.part(str(each.tag))
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
            self._lacks(element, node.key, at, node)
            for each in node.fields():
                values.pop(each.field, None)

    def _branch(self, element: etree._Element, branch: Branch, at: FieldPath) -> Any:
        if branch.hoisted:
            parent = element.getparent()
            word = None if parent is None else parent.get(branch.hoisted)
            cls = branch.chosen_by(word)
            # of an unknown type the parent speaks
            return None if cls is None else self.one(element, cls, at)
        cls = fitting(branch.classes, element)
        if cls is None:
            self._flaw(element, at, "KN512", f"no kind of <{element.tag!s}> fits its attributes")
            return None
        return self.one(element, cls, at)

    def _without_element(self, element: etree._Element, branch: Branch, values: dict[str, Any], at: FieldPath) -> None:
        """Decide the class of a child that is not there, or could not be read."""
        word = element.get(branch.hoisted)
        cls = branch.chosen_by(word)
        stood = element.find(branch.tag)
        if cls is None:
            told = f"'{word}' is no known type" if word is not None else f"<{element.tag!s}> needs a type"
            self._flaw(element, at / f"@{branch.hoisted}", "KN512", told, "" if word is None else branch.hoisted)
        elif stood is None:
            try:
                values[branch.field] = cls()
                return
            except (TypeError, ValueError):
                self._flaw(element, at / branch.tag, "KN514", f"type '{word}' needs a <{branch.tag}>")
        values[branch.field] = Unread(word or "", _text(stood))

    def _flaw(self, element: etree._Element, at: FieldPath, code: str, message: str, attribute: str = "") -> None:
        if self.most is None:
            return
        if len(self.flaws) == self.most:
            raise _EnoughError
        self.flaws.append(Flaw(element, attribute, at, code, message))


def _text(element: etree._Element | None) -> str:
    return "" if element is None else etree.tostring(element, encoding="unicode", with_tail=False)


class _Values:
    """Values as the attributes of an object that is not made yet."""

    def __init__(self, cls: type, values: dict[str, Any]) -> None:
        empty = {each.field: each.empty for each in plan_of(cls).fields()}
        self.__dict__.update(empty | values)


def _under(at: FieldPath, node: Node, part: Leaf | Branch) -> FieldPath:
    """The path of a part of a node, or of a wrapper inside it."""
    if part is node.text:
        return at
    if isinstance(part, Leaf) and part in node.attributes:
        return at / f"@{part.name}"
    for each in node.content:
        if each is part:
            return at / each.tag
        if isinstance(each, Node) and part in each.fields():
            return _under(at / each.tag, each, part)
    return at
