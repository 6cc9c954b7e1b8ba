"""A pod whose set-up, change or removal is killed at any point is completed by the next one, and removed by `down`."""

from __future__ import annotations

import os
from itertools import cycle
from pathlib import Path

import pytest
from node.hosts import NEEDS_HOST, interrupted_machine, smaller_machine, snapshot
from node.interrupted import interrupts

from kvnet import node
from kvnet.compiler.pod import hashed_name

pytestmark = [*NEEDS_HOST, pytest.mark.usefixtures("host")]

STRIDE = 1 if os.environ.get("CI") else 7
"""CI kills at every event; elsewhere each run leaves most of them out."""
_MOST = 300
_MOMENT = 0.03
_COMPLETED = 6 if STRIDE == 1 else 2


@pytest.mark.parametrize("command", ["up", "down"])
def test_what_was_killed_at_an_event_is_completed_by_up_and_removed_by_down(command: str, tmp_path: Path) -> None:
    """`up` begins with all that `down` does, so each event is followed by `down`, and some by `up` before."""
    state, before = node.StateFolder(tmp_path), snapshot(tmp_path)
    with interrupts(tmp_path) as interrupt:
        for turn, event in enumerate(range(1, _MOST, STRIDE)):
            if command == "down":
                node.pod_up(*interrupted_machine(), state=state)
            ended = interrupt(command, event=event)
            if turn % _COMPLETED == 1:
                pod = node.pod_up(*interrupted_machine(), state=state)
                assert {"k6t-eth0", "tap0"} < {each.name for each in node.found(pod.namespace).links}
            node.pod_down("prod/web", state=state)
            assert snapshot(tmp_path) == before, f"killed at event {event}"
            if ended:
                return
    pytest.fail("it never ended")


def test_what_was_killed_at_any_moment_is_removed_by_down(tmp_path: Path) -> None:
    """Programs and plugins that run at that moment live on, and the next process waits for them."""
    state, before = node.StateFolder(tmp_path), snapshot(tmp_path)
    with interrupts(tmp_path) as interrupt:
        for number in range(1, _MOST, STRIDE):
            ended = interrupt("up", seconds=number * _MOMENT)
            node.pod_down("prod/web", state=state)
            assert snapshot(tmp_path) == before, f"killed after {number * _MOMENT} seconds"
            if ended:
                return
    pytest.fail("it never ended")


CHANGES = {
    "change": ("other", {"kvnet", "prod/other"}),
    "back": ("lan", {"kvnet", "prod/lan"}),
}


def test_a_change_that_was_killed_is_completed_by_the_next(tmp_path: Path) -> None:
    """There and back, so that the pod is made once; what any of the changes left would be there in the end."""
    state, before = node.StateFolder(tmp_path), snapshot(tmp_path)
    index = node.pod_up(*interrupted_machine(), state=state).found.link("k6t-eth0")
    last = set[str]()
    with interrupts(tmp_path) as interrupt:
        for event, command in zip(range(2, _MOST, STRIDE), cycle(CHANGES), strict=False):
            if interrupt(command, event=event):
                last.add(command)
            else:
                assert interrupt(command)
            _is_changed(state, *CHANGES[command])
            assert node.pods(state)[0].found.link("k6t-eth0") == index
            if len(last) == len(CHANGES):
                break
    assert len(last) == len(CHANGES), "it never ended"
    node.pod_down("prod/web", state=state)
    assert snapshot(tmp_path) == before


def test_a_network_that_was_being_taken_out_is_gone_after_the_next_change(tmp_path: Path) -> None:
    state, before = node.StateFolder(tmp_path), snapshot(tmp_path)
    node.pod_up(*interrupted_machine(), state=state)
    with interrupts(tmp_path) as interrupt:
        for event in range(2, _MOST, STRIDE):
            ended = interrupt("shrink", event=event)
            pod = node.pod_change(*smaller_machine(), state=state)
            assert {each.name for each in pod.facts.pod_networks or ()} == {"kvnet"}, f"killed at event {event}"
            assert (set(pod.addresses), set(pod.leases_files), set(pod.facts.links or ())) == (
                {"eth0"},
                {"default"},
                {"default"},
            )
            assert {each.name for each in pod.found.links} == {"lo", "eth0", "k6t-eth0", "tap0"}
            if ended:
                break
            node.pod_change(*interrupted_machine(), state=state)
        else:
            pytest.fail("it never ended")
    node.pod_down("prod/web", state=state)
    assert snapshot(tmp_path) == before


def _is_changed(state: node.StateFolder, network: str, names: set[str]) -> None:
    (pod,) = node.pods(state)
    assert pod.is_complete
    assert {each.name for each in pod.facts.pod_networks or ()} == names
    assert set(pod.leases_files) == {"default", network}
    moved = f"{hashed_name(network).removeprefix('pod')}-nic"
    assert pod.found.link(moved) is not None
