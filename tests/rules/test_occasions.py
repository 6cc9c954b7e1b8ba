"""Rules are asked on their occasions alone, and have nothing to say on others."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import recorded
from hypothesis import HealthCheck, given, settings
from machines import multus, nic, pod, vmi

import kvnet
from kvnet.rules.check import GROUPS, RULES
from kvnet.rules.context import RuleContext, Rules
from kvnet.spec import Machine
from kvnet.spec.cluster import ClusterConfig
from kvnet.target import Target
from kvnet.testing import machines, targets

CLUSTERS = (
    ClusterConfig(),
    ClusterConfig(permit_bridge_on_pod_network=False, disabled_feature_gates=frozenset({"PasstBinding"})),
)


ALL_RULES = (*RULES, *chain.from_iterable(GROUPS.values()))


def assert_none_is_missed(machine: Machine, *targets: Target) -> None:
    for target in (*map(_of_cluster, CLUSTERS), *targets):
        context = RuleContext(machine, target)
        everything = list(chain.from_iterable(rule.judge(context) for rule in ALL_RULES))
        assert Rules(ALL_RULES).findings(context) == everything


def _of_cluster(cluster: ClusterConfig) -> Target:
    return Target(cluster=cluster)


@given(machines(max_nics=4), targets())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_of_a_drawn_machine_no_problem_is_missed(machine: Machine, target: Target) -> None:
    assert_none_is_missed(machine, target)


@pytest.mark.parametrize("path", recorded.parameters("admission-and-devices"))
def test_of_the_machines_that_kubevirt_judged_no_problem_is_missed(path: Path) -> None:
    for line in recorded.lines(path):
        assert_none_is_missed(kvnet.load(json.loads(line)["vmi"]))


@pytest.mark.parametrize(
    ("machine", "code"),
    [
        pytest.param(vmi([nic(bootOrder=0)], [pod()]), "KN201", id="a boot order of zero"),
        pytest.param(vmi([nic(portRanges=[])], [pod()]), "KN137", id="an empty list of port ranges"),
        pytest.param(vmi([nic(binding=None)], [pod()]), "KN111", id="no binding"),
        pytest.param(vmi([nic(masquerade={})], [pod()]), "KN111", id="two bindings"),
        pytest.param(vmi([nic()], [{"name": "a"}]), "KN104", id="no source"),
        pytest.param(vmi([nic("a"), nic("a")], [pod("a")]), "KN126", id="one name for two interfaces"),
        pytest.param(vmi([nic("a")], [pod("a"), multus("a")]), "KN117", id="one name for two networks"),
        pytest.param(vmi([nic("a"), nic("b")], [pod("a"), pod("b")]), "KN101", id="two pod networks"),
        pytest.param(vmi([nic("a")], [multus("a", networkName="")]), "KN106", id="a definition without a name"),
    ],
)
def test_what_is_nearly_nothing_is_an_occasion_too(machine: dict[str, Any], code: str) -> None:
    assert code in {problem.code for problem in kvnet.check(kvnet.load(machine))}
