"""The files of a keeper in its folder, and how it is asked: one line of JSON, and one for the answer."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from kvnet.node._processes import Process

__all__ = ["NO_KVM", "KeeperFiles", "read_line"]

NO_KVM: Final = "KN888"
"""The code with which a keeper refuses a domain of the type kvm where its libvirt offers none."""

_OF_DRIVER: Final = "driver.pid"
"""The file with the process id of libvirt itself."""
_LONGEST_LINE: Final = 16 * 1024 * 1024


@frozen
class KeeperFiles:
    """The ``folder`` of a keeper, which is libvirt's root too, and the files in it."""

    folder: Path

    @property
    def document(self) -> Path:
        """The domain that the keeper starts."""
        return self.folder / "domain.xml"

    @property
    def log(self) -> Path:
        """What the keeper and libvirt print."""
        return self.folder / "keeper.log"

    @property
    def lock(self) -> Path:
        """The file that is locked for as long as a keeper lives."""
        return self.folder / "keeper.lock"

    @property
    def keeper(self) -> Path:
        """The keeper's process."""
        return self.folder / "keeper.json"

    @property
    def qemu(self) -> Path:
        """QEMU's process."""
        return self.folder / "qemu.json"

    @property
    def pid_files(self) -> tuple[Path, ...]:
        """The file that libvirt writes QEMU's process id to, under the domain's name as XML has it; none before."""
        return tuple(each for each in self.folder.glob("run/qemu/*.pid") if each.name != _OF_DRIVER)

    @property
    def is_kept(self) -> bool:
        """Whether a keeper lives, or is about to."""
        try:
            handle = os.open(self.lock, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(handle)
        return False

    def qemu_process(self, namespace: Path) -> Process | None:
        """QEMU's process as the keeper recorded it, else as libvirt did, who writes its id before it starts.

        libvirt's record has no start time: it counts for a process in the network namespace of the machine alone.
        """
        known = Process.recorded(self.qemu)
        if known is not None:
            return known
        for file in self.pid_files:
            with suppress(OSError, ValueError):
                found = Process.of(int(file.read_text()))
                if found is not None and found.is_in(namespace):
                    return found
        return None

    def listen(self) -> socket.socket:
        """The socket that requests come in by."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with self._socket_path() as path:
            with suppress(FileNotFoundError):
                os.unlink(path)
            listener.bind(path)
            os.chmod(path, 0o600)
        listener.listen()
        return listener

    def ask(self, what: str, *, seconds: float, **given: Any) -> Any:
        """Ask the keeper, and return its answer. Raises OSError where it does not answer in so many seconds.

        ``given`` is what the request needs, as plain data.
        """
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(seconds)
            with self._socket_path() as path:
                line.connect(path)
            line.sendall(json.dumps({"do": what, **given}).encode() + b"\n")
            answer = read_line(line)
        try:
            return json.loads(answer)
        except ValueError:
            raise ConnectionAbortedError("the keeper ended before it answered") from None

    @contextmanager
    def _socket_path(self) -> Iterator[str]:
        """The path of the socket by way of its open folder: paths of sockets have 107 bytes at most (unix(7))."""
        handle = os.open(self.folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield f"/proc/self/fd/{handle}/keeper.sock"
        finally:
            os.close(handle)


def read_line(line: socket.socket) -> bytes:
    """What comes in up to the end of a line, or of all."""
    heard = b""
    while not heard.endswith(b"\n") and len(heard) < _LONGEST_LINE:
        more = line.recv(65536)
        if not more:
            break
        heard += more
    return heard
