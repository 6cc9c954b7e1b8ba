"""Advice on probes, MTUs and Istio: what does not reach the guest, and what does."""

from __future__ import annotations

from typing import Any

import pytest
from advice import BRIDGE, IPAM, NICS, nad, told
from machines import multus, nic, pod, vmi

import kvnet

Json = dict[str, Any]
WINDOWS = {"vm.kubevirt.io/os": "windows10"}


def attached(binding: str | None = "bridge", network: Json | None = None, **members: Any) -> Json:
    return vmi([nic(binding=binding, **members)], [multus(**(network or {}))])


def probed(handlers: Json, *, probe: str = "livenessProbe", state: str = "down", binding: str = "masquerade") -> Json:
    return vmi([nic(binding=binding, state=state)], [pod()], spec={probe: handlers})


HTTP = {"httpGet": {"port": 80}}
PROBES: dict[str, tuple[Json, bool]] = {
    "HTTP over a link that is down": (probed(HTTP), True),
    "TCP over a link that is down": (probed({"tcpSocket": {"port": 80}}, probe="readinessProbe"), True),
    "gRPC over a link that is down": (probed({"grpc": {"port": 80}}), True),
    "HTTP of another host over a link that is down": (probed({"httpGet": {"port": 80, "host": "10.1.1.9"}}), False),
    "TCP of another host over a link that is down": (probed({"tcpSocket": {"port": 80, "host": "web"}}), False),
    "HTTP of an empty host over a link that is down": (probed({"httpGet": {"port": 80, "host": ""}}), True),
    "a command over a link that is down": (probed({"exec": {"command": ["true"]}}), False),
    "the guest agent over a link that is down": (probed({"guestAgentPing": {}}), False),
    "HTTP over a link that is up": (probed(HTTP, state="up"), False),
    "HTTP over a bridge that is down": (probed(HTTP, binding="bridge"), True),
    "HTTP over passt, whose link state is ignored": (probed(HTTP, binding="passtBinding"), False),
    "HTTP beside a link that is down": (
        vmi([nic("a", "masquerade"), nic("b", state="down")], [pod("a"), multus("b")], spec={"livenessProbe": HTTP}),
        False,
    ),
    "gRPC over a default of Multus that is down": (
        vmi([nic(state="down")], [multus(default=True)], spec={"livenessProbe": {"grpc": {"port": 80}}}),
        True,
    ),
}


@pytest.mark.parametrize(("machine", "is_told"), PROBES.values(), ids=PROBES)
def test_of_a_probe_is_told(machine: Json, is_told: bool) -> None:
    assert told(machine) == ([("KN918", f"{NICS}[0].state")] if is_told else [])


def test_what_a_failing_probe_does_is_said() -> None:
    machine = vmi(
        [nic(binding="masquerade", state="down")], [pod()], spec={"livenessProbe": HTTP, "readinessProbe": HTTP}
    )
    (problem,) = kvnet.check(kvnet.load(machine))
    assert "restarts the machine" in problem.message
    assert "ready" in problem.message


def labelled(labels: Json, model: str = "e1000", kind: str = "VirtualMachine") -> Json:
    machine = vmi([nic(binding="masquerade", model=model)], [pod()], kind=kind)
    machine["metadata"]["labels"] = labels
    return machine


def preferring(name: str) -> Json:
    machine = vmi([nic(binding="masquerade", model="e1000")], [pod()], kind="VirtualMachine")
    return machine | {"spec": machine["spec"] | {"preference": {"name": name}}}


IPV6 = {"type": "host-local", "subnet": "fd00::/64"}
IPV4_RANGE = {"subnet": "10.1.1.0/24"}
MTUS: dict[str, tuple[Json, tuple[kvnet.Nad, ...], Json, bool]] = {
    "e1000 on a bridge of 9000": (attached(model="e1000"), (nad(BRIDGE | {"mtu": 9000}),), {}, True),
    "e1000 on a bridge that tuning makes 9000": (
        attached(model="e1000"),
        (nad(BRIDGE, {"type": "tuning", "mtu": 9000}),),
        {},
        True,
    ),
    "e1000 on a bridge that tuning makes 1500": (
        attached(model="e1000"),
        (nad(BRIDGE | {"mtu": 9000}, {"type": "tuning", "mtu": 1500}),),
        {},
        False,
    ),
    "e1000 on a bridge of 1500": (attached(model="e1000"), (nad(BRIDGE | {"mtu": 1500}),), {}, False),
    "e1000 on a bridge of which the facts say 1500": (
        attached(model="e1000"),
        (nad(BRIDGE),),
        {"links": {"a": {"mtu": 1500}}},
        False,
    ),
    "e1000 on a bridge of an unknown MTU": (attached(model="e1000"), (nad(BRIDGE),), {}, True),
    "e1000 on a bridge with IPAM": (attached(model="e1000"), (nad(BRIDGE | {"mtu": 9000, "ipam": IPAM}),), {}, False),
    "e1000 on a bridge that Multus gave an address": (
        attached(model="e1000"),
        (nad(BRIDGE | {"mtu": 9000}),),
        {"podNetworks": [{"name": "default/nad", "interface": "net1", "ips": ["10.1.1.2"]}]},
        False,
    ),
    "e1000 on a bridge with IPAM for IPv6": (attached(model="e1000"), (nad(BRIDGE | {"ipam": IPV6}),), {}, True),
    "e1000 on a bridge with static IPv6": (
        attached(model="e1000"),
        (nad(BRIDGE | {"ipam": {"type": "static", "addresses": [{"address": "fd00::5/64"}]}}),),
        {},
        True,
    ),
    "e1000 on a bridge with ranges of whereabouts for IPv6": (
        attached(model="e1000"),
        (nad(BRIDGE | {"ipam": {"type": "whereabouts", "ipRanges": [{"range": "fd00::/64"}]}}),),
        {},
        True,
    ),
    "e1000 on a bridge with IPAM for both": (
        attached(model="e1000"),
        (nad(BRIDGE | {"ipam": {"type": "host-local", "ranges": [[{"subnet": "fd00::/64"}], [IPV4_RANGE]]}}),),
        {},
        False,
    ),
    "e1000 on a bridge with DHCP": (attached(model="e1000"), (nad(BRIDGE | {"ipam": {"type": "dhcp"}}),), {}, False),
    "e1000 on an overlay of OVN for IPv6": (
        attached(model="e1000"),
        (nad({"type": "ovn-k8s-cni-overlay", "topology": "layer2", "subnets": "fd00::/64"}),),
        {},
        True,
    ),
    "e1000 on an overlay of OVN for both": (
        attached(model="e1000"),
        (nad({"type": "ovn-k8s-cni-overlay", "topology": "layer2", "subnets": "10.1.0.0/16,fd00::/64"}),),
        {},
        False,
    ),
    "e1000 on a bridge that Multus gave IPv6, without its NAD": (
        attached(model="e1000"),
        (),
        {"podNetworks": [{"name": "default/nad", "interface": "net1", "ips": ["fd00::5"]}]},
        True,
    ),
    "e1000 on a network that nobody knows": (attached(model="e1000"), (), {}, False),
    "virtio on a bridge of 9000": (attached(model="virtio"), (nad(BRIDGE | {"mtu": 9000}),), {}, False),
    "e1000 of a function, which has none": (attached("sriov", model="e1000"), (nad({"type": "sriov"}),), {}, False),
    "e1000 behind masquerade": (vmi([nic(binding="masquerade", model="e1000")], [pod()]), (), {}, False),
    "e1000 behind masquerade on Windows": (
        vmi([nic(binding="masquerade", model="e1000")], [pod()], annotations=WINDOWS),
        (),
        {},
        True,
    ),
    "e1000 on Windows of which the facts say 1500": (
        vmi([nic(binding="masquerade", model="e1000")], [pod()], annotations=WINDOWS),
        (),
        {"podNetworks": [{"interface": "eth0", "mtu": 1500, "default": True}]},
        False,
    ),
    "virtio on Windows": (
        vmi([nic(binding="masquerade", model="virtio")], [pod()], annotations=WINDOWS),
        (),
        {},
        False,
    ),
    "a preference for Windows": (preferring("windows.2k22"), (), {}, True),
    "a preference for Fedora": (preferring("fedora"), (), {}, False),
    "a label of a template for Windows": (labelled({"os.template.kubevirt.io/win2k19": "true"}), (), {}, True),
    "a label that names Windows": (labelled({"kubevirt.io/os": "win10"}), (), {}, True),
    "a label that names a system much like it": (labelled({"kubevirt.io/os": "darwin"}), (), {}, False),
    "a label that says nothing of the system": (labelled({"team": "windows"}), (), {}, False),
    "a label that is no text": (labelled({"kubevirt.io/os": 10}), (), {}, False),
}


@pytest.mark.parametrize(("machine", "nads", "facts", "is_told"), MTUS.values(), ids=MTUS)
def test_of_an_mtu_is_told(machine: Json, nads: tuple[kvnet.Nad, ...], facts: Json, is_told: bool) -> None:
    assert [code for code, _ in told(machine, *nads, facts=kvnet.load_facts(facts))] == ["KN919"] * is_told


@pytest.mark.parametrize(
    ("kind", "namespace", "name", "is_told"),
    [
        ("VirtualMachineClusterPreference", None, "gold", True),
        ("VirtualMachinePreference", "default", "gold", True),
        ("VirtualMachinePreference", "prod", "gold", False),
        ("VirtualMachineClusterPreference", None, "silver", False),
    ],
)
def test_a_preference_says_by_its_label_that_the_guest_is_windows(
    kind: str, namespace: str | None, name: str, is_told: bool
) -> None:
    labels = {"instancetype.kubevirt.io/os-type": "windows"}
    preference = kvnet.Preference(name=name, kind=kind, namespace=namespace, around={"metadata": {"labels": labels}})
    machine = preferring("gold")
    machine["spec"]["preference"]["kind"] = kind
    found = told(machine, preferences=[preference])
    assert [code for code, _ in found] == ["KN919"] * is_told


def test_the_command_for_the_guest_has_its_mtu() -> None:
    target = kvnet.Target(nads=[nad(BRIDGE | {"mtu": 9000})])
    (linux,) = kvnet.check(kvnet.load(attached(model="e1000")), target)
    (windows,) = kvnet.check(kvnet.load(vmi([nic(model="e1000")], [multus()], annotations=WINDOWS)), target)
    assert "ip link set dev eth0 mtu 9000" in linux.hint
    assert "netsh" in windows.hint
    assert "mtu=9000" in windows.hint


def injected(kind: str = "VirtualMachine", **metadata: Any) -> Json:
    machine = vmi([nic()], [pod()], kind=kind)
    machine["spec"]["template"]["metadata"] = metadata
    return machine


SIDECAR: dict[str, tuple[Json, bool]] = {
    "an annotation": (injected(annotations={"sidecar.istio.io/inject": "true"}), True),
    "a label": (injected(labels={"sidecar.istio.io/inject": "true"}), True),
    "an annotation that says no": (injected(annotations={"sidecar.istio.io/inject": "false"}), False),
    "neither": (injected(), False),
    "labels that are no mapping": (injected(labels=["sidecar.istio.io/inject"]), False),
    "a default of Multus": (
        vmi([nic()], [multus(default=True)], annotations={"sidecar.istio.io/inject": "true"}),
        True,
    ),
    "a bridge on the pod network beside another one": (
        vmi(
            [nic("a"), nic("b")],
            [pod("a"), multus("b")],
            annotations={"sidecar.istio.io/inject": "true"},
        ),
        True,
    ),
    "a secondary network": (
        vmi(
            [nic("a", "masquerade"), nic("b")],
            [pod("a"), multus("b")],
            annotations={"sidecar.istio.io/inject": "true"},
        ),
        False,
    ),
}


@pytest.mark.parametrize(("machine", "is_told"), SIDECAR.values(), ids=SIDECAR)
def test_of_istio_is_told(machine: Json, is_told: bool) -> None:
    assert [code for code, _ in told(machine)] == ["KN927"] * is_told


def test_of_istio_and_the_default_nic_the_place_is_the_machine() -> None:
    assert told(vmi(annotations={"sidecar.istio.io/inject": "True"})) == [("KN927", "spec")]
