"""Defining domains, and looking at what libvirt made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from kvnet.errors import FieldPath, Problem
from kvnet.live.connection import LibvirtError, libvirt_module
from kvnet.live.loss import lost

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

    Raises LibvirtError where libvirt refuses it.
    """
    libvirt = libvirt_module()
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
