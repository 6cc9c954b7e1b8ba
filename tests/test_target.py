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
from kvnet.spec import Interface, Machine, Masquerade, Nad, Network, Pod
from kvnet.spec.cluster import ClusterConfig
from kvnet.target import Profile, Target, architecture_of

MACHINE = Machine(name="vm").with_nics(
    (Interface(name="default", bindings=(Masquerade(),), mac_address="52:54:00:00:00:01"),),
    (Network(name="default", sources=(Pod(),)),),
)
ARM = evolve(MACHINE, spec=evolve(MACHINE.spec, architecture="arm64"))

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
        with pytest.raises(kvnet.Rejected, match="KN306"):
            refused()


def test_a_target_that_contradicts_its_facts_is_refused() -> None:
    with pytest.raises(kvnet.Rejected) as caught:
        Target(
            architecture="arm64",
            libvirt_release="11.0.0",
            facts=HostFacts(architecture="amd64", libvirt_version="9.0.0"),
        )
    assert [str(problem.at) for problem in caught.value.problems] == ["architecture", "libvirtVersion"]


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


WRONG: dict[str, tuple[Any, str]] = {
    "host facts": (HostFacts(), r"write Target\(facts=…\)"),
    "a cluster": (ClusterConfig(), r"write Target\(cluster=…\)"),
    "a profile": ("host", r"write Target\(profile=…\)"),
    "NADs": ([Nad(name="n")], r"write Target\(nads=…\)"),
    "a manifest": (kvnet.Manifest(), r"write manifest\.target\(…\)"),
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
