"""Documents that are not KubeVirt's are skipped and counted; those that are meant to be KubeVirt's are not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import kvnet
from kvnet import Rejected, loads_all
from kvnet.manifest import manifest_files

VMI = "apiVersion: kubevirt.io/v1\nkind: VirtualMachineInstance\nmetadata: {name: a}\nspec: {domain: {devices: {}}}\n"
SKIPPED = {
    "another kind": ("apiVersion: apps/v1\nkind: Deployment\nspec: {replicas: 2}\n", "Deployment"),
    "another kind of KubeVirt's": ("apiVersion: kubevirt.io/v1\nkind: VirtualMachineInstanceMigration\n", None),
    "a kind of the same name": (
        "apiVersion: vmoperator.vmware.com/v1alpha2\nkind: VirtualMachine\nspec: {network: {interfaces: [{}]}}\n",
        "VirtualMachine of vmoperator.vmware.com/v1alpha2",
    ),
    "another letter case in another group": ("apiVersion: x.example/v1\nkind: virtualmachine\n", "virtualmachine"),
    "values of a chart": ("replicaCount: 2\ndomain: example.com\nnetworks: [a, b]\n", None),
    "values with mappings": ("domain: {name: example.com}\nnetworks: {default: {driver: bridge}}\n", None),
    "values with a domain": ("domain: {suffix: example.com, port: 80}\nreplicas: 2\n", None),
    "a workflow": ("on: [push]\njobs: {a: {runs-on: x, steps: [{run: 'echo ${{ x }}'}]}}\n", None),
    "host facts": ("architecture: amd64\npciAddresses: {red: '0000:05:00.1'}\n", "host facts"),
    "facts and more": ("architecture: amd64\nname: red\n", "documents without a kind"),
    "nothing": ("{}\n", "documents without a kind"),
    "a Kustomization": ("resources: [vm.yaml]\n", None),
    "a playbook": ("- hosts: all\n  tasks: []\n", None),
    "a patch": ('[{"op": "add", "path": "/a", "value": 1}]', None),
    "text": ("text\n", None),
    "an empty kind": ("kind:\nspec: {}\n", None),
    "tags of its own": ("Resources: {a: !Ref b}\nkind: Stack\n", "Stack"),
    "a key twice": ("a: 1\na: 2\n", None),
    "a value that JSON cannot carry": ("a: .inf\n", None),
    "aliases that grow": (
        "a: &a [1,1]\nb: &b [*a,*a]\nkind: Bomb\n" + "".join(f"c{n}: *b\n" for n in range(9)),
        "Bomb",
    ),
}


@pytest.mark.parametrize(("text", "kind"), SKIPPED.values(), ids=SKIPPED)
def test_what_is_not_kubevirts_is_skipped_and_counted(text: str, kind: str | None) -> None:
    manifest = loads_all(f"{text}\n---\n{VMI}" if not text.startswith("[{") else text)
    assert len(manifest.skipped) == 1
    assert kind is None or manifest.skipped == (kind,)
    assert text.startswith("[{") or [each.name for each in manifest.machines] == ["a"]


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner))
)
def test_a_document_without_kind_and_specs_is_never_a_finding(data: Any) -> None:
    text = yaml.safe_dump(data, allow_unicode=False)
    assert [each.name for each in loads_all(f"{text}\n---\n{VMI}").machines] == ["a"]


MISSPELT = {
    ("kubevirt.io/v1", "VirtualMachin"): "VirtualMachine",
    ("kubevirt.io/v1alpha3", "VirtualMahcine"): "VirtualMachine",
    (None, "VirtualMachineInstanc"): "VirtualMachineInstance",
    ("instancetype.kubevirt.io/v1beta1", "VirtualMachinInstancetype"): "VirtualMachineInstancetype",
    ("instancetype.kubevirt.io/v1beta1", "VirtualMachineClusterInstanceTypes"): "VirtualMachineClusterInstancetype",
    ("pool.kubevirt.io/v1beta1", "VirtualMachinePools"): "VirtualMachinePool",
    ("k8s.cni.cncf.io/v1", "NetworkAttachementDefinition"): "NetworkAttachmentDefinition",
    (None, "Kubvirt"): "KubeVirt",
}


@pytest.mark.parametrize(("given", "meant"), MISSPELT.items(), ids=lambda each: each[1])
def test_a_kind_that_is_nearly_one_of_kubevirts_is_told_with_it(given: tuple[str | None, str], meant: str) -> None:
    api, kind = given
    with pytest.raises(Rejected) as caught:
        kvnet.load_all({"apiVersion": api, "kind": kind})
    assert [(each.code, each.hint) for each in caught.value.problems] == [("KN012", f"did you mean '{meant}'?")]


OTHER_KINDS = [
    ("kubevirt.io/v1", "VirtualMachineInstanceMigration"),
    ("kubevirt.io/v1", "VirtualMachineInstancePreset"),
    ("snapshot.kubevirt.io/v1beta1", "VirtualMachineSnapshotContent"),
    ("snapshot.kubevirt.io/v1beta1", "VirtualMachineRestore"),
    ("clone.kubevirt.io/v1beta1", "VirtualMachineClone"),
    ("export.kubevirt.io/v1beta1", "VirtualMachineExport"),
    ("migrations.kubevirt.io/v1alpha1", "MigrationPolicy"),
    ("cdi.kubevirt.io/v1beta1", "DataVolume"),
    ("hco.kubevirt.io/v1beta1", "HyperConverged"),
    ("instancetype.kubevirt.io/v1beta1", "VirtualMachineInstancetypeList"),
    ("x.example/v1", "VirtualMachin"),
    (None, "Service"),
]


@pytest.mark.parametrize(("api", "kind"), OTHER_KINDS, ids=str)
def test_a_kind_that_kubevirt_or_another_has_is_skipped(api: str | None, kind: str) -> None:
    assert kvnet.load_all({"apiVersion": api, "kind": kind}).skipped == (kind,)


READ = {
    **dict.fromkeys(("kubevirt.io/v1", "kubevirt.io/v1alpha3", "kubevirt.io/v1alpha2", "''"), None),
    "kubevirt.io/v2": "kubevirt.io/v1",
    "kubevirt.io/v1beta1": "kubevirt.io/v1",
    "kubevirt.io/V1": "kubevirt.io/v1",
    "KubeVirt.io/v1": "kubevirt.io/v1",
    "kubevirt.io": "kubevirt.io/v1",
    "kubevrit.io/v1": "kubevirt.io/v1",
    "pool.kubevirt.io/v1beta1": "kubevirt.io/v1",
}


@pytest.mark.parametrize(("api", "meant"), READ.items(), ids=READ)
def test_an_api_version_that_kubevirt_never_served_is_told_at_its_place(api: str, meant: str | None) -> None:
    text = VMI.replace("kubevirt.io/v1", api, 1)
    if meant is None:
        assert len(loads_all(text).machines) == 1
        return
    with pytest.raises(Rejected) as caught:
        loads_all(text)
    [problem] = caught.value.problems
    assert (problem.code, problem.hint, str(problem.place)) == ("KN017", f"did you mean '{meant}'?", "<text>:1:13")


NEAR = {
    ("VirtualMachin", "kubevirt.io/v1"): "VirtualMachine",
    ("virtualMachines", "kubevirt.io/v1"): "VirtualMachine",
    ("VirtualMachineInstace", "kubevirt.io/v1"): "VirtualMachineInstance",
    ("NetworkAttachmentDefinitions", "k8s.cni.cncf.io/v1"): "NetworkAttachmentDefinition",
    ("VirtualMachineInstancePreset", "kubevirt.io/v1"): None,
    ("VirtualMachineInstanceMigration", "kubevirt.io/v1"): None,
    ("VirtualMachineClusterFlavor", "instancetype.kubevirt.io/v1beta1"): None,
    ("VirtualMachines", "vmoperator.vmware.com/v1"): None,
}


@pytest.mark.parametrize(("kind", "api", "meant"), [(*said, meant) for said, meant in NEAR.items()])
def test_a_kind_that_is_misspelt_is_told_and_not_skipped(kind: str, api: str, meant: str | None) -> None:
    data = {"apiVersion": api, "kind": kind}
    if meant is None:
        assert kvnet.load_all(data).skipped == (kind,)
        return
    with pytest.raises(Rejected, match=f"KN012.*did you mean '{meant}'"):
        kvnet.load_all(data)


def test_a_byte_order_mark_may_begin_every_document() -> None:
    assert len(loads_all(f"\ufeff{VMI}\n---\n\ufeff{VMI}\n").machines) == 2


def test_flaws_of_a_machine_of_another_group_are_no_matter() -> None:
    text = "apiVersion: vmoperator.vmware.com/v1\nkind: VirtualMachine\nmetadata: {name: a, name: b}\n"
    assert loads_all(text).skipped == ("VirtualMachine of vmoperator.vmware.com/v1",)


@pytest.mark.parametrize(
    ("kind", "api"),
    [
        ("VirtualMachinePool", "pool.kubevirt.io/v1alpha1"),
        ("VirtualMachinePool", "pool.kubevirt.io/v1beta1"),
        ("VirtualMachineInstancetype", "instancetype.kubevirt.io/v1alpha1"),
        ("VirtualMachineClusterPreference", "instancetype.kubevirt.io/v1beta1"),
    ],
)
def test_every_kind_has_api_versions_of_its_own(kind: str, api: str) -> None:
    data: dict[str, Any] = {"apiVersion": api, "kind": kind, "metadata": {"name": "a"}, "spec": {}}
    if kind == "VirtualMachinePool":
        data["spec"] = {"virtualMachineTemplate": {"spec": {"template": {"spec": {"domain": {"devices": {}}}}}}}
    if kind == "VirtualMachineInstancetype":
        data["spec"] = {"cpu": {"guest": 1}, "memory": {"guest": "1Gi"}}
    assert len(kvnet.load_all(data).objects) == 1
    with pytest.raises(Rejected, match=r"KN017\b"):
        kvnet.load_all(data | {"apiVersion": "kubevirt.io/v1"})


VM = "{apiVersion: kubevirt.io/v1, kind: VirtualMachine, metadata: {name: '${NAME}'}, spec: {template: {spec: %s}}}"
SPEC = """{domain: {cpu: {cores: '${{CORES}}'}, devices: {interfaces: [
  {name: lan, bridge: {}, macAddress: '${MAC}', model: '${MODEL}'}]}},
  networks: [{name: lan, multus: {networkName: '${NETWORK}'}}]}"""
TEMPLATE = f"""\
apiVersion: template.openshift.io/v1
kind: Template
objects:
- {{kind: Secret}}
- {VM % SPEC}
parameters:
- {{name: NAME, required: true}}
- {{name: CORES, value: '4'}}
- {{name: MAC, generate: expression, from: x}}
- {{name: MODEL, value: e1000}}
"""


def test_the_objects_of_an_openshift_template_are_read_with_the_values_of_its_parameters() -> None:
    manifest = loads_all(TEMPLATE)
    (machine,) = manifest.machines
    (nic,) = machine.interfaces
    assert manifest.skipped == ("Secret",)
    assert (machine.name, machine.spec.domain.cpu and machine.spec.domain.cpu.cores) == ("${NAME}", 4)
    assert (nic.model, nic.mac_address) == ("e1000", None)


def test_a_problem_in_an_openshift_template_has_its_place() -> None:
    with pytest.raises(Rejected) as caught:
        loads_all(TEMPLATE.replace("bridge: {}", "bridge: 5"))
    [problem] = caught.value.problems
    assert problem.field == "spec.template.spec.domain.devices.interfaces[0].bridge"
    assert str(problem.place) == "<text>:6:23"


MACHINE_TEMPLATE: dict[str, Any] = {
    "apiVersion": "infrastructure.cluster.x-k8s.io/v1alpha1",
    "kind": "KubevirtMachineTemplate",
    "metadata": {"name": "workers", "namespace": "capi"},
    "spec": {
        "template": {
            "spec": {
                "virtualMachineTemplate": {
                    "metadata": {"labels": {"a": "b"}},
                    "spec": {"template": {"spec": {"domain": {"devices": {}}}}},
                }
            }
        }
    },
}


def test_the_machine_of_a_template_of_cluster_api_is_read() -> None:
    (machine,) = kvnet.load_all(MACHINE_TEMPLATE).machines
    assert (machine.kind, machine.namespace, machine.name) == ("VirtualMachine", "capi", "workers")
    text = json.dumps(MACHINE_TEMPLATE, indent=1).replace('"devices": {}', '"devices": 5')
    with pytest.raises(Rejected) as caught:
        loads_all(text)
    [problem] = caught.value.problems
    assert problem.place is not None
    assert '"devices": 5' in text.splitlines()[problem.place.line - 1]


@pytest.mark.parametrize(
    "data",
    [
        {"apiVersion": "v1", "kind": "Template", "objects": 5},
        {"apiVersion": "x.example/v1", "kind": "Template", "objects": [{"kind": "VirtualMachine"}]},
        MACHINE_TEMPLATE | {"spec": {"template": 5}},
        MACHINE_TEMPLATE | {"apiVersion": "x.example/v1"},
        MACHINE_TEMPLATE | {"apiVersion": 5},
    ],
    ids=str,
)
def test_what_only_looks_like_such_an_object_is_skipped_or_holds_nothing(data: Any) -> None:
    assert kvnet.load_all(data).objects == ()


def test_the_files_of_a_folder_are_found_in_its_sub_folders_too(tmp_path: Path) -> None:
    for name in ("b/c.yaml", "a.yml", "b/a.json", ".git/x.yaml", "b/.hidden/y.yaml", "b/notes.txt", "z.yaml/q.yaml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    (tmp_path / "b" / "loop").symlink_to(tmp_path, target_is_directory=True)
    assert manifest_files(str(tmp_path)) == ["a.yml", "b/a.json", "b/c.yaml", "z.yaml/q.yaml"]
