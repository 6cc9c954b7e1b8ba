"""A running guest, and what it sees of its NICs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from attrs import frozen
from guest.console import Console, SilentGuest, console
from guest.image import Image
from lxml import etree

from kvnet import live
from kvnet.live._libvirt import libvirt_module
from kvnet.values import MacAddress, PciAddress
from kvnet.xml.parser import parse

__all__ = ["CMDLINE", "Guest", "SeenNic", "SilentGuest", "booted"]

BOOT_SECONDS = 180.0  # it takes a few, but the processors may be anybody's
ANSWER_SECONDS = 60.0
_POLL = 0.2
CMDLINE = "console=ttyS0 quiet loglevel=1 net.ifnames=0 panic=-1 no_timer_check"
"""The kernel keeps quiet, for its words would stand between those of an answer, and after a panic it reboots at once.

It does not check its timer: where the host is busy, an emulated processor misses the ticks that the kernel counts, and
it panics (``IO-APIC + timer doesn't work``).
"""

Nics = tuple["SeenNic", ...]


@frozen(kw_only=True)
class SeenNic:
    """One NIC as the guest sees it.

    ``carrier`` is ``None`` while the NIC is not up. ``path`` leads to the NIC from the root bus: the bridges
    that it is behind, outermost first, and itself.
    """

    name: str
    mac: MacAddress
    mtu: int
    carrier: bool | None
    rx_queues: int
    path: tuple[PciAddress, ...]
    acpi_index: int | None
    driver: str

    @property
    def address(self) -> PciAddress:
        return self.path[-1]

    @classmethod
    def parse(cls, line: str) -> SeenNic:
        """Read a line of the guest's table."""
        seen = dict(word.split("=", 1) for word in line.split())
        return cls(
            name=seen["name"],
            mac=MacAddress.parse(seen["mac"]),
            mtu=int(seen["mtu"]),
            carrier=seen["carrier"] == "1" if seen["carrier"] else None,
            rx_queues=int(seen["rx_queues"]),
            path=tuple(PciAddress.parse(step) for step in seen["path"].split("/")),
            acpi_index=int(seen["acpi_index"]) if seen["acpi_index"] else None,
            driver=seen["driver"],
        )


@frozen
class Guest:
    """A guest that runs: its domain, and the line to it."""

    domain: Any
    console: Console

    def nics(self) -> Nics:
        """The guest's own table of its NICs, in the order of their names."""
        return tuple(SeenNic.parse(line) for line in self.console.ask("nics", timeout=ANSWER_SECONDS))

    def up(self, *names: str) -> None:
        """Bring up the NICs named, or all."""
        self._obeys("up", *names)

    def down(self, *names: str) -> None:
        """Take down the NICs named, or all."""
        self._obeys("down", *names)

    def boot_order(self) -> tuple[str, ...]:
        """What the firmware would boot from, first things first, as Open Firmware paths."""
        return self.console.ask("boot_order", timeout=ANSWER_SECONDS)

    def kernel_log(self) -> tuple[str, ...]:
        """What the kernel had to say."""
        return self.console.ask("log", timeout=ANSWER_SECONDS)

    def wait_for(self, predicate: Callable[[Nics], bool], timeout: float) -> Nics:
        """The NICs as soon as the predicate holds of them. Raises TimeoutError with what was seen last."""
        end = time.monotonic() + timeout
        while not predicate(nics := self.nics()):
            if time.monotonic() > end:
                seen = "\n".join(map(str, nics))
                raise TimeoutError(f"not within {timeout:g} s; the guest sees\n{seen}")
            time.sleep(_POLL)
        return nics

    def poweroff(self, timeout: float = ANSWER_SECONDS) -> None:
        """Have the guest switch itself off. Raises TimeoutError."""
        self.console.say("0", "poweroff")
        end = time.monotonic() + timeout
        while self.domain.isActive():
            if time.monotonic() > end:
                raise TimeoutError(f"the guest is not off within {timeout:g} s")
            time.sleep(_POLL)

    def _obeys(self, *words: str) -> None:
        complaints = self.console.ask(*words, timeout=ANSWER_SECONDS)
        if complaints:
            raise RuntimeError(f"{' '.join(words)}: {' '.join(complaints)}")


@contextmanager
def booted(domain_xml: str, connection: Any, image: Image) -> Iterator[Guest]:
    """A guest that has come up: a domain with a serial line, made to boot the image. Nothing is left at the end.

    Raises LibvirtError, libvirt's own error where the domain does not start, SilentGuest.
    """
    libvirt = libvirt_module()
    defined = live.define(_bootable(domain_xml, image), connection, keep=True)
    domain = connection.lookupByUUIDString(parse(defined.persistent).findtext("uuid"))
    try:
        domain.create()
        terminal = parse(domain.XMLDesc()).xpath("string(devices/serial/source/@path)")
        with console(str(terminal)) as line:
            line.ask("nics", timeout=BOOT_SECONDS)
            yield Guest(domain, line)
    finally:
        with suppress(libvirt.libvirtError):
            domain.destroy()  # an error, where it has ended
        domain.undefine()


def _bootable(domain_xml: str, image: Image) -> str:
    """The same domain, booted from the image and not from what its devices offer; it ends where it would reboot."""
    root = parse(domain_xml)
    os = root.find("os")
    assert os is not None
    for tag, text in {"kernel": str(image.kernel), "initrd": str(image.initrd), "cmdline": CMDLINE}.items():
        etree.SubElement(os, tag).text = text
    etree.SubElement(root, "on_reboot").text = "destroy"
    return etree.tostring(root, encoding="unicode")
