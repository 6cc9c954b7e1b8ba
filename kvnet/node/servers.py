"""Run the DHCP servers of a pod: one dnsmasq for each, inside the pod's network namespace."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from kvnet.node._errors import node_error
from kvnet.node.namespaces import entered
from kvnet.node.programs import run
from kvnet.node.state import private_folder, write_private
from kvnet.pod.dhcp import DhcpServer
from kvnet.pod.dnsmasq import dnsmasq

__all__ = ["LEASES", "is_running", "revive_server", "start_server", "stop_servers"]

LEASES: Final = "dhcp.leases"
"""The file of leases that servers write, in the folder of each."""
_CONFIGURATION: Final = "dnsmasq.conf"
_PROCESS: Final = "pid"
_LOG: Final = "log"
_SECONDS: Final = 10
_WAIT: Final = 0.02


def start_server(served: DhcpServer, namespace: str, folder: Path) -> None:
    """Start a server, unless it runs. Its configuration, process number and leases are files of a folder of its own.

    Raises Rejected where dnsmasq cannot send an option, and NodeError (KN884) where it does not start.
    """
    private_folder(folder)
    write_private(folder / _CONFIGURATION, dnsmasq(served, keeps_leases=True))
    revive_server(namespace, folder)


def revive_server(namespace: str, folder: Path) -> None:
    """Start the server of a folder as it was started before, unless it runs. Raises NodeError (KN884)."""
    if is_running(folder):
        return
    for each in (LEASES, _LOG):
        (folder / each).touch(mode=0o600)
    options = {
        "conf-file": _CONFIGURATION,
        "pid-file": _PROCESS,
        "dhcp-leasefile": LEASES,
        "log-facility": _LOG,
    }
    with entered(namespace):
        run("dnsmasq", [f"--{option}={folder / name}" for option, name in options.items()], stays=True)
    # dnsmasq has a umask of its own
    for each in (_PROCESS, _LOG):
        (folder / each).chmod(0o600)


def is_running(folder: Path) -> bool:
    """Whether the server of a folder runs."""
    return any(_processes(folder))


def stop_servers(folders: Iterable[Path]) -> None:
    """End the servers of folders, and wait until they have. Raises NodeError (KN884) where one does not end."""
    for folder in folders:
        for process in _processes(folder):
            _end(process, folder)


def _processes(folder: Path) -> Iterator[int]:
    """The processes that were started with the configuration of a folder: a number alone could be another's by now."""
    argument = f"--conf-file={folder / _CONFIGURATION}".encode()
    for name in os.listdir("/proc"):
        if name.isdigit() and argument in _arguments(int(name)):
            yield int(name)


def _arguments(process: int) -> list[bytes]:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def _end(process: int, folder: Path) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(process, sign)
        except ProcessLookupError:
            return
        end = time.monotonic() + _SECONDS
        while time.monotonic() < end:
            if process not in _processes(folder):
                return
            time.sleep(_WAIT)
    raise node_error("KN884", f"dnsmasq, process {process}, does not end")
