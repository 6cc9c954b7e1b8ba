"""``kvnet show``."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator

from kvnet.cli import inputs
from kvnet.cli.exit_status import CLEAN, FINDINGS
from kvnet.cli.report import Report
from kvnet.pictures import FORMATS, Picture, picture

__all__ = ["run"]


def run(arguments: Namespace, report: Report) -> int:
    """Draw the machines of manifests, and domains."""
    pictures = [*_of_domains(arguments), *_of_machines(arguments, report)]
    sys.stdout.write(FORMATS[arguments.output](*pictures))
    told = [problem for each in pictures for row in each.rows for problem in (*row.problems, *each.problems)]
    return FINDINGS if any(problem.is_error for problem in told) else CLEAN


def _of_domains(arguments: Namespace) -> Iterator[Picture]:
    if arguments.domains:
        from kvnet.pictures.domain import picture_of_domain  # noqa: PLC0415 - takes lxml

        for name in arguments.domains:
            text = inputs.domain_text(name)
            yield picture_of_domain(text.text, file=text.file)


def _of_machines(arguments: Namespace, report: Report) -> Iterator[Picture]:
    if arguments.files:
        machines, target = inputs.read(arguments, report)
        yield from (picture(machine, target) for machine in machines)
