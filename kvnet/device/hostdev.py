"""``<hostdev type='pci'>``: a PCI function of the host, passed through."""

from __future__ import annotations

from kvnet.device.address import GuestAddress, PciHostAddress
from kvnet.device.driver import HostdevDriver
from kvnet.device.parts import Acpi, Rom, Teaming
from kvnet.device.patterns import ALIAS
from kvnet.xml.element import element
from kvnet.xml.schema import RawElement, at, attr, child
from kvnet.xml.types import Choice, Int, Present, Token, YesNo

__all__ = ["Hostdev"]


@element("hostdev", implied=("mode",), mode="subsystem", type="pci")
class Hostdev:
    """One PCI function; driver, source and teaming stay together, as libvirt's schema wants it."""

    managed: bool | None = attr(YesNo(), default=None)
    driver: HostdevDriver | None = child(HostdevDriver, default=None)
    source: PciHostAddress | RawElement = child(PciHostAddress, inside="source")
    startup_policy: str | None = at("source/@startupPolicy", Choice("mandatory", "requisite", "optional"), default=None)
    write_filtering: bool | None = at("source/@writeFiltering", YesNo(), default=None)
    teaming: Teaming | None = child(Teaming, default=None, since="7.1.0", guest=True)
    readonly: bool | None = at("readonly", Present(), default=None)
    shareable: bool | None = at("shareable", Present(), default=None)
    boot_order: int | None = at("boot/@order", Int(1), default=None, since="0.8.8", guest=True)
    load_parameter: str | None = at(
        "boot/@loadparm", Token("[a-zA-Z0-9. ]{1,8}"), default=None, since="3.5.0", guest=True
    )
    alias: str | None = at("alias/@name", ALIAS, default=None)
    rom: Rom | None = child(Rom, default=None)
    acpi: Acpi | None = child(Acpi, default=None, guest=True)
    address: GuestAddress | None = child(*GuestAddress.__args__, default=None, guest=True)
