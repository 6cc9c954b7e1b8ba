"""Every path that an element class declares, and the parts of an object that a release of libvirt does not know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from attrs import evolve, frozen

from kvnet.errors import FieldPath, Problem
from kvnet.values import release
from kvnet.xml.schema import Branch, Leaf, Node, declaration, plan_of
from kvnet.xml.types import Present, Scalar

__all__ = ["DeclaredPath", "newer_parts", "newer_than", "paths"]

_Release = tuple[int, ...]
_Parts = tuple[str | int, ...]


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
    """A problem for every child or attribute of an object that came after a release of libvirt, or has such a part."""
    found: dict[FieldPath, list[tuple[FieldPath, str]]] = {}
    for at, since in newer_parts(device, libvirt):
        found.setdefault(FieldPath(at.parts[:2]), []).append((at, since))
    for child, parts in found.items():
        names = {_named(at) for at, _ in parts}
        name = names.pop() if len(names) == 1 else f"{_named(child)} as it is written here"
        newest = max((since for _, since in parts), key=release)
        message = f"libvirt {libvirt} does not know {name}; it came with {newest}"
        at = parts[0][0] if len(parts) == 1 else child
        yield Problem(at, "KN520", message, hint="leave it out, or write for a newer release")


def _named(at: FieldPath) -> str:
    *around, last = [part for part in at.parts if isinstance(part, str)]
    return f"the attribute '{last[1:]}' of <{around[-1]}>" if last.startswith("@") else f"<{last}>"


def newer_parts(device: Any, libvirt: str) -> Iterator[tuple[FieldPath, str]]:
    """Every part of an object that came after a release of libvirt, with the release that it came with.

    A field that works beside others only since some release is such a part, too.
    """
    for parts, since in _newer(device, release(libvirt), (declaration(device.__class__).tag,)):
        yield FieldPath(parts), since


def _newer(device: Any, known: _Release, at: _Parts) -> Iterator[tuple[_Parts, str]]:
    held = device.__dict__
    for path, part, classes in _dated(device.__class__, known):
        value = held.get(part.field)
        if isinstance(part, Leaf):
            if value is not None or part.optional_since:
                yield from _of_leaf(part, value, known, (*at, *path))
        elif value is not None and (part.repeated or value.__class__ in classes):
            yield from _of_branch(part, value, known, (*at, *path))
    for field, since_of in declaration(device.__class__).together_since.items():
        if field in held and _is_after(since := since_of(device), known):
            yield (*at, field), since


def _of_leaf(leaf: Leaf, value: Any, known: _Release, at: _Parts) -> Iterator[tuple[_Parts, str]]:
    for since in (leaf.optional_since,) if value is None else (leaf.since, leaf.scalar.since(value)):
        if _is_after(since, known):
            yield at, since


def _of_branch(branch: Branch, held: Any, known: _Release, at: _Parts) -> Iterator[tuple[_Parts, str]]:
    values = held if branch.repeated else (held,)
    for n, value in enumerate(values):
        path = (*at, n) if branch.repeated else at
        selected = (*at[:-1], f"@{branch.selector}") if branch.selector else path
        for place, since in ((path, branch.since), (selected, declaration(value.__class__).since)):
            if _is_after(since, known):
                yield place, since
        yield from _newer(value, known, path)


@lru_cache(1024)
def _dated(cls: type, known: _Release) -> tuple[tuple[tuple[str, ...], Leaf | Branch, frozenset[type]], ...]:
    """The fields of a class that may hold something newer, with their paths, and the classes that may.

    They are few, for most fields are old: a plain NIC takes 3 µs, and 16 µs if all its fields are looked at.
    """
    found = [(path, part, _newer_classes(part, known)) for path, part in _placed(plan_of(cls), ())]
    return tuple([(path, part, classes) for path, part, classes in found if classes or _may_be_newer(part, known)])


def _placed(node: Node, inside: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Leaf | Branch]]:
    for leaf in node.leaves():
        yield (*inside, f"@{leaf.name}") if leaf.name else inside, leaf
    for part in node.content:
        path = (*inside, part.tag)
        if isinstance(part, Node):
            yield from _placed(part, path)
        else:
            yield path, part


def _newer_classes(part: Leaf | Branch, known: _Release) -> frozenset[type]:
    """The classes of a child's objects that may be newer, or hold something newer."""
    if isinstance(part, Leaf):
        return frozenset()
    if _is_after(part.since, known):
        return frozenset(part.classes)
    said = {cls: declaration(cls) for cls in part.classes}
    return frozenset(
        cls for cls in said if _is_after(said[cls].since, known) or said[cls].together_since or _dated(cls, known)
    )


def _may_be_newer(part: Leaf | Branch, known: _Release) -> bool:
    if isinstance(part, Branch):
        return False
    words: Mapping[str, str] = getattr(part.scalar, "newer", {})
    return any(_is_after(since, known) for since in (part.since, part.optional_since, *words.values()))


def _is_after(since: str, known: _Release) -> bool:
    return bool(since) and release(since) > known
