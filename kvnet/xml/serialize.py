"""Read objects from XML, strictly or without loss, and write them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from lxml import etree

from kvnet.errors import FieldPath, Problem, XmlError
from kvnet.xml.diagnose import Flaw, class_of, element_text, flaws, places, read_leniently
from kvnet.xml.edit import edited
from kvnet.xml.element import Element, evolve
from kvnet.xml.generate import REFUSALS, reader, to_text, writers
from kvnet.xml.parser import parse
from kvnet.xml.paths import newer_than
from kvnet.xml.schema import declaration

__all__ = ["read", "read_tree", "to_element", "write"]


def read(text: str | bytes, *classes: type, lossless: bool = False, file: str = "<xml>") -> Any:
    """Read the object that the root element of ``text`` stands for; its class is the one of ``classes`` that fits.

    Strict reading refuses unknown attributes, children and text, a child given twice, values out of their type or
    range, and missing required parts. With ``lossless``, these are left out of the object and stay in its
    ``verbatim`` text, in which ``write`` changes only what was changed in the object. Raises XmlError with line,
    column and path of every problem.
    """
    root = parse(text, file=file)
    made = _read(root, classes, text, lossless, file)
    # the text itself and not that of the tree, which has other quotes
    return evolve(made, verbatim=text if isinstance(text, str) else text.decode()) if lossless else made


def read_tree(
    element: etree._Element, *classes: type, text: str | bytes, lossless: bool = False, file: str = "<xml>"
) -> Any:
    """Read the object of one element of a tree that was parsed from ``text``; see ``read``."""
    made = _read(element, classes, text, lossless, file)
    return evolve(made, verbatim=element_text(element)) if lossless else made


def _read(element: etree._Element, classes: tuple[type, ...], text: str | bytes, lossless: bool, file: str) -> Any:
    try:
        return _readers(classes)[element.tag](element)
    except REFUSALS:
        pass
    cls = class_of(element, classes)
    at = FieldPath((str(element.tag),))
    if cls is None:
        message = f"<{element.tag!s}> with these attributes is not one of {', '.join(cls.__name__ for cls in classes)}"
        raise _refusal([Flaw(element, "", at, "KN512", message)], text, file)
    if not lossless and (found := flaws(element, cls, at)):
        raise _refusal(found, text, file)
    made = read_leniently(element, cls)
    if made is None:
        raise _refusal(flaws(element, cls, at), text, file)
    return made


@cache
def _readers(classes: tuple[type, ...]) -> dict[Any, Callable[[etree._Element], Any]]:
    return {declaration(cls).tag: reader(cls) for cls in classes}


def _refusal(found: list[Flaw], text: str | bytes, file: str) -> XmlError:
    where = places(text, found, file)
    return XmlError(
        Problem(flaw.at, flaw.code, flaw.message, place=place) for flaw, place in zip(found, where, strict=True)
    )


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
        return edited(device)
    return to_text(device) if indent is None else to_text(device, "\n" + " " * indent).removeprefix("\n")


def to_element(device: Element) -> etree._Element:
    """The XML of an object as an lxml tree. Raises TypeError for what is not an element."""
    return parse(write(device))


def _check_indent(indent: int | None) -> None:
    if indent is None:
        return
    if not isinstance(indent, int) or isinstance(indent, bool):
        raise TypeError(f"indent is a number of spaces such as 2, not {indent!r}")
    if indent < 0:
        raise ValueError(f"indent is a number of spaces such as 2, not {indent}")
