"""The plan of an element class: its declaration as plain data, in writing order, wrappers opened up."""

from __future__ import annotations

from functools import cache
from typing import Any

from attrs import Factory, define, frozen

from kvnet.xml import declare
from kvnet.xml.scalars import Scalar

__all__ = ["Branch", "Leaf", "Node", "plan_of"]


@frozen
class Leaf:
    """An attribute or a text: the field that holds it, and its scalar."""

    name: str
    field: str
    scalar: Scalar[Any]
    required: bool
    since: str = ""


@frozen
class Branch:
    """Child elements that have classes of their own."""

    field: str
    classes: tuple[type, ...]
    repeated: bool
    required: bool
    hoisted: str = ""
    since: str = ""

    @property
    def tag(self) -> str:
        return declare.tag(self.classes[0])


@define
class Node:
    """One element: its attributes, its text, and what stands inside it."""

    tag: str
    constants: dict[str, str] = Factory(dict)
    attributes: list[Leaf] = Factory(list)
    text: Leaf | None = None
    content: list[Node | Branch] = Factory(list)
    variant: str = ""

    @property
    def hoisted(self) -> Branch | None:
        """The branch whose class one of this element's attributes chooses."""
        return next((each for each in self.content if isinstance(each, Branch) and each.hoisted), None)

    def leaves(self) -> list[Leaf]:
        """Every leaf of this element and of the wrappers inside it."""
        inner = [leaf for each in self.content if isinstance(each, Node) for leaf in each.leaves()]
        return [*self.attributes, *([self.text] if self.text else []), *inner]

    def branches(self) -> list[Branch]:
        """Every branch of this element and of the wrappers inside it."""
        found: list[Branch] = []
        for each in self.content:
            found += [each] if isinstance(each, Branch) else each.branches()
        return found


@cache
def plan_of(cls: type) -> Node:
    """The plan of an element class."""
    root = Node(declare.tag(cls), dict(declare.constants(cls)), variant=declare.chosen_by(cls))
    for field, required, said in declare.declared(cls):
        if said.classes:
            branch = Branch(field, said.classes, said.repeated, required, said.hoisted, said.since)
            _inside(root, said.path).content.append(branch)
            continue
        assert said.scalar is not None
        wrappers, _, name = said.path.rpartition("@")
        node = _inside(root, wrappers)
        leaf = Leaf(name or field, field, said.scalar, required, said.since)
        if "@" in said.path:
            node.attributes.append(leaf)
        else:
            _inside(root, said.path).text = leaf
    return root


def _inside(node: Node, path: str) -> Node:
    for tag in filter(None, path.split("/")):
        wrappers = (each for each in node.content if isinstance(each, Node) and each.tag == tag)
        found = next(wrappers, None)
        if found is None:
            found = Node(tag)
            node.content.append(found)
        node = found
    return node
