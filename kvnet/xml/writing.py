"""Objects become text, or a tree."""

from __future__ import annotations

from typing import Any

from lxml import etree

from kvnet.errors import XmlError
from kvnet.xml.amend import amend
from kvnet.xml.examine import salvaged
from kvnet.xml.parse import parse
from kvnet.xml.releases import newer_than
from kvnet.xml.writer import COMPACT, writer

__all__ = ["to_element", "write"]


def write(device: Any, *, indent: int | None = None, libvirt: str | None = None) -> str:
    """The XML of an object: on one line, or indented by ``indent`` spaces and two more a level.

    The same object gives the same bytes, children in libvirt's order. What was read without loss keeps its
    own layout: only what was changed since is written anew. With a release of ``libvirt`` such as ``9.0``,
    XmlError tells what that release does not know, for it would drop that without a word.
    """
    if indent is None and libvirt is None:
        held = device.__dict__
        if "verbatim" not in held:
            return COMPACT[type(device)][tuple(held)](held)
    if libvirt is not None and (problems := list(newer_than(device, libvirt))):
        raise XmlError(problems)
    if device.verbatim is not None:
        return _amended(device)
    if indent is None:
        return writer(type(device), False)(device)
    text = writer(type(device), True)(device, "\n" + " " * indent)
    return text.removeprefix("\n")


def to_element(device: Any) -> etree._Element:
    """The same as an lxml tree."""
    return parse(write(device))


def _amended(device: Any) -> str:
    text: str = device.verbatim
    root = parse(text)
    before = salvaged(root, type(device))
    if before == device:
        return text
    amend(root, before, device)
    return etree.tostring(root, encoding="unicode")
