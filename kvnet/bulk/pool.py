"""Worker processes that leave with their parent, however it ends, and let it alone answer to Ctrl-C."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from threading import Thread

__all__ = ["processes"]


def processes(count: int) -> ProcessPoolExecutor:
    """A pool of forked processes, which have loaded all that their parent has."""
    return ProcessPoolExecutor(count, mp_context=get_context("fork"), initializer=_prepare)


def _prepare() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
