"""``kvnet plan`` and ``kvnet apply`` of machines that are up on this host."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Iterator
from typing import Any

from kvnet.cli import inputs
from kvnet.cli.node import Steps, state_of
from kvnet.cli.output import CLEAN, FINDINGS, call_dict, write_each
from kvnet.cli.report import Report
from kvnet.errors import Problem
from kvnet.node.attachments import PodNetworkConfig
from kvnet.node.change_plan import MachinePlan, machine_plan
from kvnet.node.changes import MachineChange, check_up, machine_change
from kvnet.spec import Machine
from kvnet.target import Target

__all__ = ["apply", "plan"]


def plan(arguments: Namespace, report: Report) -> int:
    """Print the steps that each machine takes, in order. Returns 1 where there is anything to do, or that waits."""
    machines, target = _admitted(arguments, report)
    plans = [machine_plan(machine, target, state=state_of(arguments)) for machine in machines]
    for each in plans:
        if arguments.output == "text":
            print(end="".join(f"{each.name}: {line}\n" for line in _steps(each)))
        report.problems(each.problems)
    if arguments.output != "text":
        write_each([_described_plan(each) for each in plans], arguments.output, machines=len(plans))
    return CLEAN if all(each.is_complete for each in plans) else FINDINGS


def apply(arguments: Namespace, report: Report) -> int:
    """Bring each machine to its manifest, and print the steps that were taken.

    Returns 1 where something is left undone, or waits for a restart.
    """
    machines, target = _admitted(arguments, report)
    changes: list[MachineChange] = []
    try:
        changes += (_applied(machine, target, arguments, report) for machine in machines)
    finally:
        # what was done to the machines before one that cannot be changed
        if changes and arguments.output != "text":
            write_each([_described_change(each) for each in changes], arguments.output, machines=len(machines))
    return CLEAN if all(each.is_complete for each in changes) else FINDINGS


def _admitted(arguments: Namespace, report: Report) -> tuple[tuple[Machine, ...], Target]:
    """The machines of the manifests, all of which are up, and admitted. Raises NodeError and Rejected otherwise."""
    machines, target = inputs.read(arguments, report)
    check_up(machines, state=state_of(arguments))
    inputs.admit(machines, target, report)
    return machines, target


def _applied(machine: Machine, target: Target, arguments: Namespace, report: Report) -> MachineChange:
    with Steps(report) as shown:
        change = machine_change(
            machine, target, state=state_of(arguments), timeout=arguments.timeout, progress=shown.show
        )
    if arguments.output == "text":
        print(end="".join(f"{change.running.name}: {line}\n" for line in _taken(change)), flush=True)
    report.problems((*change.problems, *(each.problem for each in change.domain.failed)))
    return change


def _steps(planned: MachinePlan) -> Iterator[str]:
    yield from (f"attach {each}" for each in planned.attached)
    yield from (f"make the link {each.name}" for each in planned.links)
    yield from map(str, planned.domain.calls)
    yield from _detached(planned.detached)


def _taken(change: MachineChange) -> Iterator[str]:
    yield from (f"attach {each}" for each in change.attached)
    yield from map(str, change.domain.done)
    yield from (f"failed: {each.call}" for each in change.domain.failed)
    yield from (f"left: {each}" for each in change.domain.left)
    yield from _detached(change.detached)


def _detached(networks: Iterable[PodNetworkConfig]) -> Iterator[str]:
    return (f"detach {each.interface} from {each.name}" for each in networks)


def _described_plan(planned: MachinePlan) -> dict[str, Any]:
    return {
        "name": planned.name,
        "attached": [*map(_network, planned.attached)],
        "links": [each.name for each in planned.links],
        "steps": [call_dict(call) for call in planned.domain.calls],
        "detached": [*map(_network, planned.detached)],
        **_left_undone(planned.problems),
    }


def _described_change(change: MachineChange) -> dict[str, Any]:
    return {
        "name": change.running.name,
        "attached": [*map(_network, change.attached)],
        "done": [call_dict(call) for call in change.domain.done],
        "failed": [call_dict(each.call) | {"problem": each.problem.as_dict()} for each in change.domain.failed],
        "left": [call_dict(call) for call in change.domain.left],
        "detached": [*map(_network, change.detached)],
        **_left_undone(change.problems),
    }


def _left_undone(problems: Iterable[Problem]) -> dict[str, Any]:
    """Whether a restart is needed, which does what a migration would do in a cluster, and why."""
    told = [*problems]
    waits = any(each.code.startswith("KN81") or each.code in ("KN851", "KN857", "KN889") for each in told)
    return {"needs_restart": waits, "problems": [problem.as_dict() for problem in told]}


def _network(network: PodNetworkConfig) -> dict[str, Any]:
    plugins = [str(each["type"]) for each in network.config["plugins"]]
    return {"interface": network.interface, "network": network.name, "plugins": plugins}
