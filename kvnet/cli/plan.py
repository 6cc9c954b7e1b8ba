"""``kvnet plan``."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator

from kvnet import live
from kvnet.cli import inputs
from kvnet.cli.exit_status import CLEAN, FINDINGS
from kvnet.cli.report import Report
from kvnet.domain.build import domain_name
from kvnet.hotplug import DomainPlan
from kvnet.pipeline import placed

__all__ = ["run"]

_HALVES = {"running": True, "next start": False}


def run(arguments: Namespace, report: Report) -> int:
    """Print the steps that each domain takes, and what they change. Returns 1 where there is anything to do."""
    machines, target = inputs.read(arguments, report)
    with live.connect(arguments.connect) as connection:
        inputs.admit(machines, live.with_releases(target, connection), report)
        plans = [live.plan(machine, connection, target, policy=arguments.policy) for machine in machines]
    for machine, plan in zip(machines, plans, strict=True):
        name = domain_name(machine, arguments.profile)
        for line in _lines(plan):
            print(f"{name}: {line}")
        report.problems(placed(machine.origin, plan.problems))
    return FINDINGS if any(map(_is_undone, plans)) else CLEAN


def _lines(plan: DomainPlan) -> Iterator[str]:
    yield from map(str, plan.calls)
    for half, is_live in _HALVES.items():
        for change in plan.changes(live=is_live):
            yield f"{half}: {change}"


def _is_undone(plan: DomainPlan) -> bool:
    waits = plan.needs_restart or plan.needs_migration
    return bool(plan.calls) or waits or any(problem.is_error for problem in plan.problems)
