"""A process is known by its id and its start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from kvnet.node._keeper_files import Process

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is Linux's")


def test_another_process_of_the_same_id_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as started:
        known = Process.of(started.pid)
        assert known is not None
        known.record(tmp_path / "file")
        assert Process.recorded(tmp_path / "file") == known
        earlier = attrs.evolve(known, started=known.started - 1)
        assert not earlier.runs
        assert earlier.end(grace=0)
        assert known.runs
        assert known.end(grace=5)
        assert not known.runs


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}'])
def test_a_record_that_is_not_whole_tells_of_no_process(tmp_path: Path, text: str) -> None:
    (tmp_path / "file").write_text(text)
    assert Process.recorded(tmp_path / "file") is None
    assert Process.recorded(tmp_path / "missing") is None
