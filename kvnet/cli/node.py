"""What the commands that run machines on this host share: the state folder, progress, and machines in words."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

from kvnet.cli.report import Report
from kvnet.manifest import plain
from kvnet.node.machines import Running
from kvnet.node.state import StateFolder

__all__ = ["Steps", "described", "state_of", "told"]


def state_of(arguments: Namespace) -> StateFolder:
    """The state folder that is asked for, else that of the environment, else the common one."""
    return StateFolder() if arguments.root is None else StateFolder(Path(arguments.root))


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


def told(running: Running) -> str:
    """A machine in words, as ``kvnet up`` prints it."""
    rows = {
        "pod IPs": _joined(running.pod_ips),
        "guest IPs": _joined(f"{each.address}" for each in running.leases),
        "ports": _ports(running),
        "namespace": running.pod.namespace,
        "console": "" if running.domain is None else running.domain.console,
    }
    lines = [f"{running.name}: {state_word(running)}"]
    lines += [f"  {name + ':':<11}{value}" for name, value in rows.items() if value]
    return "\n".join(lines)


def state_word(running: Running) -> str:
    """Whether a machine runs, in a word."""
    return "off" if running.domain is None else "running"


def _joined(values: Iterable[object]) -> str:
    return ", ".join(map(str, values))


def _ports(running: Running) -> str:
    return "; ".join(f"{each} to {each.to}" for each in running.forwards)


def described(running: Running) -> dict[str, Any]:
    """A machine as plain data."""
    return {
        "name": running.name,
        "state": state_word(running),
        "podIPs": [str(each) for each in running.pod_ips],
        "guestIPs": [{"ip": str(each.address), "mac": each.mac, "hostname": each.hostname} for each in running.leases],
        "ports": [{"to": str(each.to), "protocol": each.protocol, "ports": each.ports} for each in running.forwards],
        "networkNamespace": running.pod.namespace,
        "folder": str(running.pod.folder),
        "console": None if running.domain is None else running.domain.console,
        "interfaces": plain(running.interfaces),
        "facts": plain(running.pod.facts),
    }
