"""The plan of an element class: its declaration as plain data, in writing order, wrappers opened up."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from attrs import Factory, define, frozen

from kvnet.xml.declare import declared, header
from kvnet.xml.scalars import Scalar

__all__ = ["Branch", "Leaf", "Node", "plan_of"]


@frozen
class Leaf:
    """An attribute, or a text where it has no name: the field that holds it, and its scalar."""

    name: str
    field: str
    scalar: Scalar[Any]
    required: bool
    since: str = ""
    optional: str = ""
    guest: bool = False

    @property
    def empty(self) -> None:
        """What the field holds where nothing was said."""
        return None


@frozen
class Branch:
    """Child elements that have classes of their own."""

    field: str
    classes: tuple[type, ...]
    repeated: bool
    required: bool
    hoisted: str = ""
    since: str = ""
    guest: bool = False
    early: str = ""

    @property
    def tag(self) -> str:
        return header(self.classes[0]).tag

    @property
    def empty(self) -> tuple[()] | None:
        """What the field holds where nothing was said."""
        return () if self.repeated else None

    def chosen_by(self, word: str | None) -> type | None:
        """The class that the parent's attribute chooses."""
        return next((cls for cls in self.classes if header(cls).variant == word), None)


@define
class Node:
    """One element: its attributes, its text, and what stands inside it.

    ``cls`` is the class of the root of a plan; a wrapper has none, but a ``key``, without which it says nothing.
    """

    tag: str
    cls: type | None = None
    key: Leaf | Branch | None = None
    attributes: list[Leaf] = Factory(list)
    text: Leaf | None = None
    content: list[Node | Branch] = Factory(list)

    @property
    def constants(self) -> dict[str, str]:
        return header(self.cls).constants if self.cls else {}

    @property
    def hoisted(self) -> Branch | None:
        """The branch whose class one of this element's attributes chooses."""
        return next((each for each in self.content if isinstance(each, Branch) and each.hoisted), None)

    def fields(self) -> Iterator[Leaf | Branch]:
        """Every leaf and branch of this element and of the wrappers inside it."""
        yield from self.attributes
        if self.text:
            yield self.text
        for each in self.content:
            yield from each.fields() if isinstance(each, Node) else (each,)

    def leaves(self) -> list[Leaf]:
        """The leaves among the fields."""
        return [each for each in self.fields() if isinstance(each, Leaf)]

    def branches(self) -> list[Branch]:
        """The branches among the fields."""
        return [each for each in self.fields() if isinstance(each, Branch)]

    def wrappers(self) -> Iterator[Node]:
        """The elements inside that need no class."""
        for each in self.content:
            if isinstance(each, Node):
                yield each
                yield from each.wrappers()

    def part(self, tag: str) -> Node | Branch | None:
        """What stands inside under a name."""
        return next((each for each in self.content if each.tag == tag), None)

    def says(self, device: Any) -> bool:
        """Whether an object has anything for this element or the wrappers inside it."""
        return any(getattr(device, each.field) != each.empty for each in self.fields())


@cache
def plan_of(cls: type) -> Node:
    """The plan of an element class."""
    root = Node(header(cls).tag, cls)
    for field, required, said in declared(cls):
        if said.classes:
            kinds = (said.classes, said.repeated, required, said.hoisted)
            branch = Branch(field, *kinds, said.since, said.guest, said.early)
            _inside(root, said.path, branch).content.append(branch)
            continue
        assert said.scalar is not None
        wrappers, _, name = said.path.rpartition("@")
        leaf = Leaf(
            (name or field) if "@" in said.path else "",
            field,
            said.scalar,
            required,
            said.since,
            said.optional,
            said.guest,
        )
        if "@" in said.path:
            _inside(root, wrappers, leaf).attributes.append(leaf)
        else:
            _inside(root, said.path, leaf).text = leaf
    return root


def _inside(node: Node, path: str, part: Leaf | Branch) -> Node:
    for tag in filter(None, path.split("/")):
        found = node.part(tag)
        if found is None:
            found = Node(tag, key=part)
            node.content.append(found)
        assert isinstance(found, Node)
        node = found
    return node
