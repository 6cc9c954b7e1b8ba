"""Processes that come and go, each with a libvirt inside, around domains that stay: QEMU outlives them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess
from urllib.parse import quote

import kvnet

__all__ = ["Outside", "outside"]

_SOURCE = Path(kvnet.__file__).parents[1]
_TESTS = Path(__file__).parents[1]
_SECONDS = 120

_START = """
import sys
from pathlib import Path
from kvnet import live
with live.connect(sys.argv[1]) as connection:
    live.start(Path(sys.argv[2]).read_text(), connection, paused=True)
"""
_TEXTS = """
import json, sys
from kvnet import live
with live.connect(sys.argv[1]) as connection:
    domain = connection.lookupByName(sys.argv[2])
    print(json.dumps([domain.XMLDesc(), domain.XMLDesc(2)]))
"""
# One that has just been found is still being connected to, and destroying it in that moment is told as an error.
_END = """
import sys, time
from kvnet import live
with live.connect(sys.argv[1]) as connection:
    for domain in connection.listAllDomains():
        for _ in range(50):
            try:
                domain.XMLDesc(), domain.isActive() and domain.destroy()
            except Exception:
                time.sleep(0.1)
            else:
                break
        domain.undefine()
"""


class Outside:
    """The state of one libvirt, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.uri = f"qemu:///embed?root={quote(str(folder / 'libvirt'))}"
        (folder / "libvirt" / "etc").mkdir(parents=True)
        lines = ['stdio_handler = "file"']
        if os.geteuid() == 0:
            lines += ['user = "+0"', 'group = "+0"']
        (folder / "libvirt" / "etc" / "qemu.conf").write_text("\n".join(lines) + "\n")

    def python(
        self, code: str, *arguments: str, env: Mapping[str, str] = {}, check: bool = True
    ) -> CompletedProcess[str]:
        """Run a program, with the tests' own modules at hand."""
        return self._run("-c", code, self.uri, *arguments, env=env, check=check)

    def kvnet(self, command: str, *arguments: str | Path) -> CompletedProcess[str]:
        """Run kvnet on this libvirt."""
        return self._run("-m", "kvnet", command, "-c", self.uri, *map(str, arguments), env={}, check=False)

    def popen(self, command: str, *arguments: str | Path) -> subprocess.Popen[str]:
        """Begin kvnet on this libvirt."""
        return subprocess.Popen(
            [sys.executable, "-m", "kvnet", command, "-c", self.uri, *map(str, arguments)],
            env=self._environment({}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def start(self, domain_xml: str) -> None:
        """Start a domain, stopped before its first instruction."""
        path = self.folder / "domain.xml"
        path.write_text(domain_xml)
        self.python(_START, str(path))

    def texts(self, name: str) -> str:
        """A domain's XML as it runs and as it will start next, as a list in JSON."""
        return self.python(_TEXTS, name).stdout

    def end(self) -> None:
        """End all domains."""
        self.python(_END)

    def _run(self, *arguments: str, env: Mapping[str, str], check: bool) -> CompletedProcess[str]:
        ran = subprocess.run(
            [sys.executable, *arguments],
            env=self._environment(env),
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        if check and ran.returncode:
            raise RuntimeError(f"{ran.args} ended with {ran.returncode}:\n{ran.stdout}\n{ran.stderr}")
        return ran

    def _environment(self, env: Mapping[str, str]) -> dict[str, str]:
        paths = os.pathsep.join(map(str, (_SOURCE, _TESTS)))
        # which it else writes to standard error: a daemon has a log of its own
        log = f"3:file:{self.folder / 'libvirt.log'}"
        return {**os.environ, "PYTHONPATH": paths, "LIBVIRT_LOG_OUTPUTS": log, **env}


@contextmanager
def outside() -> Iterator[Outside]:
    """A libvirt in a temporary folder; its domains end with the block."""
    with tempfile.TemporaryDirectory(prefix="kvnet-outside-") as folder:
        made = Outside(Path(folder))
        try:
            yield made
        finally:
            made.end()
