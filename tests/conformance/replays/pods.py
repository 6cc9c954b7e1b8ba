"""The pod's side of a machine: its links, and its NAT."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any

import kvnet
from kvnet.compiler import queue_capacity
from kvnet.pod import (
    AddressFamily,
    BridgeLease,
    BridgeLink,
    DesiredLink,
    DummyLink,
    FoundLink,
    FoundRoute,
    Phase,
    PodFound,
    PodLinks,
    PodNat,
    Preparation,
    RenamedLink,
    TapLink,
    networks_of,
    owner_of,
    pod_links,
    pod_nat,
)
from kvnet.spec import Machine
from kvnet.spec.cluster import BindingPlugin
from kvnet.values import MacAddress
from replays.normalised import normalised

__all__ = ["masquerade_nft", "podnet_nmstate"]

Case = dict[str, Any]
Difference = tuple[str, Any, Any]


def podnet_nmstate(case: Case) -> Iterator[Difference]:
    given, expected = case["input"], case["expected"]
    machine, target, found, phase = _given(given)
    yield "networksInPhase", expected["networksInPhase"] or [], list(networks_of(machine, phase))
    yield "ownerID", expected["ownerID"], owner_of(machine)
    yield "queueCapacity", expected["queueCapacity"], queue_capacity(machine)
    plan = pod_links(machine, target, found, phase=phase)
    nat = pod_nat(machine, target, found, phase=phase)
    applied = plan.is_due and not plan.problems
    yield "enteredNetNS", expected["enteredNetNS"], plan.is_due
    yield "applied", expected["applied"], applied
    problems = plan.problems or (nat.problems if applied else ())
    yield "error", bool(expected.get("error")), bool(problems)
    yield "critical", expected["critical"], plan.gives_up
    yield "stateAfter", expected["stateAfter"] or {}, {name: str(each) for name, each in plan.after.items()}
    leases = {name: _bare(each) for name, each in (expected["dhcpCache"] or {}).items()}
    yield "dhcpCache", leases, {name: _bare(_plain_lease(each)) for name, each in plan.leases.items()}
    ips = {network: [each["podIP"], each["podIPs"]] for network, each in (expected["podInterfaceCache"] or {}).items()}
    made = {network: [str(each[0]), [*map(str, each)]] for network, each in plan.pod_ips.items()}
    yield "podInterfaceCache", ips, made
    yield "desired", _bare(expected["desired"]), _bare(_plain_links(plan)) if applied else None
    yield "nft", expected["nft"] or [], [" ".join(each) for each in _unquoted(nat)] if applied else []


def masquerade_nft(case: Case) -> Iterator[Difference]:
    given, expected = case["input"], case["expected"]
    machine, target, found, phase = _given(given)
    plan = pod_links(machine, target, found, phase=phase)
    nat = pod_nat(machine, target, found, phase=phase)
    yield "error", bool(expected["error"]), bool(plan.problems)
    yield "the error of the NAT alone", bool(expected["error"]), bool(nat.problems)
    commands = _unquoted(nat)
    yield "calls", [each["cmd"] for each in expected["calls"] or ()], [" ".join(each) for each in commands]
    tokens = [each.get("spec") or [] for each in expected["calls"] or ()]
    yield "spec", tokens, [each[5 if each[2] == "table" else 6 :] for each in commands]
    bridges = [each for each in plan.links if isinstance(each, BridgeLink)]
    families = [[each.name, [*map(str, each.ipv4.addresses)], [*map(str, each.ipv6.addresses)]] for each in bridges]
    wanted = [[each["name"], each["ipv4"] or [], each["ipv6"] or []] for each in expected["bridges"] or ()]
    yield "bridges", wanted, families


def _unquoted(nat: PodNat) -> list[list[str]]:
    """The commands without quotes around the names of links, which KubeVirt never writes."""
    if any('"' in each for command in nat.commands for each in command):
        normalised("names of links without quotes, which nft takes for keywords")
    return [[each.replace('"', "") for each in command] for command in nat.commands]


def _given(given: Mapping[str, Any]) -> tuple[Machine, kvnet.Target, PodFound, Phase]:
    machine = kvnet.load({"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstance"} | given["vmi"])
    plugins = {
        name: BindingPlugin(domain_attachment_type=each.get("domainAttachmentType"))
        for name, each in (given["bindingPlugins"] or {}).items()
    }
    gates = frozenset(["PortRangesSpec"]) if given["portRangesGate"] else frozenset()
    cluster = kvnet.ClusterConfig(feature_gates=gates, binding_plugins=plugins)
    return machine, kvnet.Target(cluster=cluster), _found(given), Phase(given["phase"])


def _found(given: Mapping[str, Any]) -> PodFound:
    network, host_ip = given["podNetwork"], given["hostPodIP"]
    return PodFound(
        links=tuple(map(_found_link, network.get("interfaces") or ())),
        routes=tuple(map(_found_route, (network.get("routes") or {}).get("running") or ())),
        preparations={name: Preparation(each) for name, each in (given["state"] or {}).items()},
        host_ip=ip_address(host_ip) if host_ip else None,
        launcher_pid=given["launcherPID"] or 0,
    )


def _found_link(data: Mapping[str, Any]) -> FoundLink:
    ipv4, ipv6 = data.get("IPv4") or {}, data.get("IPv6") or {}
    return FoundLink(
        name=data["name"],
        index=data.get("index"),
        kind=data.get("type"),
        mac=MacAddress.parse(data["mac-address"]) if data.get("mac-address") else None,
        mtu=data.get("mtu") or None,
        controller=data.get("controller"),
        ipv4=tuple(map(_interface, ipv4.get("address") or ())),
        ipv6=tuple(map(_interface, ipv6.get("address") or ())),
        ipv4_enabled=ipv4.get("enabled"),
        ipv6_enabled=ipv6.get("enabled"),
    )


def _interface(data: Mapping[str, Any]) -> Any:
    return ip_interface(f"{data['IP']}/{data['prefix-length']}")


def _found_route(data: Mapping[str, Any]) -> FoundRoute:
    gateway = data.get("next-hop-address")
    return FoundRoute(
        destination=ip_network(data["destination"], strict=False),
        link=data["next-hop-interface"],
        gateway=ip_address(gateway) if gateway else None,
    )


def _plain_lease(lease: BridgeLease) -> dict[str, Any]:
    return {
        "ipamDisabled": lease.ipam_disabled,
        "ip": lease.address and str(lease.address),
        "mac": lease.mac and str(lease.mac),
        "gateway": lease.gateway and str(lease.gateway),
        "routes": [
            {"dst": str(each.destination or "default"), "gw": each.gateway and str(each.gateway)}
            for each in lease.routes
        ],
    }


def _plain_links(plan: PodLinks) -> dict[str, Any]:
    """The plan in the words of nmstate; settings of a link stand beside it, all others at the end."""
    values = {each.path: each.value for each in plan.sysctls}
    stack = {
        "ipv4": {
            "arp-ignore": _number(values.get("net/ipv4/conf/all/arp_ignore")),
            "forwarding": values.get("net/ipv4/ip_forward") == "1" or None,
            "ping-group-range": [*map(int, values.get("net/ipv4/ping_group_range", "").split())],
            "unprivileged-port-start": _number(values.get("net/ipv4/ip_unprivileged_port_start")),
        },
        "ipv6": {"forwarding": values.get("net/ipv6/conf/all/forwarding") == "1" or None},
    }
    return {"interfaces": [_plain_link(each, values) for each in plan.links], "linux-stack": stack}


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)


def _plain_link(link: DesiredLink, values: Mapping[str, str]) -> dict[str, Any]:
    known: dict[str, Any] = {"name": link.name, "Metadata": {"NetworkName": link.network, "Pid": 0}}
    match link:
        case BridgeLink():
            local = values.get(f"net/ipv4/conf/{link.name}/route_localnet") == "1"
            known |= _addressed(link) | {"type": "bridge", "linux-stack": {"ip4-route-local-net": local or None}}
            known["state"] = "absent" if link.is_absent else "up"
        case TapLink():
            known |= {"type": "tap", "mtu": link.mtu, "controller": link.controller}
            known["tap"] = {"queues": link.queues or None, "UID": link.owner or None, "GID": link.owner or None}
            known["state"], known["Metadata"]["Pid"] = "absent" if link.is_absent else "up", link.pid
        case RenamedLink():
            known |= {"index": link.index, "controller": link.controller, "copy-mac-from": link.controller}
            known |= {"state": "up", "IPv4": {"enabled": False}, "IPv6": {"enabled": False}}
            known["linux-stack"] = {"port-learning": False}
        case DummyLink():
            known |= _addressed(link) | {"type": "dummy", "state": "absent" if link.is_absent else None}
    return known


def _addressed(link: BridgeLink | DummyLink) -> dict[str, Any]:
    return {"mac-address": link.mac and str(link.mac), "mtu": link.mtu} | {
        "IPv4": _family(link.ipv4),
        "IPv6": _family(link.ipv6),
    }


def _family(family: AddressFamily) -> dict[str, Any]:
    addresses = [{"IP": str(each.ip), "prefix-length": each.network.prefixlen} for each in family.addresses]
    return {"enabled": family.enabled, "address": addresses}


def _bare(value: Any) -> Any:
    """Without what is absent: null, empty lists and empty objects."""
    if isinstance(value, dict):
        kept = {key: _bare(each) for key, each in value.items()}
        return {key: each for key, each in kept.items() if each not in (None, [], {}, "")}
    return [_bare(each) for each in value] if isinstance(value, list) else value
