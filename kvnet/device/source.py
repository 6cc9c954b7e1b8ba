"""Where a NIC is plugged in on the host: one class for each ``type`` of ``<interface>``."""

from __future__ import annotations

from kvnet.device.address import VfHostAddress
from kvnet.xml.declare import attr, child, element
from kvnet.xml.scalars import Choice, Text, Token

__all__ = [
    "BridgeSource",
    "DirectSource",
    "EthernetSource",
    "HostdevSource",
    "NetworkSource",
    "Source",
    "UserSource",
    "VhostuserSource",
]

_DEVICE_NAME = r"[a-zA-Z0-9_.\-:/]+"


@element("source", variant="ethernet")
class EthernetSource:
    """A tap that is made beforehand or by libvirt; its name is the interface's target."""


@element("source", variant="bridge")
class BridgeSource:
    """A bridge of the host."""

    bridge: str = attr(Text())


@element("source", variant="network")
class NetworkSource:
    """A virtual network of libvirt."""

    network: str = attr(Text())
    bridge: str | None = attr(Text(), default=None)
    portid: str | None = attr(Token(), default=None)


@element("source", variant="direct")
class DirectSource:
    """A macvtap on a link of the host."""

    dev: str = attr(Token(_DEVICE_NAME))
    mode: str | None = attr(Choice("vepa", "bridge", "private", "passthrough"), default=None)


@element("source", variant="user")
class UserSource:
    """Networking in user space, without any privilege; ``dev`` is passt's upstream link."""

    dev: str | None = attr(Token(_DEVICE_NAME), default=None)


@element("source", variant="vhostuser")
class VhostuserSource:
    """A vhost-user socket, or with the passt backend the upstream link ``dev`` (libvirt 11.1)."""

    type: str | None = attr(Choice("unix"), default=None)
    path: str | None = attr(Text(), default=None)
    mode: str | None = attr(Choice("server", "client"), default=None)
    dev: str | None = attr(Token(_DEVICE_NAME), default=None, since="11.1.0")


@element("source", variant="hostdev")
class HostdevSource:
    """A virtual function whose MAC and VLAN libvirt sets through its physical function."""

    address: VfHostAddress = child(VfHostAddress)


Source = EthernetSource | BridgeSource | NetworkSource | DirectSource | UserSource | VhostuserSource | HostdevSource
