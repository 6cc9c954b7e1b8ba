"""Where a guest finds what its domain has plugged in where."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from lxml import etree

from kvnet.values import MacAddress, PciAddress
from kvnet.xml.parser import parse

__all__ = ["Path", "booted_from", "free_ports", "nic_addresses", "nic_paths"]

Path = tuple[PciAddress, ...]
"""The way to a device from the root bus: the bridges that it is behind, outermost first, and itself."""

_ROOT_BUS = 0


def nic_addresses(domain_xml: str) -> dict[MacAddress, PciAddress]:
    """The addresses of a domain's NICs, whose bus is the index of the controller that makes it."""
    nics = parse(domain_xml).iterfind("devices/interface")
    return {MacAddress.parse(nic.xpath("string(mac/@address)")): address for nic in nics if (address := _address(nic))}


def nic_paths(domain_xml: str) -> dict[MacAddress, Path]:
    """The paths of a domain's NICs in the guest's numbers.

    The firmware numbers the buses while it walks the tree of bridges, depth first. These are the domain's own
    numbers where the indexes of the controllers ascend along that walk.
    """
    bridges = _bridges(domain_xml)
    numbers = {index: number for number, index in enumerate(_walk(_ROOT_BUS, bridges))}
    paths = {}
    for mac, address in nic_addresses(domain_xml).items():
        path: Path = (address,)
        while path[0].bus != _ROOT_BUS:
            path = (bridges[path[0].bus], *path)
        paths[mac] = tuple(PciAddress(0, numbers[step.bus], step.slot, step.function) for step in path)
    return paths


def free_ports(domain_xml: str) -> int:
    """How many root ports nothing is plugged into: as many more NICs of PCI Express the domain takes while it runs."""
    root = parse(domain_xml)
    taken = {address.bus for device in root.iterfind("devices/*") if (address := _address(device))}
    ports = {int(str(port.get("index"))) for port in root.iterfind("devices/controller[@model='pcie-root-port']")}
    return len(ports - taken)


def _bridges(domain_xml: str) -> dict[int, PciAddress]:
    """Where the controllers that make buses are plugged in themselves, by their indexes."""
    controllers = parse(domain_xml).iterfind("devices/controller[@type='pci']")
    return {int(str(each.get("index"))): address for each in controllers if (address := _address(each))}


def _address(device: etree._Element) -> PciAddress | None:
    address = device.find("address[@type='pci']")
    if address is None:
        return None
    return PciAddress(*(int(str(address.get(part)), 0) for part in ("domain", "bus", "slot", "function")))


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
