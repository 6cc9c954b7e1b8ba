"""``kvnet status``."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kvnet import live
from kvnet.cli import inputs
from kvnet.cli.node import state_of
from kvnet.cli.output import CLEAN, write
from kvnet.cli.report import Report
from kvnet.domain.build import domain_name
from kvnet.errors import FieldPath, Problem, Rejected
from kvnet.live import EventKind
from kvnet.manifest import plain
from kvnet.node.running import running_machine
from kvnet.spec import InterfaceStatus, Machine
from kvnet.values import printable

if TYPE_CHECKING:
    import libvirt

__all__ = ["run"]

_HEADINGS = ("NAME", "MAC", "LINK", "QUEUES", "IN THE GUEST", "ADDRESSES", "KNOWN FROM")
_ENDED = ("stopped", "crashed", "undefined")


def run(arguments: Namespace, report: Report) -> int:
    """Print ``status.interfaces`` of each machine; with --watch of one, again and again, until its domain ends."""
    machines, _ = inputs.read(arguments, report)
    if arguments.watch and len(machines) > 1:
        listed = ", ".join(str(machine.name) for machine in machines)
        message = f"--watch looks at one machine, and these are {len(machines)}: {listed}"
        raise Rejected([Problem(FieldPath(), "KN877", message, hint="choose one with --name")])
    if arguments.connect is None:
        state = state_of(arguments)
        running = [running_machine(machine, state=state) for machine in machines]
        _show_all([each.name for each in running], [each.interfaces for each in running], arguments)
        return CLEAN
    with live.connect(arguments.connect) as connection:
        if arguments.watch:
            _watch(machines[0], connection, arguments)
        else:
            names = [domain_name(machine, arguments.profile) for machine in machines]
            statuses = [live.status(machine, connection, profile=arguments.profile) for machine in machines]
            _show_all(names, statuses, arguments)
    return CLEAN


def _show_all(names: Sequence[str], statuses: Sequence[tuple[InterfaceStatus, ...]], arguments: Namespace) -> None:
    """Print the status of one machine as it is, and of several with their names."""
    if len(names) == 1:
        _show(statuses[0], arguments)
    elif arguments.output == "table":
        print("\n\n".join(f"{name}:\n{_table(entries)}" for name, entries in zip(names, statuses, strict=True)))
    else:
        described = [
            {"name": name, "interfaces": plain(entries)} for name, entries in zip(names, statuses, strict=True)
        ]
        write(described, arguments.output)


def _watch(machine: Machine, connection: libvirt.virConnect, arguments: Namespace) -> None:
    with live.watch(connection, domain_name(machine, arguments.profile)) as events:
        _show(live.status(machine, connection, profile=arguments.profile), arguments)
        for event in events:
            if event.kind is EventKind.DOMAIN and event.state in _ENDED:
                return
            _show(live.status(machine, connection, profile=arguments.profile), arguments)


def _show(entries: Sequence[InterfaceStatus], arguments: Namespace) -> None:
    if arguments.output == "table":
        print(_table(entries), flush=True)
    else:
        write(plain(entries), arguments.output)
        print(end="", flush=True)


def _table(entries: Sequence[InterfaceStatus]) -> str:
    rows = [_HEADINGS, *map(_row, entries)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _row(entry: InterfaceStatus) -> tuple[str, ...]:
    addresses = ", ".join(entry.ip_addresses)
    cells = (entry.name, entry.mac, entry.link_state, entry.queue_count, entry.interface_name, addresses)
    return tuple(printable(str(cell or "-")) for cell in (*cells, entry.info_source))
