"""Each fuzz target for half a minute under CI, or for as long as ``KVNET_FUZZ_SECONDS`` says."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

SECONDS = int(os.environ.get("KVNET_FUZZ_SECONDS", "30" if os.environ.get("CI") else "0"))
TARGETS = sorted(Path(__file__).parent.glob("fuzz_*.py"))


@pytest.mark.fuzz
@pytest.mark.skipif(not SECONDS, reason="fuzzing runs under CI; KVNET_FUZZ_SECONDS=30 runs it here")
@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris has no release for this Python")
@pytest.mark.parametrize("target", TARGETS, ids=lambda path: path.stem)
def test_nothing_but_its_own_errors_comes_of_any_input(target: Path, tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, str(target), f"-max_total_time={SECONDS}"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        timeout=SECONDS + 120,
    )
    assert ended.returncode == 0, ended.stdout.decode(errors="replace")[-4000:]
    assert b"Done " in ended.stdout
