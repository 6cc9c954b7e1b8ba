"""Rules on what KubeVirt admits and libvirt or QEMU then refuses, when the domain is defined or started.

PCI addresses are checked for machines with root ports (q35, virt). libvirt makes the buses that addresses ask for while
it reads the devices in order, and gives each new bus the kind that the asking device needs: a root port for PCI
Express, a bridge for the older models.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from attrs import define, field

from kvnet.errors import Problem
from kvnet.root_complex import is_on_root_complex, root_slots
from kvnet.rules.context import Nic, Rule, RuleContext
from kvnet.spec import Plugin, Sriov
from kvnet.spec.nic import CONVENTIONAL_MODELS
from kvnet.target import Profile, architecture_of
from kvnet.values import PciAddress

__all__ = ["RULES"]

_RESERVED_FIRST_OCTET = 0xFE
_HIGHEST_SLOT = 0x1F
_CHIPSET = ((0x1F, 0), (0x1F, 2), (0x1F, 3))
_PORT_SLOTS = 30  # slots 01 to 1e of bus 0, with eight root ports each
_PORTS_A_SLOT = 8


def unicast_mac(context: RuleContext) -> Iterator[Problem]:
    """MAC addresses are unicast for libvirt, and do not begin with 0xFE for QEMU's taps."""
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


def slots(context: RuleContext) -> Iterator[Problem]:
    """A PCI bus has 32 slots, and a guest has one PCI domain."""
    for nic, address in context.placed:
        if address.domain:
            yield Problem(
                nic.at / "pciAddress",
                "KN414",
                f"{address} is in PCI domain {address.domain:04x}, and guests have only domain 0000",
                hint=f"write 0000{str(address)[4:]}",
            )
        if address.slot > _HIGHEST_SLOT:
            yield Problem(
                nic.at / "pciAddress",
                "KN412",
                f"slot {address.slot:#04x} of {address} does not exist: a PCI bus has 32",
                hint="use a slot from 00 to 1f",
            )


def _is_amd64(context: RuleContext) -> bool:
    return architecture_of(context.machine, context.target) == "amd64"


def unique_addresses(context: RuleContext) -> Iterator[Problem]:
    """No two devices have the same PCI address."""
    seen: dict[str, str] = {}
    for nic, address in context.placed:
        spelling = (nic.interface.pci_address or "").lower()
        if spelling in seen:
            yield Problem(
                nic.at / "pciAddress",
                "KN413",
                f"{address} is already the address of '{seen[spelling]}'",
                hint="give each NIC its own, or leave it out and let libvirt choose",
            )
        seen[spelling] = nic.interface.name


def root_complex(context: RuleContext) -> Iterator[Problem]:
    """No NIC asks for an address that KubeVirt gives to another device, when it places all of them on bus 0.

    A plain host has no other devices than NICs there.
    """
    machine = context.machine
    if not is_on_root_complex(machine, context.target):
        return
    placed = {nic.number: nic for nic in context.nics if _has_device(context, nic)}
    slots = root_slots(machine, context.target, placed)
    used = slots.used if context.target.profile is Profile.KUBEVIRT else ()
    given = {PciAddress(0, 0, slot, 0): "a controller or another device" for slot in used}
    given |= {PciAddress(0, 0, slot, 0): f"'{placed[n].name}'" for n, slot in slots.nics.items()}
    for nic, address in context.placed:
        if address in given:
            yield Problem(
                nic.at / "pciAddress",
                "KN413",
                f"{address} is the address that KubeVirt gives {given[address]} on the root complex",
                hint="leave pciAddress out: KubeVirt hands out the slots without regard to it",
            )


def _has_device(context: RuleContext, nic: Nic) -> bool:
    """Whether KubeVirt itself makes a device for a NIC."""
    if nic.interface.is_absent or (isinstance(nic.binding, Sriov) and nic.on_pod_network):
        return False
    return context.has_tap(nic) if isinstance(nic.binding, Plugin) else True


def root_bus(context: RuleContext) -> Iterator[Problem]:
    """Bus 0 holds the machine's own devices."""
    for nic, address in context.placed:
        if address.bus == 0 and address.slot == 0:
            yield Problem(
                nic.at / "pciAddress",
                "KN415",
                f"{address} is the slot of the host bridge: libvirt ignores it and places the NIC elsewhere",
                hint="use 0000:01:00.0, or leave pciAddress out",
            )
        elif address.bus == 0 and (address.slot, address.function) in _CHIPSET and _is_amd64(context):
            yield Problem(
                nic.at / "pciAddress",
                "KN415",
                f"{address} belongs to the q35 chipset",
                hint="use another slot, from 01 to 1e",
            )


def bus_kinds(context: RuleContext) -> Iterator[Problem]:
    """A root port takes PCI Express NICs in its slot 0; a bridge takes the older models, in slots 1 to 31."""
    buses = _Buses()
    # of an address that no guest has, that is told
    real = [each for each in context.placed if not each[1].domain and each[1].slot <= _HIGHEST_SLOT]
    beyond = [(nic, address) for nic, address in real if address.bus]
    for nic, address in sorted(beyond, key=_is_hostdev):
        old, model = _is_old(context, nic), nic.interface.model or "virtio"
        kind = buses.kind_of(address.bus, _Kind.BRIDGE if old else _Kind.PORT)
        if not old and (kind is not _Kind.PORT or address.slot):
            yield Problem(
                nic.at / "pciAddress",
                "KN416",
                f"'{model}' is a PCI Express NIC and needs slot 00 of a root port of its own, not {address}",
                hint=f"use 0000:{buses.next():02x}:00.0, or leave pciAddress out",
            )
        elif old and (kind is not _Kind.BRIDGE or not address.slot):
            yield Problem(
                nic.at / "pciAddress",
                "KN416",
                f"'{model}' is not a PCI Express NIC and needs a slot from 01 to 1f of a bridge, not {address}",
                hint=f"use 0000:{buses.next() + 1:02x}:01.0, or slot 01 of bus 00",
            )


def bus_count(context: RuleContext) -> Iterator[Problem]:
    """Every root port takes a function of a slot of bus 0 that no NIC has."""
    taken = {address.slot for _, address in context.placed if address.bus == 0}
    ports = _PORTS_A_SLOT * (_PORT_SLOTS - len(taken - {0, _HIGHEST_SLOT}))
    for nic, address in context.placed:
        if address.bus > ports:
            yield Problem(
                nic.at / "pciAddress",
                "KN417",
                f"bus {address.bus:#04x} of {address} does not exist: this machine has room for {ports} root ports",
                hint=f"use a bus up to {ports:02x}",
            )


def placement(context: RuleContext) -> Iterator[Problem]:
    """Each NIC fits the PCI address that it asks for."""
    if not _is_plain(context):
        for judge in (slots, unique_addresses, root_complex, root_bus, bus_kinds, bus_count):
            yield from judge(context)


def _is_plain(context: RuleContext) -> bool:
    """Whether every NIC with an address has slot 0 of a root port of its own, which is always valid."""
    buses = set()
    for nic, address in context.placed:
        if (
            address.domain
            or address.slot
            or not 0 < address.bus <= _PORT_SLOTS * _PORTS_A_SLOT
            or _is_old(context, nic)
        ):
            return False
        buses.add(address.bus)
    return len(buses) == len(context.placed)


RULES = (Rule(unicast_mac, "mac_address"), Rule(placement, "pci_address"))


class _Kind(Enum):
    PORT = "root port"
    BRIDGE = "bridge"
    UPSTREAM = "root port of the first bridge"


@define
class _Buses:
    """The buses that libvirt has made so far, without bus 0, which is always there."""

    made: list[_Kind] = field(factory=list)

    def kind_of(self, bus: int, kind: _Kind) -> _Kind:
        """The kind of a bus; the bus is made if it is not there."""
        if bus > len(self.made):
            if kind is _Kind.BRIDGE and _Kind.BRIDGE not in self.made:
                self.made.append(_Kind.UPSTREAM)
            self.made += [kind] * (bus - len(self.made))
        return self.made[bus - 1]

    def next(self) -> int:
        return len(self.made) + 1


def _is_hostdev(placed: tuple[Nic, PciAddress]) -> bool:
    return placed[0].has_binding(Sriov)


def _is_old(context: RuleContext, nic: Nic) -> bool:
    if nic.has_binding(Sriov):
        return False
    if nic.interface.is_virtio:
        return bool(context.machine.spec.domain.devices.use_virtio_transitional)
    return nic.interface.model in CONVENTIONAL_MODELS
