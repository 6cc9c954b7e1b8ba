"""Advice on IPv6 behind masquerade, which the guest's cloud-init has to configure."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv6Address, IPv6Interface, IPv6Network
from typing import Any, NamedTuple

from attrs import evolve

from kvnet.errors import FieldPath, Place, Problem
from kvnet.manifest.network_data import GuestLink, Written, index_of, read_network_data
from kvnet.rules.context import Nic, Rule, RuleContext, note, warning
from kvnet.rules.occasions import CIDRS, POD_FACTS
from kvnet.spec import Masquerade
from kvnet.spec.wire import entries, member, text
from kvnet.values import PciAddress, ip_of

__all__ = ["RULES"]

_DEFAULT_CIDR = "fd10:0:2::/120"
_LONGEST_PREFIX = 126
_CLOUD_INIT = ("cloudInitNoCloud", "cloudInitConfigDrive")


class _Side(NamedTuple):
    """The two addresses of the guest's network behind masquerade. Source: KubeVirt 1.9's ``pkg/network/link``."""

    guest: IPv6Interface
    gateway: IPv6Address


class _Data(NamedTuple):
    """The network data of a volume: the path and text of its member, and its links.

    ``links`` is ``None`` where they are not known: data of another form, or in a Secret. ``is_plain`` says that
    the text stands in the manifest as it is.
    """

    at: FieldPath
    text: str = ""
    links: tuple[GuestLink, ...] | None = None
    is_plain: bool = False


def guest_has_its_addresses(context: RuleContext) -> Iterator[Problem]:
    """Network data gives a NIC behind masquerade no other IPv6 address and gateway than KubeVirt routes to."""
    for nic in context.bound_by(Masquerade):
        side = _side(nic)
        if side is None:
            continue
        for data in _network_data(context):
            for link in data.links or ():
                if _is_meant(context, nic, link, side):
                    yield from _flaws(context, data, link, side)


def _flaws(context: RuleContext, data: _Data, link: GuestLink, side: _Side) -> Iterator[Problem]:
    for each in link.addresses:
        if each.interface.ip != side.guest.ip or (each.has_prefix and each.interface != side.guest):
            message = f"behind masquerade, the guest's IPv6 address is {side.guest}, not {each.text}"
            yield _told(context, data, each, message, f"write {side.guest}")
    route = f'write `routes: [{{to: "::/0", via: "{side.gateway}"}}]`'
    for each in link.gateways:
        if ip_of(each.text) != side.gateway:
            message = f"behind masquerade, the guest's IPv6 gateway is {side.gateway}, not {each.text}"
            hint = f"{route}; gateway6 is deprecated" if link.uses_gateway6 else f"write {side.gateway}"
            problem = _told(context, data, each, message, hint)
            yield evolve(problem, instead=str(side.gateway)) if data.is_plain and _is_sure(link) else problem
    if link.addresses and not any(each.gateways for each in data.links or ()):
        message = "the guest has no IPv6 gateway: KubeVirt sends no router advertisement"
        yield _told(context, data, link.addresses[0], message, route)


def _is_sure(link: GuestLink) -> bool:
    """Whether the only gateway of a link can be replaced: one in gateway6 by the first of its routes."""
    return len(link.gateways) == 1 and not (link.uses_gateway6 and link.has_routes)


def _told(context: RuleContext, data: _Data, written: Written, message: str, hint: str) -> Problem:
    problem = warning(data.at, "KN923", message, hint)
    return problem.placed(_place(context, data, written)) if data.is_plain else problem


def _place(context: RuleContext, data: _Data, written: Written) -> Place | None:
    origin = context.machine.origin
    return origin.place(data.at, offset=index_of(data.text, written.path)) if origin is not None else None


def something_configures_ipv6(context: RuleContext) -> Iterator[Problem]:
    """Where a pod has IPv6, network data configures the guest's, for KubeVirt advertises no route."""
    has_ipv6 = _pod_has_ipv6(context)
    for nic in context.bound_by(Masquerade):
        pod = nic.network.pod if nic.network is not None else None
        cidr = pod.vm_ipv6_network_cidr if pod is not None else None
        side = _side(nic)
        if side is None or not (cidr or has_ipv6) or _may_be_configured(context, nic, side):
            continue
        at = {network.name: path for path, network in context.networks}[nic.name] / "pod" / "vmIPv6NetworkCIDR"
        own = context.root if context.has_default_nic else nic.at / "masquerade"
        yield note(
            at if cidr else own,
            "KN924",
            f"nothing configures IPv6 for '{nic.name}' in the guest: KubeVirt sends no router advertisement",
            f"give the guest {side.guest} and the gateway {side.gateway} in cloud-init's networkData",
        )


def _pod_has_ipv6(context: RuleContext) -> bool:
    primary = [each for each in context.target.facts.pod_networks or () if each.default]
    addresses = [ip_of(text) for each in primary for text in each.ips]
    return any(isinstance(each, IPv6Address) and not each.is_link_local for each in addresses)


def _may_be_configured(context: RuleContext, nic: Nic, side: _Side) -> bool:
    """Whether network data may give IPv6 to a NIC, or cannot be read, or user data writes the guest's address."""
    return any(
        data.links is None
        or any((link.addresses or link.gateways) and _is(context, nic, link) is not False for link in data.links)
        for data in _network_data(context)
    ) or any(str(side.guest.ip) in text for text in _user_data(context))


def _is_meant(context: RuleContext, nic: Nic, link: GuestLink, side: _Side) -> bool:
    """Whether a link of the network data is a NIC, by its name or MAC address, or because it has an address of it."""
    if not link.is_nic:
        return False
    known = _is(context, nic, link)
    if known is not None:
        return known
    network = side.guest.network
    written = [*link.addresses, *link.gateways]
    return any(each.interface.ip in network for each in written)


def _is(context: RuleContext, nic: Nic, link: GuestLink) -> bool | None:
    """Whether a link of the network data is a NIC; ``None`` where that is not certain.

    Names are those that Linux gives: by the order of the NICs, by their buses, or by their ACPI indexes.
    """
    present = [each for each in context.nics if not each.interface.is_absent]
    if link.mac is not None:
        macs = {mac: each.number for each, mac in context.macs if mac is not None}
        return macs[link.mac] == nic.number if link.mac in macs else _only(present, link)
    if link.name is None:
        return _only(present, link)
    bearers = [each for n, each in enumerate(present) if link.name in _names(each, n)]
    return nic in bearers if bearers else _only(present, link)


def _only(present: Sequence[Nic], link: GuestLink) -> bool | None:
    """Whether there is no other NIC that a link could be."""
    return True if len(present) == 1 and link.is_nic else None


def _names(nic: Nic, position: int) -> Iterator[str]:
    yield f"eth{position}"
    if nic.interface.acpi_index:
        yield f"eno{nic.interface.acpi_index}"
    if not nic.interface.pci_address:
        yield f"enp{position + 1}s0"
        return
    try:
        address = PciAddress.parse(nic.interface.pci_address)
    except ValueError:
        return
    yield f"enp{address.bus}s{address.slot}"


def _side(nic: Nic) -> _Side | None:
    """The guest's and the gateway's address in the IPv6 network behind a NIC; nothing where that is none."""
    pod = nic.network.pod if nic.network is not None else None
    if pod is None:
        return None
    try:
        network = IPv6Network(pod.vm_ipv6_network_cidr or _DEFAULT_CIDR, strict=False)
    except ValueError:
        return None  # of that, guest_network tells
    if network.prefixlen > _LONGEST_PREFIX:
        return None
    guest = IPv6Interface(f"{network.network_address + 2}/{network.prefixlen}")
    return _Side(guest=guest, gateway=network.network_address + 1)


def _sources(context: RuleContext) -> Iterator[tuple[FieldPath, Mapping[str, Any]]]:
    """The sources of cloud-init's data, with their paths."""
    for n, volume in enumerate(entries(context.machine.spec.rest, "volumes")):
        for kind in _CLOUD_INIT:
            source = member(volume, kind)
            if source is not None:
                yield (context.root / "volumes")[n] / kind, source


def _network_data(context: RuleContext) -> Iterator[_Data]:
    """The network data of each cloud-init volume that has some."""
    for at, source in _sources(context):
        plain, encoded = text(source, "networkData"), text(source, "networkDataBase64")
        if plain:
            yield _Data(at / "networkData", plain, read_network_data(plain), is_plain=True)
        elif encoded:
            decoded = _decoded(encoded)
            links = None if decoded is None else read_network_data(decoded)
            yield _Data(at / "networkDataBase64", decoded or "", links)
        elif member(source, "networkDataSecretRef"):
            yield _Data(at / "networkDataSecretRef")


def _user_data(context: RuleContext) -> Iterator[str]:
    """The user data of each cloud-init volume that has some in the manifest."""
    for _, source in _sources(context):
        yield text(source, "userData") or _decoded(text(source, "userDataBase64")) or ""


def _decoded(encoded: str) -> str | None:
    try:
        return b64decode("".join(encoded.split()), validate=True).decode()
    except (binascii.Error, ValueError):
        return None  # of that, guest_network tells


RULES = (
    Rule(guest_has_its_addresses, "volumes"),
    Rule(something_configures_ipv6, CIDRS, POD_FACTS),
)
