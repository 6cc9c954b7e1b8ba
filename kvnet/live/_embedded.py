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

from kvnet.errors import FieldPath, Problem
from kvnet.live._libvirt import LibvirtError
from kvnet.live.events import keep_event_loop

__all__ = ["embedded_root", "prepare_process"]

_LOCK = threading.Lock()
_PR_SET_CHILD_SUBREAPER = 36  # prctl(2)
_REAP_SECONDS = 0.02
_REAP_ROUNDS = 15
_QEMU = "qemu-system"


@contextlib.contextmanager
def embedded_root() -> Iterator[Path]:
    """The state directory of the embedded driver, which exists while anybody uses it.

    Raises LibvirtError in a forked child, where the driver's threads are missing.
    """
    state = _state()
    if state.pid != os.getpid():
        message = "libvirt inside a process does not survive a fork"
        hint = "connect in a process that was spawned, or give a URI"
        raise LibvirtError([Problem(FieldPath(), "KN401", message, hint=hint)])
    with _LOCK:
        if state.users == 0:
            state.create()
        state.users += 1
    try:
        yield state.root
    finally:
        if state.pid == os.getpid():
            with _LOCK:
                state.users -= 1
                if state.users == 0:
                    shutil.rmtree(state.root, ignore_errors=True)


class _State:
    """libvirt keeps the first directory that it was opened with for as long as the process lives."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.users = 0
        self.root = Path(tempfile.mkdtemp(prefix="kvnet-"))
        self.root.rmdir()
        prepare_process()

    def create(self) -> None:
        # the name is known by now: this fails where somebody else has taken it
        self.root.mkdir(mode=0o700)
        (self.root / "etc").mkdir()
        (self.root / "etc" / "qemu.conf").write_text("\n".join(_qemu_conf()) + "\n")


@cache
def _state() -> _State:
    return _State()


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
    keep_event_loop()
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0:
        threading.Thread(target=_reap_qemu, name="kvnet-qemu-reaper", daemon=True).start()


def _reap_qemu() -> None:
    """Reap orphans that are QEMU; all other children are left alone."""
    zombies: dict[int, int] = {}
    while True:
        # libvirt reaps its direct children itself, and soon: a zombie that stays longer is an orphan
        zombies = {pid: zombies.get(pid, 0) + 1 for pid in _children() if _is_qemu_zombie(pid)}
        for pid, rounds in zombies.items():
            if rounds > _REAP_ROUNDS:
                with contextlib.suppress(OSError):
                    os.waitpid(pid, os.WNOHANG)
        time.sleep(_REAP_SECONDS)


def _is_qemu_zombie(pid: int) -> bool:
    try:
        name, _, state = Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(") ")
    except OSError:
        return False
    return name.startswith(_QEMU) and state.startswith("Z")


def _children() -> Iterator[int]:
    for listing in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):
            yield from map(int, listing.read_text().split())
