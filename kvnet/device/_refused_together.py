"""Tell which fields of an interface or a hostdev libvirt refuses beside others, although its schema has them.

Measured with libvirt 9.0, whose QEMU driver refuses to define such a device.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import TYPE_CHECKING

from kvnet.device.address import PciGuestAddress, UnassignedGuestAddress
from kvnet.device.driver import PASSTHROUGH
from kvnet.device.source import (
    BridgeSource,
    DirectSource,
    EthernetSource,
    HostdevSource,
    NetworkSource,
    UserSource,
    VdpaSource,
    VhostuserSource,
)
from kvnet.xml.schema import FieldCheck, FieldSince, RawElement

if TYPE_CHECKING:
    from kvnet.device.devices import Hostdev, Interface

__all__ = ["OF_HOSTDEVS", "OF_INTERFACES", "TOGETHER_SINCE"]

_VIRTIO = ("virtio", "virtio-transitional", "virtio-non-transitional")
_VIRTIO_OPTIONS = ("iommu", "ats", "packed", "page_per_vq")
_NEEDED = {
    "802.1Qbg": ("manager_id", "type_id", "type_id_version"),
    "802.1Qbh": ("profile_id",),
}

# by the class of the source; that of a RawElement is not known
_DEVICE = (HostdevSource, RawElement)
_LINK = (EthernetSource, RawElement)
_PASST = (UserSource, VhostuserSource, RawElement)
_BRIDGED = (BridgeSource, NetworkSource, RawElement)
_POOLED = (HostdevSource, NetworkSource, RawElement)
_SWITCHED = (BridgeSource, NetworkSource, DirectSource, HostdevSource, RawElement)


def _is_of_a_network(nic: Interface) -> bool:
    """Whether libvirt's network decides on the port; live domains name it beside the bridge or link."""
    return isinstance(nic.source, (NetworkSource, RawElement)) or getattr(nic.source, "network", None) is not None


def _has_other_model(nic: Interface) -> bool:
    """Whether the NIC has a model that is not virtio; without a model, that depends on the machine."""
    return nic.model is not None and nic.model not in _VIRTIO and nic.model.lower() not in _VIRTIO


def _managed(nic: Interface) -> str | None:
    return None if isinstance(nic.source, _DEVICE) else "only the device of a hostdev source is managed"


def _virtualport(nic: Interface) -> str | None:
    port = nic.virtualport
    if not isinstance(nic.source, _SWITCHED):
        return "only interfaces on a bridge, a network, a macvtap or a host device have a virtualport"
    if port is None or _is_of_a_network(nic):
        return None
    if port.type is None:
        return "it needs a type, except on a network"
    missing = (name for name in _NEEDED.get(port.type, ()) if getattr(port.parameters, name, None) in (None, ""))
    lacking = next(missing, None)
    return f"{port.type} needs the parameter {lacking.replace('_', '')}, except on a network" if lacking else None


def _target_managed(nic: Interface) -> str | None:
    if nic.target_managed is False and not isinstance(nic.source, _LINK):
        return "only an interface of type ethernet takes a link that exists already"
    return None


def _port_forwards(nic: Interface) -> str | None:
    is_passt = nic.backend is not None and nic.backend.type == "passt"
    return None if is_passt and isinstance(nic.source, _PASST) else "only the backend passt forwards ports"


def _backend(nic: Interface) -> str | None:
    is_passt = nic.backend is not None and nic.backend.type == "passt"
    if is_passt and not isinstance(nic.source, _PASST):
        return "passt is a backend of the types user and vhostuser"
    return None


def _teaming(nic: Interface) -> str | None:
    is_transient = nic.teaming is not None and nic.teaming.type == "transient"
    if is_transient and not isinstance(nic.source, _POOLED):
        return "the transient NIC of a team is a host device"
    return None


def _coalesce(nic: Interface) -> str | None:
    frames = nic.coalesce and nic.coalesce.rx and nic.coalesce.rx.frames
    if not frames or frames.max is None or isinstance(nic.source, _BRIDGED):
        return None
    return "libvirt sets the coalescing of interfaces on a bridge or a network only"


def _port(nic: Interface) -> str | None:
    if nic.port is None or not nic.port.isolated:
        return None
    is_switched = nic.virtualport is not None and nic.virtualport.type is not None
    if is_switched or not isinstance(nic.source, _BRIDGED):
        return "only a port of a Linux bridge is isolated"
    return None


def _bandwidth(nic: Interface) -> str | None:
    has_floor = nic.bandwidth and nic.bandwidth.inbound and nic.bandwidth.inbound.floor is not None
    return "only a network guarantees a floor" if has_floor and not _is_of_a_network(nic) else None


def _driver(nic: Interface) -> str | None:
    name = nic.driver.name if nic.driver else None
    if isinstance(nic.source, HostdevSource):
        return f"{name} drives no host device" if name in ("qemu", "vhost") else None
    if not _has_other_model(nic):
        is_passed = name in PASSTHROUGH and nic.model is not None and not isinstance(nic.source, RawElement)
        return f"{name} drives host devices only" if is_passed else None
    option = next((name for name in _VIRTIO_OPTIONS if getattr(nic.driver, name) is not None), None)
    return f"{option} is an option of virtio, not of {nic.model}" if option else None


def _model(nic: Interface) -> str | None:
    other = nic.model is not None and nic.model.lower() != "virtio"
    return "a vDPA device is plain virtio" if other and isinstance(nic.source, VdpaSource) else None


def _ips(nic: Interface) -> str | None:
    if not isinstance(nic.source, UserSource):
        return None
    versions = [ip_address(ip.address).version for ip in nic.ips]
    if len(set(versions)) < len(versions):
        return "the type user has one IPv4 and one IPv6 address at most"
    for ip, version in zip(nic.ips, versions, strict=True):
        if ip.peer is not None:
            return "the type user has no peer"
        if ip.prefix and ip.prefix not in (range(4, 28) if version == 4 else (64,)):
            return "the type user has IPv4 prefixes of 4 to 27 bits, and IPv6 prefixes of 64"
    return None


def _load_parameter(device: Interface | Hostdev) -> str | None:
    return None if (device.load_parameter or "").strip() else "it is blank"


def _address(nic: Interface) -> str | None:
    is_hidden = isinstance(nic.address, UnassignedGuestAddress)
    return "only host devices are hidden from the guest" if is_hidden and not isinstance(nic.source, _DEVICE) else None


OF_INTERFACES: Mapping[str, FieldCheck] = {
    "managed": _managed,
    "virtualport": _virtualport,
    "bandwidth": _bandwidth,
    "port": _port,
    "ips": _ips,
    "port_forwards": _port_forwards,
    "target_managed": _target_managed,
    "model": _model,
    "driver": _driver,
    "backend": _backend,
    "teaming": _teaming,
    "coalesce": _coalesce,
    "load_parameter": _load_parameter,
    "address": _address,
}
"""The checks of ``Interface``, by the fields that they blame."""


def _vlan_since(nic: Interface) -> str:
    """Before 11.0, libvirt defines a NIC with a VLAN on a Linux bridge, and never starts it."""
    is_linux_bridge = isinstance(nic.source, BridgeSource) and (nic.virtualport is None or nic.virtualport.type is None)
    return "11.0.0" if is_linux_bridge else ""


TOGETHER_SINCE: Mapping[str, FieldSince] = {"vlan": _vlan_since}
"""The releases of libvirt that take fields of ``Interface`` beside others, by these fields."""


def _startup_policy(_: Hostdev) -> str | None:
    return "libvirt has it for USB devices only"


def _address_of_a_hostdev(hostdev: Hostdev) -> str | None:
    fits = isinstance(hostdev.address, (PciGuestAddress, UnassignedGuestAddress, RawElement))
    return None if fits else "the guest sees a PCI device on PCI, or not at all"


OF_HOSTDEVS: Mapping[str, FieldCheck] = {
    "startup_policy": _startup_policy,
    "load_parameter": _load_parameter,
    "address": _address_of_a_hostdev,
}
"""The checks of ``Hostdev``, by the fields that they blame."""
