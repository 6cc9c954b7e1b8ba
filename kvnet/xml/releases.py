"""What of an object a release of libvirt does not know, and would drop without a word, or refuse for lack of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from kvnet.errors import FieldPath, Problem
from kvnet.xml.declare import Unread, header
from kvnet.xml.plan import Branch, Leaf, Node, plan_of

__all__ = ["newer_than", "release"]


def release(text: str) -> tuple[int, ...]:
    """The parts of a release such as ``9.0`` or ``10.6.0``. Raises ValueError."""
    if not re.fullmatch(r"[0-9]+(\.[0-9]+){0,2}", text):
        raise ValueError(f"{text!r} is not a release of libvirt such as 9.0")
    parts = tuple(map(int, text.split(".")))
    return (*parts, 0, 0)[:3]


def newer_than(device: Any, libvirt: str) -> Iterator[Problem]:
    """Every part of an object that came after a release of libvirt."""
    for at, since in _since(plan_of(device.__class__), device, FieldPath((header(type(device)).tag,))):
        if release(since) > release(libvirt):
            told = f"libvirt {libvirt} does not know it so; it came with {since}"
            yield Problem(at, "KN520", told, hint="leave it out, or give what is missing, or write for a newer release")


def _since(node: Node, device: Any, at: FieldPath) -> Iterator[tuple[FieldPath, str]]:
    for leaf in (*node.attributes, *([node.text] if node.text else [])):
        yield from _since_leaf(leaf, getattr(device, leaf.field), at)
    for part in node.content:
        if isinstance(part, Node):
            yield from _since(part, device, at / part.tag)
        else:
            yield from _since_branch(part, getattr(device, part.field), at)


def _since_leaf(leaf: Leaf, value: Any, at: FieldPath) -> Iterator[tuple[FieldPath, str]]:
    path = at / f"@{leaf.name}" if leaf.name else at
    known = (leaf.optional,) if value is None else (leaf.since, leaf.scalar.since(value))
    yield from ((path, since) for since in known if since)


def _since_branch(branch: Branch, held: Any, at: FieldPath) -> Iterator[tuple[FieldPath, str]]:
    values = held if branch.repeated else () if held is None or isinstance(held, Unread) else (held,)
    for n, value in enumerate(values):
        path = (at / branch.tag)[n] if branch.repeated else at / branch.tag
        said = header(type(value))
        chosen = at / f"@{branch.hoisted}" if branch.hoisted else path
        yield from ((place, since) for place, since in ((path, branch.since), (chosen, said.since)) if since)
        yield from _since(plan_of(value.__class__), value, path)
