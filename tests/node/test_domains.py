"""A domain runs in the pod of its machine, outlives whoever started it, and is found again whatever was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from components import needs_package, needs_program
from node.hosts import NEEDS_HOST, machine, snapshot

import kvnet
from kvnet.node._keeper_files import KeeperFiles, Process
from kvnet.node.machines import machine_down, machine_up
from kvnet.node.namespaces import namespace_path
from kvnet.node.running import Running, running_machines, wait_for_leases
from kvnet.node.state import StateFolder

pytestmark = [
    *NEEDS_HOST,
    pytest.mark.usefixtures("host"),
    needs_package("libvirt", "libvirt"),
    needs_program("qemu-system-x86_64"),
    pytest.mark.skipif(not Path("/dev/net/tun").exists(), reason="the kernel has no /dev/net/tun"),
]

SECONDS = 60.0
WEB, TARGET = machine([{"name": "default", "masquerade": {}}])
NAME = "prod/web"
UP = """
import sys
from node.hosts import machine
from kvnet.node.machines import machine_up
from kvnet.node.state import StateFolder
web, target = machine([{"name": "default", "masquerade": {}}])
machine_up(web, target, state=StateFolder(sys.argv[1]), virt_type="qemu")
"""


def up(state: StateFolder) -> Running:
    return machine_up(WEB, TARGET, state=state, virt_type="qemu")


def files(running: Running) -> KeeperFiles:
    return KeeperFiles(running.pod.folder / "domain")


def process(file: Path) -> Process:
    found = Process.recorded(file)
    assert found is not None
    return found


def wait_until(predicate: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not predicate():
        if time.monotonic() >= end:
            pytest.fail(f"it is not so after {SECONDS} seconds")
        time.sleep(0.05)


def test_qemu_runs_inside_the_pod_and_nothing_is_left_of_it(state: StateFolder) -> None:
    before = snapshot(state.root)
    running = up(state)
    assert running.domain is not None
    assert process(files(running).qemu).is_in(namespace_path(running.pod.namespace))
    assert [(each.name, each.link_state) for each in running.interfaces] == [("default", "up")]
    assert files(running).folder.stat().st_mode & 0o777 == 0o700
    assert [each.name for each in running_machines(state=state)] == [NAME]
    assert wait_for_leases(running, timeout=0.1).awaited == 1, "a guest without an operating system takes no address"
    machine_down(NAME, state=state)
    assert snapshot(state.root) == before


def test_a_nic_whose_link_is_down_is_not_awaited(state: StateFolder) -> None:
    asked = machine([{"name": "default", "masquerade": {}, "state": "down"}])
    assert machine_up(*asked, state=state, virt_type="qemu").awaited == 0


def test_a_machine_that_is_up_stays_as_it_is(state: StateFolder) -> None:
    qemu = process(files(up(state)).qemu)
    assert process(files(up(state)).qemu) == qemu
    assert qemu.runs


@pytest.mark.parametrize("goes_on", [True, False], ids=["up", "down"])
def test_qemu_is_found_again_where_its_keeper_was_killed(state: StateFolder, goes_on: bool) -> None:
    before = snapshot(state.root)
    running = up(state)
    keeper, qemu = (process(each) for each in (files(running).keeper, files(running).qemu))
    os.kill(keeper.pid, signal.SIGKILL)
    wait_until(lambda: not files(running).is_kept)
    assert qemu.runs
    if goes_on:
        assert process(files(up(state)).qemu) == qemu
    machine_down(NAME, state=state)
    assert not qemu.runs
    assert snapshot(state.root) == before


def test_qemu_is_found_where_nobody_recorded_it(state: StateFolder) -> None:
    running = up(state)
    keeper, qemu = (process(each) for each in (files(running).keeper, files(running).qemu))
    os.kill(keeper.pid, signal.SIGKILL)
    wait_until(lambda: not files(running).is_kept)
    files(running).qemu.unlink()
    machine_down(NAME, state=state)
    assert not qemu.runs


def test_a_request_that_is_none_does_not_end_the_domain(state: StateFolder) -> None:
    running = up(state)
    assert files(running).ask("jump", seconds=SECONDS) == {"error": "no such request"}
    assert process(files(running).qemu).runs


def test_the_keeper_ends_with_its_domain(state: StateFolder) -> None:
    running = up(state)
    os.kill(process(files(running).qemu).pid, signal.SIGTERM)
    wait_until(lambda: not files(running).is_kept)
    (seen,) = running_machines(state=state)
    assert (seen.domain, seen.interfaces) == (None, ())
    assert up(state).domain is not None, "it starts again"


def test_a_machine_is_taken_down_whose_set_up_was_killed(state: StateFolder) -> None:
    before = snapshot(state.root)
    folder = state.pod(NAME).path / "domain"
    for moment in ("domain.xml", "keeper.json", "qemu.json"):
        setup = subprocess.Popen([sys.executable, "-c", UP, str(state.root)], env=_environment())
        wait_until(lambda file=folder / moment: file.exists())  # type: ignore[misc]
        setup.kill()
        setup.wait()
        machine_down(NAME, state=state)
        assert snapshot(state.root) == before, moment


def _environment() -> dict[str, str]:
    tests, source = Path(__file__).parents[1], Path(kvnet.__file__).parents[1]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (tests, source)))}


@pytest.mark.parametrize(("name", "told"), [("a/b", "cannot name a domain"), ("a" * 243, "has 248 bytes")])
def test_a_name_that_no_domain_can_have_is_told_before_anything_is_touched(
    state: StateFolder, name: str, told: str
) -> None:
    before = snapshot(state.root)
    with pytest.raises(kvnet.Rejected, match=f"KN602 .*{told}"):
        machine_up(*machine([{"name": "default", "masquerade": {}}], name=name), state=state, virt_type="qemu")
    assert snapshot(state.root) == before


def test_a_domain_may_have_the_longest_name_that_is_not_refused(state: StateFolder) -> None:
    long, target = machine([{"name": "default", "masquerade": {}}], name="a" * 242)
    try:
        assert machine_up(long, target, state=state, virt_type="qemu").domain is not None
    finally:
        machine_down(f"prod/{long.name}", state=state)


def test_processes_that_somebody_stopped_go_on_to_be_ended(state: StateFolder) -> None:
    before = snapshot(state.root)
    running = up(state)
    stopped = [process(each) for each in (files(running).keeper, files(running).qemu)]
    for each in stopped:
        os.kill(each.pid, signal.SIGSTOP)
    steps: list[str] = []
    machine_down(NAME, state=state, progress=steps.append)
    assert not any(each.runs for each in stopped)
    assert snapshot(state.root) == before


def test_a_refused_domain_takes_its_pod_with_it(state: StateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    before = snapshot(state.root)
    monkeypatch.setattr("kvnet.node.machines.bootable", lambda document, _: document.replace("q35", "q53"))
    with pytest.raises(kvnet.KvnetError, match="libvirt refuses the domain"):
        up(state)
    assert snapshot(state.root) == before


def test_a_machine_may_have_a_name_that_xml_escapes(state: StateFolder) -> None:
    odd, target = machine([{"name": "default", "masquerade": {}}], name="a'b\";{}&<>")
    try:
        running = machine_up(odd, target, state=state, virt_type="qemu")
        assert process(files(running).qemu).is_in(namespace_path(running.pod.namespace))
    finally:
        machine_down(f"prod/{odd.name}", state=state)


def test_a_state_folder_may_have_a_path_that_is_too_long_for_sockets(tmp_path: Path) -> None:
    state = StateFolder(tmp_path / ("long" * 20))
    running = up(state)
    assert running.domain is not None
    machine_down(NAME, state=state)
    assert not list(Path("/run").glob(running.pod.namespace))
    assert not state.pod(NAME).path.exists()
