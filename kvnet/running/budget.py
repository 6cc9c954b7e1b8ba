"""Places for NICs on the PCI buses of a live domain, told before libvirt runs out of them."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define

from kvnet.device import Device, HostdevSource, Interface, PciGuestAddress
from kvnet.running.pci import Element, bus_of, device_elements, slot_of, whole
from kvnet.running.ports import free_ports

__all__ = ["Place", "free_places", "is_express", "lacking"]

Place = tuple[int, int]
"""A bus and a slot on it."""

_EXPRESS = ("virtio", "virtio-non-transitional", "e1000e", "igb")
_BRIDGES = ("pcie-to-pci-bridge", "pci-bridge")
_SLOTS = range(1, 32)
_SLOTS_OF_I440FX = range(3, 32)
"""libvirt keeps the first for the chipset, and the second for a display."""


def lacking(domain_xml: str, devices: Sequence[Device]) -> list[str | None]:
    """For each device that is to be attached, in order, why there is no place for it; ``None`` where there is.

    PCI Express NICs and virtual functions take a free root port each. Older models take a slot of a PCI bridge:
    libvirt puts all there but virtio, e1000e and igb (measured with libvirt 9.0). Domains without a PCIe root
    (i440fx, s390x), and documents that list no PCI controllers, have no such limits. Raises XmlError.
    """
    elements = device_elements(domain_xml)
    if not any(each.get("model") == "pcie-root" for each in elements if each.tag == "controller"):
        return [None] * len(devices)
    places = _Places(list(free_ports(domain_xml)), _free_slots(elements))
    return [places.refusal(device) for device in devices]


@define
class _Places:
    """Root ports by their bus, and slots of bridges by bus and slot, as long as they are free."""

    ports: list[int]
    slots: list[tuple[int, int]]

    def refusal(self, device: Device) -> str | None:
        """Take a place for a device, or say why there is none."""
        if device.address is not None and not isinstance(device.address, PciGuestAddress):
            return None
        if is_express(device):
            return self._port(device.address)
        return self._slot(device.address, str(getattr(device, "model", None) or "of libvirt's default"))

    def _port(self, address: PciGuestAddress | None) -> str | None:
        if not self.ports:
            return "the domain has no free PCIe root port left"
        if address is None or address.bus is None:
            self.ports.pop(0)
        elif address.bus in self.ports and not address.slot:
            self.ports.remove(address.bus)
        else:
            return f"bus {address.bus:#04x} is no free root port: there is {_list(self.ports)}"
        return None

    def _slot(self, address: PciGuestAddress | None, model: str) -> str | None:
        if not self.slots:
            return f"the model {model} needs a slot of a PCI bridge, and the domain has none free"
        if address is None or address.bus is None:
            self.slots.pop(0)
        elif (address.bus, address.slot or 0) in self.slots:
            self.slots.remove((address.bus, address.slot or 0))
        else:
            return f"bus {address.bus:#04x} has no free slot {address.slot or 0:#04x} for the model {model}"
        return None


def free_places(domain_xml: str, device: Device) -> tuple[Place, ...]:
    """Where a device could be plugged into a domain, in order; none where that is not known. Raises XmlError."""
    elements = device_elements(domain_xml)
    models = [each.get("model") for each in elements if each.tag == "controller"]
    if "pci-root" in models:
        taken = {slot_of(each) for each in elements if bus_of(each) == 0}
        return tuple((0, slot) for slot in _SLOTS_OF_I440FX if slot not in taken)
    if is_express(device):
        return tuple((port, 0) for port in free_ports(domain_xml))
    return tuple(_free_slots(elements))


def is_express(device: Device) -> bool:
    """Whether a device is put on a root port where there are some."""
    return not isinstance(device, Interface) or isinstance(device.source, HostdevSource) or device.model in _EXPRESS


def _free_slots(elements: Sequence[Element]) -> list[tuple[int, int]]:
    taken = {(bus_of(each), slot_of(each)) for each in elements}
    buses = (whole(each.get("index")) for each in elements if each.get("model") in _BRIDGES)
    return [(bus, slot) for bus in buses if bus is not None for slot in _SLOTS if (bus, slot) not in taken]


def _list(ports: Sequence[int]) -> str:
    return ", ".join(f"{port:#04x}" for port in ports)
