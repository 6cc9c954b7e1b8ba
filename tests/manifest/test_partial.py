"""A flaw in one field keeps no rule from looking at the others, and nothing that only follows from it is told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from machines import multus, nic, pod, vmi
from test_properties import leaves, replaced

import kvnet
from kvnet.checks import told_of
from kvnet.manifest import load_partly
from kvnet.spec import Nad
from kvnet.testing import machines

NICS = "spec.domain.devices.interfaces"


def judged(data: Any) -> tuple[list[tuple[str, str]], list[tuple[str, str]] | None]:
    """The flaws of a machine, and what is told of the rest, if it is judged."""
    read = load_partly(data)
    flaws = [(each.code, each.field) for each in read.problems]
    if not read.partial:
        return flaws, None
    (partial,) = read.partial
    return flaws, [(each.code, each.field) for each in told_of(partial.machine) if partial.stands(each)]


GIVES_IPV6 = {
    "volumes": [
        {
            "name": "ci",
            "cloudInitNoCloud": {"networkData": "{version: 2, ethernets: {eth0: {addresses: ['fd00::2/64']}}}"},
        }
    ]
}
CASES: dict[str, tuple[Any, tuple[str, str], list[tuple[str, str]]]] = {
    "a number for a MAC address, and a network without an interface": (
        vmi([nic(macAddress=525400)], [multus(), multus("b")]),
        ("KN004", f"{NICS}[0].macAddress"),
        [("KN125", "spec.networks[1].name")],
    ),
    "text for a boot order, and a model of the same NIC": (
        vmi([nic(bootOrder="1", model="e1001")], [multus()]),
        ("KN004", f"{NICS}[0].bootOrder"),
        [("KN129", f"{NICS}[0].model")],
    ),
    "an unknown field of an interface": (
        vmi([nic(macaddress="x"), nic("b", model="x")], [multus(), multus("b")]),
        ("KN003", f"{NICS}[0].macaddress"),
        [("KN129", f"{NICS}[1].model")],
    ),
    "a binding that is no mapping": (
        vmi([nic("a", None, masquerade=True), nic("b", model="x")], [pod(), multus("b")]),
        ("KN004", f"{NICS}[0].masquerade"),
        [("KN129", f"{NICS}[1].model")],
    ),
    "a source that is no mapping": (
        vmi([nic("a", "masquerade"), nic("b", model="x")], [{"name": "a", "pod": True}, multus("b")]),
        ("KN004", "spec.networks[0].pod"),
        [("KN129", f"{NICS}[1].model")],
    ),
    "an unknown source": (
        vmi([nic("a", "masquerade"), nic("b", model="x")], [{"name": "a", "puds": {}}, multus("b")]),
        ("KN003", "spec.networks[0].puds"),
        [("KN129", f"{NICS}[1].model")],
    ),
    "an interface without a name": (
        vmi([{"bridge": {}}, nic("b", model="x")], [multus(), multus("b")]),
        ("KN005", f"{NICS}[0].name"),
        [("KN129", f"{NICS}[1].model")],
    ),
    "a number for the name of a network": (
        vmi([nic(), nic("b", model="x")], [multus() | {"name": 7}, multus("b")]),
        ("KN004", "spec.networks[0].name"),
        [("KN129", f"{NICS}[1].model")],
    ),
    "a port without a number": (
        vmi([nic(binding="masquerade", ports=[{"name": "x"}], model="x")], [pod()]),
        ("KN005", f"{NICS}[0].ports[0].port"),
        [("KN129", f"{NICS}[0].model")],
    ),
    "text for a boot order, and two bindings": (
        vmi([nic(masquerade={}, bootOrder="1")], [multus()]),
        ("KN004", f"{NICS}[0].bootOrder"),
        [("KN111", f"{NICS}[0]"), ("KN112", f"{NICS}[0].name")],
    ),
    "a number for a subnet, and two sources": (
        vmi([nic("a", "masquerade")], [pod(vmNetworkCIDR=24) | multus("a")]),
        ("KN004", "spec.networks[0].pod.vmNetworkCIDR"),
        [("KN105", "spec.networks[0]")],
    ),
    "text for multiqueue": (
        vmi([nic(model="x")], [multus()], devices={"networkInterfaceMultiqueue": "true"}),
        ("KN004", "spec.domain.devices.networkInterfaceMultiqueue"),
        [("KN129", f"{NICS}[0].model")],
    ),
    "text for the cores": (
        vmi([nic(model="x")], [multus()], domain={"cpu": {"cores": "2"}}),
        ("KN004", "spec.domain.cpu.cores"),
        [("KN129", f"{NICS}[0].model")],
    ),
    "a number for the model of an address that suits another one": (
        vmi([nic(model=5, pciAddress="0000:02:01.0")], [multus()]),
        ("KN004", f"{NICS}[0].model"),
        [],
    ),
    "text for the cores of a machine with multiqueue": (
        vmi([nic()], [multus()], domain={"cpu": {"cores": "8"}}, devices={"networkInterfaceMultiqueue": True}),
        ("KN004", "spec.domain.cpu.cores"),
        [],
    ),
    "a number for the IPv6 network of a guest that has no other IPv6": (
        vmi([nic(binding="masquerade")], [pod(vmIPv6NetworkCIDR=64)], spec=GIVES_IPV6),
        ("KN004", "spec.networks[0].pod.vmIPv6NetworkCIDR"),
        [],
    ),
    "text for what opts out of the default NIC": (
        vmi(devices={"autoattachPodInterface": "false"}),
        ("KN004", "spec.domain.devices.autoattachPodInterface"),
        [],
    ),
    "text for what opts out of the default NIC, and multiqueue": (
        vmi(
            devices={"autoattachPodInterface": "false", "networkInterfaceMultiqueue": True},
            domain={"memory": {"guest": "128Mi"}, "cpu": {}},
        ),
        ("KN004", "spec.domain.devices.autoattachPodInterface"),
        [],
    ),
    **{
        f"{value!r} for {name}": (vmi(devices={name: value}), ("KN004", f"spec.domain.devices.{name}"), [])
        for name, value in {
            "autoattachSerialConsole": "false",
            "disableHotplug": 1,
            "rng": True,
            "watchdog": [],
            "gpus": {},
            "hostDevices": "all",
            "inputs": 2,
        }.items()
    },
    **{
        f"{value!r} for {name} of the CPU": (
            vmi(domain={"cpu": {name: value}}),
            ("KN004", f"spec.domain.cpu.{name}"),
            [],
        )
        for name, value in {"isolateEmulatorThread": 1, "numa": "x", "realtime": True, "features": {}}.items()
    },
    "an API version that was never served": (
        vmi([nic(model="x")], [multus()]) | {"apiVersion": "kubevirt.io/v2"},
        ("KN017", "apiVersion"),
        [("KN129", f"{NICS}[0].model")],
    ),
    "a bare spec": (
        {"domain": {"devices": {"interfaces": [nic(tag=5, model="x")]}}, "networks": [multus()]},
        ("KN004", f"{NICS}[0].tag"),
        [("KN129", f"{NICS}[0].model")],
    ),
}


ADVICE: dict[str, tuple[str, dict[str, Any], str]] = {
    "a bridge on macvlan": ("bridge", {"type": "macvlan", "master": "eth1"}, "KN912"),
    "sriov on a bridge": ("sriov", {"type": "bridge", "bridge": "br1"}, "KN913"),
}


@pytest.mark.parametrize(("binding", "plugin", "code"), ADVICE.values(), ids=ADVICE)
def test_nothing_is_advised_on_a_nic_that_may_be_absent(binding: str, plugin: dict[str, Any], code: str) -> None:
    config = json.dumps({"cniVersion": "0.3.1", "name": "n", **plugin})
    target = kvnet.Target(nads=[Nad(name="nad", namespace="default", config=config)])
    for state, codes in (({}, [code]), ({"state": 5}, [])):
        read = load_partly(vmi([nic("a", binding, bootOrder="1", **state)], [multus("a")]))
        (partial,) = read.partial
        told = [each for each in told_of(partial.machine, target) if partial.stands(each)]
        assert [each.code for each in told if each.code in ("KN912", "KN913")] == codes


@pytest.mark.parametrize(("data", "flaw", "others"), CASES.values(), ids=CASES)
def test_the_rest_of_a_flawed_machine_is_judged(data: Any, flaw: tuple[str, str], others: list[Any]) -> None:
    assert judged(data) == ([flaw], others)


@pytest.mark.parametrize(
    "data",
    [
        vmi() | {"spec": 5},
        vmi() | {"spec": {"domain": 5}},
        vmi([5], [multus()]),  # type: ignore[list-item]
        vmi() | {"spec": {"domain": {"devices": {"interfaces": {}}}}},
        vmi() | {"spec": {"domain": {"devices": {}}, "networks": "a"}},
        vmi() | {"kind": "virtualmachine"},
        {"kind": "KubeVirt", "spec": 5},
    ],
    ids=str,
)
def test_nothing_is_judged_where_too_much_is_missing(data: Any) -> None:
    flaws, others = judged(data)
    assert flaws
    assert others is None


@settings(deadline=None)
@given(data=st.data())
def test_no_flaw_makes_anything_be_told_that_would_not_be_told_without_it(data: st.DataObject) -> None:
    sound = json.loads(kvnet.dump(data.draw(machines(max_nics=2)), format="json"))
    told = {(each.code, each.field) for each in kvnet.check(kvnet.load(sound))}
    paths = [path for path, _ in leaves(sound) if path and path[0] == "spec"]
    spoiled = replaced(sound, data.draw(st.sampled_from(paths)), data.draw(st.sampled_from([5.5, [[]], [{"x": 1}]])))
    _, others = judged(spoiled)
    assert set(others or ()) <= told


def test_what_is_left_has_the_places_of_the_text() -> None:
    text = "kind: VirtualMachineInstance\nspec:\n  domain:\n    devices:\n      interfaces:\n      - name: a\n"
    text += "        bootOrder: one\n        model: x\n        bridge: {}\n"
    text += "  networks: [{name: a, multus: {networkName: b}}]\n"
    (partial,) = load_partly(kvnet.manifest.document.given_text(text)).partial
    (problem,) = told_of(partial.machine)
    assert str(problem.place) == "<text>:8:16"
