"""Rules on resource claims: ``spec.resourceClaims``, and the networks, GPUs and host devices that use them."""

from __future__ import annotations

from collections.abc import Iterator

from kvnet.errors import Cause, Problem
from kvnet.rules.context import Rule, RuleContext, refusal
from kvnet.rules.occasions import CLAIMING_DEVICES, CLAIMS
from kvnet.spec import Plugin, ResourceClaim, Sriov
from kvnet.spec.cluster import Gate
from kvnet.spec.wire import entries, member, text
from kvnet.values import DNS_LABEL

__all__ = ["RULES"]

_DEVICES = ("gpus", "hostDevices")


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
        if not claim.claim_name:
            yield refusal(
                at / "resourceClaim" / "claimName",
                "KN121",
                f"network '{network.name}' names no claim",
                "write the name of one of spec.resourceClaims",
                cause=Cause.REQUIRED,
            )
        if not claim.request_name:
            yield refusal(
                at / "resourceClaim" / "requestName",
                "KN122",
                f"network '{network.name}' names no request of its claim",
                "write the name of a request in the claim",
                cause=Cause.REQUIRED,
            )
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
            yield refusal(
                at,
                "KN124",
                f"request '{claim.request_name}' of claim '{claim.claim_name}' is used by an earlier network",
                "give each network a request of its own",
                cause=Cause.DUPLICATE,
            )
        seen.add(pair)


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
    Rule(claims_of_networks, ResourceClaim),
    Rule(listed_claims, CLAIMS),
    Rule(claims_of_devices, CLAIMING_DEVICES),
)
