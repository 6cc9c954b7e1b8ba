"""Each interface of a machine beside the NIC that stands in the domain for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import frozen

from kvnet.compiler import CompiledNic
from kvnet.device import Device, Hostdev
from kvnet.device import Interface as InterfaceDevice
from kvnet.errors import FieldPath
from kvnet.running.standing import VF_ALIAS, LiveNic
from kvnet.spec import Interface, Machine, Sriov

__all__ = ["Asked", "asked_of", "is_virtual_function"]


@frozen(kw_only=True)
class Asked:
    """What is asked of one NIC, and what there is: several live ones where the domain has an alias twice."""

    at: FieldPath
    interface: Interface
    machine: Machine
    made: CompiledNic
    standing: tuple[LiveNic, ...]

    @property
    def name(self) -> str:
        return self.interface.name

    @property
    def live(self) -> LiveNic | None:
        """The one NIC that stands for it."""
        return self.standing[0] if len(self.standing) == 1 else None

    @property
    def is_new(self) -> bool:
        return not self.interface.is_absent and not self.standing

    @property
    def device(self) -> Device | None:
        """What it should be."""
        return self.made.device


def asked_of(machine: Machine, made: Iterable[CompiledNic], live: Sequence[tuple[str | None, LiveNic]]) -> list[Asked]:
    """Every interface of a machine, in order.

    ``made`` are the compiled NICs of those that are not absent, ``live`` the domain's NICs by the names that
    their aliases stand for. SR-IOV interfaces are looked for as ``sriov-NAME`` among the hostdevs first.
    """
    at = machine.root / "domain" / "devices" / "interfaces"
    compiled = iter(made)
    return [
        Asked(
            at=at[n],
            interface=interface,
            machine=machine,
            made=CompiledNic(name=interface.name) if interface.is_absent else next(compiled),
            standing=_standing(interface, live),
        )
        for n, interface in enumerate(machine.interfaces)
    ]


def is_virtual_function(interface: Interface) -> bool:
    """Whether an interface is a virtual function that is passed through."""
    return isinstance(interface.binding, Sriov)


def _standing(interface: Interface, live: Sequence[tuple[str | None, LiveNic]]) -> tuple[LiveNic, ...]:
    forms: list[tuple[type[Device], str]] = [(InterfaceDevice, interface.name)]
    if is_virtual_function(interface):
        forms.insert(0, (Hostdev, f"{VF_ALIAS}{interface.name}"))
    for form, name in forms:
        found = tuple(nic for called, nic in live if called == name and isinstance(nic.device, form))
        if found:
            return found
    return ()
