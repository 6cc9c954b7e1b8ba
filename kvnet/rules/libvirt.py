"""Rules on what KubeVirt admits and libvirt or QEMU then refuses, when the domain is defined or started."""

from __future__ import annotations

from collections.abc import Iterator

from kvnet.errors import Problem
from kvnet.rules import guest_pci
from kvnet.rules.case import Case, Nic, Rule
from kvnet.values import MacAddress

__all__ = ["RULES", "mac_of"]

_RESERVED_FIRST_OCTET = 0xFE


def mac_of(nic: Nic) -> MacAddress | None:
    """The MAC address that is asked for, unless it cannot be read (which admission reports)."""
    try:
        return MacAddress.parse(nic.interface.mac_address or "")
    except ValueError:
        return None


def unicast_mac(case: Case) -> Iterator[Problem]:
    """libvirt refuses group addresses, and QEMU's tap those that begin with 0xFE."""
    for nic in case.nics:
        mac = mac_of(nic)
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


RULES: tuple[Rule, ...] = (unicast_mac, *guest_pci.RULES)
