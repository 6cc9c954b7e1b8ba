"""Let a NIC take over the MAC and the guest address of the NIC that it replaces."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Self

from attrs import frozen
from lxml import etree

from kvnet.domain.conflicts import guest_address
from kvnet.nic_models import CONVENTIONAL_MODELS

__all__ = ["Taken", "inherited", "with_children"]

# quoted values may hold a >
_TAG = re.compile(r"<(?:[^\"'>]|\"[^\"]*\"|'[^']*')*>")


@frozen
class Taken:
    """The MAC addresses and guest addresses that other devices ask for, and that no NIC may take over."""

    macs: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()

    @classmethod
    def by(cls, nics: Iterable[etree._Element], others: Iterable[etree._Element]) -> Self:
        """What is asked for by new NICs, and by the devices that stay. Devices that stay may share a MAC address."""
        new = [*nics]
        return cls(frozenset(map(_mac, new)), frozenset(map(guest_address, (*new, *others))))


_NOTHING = Taken()


def inherited(new: etree._Element, old: etree._Element, taken: Taken = _NOTHING) -> list[etree._Element]:
    """The ``<mac>`` and the ``<address>`` of a NIC that the one in its place gets, having none of its own."""
    mac, address = old.find("mac"), old.find("address")
    found = []
    is_free = mac is not None and _mac(old) not in taken.macs
    if mac is not None and is_free and new.find("mac") is None and new.tag == old.tag == "interface":
        found.append(mac)
    if address is not None and address.get("type") == "pci" and new.find("address") is None:
        place = guest_address(old)
        if place and place not in taken.places and _is_conventional(new) == _is_conventional(old):
            found.append(address)
    return found


def with_children(text: str, children: Sequence[str]) -> str:
    """The XML of an element with the XML of more children: a ``<mac>`` is first, as libvirt has it, others are last."""
    if not children:
        return text
    opened = _TAG.match(text)
    assert opened is not None
    tag = opened[0]
    first = "".join(each for each in children if each.startswith("<mac"))
    last = "".join(each for each in children if not each.startswith("<mac"))
    if tag.endswith("/>"):
        name = tag[1:-2].split()[0]
        return f"{tag[:-2].rstrip()}>{first}{last}</{name}>"
    end = text.rindex("</")
    return tag + first + text[len(tag) : end] + last + text[end:]


def _mac(nic: etree._Element) -> str:
    return str(nic.xpath("string(mac/@address)")).lower()


def _is_conventional(nic: etree._Element) -> bool:
    """Whether libvirt puts a NIC on conventional PCI, and not on a PCIe root port."""
    if nic.tag != "interface" or nic.get("type") == "hostdev":
        return False
    model = nic.find("model")
    return (None if model is None else model.get("type")) in CONVENTIONAL_MODELS
