"""Ended QEMU processes, buried at once.

libvirt detaches the QEMUs it starts and then waits until their process ids are gone. Where the machine's
first process is slow to bury orphans, as in many containers, each wait is many seconds.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

__all__ = ["adopt_qemu"]

_PR_SET_CHILD_SUBREAPER = 36  # prctl(2)
_PAUSE = 0.02
_GRACE = 15  # rounds of looking
_NAME = "qemu-system"


@cache
def adopt_qemu() -> None:
    """Become the parent of orphaned children, and bury those that are QEMU; all others are left alone."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0:
        threading.Thread(target=_bury, name="kvnet-qemu-reaper", daemon=True).start()


def _bury() -> None:
    dead: dict[int, int] = {}
    while True:
        # libvirt buries its direct children itself, and soon: whoever lies there longer is an orphan
        dead = {pid: dead.get(pid, 0) + 1 for pid in _children() if _is_dead_qemu(pid)}
        for pid, rounds in dead.items():
            if rounds > _GRACE:
                with contextlib.suppress(OSError):
                    os.waitpid(pid, os.WNOHANG)
        time.sleep(_PAUSE)


def _is_dead_qemu(pid: int) -> bool:
    try:
        name, _, state = Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(") ")
    except OSError:
        return False
    return name.startswith(_NAME) and state.startswith("Z")


def _children() -> Iterator[int]:
    for listing in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):
            yield from map(int, listing.read_text().split())
