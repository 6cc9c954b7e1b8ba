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
_NAME = "qemu-system"


@cache
def adopt_qemu() -> None:
    """Become the parent of orphaned children, and bury those that are QEMU; all others are left alone."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0:
        threading.Thread(target=_bury, name="kvnet-qemu-reaper", daemon=True).start()


def _bury() -> None:
    while True:
        for pid in _children():
            with contextlib.suppress(OSError):
                if Path(f"/proc/{pid}/comm").read_text().startswith(_NAME):
                    os.waitpid(pid, os.WNOHANG)
        time.sleep(_PAUSE)


def _children() -> Iterator[int]:
    for listing in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):
            yield from map(int, listing.read_text().split())
