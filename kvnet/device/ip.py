"""IP addresses, routes and forwarded ports of a NIC."""

from __future__ import annotations

from kvnet.device.common import DEVICE_NAME
from kvnet.xml.element import Element, element
from kvnet.xml.schema import attr, children
from kvnet.xml.types import Choice, Int, Ip, YesNo

__all__ = ["IpAddress", "PortForward", "PortSpan", "Route"]

_FAMILY = Choice("ipv4", "ipv6")
_PORT = Int(-1, 65535)


@element("ip")
class IpAddress(Element):
    """An address of the guest's end of the link, or in a source of the host's end; ``peer`` is that of the other."""

    address: str = attr(Ip())
    family: str | None = attr(_FAMILY, default=None)
    prefix: int | None = attr(Int(0, 128), default=None)
    peer: str | None = attr(Ip(), default=None, since="2.1.0")


def _one_mask(route: Route) -> tuple[str, str] | None:
    if route.netmask is not None and route.prefix is not None:
        return "prefix", "the netmask gives it already: keep one"
    return None


@element("route", cross_check=_one_mask)
class Route(Element):
    """A route to ``address`` with a ``prefix`` or a ``netmask``; without one passt's default route (libvirt 12.2)."""

    family: str | None = attr(_FAMILY, default=None)
    address: str | None = attr(Ip(), default=None, optional_since="12.2.0")
    netmask: str | None = attr(Ip(only4=True), default=None)
    prefix: int | None = attr(Int(0, 128), default=None)
    gateway: str = attr(Ip())
    metric: int | None = attr(Int(), default=None)


@element("range")
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
