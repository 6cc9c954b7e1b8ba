"""The command, run to its end or killed on the way."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import DEVNULL, PIPE, CompletedProcess

import pytest
from commands import Commands

import kvnet

SOURCE = Path(kvnet.__file__).parents[1]
Bulk = Callable[..., "CompletedProcess[bytes]"]


@pytest.fixture
def bulk(environment: dict[str, str], commands: Commands, tmp_path: Path) -> Bulk:
    """Runs ``kvnet bulk`` in a folder of its own."""

    def command(*arguments: str | Path, stdin: bytes = b"") -> CompletedProcess[bytes]:
        ended = commands.run(["bulk", *map(str, arguments)], stdin, tmp_path, environment)
        if ended is not None:
            return ended
        words = [sys.executable, "-m", "kvnet", "bulk", *map(str, arguments)]
        return subprocess.run(
            words, input=stdin, capture_output=True, cwd=tmp_path, env=environment, timeout=60, check=False
        )

    return command


@pytest.fixture
def stopped(environment: dict[str, str], tmp_path: Path) -> Callable[..., tuple[int, list[int]]]:
    """Starts ``kvnet bulk``, sends it a signal once a file has some size, and returns its status and its workers."""

    def command(*arguments: str | Path, number: int, watched: Path, size: int) -> tuple[int, list[int]]:
        words = [sys.executable, "-m", "kvnet", "bulk", *map(str, arguments)]
        with subprocess.Popen(words, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE, cwd=tmp_path, env=environment) as run:
            deadline = time.monotonic() + 120
            while not (watched.exists() and watched.stat().st_size >= size) and run.poll() is None:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{watched} is not written")
                time.sleep(0.002)
            workers = _children(run.pid)
            run.send_signal(number)
            assert run.stderr is not None
            run.stderr.read()
            return run.wait(30), workers

    return command


def _children(pid: int) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []
