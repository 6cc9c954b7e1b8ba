"""``kvnet show``."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
DOMAIN = (
    "<domain><name>db</name><devices><interface type='bridge'><source bridge='br0'/></interface></devices></domain>"
)


def show(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kvnet", "show", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)


def test_a_domain_is_drawn_alone_or_before_the_machines() -> None:
    alone = show("--domain", "-", stdin=DOMAIN)
    assert (alone.returncode, alone.stderr) == (0, "")
    assert alone.stdout.startswith("Domain db\n\nNIC 0")
    both = show("--domain", "-", str(EXAMPLES / "pod.yaml"), stdin=DOMAIN).stdout
    assert both.index("Domain db") < both.index("tap0")


def test_a_machine_with_errors_is_drawn_with_them_and_the_status_tells() -> None:
    ended = show(str(EXAMPLES / "sriov.yaml"), "--profile", "host")
    assert ended.returncode == 1
    assert "! error KN302" in ended.stdout


def test_what_cannot_be_read_is_told_and_nothing_is_drawn() -> None:
    ended = show("--domain", "-", stdin="<domain>")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "KN501" in ended.stderr
    assert show().returncode == 2


@pytest.mark.parametrize(
    ("columns", "beginning"), [(200, "default ──"), (80, "default: virtio-non-transitional\r\n│ tap")]
)
def test_a_picture_fits_the_terminal(columns: int, beginning: str) -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, columns))
    command = [sys.executable, "-m", "kvnet", "show", "-q", str(EXAMPLES / "pod.yaml")]
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    subprocess.run(command, stdout=theirs, env=environment, check=True)
    os.close(theirs)
    assert f"\r\n{beginning}" in os.read(ours, 65536).decode()
    os.close(ours)
