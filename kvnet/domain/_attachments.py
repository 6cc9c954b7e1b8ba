"""From what a NIC of a domain is plugged into to the network, the binding and the NAD that it has in KubeVirt."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from attrs import evolve, frozen

from kvnet.cni.values import is_link_name
from kvnet.device import (
    BridgeSource,
    Device,
    DirectSource,
    EthernetSource,
    Hostdev,
    HostdevSource,
    Interface,
    NetworkSource,
    RawElement,
    UsbHostAddress,
    UserSource,
    VirtualPort,
)
from kvnet.facts import HostNetwork
from kvnet.spec import Bridge, Masquerade, Multus, Nad, Pod, Sriov
from kvnet.xml import write
from kvnet.xml.schema import declaration

__all__ = ["Attachment", "attachment", "host_network", "with_own_nad"]

_CNI_VERSION = "0.3.1"
_MACVLAN_MODES = {"bridge": "bridge", "private": "private", "vepa": "vepa", "passthrough": "passthru"}
_TRUNKS = {"bridge": "vlanTrunk", "ovs": "trunk"}
"""For each plugin, the setting that lists the VLANs of a trunk."""
_LONGEST_LINK_NAME = 15
_NO_SPOOFING = "no-mac-spoofing"
_VLANS = range(1, 4095)
_MTUS = range(68, 65536)
"""The VLANs and MTUs that CNI plugins take."""


@frozen(kw_only=True)
class Attachment:
    """The network and binding for a NIC, the NAD that the network names, and what was assumed."""

    source: Pod | Multus
    binding: Bridge | Masquerade | Sriov
    nad: Nad | None = None
    assumption: str


def attachment(device: Device, name: str, *, pod_is_free: bool) -> Attachment:
    """The attachment of a device whose NIC has this name. Only one NIC can be on the pod network."""
    source = device.source
    if isinstance(device, Hostdev) or _is_function(source):
        vlan = _vlan(device) if isinstance(device, Interface) else {}
        assumption = "it is assumed to be an SR-IOV virtual function: name its resource in its NAD"
        return _with_nad(name, {"type": "sriov", **vlan}, Sriov(), assumption)
    if pod_is_free and isinstance(source, NetworkSource | UserSource | EthernetSource):
        assumption = f"{_described(source)} became the pod network, with masquerade: its IP address will be another one"
        return Attachment(source=Pod(), binding=Masquerade(), assumption=assumption)
    match source:
        case BridgeSource(bridge=bridge):
            bridge = _link_name(bridge)
            assumption = f"the bridge {bridge} has to exist on the cluster's nodes"
            return _on_bridge(device, bridge, "ovs" if _is_on_switch(device) else "bridge", assumption)
        case NetworkSource(network=network):
            bridge = _link_name(source.bridge or network)
            assumption = f"libvirt's network {network} became the bridge {bridge}, which has to exist on the nodes"
            return _on_bridge(device, bridge, "bridge", assumption)
        case DirectSource(dev=link):
            link = _link_name(link)
            cni = {"type": "macvlan", "master": link, "mode": _MACVLAN_MODES.get(source.mode or "vepa", "bridge")}
            assumption = f"the link {link} has to exist on the cluster's nodes"
            return _with_nad(f"macvlan-{link}", cni, Bridge(), assumption)
    assumption = f"{_described(source)} has no equivalent: create a NetworkAttachmentDefinition '{_label(name)}'"
    return Attachment(source=Multus(network_name=_label(name)), binding=Bridge(), assumption=assumption)


def _is_function(source: object) -> bool:
    """Whether a source is a PCI function of the host, and not a USB NIC."""
    is_usb = isinstance(source, HostdevSource) and (source.vendor or isinstance(source.address, UsbHostAddress))
    return isinstance(source, HostdevSource) and not is_usb


def host_network(device: Device, attached: Attachment) -> HostNetwork | None:
    """What a network is on the host, where the manifest does not say it: for the facts."""
    source = device.source
    if not isinstance(device, Interface) or isinstance(source, HostdevSource | RawElement):
        return None
    if _has_own_port(device) or not isinstance(source, BridgeSource | DirectSource | NetworkSource):
        return HostNetwork(interface=_plug(device))
    match source:
        case NetworkSource(network=network) if network:
            is_default = isinstance(attached.source, Pod) and (network, source.portgroup) == ("default", None)
            return None if is_default else HostNetwork(libvirt_network=network, portgroup=source.portgroup)
        case BridgeSource(bridge=bridge) if bridge and bridge != _link_name(bridge):
            return HostNetwork(ovs_bridge=bridge) if _is_on_switch(device) else HostNetwork(bridge=bridge)
        case DirectSource(dev=link) if link != _link_name(link):
            return HostNetwork(direct=link, mode=source.mode)
    return None


def _has_own_port(device: Interface) -> bool:
    """Whether the virtual port says more than that the bridge is one of Open vSwitch."""
    return device.virtualport not in (None, VirtualPort(type="openvswitch"))


def _plug(device: Interface) -> str:
    """The XML of what a NIC is plugged into; a tap of the host is found by its name and set up by a script."""
    fields: tuple[str, ...] = ("virtualport", "backend")
    if isinstance(device.source, EthernetSource):
        fields += ("script", "downscript", "target", "target_managed")
    return write(Interface(source=device.source, **{name: getattr(device, name) for name in fields}))


def _is_on_switch(device: Device) -> bool:
    port = device.virtualport if isinstance(device, Interface) else None
    return port is not None and port.type == "openvswitch"


def _described(source: object) -> str:
    match source:
        case NetworkSource(network=network):
            return f"libvirt's network {network}"
        case UserSource():
            return "user mode"
        case EthernetSource():
            return "a tap of the host"
        case HostdevSource():
            return "a USB device of the host"
        case RawElement():
            return "a network that cannot be read"
    return f"a network of libvirt's type {declaration(type(source)).variant}"


def with_own_nad(attached: Attachment, nads: dict[str, Nad]) -> Attachment:
    """Number the NAD's name where another configuration has it already; ``nads`` learns the name."""
    nad = attached.nad
    if nad is None:
        return attached
    name, n = nad.name, 2
    while name in nads and nads[name].config != nad.config:
        name, n = f"{nad.name}-{n}", n + 1
    nads[name] = nad
    return evolve(attached, nad=evolve(nad, name=name), source=Multus(network_name=name))


def _on_bridge(device: Interface, bridge: str, plugin: str, assumption: str) -> Attachment:
    cni: dict[str, Any] = {"type": plugin, "bridge": bridge, **_vlan(device, _TRUNKS[plugin])}
    if device.mtu in _MTUS:
        cni["mtu"] = int(device.mtu or 0)
    if plugin == "bridge" and device.filter is not None and device.filter.filter == _NO_SPOOFING:
        cni["macspoofchk"] = True
    return _with_nad(bridge, cni, Bridge(), assumption)


def _vlan(device: Interface, trunk: str = "vlanTrunk") -> Mapping[str, Any]:
    ids = [int(tag.id) for tag in device.vlan.tags] if device.vlan is not None else []
    if not ids or not all(each in _VLANS for each in ids):
        return {}
    if device.vlan is not None and len(ids) == 1 and not device.vlan.trunk:
        return {"vlan": ids[0]}
    return {trunk: [{"id": each} for each in ids]}


def _with_nad(wanted: str, cni: Mapping[str, Any], binding: Bridge | Sriov, assumption: str) -> Attachment:
    name = _label(wanted)
    nad = Nad(name=name, config=json.dumps({"cniVersion": _CNI_VERSION, "name": name, **cni}))
    return Attachment(source=Multus(network_name=name), binding=binding, nad=nad, assumption=assumption)


def _link_name(text: str) -> str:
    """The nearest name that a link of the nodes can have."""
    return text if is_link_name(text) else _label(text)[:_LONGEST_LINK_NAME].rstrip("-")


def _label(text: str) -> str:
    """The nearest name that Kubernetes takes (RFC 1123)."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:63].strip("-") or "net"
