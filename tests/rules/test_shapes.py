"""Verdicts are remembered by the shape of a machine, and none differs from what the rules would find."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import attrs
import pytest
import recorded
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from machines import multus, nic, pod, vmi
from words import words_of_kvnet

import kvnet
from kvnet.errors import Problem
from kvnet.facts import HostFacts, PodLink, PodNetwork
from kvnet.manifest import loading
from kvnet.manifest._learnt import LearntMachines
from kvnet.rules import shapes
from kvnet.rules.check import _findings as judge
from kvnet.rules.shapes import remembered, shape_of
from kvnet.spec import Cpu, DhcpOptions, Interface, Machine, Masquerade, Nad, Pod
from kvnet.spec.cluster import BindingPlugin, ClusterConfig
from kvnet.target import Target
from kvnet.testing import machines, targets

Document = dict[str, Any]
NO_GROUPS: frozenset[str] = frozenset()


NICS = ("spec", "domain", "devices", "interfaces")


def fleet_machine(n: int, *, name: str = "red", **changed: Any) -> Document:
    """The nth machine of a fleet: two NICs with names and addresses of their own."""
    first, second = f"{name}-{n}", f"blue-{n}"
    nics = [
        nic(
            first,
            binding="masquerade",
            model="virtio",
            macAddress=f"52:54:00:00:00:{n:02x}",
            pciAddress=f"0000:{n + 1:02x}:00.0",
        ),
        nic(
            second,
            binding="bridge",
            model="virtio",
            macAddress=f"52:54:00:00:01:{n:02x}",
            pciAddress=f"0000:{n + 0x41:02x}:00.0",
        ),
    ]
    made = vmi(nics, [pod(first), multus(second, networkName=f"default/blue-{n}")])
    made["spec"]["domain"] |= {"cpu": {"cores": 4}, "memory": {"guest": "1Gi"}}
    made["spec"]["domain"]["devices"]["networkInterfaceMultiqueue"] = True
    made["spec"] |= changed
    return made


def told(machine: Machine, target: Target) -> Sequence[Problem]:
    return list(remembered(machine, target, NO_GROUPS, judge))


def learnt(target: Target) -> Target:
    """The target, after enough machines of the fleet that their shape is known."""
    for n in range(3):
        told(kvnet.load(fleet_machine(n)), target)
    return target


def test_from_the_third_machine_of_a_shape_on_no_rule_is_asked() -> None:
    asked: list[str | None] = []

    def counting(machine: Machine, target: Target, groups: frozenset[str]) -> Sequence[Problem]:
        asked.append(machine.interfaces[0].name)
        return judge(machine, target, groups)

    target = Target()
    for n in range(6):
        remembered(kvnet.load(fleet_machine(n)), target, NO_GROUPS, counting)
    assert asked == ["red-0", "red-1", "twin-0"]


def test_what_is_remembered_is_told_of_each_machine() -> None:
    target = learnt(Target())
    machine = kvnet.load(fleet_machine(7))
    assert "KN922" in [problem.code for problem in told(machine, target)]
    assert told(machine, target) == judge(machine, target, NO_GROUPS)


def changed(machine: Document, *changes: tuple[tuple[Any, ...], Any]) -> Document:
    """The document, in which the value at each path is another one."""
    for path, value in changes:
        holder: Any = machine
        for step in path[:-1]:
            holder = holder[step] if isinstance(holder, list) else holder.setdefault(step, {})
        holder[path[-1]] = deepcopy(value)
    return machine


def named(n: int, word: str) -> Document:
    """The document of ``fleet_machine(7)``, in which the network of a number has another name."""
    path = ("spec", "domain", "devices", "interfaces", n, "name"), ("spec", "networks", n, "name")
    return changed(fleet_machine(7), *((each, word) for each in path))


PLACES: Mapping[str, tuple[str, Callable[[str], Iterator[Document]]]] = {
    "name": (r"[A-Za-z0-9_-]{1,63}", lambda word: (named(n, word) for n in (0, 1))),
    "MAC address": (
        r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}",
        lambda word: (changed(fleet_machine(7), ((*NICS, n, "macAddress"), word)) for n in (0, 1)),
    ),
    "PCI address": (
        r"[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]",
        lambda word: (changed(fleet_machine(7), ((*NICS, n, "pciAddress"), word)) for n in (0, 1)),
    ),
    "NAD": (
        r"[a-z0-9-]{1,63}(?:/[a-z0-9-]{1,63})?",
        lambda word: iter([changed(fleet_machine(7), (("spec", "networks", 1, "multus", "networkName"), word))]),
    ),
}


@pytest.mark.parametrize("place", PLACES)
def test_no_word_that_the_code_knows_is_judged_as_another_was(place: str) -> None:
    pattern, documents = PLACES[place]
    words = words_of_kvnet(pattern, "[rs]*")
    assert words
    target = learnt(Target())
    for document in (each for word in words for each in documents(word)):
        machine = kvnet.load(document)
        assert told(machine, target) == judge(machine, target, NO_GROUPS)


def test_a_verdict_that_names_a_nic_is_found_for_each_machine_anew() -> None:
    target = Target()
    for n in range(5):
        machine = fleet_machine(n)
        machine["spec"]["domain"]["devices"]["interfaces"][1]["ports"] = [{"port": 80}]
        assert f"'blue-{n}'" in next(each.message for each in told(kvnet.load(machine), target) if each.code == "KN901")


NETWORKS = ("spec", "networks")
SEED = {"name": "seed", "cloudInitNoCloud": {"userData": "#cloud-config"}}
ROOT_COMPLEX = ("metadata", "annotations", "kubevirt.io/placePCIDevicesOnRootComplex")
SYSTEM = ("metadata", "labels", "kubevirt.io/os")
SIDECAR = ("metadata", "labels", "sidecar.istio.io/inject")
NAD = Nad(name="known", namespace="default", config='{"cniVersion": "1.0.0", "name": "a", "type": "bridge"}')


@pytest.mark.parametrize(
    ("usual", "path", "value"),
    [
        pytest.param([], (*NICS, 0, "macAddress"), "52:54:00:00:01:07", id="the MAC address of the other NIC"),
        pytest.param([], (*NICS, 0, "macAddress"), "01:00:00:00:00:01", id="a group address"),
        pytest.param([], (*NICS, 0, "macAddress"), "fe:00:00:00:00:01", id="an address of libvirt's taps"),
        pytest.param([], (*NICS, 0, "macAddress"), "00:00:00:00:00:00", id="the address of zeros"),
        pytest.param([], (*NICS, 0, "macAddress"), "02:00:00:00:00", id="five bytes"),
        pytest.param([], (*NICS, 0, "pciAddress"), "0000:48:00.0", id="the PCI address of the other NIC"),
        pytest.param([], (*NICS, 0, "pciAddress"), "0000:00:1f.0", id="the address of the chipset"),
        pytest.param([], (*NICS, 0, "pciAddress"), "0000:f5:00.0", id="a bus that does not exist"),
        pytest.param([], (*NICS, 0, "pciAddress"), "0000:01:03.0", id="a slot of a root port that does not exist"),
        pytest.param([], (*NICS, 0, "name"), "blue-7", id="one name for two NICs"),
        pytest.param([], (*NICS, 0, "name"), "green", id="a NIC without a network"),
        pytest.param([], (*NICS, 0, "model"), "e1001", id="a model that does not exist"),
        pytest.param([], (*NICS, 0, "state"), "downn", id="a state that does not exist"),
        pytest.param([((*NICS, 0, "bootOrder"), 2)], (*NICS, 0, "bootOrder"), 0, id="boot order 0"),
        pytest.param([], (*NICS, 0, "bridge"), {}, id="two bindings"),
        pytest.param([], (*NICS, 1), nic("blue-7", binding="sriov", macAddress="02:00:00:00:00:aa"), id="SR-IOV"),
        pytest.param([((*NICS, 0, "acpiIndex"), 1)], (*NICS, 0, "acpiIndex"), 99999, id="a large ACPI index"),
        pytest.param([], (*NETWORKS, 1, "multus", "networkName"), "a/b/c", id="a name that no NAD has"),
        pytest.param([], (*NETWORKS, 1, "multus", "networkName"), "", id="an empty name of a NAD"),
        pytest.param([], (*NETWORKS, 1, "multus", "default"), True, id="a second primary network"),
        pytest.param([], (*NETWORKS, 0, "pod", "vmNetworkCIDR"), "10.0.2.0/31", id="a CIDR without room"),
        pytest.param([], (*NETWORKS, 0, "pod", "vmIPv6NetworkCIDR"), "fd00::/64", id="an IPv6 CIDR"),
        pytest.param([], ("spec", "hostname"), "Not.A.Label", id="a hostname that is no label"),
        pytest.param(
            [(("spec", "volumes"), [SEED])], ("spec", "volumes", 0, "cloudInitNoCloud"), {}, id="no user data"
        ),
        pytest.param(
            [(("spec", "volumes"), [SEED])],
            ("spec", "volumes", 0, "cloudInitNoCloud", "networkData"),
            "x" * 3000,
            id="much network data",
        ),
        pytest.param(
            [(("spec", "volumes"), [SEED])],
            ("spec", "volumes", 0),
            {"name": "seed", "cloudInitNoCloud": None, "cloudInitConfigDrive": {"networkData": "x" * 3000}},
            id="much network data in the second kind of volume",
        ),
        pytest.param([], ("spec", "dnsPolicy"), "None", id="no name server"),
        pytest.param([], ("spec", "instancetype"), {"name": "small"}, id="an instancetype at the wrong place"),
        pytest.param([], ("spec", "architecture"), "arm65", id="an architecture that does not exist"),
        pytest.param([], ("spec", "resourceClaims"), [{"name": "a"}], id="a resource claim"),
        pytest.param([], ("spec", "domain", "cpu", "cores"), 1, id="one vCPU"),
        pytest.param([], ("spec", "domain", "memory", "guest"), "1", id="one byte of memory"),
        pytest.param([], ("spec", "domain", "resources", "requests"), {"cpu": "-1"}, id="fewer CPUs than none"),
        pytest.param([], ("spec", "domain", "launchSecurity"), {"sev": {}}, id="launch security"),
        pytest.param([], (*NICS[:-1], "networkInterfaceMultiqueue"), False, id="no multiqueue"),
        pytest.param([], (*NICS[:-1], "useVirtioTransitional"), True, id="transitional virtio on a root port"),
        pytest.param([], (*NICS[:-1], "autoattachPodInterface"), False, id="no automatic NIC"),
        pytest.param([], (*NICS[:-1], "multiQueue"), True, id="a misspelt key"),
        pytest.param(
            [],
            (*NICS[:-1], "gpus"),
            [{"name": "a", "deviceName": "", "claimName": "b", "requestName": "c"}],
            id="a GPU of a claim that is not listed",
        ),
        pytest.param(
            [((*NICS, 0, "bootOrder"), 1)],
            (*NICS[:-1], "disks"),
            [{"name": "a", "bootOrder": 1}],
            id="a disk's boot order",
        ),
        pytest.param([], ROOT_COMPLEX, "yes", id="an annotation"),
        pytest.param([(SYSTEM, "fedora")], SYSTEM, "windows", id="Windows"),
    ],
)
def test_one_machine_that_differs_from_its_fleet_is_judged_by_itself(
    usual: list[tuple[tuple[Any, ...], Any]], path: tuple[Any, ...], value: Any
) -> None:
    target = Target()
    for n in range(4):
        told(kvnet.load(changed(fleet_machine(n), *usual)), target)
    like = kvnet.load(changed(fleet_machine(7), *usual))
    machine = kvnet.load(changed(fleet_machine(7), *usual, (path, value)))
    assert shape_of(like, target) is not None
    assert judge(like, target, NO_GROUPS) != judge(machine, target, NO_GROUPS)
    assert told(machine, target) == judge(machine, target, NO_GROUPS)
    assert told(machine, target) == judge(machine, target, NO_GROUPS)


def test_istios_sidecar_counts_where_the_pod_network_is_bridged() -> None:
    target = Target()
    for inject in (*["false"] * 4, "true"):
        document = vmi([nic(model="virtio")], [pod()])
        machine = kvnet.load(changed(document, (SIDECAR, inject)))
        assert shape_of(machine, target) is not None
        assert told(machine, target) == judge(machine, target, NO_GROUPS)
    assert "KN927" in [problem.code for problem in told(machine, target)]


def test_an_address_counts_where_the_machine_has_no_other() -> None:
    target = Target()
    for address in (*[None] * 4, "0000:01:00.0"):
        machine = kvnet.load(vmi([nic("a", model="rtl8139", pciAddress=address)], [multus("a")]))
        assert shape_of(machine, target) is not None
        assert told(machine, target) == judge(machine, target, NO_GROUPS)
    assert "KN416" in [problem.code for problem in told(machine, target)]


def test_user_data_that_configures_ipv6_is_read_for_each_machine() -> None:
    target = Target()
    for command in (*["true"] * 4, "ip address add fd20::2/64 dev eth0"):
        volume = {"name": "seed", "cloudInitNoCloud": {"userData": f"#!/bin/sh\n{command}\n"}}
        document = vmi([nic(binding="masquerade")], [pod(vmIPv6NetworkCIDR="fd20::/64")], spec={"volumes": [volume]})
        machine = kvnet.load(document)
        assert told(machine, target) == judge(machine, target, NO_GROUPS)
    assert "KN924" not in [problem.code for problem in told(machine, target)]


def test_a_vm_has_its_problems_at_other_paths_than_a_vmi() -> None:
    target = Target()
    for kind in (*["VirtualMachineInstance"] * 4, "VirtualMachine"):
        machine = kvnet.load(vmi([nic("a")], [pod("a")], kind=kind))
        assert told(machine, target) == judge(machine, target, NO_GROUPS)
    assert told(machine, target)


def test_nics_that_differ_in_their_bindings_alone_are_told_apart() -> None:
    target = Target()
    for binding in (*["bridge"] * 4, "masquerade"):
        machine = kvnet.load(vmi([nic("a", binding=binding)], [multus("a")]))
        assert told(machine, target) == judge(machine, target, NO_GROUPS)
    assert [problem.code for problem in told(machine, target)]


@pytest.mark.parametrize("value", ["false", "true", "yes"])
def test_a_machine_with_an_annotation_that_decides_something_is_judged_by_itself(value: str) -> None:
    assert shape_of(kvnet.load(changed(fleet_machine(1), (ROOT_COMPLEX, value))), Target()) is None


@pytest.mark.parametrize("name", ["re d", "red-7\n", "", "x" * 300])
def test_a_name_that_no_nic_can_have_gives_no_shape(name: str) -> None:
    assert shape_of(kvnet.load(vmi([nic(name)], [pod(name)])), Target()) is None


def test_one_name_for_two_nics_and_their_networks_gives_no_shape() -> None:
    assert shape_of(kvnet.load(vmi([nic("a"), nic("a", binding="bridge")], [pod("a"), multus("a")])), Target()) is None


def test_machines_of_a_pool_are_judged_by_themselves() -> None:
    target = Target()
    for replicas in (1, 1, 1, 3):
        template = {"spec": fleet_machine(1)["spec"]}
        spec = {"replicas": replicas, "template": template}
        machine = kvnet.load({"kind": "VirtualMachineInstanceReplicaSet", "spec": spec})
        assert told(machine, target) == judge(machine, target, NO_GROUPS)
    assert "KN714" in [problem.code for problem in told(machine, target)]


def test_an_annotation_at_the_wrong_place_is_told() -> None:
    target = Target()
    for annotation in ("a", "a", "a", "sidecar.istio.io/inject"):
        spec = {"template": {"spec": fleet_machine(1)["spec"]}}
        document = {"kind": "VirtualMachine", "metadata": {"annotations": {annotation: "true"}}, "spec": spec}
        found = told(kvnet.load(document), target)
    assert "KN931" in [problem.code for problem in found]


def test_the_names_of_nads_count_where_the_target_has_some() -> None:
    target = Target(nads=(NAD,))
    for name, namespace in (*[("known", "default")] * 4, ("unknown", "default"), ("known", "other")):
        document = changed(
            fleet_machine(1), ((*NETWORKS, 1, "multus", "networkName"), name), (("metadata", "namespace"), namespace)
        )
        machine = kvnet.load(document)
        assert shape_of(machine, target) is not None
        assert told(machine, target) == judge(machine, target, NO_GROUPS)


def test_the_names_of_nads_count_for_machines_of_one_text_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    # what other tests have read decides how often a text is looked at
    monkeypatch.setattr(loading, "_LEARNT", LearntMachines(loading._machine_of_json))
    target = Target(nads=tuple(Nad(name=f"blue-{n}", namespace="default") for n in range(8)))
    for n in (*range(4), 5, 5, 5, 9):
        machine = kvnet.loads(json.dumps(fleet_machine(n)))
        assert told(machine, target) == judge(machine, target, NO_GROUPS)
    assert machine.text_shape


def test_a_pod_network_is_told_from_a_nad_whatever_their_names_and_addresses_are() -> None:
    target = Target(nads=(NAD,))
    on_nad = kvnet.load(vmi([nic("a")], [multus("a", networkName="known", default=None)]))
    on_pod = kvnet.load(vmi([nic("a")], [pod("a")]))
    odd = Pod(vm_network_cidr="known", vm_ipv6_network_cidr=None)
    on_pod = on_pod.with_nics(on_pod.interfaces, (attrs.evolve(on_pod.networks[0], sources=(odd,)),))
    assert shape_of(on_nad, target) != shape_of(on_pod, target)
    for machine in (on_nad, on_nad, on_nad, on_nad, on_pod):
        assert told(machine, target) == judge(machine, target, NO_GROUPS)


def test_a_name_of_two_lines_gives_no_shape() -> None:
    assert shape_of(kvnet.load(fleet_machine(1, name="a\nb")), Target()) is None


def test_each_target_and_each_choice_of_groups_has_verdicts_of_its_own() -> None:
    insecure = attrs.evolve(NAD, config='{"cniVersion": "1.0.0", "name": "a", "type": "bridge", "promiscMode": true}')
    target = Target(nads=(insecure,))
    machine = kvnet.load(changed(fleet_machine(1), ((*NETWORKS, 1, "multus", "networkName"), "known")))
    for groups in (NO_GROUPS, frozenset({"security"})) * 4:
        assert list(remembered(machine, target, groups, judge)) == judge(machine, target, groups)
    assert judge(machine, target, frozenset({"security"})) != judge(machine, target, NO_GROUPS)


@pytest.mark.parametrize(
    "facts",
    [
        HostFacts(links={"blue-1": PodLink(mtu=9000)}),
        HostFacts(pod_networks=(PodNetwork(default=True, interface="eth0", ips=("fd00::1",)),)),
    ],
    ids=["a link", "a pod's network"],
)
def test_machines_with_facts_of_their_own_have_no_shape(facts: HostFacts) -> None:
    assert shape_of(kvnet.load(fleet_machine(1)), Target(facts=facts)) is None


def test_plugins_are_told_apart_by_their_names() -> None:
    target = Target(cluster=ClusterConfig(binding_plugins={"known": BindingPlugin()}))
    for plugin in (*["known"] * 4, "unknown"):
        machine = kvnet.load(vmi([{"name": "a", "binding": {"name": plugin}}], [pod("a")]))
        assert shape_of(machine, target) is not None
        assert told(machine, target) == judge(machine, target, NO_GROUPS)


@given(st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_machines_with_other_names_get_the_verdict_that_the_rules_give(data: st.DataObject) -> None:
    target = data.draw(targets())
    pattern = data.draw(machines(max_nics=3))
    for n in range(4):
        machine = pattern if n % 2 else renamed(pattern, data.draw(st.sampled_from(["a", "net1", "x" * 63])))
        assert told(machine, target) == judge(machine, target, NO_GROUPS)


def renamed(machine: Machine, prefix: str) -> Machine:
    """The machine with other names in the same places, and its MAC addresses spelled in lower case."""
    given = [*(each.name for each in machine.networks), *(each.name for each in machine.interfaces)]
    names = {name: f"{prefix[:60]}{n}" for n, name in enumerate(given)}
    return machine.with_nics(
        tuple(
            attrs.evolve(each, name=names[each.name], mac_address=each.mac_address and each.mac_address.lower())
            for each in machine.interfaces
        ),
        tuple(attrs.evolve(each, name=names[each.name]) for each in machine.networks),
    )


@pytest.mark.parametrize("path", recorded.parameters("admission-and-devices"))
def test_the_machines_that_kubevirt_judged_get_the_verdict_that_the_rules_give(path: Path) -> None:
    given = [kvnet.load(json.loads(line)["vmi"]) for line in recorded.lines(path)]
    for target in (Target(), Target(cluster=ClusterConfig(permit_bridge_on_pod_network=False), nads=(Nad(name="a"),))):
        for _ in range(3):
            for machine in given:
                for each in (machine, renamed(machine, "nic")):
                    assert told(each, target) == judge(each, target, NO_GROUPS)
    assert any(shape_of(machine, Target()) is not None for machine in given)


def test_shapes_without_end_do_not_fill_the_memory() -> None:
    target = Target()
    for n in range(1000):
        machine = fleet_machine(1)
        machine["spec"]["domain"]["memory"]["guest"] = f"{n + 1}Gi"
        told(kvnet.load(machine), target)
        told(kvnet.load(machine), Target(virt_type="qemu"))
    assert len(shapes._known) <= 16
    assert all(len(known.verdicts) <= 256 for known in shapes._known.values())


OF_ONE_NIC: dict[str, Any] = {
    "bindings": Masquerade(),
    "model": "e1000",
    "mac_address": None,
    "pci_address": None,
    "ports": (),
    "port_ranges": (),
    "boot_order": 7,
    "dhcp_options": DhcpOptions(),
    "tag": "a",
    "acpi_index": 7,
    "state": "down",
}
OF_THE_CPU: dict[str, Any] = {
    "cores": 7,
    "sockets": 7,
    "threads": 7,
    "max_sockets": 7,
    "model": "host-model",
    "dedicated_cpu_placement": True,
    "rest": {"isolateEmulatorThread": True},
}


@pytest.mark.parametrize("field", [each.name for each in attrs.fields(Interface) if each.name != "name"])
def test_every_field_of_a_nic_is_part_of_the_shape(field: str) -> None:
    machine = kvnet.load(fleet_machine(1))
    first, second = machine.interfaces
    other = machine.with_nics((first, attrs.evolve(second, **{field: OF_ONE_NIC[field]})), machine.networks)
    assert shape_of(other, Target()) not in (None, shape_of(machine, Target()))


@pytest.mark.parametrize("field", [each.name for each in attrs.fields(Cpu)])
def test_every_field_of_the_cpu_is_part_of_the_shape(field: str) -> None:
    machine = kvnet.load(fleet_machine(1))
    cpu = attrs.evolve(machine.spec.domain.cpu or Cpu(), **{field: OF_THE_CPU[field]})
    domain = attrs.evolve(machine.spec.domain, cpu=cpu)
    other = attrs.evolve(machine, spec=attrs.evolve(machine.spec, domain=domain))
    assert shape_of(other, Target()) not in (None, shape_of(machine, Target()))


def test_machines_of_two_shapes_by_turns_get_verdicts_of_their_own() -> None:
    target = Target()
    for n in range(12):
        machine = kvnet.load(changed(fleet_machine(n), ((*NICS, 0, "model"), ["virtio", "e1001"][n % 2])))
        assert told(machine, target) == judge(machine, target, NO_GROUPS)


def test_what_has_no_hash_is_judged_by_itself() -> None:
    machine = kvnet.load(fleet_machine(1))
    no_ports: Any = []
    odd = machine.with_nics(tuple(attrs.evolve(each, ports=no_ports) for each in machine.interfaces), machine.networks)
    for _ in range(3):
        assert told(odd, Target()) == judge(odd, Target(), NO_GROUPS)
