"""What compiling gives: devices, what was assumed, and what the host must provide."""

from __future__ import annotations

from attrs import frozen

from kvnet.compiler.requirements import Requirement, requirements
from kvnet.device import Device, Interface
from kvnet.errors import Problem, Rejected
from kvnet.xml import write

__all__ = ["Compiled", "CompiledNic", "Requirement"]


@frozen(kw_only=True, slots=False)
class CompiledNic:
    """One interface of the spec: its device, or why there is none.

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


@frozen(kw_only=True, slots=False)
class Compiled:
    """A machine's NICs as libvirt devices, with notes and problems that concern no single NIC."""

    nics: tuple[CompiledNic, ...]
    general_notes: tuple[Problem, ...] = ()
    general_problems: tuple[Problem, ...] = ()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Why some NICs could not be compiled."""
        return self.general_problems + tuple(problem for nic in self.nics for problem in nic.problems)

    @property
    def notes(self) -> tuple[Problem, ...]:
        """What was assumed, capped or left to others."""
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

    def xml(self, *, indent: int | None = None) -> list[str]:
        """The XML of each device. Raises Rejected if any NIC has a problem."""
        if indent is None:
            return [write(device) for device in self.devices]
        return [write(device, indent=indent) for device in self.devices]
