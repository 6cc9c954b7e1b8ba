"""``kvnet define``."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable
from typing import Any

from kvnet import live
from kvnet.cli import inputs
from kvnet.cli.output import change_dict, headed, status_of, write_each
from kvnet.cli.report import Report
from kvnet.domain.build import domain_name
from kvnet.errors import KvnetError, Problem
from kvnet.live import Defined, Existing
from kvnet.pipeline import placed

__all__ = ["run"]


def run(arguments: Namespace, report: Report) -> int:
    """Define the domain of every machine, and print the persistent configuration that libvirt wrote back.

    Of a domain that was there before, the changes of its NICs are printed. The others are defined even if libvirt
    refuses one. Without ``--connect`` the domains are undefined again. Returns 1 where libvirt refused or lost
    something, and 2 where there is no domain to put NICs into.
    """
    found: list[Problem] = []
    described: list[dict[str, Any]] = []
    existing = Existing.INTO if arguments.into else Existing.REPLACE if arguments.replace else Existing.REFUSE
    keep = arguments.connect is not None
    machines, target = inputs.read(arguments, report)
    with live.connect(arguments.connect) as connection:
        inputs.admit(machines, live.with_releases(target, connection), report)
        for machine in machines:
            name = domain_name(machine, target.profile)
            try:
                defined = live.define_machine(machine, connection, target, existing=existing, keep=keep)
            except KvnetError as error:
                problems = placed(machine.origin, error.problems)
                described.append({"name": name, "problems": [problem.as_dict() for problem in problems]})
            else:
                problems = placed(machine.origin, (*defined.notes, *defined.lost))
                described.append(_described(name, defined, problems))
                if arguments.output == "xml":
                    _show(name, defined, len(machines) > 1)
            report.problems(problems)
            found += problems
    if described and arguments.output != "xml":
        write_each(described, arguments.output, machines=len(machines))
    return status_of(found)


def _show(name: str, defined: Defined, is_one_of_several: bool) -> None:
    if not defined.has_replaced:
        print(headed(name, defined.persistent) if is_one_of_several else defined.persistent.rstrip("\n"))
    for change in defined.changes:
        print(f"{name}: {change}")


def _described(name: str, defined: Defined, problems: Iterable[Problem]) -> dict[str, Any]:
    return {
        "name": name,
        "xml": defined.persistent,
        "changes": [change_dict(change) for change in defined.changes],
        "problems": [problem.as_dict() for problem in problems],
    }
