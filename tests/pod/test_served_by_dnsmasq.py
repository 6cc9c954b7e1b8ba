"""dnsmasq with the planned configuration gives clients what the plan says: in namespaces of the test's own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Interface
from pathlib import Path

import pytest
from components import needs_program, needs_root
from machines import multus, nic, pod, vmi
from pod import dhcp_client, dhcpv6_client
from pod.namespaces import Namespaces, namespaces, ran

import kvnet
from kvnet.compiler import pod_link_names
from kvnet.pod import BridgeLease, DhcpServer, FoundLink, LeaseRoute, PodDhcp, PodFound, answer_v6, dnsmasq
from kvnet.values import MacAddress

pytestmark = [pytest.mark.slow, needs_root(), *map(needs_program, ("dnsmasq", "ip", "busybox"))]

MAC, OTHER = "02:aa:00:00:00:01", "02:aa:00:00:00:02"
OWN = {
    "tftpServerName": "10b",
    "bootFileName": 'pxe,linux"0; {#}\\',
    "ntpServers": ["10.1.1.1", "10.1.1.2"],
    "privateOptions": [
        {"option": 224, "value": ""},
        {"option": 225, "value": "a"},
        {"option": 226, "value": "x #\n,dhcp-option=3,1.2.3.4"},
    ],
}
_SECONDS = 10
_WAIT = 0.05
_BY_DNSMASQ = {51: "05250a80", 53: "05", 58: "02928540", 59: "04806930"}
"""What dnsmasq adds: the lease and the type, as KubeVirt does, and the renewal times, which KubeVirt does not tell."""


def planned() -> PodDhcp:
    """A guest behind masquerade, and two bridges whose links had the same address."""
    bridged = ("red", "blue")
    interfaces = [nic("a", "masquerade", macAddress=MAC, dhcpOptions=OWN), *map(nic, bridged)]
    machine = kvnet.load(vmi(interfaces, [pod("a"), *map(multus, bridged)], spec={"subdomain": "web"}))
    links = pod_link_names(machine)
    lease = BridgeLease(
        address=IPv4Interface("10.1.3.4/16"),
        mac=MacAddress.parse(MAC),
        gateway=IPv4Address("10.1.0.1"),
        routes=(
            LeaseRoute(gateway=IPv4Address("10.1.0.1")),
            LeaseRoute(destination=IPv4Network("10.244.0.0/16"), gateway=IPv4Address("10.1.0.9")),
        ),
    )
    eth0 = FoundLink(name="eth0", mtu=1450, ipv4=(IPv4Interface("10.244.0.5/24"),), ipv6=(IPv6Interface("fd00::5/64"),))
    found = PodFound(
        links=(eth0, *(FoundLink(name=f"{links[name][3:]}-nic", mtu=9000) for name in bridged)),
        leases={links[name]: lease for name in bridged},
        hostname="web-1",
        resolv_conf="nameserver 10.96.0.10\nnameserver fd00::a\nsearch prod.svc.cluster.local a_b.example",
    )
    return kvnet.pod_dhcp(machine, found=found)


PLAN = planned()
LINKS = {"a": "eth0", "red": "eth1", "blue": "eth2"}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Namespaces]:
    """The pod, with a dnsmasq for each server, and the guest."""
    assert PLAN.problems == ()
    folder = tmp_path_factory.mktemp("dnsmasq")
    with namespaces() as made, ExitStack() as stack:
        for served in PLAN.servers:
            six = ("fd10:0:2::1/120",) if served.address6 else ()
            length = 32 if served.mac else 24
            made.plug(served.bridge, LINKS[served.network], f"{served.server}/{length}", *six)
        for served in PLAN.servers:
            stack.enter_context(_running(served, made.pod, folder / f"{served.network}.conf"))
        yield made


@contextmanager
def _running(served: DhcpServer, namespace: str, config: Path) -> Iterator[None]:
    """dnsmasq in a namespace, from when it says that it serves DHCP to the end."""
    config.write_text(dnsmasq(served), encoding="utf-8")
    command = ("ip", "netns", "exec", namespace, "dnsmasq", "--keep-in-foreground", "--log-facility=-", "--pid-file=")
    process = subprocess.Popen([*command, "-C", config], stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        said = ""
        while "sockets bound exclusively to interface" not in said and "DHCP, " not in said:
            line = process.stderr.readline()
            assert line, f"dnsmasq ended: {said}"
            said += line
        yield
    finally:
        process.terminate()
        process.communicate(timeout=_SECONDS)


def asked(pair: Namespaces, network: str, mac: str, *identifier: str) -> tuple[str, dict[int, str]] | None:
    """What a client is given, with every byte of its options."""
    client = Path(dhcp_client.__file__)
    deadline = time.monotonic() + _SECONDS
    while True:
        told = ran("ip", "netns", "exec", pair.guest, sys.executable, str(client), LINKS[network], mac, *identifier)
        given = json.loads(told)
        if given is not None or mac != MAC or time.monotonic() > deadline:
            break
        time.sleep(_WAIT)  # a bridge passes no frames at once
    return None if given is None else (given[0], {int(code): value for code, value in given[1].items()})


def server(network: str) -> DhcpServer:
    found = PLAN.server(network)
    assert found is not None
    return found


@pytest.mark.parametrize("network", LINKS)
def test_the_client_is_given_the_planned_address_and_options(pair: Namespaces, network: str) -> None:
    served, given = server(network), asked(pair, network, MAC)
    assert given is not None
    assert served.address is not None
    assert served.server is not None
    address, options = given
    assert address == str(served.address.ip)
    wanted = {code: value.hex() for code, value in served.options} | _BY_DNSMASQ | {54: served.server.packed.hex()}
    # dnsmasq ends these with a zero, and compresses search domains: busybox reads them in the next test
    wanted |= {code: wanted[code] + "00" for code in (66, 67) if code in wanted}
    del wanted[119], options[119]
    assert options == wanted


@pytest.mark.parametrize("network", ["red", "blue"])
def test_no_other_client_of_a_bridge_is_answered(pair: Namespaces, network: str) -> None:
    assert asked(pair, network, MAC) is not None
    assert asked(pair, network, OTHER) is None


@pytest.mark.parametrize("network", LINKS)
def test_the_client_gets_its_address_again_under_another_identifier(pair: Namespaces, network: str) -> None:
    first, other = asked(pair, network, MAC, "ff01"), asked(pair, network, OTHER)
    assert first is not None
    assert other is None
    assert asked(pair, network, MAC, "ff02") == first


SOLICITATION = bytes.fromhex("01abcdef" + "0001000a0003000102aa00000001" + "0003000c000000070000000000000000")


def test_dhcpv6_gives_the_planned_address_and_name_servers(pair: Namespaces) -> None:
    planned = answer_v6(server("a"), SOLICITATION)
    assert planned is not None
    deadline, given = time.monotonic() + _SECONDS, ""
    while not given and time.monotonic() < deadline:  # the guest's own address is not ready at once
        command = (sys.executable, str(Path(dhcpv6_client.__file__)), LINKS["a"], SOLICITATION.hex())
        given = ran("ip", "netns", "exec", pair.guest, *command).strip()
    found, wanted = _options_v6(bytes.fromhex(given)), _options_v6(planned)
    assert found[23] == wanted[23]
    assert found[3][12:40] == wanted[3][12:40]  # the address and its lifetimes; dnsmasq tells renewal times before it


def _options_v6(packet: bytes) -> dict[int, bytes]:
    found, rest = {}, packet[4:]
    while rest:
        code, length = int.from_bytes(rest[:2]), int.from_bytes(rest[2:4])
        found[code], rest = rest[4 : 4 + length], rest[4 + length :]
    return found


def test_busybox_gets_what_is_planned(pair: Namespaces, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\n[ $1 = bound ] && env > {tmp_path}/given\ntrue\n", encoding="utf-8")
    script.chmod(0o700)
    ran("ip", "-n", pair.guest, "link", "set", "eth1", "address", MAC)
    command = ("busybox", "udhcpc", "-i", "eth1", "-n", "-q", "-f", "-t", "20", "-T", "1", "-s", str(script))
    ran("ip", "netns", "exec", pair.guest, *command, "-O", "search", "-O", "staticroutes", "-O", "mtu")
    lines = (tmp_path / "given").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if "=" in line)
    served = server("red")
    assert served.address is not None
    assert {name: given[name] for name in ("ip", "mask", "router", "serverid", "mtu", "lease", "hostname", "dns")} == {
        "ip": str(served.address.ip),
        "mask": "16",
        "router": "10.1.0.1",
        "serverid": str(served.server),
        "mtu": "9000",
        "lease": "86313600",
        "hostname": "web-1",
        "dns": "10.96.0.10",
    }
    assert given["search"].split() == list(served.search_domains)
    assert given["domain"] == "web.prod.svc.cluster.local"
    assert given["staticroutes"].split() == ["10.244.0.0/16", "10.1.0.9", "0.0.0.0/0", "10.1.0.1"]
