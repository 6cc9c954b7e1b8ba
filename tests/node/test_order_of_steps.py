"""What is done for a machine, in which order, and that it is undone or completed wherever it ends, on paper."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from node.hosts import machine, nad
from node.paper import Killed, PaperHost

import kvnet
from kvnet import node
from kvnet.compiler.pod import hashed_name
from kvnet.live import LibvirtError
from kvnet.node.change_plan import at_manifest, machine_plan
from kvnet.node.changes import MachineChange, check_up, machine_change
from kvnet.node.domains import Boot
from kvnet.node.machines import machine_down, machine_up, planned_steps
from kvnet.node.namespaces import namespace_name
from kvnet.node.pods import Pod
from kvnet.node.running import Running, known_names, pod_named, running_machines, target_of, wait_for_leases
from kvnet.node.state import StateFolder
from kvnet.pod.nft import Forward

DEFAULT, LAN, OTHER = (
    {"name": "default", "masquerade": {}},
    {"name": "lan", "bridge": {}},
    {"name": "other", "bridge": {}},
)
NADS = (nad("lan", bridge="br9", ipam={}), nad("other", bridge="br8", ipam={}))
LAN_LINK, OTHER_LINK = hashed_name("lan"), hashed_name("other")
NAME = "prod/web"
MOST = 60
"""More changes than any of these needs."""


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> PaperHost:
    return PaperHost().on_paper(monkeypatch)


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path)


def wanted(*nics: dict[str, Any]) -> tuple[kvnet.Machine, kvnet.Target]:
    return machine([DEFAULT, *nics], *NADS)


def up(state: StateFolder, *nics: dict[str, Any], **options: Any) -> Pod:
    return node.pod_up(*wanted(*nics), state=state, **options)


def networks(pod: Pod) -> list[tuple[str | None, str | None]]:
    return [(each.interface, each.name) for each in pod.facts.pod_networks or ()]


def test_each_step_is_told_before_it_is_taken_and_in_order(host: PaperHost, state: StateFolder) -> None:
    told: list[str] = []
    pod = up(state, LAN, progress=told.append)
    namespace = namespace_name(state.root, NAME)
    assert told == [
        f"make the network namespace {namespace}",
        "prepare the host for the networks",
        "attach eth0 to kvnet",
        "check eth0",
        f"attach {LAN_LINK} to prod/lan",
        f"check {LAN_LINK}",
        f"make the links k6t-eth0, tap0, k6t-{LAN_LINK[3:]}, {LAN_LINK[3:]}-nic, tap{LAN_LINK[3:]}, {LAN_LINK}",
        "set the NAT of the pod",
        "serve DHCP on k6t-eth0",
        f"serve DHCP on k6t-{LAN_LINK[3:]}",
        "record that the pod is complete",
    ]
    assert host.claims == {namespace: ["kvnet0", "br9"]}
    assert host.isolated == ["veth-kvnet0"], "machines on the bridge of a NAD are to meet"
    assert (pod.name, pod.namespace, pod.is_complete) == (NAME, namespace, True)
    assert networks(pod) == [("eth0", "kvnet"), (LAN_LINK, "prod/lan")]
    assert {link: [*map(str, given)] for link, given in pod.addresses.items()} == {
        "eth0": ["10.243.0.5/16"],
        LAN_LINK: ["10.242.0.5/16"],
    }
    assert [*pod.leases_files] == ["default", "lan"]
    assert [*pod.leases_files.values()] == [each / "dhcp.leases" for each in host.servers]
    assert pod.leases_file == host.servers[0] / "dhcp.leases"
    assert [str(each.to) for each in pod.forwards] == ["10.0.2.2"]
    assert (pod.found.hostname, str(pod.found.host_ip)) == ("web", "10.243.0.1")
    assert node.pods(state) == (pod,)


def test_ports_that_are_forwarded_are_kept_of_the_pod(host: PaperHost, state: StateFolder) -> None:
    asked = machine([{**DEFAULT, "ports": [{"port": 80}]}])
    (forward,) = node.pod_up(*asked, state=state).forwards
    assert forward == Forward(to=forward.to, protocol="tcp", ports="80")


def test_a_pod_that_is_there_stays_and_its_servers_are_started_again(host: PaperHost, state: StateFolder) -> None:
    told: list[str] = []
    pod = up(state, LAN)
    assert up(state, LAN, progress=told.append) == pod
    servers = [*host.servers]
    host.servers.clear()
    assert up(state, progress=told.append) == pod, "whatever the manifest says now"
    assert (host.servers, told) == (servers, [])


def test_a_pod_is_taken_down_in_the_opposite_order(host: PaperHost, state: StateFolder) -> None:
    namespace, told = up(state, LAN).namespace, list[str]()
    node.pod_down(NAME, state=state, progress=told.append)
    assert told == [
        f"take the pod of {NAME} down",
        f"take the links k6t-eth0, tap0, k6t-{LAN_LINK[3:]}, {LAN_LINK[3:]}-nic, tap{LAN_LINK[3:]}, {LAN_LINK} away",
        f"detach {LAN_LINK} from prod/lan",
        "detach eth0 from kvnet",
        f"remove the network namespace {namespace}",
        "restore the host",
    ]
    assert host.is_empty
    assert [*state.root.iterdir()] == []
    node.pod_down(NAME, state=state, progress=told.append)
    assert len(told) == 6, "there is nothing left to do"


def test_a_network_that_is_not_detached_stays_recorded_for_the_next_time(host: PaperHost, state: StateFolder) -> None:
    up(state, LAN)
    host.refused = {LAN_LINK}
    with pytest.raises(node.NodeError, match=rf"KN882 {LAN_LINK} is not detached"):
        node.pod_down(NAME, state=state)
    assert (host.attached, host.namespaces, host.links, host.servers) == ({LAN_LINK: "prod/lan"}, [], [], [])
    assert not node.pods(state)[0].is_complete
    host.refused.clear()
    node.pod_down(NAME, state=state)
    assert host.is_empty
    assert node.pods(state) == ()


def killed_at(host: PaperHost, until: int, act: Any) -> bool:
    """Whether an act was killed after so many changes, rather than done."""
    host.until = until
    try:
        act()
    except Killed:
        return True
    finally:
        host.until = -1
    return False


def test_a_set_up_that_was_killed_anywhere_is_removed_by_down_or_made_anew_by_up(
    host: PaperHost, state: StateFolder
) -> None:
    whole = up(state, LAN)
    node.pod_down(NAME, state=state)
    for until in range(MOST):
        is_done = not killed_at(host, until, lambda: up(state, LAN))
        if until % 2:
            assert up(state, LAN) == whole
        node.pod_down(NAME, state=state)
        assert host.is_empty, f"killed after {until} changes"
        assert not [each for each in state.root.rglob("*") if each.is_file()]
        if is_done:
            return
    pytest.fail("it never ended")


def test_a_removal_that_was_killed_anywhere_is_completed_by_the_next(host: PaperHost, state: StateFolder) -> None:
    for until in range(MOST):
        up(state, LAN)
        is_done = not killed_at(host, until, lambda: node.pod_down(NAME, state=state))
        node.pod_down(NAME, state=state)
        assert host.is_empty, f"killed after {until} changes"
        if is_done:
            return
    pytest.fail("it never ended")


def test_a_set_up_that_fails_is_undone_and_both_errors_are_told(host: PaperHost, state: StateFolder) -> None:
    options = {"privateOptions": [{"option": 224, "value": "é" * 128}]}
    asked = machine([{**DEFAULT, "dhcpOptions": options}, LAN], *NADS)
    with pytest.raises(kvnet.Rejected, match=r"KN832\b"):
        node.pod_up(*asked, state=state)
    assert host.is_empty
    host.refused = {LAN_LINK}
    with pytest.raises(node.NodeError) as raised:
        node.pod_up(*asked, state=state)
    assert [each.code for each in raised.value.problems] == ["KN832", "KN882"]


def test_a_pod_is_there_for_as_long_as_its_context_lasts(host: PaperHost, state: StateFolder) -> None:
    with node.pod(*wanted(LAN), state=state) as made:
        assert node.pods(state) == (made,)
    assert host.is_empty
    with pytest.raises(KeyError), node.pod(*wanted(LAN), state=state) as made:
        made.addresses["gone"]
    assert host.is_empty


# changes of a pod


def test_a_change_attaches_what_is_new_and_detaches_what_is_gone(host: PaperHost, state: StateFolder) -> None:
    before, told = up(state, LAN), list[str]()
    after = node.pod_change(*wanted(OTHER), state=state, progress=told.append)
    assert networks(after) == [("eth0", "kvnet"), (OTHER_LINK, "prod/other")]
    assert host.attached == {"eth0": "kvnet", OTHER_LINK: "prod/other"}
    assert told[:3] == [
        "change the networks of the pod",
        f"take the links k6t-{LAN_LINK[3:]}, {LAN_LINK[3:]}-nic, tap{LAN_LINK[3:]}, {LAN_LINK} away",
        f"detach {LAN_LINK} from prod/lan",
    ]
    assert "attach eth0 to kvnet" not in told
    assert "set the NAT of the pod" not in told, "the pod has it already"
    assert before.found.link("k6t-eth0") == after.found.link("k6t-eth0")
    assert host.claims == {after.namespace: ["kvnet0", "br8"]}
    assert node.pod_change(*wanted(OTHER), state=state, progress=told.append) == after
    assert told.count("change the networks of the pod") == 1
    host.servers.clear()
    back = node.pod_change(*wanted(LAN), state=state)
    assert {each / "dhcp.leases" for each in host.servers} == {*back.leases_files.values()}, "one that had ended, too"


def test_a_change_that_was_killed_anywhere_is_completed_by_the_next(host: PaperHost, state: StateFolder) -> None:
    whole = up(state, OTHER)
    node.pod_down(NAME, state=state)
    for until in range(MOST):
        up(state, LAN)
        is_done = not killed_at(host, until, lambda: node.pod_change(*wanted(OTHER), state=state))
        changed = node.pod_change(*wanted(OTHER), state=state)
        assert (networks(changed), changed.is_complete) == (networks(whole), True), f"killed after {until} changes"
        assert {each.name for each in changed.found.links} == {each.name for each in whole.found.links}
        assert host.attached == {"eth0": "kvnet", OTHER_LINK: "prod/other"}
        assert {each / "dhcp.leases" for each in host.servers} == {*changed.leases_files.values()}
        assert [*changed.leases_files] == ["default", "other"]
        recorded = [each["name"] for each in state.pod(NAME).record["links"]]
        assert sorted(recorded) == sorted(each.name for each in host.links)
        node.pod_down(NAME, state=state)
        assert host.is_empty
        if is_done:
            return
    pytest.fail("it never ended")


def test_a_change_needs_a_pod_that_is_whole(host: PaperHost, state: StateFolder) -> None:
    with pytest.raises(node.NodeError, match=r"KN885 the machine prod/web has no pod that is complete; make it"):
        node.pod_change(*wanted(), state=state)
    assert killed_at(host, 3, lambda: up(state))
    with pytest.raises(node.NodeError, match=r"KN885\b"):
        node.pod_change(*wanted(), state=state)


# machines


def machine_is_up(state: StateFolder, *nics: dict[str, Any]) -> Running:
    return machine_up(*wanted(*nics), state=state, virt_type="qemu")


def changed(state: StateFolder, *nics: dict[str, Any], **options: Any) -> MachineChange:
    return machine_change(*wanted(*nics), state=state, **options)


def sources(running: Running) -> dict[str | None, str | None]:
    return {each.name: each.info_source for each in running.interfaces}


def test_a_machine_is_up_with_its_pod_and_down_with_all_of_it(host: PaperHost, state: StateFolder) -> None:
    made, told = machine_is_up(state, LAN), list[str]()
    assert (made.name, made.folder) == (NAME, state.pod(NAME).path / "domain")
    assert [*map(str, made.pod_ips)] == ["10.243.0.5", "10.242.0.5"]
    assert made.awaited == 2, "both NICs are served"
    assert sources(made) == {"default": "domain", "lan": "domain, multus-status"}
    assert running_machines(state=state) == (made,)
    assert machine_up(*wanted(), state=state, progress=told.append) == made, "it goes on as it is"
    assert told == []
    nads = {(each.namespace, each.name): json.loads(each.config or "") for each in target_of(made, state=state).nads}
    assert nads["prod", "lan"]["plugins"][0]["bridge"] == "br9"
    machine_down("prod/web", state=state, progress=told.append)
    assert told[:2] == [f"stop the domain of {NAME}", f"take the pod of {NAME} down"]
    assert host.is_empty
    assert running_machines(state=state) == ()


def test_a_domain_that_does_not_start_takes_its_pod_with_it(host: PaperHost, state: StateFolder) -> None:
    host.refused = {"start"}
    with pytest.raises(LibvirtError, match=r"KN875\b"):
        machine_is_up(state)
    assert host.is_empty


def test_a_machine_whose_domain_has_ended_starts_as_the_manifest_is_now(host: PaperHost, state: StateFolder) -> None:
    machine_is_up(state, LAN)
    host.domain = None
    (ended,) = running_machines(state=state)
    assert (ended.domain, ended.interfaces) == (None, ())
    again, told = machine_is_up(state, LAN), list[str]()
    assert sources(again)["lan"] == "domain, multus-status"
    host.domain = None
    assert sources(machine_up(*wanted(), state=state, progress=told.append)) == {"default": "domain"}
    assert f"take the pod of {NAME} down" in told


def test_the_pod_network_may_be_given_in_a_file(host: PaperHost, state: StateFolder, tmp_path: Path) -> None:
    file = tmp_path / "mine.conflist"
    plugins = [{"type": "bridge", "bridge": "br-mine", "isGateway": True, "ipam": {"type": "host-local"}}]
    file.write_text(json.dumps({"cniVersion": "1.0.0", "name": "mine", "plugins": plugins}))
    planned = planned_steps(*wanted(), state=state, boot=Boot(), pod_network=file)
    running = machine_up(*wanted(), state=state, virt_type="qemu", pod_network=file)
    assert (networks(running.pod), host.attached) == ([("eth0", "mine")], {"eth0": "mine"})
    assert "attach eth0 to mine by CNI: bridge" in planned


def test_a_file_of_a_pod_network_that_cannot_be_read_is_told(
    host: PaperHost, state: StateFolder, tmp_path: Path
) -> None:
    with pytest.raises(node.NodeError, match=r"KN883 the pod network .*/absent cannot be read: .*No such file"):
        up(state, pod_network=tmp_path / "absent")
    assert host.is_empty


def test_the_steps_that_are_planned_are_those_that_are_taken(host: PaperHost, state: StateFolder) -> None:
    planned = planned_steps(*wanted(LAN), state=state, boot=Boot(disks=(Path("/a.img"),), kernel=Path("/k")))
    assert host.is_empty, "a plan touches nothing"
    told: list[str] = []
    pod = up(state, LAN, progress=told.append)
    assert planned[0] == told[0]
    assert planned[1:3] == ("attach eth0 to kvnet by CNI: bridge", f"attach {LAN_LINK} to prod/lan by CNI: bridge")
    made = [each.removeprefix("make the link ").split(": ") for each in planned if each.startswith("make the link ")]
    assert {name for name, _ in made} == {each.name for each in pod.found.links if each.name != "eth0"}
    assert ["tap0", "tap"] in made
    assert [each.partition(":")[0] for each in planned if each.startswith("serve")] == [
        each for each in told if each.startswith("serve DHCP on k6t-eth0")
    ]
    assert any(each.startswith("nft add rule ip nat") for each in planned)
    assert any(each.startswith("set net/ipv4/ip_forward") for each in planned)
    assert planned[-2:] == (
        "define and start the domain prod_web with /a.img, /k",
        f"wait for the guest of {NAME} to take its address",
    )


def test_a_guest_is_waited_for_until_it_has_its_addresses_or_its_domain_has_ended(
    host: PaperHost, state: StateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kvnet.node.running._POLL_SECONDS", 0)
    made, told = machine_is_up(state), list[str]()

    def lease(step: str) -> None:
        told.append(step)
        made.pod.leases_files["default"].parent.mkdir(exist_ok=True)
        made.pod.leases_files["default"].write_text("1796000000 52:54:00:aa:bb:cc 10.0.2.2 web 01:52\n")

    assert wait_for_leases(made, timeout=0, progress=told.append).awaited == 1
    assert told == []
    waited = wait_for_leases(made, timeout=60, progress=lease)
    assert (waited.awaited, [str(each.address) for each in waited.leases]) == (0, ["10.0.2.2"])
    assert told == [f"wait for the guest of {NAME} to take its address"]
    assert wait_for_leases(waited, timeout=60, progress=told.append) == waited
    assert len(told) == 1
    made.pod.leases_files["default"].unlink()
    host.domain = None
    assert wait_for_leases(made, timeout=60).domain is None


def test_names_are_known_in_full_and_others_are_told_with_those_that_are_up(
    host: PaperHost, state: StateFolder
) -> None:
    with pytest.raises(node.NodeError, match=r"KN887 no machine 'web' is up; none is up in this state folder"):
        known_names(["web"], state=state)
    pod = machine_is_up(state).pod
    assert known_names([], state=state) == known_names(["prod/web"], state=state) == (NAME,)
    assert pod_named(NAME, state=state) == pod
    with pytest.raises(node.NodeError, match=r"KN887 no machine 'web' is up; those that are up: prod/web"):
        pod_named("web", state=state)


def test_all_machines_that_are_not_up_are_told_at_their_names(host: PaperHost, state: StateFolder) -> None:
    machine_is_up(state)
    check_up([wanted()[0]], state=state)
    others = [machine([DEFAULT], name=name)[0] for name in ("a", "b")]
    with pytest.raises(node.NodeError) as raised:
        check_up([wanted()[0], *others], state=state)
    assert [(each.code, str(each.at)) for each in raised.value.problems] == [("KN887", "metadata.name")] * 2
    assert f"'prod/a' is not up in the state folder {state.root}" in raised.value.problems[0].message
    host.domain = None
    with pytest.raises(
        node.NodeError, match=r"KN887 .*'prod/web' was brought up, and its domain does not run any more"
    ):
        check_up([wanted()[0]], state=state)


def test_a_nic_is_planned_plugged_in_and_then_there_is_nothing_to_do(host: PaperHost, state: StateFolder) -> None:
    machine_is_up(state)
    plan = machine_plan(*wanted(LAN), state=state)
    assert host.attached == {"eth0": "kvnet"}, "a plan touches nothing"
    change, told = changed(state, LAN), list[str]()
    assert [each.name for each in plan.attached] == [each.name for each in change.attached] == ["prod/lan"]
    assert [str(each) for each in plan.domain.calls] == [str(each) for each in change.domain.done]
    assert [str(each) for each in change.domain.done] == ["attach lan (ua-lan) [running]"]
    assert {each.name for each in plan.links} < {each.name for each in change.running.pod.found.links}
    assert (plan.is_complete, change.is_complete, plan.detached, change.detached) == (False, True, (), ())
    assert sources(change.running) == {"default": "domain", "lan": "domain, multus-status"}
    again = changed(state, LAN, progress=told.append)
    assert (again.attached, again.domain.done, again.is_complete, told) == ((), (), True, [])
    assert machine_plan(*wanted(LAN), state=state).is_complete


def test_a_nic_that_is_absent_goes_from_the_domain_first_and_then_from_the_pod(
    host: PaperHost, state: StateFolder
) -> None:
    machine_is_up(state, LAN)
    plan, told = machine_plan(*wanted({**LAN, "state": "absent"}), state=state), list[str]()
    change = changed(state, {**LAN, "state": "absent"}, progress=told.append)
    assert [each.name for each in plan.detached] == [each.name for each in change.detached] == ["prod/lan"]
    assert told.index("detach lan (ua-lan) [running]") < told.index(f"detach {LAN_LINK} from prod/lan")
    assert (sources(change.running), host.attached) == ({"default": "domain"}, {"eth0": "kvnet"})
    assert change.is_complete
    assert [each.name for each in change.running.machine.interfaces] == ["default"], "nothing of it is kept"
    back = changed(state, LAN)
    assert sources(back.running)["lan"] == "domain, multus-status"


def test_a_nic_that_an_interrupted_change_took_out_and_that_is_wanted_again_is_plugged_in_anew(
    host: PaperHost, state: StateFolder
) -> None:
    machine_is_up(state, LAN)
    host.keeps = {"ua-lan"}
    changed(state, {**LAN, "state": "absent"}, timeout=0)
    host.keeps = set()
    change = changed(state, LAN)
    assert [str(each).split()[0] for each in change.domain.done] == ["detach", "attach"]
    assert [each.name for each in change.detached] == [each.name for each in change.attached] == ["prod/lan"]
    assert (sources(change.running)["lan"], change.is_complete) == ("domain, multus-status", True)


def test_plans_and_what_was_done_can_be_members_of_a_set(host: PaperHost, state: StateFolder) -> None:
    up = machine_is_up(state)
    assert len({up, up}) == 1
    assert len({machine_plan(*wanted(LAN), state=state) for _ in range(2)}) == 1
    change = changed(state, LAN)
    assert len({change, change}) == 1


def test_a_guest_that_does_not_release_a_nic_keeps_its_network(host: PaperHost, state: StateFolder) -> None:
    machine_is_up(state, LAN)
    host.keeps = {"ua-lan"}
    change = changed(state, {**LAN, "state": "absent"}, timeout=0)
    (failure,) = change.domain.failed
    assert (failure.problem.code, str(failure.problem.at)) == ("KN872", "spec.domain.devices.interfaces[1]")
    assert "'lan' within 0 s" in failure.problem.message
    assert (change.is_complete, change.detached, change.domain.done) == (False, (), ())
    assert host.attached[LAN_LINK] == "prod/lan"


def test_what_libvirt_refuses_is_told_at_its_nic_and_what_follows_is_left(host: PaperHost, state: StateFolder) -> None:
    machine_is_up(state, OTHER)
    host.refused = {"attach"}
    change = changed(state, {**OTHER, "state": "down"}, LAN)
    (failure,) = change.domain.failed
    assert (failure.problem.code, str(failure.problem.at)) == ("KN871", "spec.domain.devices.interfaces[2]")
    assert [str(each) for each in change.domain.left] == ["update-link other (ua-other) [running]"]
    assert not change.is_complete
    host.refused.clear()
    assert changed(state, {**OTHER, "state": "down"}, LAN).is_complete


def test_a_link_goes_down_and_stays_so(host: PaperHost, state: StateFolder) -> None:
    machine_is_up(state, LAN)
    change = changed(state, {**LAN, "state": "down"})
    assert [str(call) for call in change.domain.done] == ["update-link lan (ua-lan) [running]"]
    assert [each.state for each in change.running.machine.interfaces] == [
        None,
        "down",
    ]
    assert changed(state, {**LAN, "state": "down"}).domain.done == ()


WAITS: dict[str, tuple[list[Any], list[Any], set[str]]] = {
    "a NIC that is left out": ([LAN], [], {"KN811", "KN813"}),
    "another model": ([LAN], [{**LAN, "model": "e1000"}], {"KN812"}),
    "a virtual function": ([], [{"name": "lan", "sriov": {}}], {"KN817"}),
}


@pytest.mark.parametrize(("before", "after", "codes"), WAITS.values(), ids=WAITS)
def test_what_waits_for_a_restart_is_told_and_nothing_is_done(
    before: list[Any], after: list[Any], codes: set[str], host: PaperHost, state: StateFolder
) -> None:
    made = machine_is_up(state, *before)
    plan, change = machine_plan(*wanted(*after), state=state), changed(state, *after)
    assert {each.code for each in plan.problems} == {each.code for each in change.problems} == codes
    assert not plan.is_complete
    assert not change.is_complete
    assert (change.attached, change.domain.done, change.detached) == ((), (), ())
    assert sources(change.running) == sources(made)


def test_problems_have_their_places_in_a_manifest_of_another_order(host: PaperHost, state: StateFolder) -> None:
    machine_is_up(state, LAN)
    host.keeps = {"ua-lan"}
    change = machine_change(*machine([{**LAN, "state": "absent"}, DEFAULT], *NADS), state=state, timeout=0)
    assert [str(each.problem.at) for each in change.domain.failed] == ["spec.domain.devices.interfaces[0]"]


PLACES = {
    "a NIC": (("spec", "domain", "devices", "interfaces", 1, "model"), "spec.domain.devices.interfaces[0].model"),
    "a network": (("spec", "networks", 0), "spec.networks[1]"),
    "a NIC that the manifest does not list": (
        ("spec", "domain", "devices", "interfaces", 2),
        "spec.domain.devices.interfaces",
    ),
    "something else": (("spec", "domain", "cpu"), "spec.domain.cpu"),
    "all NICs": (("spec", "domain", "devices", "interfaces"), "spec.domain.devices.interfaces"),
}


@pytest.mark.parametrize(("place", "told"), PLACES.values(), ids=PLACES)
def test_a_problem_is_told_at_the_same_nic_or_network_of_the_manifest(place: tuple[str | int, ...], told: str) -> None:
    running, _ = machine([DEFAULT, LAN, OTHER], *NADS)
    manifest, _ = machine([LAN, DEFAULT], *NADS)
    (moved,) = at_manifest([kvnet.Problem(kvnet.FieldPath(place), "KN871", "told")], running, manifest)
    assert str(moved.at) == told


def test_a_change_that_cannot_attach_a_network_leaves_the_machine_as_it_was(
    host: PaperHost, state: StateFolder
) -> None:
    before = machine_is_up(state, LAN)
    asked = machine([DEFAULT, LAN, {"name": "x", "bridge": {}}], *NADS)
    with pytest.raises(node.NodeError, match=r"KN883 .*prod/x is not among the manifests"):
        machine_change(*asked, state=state)
    (after,) = running_machines(state=state)
    assert (after.machine, after.pod, after.interfaces) == (before.machine, before.pod, before.interfaces)


def test_a_machine_without_nics_has_the_default_one_which_is_no_change(host: PaperHost, state: StateFolder) -> None:
    asked = machine([])
    machine_up(*asked, state=state, virt_type="qemu")
    change = machine_change(*asked, state=state)
    assert (change.problems, change.is_complete, sources(change.running)) == ((), True, {"default": "domain"})
