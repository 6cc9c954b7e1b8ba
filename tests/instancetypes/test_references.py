"""How a machine refers to its instancetype and its preference, and what is told where that leads nowhere."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from instancetypes.given import told
from tables import rows

import kvnet
from kvnet.spec import Instancetype, InstancetypeCpu, InstancetypeMemory, InstancetypeSpec, Machine, Matcher
from kvnet.testing import instancetypes, preferences


def size(vcpus: int, kind: str = "VirtualMachineClusterInstancetype", namespace: str | None = None) -> Instancetype:
    spec = InstancetypeSpec(cpu=InstancetypeCpu(guest=vcpus), memory=InstancetypeMemory(guest="1Gi"))
    return Instancetype(name="it", kind=kind, namespace=namespace, spec=spec)


KNOWN = (
    size(2),
    size(3, "VirtualMachineInstancetype", "ns"),
    size(4, "VirtualMachineInstancetype", "other"),
)


def vm(instancetype: dict[str, Any] | None, preference: dict[str, Any] | None = None) -> Machine:
    spec: dict[str, Any] = {
        "instancetype": instancetype,
        "preference": preference,
        "template": {"spec": {"domain": {"devices": {}}}},
    }
    return kvnet.load({"kind": "VirtualMachine", "metadata": {"name": "vm", "namespace": "ns"}, "spec": spec})


def sockets(machine: Machine, target: kvnet.Target) -> int | None:
    cpu = kvnet.expand(machine, target).machine.spec.domain.cpu
    return None if cpu is None else cpu.sockets


@pytest.mark.parametrize(
    ("kind", "vcpus"),
    rows(
        {
            "no kind is cluster-wide": (None, 2),
            "an empty kind is cluster-wide": ("", 2),
            "the cluster-wide kind": ("VirtualMachineClusterInstancetype", 2),
            "its plural in lower case": ("virtualmachineclusterinstancetypes", 2),
            "the kind of the machine's namespace": ("VirtualMachineInstancetype", 3),
            "its plural in any letter case": ("VIRTUALMACHINEinstancetypes", 3),
        }
    ),
)
def test_the_kind_says_where_the_instancetype_is(kind: str | None, vcpus: int) -> None:
    assert sockets(vm({"name": "it", "kind": kind}), kvnet.Target(instancetypes=KNOWN)) == vcpus


def test_of_several_the_last_one_counts() -> None:
    assert sockets(vm({"name": "it"}), kvnet.Target(instancetypes=(size(8), *KNOWN, size(9)))) == 9


@pytest.mark.parametrize(
    ("matcher", "problem"),
    rows(
        {
            "no such object": ({"name": "lost"}, ("KN210", "spec.instancetype", None)),
            "a volume": ({"inferFromVolume": "disk"}, ("KN210", "spec.instancetype", None)),
            "nothing": ({}, ("KN213", "spec.instancetype", "FieldValueNotFound")),
            "both": (
                {"name": "it", "inferFromVolume": "disk"},
                ("KN213", "spec.instancetype.name", "FieldValueInvalid"),
            ),
            "an unknown kind": ({"name": "it", "kind": "Size"}, ("KN213", "spec.instancetype.kind", None)),
        }
    ),
)
def test_a_reference_that_leads_nowhere_is_told_at_it(
    matcher: dict[str, Any], problem: tuple[str, str, str | None]
) -> None:
    assert told((vm(matcher), kvnet.Target(instancetypes=KNOWN))) == [problem]


NEAR = "VirtualMachineInstancetype"
CLUSTER = "VirtualMachineClusterInstancetype"


@pytest.mark.parametrize(
    ("matcher", "objects", "message", "hint"),
    rows(
        {
            "the kind is left out": (
                {"name": "it"},
                [size(2, NEAR, "ns")],
                f"{CLUSTER} 'it',",
                f"write `kind: {NEAR}`",
            ),
            "the kind is another": (
                {"name": "it", "kind": NEAR},
                [size(2)],
                f"{NEAR} 'it' in namespace 'ns',",
                f"write `kind: {CLUSTER}`",
            ),
            "the namespace is another": (
                {"name": "it", "kind": NEAR},
                [size(2, NEAR, "other")],
                f"{NEAR} 'it' in namespace 'ns',",
                "the one in namespace 'other' does not count",
            ),
            "the name is mistyped": (
                {"name": "samll"},
                [evolve(size(2), name="small")],
                "'samll',",
                "did you mean 'small'",
            ),
            "the name is another": ({"name": "u1.medium"}, [evolve(size(2), name="u1.large")], "", "add its document;"),
            "nothing is like it": ({"name": "it", "kind": NEAR}, [], "", "add its document"),
        }
    ),
)
def test_a_reference_that_leads_nowhere_is_told_with_what_may_be_meant(
    matcher: dict[str, Any], objects: list[Instancetype], message: str, hint: str
) -> None:
    [problem] = kvnet.expand(vm(matcher), kvnet.Target(instancetypes=tuple(objects))).problems
    assert problem.code == "KN210"
    assert message in problem.message
    assert problem.hint.startswith(hint)


def test_a_revision_is_not_read_and_the_object_that_is_there_now_is_applied() -> None:
    machine, target = vm({"name": "it", "revisionName": "r1"}), kvnet.Target(instancetypes=KNOWN)
    assert told((machine, target)) == [("KN210", "spec.instancetype.revisionName", None)]
    assert sockets(machine, target) == 2
    assert told((vm({"name": "it", "revisionName": ""}), target)) == []
    assert told((machine, kvnet.Target())) == [("KN210", "spec.instancetype", None)]


@pytest.mark.parametrize(
    ("matcher", "hint"),
    [
        (
            {"name": "it", "revisionName": "r1"},
            "leave revisionName out, or see that the ControllerRevision has the same",
        ),
        ({"inferFromVolume": "disk"}, "name it to have it applied"),
    ],
)
def test_a_reference_that_is_not_followed_is_told_with_what_to_write(matcher: dict[str, Any], hint: str) -> None:
    [problem] = kvnet.expand(vm(matcher), kvnet.Target(instancetypes=KNOWN)).problems
    assert (problem.severity, problem.hint.startswith(hint)) == (kvnet.Severity.WARNING, True)


def test_a_missing_object_is_a_warning_and_the_template_is_rendered_as_it_stands() -> None:
    rendered = kvnet.render(vm({"name": "lost"}, {"name": "lost"}))
    assert [note.code for note in rendered.notes].count("KN210") == 2
    assert "<vcpu placement='static' current='1'>" in rendered.domain()


def test_what_is_known_is_applied_where_the_other_is_not() -> None:
    manifest = kvnet.loads_all(
        "kind: VirtualMachineClusterPreference\nmetadata: {name: p}\nspec: {devices: {preferredInterfaceModel: e1000}}"
    )
    [nic] = kvnet.expand(vm({"name": "lost"}, {"name": "p"}), manifest.target()).machine.interfaces
    assert nic.model == "e1000"


@pytest.mark.parametrize("kind", ["VirtualMachine", "VirtualMachinePool"])
def test_a_reference_is_kept_with_everything_in_it(kind: str) -> None:
    matcher = {"name": "it", "kind": "virtualmachineinstancetype", "revisionName": "r1"}
    inner: dict[str, Any] = {"instancetype": matcher, "preference": {"inferFromVolume": "d"}, "running": True}
    inner["template"] = {"spec": {"domain": {"devices": {}}}}
    spec = inner if kind == "VirtualMachine" else {"virtualMachineTemplate": {"spec": inner}}
    api = "kubevirt.io/v1" if kind == "VirtualMachine" else "pool.kubevirt.io/v1beta1"
    data = {"apiVersion": api, "kind": kind, "metadata": {"name": "vm"}, "spec": spec}
    machine = kvnet.load(data)
    assert machine.instancetype == Matcher(name="it", kind=matcher["kind"], revision_name="r1")
    assert kvnet.manifest.plain(machine) == data


def test_the_machines_of_a_pool_have_the_instancetype_of_the_pool() -> None:
    inner = {"instancetype": {"name": "it"}, "template": {"spec": {"domain": {"cpu": {"cores": 2}, "devices": {}}}}}
    data = {
        "kind": "VirtualMachinePool",
        "metadata": {"name": "p"},
        "spec": {"virtualMachineTemplate": {"spec": inner}},
    }
    at = "spec.virtualMachineTemplate.spec.template.spec.domain.cpu.cores"
    assert told((kvnet.load(data), kvnet.Target(instancetypes=KNOWN))) == [("KN211", at, "FieldValueInvalid")]


@given(instancetypes(), preferences())
def test_what_is_dumped_is_loaded_again(instancetype: Instancetype, preference: kvnet.Preference) -> None:
    manifest = kvnet.Manifest(objects=(instancetype, preference))
    assert kvnet.loads_all(kvnet.dump(manifest)) == manifest
    assert kvnet.loads_all(kvnet.dump(manifest, "json")).instancetypes == (instancetype,)


def test_fields_that_kvnet_does_not_know_are_kept() -> None:
    text = "kind: VirtualMachinePreference\nmetadata: {name: p, labels: {a: b}}\nspec: {clock: {preferredTimer: {}}}"
    manifest = kvnet.loads_all(text)
    assert "preferredTimer: {}" in kvnet.dump(manifest)
    assert "labels" in kvnet.dump(manifest)


@pytest.mark.parametrize(
    ("text", "code", "field"),
    [
        ("{kind: VirtualMachineInstancetype, metadata: {name: a}}", "KN005", "spec"),
        ("{kind: VirtualMachineInstancetype, metadata: {name: a}, spec: {cpu: {guest: 2}}}", "KN005", "spec.memory"),
        (
            "{kind: VirtualMachinePreference, metadata: {name: a}, spec: {requirements: {cpu: {guest: 2147483648}}}}",
            "KN006",
            "spec.requirements.cpu.guest",
        ),
        ("{kind: VirtualMachineInstancetype, spec: {cpu: {guest: 2}, memory: {guest: 1Gi}}}", "KN005", "metadata.name"),
        ("{kind: VirtualMachineClusterPreference, metadata: {name: a}, spec: {cpu: 2}}", "KN004", "spec.cpu"),
        ("{kind: virtualmachineinstancetype, metadata: {name: a}}", "KN012", "kind"),
    ],
)
def test_an_object_that_cannot_be_read_is_told_at_its_field(text: str, code: str, field: str) -> None:
    with pytest.raises(kvnet.Rejected) as raised:
        kvnet.loads_all(text)
    assert [(each.code, each.field) for each in raised.value.problems] == [(code, field)]
