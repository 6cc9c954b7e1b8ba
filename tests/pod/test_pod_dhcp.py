"""Who is served what by DHCP in a pod, and what clients are answered."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Interface
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from machines import multus, nic, pod, vmi

import kvnet
from kvnet.pod import BridgeLease, DhcpServer, FoundLink, LeaseRoute, PodFound, answer, answer_v6
from kvnet.values import MacAddress

MAC, OTHER = MacAddress.parse("02:00:00:00:00:01"), MacAddress.parse("02:00:00:00:00:02")
ETH0 = FoundLink(name="eth0", mtu=1450, ipv4=(IPv4Interface("10.244.0.5/24"),), ipv6=(IPv6Interface("fd00::5/64"),))
RESOLV_CONF = "nameserver 10.96.0.10\nnameserver fd00::a\nsearch prod.svc.cluster.local cluster.local\n"
POD = PodFound(links=(ETH0,), hostname="web", resolv_conf=RESOLV_CONF)
BLUE = "pod16477688c0e"
LEASE = BridgeLease(
    address=IPv4Interface("10.1.3.4/16"),
    mac=MAC,
    gateway=IPv4Address("10.1.0.1"),
    routes=(
        LeaseRoute(gateway=IPv4Address("10.1.0.1")),
        LeaseRoute(destination=IPv4Network("10.244.0.0/15"), gateway=IPv4Address("10.1.0.9")),
        LeaseRoute(destination=IPv4Network("192.168.7.0/25")),
    ),
)
BRIDGED = evolve(POD, links=(FoundLink(name="16477688c0e-nic", mtu=9000),), leases={BLUE: LEASE})


def masqueraded(found: PodFound = POD, *, network: Mapping[str, Any] | None = None, **members: Any) -> kvnet.PodDhcp:
    spec = {"subdomain": members.pop("subdomain", "")}
    machine = kvnet.load(vmi([nic("a", "masquerade", **members)], [pod("a", **(network or {}))], spec=spec))
    return kvnet.pod_dhcp(machine, found=found)


def bridged(found: PodFound = BRIDGED, *, before: int = 0) -> kvnet.PodDhcp:
    names = [f"n{n}" for n in range(before)]
    interfaces = [*(nic(name, state="absent") for name in names), nic("blue")]
    return kvnet.pod_dhcp(kvnet.load(vmi(interfaces, [multus(name) for name in (*names, "blue")])), found=found)


def only(plan: kvnet.PodDhcp) -> DhcpServer:
    assert plan.problems == ()
    (served,) = plan.servers
    return served


def test_behind_masquerade_any_client_gets_the_second_address() -> None:
    served = only(masqueraded())
    assert (served.bridge, served.mac, served.address, served.server) == (
        "k6t-eth0",
        None,
        IPv4Interface("10.0.2.2/24"),
        IPv4Address("10.0.2.1"),
    )
    assert served.address6 == IPv6Interface("fd10:0:2::2/120")
    assert {code: value.hex() for code, value in served.options} == {
        1: "ffffff00",
        3: "0a000201",
        6: "0a60000a",
        12: b"web".hex(),
        15: b"prod.svc.cluster.local".hex(),
        26: "05aa",
        119: (b"\x04prod\x03svc\x07cluster\x05local\0\x07cluster\x05local\0").hex(),
    }


def test_a_bridge_serves_its_client_what_was_kept_of_the_link() -> None:
    served = only(bridged())
    assert (served.bridge, served.mac, served.address) == ("k6t-16477688c0e", MAC, LEASE.address)
    assert (served.server, served.gateway, served.address6) == (IPv4Address("169.254.75.10"), LEASE.gateway, None)
    options = dict(served.options)
    assert options[121].hex() == "0f0af40a010009" + "19c0a8070000000000" + "000a010001"
    assert options[26].hex() == "2328"


@pytest.mark.parametrize(("before", "server"), [(1, "169.254.75.11"), (12, "169.254.75.112")])
def test_the_server_of_a_bridge_is_named_by_the_position_of_the_nic(before: int, server: str) -> None:
    assert str(only(bridged(before=before)).server) == server


OPTIONS: dict[str, tuple[dict[str, Any], dict[int, bytes]]] = {
    "names": ({"tftpServerName": "tftp", "bootFileName": "b"}, {66: b"tftp", 67: b"b"}),
    "empty names": ({"tftpServerName": "", "bootFileName": ""}, {}),
    "time servers": ({"ntpServers": ["10.0.0.1", "::ffff:10.0.0.2"]}, {42: b"\x0a\0\0\x01\x0a\0\0\x02"}),
    "private options": (
        {"privateOptions": [{"option": code, "value": f"v{code}"} for code in (223, 224, 254, 255)]},
        {224: b"v224", 254: b"v254"},
    ),
    "a private option twice": (
        {"privateOptions": [{"option": 230, "value": "x"}, {"option": 230, "value": ""}]},
        {230: b""},
    ),
}


@pytest.mark.parametrize(("asked", "expected"), OPTIONS.values(), ids=OPTIONS)
def test_the_machine_adds_options(asked: dict[str, Any], expected: dict[int, bytes]) -> None:
    plain, more = only(masqueraded()), only(masqueraded(dhcpOptions=asked))
    assert dict(more.options) == dict(plain.options) | expected


def test_the_headless_service_is_in_the_search_domains_and_is_the_domain() -> None:
    served = only(masqueraded(subdomain="db"))
    assert served.search_domains[0] == "db.prod.svc.cluster.local"
    assert dict(served.options)[15] == b"db.prod.svc.cluster.local"


@pytest.mark.parametrize(
    ("mtu", "told"), [(None, "0000"), (0, "0000"), (1400, "0578"), (65535, "ffff"), (65536, "0000"), (65537, "0001")]
)
def test_option_26_has_16_bits(mtu: int | None, told: str) -> None:
    served = only(masqueraded(evolve(POD, links=(evolve(ETH0, mtu=mtu),))))
    assert dict(served.options)[26].hex() == told


UNSERVED = {
    "the link had no address": bridged(evolve(BRIDGED, leases={BLUE: BridgeLease(ipam_disabled=True)})),
    "an absent NIC": kvnet.pod_dhcp(kvnet.load(vmi([nic("blue", state="absent")], [multus("blue")])), found=PodFound()),
    "a virtual function": kvnet.pod_dhcp(kvnet.load(vmi([nic("blue", "sriov")], [multus("blue")])), found=BRIDGED),
}


@pytest.mark.parametrize("plan", UNSERVED.values(), ids=UNSERVED)
def test_nobody_is_served_for(plan: kvnet.PodDhcp) -> None:
    assert (plan.servers, plan.problems) == ((), ())


REFUSED: dict[str, tuple[kvnet.PodDhcp, str, str]] = {
    "no link": (masqueraded(PodFound()), "KN840", "spec.domain.devices.interfaces[0]"),
    "no lease": (bridged(evolve(BRIDGED, leases={})), "KN830", "spec.domain.devices.interfaces[0]"),
    "no moved link": (bridged(evolve(BRIDGED, links=())), "KN840", "spec.domain.devices.interfaces[0]"),
    "too many bridges": (bridged(before=100), "KN846", "spec.domain.devices.interfaces[100]"),
    "no room": (
        masqueraded(network={"vmNetworkCIDR": "10.0.2.0/31"}),
        "KN844",
        "spec.networks[0].pod.vmNetworkCIDR",
    ),
    "no network": (
        masqueraded(network={"vmIPv6NetworkCIDR": "fd10::"}),
        "KN844",
        "spec.networks[0].pod.vmIPv6NetworkCIDR",
    ),
    "a time server by its name": (
        masqueraded(dhcpOptions={"ntpServers": ["10.0.0.1", "ntp.example"]}),
        "KN148",
        "spec.domain.devices.interfaces[0].dhcpOptions.ntpServers[1]",
    ),
    "a search domain that is none": (
        masqueraded(evolve(POD, resolv_conf="search a..b")),
        "KN831",
        "spec.dnsConfig",
    ),
    "search domains that do not fit": (
        masqueraded(evolve(POD, resolv_conf="search " + " ".join(f"{'a' * 60}{n}.example" for n in range(4)))),
        "KN831",
        "spec.dnsConfig",
    ),
}


@pytest.mark.parametrize("domain", ["\ud800.example", f"{'a' * 300}.example", "a..b", "é.example", "a" * 64])
def test_a_search_domain_that_has_no_form_in_dns_is_a_problem_and_is_not_sent(domain: str) -> None:
    plan = masqueraded(evolve(POD, resolv_conf=f"search {domain}", hostname="\ud800"))
    assert [each.code for each in plan.problems] == ["KN831"]
    assert dict(plan.servers[0].options).keys().isdisjoint({15, 119})


def test_search_domains_fit_an_option_of_255_bytes_and_no_more() -> None:
    domains = [f"{'a' * 60}{n}.b" for n in range(3)]
    for letters, codes in ((58, []), (59, ["KN831"])):
        plan = masqueraded(evolve(POD, resolv_conf=f"search {' '.join([*domains, letters * 'c'])}"))
        assert [each.code for each in plan.problems] == codes


def test_a_server_is_found_by_its_network() -> None:
    plan = masqueraded()
    assert plan.server("a") is plan.servers[0]
    assert plan.server("b") is None


@pytest.mark.parametrize(("plan", "code", "at"), REFUSED.values(), ids=REFUSED)
def test_a_nic_is_refused_for(plan: kvnet.PodDhcp, code: str, at: str) -> None:
    assert [(each.code, str(each.at), each.is_error) for each in plan.problems] == [(code, at, True)]
    assert not any(each.answers(MAC) for each in plan.servers)


def test_the_network_of_a_family_that_the_pod_has_not_is_not_looked_at() -> None:
    ipv4_only = evolve(POD, links=(evolve(ETH0, ipv6=(IPv6Interface("fe80::1/64"),)),))
    assert only(masqueraded(ipv4_only, network={"vmIPv6NetworkCIDR": "x"})).address6 is None


@pytest.mark.parametrize(
    ("type", "mac", "expected"),
    [
        ("discover", MAC, "offer"),
        ("request", MAC, "ack"),
        ("inform", MAC, None),
        ("release", MAC, None),
        ("discover", OTHER, None),
    ],
)
def test_a_bridge_answers_its_client_alone(type: str, mac: MacAddress, expected: str | None) -> None:
    served = only(bridged())
    made = answer(served, type, mac)
    assert (made.type if made else None) == expected
    if made is not None:
        options = dict(made.options)
        assert (made.address, made.server) == (IPv4Address("10.1.3.4"), served.server)
        assert (options[51].hex(), options[54]) == ("05250a80", IPv4Address("169.254.75.10").packed)
        assert {code: options[code] for code, _ in served.options} == dict(served.options)


def test_dhcpv6_answers_with_the_address_and_a_duid_of_the_bridge() -> None:
    served = only(masqueraded())
    client = bytes.fromhex("0001000a00030001020000000001")
    made = answer_v6(served, bytes.fromhex("01abcdef") + client + bytes.fromhex("0003000c000000070000000000000000"))
    assert made is not None
    assert made.hex() == (
        "02abcdef" + client.hex() + "00030028000000070000000000000000"
        "00050018fd10000000020000000000000000000205250a8005250a80"
        "0002000a00030001020000000000" + "00170010fd00000000000000000000000000000a"
    )


@pytest.mark.parametrize(
    ("type", "is_rapid", "answered", "tells_rapid"),
    [("01", False, 2, False), ("01", True, 7, True), ("03", False, 7, False), ("03", True, 7, False)],
)
def test_dhcpv6_commits_at_once_where_a_client_solicits_that(
    type: str, is_rapid: bool, answered: int, tells_rapid: bool
) -> None:
    client = bytes.fromhex("0001000a00030001020000000001")
    rapid = bytes.fromhex("000e0000")
    made = answer_v6(only(masqueraded()), bytes.fromhex(f"{type}abcdef") + client + rapid * is_rapid)
    assert made is not None
    assert (made[0], made[4 + len(client) :].startswith(rapid)) == (answered, tells_rapid)


@pytest.mark.parametrize("type", range(16))
def test_of_the_dhcpv6_messages_those_of_clients_are_answered(type: int) -> None:
    client = bytes.fromhex("0001000a00030001020000000001")
    made = answer_v6(only(masqueraded()), bytes([type]) + bytes.fromhex("abcdef") + client)
    # solicit, request, confirm, renew, rebind, release, information-request (RFC 8415, section 7.3)
    assert (made is not None) == (type in (1, 3, 4, 5, 6, 8, 11))


def test_a_dhcpv6_option_may_be_longer_than_a_byte_counts() -> None:
    vendor, client = bytes.fromhex("00110104") + b"\xff" * 260, bytes.fromhex("0001000a00030001020000000001")
    made = answer_v6(only(masqueraded()), bytes.fromhex("01abcdef") + vendor + client)
    assert made is not None
    assert client in made


def test_a_lost_lease_is_told_with_where_it_was_kept() -> None:
    (problem,) = bridged(evolve(BRIDGED, leases={})).problems
    assert problem.hint == "give what the set-up of the pod's links kept, in PodFound.leases"


@pytest.mark.parametrize("request_", ["", "01", "01abcdef", "09abcdef0001000a00030001020000000001", "0dabcdef00010000"])
def test_a_dhcpv6_packet_that_cannot_be_answered_is_not(request_: str) -> None:
    assert answer_v6(only(masqueraded()), bytes.fromhex(request_)) is None


@given(st.binary(max_size=80))
def test_any_packet_is_answered_or_not_and_breaks_nothing(packet: bytes) -> None:
    made = answer_v6(only(masqueraded()), packet)
    assert made is None or made[1:4] == packet[1:4]
