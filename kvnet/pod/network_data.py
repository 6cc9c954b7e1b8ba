"""Write the network data of cloud-init for what KubeVirt leaves to the guest, and compare it with a machine's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv6Address, IPv6Interface
from typing import Any, Final

from attrs import evolve, frozen

from kvnet.compiler.pod import PodNetworks
from kvnet.errors import FieldPath, Problem, Severity
from kvnet.manifest.dumping import as_yaml
from kvnet.manifest.network_data import GuestLink, Written
from kvnet.pipeline import placed
from kvnet.pod._basis import whole
from kvnet.rules.context import Nic, OnNad, RuleContext
from kvnet.rules.guest_network import (
    USUAL_MTU,
    VolumeData,
    has_dhcp,
    ipv6_network,
    is_nic,
    known_mtu,
    network_data_of,
    pod_has,
)
from kvnet.rules.occasions import is_windows
from kvnet.rules.reach_advice import guest_has_its_addresses
from kvnet.spec import Bridge, Machine, Masquerade, PasstBinding
from kvnet.target import Target, checked_target
from kvnet.values import MacAddress

__all__ = ["NetworkData", "NetworkDataLink", "check_network_data", "network_data"]

_DEFAULT_ROUTE: Final = "::/0"
_HINT: Final = "`kvnet cloud-init` prints the network data"


@frozen(kw_only=True)
class NetworkDataLink:
    """What the guest has to be told of one NIC.

    - ``network``: the name of the machine's network
    - ``name``: the link's name in the guest, as Linux gives it by the order of NICs; the link is found by its address
    - ``mac``: its address; ``None`` where it is not known, and the link is then not written
    - ``dhcp4``: whether it gets an IPv4 address by DHCP
    - ``ipv6``: its IPv6 address, with its prefix
    - ``gateway6``: of the IPv6 default route
    - ``is_ipv6_assumed``: whether nothing tells that the pod has IPv6
    - ``mtu``: in bytes, where neither DHCP nor libvirt tells it
    """

    network: str
    name: str
    mac: MacAddress | None = None
    dhcp4: bool = False
    ipv6: IPv6Interface | None = None
    gateway6: IPv6Address | None = None
    is_ipv6_assumed: bool = False
    mtu: int | None = None

    @property
    def needs_nothing(self) -> bool:
        """Whether KubeVirt leaves nothing of this NIC to the guest."""
        return not self.dhcp4 and self.ipv6 is None and self.mtu is None


@frozen(kw_only=True)
class NetworkData:
    """The network data for one machine.

    - ``links``: one for each NIC of which the guest has to be told anything, in the order of the NICs
    - ``notes``: warnings of links that are not written
    - ``problems``: the errors for which there is no network data

    Both have their places where the machine was read from text.
    """

    links: tuple[NetworkDataLink, ...] = ()
    notes: tuple[Problem, ...] = ()
    problems: tuple[Problem, ...] = ()

    def plain(self, version: int = 2) -> dict[str, Any]:
        """The network data as plain data. Raises ValueError for another version than 1 and 2."""
        if version not in _VERSIONS:
            raise ValueError(f"cloud-init's network data has version 1 or 2, not {version!r}")
        return {"version": version, **_VERSIONS[version](each for each in self.links if each.mac is not None)}

    def text(self, version: int = 2) -> str:
        """The network data as YAML. Raises ValueError for another version than 1 and 2."""
        return as_yaml(self.plain(version))


def network_data(machine: Machine, target: Target | None = None) -> NetworkData:
    """The network data for what KubeVirt leaves to a machine's guest.

    That is the IPv6 address and default route behind masquerade, DHCPv4 on each NIC that a server answers, and the MTU
    of NICs that neither libvirt nor DHCP tells. Masquerade has IPv6 unless the facts' ``pod_networks`` show that the
    pod has none. Links are found by their MAC addresses: those of the machine, its status, or the facts. Other MTUs
    than 1500, and bridges with IPAM, are known from facts and NADs.

    Sources: KubeVirt's user guide, "Interfaces and Networks", and cloud-init's ``network-config-format-v2``.

    >>> import kvnet
    >>> machine = kvnet.loads(
    ...     "{domain: {devices: {interfaces: [{name: a, masquerade: {}, macAddress: '02:00:00:00:00:01'}]}},"
    ...     " networks: [{name: a, pod: {}}]}"
    ... )
    >>> print(network_data(machine).text(), end="")
    version: 2
    ethernets:
      eth0:
        match:
          macaddress: "02:00:00:00:00:01"
        dhcp4: true
        addresses:
        - "fd10:0:2::2/120"
        routes:
        - to: "::/0"
          via: "fd10:0:2::1"
    """
    target = checked_target(machine, target)
    expanded, refusals = whole(machine, target)
    if refusals:
        return NetworkData(problems=placed(machine.origin, refusals))
    context = RuleContext(expanded, target)
    links = tuple(link for link in _links_of(context) if not link.needs_nothing)
    at = {nic.name: nic.at for nic in context.nics}
    notes = [_without_mac(link, at[link.network]) for link in links if link.mac is None]
    return NetworkData(links=links, notes=placed(machine.origin, notes))


def _links_of(context: RuleContext) -> Iterator[NetworkDataLink]:
    """What the guest of a machine has to be told of each NIC that is present, and nothing of some."""
    pod = PodNetworks(context.machine, context.target.facts)
    on_nads = {on.nic.number: on for on in context.on_nads}
    present = [nic for nic in context.nics if not nic.interface.is_absent and nic.network is not None]
    for position, nic in enumerate(present):
        link = NetworkDataLink(
            network=nic.name,
            name=f"eth{position}",
            mac=_mac(context, nic, pod),
            dhcp4=_asks_dhcp(context, nic, on_nads.get(nic.number)),
        )
        mtu = _mtu(context, nic, on_nads.get(nic.number), dhcp4=link.dhcp4)
        yield evolve(_with_ipv6(context, nic, link), mtu=mtu)


def _mac(context: RuleContext, nic: Nic, pod: PodNetworks) -> MacAddress | None:
    """The address of a NIC: the machine's, else that of its status, else that of the pod's link."""
    status = context.machine.status
    reported = [each.mac for each in (status.interfaces if status else ()) if each.name == nic.name]
    for text in (nic.interface.mac_address, *reported):
        if text:
            try:
                return MacAddress.parse(text)
            except ValueError:
                return None
    link = pod.attachment(nic.network).link if nic.network is not None else None
    return link.mac if link is not None else None


def _asks_dhcp(context: RuleContext, nic: Nic, on: OnNad | None) -> bool:
    """Whether a server answers the NIC: KubeVirt's, or passt. On a NAD, that has to be known."""
    if isinstance(nic.binding, Masquerade | PasstBinding):
        return pod_has(context, 4) is not False
    if not isinstance(nic.binding, Bridge):
        return False
    served = has_dhcp(context, nic, on)
    return nic.on_pod_network if served is None else served


def _with_ipv6(context: RuleContext, nic: Nic, link: NetworkDataLink) -> NetworkDataLink:
    network = ipv6_network(nic) if isinstance(nic.binding, Masquerade) else None
    has_ipv6 = pod_has(context, 6)
    if network is None or has_ipv6 is False:
        return link
    guest, gateway = network.guest, network.gateway.ip
    assert isinstance(guest, IPv6Interface)
    assert isinstance(gateway, IPv6Address)
    pod = nic.network.pod if nic.network is not None else None
    is_told = has_ipv6 or (pod is not None and bool(pod.vm_ipv6_network_cidr))
    return evolve(link, ipv6=guest, gateway6=gateway, is_ipv6_assumed=not is_told)


def _mtu(context: RuleContext, nic: Nic, on: OnNad | None, *, dhcp4: bool) -> int | None:
    """The MTU that the guest does not learn otherwise: virtio tells it, and KubeVirt's DHCP server, but not Windows."""
    by_libvirt = context.has_tap(nic) and nic.interface.is_virtio
    by_dhcp = dhcp4 and not is_windows(context.machine, context.target)
    if by_libvirt or by_dhcp:
        return None
    mtu = known_mtu(context, nic, on)
    return mtu if mtu != USUAL_MTU else None


def _version_2(links: Iterable[NetworkDataLink]) -> dict[str, Any]:
    return {"ethernets": {each.name: dict(_ethernet(each)) for each in links}}


def _ethernet(link: NetworkDataLink) -> Iterator[tuple[str, Any]]:
    yield "match", {"macaddress": str(link.mac)}
    if link.dhcp4:
        yield "dhcp4", True
    if link.ipv6 is not None:
        yield "addresses", [str(link.ipv6)]
        yield "routes", [{"to": _DEFAULT_ROUTE, "via": str(link.gateway6)}]
    if link.mtu is not None:
        yield "mtu", link.mtu


def _version_1(links: Iterable[NetworkDataLink]) -> dict[str, Any]:
    return {"config": [dict(_physical(each)) for each in links]}


def _physical(link: NetworkDataLink) -> Iterator[tuple[str, Any]]:
    yield from {"type": "physical", "name": link.name, "mac_address": str(link.mac)}.items()
    if link.mtu is not None:
        yield "mtu", link.mtu
    subnets: list[dict[str, str]] = [{"type": "dhcp4"}] if link.dhcp4 else []
    if link.ipv6 is not None:
        subnets.append({"type": "static6", "address": str(link.ipv6), "gateway": str(link.gateway6)})
    if subnets:
        yield "subnets", subnets


_VERSIONS: Final[Mapping[int, Callable[[Iterable[NetworkDataLink]], dict[str, Any]]]] = {1: _version_1, 2: _version_2}


def _without_mac(link: NetworkDataLink, at: FieldPath) -> Problem:
    message = f"the MAC address of '{link.network}' is not known, so no network data is written for it"
    hint = "write `macAddress`, or give facts with the address of the pod's link"
    return Problem(at, "KN835", message, hint=hint, severity=Severity.WARNING)


def check_network_data(machine: Machine, target: Target | None = None) -> tuple[Problem, ...]:
    """What the network data in a machine's cloud-init volumes lacks, or has otherwise than ``network_data``.

    Differences are errors, with their places where the machine was read from text. Without network data, cloud-init
    asks a DHCP server on the first NIC; what is left then is told. Data in a Secret is not read, which is a note. IPv6
    that is only assumed is not missed.
    """
    target = checked_target(machine, target)
    expanded, refusals = whole(machine, target)
    if refusals:
        return placed(machine.origin, refusals)
    context = RuleContext(expanded, target)
    data = list(network_data_of(context))
    unread = [each for each in data if each.links is None]
    if unread:
        return placed(machine.origin, map(_unread, unread))
    wrong = list(guest_has_its_addresses(context))
    return placed(machine.origin, (*wrong, *_lacking(context, data, has_wrong=bool(wrong))))


def _lacking(context: RuleContext, data: Sequence[VolumeData], *, has_wrong: bool) -> Iterator[Problem]:
    nics = {nic.name: nic for nic in context.nics}
    for wanted in _links_of(context):
        nic = nics[wanted.network]
        holder, link = _configured(context, nic, wanted, data)
        missing = list(_missing(wanted, link, has_wrong=has_wrong))
        if missing and holder is None:
            message = f"no network data configures '{nic.name}' in the guest, which needs {_listed(missing)}"
            yield Problem(context.root / "volumes", "KN834", message, hint=_HINT)
        elif missing and holder is not None:
            message = f"the network data of '{nic.name}' lacks {_listed(missing)}"
            problem = Problem(holder.at, "KN834", message, hint=_HINT)
            yield problem.placed(holder.place(context, Written("", link.path)))
        if holder is not None and link.mtu is not None and wanted.mtu is not None and link.mtu.text != str(wanted.mtu):
            message = f"the MTU of '{nic.name}' is {wanted.mtu}, not {link.mtu.text}"
            problem = Problem(holder.at, "KN834", message, hint=f"write `mtu: {wanted.mtu}`")
            yield problem.placed(holder.place(context, link.mtu))


def _listed(missing: Sequence[str]) -> str:
    return " and ".join(f"`{each}`" for each in missing)


def _configured(
    context: RuleContext, nic: Nic, wanted: NetworkDataLink, data: Sequence[VolumeData]
) -> tuple[VolumeData | None, GuestLink]:
    """What is configured of a NIC, and where. Without any data, cloud-init asks for DHCP on the first NIC."""
    for each in data:
        for link in each.links or ():
            is_it = link.mac == wanted.mac if link.mac and wanted.mac else is_nic(context, nic, link)
            if link.is_nic and is_it:
                return each, link
    return None, GuestLink(dhcp4=wanted.name == "eth0" and not data)


def _missing(wanted: NetworkDataLink, link: GuestLink, *, has_wrong: bool) -> Iterator[str]:
    """What has to be added to a link of the network data. Another IPv6 address has been told already."""
    if wanted.dhcp4 and not link.dhcp4:
        yield "dhcp4: true"
    needs_ipv6 = wanted.ipv6 is not None and (not wanted.is_ipv6_assumed or bool(link.gateways))
    if needs_ipv6 and not link.addresses and not has_wrong:
        yield f'addresses: ["{wanted.ipv6}"]'
        if not link.gateways:
            yield f'routes: [{{to: "::/0", via: "{wanted.gateway6}"}}]'
    if wanted.mtu is not None and link.mtu is None:
        yield f"mtu: {wanted.mtu}"


def _unread(data: VolumeData) -> Problem:
    message = "this network data is not compared: it is in a Secret, or of another form than versions 1 and 2"
    return Problem(data.at, "KN836", message, hint=_HINT, severity=Severity.NOTE)
