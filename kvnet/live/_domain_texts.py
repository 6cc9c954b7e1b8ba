"""Read the XML of domains."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from kvnet.domain.import_ import DomainText
from kvnet.live._libvirt import domain_named, libvirt_module, refused

if TYPE_CHECKING:
    import libvirt

__all__ = ["domain_texts"]


def domain_texts(connection: libvirt.virConnect, names: Iterable[str] | None = None) -> tuple[DomainText, ...]:
    """The XML of the domains of these names, or of all domains by name, for ``kvnet.import_domains``.

    It is the persistent configuration of a domain, and the live one of a domain that has no other. Raises LibvirtError
    where there is no domain of a name, or a call fails.
    """
    libvirt = libvirt_module()
    try:
        if names is None:
            found = sorted(connection.listAllDomains(), key=lambda each: str(each.name()))
        else:
            found = [domain_named(connection, name) for name in names]
        return tuple(DomainText(each.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE), each.name()) for each in found)
    except libvirt.libvirtError as error:
        raise refused(error) from error
