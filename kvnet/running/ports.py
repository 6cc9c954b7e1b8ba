"""PCIe root ports for NICs to be plugged in later: how many KubeVirt keeps, and which are free."""

from __future__ import annotations

import re

from attrs import frozen

from kvnet.compiler.guest import guest_of
from kvnet.device import EthernetSource, Interface
from kvnet.domain.edit import edited, insertion, last_of
from kvnet.domain.read import about, domain_element
from kvnet.domain.scan import encoded, scan
from kvnet.errors import FieldPath, Problem, Rejected
from kvnet.running.pci import (
    Element,
    bus_of,
    device_elements,
    is_on_pci,
    is_pci_device,
    root_ports,
    whole,
)
from kvnet.spec import Machine
from kvnet.target import Target
from kvnet.xml import parse, write

__all__ = [
    "HIGHEST_INDEX",
    "RootPorts",
    "extra_controllers",
    "extra_ports",
    "free_ports",
    "has_hotplug_ports",
    "hotplug_off",
    "placeholder_nics",
    "placeholders",
    "with_hotplug_ports",
]

HIGHEST_INDEX = 31
"""KubeVirt appends no PCI controller of a higher index."""

_SLOT_COUNT = "kubevirt.io/pci-interface-slot-count"
_ON_ROOT_COMPLEX = "kubevirt.io/placePCIDevicesOnRootComplex"
_SLOTS = 4
_LARGE = 2 * 2**30
_NOT_COUNTED = ("pci-root", "pcie-root", "pcie-root-port", "pcie-expander-bus")


@frozen(kw_only=True)
class _Size:
    """Ports that a machine has in all, and those that are free at least."""

    total: int
    free: int


_SMALL_MACHINE = _Size(total=8, free=3)
_LARGE_MACHINE = _Size(total=16, free=6)


@frozen(kw_only=True)
class RootPorts:
    """The indices of a domain's root ports, in order: where nothing may be plugged in or out, and the others."""

    off: tuple[int, ...]
    on: tuple[int, ...]


def has_hotplug_ports(vmi: Machine) -> bool:
    """Whether KubeVirt keeps ports for this machine: q35 or virt, on amd64 or arm64."""
    kind = vmi.spec.domain.machine
    name = None if kind is None else kind.type or ""
    fits = name is None or "q35" in name or name.startswith("virt")
    return fits and (vmi.spec.architecture or "amd64") in ("amd64", "arm64")


def placeholders(vmi: Machine) -> int:
    """How many NICs KubeVirt adds while libvirt places the devices, and takes out again.

    They fill up to four NICs, or up to what ``kubevirt.io/pci-interface-slot-count`` says; absent and SR-IOV
    interfaces count. Raises Rejected where that annotation is no number.
    """
    if not has_hotplug_ports(vmi):
        return 0
    asked, have = vmi.annotations.get(_SLOT_COUNT), len(vmi.interfaces)
    if asked is not None:
        return max(0, _slot_count(asked) - have)
    if _is_on_root_complex(vmi) or not have:
        return 0
    return max(0, _SLOTS - have)


def placeholder_nics(vmi: Machine) -> tuple[str, ...]:
    """The XML of the placeholders. Raises Rejected as ``placeholders`` does."""
    guest, _ = guest_of(vmi, Target())
    names = (f"placeholder-{n}" for n in range(placeholders(vmi)))
    return tuple(
        write(
            Interface(source=EthernetSource(), target=name, target_managed=False, model=guest.virtio_model, alias=name)
        )
        for name in names
    )


def extra_ports(vmi: Machine, domain_xml: str) -> int:
    """How many root ports KubeVirt appends to a domain, beside those that its placeholders leave.

    Raises Rejected as ``placeholders`` does, and XmlError.
    """
    devices, left = device_elements(domain_xml), placeholders(vmi)
    if not has_hotplug_ports(vmi) or _is_on_root_complex(vmi):
        return 0
    in_use = sum(is_pci_device(each) and is_on_pci(each) for each in devices)
    memory = about(domain_element(parse(domain_xml), "<domain>")).memory or 0
    size = _LARGE_MACHINE if memory > _LARGE else _SMALL_MACHINE
    return max(0, max(size.total - in_use, size.free) - left)


def extra_controllers(domain_xml: str, count: int) -> tuple[str, ...]:
    """The XML of ``count`` root ports that follow a domain's PCI controllers, up to ``HIGHEST_INDEX``.

    Raises XmlError.
    """
    used = [
        whole(each.get("index")) or 0
        for each in device_elements(domain_xml)
        if each.tag == "controller" and each.get("type") == "pci"
    ]
    first = max(used, default=0) + 1
    indices = range(first, min(first + count, HIGHEST_INDEX + 1))
    return tuple(f"<controller type='pci' index='{index}' model='pcie-root-port'/>" for index in indices)


def with_hotplug_ports(domain_xml: str, vmi: Machine) -> str:
    """The document with as many root ports added as KubeVirt keeps free; every other byte stays.

    KubeVirt defines a domain three times to get there: with placeholders, without them, and with the extra
    ports. What is free in the end are the placeholders' ports and the extra ones; these are added here at once,
    less those that are free already, and none is added twice. Devices that have no address yet are placed by
    libvirt on free ports, so they get one each, and so do the USB controller and the balloon that libvirt adds
    by itself; others that it adds are not foreseen, so give it what libvirt wrote back where the count has to be
    exact. Domains without PCI Express stay as they are. Raises Rejected as ``placeholders`` does, and XmlError.
    """
    wanted = placeholders(vmi) + extra_ports(vmi, domain_xml)
    if not wanted or not _takes_root_ports(domain_xml):
        return domain_xml
    devices = device_elements(domain_xml)
    missing = wanted + _to_be_placed(devices) - len(_free(devices))
    added = extra_controllers(domain_xml, max(0, missing))
    if not added:
        return domain_xml
    document = encoded(domain_xml, FieldPath())
    outline = scan(document)
    place = last_of(outline, ("controller",), ("emulator", "disk"))
    return edited(document, [insertion(document, outline, added, place)])


def hotplug_off(domain_xml: str) -> RootPorts:
    """Which root ports KubeVirt marks ``<target hotplug='off'/>``: those that have a device other than a NIC.

    A port is known by its ``busNr``, and stays as it is without one. libvirt takes ``busNr`` for expander buses
    alone, so in what it writes back there is none to mark. Buses of devices are read as hexadecimal,
    with 0x or without, and the type of their address does not count. Raises XmlError.
    """
    devices = device_elements(domain_xml)
    taken = {_hex_bus(each) for each in devices if _keeps_port(each)} - {None}
    off: list[int] = []
    on: list[int] = []
    for port in root_ports(devices):
        index, target = whole(port.get("index")), port.find("target")
        if index is None:
            continue
        bus = None if target is None else whole(target.get("busNr"))
        (off if (bus is not None and bus in taken) or _is_off(port) else on).append(index)
    return RootPorts(off=tuple(off), on=tuple(on))


def free_ports(domain_xml: str) -> tuple[int, ...]:
    """The indices of root ports that can take a NIC: no device sits on their bus, and hotplug is not off.

    The bus of a root port has the number of its index. Raises XmlError.
    """
    return _free(device_elements(domain_xml))


def _free(devices: tuple[Element, ...]) -> tuple[int, ...]:
    taken = {bus_of(each) for each in devices}
    indices = (whole(port.get("index")) for port in root_ports(devices) if not _is_off(port))
    return tuple(index for index in indices if index is not None and index not in taken)


def _to_be_placed(devices: tuple[Element, ...]) -> int:
    """How many devices libvirt has yet to place, those included that it adds where there are none."""
    placeless = [
        each
        for each in devices
        if (each.tag == "interface" or _keeps_port(each)) and each.find("address") is None and not _is_nowhere(each)
    ]
    kinds = {("usb" if each.get("type") == "usb" else str(each.tag)) for each in devices}
    return len(placeless) + sum(kind not in kinds for kind in ("usb", "memballoon"))


def _takes_root_ports(domain_xml: str) -> bool:
    """Whether a domain's machine has PCI Express: i440fx and s390x have not."""
    machine = about(domain_element(parse(domain_xml), "<domain>"))
    return machine.is_pci_express and machine.architecture != "s390x"


def _is_nowhere(device: Element) -> bool:
    """Whether an element says that there is no such device."""
    return device.get("model") == "none"


def _is_off(port: Element) -> bool:
    return any(target.get("hotplug") == "off" for target in port.iterchildren("target"))


def _keeps_port(device: Element) -> bool:
    """Whether a device's port is not for hotplug: as KubeVirt counts, memory devices do and NICs do not."""
    if device.tag == "controller":
        return device.get("model") not in _NOT_COUNTED
    return device.tag == "memory" or (device.tag != "interface" and is_pci_device(device))


def _hex_bus(device: Element) -> int | None:
    address = device.find("address")
    text = None if address is None else address.get("bus")
    found = None if text is None else re.fullmatch(r"(?:0[xX])?([0-9a-fA-F]{1,8})", text)
    return None if found is None else int(found[1], 16)


def _is_on_root_complex(vmi: Machine) -> bool:
    return vmi.annotations.get(_ON_ROOT_COMPLEX) == "true"


def _slot_count(text: str) -> int:
    """The number that an annotation says, as Go's ``strconv.Atoi`` reads it."""
    number = int(text) if re.fullmatch(r"[+-]?[0-9]{1,19}", text) else None
    if number is None or not -(2**63) <= number < 2**63:
        at = FieldPath(("metadata", "annotations", _SLOT_COUNT))
        raise Rejected([Problem(at, "KN859", f"'{text}' is not a number of slots", hint="write digits in quotes")])
    return number
