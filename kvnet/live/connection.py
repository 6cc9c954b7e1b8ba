"""Connect to libvirt: to any URI, or to the QEMU driver inside this process, without a daemon; and connect again."""

from __future__ import annotations

import ctypes
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import quote, urlsplit

from attrs import evolve
from lxml import etree

from kvnet.live import _capabilities
from kvnet.live._libvirt import LibvirtError, libvirt_error, libvirt_module, refused, said
from kvnet.live.events import event_loop
from kvnet.target import Target

if TYPE_CHECKING:
    import libvirt

__all__ = ["Reconnectable", "connect", "embedded", "of_connection", "open_connection", "virt_type", "with_releases"]

_ARCHES = {"amd64": "x86_64", "arm64": "aarch64", "s390x": "s390x"}
_QEMU = "qemu-system-x86_64"
_KEEPALIVE_SECONDS, _KEEPALIVES = 5, 3
_PAUSES = (0.2, 0.5, 1.0, 2.0)
"""Seconds after each attempt to connect again that failed; the last one repeats."""
_PR_SET_CHILD_SUBREAPER = 36  # prctl(2)
_REAP_SECONDS = 0.02
_REAP_ROUNDS = 15


@contextmanager
def connect(uri: str | None = None) -> Iterator[libvirt.virConnect]:
    """Connect to libvirt, and close the connection at the end of the block.

    Without a URI, it is libvirt's QEMU driver inside this process with its state in a temporary directory, or libvirt's
    test driver where QEMU is not installed. That QEMU driver is for trying definitions out: domains that do not run are
    undefined at the end of the block.

    Yields libvirt's own connection. Raises LibvirtError.
    """
    libvirt_module()
    if uri is not None or shutil.which(_QEMU) is None:
        with _opened(uri or "test:///default") as connection:
            yield connection
        return
    with _embedded_root() as root, _opened(f"qemu:///embed?root={quote(str(root))}") as connection:
        try:
            yield connection
        finally:
            # the driver outlives its connections, and would show these domains to the next one
            for domain in connection.listAllDomains(libvirt_module().VIR_CONNECT_LIST_DOMAINS_INACTIVE):
                domain.undefine()
            _capabilities.keep(root)


@contextmanager
def embedded(root: Path) -> Iterator[libvirt.virConnect]:
    """Connect to libvirt's QEMU driver inside this process, with its state in a folder that is there and that stays.

    A process has one such folder for as long as it lives. Domains outlive the connection and the process: the next one
    that opens the folder finds them. Raises LibvirtError.
    """
    libvirt_module()
    _configure(root)
    _capabilities.restore(root)
    with _opened(f"qemu:///embed?root={quote(str(root))}") as connection:
        yield connection


@contextmanager
def _opened(uri: str) -> Iterator[libvirt.virConnect]:
    with event_loop():
        connection = open_connection(uri)
        try:
            yield connection
        finally:
            connection.close()


def open_connection(uri: str) -> libvirt.virConnect:
    """Open a connection that the caller closes, and that ends when the daemon stops answering. Raises LibvirtError."""
    libvirt = libvirt_module()
    is_embedded = urlsplit(uri).path == "/embed"
    if is_embedded:
        _prepare_process()
    try:
        with _capabilities.on_one_cpu() if is_embedded else nullcontext():
            connection = libvirt.open(uri)
    except libvirt.libvirtError as error:
        message = f"cannot connect to {uri}: {said(error)}"
        hint = "check that libvirt runs there and that you may use it; without a URI, kvnet starts its own"
        raise libvirt_error("KN401", message, hint) from error
    with suppress(libvirt.libvirtError):  # a driver inside the process has no keepalive
        connection.setKeepAlive(_KEEPALIVE_SECONDS, _KEEPALIVES)
    return connection


def virt_type(connection: libvirt.virConnect, architecture: str) -> str:
    """The domain type that a connection offers for a Kubernetes architecture: ``kvm`` where it can, else ``qemu``.

    It is ``test`` for libvirt's test driver. Raises LibvirtError where the connection offers none.
    """
    if connection.getType().lower() == "test":
        return "test"
    arch = _ARCHES.get(architecture, architecture)
    try:
        # getCapabilities() would ask the QEMUs of all architectures, which takes seconds for each
        capabilities = connection.getDomainCapabilities(None, arch, None, None)
    except libvirt_module().libvirtError as error:
        message = f"{connection.getURI()} runs no guests of the architecture {arch}: {said(error)}"
        hint = "install the QEMU of that architecture, or connect elsewhere with --connect"
        raise libvirt_error("KN401", message, hint) from error
    return etree.fromstring(capabilities.encode()).findtext("domain", default="qemu")


def with_releases(target: Target, connection: libvirt.virConnect) -> Target:
    """The target with the releases of libvirt and QEMU that a connection has, whatever its facts say.

    Raises LibvirtError where the connection is lost.
    """
    try:
        return of_connection(target, connection)
    except libvirt_module().libvirtError as error:
        raise refused(error) from error


def of_connection(target: Target, connection: libvirt.virConnect) -> Target:
    """Do what ``with_releases`` does. Raises libvirtError where the connection is lost, for those who connect again."""
    libvirt_release = _release(connection.getLibVersion())
    qemu_release = _release(connection.getVersion()) if connection.getType() == "QEMU" else None
    facts = evolve(target.facts, libvirt_version=libvirt_release, qemu_version=qemu_release)
    return evolve(target, facts=facts, libvirt_release=None)


def _release(number: int) -> str:
    """The release that libvirt's calls give as one number: 11002003 is 11.2.3."""
    return f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}"


class Reconnectable:
    """A block with a connection that can be opened again ``attempts`` times, by ``reopen`` or with the same URI.

    ``connection`` is the current one. The connections that are opened here are closed at the end of the block.
    """

    def __init__(
        self, connection: libvirt.virConnect, attempts: int, reopen: Callable[[], libvirt.virConnect] | None
    ) -> None:
        uri = str(connection.getURI())
        self.connection = connection
        self._reopen = reopen or (lambda: open_connection(uri))
        self._attempts = attempts
        self._opened: list[libvirt.virConnect] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._opened:
            with suppress(libvirt_module().libvirtError):
                connection.close()

    def is_lost(self) -> bool:
        """Whether a call failed because the connection is lost, and not because libvirt refused it."""
        try:
            return not self.connection.isAlive()
        except libvirt_module().libvirtError:
            return True

    def reconnect(self) -> None:
        """Open a new connection, with pauses between the attempts that are left. Raises LibvirtError."""
        message = "the connection to libvirt was lost too often"
        pauses = iter(_PAUSES)
        while self._attempts > 0:
            self._attempts -= 1
            try:
                self.connection = self._reopen()
            except (LibvirtError, libvirt_module().libvirtError) as error:
                message = f"the connection to libvirt is lost and cannot be opened again: {error}"
                time.sleep(next(pauses, _PAUSES[-1]))
            else:
                self._opened.append(self.connection)
                return
        raise libvirt_error("KN874", message, "check libvirt, and run this again")


@cache
def _embedded_root() -> _Root:
    """The state directory of the embedded driver, as a block in which it exists.

    libvirt keeps the first directory that it was opened with for as long as the process lives.
    """
    return _Root()


class _Root:
    def __init__(self) -> None:
        self._pid = os.getpid()
        self._users = 0
        self._lock = threading.Lock()
        self._path = Path(tempfile.mkdtemp(prefix="kvnet-"))
        self._path.rmdir()
        self._folders: list[Path] = []
        _prepare_process()

    def __enter__(self) -> Path:
        if self._pid != os.getpid():  # the driver's threads are missing here
            message = "libvirt inside a process does not survive a fork"
            hint = "connect in a process that was spawned, or give a URI"
            raise libvirt_error("KN401", message, hint)
        with self._lock:
            if self._users == 0:
                # the name is known by now: this fails where somebody else has taken it
                self._path.mkdir(mode=0o700)
                for folder in self._folders:
                    folder.mkdir(mode=0o700)
                _configure(self._path)
                _capabilities.restore(self._path)
            self._users += 1
        return self._path

    def __exit__(self, *_: object) -> None:
        if self._pid == os.getpid():
            with self._lock:
                self._users -= 1
                if self._users == 0:
                    # the driver outlives its connections, and makes its folders only when it starts
                    self._folders = sorted(each for each in self._path.rglob("*") if each.is_dir())
                    shutil.rmtree(self._path, ignore_errors=True)


def _configure(root: Path) -> None:
    """Write the configuration of the embedded driver into its folder."""
    (root / "etc").mkdir(exist_ok=True)
    (root / "etc" / "qemu.conf").write_text("\n".join(_qemu_conf()) + "\n")


def _qemu_conf() -> list[str]:
    # virtlogd is a daemon, and there is none
    lines = ['stdio_handler = "file"']
    if os.geteuid() == 0:
        # Another account may not use /dev/kvm as root may. libvirt would then think its cache of QEMU's capabilities
        # outdated and ask QEMU again at every define, which takes seconds.
        lines += [f'user = "+{os.geteuid()}"', f'group = "+{os.getegid()}"']
    return lines


@cache
def _prepare_process() -> None:
    """Start what the embedded driver needs in its process, wherever its directory is.

    That is the event loop, and a thread that reaps QEMU processes: libvirt daemonizes QEMU and later waits until its
    process id is gone. Where the machine's first process reaps orphans slowly, as in many containers, each wait takes
    many seconds.
    """
    event_loop().start()
    if ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0:
        threading.Thread(target=_reap_qemu, name="kvnet-qemu-reaper", daemon=True).start()


def _reap_qemu() -> None:
    """Reap orphans that are QEMU; all other children are left alone."""
    zombies: dict[int, int] = {}
    while True:
        # libvirt reaps its direct children itself, and soon: a zombie that stays longer is an orphan
        zombies = {pid: zombies.get(pid, 0) + 1 for pid in _qemu_zombies()}
        for pid, rounds in zombies.items():
            if rounds > _REAP_ROUNDS:
                with suppress(OSError):
                    os.waitpid(pid, os.WNOHANG)
        time.sleep(_REAP_SECONDS)


def _qemu_zombies() -> Iterator[int]:
    for listing in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):
            for pid in map(int, listing.read_text().split()):
                with suppress(OSError):
                    name, _, state = Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(") ")
                    if name.startswith("qemu-system") and state.startswith("Z"):
                        yield pid
