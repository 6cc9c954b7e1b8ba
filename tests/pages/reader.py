"""A reader of the documentation, who runs its blocks and compares what they print."""

from __future__ import annotations

import doctest
import os
import subprocess
import sys
from pathlib import Path
from subprocess import CompletedProcess

from live.daemon import Daemon
from pages.blocks import Block

import kvnet

__all__ = ["ROOT", "Reader", "differences"]

ROOT = Path(__file__).parents[2]
_SOURCE = Path(kvnet.__file__).parents[1]
_SECONDS = 60
_COMMANDS = {
    "kvnet": f'exec "{sys.executable}" -m kvnet "$@"',
    "python": f'exec "{sys.executable}" "$@"',
    "python3": f'exec "{sys.executable}" "$@"',
    # a user who is root already, and keeps the environment
    "sudo": 'exec "$@"',
}


class Reader:
    """A reader with an empty folder, the checkout in ``~/kvnet``, and perhaps a host with a libvirt daemon."""

    def __init__(self, home: Path, host: Daemon | None = None) -> None:
        self.folder = home / "empty"
        self.folder.mkdir()
        (home / "kvnet").symlink_to(ROOT)
        self._program = home / "program"
        self._enter = host.enter(self.folder) if host else ()
        self._environment = {
            **os.environ,
            "HOME": str(home),
            "PATH": os.pathsep.join([str(_commands(home / "bin")), os.environ["PATH"], "/usr/sbin", "/sbin"]),
            "PYTHONPATH": str(_SOURCE),
            "PYTHONUNBUFFERED": "1",
            "LC_ALL": "C.UTF-8",
        }

    def run(self, block: Block) -> CompletedProcess[str]:
        """Run a block as a script or program of its own; what it prints on either stream is in ``stdout``."""
        self._program.write_text(block.text, encoding="utf-8")
        command = [sys.executable] if block.language == "python" else ["bash", "-eo", "pipefail"]
        return subprocess.run(
            [*self._enter, *command, str(self._program)],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS,
            check=False,
        )


def differences(block: Block, ended: CompletedProcess[str]) -> str:
    """How a block ended otherwise than its page says, or nothing; ``...`` in the page stands for any text."""
    if ended.returncode != block.status:
        return f"the exit status is {ended.returncode}, not {block.status}:\n{ended.stdout}"
    checker, options = doctest.OutputChecker(), doctest.ELLIPSIS | doctest.REPORT_NDIFF
    if block.output is None or checker.check_output(block.output, ended.stdout, options):
        return ""
    return checker.output_difference(doctest.Example("", block.output), ended.stdout, options)


def _commands(folder: Path) -> Path:
    """A folder with the commands that the reader has installed."""
    folder.mkdir()
    for name, script in _COMMANDS.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return folder
