"""What several machines share and only one may have, and problems that follow from another one."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from machines import multus, nic, pod, vmi

import kvnet

NICS = "spec.domain.devices.interfaces"
MAC = "02:00:00:00:00:42"
ALLOWED = {"kubevirt.io/allow-pod-bridge-network-live-migration": ""}


def machine(name: str | None, one: Any, network: Any, namespace: str | None = None, **more: Any) -> kvnet.Machine:
    data = vmi([one], [network], annotations=ALLOWED, **more)
    identity = {"name": name, "namespace": namespace}
    metadata = data["metadata"] | {key: value for key, value in identity.items() if value}
    return kvnet.load(data | {"metadata": metadata if name else {"annotations": ALLOWED}})


def told(*machines: kvnet.Machine, **target: Any) -> list[tuple[str, str]]:
    problems = kvnet.check_all(machines, kvnet.Target(**target))
    return [(each.code, each.field) for each in problems if each.is_error]


SHARED = {
    "one network": ((nic(macAddress=MAC), multus()), (nic(macAddress=MAC), multus())),
    "another spelling": ((nic(macAddress=MAC), multus()), (nic(macAddress="0200.0000.0042"), multus())),
    "another way to name the network": (
        (nic(macAddress=MAC), multus(networkName="default/nad")),
        (nic(macAddress=MAC.replace(":", "-")), multus()),
    ),
    "bridges on the pod network": ((nic(macAddress=MAC), pod()), (nic(macAddress=MAC), pod())),
    "virtual functions": ((nic(binding="sriov", macAddress=MAC), multus()), (nic(macAddress=MAC), multus())),
    "a plugin": (
        ({"name": "a", "binding": {"name": "x"}, "macAddress": MAC}, multus()),
        (nic(macAddress=MAC), multus()),
    ),
    "a machine with another mistake": ((nic(macAddress=MAC, state="gone"), multus()), (nic(macAddress=MAC), multus())),
}


@pytest.mark.parametrize(("first", "again"), SHARED.values(), ids=SHARED)
def test_one_mac_address_in_two_machines_is_told_of_the_second(first: Any, again: Any) -> None:
    found = told(machine("a", *first), machine("b", *again))
    assert [each for each in found if each[0] != "KN107"] == [("KN710", f"{NICS}[0].macAddress")]


APART = {
    "other networks": ((nic(macAddress=MAC), multus()), (nic(macAddress=MAC), multus(networkName="other"))),
    "other namespaces": ((nic(macAddress=MAC), multus(), "blue"), (nic(macAddress=MAC), multus(), "green")),
    "masquerade, which hides it": (
        (nic(binding="masquerade", macAddress=MAC), pod()),
        (nic(binding="masquerade", macAddress=MAC), pod()),
    ),
    "other addresses": ((nic(macAddress=MAC), multus()), (nic(macAddress=MAC[:-1] + "3"), multus())),
    "no addresses": ((nic(), multus()), (nic(), multus())),
    "zeros, which are no address": (
        (nic(macAddress="00:00:00:00:00:00"), multus()),
        (nic(macAddress="00:00:00:00:00:00"), multus()),
    ),
}


@pytest.mark.parametrize(("first", "second"), APART.values(), ids=APART)
def test_nothing_is_told_of_machines_that_do_not_meet(first: Any, second: Any) -> None:
    assert told(machine("a", *first), machine("b", *second)) == []


def test_one_object_that_is_given_twice_is_one_machine() -> None:
    one = machine("a", nic(macAddress=MAC), multus())
    assert told(one, one) == told(one, machine("a", nic(macAddress=MAC), multus())) == []
    unnamed = machine(None, nic(macAddress=MAC), multus())
    assert told(unnamed, machine(None, nic(macAddress=MAC), multus())) == [("KN710", f"{NICS}[0].macAddress")]


@pytest.mark.parametrize("profile", ["kubevirt", "host"])
def test_a_virtual_machine_and_its_instance_are_one_machine(profile: str) -> None:
    instance = machine("a", nic(binding="masquerade", macAddress=MAC), pod())
    whole = attrs.evolve(instance, kind="VirtualMachine")
    assert told(whole, instance, profile=profile) == told(instance, whole, profile=profile) == []
    others = attrs.evolve(instance, kind="VirtualMachineInstanceReplicaSet")
    assert ("KN713", "metadata.name") in told(instance, others, profile="host")


def test_the_network_of_a_plain_host_is_named_without_a_host_that_is_not_known() -> None:
    pair = [machine(name, nic(binding="masquerade", macAddress=MAC), pod()) for name in ("a", "b")]
    (problem,) = [each for each in kvnet.check_all(pair, kvnet.Target(profile="host")) if each.code == "KN710"]
    assert "in network 'libvirt default', as default/a does" in problem.message


def test_on_a_plain_host_two_machines_of_one_name_would_be_one_domain() -> None:
    pair = [machine("app", nic(binding="masquerade"), pod(), namespace) for namespace in ("blue", "green")]
    assert told(*pair, profile="host") == [("KN713", "metadata.name")]
    assert told(*pair) == []
    assert told(pair[0], machine("web", nic(binding="masquerade"), pod()), profile="host") == []


def test_machines_of_one_name_on_two_hosts_are_two_domains() -> None:
    pair = [
        machine("app", nic(binding="masquerade"), pod(), node, status={"nodeName": node}) for node in ("blue", "green")
    ]
    assert told(*pair, profile="host") == []


def test_a_problem_between_machines_has_its_place() -> None:
    text = "kind: VirtualMachineInstance\nmetadata: {name: %s}\nspec:\n  domain:\n    devices:\n      interfaces:\n"
    text += "      - {name: a, bridge: {}, macAddress: '02:00:00:00:00:42'}\n"
    text += "  networks: [{name: a, multus: {networkName: b}}]\n"
    machines = kvnet.loads_all(f"{text % 'a'}---\n{text % 'b'}").machines
    (problem,) = kvnet.check_all(machines)
    assert str(problem.place) == "<text>:16:43"
    assert problem.message.startswith(
        "default/b uses MAC address 02:00:00:00:00:42 in network 'default/b', as default/a"
    )


FOLLOWING: dict[str, tuple[Any, list[str], list[str]]] = {
    "masquerade on a network that is not there": (
        vmi([nic("b", "masquerade"), nic()], [multus()]),
        ["KN112", "KN127"],
        ["KN127"],
    ),
    "passt on a network that is not there": (
        vmi([nic("b", "passtBinding"), nic()], [multus()]),
        ["KN116", "KN127"],
        ["KN127"],
    ),
    "a binding that was removed": (vmi([nic(binding="macvtap")], [multus()]), ["KN111", "KN152"], ["KN152"]),
    "two bindings beside one that was removed": (
        vmi([nic(macvtap={}, sriov={})], [multus()]),
        ["KN111", "KN152"],
        ["KN111", "KN152"],
    ),
    "a misspelt name": (vmi([nic("defualt")], [multus("default")]), ["KN125", "KN127"], ["KN127"]),
    "two mistakes": (vmi([nic("x")], [multus("default")]), ["KN125", "KN127"], ["KN125", "KN127"]),
    "mistakes of two NICs": (
        vmi([nic("b", "masquerade"), nic("a", "masquerade")], [multus()]),
        ["KN112", "KN112", "KN127"],
        ["KN112", "KN127"],
    ),
}


@pytest.mark.parametrize(("data", "all_causes", "one_each"), FOLLOWING.values(), ids=FOLLOWING)
def test_one_mistake_is_one_problem_but_check_gives_every_cause_of_kubevirts(
    data: Any, all_causes: list[str], one_each: list[str]
) -> None:
    given = kvnet.load(data)
    assert sorted(each.code for each in kvnet.check(given) if each.is_error) == all_causes
    assert sorted(each.code for each in kvnet.check_all([given]) if each.is_error) == one_each
    assert sorted(each.code for each in kvnet.render(given).problems) == one_each


def test_a_plugin_that_is_not_registered_is_told_once() -> None:
    given = kvnet.load(vmi([{"name": "a", "binding": {"name": "x"}}], [multus()]))
    made = kvnet.render(given, kvnet.Target(cluster=kvnet.ClusterConfig(binding_plugins={})))
    assert [each.code for each in made.notes if each.code in ("KN314", "KN928")] == ["KN928"]
