"""``kvnet define``."""

from __future__ import annotations

from argparse import Namespace

from attrs import evolve

from kvnet import live
from kvnet.cli import inputs
from kvnet.cli.report import Report
from kvnet.cli.status import status_of
from kvnet.domain.build import build
from kvnet.errors import KvnetError, Problem
from kvnet.pipeline import placed
from kvnet.target import architecture_of

__all__ = ["run"]


def run(arguments: Namespace, report: Report) -> int:
    """Define every machine and print what libvirt made of it.

    A machine that libvirt refuses keeps no other from being defined. Returns 1 where libvirt refused or
    dropped something.
    """
    given = inputs.read(arguments)
    made = inputs.rendered(given, report, whole=False)
    found: list[Problem] = []
    with live.connect(arguments.connect) as connection:
        for each in made:
            try:
                virt_type = live.virt_type(connection, architecture_of(each.machine, each.target))
                text = build(each.machine, evolve(each.target, virt_type=virt_type), each.compiled.devices)
                defined = live.define(text, connection, keep=arguments.connect is not None)
            except KvnetError as error:
                problems = placed(each.machine.origin, error.problems)
            else:
                problems = placed(each.machine.origin, defined.lost)
                print(defined.persistent.rstrip("\n"))
            report.problems(problems)
            found += problems
    return status_of(found)
