"""Everything there is to say of a machine before it is compiled."""

from __future__ import annotations

from kvnet.defaults import with_default_nic
from kvnet.errors import Problem
from kvnet.rules import admission, advice, libvirt
from kvnet.rules.context import RuleContext, Rules
from kvnet.spec import Machine
from kvnet.target import Target, architecture_conflict

__all__ = ["check"]


def check(machine: Machine, target: Target | None = None) -> tuple[Problem, ...]:
    """Give a machine its default NIC, and judge it.

    First every cause for which KubeVirt's admission would refuse it (these have a ``cause``), then errors for what
    libvirt would refuse, then warnings. Each problem has its place where the machine was read from text. Without a
    target, the cluster is KubeVirt's stock configuration. Sources: KubeVirt 1.9 (``pkg/network/admitter``), libvirt
    9.0.

    >>> import kvnet
    >>> machine = kvnet.loads("domain: {devices: {interfaces: [{name: n, bridge: {}, macAddress: 01:00:00:00:00:01}]}}")
    >>> [problem.code for problem in kvnet.check(machine)]
    ['KN104', 'KN410']
    """
    target = _STOCK if target is None else target
    refused = None if machine.interfaces else admission.refusal(machine, target.cluster)
    if refused is not None:
        found = [refused]
    else:
        machine = machine if machine.interfaces else with_default_nic(machine, target.cluster)
        found = _RULES.findings(RuleContext(machine, target))
    conflict = architecture_conflict(machine, target)
    if conflict is not None:
        found.append(conflict)
    origin = machine.origin
    if origin is None or not found:
        return tuple(found)
    return tuple(problem.placed(origin.place(problem.at)) for problem in found)


_RULES = Rules((*admission.RULES, *libvirt.RULES, *advice.RULES))
_STOCK = Target()
