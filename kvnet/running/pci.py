"""The PCI devices of a domain: which elements are some, and the buses they sit on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from lxml import etree

from kvnet.domain.read import domain_element
from kvnet.xml import parse

__all__ = [
    "Element",
    "bus_of",
    "device_elements",
    "is_on_pci",
    "is_pci_device",
    "pci_address",
    "root_ports",
    "slot_of",
    "whole",
]

_ROOT_PORT = "pcie-root-port"
_ROOTS = ("pci-root", "pcie-root", "pcie-expander-bus")

Element = etree._Element


def device_elements(domain_xml: str | bytes, *, file: str = "<domain>") -> tuple[Element, ...]:
    """Every child of the domain's ``<devices>``, in order. Raises XmlError."""
    domain = domain_element(parse(domain_xml, file=file), file)
    return tuple(each for devices in domain.iterchildren("devices") for each in devices.iterchildren(tag=etree.Element))


def is_pci_device(device: Element) -> bool:
    """Whether KubeVirt counts an element among the PCI devices, wherever it is placed.

    That are NICs, PCI hostdevs, virtio disks and inputs, watchdogs, the rng, the balloon, and all controllers
    but those that are a root themselves: a controller of USB that is none counts.
    """
    counts = _PCI.get(str(device.tag))
    return counts is not None and counts(device)


def pci_address(device: Element) -> Element | None:
    """Where the guest sees a device on PCI, if that is said."""
    return next((each for each in device.iterchildren("address") if each.get("type", "pci") == "pci"), None)


def is_on_pci(device: Element) -> bool:
    """Whether a device is on PCI, or nothing is said of its place."""
    return device.find("address") is None or pci_address(device) is not None


def bus_of(device: Element) -> int | None:
    """The number of the PCI bus that a device sits on, as libvirt reads it: hexadecimal with 0x, else decimal."""
    return _part(device, "bus")


def slot_of(device: Element) -> int | None:
    """The slot of that bus, read likewise."""
    return _part(device, "slot")


def _part(device: Element, name: str) -> int | None:
    address = pci_address(device)
    text = None if address is None else address.get(name, "0")
    if text is None or not re.fullmatch(r"0[xX][0-9a-fA-F]{1,4}|[0-9]{1,4}", text):
        return None
    return int(text, 16 if text[:2] in ("0x", "0X") else 10)


def root_ports(devices: tuple[Element, ...]) -> Iterator[Element]:
    """The PCIe root ports among a domain's devices."""
    for each in devices:
        if each.tag == "controller" and each.get("model") == _ROOT_PORT:
            yield each


def whole(text: str | None) -> int | None:
    """A decimal number, or none."""
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,9}", text) else None


def _always(_: Element) -> bool:
    return True


def _is_no_root(controller: Element) -> bool:
    return controller.get("model") not in _ROOTS


def _is_virtio_disk(disk: Element) -> bool:
    target = disk.find("target")
    return target is not None and target.get("bus") == "virtio"


_PCI: dict[str, Callable[[Element], bool]] = {
    "interface": _always,
    "hostdev": lambda hostdev: hostdev.get("type") == "pci",
    "controller": _is_no_root,
    "disk": _is_virtio_disk,
    "input": lambda device: device.get("bus") == "virtio",
    "watchdog": _always,
    "rng": _always,
    "memballoon": _always,
}
