"""The links and kernel settings that each binding puts into a pod, as frozen values.

Source: KubeVirt's ``pkg/network/setup/netpod/netpod.go``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import IPv4Interface, IPv6Interface
from typing import Final

from attrs import field, frozen

from kvnet.compiler.pod import bridge_name, tap_name
from kvnet.defaults import queue_capacity
from kvnet.errors import Problem
from kvnet.interface_status.sources import InfoSource, sources_of, status_interfaces
from kvnet.pod._basis import (
    BRIDGE_MAC,
    GuestNetwork,
    dhcp_server_address,
    guest_network,
    missing_link,
    name_flaw,
    renamed_link,
)
from kvnet.pod.found import FoundLink, PodFound
from kvnet.spec import Bridge, Machine, Masquerade, PasstBinding, Plugin, Sriov
from kvnet.spec.cluster import BindingPlugin
from kvnet.spec.nic import Nic
from kvnet.values import MacAddress

__all__ = [
    "AddressFamily",
    "BridgeLink",
    "DesiredLink",
    "DummyLink",
    "LinkSet",
    "Plumbing",
    "RenamedLink",
    "Sysctl",
    "TapLink",
    "link_set",
    "owner_of",
    "unbound",
]


@frozen(kw_only=True)
class AddressFamily:
    """What a link is to have of IPv4 or of IPv6.

    - ``enabled``: whether the link has the family at all; None leaves it as the kernel made it
    - ``addresses``: with their prefixes; none where it is not enabled
    """

    enabled: bool | None = None
    addresses: tuple[IPv4Interface, ...] | tuple[IPv6Interface, ...] = ()


@frozen(kw_only=True)
class BridgeLink:
    """A Linux bridge between the pod and a tap.

    - ``network``: whose it is
    - ``name``: of the link
    - ``mac``: None for the kernel's own choice
    - ``mtu``: in bytes, None for the kernel's default
    - ``ipv4``, ``ipv6``: its addresses
    - ``is_absent``: the link is to be removed
    """

    network: str
    name: str
    mac: MacAddress | None = None
    mtu: int | None = None
    ipv4: AddressFamily = AddressFamily()
    ipv6: AddressFamily = AddressFamily()
    is_absent: bool = False


@frozen(kw_only=True)
class TapLink:
    """The tap that the domain's NIC is plugged into.

    - ``network``, ``name``, ``is_absent``: as of BridgeLink
    - ``controller``: the bridge that it is a port of
    - ``mtu``: in bytes, None for the kernel's default
    - ``queues``: queue pairs; 0 where the domain asks for none, which makes one
    - ``owner``: the user ID and group ID of the process that opens it
    - ``pid``: a process in the namespace that it is made in, 0 where that is not known
    """

    network: str
    name: str
    controller: str
    mtu: int | None = None
    queues: int = 0
    owner: int = 0
    pid: int = 0
    is_absent: bool = False

    @property
    def multi_queue(self) -> bool:
        """Whether it is made with the kernel's flag IFF_MULTI_QUEUE, which a single queue must not have."""
        return self.queues > 1


@frozen(kw_only=True)
class RenamedLink:
    """The pod's own NIC under another name, as a port of the bridge, without addresses, and without learning.

    Its MAC address becomes that of the bridge, for its own one moves to the guest.

    - ``network``, ``name``: as of BridgeLink
    - ``index``: the kernel's number, by which it is found
    - ``controller``: the bridge
    """

    network: str
    name: str
    index: int | None = None
    controller: str


@frozen(kw_only=True)
class DummyLink:
    """A link that keeps the name, the MAC address and the addresses of the pod's NIC, for who looks at the pod.

    Its fields are those of BridgeLink.
    """

    network: str
    name: str
    mac: MacAddress | None = None
    mtu: int | None = None
    ipv4: AddressFamily = AddressFamily()
    ipv6: AddressFamily = AddressFamily()
    is_absent: bool = False


DesiredLink = BridgeLink | TapLink | RenamedLink | DummyLink
"""A link that a pod is to have, or is to have no longer."""


@frozen(kw_only=True)
class Sysctl:
    """A setting of the kernel in the pod's network namespace.

    - ``path``: below ``/proc/sys``, with slashes, since names of links may have dots
    - ``value``: as text
    """

    path: str
    value: str

    def __str__(self) -> str:
        return f"{self.path}={self.value}"


_NON_ROOT: Final = 107
"""The user and group ID of a machine that does not run as root."""
_ROOT_GATE: Final = "Root"
_NON_ROOT_ANNOTATION: Final = "kubevirt.io/nonroot"
_DISABLED = AddressFamily(enabled=False)
_ARP_IGNORE = Sysctl(path="net/ipv4/conf/all/arp_ignore", value="1")
_FORWARDING: Mapping[int, Sysctl] = {
    4: Sysctl(path="net/ipv4/ip_forward", value="1"),
    6: Sysctl(path="net/ipv6/conf/all/forwarding", value="1"),
}
_PASST = (
    Sysctl(path="net/ipv4/ping_group_range", value=f"{_NON_ROOT} {_NON_ROOT}"),
    Sysctl(path="net/ipv4/ip_unprivileged_port_start", value="0"),
)


@frozen(kw_only=True)
class Plumbing:
    """What the links of all NICs depend on.

    - ``machine``: with its defaults
    - ``found``: what the pod has
    - ``names``: the pod's link of each network
    - ``owner``: of taps
    - ``plugins``: the registered binding plugins
    """

    machine: Machine
    found: PodFound
    names: Mapping[str, str] = field(hash=False)
    owner: int
    plugins: Mapping[str, BindingPlugin] = field(hash=False)

    def name(self, nic: Nic) -> str:
        """The pod's link of a NIC's network; empty where the network has none."""
        return self.names.get(nic.name, "")


@frozen(kw_only=True)
class LinkSet:
    """What one NIC needs in the pod: links in order, settings of the kernel, and why it cannot be made."""

    links: tuple[DesiredLink, ...] = ()
    sysctls: tuple[Sysctl, ...] = ()
    problem: Problem | None = None


def link_set(nic: Nic, position: int, plumbing: Plumbing) -> LinkSet:
    """What one NIC needs in the pod. ``position`` counts the NICs that are set up together, from 0."""
    return _SETS[type(nic.binding)](nic, position, plumbing)


def owner_of(machine: Machine, feature_gates: frozenset[str] = frozenset()) -> int:
    """The user and group ID that may open a machine's taps: 107, or 0 for a machine that runs as root.

    A machine without a status is new: KubeVirt makes it run as 107 unless the feature gate Root is on.
    """
    if _NON_ROOT_ANNOTATION in machine.annotations:
        return _NON_ROOT
    if machine.status is None:
        return 0 if _ROOT_GATE in feature_gates else _NON_ROOT
    return _NON_ROOT if machine.status.rest.get("runtimeUser") else 0


def unbound(nic: Nic) -> Problem:
    """The problem of a NIC without a binding that KubeVirt still has."""
    hint = "write `masquerade: {}` or `bridge: {}`"
    return Problem(nic.at, "KN303", f"interface '{nic.name}' has no binding", hint=hint)


def _masquerade(nic: Nic, _: int, plumbing: Plumbing) -> LinkSet:
    """A bridge with the gateway's addresses, and a tap; the pod's link stays as it is."""
    name = plumbing.name(nic)
    link = plumbing.found.link(name)
    problem = missing_link(nic, name) if link is None else name_flaw(nic, name)
    if link is None or problem is not None:
        return LinkSet(problem=problem)
    families: dict[int, AddressFamily] = {}
    for version, address in ((4, link.global_ipv4), (6, link.global_ipv6)):
        network = guest_network(nic, version) if address else None
        if isinstance(network, Problem):
            return LinkSet(problem=network)
        families[version] = _of_gateway(network)
    bridge = BridgeLink(
        network=nic.name,
        name=bridge_name(name),
        mac=BRIDGE_MAC,
        mtu=link.mtu,
        ipv4=families[4],
        ipv6=families[6],
    )
    sysctls = [_FORWARDING[version] for version, family in families.items() if family.enabled]
    if families[4].enabled:
        sysctls.insert(0, Sysctl(path=f"net/ipv4/conf/{bridge.name}/route_localnet", value="1"))
    return LinkSet(links=(bridge, _tap(nic, plumbing, link.mtu)), sysctls=tuple(sysctls))


def _of_gateway(network: GuestNetwork | None) -> AddressFamily:
    if network is None:
        return _DISABLED
    return AddressFamily(enabled=True, addresses=(network.gateway,))  # type: ignore[arg-type]


def _bridge(nic: Nic, position: int, plumbing: Plumbing) -> LinkSet:
    """A bridge with the pod's NIC and a tap as ports, and a dummy in place of the NIC.

    The bridge has an address for the DHCP server where the pod's NIC had one to give away.
    """
    if plumbing.found.link(plumbing.name(nic)) is None and not nic.interface.is_absent:
        return LinkSet(problem=missing_link(nic, plumbing.name(nic)))
    source = _source(nic, plumbing)
    ipv4 = AddressFamily()
    if source.global_ipv4 is not None:
        server = dhcp_server_address(nic, position)
        if isinstance(server, Problem):
            return LinkSet(problem=server)
        ipv4 = AddressFamily(enabled=True, addresses=(server,))
    return _bridged(nic, plumbing, source, ipv4)


def _bridged(nic: Nic, plumbing: Plumbing, source: FoundLink, ipv4: AddressFamily) -> LinkSet:
    name, gone = plumbing.name(nic), nic.interface.is_absent and isinstance(nic.binding, Bridge)
    flaw = name_flaw(nic, name)
    if flaw is not None:
        return LinkSet(problem=flaw)
    bridge = BridgeLink(network=nic.name, name=bridge_name(name), ipv4=ipv4, is_absent=gone)
    moved = RenamedLink(network=nic.name, name=renamed_link(name), index=source.index, controller=bridge.name)
    dummy = DummyLink(
        network=nic.name,
        name=name,
        mac=source.mac,
        mtu=source.mtu,
        ipv4=AddressFamily(enabled=source.ipv4_enabled, addresses=source.ipv4),
        ipv6=AddressFamily(enabled=source.ipv6_enabled, addresses=source.ipv6),
        is_absent=gone,
    )
    tap = _tap(nic, plumbing, source.mtu, is_absent=gone)
    links = (bridge, tap, dummy) if gone else (bridge, moved, tap, dummy)
    return LinkSet(links=links, sysctls=(_ARP_IGNORE,) if source.global_ipv4 else ())


def _source(nic: Nic, plumbing: Plumbing) -> FoundLink:
    """The link that MTU, MAC and addresses come from: the renamed NIC once there is one, else the pod's link."""
    name = plumbing.name(nic)
    return plumbing.found.link(renamed_link(name)) or plumbing.found.link(name) or FoundLink(name=name)


def _plugin(nic: Nic, _: int, plumbing: Plumbing) -> LinkSet:
    """The links of a plugin with a managed tap: those of a bridge without an address; others have their own."""
    assert isinstance(nic.binding, Plugin)
    plugin = plumbing.plugins.get(nic.binding.name)
    if plugin is None or plugin.domain_attachment_type != "managedTap":
        return LinkSet()
    name = plumbing.name(nic)
    if plumbing.found.link(name) is None:
        return LinkSet(problem=missing_link(nic, name))
    return _bridged(nic, plumbing, _source(nic, plumbing), AddressFamily())


def _tap(nic: Nic, plumbing: Plumbing, mtu: int | None, *, is_absent: bool = False) -> TapLink:
    name = plumbing.name(nic)
    return TapLink(
        network=nic.name,
        name=tap_name(name, secondary=nic.network is not None and nic.network.is_secondary),
        controller=bridge_name(name),
        mtu=mtu,
        queues=_queues(nic),
        owner=plumbing.owner,
        pid=plumbing.found.launcher_pid,
        is_absent=is_absent,
    )


def _queues(nic: Nic) -> int:
    """The queue pairs of a NIC's tap: those that the domain has, else those that it will have."""
    if not nic.interface.is_virtio:
        return 0
    entries = (entry for entry in status_interfaces(nic.machine) if entry.name == nic.name)
    known = next((entry for entry in entries if InfoSource.DOMAIN in sources_of(entry)), None)
    return queue_capacity(nic.machine) if known is None else known.queue_count or 0


_SETS: Mapping[type, Callable[[Nic, int, Plumbing], LinkSet]] = {
    Masquerade: _masquerade,
    Bridge: _bridge,
    Plugin: _plugin,
    Sriov: lambda *_: LinkSet(),
    PasstBinding: lambda *_: LinkSet(sysctls=_PASST),
    type(None): lambda nic, *_: LinkSet(problem=unbound(nic)),
}
