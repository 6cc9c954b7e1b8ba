"""``kvnet up``, ``down``, ``ps`` and ``exec``: machines that run on this host."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from kvnet.cli import inputs
from kvnet.cli.output import CLEAN, FAILED, FINDINGS, write, write_each
from kvnet.cli.report import Report
from kvnet.manifest import plain
from kvnet.node.domains import Boot
from kvnet.node.machines import check_machines, machine_down, machine_up, planned_steps, written_out
from kvnet.node.namespaces import execute
from kvnet.node.programs import check_host
from kvnet.node.running import Running, known_names, pod_named, running_machines, wait_for_leases
from kvnet.node.state import StateFolder
from kvnet.spec import Machine
from kvnet.target import Target
from kvnet.values import printable

__all__ = ["Steps", "down", "exec_", "ps", "state_of", "up"]


def state_of(arguments: Namespace) -> StateFolder:
    """The state folder that is asked for, else that of the environment, else the common one."""
    return StateFolder(Path(arguments.root)) if arguments.root else StateFolder()


class Steps:
    """A line on a terminal that tells the step which is being taken; it is gone at the end of the block."""

    def __init__(self, report: Report) -> None:
        self._is_shown = sys.stderr.isatty() and not report.is_quiet

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._write("")

    def show(self, step: str) -> None:
        """Show a step instead of the one before."""
        self._write(step)

    def _write(self, text: str) -> None:
        if self._is_shown:
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def _told(running: Running) -> str:
    """A machine in words, as ``kvnet up`` prints it."""
    rows = {
        "pod IPs": _joined(running.pod_ips),
        "guest IPs": _joined(f"{each.address}" for each in running.leases),
        "ports": _ports(running),
        "namespace": running.pod.namespace,
        "console": "" if running.domain is None else running.domain.console,
    }
    lines = [f"{running.name}: {_state_word(running)}"]
    lines += [f"  {name + ':':<11}{value}" for name, value in rows.items() if value]
    return "\n".join(lines)


def _state_word(running: Running) -> str:
    """Whether a machine runs, in a word."""
    return "off" if running.domain is None else "running"


def _joined(values: Iterable[object]) -> str:
    return ", ".join(map(str, values))


def _ports(running: Running) -> str:
    return "; ".join(f"{each} to {each.to}" for each in running.forwards)


def _described(running: Running) -> dict[str, Any]:
    """A machine as plain data."""
    return {
        "name": running.name,
        "state": _state_word(running),
        "podIPs": [str(each) for each in running.pod_ips],
        "guestIPs": [{"ip": str(each.address), "mac": each.mac, "hostname": each.hostname} for each in running.leases],
        "ports": [{"to": str(each.to), "protocol": each.protocol, "ports": each.ports} for each in running.forwards],
        "networkNamespace": running.pod.namespace,
        "folder": str(running.pod.folder),
        "console": None if running.domain is None else running.domain.console,
        "interfaces": plain(running.interfaces),
        "facts": plain(running.pod.facts),
    }


def up(arguments: Namespace, report: Report) -> int:
    """Bring each machine up, and print where it can be reached.

    Returns 1 where a guest has not taken its addresses in time, and 2 where something is missing that a machine needs;
    nothing is touched then.
    """
    boot = _boot(arguments)
    if boot.problems:
        report.failure("; ".join(boot.problems))
        return FAILED
    machines, target = inputs.read(arguments, report)
    inputs.admit(machines, target, report)
    state, network = state_of(arguments), _file(arguments.pod_network)
    if arguments.dry_run:
        for machine in machines:
            print(*planned_steps(machine, target, state=state, boot=boot, pod_network=network), sep="\n")
        return CLEAN
    check_machines(machines, target, pod_network=network)
    running = [_up(machine, target, boot, arguments, report) for machine in machines]
    if arguments.output != "text":
        write_each([_described(each) for each in running], arguments.output, machines=len(running))
    return CLEAN if arguments.no_wait or not any(each.awaited for each in running) else FINDINGS


def _boot(arguments: Namespace) -> Boot:
    return Boot(
        disks=tuple(Path(each).absolute() for each in arguments.disk),
        kernel=_file(arguments.kernel),
        initrd=_file(arguments.initrd),
        cmdline=arguments.cmdline,
    )


def _file(name: str | None) -> Path | None:
    return None if name is None else Path(name).absolute()


def _up(machine: Machine, target: Target, boot: Boot, arguments: Namespace, report: Report) -> Running:
    with Steps(report) as shown:
        running = machine_up(
            machine,
            target,
            state=state_of(arguments),
            boot=boot,
            pod_network=_file(arguments.pod_network),
            virt_type=arguments.domain_type,
            progress=shown.show,
        )
        if not arguments.no_wait:
            running = wait_for_leases(running, timeout=arguments.timeout, progress=shown.show)
    if arguments.output == "text":
        print(_told(running), flush=True)
    if _has_other_nics(running.machine, written_out(machine, target)):
        report.remark(f"{running.name} goes on as it was: `kvnet apply` brings it to the manifest")
    if not arguments.no_wait and running.awaited:
        report.failure(_silent(running, arguments.timeout))
    return running


def _has_other_nics(running: Machine, machine: Machine) -> bool:
    """Whether a machine that was up already has other NICs than its manifest, in whatever order."""
    one, other = (
        {each.name: each for each in of.interfaces} | {f"network {each.name}": each for each in of.networks}
        for of in (running, machine)
    )
    return one != other


def _silent(running: Running, timeout: float) -> str:
    if running.domain is None:
        return f"the domain of {running.name} has ended before its guest took an address"
    return f"the guest of {running.name} has not taken its address within {timeout:g} s; `kvnet down` removes it"


def down(arguments: Namespace, report: Report) -> int:
    """Take the machines of these names down, or all, and print the name of each that is gone."""
    check_host()
    state = state_of(arguments)
    for name in known_names(arguments.machines, state=state):
        with Steps(report) as steps:
            machine_down(name, state=state, progress=steps.show)
        print(f"{printable(name)}: down", flush=True)
    return CLEAN


_HEADINGS = ("NAME", "STATE", "NIC", "MAC", "LINK", "ADDRESSES", "KNOWN FROM")


def ps(arguments: Namespace, report: Report) -> int:
    """Print what runs, with the status of each NIC as KubeVirt reports it."""
    found = running_machines(state=state_of(arguments))
    if arguments.output == "table":
        print(_table([tuple(map(printable, row)) for each in found for row in _rows(each)]))
    else:
        write([_described(each) for each in found], arguments.output)
    return CLEAN


def _rows(running: Running) -> Iterator[tuple[str, ...]]:
    """A row for each NIC, with what is the machine's own in the first."""
    own = (running.name, _state_word(running))
    if not running.interfaces:
        yield (*own, *("-" for _ in _HEADINGS[len(own) :]))
    for entry in running.interfaces:
        cells = (entry.name, entry.mac, entry.link_state, ", ".join(entry.ip_addresses), entry.info_source)
        yield (*own, *(str(cell or "-") for cell in cells))
        own = ("", "")


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    rows = [_HEADINGS, *rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def exec_(arguments: Namespace, report: Report) -> int:
    """Become the command inside the machine's network namespace, whose exit status is then this one's."""
    pod = pod_named(arguments.machine, state=state_of(arguments))
    command = arguments.run[1:] if arguments.run[:1] == ["--"] else arguments.run
    try:
        execute(command, pod.namespace)
    except OSError as error:
        report.failure(f"{command[0]} cannot be run: {error.strerror}")
        return FAILED
