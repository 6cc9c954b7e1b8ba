"""A libvirtd of the tests' own, its directories and its network to itself, that is killed and started at will."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from kvnet import live
from kvnet.live import LibvirtError
from kvnet.live._libvirt import libvirt_module

__all__ = ["MISSING", "Daemon", "daemon", "end_domains"]

MISSING = [
    what
    for what, is_there in {
        "root (a mount namespace)": os.geteuid() == 0,
        "libvirtd": shutil.which("libvirtd", path=f"{os.environ.get('PATH', '')}:/usr/sbin") is not None,
        "unshare": shutil.which("unshare") is not None,
    }.items()
    if not is_there
]
_SECONDS = 30.0
# Its directories are fixed; so they are mounted over, where nobody else sees it.
_SCRIPT = """
set -e
cd "$1"
for folder in /run/libvirt /var/lib/libvirt /etc/libvirt /var/cache/libvirt /var/log/libvirt; do
    mkdir -p "$folder" ".$folder"
    mount --bind ".$folder" "$folder"
done
printf 'stdio_handler = "file"\\nuser = "+0"\\ngroup = "+0"\\n' >/etc/libvirt/qemu.conf
printf 'unix_sock_dir = "%s"\\nauth_unix_rw = "none"\\nauth_unix_ro = "none"\\n' "$1" >libvirtd.conf
ln -sf "$1/libvirt-sock" /run/libvirt/libvirt-sock
exec env PATH="$PATH:/usr/sbin:/sbin" libvirtd -f "$1/libvirtd.conf" -p "$1/pid"
"""


class Daemon:
    """One libvirtd after the other, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.uri = f"qemu+unix:///system?socket={folder}/libvirt-sock"
        self._process: subprocess.Popen[bytes] | None = None

    def enter(self, folder: Path) -> tuple[str, ...]:
        """The beginning of a command that runs in a folder on the daemon's host, where it is ``qemu:///system``."""
        if self._process is None:
            raise RuntimeError("libvirtd is not running")
        return ("nsenter", f"--target={self._process.pid}", "--mount", "--net", "env", f"--chdir={folder}")

    def start(self) -> None:
        """Start it, and wait until it listens."""
        (self.folder / "libvirt-sock").unlink(missing_ok=True)
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["unshare", "--mount", "--net", "--propagation", "private", "sh", "-c", _SCRIPT, "sh", self.folder],
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + _SECONDS
        while not self._listens():
            if time.monotonic() > end or self._process.poll() is not None:
                raise RuntimeError(f"libvirtd does not start:\n{(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.05)

    def _listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(str(self.folder / "libvirt-sock")) == 0

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(_SECONDS)
            self._process = None


@contextmanager
def daemon() -> Iterator[Daemon]:
    """A daemon that listens; it ends with the block, and so do the domains that were left to it."""
    with tempfile.TemporaryDirectory(prefix="kvnet-daemon-") as folder:
        made = Daemon(Path(folder))
        made.start()
        try:
            yield made
        finally:
            with suppress(LibvirtError), live.connect(made.uri) as connection:
                end_domains(connection)
            made.kill()


def end_domains(connection: Any) -> None:
    """End and forget every domain."""
    for domain in connection.listAllDomains():
        # a daemon that was just started may be told that it has ended what it has just found
        with suppress(libvirt_module().libvirtError):
            domain.destroy()
        domain.undefine()
