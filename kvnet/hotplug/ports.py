"""PCIe root ports for hotplug: how many KubeVirt keeps free, and where on PCI a NIC can be plugged in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from attrs import frozen
from lxml import etree

from kvnet.compiler.guest import guest_of
from kvnet.device import Device, EthernetSource, HostdevSource, Interface, PciGuestAddress
from kvnet.domain.edit import edited, insertion, last_of
from kvnet.errors import FieldPath, Problem, Rejected
from kvnet.hotplug.live_domain import LiveDomain
from kvnet.root_complex import ROOT_SLOTS, asks_for_root_complex
from kvnet.spec import Machine
from kvnet.spec.nic import CONVENTIONAL_MODELS
from kvnet.target import Target
from kvnet.values import PciAddress
from kvnet.xml import write

__all__ = [
    "PciSlot",
    "RootPorts",
    "extra_controllers",
    "extra_ports",
    "free_ports",
    "free_root_slots",
    "free_slots",
    "has_hotplug_ports",
    "hotplug_off",
    "is_express",
    "is_on_root_bus",
    "no_slot",
    "placeholder_nics",
    "placeholders",
    "stays_plugged",
    "with_hotplug_ports",
]

_Element = etree._Element

_HIGHEST_INDEX = 31
_SLOT_COUNT = "kubevirt.io/pci-interface-slot-count"
_SLOTS = 4
_LARGE_MEMORY = 2 * 2**30
_ROOTS = ("pci-root", "pcie-root", "pcie-expander-bus")
_NOT_COUNTED = (*_ROOTS, "pcie-root-port")
_NO_PORT = "the domain has no free PCIe root port"
_BRIDGES = ("pcie-to-pci-bridge", "pci-bridge")
_BRIDGE_SLOTS = range(1, 32)
_I440FX_SLOTS = range(3, 32)
"""libvirt keeps slot 1 for the chipset, and slot 2 for a display."""


@frozen
class PciSlot:
    """A slot on a PCI bus of a domain; ``bus`` and ``slot`` count from 0. A root port has slot 0 alone."""

    bus: int
    slot: int = 0


@frozen(kw_only=True)
class RootPorts:
    """The indices of a domain's root ports, in order: ``off`` where hotplug is off, and ``on`` the others."""

    off: tuple[int, ...]
    on: tuple[int, ...]


def has_hotplug_ports(machine: Machine) -> bool:
    """Whether KubeVirt keeps root ports free for a machine: of type q35 or virt, on amd64 or arm64."""
    kind = machine.spec.domain.machine
    name = None if kind is None else kind.type or ""
    fits = name is None or "q35" in name or name.startswith("virt")
    return fits and (machine.spec.architecture or "amd64") in ("amd64", "arm64")


def placeholders(machine: Machine) -> int:
    """Count the NICs that KubeVirt adds while libvirt assigns PCI addresses, and removes again.

    They fill up to four NICs, or to the number in the annotation ``kubevirt.io/pci-interface-slot-count``; absent and
    SR-IOV interfaces count. Raises Rejected where that annotation is not a number. Source: KubeVirt's
    ``pkg/virt-launcher/virtwrap/manager.go``.
    """
    if not has_hotplug_ports(machine):
        return 0
    slots, nics = machine.annotations.get(_SLOT_COUNT), len(machine.interfaces)
    if slots is not None:
        return max(0, _slot_count(slots) - nics)
    if asks_for_root_complex(machine) or not nics:
        return 0
    return max(0, _SLOTS - nics)


def placeholder_nics(machine: Machine) -> tuple[str, ...]:
    """Write the XML of each placeholder. Raises Rejected as ``placeholders`` does."""
    guest, _ = guest_of(machine, Target())
    given: dict[str, Any] = {"source": EthernetSource(), "target_managed": False, "model": guest.virtio_model}
    names = (f"placeholder-{n}" for n in range(placeholders(machine)))
    return tuple(write(Interface(target=name, alias=name, **given)) for name in names)


def extra_ports(machine: Machine, domain: str | LiveDomain) -> int:
    """Count the root ports that KubeVirt appends to a domain, besides those that its placeholders leave free.

    Raises Rejected as ``placeholders`` does, and XmlError. Source: KubeVirt's
    ``pkg/virt-launcher/virtwrap/manager.go`` and ``docs/pci-topology.md``.
    """
    domain, reserved = LiveDomain.of(domain), placeholders(machine)
    if not has_hotplug_ports(machine) or asks_for_root_complex(machine):
        return 0
    in_use = sum(_is_pci(each) and _is_on_pci(each) for each in domain.devices)
    total, least = (16, 6) if (domain.about.memory or 0) > _LARGE_MEMORY else (8, 3)
    return max(0, max(total - in_use, least) - reserved)


def extra_controllers(domain: str | LiveDomain, count: int) -> tuple[str, ...]:
    """Write the XML of ``count`` root ports that follow a domain's PCI controllers, up to index 31 as KubeVirt
    does. Raises XmlError.
    """
    controllers = [each for each in LiveDomain.of(domain).devices if each.tag == "controller"]
    first = max((_index(each) or 0 for each in controllers if each.get("type") == "pci"), default=0) + 1
    indices = range(first, min(first + count, _HIGHEST_INDEX + 1))
    return tuple(f"<controller type='pci' index='{index}' model='pcie-root-port'/>" for index in indices)


def with_hotplug_ports(domain: str | LiveDomain, machine: Machine) -> str:
    """Add as many root ports to a domain's XML as KubeVirt keeps free for the machine; every other byte stays.

    KubeVirt defines a domain three times: with placeholders, without them, and with the extra ports. In the end the
    ports of the placeholders and the extra ports are free. This function adds as many at once, less those that are
    free already, so calling it again adds none. It adds one more port for each device without an address, because
    libvirt will assign one, and for the USB controller and the balloon that libvirt adds by itself. Where the count
    has to be exact, pass what libvirt wrote back after the domain was defined. Domains without PCI Express stay as
    they are.

    Raises Rejected as ``placeholders`` does, and XmlError.
    """
    domain = LiveDomain.of(domain)
    wanted = placeholders(machine) + extra_ports(machine, domain)
    missing = wanted + _to_be_placed(domain.devices) - len(free_ports(domain))
    takes_ports = domain.about.is_pci_express and domain.about.architecture != "s390x"
    added = extra_controllers(domain, max(0, missing)) if wanted and takes_ports else ()
    if not added:
        return domain.data.decode()
    return edited(domain, [insertion(domain, added, last_of(domain, ("controller",), ("emulator", "disk")))])


def hotplug_off(domain: str | LiveDomain) -> RootPorts:
    """Tell which root ports KubeVirt marks ``<target hotplug='off'/>``: those that hold a device other than a NIC.

    A port is known by its ``busNr``, and is not marked without one. libvirt accepts ``busNr`` for expander buses only,
    so KubeVirt marks none in what libvirt wrote back. The bus in an address is read as hexadecimal, with or without
    0x, whatever the type of the address. Raises XmlError. Source: KubeVirt's
    ``pkg/virt-launcher/virtwrap/pci/hotplug.go``.
    """
    domain = LiveDomain.of(domain)
    addresses = [each.find("address") for each in domain.devices if _keeps_port(each)]
    taken = {_number(each.get("bus"), 16) for each in addresses if each is not None} - {None}
    off: list[int] = []
    on: list[int] = []
    for port in _controllers(domain, "pcie-root-port"):
        index, target = _index(port), port.find("target")
        if index is not None:
            bus = None if target is None else _number(target.get("busNr"))
            (off if bus in taken or _refuses_hotplug(port) else on).append(index)
    return RootPorts(off=tuple(off), on=tuple(on))


def free_ports(domain: str | LiveDomain) -> tuple[int, ...]:
    """The indices of the root ports that can take a NIC: no device is on their bus, and hotplug is not off.

    The bus of a root port has the number of the port's index. Raises XmlError.
    """
    domain = LiveDomain.of(domain)
    taken = {each.bus for each in _taken_slots(domain)}
    ports = [_index(each) for each in _controllers(domain, "pcie-root-port") if not _refuses_hotplug(each)]
    return tuple(index for index in ports if index is not None and index not in taken)


def free_slots(domain: LiveDomain, device: Device) -> tuple[PciSlot, ...]:
    """The PCI slots where a device can be plugged into a domain, in order; none where they are not known."""
    if _controllers(domain, "pci-root"):
        return _free(domain, _I440FX_SLOTS, "pci-root")
    return tuple(map(PciSlot, free_ports(domain))) if is_express(device) else _free(domain, _BRIDGE_SLOTS, *_BRIDGES)


def no_slot(domain: LiveDomain, devices: Sequence[Device | None]) -> list[str | None]:
    """For each device that is to be attached, in order: why the domain has no PCI slot for it, else ``None``.

    Each PCI Express NIC and virtual function takes a free root port. libvirt puts NICs of other models on a slot of a
    PCI bridge (measured with libvirt 9.0). Domains without a PCIe root (i440fx, s390x), and documents that list no PCI
    controllers, have no such limits.
    """
    if not _controllers(domain, "pcie-root"):
        return [None] * len(devices)
    ports, slots = list(map(PciSlot, free_ports(domain))), list(_free(domain, _BRIDGE_SLOTS, *_BRIDGES))
    return [None if each is None else _refusal(each, ports if is_express(each) else slots) for each in devices]


def free_root_slots(domain: LiveDomain) -> tuple[PciGuestAddress, ...]:
    """The addresses on bus 0 that KubeVirt would hand out and no device of a domain has, in order."""
    taken = _taken_slots(domain)
    return tuple(PciGuestAddress.of(PciAddress(0, 0, n, 0)) for n in ROOT_SLOTS if PciSlot(0, n) not in taken)


def is_on_root_bus(device: Device) -> bool:
    """Whether a device names an address on bus 0."""
    return isinstance(device.address, PciGuestAddress) and not device.address.bus and device.address.slot is not None


def stays_plugged(domain: LiveDomain, device: Device) -> bool:
    """Whether a device cannot be unplugged while the domain runs, being on bus 0 of a PCI Express machine.

    QEMU plugs devices in and out on root ports and on bridges there, not on the root complex.
    """
    return is_on_root_bus(device) and bool(_controllers(domain, "pcie-root"))


def is_express(device: Device) -> bool:
    """Whether libvirt puts a device on a PCIe root port where there is one."""
    if not isinstance(device, Interface) or isinstance(device.source, HostdevSource):
        return True
    return device.model not in CONVENTIONAL_MODELS


def _refusal(device: Device, free: list[PciSlot]) -> str | None:
    """Take a slot for a device from those that are free, or tell why none fits."""
    address = device.address
    if address is not None and not isinstance(address, PciGuestAddress):
        return None
    if is_on_root_bus(device):
        return "nothing can be plugged into bus 0x00 while the domain runs"
    given = None if address is None or address.bus is None else PciSlot(address.bus, address.slot or 0)
    slot = next((each for each in free if given in (None, each)), None)
    if slot is not None:
        free.remove(slot)
        return None
    if is_express(device):
        buses = ", ".join(f"{each.bus:#04x}" for each in free)
        return f"bus {given.bus:#04x} is not a free root port (free: {buses})" if given and free else _NO_PORT
    needs = f"the model {getattr(device, 'model', None) or 'that libvirt chooses'} needs a slot of a PCI bridge"
    place = f"slot {given.slot:#04x} of bus {given.bus:#04x} is not free" if given and free else "none is free"
    return f"{needs}, and {place}"


def _free(domain: LiveDomain, slots: Sequence[int], *models: str) -> tuple[PciSlot, ...]:
    """The slots that are free on the buses of the controllers of some models."""
    taken = _taken_slots(domain)
    buses = [bus for each in _controllers(domain, *models) if (bus := _index(each)) is not None]
    return tuple(slot for bus in buses for n in slots if (slot := PciSlot(bus, n)) not in taken)


def _taken_slots(domain: LiveDomain) -> set[PciSlot]:
    """Where devices are on PCI, as libvirt reads their addresses: hexadecimal with 0x, else decimal."""
    taken = set()
    for address in (address for each in domain.devices for address in each.iterfind("address")):
        texts = [address.get(name, "0") for name in ("bus", "slot")]
        bus, slot = (_number(text, 16 if text[:2] in ("0x", "0X") else 10) for text in texts)
        if address.get("type", "pci") == "pci" and bus is not None and slot is not None:
            taken.add(PciSlot(bus, slot))
    return taken


def _controllers(domain: LiveDomain, *models: str) -> list[_Element]:
    return [each for each in domain.devices if each.tag == "controller" and each.get("model") in models]


def _index(controller: _Element) -> int | None:
    return _number(controller.get("index"))


def _number(text: str | None, base: int = 10) -> int | None:
    """A number; in hexadecimal, with 0x or without. ``None`` where it cannot be read."""
    try:
        return int(text or "", base)
    except ValueError:
        return None


def _refuses_hotplug(port: _Element) -> bool:
    return any(each.get("hotplug") == "off" for each in port.iterfind("target"))


def _is_pci(device: _Element) -> bool:
    """Whether KubeVirt counts an element among the PCI devices; a USB controller of model ``none`` counts.

    Source: KubeVirt's ``pkg/virt-launcher/virtwrap/manager.go``.
    """
    match device.tag:
        case "interface" | "watchdog" | "rng" | "memballoon":
            return True
        case "hostdev":
            return device.get("type") == "pci"
        case "controller":
            return device.get("model") not in _ROOTS
        case "disk":
            target = device.find("target")
            return target is not None and target.get("bus") == "virtio"
        case "input":
            return device.get("bus") == "virtio"
    return False


def _is_on_pci(device: _Element) -> bool:
    """Whether the address of a device is on PCI or not given."""
    addresses = device.findall("address")
    return not addresses or any(each.get("type", "pci") == "pci" for each in addresses)


def _keeps_port(device: _Element) -> bool:
    """Whether a device keeps its port from hotplug: KubeVirt counts memory devices, and does not count NICs."""
    if device.tag == "controller":
        return device.get("model") not in _NOT_COUNTED
    return device.tag == "memory" or (device.tag != "interface" and _is_pci(device))


def _to_be_placed(devices: Sequence[_Element]) -> int:
    """Count the devices that libvirt will assign an address, with those that it adds where there are none."""
    counted = [each for each in devices if each.tag == "interface" or _keeps_port(each)]
    waiting = [each for each in counted if each.find("address") is None and each.get("model") != "none"]
    kinds = {"usb" if each.get("type") == "usb" else each.tag for each in devices}
    return len(waiting) + sum(kind not in kinds for kind in ("usb", "memballoon"))


def _slot_count(text: str) -> int:
    """Read the number in an annotation as Go's ``strconv.Atoi`` does."""
    number = int(text) if re.fullmatch(r"[+-]?[0-9]{1,19}", text) else None
    if number is None or not -(2**63) <= number < 2**63:
        at = FieldPath(("metadata", "annotations", _SLOT_COUNT))
        hint = 'write an integer in quotes, such as "8"'
        raise Rejected([Problem(at, "KN859", f"'{text}' is not a number of slots", hint=hint)])
    return number
