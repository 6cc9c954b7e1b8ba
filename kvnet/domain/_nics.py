"""From the devices of a domain to the NICs of a machine: their names, networks and interfaces."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import count

from attrs import define, evolve, field, frozen

from kvnet.compiler.naming import USER_ALIAS, VF_ALIAS
from kvnet.device import Device, Hostdev, Interface, PciGuestAddress, PciHostAddress
from kvnet.domain._attachments import Attachment, attachment, with_own_nad
from kvnet.spec import Interface as SpecInterface
from kvnet.spec import Nad, Pod, Sriov
from kvnet.spec.nic import MODELS
from kvnet.values import PciAddress

__all__ = ["Nic", "Taken", "imported_nics", "is_nic", "name_in_alias", "numbered", "pci_address"]

_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}")


@frozen
class Nic:
    """A NIC with its device as it is written in the domain, and as libvirt would run it."""

    name: str
    written: Device
    device: Device
    attachment: Attachment
    interface: SpecInterface


@define
class Taken:
    """The names that were given: of machines, of NADs, and of networks where they have to differ across machines."""

    machines: set[str] = field(factory=set)
    nads: dict[str, Nad] = field(factory=dict)
    networks: set[str] = field(factory=set)


def is_nic(device: Device) -> bool:
    """Whether a device is a NIC; of a hostdev, only the alias that KubeVirt gives its virtual functions tells it."""
    return isinstance(device, Interface) or (device.alias or "").startswith(USER_ALIAS + VF_ALIAS)


def imported_nics(devices: Iterable[tuple[Device, Device]], taken: Taken) -> Iterator[Nic]:
    """The NICs of the devices of a domain, each given as it is written and as libvirt would run it.

    The first one that needs no network of its own gets the pod network; ``taken`` learns the names.
    """
    pod_is_free = True
    for n, (written, device) in enumerate(devices):
        name = _name(device, n, taken.networks)
        taken.networks.add(name)
        attached = with_own_nad(attachment(device, name, pod_is_free=pod_is_free), taken.nads)
        pod_is_free = pod_is_free and not isinstance(attached.source, Pod)
        yield Nic(name, written, device, attached, _interface(name, device, attached))


def _name(device: Device, n: int, taken: set[str]) -> str:
    alias = name_in_alias(device)
    if alias and _NAME.fullmatch(alias):
        return next(name for name in numbered(alias) if name not in taken)
    return next(name for name in (f"net{m}" for m in range(n, n + len(taken) + 1)) if name not in taken)


def name_in_alias(device: Device) -> str | None:
    """The name in an alias of the user's."""
    prefix = USER_ALIAS + (VF_ALIAS if isinstance(device, Hostdev) else "")
    alias = device.alias or ""
    return alias.removeprefix(prefix) if alias.startswith(prefix) else None


def numbered(name: str) -> Iterator[str]:
    """The name, then ``name-2``, ``name-3`` and so on, none longer than a name may be."""
    yield name
    for n in count(2):
        suffix = f"-{n}"
        yield name[: 63 - len(suffix)] + suffix


def _interface(name: str, device: Device, attachment: Attachment) -> SpecInterface:
    address = pci_address(device.address)
    interface = SpecInterface(
        name=name,
        bindings=(attachment.binding,),
        boot_order=None if device.boot_order is None else int(device.boot_order),
        pci_address=None if address is None else str(address),
        acpi_index=int(device.acpi.index) if device.acpi is not None and device.acpi.index else None,
    )
    if isinstance(device, Hostdev):
        return interface
    if isinstance(attachment.binding, Sriov):
        return evolve(interface, mac_address=None if device.mac is None else str(device.mac), acpi_index=None)
    return evolve(
        interface,
        model=device.model if device.model in MODELS and device.model != "virtio" else None,
        mac_address=None if device.mac is None else str(device.mac),
        state="down" if device.link == "down" else None,
    )


def pci_address(address: object) -> PciAddress | None:
    """The PCI address that an element holds, if it is whole; libvirt's domains have 32 bits, KubeVirt's 16."""
    if not isinstance(address, PciGuestAddress | PciHostAddress) or None in (address.bus, address.slot):
        return None
    domain, *others = (int(part or 0) for part in (address.domain, address.bus, address.slot, address.function))
    return PciAddress(domain, *others) if domain <= 0xFFFF else None
