"""Write a DHCP server of a pod as a configuration of dnsmasq."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address
from typing import Final

from kvnet.errors import FieldPath, Problem, Rejected
from kvnet.pod.dhcp import LEASE_SECONDS, DhcpServer
from kvnet.pod.dhcp_options import PRIVATE_OPTIONS, Code

__all__ = ["dnsmasq"]

_HEADER: Final = (
    "port=0",
    "no-resolv",
    "no-hosts",
    "no-ping",
    "bind-dynamic",
    "except-interface=lo",
    "dhcp-authoritative",
)
"""DHCP alone, on one link alone."""
_NO_LEASES: Final = "leasefile-ro"
_ADDRESSES: Final = frozenset({Code.NETMASK, Code.ROUTER, Code.NAME_SERVERS, Code.NTP_SERVERS})
"""The options that dnsmasq reads as lists of IPv4 addresses and in no other form."""
_TEXTS: Final = frozenset({Code.HOSTNAME, Code.DOMAIN, Code.TFTP_SERVER, Code.BOOT_FILE})
"""The options that dnsmasq reads as text and in no other form."""
_MEMBERS: Final[Mapping[int, str]] = {
    Code.TFTP_SERVER: "tftpServerName",
    Code.BOOT_FILE: "bootFileName",
    Code.NTP_SERVERS: "ntpServers",
}
"""The members of a NIC's ``dhcpOptions`` that options come from."""
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


def dnsmasq(served: DhcpServer, *, keeps_leases: bool = False) -> str:
    """The configuration with which dnsmasq, started in the pod, serves the guest of one NIC.

    As KubeVirt's, each server is a process of its own: two networks may have the same addresses. It differs from
    KubeVirt's in this: answers have the renewal times too (options 58 and 59), search domains are compressed
    (RFC 3397), texts of the options 66 and 67 end with a zero byte, and the DHCPv6 server has a DUID of its own.
    Behind masquerade, the first MAC address that asks keeps the address from others.

    The names of networks are not in it. Private options are hexadecimal bytes, and other texts are quoted, so that
    nothing in them is taken for syntax.

    Leases are not stored, for each client is known to get the same address again, unless ``keeps_leases``: their file
    is then an option of the command line.

    Raises Rejected with the problems of the server, and where dnsmasq cannot send an option.
    """
    problems = (*served.problems, *_unsendable(served))
    if problems:
        raise Rejected(problems)
    lines = [*_HEADER, *(() if keeps_leases else (_NO_LEASES,)), f"interface={served.bridge}"]
    if served.address is not None:
        lines += _ipv4(served)
    if served.address6 is not None:
        lines += _ipv6(served)
    return "\n".join([*lines, ""])


def _unsendable(served: DhcpServer) -> Iterator[Problem]:
    for code, value in served.options:
        if code in _TEXTS and not _is_text(value):
            message = f"DHCP option {code} of '{served.network}' has characters that dnsmasq does not send"
            hint = "leave control characters out"
        elif len(value) > _LONGEST_OPTION or len(_option(served, code, value).encode()) > _LONGEST_LINE:
            message = f"DHCP option {code} of '{served.network}' has {len(value)} bytes, which dnsmasq does not send"
            hint = f"make it shorter: {_LONGEST_OPTION} bytes fit, and 60 addresses"
        else:
            continue
        yield Problem(_place(served, code), "KN832", message, hint=hint)


def _place(served: DhcpServer, code: int) -> FieldPath:
    """The member of the machine that an option comes from, or its NIC."""
    member = _MEMBERS.get(code, "privateOptions" if code in PRIVATE_OPTIONS else None)
    return served.at if member is None else served.at / "dhcpOptions" / member


def _is_text(value: bytes) -> bool:
    try:
        return not _UNWRITABLE.search(value.decode().translate(dict.fromkeys(map(ord, _ESCAPES))))
    except UnicodeDecodeError:
        return False


def _ipv4(served: DhcpServer) -> Iterator[str]:
    """The one address for the one client, or for any: a client that comes back under another name gets it again."""
    assert served.address is not None
    guest, netmask = served.address.ip, served.address.netmask
    if served.mac is not None:
        yield f"shared-network={served.listens or served.server},{guest}"
        yield f"dhcp-range={guest},static,{netmask},{LEASE_SECONDS}"
        # the server of another pod on the same network hears this client too, and would refuse its address
        yield "dhcp-ignore=tag:!known"
    else:
        yield f"dhcp-range={guest},{guest},{netmask},{LEASE_SECONDS}"
    yield f"dhcp-host=id:*,{served.mac or _ANY},{guest},{LEASE_SECONDS}"
    yield from (_option(served, code, value) for code, value in served.options)
    known = dict(served.options)
    # dnsmasq has values of its own for these, which an option without a value takes away
    yield from (f"dhcp-option={code:d}" for code in (Code.ROUTER, _BROADCAST) if code not in known)


def _ipv6(served: DhcpServer) -> Iterator[str]:
    assert served.address6 is not None
    guest, prefix = served.address6.ip, max(served.address6.network.prefixlen, _SHORTEST_PREFIX)
    yield f"dhcp-range={guest},{guest},{prefix},{LEASE_SECONDS}"
    yield "dhcp-option=option6:dns-server" + "".join(f",[{each}]" for each in served.nameservers6)


def _option(served: DhcpServer, code: int, value: bytes) -> str:
    written = f",{_value(served, code, value)}" if value else ""
    return f"dhcp-option-force={code:d}{written}"


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
