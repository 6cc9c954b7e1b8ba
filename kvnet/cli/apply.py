"""``kvnet apply``."""

from __future__ import annotations

from argparse import Namespace

from kvnet import live
from kvnet.cli import inputs
from kvnet.cli.exit_status import CLEAN, FAILED, FINDINGS
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
    machines, target = inputs.read(arguments, report)
    statuses = []
    with live.connect(arguments.connect) as connection:
        inputs.admit(machines, live.with_releases(target, connection), report)
        for machine in machines:
            applied = live.apply(machine, connection, target, policy=arguments.policy, timeout=arguments.timeout)
            _show(machine, applied, domain_name(machine, arguments.profile), report)
            statuses.append(_status(applied))
    return max(statuses, default=CLEAN)


def _show(machine: Machine, applied: Applied, name: str, report: Report) -> None:
    for call in applied.done:
        print(f"{name}: {call}", flush=True)
    for failure in applied.failed:
        print(f"{name}: failed: {failure.call}", flush=True)
    for call in applied.left:
        print(f"{name}: left: {call}", flush=True)
    problems = (*applied.problems, *(failure.problem for failure in applied.failed))
    report.problems(placed(machine.origin, problems))


def _status(applied: Applied) -> int:
    if any(failure.problem.code == _LOST for failure in applied.failed):
        return FAILED
    return CLEAN if applied.is_complete else FINDINGS
