"""Start and stop the DHCP servers of a pod, and read which addresses they have leased."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Final

from attrs import frozen

from kvnet.node.namespaces import entered
from kvnet.node.programs import node_error, run
from kvnet.node.state import private_folder, write_private
from kvnet.pod.dhcp import DhcpServer
from kvnet.pod.dnsmasq import dnsmasq

__all__ = ["LEASES", "Lease", "is_running", "read_leases", "revive_server", "start_server", "stop_servers"]

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


_DUID = "duid"

_FIELDS = 5


@frozen(kw_only=True)
class Lease:
    """An address that a guest has taken.

    - ``address``: of either family
    - ``mac``: of the client; ``None`` for DHCPv6, whose clients have another identity
    - ``hostname``: that the client told
    """

    address: IPv4Address | IPv6Address
    mac: str | None = None
    hostname: str | None = None


def read_leases(text: str) -> tuple[Lease, ...]:
    """The leases in a file of dnsmasq: end, MAC address, address, name and identity; those of DHCPv6 follow a DUID.

    A line that is not whole yet is left out.

    >>> read_leases("1796000000 52:54:00:aa:bb:cc 10.0.2.2 web 01:52:54:00:aa:bb:cc\\n")
    (Lease(address=IPv4Address('10.0.2.2'), mac='52:54:00:aa:bb:cc', hostname='web'),)
    """
    return tuple(_leases(text))


def _leases(text: str) -> Iterator[Lease]:
    is_v6 = False
    for line in text.splitlines(keepends=True):
        fields = line.split()
        if fields[:1] == [_DUID]:
            is_v6 = True
        elif line.endswith("\n") and len(fields) == _FIELDS:
            _, client, address, hostname, _ = fields
            yield Lease(
                address=ip_address(address.strip("[]")),
                mac=None if is_v6 else client,
                hostname=None if hostname == "*" else hostname,
            )
