"""Run libvirt's QEMU driver inside this process: its state directory, and the QEMU processes it leaves behind."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from kvnet.live._libvirt import libvirt_error
from kvnet.live.events import event_loop

__all__ = ["embedded_root", "prepare_process"]

_PR_SET_CHILD_SUBREAPER = 36  # prctl(2)
_REAP_SECONDS = 0.02
_REAP_ROUNDS = 15


@cache
def embedded_root() -> _Root:
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
        prepare_process()

    def __enter__(self) -> Path:
        if self._pid != os.getpid():  # the driver's threads are missing here
            message = "libvirt inside a process does not survive a fork"
            hint = "connect in a process that was spawned, or give a URI"
            raise libvirt_error("KN401", message, hint)
        with self._lock:
            if self._users == 0:
                # the name is known by now: this fails where somebody else has taken it
                self._path.mkdir(mode=0o700)
                (self._path / "etc").mkdir()
                (self._path / "etc" / "qemu.conf").write_text("\n".join(_qemu_conf()) + "\n")
            self._users += 1
        return self._path

    def __exit__(self, *_: object) -> None:
        if self._pid == os.getpid():
            with self._lock:
                self._users -= 1
                if self._users == 0:
                    shutil.rmtree(self._path, ignore_errors=True)


def _qemu_conf() -> list[str]:
    # virtlogd is a daemon, and there is none
    lines = ['stdio_handler = "file"']
    if os.geteuid() == 0:
        # Another account may not use /dev/kvm as root may. libvirt would then think its cache of QEMU's capabilities
        # outdated and ask QEMU again at every define, which takes seconds.
        lines += [f'user = "+{os.geteuid()}"', f'group = "+{os.getegid()}"']
    return lines


@cache
def prepare_process() -> None:
    """Start what the embedded driver needs in its process, wherever its directory is.

    That is the event loop, and a thread that reaps QEMU processes: libvirt daemonizes QEMU and later waits until its
    process id is gone. Where the machine's first process reaps orphans slowly, as in many containers, each wait takes
    many seconds.
    """
    event_loop().start()
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0:
        threading.Thread(target=_reap_qemu, name="kvnet-qemu-reaper", daemon=True).start()


def _reap_qemu() -> None:
    """Reap orphans that are QEMU; all other children are left alone."""
    zombies: dict[int, int] = {}
    while True:
        # libvirt reaps its direct children itself, and soon: a zombie that stays longer is an orphan
        zombies = {pid: zombies.get(pid, 0) + 1 for pid in _qemu_zombies()}
        for pid, rounds in zombies.items():
            if rounds > _REAP_ROUNDS:
                with contextlib.suppress(OSError):
                    os.waitpid(pid, os.WNOHANG)
        time.sleep(_REAP_SECONDS)


def _qemu_zombies() -> Iterator[int]:
    for listing in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for pid in map(int, listing.read_text().split()):
                with contextlib.suppress(OSError):
                    name, _, state = Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(") ")
                    if name.startswith("qemu-system") and state.startswith("Z"):
                        yield pid
