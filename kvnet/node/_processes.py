"""Know processes by their id and the time of their start, so that another one of the same id is left alone."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self

from attrs import frozen

from kvnet.node.state import write_private

__all__ = ["Process"]

_STATE, _STARTED = 0, 19
"""Where these are among the fields of ``/proc/PID/stat`` that follow the name (proc(5))."""
_ENDED: Final = ("Z", "X")
_POLL_SECONDS: Final = 0.02
_KILL_SECONDS: Final = 10.0


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
