"""The command in a process of its own, with real streams."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from commands import Commands

import kvnet

_READ_AT_START = ("PYTHON", "LC_")
"""Beginnings of variables that Python reads when it starts."""
SOURCE = Path(kvnet.__file__).parents[1]
Run = Callable[..., "CompletedProcess[bytes]"]
RunOn = Callable[..., int]


@pytest.fixture
def run(environment: dict[str, str], commands: Commands, tmp_path: Path) -> Run:
    """Runs ``kvnet`` in a folder of its own; ``closed`` are the numbers of streams that it starts without."""

    def kvnet_command(
        *arguments: str | Path, stdin: bytes = b"", env: Mapping[str, str] = {}, closed: tuple[int, ...] = ()
    ) -> CompletedProcess[bytes]:
        words = [*map(str, arguments)]
        if not closed and not any(key.startswith(_READ_AT_START) for key in env):
            ended = commands.run(words, stdin, tmp_path, {**environment, **env})
            if ended is not None:
                return ended
        command = [sys.executable, "-m", "kvnet", *words]
        if closed:
            redirections = " ".join(f"{number}>&-" for number in closed)
            command = ["sh", "-c", f'exec "$@" {redirections}', "sh", *command]
        return subprocess.run(
            command, input=stdin, capture_output=True, cwd=tmp_path, env={**environment, **env}, timeout=60, check=False
        )

    return kvnet_command


@pytest.fixture
def run_on(commands: Commands, environment: dict[str, str], tmp_path: Path) -> RunOn:
    """Runs ``kvnet`` in a folder of its own with streams of the test's and no input, and returns its status."""

    def kvnet_command(*arguments: str | Path, stdout: int, stderr: int, env: Mapping[str, str] = environment) -> int:
        with open(os.devnull, "rb") as nothing:
            return commands.run_on((nothing.fileno(), stdout, stderr), [*map(str, arguments)], tmp_path, env)

    return kvnet_command


def shown(terminal: int) -> bytes:
    """All that a terminal shows, whose other end is closed; this end is closed then, too."""
    told = b""
    with suppress(OSError):  # Linux tells the end of a terminal so
        while part := os.read(terminal, 65536):
            told += part
    os.close(terminal)
    return told
