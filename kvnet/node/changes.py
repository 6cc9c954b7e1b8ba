"""Bring a machine that is up to its manifest while it runs: its pod, then its domain, and what its pod has too many.

What a running machine takes over, and what waits for a restart or a migration, is KubeVirt's own policy
(``pkg/network/controllers/vm.go``, ``pkg/network/vmliveupdate/restart.go``).
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from typing import Final

from attrs import evolve, field, frozen

from kvnet.defaults import with_default_nic
from kvnet.errors import FieldPath, KvnetError, Problem, Rejected, Severity
from kvnet.hotplug import DomainPlan, DomainState, HotplugPolicy, plan_domain
from kvnet.instancetypes import expand
from kvnet.interface_status.sources import InfoSource, sources_of
from kvnet.lifecycle import not_plugged, restart_required, synced
from kvnet.live import Action, Applied, Call, Failure, LibvirtError
from kvnet.node.attaching import known_networks
from kvnet.node.attachments import PodNetworkConfig, networks_of_pod
from kvnet.node.collect import facts
from kvnet.node.domains import change_domain, live_xml
from kvnet.node.machines import Running, interfaces_of, locked_machine, record_machine, running_machine, seen, tell
from kvnet.node.pods import Pod, pod_change
from kvnet.node.programs import NodeError, check_host
from kvnet.node.state import StateFolder
from kvnet.node.work import Progress, refuse
from kvnet.pipeline import placed
from kvnet.pod import DesiredLink, assumed_found, found_after, pod_links
from kvnet.spec import Bridge, Machine, Sriov, Status
from kvnet.spec.nic import interfaces_at, nics_of
from kvnet.target import Target, checked_target
from kvnet.xml.parser import parse

__all__ = ["MachineChange", "MachinePlan", "check_up", "machine_change", "machine_plan"]

_POLL_SECONDS: Final = 0.2
_REFUSED: Final = "KN871"


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
        return not is_due and not any(map(_is_undone, self.problems))


@frozen(kw_only=True)
class MachineChange:
    """What was done to a machine that is up.

    - ``running``: the machine afterwards
    - ``attached``, ``detached``: the networks that its pod was attached to, and detached from
    - ``domain``: the calls that were made, and those that failed or are left
    - ``problems``: what is left undone, and what waits for a restart or a migration
    """

    running: Running
    attached: tuple[PodNetworkConfig, ...] = ()
    domain: Applied = field(factory=Applied)
    detached: tuple[PodNetworkConfig, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether the machine has all that the manifest says, with nothing that waits."""
        return self.domain.is_complete and not any(map(_is_undone, self.problems))


def _is_undone(problem: Problem) -> bool:
    """Whether a problem tells of a change that is not made: a note tells of none."""
    return problem.severity is not Severity.NOTE


def check_up(machines: Iterable[Machine], *, state: StateFolder) -> None:
    """See that machines are up, before any of them is changed. Raises NodeError (KN887) with each that is not."""
    check_host()
    problems: list[Problem] = []
    for machine in machines:
        try:
            running_machine(machine, state=state)
        except NodeError as error:
            problems += error.problems
    if problems:
        raise NodeError(problems)


def machine_plan(machine: Machine, target: Target | None = None, *, state: StateFolder | None = None) -> MachinePlan:
    """Plan what ``machine_change`` would do now, and touch nothing. Arguments and errors are as of that.

    A NIC without a MAC address gets that of the pod's link, which its CNI plugin has yet to make.
    """
    target, state = checked_target(machine, target), state or StateFolder()
    template = _written_out(machine, target)
    running = running_machine(template, state=state)
    desired, problems = _desired(template, running)
    before = _in_pod(desired, _in_domain(running))
    old = known_networks(state.pod(running.name).record)
    first = networks_of_pod(before, target, known=old)
    pod, links = _assumed(before, target, running.pod, first)
    planned = _planned(desired, target, pod, running)
    gone = {call.step.nic for call in planned.calls if call.step.action is Action.DETACH}
    after = _in_pod(desired, _in_domain(running) - gone)
    known = {each.interface: each for each in first}
    last = networks_of_pod(after, target, known=known)
    return MachinePlan(
        name=running.name,
        attached=_others(first, old.values()),
        links=links,
        domain=planned,
        detached=_others((*old.values(), *first), last),
        problems=(*problems, *_at_manifest(planned.problems, desired, template)),
    )


def machine_change(
    machine: Machine,
    target: Target | None = None,
    *,
    state: StateFolder | None = None,
    timeout: float = 30.0,
    progress: Progress | None = None,
) -> MachineChange:
    """Bring a machine that is up to its manifest while it runs.

    The pod is attached to the networks of new NICs, which are then plugged into the domain. A NIC with
    ``state: absent`` is taken out of the domain, and once the guest has released it, its links and its network are
    removed. Links go down and up. Everything else waits for a restart, and is told.

    It is recorded what is begun. Where this is interrupted, the next call completes it, and ``machine_down`` removes
    it. A network that cannot be attached leaves the machine as it was. Calling it again does nothing.

    Args:
        machine: the manifest, in KubeVirt's profile.
        target: the cluster's configuration, and the NADs of new networks.
        state: the folder that the machine is recorded in.
        timeout: seconds that the guest has to release NICs.
        progress: is told of each step before it is taken.

    Raises NodeError where the machine is not up (KN887) or its pod cannot be changed, LibvirtError where the process
    that keeps the domain fails (KN886), and Rejected where the machine cannot be planned.
    """
    target, state = checked_target(machine, target), state or StateFolder()
    template = _written_out(machine, target)
    with locked_machine(template, state=state):
        first = _changed(template, target, state, timeout, progress)
        if not _comes_back(template, first.running.machine):
            return first
        # a NIC that was to be taken out by an interrupted call, and is wanted again: it is plugged in anew
        second = _changed(template, target, state, timeout, progress)
    return evolve(
        second,
        attached=(*first.attached, *second.attached),
        domain=evolve(second.domain, done=(*first.domain.done, *second.domain.done)),
        detached=(*first.detached, *second.detached),
    )


def _changed(
    template: Machine, target: Target, state: StateFolder, timeout: float, progress: Progress | None
) -> MachineChange:
    running = running_machine(template, state=state)
    desired, problems = _desired(template, running)
    old = known_networks(state.pod(running.name).record).values()
    pod = _with_networks(desired, target, running, state, progress)
    first = known_networks(state.pod(running.name).record).values()
    planned = _planned(desired, target, pod, running)
    applied = _carried_out(planned, template, running, timeout, progress)
    still = _in_domain(seen(desired, pod))
    pod = pod_change(_in_pod(desired, still), target, state=state, progress=progress)
    last = known_networks(state.pod(running.name).record).values()
    gone = tuple(nic.name for nic in desired.interfaces if nic.is_absent and nic.name not in still)
    left = _without(desired, gone)
    record_machine(left, pod)
    return MachineChange(
        running=seen(left, pod),
        attached=_others(first, old),
        domain=applied,
        detached=_others((*old, *first), last),
        problems=(*problems, *_at_manifest(planned.problems, desired, template)),
    )


def _with_networks(
    desired: Machine, target: Target, running: Running, state: StateFolder, progress: Progress | None
) -> Pod:
    """Attach the pod to new networks; where one of them cannot be, everything is as it was before."""
    present = _in_domain(running)
    record_machine(desired, running.pod)
    try:
        return pod_change(_in_pod(desired, present), target, state=state, progress=progress)
    except KvnetError:
        with suppress(KvnetError):
            pod_change(_in_pod(running.machine, present), target, state=state, progress=progress)
            record_machine(running.machine, running.pod)
        raise


def _written_out(machine: Machine, target: Target) -> Machine:
    """The machine with its instancetype, its preference and its default NIC. Raises Rejected."""
    expansion = expand(machine, target)
    if expansion.refusals:
        raise Rejected(expansion.refusals)
    return with_default_nic(expansion.machine, target.cluster.in_effect)


def _desired(template: Machine, running: Running) -> tuple[Machine, tuple[Problem, ...]]:
    """What the running machine takes over of its manifest, and the warnings of what it does not."""
    reported = _reported(running.machine, running)
    held = not_plugged(template, reported)
    machine = synced(template, reported).running
    assert machine is not None
    new = {nic.name for nic in machine.interfaces} - {nic.name for nic in reported.interfaces}
    secondary = {each.name for each in machine.networks if each.is_secondary}
    names = {each.name for each in machine.interfaces if isinstance(each.binding, Sriov) or each.name not in secondary}
    problems = (*restart_required(template, reported), *held)
    return evolve(_without(machine, new & names), status=None), problems


def _without(machine: Machine, names: Collection[str]) -> Machine:
    """The machine without NICs of these names, and without their networks."""
    interfaces = tuple(each for each in machine.interfaces if each.name not in names)
    return machine.with_nics(interfaces, tuple(each for each in machine.networks if each.name not in names))


def _in_domain(running: Running) -> frozenset[str]:
    """The names of the NICs that the running domain has."""
    return frozenset(each.name or "" for each in running.interfaces if InfoSource.DOMAIN in sources_of(each))


def _in_pod(machine: Machine, in_domain: Collection[str]) -> Machine:
    """The machine as its pod is to have it: a NIC that is to go needs its links for as long as the domain has it."""
    interfaces = tuple(
        evolve(each, state=None) if each.is_absent and each.name in in_domain else each for each in machine.interfaces
    )
    return machine.with_nics(interfaces, machine.networks)


def _comes_back(template: Machine, machine: Machine) -> bool:
    """Whether a NIC of the manifest that can be plugged in is not in the machine."""
    known = {each.name for each in machine.interfaces}
    return any(
        each.name not in known and not each.interface.is_absent and each.has_binding(Bridge)
        for each in nics_of(template)
        if each.network is not None and each.network.is_secondary
    )


def _reported(machine: Machine, running: Running) -> Machine:
    """The machine with the status that KubeVirt would report of it."""
    return evolve(machine, status=Status(phase="Running", interfaces=running.interfaces))


def _planned(desired: Machine, target: Target, pod: Pod, running: Running) -> DomainPlan:
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
    before = evolve(pod.found, links=(*pod.found.links, *new))
    planned = pod_links(machine, target, before)
    refuse(machine, *planned.problems)
    after = found_after(before, planned)
    given = {each.interface: {"ips": [{"address": ip} for ip in each.ips]} for each in pod.facts.pod_networks or ()}
    results = [(each.name, each.interface, given.get(each.interface, {})) for each in networks]
    known = facts(machine, after, target=evolve(target, facts=pod.facts), results=results)
    links = tuple(each for each in planned.links if each.network not in pod.found.preparations)
    return evolve(pod, found=after, facts=known), links


def _carried_out(
    planned: DomainPlan, template: Machine, running: Running, timeout: float, progress: Progress | None
) -> Applied:
    """Make the calls of a plan, up to the first that libvirt refuses, and wait for NICs that the guest has to release.

    Raises LibvirtError where the keeper does not answer.
    """
    done: list[Call] = []
    waiting: list[Call] = []
    failed: list[Failure] = []
    calls = list(planned.calls)
    while calls and not failed:
        call = calls.pop(0)
        tell(progress, str(call))
        try:
            change_domain(running.folder, call.step)
        except LibvirtError as error:
            if error.problems[0].code != _REFUSED:
                raise
            failed.append(_failure(call, error.problems[0], template))
        else:
            (waiting if call.step.action is Action.DETACH else done).append(call)
    end = time.monotonic() + timeout
    for call in waiting:
        if _is_released(call, running, end):
            done.append(call)
        else:
            failed.append(_failure(call, _unreleased(call, timeout), template))
    return Applied(done=tuple(done), failed=tuple(failed), left=tuple(calls))


def _is_released(call: Call, running: Running, end: float) -> bool:
    """Wait until the domain has a NIC no more, or until a time of the monotonic clock. Raises LibvirtError."""
    while True:
        names = parse(live_xml(running.folder)).iterfind("devices/*/alias")
        if all(each.get("name") != call.step.alias for each in names):
            return True
        if time.monotonic() > end:
            return False
        time.sleep(_POLL_SECONDS)


def _unreleased(call: Call, timeout: float) -> Problem:
    message = f"the guest has not released '{call.step.nic}' within {timeout:g} s"
    hint = "wait until the guest has booted, resume a paused one, and run this again"
    return Problem(FieldPath(), "KN872", message, hint=hint)


def _failure(call: Call, problem: Problem, template: Machine) -> Failure:
    """A call that failed, with its problem at the NIC of the manifest."""
    numbers = {each.name: number for number, each in enumerate(template.interfaces)}
    at = interfaces_at(template)
    if call.step.nic in numbers:
        at = at[numbers[call.step.nic]]
    (problem,) = placed(template.origin, [evolve(problem, at=at)])
    return Failure(call=call, problem=problem)


def _at_manifest(problems: Iterable[Problem], machine: Machine, template: Machine) -> tuple[Problem, ...]:
    """Problems of a machine at the same fields of its manifest, which may have its NICs in another order."""
    return placed(template.origin, [evolve(each, at=_place(each.at, machine, template)) for each in problems])


def _place(at: FieldPath, machine: Machine, template: Machine) -> FieldPath:
    inside, wanted = interfaces_at(machine).parts, interfaces_at(template)
    size = len(inside)
    if at.parts[:size] != inside or len(at.parts) == size:
        return at
    number, *rest = at.parts[size:]
    name = machine.interfaces[int(number)].name
    n = next((n for n, each in enumerate(template.interfaces) if each.name == name), None)
    return wanted if n is None else FieldPath((*wanted.parts, n, *rest))


def _others(networks: Iterable[PodNetworkConfig], than: Iterable[PodNetworkConfig]) -> tuple[PodNetworkConfig, ...]:
    """The networks whose links are not among those of others, each once."""
    known = {each.interface for each in than}
    return tuple({each.interface: each for each in networks if each.interface not in known}.values())
