"""What libvirt tells of a domain while it runs."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from attrs import frozen

from kvnet.errors import FieldPath, Problem
from kvnet.live.binding import LibvirtError, libvirt_module
from kvnet.live.domains import domain_named

if TYPE_CHECKING:
    import libvirt

__all__ = ["Event", "EventKind", "Events", "heard", "watch"]

_LOOK_SECONDS = 1.0


class EventKind(StrEnum):
    """What happened."""

    DEVICE_ADDED = "device-added"
    DEVICE_REMOVED = "device-removed"
    DEVICE_REMOVAL_FAILED = "device-removal-failed"
    """The guest would not let go of a device."""
    AGENT = "agent"
    """The guest's agent is there, or is there no more."""
    DOMAIN = "domain"


@frozen(kw_only=True)
class Event:
    """One event: of devices their ``alias``, of agent and domain the state that it is in now."""

    kind: EventKind
    alias: str = ""
    state: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.alias or self.state}"


class Events:
    """The events of a domain, in order, from when it began to be listened to."""

    def __init__(self, connection: libvirt.virConnect) -> None:
        self._connection = connection
        self._queue: queue.Queue[Event] = queue.Queue()

    def add(self, event: Event) -> None:
        self._queue.put(event)

    def next(self, timeout: float) -> Event | None:
        """The next event, ``None`` where there is none in time."""
        with suppress(queue.Empty):
            return self._queue.get(timeout=max(timeout, 0)) if timeout > 0 else self._queue.get_nowait()
        return None

    def until_quiet(self, timeout: float | None) -> Iterator[Event]:
        """Every event, until there is none for ``timeout`` seconds. Raises LibvirtError if the connection is lost."""
        last = time.monotonic()
        while timeout is None or time.monotonic() - last < timeout:
            rest = _LOOK_SECONDS if timeout is None else min(_LOOK_SECONDS, last + timeout - time.monotonic())
            event = self.next(rest)
            if event is not None:
                yield event
                last = time.monotonic()
            elif not self._connection.isAlive():
                told = "the connection to libvirt is lost, and with it its events"
                raise LibvirtError([Problem(FieldPath(), "KN874", told, hint="connect again")])


@contextmanager
def watch(connection: libvirt.virConnect, name: str, *, timeout: float | None = None) -> Iterator[Iterator[Event]]:
    """The events of a domain by their order, until there is none for ``timeout`` seconds, or for ever.

    They are those from the moment that the block is entered. The connection has to be one of ``connect``, or to have
    been opened with an event loop of the caller's. Raises LibvirtError where there is no such domain, and where
    libvirt tells no events; the iterator raises it where the connection is lost.
    """
    libvirt = libvirt_module()
    try:
        domain = domain_named(connection, name)
        with heard(domain) as events:
            yield events.until_quiet(timeout)
    except libvirt.libvirtError as error:
        told = f"libvirt tells no events: {error.get_error_message()}"
        raise LibvirtError([Problem(FieldPath(), "KN874", told, hint="connect with kvnet's `connect`")]) from error


@contextmanager
def heard(domain: libvirt.virDomain) -> Iterator[Events]:
    """Listen to a domain. Raises libvirt's own error where that cannot be."""
    libvirt = libvirt_module()
    connection = domain.connect()
    events = Events(connection)
    listeners: list[int] = []
    try:
        for event, told in _told(libvirt, events).items():
            listeners.append(connection.domainEventRegisterAny(domain, event, told, None))
        yield events
    finally:
        for listener in listeners:
            with suppress(libvirt.libvirtError):  # a connection that is lost has none
                connection.domainEventDeregisterAny(listener)


def _told(libvirt: Any, events: Events) -> dict[int, Callable[..., None]]:
    def of_device(kind: EventKind) -> Callable[..., None]:
        return lambda _connection, _domain, alias, _opaque: events.add(Event(kind=kind, alias=alias))

    def of_agent(_connection: Any, _domain: Any, state: int, _reason: int, _opaque: Any) -> None:
        events.add(Event(kind=EventKind.AGENT, state=_word(_AGENT, state)))

    def of_domain(_connection: Any, _domain: Any, state: int, _detail: int, _opaque: Any) -> None:
        events.add(Event(kind=EventKind.DOMAIN, state=_word(_DOMAIN, state)))

    return {
        libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_ADDED: of_device(EventKind.DEVICE_ADDED),
        libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED: of_device(EventKind.DEVICE_REMOVED),
        libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVAL_FAILED: of_device(EventKind.DEVICE_REMOVAL_FAILED),
        libvirt.VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE: of_agent,
        libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE: of_domain,
    }


_AGENT = ("", "connected", "disconnected")
_DOMAIN = (
    *("defined", "undefined", "started", "suspended", "resumed"),
    *("stopped", "shutdown", "pmsuspended", "crashed"),
)
"""libvirt's numbers, in order."""


def _word(words: Sequence[str], number: int) -> str:
    return words[number] if number < len(words) else str(number)
