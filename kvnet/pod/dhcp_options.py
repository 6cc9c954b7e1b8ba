"""The options of a DHCPv4 server: what the pod's ``/etc/resolv.conf`` and a machine give, encoded as bytes.

The encoding follows RFC 2132, RFC 3397 and RFC 3442.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from attrs import frozen

from kvnet.errors import FieldPath, Problem
from kvnet.pod.found import LeaseRoute
from kvnet.spec import DhcpOptions
from kvnet.values import LONGEST_DNS_NAME, ip_of

__all__ = [
    "PRIVATE_OPTIONS",
    "Code",
    "ResolvConf",
    "domains_problem",
    "encoded_domains",
    "encoded_routes",
    "longest_domain",
    "of_interface",
    "read_resolv_conf",
    "with_subdomain",
]

PRIVATE_OPTIONS: Final = range(224, 255)
"""The options that a machine may give itself (RFC 3942)."""
_LONGEST: Final = 255
"""The most bytes that an option holds."""
_DEFAULT_SERVER: Final = IPv4Address("8.8.8.8")
_DEFAULT_DOMAIN: Final = "cluster.local"
_SERVICES: Final = ".svc."
"""What the search domain of a namespace's services has in it."""
_LABEL: Final = "[_a-z0-9](?:[_a-z0-9-]{0,61}[a-z0-9])?"
_SEARCH_DOMAIN: Final = re.compile(rf"(?:{_LABEL}\.)*(?:[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?)?")


class Code(IntEnum):
    """The codes of the options that KubeVirt sends."""

    NETMASK = 1
    ROUTER = 3
    NAME_SERVERS = 6
    HOSTNAME = 12
    DOMAIN = 15
    MTU = 26
    NTP_SERVERS = 42
    TFTP_SERVER = 66
    BOOT_FILE = 67
    SEARCH_DOMAINS = 119
    ROUTES = 121


def of_interface(options: DhcpOptions | None, at: FieldPath) -> tuple[dict[int, bytes], list[Problem]]:
    """The options that a machine gives to one NIC, by their codes, and what cannot be sent; ``at`` is their path.

    Private options of other numbers are left out, as KubeVirt does; of several with one number, the last counts.
    """
    if options is None:
        return {}, []
    encoded: dict[int, bytes] = {}
    for code, text in ((Code.TFTP_SERVER, options.tftp_server_name), (Code.BOOT_FILE, options.boot_file_name)):
        if text:
            encoded[code] = _bytes(text)
    problems: list[Problem] = []
    servers: list[IPv4Address] = []
    for n, each in enumerate(options.ntp_servers):
        server = ip_of(each)
        if isinstance(server, IPv4Address):
            servers.append(server)
        else:
            problems.append(_no_ntp_server((at / "ntpServers")[n], each))
    if servers:
        encoded[Code.NTP_SERVERS] = b"".join(each.packed for each in servers)
    own = {each.option: _bytes(each.value) for each in options.private_options if each.option in PRIVATE_OPTIONS}
    return encoded | own, problems


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _no_ntp_server(at: FieldPath, text: str) -> Problem:
    hint = "write the server's IPv4 address: names and IPv6 do not fit DHCP option 42"
    return Problem(at, "KN148", f"'{text}' is not an IPv4 address", hint=hint)


def encoded_routes(routes: Iterable[LeaseRoute]) -> bytes:
    """Classless static routes, the default route last (RFC 3442).

    >>> encoded_routes([LeaseRoute(gateway=IPv4Address("10.0.0.1"))]).hex()
    '000a000001'
    """
    ordered = sorted(routes, key=lambda each: each.destination is None)
    return b"".join(part for each in ordered for part in _encoded_route(each))


def _encoded_route(route: LeaseRoute) -> Iterator[bytes]:
    length = route.destination.prefixlen if route.destination is not None else 0
    yield bytes([length])
    if route.destination is not None:
        yield route.destination.network_address.packed[: (length + 7) // 8]
    yield route.gateway.packed if route.gateway is not None else bytes(4)


def encoded_domains(domains: Iterable[str]) -> bytes:
    """Domains as DNS labels, not compressed (RFC 3397).

    >>> encoded_domains(["a.example"])
    b'\\x01a\\x07example\\x00'
    """
    return b"".join(_encoded_domain(each) for each in domains)


def _encoded_domain(domain: str) -> bytes:
    labels = [label.encode() for label in domain.split(".")]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def domains_problem(domains: Iterable[str], at: FieldPath) -> Problem | None:
    """Why search domains cannot be sent, or nothing; ``at`` is the path of the DNS configuration that they are from."""
    listed = list(domains)
    for each in listed:
        if len(each) > LONGEST_DNS_NAME or not _SEARCH_DOMAIN.fullmatch(each):
            message = f"the pod has the search domain '{each}', which is not valid, so no DHCP server runs"
            return Problem(
                at, "KN831", message, hint="see dnsConfig.searches, and the DNS of the cluster and its nodes"
            )
    length = len(encoded_domains(listed))
    if length > _LONGEST:
        message = f"the pod's search domains take {length} bytes, and {_LONGEST} fit a DHCP option, so no server runs"
        return Problem(at, "KN831", message, hint="leave some out of dnsConfig.searches, or use shorter ones")
    return None


@frozen(kw_only=True)
class ResolvConf:
    """What a guest is told of DNS.

    - ``ipv4_servers``, ``ipv6_servers``: name servers, in order
    - ``search_domains``: in order, in lower case
    """

    ipv4_servers: tuple[IPv4Address, ...] = ()
    ipv6_servers: tuple[IPv6Address, ...] = ()
    search_domains: tuple[str, ...] = ()


def read_resolv_conf(text: str) -> ResolvConf:
    """The name servers and search domains of the text; without any, ``8.8.8.8`` and ``cluster.local``.

    What is no address, or stands on a line with more, is left out. Source: KubeVirt's ``pkg/network/dns``.

    >>> read_resolv_conf("nameserver 10.96.0.10\\nsearch Prod.svc.cluster.local").search_domains
    ('prod.svc.cluster.local',)
    """
    lines = text.split("\n")
    named = [line.split() for line in lines if line.startswith("nameserver")]
    servers = [ip_of(fields[1]) for fields in named if len(fields) == 2]
    ipv4 = tuple([each for each in servers if isinstance(each, IPv4Address)])
    ipv6 = tuple([each for each in servers if isinstance(each, IPv6Address)])
    domains = tuple([each.lower() for line in lines if line.startswith("search") for each in line.split()[1:]])
    return ResolvConf(
        ipv4_servers=ipv4 if ipv4 or ipv6 else (_DEFAULT_SERVER,),
        ipv6_servers=ipv6,
        search_domains=domains or (_DEFAULT_DOMAIN,),
    )


def with_subdomain(domains: tuple[str, ...], subdomain: str) -> tuple[str, ...]:
    """The search domains with that of a machine's headless service first, where it has one and is not there yet.

    >>> with_subdomain(("prod.svc.cluster.local",), "web")
    ('web.prod.svc.cluster.local', 'prod.svc.cluster.local')
    """
    services = longest_domain(each for each in domains if _SERVICES in each)
    if not subdomain or not services or services.startswith(f"{subdomain}."):
        return domains
    return (f"{subdomain}.{services}", *domains)


def longest_domain(domains: Iterable[str]) -> str:
    """The longest domain, which is the one of option 15; of several, the first, and empty without any."""
    return max(domains, key=len, default="")
