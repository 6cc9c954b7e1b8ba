"""Wait until the guest has released devices that were detached from a running domain."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from enum import StrEnum
from typing import TYPE_CHECKING

from kvnet.live._libvirt import libvirt_module
from kvnet.live.events import EventKind, Events, listen
from kvnet.running.standing import live_nics

if TYPE_CHECKING:
    import libvirt

__all__ = ["Removal", "Removals", "removals"]

_POLL_SECONDS = 1.0


class Removal(StrEnum):
    """What became of a device that was detached."""

    REMOVED = "removed"
    REFUSED = "refused"
    PENDING = "pending"


_OUTCOMES = {
    EventKind.DEVICE_REMOVED: Removal.REMOVED,
    EventKind.DEVICE_REMOVAL_FAILED: Removal.REFUSED,
}


class Removals:
    """The removals that libvirt reports for a domain; without its events, the domain's XML is polled."""

    def __init__(self, domain: libvirt.virDomain, events: Events | None) -> None:
        self._domain = domain
        self._events = events
        self._known: dict[str, Removal] = {}

    def forget(self, alias: str) -> None:
        """Forget what was reported of a device before it is detached again."""
        self._read_events(0)
        self._known.pop(alias, None)

    def outcome(self, alias: str, until: float) -> Removal:
        """Wait for the removal of a device until a time of the monotonic clock, in seconds. Raises libvirtError."""
        while alias not in self._known:
            rest = until - time.monotonic()
            if not self._is_present(alias):
                return Removal.REMOVED
            if rest <= 0:
                return Removal.PENDING
            self._read_events(min(rest, _POLL_SECONDS))
        return self._known[alias]

    def _read_events(self, timeout: float) -> None:
        if self._events is None:
            time.sleep(timeout)
            return
        event = self._events.next(timeout)
        while event is not None:
            if event.kind in _OUTCOMES:
                self._known[event.alias] = _OUTCOMES[event.kind]
            event = self._events.next(0)

    def _is_present(self, alias: str) -> bool:
        return bool(self._domain.isActive()) and any(nic.alias == alias for nic in live_nics(self._domain.XMLDesc()))


@contextmanager
def removals(domain: libvirt.virDomain) -> Iterator[Removals]:
    """Follow the removals of a domain inside a block."""
    with ExitStack() as stack:
        events = None
        with suppress(libvirt_module().libvirtError):
            events = stack.enter_context(listen(domain))
        yield Removals(domain, events)
