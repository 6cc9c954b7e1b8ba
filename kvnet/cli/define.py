"""``kvnet define``."""

from __future__ import annotations

from argparse import Namespace

from attrs import evolve

from kvnet import live
from kvnet.cli import inputs
from kvnet.cli.exit_status import status_of
from kvnet.cli.report import Report
from kvnet.errors import KvnetError, Problem
from kvnet.instancetypes import expand
from kvnet.pipeline import placed
from kvnet.target import architecture_of

__all__ = ["run"]


def run(arguments: Namespace, report: Report) -> int:
    """Define the domain of every machine, and print the persistent configuration that libvirt wrote back.

    The others are defined even if libvirt refuses one. Without ``--connect`` the domains are undefined again. Returns
    1 where libvirt refused or lost something.
    """
    found: list[Problem] = []
    rendered = inputs.rendered(arguments, report, whole=False)
    with live.connect(arguments.connect) as connection:
        for each in rendered:
            try:
                machine = expand(each.machine, each.target).machine
                virt_type = live.virt_type(connection, architecture_of(machine, each.target))
                document = evolve(each, target=evolve(each.target, virt_type=virt_type)).domain()
                defined = live.define(document, connection, keep=arguments.connect is not None)
            except KvnetError as error:
                problems = placed(each.machine.origin, error.problems)
            else:
                problems = placed(each.machine.origin, defined.lost)
                print(defined.persistent.rstrip("\n"))
            report.problems(problems)
            found += problems
    return status_of(found)
