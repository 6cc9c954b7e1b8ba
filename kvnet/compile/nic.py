"""One NIC on its way down: everything that lowering reads, gathered and decided."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from kvnet.compile.guest import Guest
from kvnet.compile.pod import PodSide
from kvnet.compile.result import CompiledNic
from kvnet.errors import FieldPath, Problem, Severity
from kvnet.facts import HostFacts
from kvnet.spec import Binding, Interface, Machine, Network
from kvnet.spec.cluster import BindingPlugin

__all__ = ["Nic", "failed", "note"]


@frozen(kw_only=True)
class Nic:
    """All that lowering one interface reads."""

    at: FieldPath
    interface: Interface
    network: Network
    side: PodSide
    guest: Guest
    facts: HostFacts
    machine: Machine
    plugins: Mapping[str, BindingPlugin]

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
