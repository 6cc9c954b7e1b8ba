"""Starting domains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from kvnet.errors import FieldPath, Problem
from kvnet.live.binding import LibvirtError, libvirt_module
from kvnet.live.define import define
from kvnet.xml import parse

if TYPE_CHECKING:
    import libvirt

__all__ = ["Started", "start"]

_AT = FieldPath(("domain",))


@frozen(kw_only=True)
class Started:
    """A domain that runs: its name and UUID, its XML as it runs, and what libvirt lost of what was asked."""

    name: str
    uuid: str
    live: str
    lost: tuple[Problem, ...]


def start(domain_xml: str, connection: libvirt.virConnect, *, paused: bool = False) -> Started:
    """Define a domain, checked against libvirt's schema, and start it.

    One that is defined already is defined anew. One that does not start is left as it was: undefined, where it was
    not there before, and else as it was defined. ``paused`` stops the processors before the first instruction.
    Raises LibvirtError where libvirt refuses the domain, where it runs already, or does not start; XmlError where
    it is no XML.
    """
    libvirt = libvirt_module()
    name = parse(domain_xml).findtext("name") or ""
    before = _standing(connection, name)
    try:
        defined = define(domain_xml, connection, keep=True)
        domain = connection.lookupByUUIDString(parse(defined.got).findtext("uuid"))
        try:
            domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED if paused else 0)
        except libvirt.libvirtError:
            _restore(domain, before)
            raise
        return Started(name=domain.name(), uuid=domain.UUIDString(), live=domain.XMLDesc(), lost=defined.lost)
    except libvirt.libvirtError as error:
        told = f"'{name}' does not start: {error.get_error_message()}"
        hint = "see to it that the host has what its NICs are plugged into (`kvnet render` names it)"
        raise LibvirtError([Problem(_AT, "KN875", told, hint=hint)]) from error


def _standing(connection: libvirt.virConnect, name: str) -> str | None:
    """What is defined under a name. Raises LibvirtError where it runs."""
    libvirt = libvirt_module()
    try:
        domain = connection.lookupByName(name)
    except libvirt.libvirtError:
        return None
    if domain.isActive():
        hint = "apply changes to a running domain, or stop it first"
        raise LibvirtError([Problem(_AT / "name", "KN876", f"'{name}' runs already", hint=hint)])
    return str(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE))


def _restore(domain: libvirt.virDomain, before: str | None) -> None:
    if before is None:
        domain.undefine()
    else:
        domain.connect().defineXML(before)
