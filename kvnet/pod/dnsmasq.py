"""Write the DHCP servers of a pod as one configuration of dnsmasq."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Final

from kvnet.errors import FieldPath, Problem, Rejected
from kvnet.pod.dhcp import LEASE_SECONDS, DhcpServer, PodDhcp
from kvnet.pod.dhcp_options import Code

__all__ = ["dnsmasq"]

_HEADER: Final = (
    "port=0",
    "no-resolv",
    "no-hosts",
    "no-ping",
    "bind-dynamic",
    "except-interface=lo",
    "dhcp-authoritative",
    "leasefile-ro",
)
"""DHCP alone, on the named links alone. Leases are not stored: each client is known to get the same address again."""
_LEASE: Final = f"{LEASE_SECONDS}"
_ADDRESSES: Final = frozenset({Code.NETMASK, Code.ROUTER, Code.NAME_SERVERS, Code.NTP_SERVERS})
"""The options that dnsmasq reads as lists of IPv4 addresses and in no other form."""
_TEXTS: Final = frozenset({Code.HOSTNAME, Code.DOMAIN, Code.TFTP_SERVER, Code.BOOT_FILE})
"""The options that dnsmasq reads as text and in no other form."""
_ESCAPES: Final = {"\\": r"\\", '"': r"\"", "\t": r"\t", "\n": r"\n", "\r": r"\r", "\b": r"\b", "\033": r"\e"}
"""How dnsmasq writes what it does not take as it is between quotation marks."""
_UNWRITABLE: Final = re.compile("[\0-\x1f\x7f]")
_BROADCAST: Final = 28
_ANY: Final = "*:*:*:*:*:*"
_LONGEST_OPTION: Final = 255
_LONGEST_LINE: Final = 1000
"""dnsmasq reads lines of 1024 bytes, and takes what follows for another line."""
_SHORTEST_PREFIX: Final = 64
"""dnsmasq serves no larger IPv6 network. Of the guest's, it is enough that the gateway is in it."""


def dnsmasq(plan: PodDhcp) -> str:
    """The configuration with which dnsmasq, started in the pod, serves what ``pod_dhcp`` plans.

    It differs from KubeVirt's own servers in this: answers have the renewal times too (options 58 and 59), search
    domains are compressed (RFC 3397), texts of the options 66 and 67 end with a zero byte, and the DHCPv6 server has a
    DUID of its own. Behind masquerade, the address is kept for the first client that is not the machine's NIC.

    Names of networks are not in it. Private options are hexadecimal bytes, and other texts are quoted, so that nothing
    in them is taken for syntax.

    Raises Rejected with the problems of the plan, and where dnsmasq cannot send an option.
    """
    problems = [*plan.problems, *(problem for each in plan.servers for problem in _unsendable(each))]
    if problems:
        raise Rejected(problems)
    lines = [*_HEADER]
    for served in plan.servers:
        lines += _lines(served)
    return "\n".join([*lines, ""])


def _unsendable(served: DhcpServer) -> Iterator[Problem]:
    for code, value in served.options:
        if code in _TEXTS and not _is_text(value):
            message = f"DHCP option {code} of '{served.network}' has characters that dnsmasq does not send"
            hint = "leave control characters out"
        elif len(value) > _LONGEST_OPTION or len(_option(served, code, value)) > _LONGEST_LINE:
            message = f"DHCP option {code} of '{served.network}' has {len(value)} bytes, which dnsmasq does not send"
            hint = f"make it shorter: {_LONGEST_OPTION} bytes fit, and 60 addresses"
        else:
            continue
        yield Problem(FieldPath(), "KN832", message, hint=hint)


def _is_text(value: bytes) -> bool:
    try:
        return not _UNWRITABLE.search(value.decode().translate(dict.fromkeys(map(ord, _ESCAPES))))
    except UnicodeDecodeError:
        return False


def _lines(served: DhcpServer) -> Iterator[str]:
    yield f"interface={served.bridge}"
    if served.address is not None:
        yield from _ipv4(served)
    if served.address6 is not None:
        prefix = max(served.address6.network.prefixlen, _SHORTEST_PREFIX)
        guest = served.address6.ip
        yield f"dhcp-range=tag:{served.bridge},{guest},{guest},{prefix},{_LEASE}"
        servers = "".join(f",[{each}]" for each in served.nameservers6)
        yield f"dhcp-option=tag:{served.bridge},option6:dns-server{servers}"


def _ipv4(served: DhcpServer) -> Iterator[str]:
    """The one address for the one client, or for any: a client that comes back under another name gets it again."""
    assert served.address is not None
    guest, tag = served.address, f"tag:{served.bridge}"
    if served.mac is not None:
        yield f"shared-network={served.listens or served.server},{guest.ip}"
        yield f"dhcp-range={tag},{guest.ip},static,{guest.netmask},{_LEASE}"
        clients = [str(served.mac.canonical())]
    else:
        yield f"dhcp-range={tag},{guest.ip},{guest.ip},{guest.netmask},{_LEASE}"
        clients = [*([str(served.guest_mac.canonical())] if served.guest_mac else ()), _ANY]
    yield f"dhcp-host={tag},id:*,{','.join(clients)},{guest.ip},{_LEASE}"
    yield from (_option(served, code, value) for code, value in served.options)
    known = dict(served.options)
    # dnsmasq has values of its own for these, which an option without a value takes away
    yield from (f"dhcp-option={tag},{code:d}" for code in (Code.ROUTER, _BROADCAST) if code not in known)


def _option(served: DhcpServer, code: int, value: bytes) -> str:
    written = f",{_value(served, code, value)}" if value else ""
    return f"dhcp-option-force=tag:{served.bridge},{code:d}{written}"


def _value(served: DhcpServer, code: int, value: bytes) -> str:
    if code in _ADDRESSES:
        return ",".join(str(IPv4Address(value[at : at + 4])) for at in range(0, len(value), 4))
    if code in _TEXTS:
        return _quoted(value.decode(errors="replace"))
    if code == Code.SEARCH_DOMAINS:
        return ",".join(_quoted(each.removesuffix(".")) for each in served.search_domains)
    return f"{value[0]}b" if len(value) == 1 else value.hex(":")


def _quoted(text: str) -> str:
    """Text between quotation marks, where commas and what looks like a number have no meaning to dnsmasq."""
    return '"' + "".join(_ESCAPES.get(sign, sign) for sign in text) + '"'
