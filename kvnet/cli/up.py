"""``kvnet up``."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from kvnet.cli import inputs
from kvnet.cli.node import Steps, described, state_of, told
from kvnet.cli.output import CLEAN, FAILED, FINDINGS, write_each
from kvnet.cli.report import Report
from kvnet.node.boot import Boot
from kvnet.node.machines import Running, check_machines, machine_up, wait_for_leases
from kvnet.node.planned import steps
from kvnet.spec import Machine
from kvnet.target import Target

__all__ = ["run"]


def run(arguments: Namespace, report: Report) -> int:
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
            print(*steps(machine, target, state=state, boot=boot, pod_network=network), sep="\n")
        return CLEAN
    check_machines(machines, target, pod_network=network)
    running = [_up(machine, target, boot, arguments, report) for machine in machines]
    if arguments.output != "text":
        write_each([described(each) for each in running], arguments.output, machines=len(running))
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
        print(told(running), flush=True)
    if not arguments.no_wait and running.awaited:
        report.failure(_silent(running, arguments.timeout))
    return running


def _silent(running: Running, timeout: float) -> str:
    if running.domain is None:
        return f"the domain of {running.name} has ended before its guest took an address"
    return f"the guest of {running.name} has not taken its address within {timeout:g} s; `kvnet down` removes it"
