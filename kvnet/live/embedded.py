"""libvirt's QEMU driver inside this process: one directory for its state, threads for its events."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from kvnet.errors import FieldPath, Problem
from kvnet.live.binding import LibvirtError
from kvnet.live.loop import keep_event_loop
from kvnet.live.orphans import adopt_qemu

__all__ = ["embedded_root", "run_embedded"]

_LOCK = threading.Lock()


@contextmanager
def embedded_root() -> Iterator[Path]:
    """The state directory of the embedded driver; it is there while anybody uses it.

    Raises LibvirtError in a forked child, where the driver's threads are missing.
    """
    state = _state()
    if state.pid != os.getpid():
        told = "libvirt inside a process does not survive a fork"
        hint = "connect in a process that was spawned, or give a URI"
        raise LibvirtError([Problem(FieldPath(), "KN401", told, hint=hint)])
    with _LOCK:
        if state.users == 0:
            state.furnish()
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
    """libvirt keeps to the first directory that it was opened with, for as long as the process lives."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.users = 0
        self.root = Path(tempfile.mkdtemp(prefix="kvnet-"))
        self.root.rmdir()
        run_embedded()

    def furnish(self) -> None:
        # the name is known by now: it fails where somebody else has taken it
        self.root.mkdir(mode=0o700)
        (self.root / "etc").mkdir()
        (self.root / "etc" / "qemu.conf").write_text("\n".join(_configuration()) + "\n")


@cache
def run_embedded() -> None:
    """What the embedded driver needs of its process, wherever its directory is."""
    keep_event_loop()
    adopt_qemu()


@cache
def _state() -> _State:
    return _State()


def _configuration() -> list[str]:
    # virtlogd is a daemon, and there is none
    lines = ['stdio_handler = "file"']
    if os.geteuid() == 0:
        # Else QEMU's account is another's: what root may do with /dev/kvm, that account may not, so libvirt
        # takes its own knowledge of QEMU for outdated and asks again, seconds each time, at every define.
        lines += [f'user = "+{os.geteuid()}"', f'group = "+{os.getegid()}"']
    return lines
