"""``<interface>``: one NIC of the guest."""

from __future__ import annotations

from kvnet.device.address import GuestAddress
from kvnet.device.driver import Backend, Driver
from kvnet.device.ip import IpAddress, PortForward, Route
from kvnet.device.parts import Acpi, Rom, Teaming
from kvnet.device.patterns import ALIAS, DEVICE_NAME
from kvnet.device.source import (
    BridgeSource,
    ClientSource,
    DirectSource,
    EthernetSource,
    HostdevSource,
    InternalSource,
    McastSource,
    NetworkSource,
    NullSource,
    ServerSource,
    Source,
    UdpSource,
    UserSource,
    VdpaSource,
    VdsSource,
    VhostuserSource,
)
from kvnet.device.traffic import Bandwidth, Coalesce, Filter, GuestLink, Port, Tune, VirtualPort, Vlan
from kvnet.values import MacAddress
from kvnet.xml.element import element
from kvnet.xml.schema import RawElement, at, attr, child, children, variant
from kvnet.xml.types import Choice, Int, Mac, Text, Token, YesNo

__all__ = ["Interface"]

_SWITCHED = (BridgeSource, NetworkSource, DirectSource, HostdevSource, RawElement)


def _fit_for_the_source(nic: Interface) -> tuple[str, str] | None:
    if nic.virtualport is not None and not isinstance(nic.source, _SWITCHED):
        return "virtualport", "only interfaces on a bridge, a network, a macvtap or a host device have a virtualport"
    if nic.managed is not None and not isinstance(nic.source, (HostdevSource, RawElement)):
        return "managed", "only host devices are managed or not"
    return None


@element("interface", cross_check=_fit_for_the_source, cross_fields=("managed", "virtualport"))
class Interface:
    """One NIC. Fields stand in the order in which libvirt writes their elements."""

    managed: bool | None = attr(YesNo(), default=None, since="0.9.11")
    trust_guest_rx_filters: bool | None = attr(YesNo(), "trustGuestRxFilters", default=None, since="1.2.10")
    mac: MacAddress | None = at("mac/@address", Mac(), default=None, guest=True)
    mac_type: str | None = at("mac/@type", Choice("generated", "static"), default=None, since="6.6.0")
    mac_check: bool | None = at("mac/@check", YesNo(), default=None)
    mac_current: MacAddress | None = at("mac/@currentAddress", Mac(), default=None, since="11.2.0")
    source: Source = variant(
        "type",
        EthernetSource,
        BridgeSource,
        NetworkSource,
        DirectSource,
        UserSource,
        VhostuserSource,
        HostdevSource,
        VdpaSource,
        McastSource,
        ServerSource,
        ClientSource,
        UdpSource,
        InternalSource,
        NullSource,
        VdsSource,
    )
    vlan: Vlan | None = child(Vlan, default=None, since="0.10.0")
    virtualport: VirtualPort | None = child(VirtualPort, default=None)
    bandwidth: Bandwidth | None = child(Bandwidth, default=None)
    port: Port | None = child(Port, default=None)
    ips: tuple[IpAddress, ...] = children(IpAddress, default=(), since="1.2.12", guest=True)
    routes: tuple[Route, ...] = children(Route, default=(), since="1.2.12", guest=True)
    port_forwards: tuple[PortForward, ...] = children(PortForward, default=(), since="9.0.0")
    script: str | None = at("script/@path", Text(".+"), default=None)
    downscript: str | None = at("downscript/@path", Text(".+"), default=None, since="6.4.0")
    backend_domain: str | None = at("backenddomain/@name", Text(r"[^\n]+"), default=None, since="1.2.13")
    target: str | None = at("target/@dev", DEVICE_NAME, default=None)
    target_managed: bool | None = at("target/@managed", YesNo(), default=None, since="5.7.0")
    guest: GuestLink | None = child(GuestLink, default=None, since="1.2.7", guest=True)
    model: str | None = at(
        "model/@type",
        Token(
            r"[a-zA-Z0-9\-_]+",
            newer={"virtio-transitional": "5.2.0", "virtio-non-transitional": "5.2.0", "igb": "9.3.0"},
        ),
        default=None,
        guest=True,
    )
    driver: Driver | None = child(Driver, default=None, before_variant="hostdev")
    backend: Backend | None = child(Backend, default=None)
    filter: Filter | None = child(Filter, default=None, since="0.8.0")
    tune: Tune | None = child(Tune, default=None)
    teaming: Teaming | None = child(Teaming, default=None, guest=True)
    link: str | None = at("link/@state", Choice("up", "down"), default=None, since="0.9.5", guest=True)
    mtu: int | None = at("mtu/@size", Int(0, 65535), default=None, since="3.1.0", guest=True)
    coalesce: Coalesce | None = child(Coalesce, default=None, since="3.3.0")
    boot_order: int | None = at("boot/@order", Int(1), default=None, since="0.8.8", guest=True)
    load_parameter: str | None = at(
        "boot/@loadparm", Token("[a-zA-Z0-9. ]{1,8}"), default=None, since="3.5.0", guest=True
    )
    alias: str | None = at("alias/@name", ALIAS, default=None)
    rom: Rom | None = child(Rom, default=None)
    acpi: Acpi | None = child(Acpi, default=None, guest=True)
    address: GuestAddress | None = child(*GuestAddress.__args__, default=None, guest=True)
