"""Rules on ``spec.networks``: their sources, names, and who uses them."""

from __future__ import annotations

from collections.abc import Iterator

from kvnet.errors import Cause, Problem
from kvnet.rules.context import Rule, RuleContext, refusal
from kvnet.rules.occasions import DEFAULTS, NAMELESS, NAMES, PODS, SOURCES

__all__ = ["RULES"]


def one_pod_network(context: RuleContext) -> Iterator[Problem]:
    """A machine has at most one pod network."""
    pods = [(at, network) for at, network in context.networks if network.pod is not None]
    if len(pods) > 1:
        at, network = pods[1]
        yield refusal(
            at,
            "KN101",
            f"'{network.name}' is the second pod network, after '{pods[0][1].name}'",
            "a pod has one stock network: keep one, and attach the others with multus",
            cause=Cause.DUPLICATE,
            reported_at=context.root / "interfaces",
        )


def one_multus_default(context: RuleContext) -> Iterator[Problem]:
    """At most one Multus network is the default."""
    defaults = [network.name for _, network in context.networks if network.multus and network.multus.default]
    if len(defaults) > 1:
        yield refusal(
            context.networks_at,
            "KN102",
            f"{' and '.join(map(repr, defaults))} all ask to be the default network",
            "keep `default: true` on one of them",
        )


def pod_or_multus_default(context: RuleContext) -> Iterator[Problem]:
    """A pod network and a Multus default exclude each other."""
    pod = next((network for _, network in context.networks if network.pod is not None), None)
    default = next((net for _, net in context.networks if net.multus and net.multus.default), None)
    if pod is not None and default is not None:
        yield refusal(
            context.networks_at,
            "KN103",
            f"pod network '{pod.name}' and multus default '{default.name}' are both the primary network",
            "drop `default: true`, or drop the pod network",
        )


def one_source(context: RuleContext) -> Iterator[Problem]:
    """A network has exactly one source."""
    for at, network in context.networks:
        if not network.sources:
            yield refusal(
                at,
                "KN104",
                f"network '{network.name}' has no source",
                "write `pod: {}` (with the braces) or `multus: {networkName: …}`",
                cause=Cause.REQUIRED,
            )
        elif len(network.sources) > 1:
            yield refusal(
                at,
                "KN105",
                f"network '{network.name}' has {len(network.sources)} sources",
                "keep one of pod, multus and resourceClaim",
                cause=Cause.REQUIRED,
            )


def multus_network_name(context: RuleContext) -> Iterator[Problem]:
    """A Multus network names its NetworkAttachmentDefinition; the first that does not is reported."""
    for at, network in context.networks:
        if network.multus is not None and not network.multus.network_name:
            yield refusal(
                at,
                "KN106",
                f"network '{network.name}' names no NetworkAttachmentDefinition",
                "write `networkName: name` or `networkName: namespace/name`",
                cause=Cause.REQUIRED,
            )
            return


def unique_network_names(context: RuleContext) -> Iterator[Problem]:
    """Network names are unique."""
    seen: set[str] = set()
    for at, network in context.networks:
        if network.name in seen:
            yield refusal(
                at / "name",
                "KN117",
                f"network '{network.name}' is already listed",
                "rename one, with its interface",
                cause=Cause.DUPLICATE,
            )
        seen.add(network.name)


def network_has_interface(context: RuleContext) -> Iterator[Problem]:
    """Every network is used by an interface."""
    used = {nic.interface.name for nic in context.nics}
    for at, network in context.networks:
        if network.name not in used:
            yield refusal(
                at / "name",
                "KN125",
                f"no interface is named '{network.name}'",
                f"add `- name: {network.name}` with a binding to domain.devices.interfaces",
                cause=Cause.REQUIRED,
            )


RULES = (
    Rule(one_pod_network, PODS),
    Rule(one_multus_default, DEFAULTS),
    Rule(pod_or_multus_default, DEFAULTS),
    Rule(one_source, SOURCES),
    Rule(multus_network_name, NAMELESS),
    Rule(unique_network_names, NAMES),
    Rule(network_has_interface, NAMES),
)
