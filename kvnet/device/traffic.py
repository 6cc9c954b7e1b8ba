"""What the host does with a NIC's traffic: VLANs, rates, filters and switch ports."""

from __future__ import annotations

from kvnet.xml.element import Element, element
from kvnet.xml.schema import at, attr, child, children
from kvnet.xml.types import DEVICE_NAME, UUID, Choice, Int, Present, Text, Token, YesNo

__all__ = [
    "Bandwidth",
    "Coalesce",
    "Filter",
    "Frames",
    "GuestLink",
    "Inbound",
    "Outbound",
    "Parameter",
    "Port",
    "Receive",
    "Tune",
    "VirtualPort",
    "VirtualPortParameters",
    "Vlan",
    "VlanTag",
]

_RATE = Int(1)


@element("tag")
class VlanTag(Element):
    """One VLAN of the port, from 0 to 4095; ``native_mode`` marks the one of untagged frames."""

    id: int = attr(Int(0, 4095))
    native_mode: str | None = attr(Choice("tagged", "untagged"), "nativeMode", default=None, since="1.1.0")


def _one_native_tag(vlan: Vlan) -> tuple[str, str] | None:
    native = sum(tag.native_mode is not None for tag in vlan.tags)
    return ("tags", "only one of them is native") if native > 1 else None


@element("vlan", cross_check=_one_native_tag)
class Vlan(Element):
    """The VLANs of the port; several make a ``trunk``, which is True or absent."""

    trunk: bool | None = attr(Present("yes"), default=None)
    tags: tuple[VlanTag, ...] = children(VlanTag)


@element("parameters")
class VirtualPortParameters(Element):
    """What the switch is told of the port; which fields it takes depends on the type of the port (see libvirt)."""

    manager_id: int | None = attr(Int(0, 0xFF, digits=2), "managerid", default=None)
    type_id: int | None = attr(Int(0, 0xFFFFFF, digits=6), "typeid", default=None)
    type_id_version: int | None = attr(Int(0, 0xFF, digits=2), "typeidversion", default=None)
    instance_id: str | None = attr(UUID, "instanceid", default=None)
    profile_id: str | None = attr(Text(r"(?s:.{0,39})"), "profileid", default=None)
    interface_id: str | None = attr(UUID, "interfaceid", default=None)


_PARAMETERS = {
    "802.1Qbg": ("manager_id", "type_id", "type_id_version", "instance_id"),
    "802.1Qbh": ("profile_id",),
    "openvswitch": ("profile_id", "interface_id"),
    "midonet": ("interface_id",),
}


def _parameters_of_the_type(port: VirtualPort) -> tuple[str, str] | None:
    if port.type is None:
        return None
    if port.type == "midonet" and (port.parameters is None or port.parameters.interface_id is None):
        return "parameters", "midonet needs the parameter interfaceid"
    for names in _PARAMETERS.values():
        for name in names:
            if name not in _PARAMETERS[port.type] and getattr(port.parameters, name, None) is not None:
                return "parameters", f"{port.type} takes no parameter {name.replace('_', '')}"
    return None


@element("virtualport", since="0.8.2", cross_check=_parameters_of_the_type)
class VirtualPort(Element):
    """A port of a switch that is managed by a protocol (802.1Qbg, 802.1Qbh) or a program (Open vSwitch, midonet)."""

    type: str | None = attr(Choice(*_PARAMETERS, newer={"openvswitch": "0.9.11", "midonet": "1.2.13"}), default=None)
    parameters: VirtualPortParameters | None = child(VirtualPortParameters, default=None)


def _average_of_rates(rates: Inbound | Outbound) -> tuple[str, str] | None:
    has_excess = rates.peak is not None or rates.burst is not None
    if rates.average is None and (has_excess or rates.floor is None):
        return "average", "peak and burst need it" if has_excess else "a rate has one, or a floor"
    return None


@element("inbound", cross_check=_average_of_rates)
class Inbound(Element):
    """The rate towards the guest: ``average``, ``peak`` and the guaranteed ``floor`` in kB/s, ``burst`` in KiB."""

    average: int | None = attr(_RATE, default=None)
    peak: int | None = attr(_RATE, default=None)
    floor: int | None = attr(_RATE, default=None, since="1.0.1")
    burst: int | None = attr(_RATE, default=None)


def _no_floor(rates: Outbound) -> tuple[str, str] | None:
    if rates.floor is not None:
        return "floor", "a rate from the guest has none"
    return _average_of_rates(rates)


@element("outbound", cross_check=_no_floor)
class Outbound(Element):
    """The rate from the guest: ``average`` and ``peak`` in kB/s, ``burst`` in KiB; no ``floor`` goes with them."""

    average: int | None = attr(_RATE, default=None)
    peak: int | None = attr(_RATE, default=None)
    floor: int | None = attr(_RATE, default=None)
    burst: int | None = attr(_RATE, default=None)


@element("bandwidth", since="0.9.4")
class Bandwidth(Element):
    """The rates of the NIC; ``class_id`` is the traffic class that libvirt chose, in live domains."""

    class_id: int | None = attr(_RATE, "classID", default=None)
    inbound: Inbound | None = child(Inbound, default=None)
    outbound: Outbound | None = child(Outbound, default=None)


@element("port")
class Port(Element):
    """The port of the bridge; isolated ports do not reach each other."""

    isolated: bool | None = attr(YesNo(), default=None, since="6.1.0")


@element("guest")
class GuestLink(Element):
    """The name of the link inside an LXC container: ``dev`` the requested, ``actual`` the real one."""

    dev: str | None = attr(DEVICE_NAME, default=None)
    actual: str | None = attr(DEVICE_NAME, default=None)


@element("parameter")
class Parameter(Element):
    """A variable of a network filter."""

    name: str = attr(Token("[a-zA-Z0-9_]+"))
    value: str = attr(Token(r"[a-zA-Z0-9_.:]+"))


@element("filterref")
class Filter(Element):
    """A network filter of libvirt, applied to the NIC's traffic on the host."""

    filter: str = attr(Token(r"[A-Za-z_][A-Za-z0-9_.\-]*"))
    parameters: tuple[Parameter, ...] = children(Parameter, default=())


@element("tune")
class Tune(Element):
    """``sndbuf``, the size of the tap's send buffer in bytes."""

    sndbuf: int | None = at("sndbuf", Int(), default=None, since="0.8.8")


@element("frames")
class Frames(Element):
    """``max``, the number of packets after which the guest is interrupted."""

    max: int | None = attr(Int(), default=None)


@element("rx")
class Receive(Element):
    """Interrupt coalescing of the packets that the guest receives."""

    frames: Frames | None = child(Frames, default=None)


@element("coalesce")
class Coalesce(Element):
    """Interrupt coalescing."""

    rx: Receive | None = child(Receive, default=None)
