"""``kvnet apply``."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from attrs import evolve

from kvnet import live
from kvnet.cli import changes, inputs
from kvnet.cli.output import CLEAN, FAILED, FINDINGS, call_dict, write_each
from kvnet.cli.report import Report
from kvnet.domain.build import domain_name
from kvnet.live import Applied
from kvnet.pipeline import placed
from kvnet.spec import Machine

__all__ = ["run"]

_LOST = "KN874"


def run(arguments: Namespace, report: Report) -> int:
    """Carry out the steps that each domain takes, and print them.

    Returns 1 where something is left undone, or waits for a restart or a migration.
    """
    if arguments.connect is None:
        return changes.apply(arguments, report)
    machines, target = inputs.read(arguments, report)
    statuses, described = [], []
    with live.connect(arguments.connect) as connection:
        inputs.admit(machines, live.with_releases(target, connection), report)
        try:
            for machine in machines:
                applied = live.apply(machine, connection, target, policy=arguments.policy, timeout=arguments.timeout)
                applied = _placed(machine, applied)
                name = domain_name(machine, arguments.profile)
                described.append(_described(name, applied))
                if arguments.output == "text":
                    _show(name, applied)
                report.problems((*applied.problems, *(failure.problem for failure in applied.failed)))
                statuses.append(_status(applied))
        finally:
            # what was done to the machines before one that cannot be reached
            if described and arguments.output != "text":
                write_each(described, arguments.output, machines=len(machines))
    return max(statuses, default=CLEAN)


def _placed(machine: Machine, applied: Applied) -> Applied:
    """The same with the places of problems in the manifest."""
    failed = [evolve(each, problem=placed(machine.origin, [each.problem])[0]) for each in applied.failed]
    return evolve(applied, problems=placed(machine.origin, applied.problems), failed=tuple(failed))


def _show(name: str, applied: Applied) -> None:
    for call in applied.done:
        print(f"{name}: {call}", flush=True)
    for failure in applied.failed:
        print(f"{name}: failed: {failure.call}", flush=True)
    for call in applied.left:
        print(f"{name}: left: {call}", flush=True)


def _described(name: str, applied: Applied) -> dict[str, Any]:
    return {
        "name": name,
        "done": [call_dict(call) for call in applied.done],
        "failed": [call_dict(each.call) | {"problem": each.problem.as_dict()} for each in applied.failed],
        "left": [call_dict(call) for call in applied.left],
        "needs_restart": applied.needs_restart,
        "needs_migration": applied.needs_migration,
        "problems": [problem.as_dict() for problem in applied.problems],
    }


def _status(applied: Applied) -> int:
    if any(failure.problem.code == _LOST for failure in applied.failed):
        return FAILED
    return CLEAN if applied.is_complete else FINDINGS
