"""Which ports reach the guest, and that nothing but numbers, addresses and names of links gets into a ruleset."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Interface, IPv6Address
from typing import Any

import pytest
from hypothesis import given
from machines import nic, pod, vmi
from pod.hostile import hostile_machines

import kvnet
from kvnet import PodFound, PodNat
from kvnet.pod import FoundLink
from kvnet.pod.nft import Forward, LinkName, PortSpan, forwards, is_link_name
from kvnet.spec import Machine

FOUND = kvnet.loads_found("links: [{name: eth0, ipv4: [169.254.1.5/16, 10.244.0.5/24], ipv6: ['fd10:244::5/64']}]")
RANGES = kvnet.Target(cluster=kvnet.ClusterConfig(feature_gates=frozenset({"PortRangesSpec"})))
ISTIO = {"sidecar.istio.io/inject": "True"}


def nat(nic_members: dict[str, Any], target: kvnet.Target | None = None, **members: Any) -> PodNat:
    machine = vmi([nic("a", "masquerade", **nic_members)], [pod("a")], **members)
    return kvnet.pod_nat(kvnet.load(machine), target, FOUND)


def rules(nat: PodNat, chain: str, family: str = "ip") -> list[str]:
    """The rules of a chain."""
    begin = ("nft", "add", "rule", family, "nat", chain)
    return [" ".join(each[6:]) for each in nat.commands if each[:6] == begin]


def inbound(nat: PodNat) -> list[str]:
    return rules(nat, "KUBEVIRT_PREINBOUND")


def test_without_ports_all_are_forwarded_in_both_families() -> None:
    made = nat({})
    assert inbound(made) == ["counter dnat to 10.0.2.2"]
    assert rules(made, "KUBEVIRT_PREINBOUND", "ip6") == ["counter dnat to fd10:0:2::2"]


def test_behind_istio_what_its_sidecar_serves_reaches_the_guest_from_its_address() -> None:
    plain, served = (nat({"ports": [{"port": 80}]}, annotations=each) for each in ({}, ISTIO))
    told = [" ".join(each) for each in served.commands]
    assert any("127.0.0.6" in each for each in told)
    assert not any("127.0.0.6" in " ".join(each) for each in plain.commands)


@pytest.mark.parametrize(
    "name", ["ah", "comp", "dccp", "esp", "icmp", "icmpv6", "igmp", "sctp", "tcp", "udp", "udplite"]
)
def test_a_protocol_is_no_name_of_a_link(name: str) -> None:
    assert not is_link_name(name)
    assert is_link_name(f"{name}0")


def test_listed_ports_alone_are_forwarded() -> None:
    made = nat({"ports": [{"port": 80}, {"port": 53, "protocol": "UDP"}]})
    assert inbound(made) == ["tcp dport { 80 } counter dnat to 10.0.2.2", "udp dport { 53 } counter dnat to 10.0.2.2"]


def test_ranges_count_where_the_cluster_has_them_and_else_are_no_list_of_ports() -> None:
    members = {"portRanges": [{"protocol": "TCP", "start": 8000, "end": 8010}]}
    assert inbound(nat(members, RANGES)) == ["tcp dport 8000-8010 counter dnat to 10.0.2.2"]
    assert inbound(nat(members)) == ["counter dnat to 10.0.2.2"]


V4, V6 = IPv4Address("10.0.2.2"), IPv6Address("fd10:0:2::2")
FORWARDED: dict[str, tuple[dict[str, Any], list[tuple[str | None, str | None]]]] = {
    "all ports": ({}, [(None, None)]),
    "listed ports": (
        {"ports": [{"port": 80}, {"port": 53, "protocol": "UDP"}, {"port": 80, "name": "web"}]},
        [("tcp", "80"), ("udp", "53")],
    ),
    "a range of ports": ({"portRanges": [{"protocol": "UDP", "start": 8000, "end": 8010}]}, [("udp", "8000-8010")]),
}


@pytest.mark.parametrize(("members", "ports"), FORWARDED.values(), ids=FORWARDED)
def test_the_forwarded_ports_are_told_for_each_address_of_the_guest(
    members: dict[str, Any], ports: list[tuple[str | None, str | None]]
) -> None:
    told = forwards(nat(members, RANGES))
    assert told == tuple(Forward(to=to, protocol=protocol, ports=span) for to in (V4, V6) for protocol, span in ports)
    named = [f"{protocol} {span}" if span else "all ports" for protocol, span in ports]
    assert [str(each) for each in told] == named * 2


def test_behind_istio_only_what_the_pod_itself_forwards_is_told() -> None:
    assert forwards(nat({"ports": [{"port": 80}]}, annotations=ISTIO)) == ()
    assert forwards(nat({"ports": [{"port": 22}]}, annotations=ISTIO))[0] == Forward(to=V4, protocol="tcp", ports="22")


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, ["tcp dport { 22 } counter dnat to 10.0.2.2"]),
        ({"ports": [{"port": 80}]}, []),
        ({"ports": [{"port": 22, "protocol": "UDP"}]}, ["tcp dport { 22 } counter dnat to 10.0.2.2"]),
        (
            {"portRanges": [{"protocol": "TCP", "start": 20, "end": 22}]},
            ["tcp dport { 22 } counter dnat to 10.0.2.2"],
        ),
        ({"portRanges": [{"protocol": "TCP", "start": 23, "end": 30}]}, []),
    ],
)
def test_behind_istio_only_ssh_reaches_the_guest_directly(members: dict[str, Any], expected: list[str]) -> None:
    assert inbound(nat(members, RANGES, annotations=ISTIO)) == expected


def test_behind_istio_the_pods_first_address_leads_to_the_guest_in_ipv4_alone() -> None:
    made = nat({"ports": [{"port": 80}]}, annotations=ISTIO, status={"migrationTransport": "Unix"})
    assert rules(made, "output") == ["ip daddr { 127.0.0.1, 169.254.1.5 } tcp dport 80 counter dnat to 10.0.2.2"]
    assert rules(made, "output", "ip6") == ["ip6 daddr { ::1 } tcp dport 80 counter dnat to fd10:0:2::2"]


@pytest.mark.parametrize(("transport", "count"), [(None, 1), ("", 1), ("Unix", 0)])
def test_the_ports_of_a_migration_stay_with_the_pod_unless_it_goes_by_a_unix_socket(
    transport: str | None, count: int
) -> None:
    made = nat({}, status={"migrationTransport": transport} if transport is not None else {})
    assert sum("49152" in each for each in rules(made, "output")) == count


@pytest.mark.parametrize(
    ("ipv4", "ipv6", "families"),
    [
        ("10.244.0.5/24", "fd10:244::5/64", ["ip", "ip6"]),
        ("169.254.1.5/16", "fd10:244::5/64", ["ip6"]),
        ("10.244.0.5/24", "fe80::5/64", ["ip"]),
        ("127.0.0.1/8", "::1/128", []),
    ],
)
def test_a_family_is_there_where_the_pod_has_an_address_of_it(ipv4: str, ipv6: str, families: list[str]) -> None:
    found = kvnet.load_found({"links": [{"name": "eth0", "ipv4": [ipv4], "ipv6": [ipv6]}]})
    made = kvnet.pod_nat(kvnet.load(vmi([nic("a", "masquerade")], [pod("a")])), None, found)
    assert [each[3] for each in made.commands if each[2] == "table"] == families


def test_machines_without_masquerade_need_no_nat() -> None:
    made = kvnet.pod_nat(kvnet.load(vmi([nic("a", "bridge")], [pod("a")])), None, FOUND)
    assert (made.operations, made.text, made.problems) == ((), "", ())


PROBLEMS = {
    "no link": (PodFound(), {}, {}, ["KN840"]),
    "port": (FOUND, {"ports": [{"port": 0}, {"port": 65536}]}, {}, ["KN135", "KN135"]),
    "protocol": (FOUND, {"ports": [{"port": 22, "protocol": "tcp; flush ruleset"}]}, {}, ["KN136"]),
    "range": (FOUND, {"portRanges": [{"protocol": "SCTP", "start": 0, "end": 70000}]}, {}, ["KN141", "KN142", "KN143"]),
    "range backwards": (FOUND, {"portRanges": [{"protocol": "TCP", "start": 9, "end": 8}]}, {}, ["KN144"]),
    "network": (FOUND, {}, {"vmNetworkCIDR": "10.0.2.0/24; flush ruleset"}, ["KN844"]),
    "networks": (FOUND, {}, {"vmNetworkCIDR": "fd10::/64", "vmIPv6NetworkCIDR": "fd10::/127"}, ["KN844", "KN844"]),
}


@pytest.mark.parametrize(("found", "members", "network", "codes"), PROBLEMS.values(), ids=PROBLEMS)
def test_what_cannot_be_in_a_ruleset_is_a_problem_and_there_is_no_ruleset(
    found: PodFound, members: dict[str, Any], network: dict[str, Any], codes: list[str]
) -> None:
    machine = kvnet.load(vmi([nic("a", "masquerade", **members)], [pod("a", **network)]))
    made = kvnet.pod_nat(machine, RANGES, found)
    assert [each.code for each in made.problems] == codes
    assert made.operations == ()


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a b", "eth*", 'a"b', "a;b", "a\nb", "a{b", "a/b", "a" * 16, "é", "tcp"]
)
def test_a_link_whose_name_nft_could_read_as_anything_else_is_refused(name: str) -> None:
    status = {"interfaces": [{"name": "a", "podInterfaceName": name}]}
    machine = kvnet.load(vmi([nic("a", "masquerade")], [pod("a")], status=status))
    found = PodFound(links=(FoundLink(name=name, ipv4=(IPv4Interface("10.244.0.5/24"),)),))
    made = kvnet.pod_nat(machine, None, found)
    assert [each.code for each in made.problems] == ["KN845" if name else "KN840"]
    with pytest.raises(ValueError, match="is not the name of a link"):
        LinkName(name)


def test_a_bridge_that_would_have_too_long_a_name_is_refused() -> None:
    status = {"interfaces": [{"name": "a", "podInterfaceName": "twelve-chars"}]}
    machine = kvnet.load(vmi([nic("a", "masquerade")], [pod("a")], status=status))
    found = kvnet.loads_found("links: [{name: twelve-chars, ipv4: [10.244.0.5/24]}]")
    assert [each.code for each in kvnet.pod_nat(machine, None, found).problems] == ["KN845"]


@pytest.mark.parametrize(
    ("ports", "error"), [((0,), ValueError), ((9, 8), ValueError), (("22",), TypeError), ((True,), TypeError)]
)
def test_a_span_of_ports_has_port_numbers_in_order(ports: tuple[Any, ...], error: type[Exception]) -> None:
    with pytest.raises(error):
        PortSpan(*ports)


ARGUMENT = re.compile(r'"?[A-Za-z0-9_.:-]{1,45}"?|\{ [0-9a-f.:, -]+ \}|\{ type nat hook [a-z]+ priority -?[0-9]+; \}')
LINE = re.compile(r'[A-Za-z0-9_.:,;{}" -]*')


@given(hostile_machines())
def test_no_text_of_a_manifest_gets_into_a_ruleset(drawn: tuple[Machine, PodFound]) -> None:
    made = kvnet.pod_nat(drawn[0], RANGES, drawn[1])
    assert bool(made.problems) != bool(made.operations)
    for command in made.commands:
        assert command[:2] == ("nft", "add")
        assert all(ARGUMENT.fullmatch(each) for each in command), command
    assert all(LINE.fullmatch(each) for each in made.text.split("\n"))
    assert made.text.count("table ip") == 3 * sum(each[2] == "table" for each in made.commands)
    for text in _texts(json.loads(json.dumps(made.as_json()))):
        assert re.fullmatch("[A-Za-z0-9_.: =-]+", text), text


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, str):
        yield value
