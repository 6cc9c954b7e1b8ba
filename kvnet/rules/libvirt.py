"""Rules on what KubeVirt admits and libvirt or QEMU then refuses, when the domain is defined or started."""

from __future__ import annotations

from collections.abc import Iterator

from kvnet.errors import Problem
from kvnet.rules.case import Case, Nic, Rule
from kvnet.values import MacAddress, PciAddress

__all__ = ["RULES", "guest_address", "mac_of"]

_HIGHEST_SLOT = 0x1F
_RESERVED_FIRST_OCTET = 0xFE


def mac_of(nic: Nic) -> MacAddress | None:
    """The MAC address that is asked for, unless it cannot be read (which admission reports)."""
    try:
        return MacAddress.parse(nic.interface.mac_address or "")
    except ValueError:
        return None


def guest_address(nic: Nic) -> PciAddress | None:
    """The guest PCI address that is asked for, unless it cannot be read (which admission reports)."""
    try:
        return PciAddress.parse(nic.interface.pci_address or "")
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


def guest_slot(case: Case) -> Iterator[Problem]:
    """A PCI bus has 32 slots; the first bus keeps slot 0 and the last one for the chipset."""
    for nic in case.nics:
        address = guest_address(nic)
        if address is None:
            continue
        if address.slot > _HIGHEST_SLOT:
            yield Problem(
                nic.at / "pciAddress",
                "KN412",
                f"slot {address.slot:#04x} of {address} does not exist: a PCI bus has 32",
                hint="use a slot from 00 to 1f",
            )


def unique_guest_addresses(case: Case) -> Iterator[Problem]:
    """Two devices cannot sit in one place."""
    seen: dict[PciAddress, str] = {}
    for nic in case.nics:
        address = guest_address(nic)
        if address is None or nic.interface.is_absent:
            continue
        if address in seen:
            yield Problem(
                nic.at / "pciAddress",
                "KN413",
                f"{address} is already the place of '{seen[address]}'",
                hint="give each NIC its own, or none and let libvirt choose",
            )
        seen[address] = nic.interface.name


RULES: tuple[Rule, ...] = (unicast_mac, guest_slot, unique_guest_addresses)
