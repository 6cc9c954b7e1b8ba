"""No advice on machines that give no occasion for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from advice import ADVICE
from effort import examples
from hypothesis import HealthCheck, given, settings

import kvnet
from kvnet.testing import admitted_machines

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_of_an_example_no_warning_is_told(path: Path) -> None:
    manifest = kvnet.load_all(path) if ".facts." not in path.name else kvnet.Manifest()
    problems = kvnet.check_all(manifest.machines, manifest.target())
    assert [each for each in problems if each.severity is not kvnet.Severity.NOTE] == []


@given(admitted_machines())
@settings(
    max_examples=examples(2), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
def test_of_an_admitted_machine_no_advice_is_told_without_its_occasion(machine: kvnet.Machine) -> None:
    codes = {each.code for each in kvnet.check(machine)} & ADVICE
    spec, devices = machine.spec, machine.spec.domain.devices
    if not devices.network_interface_multiqueue:
        assert not codes & {"KN920", "KN921", "KN922"}
    if not spec.rest.keys() & {"livenessProbe", "readinessProbe"}:
        assert "KN918" not in codes
    if "volumes" not in spec.rest:
        assert "KN923" not in codes
    if not any(network.pod is not None and network.pod.vm_ipv6_network_cidr for network in machine.networks):
        assert "KN924" not in codes
    if "sidecar.istio.io/inject" not in repr((machine.annotations, machine.around)):
        assert "KN927" not in codes
    # without NADs and the system of the guest, nothing is known of MTUs, CNI plugins and addresses
    assert not codes & {"KN912", "KN913", "KN914", "KN916", "KN917", "KN925", "KN926"}
