"""A libvirt that answers as a test says, for what a real one does seldom: it holds one domain, and keeps its XML.

``before`` of the domain is called before each call that it answers, with the name of the call; it may raise ``error``,
lose the connection, or change the domain, as somebody else would.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import libvirt
from lxml import etree

__all__ = ["Clock", "Connection", "ScriptedDomain", "error"]

_LIVE, _CONFIG = libvirt.VIR_DOMAIN_AFFECT_LIVE, libvirt.VIR_DOMAIN_AFFECT_CONFIG


def error(message: str, code: int = libvirt.VIR_ERR_OPERATION_FAILED) -> Exception:
    """libvirt's own exception, with a message and a code as libvirt sets them."""
    made: Exception = libvirt.libvirtError(message)
    made.err = (code, 0, message, 2, None, None, None, 0, 0)  # type: ignore[attr-defined]
    return made


class Clock:
    """A clock that nobody waits for, in the place of the module ``time``; it keeps the pauses that were made.

    Other threads, such as the one that reaps QEMU, have the real one.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []
        self._thread = threading.get_ident()

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        if threading.get_ident() != self._thread:
            time.sleep(seconds)
            return
        self.pauses.append(seconds)
        self.now += seconds


class Connection:
    """A connection to the libvirt that has a domain, or to one that has none."""

    def __init__(self, domain: ScriptedDomain, *, kind: str = "QEMU", uri: str = "qemu:///system") -> None:
        self.domain = domain
        self.kind = kind
        self.uri = uri
        self.is_closed = False
        self.is_lost = False
        self.has_events = True
        self.callbacks: dict[int, Callable[..., None]] = {}

    def getURI(self) -> str:  # noqa: N802 - libvirt's name
        return self.uri

    def getType(self) -> str:  # noqa: N802
        return self.kind

    def getLibVersion(self) -> int:  # noqa: N802
        self.domain.answer(self, "getLibVersion")
        return 11_002_003

    def getVersion(self) -> int:  # noqa: N802
        return 9_001_012

    def isAlive(self) -> int:  # noqa: N802
        return int(not self.is_lost)

    def close(self) -> None:
        self.is_closed = True
        if self.is_lost:
            raise error("client socket is closed")

    def lookupByName(self, name: str) -> Any:  # noqa: N802
        self.domain.answer(self, "lookupByName")
        if name != self.domain.named:
            raise error(f"no domain with matching name '{name}'", libvirt.VIR_ERR_NO_DOMAIN)
        return _Handle(self)

    def domainEventRegisterAny(self, _: Any, event: int, callback: Callable[..., None], __: Any) -> int:  # noqa: N802
        if not self.has_events:
            raise error("no event loop")
        self.callbacks[event] = callback
        return event

    def domainEventDeregisterAny(self, event: int) -> None:  # noqa: N802
        if self.is_lost:
            raise error("client socket is closed")
        del self.callbacks[event]


class ScriptedDomain:
    """What libvirt knows of a domain: XML of what runs, and of the next start, ``None`` where there is none.

    ``removes`` says what comes of a NIC that is detached while the domain runs: ``told`` with an event, ``silent``,
    ``refused`` by the guest, or ``never``.
    """

    def __init__(self, *, live: str | None, persistent: str | None, named: str = "vm") -> None:
        self.named = named
        self.halves: dict[int, str | None] = {_LIVE: live, _CONFIG: persistent}
        self.removes: dict[str, str] = {}
        self.calls: list[tuple[str, str, int]] = []
        self.before: Callable[[Connection, str, str], None] = lambda *_: None
        self.agent_timeouts: list[int] = []
        self.addresses: dict[str, Any] | Exception = {}

    def answer(self, connection: Connection, call: str, alias: str = "") -> None:
        """What comes before every answer."""
        self.before(connection, call, alias)
        if connection.is_lost:
            raise error("internal error: client socket is closed")

    def nics(self, half: int) -> list[str]:
        """The aliases of the NICs of one half."""
        return [str(each) for each in etree.fromstring(self.halves[half] or "<x/>").xpath("devices/*/alias/@name")]

    @property
    def both(self) -> tuple[list[str], list[str]]:
        return self.nics(_LIVE), self.nics(_CONFIG)


class _Handle:
    """A domain as a connection sees it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._domain = connection.domain

    def connect(self) -> Connection:
        return self._connection

    def name(self) -> str:
        return self._domain.named

    def UUIDString(self) -> str:  # noqa: N802
        return "cd0e92bb-d962-4cf1-9a1e-6d17a9de6b3c"

    def isActive(self) -> int:  # noqa: N802
        self._domain.answer(self._connection, "isActive")
        return int(self._domain.halves[_LIVE] is not None)

    def isPersistent(self) -> int:  # noqa: N802
        return int(self._domain.halves[_CONFIG] is not None)

    def XMLDesc(self, flags: int = 0) -> str:  # noqa: N802
        self._domain.answer(self._connection, "XMLDesc")
        half = self._domain.halves[_CONFIG if flags & libvirt.VIR_DOMAIN_XML_INACTIVE else _LIVE]
        if half is None:
            raise error("no domain with matching uuid", libvirt.VIR_ERR_NO_DOMAIN)
        return half

    def attachDeviceFlags(self, xml: str, flags: int) -> None:  # noqa: N802
        for half in self._called("attach", xml, flags):
            text = self._domain.halves[half] or ""
            self._domain.halves[half] = text.replace("</devices>", f"{xml}</devices>")

    def updateDeviceFlags(self, xml: str, flags: int) -> None:  # noqa: N802
        for half in self._called("update", xml, flags):
            self._change(half, xml, xml)

    def detachDeviceFlags(self, xml: str, flags: int) -> None:  # noqa: N802
        alias = _alias(xml)
        for half in self._called("detach", xml, flags):
            how = self._domain.removes.get(alias, "told") if half == _LIVE else "silent"
            if how in ("told", "silent"):
                self._change(half, xml, "")
            if how in ("told", "refused"):
                self.tell(how, alias)

    def tell(self, how: str, alias: str) -> None:
        """The event that says what became of a NIC."""
        told = libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED
        event = told if how == "told" else libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVAL_FAILED
        if event in self._connection.callbacks:
            self._connection.callbacks[event](self._connection, self, alias, None)

    def interfaceAddresses(self, source: int) -> dict[str, Any]:  # noqa: N802
        self._domain.answer(self._connection, "interfaceAddresses")
        assert source == libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT
        if isinstance(self._domain.addresses, Exception):
            raise self._domain.addresses
        return self._domain.addresses

    def agentSetResponseTimeout(self, seconds: int, flags: int) -> None:  # noqa: N802
        assert flags == 0
        self._domain.agent_timeouts.append(seconds)

    def _called(self, call: str, xml: str, flags: int) -> Iterator[int]:
        alias = _alias(xml)
        self._domain.answer(self._connection, call, alias)
        self._domain.calls.append((call, alias, flags))
        meant = [half for half in (_LIVE, _CONFIG) if flags & half]
        if flags & _LIVE and self._domain.halves[_LIVE] is None:
            raise error("Requested operation is not valid: domain is not running")
        for half in meant:
            if call != "attach" and alias not in self._domain.nics(half):
                raise error(f"no device found with alias {alias}", libvirt.VIR_ERR_DEVICE_MISSING)
        return iter(meant)

    def _change(self, half: int, xml: str, instead: str) -> None:
        root = etree.fromstring(self._domain.halves[half] or "")
        (old,) = root.xpath("devices/*[alias/@name=$name]", name=_alias(xml))
        if instead:
            old.addnext(etree.fromstring(instead))
        old.getparent().remove(old)
        self._domain.halves[half] = etree.tostring(root, encoding="unicode")


def _alias(xml: str) -> str:
    return str(etree.fromstring(xml).findtext("alias") or next(iter(etree.fromstring(xml).xpath("alias/@name")), ""))
