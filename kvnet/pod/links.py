"""Plan the links of a machine's pod: which networks are due, what they need, and what is kept of the pod."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address
from types import MappingProxyType

from attrs import field, frozen

from kvnet._arguments import checked
from kvnet.errors import Problem, Rejected
from kvnet.hotplug.policy import networks_to_set_up
from kvnet.pod._whole import link_names, whole
from kvnet.pod.desired import DesiredLink, Sysctl
from kvnet.pod.found import BridgeLease, Phase, PodFound, Preparation
from kvnet.pod.kept import Kept, kept_of
from kvnet.pod.link_sets import LinkSet, Plumbing, link_set, owner_of
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


def _without_interface(machine: Machine, unused: set[str]) -> Iterable[Problem]:
    for n, network in enumerate(machine.networks):
        if network.name in unused:
            at, message = (machine.root / "networks")[n] / "name", f"no interface is named '{network.name}'"
            yield Problem(at, "KN125", message, hint=f"add `- name: {network.name}` to domain.devices.interfaces")


def _undone(networks: tuple[str, ...], found: PodFound, *problems: Problem, gives_up: bool = False) -> PodLinks:
    """Nothing is done, and everything stays as it was found."""
    states = found.preparations
    return PodLinks(
        networks=networks,
        leases=found.leases,
        before=states,
        after=states,
        problems=problems,
        gives_up=gives_up,
    )


def _planned(
    machine: Machine, target: Target, found: PodFound, networks: tuple[str, ...], nics: tuple[Nic, ...]
) -> PodLinks:
    """The plan for NICs, of which some are due, finished, or to be taken out."""
    plugged = [nic for nic in nics if not isinstance(nic.binding, Sriov)]
    state = {nic.name: found.preparations.get(nic.name, Preparation.PENDING) for nic in plugged}
    stuck = [nic for nic in plugged if state[nic.name] is Preparation.STARTED and not nic.interface.is_absent]
    if stuck:
        return _undone(networks, found, *map(_cannot_restart, stuck), gives_up=True)
    pending = [nic for nic in plugged if state[nic.name] is Preparation.PENDING and not nic.interface.is_absent]
    removed = [nic for nic in plugged if state[nic.name] is not Preparation.PENDING and nic.interface.is_absent]
    if not pending and not removed:
        return _undone(networks, found)
    names = link_names(machine, networks, found)
    kept = kept_of([nic for nic in nics if not nic.interface.is_absent], names, found)
    plugins = target.facts.binding_plugins or target.cluster.binding_plugins or {}
    owner = owner_of(machine, target.cluster.feature_gates)
    plumbing = Plumbing(machine=machine, found=found, names=names, owner=owner, plugins=plugins)
    return _Setup(networks, found, pending, removed, kept, names).plan(nics, plumbing)


@frozen
class _Setup:
    """The networks that are set up, those that are taken out, and what is kept of the pod."""

    networks: tuple[str, ...]
    found: PodFound
    pending: list[Nic]
    removed: list[Nic]
    kept: Kept
    names: Mapping[str, str]

    def plan(self, nics: tuple[Nic, ...], plumbing: Plumbing) -> PodLinks:
        if self.kept.problem is not None:
            return self._made(self.found.preparations, self.found.preparations, problems=(self.kept.problem,))
        started = {**self.found.preparations, **{nic.name: Preparation.STARTED for nic in self.pending}}
        try:
            sets = [link_set(nic, n, plumbing) for n, nic in enumerate(nics)]
        except Rejected as uncountable:
            return self._made(started, started, problems=uncountable.problems, gives_up=True)
        problem = next((each.problem for each in sets if each.problem is not None), None)
        if problem is not None:
            return self._made(started, started, problems=(problem,), gives_up=True)
        finished = {**started, **{nic.name: Preparation.FINISHED for nic in self.pending}}
        gone = tuple(nic.name for nic in self.removed)
        after = {name: each for name, each in finished.items() if name not in gone}
        return self._made(started, after, sets, gone)

    def _made(
        self,
        before: Mapping[str, Preparation],
        after: Mapping[str, Preparation],
        sets: Iterable[LinkSet] = (),
        gone: tuple[str, ...] = (),
        *,
        problems: tuple[Problem, ...] = (),
        gives_up: bool = False,
    ) -> PodLinks:
        sets, forgotten = tuple(sets), {self.names.get(name) for name in gone}
        leases = {**self.found.leases, **self.kept.leases}
        return PodLinks(
            networks=self.networks,
            is_due=True,
            links=tuple(link for each in sets for link in each.links),
            sysctls=tuple(dict.fromkeys(sysctl for each in sets for sysctl in each.sysctls)),
            leases={name: lease for name, lease in leases.items() if name not in forgotten},
            pod_ips=self.kept.pod_ips,
            forgotten=gone,
            before=before,
            after=after,
            gives_up=gives_up,
            problems=problems,
        )


def _cannot_restart(nic: Nic) -> Problem:
    message = f"the links of '{nic.name}' were begun and not finished, and cannot be begun again"
    return Problem(nic.at, "KN841", message, hint="delete the pod, and start the machine in a new one")
