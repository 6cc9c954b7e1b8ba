"""Every path that an element class declares, and the parts of an object that a release of libvirt does not know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import evolve, frozen

from kvnet.errors import FieldPath, Problem
from kvnet.values import release
from kvnet.xml.schema import Branch, Node, RawElement, declaration, plan_of
from kvnet.xml.types import Present, Scalar

__all__ = ["DeclaredPath", "newer_than", "paths"]


@frozen(kw_only=True)
class DeclaredPath:
    """One path: ``interface/mac`` is an element, ``interface/mac@address`` an attribute, ``tune/sndbuf#text`` a text.

    ``scalars`` are the types of its value, ``words`` the values of an attribute that chooses a class. ``variants`` are
    the values of the root's own such attribute for which the path exists; all if empty. ``since`` is the release of
    libvirt that came with it, empty if unknown; ``guest`` tells whether the guest sees it.
    """

    path: str
    scalars: tuple[Scalar[Any], ...] = ()
    words: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    since: str = ""
    guest: bool = False


def paths(cls: type) -> tuple[DeclaredPath, ...]:
    """Every path below the element of a class, each once, in the order of declaration."""
    found: dict[str, DeclaredPath] = {}
    for each in _node(plan_of(cls), DeclaredPath(path=declaration(cls).tag)):
        known = found.get(each.path)
        found[each.path] = each if known is None else _merged(known, each)
    return tuple(found.values())


def _merged(one: DeclaredPath, other: DeclaredPath) -> DeclaredPath:
    """A path that several classes declare; if one of them has it for all variants, it exists for all."""
    return evolve(
        one,
        scalars=tuple(dict.fromkeys((*one.scalars, *other.scalars))),
        words=tuple(dict.fromkeys((*one.words, *other.words))),
        variants=tuple(dict.fromkeys((*one.variants, *other.variants))) if one.variants and other.variants else (),
        since=one.since if one.since == other.since else "",
        guest=one.guest or other.guest,
    )


def _node(node: Node, at: DeclaredPath) -> Iterator[DeclaredPath]:
    if node.selected:
        words = tuple(declaration(cls).variant for cls in node.selected.classes)
        yield evolve(at, path=f"{at.path}@{node.selected.selector}", words=words)
    for name, word in node.constants.items():
        yield evolve(at, path=f"{at.path}@{name}", words=(word,))
    for leaf in node.leaves():
        # an element that is only there or not has no text
        if leaf.name or not isinstance(leaf.scalar, Present):
            yield evolve(
                at,
                path=f"{at.path}@{leaf.name}" if leaf.name else f"{at.path}#text",
                scalars=(leaf.scalar,),
                since=leaf.since or at.since,
                guest=leaf.guest or at.guest,
            )
    for part in node.content:
        inside = evolve(at, path=f"{at.path}/{part.tag}")
        if isinstance(part, Node):
            yield inside
            yield from _node(part, inside)
        else:
            yield from _branch(part, inside)


def _branch(branch: Branch, at: DeclaredPath) -> Iterator[DeclaredPath]:
    for cls in branch.classes:
        said = declaration(cls)
        here = evolve(at, since=branch.since or said.since or at.since, guest=branch.guest or at.guest)
        if branch.selector:
            here = evolve(here, variants=(said.variant,))
        plan = plan_of(cls)
        # a selected class without fields has no element, only the word that selects it
        if not branch.selector or list(plan.fields()):
            yield here
            yield from _node(plan, here)


def newer_than(device: Any, libvirt: str) -> Iterator[Problem]:
    """A problem for every part of an object that came after a release of libvirt."""
    known = release(libvirt)
    for at, since in _since(plan_of(device.__class__), device, FieldPath((declaration(type(device)).tag,))):
        if release(since) > known:
            message = f"libvirt {libvirt} does not know it; it came with {since}"
            yield Problem(at, "KN520", message, hint="leave it out, or write for a newer release")


def _since(node: Node, device: Any, at: FieldPath) -> Iterator[tuple[FieldPath, str]]:
    for leaf in node.leaves():
        path = at / f"@{leaf.name}" if leaf.name else at
        value = getattr(device, leaf.field)
        known = (leaf.optional_since,) if value is None else (leaf.since, leaf.scalar.since(value))
        yield from ((path, since) for since in known if since)
    for part in node.content:
        if isinstance(part, Node):
            yield from _since(part, device, at / part.tag)
        else:
            yield from _since_branch(part, getattr(device, part.field), at)


def _since_branch(branch: Branch, held: Any, at: FieldPath) -> Iterator[tuple[FieldPath, str]]:
    values = held if branch.repeated else () if held is None or isinstance(held, RawElement) else (held,)
    for n, value in enumerate(values):
        path = (at / branch.tag)[n] if branch.repeated else at / branch.tag
        said = declaration(type(value))
        selected = at / f"@{branch.selector}" if branch.selector else path
        yield from ((place, since) for place, since in ((path, branch.since), (selected, said.since)) if since)
        yield from _since(plan_of(value.__class__), value, path)
