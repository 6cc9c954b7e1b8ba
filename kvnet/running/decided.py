"""What libvirt would choose twice for a NIC that is attached to a running domain and to its next start, chosen once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from attrs import evolve, frozen

from kvnet.compiler import CompiledNic
from kvnet.device import Device, PciGuestAddress
from kvnet.device import Interface as NicDevice
from kvnet.running.budget import Place, free_places, is_express
from kvnet.running.stable import stable_mac
from kvnet.running.standing import VF_ALIAS, live_nics
from kvnet.spec import Interface, Machine
from kvnet.values import MacAddress, PciAddress

__all__ = ["decided"]

Naming = Callable[[str], str | None]


def decided(machine: Machine, made: Iterable[CompiledNic], texts: Sequence[str], uuid: str, naming: Naming) -> Machine:
    """The machine with a MAC address and a guest address for each NIC in which its domain's texts would differ.

    What spec or facts give stays. Else a NIC that stands in one text has its MAC address and its place in the other one
    too, the first text before the second, and a new one has the ``stable_mac``, and the first place that is free
    in both. ``made`` are the machine's compiled NICs. Where there is but one text, libvirt chooses the place.
    """
    halves = [_Half.of(text, naming) for text in texts]
    devices = {nic.name: nic.device for nic in made}
    taken = _macs([*devices.values(), *(device for half in halves for device in half.devices.values())])
    places: set[Place] = set()

    def settled(interface: Interface) -> Interface:
        device, name = devices.get(interface.name), interface.name
        if device is None:
            return interface
        standing = [half.devices[name] for half in halves if name in half.devices]
        missing = len(standing) < len(halves)
        if isinstance(device, NicDevice) and device.mac is None:
            known = _macs(standing)
            if missing or len(set(known)) > 1:
                mac = next(iter(known), None) or stable_mac(uuid, name, taken)
                taken.append(mac)
                interface = evolve(interface, mac_address=str(mac))
        if device.address is None and len(halves) > 1 and (missing or standing[0].address != standing[1].address):
            place = _place(device, name, halves, places)
            if place is not None:
                places.add(place)
                interface = evolve(interface, pci_address=str(PciAddress(0, *place, 0)))
        return interface

    return machine.with_nics(tuple(map(settled, machine.interfaces)), machine.networks)


@frozen
class _Half:
    """One text of a domain, and its NICs by the names that their aliases stand for."""

    text: str
    devices: Mapping[str, Device]

    @classmethod
    def of(cls, text: str, naming: Naming) -> _Half:
        named = ((naming(nic.alias), nic.device) for nic in live_nics(text))
        return cls(text, {name.removeprefix(VF_ALIAS): device for name, device in named if name is not None})


def _macs(devices: Iterable[Device | None]) -> list[MacAddress]:
    return [each.mac for each in devices if isinstance(each, NicDevice) and isinstance(each.mac, MacAddress)]


def _place(device: Device, name: str, halves: Sequence[_Half], taken: set[Place]) -> Place | None:
    """Where the NIC stands first, if it could stand there in every text, else for a new one what is free in all."""
    options = [_options(half, device, name) for half in halves]
    standing = [place for half in halves if name in half.devices and (place := _stands(half.devices[name], device))]
    wanted = standing[:1] if any(name in half.devices for half in halves) else options[0]
    return next((each for each in wanted if each not in taken and all(each in places for places in options)), None)


def _options(half: _Half, device: Device, name: str) -> tuple[Place, ...]:
    own = _stands(half.devices[name], device) if name in half.devices else None
    return (*((own,) if own else ()), *free_places(half.text, device))


def _stands(standing: Device, device: Device) -> Place | None:
    """Where a NIC stands, if that is a place for the device."""
    address = standing.address
    if not isinstance(address, PciGuestAddress) or is_express(standing) != is_express(device):
        return None
    return (address.bus or 0, address.slot or 0)
