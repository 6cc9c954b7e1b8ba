"""Read a whole domain: its NICs as values, and what it says of the machine around them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.parsers import expat

from attrs import evolve, frozen
from lxml import etree

from kvnet.device import Device, Hostdev, HostdevSource, Interface, VdpaSource, VhostuserSource
from kvnet.device.driver import PASSTHROUGH
from kvnet.errors import FieldPath, Place, Problem, Severity, XmlError
from kvnet.xml.parser import parse
from kvnet.xml.reading import read_tree

__all__ = ["About", "about", "domain_element", "effective", "is_nic", "parse_document", "read_domain"]

_PATHS_TO_DOMAIN = {"domain": ".", "domstatus": "domain", "domainsnapshot": "domain", "domaincheckpoint": "domain"}
_ARCHITECTURES = {"x86_64": "amd64", "i686": "amd64", "aarch64": "arm64", "s390x": "s390x"}
_UNIT = re.compile("b|bytes?|(?P<prefix>[kmgtpe])(?P<base>b|ib)?", re.IGNORECASE)
_MOST_BYTES = 2**63
_COMMANDLINE = "{http://libvirt.org/schemas/domain/qemu/1.0}commandline"


def read_domain(text: str | bytes, *, lossless: bool = False, file: str = "<domain>") -> tuple[Device, ...]:
    """Read every ``<interface>`` and every PCI ``<hostdev>`` of a domain, in document order.

    ``text`` is a ``<domain>`` as ``virsh dumpxml`` prints it, or the status file, snapshot or checkpoint that holds
    one. All PCI hostdevs are read, because libvirt does not tell NICs from other devices; hostdevs of other kinds are
    not. ``lossless`` is that of ``read_device``; ``file`` names the document in problems.

    Raises XmlError with all problems of all devices.
    """
    devices: list[Device] = []
    problems: list[Problem] = []
    for element in filter(is_nic, domain_element(parse_document(text, file), file).iterfind("devices/*")):
        try:
            devices.append(read_tree(element, Interface, Hostdev, text=text, lossless=lossless, file=file))
        except XmlError as error:
            problems += error.problems
    if problems:
        raise XmlError(problems)
    return tuple(devices)


def parse_document(text: str | bytes, file: str) -> etree._Element:
    """The root element of a domain document. Raises XmlError, with ``KN508`` where another domain follows the first."""
    try:
        return parse(text, file=file)
    except XmlError:
        second = _second_domain(text, file)
        if second is None:
            raise
    message = "the text holds more than one domain: the second one begins here"
    raise XmlError([Problem(FieldPath(), "KN508", message, hint=_ONE_DOMAIN, place=second)])


def _second_domain(text: str | bytes, file: str) -> Place | None:
    """Where a second domain begins in a text that begins with a whole one."""
    data = text.encode(errors="replace") if isinstance(text, str) else text
    parser = expat.ParserCreate("utf-8")
    tags: list[str] = []
    parser.StartElementHandler = lambda tag, _: tags.append(tag)
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        follows = _DOMAIN_TAG.match(data, max(parser.ErrorByteIndex, 0))
        if tags and tags[0] in _PATHS_TO_DOMAIN and error.code in _SECOND_ROOT and follows:
            return Place(file, error.lineno, error.offset + 1)
    return None


_SECOND_ROOT = (
    expat.errors.codes[expat.errors.XML_ERROR_JUNK_AFTER_DOC_ELEMENT],
    expat.errors.codes[expat.errors.XML_ERROR_MISPLACED_XML_PI],
)
_DOMAIN_TAG = re.compile(
    rb"(<\?xml[^>]*\?>\s*|<!--.*?-->\s*)*<(domain|domstatus|domainsnapshot|domaincheckpoint)\b", re.S
)
_ONE_DOMAIN = "give each domain in a file of its own, or let `kvnet import -c URI` read them from libvirt"


def domain_element(root: etree._Element, file: str) -> etree._Element:
    """The ``<domain>`` in a document that is or holds one. Raises XmlError."""
    path = _PATHS_TO_DOMAIN.get(str(root.tag))
    domain = None if path is None else root.find(path)
    if domain is None and len(root.findall("domain")) > 1:
        message = f"<{root.tag!s}> holds more than one domain"
        raise XmlError([Problem(FieldPath(), "KN508", message, hint=_ONE_DOMAIN, place=Place(file, 1, 1))])
    if domain is None:
        message = f"the root is <{root.tag!s}>, which is no <domain> and holds none"
        hint = "give a domain as `virsh dumpxml` prints it"
        raise XmlError([Problem(FieldPath(), "KN503", message, hint=hint, place=Place(file, 1, 1))])
    return domain


def is_nic(device: etree._Element) -> bool:
    """Whether an element is an interface, or a PCI hostdev, which may be a NIC."""
    return device.tag == "interface" or (device.tag == "hostdev" and device.get("type") == "pci")


@frozen(kw_only=True)
class About:
    """What a domain says of its machine: name, architecture as in Kubernetes, vCPUs, and memory in bytes.

    ``None`` is what the document does not say; ``is_x86`` is so where it names no architecture. ``network_boot`` is
    the place of the network among the devices that ``<os>`` boots from, from 1: libvirt boots from the first
    interface. ``problems`` are notes (``KN613``) on quantities that it says and libvirt would not read, and on
    arguments of QEMU.
    """

    name: str | None
    architecture: str | None
    sockets: int | None
    cores: int | None
    threads: int | None
    memory: int | None
    is_pci_express: bool
    is_x86: bool = True
    network_boot: int | None = None
    problems: tuple[Problem, ...] = ()

    def default_model(self, device: Device) -> str | None:
        """The model that libvirt gives an interface that has none; ``None`` for a device without a model.

        Measured with libvirt 9.0 on q35 and pc: ``rtl8139``, and ``virtio`` for vDPA. vhost-user has no other model
        than ``virtio``, which libvirt gives by itself from 11.1 on. Other architectures have ``virtio``
        (libvirt's ``qemuDomainDefaultNetModel``).
        """
        if isinstance(device, Hostdev) or isinstance(device.source, HostdevSource):
            return None
        is_virtio = isinstance(device.source, VdpaSource | VhostuserSource) or not self.is_x86
        return "virtio" if is_virtio else "rtl8139"


def effective(devices: Sequence[Device], described: About) -> tuple[Device, ...]:
    """The devices of a domain with what libvirt gives them where they do not say it themselves.

    That is the model of each interface, in libvirt's own letter case, and for the first interface the boot order that
    ``<boot dev='network'/>`` stands for; libvirt takes no such element where a device has a boot order. With a model
    that is not virtio, libvirt drops the ``<driver>``.
    """
    boots = None if any(each.boot_order for each in devices) else described.network_boot
    first = next((n for n, each in enumerate(devices) if isinstance(each, Interface)), None)
    return tuple(
        _with_model(evolve(each, boot_order=boots) if boots and n == first else each, described)
        for n, each in enumerate(devices)
    )


def _with_model(device: Device, described: About) -> Device:
    if not isinstance(device, Interface):
        return device
    if device.model is not None:
        usual = device.model.lower()
        return evolve(device, model=usual) if usual != device.model and usual in _MODELS_IN_ANY_CASE else device
    model = described.default_model(device)
    if model is None:
        return device
    is_dropped = device.driver is not None and (model != "virtio" or device.driver.name in PASSTHROUGH)
    return evolve(device, model=model, driver=None if is_dropped else device.driver)


_MODELS_IN_ANY_CASE = (
    *("e1000", "e1000e", "igb", "rtl8139", "vmxnet3"),
    *("virtio", "virtio-transitional", "virtio-non-transitional"),
)
"""The models that libvirt knows by name, and reads in any letter case (``virDomainNetModelTypeFromString``)."""


def about(domain: etree._Element) -> About:
    """Read what a ``<domain>`` element says of its machine. Never raises: what cannot be read is in the problems."""
    machine, topology = domain.find("os/type"), domain.find("cpu/topology")
    arch, kind = ("", "") if machine is None else (machine.get("arch", ""), machine.get("machine", ""))
    problems: list[Problem] = []
    sockets, cores, threads = (
        None if topology is None else _count(topology.get(name), f"cpu/topology/@{name}", problems)
        for name in ("sockets", "cores", "threads")
    )
    if domain.find(_COMMANDLINE) is not None:
        problems.append(_unreadable("qemu:commandline", "QEMU may get NICs by arguments of its own"))
    boots = [each.get("dev") for each in domain.iterfind("os/boot")]
    vcpus = _count(domain.findtext("vcpu"), "vcpu", problems)
    return About(
        name=(domain.findtext("name") or "").strip() or None,
        architecture=_ARCHITECTURES.get(arch),
        sockets=sockets or vcpus,
        cores=cores,
        threads=threads,
        memory=_memory(domain.find("memory"), problems),
        is_pci_express=not re.match(r"(pc|pc-i440fx-.*)$", kind),
        is_x86=arch in ("", "x86_64", "i686"),
        network_boot=boots.index("network") + 1 if "network" in boots else None,
        problems=tuple(problems),
    )


def _count(text: str | None, path: str, problems: list[Problem]) -> int | None:
    if text is None:
        return None
    number = int(text) if re.fullmatch(r"\s*[0-9]{1,9}\s*", text) else 0
    if not number:
        problems.append(_unreadable(path, f"'{text.strip()}' is not a number of CPUs"))
    return number or None


def _memory(element: etree._Element | None, problems: list[Problem]) -> int | None:
    """Memory in bytes, as libvirt's virScaleInteger reads it: any case, ``k`` and ``KiB`` are 1024, ``KB`` is 1000."""
    if element is None:
        return None
    text, unit = (element.text or "").strip(), element.get("unit") or "KiB"
    amount, scale = re.fullmatch(r"\+?([0-9]{1,20})", text), _UNIT.fullmatch(unit)
    if amount and scale:
        power = "kmgtpe".index(scale["prefix"].lower()) + 1 if scale["prefix"] else 0
        base = 1000 if (scale["base"] or "").lower() == "b" else 1024
        size: int = int(amount[1]) * base**power
        if size < _MOST_BYTES:
            return size
    problems.append(_unreadable("memory", f"'{text}' in '{unit}' is not an amount of memory"))
    return None


def _unreadable(path: str, message: str) -> Problem:
    at = FieldPath(("domain", *path.split("/")))
    return Problem(at, "KN613", f"{message}: it is not imported", severity=Severity.NOTE)
