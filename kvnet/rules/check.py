"""Check a machine: KubeVirt's admission, what libvirt would refuse, and advice."""

from __future__ import annotations

from kvnet.defaults import default_nic_refusal, with_default_nic
from kvnet.errors import Problem
from kvnet.instancetypes import Expansion, expand
from kvnet.rules import advice, bindings, boot, dhcp, interfaces, libvirt, networks, ports
from kvnet.rules.context import RuleContext, Rules, refusal
from kvnet.spec import Machine
from kvnet.spec.cluster import ClusterConfig
from kvnet.target import Target, architecture_conflict, checked_target

__all__ = ["ADMISSION", "RULES", "check", "findings"]


def check(machine: Machine, target: Target | None = None) -> tuple[Problem, ...]:
    """Give a machine its instancetype, its preference and its default NIC, and judge it.

    First what there is to say of its instancetype and preference, then every cause for which KubeVirt's admission would
    refuse it (these have a ``cause``), then errors for what libvirt would refuse, then warnings. Each problem has its
    place where the machine was read from text. Without a target, the cluster is KubeVirt's stock configuration.
    Sources: KubeVirt 1.9 (``pkg/network/admitter``), libvirt 9.0.

    >>> import kvnet
    >>> nic = {"name": "red", "bridge": {}, "macAddress": "01:00:00:00:00:01"}
    >>> machine = kvnet.load({"domain": {"devices": {"interfaces": [nic]}}})
    >>> [problem.code for problem in kvnet.check(machine)]
    ['KN127', 'KN410']
    """
    target = checked_target(machine, target)
    return findings(expand(machine, target), target) if machine.refers else _placed(machine, _findings(machine, target))


def findings(expansion: Expansion, target: Target) -> tuple[Problem, ...]:
    """The findings of ``check`` about a machine whose references are written out, with what that told.

    Where they could not be written out, there is no machine to judge, and only that is told.
    """
    machine, problems = expansion
    found = [] if expansion.refusals else _findings(machine, target)
    return _placed(machine, [*problems, *found] if problems else found)


def _placed(machine: Machine, found: list[Problem]) -> tuple[Problem, ...]:
    origin = machine.origin
    if origin is None or not found:
        return tuple(found)
    return tuple(problem.placed(origin.place(problem.at)) for problem in found)


def _findings(machine: Machine, target: Target) -> list[Problem]:
    refused = None if machine.interfaces else _default_nic_problem(machine, target.cluster)
    if refused is not None:
        found = [refused]
    else:
        machine = machine if machine.interfaces else with_default_nic(machine, target.cluster)
        found = _RULES.findings(RuleContext(machine, target))
    conflict = architecture_conflict(machine, target)
    if conflict is not None:
        found.append(conflict)
    return found


def _default_nic_problem(machine: Machine, cluster: ClusterConfig) -> Problem | None:
    """Why KubeVirt would refuse a machine while giving it its defaults, before any rule is applied."""
    reason = default_nic_refusal(machine, cluster)
    if reason is None:
        return None
    hint = "list networks and interfaces, or set autoattachPodInterface: false"
    return refusal(machine.root, "KN100", reason, hint)


ADMISSION = (
    *bindings.CREATION_RULES,
    *networks.RULES,
    *bindings.RULES,
    *interfaces.RULES,
    *ports.RULES,
    *dhcp.RULES,
    *boot.RULES,
)
"""The rules of KubeVirt's admission, in its order."""

RULES = (*ADMISSION, *libvirt.RULES, *advice.RULES)
"""Every rule, in the order of its findings."""

_RULES = Rules(RULES)
