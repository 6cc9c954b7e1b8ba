"""declaration → plan → every path: what a class says of each element, attribute and text below it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import evolve, frozen

from kvnet.xml.declare import header
from kvnet.xml.plan import Branch, Leaf, Node, plan_of
from kvnet.xml.scalars import Present, Scalar

__all__ = ["DeclaredPath", "paths"]


@frozen(kw_only=True)
class DeclaredPath:
    """One path: ``interface/mac`` is an element, ``interface/mac@address`` an attribute, ``…#text`` a text.

    ``scalars`` are its types, ``words`` the attributes' values that choose a class, ``chosen`` for which value
    of the root's own such attribute the path is there, or empty for all. ``since`` is the release of libvirt
    that came with it, where it is known, and ``guest`` whether the guest sees it.
    """

    path: str
    scalars: tuple[Scalar[Any], ...] = ()
    words: tuple[str, ...] = ()
    chosen: tuple[str, ...] = ()
    since: str = ""
    guest: bool = False


def paths(cls: type) -> tuple[DeclaredPath, ...]:
    """Every path below the element of a class, each once, in the order of its declaration."""
    found: dict[str, DeclaredPath] = {}
    for each in _node(plan_of(cls), DeclaredPath(path=header(cls).tag)):
        known = found.get(each.path)
        found[each.path] = each if known is None else _both(known, each)
    return tuple(found.values())


def _both(one: DeclaredPath, other: DeclaredPath) -> DeclaredPath:
    """A path that several classes declare; where one of them has it for all, it is there for all."""
    return evolve(
        one,
        scalars=tuple(dict.fromkeys((*one.scalars, *other.scalars))),
        words=tuple(dict.fromkeys((*one.words, *other.words))),
        chosen=tuple(dict.fromkeys((*one.chosen, *other.chosen))) if one.chosen and other.chosen else (),
        since=one.since if one.since == other.since else "",
        guest=one.guest or other.guest,
    )


def _node(node: Node, at: DeclaredPath) -> Iterator[DeclaredPath]:
    if node.hoisted:
        words = tuple(header(cls).variant for cls in node.hoisted.classes)
        yield evolve(at, path=f"{at.path}@{node.hoisted.hoisted}", words=words)
    for name, word in node.constants.items():
        yield evolve(at, path=f"{at.path}@{name}", words=(word,))
    for leaf in node.attributes:
        yield _leaf(leaf, at, f"@{leaf.name}")
    # of an element that is there or not, there is no text to speak of
    if node.text and not isinstance(node.text.scalar, Present):
        yield _leaf(node.text, at, "#text")
    for part in node.content:
        inside = evolve(at, path=f"{at.path}/{part.tag}")
        if isinstance(part, Node):
            yield inside
            yield from _node(part, inside)
        else:
            yield from _branch(part, inside)


def _leaf(leaf: Leaf, at: DeclaredPath, name: str) -> DeclaredPath:
    return evolve(
        at, path=at.path + name, scalars=(leaf.scalar,), since=leaf.since or at.since, guest=leaf.guest or at.guest
    )


def _branch(branch: Branch, at: DeclaredPath) -> Iterator[DeclaredPath]:
    for cls in branch.classes:
        said = header(cls)
        here = evolve(at, since=branch.since or said.since or at.since, guest=branch.guest or at.guest)
        if branch.hoisted:
            here = evolve(here, chosen=(said.variant,))
        plan = plan_of(cls)
        # a class with nothing in it has no element of its own, only a word that chooses it
        if not branch.hoisted or list(plan.fields()):
            yield here
            yield from _node(plan, here)
