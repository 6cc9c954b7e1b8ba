"""``<hostdev type='pci'>``: a PCI function of the host, passed through."""

from __future__ import annotations

from kvnet.device.address import CcwGuestAddress, GuestAddress, PciGuestAddress, PciHostAddress
from kvnet.xml.declare import at, attr, child, element
from kvnet.xml.scalars import Choice, Int, OnOff, Text, YesNo

__all__ = ["Hostdev"]


@element("hostdev", mode="subsystem", type="pci")
class Hostdev:
    """One PCI function; driver and source stay together, as libvirt's schema wants it."""

    managed: bool | None = attr(YesNo(), default=None)
    driver: str | None = at("driver/@name", Choice("vfio", "kvm", "xen"), default=None)
    source: PciHostAddress | None = child(PciHostAddress, inside="source", default=None)
    boot_order: int | None = at("boot/@order", Int(1, 2**32 - 1), default=None)
    alias: str | None = at("alias/@name", Text(), default=None)
    rom_bar: bool | None = at("rom/@bar", OnOff(), default=None)
    rom_enabled: bool | None = at("rom/@enabled", YesNo(), default=None, since="4.3.0")
    address: GuestAddress | None = child(PciGuestAddress, CcwGuestAddress, default=None)
