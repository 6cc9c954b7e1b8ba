"""One NIC on its way down: everything that lowering reads, gathered and decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import frozen

from kvnet.compile.guest import Guest
from kvnet.compile.pod import Pod
from kvnet.compile.result import CompiledNic
from kvnet.errors import FieldPath, Problem, Severity
from kvnet.facts import HostFacts
from kvnet.spec import Binding, Interface, Machine, Nad, Network
from kvnet.spec.cluster import BindingPlugin

__all__ = ["Nic", "Place", "failed", "note"]


@frozen(slots=False)
class Place:
    """What the NICs of one machine share where it will run."""

    machine: Machine
    facts: HostFacts
    guest: Guest
    pod: Pod
    plugins: Mapping[str, BindingPlugin]
    nads: Sequence[Nad]


@frozen(slots=False)
class Nic:
    """All that lowering one interface reads; ``number`` counts the machine's interfaces from 0."""

    number: int
    interface: Interface
    network: Network
    place: Place

    @property
    def at(self) -> FieldPath:
        return (self.place.machine.root / "domain" / "devices" / "interfaces")[self.number]

    @property
    def name(self) -> str:
        return self.interface.name

    @property
    def binding(self) -> Binding | None:
        return self.interface.binding


def failed(nic: Nic, code: str, message: str, hint: str) -> CompiledNic:
    """A NIC that cannot be compiled, and why."""
    return CompiledNic(name=nic.name, problems=(Problem(nic.at, code, message, hint=hint),))


def note(at: FieldPath, code: str, message: str) -> Problem:
    """Something that was assumed or left to others."""
    return Problem(at, code, message, severity=Severity.NOTE)
