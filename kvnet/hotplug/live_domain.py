"""Parse a domain of libvirt once: its NICs, its other devices on PCI, and the position of each in the text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property

from attrs import field, frozen
from lxml import etree

from kvnet.device import Device, Hostdev, Interface
from kvnet.domain.read import About, about, domain_element
from kvnet.domain.scan import NICS, Outline, Span, encoded, scan
from kvnet.errors import FieldPath
from kvnet.spec import Interface as SpecInterface
from kvnet.spec import Sriov
from kvnet.xml import parse, read_tree

__all__ = ["USER_ALIAS", "VF_ALIAS", "DomainDevice", "LiveDomain", "LiveNic", "is_virtual_function"]

USER_ALIAS = "ua-"
"""The prefix that libvirt demands of every alias that a user gives."""

VF_ALIAS = "sriov-"
"""What KubeVirt writes after that prefix in the aliases of virtual functions, before the NIC's name."""

_FILE = "<domain>"
_ROOTS = ("pci-root", "pcie-root", "pcie-expander-bus")

_Element = etree._Element


@frozen(kw_only=True)
class LiveNic:
    """One ``<interface>`` or PCI ``<hostdev>`` of a domain.

    ``at`` is its path, such as ``interface[0]``; ``span`` its position in the document, in bytes; ``text`` its XML as
    it is spelled there; ``device`` the value of that XML, read without loss.
    """

    at: FieldPath
    span: Span
    text: str
    device: Device

    @property
    def alias(self) -> str:
        """Its alias, empty where it has none."""
        return self.device.alias or ""


@frozen(kw_only=True)
class DomainDevice:
    """One child of ``<devices>``, as far as PCI is concerned.

    ``tag``, ``type`` and ``model`` are the element's name and attributes, and ``index`` is a controller's own.
    ``is_pci`` says whether KubeVirt counts this kind of device as a PCI device, ``is_on_pci`` whether its address is on
    PCI or not given, and ``has_address`` whether it has an address of any type.
    ``bus`` and ``slot`` are its guest address on PCI as libvirt reads it (hexadecimal with 0x, else decimal).
    ``hex_bus`` is the bus as KubeVirt reads it (always hexadecimal, whatever the type of address). ``bus_number`` is
    the ``busNr`` of a controller, and ``hotplug_off`` says whether it refuses hotplug.
    """

    tag: str
    type: str | None
    model: str | None
    index: int | None
    is_pci: bool
    is_on_pci: bool
    has_address: bool
    bus: int | None
    slot: int | None
    hex_bus: int | None
    bus_number: int | None
    hotplug_off: bool

    @classmethod
    def of(cls, element: _Element) -> DomainDevice:
        """Read an element; numbers that cannot be read are ``None``."""
        children = list(element)
        addresses = [each for each in children if each.tag == "address"]
        targets = [each for each in children if each.tag == "target"]
        on_pci = next((each for each in addresses if each.get("type", "pci") == "pci"), None)
        return cls(
            tag=str(element.tag),
            type=element.get("type"),
            model=element.get("model"),
            index=_decimal(element.get("index")),
            is_pci=_is_pci(element),
            is_on_pci=on_pci is not None or not addresses,
            has_address=bool(addresses),
            bus=None if on_pci is None else _number(on_pci.get("bus", "0")),
            slot=None if on_pci is None else _number(on_pci.get("slot", "0")),
            hex_bus=_hexadecimal(addresses[0].get("bus")) if addresses else None,
            bus_number=_decimal(targets[0].get("busNr")) if targets else None,
            hotplug_off=any(each.get("hotplug") == "off" for each in targets),
        )


@frozen(slots=False)
class LiveDomain:
    """A domain document, parsed: the live configuration of a running domain, or a persistent configuration.

    ``document`` is the text in UTF-8. The rest is read from it once, when it is first used: ``about`` is what it says
    of the whole machine, ``devices`` are all its devices, ``nics`` its interfaces and PCI hostdevs, both in document
    order, and ``outline`` has the positions of its devices in bytes.

    >>> nic = "<interface type='user'><alias name='ua-a'/></interface>"
    >>> [nic.alias for nic in LiveDomain.parse(f"<domain><devices>{nic}</devices></domain>").nics]
    ['ua-a']
    """

    document: bytes
    _element: _Element = field(eq=False, repr=False)

    @classmethod
    def parse(cls, xml: str | bytes) -> LiveDomain:
        """Parse a ``<domain>`` as ``virsh dumpxml`` prints it. Raises XmlError."""
        document = encoded(xml, FieldPath()) if isinstance(xml, str) else xml
        return cls(document, domain_element(parse(document, file=_FILE), _FILE))

    @classmethod
    def of(cls, domain: str | LiveDomain) -> LiveDomain:
        """A domain that may be parsed already. Raises XmlError."""
        return domain if isinstance(domain, LiveDomain) else cls.parse(domain)

    @cached_property
    def about(self) -> About:
        return about(self._element)

    @cached_property
    def devices(self) -> tuple[DomainDevice, ...]:
        return tuple(map(DomainDevice.of, self._children()))

    @cached_property
    def outline(self) -> Outline:
        return scan(self.document, _FILE)

    @cached_property
    def nics(self) -> tuple[LiveNic, ...]:
        spans = [span for devices in self.outline.devices for span in devices.children]
        return _nics(self.document, spans, self._children())

    def _children(self) -> list[_Element]:
        return [child for each in self._element.findall("devices") for child in each.iterchildren(tag=etree.Element)]

    def nics_of(self, interface: SpecInterface, name_of: Callable[[str], str | None]) -> tuple[LiveNic, ...]:
        """The NICs whose alias names an interface of the machine: one, none, or several where an alias is not unique.

        ``name_of`` reads the name from an alias. An SR-IOV interface is first looked for as ``sriov-NAME`` among the
        hostdevs.
        """
        wanted: list[tuple[type[Device], str]] = [(Interface, interface.name)]
        if is_virtual_function(interface):
            wanted.insert(0, (Hostdev, f"{VF_ALIAS}{interface.name}"))
        for kind, name in wanted:
            found = tuple(nic for nic in self.nics if isinstance(nic.device, kind) and name_of(nic.alias) == name)
            if found:
                return found
        return ()


def is_virtual_function(interface: SpecInterface) -> bool:
    """Whether an interface of a machine is a virtual function that is passed through."""
    return isinstance(interface.binding, Sriov)


def _nics(document: bytes, spans: Sequence[Span], elements: Sequence[_Element]) -> tuple[LiveNic, ...]:
    found: list[LiveNic] = []
    counts = dict.fromkeys(NICS, 0)
    for span, element in zip(spans, elements, strict=True):
        if span.tag not in NICS:
            continue
        at = FieldPath((span.tag,))[counts[span.tag]]
        counts[span.tag] += 1
        if span.tag == "interface" or element.get("type") == "pci":
            text = document[span.start : span.end].decode()
            device = read_tree(element, Interface, Hostdev, text=text, lossless=True)
            found.append(LiveNic(at=at, span=span, text=text, device=device))
    return tuple(found)


def _is_pci(element: _Element) -> bool:
    """Whether KubeVirt counts an element among the PCI devices; a USB controller of model ``none`` counts.

    Source: KubeVirt's ``pkg/virt-launcher/virtwrap/manager.go``.
    """
    match element.tag:
        case "interface" | "watchdog" | "rng" | "memballoon":
            return True
        case "hostdev":
            return element.get("type") == "pci"
        case "controller":
            return element.get("model") not in _ROOTS
        case "disk":
            target = element.find("target")
            return target is not None and target.get("bus") == "virtio"
        case "input":
            return element.get("bus") == "virtio"
    return False


def _decimal(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,9}", text) else None


def _hexadecimal(text: str | None) -> int | None:
    found = None if text is None else re.fullmatch(r"(?:0[xX])?([0-9a-fA-F]{1,8})", text)
    return None if found is None else int(found[1], 16)


def _number(text: str) -> int | None:
    if not re.fullmatch(r"0[xX][0-9a-fA-F]{1,4}|[0-9]{1,4}", text):
        return None
    return int(text, 16 if text[:2] in ("0x", "0X") else 10)
