"""Answer DHCP clients as KubeVirt's servers do: DHCPv4 as values, DHCPv6 as packets (RFC 8415)."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Final

from attrs import frozen

from kvnet.pod.dhcp import LEASE_SECONDS, SERVER_MAC, DhcpServer
from kvnet.values import MacAddress

__all__ = ["DhcpAnswer", "answer", "answer_v6"]

_TYPES: Final = {"discover": "offer", "request": "ack"}
_LEASE, _TYPE, _SERVER = 51, 53, 54
_TYPE_CODES: Final = {"offer": 2, "ack": 5}

_SOLICIT, _ADVERTISE, _REPLY = 1, 2, 7
_ANSWERED: Final = frozenset({_SOLICIT, 3, 4, 5, 6, 8, 11})
"""DHCPv6 messages that get an answer: solicit, request, confirm, renew, rebind, release, information-request."""
_CLIENT_ID, _SERVER_ID, _IA_NA, _ADDRESS, _RAPID_COMMIT, _DNS = 1, 2, 3, 5, 14, 23
_HEADER: Final = 4
_DUID_LL: Final = bytes([0, 3, 0, 1])
"""A DUID made of a link-layer address, of Ethernet."""


@frozen(kw_only=True)
class DhcpAnswer:
    """An answer to a DHCPv4 client.

    - ``type``: ``offer`` or ``ack``
    - ``address``: of the client
    - ``server``: the address that identifies the server
    - ``options``: all options by their codes, with the lease (51), the type (53) and the server (54)
    """

    type: str
    address: IPv4Address
    server: IPv4Address
    options: tuple[tuple[int, bytes], ...]


def answer(served: DhcpServer, type: str, mac: MacAddress) -> DhcpAnswer | None:
    """The answer to a DHCPv4 client: an offer to ``discover``, an acknowledgement of ``request``, and to others none.

    All options are sent, whichever the client asks for. Source: KubeVirt's ``pkg/network/dhcp/server/server.go``.
    """
    kind = _TYPES.get(type)
    if kind is None or not served.answers(mac) or served.address is None or served.server is None:
        return None
    own = {
        _LEASE: LEASE_SECONDS.to_bytes(4),
        _TYPE: bytes([_TYPE_CODES[kind]]),
        _SERVER: served.server.packed,
    }
    options = tuple(sorted({**dict(served.options), **own}.items()))
    return DhcpAnswer(type=kind, address=served.address.ip, server=served.server, options=options)


def answer_v6(served: DhcpServer, request: bytes) -> bytes | None:
    """The packet that answers a DHCPv6 client's, or nothing where it cannot be answered, as without a client's DUID.

    A solicitation without rapid commit is answered with an advertisement, all else with a reply that has the guest's
    address. Source: KubeVirt's ``pkg/network/dhcp/serverv6/serverv6.go``.
    """
    if served.address6 is None or served.is_refused or len(request) < _HEADER or request[0] not in _ANSWERED:
        return None
    asked = dict(reversed(list(_options(request[_HEADER:]))))
    if _CLIENT_ID not in asked:
        return None
    is_solicit, is_rapid = request[0] == _SOLICIT, _RAPID_COMMIT in asked
    type = _ADVERTISE if is_solicit and not is_rapid else _REPLY
    made = [_option(_CLIENT_ID, asked[_CLIENT_ID])]
    if is_solicit and is_rapid:
        made.append(_option(_RAPID_COMMIT, b""))
    lifetime = LEASE_SECONDS.to_bytes(4)
    address = _option(_ADDRESS, served.address6.ip.packed + lifetime + lifetime)
    made.append(_option(_IA_NA, asked.get(_IA_NA, bytes(4))[:4] + bytes(8) + address))
    made.append(_option(_SERVER_ID, _DUID_LL + SERVER_MAC.octets))
    if served.nameservers6:
        made.append(_option(_DNS, b"".join(each.packed for each in served.nameservers6)))
    return bytes([type]) + request[1:_HEADER] + b"".join(made)


def _option(code: int, value: bytes) -> bytes:
    return code.to_bytes(2) + len(value).to_bytes(2) + value


def _options(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The options of a packet, as far as they are whole."""
    while len(data) >= 4:
        code, length = int.from_bytes(data[:2]), int.from_bytes(data[2:4])
        if len(data) < 4 + length:
            return
        yield code, data[4 : 4 + length]
        data = data[4 + length :]
