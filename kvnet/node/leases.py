"""Read which addresses dnsmasq has leased to a guest."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address

from attrs import frozen

__all__ = ["Lease", "read_leases"]

_DUID = "duid"
_FIELDS = 5


@frozen(kw_only=True)
class Lease:
    """An address that a guest has taken.

    - ``address``: of either family
    - ``mac``: of the client; ``None`` for DHCPv6, whose clients have another identity
    - ``hostname``: that the client told
    """

    address: IPv4Address | IPv6Address
    mac: str | None = None
    hostname: str | None = None


def read_leases(text: str) -> tuple[Lease, ...]:
    """The leases in a file of dnsmasq: end, MAC address, address, name and identity; those of DHCPv6 follow a DUID.

    A line that is not whole yet is left out.

    >>> read_leases("1796000000 52:54:00:aa:bb:cc 10.0.2.2 web 01:52:54:00:aa:bb:cc\\n")
    (Lease(address=IPv4Address('10.0.2.2'), mac='52:54:00:aa:bb:cc', hostname='web'),)
    """
    return tuple(_leases(text))


def _leases(text: str) -> Iterator[Lease]:
    is_v6 = False
    for line in text.splitlines(keepends=True):
        fields = line.split()
        if fields[:1] == [_DUID]:
            is_v6 = True
        elif line.endswith("\n") and len(fields) == _FIELDS:
            _, client, address, hostname, _ = fields
            yield Lease(
                address=ip_address(address.strip("[]")),
                mac=None if is_v6 else client,
                hostname=None if hostname == "*" else hostname,
            )
