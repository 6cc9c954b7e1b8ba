"""Make, change or remove a pod, and be killed on the way: a process that is asked line by line, and its other end.

For each line `up|change|back|shrink|down EVENT SECONDS ROOT` the process forks, which is cheaper than to start anew.
The child does so and kills itself before its EVENT-th event: a file or folder that it makes, replaces or removes, a
program that it starts, or a link or address that it asks of the kernel; with 0, never. It is killed after SECONDS, too.
The answer is `0` where it came to its end, else its status.

With the arguments `apply ROOT EVENT FILE`, this process itself brings a machine that is up to its manifest.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Final, NoReturn

from node.hosts import changed_machine, interrupted_machine, smaller_machine

import kvnet
from kvnet import node
from kvnet.node.changes import machine_change

__all__ = ["Interrupt", "interrupts"]

Interrupt = Callable[..., bool]
"""Given a command, and ``event`` or ``seconds``: whether the command came to its end before it was killed."""

_TESTS: Final = Path(__file__).parents[1]
_LONG: Final = 60.0
_EVENTS: Final = frozenset(
    {
        *("subprocess.Popen", "os.rename", "os.chmod", "os.kill", "fcntl.ioctl", "fcntl.flock", "shutil.rmtree"),
        "socket.connect",
    }
)
_MAKING: Final = frozenset({"os.mkdir"})
_REMOVING: Final = frozenset({"os.remove", "os.rmdir"})
_NETLINK: Final = ("link", "addr", "brport", "flush_addr")
_COMMANDS: Final[Mapping[str, Callable[[node.StateFolder], object]]] = {
    "up": lambda state: node.pod_up(*interrupted_machine(), state=state),
    "change": lambda state: node.pod_change(*changed_machine(), state=state),
    "back": lambda state: node.pod_change(*interrupted_machine(), state=state),
    "shrink": lambda state: node.pod_change(*smaller_machine(), state=state),
    "down": lambda state: node.pod_down("prod/web", state=state),
}


@contextmanager
def interrupts(root: Path) -> Iterator[Interrupt]:
    """What does a command on a state folder, and is killed on the way, for as long as the context lasts."""
    path = os.pathsep.join([str(_TESTS.parent), str(_TESTS)])
    command = [sys.executable, "-m", "node.interrupted"]
    with subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        asked, told = process.stdin, process.stdout

        def interrupt(command: str, *, event: int = 0, seconds: float = _LONG) -> bool:
            asked.write(f"{command} {event} {seconds} {root}\n")
            status = int(told.readline())
            assert status in (0, -signal.SIGKILL), "its error is on the standard error stream"
            return status == 0

        yield interrupt


def main() -> None:
    """Do what the arguments say, else what the lines of the standard input do."""
    from pyroute2 import IPRoute  # noqa: PLC0415 - an extra, which each child would import

    if sys.argv[1:]:
        _, root, event, file = sys.argv[1:]
        _die(partial(_apply, file), node.StateFolder(Path(root)), int(event), IPRoute)
    for line in sys.stdin:
        command, event, seconds, root = line.rstrip("\n").split(" ", 3)
        child = os.fork()
        if not child:
            _die(_COMMANDS[command], node.StateFolder(Path(root)), int(event), IPRoute)
        print(_status(child, float(seconds)), flush=True)


def _status(child: int, seconds: float) -> int:
    """How a child ended, which is killed after so many seconds."""
    handle = os.pidfd_open(child)
    try:
        if not select.select([handle], [], [], seconds)[0]:
            os.kill(child, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    finally:
        os.close(handle)


def _apply(file: str, state: node.StateFolder) -> None:
    """Bring a machine that is up to the manifest in a file."""
    manifest = kvnet.load_all(file)
    machine_change(manifest.machines[0], manifest.target(), state=state)


def _die(command: Callable[[node.StateFolder], object], state: node.StateFolder, number: int, kernel: type) -> NoReturn:
    """Do a command as far as the event of that number."""
    events = count(1)

    def see() -> None:
        if next(events) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, given: tuple[Any, ...]) -> None:
        if _changes(event, given):
            see()

    sys.addaudithook(hook)
    for name in _NETLINK:
        setattr(kernel, name, _watched(name, see))
    try:
        command(state)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def _watched(name: str, see: Callable[[], None]) -> Callable[..., Any]:
    """A method of pyroute2's that is seen; the class has its methods by way of `__getattr__` alone."""

    def call(kernel: Any, *arguments: Any, **named: Any) -> Any:
        see()
        return kernel.__getattr__(name)(*arguments, **named)

    return call


def _changes(event: str, given: tuple[Any, ...]) -> bool:
    """Whether an event changes something; a folder that is there and made again does not."""
    if event in _MAKING:
        return not os.path.lexists(given[0])
    if event in _REMOVING and given[-1] == -1:
        return os.path.lexists(given[0])
    return event in _EVENTS or event in _REMOVING


if __name__ == "__main__":
    main()
