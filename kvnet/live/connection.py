"""Connections to libvirt: any URI, or a libvirt embedded in this process, without a daemon."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from lxml import etree

from kvnet.errors import FieldPath, Problem
from kvnet.live.binding import LibvirtError, libvirt_module
from kvnet.live.embedded import embedded_root, run_embedded
from kvnet.live.loop import event_loop

if TYPE_CHECKING:
    import libvirt

__all__ = ["LibvirtError", "connect", "opened", "virt_type"]

_ARCHES = {"amd64": "x86_64", "arm64": "aarch64", "s390x": "s390x"}
_QEMU = "qemu-system-x86_64"
_KEEPALIVE_SECONDS, _KEEPALIVES = 5, 3


@contextmanager
def connect(uri: str | None = None) -> Iterator[libvirt.virConnect]:
    """A connection to libvirt; closed at the end.

    Without a URI it is libvirt's QEMU driver inside this process, its state in a temporary directory, or
    where no QEMU is installed libvirt's test driver. That driver is for defining domains, not for running
    them: what is left of them at the end is undefined. Raises LibvirtError.
    """
    libvirt_module()
    if uri is not None:
        with _opened(uri) as connection:
            yield connection
    elif shutil.which(_QEMU) is None:
        with _opened("test:///default") as connection:
            yield connection
    else:
        with embedded_root() as root, _opened(f"qemu:///embed?root={quote(str(root))}") as connection:
            try:
                yield connection
            finally:
                _forget_domains(connection)


def _forget_domains(connection: libvirt.virConnect) -> None:
    """The driver outlives its connections, and would show these domains to the next one."""
    for domain in connection.listAllDomains(libvirt_module().VIR_CONNECT_LIST_DOMAINS_INACTIVE):
        domain.undefine()


@contextmanager
def _opened(uri: str) -> Iterator[libvirt.virConnect]:
    with event_loop():
        connection = opened(uri)
        try:
            yield connection
        finally:
            connection.close()


def opened(uri: str) -> libvirt.virConnect:
    """A new connection, whoever closes it. A daemon that falls silent is given up. Raises LibvirtError."""
    libvirt = libvirt_module()
    if urlsplit(uri).path == "/embed":
        run_embedded()
    try:
        connection = libvirt.open(uri)
    except libvirt.libvirtError as error:
        hint = "is libvirt there, and may you use it? Without a URI, kvnet starts its own"
        told = f"cannot connect to {uri}: {error.get_error_message()}"
        raise LibvirtError([Problem(FieldPath(), "KN401", told, hint=hint)]) from error
    with suppress(libvirt.libvirtError):  # a driver inside the process has no line that could break
        connection.setKeepAlive(_KEEPALIVE_SECONDS, _KEEPALIVES)
    return connection


def virt_type(connection: libvirt.virConnect, architecture: str) -> str:
    """The domain type that a connection offers for an architecture: kvm before all others.

    Raises LibvirtError where it offers none.
    """
    if connection.getType().lower() == "test":
        return "test"
    arch = _ARCHES.get(architecture, architecture)
    try:
        # one architecture's QEMU is asked; getCapabilities() asks them all, at seconds each
        capabilities = connection.getDomainCapabilities(None, arch, None, None)
    except libvirt_module().libvirtError as error:
        told = f"{connection.getURI()} runs no guests of the architecture {arch}: {error.get_error_message()}"
        hint = "install the QEMU of that architecture, or connect elsewhere with --connect"
        raise LibvirtError([Problem(FieldPath(), "KN401", told, hint=hint)]) from error
    return etree.fromstring(capabilities.encode()).findtext("domain", default="qemu")
