"""Open a lost connection to libvirt again."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from kvnet.errors import FieldPath, Problem
from kvnet.live._libvirt import LibvirtError, libvirt_module
from kvnet.live.connection import open_connection

if TYPE_CHECKING:
    import libvirt

__all__ = ["Reconnectable"]

_PAUSES = (0.2, 0.5, 1.0, 2.0)
"""Seconds after each attempt that failed; the last one repeats."""


class Reconnectable:
    """A block with a connection that can be opened again ``attempts`` times, by ``reopen`` or with the same URI.

    ``connection`` is the current one. The connections that are opened here are closed at the end of the block.
    """

    def __init__(
        self, connection: libvirt.virConnect, attempts: int, reopen: Callable[[], libvirt.virConnect] | None
    ) -> None:
        uri = str(connection.getURI())
        self.connection = connection
        self._reopen = reopen or (lambda: open_connection(uri))
        self._attempts = attempts
        self._opened: list[libvirt.virConnect] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._opened:
            with suppress(libvirt_module().libvirtError):
                connection.close()

    def is_lost(self) -> bool:
        """Whether a call failed because the connection is lost, and not because libvirt refused it."""
        try:
            return not self.connection.isAlive()
        except libvirt_module().libvirtError:
            return True

    def reconnect(self) -> None:
        """Open a new connection, with pauses between the attempts that are left. Raises LibvirtError."""
        message = "the connection to libvirt was lost too often"
        pauses = iter(_PAUSES)
        while self._attempts > 0:
            self._attempts -= 1
            try:
                self.connection = self._reopen()
            except (LibvirtError, libvirt_module().libvirtError) as error:
                message = f"the connection to libvirt is lost and cannot be opened again: {error}"
                time.sleep(next(pauses, _PAUSES[-1]))
            else:
                self._opened.append(self.connection)
                return
        raise LibvirtError([Problem(FieldPath(), "KN874", message, hint="check libvirt, and run this again")])
