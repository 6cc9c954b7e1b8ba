"""Rules on ``spec.networks``: their sources, names, and who uses them; and on ``spec.resourceClaims``."""

from __future__ import annotations

from collections.abc import Iterator

from kvnet.errors import Cause, FieldPath, Problem
from kvnet.rules.context import Rule, RuleContext, refusal
from kvnet.rules.occasions import CLAIMING_DEVICES, CLAIMS, DEFAULTS, NAMELESS, NAMES, PODS, SOURCES
from kvnet.spec import Plugin, ResourceClaim, Sriov
from kvnet.spec.cluster import Gate
from kvnet.spec.wire import entries, member, text
from kvnet.values import DNS_LABEL

__all__ = ["RULES"]

_DEVICES = ("gpus", "hostDevices")


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


def listed_claims(context: RuleContext) -> Iterator[Problem]:
    """Claims have names of their own, and each names one claim or one template."""
    seen: set[str] = set()
    for n, claim in enumerate(context.machine.spec.resource_claims):
        at = (context.root / "resourceClaims")[n]
        if not claim.name:
            hint = "name it as networks and devices do"
            yield refusal(at / "name", "KN222", "the claim has no name", hint, cause=Cause.REQUIRED)
        elif claim.name in seen:
            message = f"claim '{claim.name}' is already listed"
            yield refusal(at / "name", "KN222", message, "name each claim once", cause=Cause.DUPLICATE)
        elif not DNS_LABEL.fullmatch(claim.name):
            hint = "use 1 to 63 of a-z, 0-9 and -, with a letter or digit at both ends"
            yield refusal(at / "name", "KN222", f"'{claim.name}' is not a DNS label", hint)
        seen.add(claim.name)
        named = [key for key in ("resourceClaimName", "resourceClaimTemplateName") if claim.rest.get(key) is not None]
        if len(named) != 1:
            message = f"claim '{claim.name}' names {'both a claim and a template' if named else 'no claim'}"
            yield refusal(at, "KN223", message, "write one of resourceClaimName and resourceClaimTemplateName")


def claims_of_networks(context: RuleContext) -> Iterator[Problem]:
    """Networks of resource claims: gate, no mixing with Multus, who may bind them, what they refer to."""
    claimed = [(at, network) for at, network in context.networks if network.resource_claim is not None]
    if not claimed:
        return
    if not context.target.cluster.allows(Gate.NETWORK_DRA):
        yield refusal(
            context.networks_at,
            "KN118",
            f"network '{claimed[0][1].name}' uses a resource claim, which this cluster has switched off",
            "enable the feature gate NetworkDevicesWithDRA, or use multus",
        )
        return
    if any(network.multus is not None for _, network in context.networks):
        yield refusal(
            context.networks_at,
            "KN119",
            "resource claims and multus networks stand side by side",
            "use one of the two for all secondary networks",
        )
        return
    yield from _bindings(context)
    yield from _references(context)


def _bindings(context: RuleContext) -> Iterator[Problem]:
    # of several interfaces of one name, KubeVirt looks at the first
    by_name = {nic.interface.name: nic for nic in reversed(context.nics)}
    for _, network in context.networks:
        nic = by_name.get(network.name)
        if network.resource_claim is None or nic is None:
            continue
        if not any(isinstance(binding, Sriov | Plugin) for binding in nic.interface.bindings):
            yield refusal(
                nic.at,
                "KN120",
                f"interface '{network.name}' cannot bind a device of a resource claim",
                "use `sriov: {}` or a binding plugin",
                reported_at=context.interfaces_at,
            )


def _references(context: RuleContext) -> Iterator[Problem]:
    known = {claim.name for claim in context.machine.spec.resource_claims}
    seen: set[tuple[str | None, str | None]] = set()
    for at, network in context.networks:
        claim = network.resource_claim
        if claim is None:
            continue
        yield from _missing_names(at, network.name, claim)
        if not (claim.claim_name and claim.request_name):
            continue
        if claim.claim_name not in known:
            yield refusal(
                at / "resourceClaim" / "claimName",
                "KN123",
                f"spec.resourceClaims has no '{claim.claim_name}'",
                "add the claim to spec.resourceClaims, or correct the name",
                cause=Cause.NOT_FOUND,
            )
        pair = (claim.claim_name, claim.request_name)
        if pair in seen:
            message = f"request '{claim.request_name}' of claim '{claim.claim_name}' is used by an earlier network"
            yield refusal(at, "KN124", message, "give each network a request of its own", cause=Cause.DUPLICATE)
        seen.add(pair)


def _missing_names(at: FieldPath, network: str, claim: ResourceClaim) -> Iterator[Problem]:
    if not claim.claim_name:
        yield refusal(
            at / "resourceClaim" / "claimName",
            "KN121",
            f"network '{network}' names no claim",
            "write the name of one of spec.resourceClaims",
            cause=Cause.REQUIRED,
        )
    if not claim.request_name:
        yield refusal(
            at / "resourceClaim" / "requestName",
            "KN122",
            f"network '{network}' names no request of its claim",
            "write the name of a request in the claim",
            cause=Cause.REQUIRED,
        )


def claims_of_devices(context: RuleContext) -> Iterator[Problem]:
    """GPUs and host devices use claims that are listed, and no request that a network uses; its first user is told."""
    pairs = _device_pairs(context)
    known = {claim.name for claim in context.machine.spec.resource_claims}
    missing = next(((name, user) for (name, _), user in pairs.items() if name not in known), None)
    if missing is not None:
        yield refusal(
            context.root / "resourceClaims",
            "KN225",
            f"spec.resourceClaims has no '{missing[0]}', which {missing[1]} uses",
            "add the claim to spec.resourceClaims, or correct the name",
        )
    if not context.target.cluster.allows(Gate.NETWORK_DRA):
        return
    for at, network in context.networks:
        claim = network.resource_claim
        user = pairs.pop((claim.claim_name or "", claim.request_name or ""), None) if claim else None
        if claim and user:
            yield refusal(
                at,
                "KN224",
                f"request '{claim.request_name}' of claim '{claim.claim_name}' is used by {user} too",
                "give the network a request of its own",
                cause=Cause.DUPLICATE,
            )


def _device_pairs(context: RuleContext) -> dict[tuple[str, str], str]:
    """The claims and requests that GPUs and host devices use, with a device that uses each."""
    devices = context.machine.spec.domain.devices.rest
    pairs: dict[tuple[str, str], str] = {}
    for kind in _DEVICES:
        for device in entries(devices, kind):
            pair = (text(member(device), "claimName"), text(member(device), "requestName"))
            if all(pair) and not text(member(device), "deviceName"):
                pairs.setdefault(pair, f"{kind.removesuffix('s')} '{text(member(device), 'name')}'")
    return pairs


RULES = (
    Rule(one_pod_network, PODS),
    Rule(one_multus_default, DEFAULTS),
    Rule(pod_or_multus_default, DEFAULTS),
    Rule(one_source, SOURCES),
    Rule(multus_network_name, NAMELESS),
    Rule(unique_network_names, NAMES),
    Rule(network_has_interface, NAMES),
    Rule(claims_of_networks, ResourceClaim),
    Rule(listed_claims, CLAIMS),
    Rule(claims_of_devices, CLAIMING_DEVICES),
)
