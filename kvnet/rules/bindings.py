"""Rules on how interfaces are bound, and on the link state that their binding allows."""

from __future__ import annotations

from collections.abc import Iterator

from kvnet._spelling import sure_word
from kvnet.errors import Cause, FieldPath, Problem
from kvnet.rules.context import Rule, RuleContext, refusal
from kvnet.rules.occasions import BINDINGS
from kvnet.spec import (
    BINDINGS as MEMBERS,
)
from kvnet.spec import (
    Bridge,
    Macvtap,
    Masquerade,
    PasstBinding,
    PasstRemoved,
    Slirp,
    Sriov,
    default_network,
)
from kvnet.spec.cluster import Gate
from kvnet.spec.interface import REMOVED_BINDINGS, RemovedBinding
from kvnet.spec.nic import MASQUERADE_MAC

__all__ = ["CREATION_RULES", "REMOVED_BINDING_CODES", "RULES"]

_STATES = ("up", "down", "absent")
_MEMBERS = {binding: member for member, binding in MEMBERS.items()}


def known_state(context: RuleContext) -> Iterator[Problem]:
    """The state is up, down or absent."""
    for nic in context.nics:
        state = nic.interface.state
        if state and state not in _STATES:
            instead = sure_word(state, _STATES, shortest=len("down"))
            meant = f"did you mean '{instead}'? " if instead else ""
            yield refusal(
                nic.at / "state",
                "KN107",
                f"'{state}' is not a link state",
                f"{meant}write up, down or absent, in lower case",
                instead=instead,
            )


def state_fits_binding(context: RuleContext) -> Iterator[Problem]:
    """SR-IOV has no link state to set, and only bridge NICs of secondary networks can be unplugged."""
    for nic in context.nics:
        interface = nic.interface
        if not interface.state:
            continue
        if interface.state in ("up", "down") and nic.has_binding(Sriov):
            yield refusal(
                nic.at / "state",
                "KN108",
                f"the link of SR-IOV interface '{interface.name}' cannot be set",
                "leave `state` out: the physical function decides",
            )
        if not interface.is_absent:
            continue
        if not nic.has_binding(Bridge):
            yield refusal(
                nic.at / "state",
                "KN109",
                f"interface '{interface.name}' is not a bridge and cannot be unplugged",
                "only bridge interfaces can be absent",
            )
        default = default_network(context.machine.networks)
        if default is not None and interface.name == default.name:
            yield refusal(
                nic.at / "state",
                "KN110",
                f"'{interface.name}' is on the default network and cannot be unplugged",
                "only secondary networks can be absent",
            )


def one_binding(context: RuleContext) -> Iterator[Problem]:
    """An interface has exactly one binding; removed ones do not count."""
    for nic in context.nics:
        members = [_MEMBERS[type(each)] for each in nic.interface.bindings if not _removed(each)]
        if len(members) == 1:
            continue
        message = f"has {len(members)} bindings, {' and '.join(members)}" if members else "has no binding"
        yield refusal(
            nic.at,
            "KN111",
            f"interface '{nic.interface.name}' {message}",
            "write one of `masquerade: {}`, `bridge: {}`, `sriov: {}` (with the braces)",
        )


def masquerade_fits(context: RuleContext) -> Iterator[Problem]:
    """Masquerade binds pod networks, and its bridge owns one MAC address."""
    for nic in context.bound_by(Masquerade):
        if not nic.on_pod_network:
            yield refusal(
                nic.at / "name",
                "KN112",
                f"'{nic.interface.name}' uses masquerade on a network that is not the pod network",
                "use `bridge: {}`, or `pod: {}` as the network's source",
            )
        if nic.interface.mac_address == MASQUERADE_MAC:
            yield refusal(
                nic.at / "macAddress",
                "KN113",
                f"{MASQUERADE_MAC} belongs to the bridge that masquerade makes in the pod",
                "choose another address, or none",
            )


def bridge_permitted(context: RuleContext) -> Iterator[Problem]:
    """The cluster may forbid bridge on the pod network."""
    if context.target.cluster.permit_bridge_on_pod_network:
        return
    for nic in context.bound_by(Bridge):
        if nic.on_pod_network:
            yield refusal(
                nic.at / "name",
                "KN114",
                f"'{nic.interface.name}' bridges the pod network, which this cluster forbids",
                "use `masquerade: {}`",
            )


def passt_fits(context: RuleContext) -> Iterator[Problem]:
    """Passt needs its gate and the pod network."""
    for nic in context.bound_by(PasstBinding):
        if not context.target.cluster.allows(Gate.PASST_BINDING):
            yield refusal(
                nic.at / "name",
                "KN115",
                f"'{nic.interface.name}' uses passtBinding, which this cluster has switched off",
                "enable the feature gate PasstBinding, or use `masquerade: {}`",
            )
        if not nic.on_pod_network:
            yield refusal(
                nic.at / "name",
                "KN116",
                f"'{nic.interface.name}' uses passtBinding on a network that is not the pod network",
                "use `bridge: {}`, or `pod: {}` as the network's source",
            )


_REMOVED = {
    Slirp: ("KN150", "use `masquerade: {}`, or `passtBinding: {}`"),
    PasstRemoved: ("KN151", "use `passtBinding: {}`"),
    Macvtap: ("KN152", "use `bridge: {}`, or register the macvtap binding plugin"),
}

_RENAMED: dict[object, str] = {PasstRemoved: "passtBinding"}
"""Removed bindings that one of today's took the place of."""

REMOVED_BINDING_CODES = frozenset(code for code, _ in _REMOVED.values())
_DISCONTINUED: dict[type[RemovedBinding], str] = {PasstRemoved: "Passt", Macvtap: "Macvtap"}
"""Bindings and the feature gates that once switched them on."""


def removed_bindings(context: RuleContext) -> Iterator[Problem]:
    """Bindings that KubeVirt removed are refused when a machine is created."""
    template = len(context.root.parts) - 1 if context.machine.kind == "VirtualMachine" else 0
    for nic in context.nics:
        for binding in nic.interface.bindings:
            if not _removed(binding):
                continue
            code, hint = _REMOVED[type(binding)]
            at = nic.at / _MEMBERS[type(binding)]
            yield refusal(
                at,
                code,
                f"KubeVirt removed the binding '{_MEMBERS[type(binding)]}' in release 1.3",
                hint,
                reported_at=type(at)(at.parts[template:]) if template else None,
                instead=_RENAMED.get(type(binding), ""),
            )


def discontinued_gates(context: RuleContext) -> Iterator[Problem]:
    """A cluster that still enables the gate of a removed binding refuses machines that use it, without a field."""
    for binding, gate in _DISCONTINUED.items():
        nic = next(iter(context.bound_by(binding)), None)
        if nic is not None and gate in context.target.cluster.feature_gates:
            yield refusal(
                nic.at / _MEMBERS[binding],
                "KN154",
                f"the cluster enables {gate}, which KubeVirt has discontinued, and interface '{nic.name}' uses it",
                "drop the feature gate from the KubeVirt object, and use another binding",
                cause=Cause.NOT_SUPPORTED,
                reported_at=FieldPath(),
            )


def _removed(binding: object) -> bool:
    return type(binding) in REMOVED_BINDINGS


RULES = (
    Rule(known_state, "state"),
    Rule(state_fits_binding, "state"),
    Rule(one_binding, BINDINGS, *REMOVED_BINDINGS),
    Rule(masquerade_fits, Masquerade),
    Rule(bridge_permitted, Bridge),
    Rule(passt_fits, PasstBinding),
)

CREATION_RULES = (Rule(removed_bindings, *REMOVED_BINDINGS), Rule(discontinued_gates, PasstRemoved, Macvtap))
