"""Element classes: the decorator that declares them, and how their objects are made, checked, shown and changed.

An object keeps in its ``__dict__`` only the fields that were given; the class has the defaults of all others. An
interface with six of its 45 fields is made, with all checks, in half of the time that a frozen attrs class with slots
takes without any, and the fields that it has tell which writer writes it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache, lru_cache, partial
from operator import itemgetter
from typing import Any, NoReturn, TypeVar, dataclass_transform

import attrs

from kvnet._codegen import function, title
from kvnet.xml.schema import (
    Branch,
    CrossCheck,
    Declaration,
    FieldCheck,
    FieldSince,
    Leaf,
    RawElement,
    at,
    attr,
    child,
    children,
    declaration,
    plan_of,
    variant,
)

__all__ = ["Element", "constructor", "element", "evolve", "evolver", "install"]

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def _typed(cls: type[T]) -> type[T]:
    """Show type checkers that subclasses take the fields of a class, which is left as it is."""
    return cls


# mypy accepts in attrs.evolve only classes that attrs.frozen itself decorates, or that have such a base
@_typed
@attrs.frozen(kw_only=True, slots=False, init=False, repr=False, eq=False)
class Element:
    """The base of all element classes.

    ``verbatim`` is the text that an object was read from without loss, else None. ``attrs.evolve`` hands it on, and
    ``write`` changes in that text only what was changed in the object.

    Objects are equal if they have one class and the same fields, ``verbatim`` set aside. All classes share the methods
    for this: attrs would generate them for each, which takes 4 % of the start of ``kvnet render``.
    """

    verbatim: str | None = attrs.field(default=None, eq=False)

    def __eq__(self, other: object) -> bool:
        return _fields_of(self) == _fields_of(other) if other.__class__ is self.__class__ else NotImplemented

    def __hash__(self) -> int:
        return hash((self.__class__, *sorted(_fields_of(self).items(), key=_name_of)))


_name_of = itemgetter(0)


def _fields_of(made: object) -> dict[str, Any]:
    """The fields that count for equality; those that were not given are not there."""
    held = vars(made)
    return {name: value for name, value in held.items() if name != "verbatim"} if "verbatim" in held else held


C = TypeVar("C", bound=type[Element])
_NONE: Mapping[str, FieldCheck] = {}
_NO_RELEASES: Mapping[str, FieldSince] = {}


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(attr, at, child, children, variant))
def element(
    tag: str,
    *,
    variant: str = "",
    since: str = "",
    cross_check: CrossCheck | None = None,
    cross_fields: tuple[str, ...] = (),
    field_checks: Mapping[str, FieldCheck] = _NONE,
    compared_with: tuple[str, ...] = (),
    together_since: Mapping[str, FieldSince] = _NO_RELEASES,
    implied: tuple[str, ...] = (),
    **constants: str,
) -> Callable[[C], C]:
    """Declare a frozen, keyword-only class for the element ``tag``.

    ``constants`` are attributes with one value, such as ``type="pci"``; those that are ``implied`` are always written
    but may be absent in what is read. ``variant`` is the value of the parent's attribute for which the class stands;
    such an element is not written if it is empty. ``since`` is the first release of libvirt that knows the class.

    Making an object raises ValueError with the class and the field for a value that cannot be written, and TypeError
    for a field that is missing or unknown. ``cross_check`` compares the fields with each other; it is called if one
    of ``cross_fields`` is given, or always if there are none. ``field_checks`` compare the fields that they are named
    after with those that ``compared_with`` lists, and are called if the former are given. ``together_since`` tells for
    fields that are given with which release of libvirt they work beside the others; empty where that is no other one.
    """

    def declare(cls: C) -> C:
        made: Any = attrs.frozen(kw_only=True, slots=False, init=False, repr=False, eq=False)(cls)
        for each in attrs.fields(made):
            if each.default is not attrs.NOTHING:
                setattr(made, each.name, each.default)
        made.__init__ = _init_first
        made.__repr__ = _repr
        made.__signature__ = _Signature()
        made.__kvnet__ = Declaration(
            tag=tag,
            variant=variant,
            since=since,
            cross_check=cross_check,
            cross_fields=cross_fields,
            field_checks=field_checks,
            compared_with=compared_with,
            together_since=together_since,
            implied=implied,
            constants=constants,
        )
        return cls

    return declare


def evolve(device: T, **changes: Any) -> T:
    """A copy of an object with some fields changed; None removes an optional field.

    It does what ``attrs.evolve`` does, but checks only the fields that change, which takes a fifth of the time.
    """
    cls: Any = device.__class__
    changed: T = evolver(cls, *changes)(device, **changes)
    return changed


@cache
def constructor(cls: type) -> Callable[[dict[str, Any]], Any]:
    """A function that makes an object of values that were checked one by one, whose dictionary becomes the object's.

    It raises ValueError if the cross check fails.
    """
    said, set_fields = declaration(cls), vars(Element)["__dict__"].__set__
    names: dict[str, Any] = {
        "new": object.__new__,
        "cls": cls,
        "set_fields": set_fields,
        "cross_check": said.cross_check,
    }
    lines = ["def make(values):", "    made = new(cls)", "    set_fields(made, values)"]
    if said.cross_check is not None:
        lines += ["    if cross_check(made): raise ValueError"]
    for name, check in said.field_checks.items():
        names[f"agrees_{name}"] = check
        lines += [f"    if '{name}' in values and agrees_{name}(made): raise ValueError"]
    return function("make", [*lines, "    return made"], names, f"make {title(cls)}")


def install(cls: Any) -> None:
    """Give a class the ``__init__`` that its declaration asks for, which is generated when it is first needed.

    With generated code for making and changing objects, JSON to XML takes a seventh less than with a loop over fields.
    """
    if cls.__init__ is not _init_first:
        return
    plan = plan_of(cls)
    names = dict(_NAMES)
    parts = list(plan.fields())
    arguments = [part.field if part.required else f"{part.field}={part.empty}" for part in parts]
    lines = [f"def __init__(self, *, {', '.join([*arguments, 'verbatim=None'])}):", "    held = self.__dict__"]
    for part in parts:
        lines += _keep(part, names)
    lines += ["    if verbatim is not None: held['verbatim'] = verbatim", *_check_together(cls, names)]
    made = function("__init__", lines, names, f"init {title(cls)}")
    made.__annotations__ = {each.name: each.type for each in attrs.fields(cls)} | {"return": None}
    cls.__init__ = made


@lru_cache(maxsize=1024)
def evolver(cls: Any, *fields: str) -> Callable[..., Any]:
    """The function that ``evolve`` calls for these fields; it takes an object, and the value of each field in order.

    Called without the detour, it takes half of the time (0.7 µs for five fields of an interface).
    """
    parts = {part.field: part for part in plan_of(cls).fields()}
    names = _NAMES | {"new": object.__new__, "cls": cls}
    lines = [f"def evolve(base, {', '.join(fields)}):", "    self = new(cls)", "    held = self.__dict__"]
    lines += ["    held.update(base.__dict__)"]
    for name in fields:
        if name == "verbatim":
            lines += ["    held['verbatim'] = verbatim"]
        elif name not in parts:
            raise TypeError(f"{cls.__name__} has no field {name!r}")
        else:
            lines += _keep(parts[name], names)
            lines += [] if parts[name].required else [f"    else: held.pop('{name}', None)"]
    lines += [*_check_together(cls, names, fields), "    return self"]
    return function("evolve", lines, names, f"evolve {' '.join(fields)} of {title(cls)}")


def _keep(part: Leaf | Branch, names: dict[str, Any]) -> Iterator[str]:
    """Code that checks the value of a field and keeps it, unless it stands for nothing."""
    name, pad = part.field, "    "
    if isinstance(part, Leaf):
        names[f"check_{name}"], names[f"scalar_{name}"] = part.scalar.check, part.scalar
        sound = part.scalar.sound.format(v=name, scalar=f"scalar_{name}", own=part.scalar)
    else:
        names[f"classes_{name}"] = classes = (*part.classes, RawElement) if part.required else part.classes
        names[f"check_{name}"] = partial(_check_children if part.repeated else _check_child, classes, part.required)
        sound = "" if part.repeated else f"{name}.__class__ in classes_{name}"
    if not part.required:
        yield f"{pad}if {name} {'!=' if part.empty == () else 'is not'} {part.empty}:"
        pad += "    "
    condition = f"if not ({sound}): " if sound else ""
    yield f"{pad}{condition}check(self, '{name}', check_{name}, {name})"
    yield f"{pad}held['{name}'] = {name}"


def _check_together(cls: type, names: dict[str, Any], changed: Collection[str] = ()) -> Iterator[str]:
    """Code for the checks of several fields: a wrapper needs its key, and the cross check has to pass.

    If only some fields are ``changed``, wrappers around others need no check.
    """
    for wrapper in plan_of(cls).wrappers():
        key, others = wrapper.key, [each.field for each in wrapper.fields() if each is not wrapper.key]
        is_changed = not changed or any(each.field in changed for each in wrapper.fields())
        if key is not None and not key.required and others and is_changed:
            given = " or ".join(f"'{name}' in held" for name in others)
            is_absent = f"{key.field} is None" if key.field in changed else f"'{key.field}' not in held"
            yield f"    if {is_absent} and ({given}):"
            yield f"        refuse(self, '{key.field}', '<{wrapper.tag}> needs it')"
    said = declaration(cls)
    repeated = {each.field for each in plan_of(cls).fields() if each.empty == ()}
    if said.cross_check is not None:
        names["cross_check"] = said.cross_check
        given = " or ".join(f"'{name}' in held" for name in said.cross_fields) or "True"
        yield f"    if ({given}) and (wrong := cross_check(self)): refuse(self, *wrong)"
    if changed and not any(name in said.compared_with for name in changed):
        checked = [name for name in said.field_checks if name in changed]
    else:
        checked = list(said.field_checks)
    for name in checked:
        names[f"agrees_{name}"] = said.field_checks[name]
        # a local name is there in half of the time of a look-up
        is_local = not changed or name in changed
        given = f"{name} {'!= ()' if name in repeated else 'is not None'}" if is_local else f"'{name}' in held"
        yield f"    if {given} and (wrong := agrees_{name}(self)): refuse(self, '{name}', wrong)"


def _check(made: Any, field: str, check: Callable[[Any], None], value: Any) -> None:
    try:
        check(value)
    except ValueError as problem:
        _refuse(made, field, problem)


def _refuse(made: Any, field: str, reason: object) -> NoReturn:
    raise ValueError(f"{made.__class__.__name__}.{field}: {reason}") from None


def _check_child(classes: tuple[type, ...], _: bool, value: Any) -> None:
    # a subclass may stand for another element
    if value.__class__ not in classes:
        raise ValueError(f"{value!r} is not one of {', '.join(cls.__name__ for cls in classes)}")


def _check_children(classes: tuple[type, ...], required: bool, values: Any) -> None:
    if not isinstance(values, tuple):
        raise ValueError(f"{values!r} is not a tuple")
    if required and not values:
        raise ValueError("at least one is needed")
    for value in values:
        _check_child(classes, required, value)


_NAMES: dict[str, Any] = {"check": _check, "refuse": _refuse}


def _init_first(self: Any, **given: Any) -> None:
    install(type(self))
    self.__init__(**given)


def _repr(self: Any) -> str:
    held = self.__dict__
    parts = sorted(plan_of(self.__class__).fields(), key=lambda part: not part.required)
    shown = ", ".join(f"{part.field}={held[part.field]!r}" for part in parts if part.field in held)
    return f"{self.__class__.__name__}({shown})"


class _Signature:
    """The signature of the ``__init__`` that a class will have."""

    def __get__(self, _: Any, cls: Any) -> inspect.Signature:
        install(cls)
        whole = inspect.signature(cls.__init__)
        return whole.replace(parameters=list(whole.parameters.values())[1:])
