"""Which links a pod gets, in which order, and what stays."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from machines import multus, nic, pod, vmi

import kvnet
from kvnet import PodFound, PodLinks
from kvnet.pod import BridgeLink, DummyLink, Phase, Preparation, RenamedLink, TapLink, owner_of
from kvnet.spec.cluster import BindingPlugin

ETH0 = {"name": "eth0", "index": 7, "mac": "0a:58:0a:f4:00:05", "mtu": 1450, "ipv4": ["10.244.0.5/24"]}
ROUTES = [
    {"destination": "0.0.0.0/0", "link": "eth0", "gateway": "10.244.0.1"},
    {"destination": "10.244.0.0/24", "link": "eth0"},
    {"destination": "10.96.0.0/12", "link": "eth0", "gateway": "10.244.0.2"},
]
MASQUERADE = vmi([nic("a", "masquerade")], [pod("a")])
BRIDGE = vmi([nic("a", "bridge")], [pod("a")])


def found(**members: Any) -> PodFound:
    return kvnet.load_found({"links": [ETH0], "routes": ROUTES, **members})


def plan(manifest: Any, given: PodFound, phase: Phase = Phase.STARTUP, **cluster: Any) -> PodLinks:
    return kvnet.pod_links(
        kvnet.load(manifest), kvnet.Target(cluster=kvnet.ClusterConfig(**cluster)), given, phase=phase
    )


def test_masquerade_leaves_the_pods_nic_alone_and_gives_the_bridge_the_gateways_address() -> None:
    bridge, tap = plan(MASQUERADE, found()).links
    assert isinstance(bridge, BridgeLink)
    assert isinstance(tap, TapLink)
    assert (bridge.name, str(bridge.mac), bridge.mtu) == ("k6t-eth0", "02:00:00:00:00:00", 1450)
    assert [*map(str, bridge.ipv4.addresses)] == ["10.0.2.1/24"]
    assert bridge.ipv6.enabled is False
    assert (tap.name, tap.controller, tap.mtu) == ("tap0", "k6t-eth0", 1450)


@pytest.mark.parametrize("manifest", [MASQUERADE, BRIDGE], ids=["masquerade", "bridge"])
def test_a_link_that_the_pod_lacks_is_told(manifest: Any) -> None:
    made = plan(manifest, kvnet.load_found({}))
    assert [each.code for each in made.problems] == ["KN840"]
    assert "'eth0'" in made.problems[0].message
    assert made.links == ()


SYSCTLS = {
    "masquerade": (MASQUERADE, ["net/ipv4/conf/k6t-eth0/route_localnet=1", "net/ipv4/ip_forward=1"]),
    "bridge": (BRIDGE, ["net/ipv4/conf/all/arp_ignore=1"]),
}


@pytest.mark.parametrize(("manifest", "settings"), SYSCTLS.values(), ids=SYSCTLS)
def test_the_kernel_is_set_for_a_binding(manifest: Any, settings: list[str]) -> None:
    assert [f"{each.path}={each.value}" for each in plan(manifest, found()).sysctls] == settings


def test_a_plan_names_its_networks_and_can_be_a_member_of_a_set() -> None:
    made = plan(BRIDGE, found())
    assert (made.networks, made.is_due, len({made, plan(BRIDGE, found())})) == (("a",), True, 1)
    assert (made.leases, made.pod_ips, made.after) != ({}, {}, {})


def test_a_bridge_moves_the_pods_nic_and_a_dummy_keeps_its_name_and_addresses() -> None:
    bridge, moved, tap, dummy = plan(BRIDGE, found()).links
    assert isinstance(bridge, BridgeLink)
    assert isinstance(moved, RenamedLink)
    assert isinstance(dummy, DummyLink)
    assert [*map(str, bridge.ipv4.addresses)] == ["169.254.75.10/32"]
    assert (moved.name, moved.index, moved.controller) == ("eth0-nic", 7, "k6t-eth0")
    assert tap.name == "tap0"
    assert (dummy.name, str(dummy.mac), [*map(str, dummy.ipv4.addresses)]) == (
        *("eth0", "0a:58:0a:f4:00:05"),
        ["10.244.0.5/24"],
    )


def test_the_lease_of_a_bridge_has_the_pods_address_gateway_and_routes_without_its_own_network() -> None:
    (lease,) = plan(BRIDGE, found()).leases.values()
    assert (str(lease.address), str(lease.gateway), str(lease.mac)) == ("10.244.0.5/24", "10.244.0.1", str(ETH0["mac"]))
    assert [(each.destination and str(each.destination), str(each.gateway)) for each in lease.routes] == [
        (None, "10.244.0.1"),
        ("10.96.0.0/12", "10.244.0.2"),
    ]


@pytest.mark.parametrize(
    ("members", "reported", "mac"),
    [
        ({}, {}, "0a:58:0a:f4:00:05"),
        ({}, {"mac": "02:00:00:00:00:02"}, "02:00:00:00:00:02"),
        ({"macAddress": "02-00-00-00-00-01"}, {"mac": "02:00:00:00:00:02"}, "02:00:00:00:00:01"),
    ],
)
def test_the_guest_behind_a_bridge_has_the_address_of_the_spec_else_of_the_status_else_of_the_link(
    members: dict[str, Any], reported: dict[str, Any], mac: str
) -> None:
    machine = vmi([nic("a", "bridge", **members)], [pod("a")], status={"interfaces": [{"name": "a", **reported}]})
    assert str(plan(machine, found()).leases["eth0"].mac) == mac


def test_a_link_without_an_address_gets_no_dhcp_and_needs_no_route() -> None:
    made = plan(BRIDGE, found(links=[{**ETH0, "ipv4": ["169.254.1.5/16"]}], routes=[]))
    assert made.problems == ()
    assert made.leases["eth0"].ipam_disabled
    assert isinstance(made.links[0], BridgeLink)
    assert made.links[0].ipv4.enabled is None


@pytest.mark.parametrize(
    ("cores", "members", "status", "queues"),
    [
        (4, {}, {}, 4),
        (1, {}, {}, 1),
        (400, {}, {}, 256),
        (4, {"model": "e1000"}, {}, 0),
        (4, {}, {"interfaces": [{"name": "a", "infoSource": "domain", "queueCount": 2}]}, 2),
        (4, {}, {"interfaces": [{"name": "a", "infoSource": "multus-status", "queueCount": 2}]}, 4),
    ],
)
def test_a_tap_has_the_queues_of_the_domain_and_the_flag_only_above_one(
    cores: int, members: dict[str, Any], status: dict[str, Any], queues: int
) -> None:
    devices, domain = {"networkInterfaceMultiqueue": True}, {"cpu": {"cores": cores}}
    machine = vmi([nic("a", "masquerade", **members)], [pod("a")], devices=devices, domain=domain, status=status)
    tap = plan(machine, found()).links[1]
    assert isinstance(tap, TapLink)
    assert (tap.queues, tap.multi_queue) == (queues, queues > 1)


@pytest.mark.parametrize(
    ("machine", "gates", "owner"),
    [
        (vmi(status={"runtimeUser": 107}), (), 107),
        (vmi(status={"runtimeUser": 0}), (), 0),
        (vmi(status={"phase": "Running"}), (), 0),
        (vmi(annotations={"kubevirt.io/nonroot": ""}, status={"runtimeUser": 0}), (), 107),
        (vmi(status=None) | {"status": None}, (), 107),
        (vmi(status=None) | {"status": None}, ("Root",), 0),
    ],
)
def test_taps_belong_to_107_unless_the_machine_runs_as_root(machine: Any, gates: tuple[str, ...], owner: int) -> None:
    assert owner_of(kvnet.load(machine), frozenset(gates)) == owner


def test_only_a_managed_tap_of_a_plugin_gets_links_and_its_bridge_has_no_address() -> None:
    machine = vmi([{"name": "a", "binding": {"name": "p"}}], [pod("a")])
    kinds = {"managedTap": 4, "tap": 0, None: 0}
    for kind, count in kinds.items():
        plugins = {"p": BindingPlugin(domain_attachment_type=kind)}
        links = plan(machine, found(), binding_plugins=plugins).links
        assert len(links) == count, kind
        assert not any(each.ipv4.addresses for each in links if isinstance(each, BridgeLink))
        lacking = plan(machine, PodFound(), binding_plugins=plugins)
        assert [each.code for each in lacking.problems] == ["KN840"] * (kind == "managedTap")


@pytest.mark.parametrize(
    ("manifest", "paths"),
    [
        (MASQUERADE, ["net/ipv4/conf/k6t-eth0/route_localnet", "net/ipv4/ip_forward"]),
        (BRIDGE, ["net/ipv4/conf/all/arp_ignore"]),
        (
            vmi([nic("a", "passtBinding")], [pod("a")]),
            ["net/ipv4/ping_group_range", "net/ipv4/ip_unprivileged_port_start"],
        ),
    ],
)
def test_each_binding_has_its_settings_of_the_kernel(manifest: Any, paths: list[str]) -> None:
    assert [each.path for each in plan(manifest, found()).sysctls] == paths


def test_what_is_finished_stays_and_a_second_plan_has_nothing_to_do() -> None:
    first = plan(BRIDGE, found())
    assert (first.before, first.after) == ({"a": Preparation.STARTED}, {"a": Preparation.FINISHED})
    again = plan(BRIDGE, evolve(found(), preparations=first.after, leases=first.leases))
    assert (again.is_due, again.links, again.problems) == (False, (), ())
    assert (again.after, again.leases) == (first.after, first.leases)


def test_what_was_begun_and_not_finished_is_never_begun_again() -> None:
    made = plan(BRIDGE, found(preparations={"a": "started"}))
    assert [each.code for each in made.problems] == ["KN841"]
    assert (made.gives_up, made.links) == (True, ())


ABSENT = vmi(
    [nic("a", "masquerade"), nic("b", "bridge", state="absent")],
    [pod("a"), multus("b")],
    status={"interfaces": [{"name": "b", "infoSource": "multus-status"}]},
)


def test_an_absent_nic_takes_its_links_out_and_nothing_of_it_is_kept() -> None:
    name = "pod3e23e816003"
    given = found(preparations={"a": "finished", "b": "finished"}, leases={name: {"ipamDisabled": True}, "eth0": {}})
    made = plan(ABSENT, given, Phase.LIVE_UPDATE)
    assert [(each.name, isinstance(each, RenamedLink)) for each in made.links] == [
        ("k6t-3e23e816003", False),
        ("tap3e23e816003", False),
        (name, False),
    ]
    assert all(not isinstance(each, RenamedLink) and each.is_absent for each in made.links)
    assert (made.forgotten, dict(made.after), [*made.leases]) == (("b",), {"a": Preparation.FINISHED}, ["eth0"])


def test_an_absent_nic_that_was_never_set_up_needs_nothing() -> None:
    assert plan(ABSENT, found(preparations={"a": "finished"}), Phase.LIVE_UPDATE).is_due is False


PROBLEMS = {
    "no link": (BRIDGE, {"links": []}, "KN840", False),
    "no route": (BRIDGE, {"routes": []}, "KN842", False),
    "which address leads": (MASQUERADE, {"links": [{**ETH0, "ipv6": ["fd10::5/64"]}]}, "KN843", False),
    "no room": (vmi([nic("a", "masquerade")], [pod("a", vmNetworkCIDR="10.0.2.0/31")]), {}, "KN844", True),
    "no network": (vmi([nic("a", "masquerade")], [pod("a", vmNetworkCIDR="10.0.2.0")]), {}, "KN844", True),
    "no mask": (vmi([nic("a", "masquerade")], [pod("a", vmNetworkCIDR="10.0.2.0/255.255.0.0")]), {}, "KN844", True),
    "no binding": (vmi([nic("a", None)], [pod("a")]), {}, "KN303", False),
    "no MAC address": (
        vmi([nic("a", "bridge")], [pod("a")], status={"interfaces": [{"name": "a", "mac": "red"}]}),
        {},
        "KN304",
        False,
    ),
}


@pytest.mark.parametrize(("manifest", "members", "code", "gives_up"), PROBLEMS.values(), ids=PROBLEMS)
def test_what_keeps_the_links_from_being_made_is_a_problem_and_nothing_is_made(
    manifest: Any, members: dict[str, Any], code: str, gives_up: bool
) -> None:
    made = plan(manifest, found(**members))
    assert [each.code for each in made.problems] == [code]
    assert (made.links, made.gives_up) == ((), gives_up)


def test_what_is_no_phase_is_told_with_those_there_are() -> None:
    for phase, raised in (("startup ", ValueError), (5, TypeError)):
        with pytest.raises(raised, match=r"the phase is one of startup, liveUpdate, migrationTarget, not ['5]"):
            Phase(phase)  # type: ignore[arg-type]


def test_a_virtual_function_needs_no_link_and_keeps_nothing() -> None:
    made = plan(vmi([nic("b", "sriov")], [multus("b")]), found())
    assert (made.problems, made.links, made.leases) == ((), (), {})
    with_link = found(links=[{**ETH0, "name": "pod3e23e816003"}], routes=[])
    assert plan(vmi([nic("b", "sriov")], [multus("b")]), with_link) == made


def test_a_pod_is_what_was_found_and_else_nothing_is() -> None:
    machine = kvnet.load(MASQUERADE)
    assert kvnet.pod_links(machine) == kvnet.pod_links(machine, None, PodFound())
    with pytest.raises(TypeError, match="a PodFound"):
        kvnet.pod_links(machine, None, {"links": []})  # type: ignore[arg-type]


def test_a_cpu_limit_that_is_no_quantity_is_a_problem() -> None:
    machine = kvnet.load(MASQUERADE)
    resources = kvnet.spec.Resources(limits={"cpu": "much"})
    domain = evolve(machine.spec.domain, resources=resources)
    made = kvnet.pod_links(evolve(machine, spec=evolve(machine.spec, domain=domain)), None, found())
    assert [each.code for each in made.problems] == ["KN603"]


@pytest.mark.parametrize("binding", ["masquerade", "bridge"])
@pytest.mark.parametrize("name", ["../../kernel/x", "a b", "twelve-chars"])
def test_a_name_that_no_link_can_have_reaches_neither_links_nor_settings(name: str, binding: str) -> None:
    machine = vmi([nic("a", binding)], [pod("a")], status={"interfaces": [{"name": "a", "podInterfaceName": name}]})
    made = plan(machine, found(links=[{**ETH0, "name": name}], routes=[{**ROUTES[0], "link": name}]))
    assert [each.code for each in made.problems] == ["KN845"]
    assert (made.links, made.sysctls) == ((), ())


def test_a_network_without_a_nic_is_a_problem_on_the_target_of_a_migration_alone() -> None:
    machine = vmi([nic("a", "masquerade")], [pod("a"), multus("b")])
    assert plan(machine, found()).problems == ()
    assert [each.code for each in plan(machine, found(), Phase.MIGRATION_TARGET).problems] == ["KN125"]


def test_the_hundred_and_first_bridge_with_an_address_has_none_for_dhcp() -> None:
    names = [f"n{n}" for n in range(101)]
    machine = kvnet.load(vmi([nic(name, "bridge") for name in names], [multus(name) for name in names]))
    links = [{**ETH0, "name": name} for name in kvnet.compiler.pod_link_names(machine).values()]
    routes = [{"destination": "0.0.0.0/0", "link": each["name"]} for each in links]
    made = kvnet.pod_links(machine, None, kvnet.load_found({"links": links, "routes": routes}))
    assert [each.code for each in made.problems] == ["KN846"]


def test_a_machine_that_lists_no_nic_gets_the_default_one() -> None:
    assert [each.name for each in plan(vmi(), found()).links] == ["k6t-eth0", "eth0-nic", "tap0", "eth0"]


def test_a_pod_with_ordinal_names_keeps_them() -> None:
    machine = vmi([nic("a", "masquerade"), nic("b", "bridge")], [pod("a"), multus("b")])
    links = [ETH0, {"name": "net1", "mtu": 1500}]
    assert [each.name for each in plan(machine, found(links=links)).links][2:] == [
        "k6t-net1",
        "net1-nic",
        "tap1",
        "net1",
    ]
