"""What a template must leave to its instancetype: field and cause as KubeVirt's webhook tells them."""

from __future__ import annotations

from typing import Any

import pytest
from instancetypes.given import expansion, given_vm, told
from tables import rows

import kvnet

DOMAIN = "spec.template.spec.domain"
INVALID = "FieldValueInvalid"
HUGE = {"pageSize": "2Mi"}
MEMORY = {"guest": "1Gi"}

CONFLICTS: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "a CPU request of nothing": ({"resources": {"requests": {"cpu": "0"}}}, {}, ["resources.requests.cpu"]),
    "a CPU limit": ({"resources": {"limits": {"cpu": 2}}}, {}, ["resources.limits.cpu"]),
    "every factor": (
        {"cpu": {"sockets": 1, "cores": 2, "threads": 1}},
        {},
        ["cpu.sockets", "cpu.cores", "cpu.threads"],
    ),
    "a CPU model": ({"cpu": {"model": "Haswell"}}, {"cpu": {"guest": 2, "model": "host-model"}}, ["cpu.model"]),
    "dedicated CPUs, although the instancetype wants none": (
        {"cpu": {"dedicatedCpuPlacement": True}},
        {"cpu": {"guest": 2, "dedicatedCPUPlacement": False}},
        ["cpu.dedicatedCPUPlacement"],
    ),
    "the emulator's thread": (
        {"cpu": {"isolateEmulatorThread": True}},
        {"cpu": {"guest": 2, "isolateEmulatorThread": True}},
        ["cpu.isolateEmulatorThread"],
    ),
    "NUMA and realtime": (
        {"cpu": {"numa": {}, "realtime": {}}},
        {"cpu": {"guest": 2, "numa": {}, "realtime": {}}},
        ["cpu.numa", "cpu.realtime"],
    ),
    "only the first field of memory": (
        {"memory": {"guest": "2Gi"}, "resources": {"requests": {"memory": "2Gi"}}},
        {},
        ["memory.guest"],
    ),
    "huge pages": ({"memory": {"hugepages": HUGE}}, {"memory": {**MEMORY, "hugepages": HUGE}}, ["memory.hugepages"]),
    "memory to plug in": (
        {"memory": {"maxGuest": "4Gi"}},
        {"memory": {**MEMORY, "maxGuest": "4Gi"}},
        ["memory.maxGuest"],
    ),
    "a memory request": ({"resources": {"requests": {"memory": "1Gi"}}}, {}, ["resources.requests.memory"]),
    "a memory limit": ({"resources": {"limits": {"memory": "1Gi"}}}, {}, ["resources.limits.memory"]),
    "launch security, even an empty one": ({"launchSecurity": {}}, {"launchSecurity": {"sev": {}}}, ["launchSecurity"]),
    "an I/O thread pool": (
        {"ioThreads": {"supplementalPoolThreadCount": 2}, "ioThreadsPolicy": "auto"},
        {"ioThreads": {"supplementalPoolThreadCount": 2}, "ioThreadsPolicy": "auto"},
        ["ioThreadsPolicy", "ioThreads.supplementalPoolThreadCount"],
    ),
    "GPUs and host devices": (
        {"devices": {"gpus": [{"name": "a"}], "hostDevices": [{"name": "a"}]}},
        {"gpus": [{"name": "a"}], "hostDevices": [{"name": "a"}]},
        ["devices.gpus", "devices.hostDevices"],
    ),
}
NO_CONFLICTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "maxSockets, which the instancetype replaces": ({"cpu": {"maxSockets": 4}}, {"cpu": {"guest": 2, "maxSockets": 8}}),
    "CPU features, and factors of 0": ({"cpu": {"features": [{"name": "x2apic"}], "cores": 0}}, {}),
    "a model that the instancetype leaves open": ({"cpu": {"model": "Haswell"}}, {}),
    "dedicated CPUs that both leave out": ({"cpu": {"dedicatedCpuPlacement": False}}, {"cpu": {"guest": 2}}),
    "huge pages that the instancetype leaves open": ({"memory": {"hugepages": HUGE}}, {}),
}


@pytest.mark.parametrize(("domain", "instancetype", "fields"), rows(CONFLICTS))
def test_a_field_that_the_instancetype_decides_conflicts(
    domain: dict[str, Any], instancetype: dict[str, Any], fields: list[str]
) -> None:
    given = given_vm({"domain": domain}, instancetype=instancetype)
    assert told(given) == [("KN211", f"{DOMAIN}.{field}", INVALID) for field in fields]


@pytest.mark.parametrize(("domain", "instancetype"), rows(NO_CONFLICTS))
def test_a_field_that_the_instancetype_leaves_open_does_not_conflict(
    domain: dict[str, Any], instancetype: dict[str, Any]
) -> None:
    assert told(given_vm({"domain": domain}, instancetype=instancetype)) == []


def test_fields_beside_the_domain_conflict_too() -> None:
    both = {"nodeSelector": {"a": "b"}, "schedulerName": "s"}
    given = given_vm(both, instancetype=both)
    assert [field for _, field, _ in told(given)] == [
        "spec.template.spec.nodeSelector",
        "spec.template.spec.schedulerName",
    ]


@pytest.mark.parametrize("value", ["1", "2"])
def test_an_annotation_conflicts_only_where_its_value_differs(value: str) -> None:
    given = given_vm(instancetype={"annotations": {"a": "1"}}, annotations={"a": value})
    assert told(given) == ([] if value == "1" else [("KN211", "annotations.a", INVALID)])


def test_the_pci_topology_conflicts_on_machines_with_pci_express() -> None:
    annotations = {"annotations": {"kubevirt.io/pci-topology-version": "v2"}}
    assert told(given_vm(instancetype=annotations, architecture="amd64"))[0][0] == "KN211"
    assert told(given_vm(instancetype=annotations, architecture="s390x")) == []


@pytest.mark.parametrize(
    "key", ["kubevirt.io/vm-generation", "kubevirt.io/cluster-instancetype-name"], ids=["generation", "name"]
)
def test_an_annotation_of_the_controller_conflicts_without_a_cause_for_the_webhook_admits_it(key: str) -> None:
    assert told(given_vm(instancetype={"annotations": {key: "x"}})) == [("KN211", f"annotations.{key}", None)]


@pytest.mark.parametrize(("generation", "codes"), [(None, ["KN211"]), (7, []), (8, ["KN211"])])
def test_the_generation_may_only_be_that_of_the_machine(generation: int | None, codes: list[str]) -> None:
    machine, target = given_vm(instancetype={"annotations": {"kubevirt.io/vm-generation": "7"}})
    data = kvnet.manifest.plain(machine)
    data["metadata"] |= {} if generation is None else {"generation": generation}
    assert [problem.code for problem in kvnet.expand(kvnet.load(data), target).problems] == codes


def test_a_machine_that_conflicts_is_neither_changed_nor_judged_nor_compiled() -> None:
    machine, target = given_vm({"domain": {"cpu": {"cores": 2}}, "networks": [{"name": "a"}]}, instancetype={})
    assert kvnet.expand(machine, target).machine is machine
    assert {problem.code for problem in kvnet.check(machine, target)} == {"KN211"}
    assert [problem.code for problem in kvnet.compile(machine, target).problems] == ["KN211"]
    with pytest.raises(kvnet.Rejected, match=r"KN211\b"):
        kvnet.build(machine, target)


def test_a_conflict_is_told_at_its_line() -> None:
    text = """\
kind: VirtualMachineInstancetype
metadata: {name: it}
spec: {cpu: {guest: 2}, memory: {guest: 1Gi}}
---
kind: VirtualMachine
spec:
  instancetype: {name: it, kind: virtualmachineinstancetype}
  template:
    spec:
      domain:
        cpu:
          cores: 2
        devices: {}
"""
    manifest = kvnet.loads_all(text)
    [problem] = kvnet.check(manifest.machines[0], manifest.target())
    assert problem.place is not None
    assert problem.place.line == 12


def test_a_preference_alone_never_conflicts() -> None:
    given = given_vm({"domain": {"cpu": {"cores": 2}}}, preference={"cpu": {"preferredCPUTopology": "cores"}})
    assert told(given) == []
    cpu = expansion(given).machine.spec.domain.cpu
    assert cpu is not None
    assert (cpu.cores, cpu.sockets) == (2, None)
