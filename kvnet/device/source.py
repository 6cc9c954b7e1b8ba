"""What a NIC is plugged into on the host: one class for each ``type`` of ``<interface>``."""

from __future__ import annotations

from kvnet.device.address import UsbHostAddress, VfHostAddress
from kvnet.device.ip import IpAddress, Route
from kvnet.xml.element import Element, element
from kvnet.xml.schema import RawElement, at, attr, child, children
from kvnet.xml.types import ABSOLUTE_PATH, BRIDGE_NAME, DEVICE_NAME, UUID, Choice, Hex, Int, Ip, Text, YesNo

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
class EthernetSource(Element):
    """A tap that exists or that libvirt makes, with the addresses and routes of the host's end."""

    ips: tuple[IpAddress, ...] = children(IpAddress, default=(), since="2.1.0")
    routes: tuple[Route, ...] = children(Route, default=(), since="2.1.0")


def _port_of_a_network(source: BridgeSource | DirectSource) -> tuple[str, str] | None:
    if source.network is None and (source.portgroup is not None or source.portid is not None):
        blamed = "portid" if source.portgroup is None else "portgroup"
        return blamed, "only a source with a network has it"
    return None


@element("source", variant="bridge", cross_check=_port_of_a_network, cross_fields=("portgroup", "portid"))
class BridgeSource(Element):
    """A bridge of the host.

    In live domains libvirt adds the network that it belongs to, with the port group and the identifier of the port.
    ``mac_table_manager`` says whether the kernel or libvirt maintains the bridge's MAC table.
    """

    network: str | None = attr(Text(), default=None)
    portgroup: str | None = attr(DEVICE_NAME, default=None, since="0.9.4")
    portid: str | None = attr(UUID, default=None, since="5.1.0")
    bridge: str = attr(BRIDGE_NAME)
    mac_table_manager: str | None = attr(_MAC_TABLE, "macTableManager", default=None)


def _table_of_a_bridge(source: NetworkSource) -> tuple[str, str] | None:
    if source.bridge is None and source.mac_table_manager is not None:
        return "mac_table_manager", "only a source with a bridge has it"
    return None


@element("source", variant="network", cross_check=_table_of_a_bridge, cross_fields=("mac_table_manager",))
class NetworkSource(Element):
    """A virtual network of libvirt, and optionally a port group of it; in live domains with its bridge."""

    network: str = attr(Text())
    portgroup: str | None = attr(DEVICE_NAME, default=None, since="0.9.4")
    portid: str | None = attr(UUID, default=None, since="5.1.0")
    bridge: str | None = attr(BRIDGE_NAME, default=None)
    mac_table_manager: str | None = attr(_MAC_TABLE, "macTableManager", default=None)


@element(
    "source", variant="direct", since="0.7.7", cross_check=_port_of_a_network, cross_fields=("portgroup", "portid")
)
class DirectSource(Element):
    """A macvtap on the link ``dev`` of the host; the other fields are those of ``BridgeSource``."""

    network: str | None = attr(Text(), default=None)
    portgroup: str | None = attr(DEVICE_NAME, default=None, since="0.9.4")
    portid: str | None = attr(UUID, default=None, since="5.1.0")
    dev: str = attr(DEVICE_NAME)
    mode: str | None = attr(
        Choice("vepa", "bridge", "private", "passthrough", newer={"passthrough": "0.9.2"}), default=None
    )


@element("source", variant="user")
class UserSource(Element):
    """A network in user space, by slirp or passt; ``dev`` is the host's link that passt uses."""

    dev: str | None = attr(DEVICE_NAME, default=None, since="9.0.0")


def _timeout_to_reconnect(reconnect: Reconnect) -> tuple[str, str] | None:
    return ("timeout", "reconnecting needs it") if reconnect.enabled and reconnect.timeout is None else None


@element("reconnect", cross_check=_timeout_to_reconnect)
class Reconnect(Element):
    """Whether the client of a socket connects again, and ``timeout`` and ``delay`` of that in seconds."""

    enabled: bool = attr(YesNo())
    timeout: int | None = attr(Int(), default=None)
    delay: int | None = attr(Int(), default=None, since="9.2.0")


def _clients_reconnect(source: VhostuserSource) -> tuple[str, str] | None:
    connects_again = source.mode == "server" and source.reconnect is not None and source.reconnect.enabled
    return ("reconnect", "a server does not connect again, but its clients") if connects_again else None


@element("source", variant="vhostuser", since="1.2.7", cross_check=_clients_reconnect, cross_fields=("reconnect",))
class VhostuserSource(Element):
    """A vhost-user socket at ``path``; or with the passt backend (libvirt 11.1) the link ``dev`` that passt uses."""

    type: str | None = attr(Choice("unix"), default=None, optional_since="11.1.0")
    path: str | None = attr(ABSOLUTE_PATH, default=None, optional_since="11.1.0")
    mode: str | None = attr(Choice("server", "client"), default=None, optional_since="11.1.0")
    dev: str | None = attr(DEVICE_NAME, default=None, since="11.1.0")
    reconnect: Reconnect | None = child(Reconnect, default=None, since="4.1.0")


def _some_device(source: HostdevSource) -> tuple[str, str] | None:
    if source.address is None and source.vendor is None:
        return "address", "the source needs the <address> of a host device, or its vendor and product"
    if source.vendor == 0:
        return "vendor", "0 is the number of no vendor"
    if (source.vendor is None) != (source.product is None):
        return "product" if source.product is None else "vendor", "vendor and product go together"
    if source.vendor is not None and source.address is not None:
        return "address", "vendor and product give the device already"
    return None


@element("source", variant="hostdev", since="0.9.11", cross_check=_some_device)
class HostdevSource(Element):
    """A virtual function whose MAC and VLAN libvirt sets through its physical function, or a USB NIC.

    The device is given by its address, or a USB NIC by the numbers of its ``vendor`` and ``product``. ``missing`` is
    libvirt's mark of a device that is not plugged.
    """

    missing: bool | None = attr(YesNo(), default=None)
    vendor: int | None = at("vendor/@id", _USB_ID, default=None)
    product: int | None = at("product/@id", _USB_ID, default=None)
    address: VfHostAddress | UsbHostAddress | None = child(VfHostAddress, UsbHostAddress, default=None)


@element("source", variant="vdpa", since="6.9.0")
class VdpaSource(Element):
    """A vDPA device of the host; ``dev`` is its character device."""

    dev: str = attr(DEVICE_NAME)


@element("source", variant="mcast")
class McastSource(Element):
    """A UDP multicast group as a network of guests."""

    address: str = attr(Ip(only4=True))
    port: int = attr(_PORT)


@element("source", variant="server")
class ServerSource(Element):
    """A TCP port of the host that another guest connects to."""

    address: str | None = attr(Ip(only4=True), default=None)
    port: int = attr(_PORT)


@element("source", variant="client")
class ClientSource(Element):
    """The TCP port of another guest's server source."""

    address: str = attr(Ip(only4=True))
    port: int = attr(_PORT)


@element("local")
class Local(Element):
    """The address and port of this end of a UDP tunnel."""

    address: str = attr(Ip(only4=True))
    port: int = attr(_PORT)


@element("source", variant="udp", since="1.2.20")
class UdpSource(Element):
    """A UDP tunnel to the address and port of its other end."""

    address: str = attr(Ip(only4=True))
    port: int = attr(_PORT)
    local: Local | RawElement = child(Local)


@element("source", variant="internal")
class InternalSource(Element):
    """A network inside VirtualBox or VMware."""

    name: str = attr(DEVICE_NAME)


@element("source", variant="null", since="8.7.0")
class NullSource(Element):
    """No network: the link goes nowhere."""


@element("source", variant="vds", since="8.7.0")
class VdsSource(Element):
    """A port of a VMware distributed switch, with the identifiers that VMware gave it."""

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
