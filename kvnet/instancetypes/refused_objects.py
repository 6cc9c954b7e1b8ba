"""What KubeVirt's webhooks for instancetypes and preferences refuse, as far as vCPUs and memory follow from it."""

from __future__ import annotations

from collections.abc import Iterator

from kvnet.errors import Problem, Severity
from kvnet.instancetypes.references import Referred, reference_at
from kvnet.instancetypes.topology import ACROSS, TOPOLOGIES, preferred_topology, spread_of
from kvnet.spec import Instancetype, Machine, Preference

__all__ = ["refused_objects"]

_Fault = tuple[str, str, str]
"""The field of the object, the fact, and the remedy."""
_PERCENT = 100
_THREADS_OF_A_CORE = 2


def refused_objects(machine: Machine, found: Referred) -> Iterator[Problem]:
    """A warning (``KN214``) for each field for which KubeVirt refuses what a machine refers to, at the reference.

    The machine is expanded all the same, as KubeVirt would do with an object that it stored before it checked this.
    Sources: KubeVirt's ``pkg/instancetype/webhooks`` and ``pkg/instancetype/preference/webhooks``.
    """
    if found.instancetype is not None:
        for fault in _of_instancetype(found.instancetype):
            yield _warning(machine, "instancetype", found.instancetype.name, fault)
    if found.preference is not None:
        for fault in _of_preference(found.preference):
            yield _warning(machine, "preference", found.preference.name, fault)


def _warning(machine: Machine, word: str, name: str, fault: _Fault) -> Problem:
    field, fact, hint = fault
    message = f"KubeVirt refuses the {word} '{name}' for its {field}: {fact}"
    return Problem(reference_at(machine, word), "KN214", message, hint=hint, severity=Severity.WARNING)


def _of_instancetype(instancetype: Instancetype) -> Iterator[_Fault]:
    memory = instancetype.spec.memory
    percent = memory.overcommit_percent or 0
    if not 0 <= percent <= _PERCENT:
        yield "spec.memory.overcommitPercent", f"{percent} is not between 0 and {_PERCENT}", "write 0 to 100"
    elif percent and memory.hugepages is not None:
        fact = "memory of huge pages cannot be overcommitted"
        yield "spec.memory.overcommitPercent", fact, "leave overcommitPercent or hugepages out"


def _of_preference(preference: Preference) -> Iterator[_Fault]:
    topology, spread = preferred_topology(preference), spread_of(preference)
    if topology not in TOPOLOGIES:
        fact = f"there is no topology '{topology}', so the vCPUs of an instancetype become one"
        yield "spec.cpu.preferredCPUTopology", fact, f"write one of {', '.join(TOPOLOGIES)}"
    if topology != "spread":
        return
    if spread.across not in ACROSS:
        fact = f"vCPUs are not spread across '{spread.across}', so those of an instancetype become one"
        yield "spec.cpu.spreadOptions.across", fact, f"write one of {', '.join(ACROSS)}"
    elif spread.across == "CoresThreads" and spread.ratio != _THREADS_OF_A_CORE:
        fact = f"a core has {_THREADS_OF_A_CORE} threads, not {spread.ratio}"
        yield "spec.cpu.spreadOptions.ratio", fact, f"write `ratio: {_THREADS_OF_A_CORE}`"
