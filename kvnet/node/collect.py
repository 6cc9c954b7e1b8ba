"""Collect what is in a pod: its links and routes, and the host facts that the profile of KubeVirt is compiled with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from attrs import evolve

from kvnet.compiler.pod import found_links
from kvnet.defaults import with_default_nic
from kvnet.facts import HostFacts, PodLink, PodNetwork
from kvnet.node.namespaces import entered
from kvnet.pod.found import FoundLink, FoundRoute, PodFound
from kvnet.spec import Machine
from kvnet.target import Target, checked_target
from kvnet.values import MacAddress

if TYPE_CHECKING:
    from pyroute2 import IPRoute

__all__ = ["addresses_of", "facts", "found", "network_status"]

_MAIN_TABLE: Final = 254
_UNICAST: Final = 1
_INET6: Final = 10
_DEFAULT: Final = {2: "0.0.0.0/0", 10: "::/0"}


def found(namespace: str) -> PodFound:
    """The links and routes of a network namespace, in the kernel's order. Raises NodeError where there is none.

    What KubeVirt keeps of earlier set-ups is not in it: that is in the ``found`` of a Pod.
    """
    from pyroute2 import IPRoute  # noqa: PLC0415 - an extra

    with entered(namespace), IPRoute() as kernel:
        dumped = tuple(kernel.get_links())
        names = {each["index"]: each.get("ifname") for each in dumped}
        addresses = tuple(kernel.get_addr())
        links = tuple(_link(each, names, addresses) for each in dumped)
        return PodFound(links=links, routes=tuple(_routes(kernel, names)))


def facts(
    machine: Machine,
    found: PodFound,
    *,
    target: Target | None = None,
    results: Iterable[tuple[str, str, Mapping[str, Any]]] = (),
) -> HostFacts:
    """The facts of the target, with what was found of the pod: its links with MAC, MTU and tap, and the network-status.

    Args:
        machine: whose pod it is; one that lists no NIC has KubeVirt's default NIC.
        found: what ``found`` or a Pod has.
        target: whose facts are completed.
        results: of each attached network its name, its link and the result of its CNI plugins; see ``network_status``.
    """
    target = checked_target(machine, target)
    machine, known = with_default_nic(machine, target.cluster.in_effect), target.facts
    present = {each.name: PodLink(mac=each.mac, mtu=each.mtu) for each in found.links}
    return evolve(known, links=found_links(machine, present), pod_networks=network_status(results, found))


def network_status(results: Iterable[tuple[str, str, Mapping[str, Any]]], found: PodFound) -> tuple[PodNetwork, ...]:
    """The entries of Multus' network-status: the first network is the pod's own.

    MAC and MTU are those of the link in the pod, which has them by what the plugins did.
    """
    return tuple(
        PodNetwork(
            name=name,
            interface=interface,
            mac=link.mac if (link := found.link(interface)) is not None else None,
            mtu=link.mtu if link is not None else None,
            ips=tuple(str(each.ip) for each in addresses_of(result)),
            default=number == 0,
        )
        for number, (name, interface, result) in enumerate(results)
    )


def addresses_of(result: Mapping[str, Any]) -> tuple[IPv4Interface | IPv6Interface, ...]:
    """The addresses in the result of a CNI plugin, which before version 0.3 had one of each family."""
    given = [each.get("address") for each in result.get("ips") or ()]
    given += [(result.get(each) or {}).get("ip") for each in ("ip4", "ip6")]
    return tuple(ip_interface(each) for each in given if each)


def _link(dumped: Any, names: Mapping[int, str], addresses: Iterable[Any]) -> FoundLink:
    index, name, mac = dumped["index"], dumped.get("ifname"), dumped.get("address")
    own = [
        ip_interface(f"{each.get('local') or each.get('address')}/{each['prefixlen']}")
        for each in addresses
        if each["index"] == index
    ]
    ipv4 = tuple(each for each in own if isinstance(each, IPv4Interface))
    info = dumped.get("linkinfo")
    return FoundLink(
        name=name,
        index=index,
        kind=info.get("kind") if info is not None else None,
        mac=MacAddress.parse(mac) if mac and name != "lo" else None,
        mtu=dumped.get("mtu"),
        controller=names.get(dumped.get("master") or 0),
        ipv4=ipv4,
        ipv6=tuple(each for each in own if isinstance(each, IPv6Interface)),
        ipv4_enabled=bool(ipv4),
        ipv6_enabled=_has_ipv6(name),
    )


def _has_ipv6(name: str) -> bool:
    switch = Path("/proc/sys/net/ipv6/conf") / name / "disable_ipv6"
    return switch.exists() and switch.read_text().strip() == "0"


def _routes(kernel: IPRoute, names: Mapping[int, str]) -> Iterator[FoundRoute]:
    for each in kernel.get_routes(table=_MAIN_TABLE, type=_UNICAST):
        link, gateway = names.get(each.get("oif") or 0), each.get("gateway")
        if link is None or each["family"] not in _DEFAULT:
            continue
        given = each.get("dst")
        destination = f"{given}/{each['dst_len']}" if given else _DEFAULT[each["family"]]
        yield FoundRoute(
            destination=ip_network(destination, strict=False),
            link=link,
            gateway=ip_address(gateway) if gateway else None,
        )
