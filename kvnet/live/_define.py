"""Define and start domains, and find out what libvirt lost of what was requested."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from attrs import frozen
from lxml import etree

from kvnet.device.diff import Change, Noticed, diff
from kvnet.domain.read import is_nic, read_domain
from kvnet.errors import FieldPath, Problem, Severity
from kvnet.live._libvirt import found, libvirt_error, libvirt_module, said
from kvnet.xml.parser import parse

if TYPE_CHECKING:
    import libvirt

__all__ = ["Defined", "Started", "define", "lost", "missing_elements", "start"]

_DOMAIN = FieldPath(("domain",))
_HINT = "leave it out, or use a release of libvirt that supports it"
_ONE_QUEUE = {("interface.driver.@queues", "1"), ("interface.driver", "<driver queues='1'/>")}
_IMPLIED = {
    *(("interface.@managed", "no"), ("hostdev.@managed", "no")),
    ("hostdev.source.address.@type", "pci"),
}
"""Defaults that libvirt does not write back."""

_INSTEAD = {
    "name": "put the NICs into it with `kvnet define --into`, which keeps its disks and MAC addresses, or replace it "
    "with `--replace`",
    "uuid": "give the machine another firmware.uuid, or rename that domain with `virsh domrename`",
}
"""What to do about a domain that libvirt has already, by what the two have in common."""


@frozen(kw_only=True)
class Defined:
    """A domain that libvirt has defined.

    ``requested`` is the XML that libvirt was given, ``persistent`` the persistent configuration that it wrote back, and
    ``lost`` what ``lost`` finds of the first that is not in the second. ``define_machine`` adds its ``notes`` and
    warnings and, where the domain was there before (``has_replaced``), the ``changes`` of its NICs.
    """

    requested: str
    persistent: str
    lost: tuple[Problem, ...]
    notes: tuple[Problem, ...] = ()
    has_replaced: bool = False
    changes: tuple[Change, ...] = ()


@frozen(kw_only=True)
class Started:
    """A domain that was started: name, UUID, its live configuration, and what libvirt lost of what was requested."""

    name: str
    uuid: str
    live: str
    lost: tuple[Problem, ...]


def define(domain_xml: str, connection: libvirt.virConnect, *, keep: bool = False, replace: bool = False) -> Defined:
    """Define a domain, validated against libvirt's schema, and read it back.

    It is refused where libvirt already has a domain of its name or UUID, whose definition would be lost; with both
    ``keep`` and ``replace``, it takes its place. Unless ``keep`` is set, the domain is undefined again.

    Raises LibvirtError where libvirt refuses the domain or has it already, and XmlError where ``domain_xml`` is not
    XML.
    """
    libvirt = libvirt_module()
    root = parse(domain_xml)
    if not (keep and replace):
        _refuse_existing(root, connection)
    try:
        domain = connection.defineXMLFlags(domain_xml, libvirt.VIR_DOMAIN_DEFINE_VALIDATE)
    except libvirt.libvirtError as error:
        message = f"libvirt refuses the domain: {said(error)}"
        hint = "leave out what this libvirt does not support, or use a newer one"
        raise libvirt_error("KN402", message, hint, "domain") from error
    try:
        persistent: str = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    finally:
        if not keep:
            domain.undefine()
    return Defined(requested=domain_xml, persistent=persistent, lost=lost(domain_xml, persistent))


def start(domain_xml: str, connection: libvirt.virConnect, *, paused: bool = False, replace: bool = False) -> Started:
    """Define a domain as ``define`` does with ``keep``, and start it; ``replace`` is that of ``define``.

    With ``paused``, its CPUs are stopped before the first instruction. Where the domain does not start, its persistent
    configuration is what it was before: the old one, or none.

    Raises LibvirtError where libvirt refuses the domain, it runs already, or it does not start, and XmlError where
    ``domain_xml`` is not XML.
    """
    libvirt = libvirt_module()
    name = parse(domain_xml).findtext("name") or ""
    before = _persistent_configuration(connection, name)
    try:
        defined = define(domain_xml, connection, keep=True, replace=replace)
        domain = connection.lookupByUUIDString(parse(defined.persistent).findtext("uuid"))
        try:
            domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED if paused else 0)
        except libvirt.libvirtError:
            if before is None:
                domain.undefine()
            else:
                connection.defineXML(before)
            raise
        return Started(name=domain.name(), uuid=domain.UUIDString(), live=domain.XMLDesc(), lost=defined.lost)
    except libvirt.libvirtError as error:
        message = f"'{name}' does not start: {said(error)}"
        hint = "check that the host has what its NICs are plugged into (`kvnet render` names it)"
        raise libvirt_error("KN875", message, hint, "domain") from error


def lost(requested: str, persistent: str) -> tuple[Problem, ...]:
    """What the XML of a domain requests and the persistent configuration that libvirt wrote back does not have.

    NICs are compared by ``diff``, everything else by whole elements of ``<domain>`` and ``<devices>``. What libvirt
    drops is ``KN403``, what it changes ``KN404``; what it adds, or spells in another way, is not lost. One queue is the
    default that libvirt never writes back, and only a note (``KN405``).

    Raises XmlError.

    >>> nic = "<domain><devices><interface type='user'><mtu size='{}'/></interface></devices></domain>"
    >>> [str(problem.at) for problem in lost(nic.format(1500), nic.format(1400))]
    ['domain.devices.interface.mtu.@size']
    """
    changes = diff(read_domain(requested, lossless=True), read_domain(persistent, lossless=True))
    return (*filter(None, map(_loss, changes)), *_missing_elements(parse(requested), parse(persistent)))


def _loss(change: Change) -> Problem | None:
    at = FieldPath(("domain", "devices", *change.at.parts))
    if change.before is None:
        return None
    if change.after is not None:
        message = f"libvirt changed '{change.before}' to '{change.after}'"
        return None if change.noticed is Noticed.NOISE else Problem(at, "KN404", message, hint=_HINT)
    names = [part for part in change.at.parts if isinstance(part, str)]
    dropped = (".".join(names), change.before)
    if dropped in _ONE_QUEUE:
        return Problem(at, "KN405", "libvirt does not write back a single queue", severity=Severity.NOTE)
    if dropped in _IMPLIED:
        return None
    what = f"{names[-1][1:]}='{change.before}'" if names[-1].startswith("@") else change.before
    return Problem(at, "KN403", f"libvirt dropped {what}", hint=_HINT)


def _missing_elements(requested: etree._Element, persistent: etree._Element) -> Iterator[Problem]:
    for at, _ in missing_elements(requested, persistent):
        yield Problem(at, "KN403", f"libvirt dropped a <{at.parts[-1]}>", hint=_HINT)


def missing_elements(before: etree._Element, after: etree._Element) -> Iterator[tuple[FieldPath, int]]:
    """The elements of ``<domain>`` and ``<devices>`` that one domain has more of than another, and how many more."""
    for path, at in ((".", _DOMAIN), ("devices", _DOMAIN / "devices")):
        for tag, count in (_tags(before, path) - _tags(after, path)).items():
            yield at / tag, count


def _tags(domain: etree._Element, path: str) -> Counter[str]:
    """Count the elements that say something, other than NICs and ``<devices>``, which are compared apart."""
    elements = [each for each in domain.iterfind(f"{path}/*") if each.tag != "devices" and not is_nic(each)]
    return Counter(str(each.tag) for each in elements if each.attrib or len(each) or each.text)


def _refuse_existing(root: etree._Element, connection: libvirt.virConnect) -> None:
    for tag, look_up in (("name", connection.lookupByName), ("uuid", connection.lookupByUUIDString)):
        value = (root.findtext(tag) or "").strip()
        known = found(look_up, value) if value else None
        if known is not None:
            shared = "" if tag == "name" else f" with the UUID {value}"
            state = "it runs, and its definition" if known.isActive() else "its definition"
            message = f"libvirt has a domain '{known.name()}'{shared} already: {state} would be lost"
            raise libvirt_error("KN406", message, _INSTEAD[tag], "domain", tag)


def _persistent_configuration(connection: libvirt.virConnect, name: str) -> str | None:
    """That of the domain of a name, with its secrets; ``None`` for no domain. Raises LibvirtError where it runs."""
    libvirt = libvirt_module()
    domain = found(connection.lookupByName, name)
    if domain is None:
        return None
    if domain.isActive():
        hint = "apply changes to a running domain, or stop it first"
        raise libvirt_error("KN876", f"'{name}' runs already", hint, "domain", "name")
    return str(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE))
