"""The network between a pod and a guest behind masquerade: the pod has its first address, the guest the second."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network, ip_network
from typing import Final

from attrs import frozen

from kvnet.spec.network import Pod

__all__ = ["GUEST_CIDRS", "GUEST_CIDR_FIELDS", "GuestNetwork", "guest_network_of"]

GUEST_CIDRS: Final[Mapping[int, str]] = {4: "10.0.2.0/24", 6: "fd10:0:2::/120"}
"""The network of each IP version where a machine names none."""
GUEST_CIDR_FIELDS: Final[Mapping[int, str]] = {4: "vmNetworkCIDR", 6: "vmIPv6NetworkCIDR"}
"""The field of a pod network that names the network of each IP version."""
_LONGEST_PREFIX: Final[Mapping[int, int]] = {4: 30, 6: 126}
"""The prefix of the smallest network with two addresses beside its own."""


@frozen(kw_only=True)
class GuestNetwork:
    """The addresses of one family behind masquerade.

    - ``gateway``: of the bridge in the pod
    - ``guest``: of the guest's NIC
    """

    gateway: IPv4Interface | IPv6Interface
    guest: IPv4Interface | IPv6Interface


def guest_network_of(pod: Pod | None, version: int) -> GuestNetwork:
    """The addresses of IP version 4 or 6 behind masquerade on a pod network.

    The network is that of ``vmNetworkCIDR`` or ``vmIPv6NetworkCIDR``, by default ``10.0.2.0/24`` and
    ``fd10:0:2::/120``. Host bits count for nothing. Source: KubeVirt's ``pkg/network/link/address.go``.

    Raises ValueError with the reason where the text is no network of that version, or one of fewer than four addresses.

    >>> guest_network_of(Pod(vm_network_cidr="192.168.7.77/28"), 4).guest
    IPv4Interface('192.168.7.66/28')
    """
    given = None if pod is None else pod.vm_network_cidr if version == 4 else pod.vm_ipv6_network_cidr
    return _addresses(given or GUEST_CIDRS[version], version)


@lru_cache(maxsize=256)
def _addresses(text: str, version: int) -> GuestNetwork:
    """The addresses of a network. The machines of a fleet give the same few."""
    network = _network(text)
    if network is None or network.version != version:
        raise ValueError(f"'{text}' is not an IPv{version} network")
    if network.prefixlen > _LONGEST_PREFIX[version]:
        raise ValueError(f"'{text}' has no room for a gateway and a guest")
    made = IPv4Interface if version == 4 else IPv6Interface
    return GuestNetwork(gateway=made((network[1], network.prefixlen)), guest=made((network[2], network.prefixlen)))


def _network(text: str) -> IPv4Network | IPv6Network | None:
    """The network of a text, as Go's net.ParseCIDR reads it: the length of the prefix is a number, and there is one."""
    address, _, length = text.partition("/")
    if not (length.isascii() and length.isdecimal()) or "%" in address:
        return None
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None
