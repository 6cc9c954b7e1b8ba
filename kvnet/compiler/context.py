"""What the NICs of one machine share while they are compiled."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from kvnet.compiler.guest import Guest
from kvnet.compiler.pod import PodNetworks
from kvnet.compiler.result import CompiledNic
from kvnet.errors import FieldPath, Problem, Severity
from kvnet.facts import HostFacts
from kvnet.spec import Machine, Network
from kvnet.spec.cluster import BindingPlugin
from kvnet.spec.nic import Nic
from kvnet.target import Target

__all__ = ["Context", "failed", "network_of", "note"]


@frozen(slots=False)
class Context:
    """The machine with its defaults, its target, and what was decided for all of its NICs.

    ``plugins`` are the binding plugins by the names that they are registered under.
    """

    machine: Machine
    target: Target
    guest: Guest
    pod: PodNetworks
    plugins: Mapping[str, BindingPlugin]

    @property
    def facts(self) -> HostFacts:
        return self.target.facts


def network_of(nic: Nic) -> Network:
    """The network of a NIC that is compiled, for one without a network is not."""
    assert nic.network is not None
    return nic.network


def failed(nic: Nic, code: str, message: str, hint: str) -> CompiledNic:
    """A NIC that cannot be compiled, and why."""
    return CompiledNic(name=nic.name, problems=(Problem(nic.at, code, message, hint=hint),))


def note(at: FieldPath, code: str, message: str) -> Problem:
    """Something that was assumed or left to others."""
    return Problem(at, code, message, severity=Severity.NOTE)
