"""From the devices of a domain to the NICs of a machine: their names, networks, bindings and NADs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import Any

from attrs import define, evolve, field, frozen

from kvnet.cni.values import is_link_name
from kvnet.compiler.pod import USER_ALIAS, VF_ALIAS
from kvnet.device import (
    Bandwidth,
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
    RawElement,
    UsbHostAddress,
    UserSource,
    VirtualPort,
)
from kvnet.facts import HostNetwork
from kvnet.spec import Bridge, Masquerade, Multus, Nad, Pod, Sriov
from kvnet.spec import Interface as SpecInterface
from kvnet.spec.nic import MODELS
from kvnet.values import PciAddress
from kvnet.xml import write
from kvnet.xml.schema import declaration

__all__ = [
    "Attachment",
    "Nic",
    "Taken",
    "attachment",
    "host_network",
    "imported_nics",
    "is_nic",
    "name_in_alias",
    "numbered",
    "pci_address",
    "with_own_nad",
]

_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}")
_CNI_VERSION = "0.3.1"
_MACVLAN_MODES = {"bridge": "bridge", "private": "private", "vepa": "vepa", "passthrough": "passthru"}
_TRUNKS = {"bridge": "vlanTrunk", "ovs": "trunk"}
"""For each plugin, the setting that lists the VLANs of a trunk."""
_LONGEST_LINK_NAME = 15
_NO_SPOOFING = "no-mac-spoofing"
_VLANS = range(1, 4095)
_MTUS = range(68, 65536)
"""The VLANs and MTUs that CNI plugins take."""
_BITS_OF_KB, _BITS_OF_KIB = 1000 * 8, 1024 * 8
"""What libvirt's rates in kB/s and bursts in KiB are in bits, in which the bandwidth plugin counts."""
_MOST_BURST = (2**32 - 1) * 8
"""The bits of a burst that the bandwidth plugin refuses, and all above."""


@frozen
class Nic:
    """A NIC with its device as it is written in the domain, and as libvirt would run it."""

    name: str
    written: Device
    device: Device
    attachment: Attachment
    interface: SpecInterface


@define
class Taken:
    """The names that were given: of machines, of NADs, and of networks where they have to differ across machines.

    ``named`` has the name of each NAD by the name that it asked for and its configuration, and ``free`` the names that
    may be left, by the name that is asked for.
    """

    machines: set[str] = field(factory=set)
    nads: set[str] = field(factory=set)
    named: dict[tuple[str, str | None], str] = field(factory=dict)
    free: dict[str, Iterator[str]] = field(factory=dict)
    networks: set[str] = field(factory=set)


def is_nic(device: Device) -> bool:
    """Whether a device is a NIC; of a hostdev, only the alias that KubeVirt gives its virtual functions tells it."""
    return isinstance(device, Interface) or (device.alias or "").startswith(USER_ALIAS + VF_ALIAS)


def imported_nics(devices: Iterable[tuple[Device, Device]], taken: Taken) -> Iterator[Nic]:
    """The NICs of the devices of a domain, each given as it is written and as libvirt would run it.

    The first one that needs no network of its own gets the pod network; ``taken`` learns the names.
    """
    pod_is_free, pairs = True, [*devices]
    # a virtual function is rendered with this alias, which whoever has it keeps
    kept = {name_in_alias(device) or "" for _, device in pairs if _has_vf_alias(device)}
    for n, (written, device) in enumerate(pairs):
        name = _name(device, n, taken.networks if _has_vf_alias(device) else taken.networks | kept)
        taken.networks.add(name)
        attached = with_own_nad(attachment(device, name, pod_is_free=pod_is_free), taken)
        pod_is_free = pod_is_free and not isinstance(attached.source, Pod)
        yield Nic(name, written, device, attached, _interface(name, device, attached))


def _name(device: Device, n: int, taken: set[str]) -> str:
    alias = name_in_alias(device)
    if alias and _NAME.fullmatch(alias):
        return next(name for name in numbered(alias) if name not in taken)
    return next(name for name in (f"net{m}" for m in range(n, n + len(taken) + 1)) if name not in taken)


def name_in_alias(device: Device) -> str | None:
    """The name in an alias of the user's."""
    prefix = USER_ALIAS + (VF_ALIAS if isinstance(device, Hostdev) or _has_vf_alias(device) else "")
    alias = device.alias or ""
    return alias.removeprefix(prefix) if alias.startswith(prefix) else None


def _has_vf_alias(device: Device) -> bool:
    is_function = isinstance(device, Hostdev) or _is_function(device.source)
    return is_function and (device.alias or "").startswith(USER_ALIAS + VF_ALIAS)


def numbered(name: str) -> Iterator[str]:
    """The name, then ``name-2``, ``name-3`` and so on, none longer than a name may be."""
    yield name
    for n in count(2):
        suffix = f"-{n}"
        yield name[: 63 - len(suffix)] + suffix


def _interface(name: str, device: Device, attachment: Attachment) -> SpecInterface:
    address = pci_address(device.address)
    interface = SpecInterface(
        name=name,
        bindings=(attachment.binding,),
        boot_order=None if device.boot_order is None else int(device.boot_order),
        pci_address=None if address is None else str(address),
        acpi_index=int(device.acpi.index) if device.acpi is not None and device.acpi.index else None,
    )
    if isinstance(device, Hostdev):
        return interface
    if isinstance(attachment.binding, Sriov):
        return evolve(interface, mac_address=None if device.mac is None else str(device.mac), acpi_index=None)
    return evolve(
        interface,
        model=device.model if device.model in MODELS and device.model != "virtio" else None,
        mac_address=None if device.mac is None else str(device.mac),
        state="down" if device.link == "down" else None,
    )


def pci_address(address: object) -> PciAddress | None:
    """The PCI address that an element holds, if it is whole; libvirt's domains have 32 bits, KubeVirt's 16."""
    if not isinstance(address, PciGuestAddress | PciHostAddress) or None in (address.bus, address.slot):
        return None
    domain, *others = (int(part or 0) for part in (address.domain, address.bus, address.slot, address.function))
    return PciAddress(domain, *others) if domain <= 0xFFFF else None


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
        vlan = _vlan(device, None) if isinstance(device, Interface) else {}
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


def with_own_nad(attached: Attachment, taken: Taken) -> Attachment:
    """Number the NAD's name where another configuration has it already; ``taken`` learns the name."""
    nad = attached.nad
    if nad is None:
        return attached
    wanted = nad.name, nad.config
    if wanted not in taken.named:
        left = taken.free.setdefault(nad.name, numbered(nad.name))
        taken.named[wanted] = next(name for name in left if name not in taken.nads)
        taken.nads.add(taken.named[wanted])
    name = taken.named[wanted]
    return evolve(attached, nad=evolve(nad, name=name), source=Multus(network_name=name))


def _on_bridge(device: Interface, bridge: str, plugin: str, assumption: str) -> Attachment:
    cni: dict[str, Any] = {"type": plugin, "bridge": bridge, **_vlan(device, _TRUNKS[plugin])}
    # a range is searched from its start for what is no number
    if device.mtu is not None and int(device.mtu) in _MTUS:
        cni["mtu"] = int(device.mtu)
    if plugin == "bridge" and device.filter is not None and device.filter.filter == _NO_SPOOFING:
        cni["macspoofchk"] = True
    if plugin == "bridge" and device.port is not None and device.port.isolated:
        cni["portIsolation"] = True
    rates = _rates(device)
    members = {"plugins": [cni, {"type": "bandwidth", **rates}]} if rates else cni
    return _with_nad(bridge, members, Bridge(), assumption)


def _rates(device: Interface) -> dict[str, int]:
    """The settings of the bandwidth plugin for a device, in bits; it takes a rate with a burst, and nothing besides."""
    bandwidth, settings = device.bandwidth or Bandwidth(), dict[str, int]()
    for way, rates in (("ingress", bandwidth.inbound), ("egress", bandwidth.outbound)):
        if rates is None or not rates.average or not rates.burst or rates.peak or getattr(rates, "floor", None):
            continue
        rate, burst = int(rates.average) * _BITS_OF_KB, int(rates.burst) * _BITS_OF_KIB
        if burst < _MOST_BURST:
            settings |= {f"{way}Rate": rate, f"{way}Burst": burst}
    return settings


def _vlan(device: Interface, trunk: str | None) -> Mapping[str, Any]:
    """The VLAN of a device, or its trunk under the member for it, of which some plugins have none.

    The bridge plugin has the native VLAN of a trunk beside it.
    """
    tags = device.vlan.tags if device.vlan is not None else ()
    ids = [int(tag.id) for tag in tags]
    if device.vlan is None or not ids or not all(each in _VLANS for each in ids):
        return {}
    if len(ids) == 1 and not device.vlan.trunk:
        return {"vlan": ids[0]}
    if trunk is None:
        return {}
    native = [int(tag.id) for tag in tags if tag.native_mode == "untagged"]
    if trunk != _TRUNKS["bridge"] or len(native) != 1:
        return {trunk: [{"id": each} for each in ids]}
    others = [each for each in ids if each != native[0]] or native
    return {"vlan": native[0], trunk: [{"id": each} for each in others]}


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
