"""The network that a libvirt NIC is on, as a KubeVirt machine would attach to it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from kvnet.device import (
    BridgeSource,
    Device,
    DirectSource,
    EthernetSource,
    Hostdev,
    HostdevSource,
    Interface,
    NetworkSource,
    UserSource,
)
from kvnet.spec import Bridge, Masquerade, Multus, Nad, Pod, Sriov

__all__ = ["Attachment", "attachment"]

_CNI_VERSION = "0.3.1"
_MACVLAN_MODES = {"bridge": "bridge", "private": "private", "vepa": "vepa", "passthrough": "passthru"}
_NO_SPOOFING = "no-mac-spoofing"

Cni = Mapping[str, Any]


@frozen(kw_only=True)
class Attachment:
    """A network source and a binding, the NAD that the source names, and what had to be assumed."""

    source: Pod | Multus
    binding: Bridge | Masquerade | Sriov
    nad: Nad | None = None
    assumed: str


def attachment(device: Device, name: str, *, pod_is_free: bool) -> Attachment:
    """How a device is attached; ``name`` is that of the NIC. The pod network can be had once."""
    if isinstance(device, Hostdev) or isinstance(device.source, HostdevSource):
        return _virtual_function(device, name)
    attach = _ATTACH.get(type(device.source))
    if pod_is_free and isinstance(device.source, NetworkSource | UserSource | EthernetSource):
        told = "it became the pod network, with masquerade: its IP address will be another one"
        return Attachment(source=Pod(), binding=Masquerade(), assumed=told)
    if attach is None:
        told = f"its network has no equivalent: a NetworkAttachmentDefinition '{_label(name)}' has to be there"
        return Attachment(source=Multus(network_name=_label(name)), binding=Bridge(), assumed=told)
    return attach(device)


def _bridge(device: Interface) -> Attachment:
    assert isinstance(device.source, BridgeSource)
    switch = device.virtualport is not None and device.virtualport.type == "openvswitch"
    told = f"the bridge {device.source.bridge} has to be on the cluster's nodes, too"
    return _on_bridge(device, device.source.bridge, "ovs" if switch else "bridge", told)


def _network(device: Interface) -> Attachment:
    assert isinstance(device.source, NetworkSource)
    bridge = device.source.bridge or device.source.network
    told = f"libvirt's network {device.source.network} became the bridge {bridge}, which has to be on the nodes"
    return _on_bridge(device, bridge, "bridge", told)


def _on_bridge(device: Interface, bridge: str, plugin: str, told: str) -> Attachment:
    cni: dict[str, Any] = {"type": plugin, "bridge": bridge, **_vlan(device)}
    if device.mtu:
        cni["mtu"] = int(device.mtu)
    if device.filter is not None and device.filter.filter == _NO_SPOOFING:
        cni["macspoofchk"] = True
    return _by_nad(bridge, cni, Bridge(), told)


def _macvtap(device: Interface) -> Attachment:
    assert isinstance(device.source, DirectSource)
    link = device.source.dev
    cni = {"type": "macvlan", "master": link, "mode": _MACVLAN_MODES.get(device.source.mode or "vepa", "bridge")}
    return _by_nad(f"macvlan-{link}", cni, Bridge(), f"the link {link} has to be on the cluster's nodes, too")


def _virtual_function(device: Device, name: str) -> Attachment:
    vlan = _vlan(device) if isinstance(device, Interface) else {}
    told = "it is taken for a virtual function of SR-IOV: name its resource in the NetworkAttachmentDefinition"
    return _by_nad(name, {"type": "sriov", **vlan}, Sriov(), told)


_ATTACH: dict[type, Callable[[Interface], Attachment]] = {
    BridgeSource: _bridge,
    NetworkSource: _network,
    DirectSource: _macvtap,
}


def _vlan(device: Interface) -> Cni:
    if device.vlan is None:
        return {}
    ids = [int(tag.id) for tag in device.vlan.tags]
    if len(ids) == 1 and not device.vlan.trunk:
        return {"vlan": ids[0]}
    return {"vlanTrunk": [{"id": each} for each in ids]}


def _by_nad(wished: str, cni: Cni, binding: Bridge | Sriov, told: str) -> Attachment:
    name = _label(wished)
    config = json.dumps({"cniVersion": _CNI_VERSION, "name": name, **cni})
    return Attachment(
        source=Multus(network_name=name), binding=binding, nad=Nad(name=name, config=config), assumed=told
    )


def _label(text: str) -> str:
    """The nearest name that Kubernetes takes (RFC 1123)."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:63].strip("-") or "net"
