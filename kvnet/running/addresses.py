"""IP addresses as text, told apart by family as Go does."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address

__all__ = ["is_routable", "of_family"]


def of_family(version: int, addresses: Iterable[str]) -> tuple[str, ...]:
    """The addresses of IP version 4 or 6, in order; text that is no address is of neither."""
    return tuple(text for text in addresses if (ip := _parsed(text)) is not None and ip.version == version)


def is_routable(text: str) -> bool:
    """Whether text is an address that is of use beyond its link (RFC 3927, RFC 4291)."""
    ip = _parsed(text)
    return ip is not None and not ip.is_link_local


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    """The address; to Go one with a zone is none, and one mapped into IPv6 is IPv4."""
    try:
        ip = ip_address(text)
    except ValueError:
        return None
    if isinstance(ip, IPv6Address):
        return None if ip.scope_id is not None else ip.ipv4_mapped or ip
    return ip
