"""``<interface>``: one NIC of the guest."""

from __future__ import annotations

from kvnet.device.address import CcwGuestAddress, GuestAddress, PciGuestAddress
from kvnet.device.parts import Filter, PortForward, VlanTag
from kvnet.device.source import (
    BridgeSource,
    DirectSource,
    EthernetSource,
    HostdevSource,
    NetworkSource,
    Source,
    UserSource,
    VhostuserSource,
)
from kvnet.values import MacAddress
from kvnet.xml.declare import at, attr, child, element, many, variant
from kvnet.xml.scalars import Choice, Int, Mac, OnOff, Text, Token, YesNo

__all__ = ["Interface"]

_VIRTUALPORTS = Choice("802.1Qbg", "802.1Qbh", "openvswitch", "midonet")


@element("interface")
class Interface:
    """One NIC. Fields stand in the order in which libvirt writes their elements."""

    managed: bool | None = attr(YesNo(), default=None)
    trust_guest_rx_filters: bool | None = attr(YesNo(), "trustGuestRxFilters", default=None)
    mac: MacAddress | None = at("mac/@address", Mac(), default=None)
    source: Source = variant(
        "type",
        EthernetSource,
        BridgeSource,
        NetworkSource,
        DirectSource,
        UserSource,
        VhostuserSource,
        HostdevSource,
    )
    vlan_trunk: bool | None = at("vlan/@trunk", YesNo(), default=None)
    vlan_tags: tuple[VlanTag, ...] = many(VlanTag, inside="vlan", default=())
    virtualport: str | None = at("virtualport/@type", _VIRTUALPORTS, default=None)
    port_forwards: tuple[PortForward, ...] = many(PortForward, default=(), since="9.0.0")
    target: str | None = at("target/@dev", Text(), default=None)
    target_managed: bool | None = at("target/@managed", YesNo(), default=None, since="5.7.0")
    model: str | None = at("model/@type", Token(r"[a-zA-Z0-9\-_]+"), default=None)
    driver: str | None = at("driver/@name", Choice("qemu", "vhost", "vfio", "kvm", "xen"), default=None)
    queues: int | None = at("driver/@queues", Int(1, 2**32 - 1), default=None, since="1.0.6")
    iommu: bool | None = at("driver/@iommu", OnOff(), default=None, since="3.5.0")
    backend: str | None = at("backend/@type", Choice("default", "passt"), default=None, since="9.0.0")
    log_file: str | None = at("backend/@logFile", Text(), default=None, since="9.0.0")
    filter: Filter | None = child(Filter, default=None)
    link: str | None = at("link/@state", Choice("up", "down"), default=None)
    mtu: int | None = at("mtu/@size", Int(0, 65535), default=None, since="3.1.0")
    boot_order: int | None = at("boot/@order", Int(1, 2**32 - 1), default=None)
    alias: str | None = at("alias/@name", Text(), default=None)
    rom_bar: bool | None = at("rom/@bar", OnOff(), default=None)
    rom_enabled: bool | None = at("rom/@enabled", YesNo(), default=None, since="4.3.0")
    acpi_index: int | None = at("acpi/@index", Int(0, 2**32 - 1), default=None, since="7.3.0")
    address: GuestAddress | None = child(PciGuestAddress, CcwGuestAddress, default=None)
