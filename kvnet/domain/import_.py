"""Import libvirt domains: their NICs become the interfaces and networks of KubeVirt VirtualMachines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from attrs import NOTHING, evolve, fields, frozen

from kvnet._arguments import checked, checked_items
from kvnet.compiler import compile
from kvnet.compiler.pod import pod_link_names
from kvnet.device import Device, Hostdev, HostdevSource, Interface, PciHostAddress, RawElement
from kvnet.device.diff import Change, Changes, Noticed, diff
from kvnet.domain._nics import Nic, Taken, host_network, imported_nics, is_nic, name_in_alias, numbered, pci_address
from kvnet.domain.read import About, about, domain_element, effective, parse_document, read_domain
from kvnet.errors import FieldPath, Problem, Severity, XmlError
from kvnet.facts import HostFacts, HostNetwork, PodLink
from kvnet.rules.check import check
from kvnet.spec import Cpu, Devices, Domain, Machine, Memory, Nad, Network, VmiSpec
from kvnet.spec.nic import nics_of
from kvnet.target import Profile, Target
from kvnet.values import PciAddress

__all__ = ["DomainText", "Imported", "facts_of", "import_domain", "import_domains"]

T = TypeVar("T")

_SCALES = {"Gi": 2**30, "Mi": 2**20, "Ki": 2**10}
_NAMELESS = "vm"
_DOMAINS_HINT = "give [DomainText(xml, 'vm.xml')], or what live.domain_texts(connection) returns"
_IMPORTED_HINT = "give what import_domains returns"
_INTERFACES = FieldPath(("spec", "domain", "devices", "interfaces"))
_IDENTITY = ("bridge", "network", "dev", "mode", "address")
"""The fields of a source that name the network, which the note on the network speaks of."""


@frozen
class DomainText:
    """The XML of a domain, and what problems call its document."""

    text: str | bytes
    file: str = "<domain>"


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


@frozen
class _Document:
    """A domain: its NICs as they are written and as libvirt would run them, and the devices that are not imported."""

    about: About
    nics: tuple[tuple[Device, Device], ...]
    others: tuple[tuple[FieldPath, Hostdev], ...]

    @property
    def has_mtus(self) -> bool:
        return any(isinstance(each, Interface) and each.mtu for each, _ in self.nics)


def import_domain(
    domain_xml: str | bytes, *, profile: Profile | str = Profile.KUBEVIRT, file: str = "<domain>"
) -> Imported:
    """Import the NICs, name, CPUs, memory and architecture of a libvirt domain as a VirtualMachine.

    ``domain_xml`` is what ``read_domain`` takes, and ``file`` names it in problems. The machine is compiled again for
    ``profile`` and compared with the domain: what the guest would see differently is among the assumptions, and so are
    the settings of the host that a manifest cannot hold.

    Raises XmlError where the document cannot be read.
    """
    (imported,) = import_domains([DomainText(domain_xml, file)], profile=profile)
    return imported


def import_domains(domains: Iterable[DomainText], *, profile: Profile | str = Profile.KUBEVIRT) -> tuple[Imported, ...]:
    """Import several domains whose manifests are to be one stream, with one document of facts.

    Machines and NADs get names of their own, and so do networks where any of the domains needs facts, which go by the
    networks' names. Names that had to change are among the assumptions. Otherwise as ``import_domain``.

    Raises XmlError with the problems of all documents, and TypeError for arguments of another kind.
    """
    documents: list[_Document] = []
    problems: list[Problem] = []
    for domain in checked_items(domains, "a sequence of DomainText", _DOMAINS_HINT):
        checked(domain, DomainText, "a DomainText", _DOMAINS_HINT)
        try:
            documents.append(_read(domain))
        except XmlError as error:
            problems += error.problems
    if problems:
        raise XmlError(problems)
    has_mtus = any(each.has_mtus for each in documents)
    made = _together(documents, Profile(profile), with_links=has_mtus, distinct=False)
    if len(made) > 1 and any(each.facts != HostFacts() for each in made):
        return _together(documents, Profile(profile), with_links=has_mtus, distinct=True)
    return made


def _together(
    documents: Sequence[_Document], profile: Profile, *, with_links: bool, distinct: bool
) -> tuple[Imported, ...]:
    """Import domains one after the other; ``distinct`` gives networks names that no other domain has."""
    taken = Taken()
    imported = []
    for document in documents:
        taken.networks = taken.networks if distinct else set()
        imported.append(_imported(document, taken, profile, with_links=with_links))
    return tuple(imported)


def facts_of(imported: Sequence[Imported]) -> HostFacts:
    """The facts of domains that were imported together, as one document."""
    imported = checked_items(imported, "a sequence of Imported", _IMPORTED_HINT)
    for each in imported:
        checked(each, Imported, "an Imported", _IMPORTED_HINT)
    links = [each.facts.links for each in imported if each.facts.links is not None]
    addresses = [each.facts.pci_addresses for each in imported if each.facts.pci_addresses is not None]
    return HostFacts(
        links=_joined(links) if links else None,
        pci_addresses=_joined(addresses) if addresses else None,
        networks=_joined(each.facts.networks for each in imported),
    )


def _joined(mappings: Iterable[Mapping[str, T]]) -> dict[str, T]:
    return {name: value for each in mappings for name, value in each.items()}


def _read(domain: DomainText) -> _Document:
    element = domain_element(parse_document(domain.text, domain.file), domain.file)
    written = read_domain(domain.text, lossless=True, file=domain.file)
    described = about(element)
    pairs = tuple(zip(written, effective(written, described), strict=True))
    hostdevs = [each for each in written if isinstance(each, Hostdev)]
    root = FieldPath(("domain", "devices", "hostdev"))
    others = tuple((root[n], each) for n, each in enumerate(hostdevs) if not is_nic(each))
    return _Document(described, tuple(pair for pair in pairs if is_nic(pair[0])), others)


def _imported(document: _Document, taken: Taken, profile: Profile, *, with_links: bool) -> Imported:
    described = document.about
    nics = tuple(imported_nics(document.nics, taken))
    machine = _machine(described, nics, _machine_name(described, taken))
    links = _links(machine, nics) if with_links else None
    facts = HostFacts(links=links, pci_addresses=_host_addresses(nics) or None, networks=_networks(nics))
    machine, refused = _without_refused_addresses(machine)
    nads = tuple({nic.attachment.nad.name: nic.attachment.nad for nic in nics if nic.attachment.nad}.values())
    target = Target(profile=profile, facts=facts, nads=nads)
    on_host, in_pod = (compile(machine, evolve(target, profile=each)) for each in (Profile.HOST, Profile.KUBEVIRT))
    bare = compile(machine, evolve(target, profile=Profile.HOST, facts=evolve(facts, networks={})))
    compiled = on_host if profile is Profile.HOST else in_pod
    notes = [*_general(document), *_name_notes(described, machine, nics)]
    for n, nic in enumerate(nics):
        notes += (_network_note(nic), *_differences(nic, compiled.nics[n].device))
        lost = tuple(_lost_settings(nic.written, on_host.nics[n].device, in_pod.nics[n].device))
        not_held = tuple(_lost_settings(nic.written, bare.nics[n].device, in_pod.nics[n].device))
        for change in not_held:
            hint = "" if change in lost else "the facts of the import hold it"
            notes.append(_note(_INTERFACES / nic.name, "KN615", f"a manifest cannot hold this: {change}", hint))
        for change in _held_by_nad(nic, not_held):
            hint = f"the NetworkAttachmentDefinition '{nic.attachment.nad.name}' holds it" if nic.attachment.nad else ""
            notes.append(_note(_INTERFACES / nic.name, "KN615", f"a machine cannot hold this: {change}", hint))
    errors = (problem for problem in check(machine, target) if problem.is_error)
    notes += dict.fromkeys((*refused, *compiled.problems, *errors))
    return Imported(machine=machine, nads=nads, facts=facts, assumptions=tuple(notes))


def _machine(described: About, nics: Sequence[Nic], name: str | None) -> Machine:
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
    return Machine(kind="VirtualMachine", name=name, spec=spec, around={"spec": {"runStrategy": "Halted"}})


def _machine_name(described: About, taken: Taken) -> str | None:
    """The domain's name as Kubernetes takes it (RFC 1123), and as no earlier machine has it."""
    if described.name is None:
        return None
    parts = [re.sub(r"[^a-z0-9]+", "-", part).strip("-") for part in described.name.lower().split(".")]
    wanted = ".".join(filter(None, parts))[:63].strip("-.") or _NAMELESS
    name = next(each for each in numbered(wanted) if each not in taken.machines)
    taken.machines.add(name)
    return name


def _is_transitional(described: About, nics: Sequence[Nic]) -> bool:
    """On a conventional PCI bus, model ``virtio`` is the transitional device."""
    models = {nic.device.model for nic in nics if isinstance(nic.device, Interface)}
    return "virtio-transitional" in models or (not described.is_pci_express and "virtio" in models)


def _quantity(size: int) -> str:
    suffix = next((each for each, scale in _SCALES.items() if size % scale == 0), None)
    return f"{size // _SCALES[suffix]}{suffix}" if suffix else str(size)


def _host_addresses(nics: Sequence[Nic]) -> dict[str, PciAddress]:
    sources = {nic.name: nic.device.source for nic in nics}
    hosts = {name: each.address if isinstance(each, HostdevSource) else each for name, each in sources.items()}
    return {name: address for name, host in hosts.items() if (address := pci_address(host)) is not None}


def _networks(nics: Sequence[Nic]) -> dict[str, HostNetwork]:
    known = {nic.name: host_network(nic.device, nic.attachment) for nic in nics}
    return {name: network for name, network in known.items() if network is not None}


def _links(machine: Machine, nics: Sequence[Nic]) -> dict[str, PodLink]:
    """The links of the pod, with the MTU that each has to have for its NIC."""
    mtus = {nic.name: nic.device.mtu for nic in nics if isinstance(nic.device, Interface)}
    names = pod_link_names(machine)
    # an MTU is a plain number, not one that keeps its spelling in XML
    return {name: PodLink(name=names.get(name), mtu=int(mtu) if mtu else None) for name, mtu in mtus.items()}


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


def _general(document: _Document) -> Iterator[Problem]:
    if document.about.architecture is None:
        message = "the domain names no architecture of KubeVirt: amd64 is assumed"
        yield _note(FieldPath(("spec", "architecture")), "KN613", message)
    message = "disks, consoles and other devices are not imported, and firmware and CPU model are KubeVirt's"
    yield _note(FieldPath(("spec", "domain")), "KN613", message)
    for at, device in document.others:
        message = f"the host's PCI device {pci_address(device.source) or ''} is left out: nothing says that it is a NIC"
        yield _note(at, "KN613", message)
    yield from document.about.problems


def _name_notes(described: About, machine: Machine, nics: Sequence[Nic]) -> Iterator[Problem]:
    """A note for each name that had to change."""
    if described.name is not None and described.name != machine.name:
        message = f"the domain '{described.name}' is called '{machine.name}'"
        yield _note(FieldPath(("metadata", "name")), "KN616", message)
    for nic in nics:
        alias = name_in_alias(nic.device)
        if alias is not None and alias != nic.name:
            message = f"the NIC of the alias {nic.device.alias} is called '{nic.name}'"
            yield _note(_INTERFACES / nic.name, "KN616", message)


def _network_note(nic: Nic) -> Problem:
    mtu = nic.device.mtu if isinstance(nic.device, Interface) else None
    link = f"; its link in the pod has to have an MTU of {mtu}" if mtu else ""
    nad = nic.attachment.nad
    name = f" (NetworkAttachmentDefinition '{nad.name}')" if nad is not None else ""
    return _note(FieldPath(("spec", "networks")) / nic.name, "KN611", f"{nic.attachment.assumption}{name}{link}")


def _differences(nic: Nic, compiled: Device | None) -> Iterator[Problem]:
    """Notes on what the guest will see otherwise, and on what the domain left to libvirt."""
    at = _INTERFACES / nic.name
    if nic.device.boot_order != nic.written.boot_order:
        message = f"<boot dev='network'/> of the domain became bootOrder {nic.device.boot_order} of its first NIC"
        yield _note(at / "bootOrder", "KN613", message)
    model = getattr(nic.device, "model", None)
    if isinstance(nic.written, Interface) and nic.written.model is None and model is not None:
        message = f"the domain names no model: it is {model}, which libvirt gives such a NIC"
        yield _note(at / "model", "KN613", message)
    for change in () if compiled is None else diff(nic.device, compiled):
        if change.noticed is Noticed.GUEST:
            yield _note(at, "KN614", f"a manifest cannot say this: {change}")


def _lost_settings(device: Device, on_host: Device | None, in_pod: Device | None) -> Iterator[Change]:
    """The settings of the host's side that neither profile gives back.

    ``on_host`` and ``in_pod`` are the NIC as it was compiled for each of them, ``None`` where it could not be.
    """
    lost = {change.at.parts for change in _of_the_host(_compared(device, in_pod))}
    for change in dict.fromkeys(_of_the_host((*_compared(device, on_host), *_settings_of_the_source(device, on_host)))):
        parts = change.at.parts
        # a whole source is another network, and the alias is the name; how virtio is spelled depends on the profile
        is_said = parts[1:] == ("source",) or parts[1:2] in (("alias",), ("model",))
        if not is_said and any(parts[:length] in lost for length in range(1, len(parts) + 1)):
            yield change


def _held_by_nad(nic: Nic, not_held: Sequence[Change]) -> Iterator[Change]:
    """The settings beside VLAN and MTU that the NAD of a NIC holds, as far as they are not among those that are not."""
    device = nic.written
    if not isinstance(device, Interface) or nic.attachment.nad is None:
        return
    vlan = device.vlan
    if vlan is not None and vlan.tags:
        vlan = evolve(vlan, tags=tuple([evolve(each, native_mode=None) for each in vlan.tags]))
    told = [change.at.parts for change in not_held]
    for change in _of_the_host(diff(device, evolve(device, vlan=vlan, port=None, bandwidth=None))):
        parts = change.at.parts
        if not any(parts == each[: len(parts)] or each == parts[: len(each)] for each in told):
            yield change


def _of_the_host(changes: Iterable[Change]) -> Iterator[Change]:
    """The settings of the host's side that are changed or taken away."""
    return (change for change in changes if change.noticed is Noticed.HOST and change.before is not None)


def _compared(device: Device, compiled: Device | None) -> Changes:
    """The changes from a device to the compiled one; one of another element has none of its settings."""
    if isinstance(device, Hostdev):
        return diff(device, compiled if isinstance(compiled, Hostdev) else Hostdev(source=device.source))
    bare = Interface(source=device.source, managed=device.managed)
    return diff(device, compiled if isinstance(compiled, Interface) else bare)


def _settings_of_the_source(device: Device, compiled: Device | None) -> Changes:
    """What a source says beyond the network that it names, where the compiled one is of another type."""
    source = device.source
    if compiled is not None and type(compiled.source) is type(source):
        return Changes()
    if isinstance(source, PciHostAddress | HostdevSource | RawElement):
        return Changes()
    optional = [each for each in fields(type(source)) if each.default is not NOTHING]
    others = {each.name: each.default for each in optional if each.name not in (*_IDENTITY, "verbatim")}
    return diff(Interface(source=source), Interface(source=evolve(source, **others)))


def _note(at: FieldPath, code: str, message: str, hint: str = "") -> Problem:
    return Problem(at, code, message, hint=hint, severity=Severity.NOTE)
