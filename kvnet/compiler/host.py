"""The host profile: the same NICs on a plain libvirt host, without a pod.

A pod network becomes libvirt's own network; a NetworkAttachmentDefinition becomes what its CNI plugins would have made
on the host. The facts can say of any network what it is there. What is not carried over is told, setting by setting.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from kvnet.cni.chain import Chain
from kvnet.cni.plugins import HostDevicePlugin, Plugin, SriovPlugin
from kvnet.compiler.attachment import Attachment, CniProblem, Plug, attachment, carried, plug_of_facts
from kvnet.compiler.guest import Context, acpi, driver, guest_address, link, model, network_of, rom
from kvnet.compiler.kubevirt import behind_istio, passt_forwards, vf_address
from kvnet.compiler.losses import lost_of_nad, lost_of_nic
from kvnet.compiler.pod import USER_ALIAS, VF_ALIAS, annotated_mac
from kvnet.compiler.result import CompiledNic, failed, note
from kvnet.device import (
    Backend,
    BridgeSource,
    DirectSource,
    EthernetSource,
    Hostdev,
    HostdevSource,
    Interface,
    NetworkSource,
    PciHostAddress,
    UserSource,
    VfHostAddress,
    VhostuserSource,
)
from kvnet.errors import Problem, Rejected
from kvnet.facts import HostNetwork
from kvnet.manifest.cni import chain_or_reject
from kvnet.spec import Multus, Nad, PasstBinding, Sriov
from kvnet.spec.nic import Nic
from kvnet.target import nad_name, nad_of
from kvnet.values import MacAddress, PciAddress

__all__ = ["lower"]

_DEFAULT_NETWORK = "default"
_DEFAULT_NAMESPACE = "default"
_WITH_MTU = (BridgeSource, EthernetSource, NetworkSource, VhostuserSource)
"""The sources beside which libvirt takes an MTU."""


def lower(nic: Nic, context: Context) -> CompiledNic:
    """The device of one NIC on a plain libvirt host, with a warning for each setting that it does not have."""
    made = _lowered(nic, context)
    if made.device is None:
        return made
    forwards = isinstance(made.device, Interface) and bool(made.device.port_forwards)
    told = tuple(lost_of_nic(nic, forwards_ports=forwards))
    return evolve(made, notes=(*made.notes, *told)) if told else made


def _lowered(nic: Nic, context: Context) -> CompiledNic:
    multus, known = network_of(nic).multus, _known_network(nic, context)
    if multus is not None:
        return _attached(nic, context, multus, known)
    if isinstance(nic.binding, Sriov):
        return _virtual_function(nic, context)
    if known is not None:
        return _without_nad(nic, context, plug_of_facts(known))
    if isinstance(nic.binding, PasstBinding):
        return _passt(nic, context)
    return _pod_network(nic, context)


def _known_network(nic: Nic, context: Context) -> HostNetwork | None:
    """What the facts say of a NIC's network, by its NAD, else by its own name; ``default`` is any pod network."""
    known, network = context.facts.networks, network_of(nic)
    if not known:
        return None
    multus = network.multus
    names = ["/".join(nad_name(context.machine, multus)), network.name] if multus else [network.name, _DEFAULT_NETWORK]
    return next((known[name] for name in names if name in known), None)


def _pod_network(nic: Nic, context: Context) -> CompiledNic:
    known = context.facts.libvirt_networks
    if known is not None and _DEFAULT_NETWORK not in known:
        message = f"libvirt has no network '{_DEFAULT_NETWORK}': '{nic.name}' runs in user mode, out only"
        return _without_nad(nic, context, Plug(source=UserSource()), note(nic.at, "KN331", message))
    plug = Plug(source=NetworkSource(network=_DEFAULT_NETWORK))
    if known is not None:
        return _without_nad(nic, context, plug)
    message = f"assumed that libvirt's network '{_DEFAULT_NETWORK}' is there"
    return _without_nad(nic, context, plug, note(nic.at, "KN330", message))


def _passt(nic: Nic, context: Context) -> CompiledNic:
    forwards = passt_forwards(nic.interface.ports, behind_istio=behind_istio(context.machine))
    settings = {"backend": Backend(type="passt"), "port_forwards": forwards}
    return _without_nad(nic, context, Plug(source=UserSource()), **settings)


def _without_nad(nic: Nic, context: Context, plug: Plug, *notes: Problem, **settings: Any) -> CompiledNic:
    """A NIC on a network of which no CNI configuration is known."""
    own = _own_settings(nic, context, plug, annotated_mac(context.machine, network_of(nic)))
    return _nic(nic, context, plug, {**settings, **own}, *notes)


def _attached(nic: Nic, context: Context, multus: Multus, known: HostNetwork | None) -> CompiledNic:
    nad = nad_of(context.machine, context.target, multus)
    if nad is not None and nad.config:
        return _on_nad(nic, context, nad, nad.config, known)
    if known is not None and not isinstance(nic.binding, Sriov):
        return _without_nad(nic, context, plug_of_facts(known))
    if nad is not None:
        message = f"NetworkAttachmentDefinition '{nad.name}' holds no CNI configuration"
        return failed(nic, "KN341", message, "write the CNI configuration into spec.config")
    message = f"NetworkAttachmentDefinition '{multus.network_name}' is in none of the documents"
    hint = "give its manifest too, or say in the facts what the network is on this host, under networks"
    return failed(nic, "KN340", message, hint)


def _on_nad(nic: Nic, context: Context, nad: Nad, config: str, known: HostNetwork | None) -> CompiledNic:
    try:
        chain = chain_or_reject(config, nic.at)
    except Rejected as rejected:
        # only a NAD that was made in Python: one that is read from text is refused there
        return CompiledNic(name=nic.name, problems=rejected.problems)
    if isinstance(nic.binding, Sriov):
        return _virtual_function(nic, context, nad, chain)
    attached = attachment(nad, chain, known)
    if isinstance(attached, CniProblem):
        return failed(nic, attached.code, attached.message, attached.hint)
    return _on_chain(nic, context, nad, chain, attached)


def _on_chain(nic: Nic, context: Context, nad: Nad, chain: Chain, attached: Attachment) -> CompiledNic:
    """A NIC with the settings of a CNI configuration, as far as its source can have them."""
    plug = attached.plug
    own = _own_settings(nic, context, plug, _annotated(context, nic, nad, chain))
    attached = attached.under(own)
    made = _nic(nic, context, plug, attached.settings)
    told = lost_of_nad(nic, nad, chain, attached.carried)
    if plug.assumed:
        told = (note(nic.at, "KN333", plug.assumed), *told)
    link_mtu = _known_mtu(nic, context) or attached.link_mtu if isinstance(plug.source, DirectSource) else None
    return evolve(made, notes=(*made.notes, *told), link_mtu=link_mtu)


def _annotated(context: Context, nic: Nic, nad: Nad, chain: Chain) -> MacAddress | None:
    """The MAC address that the machine's annotations give to a NIC on the network of a NAD."""
    if not context.machine.annotations:
        return None
    home = nad.namespace or context.machine.namespace or _DEFAULT_NAMESPACE
    return annotated_mac(context.machine, network_of(nic), (home, nad.name), chain.providers)


def _own_settings(nic: Nic, context: Context, plug: Plug, annotated: MacAddress | None) -> dict[str, Any]:
    """The MAC address and MTU of a NIC that count more than those of CNI plugins: its own, and those of the facts."""
    own: dict[str, Any] = {}
    written = nic.interface.mac_address
    if mac := MacAddress.parse(written) if written else annotated:
        own["mac"] = mac.canonical()
    mtu = _known_mtu(nic, context)
    if mtu and isinstance(plug.source, _WITH_MTU):
        own["mtu"] = mtu
    return own


def _known_mtu(nic: Nic, context: Context) -> int | None:
    known = (context.facts.links or {}).get(network_of(nic).name)
    return known.mtu if known else None


def _virtual_function(nic: Nic, context: Context, nad: Nad | None = None, chain: Chain | None = None) -> CompiledNic:
    field, own_address = _own_function(chain.first) if chain else ("", None)
    address = vf_address(nic, context) or own_address
    if address is None:
        return failed(
            nic,
            "KN302",
            f"the host PCI address of SR-IOV network '{nic.name}' is not known",
            "give it in the facts, under pciAddresses",
        )
    fields = (field,) if address == own_address else ()
    plug = Plug(source=HostdevSource(address=VfHostAddress.of(address)), fields=fields)
    if nad is None or chain is None:
        return CompiledNic(name=nic.name, device=_function(nic, address, _own_settings(nic, context, plug, None)))
    own = _own_settings(nic, context, plug, _annotated(context, nic, nad, chain))
    attached = carried(chain, plug).under(own)
    device = _function(nic, address, attached.settings)
    return CompiledNic(name=nic.name, device=device, notes=lost_of_nad(nic, nad, chain, attached.carried))


def _own_function(first: Plugin) -> tuple[str, PciAddress | None]:
    """The PCI address of a function in the configuration of its plugin, and the field that holds it."""
    if isinstance(first, HostDevicePlugin) and first.pci_bus_id:
        return "pci_bus_id", PciAddress.parse(first.pci_bus_id)
    if isinstance(first, SriovPlugin) and first.device_id:
        try:
            return "device_id", PciAddress.parse(first.device_id)
        except ValueError:
            return "", None  # the name of an auxiliary device, which has no PCI address
    return "", None


def _function(nic: Nic, address: PciAddress, settings: Mapping[str, Any]) -> Interface | Hostdev:
    """A virtual function; only the form of an interface lets libvirt set MAC address and VLAN on it."""
    boot_order, guest = nic.interface.boot_order, guest_address(nic.interface)
    if settings:
        return Interface(
            source=HostdevSource(address=VfHostAddress.of(address)),
            managed=True,
            boot_order=boot_order,
            alias=f"{USER_ALIAS}{nic.name}",
            address=guest,
            **settings,
        )
    return Hostdev(
        managed=True,
        source=PciHostAddress.of(address),
        boot_order=boot_order,
        alias=f"{USER_ALIAS}{VF_ALIAS}{nic.name}",
        address=guest,
    )


def _nic(nic: Nic, context: Context, plug: Plug, settings: Mapping[str, Any], *notes: Problem) -> CompiledNic:
    interface, guest = nic.interface, context.guest
    if "mac" not in settings:
        message = "no MAC address is given: libvirt will invent one whenever the domain is defined"
        notes = (*notes, note(nic.at / "macAddress", "KN312", message))
    device = Interface(
        source=plug.source,
        virtualport=plug.virtualport,
        model=model(interface, guest),
        driver=driver(interface, guest),
        link=link(interface),
        boot_order=interface.boot_order,
        alias=f"{USER_ALIAS}{nic.name}",
        rom=rom(interface, guest),
        acpi=acpi(interface),
        address=guest_address(interface),
        **{**plug.others, **settings},
    )
    return CompiledNic(name=nic.name, device=device, notes=notes)
