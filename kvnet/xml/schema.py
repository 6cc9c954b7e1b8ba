"""The schema of element classes: how each field declares its XML, and the plan of a class that all other code walks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, cast

from attrs import NOTHING, Factory, define, evolve, field, fields, frozen

from kvnet.xml.types import Scalar

__all__ = [
    "Branch",
    "CrossCheck",
    "Declaration",
    "FieldCheck",
    "FieldSince",
    "Leaf",
    "Node",
    "RawElement",
    "at",
    "attr",
    "child",
    "children",
    "declaration",
    "plan_of",
    "variant",
]

CrossCheck = Callable[[Any], tuple[str, str] | None]
"""Compares the fields of an object: the name of a field and what is wrong with it, or None."""
FieldCheck = Callable[[Any], str | None]
"""Compares a field of an object, which is given, with the others: what is wrong with it, or None."""
FieldSince = Callable[[Any], str]
"""Compares a field of an object, which is given, with the others: the release of libvirt that takes them together."""
_PART = "kvnet.xml"


@frozen(slots=False)
class RawElement:
    """The XML of a required element that lossless reading could not turn into an object.

    ``variant`` is the value of the parent's attribute that chooses the class of the element, such as the ``type`` of
    an ``<interface>``; ``xml`` is the element's text, empty where the element is missing.
    """

    variant: str = ""
    xml: str = ""


@frozen(kw_only=True)
class Declaration:
    """What ``element`` declares of a class as a whole; see there."""

    tag: str
    variant: str
    since: str
    cross_check: CrossCheck | None
    cross_fields: tuple[str, ...]
    field_checks: Mapping[str, FieldCheck]
    compared_with: tuple[str, ...]
    together_since: Mapping[str, FieldSince]
    implied: tuple[str, ...]
    constants: dict[str, str]

    def contradiction(self, made: Any) -> tuple[str, str] | None:
        """The first field of an object that does not go with the others, and why; None if all agree."""
        wrong = self.cross_check(made) if self.cross_check else None
        if wrong is not None:
            return wrong
        given = (name for name in self.field_checks if getattr(made, name) not in (None, ()))
        found = ((name, self.field_checks[name](made)) for name in given)
        return next(((name, reason) for name, reason in found if reason), None)


@frozen(kw_only=True)
class Leaf:
    """A field that is an attribute, or the text of an element.

    ``name`` is the attribute's name, None for text; ``inside`` is the path of the wrapper elements around it.
    ``since`` is the first release of libvirt that knows it, ``optional_since`` the first that does not require it,
    and ``guest`` tells whether the guest sees the value.
    """

    inside: str = ""
    name: str | None = None
    scalar: Scalar[Any]
    since: str = ""
    optional_since: str = ""
    guest: bool = False
    field: str = ""
    required: bool = False
    empty: None = None


@frozen(kw_only=True)
class Branch:
    """A field that is a child element, or a tuple of them if ``repeated``; ``classes`` are those it may have.

    ``selector`` is the parent's attribute that chooses the class. ``before_variant`` names a variant of the selected
    element that this one is written before. The other fields are those of ``Leaf``.
    """

    inside: str = ""
    classes: tuple[type, ...]
    repeated: bool = False
    selector: str = ""
    before_variant: str = ""
    since: str = ""
    guest: bool = False
    field: str = ""
    required: bool = False

    @property
    def tag(self) -> str:
        return declaration(self.classes[0]).tag

    @property
    def empty(self) -> tuple[()] | None:
        """The value of the field where there is no element."""
        return () if self.repeated else None

    def class_of_variant(self, word: str | None) -> type | None:
        """The class that a value of the selector chooses."""
        return next((cls for cls in self.classes if declaration(cls).variant == word), None)


@define
class Node:
    """One element of a plan: its attributes, its text, and the elements inside it in the order of writing.

    ``cls`` is the class of the plan's root. An element inside that needs no class of its own is a wrapper: it has no
    ``cls`` but a ``key``, the field without which it is not written.
    """

    tag: str
    cls: type | None = None
    key: Leaf | Branch | None = None
    attributes: list[Leaf] = Factory(list)
    text: Leaf | None = None
    content: list[Node | Branch] = Factory(list)

    @property
    def constants(self) -> dict[str, str]:
        return declaration(self.cls).constants if self.cls else {}

    @property
    def selected(self) -> Branch | None:
        """The child whose class one of this element's attributes chooses."""
        return next((each for each in self.content if isinstance(each, Branch) and each.selector), None)

    def leaves(self) -> list[Leaf]:
        """The attributes and the text of this element alone."""
        return [*self.attributes, self.text] if self.text else self.attributes

    def fields(self) -> Iterator[Leaf | Branch]:
        """Every field of this element and of the wrappers inside it."""
        yield from self.leaves()
        for each in self.content:
            yield from each.fields() if isinstance(each, Node) else (each,)

    def wrappers(self) -> Iterator[Node]:
        """The wrappers inside this element, and those inside them."""
        for each in self.content:
            if isinstance(each, Node):
                yield each
                yield from each.wrappers()

    def child(self, tag: str) -> Node | Branch | None:
        """The child element of a tag."""
        return next((each for each in self.content if each.tag == tag), None)


def attr(
    scalar: Scalar[Any],
    name: str = "",
    *,
    default: Any = NOTHING,
    since: str = "",
    optional_since: str = "",
    guest: bool = False,
) -> Any:
    """An attribute of the element itself; its XML name is the field's unless ``name`` says otherwise."""
    return _field(default, Leaf(name=name, scalar=scalar, since=since, optional_since=optional_since, guest=guest))


def at(path: str, scalar: Scalar[Any], *, default: Any = NOTHING, since: str = "", guest: bool = False) -> Any:
    """An attribute (``model/@type``) or the text (``tune/sndbuf``) of wrapper elements that need no class.

    The first field that is declared for a wrapper is its key: without it, the wrapper cannot be there.
    """
    inside, _, name = path.partition("/@")
    return _field(default, Leaf(inside=inside, name=name or None, scalar=scalar, since=since, guest=guest))


def child(
    *classes: type,
    inside: str = "",
    default: Any = NOTHING,
    since: str = "",
    guest: bool = False,
    before_variant: str = "",
) -> Any:
    """At most one child element; of several classes, the constant attributes tell which it is.

    ``inside`` names the wrapper around it; ``before_variant`` the variant that it is written before.
    """
    branch = Branch(inside=inside, classes=classes, since=since, guest=guest, before_variant=before_variant)
    return _field(default, branch)


def children(*classes: type, default: Any = NOTHING, since: str = "", guest: bool = False) -> Any:
    """Any number of child elements, as a tuple in document order; at least one if there is no default."""
    return _field(default, Branch(classes=classes, repeated=True, since=since, guest=guest))


def variant(selector: str, *classes: type) -> Any:
    """The child whose class is chosen by the attribute ``selector`` of the parent, which has no field of its own.

    ``RawElement`` may be among the classes, as in the type of the field; like any required child, it can be one.
    """
    known = tuple(cls for cls in classes if cls is not RawElement)
    return _field(NOTHING, Branch(classes=known, selector=selector))


def _field(default: Any, part: Leaf | Branch) -> Any:
    return field(default=default, metadata={_PART: part})


def declaration(cls: type) -> Declaration:
    """What a class was declared with. Raises TypeError if it is not an element class."""
    found = getattr(cls, "__kvnet__", None)
    if found is None:
        raise TypeError(f"expected an XML element such as a kvnet.device.Interface, not {cls.__name__}")
    return cast(Declaration, found)


@cache
def plan_of(cls: type) -> Node:
    """The plan of an element class: its declaration as plain data, in the order of writing."""
    root = Node(declaration(cls).tag, cls)
    for each in fields(cls):
        part: Leaf | Branch | None = each.metadata.get(_PART)
        if part is None:
            continue
        part = evolve(part, field=each.name, required=each.default is NOTHING)
        if isinstance(part, Leaf) and part.name == "":
            part = evolve(part, name=each.name)
        node = _wrapper(root, part)
        if isinstance(part, Branch):
            node.content.append(part)
        elif part.name is None:
            node.text = part
        else:
            node.attributes.append(part)
    return root


def _wrapper(node: Node, part: Leaf | Branch) -> Node:
    """The node that a part belongs to."""
    for tag in filter(None, part.inside.split("/")):
        found = node.child(tag)
        if found is None:
            found = Node(tag, key=part)
            node.content.append(found)
        assert isinstance(found, Node)
        node = found
    return node
