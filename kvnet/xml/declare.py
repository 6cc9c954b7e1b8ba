"""The verbs an element is declared with; a field without a default is required.

A declaration is stated once, and all else walks its plan.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, dataclass_transform

import attrs

from kvnet.xml.scalars import Scalar

__all__ = [
    "Declared",
    "at",
    "attr",
    "child",
    "chosen_by",
    "constants",
    "declared",
    "element",
    "many",
    "tag",
    "variant",
]

C = TypeVar("C", bound=type)
_DECLARED = "kvnet.xml"
_REQUIRED: Any = attrs.NOTHING


@attrs.frozen
class Declared:
    """What one field says of its XML.

    ``path`` is the way to an attribute or to an element's text, seen from the element (``@dev``,
    ``model/@type``, ``tune/sndbuf``), or to the wrapper of child elements; ``classes`` are the element
    classes that may stand there; ``hoisted`` names the attribute of the parent that chooses among them.
    """

    path: str = ""
    scalar: Scalar[Any] | None = None
    classes: tuple[type, ...] = ()
    repeated: bool = False
    hoisted: str = ""
    since: str = ""


def _field(default: Any, declared: Declared) -> Any:
    return attrs.field(default=default, metadata={_DECLARED: declared})


def attr(scalar: Scalar[Any], name: str = "", *, default: Any = _REQUIRED, since: str = "") -> Any:
    """An attribute of the element itself; its XML name is the field's unless ``name`` says otherwise."""
    return _field(default, Declared(path=f"@{name}", scalar=scalar, since=since))


def at(path: str, scalar: Scalar[Any], *, default: Any = _REQUIRED, since: str = "") -> Any:
    """An attribute (``model/@type``) or text (``tune/sndbuf``) inside wrappers that need no class."""
    return _field(default, Declared(path=path, scalar=scalar, since=since))


def child(*classes: type, inside: str = "", default: Any = _REQUIRED, since: str = "") -> Any:
    """At most one child element; of several classes, the constants of each tell which it is.

    ``inside`` names the wrapper that it stands in, where that needs no class.
    """
    return _field(default, Declared(path=inside, classes=classes, since=since))


def many(*classes: type, inside: str = "", default: Any = _REQUIRED, since: str = "") -> Any:
    """Any number of child elements, a tuple in document order."""
    return _field(default, Declared(path=inside, classes=classes, repeated=True, since=since))


def variant(hoisted: str, *classes: type) -> Any:
    """The child whose class is chosen by the attribute ``hoisted`` of the parent, which is never stored."""
    return _field(_REQUIRED, Declared(classes=classes, hoisted=hoisted))


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(attr, at, child, many, variant))
def element(tag: str, *, variant: str = "", **constants: str) -> Callable[[C], C]:
    """Declare a frozen, keyword-only class for the element ``tag``.

    ``constants`` are attributes with one value, such as ``type="pci"``. A class that a ``variant`` field
    chooses says in ``variant`` for which value of the parent's attribute it stands; its element is not
    written when nothing is in it. Values are checked against the declaration when an object is made:
    ValueError names the class and field.
    """

    def declare(cls: C) -> C:
        # The generated check replaces this on first use, so that importing declarations stays cheap.
        def check_first(self: Any) -> None:
            from kvnet.xml.check import install_check  # noqa: PLC0415

            install_check(type(self))
            self.__attrs_post_init__()

        cls.__attrs_post_init__ = check_first  # type: ignore[attr-defined]
        made = attrs.frozen(kw_only=True)(cls)
        made.__kvnet_tag__ = tag  # type: ignore[attr-defined]
        made.__kvnet_variant__ = variant  # type: ignore[attr-defined]
        made.__kvnet_constants__ = constants  # type: ignore[attr-defined]
        return made

    return declare


def tag(cls: type) -> str:
    """The element name a class was declared for."""
    name: str = cls.__kvnet_tag__  # type: ignore[attr-defined]
    return name


def chosen_by(cls: type) -> str:
    """The value of the parent's attribute that chooses this class, or nothing."""
    value: str = cls.__kvnet_variant__  # type: ignore[attr-defined]
    return value


def constants(cls: type) -> dict[str, str]:
    """The attributes of a class that have one value."""
    values: dict[str, str] = cls.__kvnet_constants__  # type: ignore[attr-defined]
    return values


def declared(cls: type) -> tuple[tuple[str, bool, Declared], ...]:
    """Each declared field of a class: its name, whether it is required, and its declaration."""
    return tuple(
        (each.name, each.default is attrs.NOTHING, each.metadata[_DECLARED])
        for each in attrs.fields(cls)
        if _DECLARED in each.metadata
    )
