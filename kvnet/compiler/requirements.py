"""What the host must provide before a device works, read off the device itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from attrs import frozen

from kvnet.device import (
    BridgeSource,
    Device,
    DirectSource,
    EthernetSource,
    Hostdev,
    HostdevSource,
    Interface,
    NetworkSource,
    PciHostAddress,
    UserSource,
    VhostuserSource,
)

__all__ = ["Requirement", "requirements"]

_PASST = "9.0.0"
_PASST_WITH_VHOSTUSER = "11.1.0"
_VLAN_ON_A_LINUX_BRIDGE = "11.0.0"


@frozen(kw_only=True, slots=False)
class Requirement:
    """Something that must be there before the domain starts.

    ``mtu`` is in bytes; ``multi_queue`` tells whether a tap must have been made with that flag.
    """

    kind: Literal["tap", "link", "bridge", "network", "vf", "libvirt", "filter"]
    name: str
    nic: str
    mtu: int | None = None
    multi_queue: bool | None = None


def requirements(device: Device, nic: str, *, link_mtu: int | None = None) -> Iterator[Requirement]:
    """The requirements of a NIC's device; ``link_mtu`` is the MTU that the link of a macvtap has to have."""
    if isinstance(device, Hostdev):
        yield from _virtual_function(device.source, nic)
        return
    yield from _of_source(device, nic, link_mtu)
    if device.filter is not None:
        yield Requirement(kind="filter", name=device.filter.filter, nic=nic)


def _of_source(device: Interface, nic: str, link_mtu: int | None) -> Iterator[Requirement]:
    is_passt = device.backend is not None and device.backend.type == "passt"
    match device.source:
        case EthernetSource() if device.target is not None:
            many = device.driver is not None and (device.driver.queues or 1) > 1
            yield Requirement(kind="tap", name=device.target, nic=nic, mtu=device.mtu, multi_queue=many)
        case BridgeSource(bridge=bridge):
            yield Requirement(kind="bridge", name=bridge, nic=nic, mtu=device.mtu)
            if device.vlan is not None and device.virtualport is None:
                yield Requirement(kind="libvirt", name=_VLAN_ON_A_LINUX_BRIDGE, nic=nic)
        case NetworkSource(network=network):
            yield Requirement(kind="network", name=network, nic=nic)
        case DirectSource(dev=dev):
            yield Requirement(kind="link", name=dev, nic=nic, mtu=link_mtu)
        case UserSource() if is_passt:
            yield Requirement(kind="libvirt", name=_PASST, nic=nic)
        case VhostuserSource() if is_passt:
            yield Requirement(kind="libvirt", name=_PASST_WITH_VHOSTUSER, nic=nic)
        case HostdevSource(address=address):
            yield from _virtual_function(address, nic)


def _virtual_function(address: object, nic: str) -> Iterator[Requirement]:
    if isinstance(address, PciHostAddress):
        domain, bus, slot, function = (
            int(part or 0) for part in (address.domain, address.bus, address.slot, address.function)
        )
        yield Requirement(kind="vf", name=f"{domain:04x}:{bus:02x}:{slot:02x}.{function:x}", nic=nic)
