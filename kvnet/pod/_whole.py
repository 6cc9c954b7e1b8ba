"""A machine as its pod is made for it: with its instancetype, its preference and its default NIC."""

from __future__ import annotations

from collections.abc import Mapping

from kvnet.compiler.naming import is_ordinal, ordinal_link_names, pod_link_names
from kvnet.defaults import default_nic_refusal, with_cpu_request, with_default_nic
from kvnet.errors import Rejected
from kvnet.instancetypes import Expansion, expand
from kvnet.pod.found import PodFound
from kvnet.spec import Machine
from kvnet.target import Target

__all__ = ["link_names", "whole"]


def whole(machine: Machine, target: Target) -> Expansion:
    """The machine with everything written out; where that is not possible, ``refusals`` of the result say why."""
    expansion = expand(machine, target)
    if expansion.refusals:
        return expansion
    machine, cluster = expansion.machine, target.cluster.in_effect
    try:
        machine = with_cpu_request(machine, cluster)
    except Rejected as uncountable:
        return Expansion(machine, uncountable.problems)
    refused = default_nic_refusal(machine, cluster)
    return Expansion(machine if refused else with_default_nic(machine, cluster))


def link_names(machine: Machine, found: PodFound) -> Mapping[str, str]:
    """The pod's link of each network: by the ordinal scheme where any link that was found follows it, else hashed."""
    scheme = ordinal_link_names if is_ordinal(each.name for each in found.links) else pod_link_names
    return scheme(machine)
