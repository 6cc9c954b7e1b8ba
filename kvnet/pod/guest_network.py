"""The network between a pod and a guest behind masquerade, or the problem for which there is none."""

from __future__ import annotations

from kvnet.errors import Problem
from kvnet.spec.guest_network import GUEST_CIDR_FIELDS, GUEST_CIDRS, GuestNetwork, guest_network_of
from kvnet.spec.nic import Nic

__all__ = ["GuestNetwork", "guest_network"]


def guest_network(nic: Nic, version: int) -> GuestNetwork | Problem:
    """The addresses of IP version 4 or 6 behind a NIC with masquerade, or why there are none."""
    try:
        return guest_network_of(nic.network.pod if nic.network is not None else None, version)
    except ValueError as reason:
        return _refused(nic, version, str(reason))


def _refused(nic: Nic, version: int, reason: str) -> Problem:
    assert nic.network is not None
    networks = nic.machine.root / "networks"
    at = networks[nic.machine.networks.index(nic.network)] / "pod" / GUEST_CIDR_FIELDS[version]
    hint = f"write a network such as {GUEST_CIDRS[version]}, or leave the field out"
    return Problem(at, "KN844", f"{reason}, so the pod cannot start", hint=hint)
