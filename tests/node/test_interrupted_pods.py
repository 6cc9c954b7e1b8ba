"""A pod whose set-up or removal is killed at any point is completed by the next up, and removed by the next down."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from node.hosts import NEEDS_HOST, changed_machine, interrupted_machine, smaller_machine, snapshot

from kvnet import node
from kvnet.compiler.naming import hashed_name

pytestmark = [*NEEDS_HOST, pytest.mark.usefixtures("host")]

TESTS = Path(__file__).parents[1]
STRIDE = 1 if os.environ.get("CI") else 10
"""CI kills at every event; elsewhere each run leaves most of them out."""
_MOST = 500
_MOMENT = 0.03


def ends(command: str, root: Path, number: int) -> bool:
    """Whether a process comes to its end before it is killed at an event."""
    process = started(command, root, number)
    _, told = process.communicate()
    assert process.returncode in (0, -signal.SIGKILL), told
    return process.returncode == 0


def started(command: str, root: Path, number: int) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(TESTS.parent), str(TESTS)])
    arguments = [sys.executable, "-m", "node.interrupted", command, str(root), str(number)]
    return subprocess.Popen(arguments, env={**os.environ, "PYTHONPATH": path}, stderr=subprocess.PIPE, text=True)


def test_what_was_killed_in_up_is_removed_by_down(tmp_path: Path) -> None:
    state, before = node.StateFolder(tmp_path), snapshot(tmp_path)
    for number in range(1, _MOST, STRIDE):
        finished = ends("up", tmp_path, number)
        node.pod_down("prod/web", state=state)
        assert snapshot(tmp_path) == before, f"killed at event {number}"
        if finished:
            return
    pytest.fail("it never ended")


def test_what_was_killed_in_down_is_removed_by_down(tmp_path: Path) -> None:
    state, before = node.StateFolder(tmp_path), snapshot(tmp_path)
    for number in range(1, _MOST, STRIDE):
        node.pod_up(*interrupted_machine(), state=state)
        finished = ends("down", tmp_path, number)
        node.pod_down("prod/web", state=state)
        assert snapshot(tmp_path) == before, f"killed at event {number}"
        if finished:
            return
    pytest.fail("it never ended")


def test_what_was_killed_at_any_moment_is_removed_by_down(tmp_path: Path) -> None:
    """Programs and plugins that run at that moment live on, and the next process waits for them."""
    state, before = node.StateFolder(tmp_path), snapshot(tmp_path)
    for number in range(1, _MOST, 2 * STRIDE):
        process = started("up", tmp_path, 0)
        try:
            process.wait(timeout=number * _MOMENT)
        except subprocess.TimeoutExpired:
            process.kill()
        _, told = process.communicate()
        ended = process.returncode
        assert ended in (0, -signal.SIGKILL), told
        node.pod_down("prod/web", state=state)
        assert snapshot(tmp_path) == before, f"killed after {number * _MOMENT} seconds"
        if ended == 0:
            return
    pytest.fail("it never ended")


@pytest.mark.parametrize("command", ["up", "down"])
def test_what_was_killed_is_completed_by_up(command: str, tmp_path: Path) -> None:
    state, before = node.StateFolder(tmp_path), snapshot(tmp_path)
    for number in range(3, _MOST, 2 * STRIDE):
        if command == "down":
            node.pod_up(*interrupted_machine(), state=state)
        finished = ends(command, tmp_path, number)
        pod = node.pod_up(*interrupted_machine(), state=state)
        assert {"k6t-eth0", "tap0"} < {each.name for each in node.found(pod.namespace).links}
        node.pod_down("prod/web", state=state)
        assert snapshot(tmp_path) == before, f"killed at event {number}"
        if finished:
            return
    pytest.fail("it never ended")


def test_a_change_that_was_killed_is_completed_by_the_next(tmp_path: Path) -> None:
    state, before = node.StateFolder(tmp_path), snapshot(tmp_path)
    for number in range(2, _MOST, STRIDE):
        index = node.pod_up(*interrupted_machine(), state=state).found.link("k6t-eth0")
        finished = ends("change", tmp_path, number)
        pod = node.pod_change(*changed_machine(), state=state)
        assert pod.found.link("k6t-eth0") == index
        assert {each.name for each in pod.facts.pod_networks or ()} == {"kvnet", "prod/other"}
        assert set(pod.leases_files) == {"default", "other"}
        moved = f"{hashed_name('other').removeprefix('pod')}-nic"
        assert pod.found.link(moved) is not None
        node.pod_down("prod/web", state=state)
        assert snapshot(tmp_path) == before, f"killed at event {number}"
        if finished:
            return
    pytest.fail("it never ended")


def test_a_network_that_was_being_taken_out_is_gone_after_the_next_change(tmp_path: Path) -> None:
    state, before = node.StateFolder(tmp_path), snapshot(tmp_path)
    for number in range(2, _MOST, STRIDE):
        node.pod_up(*interrupted_machine(), state=state)
        finished = ends("shrink", tmp_path, number)
        pod = node.pod_change(*smaller_machine(), state=state)
        assert {each.name for each in pod.facts.pod_networks or ()} == {"kvnet"}, f"killed at event {number}"
        assert (set(pod.addresses), set(pod.leases_files), set(pod.facts.links or ())) == (
            {"eth0"},
            {"default"},
            {"default"},
        )
        assert {each.name for each in pod.found.links} == {"lo", "eth0", "k6t-eth0", "tap0"}
        node.pod_down("prod/web", state=state)
        assert snapshot(tmp_path) == before, f"killed at event {number}"
        if finished:
            return
    pytest.fail("it never ended")
