"""The target: one value for everything besides the machine, and one rule for the architecture."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

import kvnet
from kvnet.facts import HostFacts
from kvnet.hotplug import DomainState, plan_changes, plan_domain, plan_next_start, plan_virtual_functions
from kvnet.spec import (
    Instancetype,
    InstancetypeCpu,
    InstancetypeMemory,
    InstancetypeSpec,
    Interface,
    Machine,
    Masquerade,
    Nad,
    Network,
    Pod,
    Preference,
)
from kvnet.spec.cluster import ClusterConfig
from kvnet.target import VIRT_TYPES, Profile, Target, architecture_of

MACHINE = Machine(name="vm").with_nics(
    (Interface(name="default", bindings=(Masquerade(),), mac_address="52:54:00:00:00:01"),),
    (Network(name="default", sources=(Pod(),)),),
)
ARM = evolve(MACHINE, spec=evolve(MACHINE.spec, architecture="arm64"))

GO_ARCHITECTURES = {
    *("386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le", "mipsle"),
    *("ppc64", "ppc64le", "riscv64", "s390x"),
}
"""Go's names of the architectures of Linux."""

ARCHITECTURES = {
    "nobody says it": (MACHINE, Target(), "amd64"),
    "the machine says it": (ARM, Target(), "arm64"),
    "the facts say it": (MACHINE, Target(facts=HostFacts(architecture="arm64")), "arm64"),
    "the target says it": (MACHINE, Target(architecture="s390x"), "s390x"),
    "all say the same": (ARM, Target(architecture="arm64", facts=HostFacts(architecture="arm64")), "arm64"),
}


@pytest.mark.parametrize(("machine", "target", "architecture"), ARCHITECTURES.values(), ids=ARCHITECTURES)
def test_whoever_names_the_architecture_decides_for_devices_and_domain(
    machine: Machine, target: Target, architecture: str
) -> None:
    arch = {"amd64": "x86_64", "arm64": "aarch64", "s390x": "s390x"}[architecture]
    model = "virtio" if architecture == "s390x" else "virtio-non-transitional"
    assert architecture_of(machine, target) == architecture
    assert [problem for problem in kvnet.check(machine, target) if problem.is_error] == []
    (device,) = kvnet.compile(machine, target).devices
    assert isinstance(device, kvnet.Interface)
    assert device.model == model
    assert f"arch='{arch}'" in kvnet.build(machine, target)
    assert f"arch='{arch}'" in kvnet.render(machine, target).domain()


@pytest.mark.parametrize("target", [Target(architecture="amd64"), Target(facts=HostFacts(architecture="amd64"))])
def test_a_machine_for_another_architecture_than_its_host_is_an_error_at_its_field(target: Target) -> None:
    told = ["KN306 spec.architecture"]
    for problems in (kvnet.check(ARM, target), kvnet.compile(ARM, target).problems, kvnet.render(ARM, target).problems):
        assert [f"{each.code} {each.at}" for each in problems if each.is_error] == told
    for refused in (lambda: kvnet.build(ARM, target), lambda: kvnet.compile(ARM, target).devices):
        with pytest.raises(kvnet.Rejected, match=r"KN306\b"):
            refused()


def test_a_target_that_contradicts_its_facts_is_refused() -> None:
    with pytest.raises(kvnet.Rejected) as caught:
        Target(
            architecture="arm64",
            libvirt_release="11.0.0",
            facts=HostFacts(architecture="amd64", libvirt_version="9.0.0"),
        )
    assert [str(problem.at) for problem in caught.value.problems] == ["architecture", "libvirtVersion"]


FIELDS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "a number for the facts": ({"facts": 5}, TypeError, "facts=….*HostFacts, not int: .*load_facts"),
    "no facts": ({"facts": None}, TypeError, "facts=….*not NoneType: .*leave them out"),
    "a mapping for the cluster": ({"cluster": {}}, TypeError, "cluster=….*ClusterConfig, not dict: .*load_cluster"),
    "a text among the NADs": ({"nads": ["x"]}, TypeError, r"nads=….*Nad, not str: take manifest\.nads"),
    "a text for the NADs": ({"nads": ""}, TypeError, "nads=….*not str"),
    "a mapping for the NADs": ({"nads": {}}, TypeError, "nads=….*not dict"),
    "one NAD": ({"nads": Nad(name="n")}, TypeError, "nads=….*not Nad"),
    "a number for the NADs": ({"nads": 5}, TypeError, "nads=….*not int"),
    "a machine among the NADs": ({"nads": kvnet.Manifest(objects=(MACHINE,))}, TypeError, "nads=….*not Machine"),
    "a number for the type": ({"virt_type": 5}, TypeError, "virt_type=….*not int: write one of kvm, qemu"),
    "another hypervisor": ({"virt_type": "vbox"}, ValueError, "'vbox' is no type of domains: use one of kvm, qemu"),
    "a number for the architecture": ({"architecture": 5}, TypeError, "architecture=….*not int: write one of amd64"),
    "a list for a fact": ({"facts": HostFacts(architecture=[])}, TypeError, "architecture=…"),  # type: ignore[arg-type]
    "a number for the release": (
        {"libvirt_release": 9},
        TypeError,
        "libvirt_release=….*not int: write it like '9.0.0'",
    ),
    "another profile": ({"profile": "pod"}, ValueError, "the profile is 'kubevirt' or 'host', not 'pod'"),
    "a number for the profile": ({"profile": 5}, TypeError, "the profile is 'kubevirt' or 'host', not 5"),
    "no architecture": ({"architecture": "zebra"}, kvnet.Rejected, "KN604 'zebra'.*amd64, arm64, s390x.*architecture"),
    "a kernel's name": ({"facts": HostFacts(architecture="x86_64")}, kvnet.Rejected, "KN604 'x86_64'"),
    "no release": ({"libvirt_release": "x"}, kvnet.Rejected, "KN025 'x'.*write it like 9.0.0"),
    "no release in the facts": ({"facts": HostFacts(libvirt_version="el9")}, kvnet.Rejected, "KN025"),
}


@pytest.mark.parametrize(("fields", "error", "says"), FIELDS.values(), ids=FIELDS)
def test_a_field_of_a_target_that_is_wrong_is_refused_with_what_to_write(
    fields: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        Target(**fields)


@pytest.mark.parametrize("virt_type", VIRT_TYPES)
def test_a_target_has_the_types_of_domains_that_libvirt_boots(virt_type: str) -> None:
    assert f"<domain type='{virt_type}'>" in kvnet.build(MACHINE, Target(virt_type=virt_type))


@pytest.mark.parametrize("given", [{"facts": {}}, {"cluster": {}}, {"facts": 0}])
def test_a_manifest_makes_no_target_of_what_is_neither_facts_nor_a_cluster(given: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"kvnet\.load_"):
        kvnet.Manifest().target(**given)


def test_the_target_of_a_manifest_has_the_architecture_and_the_release_that_are_given() -> None:
    target = kvnet.Manifest().target(architecture="arm64", libvirt_release="9.0.0")
    assert target == Target(architecture="arm64", libvirt_release="9.0.0")


@pytest.mark.parametrize("architecture", sorted(GO_ARCHITECTURES))
def test_a_target_has_the_architectures_of_linux_that_go_names(architecture: str) -> None:
    assert Target(architecture=architecture).architecture == architecture


def test_a_stream_of_documents_is_a_target() -> None:
    cluster = {
        "apiVersion": "kubevirt.io/v1",
        "kind": "KubeVirt",
        "spec": {"configuration": {"network": {"permitBridgeInterfaceOnPodNetwork": False}}},
    }
    nad = {
        "apiVersion": "k8s.cni.cncf.io/v1",
        "kind": "NetworkAttachmentDefinition",
        "metadata": {"name": "lan"},
        "spec": {"config": '{"cniVersion": "1.0.0", "type": "bridge", "bridge": "br0"}'},
    }
    facts = HostFacts(libvirt_networks=("default",))
    target = kvnet.load_all([nad, cluster, kvnet.manifest.plain(MACHINE)]).target(profile="host", facts=facts)
    assert target.profile is Profile.HOST
    assert [each.name for each in target.nads] == ["lan"]
    assert target.cluster.permit_bridge_on_pod_network is False
    assert target.facts == facts


SIZE = InstancetypeSpec(cpu=InstancetypeCpu(guest=1), memory=InstancetypeMemory(guest="1Gi"))
WRONG: dict[str, tuple[Any, str]] = {
    "host facts": (HostFacts(), r"write Target\(facts=…\)"),
    "a cluster": (ClusterConfig(), r"write Target\(cluster=…\)"),
    "a profile": ("host", r"write Target\(profile=…\)"),
    "NADs": ([Nad(name="n")], r"write Target\(nads=…\)"),
    "a manifest": (kvnet.Manifest(), r"write manifest\.target\(…\)"),
    "a profile that is a value": (Profile.HOST, r"write Target\(profile=…\)"),
    "a NAD": (Nad(name="n"), r"write Target\(nads=…\)"),
    "a tuple of NADs": ((Nad(name="n"),), r"write Target\(nads=…\)"),
    "facts as plain data": ({}, r"write Target\(facts=load_facts\(…\)\)"),
    "an instancetype": (Instancetype(name="i", spec=SIZE), r"write Target\(instancetypes=…\)"),
    "a preference": (Preference(name="p"), r"write Target\(preferences=…\)"),
}


@pytest.mark.parametrize("function", [kvnet.check, kvnet.compile, kvnet.build, kvnet.render])
@pytest.mark.parametrize(("given", "hint"), WRONG.values(), ids=WRONG)
def test_what_is_no_target_is_a_type_error_that_says_what_to_write(function: Any, given: Any, hint: str) -> None:
    with pytest.raises(TypeError, match=hint):
        function(MACHINE, given)
    with pytest.raises(TypeError, match=r"manifest\.machines"):
        function(kvnet.Manifest())


def test_build_gives_the_document_of_render() -> None:
    for profile in Profile:
        target = Target(profile=profile)
        assert kvnet.build(MACHINE, target) == kvnet.render(MACHINE, target).document


@pytest.mark.parametrize("given", ["host", {}, [], HostFacts()])
def test_planning_refuses_what_is_no_target_as_rendering_does(given: Any) -> None:
    for plan in (plan_changes, plan_next_start, plan_virtual_functions):
        with pytest.raises(TypeError, match="a Target is wanted"):
            plan("<domain><devices/></domain>", MACHINE, given)
        with pytest.raises(TypeError, match="a Machine is wanted"):
            plan("<domain><devices/></domain>", None, None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a Target is wanted"):
        plan_domain(DomainState(uuid="", live=None, persistent=None), MACHINE, given)


def test_every_public_name_is_typed_where_it_is_imported_from() -> None:
    source = Path(kvnet.__file__).read_text(encoding="utf-8")
    typed = re.findall(r"^    from ([\w.]+) import (\w+) as \2$", source, re.MULTILINE)
    assert {name: home for home, name in typed} == kvnet._HOME_OF
    assert all(getattr(kvnet, name) is not None for name in kvnet.__all__)
