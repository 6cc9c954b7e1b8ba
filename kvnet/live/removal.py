"""Devices that were asked to leave a running domain, and whether they did: the guest has the last word."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from enum import StrEnum
from typing import TYPE_CHECKING

from kvnet.hotplug import LiveDomain
from kvnet.live.binding import libvirt_module
from kvnet.live.events import EventKind, Events, heard

if TYPE_CHECKING:
    import libvirt

__all__ = ["Removal", "Removals", "removals"]

_LOOK_SECONDS = 1.0


class Removal(StrEnum):
    """What became of a device."""

    GONE = "gone"
    REFUSED = "refused"
    PENDING = "pending"


_OUTCOMES = {
    EventKind.DEVICE_REMOVED: Removal.GONE,
    EventKind.DEVICE_REMOVAL_FAILED: Removal.REFUSED,
}


class Removals:
    """What libvirt says of devices that leave; without its events, the domain's XML is looked at now and then."""

    def __init__(self, domain: libvirt.virDomain, events: Events | None) -> None:
        self._domain = domain
        self._events = events
        self._known: dict[str, Removal] = {}

    def forget(self, alias: str) -> None:
        """Take no earlier word for one on what is asked next."""
        self._hear(0)
        self._known.pop(alias, None)

    def outcome(self, alias: str, until: float) -> Removal:
        """What becomes of a device until a time of the monotonic clock. Raises libvirt's own error."""
        while alias not in self._known:
            rest = until - time.monotonic()
            if not self._is_there(alias):
                return Removal.GONE
            if rest <= 0:
                return Removal.PENDING
            self._hear(min(rest, _LOOK_SECONDS))
        return self._known[alias]

    def _hear(self, timeout: float) -> None:
        if self._events is None:
            time.sleep(timeout)
            return
        event = self._events.next(timeout)
        while event is not None:
            if event.kind in _OUTCOMES:
                self._known[event.alias] = _OUTCOMES[event.kind]
            event = self._events.next(0)

    def _is_there(self, alias: str) -> bool:
        if not self._domain.isActive():
            return False
        return any(nic.alias == alias for nic in LiveDomain.parse(self._domain.XMLDesc()).nics)


@contextmanager
def removals(domain: libvirt.virDomain) -> Iterator[Removals]:
    """Listen to what leaves a domain, where libvirt tells its events."""
    with ExitStack() as stack:
        events = None
        with suppress(libvirt_module().libvirtError):
            events = stack.enter_context(heard(domain))
        yield Removals(domain, events)
