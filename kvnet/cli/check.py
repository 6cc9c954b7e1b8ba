"""``kvnet check``."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from kvnet.cli import inputs
from kvnet.cli.exit_status import CLEAN, FINDINGS, status_of
from kvnet.cli.formats import write
from kvnet.cli.report import Report
from kvnet.errors import KvnetError, Problem, Severity
from kvnet.pipeline import check

__all__ = ["run"]


def run(arguments: Namespace, report: Report) -> int:
    """Report every problem of every machine; warnings are findings when strict."""
    problems: Sequence[Problem]
    try:
        machines, target = inputs.read(arguments, others_suffice=True)
        problems = [problem for machine in machines for problem in check(machine, target)]
    except KvnetError as error:
        if arguments.output == "text":
            raise
        problems = error.problems
    if arguments.output == "text":
        report.problems(problems)
    else:
        write([problem.as_dict() for problem in problems], arguments.output)
    has_warnings = any(problem.severity is Severity.WARNING for problem in problems)
    return status_of(problems) or (FINDINGS if arguments.strict and has_warnings else CLEAN)
