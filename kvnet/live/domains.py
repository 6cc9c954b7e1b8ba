"""Domains that a connection has, and what they say of themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvnet.errors import FieldPath, Problem
from kvnet.hotplug import DomainState
from kvnet.live.binding import LibvirtError, libvirt_module

if TYPE_CHECKING:
    import libvirt

__all__ = ["domain_named", "state_of"]


def domain_named(connection: libvirt.virConnect, name: str) -> libvirt.virDomain:
    """The domain of a name. Raises LibvirtError where there is none, and libvirt's own error where none can be told."""
    libvirt = libvirt_module()
    try:
        return connection.lookupByName(name)
    except libvirt.libvirtError as error:
        if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
            raise
        told = f"{connection.getURI()} has no domain '{name}'"
        hint = "define and start it, or name another one"
        raise LibvirtError([Problem(FieldPath(("domain", "name")), "KN870", told, hint=hint)]) from None


def state_of(domain: libvirt.virDomain) -> DomainState:
    """The domain's live and persistent configuration, if it has them. Raises XmlError, and libvirt's own error."""
    inactive = libvirt_module().VIR_DOMAIN_XML_INACTIVE
    return DomainState(
        uuid=domain.UUIDString(),
        live=domain.XMLDesc() if domain.isActive() else None,
        persistent=domain.XMLDesc(inactive) if domain.isPersistent() else None,
    )
