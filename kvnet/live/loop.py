"""libvirt's event loop: one thread for the process, which runs while anybody needs it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from kvnet.live.binding import libvirt_module

__all__ = ["event_loop", "keep_event_loop"]

_NAME = "kvnet-libvirt-events"
_LOCK = threading.Lock()
_STOP_SECONDS = 5.0
_NEVER, _NOW = -1, 0


@contextmanager
def event_loop() -> Iterator[None]:
    """Events arrive inside this block. The thread ends with the last block, unless it is to be kept.

    libvirt wants its loop registered before a connection is opened that is to hear of events.
    """
    loop = _loop()
    loop.enter()
    try:
        yield
    finally:
        loop.leave()


def keep_event_loop() -> None:
    """Run the loop for as long as the process lives: the embedded driver hangs without it."""
    _loop().enter()


@cache
def _loop() -> _Loop:
    return _Loop()


class _Loop:
    def __init__(self) -> None:
        self._libvirt = libvirt_module()
        self._libvirt.virEventRegisterDefaultImpl()
        self._users = 0
        self._thread: threading.Thread | None = None
        self._timer: int | None = None
        self._stopped = threading.Event()

    def enter(self) -> None:
        with _LOCK:
            self._users += 1
            if self._thread is None:
                self._stopped.clear()
                self._timer = self._libvirt.virEventAddTimeout(_NEVER, self._stop, None)
                self._thread = threading.Thread(target=self._turn, name=_NAME, daemon=True)
                self._thread.start()

    def leave(self) -> None:
        with _LOCK:
            self._users -= 1
            thread = self._thread
            if self._users or thread is None:
                return
            self._libvirt.virEventUpdateTimeout(self._timer, _NOW)  # which wakes the loop
            thread.join(_STOP_SECONDS)
            self._thread = None

    def _stop(self, timer: int, _: Any) -> None:
        self._libvirt.virEventRemoveTimeout(timer)
        self._stopped.set()

    def _turn(self) -> None:
        # the turn that stops still frees what closed connections leave behind
        while not self._stopped.is_set():
            self._libvirt.virEventRunDefaultImpl()
