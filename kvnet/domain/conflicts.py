"""Find what NICs that are put into a domain claim, and a device that stays there has already."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from attrs import frozen
from lxml import etree

from kvnet.domain.document import DomainDocument
from kvnet.errors import FieldPath, Place, Problem

__all__ = ["conflicts", "guest_address"]

_FILE = "<domain>"


@frozen
class _Kind:
    """Something that libvirt or the host lets one device have: how messages name it, and how to read it.

    ``claimed`` gives what a device has of it, empty for nothing; ``remedy`` is the hint.
    """

    name: str
    claimed: Callable[[etree._Element], str]
    remedy: str


def conflicts(
    document: DomainDocument, kept: Sequence[etree._Element], nics: Sequence[etree._Element]
) -> Iterator[Problem]:
    """An error (``KN509``) for each claim of a NIC that meets one of the domain it is put into.

    ``nics`` are the elements that are put in, ``kept`` the devices of the document that stay. A boot order meets
    ``<os><boot>``, too. Each problem has the place of what was there before.
    """
    owners = {(kind.name, claim): each for kind in _KINDS for each in kept if (claim := kind.claimed(each))}
    boot = document.domain.find("os/boot")
    for n, nic in enumerate(nics):
        at = FieldPath(("nics",))[n]
        if boot is not None and _boot_order(nic):
            message = f"{_named(nic)} has a boot order, and <os> has a <boot>: libvirt refuses one beside the other"
            hint = "take <boot> out of <os> and give its devices a boot order, or leave bootOrder out"
            yield Problem(at, "KN509", message, hint=hint, place=_place(document, boot))
        for kind in _KINDS:
            claim = kind.claimed(nic)
            owner = owners.setdefault((kind.name, claim), nic) if claim else nic
            if owner is not nic:
                message = f"{_named(nic)} asks for the {kind.name} {claim}, which {_named(owner)} has"
                place = None if owner in nics else _place(document, owner)
                yield Problem(at, "KN509", message, hint=kind.remedy, place=place)


def _boot_order(device: etree._Element) -> str:
    boot = device.find("boot")
    return "" if boot is None else str(_number(boot.get("order", "")))


def guest_address(device: etree._Element) -> str:
    """The numbers of an address, whatever their base; empty where libvirt chooses them."""
    address = device.find("address")
    if address is None:
        return ""
    given = {str(key): _number(str(value)) for key, value in address.items() if key not in ("type", "multifunction")}
    if not any(given.values()):
        return ""
    if address.get("type") != "pci":
        return " ".join([address.get("type", ""), *(f"{key}={given[key]}" for key in sorted(given))])
    parts = [given.get(name, 0) for name in ("domain", "bus", "slot", "function")]
    numbers = [each for each in parts if isinstance(each, int)]
    return "{:04x}:{:02x}:{:02x}.{:x}".format(*numbers) if len(numbers) == len(parts) else ":".join(map(str, parts))


def _alias(device: etree._Element) -> str:
    return _attribute(device, "alias", "name")


def _link(device: etree._Element) -> str:
    """The link on the host; the target of a disk is another thing."""
    return _attribute(device, "target", "dev") if device.tag == "interface" else ""


def _attribute(device: etree._Element, tag: str, name: str) -> str:
    child = device.find(tag)
    return "" if child is None else child.get(name, "")


_KINDS = (
    _Kind("boot order", _boot_order, "give each device its own, in the manifest or in the domain"),
    _Kind("guest address", guest_address, "choose another pciAddress, or leave it out and let libvirt choose"),
    _Kind("alias", _alias, "rename the interface in the manifest, or the alias in the domain"),
    _Kind("target", _link, "give the link another name, or take the NIC that has it out of the domain"),
)


_LONGEST_NUMBER: Final = 40
"""Characters of a number; libvirt's have at most 20 digits, and Python writes none of thousands."""


def _number(text: str) -> int | str:
    """A number as libvirt reads it, in decimal or hexadecimal; other text stays as it is."""
    if len(text) > _LONGEST_NUMBER:
        return text
    try:
        return int(text, 16 if text[:2].lower() == "0x" else 10)
    except ValueError:
        return text


def _named(device: etree._Element) -> str:
    """How a message names a device: its element, with what tells it from others."""
    known = (device.xpath(f"string({path})") for path in ("alias/@name", "target/@dev", "@model", "@type"))
    name = next(filter(None, known), "")
    return f"<{device.tag!s}> '{name}'" if name else f"<{device.tag!s}>"


def _place(document: DomainDocument, element: etree._Element) -> Place:
    before = document.data[: document.spans[element].start].decode()
    return Place(_FILE, before.count("\n") + 1, len(before) - before.rfind("\n"))
