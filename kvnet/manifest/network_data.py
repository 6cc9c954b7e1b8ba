"""cloud-init's network data, versions 1 and 2, become the links of the guest with their IPv6 addresses and gateways."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Interface, ip_interface
from typing import Any, Final

from attrs import frozen

from kvnet.errors import FieldPath, KvnetError
from kvnet.manifest.document import Text, TextOrigin, documents
from kvnet.spec.wire import entries, member
from kvnet.values import MacAddress, ip_of

__all__ = ["GuestLink", "Written", "index_of", "read_network_data"]

_LONGEST: Final = 2048
"""Bytes that KubeVirt allows; longer ones are refused and need no advice."""
_ANY: Final = IPv6Address(0)
_SECTIONS: Final = ("ethernets", "wifis", "bonds", "bridges", "vlans", "tunnels", "dummy-devices", "vrfs")
_DHCP4: Final = ("dhcp", "dhcp4")
_PATH = tuple[str | int, ...]


@frozen
class Written:
    """What is written at a path of the network data: an MTU, or an IPv6 address, without a prefix where none is."""

    text: str
    path: _PATH

    @property
    def interface(self) -> IPv6Interface:
        return IPv6Interface(self.text)

    @property
    def has_prefix(self) -> bool:
        return "/" in self.text


@frozen
class GuestLink:
    """A link of the guest.

    - ``name``: in the guest, as far as it is said
    - ``mac``: its address, where the link is found by it
    - ``is_nic``: whether it is a NIC itself, and not made on top of one
    - ``addresses``: IPv6 addresses that are not local to the link
    - ``gateways``: of the IPv6 default route
    - ``uses_gateway6``: whether one of them is in netplan's deprecated field
    - ``has_routes``: whether it has routes in netplan's own list
    - ``dhcp4``: whether it asks for an IPv4 address by DHCP
    - ``mtu``: in bytes, as it is written
    - ``path``: of the link in the network data
    """

    name: str | None = None
    mac: MacAddress | None = None
    is_nic: bool = True
    addresses: tuple[Written, ...] = ()
    gateways: tuple[Written, ...] = ()
    uses_gateway6: bool = False
    has_routes: bool = False
    dhcp4: bool = False
    mtu: Written | None = None
    path: _PATH = ()


@lru_cache(maxsize=256)
def read_network_data(text: str) -> tuple[GuestLink, ...] | None:
    """The links in the text of network data; ``None`` where it is of another form, or cannot be read.

    Sources: cloud-init's ``network-config-format-v1`` and ``-v2``; the data may stand under a key ``network``.

    >>> [link] = read_network_data("{version: 2, ethernets: {eth0: {addresses: ['fd10:0:2::2/120']}}}")
    >>> link.name, link.addresses[0].text
    ('eth0', 'fd10:0:2::2/120')
    """
    if len(text.encode(errors="replace")) > _LONGEST:
        return None
    try:
        read = documents(Text("", text))
    except KvnetError:
        return None
    data = read[0].data if len(read) == 1 else None
    inner = member(data, "network")
    at: _PATH = () if inner is None else ("network",)
    config = data if inner is None else inner
    if not isinstance(config, Mapping):
        return None
    version = config.get("version")
    if version in (2, "2"):
        return tuple(_links_of_version_2(config, at))
    return tuple(_links_of_version_1(config, at)) if version in (1, "1") else None


def index_of(text: str, path: _PATH) -> int:
    """The index in the text of network data of what is written at a path."""
    place = TextOrigin(Text("", text)).place(FieldPath(path))
    before = text.removeprefix("\ufeff").split("\n")[: place.line - 1]
    return sum(len(line) + 1 for line in before) + place.column - 1


def _links_of_version_2(config: Mapping[str, Any], at: _PATH) -> Iterator[GuestLink]:
    for section in _SECTIONS:
        for name, link in (member(config, section) or {}).items():
            if isinstance(link, Mapping):
                yield _link_of_version_2(link, (*at, section, name))


def _link_of_version_2(link: Mapping[str, Any], at: _PATH) -> GuestLink:
    *_, section, own = at
    match = member(link, "match") or {}
    named = match.get("name") if match else own
    gateways = [Written(link["gateway6"], (*at, "gateway6"))] if _is_gateway(link.get("gateway6")) else []
    uses_gateway6 = bool(gateways)
    for n, route in enumerate(entries(link, "routes")):
        if isinstance(route, Mapping) and _is_default(route.get("to")) and _is_gateway(route.get("via")):
            gateways.append(Written(route["via"], (*at, "routes", n, "via")))
    return GuestLink(
        name=named if isinstance(named, str) else None,
        mac=_mac(match.get("macaddress")),
        is_nic=section == "ethernets",
        addresses=tuple(_addresses(_listed(link, at))),
        gateways=tuple(gateways),
        uses_gateway6=uses_gateway6,
        has_routes="routes" in link,
        dhcp4=link.get("dhcp4") is True,
        mtu=_mtu(link, at),
        path=at,
    )


def _listed(link: Mapping[str, Any], at: _PATH) -> Iterator[tuple[Any, _PATH]]:
    """The addresses of netplan: each a text, or a mapping from it to its options."""
    for n, each in enumerate(entries(link, "addresses")):
        for key in each if isinstance(each, Mapping) else (each,):
            yield key, (*at, "addresses", n)


def _links_of_version_1(config: Mapping[str, Any], at: _PATH) -> Iterator[GuestLink]:
    for n, each in enumerate(entries(config, "config")):
        if not isinstance(each, Mapping):
            continue
        path = (*at, "config", n)
        if each.get("type") == "route":
            yield GuestLink(is_nic=False, gateways=tuple(_gateways_of_version_1([(each, path)])))
            continue
        subnets = [
            (subnet, (*path, "subnets", m))
            for m, subnet in enumerate(entries(each, "subnets"))
            if isinstance(subnet, Mapping)
        ]
        name = each.get("name")
        yield GuestLink(
            name=name if isinstance(name, str) else None,
            mac=_mac(each.get("mac_address")),
            is_nic=each.get("type") == "physical",
            addresses=tuple(_addresses((_with_prefix(subnet), (*at, "address")) for subnet, at in subnets)),
            gateways=tuple(_gateways_of_version_1(subnets)),
            dhcp4=any(subnet.get("type") in _DHCP4 for subnet, _ in subnets),
            mtu=_mtu(each, path),
            path=path,
        )


def _gateways_of_version_1(holders: Iterable[tuple[Mapping[str, Any], _PATH]]) -> Iterator[Written]:
    """The gateways of subnets, of the default routes in them, and of entries that are default routes themselves."""
    for holder, at in holders:
        destination = holder.get("destination", holder.get("network"))
        is_default = destination is None or (_is_default(destination) and not _is_narrow(holder))
        if is_default and _is_gateway(holder.get("gateway")):
            yield Written(holder["gateway"], (*at, "gateway"))
        routes = [(each, (*at, "routes", n)) for n, each in enumerate(entries(holder, "routes"))]
        for route, path in routes:
            if isinstance(route, Mapping) and ("destination" in route or "network" in route):
                yield from _gateways_of_version_1([(route, path)])


def _is_narrow(route: Mapping[str, Any]) -> bool:
    """Whether a destination ``::`` is a part of all addresses, as its prefix length or netmask says."""
    return any(route.get(name) not in (None, 0, "0", "::", "::0") for name in ("prefix", "netmask"))


def _with_prefix(subnet: Mapping[str, Any]) -> Any:
    """The address of a subnet with its prefix length, which may stand beside it, as a netmask too."""
    address, length = subnet.get("address"), subnet.get("prefix", subnet.get("netmask"))
    if isinstance(length, str) and ":" in length:
        length = _bits(length)
    if isinstance(address, str) and "/" not in address and str(length).isdigit():
        return f"{address}/{length}"
    return address


def _bits(netmask: str) -> int | None:
    """The prefix length of a netmask such as ``ffff:ffff::``, or nothing."""
    address = ip_of(netmask)
    return int(address).bit_count() if address is not None else None


def _addresses(written: Iterable[tuple[Any, _PATH]]) -> Iterator[Written]:
    for text, path in written:
        try:
            address = ip_interface(text) if isinstance(text, str) else None
        except ValueError:
            continue
        if isinstance(address, IPv6Interface) and not address.is_link_local:
            yield Written(text, path)


def _is_default(value: Any) -> bool:
    """Whether a destination is all of IPv6; ``::`` without a prefix length counts, whose netmask stands elsewhere."""
    if not isinstance(value, str):
        return False
    address, _, length = value.partition("/")
    return value == "default" or (length in ("", "0") and ip_of(address) == _ANY)


def _is_gateway(value: Any) -> bool:
    address = ip_of(value) if isinstance(value, str) else None
    return address is not None and address.version == 6


def _mtu(link: Mapping[str, Any], at: _PATH) -> Written | None:
    value = link.get("mtu")
    return None if value is None else Written(str(value), (*at, "mtu"))


def _mac(value: Any) -> MacAddress | None:
    try:
        return MacAddress.parse(value) if isinstance(value, str) else None
    except ValueError:
        return None
