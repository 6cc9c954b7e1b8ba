"""``kvnet show``."""

from __future__ import annotations

import os
import pty
import termios
from pathlib import Path

import pytest
from cli.conftest import Run, RunOn, shown

EXAMPLES = Path(__file__).parents[2] / "examples"
DOMAIN = (
    b"<domain><name>db</name><devices><interface type='bridge'><source bridge='br0'/></interface></devices></domain>"
)


def test_a_domain_is_drawn_alone_or_before_the_machines(run: Run) -> None:
    alone = run("show", "--domain", "-", stdin=DOMAIN)
    assert (alone.returncode, alone.stderr) == (0, b"")
    assert alone.stdout.startswith(b"Domain db\n\nNIC 0")
    both = run("show", "--domain", "-", EXAMPLES / "pod.yaml", stdin=DOMAIN).stdout
    assert both.index(b"Domain db") < both.index(b"tap0")


def test_a_machine_with_errors_is_drawn_with_them_and_the_status_tells(run: Run) -> None:
    ended = run("show", EXAMPLES / "sriov.yaml", "--profile", "host")
    assert ended.returncode == 1
    assert b"! error KN302" in ended.stdout


def test_what_cannot_be_read_is_told_and_nothing_is_drawn(run: Run) -> None:
    ended = run("show", "--domain", "-", stdin=b"<domain>")
    assert (ended.returncode, ended.stdout) == (1, b"")
    assert b"KN501" in ended.stderr
    assert run("show").returncode == 2


@pytest.mark.parametrize(
    ("columns", "beginning"), [(200, "default ──"), (80, "default: virtio-non-transitional\r\n│ tap")]
)
def test_a_picture_fits_the_terminal(run_on: RunOn, environment: dict[str, str], columns: int, beginning: str) -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, columns))
    sized = {name: value for name, value in environment.items() if name != "COLUMNS"}
    assert run_on("show", "-q", EXAMPLES / "pod.yaml", stdout=theirs, stderr=theirs, env=sized) == 0
    os.close(theirs)
    assert f"\r\n{beginning}" in shown(ours).decode()
