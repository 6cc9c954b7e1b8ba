"""Plan what brings a machine that is up to its manifest while it runs.

What a running machine takes over, and what waits for a restart or a migration, is KubeVirt's own policy
(``pkg/network/controllers/vm.go``, ``pkg/network/vmliveupdate/restart.go``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager

from attrs import evolve, frozen

from kvnet.defaults import with_default_nic
from kvnet.errors import FieldPath, Problem, Rejected, Severity
from kvnet.hotplug import DomainPlan, DomainState, HotplugPolicy, plan_domain
from kvnet.interface_status.sources import InfoSource, sources_of
from kvnet.lifecycle import not_plugged, restart_required, synced
from kvnet.live import Action
from kvnet.node.attachments import PodNetworkConfig, nads_now, network_at, networks_of_pod
from kvnet.node.collect import facts
from kvnet.node.machines import written_out
from kvnet.node.pods import Pod
from kvnet.node.programs import NodeError
from kvnet.node.running import Running, interfaces_of, running_machine
from kvnet.node.state import StateFolder
from kvnet.node.work import attached, known_networks, refuse
from kvnet.pipeline import placed
from kvnet.pod import DesiredLink, assumed_found, found_after, pod_links
from kvnet.pod.assumed import with_lease_routes
from kvnet.spec import Interface, Machine, Network, Sriov, Status
from kvnet.spec.nic import interfaces_at
from kvnet.target import Target, checked_target
from kvnet.xml.parser import parse

__all__ = [
    "MachinePlan",
    "at_manifest",
    "changed_nads",
    "desired_machine",
    "in_domain",
    "in_pod",
    "is_undone",
    "machine_plan",
    "others",
    "planned_domain",
    "running_in_full",
    "told_at_manifest",
    "without",
]


@frozen(kw_only=True)
class MachinePlan:
    """What brings a machine that is up to its manifest, in order.

    - ``name``: ``namespace/name`` of the machine
    - ``attached``: the networks that its pod is attached to first
    - ``links``: that are made in the pod for them
    - ``domain``: the plan of the running domain
    - ``detached``: the networks that its pod is detached from in the end
    - ``problems``: what is left undone, and what waits for a restart or a migration
    """

    name: str
    attached: tuple[PodNetworkConfig, ...] = ()
    links: tuple[DesiredLink, ...] = ()
    domain: DomainPlan
    detached: tuple[PodNetworkConfig, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether there is nothing to do, and nothing that waits."""
        is_due = self.attached or self.links or self.domain.calls or self.detached
        return not is_due and not any(map(is_undone, self.problems))


def machine_plan(machine: Machine, target: Target | None = None, *, state: StateFolder | None = None) -> MachinePlan:
    """Plan what ``machine_change`` would do now, and touch nothing. Arguments and errors are as of that.

    A NIC without a MAC address gets that of the pod's link, which its CNI plugin has yet to make.
    """
    target, state = checked_target(machine, target), state or StateFolder()
    template = written_out(machine, target)
    running = running_in_full(template, target, state)
    desired, problems = desired_machine(template, running)
    before = in_pod(desired, in_domain(running))
    old = known_networks(state.pod(running.name).record)
    with told_at_manifest(desired, template):
        first = networks_of_pod(before, target, known=old)
        pod, links = _assumed(before, target, running.pod, first)
        planned = planned_domain(desired, target, pod, running)
        gone = {call.step.nic for call in planned.calls if call.step.action is Action.DETACH}
        after = in_pod(desired, in_domain(running) - gone)
        known = {each.interface: each for each in first}
        last = networks_of_pod(after, target, known=known)
    changed = changed_nads(desired, target, running.pod, state)
    return MachinePlan(
        name=running.name,
        attached=others(first, old.values()),
        links=links,
        domain=planned,
        detached=others((*old.values(), *first), last),
        problems=(*problems, *at_manifest((*planned.problems, *changed), desired, template)),
    )


def is_undone(problem: Problem) -> bool:
    """Whether a problem tells of a change that is not made: a note tells of none."""
    return problem.severity is not Severity.NOTE


def running_in_full(machine: Machine, target: Target, state: StateFolder) -> Running:
    """A machine of a manifest as it runs, with the default NIC that its manifest does not list.

    Raises NodeError (KN887) where it is not up.
    """
    running = running_machine(machine, state=state)
    return evolve(running, machine=with_default_nic(running.machine, target.cluster.in_effect))


def desired_machine(template: Machine, running: Running) -> tuple[Machine, tuple[Problem, ...]]:
    """What the running machine takes over of its manifest, and the warnings of what it does not."""
    reported = _reported(running.machine, running)
    held = not_plugged(template, reported)
    machine = synced(template, reported).running
    assert machine is not None
    new = {nic.name for nic in machine.interfaces} - {nic.name for nic in reported.interfaces}
    secondary = {each.name for each in machine.networks if each.is_secondary}
    names = {each.name for each in machine.interfaces if isinstance(each.binding, Sriov) or each.name not in secondary}
    problems = (*restart_required(template, reported), *held)
    return evolve(without(machine, new & names), status=None), problems


def without(machine: Machine, names: Collection[str]) -> Machine:
    """The machine without NICs of these names, and without their networks."""
    interfaces = tuple(each for each in machine.interfaces if each.name not in names)
    return machine.with_nics(interfaces, tuple(each for each in machine.networks if each.name not in names))


def in_domain(running: Running) -> frozenset[str]:
    """The names of the NICs that the running domain has."""
    return frozenset(each.name or "" for each in running.interfaces if InfoSource.DOMAIN in sources_of(each))


def in_pod(machine: Machine, in_domain: Collection[str]) -> Machine:
    """The machine as its pod is to have it: a NIC that is to go needs its links for as long as the domain has it."""
    interfaces = tuple(
        evolve(each, state=None) if each.is_absent and each.name in in_domain else each for each in machine.interfaces
    )
    return machine.with_nics(interfaces, machine.networks)


def changed_nads(machine: Machine, target: Target, pod: Pod, state: StateFolder) -> Iterator[Problem]:
    """A warning (KN889) for each NAD whose configuration is another than the one that the pod is attached with."""
    earlier = {each.interface: each for each in attached(state.pod(pod.name).record) if each.result is not None}
    for now in nads_now(machine, target, name=pod.name, namespace=pod.namespace, ipam=state.ipam):
        before = earlier.get(now.interface)
        if before is not None and before.network == now.network and before.config != now.config:
            message = f"the pod is attached to {now.network} as it was before its configuration was changed"
            hint = "restart the machine with `kvnet down` and `kvnet up`"
            yield Problem(network_at(machine, now.interface), "KN889", message, hint=hint, severity=Severity.WARNING)


def _reported(machine: Machine, running: Running) -> Machine:
    """The machine with the status that KubeVirt would report of it."""
    return evolve(machine, status=Status(phase="Running", interfaces=running.interfaces))


def planned_domain(desired: Machine, target: Target, pod: Pod, running: Running) -> DomainPlan:
    """The changes of the domain that KubeVirt would make now, where the pod is as it is given."""
    assert running.domain is not None
    domain = parse(running.domain.xml)
    state = DomainState(uuid=domain.findtext("uuid") or "", live=running.domain.xml, persistent=None)
    now = evolve(running, interfaces=interfaces_of(desired, pod, running.domain))
    target = evolve(target, facts=pod.facts, virt_type=domain.get("type", "qemu"))
    return plan_domain(state, _reported(desired, now), target, policy=HotplugPolicy.KUBEVIRT)


def _assumed(
    machine: Machine, target: Target, pod: Pod, networks: Sequence[PodNetworkConfig]
) -> tuple[Pod, tuple[DesiredLink, ...]]:
    """The pod once it is attached to all networks, and the links that are made for the new ones.

    What the plugins will give is not known: their links have no addresses, and the kernel's usual MTU.
    """
    there = {each.name for each in pod.found.links}
    new = [each for each in assumed_found(machine, target).links if each.name not in there]
    before = with_lease_routes(evolve(pod.found, links=(*pod.found.links, *new)))
    planned = pod_links(machine, target, before)
    refuse(machine, *planned.problems)
    after = found_after(before, planned)
    given = {each.interface: {"ips": [{"address": ip} for ip in each.ips]} for each in pod.facts.pod_networks or ()}
    results = [(each.name, each.interface, given.get(each.interface, {})) for each in networks]
    known = facts(machine, after, target=evolve(target, facts=pod.facts), results=results)
    links = tuple(each for each in planned.links if each.network not in pod.found.preparations)
    return evolve(pod, found=after, facts=known), links


def at_manifest(problems: Iterable[Problem], machine: Machine, template: Machine) -> tuple[Problem, ...]:
    """Problems of a machine at the same fields of its manifest, which may have its NICs in another order."""
    return placed(template.origin, [evolve(each, at=_place(each.at, machine, template)) for each in problems])


@contextmanager
def told_at_manifest(machine: Machine, template: Machine) -> Iterator[None]:
    """Tell errors of what was made of a manifest at the same fields of the manifest."""
    try:
        yield
    except (Rejected, NodeError) as error:
        raise type(error)(_told_again(error.problems, machine, template)) from error


def _told_again(problems: Iterable[Problem], machine: Machine, template: Machine) -> Iterator[Problem]:
    """Problems at the manifest, but for those that are about no field of a machine."""
    for each in problems:
        yield from at_manifest([each.placed(None)], machine, template) if each.at.parts else (each,)


def _place(at: FieldPath, machine: Machine, template: Machine) -> FieldPath:
    """The same NIC, or the same network, in the list of the manifest; the list where it is not in that."""
    lists: tuple[tuple[FieldPath, FieldPath, Sequence[Interface | Network], Sequence[Interface | Network]], ...] = (
        (interfaces_at(machine), interfaces_at(template), machine.interfaces, template.interfaces),
        (machine.root / "networks", template.root / "networks", machine.networks, template.networks),
    )
    for inside, wanted, own, other in lists:
        size = len(inside.parts)
        if at.parts[:size] == inside.parts and len(at.parts) > size:
            number, *rest = at.parts[size:]
            name = own[int(number)].name
            n = next((n for n, each in enumerate(other) if each.name == name), None)
            return wanted if n is None else FieldPath((*wanted.parts, n, *rest))
    return at


def others(networks: Iterable[PodNetworkConfig], than: Iterable[PodNetworkConfig]) -> tuple[PodNetworkConfig, ...]:
    """The networks whose links are not among those of others, each once."""
    known = {each.interface for each in than}
    return tuple({each.interface: each for each in networks if each.interface not in known}.values())
