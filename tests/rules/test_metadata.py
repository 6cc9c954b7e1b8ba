"""An annotation that KubeVirt does not read is told, and one that it reads is not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from machines import multus, nic, vmi

import kvnet
from kvnet.rules.machine import KNOWN

ROOT = "kubevirt.io/placePCIDevicesOnRootComplex"
BRIDGE = "kubevirt.io/allow-pod-bridge-network-live-migration"
SLOTS = "kubevirt.io/pci-interface-slot-count"
ISTIO = "sidecar.istio.io/inject"
TEMPLATE = {
    "VirtualMachine": "spec.template.metadata.annotations",
    "VirtualMachineInstance": "metadata.annotations",
    "VirtualMachineInstanceReplicaSet": "spec.template.metadata.annotations",
    "VirtualMachinePool": "spec.virtualMachineTemplate.spec.template.metadata.annotations",
}


def found(data: dict[str, Any], target: kvnet.Target | None = None) -> list[tuple[str, str, str]]:
    return [(each.code, each.field, each.hint) for each in kvnet.check(kvnet.load(data), target)]


def machine(annotations: dict[str, str], kind: str = "VirtualMachineInstance", *path: str) -> dict[str, Any]:
    """A machine with annotations in the metadata at a path, else in those of its template."""
    made = vmi([nic()], [multus()], kind=kind)
    holder = made
    for step in path or TEMPLATE[kind].split(".")[:-2]:
        holder = holder[step]
    holder.setdefault("metadata", {})["annotations"] = annotations
    return made


MISSPELT = {
    "KubeVirt.io/placePCIDevicesOnRootComplex": ROOT,
    "kubevirt.io/placePciDevicesOnRootComplex": ROOT,
    "kubevirt.io/placePCIDeviceOnRootComplex": ROOT,
    "kubevirt.io/allow-pod-bridge-network-live-migraton": BRIDGE,
    "kubevirt.io/pci-interface-slots-count": SLOTS,
    "sidecar.istio.io/Inject": ISTIO,
}


@pytest.mark.parametrize("kind", TEMPLATE)
@pytest.mark.parametrize(("key", "meant"), MISSPELT.items(), ids=MISSPELT)
def test_an_annotation_that_is_misspelt_is_told_with_the_one_that_is_meant(kind: str, key: str, meant: str) -> None:
    assert found(machine({key: "true"}, kind)) == [("KN931", f"{TEMPLATE[kind]}.{key}", f"did you mean '{meant}'?")]


@pytest.mark.parametrize("key", [*KNOWN, "kubevirt.io/placePciDevicesOnRootComplex"])
@pytest.mark.parametrize("kind", [kind for kind in TEMPLATE if kind != "VirtualMachineInstance"])
def test_an_annotation_of_the_object_itself_belongs_to_its_template(kind: str, key: str) -> None:
    told = found(vmi([nic()], [multus()], kind=kind, annotations={key: "true"}))
    assert told == [("KN931", f"metadata.annotations.{key}", f"move it to {TEMPLATE[kind]}")]


def test_an_annotation_of_the_machines_of_a_pool_belongs_to_their_template() -> None:
    made = machine({ROOT: "true"}, "VirtualMachinePool", "spec", "virtualMachineTemplate")
    at = "spec.virtualMachineTemplate.metadata.annotations"
    assert found(made) == [("KN931", f"{at}.{ROOT}", f"move it to {TEMPLATE['VirtualMachinePool']}")]


@pytest.mark.parametrize("value", ["True", "yes", "1", ""])
def test_bus_0_is_asked_for_with_one_word_alone(value: str) -> None:
    assert found(machine({ROOT: value})) == [("KN931", f"metadata.annotations.{ROOT}", 'write "true"')]


def test_s390x_has_no_bus_0_to_place_devices_on() -> None:
    target = kvnet.Target(architecture="s390x")
    assert found(machine({ROOT: "true"}), target) == [("KN931", f"metadata.annotations.{ROOT}", "leave it out")]


SILENT = [
    *({key: "true"} for key in KNOWN),
    {ROOT: "false"},
    {BRIDGE: ""},
    {ISTIO: "False"},
    {"kubevirt.io/vm-generation": "1", "vm.kubevirt.io/os": "linux", "example.com/placePCIDevicesOnRootComplex": "1"},
    {"sidecar.istio.io/proxyCPU": "1", "kubevirt.io/latest-observed-api-version": "v1"},
]


@pytest.mark.parametrize("kind", TEMPLATE)
@pytest.mark.parametrize("annotations", SILENT, ids=lambda each: next(iter(each)))
def test_an_annotation_that_has_its_effect_or_is_anothers_is_not_told(kind: str, annotations: dict[str, str]) -> None:
    assert found(machine(annotations, kind)) == []


def test_odd_metadata_of_a_machine_made_in_python_are_passed_over() -> None:
    made = machine({}, "VirtualMachine")
    odd: list[dict[str, Any]] = [{"labels": {}}, {"annotations": None}, {"annotations": {"x": "y"}}]
    for metadata in odd:
        assert found(made | {"metadata": {"name": "vm"} | metadata}) == []


def test_every_annotation_of_a_machine_that_kvnet_reads_is_known() -> None:
    constant = re.compile(r'^_[A-Z_]+ = "((?:[a-z.]+)?(?:kubevirt|istio)\.io/[^"]+)"$', re.MULTILINE)
    paths = Path(kvnet.__file__).parent.rglob("*.py")
    read = {key for path in paths for key in constant.findall(path.read_text(encoding="utf-8"))}
    assert read - {"kubevirt.io/network-info", "kubevirt.io/vm-generation"} <= set(KNOWN)
    assert len(read) >= 4
