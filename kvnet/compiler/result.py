"""The result of compiling: devices, problems and notes, and what the host must provide."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from attrs import frozen

from kvnet._html import table
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
)
from kvnet.device.address import pci_text
from kvnet.errors import FieldPath, Problem, Rejected, Severity
from kvnet.spec.nic import Nic
from kvnet.values import release
from kvnet.xml import write
from kvnet.xml.paths import newer_parts

__all__ = ["Compiled", "CompiledNic", "Requirement", "failed", "note"]

_TAKEN_FOR_GRANTED = "8.10.0"
"""The release of libvirt before 9.0, the first that a host is required to have."""


@frozen(kw_only=True, slots=False)
class Requirement:
    """Something that the host must provide before the domain starts.

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
    newest = max((since for _, since in newer_parts(device, _TAKEN_FOR_GRANTED)), key=release, default=None)
    if newest is not None:
        yield Requirement(kind="libvirt", name=newest, nic=nic)
    if device.filter is not None:
        yield Requirement(kind="filter", name=device.filter.filter, nic=nic)


def _of_source(device: Interface, nic: str, link_mtu: int | None) -> Iterator[Requirement]:
    match device.source:
        case EthernetSource() if device.target is not None:
            many = device.driver is not None and (device.driver.queues or 1) > 1
            yield Requirement(kind="tap", name=device.target, nic=nic, mtu=device.mtu, multi_queue=many)
        case BridgeSource(bridge=bridge):
            yield Requirement(kind="bridge", name=bridge, nic=nic, mtu=device.mtu)
        case NetworkSource(network=network):
            yield Requirement(kind="network", name=network, nic=nic)
        case DirectSource(dev=dev):
            yield Requirement(kind="link", name=dev, nic=nic, mtu=link_mtu)
        case HostdevSource(address=address):
            yield from _virtual_function(address, nic)


def _virtual_function(address: object, nic: str) -> Iterator[Requirement]:
    if isinstance(address, PciHostAddress):
        yield Requirement(kind="vf", name=pci_text(address), nic=nic)


@frozen(kw_only=True, slots=False)
class CompiledNic:
    """One NIC of the machine: its device, or why there is none.

    There is no device and no problem where none is due: absent interfaces, and binding plugins whose
    sidecar adds the NIC. ``link_mtu`` is the MTU that a macvtap's link has to have, which its device cannot say.
    """

    name: str
    device: Device | None = None
    notes: tuple[Problem, ...] = ()
    problems: tuple[Problem, ...] = ()
    link_mtu: int | None = None

    @property
    def requirements(self) -> tuple[Requirement, ...]:
        """What the host must provide for this NIC."""
        return tuple(requirements(self.device, self.name, link_mtu=self.link_mtu)) if self.device else ()


def failed(nic: Nic, code: str, message: str, hint: str) -> CompiledNic:
    """A NIC that cannot be compiled, and why."""
    return CompiledNic(name=nic.name, problems=(Problem(nic.at, code, message, hint=hint),))


def note(at: FieldPath, code: str, message: str) -> Problem:
    """Something that was assumed or left to others."""
    return Problem(at, code, message, severity=Severity.NOTE)


@frozen(kw_only=True, slots=False)
class Compiled:
    """A machine's NICs as libvirt devices, with notes and problems that concern no single NIC."""

    nics: tuple[CompiledNic, ...]
    general_notes: tuple[Problem, ...] = ()
    general_problems: tuple[Problem, ...] = ()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The errors for which NICs could not be compiled."""
        return self.general_problems + tuple(problem for nic in self.nics for problem in nic.problems)

    @property
    def notes(self) -> tuple[Problem, ...]:
        """What was assumed or capped, and what others have to do."""
        return self.general_notes + tuple(note for nic in self.nics for note in nic.notes)

    @property
    def requirements(self) -> tuple[Requirement, ...]:
        """What the host must provide."""
        return tuple(requirement for nic in self.nics for requirement in nic.requirements)

    @property
    def devices(self) -> tuple[Device, ...]:
        """The devices, interfaces before hostdevs. Raises Rejected if any NIC has a problem."""
        devices: list[Device] = []
        hostdevs: list[Device] = []
        if self.general_problems:
            raise Rejected(self.problems)
        for nic in self.nics:
            if nic.problems:
                raise Rejected(self.problems)
            if nic.device is not None:
                (devices if type(nic.device) is Interface else hostdevs).append(nic.device)
        return (*devices, *hostdevs)

    def _repr_html_(self) -> str:
        rows = [(nic.name, nic.device, "; ".join(map(str, (*nic.problems, *nic.notes)))) for nic in self.nics]
        return table("Devices", ("NIC", "Device", "Problems and notes"), rows)

    def xml(self, *, indent: int | None = None) -> list[str]:
        """The XML of each device. Raises Rejected if any NIC has a problem."""
        if indent is None:
            return [write(device) for device in self.devices]
        return [write(device, indent=indent) for device in self.devices]
