"""What KubeVirt refuses of an instancetype or a preference is told where a machine refers to it."""

from __future__ import annotations

from typing import Any

import pytest
from instancetypes.given import expansion, given_vm
from tables import rows

import kvnet

HUGE = {"guest": "1Gi", "hugepages": {"pageSize": "2Mi"}}
SPREAD = {"preferredCPUTopology": "spread"}

Json = dict[str, Any]


def threads(ratio: int | None, across: str = "CoresThreads") -> Json:
    return {"cpu": {**SPREAD, "spreadOptions": {"across": across, "ratio": ratio}}}


INSTANCETYPES: dict[str, tuple[Json, str]] = {
    "more than all of the memory": ({"memory": {"guest": "1Gi", "overcommitPercent": 101}}, "overcommitPercent"),
    "less than none": ({"memory": {"guest": "1Gi", "overcommitPercent": -1}}, "overcommitPercent"),
    "huge pages": ({"memory": {**HUGE, "overcommitPercent": 1}}, "overcommitPercent"),
    "huge pages, not overcommitted": ({"memory": {**HUGE, "overcommitPercent": 0}}, ""),
    "all of the memory": ({"memory": {"guest": "1Gi", "overcommitPercent": 100}}, ""),
}
PREFERENCES: dict[str, tuple[Json, str]] = {
    "a capital letter": ({"cpu": {"preferredCPUTopology": "Cores"}}, "preferredCPUTopology"),
    "nothing in quotes": ({"cpu": {"preferredCPUTopology": ""}}, "preferredCPUTopology"),
    "an older name": ({"cpu": {"preferredCPUTopology": "preferCores"}}, ""),
    "an order that does not exist": (threads(2, "ThreadsCores"), "spreadOptions.across"),
    "four threads to a core": (threads(4), "spreadOptions.ratio"),
    "four, as the older field has it": (threads(None) | {"preferSpreadSocketToCoreRatio": 4}, "spreadOptions.ratio"),
    "two threads to a core": (threads(2), ""),
    "options without effect": ({"cpu": {"preferredCPUTopology": "any", "spreadOptions": {"across": "x"}}}, ""),
}


@pytest.mark.parametrize(("instancetype", "field"), rows(INSTANCETYPES))
def test_an_instancetype_that_kubevirt_refuses_is_told(instancetype: Json, field: str) -> None:
    assert_told(given_vm(instancetype=instancetype), "spec.instancetype", field)


@pytest.mark.parametrize(("preference", "field"), rows(PREFERENCES))
def test_a_preference_that_kubevirt_refuses_is_told(preference: Json, field: str) -> None:
    assert_told(given_vm(instancetype={"cpu": {"guest": 8}}, preference=preference), "spec.preference", field)


def assert_told(given: tuple[kvnet.Machine, kvnet.Target], at: str, field: str) -> None:
    """A warning at the reference names the field, and the machine is expanded all the same."""
    expanded = expansion(given)
    told = [problem for problem in expanded.problems if problem.code == "KN214"]
    assert [(each.field, each.is_error, field in each.message) for each in told] == (
        [(at, False, True)] if field else []
    )
    assert not expanded.machine.refers
