"""Import libvirt's Python binding, and look domains up with it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from kvnet.errors import FieldPath, KvnetError, Problem
from kvnet.hotplug import DomainState

if TYPE_CHECKING:
    import libvirt

__all__ = ["LibvirtError", "domain_named", "domain_state", "libvirt_error", "libvirt_module", "refused"]


class LibvirtError(KvnetError):
    """libvirt cannot be reached, or refuses what is asked of it."""


def libvirt_error(code: str, message: str, hint: str = "", *path: str) -> LibvirtError:
    """The error with one problem, at a path of the domain."""
    return LibvirtError([Problem(FieldPath(path), code, message, hint=hint)])


@cache
def libvirt_module() -> Any:
    """The libvirt module, told not to print its errors. Raises LibvirtError where it is not installed."""
    try:
        import libvirt  # noqa: PLC0415 - an extra
    except ImportError:
        message = "libvirt's Python binding is not installed"
        hint = "pip install 'kvnet[libvirt]', which needs Debian's gcc, python3-dev, pkg-config and libvirt-dev"
        raise libvirt_error("KN401", message, hint) from None
    libvirt.registerErrorHandler(lambda *_: None, None)
    return libvirt


def refused(error: libvirt.libvirtError) -> LibvirtError:
    """The error for a call that libvirt refuses."""
    return libvirt_error("KN871", f"libvirt says: {error.get_error_message()}", "", "domain")


def domain_named(connection: libvirt.virConnect, name: str) -> libvirt.virDomain:
    """Look a domain up. Raises LibvirtError where there is none, and libvirtError where the call fails."""
    libvirt = libvirt_module()
    try:
        return connection.lookupByName(name)
    except libvirt.libvirtError as error:
        if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
            raise
        message = f"{connection.getURI()} has no domain '{name}'"
        raise libvirt_error("KN870", message, "define and start it, or name another one", "domain", "name") from None


def domain_state(domain: libvirt.virDomain) -> DomainState:
    """The live and the persistent configuration of a domain, as far as it has them. Raises libvirtError."""
    return DomainState(
        uuid=domain.UUIDString(),
        live=domain.XMLDesc() if domain.isActive() else None,
        persistent=domain.XMLDesc(libvirt_module().VIR_DOMAIN_XML_INACTIVE) if domain.isPersistent() else None,
    )
