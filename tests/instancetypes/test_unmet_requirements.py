"""What a preference requires at least: the field and the cause of the first requirement that is not met."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from instancetypes.given import expansion, given_vm, told
from tables import rows

import kvnet
from kvnet.spec import Memory, Resources

CPU = "spec.template.spec.domain.cpu"


def required(
    cpu: int | None = None, memory: str | None = None, topology: str | None = None, **more: Any
) -> dict[str, Any]:
    wanted: dict[str, Any] = {**more}
    wanted |= {} if cpu is None else {"cpu": {"guest": cpu}}
    wanted |= {} if memory is None else {"memory": {"guest": memory}}
    return {"requirements": wanted, "cpu": {"preferredCPUTopology": topology}}


def spread(cpu: int, across: str) -> dict[str, Any]:
    options = {"preferredCPUTopology": "spread", "spreadOptions": {"across": across}}
    return {"requirements": {"cpu": {"guest": cpu}}, "cpu": options}


def joined(*names: str) -> str:
    return ", ".join(f"{CPU}.{name}" for name in names)


UNMET: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "sockets alone count by default": ({"cpu": {"cores": 8}}, required(2), f"{CPU}.sockets"),
    "cores alone count for cores": ({"cpu": {"sockets": 8}}, required(2, topology="cores"), f"{CPU}.cores"),
    "threads alone count for threads": ({"cpu": {"sockets": 8}}, required(2, topology="threads"), f"{CPU}.threads"),
    "all three count for any, and an absent one is 0": (
        {"cpu": {"cores": 8}},
        required(2, topology="any"),
        joined("cores", "sockets", "threads"),
    ),
    "two count for a spread over two": (
        {"cpu": {"sockets": 2, "cores": 2}},
        spread(8, "SocketsCores"),
        joined("sockets", "cores"),
    ),
    "three count for a spread over three": (
        {"cpu": {"sockets": 2, "cores": 2, "threads": 1}},
        spread(8, "SocketsCoresThreads"),
        joined("sockets", "cores", "threads"),
    ),
    "sockets follow the CPU limit": ({"resources": {"limits": {"cpu": "1500m"}}}, required(3), f"{CPU}.sockets"),
    "the guest's memory": ({"memory": {"guest": "1Gi"}}, required(memory="2Gi"), "spec.template.spec.domain.memory"),
    "no memory at all": ({}, required(memory="1Mi"), "spec.template.spec.domain.memory"),
    "another architecture": ({}, required(architecture="arm64"), "spec.template.spec.architecture"),
    "an empty architecture, which no machine has": ({}, required(architecture=""), "spec.template.spec.architecture"),
    "CPUs before memory": ({}, required(2, "1Gi"), f"{CPU}.sockets"),
}
MET: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "sockets": ({"cpu": {"sockets": 2}}, required(2)),
    "sockets from the CPU limit": ({"resources": {"limits": {"cpu": "1500m"}}}, required(2)),
    "a topology that does not exist": ({}, required(9, topology="towers")),
    "memory from the request": ({"resources": {"requests": {"memory": "2Gi"}}}, required(memory="2Gi")),
    "memory from the limit": ({"resources": {"limits": {"memory": "2Gi"}}}, required(memory="2Gi")),
    "memory of one huge page": ({"memory": {"hugepages": {"pageSize": "1Gi"}}}, required(memory="1Gi")),
    "the architecture": ({}, required(architecture="amd64")),
}


@pytest.mark.parametrize(("domain", "preference", "field"), rows(UNMET))
def test_a_machine_that_is_smaller_than_required_is_refused(
    domain: dict[str, Any], preference: dict[str, Any], field: str
) -> None:
    assert told(given_vm({"domain": domain}, preference=preference)) == [("KN212", field, "FieldValueNotFound")]


@pytest.mark.parametrize(("domain", "preference"), rows(MET))
def test_a_machine_that_is_as_large_as_required_is_not(domain: dict[str, Any], preference: dict[str, Any]) -> None:
    codes = [code for code, _, _ in told(given_vm({"domain": domain}, preference=preference))]
    assert "KN212" not in codes


@pytest.mark.parametrize("preference", [required(4), required(4, topology="cores"), required(memory="2Gi")])
def test_an_instancetype_that_is_too_small_is_told_at_the_reference(preference: dict[str, Any]) -> None:
    assert told(given_vm(instancetype={}, preference=preference)) == [
        ("KN212", "spec.instancetype", "FieldValueNotFound")
    ]


def test_a_requirement_hides_nothing_for_the_machine_would_start_all_the_same() -> None:
    given = given_vm({"domain": {}, "networks": [{"name": "a", "pod": {}}]}, instancetype={}, preference=required(4))
    assert expansion(given).refusals == ()
    assert not expansion(given).machine.refers
    assert {problem.code for problem in kvnet.check(*given) if problem.is_error} > {"KN212"}


def test_the_size_of_an_unknown_instancetype_is_not_judged() -> None:
    machine, target = given_vm(instancetype={}, preference=required(99, "99Gi", architecture="arm64"))
    without = kvnet.Target(preferences=target.preferences)
    assert [each.field for each in kvnet.expand(machine, without).problems] == [
        "spec.instancetype",
        "spec.template.spec.architecture",
    ]


@pytest.mark.parametrize(
    ("fields", "preference", "problem"),
    [
        ({"memory": Memory(guest="lots")}, required(memory="1Gi"), "KN606 spec.template.spec.domain.memory.guest"),
        ({"memory": Memory(guest=10**5000)}, required(memory="1Gi"), "KN606 spec.template.spec.domain.memory.guest"),
        (
            {"resources": Resources(limits={"cpu": "many"})},
            required(2),
            "KN603 spec.template.spec.domain.resources.limits.cpu",
        ),
    ],
)
def test_a_size_that_is_no_quantity_is_told_at_its_field(
    fields: dict[str, Any], preference: dict[str, Any], problem: str
) -> None:
    machine, target = given_vm({}, preference=preference)
    machine = evolve(machine, spec=evolve(machine.spec, domain=evolve(machine.spec.domain, **fields)))
    for found in (kvnet.check(machine, target), kvnet.compile(machine, target).problems):
        assert [f"{each.code} {each.at}" for each in found] == [problem]


def test_requirements_are_compared_with_the_configuration_that_is_in_effect() -> None:
    template = {"domain": {}, "networks": [{"name": "a", "pod": {}}]}
    asked = given_vm(template, preference=required(2), cluster={"cpuRequest": "4"})
    assert told(asked) == []
    invalid = {"cpuRequest": "4", "network": {"defaultNetworkInterface": "tap"}}
    asked = given_vm(template, preference=required(2), cluster=invalid)
    assert [code for code, _, _ in told(asked)] == ["KN212"]
