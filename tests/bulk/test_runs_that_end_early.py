"""A run ends at once when it is told to, however stuck a worker is, and leaves no process behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bulk.manifests import lines, vmi

_STUCK = """
import re, sys
from pathlib import Path
import kvnet.bulk.run
from kvnet.cli.main import main

def stuck(worker, chunk, *, run=None):
    Path("begun").touch()
    re.match("(a+)+$", "a" * 64 + "b")  # holds the interpreter's lock for years

kvnet.bulk.run.render_chunk = stuck
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def stuck_run(tmp_path: Path) -> subprocess.Popen[bytes]:
    """A run of two workers that never end."""
    (tmp_path / "vms.ndjson").write_bytes(lines([vmi(n) for n in range(2000)]))
    (tmp_path / "run.py").write_text(_STUCK)
    run = subprocess.Popen(
        [sys.executable, "run.py", "bulk", "-f", "vms.ndjson", "-o", "out", "--jobs", "2"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        _wait_until((tmp_path / "begun").exists)
    except AssertionError:
        run.kill()
        raise
    return run


def _wait_until(condition: object) -> None:
    for _ in range(1200):
        if condition():  # type: ignore[operator]
            return
        time.sleep(0.05)
    raise AssertionError("this does not come to pass")


def _members(session: int) -> list[int]:
    """The processes of a session that are not dead."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, __, of = path.read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(of) == session and state != "Z":
            found.append(int(path.parent.name))
    return found


@pytest.mark.parametrize(("sign", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_a_run_whose_workers_are_stuck_ends_with_one_signal(
    stuck_run: subprocess.Popen[bytes], sign: signal.Signals, status: int
) -> None:
    os.kill(stuck_run.pid, sign)
    _, told = stuck_run.communicate(timeout=60)
    assert (stuck_run.returncode, b"Traceback" in told) == (status, False)
    _wait_until(lambda: not _members(stuck_run.pid))
