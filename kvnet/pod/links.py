"""Plan the links of a machine's pod: which networks are due, what they need, and what is kept of the pod."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address
from types import MappingProxyType

from attrs import evolve, field, frozen

from kvnet._arguments import checked
from kvnet.errors import Problem, Rejected
from kvnet.hotplug.policy import networks_to_set_up
from kvnet.pod._whole import link_names, whole
from kvnet.pod.desired import DesiredLink, Sysctl
from kvnet.pod.found import BridgeLease, Phase, PodFound, Preparation
from kvnet.pod.kept import kept_of
from kvnet.pod.link_sets import Plumbing, link_set, owner_of
from kvnet.spec import Machine, Sriov
from kvnet.spec.nic import Nic, nics_of
from kvnet.target import Target, checked_target

__all__ = ["PodLinks", "checked_found", "networks_of", "nics_in", "pod_links"]


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
    expansion = whole(machine, target)
    if any(each.is_error for each in expansion.problems):
        return _undone((), found, *expansion.problems)
    machine = expansion.machine
    networks = networks_of(machine, phase)
    nics = nics_in(machine, networks)
    unused = set(networks) - {nic.name for nic in nics}
    if unused:
        return _undone(networks, found, *_without_interface(machine, unused))
    return _planned(machine, target, found, networks, nics)


def checked_found(found: PodFound | None) -> PodFound:
    """What was found in a pod, nothing for None. Raises TypeError for anything else."""
    if found is None:
        return _NOTHING_FOUND
    return checked(found, PodFound, "a PodFound", "read one with kvnet.load_found, or leave it out")


def networks_of(machine: Machine, phase: Phase) -> tuple[str, ...]:
    """The networks that are set up in a phase (KubeVirt's ``pkg/network/setup/filters.go``)."""
    if phase is Phase.LIVE_UPDATE:
        return networks_to_set_up(machine)
    known = [network.name for network in machine.networks]
    if phase is Phase.MIGRATION_TARGET:
        return tuple(known)
    return tuple(nic.name for nic in machine.interfaces if not nic.is_absent and nic.name in known)


def nics_in(machine: Machine, networks: Iterable[str]) -> tuple[Nic, ...]:
    """The NICs of networks, in the order of the networks."""
    by_name = {nic.name: nic for nic in reversed(nics_of(machine))}
    return tuple(by_name[name] for name in networks if name in by_name)


_NOTHING_FOUND = PodFound()
_PENDING = Preparation.PENDING


def _without_interface(machine: Machine, unused: set[str]) -> Iterable[Problem]:
    for n, network in enumerate(machine.networks):
        if network.name in unused:
            at, message = (machine.root / "networks")[n] / "name", f"no interface is named '{network.name}'"
            yield Problem(at, "KN125", message, hint=f"add `- name: {network.name}` to domain.devices.interfaces")


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
    kept = kept_of([nic for nic in nics if not nic.interface.is_absent], names, found)
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
