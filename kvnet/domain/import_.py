"""Import a libvirt domain: its NICs become the interfaces and networks of a KubeVirt VirtualMachine."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import evolve, frozen

from kvnet.cni.values import is_link_name
from kvnet.compiler import compile
from kvnet.compiler.naming import USER_ALIAS, VF_ALIAS, pod_link_names
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
)
from kvnet.device.diff import Noticed, diff
from kvnet.domain.read import About, about, domain_element, read_domain
from kvnet.errors import FieldPath, Problem, Severity
from kvnet.facts import HostFacts, PodLink
from kvnet.nic_models import MODELS
from kvnet.rules.check import check
from kvnet.spec import (
    Bridge,
    Cpu,
    Devices,
    Domain,
    Machine,
    Masquerade,
    Memory,
    Multus,
    Nad,
    Network,
    Pod,
    Sriov,
    VmiSpec,
)
from kvnet.spec import Interface as SpecInterface
from kvnet.spec.nic import nics_of
from kvnet.target import Profile, Target
from kvnet.values import PciAddress
from kvnet.xml import parse

__all__ = ["Imported", "import_domain"]

_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}")
_CNI_VERSION = "0.3.1"
_MACVLAN_MODES = {"bridge": "bridge", "private": "private", "vepa": "vepa", "passthrough": "passthru"}
_LONGEST_LINK_NAME = 15
_NO_SPOOFING = "no-mac-spoofing"
_SCALES = {"Gi": 2**30, "Mi": 2**20, "Ki": 2**10}


@frozen(kw_only=True)
class Imported:
    """A machine that was imported, with what else it takes to compile it.

    ``nads`` are the NetworkAttachmentDefinitions that its networks name, ``facts`` the host addresses of its virtual
    functions and the MTUs of its links. ``assumptions`` are notes on all that the domain does not say in KubeVirt's
    terms, or that a manifest cannot say.
    """

    machine: Machine
    nads: tuple[Nad, ...]
    facts: HostFacts
    assumptions: tuple[Problem, ...]


@frozen(kw_only=True)
class _Attachment:
    """The network and binding for a NIC, the NAD that the network names, and what was assumed."""

    source: Pod | Multus
    binding: Bridge | Masquerade | Sriov
    nad: Nad | None = None
    assumption: str


@frozen
class _Nic:
    name: str
    device: Device
    attachment: _Attachment
    interface: SpecInterface


def import_domain(
    domain_xml: str | bytes, *, profile: Profile | str = Profile.KUBEVIRT, file: str = "<domain>"
) -> Imported:
    """Import the NICs, name, CPUs, memory and architecture of a libvirt domain as a VirtualMachine.

    ``domain_xml`` is what ``read_domain`` takes, and ``file`` names it in problems. The machine is compiled again for
    ``profile`` and compared with the domain: what the guest would see differently is among the assumptions.

    Raises XmlError where the document cannot be read.
    """
    devices = read_domain(domain_xml, lossless=True, file=file)
    described = about(domain_element(parse(domain_xml, file=file), file))
    nics = tuple(_nics(devices))
    machine = _machine(described, nics)
    facts = HostFacts(links=_links(machine, nics), pci_addresses=_host_addresses(nics) or None)
    machine, refused = _without_refused_addresses(machine)
    nads = tuple({nic.attachment.nad.name: nic.attachment.nad for nic in nics if nic.attachment.nad}.values())
    compiled = compile(machine, Target(profile=Profile(profile), facts=facts, nads=nads))
    pairs = zip(nics, compiled.nics, strict=True)
    differences = [problem for nic, each in pairs for problem in _guest_differences(nic, each.device)]
    notes = (*_general(described), *map(_network_note, nics), *refused, *differences, *compiled.problems)
    return Imported(machine=machine, nads=nads, facts=facts, assumptions=notes)


def _nics(devices: Sequence[Device]) -> Iterator[_Nic]:
    nads: dict[str, Nad] = {}
    names: set[str] = set()
    pod_is_free = True
    for n, device in enumerate(devices):
        name = _name(device, n, names)
        names.add(name)
        attachment = _with_own_nad(_attachment(device, name, pod_is_free=pod_is_free), nads)
        pod_is_free = pod_is_free and not isinstance(attachment.source, Pod)
        yield _Nic(name, device, attachment, _interface(name, device, attachment))


def _name(device: Device, n: int, taken: set[str]) -> str:
    alias = (device.alias or "").removeprefix(USER_ALIAS + (VF_ALIAS if isinstance(device, Hostdev) else ""))
    if alias != device.alias and _NAME.fullmatch(alias) and alias not in taken:
        return alias
    return next(name for name in (f"net{m}" for m in range(n, n + len(taken) + 1)) if name not in taken)


def _with_own_nad(attachment: _Attachment, nads: dict[str, Nad]) -> _Attachment:
    """Number the NAD's name where another configuration has it already; ``nads`` learns the name."""
    nad = attachment.nad
    if nad is None:
        return attachment
    name, n = nad.name, 2
    while name in nads and nads[name].config != nad.config:
        name, n = f"{nad.name}-{n}", n + 1
    nads[name] = nad
    return evolve(attachment, nad=evolve(nad, name=name), source=Multus(network_name=name))


def _interface(name: str, device: Device, attachment: _Attachment) -> SpecInterface:
    address = _pci_address(device.address)
    interface = SpecInterface(
        name=name,
        bindings=(attachment.binding,),
        boot_order=None if device.boot_order is None else int(device.boot_order),
        pci_address=None if address is None else str(address),
        acpi_index=int(device.acpi.index) if device.acpi is not None and device.acpi.index else None,
    )
    if isinstance(device, Hostdev):
        return interface
    return evolve(
        interface,
        model=device.model if device.model in MODELS and device.model != "virtio" else None,
        mac_address=None if device.mac is None else str(device.mac),
        state="down" if device.link == "down" else None,
    )


def _pci_address(address: object) -> PciAddress | None:
    """The PCI address that an element holds, if it is whole; libvirt's domains have 32 bits, KubeVirt's 16."""
    if not isinstance(address, PciGuestAddress | PciHostAddress) or None in (address.bus, address.slot):
        return None
    domain, *others = (int(part or 0) for part in (address.domain, address.bus, address.slot, address.function))
    return PciAddress(domain, *others) if domain <= 0xFFFF else None


def _machine(described: About, nics: Sequence[_Nic]) -> Machine:
    drivers = [nic.device.driver for nic in nics if isinstance(nic.device, Interface)]
    devices = Devices(
        interfaces=tuple(nic.interface for nic in nics),
        autoattach_pod_interface=None if nics else False,
        network_interface_multiqueue=any(each is not None and (each.queues or 1) > 1 for each in drivers) or None,
        use_virtio_transitional=_is_transitional(described, nics) or None,
    )
    has_cpu = described.sockets or described.cores or described.threads
    cpu = Cpu(sockets=described.sockets, cores=described.cores, threads=described.threads) if has_cpu else None
    memory = Memory(guest=_quantity(described.memory)) if described.memory else None
    networks = tuple(Network(name=nic.name, sources=(nic.attachment.source,)) for nic in nics)
    domain = Domain(devices=devices, cpu=cpu, memory=memory)
    spec = VmiSpec(domain=domain, networks=networks, architecture=described.architecture)
    name = re.sub(r"[^a-z0-9.]+", "-", (described.name or "").lower()).strip("-.")[:63].strip("-.")
    return Machine(kind="VirtualMachine", name=name or None, spec=spec, around={"spec": {"runStrategy": "Halted"}})


def _is_transitional(described: About, nics: Sequence[_Nic]) -> bool:
    """On a conventional PCI bus, model ``virtio`` is the transitional device."""
    models = {nic.device.model for nic in nics if isinstance(nic.device, Interface)}
    return "virtio-transitional" in models or (not described.is_pci_express and "virtio" in models)


def _quantity(size: int) -> str:
    suffix = next((each for each, scale in _SCALES.items() if size % scale == 0), None)
    return f"{size // _SCALES[suffix]}{suffix}" if suffix else str(size)


def _host_addresses(nics: Sequence[_Nic]) -> dict[str, PciAddress]:
    sources = {nic.name: nic.device.source for nic in nics}
    hosts = {name: each.address if isinstance(each, HostdevSource) else each for name, each in sources.items()}
    return {name: address for name, host in hosts.items() if (address := _pci_address(host)) is not None}


def _links(machine: Machine, nics: Sequence[_Nic]) -> dict[str, PodLink] | None:
    """The links of the pod, where a NIC has an MTU that its link would have to have."""
    mtus = {nic.name: nic.device.mtu for nic in nics if isinstance(nic.device, Interface)}
    if not any(mtus.values()):
        return None
    names = pod_link_names(machine)
    return {name: PodLink(name=names.get(name), mtu=mtu) for name, mtu in mtus.items()}


def _without_refused_addresses(machine: Machine) -> tuple[Machine, list[Problem]]:
    """The machine without the guest addresses that KubeVirt or libvirt's q35 would refuse, and a note on each."""
    errors = {problem.at: problem.message for problem in check(machine) if problem.is_error}
    interfaces, notes = [], []
    for nic in nics_of(machine):
        interface, at = nic.interface, nic.at / "pciAddress"
        if at in errors:
            notes.append(_note(at, "KN612", f"{interface.pci_address} is left out: {errors[at]}"))
            interface = evolve(interface, pci_address=None)
        interfaces.append(interface)
    return machine.with_nics(tuple(interfaces), machine.networks), notes


def _general(described: About) -> Iterator[Problem]:
    if described.architecture is None:
        message = "the domain names no architecture of KubeVirt: amd64 is assumed"
        yield _note(FieldPath(("spec", "architecture")), "KN613", message)
    message = "disks, consoles and other devices are not imported, and firmware and CPU model are KubeVirt's"
    yield _note(FieldPath(("spec", "domain")), "KN613", message)
    yield from described.problems


def _network_note(nic: _Nic) -> Problem:
    mtu = nic.device.mtu if isinstance(nic.device, Interface) else None
    link = f"; its link in the pod has to have an MTU of {mtu}" if mtu else ""
    return _note(FieldPath(("spec", "networks")) / nic.name, "KN611", nic.attachment.assumption + link)


def _guest_differences(nic: _Nic, compiled: Device | None) -> Iterator[Problem]:
    at = FieldPath(("spec", "domain", "devices", "interfaces")) / nic.name
    for change in () if compiled is None else diff(nic.device, compiled):
        if change.noticed is Noticed.GUEST:
            yield _note(at, "KN614", f"a manifest cannot say this: {change}")
    if isinstance(compiled, Interface) and isinstance(nic.device, Interface) and nic.device.model is None:
        message = "the domain names no model, for which libvirt has a default: virtio is assumed"
        yield _note(at / "model", "KN614", message)


def _note(at: FieldPath, code: str, message: str) -> Problem:
    return Problem(at, code, message, severity=Severity.NOTE)


def _attachment(device: Device, name: str, *, pod_is_free: bool) -> _Attachment:
    """The attachment of a device whose NIC has this name. Only one NIC can be on the pod network."""
    source = device.source
    if isinstance(device, Hostdev) or isinstance(source, HostdevSource):
        vlan = _vlan(device) if isinstance(device, Interface) else {}
        assumption = "it is assumed to be an SR-IOV virtual function: name its resource in its NAD"
        return _with_nad(name, {"type": "sriov", **vlan}, Sriov(), assumption)
    if pod_is_free and isinstance(source, NetworkSource | UserSource | EthernetSource):
        assumption = "it became the pod network, with masquerade: its IP address will be another one"
        return _Attachment(source=Pod(), binding=Masquerade(), assumption=assumption)
    match source:
        case BridgeSource(bridge=bridge):
            is_ovs = device.virtualport is not None and device.virtualport.type == "openvswitch"
            name = _link_name(bridge)
            assumption = f"the bridge {name} has to exist on the cluster's nodes"
            return _on_bridge(device, name, "ovs" if is_ovs else "bridge", assumption)
        case NetworkSource(network=network):
            bridge = _link_name(source.bridge or network)
            assumption = f"libvirt's network {network} became the bridge {bridge}, which has to exist on the nodes"
            return _on_bridge(device, bridge, "bridge", assumption)
        case DirectSource(dev=link):
            cni = {"type": "macvlan", "master": link, "mode": _MACVLAN_MODES.get(source.mode or "vepa", "bridge")}
            assumption = f"the link {link} has to exist on the cluster's nodes"
            return _with_nad(f"macvlan-{link}", cni, Bridge(), assumption)
    assumption = f"its network has no equivalent: create a NetworkAttachmentDefinition '{_label(name)}'"
    return _Attachment(source=Multus(network_name=_label(name)), binding=Bridge(), assumption=assumption)


def _on_bridge(device: Interface, bridge: str, plugin: str, assumption: str) -> _Attachment:
    cni: dict[str, Any] = {
        "type": plugin,
        "bridge": bridge,
        **_vlan(device, "trunk" if plugin == "ovs" else "vlanTrunk"),
    }
    if device.mtu:
        cni["mtu"] = int(device.mtu)
    if device.filter is not None and device.filter.filter == _NO_SPOOFING:
        cni["macspoofchk"] = True
    return _with_nad(bridge, cni, Bridge(), assumption)


def _vlan(device: Interface, trunk: str = "vlanTrunk") -> Mapping[str, Any]:
    if device.vlan is None:
        return {}
    ids = [int(tag.id) for tag in device.vlan.tags]
    if len(ids) == 1 and not device.vlan.trunk:
        return {"vlan": ids[0]}
    return {trunk: [{"id": each} for each in ids]}


def _with_nad(name: str, cni: Mapping[str, Any], binding: Bridge | Sriov, assumption: str) -> _Attachment:
    name = _label(name)
    nad = Nad(name=name, config=json.dumps({"cniVersion": _CNI_VERSION, "name": name, **cni}))
    return _Attachment(source=Multus(network_name=name), binding=binding, nad=nad, assumption=assumption)


def _link_name(text: str) -> str:
    """The nearest name that a link of the nodes can have."""
    return text if is_link_name(text) else _label(text)[:_LONGEST_LINK_NAME].rstrip("-")


def _label(text: str) -> str:
    """The nearest name that Kubernetes takes (RFC 1123)."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:63].strip("-") or "net"
