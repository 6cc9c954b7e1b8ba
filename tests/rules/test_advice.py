"""What is admitted and works otherwise than its owner may think."""

from __future__ import annotations

from typing import Any

import pytest
from machines import multus, nic, pod, vmi

import kvnet

NICS = "spec.domain.devices.interfaces"
DEVICES = "spec.domain.devices"
MAC = "52:54:00:00:00:0a"
Json = dict[str, Any]


def on_pod(binding: str | None = "masquerade", **members: Any) -> Json:
    return vmi([nic(binding=binding, **members)], [pod()])


def attached(binding: str = "bridge", **members: Any) -> Json:
    return vmi([nic(binding=binding, **members)], [multus()])


def two(first: Json, second: Json, *bindings: str) -> Json:
    one, other = bindings or ("bridge", "bridge")
    return vmi([nic("a", one, **first), nic("b", other, **second)], [multus("a"), multus("b")])


def cidr(**members: Any) -> Json:
    return vmi([nic(binding="masquerade")], [pod(**members)])


def replicated(kind: str, replicas: int | None, one: Json, network: Json, **around: Any) -> Json:
    made = vmi([one], [network], kind=kind)
    template = (
        made["spec"]["virtualMachineTemplate"]["spec"]["template"] if "Pool" in kind else made["spec"]["template"]
    )
    template["metadata"] = around
    return made | {"spec": made["spec"] | ({} if replicas is None else {"replicas": replicas})}


PORTS: Json = {"ports": [{"port": 80}]}
MULTIQUEUE = {"networkInterfaceMultiqueue": True}
ALLOWED = {"kubevirt.io/allow-pod-bridge-network-live-migration": "false"}
WARNED: dict[str, tuple[Json, list[tuple[str, str]]]] = {
    "ports of a bridge": (attached(**PORTS), [("KN901", f"{NICS}[0].ports")]),
    "a port that KubeVirt uses": (
        on_pod(ports=[{"port": 80}, {"port": 22222}, {"port": 49152}, {"port": 49153}]),
        [("KN902", f"{NICS}[0].ports[{n}].port") for n in (1, 2, 3)],
    ),
    "a network with a netmask": (
        cidr(vmNetworkCIDR="10.0.2.0/255.255.255.0"),
        [("KN910", "spec.networks[0].pod.vmNetworkCIDR")],
    ),
    "multiqueue without a virtio NIC": (
        vmi([nic(model="e1000")], [multus()], devices=MULTIQUEUE),
        [("KN903", f"{DEVICES}.networkInterfaceMultiqueue")],
    ),
    "multiqueue where the only virtio NIC is absent": (
        vmi([nic("a", model="e1000"), nic("b", state="absent")], [multus("a"), multus("b")], devices=MULTIQUEUE),
        [("KN903", f"{DEVICES}.networkInterfaceMultiqueue")],
    ),
    "multiqueue where only an SR-IOV NIC says virtio": (
        vmi([nic("a", model="e1000"), nic("b", "sriov")], [multus("a"), multus("b")], devices=MULTIQUEUE),
        [("KN903", f"{DEVICES}.networkInterfaceMultiqueue")],
    ),
    "a MAC address of an SR-IOV NIC": (attached("sriov", macAddress=MAC), [("KN904", f"{NICS}[0].macAddress")]),
    "a model of an SR-IOV NIC": (attached("sriov", model="virtio"), [("KN905", f"{NICS}[0].model")]),
    "an ACPI index of an SR-IOV NIC": (attached("sriov", acpiIndex=3), [("KN905", f"{NICS}[0].acpiIndex")]),
    "DHCP options of an SR-IOV NIC": (
        attached("sriov", dhcpOptions={"bootFileName": "x"}),
        [("KN905", f"{NICS}[0].dhcpOptions")],
    ),
    "ports of an SR-IOV NIC": (attached("sriov", **PORTS), [("KN905", f"{NICS}[0].ports")]),
    "a bridge on the pod network": (on_pod("bridge"), [("KN906", f"{NICS}[0].bridge")]),
    "a bridge that the cluster gives by default": (vmi(), [("KN906", "spec")]),
    "a MAC address of zeros": (attached(macAddress="00-00-00-00-00-00"), [("KN929", f"{NICS}[0].macAddress")]),
    "the MAC address of masquerade's bridge with dashes": (
        on_pod(macAddress="02-00-00-00-00-00"),
        [("KN934", f"{NICS}[0].macAddress")],
    ),
    "the MAC address of masquerade's bridge with dots": (
        on_pod(macAddress="0200.0000.0000"),
        [("KN934", f"{NICS}[0].macAddress")],
    ),
    "a MAC address of a replica set": (
        replicated("VirtualMachineInstanceReplicaSet", 2, nic(macAddress=MAC), multus()),
        [("KN714", f"spec.template.{NICS}[0].macAddress")],
    ),
    "a MAC address of a pool on the pod network": (
        replicated("VirtualMachinePool", 3, nic(macAddress=MAC), pod(), annotations=ALLOWED),
        [("KN714", f"spec.virtualMachineTemplate.spec.template.{NICS}[0].macAddress")],
    ),
    "an ACPI index beyond 16383": (attached(acpiIndex=16384), [("KN907", f"{NICS}[0].acpiIndex")]),
    "an ACPI index below 1": (attached(acpiIndex=-1), [("KN907", f"{NICS}[0].acpiIndex")]),
    "an ACPI index of two NICs": (two({"acpiIndex": 3}, {"acpiIndex": 3}), [("KN907", f"{NICS}[1].acpiIndex")]),
    "a MAC address of two NICs": (
        two({"macAddress": MAC}, {"macAddress": MAC.upper().replace(":", "-")}),
        [("KN908", f"{NICS}[1].macAddress")],
    ),
    "the link of a passt NIC that is down": (on_pod("passtBinding", state="down"), [("KN909", f"{NICS}[0].state")]),
    "no network": (cidr(vmNetworkCIDR="10.0.2.0.1/24"), [("KN910", "spec.networks[0].pod.vmNetworkCIDR")]),
    "an IPv6 network for IPv4": (cidr(vmNetworkCIDR="fd00::/64"), [("KN910", "spec.networks[0].pod.vmNetworkCIDR")]),
    "an IPv4 network for IPv6": (
        cidr(vmIPv6NetworkCIDR="10.0.2.0/24"),
        [("KN910", "spec.networks[0].pod.vmIPv6NetworkCIDR")],
    ),
    "a network of two addresses": (
        cidr(vmNetworkCIDR="10.0.2.0/31"),
        [("KN910", "spec.networks[0].pod.vmNetworkCIDR")],
    ),
    "an IPv6 network of two addresses": (
        cidr(vmIPv6NetworkCIDR="fd00::/127"),
        [("KN910", "spec.networks[0].pod.vmIPv6NetworkCIDR")],
    ),
    "no automatic NIC beside others": (
        vmi([nic(binding="masquerade")], [pod()], devices={"autoattachPodInterface": False}),
        [("KN911", f"{DEVICES}.autoattachPodInterface")],
    ),
    "references in a VMI": (
        vmi([nic(binding="masquerade")], [pod()], spec={"instancetype": {"name": "it"}, "preference": {"name": "p"}}),
        [("KN932", "spec.instancetype"), ("KN932", "spec.preference")],
    ),
    "a reference in a template": (
        vmi([nic(binding="masquerade")], [pod()], kind="VirtualMachine", spec={"preference": {"name": "p"}}),
        [("KN016", "spec.template.spec.preference")],
    ),
}


@pytest.mark.parametrize(("machine", "warnings"), WARNED.values(), ids=WARNED)
def test_a_warning_is_given_for(machine: Json, warnings: list[tuple[str, str]]) -> None:
    problems = kvnet.check(kvnet.load(machine))
    assert [(each.code, each.field) for each in problems] == warnings
    for each in problems:
        assert (each.severity, each.cause) == (kvnet.Severity.WARNING, None)
        assert each.message
        assert each.hint


SILENT: dict[str, Json] = {
    "ports of masquerade": on_pod(**PORTS),
    "ports of passt": on_pod("passtBinding", **PORTS),
    "ports of a plugin, which may forward them": vmi([{"name": "a", "binding": {"name": "x"}, **PORTS}], [pod()]),
    "no ports of a bridge": attached(ports=[]),
    "ports of an absent bridge": attached(state="absent", **PORTS),
    "UDP ports with the numbers of those that KubeVirt uses": on_pod(ports=[{"port": 22222, "protocol": "UDP"}]),
    "KubeVirt's own ports behind passt": on_pod("passtBinding", ports=[{"port": 22222}]),
    "ports beside those that KubeVirt uses": on_pod(ports=[{"port": n} for n in (22221, 22223, 49151, 49154)]),
    "the MAC address of masquerade's bridge behind a bridge": attached(macAddress="02-00-00-00-00-00"),
    "multiqueue of SR-IOV NICs alone": vmi([nic(binding="sriov")], [multus()], devices=MULTIQUEUE),
    "no multiqueue": vmi([nic(model="e1000")], [multus()], devices={"networkInterfaceMultiqueue": False}),
    "an SR-IOV NIC that says nothing": attached("sriov", macAddress="", model="", ports=[]),
    "a bridge on a secondary network": attached(),
    "a bridge on the pod network that may migrate": vmi([nic()], [pod()], annotations=ALLOWED),
    "the first and the last ACPI index": two({"acpiIndex": 1}, {"acpiIndex": 16383}),
    "ACPI index 0, which is none": two({"acpiIndex": 0}, {"acpiIndex": 0}),
    "two MAC addresses": two({"macAddress": MAC}, {"macAddress": "52:54:00:00:00:0b"}),
    "a MAC address of an absent NIC and of its successor": two(
        {"macAddress": MAC, "state": "absent"}, {"macAddress": MAC}
    ),
    "an ACPI index of an absent NIC and of its successor": two({"acpiIndex": 3, "state": "absent"}, {"acpiIndex": 3}),
    "no MAC addresses": two({"macAddress": ""}, {"macAddress": ""}),
    "the link of a passt NIC that is up": on_pod("passtBinding", state="up"),
    "the link of a masquerade NIC that is down": on_pod(state="down"),
    "a network of four addresses": cidr(vmNetworkCIDR="10.0.2.0/30"),
    "a network that is written with a host": cidr(vmNetworkCIDR="10.0.2.15/24"),
    "a network of a bridge, which nothing looks at": vmi(
        [nic()], [pod(vmNetworkCIDR="10.0.2.0/31")], annotations=ALLOWED
    ),
    "an empty network": cidr(vmNetworkCIDR="", vmIPv6NetworkCIDR=""),
    "an automatic NIC that is asked for": vmi(
        [nic(binding="masquerade")], [pod()], devices={"autoattachPodInterface": True}
    ),
    "a MAC address of one replica": replicated("VirtualMachinePool", 1, nic(macAddress=MAC), multus()),
    "a MAC address of as many replicas as are usual": replicated(
        "VirtualMachinePool", None, nic(macAddress=MAC), multus()
    ),
    "replicas without a MAC address": replicated("VirtualMachinePool", 3, nic(), multus()),
    "a MAC address of replicas behind masquerade": replicated(
        "VirtualMachinePool", 3, nic(binding="masquerade", macAddress=MAC), pod()
    ),
    "a binding plugin of a cluster that is not known": vmi([{"name": "a", "binding": {"name": "x"}}], [multus()]),
    "no automatic NIC and no other": vmi(devices={"autoattachPodInterface": False}),
}


@pytest.mark.parametrize("machine", SILENT.values(), ids=SILENT)
def test_nothing_is_said_of(machine: Json) -> None:
    assert kvnet.check(kvnet.load(machine)) == ()


RANGES = kvnet.Target(cluster=kvnet.ClusterConfig(feature_gates=frozenset({"PortRangesSpec"})))
"""A cluster that has ranges of ports."""


def test_ranges_of_ports_that_a_bridge_ignores_are_told_where_the_cluster_has_them() -> None:
    machine = kvnet.load(attached(portRanges=[{"protocol": "TCP", "start": 80, "end": 90}]))
    assert [(each.code, each.field) for each in kvnet.check(machine, RANGES)] == [("KN901", f"{NICS}[0].portRanges")]
    assert "KN901" not in {each.code for each in kvnet.check(machine)}, "there, they are refused"


@pytest.mark.parametrize(
    "machine",
    [
        on_pod(ports=[{"port": 22222}]),
        attached("sriov", macAddress=MAC),
        on_pod("bridge"),
        vmi(),
        on_pod("passtBinding", state="down"),
    ],
)
def test_a_plain_host_is_told_nothing_of_what_kubevirt_alone_does(machine: Json) -> None:
    [problem] = kvnet.check(kvnet.load(machine))
    assert problem.code not in {each.code for each in kvnet.check(kvnet.load(machine), kvnet.Target(profile="host"))}


NOTED: dict[str, tuple[Json, list[str]]] = {
    "multiqueue of a virtio NIC with one vCPU": (vmi([nic()], [multus()], devices=MULTIQUEUE), ["KN921"]),
    "multiqueue of one virtio NIC among others": (
        vmi(
            [nic("a", model="e1000"), nic("b", model="virtio")],
            [multus("a"), multus("b")],
            devices=MULTIQUEUE,
            domain={"cpu": {"cores": 2}},
        ),
        ["KN922"],
    ),
    "networks of four addresses": (cidr(vmNetworkCIDR="10.0.2.0/30", vmIPv6NetworkCIDR="fd00::/126"), ["KN924"]),
}


@pytest.mark.parametrize(("machine", "codes"), NOTED.values(), ids=NOTED)
def test_no_more_than_a_note_is_made_of(machine: Json, codes: list[str]) -> None:
    problems = kvnet.check(kvnet.load(machine))
    assert [each.code for each in problems] == codes
    assert {each.severity for each in problems} == {kvnet.Severity.NOTE}


@pytest.mark.parametrize(
    ("cluster", "facts", "hint"),
    [
        ({"managedtap": {}}, None, "did you mean 'managedtap'?"),
        ({"other": {}}, None, "register it in the KubeVirt object"),
        ({}, None, "register it in the KubeVirt object"),
        (None, {"mangedTap": {}}, "did you mean 'mangedTap'?"),
        ({"managedTap": {}}, None, ""),
        ({}, {"managedTap": {}}, ""),
        (None, None, ""),
    ],
    ids=str,
)
def test_a_binding_plugin_that_is_not_registered_is_told(cluster: Any, facts: Any, hint: str) -> None:
    machine = kvnet.load(vmi([{"name": "a", "binding": {"name": "managedTap"}}], [multus()]))
    known = None if cluster is None else kvnet.load_cluster(configured(cluster))
    given = kvnet.load_facts({} if facts is None else {"bindingPlugins": facts})
    problems = kvnet.check(machine, kvnet.Manifest().target(cluster=known, facts=given))
    assert [(each.code, each.hint) for each in problems] == ([("KN928", hint)] if hint else [])


def configured(plugins: Json) -> Json:
    network = {"network": {"binding": plugins}} if plugins else {}
    return {"kind": "KubeVirt", "spec": {"configuration": network}}


def test_of_three_nics_of_one_mac_address_each_after_the_first_is_told() -> None:
    networks = [multus(name) for name in "abc"]
    machine = kvnet.load(vmi([nic(name, macAddress=MAC) for name in "abc"], networks))
    assert [each.field for each in kvnet.check(machine)] == [f"{NICS}[{n}].macAddress" for n in (1, 2)]


MACS = {
    "52:54:00:00:00:0a": None,
    "53:54:00:00:00:0a": "KN410",
    "01:00:5e:00:00:01": "KN410",
    "ff:ff:ff:ff:ff:ff": "KN410",
    "fe:54:00:00:00:0a": "KN411",
    "fd:54:00:00:00:0a": "KN410",
    "fc:54:00:00:00:0a": None,
}


@pytest.mark.parametrize(("mac", "code"), MACS.items(), ids=MACS)
def test_libvirt_takes_for_a_mac_address(mac: str, code: str | None) -> None:
    problems = kvnet.check(kvnet.load(attached(macAddress=mac)))
    assert [(each.code, each.field) for each in problems] == ([(code, f"{NICS}[0].macAddress")] if code else [])
    assert all(each.is_error and each.cause is None for each in problems)


def test_the_hint_for_a_group_address_is_the_address_without_that_bit() -> None:
    (problem,) = kvnet.check(kvnet.load(attached(macAddress="53:54:00:00:00:0a")))
    assert problem.hint is not None
    assert problem.hint.endswith("52:54:00:00:00:0a")
