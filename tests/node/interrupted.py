"""Make or remove a pod, and be killed on the way: run as ``python -m node.interrupted up|down|change ROOT NUMBER``.

The process kills itself before its NUMBER-th event: a file or a folder that it makes, replaces or removes, a program
that it starts, a socket that it opens, or a call of the kernel; with 0, never. It prints nothing.
"""

from __future__ import annotations

import os
import signal
import sys
from itertools import count
from pathlib import Path
from typing import Any

from node.hosts import changed_machine, interrupted_machine

from kvnet import node

_EVENTS = frozenset(
    {
        *("subprocess.Popen", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.chmod", "os.kill"),
        *("fcntl.ioctl", "fcntl.flock", "socket.bind", "shutil.rmtree"),
    }
)


def main() -> None:
    """Do what the arguments say."""
    command, root, number = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    machine, target = interrupted_machine() if command != "change" else changed_machine()
    state, events = node.StateFolder(root), count(1)

    def see(event: str, _: tuple[Any, ...]) -> None:
        if event in _EVENTS and next(events) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(see)
    if command == "up":
        node.pod_up(machine, target, state=state)
    elif command == "change":
        node.pod_change(machine, target, state=state)
    else:
        node.pod_down("prod/web", state=state)


if __name__ == "__main__":
    main()
