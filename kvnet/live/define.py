"""Defining domains, and looking at what libvirt made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs import frozen
from lxml import etree

from kvnet.errors import FieldPath, Problem
from kvnet.live.binding import LibvirtError, libvirt_module
from kvnet.live.loss import lost
from kvnet.xml import parse

if TYPE_CHECKING:
    import libvirt

__all__ = ["Defined", "define"]


@frozen(kw_only=True)
class Defined:
    """A domain as it was asked for and as libvirt wrote it back, and what it lost on the way."""

    asked: str
    got: str
    lost: tuple[Problem, ...]


def define(domain_xml: str, connection: libvirt.virConnect, *, keep: bool = False) -> Defined:
    """Define a domain, checked against libvirt's schema, and read it back; undefine it unless kept.

    A domain that libvirt has already is defined anew only to be kept: else it would be undefined. Raises
    LibvirtError where libvirt refuses the domain, XmlError where it is no XML.
    """
    libvirt = libvirt_module()
    root = parse(domain_xml)
    if not keep:
        _refuse_known(root, connection)
    try:
        domain = connection.defineXMLFlags(domain_xml, libvirt.VIR_DOMAIN_DEFINE_VALIDATE)
    except libvirt.libvirtError as error:
        told = f"libvirt refuses the domain: {error.get_error_message()}"
        hint = "run `kvnet check`, and look at what this libvirt supports"
        raise LibvirtError([Problem(FieldPath(("domain",)), "KN402", told, hint=hint)]) from error
    try:
        got: str = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    finally:
        if not keep:
            domain.undefine()
    return Defined(asked=domain_xml, got=got, lost=lost(domain_xml, got))


def _refuse_known(root: etree._Element, connection: libvirt.virConnect) -> None:
    """Trying out a domain must not take away the one that bears its name, or its UUID."""
    finders: dict[str, Callable[[str], Any]] = {
        "name": connection.lookupByName,
        "uuid": connection.lookupByUUIDString,
    }
    for tag, find in finders.items():
        value = root.findtext(tag)
        if value and _finds(find, value):
            told = f"libvirt has a domain of the {tag} '{value}' already"
            hint = "keep it, to define that domain anew, or choose another name"
            raise LibvirtError([Problem(FieldPath(("domain",)) / tag, "KN406", told, hint=hint)])


def _finds(find: Callable[[str], Any], value: str) -> bool:
    try:
        find(value)
    except libvirt_module().libvirtError:
        return False
    return True
