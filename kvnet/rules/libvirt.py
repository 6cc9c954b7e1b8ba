"""Rules on what KubeVirt admits and libvirt or QEMU then refuses, when the domain is defined or started."""

from __future__ import annotations

from collections.abc import Iterator

from kvnet.errors import Problem
from kvnet.rules import guest_pci
from kvnet.rules.context import Rule, RuleContext

__all__ = ["RULES"]

_RESERVED_FIRST_OCTET = 0xFE


def unicast_mac(context: RuleContext) -> Iterator[Problem]:
    """libvirt refuses group addresses, and QEMU's tap those that begin with 0xFE."""
    for nic, mac in context.macs:
        if mac is None:
            continue
        if mac.is_group:
            yield Problem(
                nic.at / "macAddress",
                "KN410",
                f"{mac} is a group address, which libvirt refuses for a NIC",
                hint=f"clear the lowest bit of the first byte: {mac.octets[0] & 0xFE:02x}{str(mac)[2:]}",
            )
        elif mac.octets[0] == _RESERVED_FIRST_OCTET:
            yield Problem(
                nic.at / "macAddress",
                "KN411",
                f"{mac} begins with fe, which libvirt keeps for the host's side of taps",
                hint="choose another first byte, such as 52 or 02",
            )


RULES = (Rule(unicast_mac, "mac_address"), *guest_pci.RULES)
