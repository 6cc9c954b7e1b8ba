"""``kvnet define``."""

from __future__ import annotations

from argparse import Namespace

from kvnet import live
from kvnet.cli import inputs
from kvnet.cli.rendering import rendered
from kvnet.cli.report import Report
from kvnet.cli.status import status_of
from kvnet.compile import Profile
from kvnet.errors import KvnetError, Problem

__all__ = ["run"]


def run(arguments: Namespace, report: Report) -> int:
    """Define every machine and print what libvirt made of it.

    A machine that libvirt refuses keeps no other from being defined. Returns 1 where libvirt refused or
    dropped something.
    """
    given = inputs.read(arguments)
    made = rendered(given, Profile(arguments.profile), report)
    found: list[Problem] = []
    with live.connect(arguments.connect) as connection:
        for each in made:
            try:
                text = each.domain(live.virt_type(connection, each.architecture))
                defined = live.define(text, connection, keep=arguments.connect is not None)
            except KvnetError as error:
                problems = each.placed(error.problems)
            else:
                problems = each.placed(defined.lost)
                print(defined.got.rstrip("\n"))
            report.problems(problems)
            found += problems
    return status_of(found)
