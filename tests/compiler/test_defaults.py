"""KubeVirt's defaults: CPU requests, sockets, CPU hotplug, and the default NIC."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from machines import nic, pod, vmi

import kvnet
from kvnet.compiler import Topology, queue_capacity, topology, vcpus
from kvnet.defaults import default_nic_refusal, defaulted, has_cpu_hotplug, with_cpu_request, with_default_topology
from kvnet.spec import Cpu, Machine


def machine(cpu: dict[str, Any] | None = None, **resources: dict[str, str]) -> Machine:
    domain: dict[str, Any] = {} if cpu is None else {"cpu": cpu}
    return kvnet.load(vmi([nic(binding="masquerade")], [pod()], domain=domain | {"resources": resources}))


def after(given: Machine, *, architecture: str = "amd64", **cluster: Any) -> Cpu:
    """The CPU that a machine has after its defaults."""
    target = kvnet.Target(architecture=architecture, cluster=kvnet.ClusterConfig(**cluster))
    cpu = defaulted(given, target).spec.domain.cpu
    assert cpu is not None
    return cpu


SOCKETS: dict[str, tuple[Machine, int]] = {
    "nothing is given": (machine(), 4),
    "two sockets": (machine({"sockets": 2, "cores": 1, "threads": 1}), 8),
    "512 vCPUs at most": (machine({"sockets": 64, "cores": 2, "threads": 1}), 256),
    "512 vCPUs exactly": (machine({"sockets": 64, "cores": 2, "threads": 1, "maxSockets": 0}), 256),
    "the sockets it has, where those are more than 512 vCPUs": (
        machine({"sockets": 300, "cores": 2, "threads": 1}),
        300,
    ),
    "factors that are not given do not count": (machine({"sockets": 1000}), 4000),
    "nor does one factor without the other": (machine({"sockets": 1000, "cores": 2}), 4000),
    "nor the other without the one": (machine({"sockets": 1000, "threads": 2}), 4000),
    "one vCPU less than too many": (machine({"sockets": 128, "cores": 1, "threads": 1}), 512),
    "one socket more than that": (machine({"sockets": 129, "cores": 1, "threads": 1}), 512),
    "threads count": (machine({"sockets": 64, "cores": 1, "threads": 4}), 128),
    "its own": (machine({"sockets": 2, "maxSockets": 3}), 3),
}


@pytest.mark.parametrize(("given", "most"), SOCKETS.values(), ids=SOCKETS)
def test_sockets_that_may_be_plugged_in_later_are_four_times_as_many(given: Machine, most: int) -> None:
    assert after(given).max_sockets == most


CLUSTERS: dict[str, tuple[dict[str, Any], dict[str, Any], int | None]] = {
    "a ratio": ({"sockets": 2}, {"max_hotplug_ratio": 3}, 6),
    "a ratio of 0 is the stock one": ({"sockets": 2}, {"max_hotplug_ratio": 0}, 8),
    "a bound": ({"sockets": 2}, {"max_cpu_sockets": 5}, 5),
    "a bound below what there is": ({"sockets": 6}, {"max_cpu_sockets": 5}, 6),
    "a bound of 0 is none": ({"sockets": 2}, {"max_cpu_sockets": 0}, 8),
    "a bound before a ratio": ({"sockets": 2}, {"max_cpu_sockets": 5, "max_hotplug_ratio": 9}, 5),
    "LiveUpdate": ({"sockets": 2}, {"vm_rollout_strategy": "LiveUpdate"}, 8),
    "an empty strategy": ({"sockets": 2}, {"vm_rollout_strategy": ""}, 8),
    "Stage": ({"sockets": 2}, {"vm_rollout_strategy": "Stage"}, None),
    "cores alone": ({"cores": 2}, {}, None),
    "cores alone under a bound": ({"cores": 2}, {"max_cpu_sockets": 5}, 5),
}


@pytest.mark.parametrize(("cpu", "cluster", "most"), CLUSTERS.values(), ids=CLUSTERS)
def test_the_cluster_decides_how_many_sockets_may_be_plugged_in(
    cpu: dict[str, Any], cluster: dict[str, Any], most: int | None
) -> None:
    assert after(machine(cpu), **cluster).max_sockets == most


@given(st.integers(1, 600), st.integers(1, 8), st.integers(1, 4))
def test_no_machine_can_grow_beyond_512_vcpus_that_is_not_there_already(sockets: int, cores: int, threads: int) -> None:
    most = after(machine({"sockets": sockets, "cores": cores, "threads": threads})).max_sockets
    assert most is not None
    assert most >= sockets
    assert most == sockets or most * cores * threads <= 512
    assert most <= 4 * sockets


def test_arm64_has_no_cpu_hotplug() -> None:
    assert after(machine({"sockets": 2}), architecture="arm64").max_sockets is None
    assert [has_cpu_hotplug(each) for each in ("amd64", "arm64", "s390x")] == [True, False, True]


MODELS: dict[str, tuple[dict[str, Any], str, str | None, str]] = {
    "host-model": ({}, "amd64", None, "host-model"),
    "the cluster's": ({}, "amd64", "Haswell", "Haswell"),
    "the machine's": ({"model": "Skylake"}, "amd64", "Haswell", "Skylake"),
    "host-passthrough on arm64": ({}, "arm64", "Haswell", "host-passthrough"),
    "the machine's on arm64": ({"model": "max"}, "arm64", None, "max"),
}


@pytest.mark.parametrize(("cpu", "architecture", "cluster", "model"), MODELS.values(), ids=MODELS)
def test_the_cpu_model_is(cpu: dict[str, Any], architecture: str, cluster: str | None, model: str) -> None:
    assert after(machine(cpu), architecture=architecture, cpu_model=cluster).model == model


TOPOLOGIES: dict[str, tuple[Machine, tuple[int, int, int]]] = {
    "one vCPU": (machine(), (1, 1, 1)),
    "as many sockets as the limit": (machine(limits={"cpu": "3"}), (3, 1, 1)),
    "as many sockets as the request": (machine(requests={"cpu": "3"}), (3, 1, 1)),
    "the limit before the request": (machine(limits={"cpu": "2"}, requests={"cpu": "3"}), (2, 1, 1)),
    "parts of a CPU are one": (machine(limits={"cpu": "1100m"}), (2, 1, 1)),
    "a limit of 0": (machine(limits={"cpu": "0"}), (0, 1, 1)),
    "all factors of 0": (machine({"cores": 0, "sockets": 0, "threads": 0}, limits={"cpu": "3"}), (3, 1, 1)),
    "cores alone": (machine({"cores": 2}, limits={"cpu": "3"}), (1, 2, 1)),
    "sockets alone": (machine({"sockets": 2}, limits={"cpu": "3"}), (2, 1, 1)),
    "threads alone": (machine({"threads": 2}, limits={"cpu": "3"}), (1, 1, 2)),
}


@pytest.mark.parametrize(("given", "shape"), TOPOLOGIES.values(), ids=TOPOLOGIES)
def test_the_topology_is(given: Machine, shape: tuple[int, int, int]) -> None:
    sockets, cores, threads = shape
    assert topology(given) == Topology(sockets=sockets, cores=cores, threads=threads)
    assert vcpus(topology(given)) == sockets * cores * threads
    assert queue_capacity(given) == 0


def test_default_factors_are_written_only_where_none_is_given() -> None:
    cpu = with_default_topology(machine(limits={"cpu": "3"})).spec.domain.cpu
    assert cpu is not None
    assert (cpu.sockets, cpu.cores, cpu.threads) == (3, 1, 1)
    for factor in ("cores", "sockets", "threads"):
        given = machine({factor: 2})
        assert with_default_topology(given) == given


REQUESTS: dict[str, tuple[Machine, str | None, str | None]] = {
    "none": (machine(), None, None),
    "that of the limit": (machine(limits={"cpu": "2"}), None, "2"),
    "that of the limit, where it is zero": (machine(limits={"cpu": "2"}, requests={"cpu": "0"}), None, "2"),
    "its own": (machine(limits={"cpu": "2"}, requests={"cpu": "1"}), None, "1"),
    "none for a limit of zero": (machine(limits={"cpu": "0"}), None, None),
    "the cluster's": (machine(), "200m", "200m"),
    "the cluster's, where the limit is zero": (machine(limits={"cpu": "0"}), "200m", "200m"),
    "none for the stock request of clusters": (machine(), "100m", None),
    "not the cluster's where it is zero": (machine(requests={"cpu": "0"}), "200m", "0"),
    "not the cluster's beside a limit": (machine(limits={"cpu": "2"}), "200m", "2"),
    "not the cluster's with dedicated CPUs": (machine({"dedicatedCpuPlacement": True}), "200m", None),
    "the cluster's without dedicated CPUs": (machine({"dedicatedCpuPlacement": False}), "200m", "200m"),
}


@pytest.mark.parametrize(("given", "cluster", "request_"), REQUESTS.values(), ids=REQUESTS)
def test_the_cpu_request_is(given: Machine, cluster: str | None, request_: str | None) -> None:
    resources = with_cpu_request(given, kvnet.ClusterConfig(cpu_request=cluster)).spec.domain.resources
    assert (resources.requests.get("cpu") if resources else None) == request_


def test_the_request_of_the_cluster_decides_on_sockets_too() -> None:
    assert after(machine(), cpu_request="1500m").sockets == 2


NICS: dict[str, tuple[dict[str, Any], str, list[str], str | None]] = {
    "a bridge": ({}, "bridge", ["bridge"], None),
    "masquerade": ({}, "masquerade", ["masquerade"], None),
    "a bridge where the cluster says nothing": ({}, "", ["bridge"], None),
    "a bridge where the cluster says what KubeVirt does not know": ({}, "Masquerade", ["bridge"], None),
    "nothing for a removed binding": ({}, "slirp", [], "slirp"),
    "nothing where it is not wanted": ({"autoattachPodInterface": False}, "slirp", [], None),
    "a bridge where it is wanted": ({"autoattachPodInterface": True}, "bridge", ["bridge"], None),
}


@pytest.mark.parametrize(("devices", "kind", "bindings", "refusal"), NICS.values(), ids=NICS)
def test_the_default_nic_is(devices: dict[str, Any], kind: str, bindings: list[str], refusal: str | None) -> None:
    cluster = kvnet.ClusterConfig(default_network_interface=kind)
    given = kvnet.load(vmi(devices=devices))
    told = default_nic_refusal(given, cluster)
    assert (told is None) if refusal is None else (told is not None and refusal in told)
    whole = defaulted(given, kvnet.Target(cluster=cluster))
    assert [type(each.binding).__name__.lower() for each in whole.interfaces] == bindings
    assert [network.name for network in whole.networks] == (["default"] if bindings else [])


def test_a_default_that_kubevirt_does_not_know_takes_the_rest_of_the_configuration_with_it() -> None:
    cluster = kvnet.ClusterConfig(
        default_network_interface="sriov", permit_bridge_on_pod_network=False, cpu_request="4", cpu_model="Haswell"
    )
    assert cluster.in_effect == kvnet.ClusterConfig()
    whole = defaulted(kvnet.load(vmi()), kvnet.Target(cluster=cluster))
    assert whole == defaulted(kvnet.load(vmi()), kvnet.Target())
    [problem] = kvnet.check(kvnet.load(vmi(devices={"autoattachPodInterface": False})), kvnet.Target(cluster=cluster))
    assert (problem.code, problem.is_error) == ("KN930", False)


def test_negative_sockets_are_counted_in_32_bits_as_in_go() -> None:
    assert after(machine(limits={"cpu": "-1"})).sockets == 2**32 - 1


def test_a_forbidden_default_bridge_is_refused_and_masquerade_is_not() -> None:
    given = kvnet.load(vmi())
    assert default_nic_refusal(given, kvnet.ClusterConfig(permit_bridge_on_pod_network=False)) is not None
    masquerade = kvnet.ClusterConfig(permit_bridge_on_pod_network=False, default_network_interface="masquerade")
    assert default_nic_refusal(given, masquerade) is None


@pytest.mark.parametrize(
    "given", [vmi([nic()], []), vmi([], [pod()])], ids=["an interface without network", "a network without interface"]
)
def test_a_machine_that_lists_anything_has_no_default_nic(given: dict[str, Any]) -> None:
    loaded = kvnet.load(given)
    whole = defaulted(loaded, kvnet.Target())
    assert (whole.interfaces, whole.networks) == (loaded.interfaces, loaded.networks)


@given(st.sampled_from([*SOCKETS.values()]), st.sampled_from(["amd64", "arm64", "s390x"]))
def test_a_machine_with_its_defaults_stays_as_it_is(row: tuple[Machine, int], architecture: str) -> None:
    target = kvnet.Target(architecture=architecture)
    whole = defaulted(row[0], target)
    assert defaulted(whole, target) == whole
