"""Everything that takes a machine and a target sees the same machine."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from instancetypes.given import Given, given_vm

import kvnet
from kvnet.bulk import render as render_bulk
from kvnet.hotplug import plan_domain
from kvnet.hotplug.persistent import DomainState
from kvnet.spec import Machine, PreferenceSpec
from kvnet.testing import instancetypes, machines, preferences, targets

INTERFACE = {"name": "a", "macAddress": "02:00:00:00:00:01"}
TEMPLATE = {
    "domain": {"devices": {"interfaces": [INTERFACE], "networkInterfaceMultiqueue": True}},
    "networks": [{"name": "a", "pod": {}}],
}


def office() -> Given:
    return given_vm(
        TEMPLATE,
        instancetype={"cpu": {"guest": 8}},
        preference={"devices": {"preferredInterfaceMasquerade": {}}, "cpu": {"preferredCPUTopology": "cores"}},
        architecture="amd64",
    )


def state(domain: str) -> DomainState:
    live = kvnet.LiveDomain.parse(domain)
    return DomainState(uuid="3b4a7195-549c-5bd7-b0c1-fffc5d533a77", live=live, persistent=None)


@given(machines(), targets())
def test_a_machine_without_references_is_the_very_same(machine: Machine, target: kvnet.Target) -> None:
    assert kvnet.expand(machine, target) == (machine, ())
    assert kvnet.expand(machine, target).machine is machine


@given(machines(), instancetypes(), preferences(), st.booleans())
def test_what_was_written_out_is_not_written_out_again(
    machine: Machine, instancetype: kvnet.Instancetype, preference: kvnet.Preference, refers: bool
) -> None:
    kind = kvnet.spec.Matcher(name="it", kind=instancetype.kind)
    preferred = kvnet.spec.Matcher(name="p", kind=preference.kind) if refers else None
    machine = evolve(machine, kind="VirtualMachine", instancetype=kind, preference=preferred)
    target = kvnet.Target(
        instancetypes=(evolve(instancetype, name="it", namespace=machine.namespace),),
        preferences=(evolve(preference, name="p", namespace=machine.namespace),),
    )
    once = kvnet.expand(machine, target)
    assert once.machine.refers == bool(once.refusals)
    if not once.refusals:
        assert kvnet.expand(once.machine, target) == (once.machine, ())
    else:
        assert once.machine is machine


@given(machines(), preferences())
def test_an_empty_preference_leaves_the_vcpus_and_the_nics_alone(
    machine: Machine, preference: kvnet.Preference
) -> None:
    machine = evolve(machine, kind="VirtualMachine", preference=kvnet.spec.Matcher(name="p"))
    empty = kvnet.Preference(name="p", spec=PreferenceSpec())
    expanded = kvnet.expand(machine, kvnet.Target(preferences=(empty,))).machine
    assert expanded.spec.domain.cpu == machine.spec.domain.cpu
    assert not machine.interfaces or expanded.interfaces == machine.interfaces


def test_check_compile_build_and_render_see_the_same_machine() -> None:
    machine, target = office()
    expanded = kvnet.expand(machine, target).machine
    assert not [problem for problem in kvnet.check(machine, target) if problem.is_error]
    assert kvnet.compile(machine, target).devices == kvnet.compile(expanded, target).devices
    assert kvnet.build(machine, target) == kvnet.build(expanded, target)
    assert kvnet.render(machine, target).domain() == kvnet.build(machine, target)
    assert kvnet.render(machine, target).machine is machine


def test_the_domain_has_the_vcpus_the_queues_and_the_memory_of_the_instancetype() -> None:
    domain = kvnet.build(*office())
    assert "cores='8'" in domain
    assert "queues='8'" in domain
    assert "<memory unit='KiB'>1048576</memory>" in domain


def test_the_template_gets_everything_that_the_instancetype_decides() -> None:
    size: dict[str, Any] = {
        "cpu": {
            "guest": 2,
            "maxSockets": 4,
            "model": "Haswell",
            "dedicatedCPUPlacement": True,
            "numa": {},
            "realtime": {},
        },
        "memory": {"guest": "2Gi", "maxGuest": "4Gi", "hugepages": {"pageSize": "2Mi"}},
        "ioThreads": {"supplementalPoolThreadCount": 2},
        "ioThreadsPolicy": "auto",
        "gpus": [{"name": "a", "deviceName": "b"}],
        "hostDevices": [{"name": "c", "deviceName": "d"}],
        "nodeSelector": {"e": "f"},
        "schedulerName": "g",
    }
    expanded = kvnet.expand(*given_vm({"domain": {"cpu": {"maxSockets": 2}}}, instancetype=size)).machine
    spec = kvnet.manifest.plain(expanded)["spec"]["template"]["spec"]
    domain, devices = spec["domain"], spec["domain"]["devices"]
    cpu = {**size["cpu"], "sockets": 2, "cores": 1, "threads": 1, "dedicatedCpuPlacement": True}
    assert domain["cpu"] == {key: value for key, value in cpu.items() if key not in ("guest", "dedicatedCPUPlacement")}
    assert domain["memory"] == size["memory"]
    assert {key: spec[key] for key in ("nodeSelector", "schedulerName")}.items() <= size.items()
    assert {key: domain[key] for key in ("ioThreads", "ioThreadsPolicy")}.items() <= size.items()
    assert {key: devices[key] for key in ("gpus", "hostDevices")}.items() <= size.items()


def test_two_sizes_do_not_share_a_frame() -> None:
    small, large = (given_vm(TEMPLATE, instancetype={"cpu": {"guest": count}}) for count in (2, 4))
    assert "current='2'" in kvnet.build(*small, devices=[])
    assert "current='4'" in kvnet.build(*large, devices=[])


def test_a_fleet_is_rendered_with_them_too() -> None:
    machine, target = office()
    [result] = render_bulk([machine], target, whole=True)
    assert result.document == kvnet.build(machine, target)


def test_a_running_domain_that_has_them_has_nothing_to_change() -> None:
    machine, target = office()
    domain = kvnet.build(machine, target)
    assert plan_domain(state(domain), machine, target).calls == ()
    assert kvnet.plan_changes(domain, machine, target).steps == ()


def test_a_machine_that_conflicts_has_no_plan() -> None:
    machine, target = given_vm({"domain": {"cpu": {"cores": 2}}}, instancetype={})
    domain = "<domain><name>a</name><devices/></domain>"
    assert [each.code for each in kvnet.plan_changes(domain, machine, target).problems] == ["KN211"]
    planned = plan_domain(state(domain), machine, target)
    assert [each.code for each in planned.problems] == ["KN211"]


@pytest.mark.parametrize("name", ["u1.medium", "cx1.8xlarge", "rt1.large"])
def test_a_machine_may_refer_to_what_kubevirt_deploys(name: str) -> None:
    machine = kvnet.load(
        {
            "kind": "VirtualMachine",
            "spec": {"instancetype": {"name": name}, "template": {"spec": {"domain": {"devices": {}}}}},
        }
    )
    target = kvnet.Target(instancetypes=kvnet.common_instancetypes(), preferences=kvnet.common_preferences())
    assert kvnet.expand(machine, target).problems == ()
    assert [each.code for each in kvnet.expand(machine, kvnet.Target()).problems] == ["KN210"]


def test_the_bundle_has_all_of_them() -> None:
    assert (len(kvnet.common_instancetypes()), len(kvnet.common_preferences())) == (65, 57)


def test_what_the_documents_say_counts_more_than_the_bundle() -> None:
    manifest = kvnet.loads_all(
        "{kind: VirtualMachineClusterInstancetype, metadata: {name: u1.medium},"
        " spec: {cpu: {guest: 77}, memory: {guest: 1Gi}}}\n---\n"
        "{kind: VirtualMachine, spec: {instancetype: {name: u1.medium}, template: {spec: {domain: {devices: {}}}}}}"
    )
    target = manifest.target(instancetypes=kvnet.common_instancetypes())
    cpu = kvnet.expand(manifest.machines[0], target).machine.spec.domain.cpu
    assert cpu is not None
    assert cpu.sockets == 77
