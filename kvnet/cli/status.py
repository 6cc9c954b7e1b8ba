"""``kvnet status``."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kvnet import live
from kvnet.cli import inputs, output
from kvnet.cli.exit_status import CLEAN, FAILED
from kvnet.cli.report import Report
from kvnet.domain.build import domain_name
from kvnet.errors import FieldPath, Problem
from kvnet.live import EventKind
from kvnet.manifest.binder import plain as unstructure
from kvnet.spec import InterfaceStatus, Machine

if TYPE_CHECKING:
    import libvirt

__all__ = ["run"]

_HEADINGS = ("NAME", "MAC", "LINK", "QUEUES", "IN THE GUEST", "ADDRESSES", "KNOWN FROM")
_ENDED = ("stopped", "crashed", "undefined")


def run(arguments: Namespace, report: Report) -> int:
    """Print ``status.interfaces`` of each machine; with --watch of one, again and again, until its domain ends."""
    machines = inputs.read(arguments).machines
    if arguments.watch and len(machines) > 1:
        names = ", ".join(str(machine.name) for machine in machines)
        told = f"--watch looks at one machine, and these are {len(machines)}: {names}"
        report.problems([Problem(FieldPath(), "KN877", told, hint="choose one with --name")])
        return FAILED
    try:
        with live.connect(arguments.connect) as connection:
            for machine in machines:
                if arguments.watch:
                    _watch(machine, connection, arguments)
                else:
                    _show(machine, connection, arguments)
    except live.LibvirtError as error:
        report.problems(error.problems)
        return FAILED
    return CLEAN


def _watch(machine: Machine, connection: libvirt.virConnect, arguments: Namespace) -> None:
    with live.watch(connection, domain_name(machine, arguments.profile)) as events:
        _show(machine, connection, arguments)
        for event in events:
            if event.kind is EventKind.DOMAIN and event.state in _ENDED:
                return
            _show(machine, connection, arguments)


def _show(machine: Machine, connection: libvirt.virConnect, arguments: Namespace) -> None:
    entries = live.status(machine, connection, profile=arguments.profile)
    if arguments.output == "table":
        print(_table(entries), flush=True)
    else:
        output.dump([unstructure(entry) for entry in entries], arguments.output)
        print(end="", flush=True)


def _table(entries: Sequence[InterfaceStatus]) -> str:
    rows = [_HEADINGS, *map(_row, entries)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _row(entry: InterfaceStatus) -> tuple[str, ...]:
    return (
        entry.name or "-",
        entry.mac or "-",
        entry.link_state or "-",
        str(entry.queue_count or "-"),
        entry.interface_name or "-",
        ", ".join(entry.ip_addresses) or "-",
        entry.info_source or "-",
    )
