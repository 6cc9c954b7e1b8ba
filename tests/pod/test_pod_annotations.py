"""The annotations of a machine's pod: new, on the target of a migration, and while it runs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from machines import multus, nic, pod, vmi

import kvnet
from kvnet.pod import migration_target_annotations, updated_annotations
from kvnet.spec.cluster import BindingPlugin

NETWORKS = "k8s.v1.cni.cncf.io/networks"
ISTIO = {
    "traffic.sidecar.istio.io/kubevirtInterfaces": "k6t-eth0",
    "istio.io/reroute-virtual-interfaces": "k6t-eth0",
}
BLUE, RED = "pod16477688c0e", "podb1f51a511f1"
PLUGINS = {
    "passt": BindingPlugin(network_attachment_definition="kube-system/passt"),
    "vdpa": BindingPlugin(downward_api="device-info"),
}
CLUSTER = kvnet.ClusterConfig(binding_plugins=PLUGINS)
OLD = kvnet.ClusterConfig(disabled_feature_gates=frozenset({"PodSecondaryInterfaceNamingUpgrade"}))


def load(*parts: tuple[dict[str, Any], dict[str, Any]], reported: list[dict[str, Any]] | None = None) -> kvnet.Machine:
    status = {"interfaces": reported} if reported is not None else None
    return kvnet.load(vmi([each for each, _ in parts], [each for _, each in parts], status=status))


def element(**members: Any) -> dict[str, Any]:
    return {"name": "nad", "namespace": "default", **members}


def plugged(name: str, plugin: str) -> dict[str, Any]:
    return {"name": name, "binding": {"name": plugin}}


POD = (nic("a", "masquerade"), pod("a"))
BLUE_NIC = (nic("blue"), multus("blue"))
RED_NIC = (nic("red"), multus("red"))
NEW: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "masquerade": ([POD], ISTIO),
    "a bridge on the pod network": ([(nic("a"), pod("a"))], {}),
    "two NADs, in the order of the NICs": (
        [BLUE_NIC, (nic("red", macAddress="02:00:00:00:00:AA"), multus("red", networkName="prod/lan/x"))],
        {
            NETWORKS: [
                element(interface=BLUE),
                {"name": "lan/x", "namespace": "prod", "mac": "02:00:00:00:00:AA", "interface": RED},
            ]
        },
    ),
    "an absent NIC": ([BLUE_NIC, (nic("red", state="absent"), multus("red"))], {NETWORKS: [element(interface=BLUE)]}),
    "a default network, also of an absent NIC": (
        [(nic("a", state="absent"), multus("a", networkName="prod/lan", default=True))],
        {"v1.multus-cni.io/default-network": "prod/lan"},
    ),
    "a plugin with a NAD, after its network's own": (
        [(plugged("blue", "passt"), multus("blue")), RED_NIC],
        {
            NETWORKS: [
                element(interface=BLUE),
                {"name": "passt", "namespace": "kube-system", "cni-args": {"logicNetworkName": "blue"}},
                element(interface=RED),
            ]
        },
    ),
    "a plugin with a NAD on the pod network": (
        [(plugged("a", "passt"), pod("a"))],
        {NETWORKS: [{"name": "passt", "namespace": "kube-system", "cni-args": {"logicNetworkName": "a"}}]},
    ),
}


def parsed(annotations: kvnet.PodAnnotations) -> dict[str, Any]:
    return {key: json.loads(text) if text[:1] in ("[", "{") else text for key, text in annotations.texts.items()}


@pytest.mark.parametrize(("parts", "expected"), NEW.values(), ids=NEW)
def test_a_new_pod_has(parts: list[Any], expected: dict[str, Any]) -> None:
    made = kvnet.pod_annotations(load(*parts), kvnet.Target(cluster=CLUSTER))
    assert (parsed(made), made.problems) == (expected, ())


def test_a_plugin_may_be_registered_by_the_facts_which_count_more() -> None:
    parts = load((plugged("blue", "passt"), multus("blue")), (plugged("red", "mine"), multus("red")))
    mine = {name: BindingPlugin(network_attachment_definition=f"mine/{name}") for name in ("passt", "mine")}
    target = kvnet.Target(cluster=CLUSTER, facts=kvnet.HostFacts(binding_plugins=mine))
    made = kvnet.pod_annotations(parts, target)
    assert made.problems == ()
    of_plugins = [each for each in parsed(made)[NETWORKS] if "cni-args" in each]
    assert [(each["namespace"], each["name"]) for each in of_plugins] == [("mine", "passt"), ("mine", "mine")]


def test_a_nic_without_a_network_keeps_no_other_from_its_annotation() -> None:
    made = kvnet.pod_annotations(load(POD, BLUE_NIC).with_nics(*_lost(load(POD, BLUE_NIC))))
    assert parsed(made)[NETWORKS] == [element(interface=BLUE)]


def _lost(machine: kvnet.Machine) -> Any:
    """The NICs of a machine, and its networks without the first."""
    return machine.interfaces, machine.networks[1:]


@pytest.mark.parametrize("cluster", [CLUSTER, kvnet.ClusterConfig()])
def test_a_plugin_that_is_not_registered_is_an_error_at_its_name(cluster: kvnet.ClusterConfig) -> None:
    made = kvnet.pod_annotations(load((plugged("blue", "ghost"), multus("blue"))), kvnet.Target(cluster=cluster))
    assert made.texts == {}
    assert [(each.code, str(each.at)) for each in made.problems] == [
        ("KN928", "spec.domain.devices.interfaces[0].binding.name")
    ]


def test_the_default_nic_counts() -> None:
    cluster = kvnet.ClusterConfig(default_network_interface="masquerade")
    assert parsed(kvnet.pod_annotations(load(), kvnet.Target(cluster=cluster))) == ISTIO


def test_text_is_escaped_as_by_the_encoder_of_go() -> None:
    machine = load((nic("blue", macAddress="<&>\u2028é"), multus("blue")))
    text = kvnet.pod_annotations(machine).texts[NETWORKS]
    assert '"mac":"\\u003c\\u0026\\u003e\\u2028é"' in text


def facts(*links: str, **members: Any) -> kvnet.HostFacts:
    return kvnet.HostFacts(pod_networks=tuple(kvnet.PodNetwork(interface=link, **members) for link in links))


def test_the_target_of_a_migration_keeps_ordinal_names_where_the_upgrade_is_off() -> None:
    machine = load(POD, BLUE_NIC, (nic("red", state="absent"), multus("red")))
    old = kvnet.Target(cluster=OLD, facts=facts("eth0", "net1"))
    made = migration_target_annotations(machine, old)
    assert parsed(made) == {NETWORKS: [element(interface="net1"), element(interface="net2")]}
    for target in (kvnet.Target(facts=facts("net1")), kvnet.Target(cluster=OLD, facts=facts("eth0", BLUE))):
        assert migration_target_annotations(machine, target).texts == {}


def test_the_target_of_a_migration_without_other_networks_has_an_empty_text() -> None:
    made = migration_target_annotations(load(POD), kvnet.Target(cluster=OLD, facts=facts("net1")))
    assert made.texts == {NETWORKS: ""}


def test_a_network_without_an_interface_is_an_error_of_a_migration() -> None:
    machine = kvnet.load(vmi([nic("a", "masquerade")], [pod("a"), multus("blue")]))
    made = migration_target_annotations(machine, kvnet.Target(cluster=OLD, facts=facts("net1")))
    assert [each.code for each in made.problems] == ["KN125"]


REPORTED = [{"name": "a"}, {"name": "blue", "podInterfaceName": BLUE}]
UPDATES: dict[str, tuple[list[Any], list[str], list[dict[str, Any]] | None]] = {
    "nothing has changed": ([POD, BLUE_NIC], ["eth0", BLUE], None),
    "a NIC is new": ([POD, BLUE_NIC, RED_NIC], ["eth0", BLUE], [element(interface=BLUE), element(interface=RED)]),
    "a virtual function is new": ([POD, BLUE_NIC, (nic("red", "sriov"), multus("red"))], ["eth0", BLUE], None),
    "the last NIC beside the pod's is absent": (
        [POD, (nic("blue", state="absent"), multus("blue"))],
        ["eth0", BLUE],
        [],
    ),
    "links have ordinal names, which count those that are left": (
        [POD, (nic("blue", state="absent"), multus("blue")), RED_NIC],
        ["eth0", "net1"],
        [element(interface="net1")],
    ),
}


@pytest.mark.parametrize(("parts", "links", "expected"), UPDATES.values(), ids=UPDATES)
def test_a_running_pod_gets_other_networks_where(
    parts: list[Any], links: list[str], expected: list[dict[str, Any]] | None
) -> None:
    machine = load(*parts, reported=REPORTED)
    made = updated_annotations(machine, kvnet.Target(facts=facts(*links)), networks="[]")
    written = made.texts.get(NETWORKS)
    assert (json.loads(written) if written else written) == (expected or (None if expected is None else ""))
    if written:
        again = updated_annotations(machine, kvnet.Target(facts=facts(*links)), networks=written)
        assert again.texts == {}


def test_network_info_tells_of_virtual_functions_and_of_plugins_that_read_it() -> None:
    machine = load(
        (plugged("red", "vdpa"), multus("red")),
        (nic("blue", "sriov"), multus("blue")),
        (nic("z"), multus("z")),
        reported=[{"name": name} for name in ("blue", "red", "z")],
    )
    status = [
        {"name": "default/nad", "interface": BLUE, "mac": "02:00:00:00:00:AA", "mtu": 9000},
        {"name": "default/nad", "interface": RED, "device-info": {"type": "vdpa", "vdpa": {"path": "/dev/v"}}},
        {"name": "default/nad", "interface": "pod594e519ae49"},
    ]
    target = kvnet.Target(cluster=CLUSTER, facts=kvnet.load_facts({"networkStatus": status}))
    assert parsed(updated_annotations(machine, target)) == {
        "kubevirt.io/network-info": {
            "interfaces": [
                {"network": "blue", "mac": "02:00:00:00:00:AA", "mtu": 9000},
                {"network": "red", "deviceInfo": {"type": "vdpa", "vdpa": {"path": "/dev/v"}}},
            ]
        }
    }
