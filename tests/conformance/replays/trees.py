"""XML compared by what it says."""

from __future__ import annotations

from typing import Any

from lxml import etree

__all__ = ["tree"]


def tree(element: etree._Element) -> tuple[Any, ...]:
    """An element without regard to order, and without what libvirt takes as said anyway."""
    attributes = {str(name): value for name, value in element.items()}
    parent = element.getparent()
    if element.tag == "hostdev":
        attributes.pop("mode", None)
    if element.tag == "address" and parent is not None and parent.tag == "source":
        attributes.pop("type", None)
    children = sorted(map(tree, element), key=repr)
    kept = tuple(each for each in children if each != ("source", (), (), ""))
    return (element.tag, tuple(sorted(attributes.items())), kept, (element.text or "").strip())
