"""What the kernel and CNI plugins tell of a pod becomes its links, routes and facts."""

from __future__ import annotations

from contextlib import nullcontext
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import Any

import pytest
from components import needs_package
from machines import multus, nic, pod, vmi

import kvnet
from kvnet.compiler.pod import hashed_name
from kvnet.node import collect, network_status
from kvnet.node.collect import addresses_of
from kvnet.pod import FoundLink, FoundRoute, PodFound
from kvnet.values import MacAddress

MAC = "0a:58:0a:f4:00:05"
LINKS = [
    {"index": 1, "ifname": "lo", "address": "00:00:00:00:00:00", "mtu": 65536},
    {"index": 3, "ifname": "eth0", "address": MAC, "mtu": 1450, "linkinfo": {"kind": "veth"}},
    {"index": 4, "ifname": "tap0", "address": MAC, "mtu": 1450, "linkinfo": {"kind": "tun"}, "master": 5},
    {"index": 5, "ifname": "k6t-eth0", "address": MAC, "mtu": 1450, "linkinfo": {"kind": "bridge"}, "master": 0},
    {"index": 6, "ifname": "sit0", "address": None, "linkinfo": {}},
]
ADDRESSES = [
    {"index": 3, "local": "10.244.0.5", "address": "10.244.0.255", "prefixlen": 24},
    {"index": 3, "address": "fd10::5", "prefixlen": 64},
    {"index": 5, "local": "10.0.2.1", "address": "10.0.2.1", "prefixlen": 24},
]
INET, INET6, MPLS = 2, 10, 28
ROUTES = [
    {"family": INET, "oif": 3, "gateway": "10.244.0.1", "dst_len": 0},
    {"family": INET, "oif": 3, "dst": "10.244.0.0", "dst_len": 24},
    {"family": INET6, "oif": 3, "gateway": "fd10::1", "dst_len": 0},
    {"family": INET6, "oif": 5, "dst": "fd10:0:2::", "dst_len": 120},
    {"family": INET, "dst": "10.9.0.0", "dst_len": 16},
    {"family": MPLS, "oif": 3, "dst_len": 20},
]


class Kernel:
    """A kernel that tells what is written above."""

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def get_links(self) -> list[Any]:
        return LINKS

    def get_addr(self) -> list[Any]:
        return ADDRESSES

    def get_routes(self, **asked: int) -> list[Any]:
        return ROUTES if asked == {"table": 254, "type": 1} else []


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> PodFound:
    monkeypatch.setattr("pyroute2.IPRoute", Kernel)
    monkeypatch.setattr(collect, "entered", nullcontext)
    monkeypatch.setattr(collect, "_has_ipv6", lambda name: name == "eth0")
    return collect.found("kvnet-0")


@needs_package("pyroute2", "node")
def test_each_link_has_what_the_kernel_tells_of_it(found: PodFound) -> None:
    lo, eth0, tap, bridge, other = found.links
    assert lo == FoundLink(name="lo", index=1, mtu=65536, ipv4_enabled=False, ipv6_enabled=False)
    assert eth0 == FoundLink(
        name="eth0",
        index=3,
        kind="veth",
        mac=MacAddress.parse(MAC),
        mtu=1450,
        ipv4=(IPv4Interface("10.244.0.5/24"),),
        ipv6=(IPv6Interface("fd10::5/64"),),
        ipv4_enabled=True,
        ipv6_enabled=True,
    )
    assert (tap.kind, tap.controller, tap.ipv4_enabled) == ("tun", "k6t-eth0", False)
    assert (bridge.controller, bridge.ipv4) == (None, (IPv4Interface("10.0.2.1/24"),))
    assert (other.kind, other.mac, other.mtu) == (None, None, None)


@needs_package("pyroute2", "node")
def test_routes_of_both_families_lead_by_a_link_to_a_network_or_anywhere(found: PodFound) -> None:
    assert found.routes == (
        FoundRoute(destination=IPv4Network("0.0.0.0/0"), link="eth0", gateway=IPv4Address("10.244.0.1")),
        FoundRoute(destination=IPv4Network("10.244.0.0/24"), link="eth0"),
        FoundRoute(destination=IPv6Network("::/0"), link="eth0", gateway=IPv6Address("fd10::1")),
        FoundRoute(destination=IPv6Network("fd10:0:2::/120"), link="k6t-eth0"),
    )


RESULTS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a list": ({"ips": [{"address": "10.0.0.5/16"}, {"address": "fd00::5/64"}]}, ["10.0.0.5/16", "fd00::5/64"]),
    "one of each family, as before 0.3": (
        {"ip4": {"ip": "10.0.0.5/16"}, "ip6": {"ip": "fd00::5/64"}},
        ["10.0.0.5/16", "fd00::5/64"],
    ),
    "none": ({}, []),
    "null": ({"ips": None, "ip4": None, "ip6": {}}, []),
    "an entry without an address": ({"ips": [{"gateway": "10.0.0.1"}]}, []),
}


@pytest.mark.parametrize(("result", "addresses"), RESULTS.values(), ids=RESULTS)
def test_the_addresses_in_the_result_of_a_plugin_are(result: dict[str, Any], addresses: list[str]) -> None:
    assert [*map(str, addresses_of(result))] == addresses


def test_the_network_status_names_the_pods_own_network_first_and_has_what_its_links_have() -> None:
    link = FoundLink(name="eth0", mac=MacAddress.parse(MAC), mtu=1450)
    first, second = network_status(
        [("kvnet", "eth0", {"ips": [{"address": "10.0.0.5/16"}]}), ("prod/lan", "net1", {})], PodFound(links=(link,))
    )
    assert (first.name, first.interface, str(first.mac), first.mtu, first.ips, first.default) == (
        *("kvnet", "eth0", MAC, 1450),
        *(("10.0.0.5",), True),
    )
    assert (second.name, second.interface, second.mac, second.mtu, second.ips, second.default) == (
        *("prod/lan", "net1", None, None),
        *((), False),
    )


def test_facts_have_the_links_that_were_found_and_what_was_known_before() -> None:
    machine = kvnet.load(vmi([nic("a", "masquerade"), nic("lan")], [pod("a"), multus("lan")]))
    known = kvnet.Target(facts=kvnet.HostFacts(libvirt_version="11.0.0"))
    link = FoundLink(name=hashed_name("lan"), mac=MacAddress.parse(MAC), mtu=9000)
    made = collect.facts(machine, PodFound(links=(link,)), target=known, results=[("kvnet", "eth0", {})])
    assert made.libvirt_version == "11.0.0"
    assert made.links is not None
    assert [(name, str(each.mac), each.mtu) for name, each in made.links.items()] == [("lan", MAC, 9000)]
    assert [each.name for each in made.pod_networks or ()] == ["kvnet"]
