"""declaration → plan → generated ``__init__``: what cannot be written is refused when the object is made.

An object holds what was given, and nothing else: the defaults of its class stand for what is absent. So it costs
what it says, and its writer finds by the fields that it holds the code for just those.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import attrs

from kvnet.source import function
from kvnet.xml.declare import Unread, header
from kvnet.xml.plan import Branch, Leaf, Node, plan_of

__all__ = ["filling", "install"]


def install(cls: type) -> None:
    """Give an element class the ``__init__`` that its declaration asks for."""
    made = _generated(cls)
    made.__annotations__ = {each.name: each.type for each in attrs.fields(cls)} | {"return": None}
    cls.__init__ = made  # type: ignore[misc]


@cache
def filling(cls: Any, *fields: str) -> Callable[..., Any]:
    """A function that fills in fields: of an object without them it makes one with their values, checked as ever.

    It takes the object and a value for each field, ``None`` for none. Many objects that differ in few fields are
    made so at a third of the cost.
    """
    parts = [part for part in plan_of(cls).fields() if part.field in fields]
    names = _NAMES | {"new": object.__new__, "cls": cls}
    lines = [f"def fill(base, {', '.join(fields)}):", "    self = new(cls)", "    held = self.__dict__"]
    lines += ["    held.update(base.__dict__)"]
    for each in parts:
        lines += _leaf(each, names) if isinstance(each, Leaf) else _branch(each, names)
    said = header(cls)
    if said.agree and (not said.disputed or set(said.disputed) & set(fields)):
        names["agree"] = said.agree
        lines += ["    agreed(self, agree(self))"]
    return function("fill", [*lines, "    return self"], names, f"fill {cls.__name__} {' '.join(fields)}")


def _generated(cls: type) -> Callable[..., None]:
    plan = plan_of(cls)
    names = dict(_NAMES)
    fields = [*plan.fields()]
    arguments = [each.field if each.required else f"{each.field}={each.empty}" for each in fields]
    lines = [f"def __init__(self, *, {', '.join([*arguments, 'verbatim=None'])}):", "    held = self.__dict__"]
    for each in fields:
        lines += _leaf(each, names) if isinstance(each, Leaf) else _branch(each, names)
    for wrapper in plan.wrappers():
        lines += _wrapper(wrapper)
    lines += ["    if verbatim is not None: held['verbatim'] = verbatim"]
    said = header(cls)
    if said.agree:
        names["agree"] = said.agree
        asked = " or ".join(f"{field} is not None" for field in said.disputed) or "True"
        lines += [f"    if {asked}: agreed(self, agree(self))"]
    return function("__init__", lines, names, f"init {cls.__name__}")


def _leaf(leaf: Leaf, names: dict[str, Any]) -> Iterator[str]:
    field = leaf.field
    names[f"scalar_{field}"] = leaf.scalar
    sound = leaf.scalar.sound(field, f"scalar_{field}")
    vet = f"vet(self, '{field}', scalar_{field}.check, {field})"
    yield from _held(leaf, vet if sound is None else f"if not ({sound}): {vet}")


def _branch(branch: Branch, names: dict[str, Any]) -> Iterator[str]:
    field = branch.field
    names[f"classes_{field}"] = (*branch.classes, Unread) if branch.required else branch.classes
    if branch.repeated:
        yield from _held(branch, f"vet(self, '{field}', each_of, {field}, classes_{field}, {branch.required})")
    else:
        vet = f"vet(self, '{field}', one_of, {field}, classes_{field})"
        yield from _held(branch, f"if {field}.__class__ not in classes_{field}: {vet}")


def _held(part: Leaf | Branch, vetting: str) -> Iterator[str]:
    """Code that vets a field and keeps it, unless nothing was given."""
    pad = "    "
    if not part.required:
        yield f"{pad}if {part.field} {'is not' if part.empty is None else '!='} {part.empty}:"
        pad += "    "
    yield f"{pad}{vetting}"
    yield f"{pad}held['{part.field}'] = {part.field}"


def _wrapper(wrapper: Node) -> Iterator[str]:
    key, others = wrapper.key, [each for each in wrapper.fields() if each is not wrapper.key]
    if others and key and not key.required:
        present = " or ".join(f"{each.field} is not None" for each in others)
        yield f"    if {key.field} is None and ({present}): vet(self, '{key.field}', together, None)"


def _vet(o: Any, field: str, check: Callable[..., None], value: Any, *more: Any) -> None:
    try:
        check(value, *more)
    except ValueError as problem:
        raise ValueError(f"{type(o).__name__}.{field}: {problem}") from None


def _one_of(value: Any, classes: tuple[type, ...]) -> None:
    # a subclass may stand for another element
    if type(value) not in classes:
        raise ValueError(f"{value!r} is not one of {', '.join(cls.__name__ for cls in classes)}")


def _each_of(values: Any, classes: tuple[type, ...], required: bool) -> None:
    if not isinstance(values, tuple):
        raise ValueError(f"{values!r} is not a tuple")
    if required and not values:
        raise ValueError("there has to be one at least")
    for value in values:
        _one_of(value, classes)


def _together(_: None) -> None:
    raise ValueError("its element cannot be without it")


def _agreed(o: Any, problem: tuple[str, str] | None) -> None:
    if problem is not None:
        raise ValueError(f"{type(o).__name__}.{problem[0]}: {problem[1]}")


_NAMES: dict[str, Any] = {
    "vet": _vet,
    "one_of": _one_of,
    "each_of": _each_of,
    "together": _together,
    "agreed": _agreed,
}
