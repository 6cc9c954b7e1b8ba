"""Wait until the guest has released devices that were detached from a running domain."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from kvnet.hotplug import LiveDomain
from kvnet.live._libvirt import libvirt_module
from kvnet.live.events import EventKind, Events, listen

if TYPE_CHECKING:
    import libvirt

__all__ = ["Removals", "removals"]

_POLL_SECONDS = 1.0


class Removals:
    """The removals that libvirt reports for a domain; without its events, the domain's XML is polled."""

    def __init__(self, domain: libvirt.virDomain, events: Events | None) -> None:
        self._domain = domain
        self._events = events
        self._reported: dict[str, EventKind] = {}

    def forget(self, alias: str) -> None:
        """Forget what was reported of a device before it is detached again."""
        self._read_events(0)
        self._reported.pop(alias, None)

    def outcome(self, alias: str, until: float) -> EventKind | None:
        """Wait for the removal of a device until a time of the monotonic clock, in seconds.

        Returns ``DEVICE_REMOVED``, ``DEVICE_REMOVAL_FAILED``, or ``None`` where the guest has not answered in time.
        Raises libvirtError.
        """
        while alias not in self._reported:
            rest = until - time.monotonic()
            if not self._is_present(alias):
                return EventKind.DEVICE_REMOVED
            if rest <= 0:
                return None
            self._read_events(min(rest, _POLL_SECONDS))
        return self._reported[alias]

    def _read_events(self, timeout: float) -> None:
        if self._events is None:
            time.sleep(timeout)
            return
        event = self._events.next(timeout)
        while event is not None:
            if event.kind in (EventKind.DEVICE_REMOVED, EventKind.DEVICE_REMOVAL_FAILED):
                self._reported[event.alias] = event.kind
            event = self._events.next(0)

    def _is_present(self, alias: str) -> bool:
        if not self._domain.isActive():
            return False
        return any(nic.alias == alias for nic in LiveDomain.parse(self._domain.XMLDesc()).nics)


@contextmanager
def removals(domain: libvirt.virDomain) -> Iterator[Removals]:
    """Follow the removals of a domain inside a block."""
    with ExitStack() as stack:
        events = None
        with suppress(libvirt_module().libvirtError):
            events = stack.enter_context(listen(domain))
        yield Removals(domain, events)
