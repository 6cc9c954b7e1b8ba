"""Everything there is to say of a machine before it is compiled."""

from __future__ import annotations

from kvnet.errors import Problem
from kvnet.rules import admission, advice, libvirt
from kvnet.rules.case import Case, Rules
from kvnet.spec import Machine
from kvnet.spec.cluster import ClusterConfig
from kvnet.spec.defaults import with_default_nic

__all__ = ["check"]


def check(
    machine: Machine, cluster: ClusterConfig | None = None, *, architecture: str = "amd64"
) -> tuple[Problem, ...]:
    """Default a machine and judge it.

    First every cause for which KubeVirt's admission would refuse it (these have a ``cause``), then errors
    for what libvirt would refuse, then warnings. Each problem has its place where the machine was read
    from text. Sources: KubeVirt 1.9, libvirt 9.0.
    """
    cluster = cluster or _STOCK
    refused = None if machine.interfaces else admission.refusal(machine, cluster)
    if refused is not None:
        found = [refused]
    else:
        machine = machine if machine.interfaces else with_default_nic(machine, cluster)
        found = _RULES.findings(Case(machine, cluster, machine.spec.architecture or architecture))
    origin = machine.origin
    if origin is None or not found:
        return tuple(found)
    return tuple(problem.placed(origin.place(problem.at)) for problem in found)


_RULES = Rules((*admission.RULES, *libvirt.RULES, *advice.RULES))
_STOCK = ClusterConfig()
