"""KubeVirt's verdict on a machine: every cause of its network webhook, and the rules beside it."""

from __future__ import annotations

from kvnet.defaults import default_nic_refusal
from kvnet.errors import Cause, Problem
from kvnet.rules import bindings, boot, dhcp, interfaces, networks, ports
from kvnet.spec import Machine
from kvnet.spec.cluster import ClusterConfig

__all__ = ["RULES", "refusal"]

RULES = (
    *bindings.CREATION_RULES,
    *networks.RULES,
    *bindings.RULES,
    *interfaces.RULES,
    *ports.RULES,
    *dhcp.RULES,
    *boot.RULES,
)


def refusal(machine: Machine, cluster: ClusterConfig) -> Problem | None:
    """Why KubeVirt would refuse a machine before it has its defaults, and so before any rule is asked."""
    reason = default_nic_refusal(machine, cluster)
    if reason is None:
        return None
    hint = "list networks and interfaces, or set autoattachPodInterface: false"
    return Problem(machine.root, "KN100", reason, hint=hint, cause=Cause.INVALID)
