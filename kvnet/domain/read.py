"""The NICs of a whole domain, as values."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from kvnet.device import Device, Hostdev, Interface
from kvnet.errors import FieldPath, Place, Problem, XmlError
from kvnet.xml import parse, read_tree

__all__ = ["domain_element", "read_domain"]

_DOMAINS = {"domain": ".", "domstatus": "domain", "domainsnapshot": "domain", "domaincheckpoint": "domain"}


def read_domain(text: str | bytes, *, lossless: bool = False, file: str = "<domain>") -> tuple[Device, ...]:
    """Every ``<interface>`` and every PCI ``<hostdev>`` of a domain, in document order.

    ``text`` is a ``<domain>`` as ``virsh dumpxml`` prints it, or the status file, snapshot or checkpoint that
    holds one. A PCI hostdev is read whatever it is, for libvirt does not tell NICs from others; hostdevs of
    other kinds are left out. Strict and lossless reading are those of ``read_device``. Raises XmlError with
    all problems of all devices.
    """
    devices: list[Device] = []
    problems: list[Problem] = []
    for element in _elements(parse(text, file=file), file):
        try:
            devices.append(read_tree(element, Interface, Hostdev, text=text, lossless=lossless, file=file))
        except XmlError as error:
            problems += error.problems
    if problems:
        raise XmlError(problems)
    return tuple(devices)


def domain_element(root: etree._Element, file: str) -> etree._Element:
    """The ``<domain>`` in a document that is or holds one. Raises XmlError."""
    way = _DOMAINS.get(str(root.tag))
    domain = None if way is None else root.find(way)
    if domain is None:
        told = f"the root is <{root.tag!s}>, which is no <domain> and holds none"
        hint = "give a domain as `virsh dumpxml` prints it"
        raise XmlError([Problem(FieldPath(), "KN503", told, hint=hint, place=Place(file, 1, 1))])
    return domain


def _elements(root: etree._Element, file: str) -> Iterator[etree._Element]:
    for devices in domain_element(root, file).iterchildren("devices"):
        for each in devices.iterchildren("interface", "hostdev"):
            if each.tag == "interface" or each.get("type") == "pci":
                yield each
