"""Turn the configuration of a CNI plugin into libvirt's way to attach a NIC: one function for each plugin.

The way back, from a device to the configuration of a plugin, is in ``kvnet/domain/import_.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import frozen

from kvnet.device import BridgeSource, DirectSource, Filter, Interface, Source, VirtualPort, Vlan, VlanTag

__all__ = ["Attachment", "Cni", "CniProblem", "attachment", "invalid_value", "vlan_of", "without_class"]

Cni = Mapping[str, Any]
"""The configuration of one plugin, as plain data."""

_DEFAULT_BRIDGE = "cni0"
_NO_SPOOFING = "no-mac-spoofing"
_HIGHEST_VLAN = 4095
_MACVTAP_MODES = {"bridge": "bridge", "private": "private", "vepa": "vepa", "passthru": "passthrough"}


@frozen(kw_only=True)
class Attachment:
    """How libvirt attaches a NIC: its ``source``, and what else the plugin decides on.

    ``mtu`` and ``link_mtu`` are in bytes; ``link_mtu`` is that of the link under a macvtap, which libvirt does not set.
    """

    source: Source
    virtualport: VirtualPort | None = None
    vlan: Vlan | None = None
    mtu: int | None = None
    filter: Filter | None = None
    link_mtu: int | None = None


@frozen
class CniProblem:
    """Why a configuration has no equivalent in libvirt."""

    code: str
    message: str
    hint: str


def attachment(cni: Cni, definition: str) -> Attachment | CniProblem:
    """How libvirt attaches a NIC to the network of a configuration; ``definition`` names its NAD in messages."""
    attach = _PLUGINS.get(str(cni.get("type")))
    if attach is None:
        message = f"CNI plugin '{cni.get('type')}' of '{definition}' has no equivalent in libvirt"
        return CniProblem("KN342", message, f"use one of {', '.join(sorted(_PLUGINS))}")
    return invalid_value(cni, definition) or attach(cni)


def invalid_value(cni: Cni, definition: str) -> CniProblem | None:
    """The problem of a configuration with a bridge, VLAN or MTU that no device can have, or nothing."""
    try:
        link = BridgeSource(bridge=cni.get("bridge") or cni.get("master") or _DEFAULT_BRIDGE)
        Interface(source=link, vlan=vlan_of(cni), mtu=_mtu(cni))
    except ValueError as reason:
        message = f"the CNI configuration of '{definition}' has a value that libvirt refuses: {without_class(reason)}"
        return CniProblem("KN345", message, "correct it in spec.config")
    return None


def _linux_bridge(cni: Cni) -> Attachment:
    return Attachment(
        source=BridgeSource(bridge=cni.get("bridge") or _DEFAULT_BRIDGE),
        vlan=vlan_of(cni),
        mtu=_mtu(cni),
        filter=Filter(filter=_NO_SPOOFING) if cni.get("macspoofchk") else None,
    )


def _open_vswitch(cni: Cni) -> Attachment | CniProblem:
    bridge = cni.get("bridge")
    if not bridge:
        return CniProblem("KN343", "the ovs CNI configuration names no bridge", 'add `"bridge": …`')
    port = VirtualPort(type="openvswitch")
    return Attachment(source=BridgeSource(bridge=bridge), virtualport=port, vlan=vlan_of(cni), mtu=_mtu(cni))


def _macvlan(cni: Cni) -> Attachment | CniProblem:
    master = cni.get("master")
    if not master:
        message = "the macvlan CNI configuration names no master, and a host may have several links"
        return CniProblem("KN343", message, 'add `"master": …` with the host\'s link')
    mode = _MACVTAP_MODES.get(str(cni.get("mode") or "bridge"))
    if mode is None:
        message = f"macvlan mode '{cni.get('mode')}' has no equivalent in libvirt"
        return CniProblem("KN344", message, f"use one of {', '.join(_MACVTAP_MODES)}")
    # libvirt refuses <mtu> on macvtap: the link's own counts
    return Attachment(source=DirectSource(dev=master, mode=mode), link_mtu=_mtu(cni))


_PLUGINS: dict[str, Callable[[Cni], Attachment | CniProblem]] = {
    "bridge": _linux_bridge,
    "cnv-bridge": _linux_bridge,
    "macvlan": _macvlan,
    "ovs": _open_vswitch,
}


def without_class(reason: ValueError) -> str:
    """The reason for which a device refuses a value, without the device's class: ``mtu: -1 is not between …``."""
    where, colon, message = str(reason).partition(": ")
    return f"{where.rpartition('.')[2]}{colon}{message}"


def _mtu(cni: Cni) -> int | None:
    return cni.get("mtu") or None


def vlan_of(cni: Cni) -> Vlan | None:
    """The VLAN of a port, or the VLANs of its trunk; VLAN 0 means untagged."""
    if cni.get("vlan"):
        return Vlan(tags=(VlanTag(id=cni["vlan"]),))
    entries = cni.get("vlanTrunk") or cni.get("trunk") or ()
    if not isinstance(entries, list | tuple):
        raise ValueError(f"the trunk {entries!r} is not a list")
    tags = tuple(VlanTag(id=each) for entry in entries for each in _vlan_ids(entry))
    return Vlan(trunk=True if len(tags) > 1 else None, tags=tags) if tags else None


def _vlan_ids(entry: Any) -> Iterable[int]:
    """The VLANs of one entry of a trunk: its ``id``, or those from ``minID`` to ``maxID``."""
    if not isinstance(entry, Mapping):
        raise ValueError(f"{entry!r} in the trunk is neither an id nor a range")
    if "id" in entry:
        return (entry["id"],)
    first, last = entry.get("minID"), entry.get("maxID")
    if type(first) is not int or type(last) is not int or not 0 <= first <= last <= _HIGHEST_VLAN:
        raise ValueError(f"{dict(entry)} in the trunk is no range of VLANs from minID to maxID")
    return range(first, last + 1)
