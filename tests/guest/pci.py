"""Where a guest finds what its domain has plugged in where."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import kvnet
from kvnet.values import MacAddress, PciAddress
from kvnet.xml import parse

__all__ = ["Path", "booted_from", "nic_addresses", "nic_paths"]

Path = tuple[PciAddress, ...]
"""The way to a device from the root bus: the bridges that it is behind, outermost first, and itself."""

_ROOT_BUS = 0


def nic_addresses(domain_xml: str) -> dict[MacAddress, PciAddress]:
    """The addresses of a domain's NICs, whose bus is the index of the controller that makes it."""
    devices = kvnet.read_domain(domain_xml, lossless=True)
    return {each.mac: PciAddress(0, each.address.bus, each.address.slot, each.address.function) for each in devices}


def nic_paths(domain_xml: str) -> dict[MacAddress, Path]:
    """The paths of a domain's NICs in the guest's numbers.

    The firmware numbers the buses while it walks the tree of bridges, depth first. These are the domain's own
    numbers where the indexes of the controllers ascend along that walk.
    """
    bridges = _bridges(domain_xml)
    numbers = {index: number for number, index in enumerate(_walk(_ROOT_BUS, bridges))}
    paths = {}
    for mac, address in nic_addresses(domain_xml).items():
        path = (address,)
        while path[0].bus != _ROOT_BUS:
            path = (bridges[path[0].bus], *path)
        paths[mac] = tuple(PciAddress(0, numbers[step.bus], step.slot, step.function) for step in path)
    return paths


def _bridges(domain_xml: str) -> dict[int, PciAddress]:
    """Where the controllers that make buses are plugged in themselves, by their indexes."""
    found = {}
    for controller in parse(domain_xml).iterfind("devices/controller[@type='pci']"):
        address = controller.find("address")
        if address is not None:
            parts = (int(str(address.get(name)), 0) for name in ("domain", "bus", "slot", "function"))
            found[int(str(controller.get("index")))] = PciAddress(*parts)
    return found


def _walk(bus: int, bridges: Mapping[int, PciAddress]) -> Iterator[int]:
    yield bus
    behind = [(at.slot, at.function, index) for index, at in bridges.items() if at.bus == bus]
    for *_, index in sorted(behind):
        yield from _walk(index, bridges)


def booted_from(boot_order: Sequence[str], paths: Mapping[MacAddress, Path]) -> list[MacAddress]:
    """The NICs that the firmware tries, in order; it names them as ``/pci@i0cf8/pci-bridge@1,3/ethernet@0/…``."""
    nics = {tuple(f"{step.slot:x},{step.function:x}" for step in path): mac for mac, path in paths.items()}
    return [nics[places] for line in boot_order if (places := _places(line))]


def _places(line: str) -> tuple[str, ...]:
    """Slot and function on every bus; nothing where this is no NIC's line."""
    _, slash, steps = line.partition("/pci@i0cf8/")
    if not slash or "/ethernet@" not in line:
        return ()
    units = re.findall(r"@([0-9a-f]+(?:,[0-9a-f]+)?)", steps.partition("/ethernet-phy")[0])
    return tuple(unit if "," in unit else f"{unit},0" for unit in units)
