"""The network between a pod and a guest behind masquerade: the pod has its first address, the guest the second."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network, ip_network
from typing import Final

from attrs import frozen

from kvnet.errors import Problem
from kvnet.spec import Pod
from kvnet.spec.nic import Nic

__all__ = ["GuestNetwork", "guest_network"]

_DEFAULTS: Final[Mapping[int, str]] = {4: "10.0.2.0/24", 6: "fd10:0:2::/120"}
_FIELDS: Final[Mapping[int, str]] = {4: "vmNetworkCIDR", 6: "vmIPv6NetworkCIDR"}
_LONGEST_PREFIX: Final[Mapping[int, int]] = {4: 30, 6: 126}
"""The prefix of the smallest network with two addresses beside its own."""
_NO_POD = Pod()


@frozen(kw_only=True)
class GuestNetwork:
    """The addresses of one family behind masquerade.

    - ``gateway``: of the bridge in the pod
    - ``guest``: of the guest's NIC
    """

    gateway: IPv4Interface | IPv6Interface
    guest: IPv4Interface | IPv6Interface


def guest_network(nic: Nic, version: int) -> GuestNetwork | Problem:
    """The addresses of IP version 4 or 6 behind a NIC with masquerade, or why there are none.

    The network is that of ``vmNetworkCIDR`` or ``vmIPv6NetworkCIDR``, by default ``10.0.2.0/24`` and
    ``fd10:0:2::/120``. Host bits count for nothing. Source: KubeVirt's ``pkg/network/link/address.go``.
    """
    pod = nic.network.pod if nic.network is not None and nic.network.pod is not None else _NO_POD
    given = pod.vm_network_cidr if version == 4 else pod.vm_ipv6_network_cidr
    network = _network(given or _DEFAULTS[version], version)
    if network is None:
        return _refused(nic, version, f"'{given}' is no IPv{version} network, so the pod cannot start")
    if network.prefixlen > _LONGEST_PREFIX[version]:
        return _refused(nic, version, f"'{given}' has no room for a gateway and a guest, so the pod cannot start")
    first, second = network[1], network[2]
    made = IPv4Interface if version == 4 else IPv6Interface
    return GuestNetwork(gateway=made((first, network.prefixlen)), guest=made((second, network.prefixlen)))


def _network(text: str, version: int) -> IPv4Network | IPv6Network | None:
    """The network of a text, as Go's net.ParseCIDR reads it: the length of the prefix is a number, and there is one."""
    address, _, length = text.partition("/")
    if not (length.isascii() and length.isdecimal()) or "%" in address:
        return None
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return None
    return network if network.version == version else None


def _refused(nic: Nic, version: int, message: str) -> Problem:
    assert nic.network is not None
    at = nic.machine.root / "networks"
    where = at[nic.machine.networks.index(nic.network)] / "pod" / _FIELDS[version]
    return Problem(
        where, "KN844", message, hint=f"write a network such as {_DEFAULTS[version]}, or leave the field out"
    )
