"""A machine that is up is brought to its manifest while it runs, as far as KubeVirt would, and the rest is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from components import needs_package, needs_program
from node.hosts import NEEDS_HOST, machine, nad, snapshot
from pod.namespaces import ran

import kvnet
from kvnet import node
from kvnet.node._keeper_files import KeeperFiles, Process
from kvnet.node.change_plan import machine_plan
from kvnet.node.changes import MachineChange, check_up, machine_change
from kvnet.node.machines import machine_down, machine_up
from kvnet.node.running import Running, running_machines
from kvnet.node.state import StateFolder
from kvnet.xml.parser import parse

pytestmark = [
    *NEEDS_HOST,
    pytest.mark.usefixtures("host"),
    needs_package("libvirt", "libvirt"),
    needs_program("qemu-system-x86_64"),
    pytest.mark.skipif(not Path("/dev/net/tun").exists(), reason="there is no /dev/net/tun"),
]

TESTS = Path(__file__).parents[1]
STRIDE = 12 if os.environ.get("CI") else 40
_MOST = 500
NAME = "prod/web"
DEFAULT, LAN = {"name": "default", "masquerade": {}}, {"name": "lan", "bridge": {}}
NADS = (nad("lan", bridge="br9", ipam={}), nad("other", bridge="br8", ipam={}))


def up(state: StateFolder, *nics: dict[str, Any]) -> Running:
    return machine_up(*machine([DEFAULT, *nics], *NADS), state=state, virt_type="qemu")


def changed(state: StateFolder, *nics: dict[str, Any], **options: Any) -> MachineChange:
    return machine_change(*machine([DEFAULT, *nics], *NADS), state=state, **options)


def sources(running: Running) -> dict[str | None, str | None]:
    """Where each NIC is known from."""
    return {each.name: each.info_source for each in running.interfaces}


def test_a_nic_is_planned_plugged_in_and_then_there_is_nothing_to_do(state: StateFolder) -> None:
    up(state)
    asked = machine([DEFAULT, LAN], *NADS)
    plan, before = machine_plan(*asked, state=state), snapshot(state.root)
    assert machine_plan(*asked, state=state) == plan
    assert snapshot(state.root) == before, "a plan touches nothing"
    change = machine_change(*asked, state=state)
    assert change.is_complete
    assert [each.name for each in plan.attached] == [each.name for each in change.attached] == ["prod/lan"]
    assert [str(call) for call in plan.domain.calls] == [str(call) for call in change.domain.done]
    assert {each.name for each in plan.links} < {each.name for each in change.running.pod.found.links}
    (seen,) = running_machines(state=state)
    assert seen == change.running
    assert sources(seen) == {"default": "domain", "lan": "domain, multus-status"}
    steps: list[str] = []
    again = machine_change(*asked, state=state, progress=steps.append)
    assert steps == []
    assert (again.attached, again.domain.done, again.detached, again.is_complete) == ((), (), (), True)
    assert machine_plan(*asked, state=state).is_complete


def test_a_link_goes_down_and_stays_so_for_the_next_command(state: StateFolder) -> None:
    up(state, LAN)
    change = changed(state, {**LAN, "state": "down"})
    assert [str(call) for call in change.domain.done] == ["update-link lan (ua-lan) [running]"]
    (seen,) = running_machines(state=state)
    assert {each.name: each.link_state for each in seen.interfaces} == {"default": "up", "lan": "down"}


def test_a_guest_that_does_not_release_a_nic_keeps_its_pod_link(state: StateFolder) -> None:
    """A guest without an operating system releases none."""
    up(state, LAN)
    change = changed(state, {**LAN, "state": "absent"}, timeout=0.2)
    assert [each.problem.code for each in change.domain.failed] == ["KN872"]
    assert str(change.domain.failed[0].problem.at) == "spec.domain.devices.interfaces[1]"
    assert not change.is_complete
    assert change.detached == ()
    assert sources(change.running)["lan"] == "domain, multus-status"


def test_a_machine_without_nics_has_the_default_nic_which_is_no_change(state: StateFolder) -> None:
    asked = machine([])
    machine_up(*asked, state=state, virt_type="qemu")
    change = machine_change(*asked, state=state)
    assert (change.problems, change.is_complete, sources(change.running)) == ((), True, {"default": "domain"})


def test_the_default_nic_of_a_machine_that_lists_none_is_plugged_into_its_pod(state: StateFolder) -> None:
    running = machine_up(*machine([]), state=state, virt_type="qemu")
    assert running.domain is not None
    target = parse(running.domain.xml).find("devices/interface/target")
    assert target is not None
    assert target.get("dev") == "tap0"
    (seen,) = running.interfaces
    link = running.pod.found.link("eth0")
    assert link is not None
    assert (seen.mac, seen.ip_addresses[:1]) == (str(link.mac), (str(running.pod_ips[0]),))
    assert running.awaited == 1, "the bridge's DHCP server has the pod's address for it"


@pytest.mark.parametrize(
    ("before", "after", "codes"),
    [
        ([LAN], [], {"KN811", "KN813"}),
        ([LAN], [{**LAN, "model": "e1000"}], {"KN812"}),
        ([], [{"name": "lan", "sriov": {}}], {"KN817"}),
    ],
    ids=["left out", "another model", "a virtual function"],
)
def test_what_waits_for_a_restart_is_told_and_nothing_is_done(
    before: list[dict[str, Any]], after: list[dict[str, Any]], codes: set[str], state: StateFolder
) -> None:
    running = up(state, *before)
    change = changed(state, *after)
    assert {each.code for each in change.problems} == codes
    assert not change.is_complete
    assert (change.attached, change.domain.done, change.detached) == ((), (), ())
    assert sources(change.running) == sources(running)


def test_problems_have_the_place_of_the_manifest_in_whatever_order_it_is(state: StateFolder) -> None:
    up(state, LAN)
    vm, target = machine([{**LAN, "state": "absent"}, DEFAULT], *NADS)
    change = machine_change(vm, target, state=state, timeout=0.2)
    (failure,) = change.domain.failed
    assert str(failure.problem.at) == "spec.domain.devices.interfaces[0]"


def test_a_network_that_cannot_be_attached_leaves_the_machine_as_it_was(state: StateFolder) -> None:
    running = up(state)
    before = snapshot(state.root)
    wrong = nad("lan", bridge="br9", ipam={"type": "host-local", "ranges": [[{"subnet": "10.9.0.0/31"}]]})
    with pytest.raises(node.NodeError, match=r"KN882\b"):
        machine_change(*machine([DEFAULT, LAN], wrong), state=state)
    assert snapshot(state.root)["links"] == before["links"]
    (seen,) = running_machines(state=state)
    assert (seen.machine, sources(seen)) == (running.machine, sources(running))
    assert changed(state).is_complete


def test_an_error_is_told_at_the_manifest_in_whatever_order_it_is(state: StateFolder) -> None:
    up(state)
    wrong = nad("lan", bridge="br9", ipam={"type": "host-local", "ranges": [[{"subnet": "10.9.0.0/31"}]]})
    cases = {"KN881": nad("lan", type="nowhere"), "KN882": wrong, "KN883": nad("lan", bridge="kvnet7")}
    for code, given in cases.items():
        with pytest.raises(node.NodeError) as raised:
            machine_change(*machine([LAN, DEFAULT], given), state=state)
        told = [(each.code, str(each.at)) for each in raised.value.problems]
        assert told == [(code, "spec.networks[0].multus.networkName")]


WITH_ADDRESSES: dict[str, Any] = {
    "a gateway": {"isGateway": True, "routes": [{"dst": "0.0.0.0/0"}]},
    "no route": {},
}


@pytest.mark.parametrize("addresses", WITH_ADDRESSES)
def test_a_nic_is_plugged_in_beside_a_bridge_with_an_address(addresses: str, state: StateFolder) -> None:
    given = dict(WITH_ADDRESSES[addresses])
    ipam = {"type": "host-local", "ranges": [[{"subnet": "10.9.0.0/24"}]], "routes": given.pop("routes", [])}
    nads = (nad("lan", bridge="br9", ipam=ipam, **given), NADS[1])
    running = machine_up(*machine([DEFAULT, LAN], *nads), state=state, virt_type="qemu")
    asked = machine([DEFAULT, LAN, {"name": "other", "bridge": {}}], *nads)
    plan = machine_plan(*asked, state=state)
    assert (plan.problems, [each.name for each in plan.attached]) == ((), ["prod/other"])
    change = machine_change(*asked, state=state)
    assert (change.problems, change.is_complete) == ((), True)
    assert change.running.pod.found.leases.items() > running.pod.found.leases.items()
    assert machine_plan(*asked, state=state).is_complete


def test_a_nad_that_was_changed_is_told_until_the_restart(state: StateFolder) -> None:
    up(state, LAN)
    changed_nad = nad("lan", bridge="br7", ipam={})
    asked = machine([LAN, DEFAULT], changed_nad)
    for told in (machine_plan(*asked, state=state), machine_change(*asked, state=state)):
        (problem,) = told.problems
        assert (problem.code, str(problem.at)) == ("KN889", "spec.networks[0].multus.networkName")
        assert not told.is_complete
    assert changed(state, LAN).problems == ()
    machine_down(NAME, state=state)
    machine_up(*asked, state=state, virt_type="qemu")
    assert machine_plan(*asked, state=state).is_complete


def test_a_machine_whose_namespace_is_gone_is_not_up(state: StateFolder) -> None:
    running = up(state)
    ran("ip", "netns", "delete", running.pod.namespace)
    with pytest.raises(node.NodeError, match=r"KN887 .* its pod is not whole any more; bring it up with `kvnet up`"):
        machine_plan(*machine([DEFAULT], *NADS), state=state)


def test_what_the_pod_network_was_does_not_matter_to_a_change(state: StateFolder, tmp_path: Path) -> None:
    file = tmp_path / "net.conflist"
    ipam = '{"type": "host-local", "ranges": [[{"subnet": "10.9.0.0/24"}]]}'
    file.write_text(f'{{"cniVersion": "0.4.0", "name": "mine", "plugins": [{{"type": "ptp", "ipam": {ipam}}}]}}')
    machine_up(*machine([DEFAULT], *NADS), state=state, virt_type="qemu", pod_network=file)
    change = changed(state, LAN)
    assert [each.name for each in change.running.pod.facts.pod_networks or ()] == ["mine", "prod/lan"]
    assert "kvnet0" not in [each["ifname"] for each in snapshot(state.root)["links"]]


def test_a_machine_that_is_up_stays_as_it_is_where_it_is_brought_up_with_another_manifest(state: StateFolder) -> None:
    first = up(state)
    assert up(state, LAN) == first


def test_a_machine_whose_domain_has_ended_starts_with_the_manifest_as_it_is_now(state: StateFolder) -> None:
    running = up(state)
    KeeperFiles(running.folder).ask("stop", seconds=30)
    keeper = Process.recorded(KeeperFiles(running.folder).keeper)
    assert keeper is None or keeper.ends_within(30)
    assert sources(up(state, LAN)) == {"default": "domain", "lan": "domain, multus-status"}


def test_a_machine_that_is_not_up_is_told_at_its_name(state: StateFolder) -> None:
    vm = kvnet.loads(kvnet.dump(machine([DEFAULT])[0]))
    with pytest.raises(node.NodeError, match=r"KN887 the machine 'prod/web' is not up in the state folder") as refused:
        check_up([vm], state=state)
    (problem,) = refused.value.problems
    assert (str(problem.at), problem.place is not None) == ("metadata.name", True)


def test_an_apply_that_was_killed_leaves_nothing_after_down(state: StateFolder, tmp_path: Path) -> None:
    before = snapshot(state.root)
    file = tmp_path / "vm.yaml"
    file.write_text(yaml.safe_dump_all([yaml.safe_load(kvnet.dump(machine([DEFAULT, LAN])[0])), *NADS]))
    for number in range(1, _MOST, STRIDE):
        up(state)
        finished = _killed(state.root, number, file)
        machine_down(NAME, state=state)
        assert snapshot(state.root) == before, f"killed before event {number}"
        if finished:
            return
    pytest.fail("it never ended")


def _killed(root: Path, number: int, file: Path) -> bool:
    """Apply a manifest, and be killed before an event; whether it had come to its end by then."""
    path = os.pathsep.join([str(TESTS.parent), str(TESTS)])
    command = [sys.executable, "-m", "node.interrupted", "apply", str(root), str(number), str(file)]
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode == 0
