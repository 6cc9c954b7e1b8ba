"""Bring a machine that is up to its manifest while it runs: its pod, then its domain, and what its pod has too many."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from attrs import evolve, field, frozen

from kvnet.errors import FieldPath, KvnetError, Problem
from kvnet.hotplug import DomainPlan
from kvnet.live import Action, Applied, Call, Failure, LibvirtError
from kvnet.node.attachments import PodNetworkConfig
from kvnet.node.change_plan import (
    at_manifest,
    changed_nads,
    desired_machine,
    in_domain,
    in_pod,
    is_undone,
    others,
    planned_domain,
    running_in_full,
    told_at_manifest,
    without,
)
from kvnet.node.domains import change_domain, live_xml
from kvnet.node.machines import locked_machine, written_out
from kvnet.node.pods import Pod, pod_change
from kvnet.node.programs import NodeError, check_host
from kvnet.node.running import Running, record_machine, running_machine, seen
from kvnet.node.state import StateFolder
from kvnet.node.work import Progress, known_networks, tell
from kvnet.pipeline import placed
from kvnet.spec import Bridge, Machine
from kvnet.spec.nic import interfaces_at, nics_of
from kvnet.target import Target, checked_target
from kvnet.xml.parser import parse

__all__ = [
    "MachineChange",
    "check_up",
    "machine_change",
]

_POLL_SECONDS: Final = 0.2
_REFUSED: Final = "KN871"


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
        return self.domain.is_complete and not any(map(is_undone, self.problems))


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
    template = written_out(machine, target)
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
    running = running_in_full(template, target, state)
    desired, problems = desired_machine(template, running)
    old = known_networks(state.pod(running.name).record).values()
    with told_at_manifest(desired, template):
        pod = _with_networks(desired, target, running, state, progress)
        first = known_networks(state.pod(running.name).record).values()
        planned = planned_domain(desired, target, pod, running)
        applied = _carried_out(planned, template, running, timeout, progress)
        still = in_domain(seen(desired, pod))
        pod = pod_change(in_pod(desired, still), target, state=state, progress=progress)
    last = known_networks(state.pod(running.name).record).values()
    changed = changed_nads(desired, target, pod, state)
    gone = tuple(nic.name for nic in desired.interfaces if nic.is_absent and nic.name not in still)
    left = without(desired, gone)
    record_machine(left, pod)
    return MachineChange(
        running=seen(left, pod),
        attached=others(first, old),
        domain=applied,
        detached=others((*old, *first), last),
        problems=(*problems, *at_manifest((*planned.problems, *changed), desired, template)),
    )


def _with_networks(
    desired: Machine, target: Target, running: Running, state: StateFolder, progress: Progress | None
) -> Pod:
    """Attach the pod to new networks; where one of them cannot be, everything is as it was before."""
    present = in_domain(running)
    record_machine(desired, running.pod)
    try:
        return pod_change(in_pod(desired, present), target, state=state, progress=progress)
    except KvnetError:
        with suppress(KvnetError):
            pod_change(in_pod(running.machine, present), target, state=state, progress=progress)
            record_machine(running.machine, running.pod)
        raise


def _comes_back(template: Machine, machine: Machine) -> bool:
    """Whether a NIC of the manifest that can be plugged in is not in the machine."""
    known = {each.name for each in machine.interfaces}
    return any(
        each.name not in known and not each.interface.is_absent and each.has_binding(Bridge)
        for each in nics_of(template)
        if each.network is not None and each.network.is_secondary
    )


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
