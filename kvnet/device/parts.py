"""The parts of a network device that have several settings of their own."""

from __future__ import annotations

from kvnet.xml.declare import attr, element, many
from kvnet.xml.scalars import Choice, Int, Text, Token, YesNo

__all__ = ["Filter", "Parameter", "PortForward", "PortSpan", "VlanTag"]


@element("range")
class PortSpan:
    """Forwarded ports ``start`` to ``end`` (one port without it), or ports kept from being forwarded."""

    start: int = attr(Int(0, 65535))
    end: int | None = attr(Int(0, 65535), default=None)
    to: int | None = attr(Int(0, 65535), default=None)
    exclude: bool | None = attr(YesNo(), default=None)


@element("portForward")
class PortForward:
    """Ports of the host that passt forwards to the guest; all of them where no range is given."""

    proto: str = attr(Choice("tcp", "udp"))
    address: str | None = attr(Text(), default=None)
    dev: str | None = attr(Token(), default=None)
    ranges: tuple[PortSpan, ...] = many(PortSpan, default=())


@element("tag")
class VlanTag:
    """One VLAN of the port; ``nativeMode`` marks the one of untagged frames."""

    id: int = attr(Int(0, 4095))
    native_mode: str | None = attr(Choice("tagged", "untagged"), "nativeMode", default=None)


@element("parameter")
class Parameter:
    """A variable of a network filter."""

    name: str = attr(Text())
    value: str = attr(Text())


@element("filterref")
class Filter:
    """A network filter of libvirt, applied to the NIC's traffic on the host."""

    filter: str = attr(Text())
    parameters: tuple[Parameter, ...] = many(Parameter, default=())
