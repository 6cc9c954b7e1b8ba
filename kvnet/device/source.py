"""Where a NIC is plugged in on the host: one class for each ``type`` of ``<interface>``."""

from __future__ import annotations

from kvnet.device.address import UsbHostAddress, VfHostAddress
from kvnet.device.ip import IpAddress, Route
from kvnet.device.patterns import ABSOLUTE_PATH, BRIDGE_NAME, DEVICE_NAME, UUID
from kvnet.xml.element import element
from kvnet.xml.schema import RawElement, at, attr, child, children
from kvnet.xml.types import Choice, Hex, Int, Ip, Text, YesNo

__all__ = [
    "BridgeSource",
    "ClientSource",
    "DirectSource",
    "EthernetSource",
    "HostdevSource",
    "InternalSource",
    "Local",
    "McastSource",
    "NetworkSource",
    "NullSource",
    "Reconnect",
    "ServerSource",
    "Source",
    "UdpSource",
    "UserSource",
    "VdpaSource",
    "VdsSource",
    "VhostuserSource",
]

_MAC_TABLE = Choice("kernel", "libvirt")
_PORT = Int(-1, 65535)
_LONG = Int(-(2**63), 2**63 - 1)
_USB_ID = Hex(4, 0xFFFF, decimals=9999)


@element("source", variant="ethernet")
class EthernetSource:
    """A tap that is made beforehand or by libvirt, with the addresses of the host's end."""

    ips: tuple[IpAddress, ...] = children(IpAddress, default=(), since="2.1.0")
    routes: tuple[Route, ...] = children(Route, default=(), since="2.1.0")


def _port_of_a_network(source: BridgeSource | DirectSource) -> tuple[str, str] | None:
    if source.network is None and (source.portgroup is not None or source.portid is not None):
        blamed = "portid" if source.portgroup is None else "portgroup"
        return blamed, "it belongs to a network, which is not named"
    return None


@element("source", variant="bridge", cross_check=_port_of_a_network, cross_fields=("portgroup", "portid"))
class BridgeSource:
    """A bridge of the host; in live domains with the network that it came from."""

    network: str | None = attr(Text(), default=None)
    portgroup: str | None = attr(DEVICE_NAME, default=None, since="0.9.4")
    portid: str | None = attr(UUID, default=None, since="5.1.0")
    bridge: str = attr(BRIDGE_NAME)
    mac_table_manager: str | None = attr(_MAC_TABLE, "macTableManager", default=None)


def _table_of_a_bridge(source: NetworkSource) -> tuple[str, str] | None:
    if source.bridge is None and source.mac_table_manager is not None:
        return "mac_table_manager", "macTableManager is that of a bridge, which is not named"
    return None


@element("source", variant="network", cross_check=_table_of_a_bridge, cross_fields=("mac_table_manager",))
class NetworkSource:
    """A virtual network of libvirt; in live domains with the bridge that it led to."""

    network: str = attr(Text())
    portgroup: str | None = attr(DEVICE_NAME, default=None, since="0.9.4")
    portid: str | None = attr(UUID, default=None, since="5.1.0")
    bridge: str | None = attr(BRIDGE_NAME, default=None)
    mac_table_manager: str | None = attr(_MAC_TABLE, "macTableManager", default=None)


@element(
    "source", variant="direct", since="0.7.7", cross_check=_port_of_a_network, cross_fields=("portgroup", "portid")
)
class DirectSource:
    """A macvtap on a link of the host."""

    network: str | None = attr(Text(), default=None)
    portgroup: str | None = attr(DEVICE_NAME, default=None, since="0.9.4")
    portid: str | None = attr(UUID, default=None, since="5.1.0")
    dev: str = attr(DEVICE_NAME)
    mode: str | None = attr(
        Choice("vepa", "bridge", "private", "passthrough", newer={"passthrough": "0.9.2"}), default=None
    )


@element("source", variant="user")
class UserSource:
    """Networking in user space, without any privilege; ``dev`` is passt's upstream link."""

    dev: str | None = attr(DEVICE_NAME, default=None, since="9.0.0")


@element("reconnect")
class Reconnect:
    """Whether a client of a socket tries again, after how long a time, in seconds, and with what delay."""

    enabled: bool = attr(YesNo())
    timeout: int | None = attr(Int(), default=None)
    delay: int | None = attr(Int(), default=None, since="9.2.0")


@element("source", variant="vhostuser", since="1.2.7")
class VhostuserSource:
    """A vhost-user socket, or with the passt backend the upstream link ``dev`` (libvirt 11.1)."""

    type: str | None = attr(Choice("unix"), default=None, optional_since="11.1.0")
    path: str | None = attr(ABSOLUTE_PATH, default=None, optional_since="11.1.0")
    mode: str | None = attr(Choice("server", "client"), default=None, optional_since="11.1.0")
    dev: str | None = attr(DEVICE_NAME, default=None, since="11.1.0")
    reconnect: Reconnect | None = child(Reconnect, default=None, since="4.1.0")


def _some_device(source: HostdevSource) -> tuple[str, str] | None:
    if source.address is None and source.vendor is None:
        return "address", "the device of the host is not named: write its <address>, or vendor and product"
    if (source.vendor is None) != (source.product is None):
        return "product" if source.product is None else "vendor", "vendor and product go together"
    if source.vendor is not None and source.address is not None:
        return "address", "vendor and product name the device already"
    return None


@element("source", variant="hostdev", since="0.9.11", cross_check=_some_device)
class HostdevSource:
    """A virtual function whose MAC and VLAN libvirt sets through its physical function, or a USB NIC."""

    missing: bool | None = attr(YesNo(), default=None)
    vendor: int | None = at("vendor/@id", _USB_ID, default=None)
    product: int | None = at("product/@id", _USB_ID, default=None)
    address: VfHostAddress | UsbHostAddress | None = child(VfHostAddress, UsbHostAddress, default=None)


@element("source", variant="vdpa", since="6.9.0")
class VdpaSource:
    """A vDPA device of the host, by its character device."""

    dev: str = attr(DEVICE_NAME)


@element("source", variant="mcast")
class McastSource:
    """A multicast group that the guests of several hosts share."""

    address: str = attr(Ip(only4=True))
    port: int = attr(_PORT)


@element("source", variant="server")
class ServerSource:
    """A TCP port that another guest connects to."""

    address: str | None = attr(Ip(only4=True), default=None)
    port: int = attr(_PORT)


@element("source", variant="client")
class ClientSource:
    """The TCP port of another guest's server."""

    address: str = attr(Ip(only4=True))
    port: int = attr(_PORT)


@element("local")
class Local:
    """The near end of a UDP tunnel."""

    address: str = attr(Ip(only4=True))
    port: int = attr(_PORT)


@element("source", variant="udp", since="1.2.20")
class UdpSource:
    """A UDP tunnel to another host."""

    address: str = attr(Ip(only4=True))
    port: int = attr(_PORT)
    local: Local | RawElement = child(Local)


@element("source", variant="internal")
class InternalSource:
    """A network inside VirtualBox or VMware."""

    name: str = attr(DEVICE_NAME)


@element("source", variant="null", since="8.7.0")
class NullSource:
    """No network at all."""


@element("source", variant="vds", since="8.7.0")
class VdsSource:
    """A port of a VMware distributed switch."""

    switchid: str = attr(UUID)
    portid: int | None = attr(_LONG, default=None, optional_since="10.5.0")
    portgroupid: str | None = attr(Text(), default=None, optional_since="10.5.0")
    connectionid: int | None = attr(_LONG, default=None, optional_since="10.5.0")


Source = (
    EthernetSource
    | BridgeSource
    | NetworkSource
    | DirectSource
    | UserSource
    | VhostuserSource
    | HostdevSource
    | VdpaSource
    | McastSource
    | ServerSource
    | ClientSource
    | UdpSource
    | InternalSource
    | NullSource
    | VdsSource
    | RawElement
)
