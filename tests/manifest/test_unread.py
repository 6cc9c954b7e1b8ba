"""Of an object with a flaw it is not told that no document has it, nor what it would have allowed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from machines import nic, pod, vmi

from kvnet.checks import told_of
from kvnet.manifest import load_partly

Json = dict[str, Any]


def nad(config: Json, name: str = "lan", **metadata: str) -> Json:
    api = {"apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition"}
    return api | {"metadata": {"name": name, **metadata}, "spec": {"config": json.dumps(config)}}


def referred(kind: str, spec: Json, name: str = "u1") -> Json:
    api = {"apiVersion": "instancetype.kubevirt.io/v1beta1", "kind": kind}
    return api | {"metadata": {"name": name}, "spec": spec}


def kubevirt(**configuration: Any) -> Json:
    api = {"apiVersion": "kubevirt.io/v1", "kind": "KubeVirt", "metadata": {"name": "kubevirt"}}
    return api | {"spec": {"configuration": configuration}}


def referring(**reference: str) -> Json:
    machine = vmi([nic("a", "masquerade")], [pod("a")], kind="VirtualMachine")
    return machine | {"spec": machine["spec"] | {word: {"name": name} for word, name in reference.items()}}


def of(nad_name: str) -> Json:
    network = {"name": "a", "multus": {"networkName": nad_name}}
    return vmi([nic("a", macAddress="02:00:00:00:00:01")], [network])


BAD = {"type": "bridge", "vlan": 5000}
GOOD = nad({"type": "bridge"}, "other")
SMALL = {"cpu": {"guest": "eight"}, "memory": {"guest": "1Gi"}}
RANGES = {"portRanges": [{"protocol": "TCP", "start": 5, "end": 6}]}
CASES: dict[str, tuple[Json, Json, str]] = {
    "a NAD": (nad(BAD), of("lan"), "KN914"),
    "a NAD for a plain host": (nad(BAD), of("lan"), "KN340"),
    "a NAD with its namespace": (nad(BAD, namespace="blue"), of("blue/lan"), "KN340"),
    "an instancetype": (referred("VirtualMachineClusterInstancetype", SMALL), referring(instancetype="u1"), "KN210"),
    "a preference": (
        referred("VirtualMachineClusterPreference", {"devices": {"preferredInterfaceModel": 5}}),
        referring(preference="u1"),
        "KN210",
    ),
    "a cluster with port ranges": (
        kubevirt(cpuRequest="abc", developerConfiguration={"featureGates": ["PortRangesSpec"]}),
        vmi([nic("a", "masquerade", **RANGES)], [pod("a")]),
        "KN137",
    ),
    "a cluster with another default NIC": (
        kubevirt(cpuRequest="abc", network={"defaultNetworkInterface": "masquerade"}),
        vmi([], []),
        "KN906",
    ),
}
OTHERS: dict[str, tuple[Json, Json, str]] = {
    "a NAD of another name": (nad(BAD, "lan2"), of("lan"), "KN914"),
    "a NAD of another namespace": (nad(BAD, namespace="blue"), of("lan"), "KN340"),
    "a preference for an instancetype": (
        referred("VirtualMachineClusterPreference", {"devices": {"preferredInterfaceModel": 5}}),
        referring(instancetype="u1"),
        "KN210",
    ),
    "a bridge of the machine's own": (kubevirt(cpuRequest="abc"), vmi([nic("a")], [pod("a")]), "KN906"),
}


def judged(*documents: Json) -> tuple[list[str], list[str]]:
    """The codes of the flaws, and of what is told of the machine on a cluster and on a plain host."""
    read = load_partly([*documents])
    (machine,) = read.manifest.machines
    targets = [read.manifest.target(profile=profile) for profile in ("kubevirt", "host")]
    told = [each for target in targets for each in told_of(machine, target) if not read.explains(each, machine)]
    return [each.code for each in read.problems], [each.code for each in told]


@pytest.mark.parametrize(("flawed", "machine", "code"), CASES.values(), ids=CASES)
def test_what_follows_from_a_flaw_in_another_object_is_not_told(flawed: Json, machine: Json, code: str) -> None:
    assert code in judged(machine, GOOD)[1], "it is told without the object"
    flaws, told = judged(machine, flawed, GOOD)
    assert (len(flaws), code in told) == (1, False)


@pytest.mark.parametrize(("flawed", "machine", "code"), OTHERS.values(), ids=OTHERS)
def test_what_does_not_follow_from_the_flaw_is_told(flawed: Json, machine: Json, code: str) -> None:
    assert code in judged(machine, flawed, GOOD)[1]


@pytest.mark.parametrize(
    "metadata", [None, {}, {"name": None}, {"name": 5}, {"name": ["x"]}, {"name": "x", "namespace": 5}]
)
def test_an_object_without_a_name_explains_nothing(metadata: Any) -> None:
    assert "KN340" in judged(of("lan"), nad(BAD) | {"metadata": metadata})[1]
