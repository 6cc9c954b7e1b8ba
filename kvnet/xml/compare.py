"""Compare two objects of an element class field by field."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from itertools import zip_longest
from typing import Any

from attrs import evolve, frozen
from lxml import etree

from kvnet.errors import FieldPath
from kvnet.xml.parser import parse
from kvnet.xml.reading import flaws
from kvnet.xml.schema import Branch, Leaf, Node, RawElement, declaration, plan_of
from kvnet.xml.writing import to_text

__all__ = ["Difference", "compare", "text_of", "undeclared"]


@frozen
class Difference:
    """One field or child in which two objects differ; a value and its text are None where there is none.

    ``at`` is its path in the XML, ``field`` the path by names of fields without indices, such as ``driver.queues``.
    ``guest`` tells whether the guest sees it.
    """

    at: FieldPath
    field: str
    before: Any
    after: Any
    before_text: str | None
    after_text: str | None
    guest: bool


@frozen
class _Place:
    """Where a comparison is: the path in the XML, the fields up to here, and whether the guest sees them."""

    at: FieldPath
    fields: tuple[str, ...] = ()
    guest: bool = False


def compare(before: Any, after: Any, at: FieldPath) -> Iterator[Difference]:
    """Every difference between two objects of one class. Numbers and MACs are compared by value, not by spelling."""
    yield from _node(plan_of(before.__class__), before, after, _Place(at))


def undeclared(device: Any) -> dict[str, str]:
    """What the text of an object that was read without loss says and the object does not, by path."""
    if device.verbatim is None:
        return {}
    root = parse(device.verbatim)
    found = flaws(root, device.__class__, FieldPath((str(root.tag),)))
    return {
        str(flaw.at): str(flaw.element.get(flaw.attribute)) if flaw.attribute else _canonical(flaw.element)
        for flaw in found
    }


def text_of(device: Any) -> str | None:
    """The XML of an object on one line, None for None."""
    if device is None or isinstance(device, RawElement):
        return None if device is None else device.xml
    # an empty source is not written
    return to_text(device) or f"<{declaration(type(device)).tag}/>"


def _node(node: Node, before: Any, after: Any, place: _Place) -> Iterator[Difference]:
    for leaf in node.leaves():
        yield from _leaf(leaf, getattr(before, leaf.field), getattr(after, leaf.field), place)
    for part in node.content:
        inside = evolve(place, at=place.at / part.tag)
        if isinstance(part, Node):
            yield from _node(part, before, after, inside)
            continue
        old, new = getattr(before, part.field), getattr(after, part.field)
        if not part.repeated:
            yield from _branch(part, old, new, inside)
            continue
        for n, pair in enumerate(zip_longest(old, new)):
            yield from _branch(part, *pair, evolve(inside, at=inside.at[n]))


def _leaf(leaf: Leaf, old: Any, new: Any, place: _Place) -> Iterator[Difference]:
    if old != new:
        was, now = (None if value is None else leaf.scalar.format(value) for value in (old, new))
        at = place.at / f"@{leaf.name}" if leaf.name else place.at
        yield Difference(at, ".".join((*place.fields, leaf.field)), old, new, was, now, place.guest or leaf.guest)


def _branch(branch: Branch, old: Any, new: Any, place: _Place) -> Iterator[Difference]:
    if old == new:
        return
    fields, guest = (*place.fields, branch.field), place.guest or branch.guest
    if type(old) is type(new) and not isinstance(old, RawElement):
        yield from _node(plan_of(old.__class__), old, new, _Place(place.at, fields, guest))
        return
    seen = guest or _is_seen(old) or _is_seen(new)
    yield Difference(place.at, ".".join(fields), old, new, text_of(old), text_of(new), seen)


def _is_seen(device: Any) -> bool:
    """Whether the guest sees anything in an object, or in one inside it."""
    if device is None or isinstance(device, RawElement):
        return False
    given = [(part, getattr(device, part.field)) for part in plan_of(device.__class__).fields()]
    return any(
        (part.guest and value != part.empty) or (isinstance(part, Branch) and not part.repeated and _is_seen(value))
        for part, value in given
    )


def _canonical(element: etree._Element) -> str:
    """The text of an element in canonical form, without white space between elements."""
    alone = deepcopy(element)
    for each in alone.iter():
        each.text, each.tail = ((text or "").strip() and text for text in (each.text, each.tail))
    return etree.tostring(alone, method="c14n").decode()
