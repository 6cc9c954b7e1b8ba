"""``kvnet down``."""

from __future__ import annotations

from argparse import Namespace

from kvnet.cli.node import Steps, state_of
from kvnet.cli.output import CLEAN
from kvnet.cli.report import Report
from kvnet.node.machines import known_names, machine_down
from kvnet.node.needs import check_host

__all__ = ["run"]


def run(arguments: Namespace, report: Report) -> int:
    """Take the machines of these names down, or all, and print the name of each that is gone."""
    check_host()
    state = state_of(arguments)
    for name in known_names(arguments.machines, state=state):
        with Steps(report) as steps:
            machine_down(name, state=state, progress=steps.show)
        print(f"{name}: down", flush=True)
    return CLEAN
