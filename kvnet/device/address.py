"""Guest addresses of devices."""

from __future__ import annotations

from typing import Self

from kvnet.values import PciAddress
from kvnet.xml.declare import attr, element
from kvnet.xml.scalars import Hex, OnOff

__all__ = ["CcwGuestAddress", "GuestAddress", "PciGuestAddress", "PciHostAddress", "VfHostAddress"]


@element("address", type="pci")
class PciGuestAddress:
    """Where the guest sees the device on its PCI buses."""

    domain: int | None = attr(Hex(4, 0xFFFFFFFF), default=None)
    bus: int | None = attr(Hex(2, 0xFF), default=None)
    slot: int | None = attr(Hex(2, 0xFF), default=None)
    function: int | None = attr(Hex(1, 7), default=None)
    multifunction: bool | None = attr(OnOff(), default=None)

    @classmethod
    def of(cls, address: PciAddress) -> Self:
        """The element for a PCI address, its digits spelled as they were."""
        return cls(domain=address.domain, bus=address.bus, slot=address.slot, function=address.function)


@element("address", type="ccw")
class CcwGuestAddress:
    """Where an s390x guest sees the device on its channel subsystem."""

    cssid: int | None = attr(Hex(2, 0xFE), default=None)
    ssid: int | None = attr(Hex(1, 3), default=None)
    devno: int | None = attr(Hex(4, 0xFFFF), default=None)


GuestAddress = PciGuestAddress | CcwGuestAddress


@element("address")
class PciHostAddress:
    """The host's PCI address of a device that is passed through."""

    domain: int | None = attr(Hex(4, 0xFFFFFFFF), default=None)
    bus: int = attr(Hex(2, 0xFF))
    slot: int = attr(Hex(2, 0x1F))
    function: int = attr(Hex(1, 7))

    @classmethod
    def of(cls, address: PciAddress) -> Self:
        """The element for a PCI address, its digits spelled as they were."""
        return cls(domain=address.domain, bus=address.bus, slot=address.slot, function=address.function)


@element("address", type="pci")
class VfHostAddress(PciHostAddress):
    """The host's PCI address as ``<interface type='hostdev'>`` spells it."""
