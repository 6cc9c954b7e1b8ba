"""``kvnet define``."""

from __future__ import annotations

from argparse import Namespace

from kvnet import live
from kvnet.cli import inputs
from kvnet.cli.rendering import rendered
from kvnet.cli.report import Report
from kvnet.compile import Profile

__all__ = ["run"]


def run(arguments: Namespace, report: Report) -> int:
    """Define every machine and print what libvirt made of it; 1 where libvirt dropped something."""
    given = inputs.read(arguments)
    made = rendered(given, Profile(arguments.profile), report)
    lost = False
    with live.connect(arguments.connect) as connection:
        for each in made:
            text = each.domain(live.virt_type(connection, each.architecture))
            defined = live.define(text, connection, keep=arguments.connect is not None)
            report.problems(defined.lost)
            lost = lost or any(problem.is_error for problem in defined.lost)
            print(defined.got.rstrip("\n"))
    return int(lost)
