"""The verbs an element is declared with; a field without a default is required.

A declaration is stated once, and all else walks its plan.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar, dataclass_transform

import attrs

from kvnet.xml.scalars import Scalar

__all__ = ["Declared", "Header", "Unread", "at", "attr", "child", "declared", "element", "header", "many", "variant"]

C = TypeVar("C", bound=type)
Agreement = Callable[[Any], tuple[str, str] | None]
_DECLARED = "kvnet.xml"
_REQUIRED: Any = attrs.NOTHING


@attrs.frozen
class Declared:
    """What one field says of its XML.

    ``path`` is the way to an attribute or to an element's text, seen from the element (``@dev``,
    ``model/@type``, ``tune/sndbuf``), or to the wrapper of child elements; ``classes`` are the element
    classes that may stand there; ``hoisted`` names the attribute of the parent that chooses among them.
    ``since`` is the first release of libvirt that knows the path, ``optional`` the first that can do without
    it, and ``guest`` tells that the guest sees the value. An element of which ``early`` names a variant is
    written before it.
    """

    path: str = ""
    scalar: Scalar[Any] | None = None
    classes: tuple[type, ...] = ()
    repeated: bool = False
    hoisted: str = ""
    since: str = ""
    optional: str = ""
    guest: bool = False
    early: str = ""


@attrs.frozen
class Header:
    """What a class says of its element as a whole: see ``element``."""

    tag: str
    variant: str
    since: str
    agree: Agreement | None
    disputed: tuple[str, ...]
    implied: tuple[str, ...]
    constants: dict[str, str]


@attrs.frozen(slots=False)
class Unread:
    """What lossless reading puts where something must stand and cannot be read: the element as it stood.

    ``chosen`` is the value of the parent's attribute that should have chosen its class.
    """

    chosen: str = ""
    xml: str = ""


def _field(default: Any, declared: Declared) -> Any:
    return attrs.field(default=default, metadata={_DECLARED: declared})


def attr(
    scalar: Scalar[Any],
    name: str = "",
    *,
    default: Any = _REQUIRED,
    since: str = "",
    optional: str = "",
    guest: bool = False,
) -> Any:
    """An attribute of the element itself; its XML name is the field's unless ``name`` says otherwise."""
    return _field(default, Declared(path=f"@{name}", scalar=scalar, since=since, optional=optional, guest=guest))


def at(path: str, scalar: Scalar[Any], *, default: Any = _REQUIRED, since: str = "", guest: bool = False) -> Any:
    """An attribute (``model/@type``) or text (``tune/sndbuf``) inside wrappers that need no class.

    A wrapper is there for the first of its fields: without that one, it says nothing and is refused.
    """
    return _field(default, Declared(path=path, scalar=scalar, since=since, guest=guest))


def child(
    *classes: type, inside: str = "", default: Any = _REQUIRED, since: str = "", guest: bool = False, early: str = ""
) -> Any:
    """At most one child element; of several classes, the constants of each tell which it is.

    ``inside`` names the wrapper that it stands in, where that needs no class; ``early`` the variant that it
    is written before.
    """
    return _field(default, Declared(path=inside, classes=classes, since=since, guest=guest, early=early))


def many(*classes: type, inside: str = "", default: Any = _REQUIRED, since: str = "", guest: bool = False) -> Any:
    """Any number of child elements, a tuple in document order; at least one where there is no default."""
    return _field(default, Declared(path=inside, classes=classes, repeated=True, since=since, guest=guest))


def variant(hoisted: str, *classes: type) -> Any:
    """The child whose class is chosen by the attribute ``hoisted`` of the parent, which is never stored."""
    return _field(_REQUIRED, Declared(classes=classes, hoisted=hoisted))


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(attr, at, child, many, variant))
def element(
    tag: str,
    *,
    variant: str = "",
    since: str = "",
    agree: Agreement | None = None,
    disputed: tuple[str, ...] = (),
    implied: tuple[str, ...] = (),
    **constants: str,
) -> Callable[[C], C]:
    """Declare a frozen, keyword-only class for the element ``tag``.

    ``constants`` are attributes with one value, such as ``type="pci"``; those that are ``implied`` are always
    written, and may be absent where they are read. A class that a ``variant`` field
    chooses says in ``variant`` for which value of the parent's attribute it stands; its element is not
    written when nothing is in it. ``since`` is the first release of libvirt that knows the class. Values are
    checked against the declaration when an object is made: ValueError names the class and field. ``agree``
    names a field, and what is wrong with its value beside the others, where each alone is right; it is asked where
    one of the fields that are ``disputed`` is given, or always if none is named.

    What was read without loss remembers its text in ``verbatim``, which ``attrs.evolve`` hands on, so that
    writing changes in that text what was changed in the object.
    """

    def declare(cls: C) -> C:
        if not hasattr(cls, "__kvnet__"):
            cls.__annotations__["verbatim"] = str | None
            cls.verbatim = attrs.field(default=None, eq=False, repr=False)  # type: ignore[attr-defined]
        made = attrs.frozen(kw_only=True, slots=False, init=False)(cls)
        made.__init__ = _init_first  # type: ignore[misc]
        made.__signature__ = _Signature()  # type: ignore[attr-defined]
        # what is absent is looked up here, so that a reader fills in only what is present
        for each in attrs.fields(made):
            if each.default is not attrs.NOTHING:
                setattr(made, each.name, each.default)
        made.__kvnet__ = Header(tag, variant, since, agree, disputed, implied, constants)  # type: ignore[attr-defined]
        return made

    return declare


def _init_first(self: Any, **given: Any) -> None:
    """Stands for the ``__init__`` that is generated on first use, so that importing declarations stays cheap."""
    _install(type(self))
    self.__init__(**given)


class _Signature:
    """The signature of the ``__init__`` that a class will have."""

    def __get__(self, _: Any, cls: type) -> inspect.Signature:
        _install(cls)
        whole = inspect.signature(cls.__init__)  # type: ignore[misc]
        return whole.replace(parameters=[*whole.parameters.values()][1:])


def _install(cls: type) -> None:
    from kvnet.xml.initializer import install  # noqa: PLC0415

    if cls.__init__ is _init_first:  # type: ignore[misc]
        install(cls)


def header(cls: type) -> Header:
    """What a class was declared with."""
    said: Header = cls.__kvnet__  # type: ignore[attr-defined]
    return said


def declared(cls: type) -> tuple[tuple[str, bool, Declared], ...]:
    """Each declared field of a class: its name, whether it is required, and its declaration."""
    return tuple(
        (each.name, each.default is attrs.NOTHING, each.metadata[_DECLARED])
        for each in attrs.fields(cls)
        if _DECLARED in each.metadata
    )
