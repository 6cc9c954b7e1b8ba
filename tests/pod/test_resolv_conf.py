"""What a guest is told of DNS, from the pod's resolv.conf."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest

from kvnet.pod import ResolvConf, read_resolv_conf
from kvnet.pod.dhcp_options import with_subdomain

SERVER = IPv4Address("10.96.0.10")
USUAL = ("cluster.local",)
CASES = {
    "nothing": ("", ResolvConf(ipv4_servers=(IPv4Address("8.8.8.8"),), search_domains=USUAL)),
    "a server": ("nameserver 10.96.0.10\n", ResolvConf(ipv4_servers=(SERVER,), search_domains=USUAL)),
    "an IPv6 server alone": (
        "nameserver fd00::a",
        ResolvConf(ipv6_servers=(IPv6Address("fd00::a"),), search_domains=USUAL),
    ),
    "a mapped server": ("nameserver ::ffff:10.96.0.10", ResolvConf(ipv4_servers=(SERVER,), search_domains=USUAL)),
    "lines that are not a server's": (
        "#nameserver 1.1.1.1\n nameserver 1.1.1.1\nnameserver\nnameserver 1.1.1.1 2.2.2.2\nnameserver x\n"
        "nameserver 10.96.0.10",
        ResolvConf(ipv4_servers=(SERVER,), search_domains=USUAL),
    ),
    "several lines of search domains, in capitals": (
        "nameserver 10.96.0.10\nsearch A.example b.example\noptions ndots:5\nsearch\tc.example",
        ResolvConf(ipv4_servers=(SERVER,), search_domains=("a.example", "b.example", "c.example")),
    ),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_resolv_conf(text: str, expected: ResolvConf) -> None:
    assert read_resolv_conf(text) == expected


@pytest.mark.parametrize(
    ("domains", "subdomain", "added"),
    [
        (("prod.svc.cluster.local", "svc.cluster.local"), "web", "web.prod.svc.cluster.local"),
        (("a.svc.b", "c.svc.d"), "web", "web.a.svc.b"),
        (("web.prod.svc.cluster.local",), "web", None),
        (("prod.svc.cluster.local",), "", None),
        (("example.com", "svc.cluster.local"), "web", None),
    ],
)
def test_the_domain_of_a_headless_service_comes_first(
    domains: tuple[str, ...], subdomain: str, added: str | None
) -> None:
    assert with_subdomain(domains, subdomain) == ((added, *domains) if added else domains)
