"""``kvnet exec``."""

from __future__ import annotations

from argparse import Namespace

from kvnet.cli.node import state_of
from kvnet.cli.output import FAILED
from kvnet.cli.report import Report
from kvnet.node.inside import execute
from kvnet.node.machines import pod_named

__all__ = ["run"]


def run(arguments: Namespace, report: Report) -> int:
    """Become the command inside the machine's network namespace, whose exit status is then this one's."""
    pod = pod_named(arguments.machine, state=state_of(arguments))
    command = arguments.run[1:] if arguments.run[:1] == ["--"] else arguments.run
    try:
        execute(command, pod.namespace)
    except OSError as error:
        report.failure(f"{command[0]} cannot be run: {error.strerror}")
        return FAILED
