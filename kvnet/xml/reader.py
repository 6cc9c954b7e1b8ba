"""declaration → plan → reader: an lxml element becomes an object, or every reason why it cannot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import define, field
from lxml import etree

from kvnet.errors import FieldPath, Place, Problem, XmlError
from kvnet.xml import declare
from kvnet.xml.plan import Branch, Leaf, Node, plan_of

__all__ = ["read"]


def read(element: etree._Element, *classes: type, at: FieldPath | None = None, file: str = "<xml>") -> Any:
    """The object that ``element`` stands for; of several classes, the one whose tag and constants fit.

    Raises XmlError with every unknown attribute, element or text, every child given twice, every value
    out of its type and every missing required part, each with its line and path.
    """
    reading = _Reading(file)
    made = reading.one(element, classes, at or FieldPath((str(element.tag),)))
    if reading.problems:
        raise XmlError(reading.problems)
    return made


@define
class _Reading:
    file: str
    problems: list[Problem] = field(factory=list)

    def one(self, element: etree._Element, classes: tuple[type, ...], at: FieldPath) -> Any:
        fitting = [cls for cls in classes if _fits(cls, element)]
        if not fitting:
            self._report(element, at, "KN512", f"no kind of <{element.tag!s}> fits its attributes")
            return None
        return self.into(element, fitting[0], at)

    def into(self, element: etree._Element, cls: type, at: FieldPath) -> Any:
        plan = plan_of(cls)
        values: dict[str, Any] = {}
        before = len(self.problems)
        self._node(element, plan, values, at)
        for name, required, _ in declare.declared(cls):
            if required and name not in values and len(self.problems) == before:
                self._report(element, at, "KN514", f"<{element.tag!s}> needs {name}")
        return cls(**values) if len(self.problems) == before else None

    def _node(self, element: etree._Element, node: Node, values: dict[str, Any], at: FieldPath) -> None:
        self._attributes(element, node, values, at)
        if node.text is not None:
            self._leaf(element, node.text, (element.text or "").strip(), values, at)
        elif (element.text or "").strip():
            self._report(element, at, "KN511", f"<{element.tag!s}> holds no text")
        seen: dict[str, int] = {}
        for child in element.iterchildren(tag=etree.Element):
            name = str(child.tag)
            seen[name] = seen.get(name, 0) + 1
            self._child(child, node, values, at, seen[name])
        self._chosen_without_element(element, node, values, at)

    def _attributes(self, element: etree._Element, node: Node, values: dict[str, Any], at: FieldPath) -> None:
        leaves = {leaf.name: leaf for leaf in node.attributes}
        hoisted = node.hoisted.hoisted if node.hoisted else None
        for name, text in element.items():
            if name in leaves:
                self._leaf(element, leaves[str(name)], str(text), values, at / f"@{name}")
            elif name not in node.constants and name != hoisted:
                self._report(element, at / f"@{name}", "KN511", f"<{element.tag!s}> has no attribute '{name}'")

    def _child(self, child: etree._Element, node: Node, values: dict[str, Any], at: FieldPath, count: int) -> None:
        part = next((each for each in node.content if each.tag == child.tag), None)
        path = at / str(child.tag)
        if part is None:
            self._report(child, path, "KN511", f"<{node.tag}> has no child <{child.tag!s}>")
        elif isinstance(part, Branch) and part.repeated:
            made = self.one(child, part.classes, path[count - 1])
            values[part.field] = (*values.get(part.field, ()), made)
        elif count > 1:
            self._report(child, path, "KN513", f"<{child.tag!s}> is given twice")
        elif isinstance(part, Node):
            self._node(child, part, values, path)
        else:
            chosen = tuple(self._chosen(child, part)) if part.hoisted else part.classes
            made = self.one(child, chosen, path)
            if made is not None:
                values[part.field] = made

    def _chosen(self, child: etree._Element, branch: Branch) -> Iterator[type]:
        parent = child.getparent()
        word = None if parent is None else parent.get(branch.hoisted)
        return (cls for cls in branch.classes if declare.chosen_by(cls) == word)

    def _chosen_without_element(
        self, element: etree._Element, node: Node, values: dict[str, Any], at: FieldPath
    ) -> None:
        branch = node.hoisted
        if branch is None or branch.field in values:
            return
        if element.find(branch.tag) is not None:
            return
        word = element.get(branch.hoisted)
        classes = [cls for cls in branch.classes if declare.chosen_by(cls) == word]
        if not classes:
            self._report(element, at / f"@{branch.hoisted}", "KN512", f"'{word}' is no known type")
        elif any(required for _, required, _ in declare.declared(classes[0])):
            self._report(element, at / branch.tag, "KN514", f"type '{word}' needs a <{branch.tag}>")
        else:
            values[branch.field] = classes[0]()

    def _leaf(self, element: etree._Element, leaf: Leaf, text: str, values: dict[str, Any], at: FieldPath) -> None:
        try:
            values[leaf.field] = leaf.scalar.parse(text)
        except ValueError as reason:
            self._report(element, at, "KN510", str(reason))

    def _report(self, element: etree._Element, at: FieldPath, code: str, message: str) -> None:
        place = Place(self.file, int(element.sourceline or 1), 1)
        self.problems.append(Problem(at, code, message, place=place))


def _fits(cls: type, element: etree._Element) -> bool:
    return declare.tag(cls) == element.tag and all(
        element.get(name, value) == value for name, value in declare.constants(cls).items()
    )
