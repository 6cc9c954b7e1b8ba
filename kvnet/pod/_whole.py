"""A machine as its pod is made for it: with its instancetype, its preference and its default NIC."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

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


def link_names(machine: Machine, networks: Iterable[str], found: PodFound) -> Mapping[str, str]:
    """The pod's link of each of the networks that are set up together.

    They have ordinal names where any link that was found has one, else hashed ones. KubeVirt counts only the networks
    of the set-up for ordinal names, in their order there.
    """
    by_name = {each.name: each for each in machine.networks}
    machine = machine.with_nics(machine.interfaces, tuple(by_name[name] for name in networks))
    scheme = ordinal_link_names if is_ordinal(each.name for each in found.links) else pod_link_names
    return scheme(machine)
