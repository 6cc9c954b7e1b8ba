"""Pods are made by the real components, do what KubeVirt's do, and leave the host as it was."""

from __future__ import annotations

import json
import pwd
import threading
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Interface
from pathlib import Path
from typing import Any

import pytest
from node.hosts import NEEDS_HOST, guest, guest_namespace, machine, nad, snapshot
from pod.namespaces import ran

from kvnet import node
from kvnet.compiler.pod import bridge_name, hashed_name
from kvnet.node import servers

pytestmark = [*NEEDS_HOST, pytest.mark.usefixtures("host")]

MASQUERADE = [{"name": "default", "masquerade": {}}]
MAC, OTHER = "02:aa:00:00:00:01", "02:aa:00:00:00:02"
ADDRESSES = {"type": "host-local", "ranges": [[{"subnet": "10.9.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}


def bridged(name: str, mac: str = MAC) -> dict[str, Any]:
    return {"name": name, "bridge": {}, "macAddress": mac}


def link(namespace: str, name: str) -> dict[str, Any]:
    (found,) = json.loads(ran("ip", "-n", namespace, "-d", "-j", "link", "show", name))
    return dict(found)


_QEMU = 107


def _owner(tap: dict[str, Any]) -> int:
    """The user ID of a tap; ``ip`` tells the name where the host knows one."""
    user = tap["linkinfo"]["info_data"]["user"]
    return user if isinstance(user, int) else int(user) if user.isdigit() else pwd.getpwnam(user).pw_uid


CASES = {
    "masquerade": machine(MASQUERADE),
    "bridge with an address": machine([{"name": "default", "bridge": {}}]),
    "a NAD without addresses": machine([*MASQUERADE, bridged("lan")], nad("lan", bridge="br9", ipam={})),
    "a gateway, NAT and the spoof check": machine(
        [*MASQUERADE, bridged("lan")],
        nad("lan", bridge="br9", isGateway=True, ipMasq=True, macspoofchk=True, mtu=1400, ipam=ADDRESSES),
    ),
    "a chain of plugins": machine(
        [*MASQUERADE, bridged("lan")],
        nad("lan", plugins=[{"type": "bridge", "bridge": "br9", "ipam": ADDRESSES}, {"type": "tuning", "mtu": 1300}]),
    ),
    "the pod network of a NAD": machine(
        [{"name": "main", "masquerade": {}}],
        nad("main", bridge="br9", isGateway=True, ipam=ADDRESSES),
        networks=[{"name": "main", "multus": {"networkName": "main", "default": True}}],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_up_makes_down_removes(case: str, tmp_path: Path) -> None:
    state, before = node.StateFolder(tmp_path), snapshot(tmp_path)
    pod = node.pod_up(*CASES[case], state=state)
    assert node.pods(state) == (pod,)
    assert Path("/run/netns", pod.namespace).exists()
    node.pod_down("prod/web", state=state)
    assert snapshot(tmp_path) == before
    assert node.pods(state) == ()


def test_up_again_leaves_a_pod_as_it_is_and_down_again_does_nothing(tmp_path: Path) -> None:
    state = node.StateFolder(tmp_path)
    steps: list[str] = []
    with node.pod(*CASES["masquerade"], state=state) as pod:
        assert node.pod_up(*CASES["masquerade"], state=state, progress=steps.append) == pod
        assert steps == []
    node.pod_down("prod/web", state=state)
    node.pod_down("prod/never", state=state)


def test_up_again_starts_a_dhcp_server_that_has_ended(tmp_path: Path) -> None:
    state = node.StateFolder(tmp_path)
    with node.pod(*CASES["masquerade"], state=state) as pod:
        (folder,) = (file.parent for file in pod.leases_files.values())
        servers.stop_servers([folder])
        assert not servers.is_running(folder)
        node.pod_up(*CASES["masquerade"], state=state)
        assert servers.is_running(folder)


def test_a_pod_that_a_restart_of_the_host_took_away_is_made_anew(tmp_path: Path) -> None:
    state, before = node.StateFolder(tmp_path), snapshot(tmp_path)
    pod = node.pod_up(*CASES["a gateway, NAT and the spoof check"], state=state)
    servers.stop_servers(file.parent for file in pod.leases_files.values())
    ran("ip", "netns", "delete", pod.namespace)
    for bridge in ("kvnet0", "br9"):
        ran("ip", "link", "delete", bridge)
    ran("nft", "flush", "ruleset")
    again = node.pod_up(*CASES["a gateway, NAT and the spoof check"], state=state)
    assert again.is_complete
    assert set(again.leases_files) == {"default", "lan"}
    node.pod_down("prod/web", state=state)
    assert snapshot(tmp_path) == before


def test_files_are_readable_by_root_alone(tmp_path: Path) -> None:
    with node.pod(*CASES["masquerade"], state=node.StateFolder(tmp_path)):
        modes = {each.relative_to(tmp_path): each.stat().st_mode & 0o077 for each in tmp_path.rglob("*")}
    assert len(modes) > 5
    assert {path for path, others in modes.items() if others} == set()


def test_a_guest_behind_masquerade_gets_a_lease_and_reaches_the_host(tmp_path: Path) -> None:
    with (
        node.pod(*CASES["masquerade"], state=node.StateFolder(tmp_path)) as pod,
        guest(pod.namespace, "k6t-eth0", MAC) as behind,
    ):
        behind.lease(tmp_path)
        assert "10.0.2.2/24" in behind.ran("ip", "address", "show", "eth0")
        assert behind.reaches("10.243.0.1")
        assert pod.leases_file is not None
        assert f"{MAC} 10.0.2.2" in pod.leases_file.read_text()
        assert pod.addresses["eth0"][0] == IPv4Interface("10.243.0.2/16")


def test_a_guest_on_a_bridge_takes_the_address_and_the_mac_of_the_pod(tmp_path: Path) -> None:
    with node.pod(*CASES["bridge with an address"], state=node.StateFolder(tmp_path)) as pod:
        mac = str((pod.facts.links or {})["default"].mac)
        with guest(pod.namespace, "k6t-eth0", mac) as behind:
            behind.lease(tmp_path)
            assert "10.243.0.2/16" in behind.ran("ip", "address", "show", "eth0")
            assert behind.reaches("10.243.0.1")
        with guest(pod.namespace, "k6t-eth0", OTHER) as stranger, pytest.raises(RuntimeError):
            stranger.lease(tmp_path)


def test_links_are_as_planned(tmp_path: Path) -> None:
    nads = nad("lan", bridge="br9", mtu=1400, ipam=ADDRESSES, capabilities={"mac": True})
    interfaces = [*MASQUERADE, bridged("lan")]
    domain = {"cpu": {"cores": 4}, "devices": {"interfaces": interfaces, "networkInterfaceMultiqueue": True}}
    name = hashed_name("lan")
    with node.pod(*machine(interfaces, nads, domain=domain), state=node.StateFolder(tmp_path)) as pod:
        tap = link(pod.namespace, f"tap{name[3:]}")
        assert (tap["mtu"], tap["master"]) == (1400, bridge_name(name))
        assert tap["linkinfo"]["info_data"]["multi_queue"] is True
        assert _owner(tap) == _QEMU
        nic, bridge = link(pod.namespace, f"{name[3:]}-nic"), link(pod.namespace, bridge_name(name))
        assert nic["address"] == bridge["address"] != MAC
        assert nic["linkinfo"]["info_slave_data"]["learning"] is False
        stands_for = pod.found.link(name)
        assert stands_for is not None
        assert (str(stands_for.mac), stands_for.mtu, stands_for.ipv4) == (MAC, 1400, (IPv4Interface("10.9.0.2/24"),))


def test_each_plugin_of_a_chain_does_its_part(tmp_path: Path) -> None:
    with node.pod(*CASES["a chain of plugins"], state=node.StateFolder(tmp_path)) as pod:
        assert (pod.facts.links or {})["lan"].mtu == 1300
        assert link(pod.namespace, f"tap{hashed_name('lan')[3:]}")["mtu"] == 1300


def test_the_network_status_is_what_the_plugins_gave(tmp_path: Path) -> None:
    nads = nad("lan", bridge="br9", ipam=ADDRESSES, capabilities={"mac": True})
    with node.pod(*machine([*MASQUERADE, bridged("lan")], nads), state=node.StateFolder(tmp_path)) as pod:
        first, second = pod.facts.pod_networks or ()
        assert (first.name, first.interface, first.default) == ("kvnet", "eth0", True)
        assert (second.name, second.interface, str(second.mac)) == ("prod/lan", hashed_name("lan"), MAC)
        assert second.ips == ("10.9.0.2",)


def test_the_spoof_check_has_a_table_of_its_own(tmp_path: Path) -> None:
    with node.pod(*CASES["a gateway, NAT and the spoof check"], state=node.StateFolder(tmp_path)):
        assert f"ether saddr {MAC} return" in ran("nft", "list", "table", "bridge", "nat")


def test_two_pods_do_not_meet_on_the_pod_network(tmp_path: Path) -> None:
    """Not by the bridge, and not by way of the host; the host itself reaches both guests."""
    state = node.StateFolder(tmp_path)
    with (
        node.pod(*machine(MASQUERADE, name="a"), state=state) as first,
        node.pod(*machine(MASQUERADE, name="b"), state=state) as second,
        guest(first.namespace, "k6t-eth0", MAC) as left,
        guest(second.namespace, "k6t-eth0", OTHER) as right,
    ):
        left.lease(tmp_path)
        right.lease(tmp_path)
        other = str(second.addresses["eth0"][0].ip)
        ran("busybox", "ping", "-c", "1", "-W", "2", other)
        assert not left.reaches(other)
        ran("ip", "-n", first.namespace, "route", "add", other, "via", "10.243.0.1")
        assert not left.reaches(other)


def test_ten_pods_are_made_and_removed_at_once(tmp_path: Path) -> None:
    state, before = node.StateFolder(tmp_path), snapshot(tmp_path)
    given = [machine(MASQUERADE, name=f"m{number}") for number in range(10)]
    with ThreadPoolExecutor(len(given)) as threads:
        try:
            made = list(threads.map(lambda each: node.pod_up(*each, state=state), given))
            addresses = {address for each in made for address in each.addresses["eth0"]}
            assert len(addresses) == 2 * len(given)
            assert {each.name for each in node.pods(state)} == {each.name for each in made}
        finally:
            list(threads.map(lambda each: node.pod_down(f"{each[0].namespace}/{each[0].name}", state=state), given))
    assert snapshot(tmp_path) == before


def test_what_one_process_tidies_up_another_one_makes_again(tmp_path: Path) -> None:
    state = node.StateFolder(tmp_path / "state")

    def written(number: int) -> bool:
        folder = state.pod(f"default/m{number % 4}-{threading.get_ident()}")
        folder.write({"name": "m", "namespace": "n"})
        found = bool(folder.record)
        folder.remove()
        state.tidy()
        return found

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(written, range(400)))


def test_facts_are_collected_of_any_namespace(tmp_path: Path) -> None:
    with guest_namespace() as namespace:
        ran("ip", "-n", namespace, "link", "add", "eth0", "address", MAC, "mtu", "1300", "type", "bridge")
        ran("ip", "-n", namespace, "link", "set", "eth0", "up")
        ran("ip", "-n", namespace, "address", "add", "10.1.0.5/24", "dev", "eth0")
        ran("ip", "-n", namespace, "route", "add", "default", "via", "10.1.0.1")
        found = node.found(namespace)
        vm, target = CASES["masquerade"]
        known = (node.facts(vm, found, target=target).links or {})["default"]
    assert [str(each.destination) for each in found.routes if each.destination.version == 4] == [
        "0.0.0.0/0",
        "10.1.0.0/24",
    ]
    assert (known.name, str(known.mac), known.mtu, known.tap) == ("eth0", MAC, 1300, False)


@pytest.mark.parametrize(("bridges", "meets"), [(("br9", "br9"), True), (("br9", "br8"), False)])
def test_two_guests_meet_where_a_nad_joins_them(bridges: tuple[str, str], meets: bool, tmp_path: Path) -> None:
    state = node.StateFolder(tmp_path)
    name, lan = bridge_name(hashed_name("lan")), [*MASQUERADE, {"name": "lan", "bridge": {}}]
    one, other = (nad("lan", bridge=each, ipam={}) for each in bridges)
    with (
        node.pod(*machine(lan, one, name="a"), state=state) as first,
        node.pod(*machine(lan, other, name="b"), state=state) as second,
        guest(first.namespace, name, MAC) as left,
        guest(second.namespace, name, OTHER) as right,
    ):
        left.ran("ip", "address", "add", "10.7.0.1/24", "dev", "eth0")
        right.ran("ip", "address", "add", "10.7.0.2/24", "dev", "eth0")
        assert left.reaches("10.7.0.2") is meets


def test_guests_on_different_vlans_do_not_meet(tmp_path: Path) -> None:
    try:
        ran("ip", "link", "add", "probe", "type", "bridge", "vlan_filtering", "1")
    except RuntimeError:
        pytest.skip("the kernel's bridges have no VLANs")
    state = node.StateFolder(tmp_path)
    name, lan = bridge_name(hashed_name("lan")), [*MASQUERADE, {"name": "lan", "bridge": {}}]
    with (
        node.pod(*machine(lan, nad("lan", bridge="br9", vlan=7, ipam={}), name="a"), state=state) as first,
        node.pod(*machine(lan, nad("lan", bridge="br9", vlan=8, ipam={}), name="b"), state=state) as second,
        guest(first.namespace, name, MAC) as left,
        guest(second.namespace, name, OTHER) as right,
    ):
        left.ran("ip", "address", "add", "10.7.0.1/24", "dev", "eth0")
        right.ran("ip", "address", "add", "10.7.0.2/24", "dev", "eth0")
        assert not left.reaches("10.7.0.2")


def test_what_was_on_the_host_before_stays(tmp_path: Path) -> None:
    ran("ip", "link", "add", "br9", "type", "bridge")
    ran("nft", "add", "table", "ip", "nat")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    before = snapshot(tmp_path)
    with node.pod(*CASES["a gateway, NAT and the spoof check"], state=node.StateFolder(tmp_path)):
        pass
    after = snapshot(tmp_path)
    assert [each["ifname"] for each in after["links"]] == [each["ifname"] for each in before["links"]]
    assert after["forwarding"] == ["1", "0"]
    assert "table ip nat" in ran("nft", "list", "tables")


def test_a_bridge_that_somebody_else_has_plugged_something_into_stays(tmp_path: Path) -> None:
    with node.pod(*CASES["a NAD without addresses"], state=node.StateFolder(tmp_path)):
        ran("ip", "link", "add", "mine", "type", "veth", "peer", "name", "other")
        ran("ip", "link", "set", "mine", "master", "br9")
    assert {each["ifname"] for each in snapshot(tmp_path)["links"]} == {"lo", "br9", "mine", "other"}


def test_state_folders_have_pod_networks_of_their_own_which_do_not_meet(tmp_path: Path) -> None:
    before = snapshot(tmp_path)
    with (
        node.pod(*machine(MASQUERADE, name="a"), state=node.StateFolder(tmp_path / "one")) as first,
        node.pod(*machine(MASQUERADE, name="b"), state=node.StateFolder(tmp_path / "two")) as second,
        node.pod(*machine(MASQUERADE, name="c"), state=node.StateFolder(tmp_path / "two")) as third,
        guest(first.namespace, "k6t-eth0", MAC) as left,
        guest(second.namespace, "k6t-eth0", OTHER) as right,
    ):
        own = [str(each.addresses["eth0"][0]) for each in (first, second, third)]
        assert own == ["10.243.0.2/16", "10.242.0.2/16", "10.242.0.3/16"]
        left.lease(tmp_path)
        right.lease(tmp_path)
        assert [left.reaches("10.243.0.1"), right.reaches("10.242.0.1")] == [True, True]
        assert [left.reaches("10.242.0.2"), right.reaches("10.243.0.2")] == [False, False]
    after = snapshot(tmp_path)
    assert {**after, "files": []} == {**before, "files": []}
    assert not list((tmp_path / "one").iterdir()), "its folder holds nothing any more"


def test_a_state_folder_that_goes_leaves_the_host_to_another_one(tmp_path: Path) -> None:
    states = [node.StateFolder(tmp_path / each) for each in ("one", "two", "three")]
    before = snapshot(tmp_path)
    for state in states[:2]:
        node.pod_up(*CASES["masquerade"], state=state)
    node.pod_down("prod/web", state=states[0])
    assert snapshot(tmp_path)["forwarding"] == ["1", "1"]
    assert "kvnet1" in [each["ifname"] for each in snapshot(tmp_path)["links"]]
    node.pod_up(*CASES["masquerade"], state=states[2])
    for state in states[1:]:
        node.pod_down("prod/web", state=state)
    assert {**snapshot(tmp_path), "files": []} == {**before, "files": []}, "whichever goes last"


def test_a_bridge_that_somebody_else_has_named_like_the_pod_network_is_left_alone(tmp_path: Path) -> None:
    ran("ip", "link", "add", "kvnet0", "type", "bridge")
    before = snapshot(tmp_path)
    with node.pod(*CASES["masquerade"], state=node.StateFolder(tmp_path)) as pod:
        assert pod.addresses["eth0"][0] == IPv4Interface("10.242.0.2/16")
    assert snapshot(tmp_path) == before


GATEWAY = nad("lan", bridge="br9", isGateway=True, ipam=ADDRESSES)
OTHER_GATEWAY = nad("lan", bridge="br8", isGateway=True, ipam={**ADDRESSES, "ranges": [[{"subnet": "10.8.0.0/24"}]]})


@pytest.mark.parametrize(
    ("left_on", "right_on", "meets"),
    [
        (None, GATEWAY, False),
        (GATEWAY, None, False),
        (GATEWAY, OTHER_GATEWAY, False),
        (GATEWAY, GATEWAY, True),
    ],
    ids=["pod network to NAD", "NAD to pod network", "NAD to NAD", "one NAD"],
)
def test_the_host_does_not_route_from_one_machine_to_another(
    left_on: dict[str, Any] | None, right_on: dict[str, Any] | None, meets: bool, tmp_path: Path
) -> None:
    """Guests whose NICs are on bridges with a gateway, by which each of them reaches the host."""
    state, name = node.StateFolder(tmp_path), hashed_name("lan")
    asked = {
        each: machine(MASQUERADE if on is None else [*MASQUERADE, bridged("lan", mac)], *filter(None, [on]), name=each)
        for each, on, mac in (("a", left_on, MAC), ("b", right_on, OTHER))
    }
    links = ["eth0" if on is None else name for on in (left_on, right_on)]
    with (
        node.pod(*asked["a"], state=state) as first,
        node.pod(*asked["b"], state=state) as second,
        guest(first.namespace, bridge_name(links[0]), MAC) as left,
        guest(second.namespace, bridge_name(links[1]), OTHER) as right,
    ):
        left.lease(tmp_path)
        right.lease(tmp_path)
        own = [str(pod.addresses[each][0].ip) for pod, each in zip((first, second), links, strict=True)]
        assert left.reaches(_gateway(own[0]))
        assert right.reaches(_gateway(own[1]))
        assert left.reaches(own[1]) is meets


def _gateway(address: str) -> str:
    return address.rpartition(".")[0] + ".1"


def test_the_pod_network_can_be_a_file(tmp_path: Path) -> None:
    file = tmp_path / "net.conflist"
    file.write_text(
        json.dumps({"cniVersion": "0.4.0", "name": "mine", "plugins": [{"type": "ptp", "ipam": ADDRESSES}]})
    )
    with node.pod(*CASES["masquerade"], state=node.StateFolder(tmp_path / "state"), pod_network=file) as pod:
        assert pod.addresses["eth0"] == (IPv4Interface("10.9.0.2/24"),)


def test_a_plugin_that_refuses_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    state, before = node.StateFolder(tmp_path), snapshot(tmp_path)
    wrong = nad("lan", bridge="br9", ipam={**ADDRESSES, "ranges": [[{"subnet": "10.9.0.0/31"}]]})
    with pytest.raises(node.NodeError, match=r"KN882 the CNI plugin bridge refuses ADD of prod/lan .*code"):
        node.pod_up(*machine([*MASQUERADE, bridged("lan")], wrong), state=state)
    assert snapshot(tmp_path) == before


def test_a_change_attaches_new_networks_and_detaches_others_while_the_rest_stays(tmp_path: Path) -> None:
    state, before = node.StateFolder(tmp_path), snapshot(tmp_path)
    red, blue = (
        nad("red", bridge="br9", isGateway=True, ipMasq=True, ipam=ADDRESSES),
        nad("blue", bridge="br8", ipam={}),
    )
    first = node.pod_up(*machine([*MASQUERADE, bridged("red")], red, blue), state=state)
    index = link(first.namespace, "k6t-eth0")["ifindex"]
    changed = node.pod_change(*machine([*MASQUERADE, bridged("blue")], red, blue), state=state)
    names = {each.name for each in node.found(changed.namespace).links}
    assert {bridge_name(hashed_name("blue")), "tap0"} < names
    assert not any(hashed_name("red")[3:] in each for each in names)
    assert [each["ifname"] for each in snapshot(tmp_path)["links"] if each["ifname"].startswith("br")] == ["br8"]
    assert link(first.namespace, "k6t-eth0")["ifindex"] == index
    assert [each.name for each in changed.facts.pod_networks or ()] == ["kvnet", "prod/blue"]
    again = node.pod_change(*machine([*MASQUERADE, bridged("red"), bridged("blue", OTHER)], red, blue), state=state)
    assert set(again.leases_files) == {"default", "red"}
    node.pod_down("prod/web", state=state)
    assert snapshot(tmp_path) == before


def test_a_change_needs_a_pod_that_is_there(tmp_path: Path) -> None:
    with pytest.raises(node.NodeError, match="KN885 the machine prod/web has no pod that is complete"):
        node.pod_change(*CASES["masquerade"], state=node.StateFolder(tmp_path))
