"""Machines and pods whose every text is hostile, for property tests of what leaves in a text format."""

from __future__ import annotations

from ipaddress import IPv4Interface, IPv6Interface
from typing import Final

import attrs
from hypothesis import strategies as st

from kvnet.pod import BridgeLease, FoundLink, PodFound
from kvnet.pod._basis import renamed_link
from kvnet.spec import (
    Bridge,
    DhcpOptions,
    Interface,
    InterfaceStatus,
    Machine,
    Masquerade,
    Multus,
    Network,
    Pod,
    Port,
    PortRange,
    PrivateOption,
    Status,
)

__all__ = ["HOSTILE", "hostile_machines"]

HOSTILE: Final = st.text(
    st.sampled_from("'\"`;{}[]\n\r\t\0\x7f\x85\u2028 *$()\\|&<>#/.,-:%@!=aé0"), max_size=12
) | st.sampled_from(
    [
        "eth0; flush ruleset",
        '" }; delete table ip filter; #',
        "tcp",
        "10.0.2.0/24\nflush ruleset",
        "{ 1 }",
        "22, 23",
        "a\nport=53",
        "a,3,1.2.3.4",
        "---\nannotations: {}",
    ]
)
_SELDOM: Final = st.integers(0, 3).map(lambda number: number == 3)


@st.composite
def hostile_machines(draw: st.DrawFn) -> tuple[Machine, PodFound]:
    """A machine with a NIC behind masquerade and one on a bridge, in a pod that has the links that they name."""
    names = draw(st.lists(HOSTILE, min_size=2, max_size=2, unique=True))
    links = tuple(draw(HOSTILE) if draw(_SELDOM) else name for name in ("eth0", "podaaa"))
    cidr = HOSTILE if draw(_SELDOM) else st.none()
    networks = (
        Network(name=names[0], sources=(Pod(vm_network_cidr=draw(cidr), vm_ipv6_network_cidr=draw(cidr)),)),
        Network(name=names[1], sources=(Multus(network_name=draw(HOSTILE)),)),
    )
    interfaces = (draw(_interfaces(names[0], Masquerade())), draw(_interfaces(names[1], Bridge())))
    reported = [InterfaceStatus(name=name, pod_interface_name=link) for name, link in zip(names, links, strict=True)]
    status = Status(interfaces=tuple(reported), rest={"migrationTransport": draw(HOSTILE)})
    machine = Machine(name=draw(HOSTILE), annotations={"sidecar.istio.io/inject": draw(HOSTILE | st.just("true"))})
    return attrs.evolve(machine.with_nics(interfaces, networks), status=status), draw(_pods(links))


def _interfaces(name: str, binding: Masquerade | Bridge) -> st.SearchStrategy[Interface]:
    numbers = st.integers(-1, 65537)
    ports = st.builds(Port, port=numbers, name=HOSTILE, protocol=st.sampled_from(["TCP", None]) | HOSTILE)
    ranges = st.builds(PortRange, protocol=st.just("UDP") | HOSTILE, start=numbers, end=numbers)
    private = st.builds(PrivateOption, option=st.integers(220, 256), value=HOSTILE)
    options = st.builds(
        DhcpOptions,
        tftp_server_name=st.none() | HOSTILE,
        boot_file_name=st.none() | HOSTILE,
        ntp_servers=st.lists(HOSTILE | st.just("10.0.0.1"), max_size=1).map(tuple),
        private_options=st.lists(private, max_size=2).map(tuple),
    )
    return st.builds(
        Interface,
        name=st.just(name),
        bindings=st.just((binding,)),
        mac_address=st.sampled_from([None, "02:00:00:00:00:01"]) | HOSTILE,
        ports=st.none() | st.lists(ports, max_size=2).map(tuple),
        port_ranges=st.none() | st.lists(ranges, max_size=2).map(tuple),
        dhcp_options=st.none() | options,
        tag=HOSTILE,
    )


def _pods(names: tuple[str, ...]) -> st.SearchStrategy[PodFound]:
    links = [
        FoundLink(name=each, ipv4=(IPv4Interface("10.244.0.5/24"),), ipv6=(IPv6Interface("fd10:244::5/64"),))
        for name in names
        for each in (name, renamed_link(name))
    ]
    return st.builds(
        PodFound,
        links=st.just(tuple(links)),
        leases=st.just({name: BridgeLease(address=IPv4Interface("10.1.0.5/16")) for name in names}),
        hostname=st.none() | HOSTILE,
        resolv_conf=st.sampled_from(["", "search a.svc.example"]) | st.builds("search {}".format, HOSTILE),
    )
