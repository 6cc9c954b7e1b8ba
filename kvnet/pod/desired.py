"""The links and kernel settings that a pod is to have. Frozen values, no I/O."""

from __future__ import annotations

from ipaddress import IPv4Interface, IPv6Interface

from attrs import frozen

from kvnet.values import MacAddress

__all__ = ["AddressFamily", "BridgeLink", "DesiredLink", "DummyLink", "RenamedLink", "Sysctl", "TapLink"]


@frozen(kw_only=True)
class AddressFamily:
    """What a link is to have of IPv4 or of IPv6.

    - ``enabled``: whether the link has the family at all; None leaves it as the kernel made it
    - ``addresses``: with their prefixes; none where it is not enabled
    """

    enabled: bool | None = None
    addresses: tuple[IPv4Interface, ...] | tuple[IPv6Interface, ...] = ()


@frozen(kw_only=True)
class BridgeLink:
    """A Linux bridge between the pod and a tap.

    - ``network``: whose it is
    - ``name``: of the link
    - ``mac``: None for the kernel's own choice
    - ``mtu``: in bytes, None for the kernel's default
    - ``ipv4``, ``ipv6``: its addresses
    - ``is_absent``: the link is to be removed
    """

    network: str
    name: str
    mac: MacAddress | None = None
    mtu: int | None = None
    ipv4: AddressFamily = AddressFamily()
    ipv6: AddressFamily = AddressFamily()
    is_absent: bool = False


@frozen(kw_only=True)
class TapLink:
    """The tap that the domain's NIC is plugged into.

    - ``network``, ``name``, ``is_absent``: as of BridgeLink
    - ``controller``: the bridge that it is a port of
    - ``mtu``: in bytes, None for the kernel's default
    - ``queues``: queue pairs; 0 where the domain asks for none, which makes one
    - ``owner``: the user ID and group ID of the process that opens it
    - ``pid``: a process in the namespace that it is made in, 0 where that is not known
    """

    network: str
    name: str
    controller: str
    mtu: int | None = None
    queues: int = 0
    owner: int = 0
    pid: int = 0
    is_absent: bool = False

    @property
    def multi_queue(self) -> bool:
        """Whether it is made with the kernel's flag IFF_MULTI_QUEUE, which a single queue must not have."""
        return self.queues > 1


@frozen(kw_only=True)
class RenamedLink:
    """The pod's own NIC under another name, as a port of the bridge, without addresses, and without learning.

    Its MAC address becomes that of the bridge, for its own one moves to the guest.

    - ``network``, ``name``: as of BridgeLink
    - ``index``: the kernel's number, by which it is found
    - ``controller``: the bridge
    """

    network: str
    name: str
    index: int | None = None
    controller: str


@frozen(kw_only=True)
class DummyLink:
    """A link that keeps the name, the MAC address and the addresses of the pod's NIC, for who looks at the pod.

    Its fields are those of BridgeLink.
    """

    network: str
    name: str
    mac: MacAddress | None = None
    mtu: int | None = None
    ipv4: AddressFamily = AddressFamily()
    ipv6: AddressFamily = AddressFamily()
    is_absent: bool = False


DesiredLink = BridgeLink | TapLink | RenamedLink | DummyLink
"""A link that a pod is to have, or is to have no longer."""


@frozen(kw_only=True)
class Sysctl:
    """A setting of the kernel in the pod's network namespace.

    - ``path``: below ``/proc/sys``, with slashes, since names of links may have dots
    - ``value``: as text
    """

    path: str
    value: str

    def __str__(self) -> str:
        return f"{self.path}={self.value}"
