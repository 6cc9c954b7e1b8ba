"""``spec.domain.devices.interfaces[]``: one NIC of the guest and its binding (KubeVirt's v1.Interface)."""

from __future__ import annotations

from attrs import field, frozen

from kvnet.spec.wire import BriefRepr, Int32, Int64, IpText, UInt32, members

__all__ = [
    "BINDINGS",
    "REMOVED_BINDINGS",
    "Binding",
    "Bridge",
    "DhcpOptions",
    "Interface",
    "Macvtap",
    "Masquerade",
    "PasstBinding",
    "PasstRemoved",
    "Plugin",
    "Port",
    "PortRange",
    "PrivateOption",
    "RemovedBinding",
    "Slirp",
    "Sriov",
]


@frozen(kw_only=True, slots=False, repr=False)
class Bridge(BriefRepr):
    """A tap on an in-pod Linux bridge; the pod's MAC and IPv4 address move to the guest."""


@frozen(kw_only=True, slots=False, repr=False)
class Masquerade(BriefRepr):
    """A tap behind NAT in the pod; for pod networks only."""


@frozen(kw_only=True, slots=False, repr=False)
class Sriov(BriefRepr):
    """A virtual function passed through with VFIO; it becomes a ``<hostdev>``."""


@frozen(kw_only=True, slots=False, repr=False)
class PasstBinding(BriefRepr):
    """A vhost-user NIC served by passt; for pod networks only."""


@frozen(kw_only=True, slots=False, repr=False)
class Plugin(BriefRepr):
    """A network binding plugin.

    - ``name``: under which it is registered in the KubeVirt object
    """

    name: str


@frozen(kw_only=True, slots=False, repr=False)
class Slirp(BriefRepr):
    """Removed from KubeVirt 1.3; kept as a class so that it can be refused by name."""


@frozen(kw_only=True, slots=False, repr=False)
class Macvtap(BriefRepr):
    """Removed from KubeVirt 1.3; kept as a class so that it can be refused by name."""


@frozen(kw_only=True, slots=False, repr=False)
class PasstRemoved(BriefRepr):
    """The former ``passt`` member, removed from KubeVirt 1.3 in favour of ``passtBinding``."""


RemovedBinding = Slirp | Macvtap | PasstRemoved
REMOVED_BINDINGS: frozenset[type] = frozenset(RemovedBinding.__args__)
Binding = Bridge | Masquerade | Sriov | PasstBinding | Plugin | RemovedBinding

BINDINGS: dict[str, type[Binding]] = {
    "bridge": Bridge,
    "masquerade": Masquerade,
    "sriov": Sriov,
    "passtBinding": PasstBinding,
    "binding": Plugin,
    "slirp": Slirp,
    "macvtap": Macvtap,
    "passt": PasstRemoved,
}
"""The JSON member of an interface that stands for each binding."""


@frozen(kw_only=True, slots=False, repr=False)
class Port(BriefRepr):
    """A port that is forwarded to the guest.

    - ``port``: its number
    - ``name``: a service name, unique within the interface
    - ``protocol``: ``TCP`` or ``UDP``; TCP where it is absent
    """

    port: Int32
    name: str | None = None
    protocol: str | None = None


@frozen(kw_only=True, slots=False, repr=False)
class PortRange(BriefRepr):
    """A range of forwarded ports (feature gate PortRangesSpec).

    - ``protocol``: ``TCP`` or ``UDP``
    - ``start``, ``end``: the first and the last port
    """

    protocol: str
    start: Int32
    end: Int32


@frozen(kw_only=True, slots=False, repr=False)
class PrivateOption(BriefRepr):
    """A DHCP option of the private range (RFC 3942).

    - ``option``: its number, 224 to 254
    - ``value``: as text
    """

    option: Int64
    value: str


@frozen(kw_only=True, slots=False, repr=False)
class DhcpOptions(BriefRepr):
    """What the DHCP server in the pod adds for this interface.

    - ``boot_file_name``: option 67
    - ``tftp_server_name``: option 66
    - ``ntp_servers``: IPv4 addresses, option 42
    - ``private_options``: options of the private range
    """

    boot_file_name: str | None = None
    tftp_server_name: str | None = None
    ntp_servers: tuple[IpText, ...] = ()
    private_options: tuple[PrivateOption, ...] = ()


def _as_tuple(bindings: Binding | tuple[Binding, ...]) -> tuple[Binding, ...]:
    return bindings if isinstance(bindings, tuple) else (bindings,)


@frozen(kw_only=True, slots=False, repr=False)
class Interface(BriefRepr):
    """One NIC.

    - ``name``: that of its network
    - ``bindings``: every binding member that was given; an admitted NIC has exactly one
    - ``model``: such as ``virtio`` or ``e1000``; virtio where it is absent
    - ``ports``: forwarded to the guest; KubeVirt tells ``None``, which forwards all, from an empty list
    - ``port_ranges``: likewise
    - ``mac_address``: as text, in any form that KubeVirt reads
    - ``boot_order``: its turn among NICs and disks, from 1
    - ``pci_address``: of the guest, as ``dddd:bb:ss.f``
    - ``dhcp_options``: what the pod's DHCP server adds
    - ``tag``: the tag of the NIC in the guest's metadata
    - ``acpi_index``: which names the NIC in the guest
    - ``state``: of the link, ``up``, ``down`` or ``absent``
    """

    name: str
    bindings: tuple[Binding, ...] = field(default=(), converter=_as_tuple, metadata=members(BINDINGS))
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
