"""declaration → plan → comparison: two objects of a class, field by field."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from itertools import zip_longest
from typing import Any

from attrs import evolve, frozen
from lxml import etree

from kvnet.errors import FieldPath
from kvnet.xml.declare import Unread, header
from kvnet.xml.examine import flaws
from kvnet.xml.parse import parse
from kvnet.xml.plan import Branch, Leaf, Node, plan_of
from kvnet.xml.writer import writer

__all__ = ["Difference", "compare", "text_of", "undeclared"]


@frozen
class Difference:
    """One field, or one child, that two objects do not share; ``None`` where one has none.

    ``field`` is the way to it by the names of fields, such as ``driver.queues``, without indices.
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
    """Where a comparison has come to: ``way`` are the fields so far, and ``guest`` whether the guest sees them."""

    at: FieldPath
    way: tuple[str, ...] = ()
    guest: bool = False


def compare(before: Any, after: Any, at: FieldPath) -> Iterator[Difference]:
    """Every difference of two objects of one class; numbers and MACs are compared by value, not by spelling."""
    yield from _node(plan_of(before.__class__), before, after, _Place(at))


def undeclared(device: Any) -> dict[str, str]:
    """What stands in a losslessly read object's text and not in the object, by its path."""
    if device.verbatim is None:
        return {}
    root = parse(device.verbatim, blanks=False)
    found = flaws(root, device.__class__, FieldPath((str(root.tag),)))
    return {
        str(flaw.at): str(flaw.element.get(flaw.attribute)) if flaw.attribute else _canonical(flaw.element)
        for flaw in found
    }


def text_of(device: Any) -> str | None:
    """An object as XML on one line."""
    if device is None or isinstance(device, Unread):
        return None if device is None else device.xml
    text: str = writer(device.__class__, False)(device)
    # a source with nothing in it is not written
    return text or f"<{header(type(device)).tag}/>"


def _node(node: Node, before: Any, after: Any, place: _Place) -> Iterator[Difference]:
    for leaf in (*node.attributes, *([node.text] if node.text else [])):
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
        yield Difference(at, ".".join((*place.way, leaf.field)), old, new, was, now, place.guest or leaf.guest)


def _branch(branch: Branch, old: Any, new: Any, place: _Place) -> Iterator[Difference]:
    if old == new:
        return
    way, guest = (*place.way, branch.field), place.guest or branch.guest
    if type(old) is type(new) and not isinstance(old, Unread):
        yield from _node(plan_of(old.__class__), old, new, _Place(place.at, way, guest))
        return
    seen = guest or _is_seen(old) or _is_seen(new)
    yield Difference(place.at, ".".join(way), old, new, text_of(old), text_of(new), seen)


def _is_seen(device: Any) -> bool:
    """Whether the guest sees anything that an object, or one inside it, says."""
    if device is None or isinstance(device, Unread):
        return False
    plan = plan_of(device.__class__)
    return any(part.guest and getattr(device, part.field) != part.empty for part in plan.fields()) or any(
        _is_seen(getattr(device, branch.field)) for branch in plan.branches() if not branch.repeated
    )


def _canonical(element: etree._Element) -> str:
    alone = deepcopy(element)
    alone.tail = None
    return etree.tostring(alone, method="c14n").decode()
