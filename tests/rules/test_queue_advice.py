"""Advice on multiqueue, at the bounds of vectors, vCPUs and systems."""

from __future__ import annotations

from typing import Any

import pytest
from advice import ADVICE, told
from machines import multus, nic, vmi

import kvnet

Json = dict[str, Any]


def queued(nics: int, cores: int, *, binding: str = "bridge", **members: Any) -> Json:
    names = [f"n{n}" for n in range(nics)]
    annotations = {"vm.kubevirt.io/os": "windows10"} if members.pop("windows", False) else {}
    return vmi(
        [nic(name, binding, **members) for name in names],
        [multus(name) for name in names],
        devices={"networkInterfaceMultiqueue": True},
        domain={"cpu": {"cores": cores}},
        annotations=annotations,
    )


QUEUES: dict[str, tuple[Json, list[str]]] = {
    "198 vectors": (queued(3, 32), ["KN922"]),
    "204 vectors": (queued(3, 33), ["KN920", "KN922"]),
    "many functions": (queued(12, 33, binding="sriov"), []),
    "many emulated NICs": (queued(12, 33, model="e1000"), []),
    "300 vCPUs, of which a tap serves 256": (queued(1, 300), ["KN920", "KN922"]),
    "one vCPU": (queued(1, 1), ["KN921"]),
    "as many NICs as vCPUs": (queued(4, 4), ["KN921", "KN922"]),
    "fewer NICs than vCPUs": (queued(3, 4), ["KN922"]),
    "16 queues on Windows": (queued(1, 16, windows=True), ["KN922"]),
    "17 queues on Windows": (queued(1, 17, windows=True), ["KN921", "KN922"]),
    "17 queues elsewhere": (queued(1, 17), ["KN922"]),
    **{
        f"{cores} vCPUs without multiqueue": (vmi([nic("a")], [multus("a")], domain={"cpu": {"cores": cores}}), [])
        for cores in (1, 33, 300)
    },
    "a CPU limit of 33": (
        vmi(
            [nic(name) for name in "abc"],
            [multus(name) for name in "abc"],
            devices={"networkInterfaceMultiqueue": True},
            domain={"resources": {"limits": {"cpu": "32500m"}}},
        ),
        ["KN920", "KN922"],
    ),
}


@pytest.mark.parametrize(("machine", "codes"), QUEUES.values(), ids=QUEUES)
def test_of_queues_is_told(machine: Json, codes: list[str]) -> None:
    assert [code for code, _ in told(machine)] == codes


@pytest.mark.parametrize(("architecture", "is_told"), [("amd64", True), ("arm64", True), ("s390x", False)])
def test_only_machines_with_pci_have_msi_vectors(architecture: str, is_told: bool) -> None:
    codes = [code for code, _ in told(queued(3, 33), architecture=architecture)]
    assert ("KN920" in codes) is is_told


def test_a_tap_serves_256_vcpus() -> None:
    problem = next(each for each in kvnet.check(kvnet.load(queued(1, 300))) if each.code == "KN920")
    assert "with 256 queues each need 256 MSI vectors" in problem.message


def test_both_counts_of_vectors_are_said() -> None:
    problem = next(each for each in kvnet.check(kvnet.load(queued(3, 33))) if each.code == "KN920")
    assert " 99 " in problem.message
    assert " 204:" in problem.message


def test_the_vcpus_of_an_instancetype_count() -> None:
    machine = queued(3, 1)
    del machine["spec"]["domain"]["cpu"]
    spec = machine["spec"]
    machine |= {"kind": "VirtualMachine", "spec": {"instancetype": {"name": "u1.8xlarge"}, "template": {"spec": spec}}}
    target = kvnet.Target(instancetypes=kvnet.common_instancetypes(), preferences=kvnet.common_preferences())
    (memory,) = [each for each in kvnet.check(kvnet.load(machine), target) if each.code in ADVICE]
    assert memory.code == "KN922"
    assert "96 vhost queues take 6144 KiB" in memory.message
    assert "combined 32" in memory.hint


def test_the_clusters_cpu_request_counts() -> None:
    machine = queued(3, 1)
    del machine["spec"]["domain"]["cpu"]
    cluster = kvnet.ClusterConfig(cpu_request="33")
    assert [code for code, _ in told(machine, cluster=cluster)] == ["KN920", "KN922"]
