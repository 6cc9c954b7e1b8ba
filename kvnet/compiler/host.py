"""The host profile: the same NICs on a plain libvirt host, without a pod.

A pod network becomes libvirt's own network; a NetworkAttachmentDefinition becomes what its CNI plugin
would have made on the host.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import evolve

from kvnet.cni.plugins import CniProblem, attachment, invalid_value, vlan_of
from kvnet.compiler.context import Context, failed, network_of, note
from kvnet.compiler.guest import acpi, driver, guest_address, link, model, rom
from kvnet.compiler.kubevirt import behind_istio, passt_forwards, vf_address
from kvnet.compiler.naming import USER_ALIAS, VF_ALIAS
from kvnet.compiler.result import CompiledNic
from kvnet.device import (
    Backend,
    Hostdev,
    HostdevSource,
    Interface,
    NetworkSource,
    PciHostAddress,
    Source,
    UserSource,
    VfHostAddress,
    Vlan,
)
from kvnet.errors import Problem
from kvnet.spec import Multus, Nad, PasstBinding, Sriov
from kvnet.spec.nic import Nic
from kvnet.values import MacAddress

__all__ = ["lower"]

_DEFAULT_NETWORK = "default"
_DEFAULT_NAMESPACE = "default"


def lower(nic: Nic, context: Context) -> CompiledNic:
    """The device of one NIC on a plain libvirt host."""
    multus = network_of(nic).multus
    if multus is not None:
        return _attached(nic, context, multus)
    if isinstance(nic.binding, Sriov):
        return _virtual_function(nic, context, None)
    if isinstance(nic.binding, PasstBinding):
        return _passt(nic, context)
    return _pod_network(nic, context)


def _pod_network(nic: Nic, context: Context) -> CompiledNic:
    known = context.facts.libvirt_networks
    if known is not None and _DEFAULT_NETWORK not in known:
        message = f"libvirt has no network '{_DEFAULT_NETWORK}': '{nic.name}' runs in user mode, out only"
        return _nic(nic, context, UserSource(), notes=[note(nic.at, "KN331", message)])
    notes = []
    if known is None:
        notes.append(note(nic.at, "KN330", f"assumed that libvirt's network '{_DEFAULT_NETWORK}' is there"))
    if nic.interface.ports or nic.interface.port_ranges:
        message = "libvirt's network forwards no ports to the guest: reach it by its own address"
        notes.append(note(nic.at / "ports", "KN332", message))
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
        message = f"NetworkAttachmentDefinition '{nad.name}' holds no CNI configuration"
        return failed(nic, "KN341", message, "write the CNI configuration into spec.config")
    cni = nad.plugins[0]
    if isinstance(nic.binding, Sriov):
        problem = invalid_value(cni, nad.name)
        return _virtual_function(nic, context, vlan_of(cni)) if problem is None else _failed(nic, problem)
    attached = attachment(cni, nad.name)
    if isinstance(attached, CniProblem):
        return _failed(nic, attached)
    made = _nic(
        nic,
        context,
        attached.source,
        virtualport=attached.virtualport,
        vlan=attached.vlan,
        mtu=attached.mtu,
        filter=attached.filter,
    )
    return evolve(made, link_mtu=attached.link_mtu)


def _failed(nic: Nic, problem: CniProblem) -> CompiledNic:
    return failed(nic, problem.code, problem.message, problem.hint)


def _nad(nic: Nic, context: Context, multus: Multus) -> Nad | None:
    home = context.machine.namespace or _DEFAULT_NAMESPACE
    first, slash, second = multus.network_name.partition("/")
    wanted = (first, second) if slash else (home, first)
    return next((nad for nad in context.target.nads if (nad.namespace or home, nad.name) == wanted), None)


def _virtual_function(nic: Nic, context: Context, vlan: Vlan | None) -> CompiledNic:
    address = vf_address(nic, context)
    if address is None:
        return failed(
            nic,
            "KN302",
            f"the host PCI address of SR-IOV network '{nic.name}' is not known",
            "give it in the facts, under pciAddresses",
        )
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
    notes_of_nic = list(notes)
    mac = _mac(nic)
    if mac is None:
        text = "no MAC address is given: libvirt will invent one whenever the domain is defined"
        notes_of_nic.append(note(nic.at / "macAddress", "KN312", text))
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
    return CompiledNic(name=nic.name, device=device, notes=tuple(notes_of_nic))


def _mac(nic: Nic) -> MacAddress | None:
    text = nic.interface.mac_address
    return MacAddress.parse(text).canonical() if text else None
