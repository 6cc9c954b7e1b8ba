"""Read the name servers and search domains of a pod's ``/etc/resolv.conf`` as KubeVirt does for its DHCP server."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from attrs import frozen

from kvnet.values import ip_of

__all__ = ["ResolvConf", "longest_domain", "read_resolv_conf", "with_subdomain"]

_DEFAULT_SERVER: Final = IPv4Address("8.8.8.8")
_DEFAULT_DOMAIN: Final = "cluster.local"
_SERVICES: Final = ".svc."
"""What the search domain of a namespace's services has in it."""
_SPACES: Final = " \t\r\f\v\n"


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
