"""Whether two texts are the same element: in whatever order, with whatever base of numbers."""

from __future__ import annotations

from typing import Any

from lxml import etree

import kvnet
from peers import Peer
from work import Vm, devices

__all__ = ["differences"]


def differences(peer: Peer, vm: Vm) -> list[str]:
    """What the peer makes of a machine's NICs otherwise than kvnet does; nothing if all is well.

    What the peer says it leaves out must be in kvnet's text, and must not be in the peer's.
    """
    wanted = [etree.fromstring(kvnet.write(device)) for device in devices(vm)]
    told = [f"leaves out {path}, which is nowhere" for path in peer.leaves_out if not _strip(wanted, path)]
    made = [etree.fromstring(text) for text in peer.render(vm)]
    if len(made) != len(wanted):
        return [*told, f"makes {len(made)} devices of {len(wanted)}"]
    for ours, theirs in zip(wanted, made, strict=True):
        if _shape(ours) != _shape(theirs):
            told.append(f"makes {_text(theirs)} where kvnet makes {_text(ours)}")
    return told


def _strip(trees: list[etree._Element], path: str) -> bool:
    """Take out the elements and attributes at an XPath; whether there were any."""
    found: list[Any] = [each for tree in trees for each in tree.xpath(path)]
    for each in found:
        parent: Any = each.getparent()
        if isinstance(each, etree._Element):
            parent.remove(each)
        else:
            del parent.attrib[each.attrname]
    return bool(found)


def _shape(element: etree._Element) -> tuple[Any, ...]:
    attributes = sorted((str(name), _number(str(value))) for name, value in element.attrib.items())
    return (element.tag, attributes, (element.text or "").strip(), sorted(_shape(child) for child in element))


def _number(value: str) -> str:
    """Hexadecimal numbers as decimals."""
    return str(int(value, 16)) if value.startswith("0x") else value


def _text(element: etree._Element) -> str:
    return etree.tostring(element, encoding="unicode", with_tail=False)
