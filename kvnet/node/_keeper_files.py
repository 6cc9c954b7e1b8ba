"""The files of a keeper in its folder, how it is asked (one line of JSON, and one for the answer), and its process.

A process is known by its id and the time of its start, so that another one of the same id is left alone.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Self

from attrs import frozen

from kvnet.node.state import write_private

__all__ = ["NO_KVM", "KeeperFiles", "Process", "read_line"]

NO_KVM: Final = "KN888"
"""The code with which a keeper refuses a domain of the type kvm where its libvirt offers none."""

_OF_DRIVER: Final = "driver.pid"
"""The file with the process id of libvirt itself."""
_LONGEST_LINE: Final = 16 * 1024 * 1024

_STATE, _STARTED = 0, 19
"""Where these are among the fields of ``/proc/PID/stat`` that follow the name (proc(5))."""
_ENDED: Final = ("Z", "X")
_POLL_SECONDS: Final = 0.02
_KILL_SECONDS: Final = 10.0


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


@frozen
class Process:
    """A process: its ``pid``, and when it was ``started``, in ticks of the kernel's clock since the host's boot."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """The process that has an id now, ``None`` where there is none."""
        fields = _fields(pid)
        return None if fields is None else cls(pid, int(fields[_STARTED]))

    @classmethod
    def recorded(cls, file: Path) -> Self | None:
        """The process that a file tells of, ``None`` where there is no such file, or it was written in part."""
        try:
            told: Mapping[str, Any] = json.loads(file.read_text())
            return cls(int(told["pid"]), int(told["started"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def record(self, file: Path) -> None:
        """Write the process to a file that only its owner reads."""
        write_private(file, json.dumps({"pid": self.pid, "started": self.started}))

    @property
    def runs(self) -> bool:
        """Whether it is there, and has not ended; one that waits for its parent has ended."""
        fields = _fields(self.pid)
        return fields is not None and int(fields[_STARTED]) == self.started and fields[_STATE] not in _ENDED

    def is_in(self, namespace: Path) -> bool:
        """Whether its network namespace is the one of a file such as ``/run/netns/NAME``."""
        try:
            own, other = os.stat(f"/proc/{self.pid}/ns/net"), namespace.stat()
        except OSError:
            return False
        return (own.st_dev, own.st_ino) == (other.st_dev, other.st_ino)

    def resume(self) -> None:
        """Let it go on where somebody stopped it; otherwise, nothing changes."""
        self._send(signal.SIGCONT)

    def end(self, *, grace: float) -> bool:
        """Have it end, by force where it has not after ``grace`` seconds. Returns whether it has ended."""
        self._send(signal.SIGTERM)
        if self.ends_within(grace):
            return True
        self._send(signal.SIGKILL)
        return self.ends_within(_KILL_SECONDS)

    def ends_within(self, seconds: float) -> bool:
        """Wait until it has ended, for so many seconds at most. Returns whether it has."""
        end = time.monotonic() + seconds
        while self.runs:
            if time.monotonic() > end:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def _send(self, number: signal.Signals) -> None:
        """Signal it, and no process that has taken its id since: a pidfd stays with its process."""
        with suppress(ProcessLookupError):
            handle = os.pidfd_open(self.pid)
            try:
                if self.runs:
                    signal.pidfd_send_signal(handle, number)
            finally:
                os.close(handle)


def _fields(pid: int) -> list[str] | None:
    """The fields of ``/proc/PID/stat`` behind the name, which may hold anything; ``None`` without such a process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(") ")[2].split()
    except OSError:
        return None
