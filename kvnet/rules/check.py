"""Everything there is to say of a machine before it is compiled."""

from __future__ import annotations

from kvnet.errors import Problem
from kvnet.rules import advice, libvirt
from kvnet.rules.admission import refusals
from kvnet.rules.case import Case
from kvnet.spec import Machine
from kvnet.spec.cluster import ClusterConfig
from kvnet.spec.defaults import defaulted

__all__ = ["check"]


def check(
    machine: Machine, cluster: ClusterConfig | None = None, *, architecture: str = "amd64"
) -> tuple[Problem, ...]:
    """Default a machine and judge it.

    First every cause for which KubeVirt's admission would refuse it (these have a ``cause``), then errors
    for what libvirt would refuse, then warnings. Each problem has its place where the machine was read
    from text. Sources: KubeVirt 1.9, libvirt 9.0.
    """
    cluster = cluster or ClusterConfig()
    machine = defaulted(machine, cluster, machine.spec.architecture or architecture)
    case = Case(machine, cluster)
    found = list(refusals(machine, cluster))
    for rule in (*libvirt.RULES, *advice.RULES):
        found += rule(case)
    origin = machine.origin
    if origin is None:
        return tuple(found)
    return tuple(problem.placed(origin.place(problem.at)) for problem in found)
