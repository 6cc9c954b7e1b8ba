"""A connection to libvirt that is lost now and then, and regained."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from kvnet.errors import FieldPath, Problem
from kvnet.live.binding import LibvirtError, libvirt_module
from kvnet.live.connection import opened

if TYPE_CHECKING:
    import libvirt

__all__ = ["Line", "line"]

_PAUSES = (0.2, 0.5, 1.0, 2.0)


class Line:
    """The connection that is there now; ``reopen`` makes a new one."""

    def __init__(
        self, connection: libvirt.virConnect, attempts: int, reopen: Callable[[], libvirt.virConnect] | None
    ) -> None:
        self.connection = connection
        self._uri = str(connection.getURI())
        self._reopen = reopen or (lambda: opened(self._uri))
        self._attempts = attempts
        self._own: list[Any] = []

    def is_lost(self) -> bool:
        """Whether a call that failed did so with the connection, and not for what was asked over it."""
        try:
            return not self.connection.isAlive()
        except libvirt_module().libvirtError:
            return True

    def regain(self) -> None:
        """Connect anew, with pauses between as many attempts as are left. Raises LibvirtError."""
        told = "the connection to libvirt was lost too often"
        pauses = iter(_PAUSES)
        while self._attempts > 0:
            self._attempts -= 1
            try:
                self.connection = self._reopen()
            except (LibvirtError, libvirt_module().libvirtError) as error:
                told = f"the connection to libvirt is lost, and not to be had again: {error}"
                time.sleep(next(pauses, _PAUSES[-1]))
            else:
                self._own.append(self.connection)
                return
        raise LibvirtError([Problem(FieldPath(), "KN874", told, hint="see to libvirt, and run this again")])

    def close(self) -> None:
        """Close the connections that were made here."""
        for connection in self._own:
            with suppress(libvirt_module().libvirtError):
                connection.close()


@contextmanager
def line(
    connection: libvirt.virConnect, attempts: int, reopen: Callable[[], libvirt.virConnect] | None = None
) -> Iterator[Line]:
    """A connection of the caller's, and others in its place where it is lost; those are closed at the end."""
    made = Line(connection, attempts, reopen)
    try:
        yield made
    finally:
        made.close()
