"""Back to a spec: a libvirt domain becomes a KubeVirt machine."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from attrs import evolve, frozen

from kvnet.compiler import compile
from kvnet.compiler.naming import pod_link_names
from kvnet.device import Device, Hostdev, HostdevSource, Interface, PciGuestAddress, PciHostAddress
from kvnet.device.diff import Noticed, diff
from kvnet.domain.about import About, about
from kvnet.domain.attach import Attachment, attachment
from kvnet.domain.read import domain_element, read_domain
from kvnet.errors import FieldPath, Problem, Severity
from kvnet.facts import HostFacts, PodLink
from kvnet.rules.check import check
from kvnet.spec import Cpu, Devices, Domain, Machine, Memory, Multus, Nad, Network, Pod, VmiSpec
from kvnet.spec import Interface as Nic
from kvnet.target import Profile, Target
from kvnet.values import PciAddress
from kvnet.xml import parse

__all__ = ["Imported", "import_domain"]

_MODELS = ("e1000", "e1000e", "igb", "ne2k_pci", "pcnet", "rtl8139")
_VIRTIO = (None, "virtio", "virtio-transitional", "virtio-non-transitional")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}")


@frozen(kw_only=True)
class Imported:
    """A machine, the NetworkAttachmentDefinitions that its networks name, and what had to be assumed.

    ``facts`` are what compiling it again needs: the host addresses of virtual functions, the MTU of links.
    """

    machine: Machine
    nads: tuple[Nad, ...]
    facts: HostFacts
    assumptions: tuple[Problem, ...]


@frozen
class _Import:
    name: str
    device: Device
    attachment: Attachment
    nic: Nic


def import_domain(
    domain_xml: str | bytes, *, profile: Profile | str = Profile.KUBEVIRT, file: str = "<domain>"
) -> Imported:
    """The KubeVirt VirtualMachine whose NICs are those of a libvirt domain.

    The machine is compiled again for ``profile``, and compared: what the guest would see otherwise is among
    the assumptions, as is each network that was taken for another. Of the rest of the domain, name, CPUs,
    memory and architecture come over. Raises XmlError where the document cannot be read.
    """
    devices = read_domain(domain_xml, lossless=True, file=file)
    said = about(domain_element(parse(domain_xml, file=file), file))
    imports = tuple(_imports(devices))
    machine = _machine(said, imports)
    facts = HostFacts(links=_links(machine, imports), pci_addresses=dict(_addresses(imports)) or None)
    machine, moved = _admissible(machine)
    nads = _unique(each.attachment.nad for each in imports if each.attachment.nad is not None)
    compiled = compile(machine, Target(profile=Profile(profile), facts=facts, nads=nads))
    seen = [
        problem
        for each, nic in zip(imports, compiled.nics, strict=True)
        for problem in _seen_otherwise(each, nic.device)
    ]
    return Imported(
        machine=machine,
        nads=nads,
        facts=facts,
        assumptions=(*_general(said), *map(_attached, imports), *moved, *seen, *compiled.problems),
    )


def _imports(devices: Sequence[Device]) -> Iterator[_Import]:
    taken: dict[str, Nad] = {}
    names: set[str] = set()
    pod_is_free = True
    for n, device in enumerate(devices):
        name = _name(device, n, names)
        names.add(name)
        attached = attachment(device, name, pod_is_free=pod_is_free)
        pod_is_free = pod_is_free and not isinstance(attached.source, Pod)
        if attached.nad is not None:
            attached = _renamed(attached, taken)
        yield _Import(name, device, attached, _nic(name, device, attached))


def _name(device: Device, n: int, taken: set[str]) -> str:
    alias = (device.alias or "").removeprefix("ua-sriov-" if isinstance(device, Hostdev) else "ua-")
    if alias != device.alias and _NAME.fullmatch(alias) and alias not in taken:
        return alias
    return next(name for name in (f"net{m}" for m in range(n, n + len(taken) + 1)) if name not in taken)


def _renamed(attached: Attachment, taken: dict[str, Nad]) -> Attachment:
    """One name for each configuration."""
    nad = attached.nad
    assert nad is not None
    name, n = nad.name, 2
    while name in taken and taken[name].config != nad.config:
        name, n = f"{nad.name}-{n}", n + 1
    taken[name] = nad
    return evolve(attached, nad=evolve(nad, name=name), source=Multus(network_name=name))


def _nic(name: str, device: Device, attached: Attachment) -> Nic:
    nic = Nic(
        name=name,
        bindings=(attached.binding,),
        boot_order=None if device.boot_order is None else int(device.boot_order),
        pci_address=_guest_address(device),
        acpi_index=int(device.acpi.index) if device.acpi is not None and device.acpi.index else None,
    )
    if isinstance(device, Hostdev):
        return nic
    return evolve(
        nic,
        model=device.model if device.model in _MODELS else None,
        mac_address=None if device.mac is None else str(device.mac),
        state="down" if device.link == "down" else None,
    )


def _guest_address(device: Device) -> str | None:
    address = device.address
    if not isinstance(address, PciGuestAddress) or None in (address.bus, address.slot):
        return None
    domain, bus, slot, function = (
        int(part or 0) for part in (address.domain, address.bus, address.slot, address.function)
    )
    return f"{domain:04x}:{bus:02x}:{slot:02x}.{function}"


def _machine(said: About, imports: Sequence[_Import]) -> Machine:
    devices = Devices(
        interfaces=tuple(each.nic for each in imports),
        autoattach_pod_interface=None if imports else False,
        network_interface_multiqueue=True if any(map(_has_queues, imports)) else None,
        use_virtio_transitional=True if _wants_transitional(said, imports) else None,
    )
    has_cpu = said.sockets or said.cores or said.threads
    domain = Domain(
        devices=devices,
        cpu=Cpu(sockets=said.sockets, cores=said.cores, threads=said.threads) if has_cpu else None,
        memory=Memory(guest=_quantity(said.memory)) if said.memory else None,
    )
    networks = tuple(Network(name=each.name, sources=(each.attachment.source,)) for each in imports)
    spec = VmiSpec(domain=domain, networks=networks, architecture=said.architecture)
    name = re.sub(r"[^a-z0-9.]+", "-", (said.name or "").lower()).strip("-.")[:63].strip("-.")
    around = {"spec": {"runStrategy": "Halted"}}
    return Machine(kind="VirtualMachine", name=name or None, spec=spec, around=around)


def _has_queues(each: _Import) -> bool:
    driver = each.device.driver if isinstance(each.device, Interface) else None
    return driver is not None and (driver.queues or 1) > 1


def _wants_transitional(said: About, imports: Sequence[_Import]) -> bool:
    """Plain virtio is the transitional kind on a conventional PCI bus."""
    models = {each.device.model for each in imports if isinstance(each.device, Interface)}
    return "virtio-transitional" in models or (not said.is_pci_express and "virtio" in models)


def _quantity(size: int) -> str:
    scale = next((each for each in ("Gi", "Mi", "Ki") if size % _SCALES[each] == 0), None)
    return f"{size // _SCALES[scale]}{scale}" if scale else str(size)


_SCALES = {"Gi": 2**30, "Mi": 2**20, "Ki": 2**10}


def _addresses(imports: Sequence[_Import]) -> Iterator[tuple[str, PciAddress]]:
    for each in imports:
        device = each.device
        host = device.source.address if isinstance(device.source, HostdevSource) else device.source
        if isinstance(host, PciHostAddress) and None not in (host.bus, host.slot, host.function):
            domain, *others = (int(part or 0) for part in (host.domain, host.bus, host.slot, host.function))
            # libvirt's domains have 32 bits, KubeVirt's 16
            if domain <= 0xFFFF:
                yield each.name, PciAddress(domain, *others)


def _links(machine: Machine, imports: Sequence[_Import]) -> dict[str, PodLink] | None:
    """The links of the pod, where one of them has to have an MTU that was asked for."""
    mtus = {each.name: each.device.mtu for each in imports if isinstance(each.device, Interface)}
    if not any(mtus.values()):
        return None
    names = pod_link_names(machine)
    return {name: PodLink(name=names.get(name), mtu=mtu) for name, mtu in mtus.items()}


def _admissible(machine: Machine) -> tuple[Machine, list[Problem]]:
    """The machine without the guest addresses that KubeVirt or libvirt's q35 would refuse."""
    at = machine.root / "domain" / "devices" / "interfaces"
    wrong = {str(problem.at): problem for problem in check(machine) if problem.is_error}
    nics, told = [], []
    for n, nic in enumerate(machine.interfaces):
        problem = wrong.get(str(at[n] / "pciAddress"))
        if problem is not None:
            told.append(_note(at[n] / "pciAddress", "KN612", f"{nic.pci_address} is left out: {problem.message}"))
        nics.append(nic if problem is None else evolve(nic, pci_address=None))
    return machine.with_nics(tuple(nics), machine.networks), told


def _unique(nads: Iterator[Nad]) -> tuple[Nad, ...]:
    return tuple({nad.name: nad for nad in nads}.values())


def _general(said: About) -> Iterator[Problem]:
    if said.architecture is None:
        yield _note(
            FieldPath(("spec", "architecture")), "KN613", "no architecture of KubeVirt is named: amd64 is assumed"
        )
    told = "disks, consoles and other devices are not imported, and the firmware and CPU model are KubeVirt's"
    yield _note(FieldPath(("spec", "domain")), "KN613", told)


def _attached(each: _Import) -> Problem:
    at = FieldPath(("spec", "networks")) / each.name
    mtu = each.device.mtu if isinstance(each.device, Interface) else None
    link = f"; its link in the pod has to have an MTU of {mtu}" if mtu else ""
    return _note(at, "KN611", each.attachment.assumed + link)


def _seen_otherwise(each: _Import, made: Device | None) -> Iterator[Problem]:
    at = FieldPath(("spec", "domain", "devices", "interfaces")) / each.name
    for change in () if made is None else diff(each.device, made):
        if change.noticed is Noticed.GUEST:
            yield _note(at, "KN614", f"a manifest cannot say this: {change}")
    if isinstance(made, Interface) and isinstance(each.device, Interface) and each.device.model is None:
        yield _note(at / "model", "KN614", "no model is named, for which libvirt has a default: virtio is assumed")


def _note(at: FieldPath, code: str, message: str) -> Problem:
    return Problem(at, code, message, severity=Severity.NOTE)
