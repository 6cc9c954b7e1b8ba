"""Make or remove a pod, and be killed on the way: run as ``python -m node.interrupted COMMAND ROOT NUMBER``.

The commands are ``up``, ``down``, ``change`` and ``shrink``; with ``apply ROOT NUMBER FILE``, a machine that is up is
brought to its manifest. The process kills itself before its NUMBER-th event: a file or a folder that it makes, replaces
or removes, a program that it starts, a socket that it opens or connects, or a call of the kernel; with 0, never. It
prints nothing.
"""

from __future__ import annotations

import os
import signal
import sys
from itertools import count
from pathlib import Path
from typing import Any

from node.hosts import changed_machine, interrupted_machine, smaller_machine

import kvnet
from kvnet import node
from kvnet.node.changes import machine_change
from kvnet.target import Target

_EVENTS = frozenset(
    {
        *("subprocess.Popen", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.chmod", "os.kill"),
        *("fcntl.ioctl", "fcntl.flock", "socket.bind", "socket.connect", "shutil.rmtree"),
    }
)


def _given() -> tuple[kvnet.Machine, Target]:
    """The machine of the manifest that is the last argument."""
    manifest = kvnet.load_all(sys.argv[4])
    return manifest.machines[0], manifest.target()


_MACHINES = {"change": changed_machine, "shrink": smaller_machine, "apply": _given}


def main() -> None:
    """Do what the arguments say."""
    command, root, number = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    machine, target = _MACHINES.get(command, interrupted_machine)()
    state, events = node.StateFolder(root), count(1)

    def see(event: str, _: tuple[Any, ...]) -> None:
        if event in _EVENTS and next(events) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(see)
    if command == "up":
        node.pod_up(machine, target, state=state)
    elif command in ("change", "shrink"):
        node.pod_change(machine, target, state=state)
    elif command == "apply":
        machine_change(machine, target, state=state)
    else:
        node.pod_down("prod/web", state=state)


if __name__ == "__main__":
    main()
