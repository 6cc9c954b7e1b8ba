"""Advice on what does not reach the guest or its pod: probes over a link that is down, the MTU, Istio's traffic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from kvnet._lazy import lazy
from kvnet.errors import Problem
from kvnet.facts import PodNetwork
from kvnet.rules.context import Nic, OnNad, Rule, RuleContext, warning
from kvnet.rules.labels import has_sidecar, is_windows
from kvnet.rules.nad_advice import gives_ipv4
from kvnet.rules.occasions import EMULATED, SIDECAR
from kvnet.spec import Bridge, Masquerade
from kvnet.spec.wire import member
from kvnet.target import nad_name
from kvnet.values import ip_of

if TYPE_CHECKING:
    from kvnet.cni import meta
    from kvnet.cni.chain import Chain
else:
    meta = lazy("kvnet.cni.meta")

__all__ = ["RULES"]

_PROBES = {
    "readinessProbe": "never marks the machine as ready",
    "livenessProbe": "restarts the machine again and again",
}
"""The probes of a VMI, and what each does when it fails."""
_HANDLERS = {"httpGet": "HTTP", "tcpSocket": "TCP", "grpc": "gRPC"}
"""The handlers of a probe that go over the primary network."""
_USUAL_MTU = 1500
"""The MTU that a guest assumes."""


def probes_find_a_link(context: RuleContext) -> Iterator[Problem]:
    """Probes over the network go over the primary link, which is not down then."""
    failing = [
        f"the {words} {probe} {effect}"
        for probe, effect in _PROBES.items()
        if (asked := member(context.machine.spec.rest, probe)) is not None
        for handler, words in _HANDLERS.items()
        if _asks_the_pod(asked.get(handler))
    ]
    for nic in context.nics if failing else ():
        is_primary = nic.network is not None and nic.network.is_default
        if is_primary and nic.interface.state == "down" and context.has_tap(nic):
            yield warning(
                nic.at / "state",
                "KN918",
                f"the link of the primary network is down, so {' and '.join(failing)}",
                "set it up, or probe with `exec` or `guestAgentPing`",
            )


def _asks_the_pod(handler: object) -> bool:
    """Whether a handler asks the address of the pod, and no other host."""
    return handler is not None and not (isinstance(handler, Mapping) and handler.get("host"))


def mtu_reaches_the_guest(context: RuleContext) -> Iterator[Problem]:
    """The MTU of a network reaches the guest through virtio or DHCP, and Windows takes it from virtio alone."""
    emulated = [
        nic
        for nic in context.nics
        if not nic.interface.is_virtio and not nic.interface.is_absent and isinstance(nic.binding, (Bridge, Masquerade))
    ]
    windows = bool(emulated) and is_windows(context.machine, context.target)
    on_nads = {on.nic.number: on for on in context.on_nads} if emulated else {}
    for nic in emulated:
        on = on_nads.get(nic.number)
        mtu = _known_mtu(context, nic, on)
        if mtu != _USUAL_MTU and (windows or not _has_dhcp(context, nic, on)):
            yield _without_mtu(nic, mtu, windows=windows)


def _without_mtu(nic: Nic, mtu: int | None, *, windows: bool) -> Problem:
    reason = (
        "Windows asks no DHCP server for it" if windows else "no DHCP server tells it, for the pod has no address there"
    )
    tool = "netsh interface ipv4 set subinterface" if windows else "ip link set dev eth0"
    command = f'{tool} "Ethernet" mtu={mtu or "N"} store=persistent' if windows else f"{tool} mtu {mtu or 'N'}"
    return warning(
        nic.at / "model",
        "KN919",
        f"the MTU{f' {mtu}' if mtu else ''} does not reach the guest through '{nic.name}': "
        f"{nic.interface.model} does not carry it, and {reason}",
        f"use the model virtio, or run `{command}` in the guest",
    )


def _has_dhcp(context: RuleContext, nic: Nic, on: OnNad | None) -> bool:
    """Whether KubeVirt's DHCP server tells the guest the MTU, or nothing is known of that.

    That of a bridge has something to tell where the pod's link has an IPv4 address.
    """
    if not nic.has_binding(Bridge):
        return True
    found = _in_pod(context, nic)
    if found is not None and found.ips:
        return any((address := ip_of(each)) is not None and address.version == 4 for each in found.ips)
    return on is None or gives_ipv4(on.chain) is not False


def _known_mtu(context: RuleContext, nic: Nic, on: OnNad | None) -> int | None:
    """The MTU of a NIC's network in bytes, as the facts or its CNI plugins say."""
    link = (context.target.facts.links or {}).get(nic.name)
    found = _in_pod(context, nic)
    return (link.mtu if link else None) or (found.mtu if found else None) or (_mtu_of(on.chain) if on else None)


def _mtu_of(chain: Chain) -> int | None:
    tuned = [each.mtu for each in chain.plugins if isinstance(each, meta.TuningPlugin) and each.mtu]
    return tuned[-1] if tuned else getattr(chain.first, "mtu", None) or None


def _in_pod(context: RuleContext, nic: Nic) -> PodNetwork | None:
    """What Multus gave the pod for a NIC's network, where it is the only one of its NAD."""
    given, network = context.target.facts.pod_networks or (), nic.network
    if network is None:
        return None
    if network.is_default:
        return next((each for each in given if each.default), None)
    name = "/".join(nad_name(context.machine, network.multus)) if network.multus is not None else ""
    found = [each for each in given if each.name == name and not each.default]
    return found[0] if len(found) == 1 else None


def sidecar_reaches_the_guest(context: RuleContext) -> Iterator[Problem]:
    """Istio's sidecar needs the pod's address, which the bridge binding takes away from the pod."""
    for nic in context.bound_by(Bridge):
        if nic.network is not None and nic.network.is_default and has_sidecar(context.machine):
            yield warning(
                context.root if context.has_default_nic else nic.at / "bridge",
                "KN927",
                "Istio's sidecar may not work with a bridge on the pod network: the guest has the pod's address",
                "use `masquerade: {}`, or leave the sidecar out",
            )


RULES = (
    Rule(probes_find_a_link, *_PROBES),
    Rule(mtu_reaches_the_guest, EMULATED),
    Rule(sidecar_reaches_the_guest, SIDECAR),
)
