"""Advice on what does not reach the guest or its pod: probes over a link that is down, MTU, Istio's traffic, IPv6."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import evolve

from kvnet.errors import Problem
from kvnet.manifest.network_data import GuestLink, Written
from kvnet.rules.context import Nic, Rule, RuleContext, note, warning
from kvnet.rules.guest_network import (
    USUAL_MTU,
    VolumeData,
    has_dhcp,
    ipv6_network,
    is_nic,
    known_mtu,
    network_data_of,
    pod_has,
    user_data_of,
)
from kvnet.rules.occasions import CIDRS, EMULATED, POD_FACTS, SIDECAR, has_sidecar, is_windows
from kvnet.spec import Bridge, Masquerade
from kvnet.spec.guest_network import GuestNetwork
from kvnet.spec.wire import member
from kvnet.values import ip_of

__all__ = ["RULES"]

_PROBES = {
    "readinessProbe": "never marks the machine as ready",
    "livenessProbe": "restarts the machine again and again",
}
"""The probes of a VMI, and what each does when it fails."""
_HANDLERS = {"httpGet": "HTTP", "tcpSocket": "TCP", "grpc": "gRPC"}
"""The handlers of a probe that go over the primary network."""


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
        mtu = known_mtu(context, nic, on)
        if mtu != USUAL_MTU and (windows or has_dhcp(context, nic, on) is False):
            yield _without_mtu(nic, mtu, windows=windows)


def _without_mtu(nic: Nic, mtu: int | None, *, windows: bool) -> Problem:
    reason = (
        "Windows asks no DHCP server for it"
        if windows
        else "no DHCP server tells it, for the pod has no IPv4 address there"
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


def guest_has_its_addresses(context: RuleContext) -> Iterator[Problem]:
    """Network data gives a NIC behind masquerade no other IPv6 address and gateway than KubeVirt routes to."""
    for nic in context.bound_by(Masquerade):
        side = ipv6_network(nic)
        if side is None:
            continue
        for data in network_data_of(context):
            for link in data.links or ():
                if _is_meant(context, nic, link, side):
                    yield from _flaws(context, data, link, side)


def _flaws(context: RuleContext, data: VolumeData, link: GuestLink, side: GuestNetwork) -> Iterator[Problem]:
    for each in link.addresses:
        if each.interface.ip != side.guest.ip or (each.has_prefix and each.interface != side.guest):
            message = f"behind masquerade, the guest's IPv6 address is {side.guest}, not {each.text}"
            yield _told(context, data, each, message, f"write {side.guest}")
    route = f'write `routes: [{{to: "::/0", via: "{side.gateway.ip}"}}]`'
    for each in link.gateways:
        if ip_of(each.text) != side.gateway.ip:
            message = f"behind masquerade, the guest's IPv6 gateway is {side.gateway.ip}, not {each.text}"
            hint = f"{route}; gateway6 is deprecated" if link.uses_gateway6 else f"write {side.gateway.ip}"
            problem = _told(context, data, each, message, hint)
            yield evolve(problem, instead=str(side.gateway.ip)) if data.is_plain and _is_sure(link) else problem
    if link.addresses and not any(each.gateways for each in data.links or ()):
        message = "the guest has no IPv6 gateway: KubeVirt sends no router advertisement"
        yield _told(context, data, link.addresses[0], message, route)


def _is_sure(link: GuestLink) -> bool:
    """Whether the only gateway of a link can be replaced: one in gateway6 by the first of its routes."""
    return len(link.gateways) == 1 and not (link.uses_gateway6 and link.has_routes)


def _told(context: RuleContext, data: VolumeData, written: Written, message: str, hint: str) -> Problem:
    problem = warning(data.at, "KN923", message, hint)
    return problem.placed(data.place(context, written))


def something_configures_ipv6(context: RuleContext) -> Iterator[Problem]:
    """Where a pod has IPv6, network data configures the guest's, for KubeVirt advertises no route."""
    has_ipv6 = pod_has(context, 6)
    for nic in context.bound_by(Masquerade):
        pod = nic.network.pod if nic.network is not None else None
        cidr = pod.vm_ipv6_network_cidr if pod is not None else None
        side = ipv6_network(nic)
        if side is None or not (cidr or has_ipv6) or _may_be_configured(context, nic, side):
            continue
        at = {network.name: path for path, network in context.networks}[nic.name] / "pod" / "vmIPv6NetworkCIDR"
        own = context.root if context.has_default_nic else nic.at / "masquerade"
        yield note(
            at if cidr else own,
            "KN924",
            f"nothing configures IPv6 for '{nic.name}' in the guest: KubeVirt sends no router advertisement",
            f"give the guest {side.guest} and the gateway {side.gateway.ip} in cloud-init's networkData",
        )


def _may_be_configured(context: RuleContext, nic: Nic, side: GuestNetwork) -> bool:
    """Whether network data may give IPv6 to a NIC, or cannot be read, or user data writes the guest's address."""
    return any(
        data.links is None
        or any((link.addresses or link.gateways) and is_nic(context, nic, link) is not False for link in data.links)
        for data in network_data_of(context)
    ) or any(str(side.guest.ip) in text for text in user_data_of(context))


def _is_meant(context: RuleContext, nic: Nic, link: GuestLink, side: GuestNetwork) -> bool:
    """Whether a link of the network data is a NIC, by its name or MAC address, or because it has an address of it."""
    if not link.is_nic:
        return False
    known = is_nic(context, nic, link)
    if known is not None:
        return known
    network = side.guest.network
    written = [*link.addresses, *link.gateways]
    return any(each.interface.ip in network for each in written)


RULES = (
    Rule(probes_find_a_link, *_PROBES),
    Rule(mtu_reaches_the_guest, EMULATED),
    Rule(sidecar_reaches_the_guest, SIDECAR),
    Rule(guest_has_its_addresses, "volumes"),
    Rule(something_configures_ipv6, CIDRS, POD_FACTS),
)
