"""Run the command many times from one process that has imported it: each run is a fork, with streams of its own.

Starting Python and importing what the command needs takes nine tenths of a run.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from subprocess import PIPE, CompletedProcess
from types import TracebackType
from typing import Any, Final, Self

__all__ = ["Commands"]

_IMPORTED: Final = (
    *("difflib", "email.parser", "importlib.readers", "jiter", "libvirt", "tomllib"),
    *("kvnet.manifest.schema", "kvnet.report.sarif"),
)
"""What commands import only where they need it, beside the modules of ``kvnet.cli``, which are imported too."""
_LONGEST: Final = 60_000
"""Bytes of a request, and of what is read from standard input: both are sent at once."""
_SECONDS: Final = 60


class Commands:
    """A process that runs the command ``python -m kvnet``, again and again."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._requests.settimeout(_SECONDS)
        with theirs:
            number = theirs.fileno()
            # pipes, as in the runs: Python's streams know whether they can be sought in from its start
            self._server = subprocess.Popen(
                [sys.executable, __file__, str(number)], env=environment, pass_fds=[number], stdin=PIPE, stdout=PIPE
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._requests.close()
        self._server.communicate(timeout=_SECONDS)

    def run(
        self, arguments: Sequence[str], stdin: bytes, folder: Path, environment: Mapping[str, str]
    ) -> CompletedProcess[bytes] | None:
        """Run the command in a folder to its end; ``None`` where that is too long for a request."""
        request = _request(arguments, folder, environment)
        if max(len(request), len(stdin)) > _LONGEST:
            return None
        pipes = [os.pipe() for _ in range(3)]
        (inside, written), *outside = pipes
        os.write(written, stdin)
        os.close(written)
        theirs = [inside, *(write for _, write in outside)]
        socket.send_fds(self._requests, [request], theirs)
        for each in theirs:
            os.close(each)
        said = _read([read for read, _ in outside])
        return CompletedProcess(arguments, self._status(), *said)

    def run_on(
        self, streams: tuple[int, int, int], arguments: Sequence[str], folder: Path, environment: Mapping[str, str]
    ) -> int:
        """Run the command to its end with standard streams of the caller's, and return its status.

        What it writes has to fit into what the streams buffer.
        """
        socket.send_fds(self._requests, [_request(arguments, folder, environment)], streams)
        return self._status()

    def _status(self) -> int:
        return int(self._requests.recv(_LONGEST))


def _request(arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> bytes:
    return json.dumps({"arguments": arguments, "folder": str(folder), "environment": {**environment}}).encode()


def _read(streams: Sequence[int]) -> list[bytes]:
    """What is written to each stream until its end."""
    found = dict.fromkeys(streams, b"")
    with selectors.DefaultSelector() as selector:
        for each in streams:
            selector.register(each, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(_SECONDS)
            assert ready, "the command does not end"
            for key, _ in ready:
                part = os.read(key.fd, _LONGEST)
                found[key.fd] += part
                if not part:
                    selector.unregister(key.fd)
                    os.close(key.fd)
    return [found[each] for each in streams]


def _serve(requests: socket.socket) -> tuple[bytes, list[int]] | None:
    """Run what is requested in children; in a child, return its request and its streams."""
    while True:
        request, streams, *_ = socket.recv_fds(requests, 2 * _LONGEST, 3)
        if not request:
            return None
        child = os.fork()
        if child == 0:
            return request, streams
        for each in streams:
            os.close(each)
        _, status = os.waitpid(child, 0)
        requests.send(str(os.waitstatus_to_exitcode(status)).encode())


def _become(request: bytes, streams: Sequence[int]) -> None:
    """Make this process one that was started with streams, arguments, a folder and an environment."""
    asked = json.loads(request)
    for number, each in enumerate(streams):
        os.dup2(each, number)
        os.close(each)
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["folder"])
    tempfile.tempdir = None
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = [str(Path(import_module("kvnet").__file__ or "").with_name("__main__.py")), *asked["arguments"]]


def _ended(command: Callable[[], Any]) -> int | str | None:
    """Run the command, and return what it would exit with."""
    try:
        status: int = command()
    except SystemExit as ended:
        return ended.code
    return status


def _leave(status: int | str | None) -> None:
    """Exit as Python does, but leave the modules to the kernel: taking them down takes 70 ms, of 85 ms of a run."""
    if isinstance(status, int) and threading.active_count() == 1:
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(status)
    sys.exit(status)


def _main() -> None:
    commands = import_module("kvnet.cli").__path__
    for name in (*_IMPORTED, *(f"kvnet.cli.{each.name}" for each in iter_modules(commands))):
        with suppress(ImportError):
            import_module(name)
    gc.freeze()
    with socket.socket(fileno=int(sys.argv[1])) as requests:
        asked = _serve(requests)
    if asked is not None:
        _become(*asked)
        _leave(_ended(import_module("kvnet.cli").main))


if __name__ == "__main__":
    _main()
