"""Connections to libvirt: any URI, or a libvirt embedded in this process, without a daemon."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from lxml import etree

from kvnet.errors import FieldPath, KvnetError, Problem
from kvnet.live.orphans import adopt_qemu

if TYPE_CHECKING:
    import libvirt

__all__ = ["LibvirtError", "connect", "libvirt_module", "virt_type"]

_ARCHES = {"amd64": "x86_64", "arm64": "aarch64", "s390x": "s390x"}
_QEMU = "qemu-system-x86_64"


class LibvirtError(KvnetError):
    """libvirt cannot be reached, or refused what it was asked."""


@cache
def libvirt_module() -> Any:
    """The libvirt binding, its error messages kept off standard error."""
    try:
        import libvirt  # noqa: PLC0415 - an extra
    except ImportError:
        told = "libvirt's Python binding is not installed"
        hint = "pip install 'kvnet[libvirt]', which needs Debian's libvirt-dev and pkg-config"
        raise LibvirtError([Problem(FieldPath(), "KN401", told, hint=hint)]) from None
    libvirt.registerErrorHandler(lambda *_: None, None)
    return libvirt


@contextmanager
def connect(uri: str | None = None) -> Iterator[libvirt.virConnect]:
    """A connection to libvirt; closed at the end.

    Without a URI it is libvirt's QEMU driver inside this process, its state in a temporary directory, or
    where no QEMU is installed libvirt's test driver. Raises LibvirtError.
    """
    libvirt_module()
    if uri is not None:
        with _opened(uri) as connection:
            yield connection
    elif shutil.which(_QEMU) is None:
        with _opened("test:///default") as connection:
            yield connection
    else:
        with TemporaryDirectory(prefix="kvnet-") as root, _embedded(Path(root)) as connection:
            yield connection


@contextmanager
def _embedded(root: Path) -> Iterator[libvirt.virConnect]:
    _start_events()
    (root / "etc").mkdir()
    # virtlogd is a daemon, and there is none
    (root / "etc" / "qemu.conf").write_text('stdio_handler = "file"\n')
    with _opened(f"qemu:///embed?root={root}") as connection:
        yield connection


@contextmanager
def _opened(uri: str) -> Iterator[libvirt.virConnect]:
    libvirt = libvirt_module()
    try:
        connection = libvirt.open(uri)
    except libvirt.libvirtError as error:
        hint = "is libvirt there, and may you use it? Without a URI, kvnet starts its own"
        told = f"cannot connect to {uri}: {error.get_error_message()}"
        raise LibvirtError([Problem(FieldPath(), "KN401", told, hint=hint)]) from error
    try:
        yield connection
    finally:
        connection.close()


@cache
def _start_events() -> None:
    """One event loop for the process: the embedded driver hangs without it."""
    libvirt = libvirt_module()
    libvirt.virEventRegisterDefaultImpl()
    adopt_qemu()

    def turn() -> None:
        while True:
            libvirt.virEventRunDefaultImpl()

    threading.Thread(target=turn, name="kvnet-libvirt-events", daemon=True).start()


def virt_type(connection: libvirt.virConnect, architecture: str) -> str:
    """The domain type that a connection offers for an architecture: kvm before all others.

    Raises LibvirtError where it offers none.
    """
    arch = _ARCHES.get(architecture, architecture)
    capabilities = etree.fromstring(connection.getCapabilities())
    types = [
        str(domain.get("type"))
        for guest in capabilities.iterfind("guest")
        for found in guest.iterfind("arch")
        if found.get("name") == arch
        for domain in found.iterfind("domain")
    ]
    if not types and connection.getType().lower() == "test":
        types = ["test"]
    if not types:
        told = f"{connection.getURI()} runs no guests of the architecture {arch}"
        hint = "install the QEMU of that architecture, or connect elsewhere with --connect"
        raise LibvirtError([Problem(FieldPath(), "KN401", told, hint=hint)])
    return "kvm" if "kvm" in types else types[0]
