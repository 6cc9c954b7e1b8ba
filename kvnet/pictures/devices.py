"""Draw what libvirt's devices tell: the NIC as the guest sees it, what it is plugged into, and the NICs of a domain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from kvnet.compiler.pod import USER_ALIAS, VF_ALIAS
from kvnet.device import (
    BridgeSource,
    Device,
    DirectSource,
    EthernetSource,
    Hostdev,
    HostdevSource,
    Interface,
    NetworkSource,
    PciGuestAddress,
    PciHostAddress,
    UserSource,
    VhostuserSource,
)
from kvnet.device.address import pci_text
from kvnet.pictures.picture import Box, Picture, Row
from kvnet.xml.schema import RawElement, declaration

__all__ = ["guest_box", "host_boxes", "picture_of_domain"]

_PASSED_THROUGH = "passed through"


def guest_box(name: str, device: Device | None, state: str = "") -> Box:
    """The NIC as the guest sees it."""
    facts = () if device is None else tuple(_guest_facts(device))
    link = device.link if isinstance(device, Interface) else None
    return Box(column=0, kind="NIC", name=name, facts=facts, state=state or ("down" if link == "down" else ""))


def _guest_facts(device: Device) -> Iterator[str]:
    if isinstance(device, Interface):
        is_function = isinstance(device.source, HostdevSource)
        yield _PASSED_THROUGH if is_function else device.model or "model of libvirt's choice"
        if device.mac is not None:
            yield str(device.mac)
        queues = device.driver.queues if device.driver is not None else None
        if (queues or 1) > 1:
            yield f"{queues} queues"
        if device.mtu:
            yield f"MTU {device.mtu}"
        if device.link == "down":
            yield "link down"
    else:
        yield _PASSED_THROUGH
    if isinstance(device.address, PciGuestAddress):
        yield f"at {pci_text(device.address)}"
    if device.boot_order is not None:
        yield f"boots as {device.boot_order}"
    if device.acpi is not None and device.acpi.index:
        yield f"ACPI index {device.acpi.index}"


def host_boxes(device: Device) -> tuple[Box, ...]:
    """What the NIC is plugged into, as far as the device tells."""
    if isinstance(device, Hostdev):
        return (_function(device.source),)
    tap = () if device.target is None else (Box(column=1, kind="tap", name=device.target),)
    source = device.source
    make = _SOURCES.get(type(source))
    if make is None:
        kind = source.variant if isinstance(source, RawElement) else declaration(type(source)).variant
        return (*tap, Box(column=4, kind="source", name=kind or "unknown"))
    made = make(device)
    return made if any(box.column == 1 for box in made) else (*tap, *made)


def _function(address: object) -> Box:
    name = pci_text(address) if isinstance(address, PciHostAddress) else "unknown"
    return Box(column=1, kind="virtual function", name=name)


def _bridge(device: Any) -> tuple[Box, ...]:
    is_switch = device.virtualport is not None and device.virtualport.type == "openvswitch"
    kind = "Open vSwitch bridge" if is_switch else "Linux bridge"
    return (Box(column=2, kind=kind, name=device.source.bridge, facts=_vlans(device)),)


def _vlans(device: Interface) -> tuple[str, ...]:
    if device.vlan is None:
        return ()
    tags = ", ".join(str(tag.id) + (" untagged" if tag.native_mode else "") for tag in device.vlan.tags)
    return (f"{'VLANs' if device.vlan.trunk or len(device.vlan.tags) > 1 else 'VLAN'} {tags}",)


def _network(device: Any) -> tuple[Box, ...]:
    source = device.source
    facts = (f"port group {source.portgroup}",) if source.portgroup else ()
    bridge = (Box(column=2, kind="Linux bridge", name=source.bridge),) if source.bridge else ()
    return (*bridge, Box(column=4, kind="libvirt network", name=source.network, facts=(*facts, *_vlans(device))))


def _direct(device: Any) -> tuple[Box, ...]:
    name = device.target or "macvtap"
    mode = (f"mode {device.source.mode}",) if device.source.mode else ()
    return (Box(column=1, kind="macvtap", name=name, facts=mode), Box(column=3, kind="link", name=device.source.dev))


def _user(device: Any) -> tuple[Box, ...]:
    is_passt = device.backend is not None and device.backend.type == "passt"
    ports = len(device.port_forwards)
    facts = (f"{ports} port forwards",) if ports else ()
    return (Box(column=1, kind="user mode", name="passt" if is_passt else "SLIRP", facts=facts),)


_SOURCES: dict[type, Callable[[Any], tuple[Box, ...]]] = {
    BridgeSource: _bridge,
    DirectSource: _direct,
    EthernetSource: lambda device: (Box(column=1, kind="tap", name=device.target or "made by libvirt"),),
    HostdevSource: lambda device: (_function(device.source.address),),
    NetworkSource: _network,
    UserSource: _user,
    VhostuserSource: lambda device: (
        Box(column=1, kind="vhost-user", name="passt" if device.backend else device.source.path or "socket"),
    ),
}
"""For each class of source, the boxes between the guest and the network."""


def picture_of_domain(domain_xml: str | bytes, *, file: str = "<domain>") -> Picture:
    """Draw the NICs of a domain, as libvirt would run them.

    ``domain_xml`` is what ``read_domain`` takes, and ``file`` names it in problems. Raises XmlError where the document
    cannot be read.
    """
    from kvnet.domain.read import about, domain_element, effective, parse_document, read_domain  # noqa: PLC0415 - lxml

    devices = read_domain(domain_xml, lossless=True, file=file)
    described = about(domain_element(parse_document(domain_xml, file), file))
    rows = [
        Row(boxes=(guest_box(_name(device, n), device), *host_boxes(device)))
        for n, device in enumerate(effective(devices, described))
    ]
    return Picture(title=f"Domain {described.name or ''}".strip(), rows=tuple(rows))


def _name(device: Device, n: int) -> str:
    """The name of a NIC in the user's alias, else its number."""
    alias = (device.alias or "").removeprefix(USER_ALIAS).removeprefix(VF_ALIAS)
    return alias or f"NIC {n}"
