"""KubeVirt's verdict on a machine: every cause of its network webhook, and the rules beside it."""

from __future__ import annotations

from collections.abc import Iterator

from kvnet.errors import Cause, Problem
from kvnet.rules import bindings, boot, dhcp, interfaces, networks, ports
from kvnet.rules.case import Case, Rule
from kvnet.spec import Machine
from kvnet.spec.cluster import ClusterConfig
from kvnet.spec.defaults import default_nic_refusal

__all__ = ["RULES", "refusals"]

RULES: tuple[Rule, ...] = (
    *bindings.CREATION_RULES,
    *networks.RULES,
    *bindings.RULES,
    *interfaces.RULES,
    *ports.RULES,
    *dhcp.RULES,
    *boot.RULES,
)


def refusals(machine: Machine, cluster: ClusterConfig) -> Iterator[Problem]:
    """Each cause for which KubeVirt would refuse a defaulted machine."""
    refusal = default_nic_refusal(machine, cluster)
    if refusal:
        yield Problem(
            machine.root,
            "KN100",
            refusal,
            hint="list networks and interfaces, or set autoattachPodInterface: false",
            cause=Cause.INVALID,
        )
        return
    case = Case(machine, cluster)
    for rule in RULES:
        yield from rule(case)
