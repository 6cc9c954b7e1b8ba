"""``kvnet check``."""

from __future__ import annotations

from argparse import Namespace

from kvnet.cli import inputs, output
from kvnet.cli.exit_status import CLEAN, FINDINGS, status_of
from kvnet.cli.report import Report
from kvnet.errors import KvnetError, Problem, Severity
from kvnet.rules.check import check

__all__ = ["run"]


def run(arguments: Namespace, report: Report) -> int:
    """Report every problem of every machine; warnings are findings when strict."""
    try:
        found = _found(arguments)
    except KvnetError as error:
        if arguments.output == "text":
            raise
        found = list(error.problems)
    if arguments.output == "text":
        report.problems(found)
    else:
        output.dump([problem.as_dict() for problem in found], arguments.output)
    warned = arguments.strict and any(problem.severity is Severity.WARNING for problem in found)
    return status_of(found) or (FINDINGS if warned else CLEAN)


def _found(arguments: Namespace) -> list[Problem]:
    given = inputs.read(arguments, nads_suffice=True)
    return [problem for machine in given.machines for problem in check(machine, given.target)]
