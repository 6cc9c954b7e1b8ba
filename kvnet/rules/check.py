"""Check a machine: KubeVirt's admission, what libvirt would refuse, and advice."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve

from kvnet.defaults import default_nic_refusal, with_default_nic
from kvnet.errors import Problem, Severity
from kvnet.instancetypes import Expansion, expand
from kvnet.rules import (
    advice,
    bindings,
    boot,
    claims,
    cpu,
    dhcp,
    guest_network,
    interfaces,
    libvirt,
    memory,
    metadata,
    networks,
    ports,
)
from kvnet.rules.bindings import REMOVED_BINDING_CODES
from kvnet.rules.context import RuleContext, Rules, refusal
from kvnet.spec import Machine
from kvnet.spec.cluster import ClusterConfig
from kvnet.target import ARCHITECTURES, Target, architecture_conflict, checked_target, known_architecture

__all__ = ["ADMISSION", "RULES", "check", "findings"]


def check(machine: Machine, target: Target | None = None) -> tuple[Problem, ...]:
    """Give a machine its instancetype, its preference and its default NIC, and ask every rule about it.

    First what there is to say of its instancetype and preference. What a profile adds, ``kvnet.check`` says. Each
    problem has its place where the machine was read from text.
    """
    target = checked_target(machine, target)
    return findings(expand(machine, target), target) if machine.refers else _placed(machine, _findings(machine, target))


def findings(expansion: Expansion, target: Target) -> tuple[Problem, ...]:
    """The findings of ``check`` about a machine whose references were applied, after the problems of applying them.

    Where they could not be applied, there is no machine to judge, and only those problems are told.
    """
    machine, problems = expansion
    found = [] if expansion.refusals else _findings(machine, target)
    return _placed(machine, [*problems, *found] if problems else found)


def _placed(machine: Machine, found: list[Problem]) -> tuple[Problem, ...]:
    origin = machine.origin
    if origin is None or not found:
        return tuple(found)
    return tuple(problem.placed(origin.place(problem.at, key=problem.code == "KN016")) for problem in found)


def _findings(machine: Machine, target: Target) -> list[Problem]:
    given, cluster = target.cluster, target.cluster.in_effect
    if cluster is not given:
        target = evolve(target, cluster=cluster)
    refused = None if machine.interfaces else _default_nic_problem(machine, cluster)
    if refused is not None:
        found = [refused]
    else:
        whole = machine if machine.interfaces else with_default_nic(machine, cluster)
        found = _RULES.findings(RuleContext(whole, target, whole is not machine))
        if found and machine.kind == "VirtualMachine":
            found = [problem for problem in found if problem.code in REMOVED_BINDING_CODES] or found
    if cluster is not given:
        found.append(_given_up(machine, given))
    architecture = known_architecture(machine, target)
    if architecture is not None:
        found += _architecture_problems(machine, target, architecture)
    return found


def _default_nic_problem(machine: Machine, cluster: ClusterConfig) -> Problem | None:
    """Why KubeVirt would refuse a machine while giving it its defaults, before any rule is applied."""
    reason = default_nic_refusal(machine, cluster)
    if reason is None:
        return None
    hint = "list networks and interfaces, or set autoattachPodInterface: false"
    return refusal(machine.root, "KN100", reason, hint)


def _architecture_problems(machine: Machine, target: Target, architecture: str) -> Iterator[Problem]:
    if architecture not in ARCHITECTURES:
        message = f"KubeVirt does not run on {architecture}"
        yield refusal(machine.root / "architecture", "KN226", message, f"write one of {', '.join(ARCHITECTURES)}")
    conflict = architecture_conflict(machine, target)
    if conflict is not None:
        yield conflict


def _given_up(machine: Machine, cluster: ClusterConfig) -> Problem:
    """The warning that KubeVirt's stock configuration counts, because the cluster's is not valid."""
    return Problem(
        machine.root,
        "KN930",
        f"KubeVirt works with its stock configuration: it knows no default interface "
        f"'{cluster.default_network_interface}'",
        hint="write bridge or masquerade as network.defaultNetworkInterface of the KubeVirt object",
        severity=Severity.WARNING,
    )


ADMISSION = (
    *bindings.CREATION_RULES,
    *networks.RULES,
    *claims.RULES,
    *bindings.RULES,
    *interfaces.RULES,
    *ports.RULES,
    *dhcp.RULES,
    *boot.RULES,
    *cpu.RULES,
    *guest_network.RULES,
)
"""The rules of KubeVirt's admission, in its order."""

RULES = (*ADMISSION, *libvirt.RULES, *advice.RULES, *metadata.RULES, *memory.RULES)
"""Every rule, in the order of its findings."""

_RULES = Rules(RULES)
