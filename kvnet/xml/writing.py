"""Write objects as XML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kvnet.errors import XmlError
from kvnet.xml.element import Element
from kvnet.xml.generate import to_text, writers
from kvnet.xml.paths import newer_than

if TYPE_CHECKING:
    from lxml import etree

__all__ = ["to_element", "write"]

_WIDEST: Final = 1000
"""Spaces that a line may begin with."""

# Nothing is imported from lxml before it is needed: without it, objects are written too, and the command starts sooner.


def write(device: Element, *, indent: int | None = None, libvirt: str | None = None) -> str:
    """The XML of an object, on one line, or indented by ``indent`` spaces and two more for each level.

    The same object gives the same bytes, with children in libvirt's order. An object that was read without loss keeps
    the layout of its text, in which only what was changed is written anew. If ``libvirt`` is a release such as
    ``9.0.0``, XmlError names everything that this release does not know and would drop silently.

    Raises TypeError for what is not an element, ValueError for an ``indent`` or a release that makes no sense.
    """
    shapes, h = writers[device.__class__], device.__dict__
    if indent is None and libvirt is None and "verbatim" not in h:
        return shapes[tuple(h)](h)
    _check_indent(indent)
    if libvirt is not None and (problems := list(newer_than(device, libvirt))):
        raise XmlError(problems)
    if "verbatim" in h:
        from kvnet.xml.edit import edited  # noqa: PLC0415 - takes lxml

        return edited(device)
    return to_text(device) if indent is None else to_text(device, "\n" + " " * indent).removeprefix("\n")


def to_element(device: Element) -> etree._Element:
    """The XML of an object as an lxml tree. Raises TypeError for what is not an element."""
    from kvnet.xml.parser import parse  # noqa: PLC0415 - takes lxml

    return parse(write(device))


def _check_indent(indent: int | None) -> None:
    if indent is None:
        return
    if not isinstance(indent, int) or isinstance(indent, bool):
        raise TypeError(f"indent is a number of spaces such as 2, not {indent!r}")
    if indent < 0:
        raise ValueError(f"indent is a number of spaces such as 2, not {indent}")
    if indent > _WIDEST:
        raise ValueError(f"indent is a number of spaces such as 2, and at most {_WIDEST}")
