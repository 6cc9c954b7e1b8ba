"""Every path that libvirt's installed schema allows below a network device.

``python -m device.schema_paths [SCHEMA]``, run in the folder ``tests``, prints one line for each path: the path, the
types of the device that allow it, its values, how often, and its place among its siblings.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from attrs import evolve, frozen
from device.relaxng import (
    NOT_ALLOWED,
    Attribute,
    Both,
    Choice,
    Data,
    Element,
    Grammar,
    Named,
    Pattern,
    Repeat,
    Text,
    Value,
    both,
    choice,
    repeat,
)

__all__ = ["DEVICES", "SCHEMA", "SchemaPath", "Use", "device_paths", "network_device_paths"]

SCHEMA = Path("/usr/share/libvirt/schemas/domain.rng")
# What the attributes of a device are held at, beside its type.
DEVICES: Mapping[str, Mapping[str, str]] = {"interface": {}, "hostdev": {"mode": "subsystem", "type": "pci"}}

Leaf = Value | Data | Text

_WIDEST = 96


@frozen
class Use:
    """What a path is in a device of one type.

    How often is counted in one parent: ``at_most`` is ``None`` without a bound. ``order`` tells where an element
    stands among its siblings: ``interleave``, ``ordered``, or empty where it has none; attributes have no order.
    """

    values: tuple[Leaf, ...]
    at_least: int
    at_most: int | None
    order: str = ""
    recursive: bool = False


@frozen
class SchemaPath:
    """One path, and its use by each type of the device that allows it, in the order of the schema."""

    path: str
    uses: Mapping[str, Use]

    @property
    def types(self) -> tuple[str, ...]:
        return tuple(self.uses)

    @property
    def values(self) -> tuple[Leaf, ...]:
        """All values, whatever the type."""
        return tuple(dict.fromkeys(leaf for use in self.uses.values() for leaf in use.values))

    @property
    def words(self) -> tuple[str, ...]:
        """The enumerated ones among the values."""
        return tuple(leaf.text for leaf in self.values if isinstance(leaf, Value))

    @property
    def required_by(self) -> tuple[str, ...]:
        """The types for which the parent cannot be without it."""
        return tuple(type_ for type_, use in self.uses.items() if use.at_least)

    @property
    def is_required(self) -> bool:
        return self.required_by == self.types

    @property
    def is_repeatable(self) -> bool:
        return any(use.at_most is None or use.at_most > 1 for use in self.uses.values())

    @property
    def order(self) -> str:
        return "+".join(sorted({use.order for use in self.uses.values() if use.order}))


@frozen
class _Slot:
    """All places of one name in a content: what stands there, and how often."""

    found: tuple[Pattern, ...]
    at_least: int
    at_most: int | None
    orders: frozenset[str] = frozenset()


_Slots = dict[str, _Slot]


def network_device_paths(schema: Path = SCHEMA) -> tuple[SchemaPath, ...]:
    """Every path below ``<interface>``, and below ``<hostdev mode='subsystem' type='pci'>``."""
    grammar = Grammar.load(schema)
    return tuple(path for device, held in DEVICES.items() for path in device_paths(grammar, device, held))


def device_paths(grammar: Grammar, device: str, held: Mapping[str, str] | None = None) -> tuple[SchemaPath, ...]:
    """Every path below ``domain/devices/<device>``, each once, parents before children, in the order of the schema.

    Elements are ``interface/mac``, attributes ``interface/mac@address``, text is ``interface/tune/sndbuf#text``.
    ``held`` fixes attributes of the device. Raises ValueError where there is no such device.
    """
    content = _below(grammar, ("domain", "devices", device))
    for name, value in (held or {}).items():
        content = _held(content, name, value)
    kinds = _slots(content).get("@type")
    types = [leaf.text for leaf in _leaves(kinds.found) if isinstance(leaf, Value)] if kinds else [""]
    uses: dict[str, dict[str, Use]] = {}
    for type_ in types:
        for path, use in _walk(grammar, _held(content, "type", type_) if kinds else content, device, frozenset()):
            uses.setdefault(path, {})[type_] = use
    return tuple(SchemaPath(path, uses[path]) for path in _siblings_together(uses))


def _below(grammar: Grammar, steps: Iterable[str]) -> Pattern:
    content = grammar.start
    for step in steps:
        slot = _slots(content).get(step)
        if slot is None:
            raise ValueError(f"the schema has no <{step}> there")
        content = choice(grammar.content(each) for each in slot.found if isinstance(each, Element))
    return content


def _held(pattern: Pattern, name: str, value: str) -> Pattern:
    """The pattern with an attribute of its own held at one value: alternatives that forbid the value are gone."""
    match pattern:
        case Attribute(found, content) if found == name:
            leaves = list(_leaves([content]))
            if Value(value) in leaves:
                return Attribute(name, Value(value))
            return NOT_ALLOWED if all(isinstance(leaf, Value) for leaf in leaves) else pattern
        case Choice(parts):
            return choice(_held(part, name, value) for part in parts)
        case Both(parts, in_any_order):
            return both((_held(part, name, value) for part in parts), in_any_order=in_any_order)
        case Repeat(content):
            return repeat(_held(content, name, value))
        case _:
            return pattern


def _walk(grammar: Grammar, content: Pattern, path: str, above: frozenset[Pattern]) -> Iterator[tuple[str, Use]]:
    for name, slot in _slots(content).items():
        order = "+".join(sorted(slot.orders))
        if name[0] in "@#":
            yield path + name, Use(tuple(dict.fromkeys(_leaves(slot.found))), slot.at_least, slot.at_most)
            continue
        fresh = [each for each in slot.found if isinstance(each, Element) and each not in above]
        inside = f"{path}/{name}"
        yield inside, Use((), slot.at_least, slot.at_most, order, recursive=len(fresh) < len(slot.found))
        # An element inside itself is listed once more, and not entered again.
        yield from _walk(grammar, choice(map(grammar.content, fresh)), inside, above.union(fresh))


def _leaves(patterns: Iterable[Pattern]) -> Iterator[Leaf]:
    for pattern in patterns:
        match pattern:
            case Value() | Data() | Text():
                yield pattern
            case Attribute(_, content) | Repeat(content):
                yield from _leaves([content])
            case Choice(parts) | Both(parts):
                yield from _leaves(parts)
            case Element() | Named():
                pass


def _slots(pattern: Pattern) -> _Slots:
    """What stands at the top of a content, by name: ``mac`` is an element, ``@type`` an attribute, ``#text`` text."""
    match pattern:
        case Element(name) | Attribute(name):
            return {name if isinstance(pattern, Element) else f"@{name}": _Slot((pattern,), 1, 1)}
        case Repeat(content):
            return {name: evolve(slot, at_most=None) for name, slot in _slots(content).items()}
        case Choice(parts):
            return _one_of([_slots(part) for part in parts])
        case Both(parts, in_any_order):
            return _all_of([_slots(part) for part in parts], "interleave" if in_any_order else "ordered")
        case Named():
            return {}
        case _:
            return {"#text": _Slot((pattern,), 0 if pattern == Text() else 1, 1)}


def _one_of(parts: list[_Slots]) -> _Slots:
    return {
        name: _Slot(
            found=_found(slots),
            at_least=min(slot.at_least for slot in slots) if len(slots) == len(parts) else 0,
            at_most=None if any(slot.at_most is None for slot in slots) else max(slot.at_most or 0 for slot in slots),
            orders=frozenset().union(*(slot.orders for slot in slots)),
        )
        for name, slots in _by_name(parts).items()
    }


def _all_of(parts: list[_Slots], order: str) -> _Slots:
    with_elements = sum(any(_is_element(name) for name in part) for part in parts)
    between = frozenset({order}) if with_elements > 1 else frozenset()
    return {
        name: _Slot(
            found=_found(slots),
            at_least=sum(slot.at_least for slot in slots),
            at_most=None if any(slot.at_most is None for slot in slots) else sum(slot.at_most or 0 for slot in slots),
            orders=frozenset().union(between if _is_element(name) else (), *(slot.orders for slot in slots)),
        )
        for name, slots in _by_name(parts).items()
    }


def _by_name(parts: list[_Slots]) -> dict[str, list[_Slot]]:
    return {name: [part[name] for part in parts if name in part] for name in dict.fromkeys(n for p in parts for n in p)}


def _found(slots: list[_Slot]) -> tuple[Pattern, ...]:
    return tuple(dict.fromkeys(pattern for slot in slots for pattern in slot.found))


def _is_element(name: str) -> bool:
    return name[0] not in "@#"


def _siblings_together(paths: Iterable[str]) -> Iterator[str]:
    """Parents before children, attributes before elements: what a later type alone has joins its siblings."""
    inside: dict[str, list[str]] = {}
    for path in paths:
        inside.setdefault(_parent(path), []).append(path)

    def below(path: str) -> Iterator[str]:
        for child in sorted(inside.get(path, ()), key=lambda each: each[len(path)] == "/"):
            yield child
            yield from below(child)

    yield from below(next(iter(inside), ""))


def _parent(path: str) -> str:
    return path[: max(path.rfind(mark) for mark in "/@#")]


def _line(path: SchemaPath, types: int) -> str:
    return "\t".join(
        (
            path.path,
            f"all {types}" if len(path.types) == types > 1 else ",".join(path.types),
            _values(path),
            _how_often(path),
            path.order,
        )
    )


def _values(path: SchemaPath) -> str:
    """Each value once, with the types that have it where they differ."""
    types: dict[Leaf, list[str]] = {leaf: [] for leaf in path.values}
    for type_, use in path.uses.items():
        for leaf in use.values:
            types[leaf].append(type_)
    differ = any(len(each) < len(path.types) for each in types.values()) and not path.path.endswith("@type")
    return " | ".join(_short(leaf) + (f" ({','.join(types[leaf])})" if differ else "") for leaf in types)


def _short(leaf: Leaf) -> str:
    text = str(leaf)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


def _how_often(path: SchemaPath) -> str:
    who = path.required_by
    required = "required" if path.is_required else f"required by {','.join(who)}" if who else "optional"
    return f"{required}, repeatable" if path.is_repeatable else required


def main(arguments: list[str]) -> int:
    paths = network_device_paths(Path(arguments[0]) if arguments else SCHEMA)
    for device in DEVICES:
        own = [path for path in paths if path.path.startswith(device)]
        types = len({type_ for path in own for type_ in path.types})
        for path in own:
            print(_line(path, types))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
