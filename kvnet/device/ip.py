"""IP addresses, routes and forwarded ports of a NIC."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

from kvnet.xml.element import Element, element
from kvnet.xml.schema import attr, children
from kvnet.xml.types import DEVICE_NAME, Choice, Int, Ip, YesNo

__all__ = ["IpAddress", "PortForward", "PortSpan", "Route"]

_FAMILY = Choice("ipv4", "ipv6")
_PORT = Int(-1, 65535)


def _of_one_family(ip: IpAddress) -> tuple[str, str] | None:
    version = ip_address(ip.address).version
    if ip.family is not None and ip.family != f"ipv{version}":
        return "family", f"{ip.address} is an IPv{version} address"
    if version == 4 and (ip.prefix or 0) > 32:
        return "prefix", f"an IPv4 prefix has up to 32 bits, not {ip.prefix}"
    if ip.peer is not None and ip_address(ip.peer).version != version:
        return "peer", f"{ip.address} is an IPv{version} address, and its peer is not"
    return None


@element("ip", cross_check=_of_one_family, cross_fields=("family", "prefix", "peer"))
class IpAddress(Element):
    """An address of the guest's end of the link, or in a source of the host's end; ``peer`` is that of the other."""

    address: str = attr(Ip())
    family: str | None = attr(_FAMILY, default=None)
    prefix: int | None = attr(Int(0, 128), default=None)
    peer: str | None = attr(Ip(), default=None, since="2.1.0")


def _to_a_network(route: Route) -> tuple[str, str] | None:
    if route.netmask is not None and route.prefix is not None:
        return "prefix", "the netmask gives it already: keep one"
    if route.metric == 0:
        return "metric", "0 is no metric: they count from 1"
    if route.address is None:
        return None
    address = ip_address(route.address)
    if f"ipv{address.version}" != (route.family or "ipv4"):
        return "family", f"{route.address} is an IPv{address.version} address"
    if ip_address(route.gateway).version != address.version:
        return "gateway", f"{route.address} is an IPv{address.version} address, and the gateway's is not"
    return _mask_flaw(route, address)


def _mask_flaw(route: Route, address: IPv4Address | IPv6Address) -> tuple[str, str] | None:
    bits, prefix = address.max_prefixlen, route.prefix or 0
    if route.netmask is not None and address.version == 6:
        return "netmask", "an IPv6 route has a prefix"
    if prefix > bits:
        return "prefix", f"an IPv4 prefix has up to 32 bits, not {prefix}"
    mask = int(IPv4Address(route.netmask)) if route.netmask else (1 << bits) - (1 << (bits - prefix))
    if int(address) & ~mask:
        return "address", f"{route.address} has bits behind the prefix or netmask, which without one is 0"
    return None


@element("route", cross_check=_to_a_network)
class Route(Element):
    """A route to ``address`` with a ``prefix`` or a ``netmask``; without one passt's default route (libvirt 12.2)."""

    family: str | None = attr(_FAMILY, default=None)
    address: str | None = attr(Ip(), default=None, optional_since="12.2.0")
    netmask: str | None = attr(Ip(only4=True), default=None)
    prefix: int | None = attr(Int(0, 128), default=None)
    gateway: str = attr(Ip())
    metric: int | None = attr(Int(), default=None)


def _ports_from_1(span: PortSpan) -> tuple[str, str] | None:
    # KubeVirt passes a start of 0 on
    if span.start < 0:
        return "start", f"{span.start} is no port"
    ports = {"end": span.end, "to": span.to}
    wrong = next((name for name, port in ports.items() if port is not None and port < 1), None)
    return (wrong, f"{ports[wrong]} is no port") if wrong else None


@element("range", cross_check=_ports_from_1)
class PortSpan(Element):
    """Ports ``start`` to ``end`` that are forwarded, to the guest's ports from ``to`` on; or not, with ``exclude``."""

    start: int = attr(_PORT)
    end: int | None = attr(_PORT, default=None)
    to: int | None = attr(_PORT, default=None)
    exclude: bool | None = attr(YesNo(), default=None)


@element("portForward")
class PortForward(Element):
    """Ports of the host, on one address or link, that passt forwards to the guest; all if ``ranges`` is empty."""

    proto: str = attr(Choice("tcp", "udp"))
    address: str | None = attr(Ip(), default=None)
    dev: str | None = attr(DEVICE_NAME, default=None)
    ranges: tuple[PortSpan, ...] = children(PortSpan, default=())
