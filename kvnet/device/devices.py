"""The two elements that describe a NIC, ``<interface>`` and ``<hostdev type='pci'>``, and how one is read.

The small elements that both have are here, too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from kvnet.device._refused_together import OF_HOSTDEVS, OF_INTERFACES, TOGETHER_SINCE
from kvnet.device.address import GuestAddress, PciHostAddress
from kvnet.device.driver import Backend, Driver, HostdevDriver
from kvnet.device.ip import IpAddress, PortForward, Route
from kvnet.device.source import Source
from kvnet.device.traffic import Bandwidth, Coalesce, Filter, GuestLink, Port, Tune, VirtualPort, Vlan
from kvnet.values import MacAddress
from kvnet.xml.element import Element, element
from kvnet.xml.schema import RawElement, at, attr, child, children, variant
from kvnet.xml.types import ABSOLUTE_PATH, ALIAS, DEVICE_NAME, Choice, Int, Mac, OnOff, Present, Text, Token, YesNo

__all__ = ["Acpi", "Device", "Hostdev", "Interface", "Rom", "Teaming", "read_device"]

_LOAD_PARAMETER = Token("[a-zA-Z0-9. ]{1,8}")


def _persistent_only_if_transient(teaming: Teaming) -> tuple[str, str] | None:
    if (teaming.type == "transient") != (teaming.persistent is not None):
        return "persistent", "the transient NIC of a team, and no other, names its persistent one"
    return None


@element("teaming", since="6.1.0", cross_check=_persistent_only_if_transient)
class Teaming(Element):
    """The role of a NIC in a team of two (virtio-net failover): ``persistent``, or ``transient`` while it is plugged.

    A transient NIC names the alias of the other in ``persistent``.
    """

    type: str = attr(Choice("persistent", "transient"))
    persistent: str | None = attr(ALIAS, default=None)


def _no_tuning_if_disabled(rom: Rom) -> tuple[str, str] | None:
    tuned = next((name for name in ("bar", "file") if getattr(rom, name) is not None), None)
    return (tuned, "a ROM that is disabled has none") if tuned and rom.enabled is False else None


@element("rom", cross_check=_no_tuning_if_disabled, cross_fields=("bar", "file"))
class Rom(Element):
    """The option ROM: ``bar`` shows it in the guest's memory map, ``enabled`` loads it at all, ``file`` replaces it."""

    bar: bool | None = attr(OnOff(), default=None, since="0.9.10")
    enabled: bool | None = attr(YesNo(), default=None, since="4.3.0")
    file: str | None = attr(ABSOLUTE_PATH, default=None, since="0.9.10")


def _index_from_1(acpi: Acpi) -> tuple[str, str] | None:
    return ("index", "0 is no index: they count from 1") if acpi.index == 0 else None


@element("acpi", cross_check=_index_from_1, cross_fields=("index",))
class Acpi(Element):
    """What ACPI tells the guest: the ``index`` in the NIC's name (``eno1``), and its NUMA nodes such as ``0-1``."""

    index: int | None = attr(Int(), default=None, since="7.3.0")
    nodeset: str | None = attr(Text(r"[0-9,\-\^]+"), default=None, since="11.8.0")


@element(
    "interface",
    field_checks=OF_INTERFACES,
    compared_with=("source", "model", "backend", "virtualport"),
    together_since=TOGETHER_SINCE,
)
class Interface(Element):
    """``<interface>``: one NIC of the guest. The fields are in the order in which libvirt writes them.

    ``source`` says what the NIC is plugged into, and its class is the interface's type. Many fields are elements of
    their own class. Of the others:

    - ``managed``: libvirt detaches the host device from its driver and gives it back.
    - ``mac``; ``mac_type`` whether an ESX server generated it, ``mac_check`` whether it checks it; ``mac_current`` the
      one that the guest set, in live domains.
    - ``trust_guest_rx_filters``: the host follows the guest's changes of MAC address and filters.
    - ``script``, ``downscript``: programs that set up and remove the link; ``backend_domain`` is Xen's.
    - ``target``: the name of the link on the host; ``target_managed``: libvirt makes and removes it.
    - ``model``: what the guest sees, such as ``virtio``; ``link``: ``up`` or ``down``; ``mtu`` in bytes.
    - ``boot_order`` from 1; ``load_parameter`` for s390x; ``alias``, beginning with ``ua-`` if it is the user's.
    - ``address``: where the guest sees the device.
    """

    managed: bool | None = attr(YesNo(), default=None, since="0.9.11")
    trust_guest_rx_filters: bool | None = attr(YesNo(), "trustGuestRxFilters", default=None, since="1.2.10")
    mac: MacAddress | None = at("mac/@address", Mac(), default=None, guest=True)
    mac_type: str | None = at("mac/@type", Choice("generated", "static"), default=None, since="6.6.0")
    mac_check: bool | None = at("mac/@check", YesNo(), default=None)
    mac_current: MacAddress | None = at("mac/@currentAddress", Mac(), default=None, since="11.2.0")
    source: Source = variant("type", *Source.__args__)
    vlan: Vlan | None = child(Vlan, default=None, since="0.10.0")
    virtualport: VirtualPort | None = child(VirtualPort, default=None)
    bandwidth: Bandwidth | None = child(Bandwidth, default=None)
    port: Port | None = child(Port, default=None)
    ips: tuple[IpAddress, ...] = children(IpAddress, default=(), since="1.2.12", guest=True)
    routes: tuple[Route, ...] = children(Route, default=(), since="1.2.12", guest=True)
    port_forwards: tuple[PortForward, ...] = children(PortForward, default=(), since="9.0.0")
    script: str | None = at("script/@path", Text(".+"), default=None)
    downscript: str | None = at("downscript/@path", Text(".+"), default=None, since="6.4.0")
    backend_domain: str | None = at("backenddomain/@name", Text(r"[^\n]+"), default=None, since="1.2.13")
    target: str | None = at("target/@dev", DEVICE_NAME, default=None)
    target_managed: bool | None = at("target/@managed", YesNo(), default=None, since="5.7.0")
    guest: GuestLink | None = child(GuestLink, default=None, since="1.2.7", guest=True)
    model: str | None = at(
        "model/@type",
        Token(
            r"[a-zA-Z0-9\-_]+",
            newer={"virtio-transitional": "5.2.0", "virtio-non-transitional": "5.2.0", "igb": "9.3.0"},
        ),
        default=None,
        guest=True,
    )
    driver: Driver | None = child(Driver, default=None, before_variant="hostdev")
    backend: Backend | None = child(Backend, default=None)
    filter: Filter | None = child(Filter, default=None, since="0.8.0")
    tune: Tune | None = child(Tune, default=None)
    teaming: Teaming | None = child(Teaming, default=None, guest=True)
    link: str | None = at("link/@state", Choice("up", "down"), default=None, since="0.9.5", guest=True)
    mtu: int | None = at("mtu/@size", Int(0, 65535), default=None, since="3.1.0", guest=True)
    coalesce: Coalesce | None = child(Coalesce, default=None, since="3.3.0")
    boot_order: int | None = at("boot/@order", Int(1), default=None, since="0.8.8", guest=True)
    load_parameter: str | None = at("boot/@loadparm", _LOAD_PARAMETER, default=None, since="3.5.0", guest=True)
    alias: str | None = at("alias/@name", ALIAS, default=None)
    rom: Rom | None = child(Rom, default=None)
    acpi: Acpi | None = child(Acpi, default=None, guest=True)
    address: GuestAddress | None = child(*GuestAddress.__args__, default=None, guest=True)


@element("hostdev", field_checks=OF_HOSTDEVS, implied=("mode",), mode="subsystem", type="pci")
class Hostdev(Element):
    """``<hostdev type='pci'>``: a PCI function of the host, passed through to the guest.

    ``source`` is the function's address on the host, ``address`` the one in the guest. ``managed`` lets libvirt detach
    it from its driver; ``display`` shows the guest's screen that a vGPU draws, and ``ramfb`` gives that a frame buffer
    for the time until its driver runs; ``write_filtering`` says whether Xen filters writes to its configuration space.
    libvirt has a ``startup_policy`` for USB devices alone. ``readonly`` and ``shareable`` are True or absent. The other
    fields are those of ``Interface``.
    """

    managed: bool | None = attr(YesNo(), default=None)
    display: bool | None = attr(OnOff(), default=None, since="11.0.0", guest=True)
    ramfb: bool | None = attr(OnOff(), default=None, since="11.0.0", guest=True)
    driver: HostdevDriver | None = child(HostdevDriver, default=None)
    source: PciHostAddress | RawElement = child(PciHostAddress, inside="source")
    startup_policy: str | None = at("source/@startupPolicy", Choice("mandatory", "requisite", "optional"), default=None)
    write_filtering: bool | None = at("source/@writeFiltering", YesNo(), default=None)
    teaming: Teaming | None = child(Teaming, default=None, since="7.1.0", guest=True)
    readonly: bool | None = at("readonly", Present(), default=None)
    shareable: bool | None = at("shareable", Present(), default=None)
    boot_order: int | None = at("boot/@order", Int(1), default=None, since="0.8.8", guest=True)
    load_parameter: str | None = at("boot/@loadparm", _LOAD_PARAMETER, default=None, since="3.5.0", guest=True)
    alias: str | None = at("alias/@name", ALIAS, default=None)
    rom: Rom | None = child(Rom, default=None)
    acpi: Acpi | None = child(Acpi, default=None, guest=True)
    address: GuestAddress | None = child(*GuestAddress.__args__, default=None, guest=True)


Device = Interface | Hostdev
"""A network device of a domain, as ``render``, ``compile`` and ``read_device`` give it."""


def read_device(text: str | bytes, *, lossless: bool = False, file: str = "<xml>") -> Device:
    """Read one ``<interface>`` or ``<hostdev type='pci'>``.

    Strict reading refuses all that libvirt's grammar does not have; XmlError has line, column, path and code of each
    problem, and ``file`` in its place. With ``lossless``, what kvnet does not model or libvirt would refuse is left out
    of the device, but ``write`` gives it back where it was: unknown attributes and elements, comments, the order of
    children, the spelling of numbers. A source that cannot be read is a ``RawElement``.

    Raises XmlError for text that is not such a device, TypeError for what is not text.

    >>> read_device("<interface type='bridge'><source bridge='br0'/><mtu size='1500'/></interface>")
    Interface(source=BridgeSource(bridge='br0'), mtu=1500)
    """
    device: Device = _reader()(text, Interface, Hostdev, lossless=lossless, file=file)
    return device


@cache
def _reader() -> Callable[..., Any]:
    from kvnet.xml.reading import read  # noqa: PLC0415 - takes lxml

    return read
