"""libvirt's word that a device has left a running domain: a detach asks for that, and the guest may take its time."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kvnet.live.binding import libvirt_module

__all__ = ["Removals", "removals"]


class Removals:
    """The aliases of the devices that are gone."""

    def __init__(self) -> None:
        self._aliases: queue.Queue[str] = queue.Queue()

    def add(self, alias: str) -> None:
        self._aliases.put(alias)

    def next(self, timeout: float) -> str:
        """The alias of the next device that goes, or has gone. Raises TimeoutError."""
        try:
            return self._aliases.get(timeout=timeout)
        except queue.Empty:
            raise TimeoutError(f"no device is gone within {timeout:g} s") from None


@contextmanager
def removals(domain: Any) -> Iterator[Removals]:
    """Listen to libvirt's event of removed devices."""
    libvirt = libvirt_module()
    heard = Removals()
    connection = domain.connect()
    event = libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED
    listener = connection.domainEventRegisterAny(domain, event, lambda _, __, alias, ___: heard.add(alias), None)
    try:
        yield heard
    finally:
        connection.domainEventDeregisterAny(listener)
