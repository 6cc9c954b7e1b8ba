"""Listen to libvirt's events: the event loop that delivers them, the events of one domain, and its removals."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, Self

from attrs import frozen

from kvnet.live._libvirt import domain_named, libvirt_error, libvirt_module, said
from kvnet.xml.parser import parse

if TYPE_CHECKING:
    import libvirt

__all__ = ["Event", "EventKind", "Removals", "event_loop", "watch"]

_POLL_SECONDS = 1.0
_STOP_SECONDS = 5.0
_NEVER, _NOW = -1, 0


class EventKind(StrEnum):
    """What happened."""

    DEVICE_ADDED = "device-added"
    DEVICE_REMOVED = "device-removed"
    DEVICE_REMOVAL_FAILED = "device-removal-failed"
    """The guest refused to release a device."""
    AGENT = "agent"
    """The guest agent connected or disconnected."""
    DOMAIN = "domain"
    """The domain's life cycle: it was started, suspended, stopped and so on."""


@frozen(kw_only=True)
class Event:
    """One event: ``alias`` is that of the device, ``state`` the new state of the agent or the domain."""

    kind: EventKind
    alias: str = ""
    state: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.alias or self.state}"


Events = queue.SimpleQueue[Event]
"""The events of a domain in order, since it began to be listened to."""


@contextmanager
def watch(connection: libvirt.virConnect, name: str, *, timeout: float | None = None) -> Iterator[Iterator[Event]]:
    """Listen to the domain ``name`` inside a block.

    The connection has to come from ``connect``, or the caller has to have registered an event loop of its own before
    opening it.

    Yields an iterator over the events since the block was entered, which ends when there is none for ``timeout``
    seconds, or never. Raises LibvirtError where there is no such domain, or libvirt delivers no events; so does the
    iterator where the connection is lost.
    """
    try:
        with _listen(domain_named(connection, name)) as events:
            yield _until_quiet(events, connection, timeout)
    except libvirt_module().libvirtError as error:
        message = f"libvirt delivers no events: {said(error)}"
        raise libvirt_error("KN874", message, "connect with kvnet's `connect`") from error


def _until_quiet(events: Events, connection: libvirt.virConnect, timeout: float | None) -> Iterator[Event]:
    last = time.monotonic()
    while timeout is None or time.monotonic() - last < timeout:
        rest = _POLL_SECONDS if timeout is None else min(_POLL_SECONDS, last + timeout - time.monotonic())
        event = _next(events, rest)
        if event is not None:
            yield event
            last = time.monotonic()
        elif not connection.isAlive():
            raise libvirt_error("KN874", "the connection to libvirt is lost, and with it its events", "connect again")


def _next(events: Events, timeout: float) -> Event | None:
    """Wait up to ``timeout`` seconds for the next event; ``None`` where there is none."""
    with suppress(queue.Empty):
        return events.get(timeout=timeout) if timeout > 0 else events.get_nowait()
    return None


class Removals:
    """A block in which the removals of devices that libvirt reports for a domain are followed.

    Without libvirt's events, the domain's XML is polled.
    """

    def __init__(self, domain: libvirt.virDomain) -> None:
        self._domain = domain
        self._stack = ExitStack()
        self._events: Events | None = None
        self._reported: dict[str, EventKind] = {}

    def __enter__(self) -> Self:
        with suppress(libvirt_module().libvirtError):
            self._events = self._stack.enter_context(_listen(self._domain))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

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
        event = _next(self._events, timeout)
        while event is not None:
            if event.kind in (EventKind.DEVICE_REMOVED, EventKind.DEVICE_REMOVAL_FAILED):
                self._reported[event.alias] = event.kind
            event = _next(self._events, 0)

    def _is_present(self, alias: str) -> bool:
        if not self._domain.isActive():
            return False
        return any(each.get("name") == alias for each in parse(self._domain.XMLDesc()).iterfind("devices/*/alias"))


@contextmanager
def _listen(domain: libvirt.virDomain) -> Iterator[Events]:
    """Queue the events of a domain inside a block. Raises libvirtError where libvirt delivers none."""
    libvirt = libvirt_module()
    connection = domain.connect()
    events = Events()
    ids: list[int] = []
    try:
        for event, callback in _callbacks(libvirt, events).items():
            ids.append(connection.domainEventRegisterAny(domain, event, callback, None))
        yield events
    finally:
        for each in ids:
            with suppress(libvirt.libvirtError):  # a lost connection has no callbacks
                connection.domainEventDeregisterAny(each)


def _callbacks(libvirt: Any, events: Events) -> dict[int, Callable[..., None]]:
    def of_device(kind: EventKind) -> Callable[..., None]:
        return lambda _connection, _domain, alias, _opaque: events.put(Event(kind=kind, alias=alias))

    def of_state(kind: EventKind, states: Sequence[str]) -> Callable[..., None]:
        names = dict(enumerate(states))
        return lambda _connection, _domain, n, *_: events.put(Event(kind=kind, state=names.get(n, str(n))))

    return {
        libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_ADDED: of_device(EventKind.DEVICE_ADDED),
        libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED: of_device(EventKind.DEVICE_REMOVED),
        libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVAL_FAILED: of_device(EventKind.DEVICE_REMOVAL_FAILED),
        libvirt.VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE: of_state(EventKind.AGENT, _AGENT_STATES),
        libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE: of_state(EventKind.DOMAIN, _DOMAIN_STATES),
    }


_AGENT_STATES = ("", "connected", "disconnected")
_DOMAIN_STATES = (
    *("defined", "undefined", "started", "suspended", "resumed"),
    *("stopped", "shutdown", "pmsuspended", "crashed"),
)
"""In the order of libvirt's virDomainEventType."""


class EventLoop:
    """libvirt's event loop in a thread that runs while anybody uses it: inside a ``with`` block, or after ``start``."""

    def __init__(self) -> None:
        self._libvirt = libvirt_module()
        self._libvirt.virEventRegisterDefaultImpl()
        self._lock = threading.Lock()
        self._users = 0
        self._thread: threading.Thread | None = None
        self._timer: int | None = None
        self._stopped = threading.Event()

    def __enter__(self) -> None:
        self.start()

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0 and self._thread is not None:
                self._libvirt.virEventUpdateTimeout(self._timer, _NOW)  # wakes the loop
                self._thread.join(_STOP_SECONDS)
                self._thread = None

    def start(self) -> None:
        with self._lock:
            self._users += 1
            if self._thread is None:
                self._stopped.clear()
                self._timer = self._libvirt.virEventAddTimeout(_NEVER, self._stop, None)
                self._thread = threading.Thread(target=self._run, name="kvnet-libvirt-events", daemon=True)
                self._thread.start()

    def _stop(self, timer: int, _: Any) -> None:
        self._libvirt.virEventRemoveTimeout(timer)
        self._stopped.set()

    def _run(self) -> None:
        # the last round, in which the timer stops the loop, still frees what closed connections leave behind
        while not self._stopped.is_set():
            self._libvirt.virEventRunDefaultImpl()


@cache
def event_loop() -> EventLoop:
    """The event loop of this process. libvirt wants it before a connection is opened that is to have events."""
    return EventLoop()
