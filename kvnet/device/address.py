"""Addresses: where the guest sees a device, and which device of the host it is passed."""

from __future__ import annotations

from typing import Self

from kvnet.values import PciAddress
from kvnet.xml.element import Element, element
from kvnet.xml.schema import attr, child
from kvnet.xml.types import Hex, Int, OnOff, Token

__all__ = [
    "CcidGuestAddress",
    "CcwGuestAddress",
    "DimmGuestAddress",
    "DriveGuestAddress",
    "GuestAddress",
    "IsaGuestAddress",
    "MmioGuestAddress",
    "PciGuestAddress",
    "PciHostAddress",
    "SpaprGuestAddress",
    "UnassignedGuestAddress",
    "UsbGuestAddress",
    "UsbHostAddress",
    "VfHostAddress",
    "VirtioSerialGuestAddress",
    "ZpciAddress",
]

_DRIVE_PART = Int(0, 99, width=2)
_USB_PART = Hex(1, 0xFFF, decimals=999)


def _uid_from_1(zpci: ZpciAddress) -> tuple[str, str] | None:
    return ("uid", "0 is the uid of no function: they count from 1") if zpci.uid == 0 else None


@element("zpci", cross_check=_uid_from_1, cross_fields=("uid",))
class ZpciAddress(Element):
    """The identifiers of a PCI function on s390x: ``uid``, from 1, and ``fid`` are unique in the guest."""

    uid: int | None = attr(Hex(4, 0xFFFF), default=None)
    fid: int | None = attr(Hex(8, 0xFFFFFFFF), default=None)


@element("address", type="pci")
class PciGuestAddress(Element):
    """Where the guest sees the device on its PCI buses.

    ``multifunction`` tells that the slot has other functions, too. ``slot`` may be up to 0xff, for KubeVirt passes that
    on; libvirt refuses more than 0x1f.
    """

    domain: int | None = attr(Hex(4, 0xFFFFFFFF), default=None)
    bus: int | None = attr(Hex(2, 0xFF), default=None)
    slot: int | None = attr(Hex(2, 0x1F, writable=0xFF), default=None)
    function: int | None = attr(Hex(1, 7), default=None)
    multifunction: bool | None = attr(OnOff(), default=None, since="0.9.7")
    zpci: ZpciAddress | None = child(ZpciAddress, default=None, since="4.10.0")

    @classmethod
    def of(cls, address: PciAddress) -> Self:
        """The element of a PCI address; capital digits stay capital."""
        return cls(domain=address.domain, bus=address.bus, slot=address.slot, function=address.function)


def _all_or_none(address: CcwGuestAddress) -> tuple[str, str] | None:
    missing = [name for name in ("cssid", "ssid", "devno") if getattr(address, name) is None]
    return (missing[0], "cssid, ssid and devno go together") if 0 < len(missing) < 3 else None


@element("address", cross_check=_all_or_none, type="ccw")
class CcwGuestAddress(Element):
    """Where an s390x guest sees the device: channel subsystem, subchannel set and device number, or none of them."""

    cssid: int | None = attr(Hex(2, 0xFE), default=None)
    ssid: int | None = attr(Hex(1, 3), default=None)
    devno: int | None = attr(Hex(4, 0xFFFF), default=None)


@element("address", type="virtio-mmio")
class MmioGuestAddress(Element):
    """A device on the memory-mapped virtio transport, where QEMU chooses the place."""


@element("address", type="spapr-vio")
class SpaprGuestAddress(Element):
    """Where a pSeries guest sees the device on its virtual I/O bus; ``reg`` is the register."""

    reg: int | None = attr(Hex(8, 0xFFFFFFFF, decimals=99999999), default=None)


@element("address", type="usb")
class UsbGuestAddress(Element):
    """Where the guest sees the device on its USB controllers; ``port`` is a path through hubs such as ``1.2``."""

    bus: int = attr(_USB_PART)
    port: str | None = attr(Token(r"((0x)?[0-9a-fA-F]{1,3}\.){0,3}(0x)?[0-9a-fA-F]{1,3}"), default=None)


@element("address", type="drive")
class DriveGuestAddress(Element):
    """The address of a disk, which libvirt's schema allows on any device."""

    controller: int | None = attr(_DRIVE_PART, default=None)
    bus: int | None = attr(_DRIVE_PART, default=None)
    target: int | None = attr(_DRIVE_PART, default=None)
    unit: int | None = attr(Int(0, 99999, width=5), default=None)


@element("address", type="virtio-serial")
class VirtioSerialGuestAddress(Element):
    """The address of a channel, which libvirt's schema allows on any device."""

    controller: int = attr(_DRIVE_PART)
    bus: int | None = attr(_DRIVE_PART, default=None)
    port: int | None = attr(_DRIVE_PART, default=None)


@element("address", type="ccid")
class CcidGuestAddress(Element):
    """The address of a smartcard, which libvirt's schema allows on any device."""

    controller: int = attr(_DRIVE_PART)
    slot: int | None = attr(_DRIVE_PART, default=None)


@element("address", type="isa")
class IsaGuestAddress(Element):
    """Where the guest sees the device on its ISA bus: I/O port and interrupt."""

    iobase: int | None = attr(Hex(1, 0xFFFF, decimals=0), default=None)
    irq: int | None = attr(Hex(1, 0xF, decimals=0), default=None)


def _slot_of_memory(address: DimmGuestAddress) -> tuple[str, str] | None:
    return ("slot", "memory has a slot") if address.slot is None else None


@element("address", cross_check=_slot_of_memory, type="dimm")
class DimmGuestAddress(Element):
    """The address of memory, which libvirt's schema allows on any device."""

    slot: int | None = attr(Int(), default=None)
    base: str | None = attr(Token(r"(0x)?[0-9a-f]+"), default=None)


@element("address", type="unassigned", since="6.0.0")
class UnassignedGuestAddress(Element):
    """The device stays in the domain but is not shown to the guest."""


GuestAddress = (
    PciGuestAddress
    | CcwGuestAddress
    | MmioGuestAddress
    | SpaprGuestAddress
    | UsbGuestAddress
    | DriveGuestAddress
    | VirtioSerialGuestAddress
    | CcidGuestAddress
    | IsaGuestAddress
    | DimmGuestAddress
    | UnassignedGuestAddress
)


@element("address")
class PciHostAddress(Element):
    """The PCI address on the host of a device that is passed through."""

    domain: int | None = attr(Hex(4, 0xFFFFFFFF), default=None)
    bus: int | None = attr(Hex(2, 0xFF), default=None)
    slot: int | None = attr(Hex(2, 0x1F), default=None)
    function: int | None = attr(Hex(1, 7), default=None)
    multifunction: bool | None = attr(OnOff(), default=None, since="0.9.7")

    @classmethod
    def of(cls, address: PciAddress) -> Self:
        """The element of a PCI address; capital digits stay capital."""
        return cls(domain=address.domain, bus=address.bus, slot=address.slot, function=address.function)


@element("address", type="pci")
class VfHostAddress(PciHostAddress):
    """The PCI address on the host as ``<interface type='hostdev'>`` spells it."""


@element("address", type="usb")
class UsbHostAddress(Element):
    """The USB address on the host of a NIC that is passed through: ``bus``, and the device's number or its port."""

    bus: int = attr(_USB_PART)
    device: int | None = attr(_USB_PART, default=None, optional_since="12.1.0")
    port: str | None = attr(Token(r"[0-9]+(\.[0-9]+){0,6}"), default=None, since="12.1.0")


def pci_text(address: PciGuestAddress | PciHostAddress) -> str:
    """A PCI address as ``lspci -D`` prints it; parts that are absent are 0.

    >>> pci_text(PciHostAddress(bus=0x81, slot=1, function=2))
    '0000:81:01.2'
    """
    domain, bus, slot, function = (
        int(part or 0) for part in (address.domain, address.bus, address.slot, address.function)
    )
    return f"{domain:04x}:{bus:02x}:{slot:02x}.{function:x}"
