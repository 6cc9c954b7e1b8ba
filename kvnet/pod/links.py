"""Plan the links of a machine's pod: which networks are due, what they need, and what is kept of the pod."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from types import MappingProxyType
from typing import Final

from attrs import evolve, field, frozen

from kvnet.errors import Problem, Rejected
from kvnet.interface_status.sources import status_interfaces
from kvnet.pod._basis import checked_found, link_names, missing_link, networks_of, nics_in, whole, without_interface
from kvnet.pod.found import BridgeLease, FoundLink, FoundRoute, LeaseRoute, Phase, PodFound, Preparation
from kvnet.pod.link_sets import DesiredLink, Plumbing, Sysctl, link_set, owner_of, unbound
from kvnet.spec import Bridge, Machine, Masquerade, PasstBinding, Sriov
from kvnet.spec.nic import Nic
from kvnet.target import Target, checked_target
from kvnet.values import MacAddress

__all__ = ["PodLinks", "pod_links"]

PodAddress = IPv4Address | IPv6Address
_NEEDS_LINK: Final = (Bridge, Masquerade, PasstBinding)
_ANYWHERE: Final = IPv4Network("0.0.0.0/0")
_PENDING: Final = Preparation.PENDING


@frozen(kw_only=True)
class PodLinks:
    """What to do to the links of a pod. It is empty where everything is done already.

    - ``networks``: that are set up in this phase
    - ``is_due``: whether there is anything to do
    - ``links``: to be made or removed, in order
    - ``sysctls``: to be set once the links are there
    - ``leases``: by the pod's link, what is kept for the DHCP of bridges afterwards, earlier ones included
    - ``pod_ips``: by network, the pod's addresses, which the status reports
    - ``forgotten``: the networks that were taken out, of which nothing is kept
    - ``before``: how far each network is while the links are made, should that be interrupted
    - ``after``: how far each network is afterwards
    - ``gives_up``: whether KubeVirt never tries again after the problem, rather than until it is gone
    - ``problems``: why the links cannot be made; ``links`` is empty then
    """

    networks: tuple[str, ...] = ()
    is_due: bool = False
    links: tuple[DesiredLink, ...] = ()
    sysctls: tuple[Sysctl, ...] = ()
    leases: Mapping[str, BridgeLease] = field(default=MappingProxyType({}), hash=False)
    pod_ips: Mapping[str, tuple[IPv4Address | IPv6Address, ...]] = field(default=MappingProxyType({}), hash=False)
    forgotten: tuple[str, ...] = ()
    before: Mapping[str, Preparation] = field(default=MappingProxyType({}), hash=False)
    after: Mapping[str, Preparation] = field(default=MappingProxyType({}), hash=False)
    gives_up: bool = False
    problems: tuple[Problem, ...] = ()


def pod_links(
    machine: Machine,
    target: Target | None = None,
    found: PodFound | None = None,
    *,
    phase: Phase | str = Phase.STARTUP,
) -> PodLinks:
    """Plan the links of a machine's pod: bridges, taps, the renamed NIC, dummies, addresses and kernel settings.

    Networks whose set-up is finished are left alone, and those of absent NICs are taken out once they are set up. What
    is wrong is in ``problems`` of the result. Source: KubeVirt 1.9's ``pkg/network/setup``.

    Args:
        machine: the machine, with the status that was last reported where it has one.
        target: the cluster's configuration and binding plugins; the stock ones without it.
        found: what the pod has now; a pod without links where it is left out.
        phase: whether the machine starts, runs, or arrives by a migration.

    Raises TypeError for arguments of another kind, and ValueError for a phase that does not exist.

    >>> import kvnet
    >>> spec = "{domain: {devices: {interfaces: [{name: red, masquerade: {}}]}}, networks: [{name: red, pod: {}}]}"
    >>> pod = kvnet.loads_found("links: [{name: eth0, mtu: 1450, ipv4: [10.244.0.5/24]}]")
    >>> [link.name for link in kvnet.pod_links(kvnet.loads(spec), None, pod).links]
    ['k6t-eth0', 'tap0']
    """
    target, found, phase = checked_target(machine, target), checked_found(found), Phase(phase)
    machine, refusals = whole(machine, target)
    if refusals:
        return _undone((), found, *refusals)
    networks = networks_of(machine, phase)
    nics = nics_in(machine, networks)
    unused = set(networks) - {nic.name for nic in nics}
    if unused:
        missing = [n for n, network in enumerate(machine.networks) if network.name in unused]
        return _undone(networks, found, *[without_interface(machine, n) for n in missing])
    return _planned(machine, target, found, networks, nics)


def _undone(networks: tuple[str, ...], found: PodFound, *problems: Problem, gives_up: bool = False) -> PodLinks:
    """Nothing is done, and everything stays as it was found."""
    return PodLinks(
        networks=networks,
        leases=found.leases,
        before=found.preparations,
        after=found.preparations,
        gives_up=gives_up,
        problems=problems,
    )


def _planned(
    machine: Machine, target: Target, found: PodFound, networks: tuple[str, ...], nics: tuple[Nic, ...]
) -> PodLinks:
    """The plan for NICs, of which some are due, finished, or to be taken out."""
    due = _Due.of(nics, found)
    if due.stuck:
        return _undone(networks, found, *map(_cannot_restart, due.stuck), gives_up=True)
    if not due.pending and not due.removed:
        return _undone(networks, found)
    names = link_names(machine, networks, found)
    kept = _kept_of([nic for nic in nics if not nic.interface.is_absent], names, found)
    nothing = PodLinks(
        networks=networks,
        is_due=True,
        leases={**found.leases, **kept.leases},
        pod_ips=kept.pod_ips,
        before=found.preparations,
        after=found.preparations,
    )
    if kept.problem is not None:
        return evolve(nothing, problems=(kept.problem,))
    plumbing = Plumbing(
        machine=machine,
        found=found,
        names=names,
        owner=owner_of(machine, target.cluster.feature_gates),
        plugins=target.facts.binding_plugins or target.cluster.binding_plugins or {},
    )
    return _made(evolve(nothing, before=due.started, after=due.started), nics, plumbing, due)


def _made(nothing: PodLinks, nics: tuple[Nic, ...], plumbing: Plumbing, due: _Due) -> PodLinks:
    """The plan with the links of all NICs, or with the first problem; finished networks get theirs again.

    To have the same link again changes nothing, and one that another program took away comes back.
    """
    try:
        sets = [link_set(nic, n, plumbing) for n, nic in enumerate(nics)]
    except Rejected as uncountable:
        return evolve(nothing, problems=uncountable.problems, gives_up=True)
    problem = next((each.problem for each in sets if each.problem is not None), None)
    if problem is not None:
        return evolve(nothing, problems=(problem,), gives_up=True)
    forgotten = {plumbing.name(nic) for nic in due.removed}
    return evolve(
        nothing,
        links=tuple(link for each in sets for link in each.links),
        sysctls=tuple(dict.fromkeys(sysctl for each in sets for sysctl in each.sysctls)),
        leases={name: lease for name, lease in nothing.leases.items() if name not in forgotten},
        forgotten=tuple(nic.name for nic in due.removed),
        after=due.finished,
    )


@frozen(kw_only=True)
class _Due:
    """Which NICs are set up, and which are taken out; virtual functions need neither.

    - ``pending``: to be set up
    - ``removed``: set up once, and absent now
    - ``stuck``: begun and not finished
    - ``preparations``: how far all networks are
    """

    pending: tuple[Nic, ...]
    removed: tuple[Nic, ...]
    stuck: tuple[Nic, ...]
    preparations: Mapping[str, Preparation] = field(hash=False)

    @classmethod
    def of(cls, nics: tuple[Nic, ...], found: PodFound) -> _Due:
        plugged = [nic for nic in nics if not isinstance(nic.binding, Sriov)]
        present = [nic for nic in plugged if not nic.interface.is_absent]
        states = found.preparations
        return cls(
            pending=tuple(nic for nic in present if states.get(nic.name, _PENDING) is _PENDING),
            removed=tuple(
                nic for nic in plugged if nic.interface.is_absent and states.get(nic.name, _PENDING) != _PENDING
            ),
            stuck=tuple(nic for nic in present if states.get(nic.name) is Preparation.STARTED),
            preparations=states,
        )

    @property
    def started(self) -> dict[str, Preparation]:
        """How far all networks are once the links are begun."""
        return {**self.preparations, **{nic.name: Preparation.STARTED for nic in self.pending}}

    @property
    def finished(self) -> dict[str, Preparation]:
        """How far all networks are once the links are there, without those that were taken out."""
        done = {**self.preparations, **{nic.name: Preparation.FINISHED for nic in self.pending}}
        gone = {nic.name for nic in self.removed}
        return {name: state for name, state in done.items() if name not in gone}


def _cannot_restart(nic: Nic) -> Problem:
    message = f"the links of '{nic.name}' were begun and not finished, and cannot be begun again"
    return Problem(nic.at, "KN841", message, hint="delete the pod, and start the machine in a new one")


@frozen(kw_only=True)
class _Kept:
    """What is kept of a pod.

    - ``leases``: by the pod's link
    - ``pod_ips``: by network, the main address first
    - ``problem``: why the rest could not be found out
    """

    leases: Mapping[str, BridgeLease] = MappingProxyType({})
    pod_ips: Mapping[str, tuple[PodAddress, ...]] = MappingProxyType({})
    problem: Problem | None = None


def _kept_of(nics: Iterable[Nic], names: Mapping[str, str], found: PodFound) -> _Kept:
    """What is to be kept of the links of NICs, up to the first for which that cannot be found out.

    ``names`` are the pod's links by network. Source: KubeVirt's ``pkg/network/setup/netpod/discover.go``.
    """
    kept = _Kept()
    for nic in nics:
        more = _kept_of_nic(nic, names.get(nic.name, ""), found)
        leases, pod_ips = {**kept.leases, **more.leases}, {**kept.pod_ips, **more.pod_ips}
        kept = _Kept(leases=leases, pod_ips=pod_ips, problem=more.problem)
        if kept.problem is not None:
            break
    return kept


def _kept_of_nic(nic: Nic, name: str, found: PodFound) -> _Kept:
    """What is kept of one NIC, whose link has a name. The guest of a bridge gets no IPv6 address of the pod."""
    if nic.binding is None:
        return _Kept(problem=unbound(nic))
    link = found.link(name)
    if link is None:
        return _Kept(problem=missing_link(nic, name)) if isinstance(nic.binding, _NEEDS_LINK) else _Kept()
    if isinstance(nic.binding, Sriov):
        return _Kept()
    is_bridge = isinstance(nic.binding, Bridge)
    addresses = _pod_ips(nic, evolve(link, ipv6=()) if is_bridge else link, found)
    if isinstance(addresses, Problem):
        return _Kept(problem=addresses)
    pod_ips = {nic.name: addresses} if addresses else {}
    lease = _lease(nic, link, found) if is_bridge else None
    if isinstance(lease, Problem):
        return _Kept(pod_ips=pod_ips, problem=lease)
    return _Kept(leases={link.name: lease} if lease else {}, pod_ips=pod_ips)


def _pod_ips(nic: Nic, link: FoundLink, found: PodFound) -> tuple[PodAddress, ...] | Problem:
    """The first address of each family; of two, that of the node's own family leads."""
    known: list[PodAddress] = [each.ip for each in (link.global_ipv4, link.global_ipv6) if each is not None]
    if len(known) < 2:
        return tuple(known)
    if found.host_ip is None:
        message = f"'{nic.name}' has an IPv4 and an IPv6 address, and it is not known which of them is the main one"
        return Problem(nic.at, "KN843", message, hint="give the node's own address as hostIP")
    return tuple(known if found.host_ip.version == 4 else reversed(known))


def _lease(nic: Nic, link: FoundLink, found: PodFound) -> BridgeLease | Problem:
    """What DHCP tells the guest behind a bridge: the address, gateway and routes that the pod's NIC has now."""
    address = link.global_ipv4
    if address is None:
        return BridgeLease(ipam_disabled=True)
    mac = _mac(nic, link)
    if isinstance(mac, Problem):
        return mac
    routes = [each for each in found.routes if each.link == link.name and each.destination.version == 4]
    if not routes:
        message = f"the pod has no route by '{link.name}', so DHCP has no gateway for '{nic.name}'"
        return Problem(nic.at, "KN842", message, hint="give the network a gateway or routes in the IPAM of its NAD")
    gateway = routes[0].gateway
    return BridgeLease(
        address=address,
        mac=mac,
        gateway=gateway if isinstance(gateway, IPv4Address) else None,
        routes=tuple(_told(each) for each in routes if each.destination != address.network),
    )


def _told(route: FoundRoute) -> LeaseRoute:
    """A route as the guest is told it."""
    destination, gateway = route.destination, route.gateway
    return LeaseRoute(
        destination=destination if isinstance(destination, IPv4Network) and destination != _ANYWHERE else None,
        gateway=gateway if isinstance(gateway, IPv4Address) else None,
    )


def _mac(nic: Nic, link: FoundLink) -> MacAddress | Problem | None:
    """The guest's MAC address: of the spec, else of the status, so that it survives a migration, else of the link."""
    reported = next((each.mac for each in status_interfaces(nic.machine) if each.name == nic.name), None)
    text = nic.interface.mac_address or reported
    if not text:
        return link.mac
    try:
        return MacAddress.parse(text)
    except ValueError as reason:
        hint = "write what the message asks for, or leave the field out"
        return Problem(nic.at / "macAddress", "KN304", str(reason), hint=hint)
