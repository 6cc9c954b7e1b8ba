"""The configuration of dnsmasq: it accepts each, and no text of a machine reaches its syntax or another option."""

from __future__ import annotations

import shutil
import subprocess
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Interface
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from components import needs_program
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from machines import multus, nic, pod, vmi
from pod.dnsmasq_files import option_values, read

import kvnet
from kvnet.compiler import pod_link_names
from kvnet.pod import BridgeLease, DhcpServer, FoundLink, LeaseRoute, PodDhcp, PodFound, dnsmasq, pod_dhcp
from kvnet.values import MacAddress

DNSMASQ = shutil.which("dnsmasq", path="/usr/sbin:/usr/bin:/sbin:/bin")
WICKED = [
    "",
    "x",
    "7",
    "10b",
    "a,b",
    'a"b',
    "a\nport=53",
    "a;b",
    "{ a }",
    "# a",
    "a # b",
    "\\",
    '\\"',
    "a,3,1.2.3.4",
    "é",
]
"""Texts that mean something to dnsmasq, or to nft or a shell."""
TEXTS = st.one_of(
    st.sampled_from(WICKED),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=50),
    st.lists(st.sampled_from(WICKED), max_size=4).map("".join),
)
PRIVATE = st.fixed_dictionaries({"option": st.integers(220, 255), "value": TEXTS})
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "tftpServerName": TEXTS,
        "bootFileName": TEXTS,
        "ntpServers": st.lists(st.ip_addresses(v=4).map(str), max_size=3),
        "privateOptions": st.lists(PRIVATE, max_size=4),
    },
)
MACS = st.binary(min_size=6, max_size=6).map(lambda octets: MacAddress(bytes([octets[0] & 0xFE, *octets[1:]])))


def networks(bits: int = 32) -> st.SearchStrategy[IPv4Network]:
    pairs = st.tuples(st.ip_addresses(v=4), st.integers(0, bits))
    return pairs.map(lambda pair: IPv4Network(f"{pair[0]}/{pair[1]}", strict=False))


LEASES = st.builds(
    BridgeLease,
    ipam_disabled=st.booleans(),
    address=st.builds(
        lambda ip, length: IPv4Interface(f"{ip}/{length}"),
        st.ip_addresses(v=4, network="10.0.0.0/8"),
        st.integers(1, 32),
    ),
    mac=MACS,
    gateway=st.none() | st.ip_addresses(v=4),
    routes=st.lists(
        st.builds(LeaseRoute, destination=st.none() | networks(), gateway=st.none() | st.ip_addresses(v=4)), max_size=5
    ).map(tuple),
)
RESOLV_CONFS = st.lists(
    st.sampled_from(
        [
            "nameserver 10.96.0.10",
            "nameserver 1.1.1.1",
            "nameserver fd00::a",
            "search prod.svc.cluster.local a_b.example",
            "search x. EXAMPLE.com",
        ]
    ),
    max_size=5,
).map("\n".join)
IPV6_CIDRS = st.sampled_from([None, "fd42:1::/112", "2001:db8::/32", "fd10:0:2::4/126", "fd10::1234/100"])


@st.composite
def served(draw: st.DrawFn) -> PodDhcp:
    """The servers of a machine with any options, and of its pod."""
    cidr = draw(IPV6_CIDRS)
    primary = pod("a", **({"vmIPv6NetworkCIDR": cidr} if cidr else {}))
    names = [f"n{n}" for n in range(draw(st.integers(0, 3)))]
    interfaces = [
        nic("a", "masquerade", dhcpOptions=draw(OPTIONS)),
        *(nic(n, dhcpOptions=draw(OPTIONS)) for n in names),
    ]
    machine = kvnet.load(vmi(interfaces, [primary, *map(multus, names)]))
    links = pod_link_names(machine)
    eth0 = FoundLink(
        name="eth0",
        mac=draw(st.none() | MACS),
        mtu=draw(st.integers(0, 70000)),
        ipv4=(IPv4Interface("10.244.0.5/24"),) if draw(st.booleans()) else (),
        ipv6=(IPv6Interface("fd00::5/64"),) if draw(st.booleans()) else (),
    )
    found = PodFound(
        links=(eth0, *(FoundLink(name=f"{links[name][3:]}-nic", mtu=1500) for name in names)),
        leases={links[name]: draw(LEASES) for name in names},
        hostname=draw(st.sampled_from([None, "web", "virt-launcher-web-x7b9q"])),
        resolv_conf=draw(RESOLV_CONFS),
    )
    return pod_dhcp(machine, found=found)


@needs_program("dnsmasq")
@pytest.mark.parametrize("count", [20, pytest.param(1000, marks=pytest.mark.slow)])
def test_dnsmasq_accepts_the_configurations_of_random_machines(count: int, tmp_path: Path) -> None:
    texts: list[str] = []

    @settings(
        max_examples=count,
        phases=[Phase.generate],
        database=None,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(served())
    def draw(plan: PodDhcp) -> None:
        texts.extend(map(dnsmasq, plan.servers))

    draw()
    assert len(texts) > count
    assert sum("dhcp-range" in each for each in texts) > count / 2
    for n, text in enumerate(texts):
        assert _refusal(text, tmp_path / f"{n}.conf") == "", text


@needs_program("dnsmasq")
def test_dnsmasq_refuses_a_configuration_with_a_fault(tmp_path: Path) -> None:
    assert "line 2" in _refusal("port=0\ndhcp-option=3,x\n", tmp_path / "bad.conf")


def _refusal(text: str, path: Path) -> str:
    """What dnsmasq says against a configuration, or nothing."""
    path.write_text(text, encoding="utf-8")
    ran = subprocess.run([str(DNSMASQ), "--test", "-C", path], capture_output=True, text=True, check=False)
    return "" if ran.returncode == 0 else ran.stderr


@given(served())
def test_each_option_is_read_as_it_was_planned_and_nothing_else_is_written(plan: PodDhcp) -> None:
    for each in plan.servers:
        planned, text = dict(each.options), dnsmasq(each)
        expected = {code: value for code, value in planned.items() if code != 119}
        found = option_values(text)
        domains = found.pop(119, b"")
        assert found == expected
        assert domains == planned.get(119, b"").replace(b"\x01x\0\0", b"\x01x\0")  # the dot at the end of `x.`
        assert [name for name, _ in read(text)] == [name for name, _ in read(dnsmasq(_harmless(each)))]


def _harmless(served: DhcpServer) -> DhcpServer:
    """The same server, with other values of the options that a machine gives."""
    return evolve(served, options=tuple((code, b"\x01\x02" if code > 200 else value) for code, value in served.options))


@given(served())
def test_names_of_networks_are_not_in_it(plan: PodDhcp) -> None:
    for each in plan.servers:
        assert dnsmasq(evolve(each, network="other\nport=53")) == dnsmasq(each)


def _with_option(**options: Any) -> DhcpServer:
    machine = kvnet.load(vmi([nic("a", "masquerade", dhcpOptions=options)], [pod("a")]))
    link = FoundLink(name="eth0", ipv4=(IPv4Interface("10.244.0.5/24"),))
    return pod_dhcp(machine, found=PodFound(links=(link,))).servers[0]


UNSENDABLE = {
    "a control character": _with_option(bootFileName="a\x07b"),
    "a long text": _with_option(tftpServerName="a" * 256),
    "a long private option": _with_option(privateOptions=[{"option": 224, "value": "é" * 128}]),
    "very many time servers": _with_option(ntpServers=["100.100.100.100"] * 63),
    "a host name that is none": evolve(_with_option(), options=((12, b"a\0b"),)),
}


@pytest.mark.parametrize("served", UNSENDABLE.values(), ids=UNSENDABLE)
def test_what_dnsmasq_would_not_send_is_refused(served: DhcpServer) -> None:
    assert served.problems == ()
    with pytest.raises(kvnet.Rejected) as refused:
        dnsmasq(served)
    assert [each.code for each in refused.value.problems] == ["KN832"]


SPELLED = {"\x1b": "\\e", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


@pytest.mark.parametrize(("character", "spelling"), SPELLED.items(), ids=ascii)
def test_what_would_end_a_text_is_spelled_as_dnsmasq_reads_it(character: str, spelling: str) -> None:
    text = dnsmasq(_with_option(bootFileName=f"a{character}b"))
    assert f'dhcp-option-force=67,"a{spelling}b"' in text.splitlines()


def test_a_server_answers_dhcp_on_its_bridge_alone_and_asks_nobody_else() -> None:
    text = dnsmasq(_with_option(ntpServers=["10.0.0.1"]))
    assert {*text.splitlines()} >= {
        "port=0",
        *("no-resolv", "no-hosts", "no-ping", "bind-dynamic", "dhcp-authoritative"),
        *("except-interface=lo", "interface=k6t-eth0"),
    }


def test_a_server_with_errors_is_refused_with_them() -> None:
    served = _with_option(ntpServers=["x"])
    with pytest.raises(kvnet.Rejected) as refused:
        dnsmasq(served)
    assert refused.value.problems == served.problems != ()


def test_a_bridge_that_listens_on_another_address_is_served_from_it() -> None:
    link = pod_link_names(kvnet.load(vmi([nic("blue")], [multus("blue")])))["blue"]
    bridge = FoundLink(name=f"k6t-{link[3:]}", ipv4=(IPv4Interface("169.254.75.10/32"),))
    found = PodFound(
        links=(FoundLink(name=f"{link[3:]}-nic"), bridge),
        leases={link: BridgeLease(address=IPv4Interface("10.1.3.4/16"), mac=MacAddress.parse("02:00:00:00:00:01"))},
    )
    machine = kvnet.load(vmi([nic("gone", state="absent"), nic("blue")], [multus("gone"), multus("blue")]))
    plan = pod_dhcp(machine, found=found)
    assert plan.servers[0].server == IPv4Address("169.254.75.11")
    assert ("shared-network", ["169.254.75.10", "10.1.3.4"]) in read(dnsmasq(plan.servers[0]))
