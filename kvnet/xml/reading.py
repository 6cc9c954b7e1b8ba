"""Read objects from XML, strictly or without loss."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from lxml import etree

from kvnet.errors import FieldPath, Problem, XmlError
from kvnet.xml.diagnose import Flaw, class_of, element_text, flaws, places, read_leniently
from kvnet.xml.element import evolve
from kvnet.xml.generate import REFUSALS, reader
from kvnet.xml.parser import parse
from kvnet.xml.schema import declaration

__all__ = ["read", "read_tree"]


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
