"""Advice on IPv6 behind masquerade, which the guest's cloud-init has to configure."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve

from kvnet.errors import Problem
from kvnet.manifest.network_data import GuestLink, Written
from kvnet.rules.context import Nic, Rule, RuleContext, note, warning
from kvnet.rules.guest_links import VolumeData, is_nic, network_data_of, user_data_of
from kvnet.rules.guest_side import ipv6_network, pod_has
from kvnet.rules.occasions import CIDRS, POD_FACTS
from kvnet.spec import Masquerade
from kvnet.spec.guest_network import GuestNetwork
from kvnet.values import ip_of

__all__ = ["RULES"]


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
    Rule(guest_has_its_addresses, "volumes"),
    Rule(something_configures_ipv6, CIDRS, POD_FACTS),
)
