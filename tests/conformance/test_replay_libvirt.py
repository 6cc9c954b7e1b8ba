from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CORPUS = HERE.parents[1].parent / "shared" / "corpus" / "network-devices.jsonl.gz"


def test_every_element_of_libvirts_corpus_is_read_and_written_without_loss() -> None:
    if not CORPUS.exists():
        pytest.skip(f"libvirt's elements are not there: {CORPUS.name} is looked for in ../shared/corpus")
    script = HERE / "replay_libvirt.py"
    done = subprocess.run([sys.executable, script, CORPUS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(" identical, 0 differ\n")
