"""Write a machine's instancetype and preference out, in KubeVirt's order."""

from __future__ import annotations

from typing import NamedTuple

from attrs import evolve

from kvnet.defaults import default_nic_refusal, with_default_nic
from kvnet.errors import Problem, Rejected
from kvnet.instancetypes.apply import (
    with_creation_preferences,
    with_instancetype,
    with_preference,
    with_preferred_autoattach,
)
from kvnet.instancetypes.references import Referred, referred
from kvnet.instancetypes.refusals import refusals, refused_objects, unmet_requirement
from kvnet.spec import Machine
from kvnet.target import Target, architecture_of, checked_target

__all__ = ["Expansion", "expand"]

_PCI_TOPOLOGY = {"kubevirt.io/pci-topology-version": "v3"}
_PCIE_ARCHITECTURES = ("amd64", "arm64")


class Expansion(NamedTuple):
    """A machine with its instancetype and preference written out, and what is to be said of them.

    - ``machine``: without references; the one that was given where it has none, or where an error kept them from being
      applied
    - ``problems``: without places
    """

    machine: Machine
    problems: tuple[Problem, ...] = ()

    @property
    def refusals(self) -> tuple[Problem, ...]:
        """The errors that kept references from being applied; there is no machine to judge or compile then."""
        return tuple([each for each in self.problems if each.is_error]) if self.problems and self.machine.refers else ()


def expand(machine: Machine, target: Target | None = None) -> Expansion:
    """Apply the instancetype and the preference that a machine refers to, as KubeVirt does.

    The preference's architecture and machine type are fixed first, then whether there is a default NIC. Models of the
    preference count for that NIC too, since KubeVirt's controller adds it before it applies the rest; its webhook adds
    it afterwards, and judges another machine than the one that runs. A machine without references is returned as it is.

    Problems are ``KN210`` to ``KN214``. An error that keeps a VMI from being made (``KN211``, ``KN213``, vCPUs that
    cannot be spread) ends it; a requirement that is not met does not, because KubeVirt's controller does not ask.

    >>> import kvnet
    >>> manifest = kvnet.loads_all('''
    ... kind: VirtualMachineClusterInstancetype
    ... metadata: {name: small}
    ... spec: {cpu: {guest: 2}, memory: {guest: 4Gi}}
    ... ---
    ... kind: VirtualMachine
    ... spec: {instancetype: {name: small}, template: {spec: {domain: {devices: {}}}}}
    ... ''')
    >>> expand(manifest.machines[0], manifest.target()).machine.spec.domain.cpu
    Cpu(cores=1, sockets=2, threads=1)
    """
    target = checked_target(machine, target)
    if not machine.refers:
        return Expansion(machine)
    try:
        return _expanded(machine, target)
    except Rejected as uncountable:
        return Expansion(machine, uncountable.problems)


def _expanded(machine: Machine, target: Target) -> Expansion:
    found = referred(machine, target)
    created = with_creation_preferences(machine, found.preference) if found.preference else machine
    created = _with_pci_topology(created, target)
    errors = (*(problem for problem in found.problems if problem.is_error), *refusals(created, found))
    if errors:
        return Expansion(machine, errors)
    expanded = _applied(created, target, found)
    unmet = _unmet_requirement(expanded, target, found)
    problems = (*found.problems, *refused_objects(machine, found), *((unmet,) if unmet else ()))
    return Expansion(evolve(expanded, instancetype=None, preference=None), problems)


def _unmet_requirement(machine: Machine, target: Target, found: Referred) -> Problem | None:
    # the webhook gives the machine its defaults first, and where it cannot, it asks for nothing else
    if found.preference is None or default_nic_refusal(machine, target.cluster):
        return None
    return unmet_requirement(machine, target, found.instancetype, found.preference)


def _with_pci_topology(machine: Machine, target: Target) -> Machine:
    """The machine with the annotation that KubeVirt's webhook gives new VMs with PCI Express."""
    kind = machine.spec.domain.machine
    name = (kind and kind.type) or "q35"
    if architecture_of(machine, target) not in _PCIE_ARCHITECTURES or not ("q35" in name or name.startswith("virt")):
        return machine
    return evolve(machine, annotations={**_PCI_TOPOLOGY, **machine.annotations})


def _applied(machine: Machine, target: Target, found: Referred) -> Machine:
    """The machine as KubeVirt's controller makes it. Source: ``pkg/virt-controller/watch/vm/vm.go``."""
    if found.preference:
        machine = with_preferred_autoattach(machine, found.preference)
    if not default_nic_refusal(machine, target.cluster):
        machine = with_default_nic(machine, target.cluster)
    machine = evolve(machine, annotations={**machine.annotations, **found.annotations})
    if found.instancetype:
        machine = with_instancetype(machine, found.instancetype, found.preference)
    return with_preference(machine, found.preference) if found.preference else machine
