"""The host profile: the same NICs on a plain libvirt host, without a pod.

A pod network becomes libvirt's own network; a NetworkAttachmentDefinition becomes what its CNI plugin
would have made on the host.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from attrs import evolve

from kvnet.compiler.context import Context, failed, network_of, note, without_class
from kvnet.compiler.guest import acpi, driver, guest_address, link, model, rom
from kvnet.compiler.kubevirt import behind_istio, passt_forwards, vf_address
from kvnet.compiler.naming import USER_ALIAS, VF_ALIAS
from kvnet.compiler.result import CompiledNic
from kvnet.device import (
    Backend,
    BridgeSource,
    DirectSource,
    Filter,
    Hostdev,
    HostdevSource,
    Interface,
    NetworkSource,
    PciHostAddress,
    Source,
    UserSource,
    VfHostAddress,
    VirtualPort,
    Vlan,
    VlanTag,
)
from kvnet.errors import Problem
from kvnet.spec import Multus, Nad, PasstBinding, Sriov
from kvnet.spec.nic import Nic
from kvnet.values import MacAddress

__all__ = ["lower"]

Cni = Mapping[str, Any]

_DEFAULT_NETWORK = "default"
_DEFAULT_NAMESPACE = "default"
_CNI_DEFAULT_BRIDGE = "cni0"
_NO_SPOOFING = "no-mac-spoofing"
_HIGHEST_VLAN = 4095
_MACVTAP_MODES = {"bridge": "bridge", "private": "private", "vepa": "vepa", "passthru": "passthrough"}


def lower(nic: Nic, context: Context) -> CompiledNic:
    """The device of one NIC on a plain libvirt host."""
    multus = network_of(nic).multus
    if multus is not None:
        return _attached(nic, context, multus)
    if isinstance(nic.binding, Sriov):
        return _virtual_function(nic, context, {})
    if isinstance(nic.binding, PasstBinding):
        return _passt(nic, context)
    return _pod_network(nic, context)


def _pod_network(nic: Nic, context: Context) -> CompiledNic:
    known = context.facts.libvirt_networks
    if known is not None and _DEFAULT_NETWORK not in known:
        told = f"libvirt has no network '{_DEFAULT_NETWORK}': '{nic.name}' runs in user mode, out only"
        return _nic(nic, context, UserSource(), notes=[note(nic.at, "KN331", told)])
    notes = []
    if known is None:
        notes.append(note(nic.at, "KN330", f"assumed that libvirt's network '{_DEFAULT_NETWORK}' is there"))
    if nic.interface.ports or nic.interface.port_ranges:
        told = "libvirt's network forwards no ports to the guest: reach it by its own address"
        notes.append(note(nic.at / "ports", "KN332", told))
    return _nic(nic, context, NetworkSource(network=_DEFAULT_NETWORK), notes=notes)


def _passt(nic: Nic, context: Context) -> CompiledNic:
    forwards = passt_forwards(nic.interface.ports, behind_istio=behind_istio(context.machine))
    return _nic(nic, context, UserSource(), backend=Backend(type="passt"), port_forwards=forwards)


def _attached(nic: Nic, context: Context, multus: Multus) -> CompiledNic:
    nad = _nad(nic, context, multus)
    if nad is None:
        return failed(
            nic,
            "KN340",
            f"NetworkAttachmentDefinition '{multus.network_name}' is in none of the documents",
            "give its manifest too: the host profile reads bridge, VLAN and VF from it",
        )
    if not nad.plugins:
        told = f"NetworkAttachmentDefinition '{nad.name}' holds no CNI configuration"
        return failed(nic, "KN341", told, "write the CNI configuration into spec.config")
    cni = nad.plugins[0]
    attach = _virtual_function if isinstance(nic.binding, Sriov) else _CNI.get(str(cni.get("type")))
    if attach is None:
        told = f"CNI plugin '{cni.get('type')}' of '{nad.name}' has no equivalent in libvirt"
        return failed(nic, "KN342", told, f"use one of {', '.join(sorted(_CNI))}")
    flaw = _flaw(cni)
    if flaw is not None:
        told = f"no device can have what the CNI configuration of '{nad.name}' says: {flaw}"
        return failed(nic, "KN345", told, "correct it in spec.config")
    return attach(nic, context, cni)


def _flaw(cni: Cni) -> str | None:
    """Why no device can have what a CNI configuration says, or nothing."""
    try:
        link = BridgeSource(bridge=cni.get("bridge") or cni.get("master") or _CNI_DEFAULT_BRIDGE)
        Interface(source=link, vlan=_vlan(cni), mtu=_mtu(cni))
    except ValueError as reason:
        return without_class(reason)
    return None


def _nad(nic: Nic, context: Context, multus: Multus) -> Nad | None:
    home = context.machine.namespace or _DEFAULT_NAMESPACE
    first, slash, second = multus.network_name.partition("/")
    wanted = (first, second) if slash else (home, first)
    return next((nad for nad in context.target.nads if (nad.namespace or home, nad.name) == wanted), None)


def _linux_bridge(nic: Nic, context: Context, cni: Cni) -> CompiledNic:
    bridge = cni.get("bridge") or _CNI_DEFAULT_BRIDGE
    spoofing = Filter(filter=_NO_SPOOFING) if cni.get("macspoofchk") else None
    return _nic(nic, context, BridgeSource(bridge=bridge), vlan=_vlan(cni), mtu=_mtu(cni), filter=spoofing)


def _open_vswitch(nic: Nic, context: Context, cni: Cni) -> CompiledNic:
    bridge = cni.get("bridge")
    if not bridge:
        return failed(nic, "KN343", "the ovs CNI configuration names no bridge", 'add `"bridge": …`')
    return _nic(
        nic,
        context,
        BridgeSource(bridge=bridge),
        virtualport=VirtualPort(type="openvswitch"),
        vlan=_vlan(cni),
        mtu=_mtu(cni),
    )


def _macvtap(nic: Nic, context: Context, cni: Cni) -> CompiledNic:
    master = cni.get("master")
    if not master:
        told = "the macvlan CNI configuration names no master, and a host may have several links"
        return failed(nic, "KN343", told, 'add `"master": …` with the host\'s link')
    mode = _MACVTAP_MODES.get(str(cni.get("mode") or "bridge"))
    if mode is None:
        told = f"macvlan mode '{cni.get('mode')}' has no equivalent in libvirt"
        return failed(nic, "KN344", told, f"use one of {', '.join(_MACVTAP_MODES)}")
    # libvirt refuses <mtu> on macvtap: the link's own counts
    return evolve(_nic(nic, context, DirectSource(dev=master, mode=mode)), link_mtu=_mtu(cni))


_CNI: dict[str, Callable[[Nic, Context, Cni], CompiledNic]] = {
    "bridge": _linux_bridge,
    "cnv-bridge": _linux_bridge,
    "macvlan": _macvtap,
    "ovs": _open_vswitch,
}


def _virtual_function(nic: Nic, context: Context, cni: Cni) -> CompiledNic:
    address = vf_address(nic, context)
    if address is None:
        return failed(
            nic,
            "KN302",
            f"the host PCI address of SR-IOV network '{nic.name}' is not known",
            "give it in the facts, under pciAddresses",
        )
    vlan = _vlan(cni)
    if nic.interface.mac_address or vlan:
        # only the interface form lets libvirt set MAC and VLAN on the virtual function
        source = HostdevSource(address=VfHostAddress.of(address))
        device = Interface(
            source=source,
            managed=True,
            mac=_mac(nic),
            vlan=vlan,
            boot_order=nic.interface.boot_order,
            alias=f"{USER_ALIAS}{nic.name}",
            address=guest_address(nic.interface),
        )
        return CompiledNic(name=nic.name, device=device)
    hostdev = Hostdev(
        managed=True,
        source=PciHostAddress.of(address),
        boot_order=nic.interface.boot_order,
        alias=f"{USER_ALIAS}{VF_ALIAS}{nic.name}",
        address=guest_address(nic.interface),
    )
    return CompiledNic(name=nic.name, device=hostdev)


def _nic(
    nic: Nic,
    context: Context,
    source: Source,
    *,
    notes: Sequence[Problem] = (),
    **settings: Any,
) -> CompiledNic:
    interface, guest = nic.interface, context.guest
    told = list(notes)
    mac = _mac(nic)
    if mac is None:
        text = "no MAC address is given: libvirt will invent one whenever the domain is defined"
        told.append(note(nic.at / "macAddress", "KN312", text))
    device = Interface(
        source=source,
        mac=mac,
        model=model(interface, guest),
        driver=driver(interface, guest),
        link=link(interface),
        boot_order=interface.boot_order,
        alias=f"{USER_ALIAS}{nic.name}",
        rom=rom(interface, guest),
        acpi=acpi(interface),
        address=guest_address(interface),
        **settings,
    )
    return CompiledNic(name=nic.name, device=device, notes=tuple(told))


def _mac(nic: Nic) -> MacAddress | None:
    text = nic.interface.mac_address
    return MacAddress.parse(text).canonical() if text else None


def _mtu(cni: Cni) -> int | None:
    return cni.get("mtu") or None


def _vlan(cni: Cni) -> Vlan | None:
    """The VLAN of a port, or the VLANs of its trunk; VLAN 0 means untagged."""
    if cni.get("vlan"):
        return Vlan(tags=(VlanTag(id=cni["vlan"]),))
    entries = cni.get("vlanTrunk") or cni.get("trunk") or ()
    if not isinstance(entries, list | tuple):
        raise ValueError(f"the trunk {entries!r} is not a list")
    tags = tuple(VlanTag(id=each) for entry in entries for each in _ids(entry))
    return Vlan(trunk=True if len(tags) > 1 else None, tags=tags) if tags else None


def _ids(entry: Any) -> Iterable[int]:
    """The VLANs of one entry of a trunk: its ``id``, or those from ``minID`` to ``maxID``."""
    if not isinstance(entry, Mapping):
        raise ValueError(f"{entry!r} in the trunk is neither an id nor a range")
    if "id" in entry:
        return (entry["id"],)
    first, last = entry.get("minID"), entry.get("maxID")
    if type(first) is not int or type(last) is not int or not 0 <= first <= last <= _HIGHEST_VLAN:
        raise ValueError(f"{dict(entry)} in the trunk is no range of VLANs from minID to maxID")
    return range(first, last + 1)
