"""Text becomes objects: strictly, or without loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from attrs import evolve
from lxml import etree

from kvnet.errors import FieldPath, Problem, XmlError
from kvnet.xml.declare import header
from kvnet.xml.examine import Flaw, fitting, flaws, salvaged
from kvnet.xml.parse import parse
from kvnet.xml.places import places
from kvnet.xml.reader import Flawed, reader

__all__ = ["read", "read_tree"]


def read(text: str | bytes, *classes: type, lossless: bool = False, file: str = "<xml>") -> Any:
    """The object that the one element of ``text`` stands for; its class is the one that fits.

    Strictly, an unknown attribute, child or text, a child given twice, a value out of its type or range, and
    a missing required part are refused, all at once. Without loss, what is not declared or not valid is left
    out of the object and stays in its text, which ``write`` changes only where the object was changed. Raises
    XmlError with line, column and path of each problem.
    """
    root = parse(text, file=file, blanks=lossless)
    if not lossless and (made := _quickly(root, classes)) is not None:
        return made
    made = _examined(root, classes, text, lossless, file)
    # its own text rather than that of the tree, which has other quotes
    return evolve(made, verbatim=text if isinstance(text, str) else text.decode()) if lossless else made


def read_tree(
    element: etree._Element, *classes: type, text: str | bytes, lossless: bool = False, file: str = "<xml>"
) -> Any:
    """The same for an element of a tree that was made of ``text``."""
    if not lossless and (made := _quickly(element, classes)) is not None:
        return made
    return _examined(element, classes, text, lossless, file)


def _quickly(element: etree._Element, classes: tuple[type, ...]) -> Any:
    """The object of a flawless element, else none."""
    try:
        return _readers(classes)[element.tag](element)
    except Flawed:
        return None


def _examined(element: etree._Element, classes: tuple[type, ...], text: str | bytes, lossless: bool, file: str) -> Any:
    cls = fitting(classes, element)
    if cls is None:
        raise XmlError(_problems([_unfit(element, classes)], text, file))
    if lossless:
        return evolve(salvaged(element, cls), verbatim=_text(element))
    found = flaws(element, cls, FieldPath((str(element.tag),)))
    if found:
        raise XmlError(_problems(found, text, file))
    return salvaged(element, cls)


@cache
def _readers(classes: tuple[type, ...]) -> dict[Any, Callable[[etree._Element], Any]]:
    return {header(cls).tag: reader(cls) for cls in classes}


def _text(element: etree._Element) -> str:
    return etree.tostring(element, encoding="unicode", with_tail=False)


def _unfit(element: etree._Element, classes: tuple[type, ...]) -> Flaw:
    told = f"<{element.tag!s}> with these attributes is not one of {', '.join(cls.__name__ for cls in classes)}"
    return Flaw(element, "", FieldPath((str(element.tag),)), "KN512", told)


def _problems(found: Sequence[Flaw], text: str | bytes, file: str) -> list[Problem]:
    where = places(text, [(flaw.element, flaw.attribute) for flaw in found], file)
    return [Problem(flaw.at, flaw.code, flaw.message, place=place) for flaw, place in zip(found, where, strict=True)]
