"""``kvnet plan``."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from typing import Any

from kvnet import live
from kvnet.cli import changes, inputs
from kvnet.cli.output import CLEAN, FINDINGS, call_dict, change_dict, write_each
from kvnet.cli.report import Report
from kvnet.domain.build import domain_name
from kvnet.errors import Problem
from kvnet.hotplug import DomainPlan
from kvnet.pipeline import placed
from kvnet.values import printable

__all__ = ["run"]

_HALVES = {"running": True, "next start": False}
"""The configurations of a domain, and whether it is the live one."""


def run(arguments: Namespace, report: Report) -> int:
    """Print the steps that each domain takes, and what they change. Returns 1 where there is anything to do."""
    if arguments.connect is None:
        return changes.plan(arguments, report)
    machines, target = inputs.read(arguments, report)
    with live.connect(arguments.connect) as connection:
        inputs.admit(machines, live.with_releases(target, connection), report)
        plans = [live.plan(machine, connection, target, policy=arguments.policy) for machine in machines]
    described = []
    for machine, plan in zip(machines, plans, strict=True):
        name, problems = domain_name(machine, arguments.profile), placed(machine.origin, plan.problems)
        if arguments.output == "text":
            print(end="".join(f"{printable(f'{name}: {line}')}\n" for line in _lines(plan)))
        else:
            described.append(_described(name, plan, problems))
        report.problems(problems)
    if described:
        write_each(described, arguments.output, machines=len(machines))
    return FINDINGS if any(map(_is_undone, plans)) else CLEAN


def _lines(plan: DomainPlan) -> Iterator[str]:
    yield from map(str, plan.calls)
    for half, is_live in _HALVES.items():
        for change in plan.changes(live=is_live):
            yield f"{half}: {change}"


def _described(name: str, plan: DomainPlan, problems: tuple[Problem, ...]) -> dict[str, Any]:
    return {
        "name": name,
        "steps": [call_dict(call) for call in plan.calls],
        "changes": {
            half.replace(" ", "_"): [change_dict(change) for change in plan.changes(live=is_live)]
            for half, is_live in _HALVES.items()
        },
        "needs_restart": plan.needs_restart,
        "needs_migration": plan.needs_migration,
        "problems": [problem.as_dict() for problem in problems],
    }


def _is_undone(plan: DomainPlan) -> bool:
    waits = plan.needs_restart or plan.needs_migration
    return bool(plan.calls) or waits or any(problem.is_error for problem in plan.problems)
