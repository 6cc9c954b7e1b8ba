"""Addresses that KubeVirt rewrites while it decodes them, with the leniency of Go before 1.17."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address

__all__ = ["canonical_cidr", "canonical_ip"]

_LEADING_ZEROS = re.compile(r"(?<![0-9a-fA-F.])0+(?=[0-9a-fA-F])|(?<=\.)0+(?=[0-9])")
_WELL_FORMED = re.compile(r"[0-9a-fA-F:.]+", re.ASCII)


def canonical_ip(text: str) -> str:
    """The address as Go prints it, or the text itself where it is no address.

    Leading zeros count for nothing, and an IPv4 address inside an IPv6 one is printed as IPv4
    (KubeVirt's ``sanitizeIP``).
    """
    address = _address(text)
    return text if address is None else _printed(address)


def canonical_cidr(text: str) -> str:
    """``ip/prefix`` as Go prints it, host bits kept, or the text itself where it is no CIDR.

    It follows KubeVirt's ``sanitizeCIDR``.
    """
    ip, slash, prefix = text.partition("/")
    address = _address(ip)
    if address is None or not slash or not re.fullmatch("[0-9]+", prefix):
        return text
    digits = prefix.lstrip("0") or "0"
    if len(digits) > 3 or int(digits) > address.max_prefixlen:
        return text
    return f"{_printed(address)}/{digits}"


def _address(text: str) -> IPv4Address | IPv6Address | None:
    if not _WELL_FORMED.fullmatch(text):
        return None
    try:
        return ip_address(_LEADING_ZEROS.sub("", text))
    except ValueError:
        return None


def _printed(address: IPv4Address | IPv6Address) -> str:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)
