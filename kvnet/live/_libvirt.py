"""Import libvirt's Python binding, look domains up with it, and read their XML."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from kvnet.domain.build import domain_name
from kvnet.domain.import_ import DomainText
from kvnet.errors import FieldPath, KvnetError, Problem
from kvnet.hotplug import DomainState
from kvnet.spec import Machine
from kvnet.target import Profile

if TYPE_CHECKING:
    import libvirt

__all__ = [
    "LibvirtError",
    "domain_named",
    "domain_of",
    "domain_state",
    "domain_texts",
    "found",
    "libvirt_error",
    "libvirt_module",
    "refused",
]


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


def said(error: libvirt.libvirtError) -> str:
    """What libvirt says, on one line: of its schema, it says one line for each element around the wrong one."""
    return "; ".join(line.strip() for line in str(error.get_error_message()).splitlines() if line.strip())


def refused(error: libvirt.libvirtError) -> LibvirtError:
    """The error for a call that libvirt refuses."""
    return libvirt_error("KN871", f"libvirt says: {said(error)}", "", "domain")


def found(look_up: Callable[[str], libvirt.virDomain], value: str) -> libvirt.virDomain | None:
    """The domain that a look-up by name or UUID finds, or ``None``. Raises libvirtError where the call fails."""
    libvirt = libvirt_module()
    try:
        return look_up(value)
    except libvirt.libvirtError as error:
        if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
            raise
        return None


def domain_of(
    connection: libvirt.virConnect, machine: Machine, profile: Profile, name: str | None = None
) -> libvirt.virDomain:
    """Look a machine's domain up, by ``name`` or else by ``domain_name``. Raises as ``domain_named`` does.

    Where there is none, the hint says which command makes it, or for which profile the machine has a domain.
    """
    if name is not None:
        return domain_named(connection, name)
    name = domain_name(machine, profile)
    other = Profile.HOST if profile is Profile.KUBEVIRT else Profile.KUBEVIRT
    known = found(connection.lookupByName, name)
    if known is not None:
        return known
    hint = f"make it with `kvnet define -c {connection.getURI()} --profile {profile} -f FILE`"
    if found(connection.lookupByName, domain_name(machine, other)) is not None:
        hint = f"there is '{domain_name(machine, other)}', its name with `--profile {other}`: use that one, or {hint}"
    raise _no_domain(connection, name, hint)


def domain_named(connection: libvirt.virConnect, name: str) -> libvirt.virDomain:
    """Look a domain up. Raises LibvirtError where there is none, and libvirtError where the call fails."""
    known = found(connection.lookupByName, name)
    if known is None:
        raise _no_domain(connection, name, "define and start it, or name another one")
    return known


def _no_domain(connection: libvirt.virConnect, name: str, hint: str) -> LibvirtError:
    return libvirt_error("KN870", f"{connection.getURI()} has no domain '{name}'", hint, "domain", "name")


def domain_state(domain: libvirt.virDomain) -> DomainState:
    """The live and the persistent configuration of a domain, as far as it has them. Raises libvirtError."""
    return DomainState(
        uuid=domain.UUIDString(),
        live=domain.XMLDesc() if domain.isActive() else None,
        persistent=domain.XMLDesc(libvirt_module().VIR_DOMAIN_XML_INACTIVE) if domain.isPersistent() else None,
    )


def domain_texts(connection: libvirt.virConnect, names: Iterable[str] | None = None) -> tuple[DomainText, ...]:
    """The XML of the domains of these names, or of all domains by name, for ``kvnet.import_domains``.

    It is the persistent configuration of a domain, and the live one of a domain that has no other. Raises LibvirtError
    where there is no domain of a name, or a call fails.
    """
    libvirt = libvirt_module()
    try:
        if names is None:
            domains = sorted(connection.listAllDomains(), key=lambda each: str(each.name()))
        else:
            domains = [domain_named(connection, name) for name in names]
        return tuple(DomainText(each.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE), each.name()) for each in domains)
    except libvirt.libvirtError as error:
        raise refused(error) from error
