"""``spec.domain.devices.interfaces[]``: one NIC of the guest, as KubeVirt's v1.Interface asks for it."""

from __future__ import annotations

from attrs import frozen

from kvnet.spec.binding import BINDINGS, REMOVED_BINDINGS, Binding
from kvnet.spec.wire import BriefRepr, Int32, Int64, IpText, UInt32, members

__all__ = ["DhcpOptions", "Interface", "Port", "PortRange", "PrivateOption"]


@frozen(kw_only=True, slots=False, repr=False)
class Port(BriefRepr):
    """A port forwarded to the guest; ``protocol`` is TCP where it is absent."""

    port: Int32
    name: str | None = None
    protocol: str | None = None


@frozen(kw_only=True, slots=False, repr=False)
class PortRange(BriefRepr):
    """An inclusive range of forwarded ports (feature gate PortRangesSpec)."""

    protocol: str
    start: Int32
    end: Int32


@frozen(kw_only=True, slots=False, repr=False)
class PrivateOption(BriefRepr):
    """A DHCP option of the private range, 224 to 254 (RFC 3942)."""

    option: Int64
    value: str


@frozen(kw_only=True, slots=False, repr=False)
class DhcpOptions(BriefRepr):
    """What the in-pod DHCP server adds for this interface."""

    boot_file_name: str | None = None
    tftp_server_name: str | None = None
    ntp_servers: tuple[IpText, ...] = ()
    private_options: tuple[PrivateOption, ...] = ()


def _as_tuple(bindings: Binding | tuple[Binding, ...]) -> tuple[Binding, ...]:
    return bindings if isinstance(bindings, tuple) else (bindings,)


@frozen(kw_only=True, slots=False, repr=False)
class Interface(BriefRepr):
    """One NIC. ``bindings`` holds every binding member that was given; a legal NIC has exactly one.

    ``ports`` and ``port_ranges`` are ``None`` where they are absent, which KubeVirt tells from empty.
    """

    name: str
    bindings: tuple[Binding, ...] = members(BINDINGS, default=(), converter=_as_tuple)
    model: str | None = None
    ports: tuple[Port, ...] | None = None
    port_ranges: tuple[PortRange, ...] | None = None
    mac_address: str | None = None
    boot_order: UInt32 | None = None
    pci_address: str | None = None
    dhcp_options: DhcpOptions | None = None
    tag: str | None = None
    acpi_index: Int64 | None = None
    state: str | None = None

    @property
    def binding(self) -> Binding | None:
        """The first binding that KubeVirt still supports, or none."""
        for each in self.bindings:
            if type(each) not in REMOVED_BINDINGS:
                return each
        return None

    @property
    def is_absent(self) -> bool:
        return self.state == "absent"

    @property
    def is_virtio(self) -> bool:
        return self.model in (None, "", "virtio")
